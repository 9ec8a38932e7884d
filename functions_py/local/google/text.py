"""The text model: `:generateContent` on Vertex and on the Gemini API, with structured output.

It does not think. It answers a prompt with the same prompt, told as a film director would, in whatever JSON
the caller's schema asks for; the markers of stage TEXT make it fail as the real one does.
"""

from __future__ import annotations

import json
import re
import uuid
from functools import reduce
from operator import getitem
from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions_py.local.google.errors import ConnectionDropped, GoogleError, NeverAnswered
from functions_py.local.google.markers import MarkerUses, Stage

if TYPE_CHECKING:
    from starlette.requests import Request

    from functions_py.local.google.gate import Check, Gate
    from functions_py.local.google.journal import Entry

MODELS = frozenset({"gemini-3.5-flash-lite", "gemini-3.8-flash"})

DIRECTION = (
    "Slow dolly-in at eye level, shallow depth of field, warm evening light. Ambient sound: a soft wind."
)
AVOID = "blurry picture, distorted hands, text, watermark"

# Names of properties that say something is wrong: false unless the prompt carries [text_flagged].
_ALARM = re.compile(r"flag|block|unsafe|violat|reject|harm|denied", re.IGNORECASE)


class TextModel:
    """One endpoint under several paths."""

    def __init__(self, markers: MarkerUses) -> None:
        self._markers = markers

    def routes(self, gate: Gate, token: Check, key: Check) -> list[Route]:
        place = "projects/{project}/locations/{location}/publishers/google/models"
        vertex = gate("vertex", "text", self.generate, token)
        gemini = gate("gemini", "text", self.generate, key)
        paths = {
            **{f"/{version}/{place}/{{model}}": vertex for version in ("v1", "v1beta1")},
            **{f"/{version}/models/{{model}}": gemini for version in ("v1", "v1beta")},
        }
        return [
            Route(f"{path}:generateContent", endpoint, methods=["POST"]) for path, endpoint in paths.items()
        ]

    async def generate(self, request: Request, entry: Entry) -> Response:
        model: str = request.path_params["model"]
        entry.model = model
        if model not in MODELS:
            raise GoogleError(
                404, f"This model models/{model} is no longer available. Please use models/gemini-3.8-flash."
            )
        body = _json(await request.body())
        prompt = entry.prompt = _prompt(body)
        entry.marker = self._markers.take(prompt, Stage.TEXT, f"text:{prompt}")
        _refuse(entry.marker)
        return JSONResponse(_reply(model, prompt, entry.marker, body.get("generationConfig") or {}))


def _refuse(marker: str | None) -> None:
    if marker == "text_429":
        raise GoogleError(429, "Resource has been exhausted (e.g. check quota).")
    if marker == "text_500":
        raise GoogleError(500, "An internal error has occurred.")
    if marker == "text_503":
        raise GoogleError(503, "The model is overloaded. Please try again later.")
    if marker == "text_hang":
        raise NeverAnswered
    if marker == "text_drop":
        raise ConnectionDropped


def _reply(model: str, prompt: str, marker: str | None, config: dict[str, Any]) -> dict[str, Any]:
    common = {"modelVersion": model, "responseId": uuid.uuid4().hex}
    heard = max(1, len(prompt) // 4)
    if marker == "text_blocked":
        usage = {"promptTokenCount": heard, "totalTokenCount": heard}
        return {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage, **common}
    text = _answer(prompt, marker, config)
    limit = config.get("maxOutputTokens")
    tokens = max(1, len(text) // 4)
    truncated = marker == "text_truncated" or (isinstance(limit, int) and tokens > limit)
    if truncated:
        text = text[: 4 * limit if isinstance(limit, int) and tokens > limit else len(text) // 2]
    content: dict[str, Any] = {"role": "model"}
    if marker != "text_empty":
        content["parts"] = [{"text": text}]
    return {
        "candidates": [
            {"content": content, "finishReason": "MAX_TOKENS" if truncated else "STOP", "index": 0}
        ],
        "usageMetadata": {
            "promptTokenCount": heard,
            "candidatesTokenCount": len(text) // 4,
            "totalTokenCount": heard + len(text) // 4,
        },
        **common,
    }


def _answer(prompt: str, marker: str | None, config: dict[str, Any]) -> str:
    if marker == "text_badjson":
        return json.dumps({"unexpected": prompt})
    schema = config.get("responseSchema") or config.get("responseJsonSchema")
    if schema:
        flagged = marker == "text_flagged"
        return json.dumps(_fill(schema, "", prompt, schema, flagged=flagged), ensure_ascii=False)
    told = _directed(prompt)
    return json.dumps(told) if config.get("responseMimeType") == "application/json" else told


def _fill(schema: dict[str, Any], name: str, prompt: str, root: dict[str, Any], *, flagged: bool) -> Any:  # noqa: ANN401
    """A value that the schema allows; what it says depends on the name of the property."""
    if reference := schema.get("$ref"):
        schema = reduce(getitem, str(reference).removeprefix("#/").split("/"), root)
    if options := schema.get("anyOf") or schema.get("oneOf"):
        chosen = next((option for option in options if str(option.get("type")).lower() != "null"), options[0])
        return _fill(chosen, name, prompt, root, flagged=flagged)
    if choices := schema.get("enum"):
        return choices[0]
    kind = schema.get("type", "object")
    kind = str(kind[0] if isinstance(kind, list) else kind).lower()
    if kind == "object":
        properties: dict[str, dict[str, Any]] = schema.get("properties", {})
        return {key: _fill(part, key, prompt, root, flagged=flagged) for key, part in properties.items()}
    if kind == "array":
        return [_fill(schema.get("items", {"type": "string"}), name, prompt, root, flagged=flagged)]
    if kind == "boolean":
        return flagged if _ALARM.search(name) else not flagged
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    if "negative" in name or "avoid" in name:
        return AVOID
    return _directed(prompt)


def _directed(prompt: str) -> str:
    return f"{prompt.strip().rstrip('.')}. {DIRECTION}"


def _json(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body)
    except ValueError:
        raise GoogleError(400, "Invalid JSON payload received.") from None
    if not isinstance(parsed, dict):
        raise GoogleError(400, "Invalid JSON payload received.")
    return parsed


def _prompt(body: dict[str, Any]) -> str:
    """The last thing the user said."""
    try:
        parts = body["contents"][-1]["parts"]
        said = [str(part["text"]) for part in parts if "text" in part]
    except (KeyError, IndexError, TypeError):
        said = []
    if not said:
        raise GoogleError(400, "* GenerateContentRequest.contents: contents is not specified")
    return said[-1]
