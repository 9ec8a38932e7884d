"""What can be had, and for how much."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.examples.cast import ANN

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling


async def prices(tell: Telling, _shop: Shop) -> None:
    tell.chapter("Prices", "For everybody, signed in or not.")
    tell.section("What is on sale")
    await tell.rpc(None, "list_video_prices")
    tell.section("What one video costs")
    await tell.rpc(None, "quote_video", duration=6, resolution="1080p")
    await tell.rpc(None, "quote_video", 422, duration=5, text="A length that is not made:")
    tell.section("Is it open?")
    await tell.rpc(ANN, "get_video_availability")
    tell.section("My credits")
    await tell.rpc(ANN, "get_credits")
