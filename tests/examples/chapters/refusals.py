"""Everything that can stand in the way of an order. Nothing is deducted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.examples.cast import ANN, BOB, GONE

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling


async def refusals(tell: Telling, shop: Shop) -> None:
    tell.chapter("Refused orders", "Nothing was deducted. 429 and 503 say when to come back.")
    await _callers(tell)
    await _switches(tell, shop)
    await _limits(tell, shop)


async def _callers(tell: Telling) -> None:
    tell.section("Who may order")
    await tell.rpc(
        None, "generate_video", 401, prompt="A boat", text="Signed out, the platform itself refuses:"
    )
    await tell.rpc(
        GONE,
        "generate_video",
        401,
        prompt="A boat",
        text="A token can outlive its user, for an hour at most:",
    )
    await tell.rpc(BOB, "generate_video", 402, prompt="A boat", text="Bob has no credits:")
    tell.section("What may be ordered")
    await tell.rpc(ANN, "generate_video", 422, prompt="")
    await tell.rpc(ANN, "generate_video", 404, prompt="A boat", reference_image_path="{ann}/none.png")


async def _switches(tell: Telling, shop: Shop) -> None:
    tell.section("When it is not open")
    await shop.configure("video_disabled_message", "Back at noon.")
    await shop.configure("video_generation_enabled", False)
    await tell.rpc(ANN, "generate_video", 503, prompt="A boat", text="The switch is off:")
    await shop.configure("video_generation_enabled", True)
    await shop.configure("video_disabled_message", None)
    await shop.configure("video_rollout_percent", 0)
    await tell.rpc(ANN, "generate_video", 403, prompt="A boat", text="A rollout that she is not part of:")
    await shop.configure("video_rollout_percent", 100)
    await shop.rows(
        "update public.video_models set is_enabled = false where id = 'veo-3.1-fast' returning id"
    )
    await tell.rpc(ANN, "generate_video", 503, prompt="A boat", model="veo-3.1-fast", text="A model rests:")
    await shop.rows("update public.video_models set is_enabled = true where id = 'veo-3.1-fast' returning id")


async def _limits(tell: Telling, shop: Shop) -> None:
    tell.section("When it is too much")
    await shop.configure("video_daily_spend_cap_usd", 1)
    await tell.rpc(ANN, "generate_video", 503, prompt="A boat", text="The budget of the day is used up:")
    await shop.configure("video_daily_spend_cap_usd", None)
    await shop.configure("video_concurrent_limit", 1)
    await tell.rpc(ANN, "generate_video", prompt="A cloud", keeps={"cloud": "task_id"}, shows=("task_id",))
    await tell.rpc(ANN, "generate_video", 429, prompt="A boat", text="With as many running as one may have:")
    await shop.configure("video_concurrent_limit", 3)
