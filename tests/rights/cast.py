"""Who is in the matrix, and what belongs to whom.

Ann owns what is tried, Bob owns the same of his own; the others own nothing. Every table that a client may
read has rows of both, so a cell that says `own` has something to hide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import jwt

from tests.concurrency.shop import STORED_VIDEO, Shop
from tests.support.people import anonymous_client, sign_up

if TYPE_CHECKING:
    from functions_py.local.stack import Stack
    from tests.support.people import Person

SERVICES = ("postgrest", "platform")
"""What a stack needs for everybody to try everything."""
PRICE_OF_EVERYTHING = 5000
PNG = b"\x89PNG\r\n\x1a\n" + bytes(24)


@dataclass(frozen=True)
class Identity:
    """Somebody who tries: a database role, his token's claims, and the token where he comes by HTTP."""

    name: str
    role: str
    claims: dict[str, Any] | None
    token: str | None = None

    @property
    def user_id(self) -> UUID | None:
        subject = (self.claims or {}).get("sub")
        return UUID(subject) if subject else None


@dataclass(frozen=True)
class Cast:
    """All identities, and Ann's things by the names that RPCs give them."""

    identities: tuple[Identity, ...]
    things: dict[str, str] = field(default_factory=dict)
    """Argument name -> a value that is Ann's, as SQL text."""

    def __getitem__(self, name: str) -> Identity:
        return next(identity for identity in self.identities if identity.name == name)


async def assemble(stack: Stack) -> Cast:
    """Signs everybody up and gives Ann and Bob rows in every table that clients can read."""
    ann, bob = await sign_up(stack, name="ann"), await sign_up(stack, name="bob")
    chief = await sign_up(stack, admin=True, name="chief")
    visitor = await (await anonymous_client(stack)).auth.sign_in_anonymously()
    if visitor.session is None:
        raise AssertionError("nobody could sign in anonymously")
    identities = (
        Identity("anon", "anon", {"role": "anon"}, stack.env["PUBLISHABLE_KEY"]),
        _person("Ann", ann.access_token),
        _person("Bob", bob.access_token),
        _person("anonymous", visitor.session.access_token),
        _person("admin", chief.access_token),
        Identity("service_role", "service_role", {"role": "service_role"}, stack.env["SECRET_KEY"]),
        Identity("video_worker", "video_worker", None),
        Identity("no grants", "nobody_in_particular", {"role": "nobody_in_particular"}),
    )
    async with Shop.opened(stack) as shop:
        things = await _furnish(shop, ann)
        await _furnish(shop, bob)
    return Cast(identities, things)


def _person(name: str, token: str) -> Identity:
    claims = jwt.decode(token, options={"verify_signature": False})
    return Identity(name, "authenticated", claims, token)


async def _furnish(shop: Shop, person: Person) -> dict[str, str]:
    """A row of this person in every table that clients can read; his things by name."""
    user = str(person.id)
    await shop.rows("select public.admin_grant_credits(%s, %s, 'matrix')", (user, PRICE_OF_EVERYTHING))
    image_path = f"{user}/first.png"
    await person.client.storage.from_("reference-images").upload(
        image_path, PNG, {"content-type": "image/png"}
    )
    job = await shop.job("transfer", user_id=person.id)
    await shop.verb("complete_video(%s, %s, %s)", job.task_id, job.lease, STORED_VIDEO)
    await shop.order(person.id)
    await shop.rows(
        "insert into public.credit_packages (id, name, credits, amount, currency, provider, product_id)"
        " values ('small', 'Small', 100, 1000, 'EUR', 'acme', 'prod_small')"
        " on conflict (id) do update set credits = 100 returning id"
    )
    await shop.rows(
        "select public.record_payment('acme', %s, 'paid', 'paid', '{}', order_id => %s, user_id => %s,"
        " product_id => 'prod_small', mode => 'prod', amount => 1000, currency => 'EUR')",
        (user, user, user),
    )
    image_id = await shop.one(
        "insert into public.image_generation_history (user_id, prompt, bucket, path)"
        " values (%s, 'a picture', 'reference-images', %s) returning id",
        (user, image_path),
    )
    shown = await _called(person, "publish_to_showcase", {"task_id": str(job.task_id)})
    await shop.rows(
        "update public.showcase_items set item_status = 'published', published_at = now()"
        " where id = %s returning id",
        (shown["id"],),
    )
    await _called(person, "set_showcase_like", {"item_id": shown["id"], "liked": True})
    await _called(person, "rate_video", {"task_id": str(job.task_id), "stars": 4})
    begun = await _called(person, "begin_prompt_optimization", {"prompt": "a fox", "content_type": "video"})
    return {
        "user_id": user,
        "task_id": str(job.task_id),
        "image_id": str(image_id),
        "path": image_path,
        "item_id": shown["id"],
        "optimization_id": begun["optimization_id"],
    }


async def _called(person: Person, name: str, arguments: dict[str, Any]) -> Any:
    return (await person.client.rpc(name, arguments).execute()).data
