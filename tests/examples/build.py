"""Tells the scenario on a stack of its own and returns the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.concurrency.shop import Shop
from tests.examples.cast import ADMIN, ANN, BOB, GONE, SERVER
from tests.examples.chapters import CHAPTERS
from tests.examples.page import Telling
from tests.support.people import sign_up

if TYPE_CHECKING:
    from functions_py.local.stack import Stack

SERVICES = ("postgrest", "platform", "google", "creem", "functions")
"""No worker: the scenario itself says what became of a task."""

_PREFACE = """\
# Requests and answers

Every call with the answer it really got: `python -m tests.examples` makes the calls and writes this page, and
a test compares. Ids, times and tokens are stand-ins. `Authorization: Bearer <Ann>` is the access token of a
user who has signed in, `<admin>` of an administrator, `<secret key>` the project's own. With supabase-js,
`POST /rest/v1/rpc/name` is `supabase.rpc('name', arguments)`; every request also carries the publishable key
as `apikey`.
"""


async def told(stack: Stack) -> Telling:
    """The whole scenario, told on this stack."""
    ann = await sign_up(stack, name="ann")
    bob = await sign_up(stack, name="bob")
    gone = await sign_up(stack, name="gone")
    admin = await sign_up(stack, admin=True, name="admin")
    tokens = {
        None: stack.env["PUBLISHABLE_KEY"],
        ANN: ann.access_token,
        BOB: bob.access_token,
        GONE: gone.access_token,
        ADMIN: admin.access_token,
        SERVER: stack.env["SECRET_KEY"],
    }
    async with httpx.AsyncClient(timeout=30, trust_env=False) as http, Shop.opened(stack) as shop:
        await shop.rows("select public.admin_grant_credits(%s, 1000, 'for the examples')", (ann.id,))
        await shop.rows("delete from auth.users where id = %s returning 1", (gone.id,))
        # Nothing happens by itself.
        await shop.rows("select cron.unschedule(jobid) from cron.job")
        telling = Telling(stack, http, tokens, lines=[*_PREFACE.splitlines(), ""])
        telling.kept |= {"ann": str(ann.id), "bob": str(bob.id)}
        for chapter in CHAPTERS:
            await chapter(telling, shop)
    return telling


def page_of(telling: Telling) -> str:
    return "\n".join(telling.lines).rstrip() + "\n"
