"""What every endpoint of Storage works with."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import psycopg
from pydantic import BaseModel, ConfigDict, ValidationError

from functions_py.local.platform.storage.caller import Caller
from functions_py.local.platform.storage.errors import StorageError, invalid_key, invalid_request
from functions_py.local.platform.storage.objects import ObjectDraft, lock_name, upsert_object
from functions_py.local.platform.storage.wire import is_valid_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from functions_py.local.platform.keys import Keys
    from functions_py.local.platform.storage.database import Database, Row
    from functions_py.local.platform.storage.files import Files
    from functions_py.local.platform.storage.signing import UrlSigner

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Storage:
    """One per process."""

    keys: Keys
    database: Database
    files: Files
    signer: UrlSigner

    def caller(self, request: Request, operation: str) -> Caller:
        """Raises StorageError unless the request has a token to be believed."""
        return Caller.of(request, self.keys, operation)

    @asynccontextmanager
    async def new_content(self, version: str) -> AsyncIterator[None]:
        """Deletes the content of a new version if its row is not written.

        Not if the connection broke: then nobody knows whether it was, and an orphan is the lesser harm.
        """
        try:
            yield
        except StorageError as error:
            cause = error.__cause__
            if not (isinstance(cause, psycopg.OperationalError) and cause.sqlstate is None):
                await self.files.delete(version)
            raise

    async def write_row(self, caller: Caller, draft: ObjectDraft) -> Row:
        """Make stored content the object of its name, on Storage's own behalf; delete what it replaces."""
        async with (
            self.new_content(draft.version),
            self.database.transaction(caller.as_service()) as connection,
        ):
            replaced = await lock_name(connection, draft.bucket_id, draft.name)
            row = await upsert_object(connection, draft)
        await self.files.delete(replaced)
        return row


class RequestBody(BaseModel):
    """JSON of a request. Numbers may come as strings, as some clients send them."""

    model_config = ConfigDict(extra="ignore")


async def read_body(request: Request, model: type[Body]) -> Body:
    """Parse a JSON body, an absent one as an empty object. Raises StorageError invalid_request."""
    content = await request.body()
    try:
        return model.model_validate_json(content or b"{}")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = "/".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise invalid_request(f"body must have required property '{where}'") from None
        raise invalid_request(f"body/{where} {first['msg']}" if where else "body is not valid JSON") from None


def object_name(request: Request) -> tuple[str, str]:
    """Bucket and name of the object a path is about. Raises StorageError invalid_key."""
    key = request.path_params["key"]
    check_key(key)
    return request.path_params["bucket"], key


def check_key(key: str) -> None:
    """Raises StorageError invalid_key."""
    if not is_valid_key(key):
        raise invalid_key(key)


def is_upsert(request: Request) -> bool:
    """Whether the client allows an existing object to be overwritten."""
    return request.headers.get("x-upsert") == "true"
