"""A prompt is improved before it is ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.examples.cast import ANN

if TYPE_CHECKING:
    from tests.concurrency.shop import Shop
    from tests.examples.page import Telling


async def optimizer(tell: Telling, shop: Shop) -> None:
    tell.chapter(
        "Prompt optimizer", "A few words become a prompt. Whatever goes wrong, the user's own comes back."
    )
    tell.section("Improve a prompt")
    await tell.call(
        ANN, "POST /api/optimize-prompt", body={"prompt": "a boat in the rain", "content_type": "video"}
    )
    await tell.call(ANN, "POST /api/optimize-prompt", 422, body={"prompt": "a boat", "content_type": "song"})
    await _inside(tell, shop)


async def _inside(tell: Telling, shop: Shop) -> None:
    tell.section("What the endpoint calls", "As its caller, before and after it asks the model.")
    asked = {"prompt": "a boat in the rain", "content_type": "video"}
    await tell.rpc(ANN, "begin_prompt_optimization", **asked, keeps={"optimization": "optimization_id"})
    await tell.rpc(
        ANN,
        "finish_prompt_optimization",
        optimization_id="{optimization}",
        outcome="optimized",
        prompt="Slow dolly along a paper boat in the rain, dusk light, soft splashes",
    )
    await shop.configure("prompt_optimizer_per_minute", 1)
    await tell.rpc(ANN, "begin_prompt_optimization", 429, **asked, text="Too many in a minute:")
    await tell.call(
        ANN, "GET /rest/v1/prompt_optimizations?select=content_type,original_prompt,prompt,outcome&limit=1"
    )
