"""What the demo does beside videos: a prompt told better, and a finished video shown to everybody."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urljoin

import httpx
from supabase import create_client

if TYPE_CHECKING:
    from supabase import Client

    from functions_py.local.stack import Stack

_PATIENCE_SECONDS = 60.0


class DemoFailedError(Exception):
    """The demo did not show what it promises."""


def call(client: Client, name: str, /, **arguments: object) -> dict[str, Any]:
    """An RPC that answers an object."""
    return cast("dict[str, Any]", client.rpc(name, arguments).execute().data)


def token_of(user: Client) -> str:
    """The access token of who is signed in."""
    session = user.auth.get_session()
    return session.access_token if session else ""


def improved(stack: Stack, user: Client, prompt: str) -> str:
    """The prompt as the optimizer tells it.

    Raises:
        DemoFailedError: it came back as it was.
    """
    answer = httpx.post(
        f"{stack.env['FUNCTIONS_URL']}/api/optimize-prompt",
        json={"prompt": prompt, "content_type": "video"},
        headers={"authorization": f"Bearer {token_of(user)}"},
        timeout=30,
        trust_env=False,
    )
    told = answer.raise_for_status().json()
    if not told["is_optimized"]:
        raise DemoFailedError("the prompt was not optimized")
    return str(told["prompt"])


def shown_to_everybody(stack: Stack, user: Client, task_id: str) -> str:
    """Hands a video in, has an administrator approve it, and likes it; where a visitor finds it.

    Raises:
        DemoFailedError: it is not in the showcase, or its file is not there.
    """
    item = call(user, "publish_to_showcase", task_id=task_id, title="A paper boat")
    administrator = _administrator(stack)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not any(each["id"] == item["id"] for each in call(administrator, "admin_list_showcase")["items"]):
        if time.monotonic() > deadline:
            raise DemoFailedError("the video was not copied for the showcase; see .local/demo/logs")
        time.sleep(0.25)
    call(administrator, "admin_review_showcase_item", item_id=item["id"], decision="approve")
    call(user, "set_showcase_like", item_id=item["id"])

    visitor = create_client(stack.env["API_URL"], stack.env["PUBLISHABLE_KEY"])
    (found,) = call(visitor, "list_showcase", content_type="video")["items"]
    url: str = urljoin(stack.env["API_URL"], found["video_url"])
    if found["like_count"] != 1 or not httpx.get(url, timeout=30, trust_env=False).is_success:
        raise DemoFailedError(f"the showcase is not as it should be: {found}")
    return url


def _administrator(stack: Stack) -> Client:
    """Somebody with `app_metadata.role` admin, signed in."""
    email, password = "grace@example.com", secrets.token_urlsafe()
    create_client(stack.env["API_URL"], stack.env["SECRET_KEY"]).auth.admin.create_user(
        {"email": email, "password": password, "email_confirm": True, "app_metadata": {"role": "admin"}}
    )
    administrator = create_client(stack.env["API_URL"], stack.env["PUBLISHABLE_KEY"])
    administrator.auth.sign_in_with_password({"email": email, "password": password})
    return administrator
