"""Plain HTTP, for clients without a Supabase library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.examples.cast import ANN

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling


async def endpoints(tell: Telling, shop: Shop) -> None:
    tell.chapter("Plain HTTP", "At the address of the functions: the JSON and the codes of the RPCs.")
    tell.section("Order and follow")
    await shop.configure("video_concurrent_limit", 9)
    await tell.call(
        ANN,
        "POST /api/v1/video/generate",
        202,
        body={"prompt": "A paper boat drifts down a rainy street", "duration": 4},
        headers={"Idempotency-Key": "boat-1"},
        keeps={"plain": "task_id"},
    )
    await tell.call(
        ANN, "POST /api/generate-video", 202, body={"prompt": "A kite"}, text="The other name of the same:",
        keeps={"kite": "task_id"}, shows=("task_id", "status"),
    )  # fmt: skip
    await tell.call(ANN, "GET /api/v1/video/status/{plain}", shows=("task_id", "status", "video"))
    await tell.call(
        ANN,
        "GET /api/v1/video/status/{task}",
        shows=("task_id", "status", "video"),
        text="Completed, with links that need no token:",
    )
    await _refused(tell)
    tell.section("About the server")
    await tell.call(None, "GET /healthz")
    await tell.call(None, "GET /readyz")
    await tell.call(
        None,
        "GET /api/openapi.json",
        shows=("openapi",),
        text="The whole description, to generate clients from:",
    )


async def _refused(tell: Telling) -> None:
    tell.section("Refused")
    await tell.call(None, "POST /api/v1/video/generate", 401, body={"prompt": "A boat"})
    await tell.call(ANN, "POST /api/v1/video/generate", 422, body={"prompt": 7})
    broken = ("application/json", b"{")
    await tell.call(ANN, "POST /api/v1/video/generate", 400, file=broken, text="A body that is no JSON:")
    large = ("application/json", b" " * 2_000_000)
    await tell.call(ANN, "POST /api/v1/video/generate", 413, file=large, text="One that is too large:")
    await tell.call(ANN, "GET /api/v1/video/generate", 405)
    await tell.call(ANN, "GET /api/v1/films", 404)
