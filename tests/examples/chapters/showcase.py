"""Work that is shown to everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.examples.cast import ADMIN, ANN, BOB, PNG, SERVER

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling


async def showcase(tell: Telling, shop: Shop) -> None:
    tell.chapter("Showcase", "Handed in by its author, published by an administrator, seen by everybody.")
    tell.section("Hand in")
    title = "Paper boat"
    await tell.rpc(
        ANN, "publish_to_showcase", task_id="{task}", title=title, show_prompt=True, keeps={"item": "id"}
    )
    await tell.rpc(ANN, "publish_to_showcase", 409, task_id="{sail}", text="What is not made yet:")
    await shop.configure("showcase_pending_limit", 1)
    await tell.rpc(ANN, "publish_to_showcase", 429, image_id="{image}", text="With enough of hers waiting:")
    await shop.configure("showcase_pending_limit", 10)
    await _copied(tell, shop)
    tell.section("Review")
    await tell.rpc(
        ADMIN, "admin_list_showcase", shows=("id", "status", "title", "prompt", "author_id", "video_url")
    )
    await tell.rpc(
        ADMIN, "admin_review_showcase_item", item_id="{item}", decision="approve", shows=("id", "status")
    )
    await tell.rpc(ADMIN, "admin_feature_showcase_item", item_id="{item}", shows=("id", "featured_position"))
    tell.section("See")
    found = await tell.rpc(None, "list_showcase", featured=True)
    tell.kept["public"] = urlsplit(found.json()["items"][0]["video_url"]).path
    await tell.call(None, "GET {public}", text="Its file, without any key:")
    tell.section("Like")
    await tell.rpc(BOB, "set_showcase_like", item_id="{item}", liked=True)
    await tell.rpc(BOB, "set_showcase_like", 404, item_id="{task}", text="What is not shown:")
    tell.section("Take back")
    await tell.rpc(ANN, "list_my_showcase", shows=("id", "status", "reason", "like_count"))
    await tell.rpc(ANN, "remove_from_showcase", item_id="{item}")


async def _copied(tell: Telling, shop: Shop) -> None:
    """A worker copies the files."""
    jobs = await shop.rows("select j from worker_api.claim_file_jobs('worker-1', 50, '{copy}') as j")
    for row in jobs:
        job = row["j"]
        url = f"{tell.stack.env['API_URL']}/storage/v1/object/{job['bucket']}/{job['path']}"
        key = tell.tokens[SERVER]
        headers = {"apikey": str(key), "Authorization": f"Bearer {key}", "Content-Type": "video/mp4"}
        (await tell.http.post(url, content=PNG, headers=headers)).raise_for_status()
        await shop.verb("complete_file_job(%s, %s)", job["file_job_id"], job["lease_token"])
