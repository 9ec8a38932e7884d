"""What administrators see and set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.examples.cast import ADMIN, ANN

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling


async def administration(tell: Telling, shop: Shop) -> None:
    tell.chapter("Administration", "For users whose `app_metadata.role` is `admin`.")
    await _figures(tell)
    await _users(tell, shop)
    await _settings(tell)
    await _catalogue(tell)


async def _figures(tell: Telling) -> None:
    tell.section("How it does")
    await tell.rpc(ADMIN, "admin_get_dashboard", shows=("totals", "failure_reasons"))
    await tell.rpc(ANN, "admin_get_dashboard", 403, text="For administrators alone:")


async def _users(tell: Telling, shop: Shop) -> None:
    tell.section("A user and what became of his videos")
    await tell.rpc(ADMIN, "admin_list_users", search="ann-")
    await tell.rpc(
        ADMIN, "admin_get_user_video_stats", user_id="{ann}", shows=("videos", "failure_reasons", "credits")
    )
    await tell.rpc(ADMIN, "admin_get_user_video_stats", 404, user_id="{task}", text="Nobody has this id:")
    await tell.rpc(
        ADMIN,
        "admin_list_user_videos",
        user_id="{ann}",
        status="completed",
        page_size=1,
        shows=("task_id", "status", "usd", "refunded_credits", "provider_calls"),
    )
    await tell.rpc(ADMIN, "admin_get_video", task_id="{task}", shows=("ledger", "job"))
    await _trouble(tell, shop)


async def _trouble(tell: Telling, shop: Shop) -> None:
    tell.section("Alerts")
    found = await tell.rpc(ADMIN, "admin_list_alerts", severity="critical")
    alert_id = found.json()["items"][0]["id"]
    await tell.rpc(
        ADMIN,
        "admin_acknowledge_alert",
        alert_id=alert_id,
        shows=("id", "acknowledged_at", "acknowledged_by"),
    )
    await tell.rpc(ADMIN, "admin_acknowledge_alert", 404, alert_id=0)
    tell.section("What does not move")
    late = "update private.video_jobs set due_at = private.now() - interval '1 hour' where task_id = %s"
    await shop.rows(f"{late} returning task_id", (tell.kept["plain"],))
    await tell.rpc(ADMIN, "admin_list_stuck_tasks", shows=("task_id", "stage", "reasons", "age_seconds"))


async def _settings(tell: Telling) -> None:
    tell.section("Configuration, with its history")
    await tell.rpc(ADMIN, "admin_list_config", shows=("key", "value", "minimum", "maximum", "description"))
    await tell.rpc(
        ADMIN, "admin_set_config", key="video_daily_spend_cap_usd", value=500, reason="budget of May"
    )
    await tell.rpc(ADMIN, "admin_set_config", 422, key="video_rollout_percent", value=101, reason="more")
    await tell.rpc(ADMIN, "admin_list_config_changes", key="video_daily_spend_cap_usd", page_size=1)


async def _catalogue(tell: Telling) -> None:
    tell.section(
        "The catalogue", "Prices that users pay follow from `system_configs`; these are what you pay."
    )
    shown = ("model", "is_enabled", "credit_multiplier", "price_checked_at")
    await tell.rpc(ADMIN, "admin_list_models", shows=(*shown, "options"))
    await tell.rpc(
        ADMIN, "admin_set_model", model="veo-3.1-fast", reason="test", credit_multiplier=0.6, shows=shown
    )
    await tell.rpc(
        ADMIN,
        "admin_set_model_price",
        model="veo-3.1",
        usd_per_second=0.40,
        reason="contract of 2026",
        shows=(*shown, "options"),
    )
