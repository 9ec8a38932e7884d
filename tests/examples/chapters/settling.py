"""Credits given and taken by hand, a clip saved late, and the end of everything that runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.examples.cast import ADMIN, ANN, SERVER, accept, lose

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling


async def settling(tell: Telling, shop: Shop) -> None:
    tell.chapter(
        "Settling by hand", "Whatever changes something wants a reason, and is kept with who and why."
    )
    tell.section("Credits")
    grant = {"user_id": "{ann}", "amount": 40, "reason": "ticket 7", "idempotency_key": "ticket-7"}
    await tell.rpc(ADMIN, "admin_grant_credits", **grant)
    await tell.rpc(
        SERVER, "admin_grant_credits", **grant | {"idempotency_key": "order-9"}, text="A host application:"
    )
    await tell.rpc(ADMIN, "admin_deduct_credits", user_id="{ann}", amount=40, reason="granted twice")
    tell.section("Refund a video")
    await tell.rpc(ADMIN, "admin_refund_video", task_id="{task}", reason="ticket 8", amount=20)
    await tell.rpc(
        ADMIN, "admin_refund_video", task_id="{kite}", reason="ticket 9", text="One that runs ends:"
    )
    tell.section("Save a clip after all")
    await shop.configure("video_download_attempts", 1)
    await accept(shop, tell.kept["plain"])
    await lose(shop, tell.kept["plain"])
    await tell.rpc(ANN, "get_video_status", task_id="{plain}", shows=("status", "error", "refunded_credits"))
    await tell.rpc(ADMIN, "admin_retry_download", task_id="{plain}")
    await tell.rpc(ADMIN, "admin_retry_download", 409, task_id="{kite}", text="One that was never made:")
    tell.section("Roll back", "Switches off and refunds, a batch in each call, until nothing is left to do.")
    await tell.rpc(ADMIN, "admin_rollback", reason="incident 7", batch_size=50)
    tell.section("Who did what")
    await tell.rpc(ADMIN, "admin_list_actions", page_size=2)
