"""``POST /api/optimize-prompt``: as the caller, within his limit, and never without a prompt to use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from functions_py.bodies import Body, read_body
from functions_py.errors import ApiError, UpstreamError
from functions_py.optimizer.checks import checked
from functions_py.optimizer.guide import ContentType  # noqa: TC001  pydantic reads the annotation
from functions_py.optimizer.outcome import NotRewrittenError

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.optimizer.model import Rewritten, TextModel
    from functions_py.services import Services
    from functions_py.supabase_rpc import Json, Supabase

log = structlog.get_logger()


class Draft(Body):
    """What the user wrote; the RPC begin_prompt_optimization says how long it may be."""

    prompt: str
    content_type: ContentType


def routes(services: Services, model: TextModel) -> list[BaseRoute]:
    async def optimize(request: Request) -> Response:
        supabase = await services.as_caller(request)
        draft = await read_body(request, Draft)
        rewritten = await _optimized(supabase, model, draft)
        return JSONResponse(
            {
                "prompt": rewritten.prompt if rewritten else draft.prompt,
                "negative_prompt": (rewritten.negative_prompt or None) if rewritten else None,
                "original_prompt": draft.prompt,
                "content_type": draft.content_type,
                "is_optimized": rewritten is not None,
            },
            headers={"cache-control": "no-store"},
        )

    return [Route("/api/optimize-prompt", optimize, methods=["POST"])]


async def _optimized(supabase: Supabase, model: TextModel, draft: Draft) -> Rewritten | None:
    """None if the user keeps his own prompt. Raises UpstreamError where the fault is the caller's."""
    begun = await _asked(supabase, "begin_prompt_optimization", draft.model_dump())
    if begun is None:
        return None
    length = begun["prompt_max_length"]
    outcome, rewritten = "optimized", None
    try:
        answer = await model.rewrite(begun["model"], draft.content_type, draft.prompt, length)
        rewritten = checked(draft.prompt, answer, length)
    except NotRewrittenError as error:
        outcome = error.outcome
        log.warning("prompt_not_rewritten", outcome=outcome, model=begun["model"], error=str(error)[:300])
    except Exception:
        # Of a library's: the user must not pay for it with his words.
        outcome = "unavailable"
        log.exception("prompt_optimizer_broke")
    note = {"optimization_id": begun["optimization_id"], "outcome": outcome}
    if rewritten:
        note |= {"prompt": rewritten.prompt, "negative_prompt": rewritten.negative_prompt or None}
    await _asked(supabase, "finish_prompt_optimization", note)
    return rewritten


async def _asked(supabase: Supabase, function: str, arguments: dict[str, object]) -> Json:
    """An RPC's answer, None while the database gives none. Raises UpstreamError for a caller's mistake."""
    try:
        return await supabase.rpc(function, arguments)
    except ApiError:
        return None
    except UpstreamError as error:
        if error.status < 500:
            raise
        log.warning("database_refused", function=function, code=error.body.get("code"))
        return None
