"""How Storage writes what it answers: JSON, times, and the names it accepts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.responses import JSONResponse

if TYPE_CHECKING:
    from collections.abc import Mapping

# Characters that S3 takes as they are or with special handling. Dots and slashes are plain characters here,
# so a name may hold `..`: nothing may ever use it as a path of the file system.
_KEY = re.compile(r"[A-Za-z0-9_/!\-.*'() &$@=;:+,?]+")
_BUCKET = re.compile(r"[A-Za-z0-9_!\-.*'() &$@=;:+,?]{1,63}")


class StorageJSON(JSONResponse):
    """JSON with the content type Storage gives it."""

    media_type = "application/json; charset=utf-8"


def is_valid_key(key: str) -> bool:
    """Whether Storage takes this name for an object."""
    return _KEY.fullmatch(key) is not None


def is_valid_bucket_name(name: str) -> bool:
    """Whether Storage takes this name for a bucket."""
    return _BUCKET.fullmatch(name) is not None


def now() -> datetime:
    """Now, in UTC and whole milliseconds, the precision of every time Storage writes."""
    current = datetime.now(UTC)
    return current.replace(microsecond=current.microsecond // 1000 * 1000)


def iso(moment: datetime | None) -> str | None:
    """As JavaScript writes a date in JSON."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def http_date(moment: datetime) -> str:
    """As a header carries a date: whole seconds, GMT."""
    return format_datetime(moment.astimezone(UTC), usegmt=True)


def parse_http_date(text: str) -> datetime | None:
    """The date of a header, None if it is not one."""
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def encode_component(text: str) -> str:
    """Percent-encode as JavaScript's encodeURIComponent does."""
    return quote(text, safe="!'()*-._~")


def object_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of storage.objects as copy and delete answer it, with an empty string where nobody owns it."""
    return {
        "name": row["name"],
        "bucket_id": row["bucket_id"],
        "owner": str(row["owner"] or ""),
        "owner_id": row["owner_id"] or "",
        "version": row["version"],
        "id": str(row["id"]),
        "updated_at": iso(row["updated_at"]),
        "created_at": iso(row["created_at"]),
        "last_accessed_at": iso(row["last_accessed_at"]),
        "metadata": row["metadata"],
        "user_metadata": row["user_metadata"] or {},
    }
