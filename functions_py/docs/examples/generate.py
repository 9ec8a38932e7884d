"""The same as generate.mjs, with supabase-py and the rows' generated types.

    set -a; . .local/dev/env; EMAIL=ada@example.com PASSWORD=…
    PYTHONPATH=supabase/types .venv/bin/python functions_py/docs/examples/generate.py

An application copies supabase/types/database_types.py or generates its own by the Supabase CLI:
`supabase gen types --lang=python`.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, cast
from uuid import uuid4

from database_types import PublicVideos
from postgrest import APIError
from supabase import Client, create_client

POLL_SECONDS = 5


def main() -> None:
    """Orders a video, waits for it, and prints a link to it and the videos there are."""
    client = create_client(os.environ["API_URL"], os.environ["PUBLISHABLE_KEY"])
    client.auth.sign_in_with_password({"email": os.environ["EMAIL"], "password": os.environ["PASSWORD"]})
    try:
        status = generate(client, "A paper boat drifts down a rainy street")
    except APIError as error:
        sys.exit(explain(error))
    if status["video"] is None:
        sys.exit((status["error"] or {}).get("message", status["status"]))

    video = status["video"]
    link = client.storage.from_(video["bucket"]).create_signed_url(video["path"], 3600)
    sys.stdout.write(f"{link['signedURL']}\n")
    rows = client.table("videos").select("*").eq("status", "completed").execute().data
    for row in map(PublicVideos.model_validate, rows):
        sys.stdout.write(f"{row.completed_at} {row.duration} s: {row.prompt}\n")
    client.auth.sign_out()


def generate(client: Client, prompt: str) -> dict[str, Any]:
    """Orders a video and waits until it has ended.

    Raises:
        APIError: the order was refused; `code` says why.
    """
    # Made before the first try and kept for every other one: a repeated call is never paid twice.
    order = {"prompt": prompt, "duration": 8, "idempotency_key": str(uuid4())}
    status = call(client, "generate_video", order)
    task = {"task_id": status["task_id"]}
    while status["status"] in ("pending", "processing", "downloading"):
        time.sleep(POLL_SECONDS)
        status = call(client, "get_video_status", task)
    return status


def call(client: Client, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """An RPC that answers an object."""
    return cast("dict[str, Any]", client.rpc(name, arguments).execute().data)


def explain(error: APIError) -> str:
    """What to tell a person."""
    if error.code == "insufficient_credits":
        details = json.loads(error.details or "{}")
        return f"This costs {details['required']} credits and you have {details['available']}."
    return error.message or str(error.code)


if __name__ == "__main__":
    main()
