"""The life of a video, as its owner sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.examples.cast import ANN, BOB, accept, complete, fail

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling

ORDER: Final = {
    "prompt": "A paper boat drifts down a rainy street",
    "duration": 8,
    "idempotency_key": "3f0e7c1a",
}


async def videos(tell: Telling, shop: Shop) -> None:
    tell.chapter("Videos", "From the order to the file.")
    await _ordered(tell)
    await _watched(tell, shop)
    await _failed(tell, shop)
    tell.section("Not wanted any more")
    await tell.rpc(ANN, "generate_video", prompt="A kite", keeps={"unwanted": "task_id"}, shows=("task_id",))
    await tell.rpc(ANN, "cancel_video", task_id="{unwanted}", shows=("status", "refunded_credits"))
    await tell.rpc(ANN, "cancel_video", 409, task_id="{task}", text="What is made cannot be cancelled:")


async def _ordered(tell: Telling) -> None:
    tell.section("Order a video")
    await tell.rpc(ANN, "generate_video", **ORDER, keeps={"task": "task_id"})
    await tell.rpc(
        ANN, "generate_video", **ORDER, text="The reply got lost? The same call again costs nothing:"
    )
    await tell.rpc(
        ANN, "generate_video", 409, **ORDER | {"duration": 4}, text="The same key for another video:"
    )


async def _watched(tell: Telling, shop: Shop) -> None:
    progress = ("status", "elapsed_seconds", "estimated_remaining_seconds", "is_overdue")
    tell.section("How is it going?")
    await tell.rpc(ANN, "get_video_status", task_id="{task}")
    await tell.rpc(BOB, "get_video_status", 404, task_id="{task}", text="To others it does not exist:")
    await accept(shop, tell.kept["task"])
    await tell.rpc(ANN, "get_video_status", task_id="{task}", shows=progress, text="Google is at work:")
    await complete(shop, tell.kept["task"])
    await tell.rpc(
        ANN,
        "get_video_status",
        task_id="{task}",
        keeps={"path": "video.path"},
        text="Done. `video.path` is to be signed:",
    )
    tell.section("Play it", "What `createSignedUrl` sends; put `/storage/v1` before the answer's path.")
    await tell.call(ANN, "POST /storage/v1/object/sign/videos/{path}", body={"expiresIn": 3600})
    tell.section("Rate it")
    await tell.rpc(ANN, "rate_video", task_id="{task}", stars=5)


async def _failed(tell: Telling, shop: Shop) -> None:
    tell.section("When it fails")
    refused = "Something the provider's filter refuses"
    await tell.rpc(ANN, "generate_video", prompt=refused, keeps={"filtered": "task_id"})
    await fail(shop, tell.kept["filtered"], "safety_filter")
    await tell.rpc(
        ANN,
        "get_video_status",
        task_id="{filtered}",
        shows=("status", "error", "credit_cost", "refunded_credits"),
        text="The credits are back already:",
    )
