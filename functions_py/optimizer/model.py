"""The text model, through Google's SDK: on Vertex, or with an API key where there is no project."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import google.auth
import httpx2
from google import genai
from google.auth.exceptions import GoogleAuthError
from google.genai import errors, types
from pydantic import BaseModel

from functions_py.optimizer.guide import instruction
from functions_py.optimizer.outcome import NotRewrittenError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

    from functions_py.optimizer.guide import ContentType
    from functions_py.settings import Settings

SCOPE: Final = "https://www.googleapis.com/auth/cloud-platform"
OUTPUT_TOKENS: Final = 4096


class Rewritten(BaseModel):
    """What the model is to answer. Lengths are checked afterwards: in a schema they may be refused."""

    prompt: str
    negative_prompt: str = ""


class TextModel:
    """Asked once for each prompt: a second attempt would cost the user more time than it is worth."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        # Ours, because with aiohttp installed the SDK would use that, and repeat requests by itself.
        self._http = httpx2.AsyncClient(follow_redirects=False)
        self._client: genai.Client | None = None

    async def aclose(self) -> None:
        await self._http.aclose()

    async def rewrite(self, model: str, content_type: ContentType, prompt: str, max_length: int) -> Rewritten:
        """The model's answer, unchecked. Raises NotRewrittenError."""
        try:
            async with asyncio.timeout(self._settings.functions_model_seconds):
                return await self._ask(model, content_type, prompt, max_length)
        except (TimeoutError, httpx2.TimeoutException) as error:
            raise NotRewrittenError("timeout") from error
        except (errors.APIError, httpx2.HTTPError, GoogleAuthError, OSError, ValueError) as error:
            raise NotRewrittenError("unavailable", f"{type(error).__name__}: {error}") from error

    async def _ask(self, model: str, content_type: ContentType, prompt: str, max_length: int) -> Rewritten:
        client = self._client = self._client or await self._connect()
        answer = await client.aio.models.generate_content(
            model=model,
            # Alone in its own turn: nothing of ours is mixed with what the user wrote.
            contents=types.Content(role="user", parts=[types.Part(text=prompt)]),
            config=types.GenerateContentConfig(
                system_instruction=instruction(content_type, max_length),
                response_mime_type="application/json",
                response_schema=Rewritten,
                max_output_tokens=OUTPUT_TOKENS,
            ),
        )
        # The SDK says nothing of a blocked prompt, or of JSON that is cut off or does not fit.
        if not answer.candidates or not answer.candidates[0].content:
            raise NotRewrittenError("blocked", str(answer.prompt_feedback))
        if not isinstance(answer.parsed, Rewritten):
            raise NotRewrittenError("malformed", str(answer.candidates[0].finish_reason))
        return answer.parsed

    async def _connect(self) -> genai.Client:
        settings = self._settings
        if settings.google_cloud_project is not None:
            return genai.Client(
                vertexai=True,
                project=settings.google_cloud_project,
                location=settings.google_cloud_location,
                credentials=await asyncio.to_thread(self._credentials),
                http_options=self._options(settings.google_vertex_base_url),
            )
        if settings.google_ai_api_key is not None:
            return genai.Client(
                vertexai=False,
                api_key=settings.google_ai_api_key.get_secret_value(),
                http_options=self._options(settings.google_gemini_base_url),
            )
        raise NotRewrittenError("unavailable", "neither GOOGLE_CLOUD_PROJECT nor GOOGLE_AI_API_KEY is set")

    def _credentials(self) -> Credentials:
        file = self._settings.google_application_credentials
        load = google.auth.load_credentials_from_file
        found = load(str(file), scopes=[SCOPE]) if file else google.auth.default(scopes=[SCOPE])  # type: ignore[no-untyped-call]
        credentials: Credentials = found[0]
        return credentials

    def _options(self, base_url: str | None) -> types.HttpOptions:
        return types.HttpOptions(
            base_url=base_url,
            timeout=int(self._settings.functions_model_seconds * 1000),
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_async_client=self._http,
        )
