"""The story that the page of examples tells: each RPC, table, endpoint and error code at least once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from tests.concurrency.shop import STORED_VIDEO
from tests.examples.page import Step

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling

ANN, BOB, ADMIN, SERVER = "Ann", "Bob", "admin", "secret key"


def rpc(name: str) -> str:
    return f"POST /rest/v1/rpc/{name}"


async def prices(tell: Telling, _shop: Shop) -> None:
    tell.chapter("Prices", "For everybody, signed in or not.")
    await tell.tell(Step("What is on sale", None, rpc("list_video_prices"), {}))
    await tell.tell(
        Step("What one video costs", None, rpc("quote_video"), {"duration": 6, "resolution": "1080p"})
    )
    await tell.tell(
        Step(
            "What one video costs",
            None,
            rpc("quote_video"),
            {"duration": 5},
            422,
            text="A length that is not made:",
        )
    )
    await tell.tell(Step("Is it open?", ANN, rpc("get_video_availability"), {}))
    await tell.tell(Step("My credits", ANN, rpc("get_credits"), {}))


async def videos(tell: Telling, shop: Shop) -> None:
    tell.chapter("Videos", "Ordering one, watching it come, and everything that can stand in the way.")
    order = {
        "prompt": "A paper boat drifts down a rainy street",
        "duration": 8,
        "idempotency_key": "3f0e7c1a",
    }
    title = "Order a video"
    await tell.tell(Step(title, ANN, rpc("generate_video"), order, keeps={"task": "task_id"}))
    await tell.tell(
        Step(
            title,
            ANN,
            rpc("generate_video"),
            order,
            text="The reply got lost? The same call again costs nothing:",
        )
    )
    await tell.tell(
        Step(
            title,
            ANN,
            rpc("generate_video"),
            order | {"duration": 4},
            409,
            text="The same key for another video:",
        )
    )
    await tell.tell(Step(title, ANN, rpc("generate_video"), {"prompt": ""}, 422))
    await tell.tell(
        Step(
            title,
            None,
            rpc("generate_video"),
            {"prompt": "a boat"},
            401,
            text="Signed out, the platform refuses:",
        )
    )
    await tell.tell(
        Step(title, BOB, rpc("generate_video"), {"prompt": "a boat"}, 402, text="Bob has no credits:")
    )
    status = rpc("get_video_status")
    await tell.tell(Step("How is it going?", ANN, status, {"task_id": "{task}"}))
    await tell.tell(
        Step("How is it going?", BOB, status, {"task_id": "{task}"}, 404, text="To others it does not exist:")
    )
    await _accept(shop, tell.kept["task"])
    await tell.tell(Step("How is it going?", ANN, status, {"task_id": "{task}"}, text="Google is at work:"))
    await _complete(shop, tell.kept["task"])
    done = Step(
        "How is it going?",
        ANN,
        status,
        {"task_id": "{task}"},
        keeps={"path": "video.path"},
        text="Done. `video.path` is to be signed:",
    )
    await tell.tell(done)
    await tell.tell(
        Step(
            "Play it",
            ANN,
            "POST /storage/v1/object/sign/videos/{path}",
            {"expiresIn": 3600},
            text="What `createSignedUrl` sends; put `/storage/v1` before the answer's path.",
        )
    )
    refused = {"prompt": "Something the provider's filter refuses"}
    await tell.tell(Step("When it fails", ANN, rpc("generate_video"), refused, keeps={"filtered": "task_id"}))
    await _fail(shop, tell.kept["filtered"], "safety_filter")
    await tell.tell(
        Step("When it fails", ANN, status, {"task_id": "{filtered}"}, text="The credits are back already:")
    )


async def _accept(shop: Shop, task_id: str) -> None:
    """Google has taken it."""
    job = await shop.claim(UUID(task_id))
    await shop.verb("begin_submit(%s, %s)", job.task_id, job.lease)
    await shop.verb("record_operation(%s, 1, %s)", job.task_id, f"operations/{task_id}")


async def _complete(shop: Shop, task_id: str) -> None:
    """The clip is made and stored."""
    job = await shop.claim(UUID(task_id))
    made = '{"google_video_url": "gs://clips/1.mp4"}'
    await shop.verb("record_poll(%s, %s, 'succeeded', %s)", job.task_id, job.lease, made)
    job = await shop.claim(job.task_id)
    await shop.verb("begin_transfer(%s, %s)", job.task_id, job.lease)
    await shop.store_file(job.task_id)
    await shop.verb("complete_video(%s, %s, %s)", job.task_id, job.lease, STORED_VIDEO)


async def _fail(shop: Shop, task_id: str, code: str) -> None:
    """The provider refuses it."""
    job = await shop.claim(UUID(task_id))
    await shop.verb("begin_submit(%s, %s)", job.task_id, job.lease)
    await shop.verb("fail_video(%s, %s, %s, '{}')", job.task_id, job.lease, code)


CHAPTERS: Final = (prices, videos)
