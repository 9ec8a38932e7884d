"""The emulator's own doors, for tests and for curious people. They want no token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions_py.local.google.gate import Behaviour, Gate
from functions_py.local.google.markers import MARKERS, MarkerUses

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.local.google.journal import Journal
    from functions_py.local.google.operations import Operations


class Finish(BaseModel):
    """Which operations to end: one by name or id, those of a prompt, or all."""

    model_config = ConfigDict(extra="forbid")

    operation: str | None = None
    prompt: str | None = None
    all: bool = False

    @model_validator(mode="after")
    def _names_something(self) -> Self:
        if not self.all and self.operation is None and self.prompt is None:
            raise ValueError("name an operation, a prompt, or all")
        return self


class Admin:
    """Everything under `/_emulator`."""

    def __init__(self, journal: Journal, markers: MarkerUses, operations: Operations, gate: Gate) -> None:
        self._journal = journal
        self._markers = markers
        self._operations = operations
        self._gate = gate

    def routes(self) -> list[Route]:
        return [
            Route("/_emulator/health", self.health, methods=["GET"]),
            Route("/_emulator/markers", self.markers, methods=["GET"]),
            Route("/_emulator/requests", self.requests, methods=["GET"]),
            Route("/_emulator/requests", self.forget, methods=["DELETE"]),
            Route("/_emulator/finish", self.finish, methods=["POST"]),
            Route("/_emulator/behaviour", self.behaviour, methods=["GET", "POST"]),
        ]

    async def health(self, request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def markers(self, request: Request) -> Response:
        """The table of markers."""
        return JSONResponse(
            [
                {
                    "name": marker.name,
                    "stage": marker.stage,
                    "google": marker.google_does,
                    "times": marker.times,
                }
                for marker in MARKERS.values()
            ]
        )

    async def requests(self, request: Request) -> Response:
        """`?kind=` and `?prompt=` filter, `?limit=` bounds the list (the counts cover everything that
        matches).

        `operations` counts, by prompt, what Google accepted and would have billed.
        """
        query = request.query_params
        limit = query.get("limit", "10000")
        if not limit.isdecimal():
            return JSONResponse({"error": "limit must be a number"}, 422)
        listing = self._journal.listing(query.get("kind"), query.get("prompt"), int(limit))
        operations = self._operations.counts()
        if "prompt" in query:
            operations = {
                prompt: number for prompt, number in operations.items() if prompt == query["prompt"]
            }
        return JSONResponse(listing | {"operations": operations})

    async def forget(self, request: Request) -> Response:
        """Empties the journal and starts counted markers again. Operations and files stay."""
        self._journal.clear()
        self._markers.clear()
        return Response(status_code=204)

    async def finish(self, request: Request) -> Response:
        """Ends operations; answers when their clips are there."""
        try:
            wanted = Finish.model_validate_json(await request.body() or b"{}")
        except ValidationError as invalid:
            return _unprocessable(invalid)
        finished = await self._operations.finish(wanted.operation, wanted.prompt)
        return JSONResponse({"finished": finished})

    async def behaviour(self, request: Request) -> Response:
        """Sets an outage (or its end); answers with what holds now."""
        if request.method == "POST":
            try:
                self._gate.behaviour = Behaviour.model_validate_json(await request.body())
            except ValidationError as invalid:
                return _unprocessable(invalid)
        return JSONResponse(self._gate.behaviour.model_dump(mode="json"))


def _unprocessable(invalid: ValidationError) -> Response:
    return JSONResponse(
        {"error": invalid.errors(include_url=False, include_context=False, include_input=False)}, 422
    )
