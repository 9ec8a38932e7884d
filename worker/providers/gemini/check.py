"""``worker check`` for the Gemini API: the key, and each model on sale. Nothing here is billed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.genai import errors

from worker import mends
from worker.providers.base import Check
from worker.providers.gemini.classify import is_about_the_key, poll_failure
from worker.providers.verdicts import api_detail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from google.genai import Client

API: Final = "generativelanguage.googleapis.com"
# Asked for where none of this provider's models is on sale.
PROBE_MODEL: Final = "gemini-omni-1.2-flash"

ENABLE_API: Final = f'gcloud services enable {API} --project="$GOOGLE_CLOUD_PROJECT"'
CREATE_KEY: Final = (
    "gcloud services api-keys create --display-name=reelbase-worker"
    f' --api-target=service={API} --project="$GOOGLE_CLOUD_PROJECT"'
)


async def check_gemini(client: Client, models: Sequence[str], submit_per_minute: int) -> list[Check]:
    """Asks for the description of each model, which only a good key gets."""
    return [
        *[await _model(client, model) for model in models or [PROBE_MODEL]],
        Check(
            "Gemini quota",
            None,
            f"video_submit_per_minute is {submit_per_minute}; the key's tier and limits cannot be seen",
            "look at https://aistudio.google.com/usage: Omni needs a paid tier, and each has its limits",
        ),
    ]


async def _model(client: Client, model: str) -> Check:
    name = f"Model {model}"
    try:
        await client.aio.models.get(model=model)
    except errors.APIError as error:
        detail = api_detail(error)
        seen = f"{detail.code}: {detail.message}"
        if is_about_the_key(detail) and error.code in {400, 401}:
            return Check(name, False, seen, f"set GOOGLE_AI_API_KEY to a new key: {CREATE_KEY}")
        if error.code == 403:
            return Check(name, False, seen, f"{ENABLE_API}, and let the key use {API}: {CREATE_KEY}")
        if error.code == 404:
            return Check(name, False, seen, mends.replace(model))
        return Check(name, False, seen, "try again later")
    except Exception as error:
        detail = poll_failure(error).detail
        return Check(name, False, f"{detail.code} {detail.message}", f"let this machine reach {API}")
    return Check(name, True, "is there for this key")
