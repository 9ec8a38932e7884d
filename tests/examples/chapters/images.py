"""Pictures: uploaded, recorded, a video's first frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.examples.cast import ANN, PNG

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling


async def images(tell: Telling, _shop: Shop) -> None:
    tell.chapter("Images", "A PNG or JPEG of one's own can be the first frame of a video.")
    tell.section("Upload a picture", "What `storage.from('reference-images').upload` sends:")
    await tell.call(
        ANN,
        "POST /storage/v1/object/reference-images/{ann}/boat.png",
        file=("image/png", PNG),
        shows=("Key",),
    )
    await tell.rpc(
        ANN,
        "generate_video",
        prompt="The boat sets sail",
        reference_image_path="{ann}/boat.png",
        keeps={"sail": "task_id"},
        text="It becomes the first frame:",
        shows=("task_id", "status", "balance"),
    )
    tell.section("Keep it in the history")
    await tell.rpc(
        ANN,
        "record_image",
        prompt="A paper boat on a table",
        bucket="reference-images",
        path="{ann}/boat.png",
        width=1280,
        height=720,
        keeps={"image": "id"},
    )
    await tell.rpc(
        ANN, "record_image", 404, prompt="A cat", bucket="reference-images", path="{ann}/none.png",
        text="A file that is not there:",
    )  # fmt: skip
    tell.section("Find it again", "Any language, any part of a word.")
    await tell.rpc(ANN, "search_images", search="boat")
