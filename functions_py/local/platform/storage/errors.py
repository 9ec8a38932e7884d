"""Storage's errors, and the one odd form in which its API reports them.

The HTTP status is 400 for nearly everything. The true one is a string in the body, where clients look for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import errors as pg

from functions_py.local.platform.storage.wire import StorageJSON

if TYPE_CHECKING:
    import psycopg

_POLICY = "new row violates row-level security policy"
_HTTP_STATUSES = frozenset((416, 429, 500, 544))


class StorageError(Exception):
    """An answer other than success: the status in the body, a short name, a sentence, a code.

    `name` is the body's `error`; where Storage has none of its own it repeats the code.
    """

    def __init__(self, status: int, code: str, message: str, name: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.name = name or code

    def response(self) -> StorageJSON:
        """Render in the form clients expect."""
        body = {
            "statusCode": str(self.status),
            "error": self.name,
            "message": self.message,
            "code": self.code,
        }
        return StorageJSON(body, status_code=self.status if self.status in _HTTP_STATUSES else 400)


def invalid_request(message: str) -> StorageError:
    """A header, query parameter or body of the wrong shape."""
    return StorageError(400, "InvalidRequest", message, "Error")


def access_denied(message: str = _POLICY) -> StorageError:
    """What row security refuses, and a token that is not to be believed."""
    return StorageError(403, "AccessDenied", message, "Unauthorized")


def no_such_bucket() -> StorageError:
    """Missing, invisible to the caller, or private on a public route."""
    return StorageError(404, "NoSuchBucket", "Bucket not found", "Bucket not found")


def no_such_key() -> StorageError:
    """Missing, or invisible to the caller: the two must look alike."""
    return StorageError(404, "NoSuchKey", "Object not found", "not_found")


def already_exists(code: str) -> StorageError:
    """`code` is KeyAlreadyExists or BucketAlreadyExists."""
    return StorageError(409, code, "The resource already exists", "Duplicate")


def invalid_key(key: str) -> StorageError:
    """An object name with characters Storage does not take."""
    return StorageError(400, "InvalidKey", f"Invalid key: {key}")


def invalid_mime_type(mime_type: str) -> StorageError:
    """The declared type is not among those the bucket allows."""
    return StorageError(
        415, "InvalidMimeType", f"mime type {mime_type} is not supported", "invalid_mime_type"
    )


def too_large() -> StorageError:
    """The content is above the bucket's limit."""
    return StorageError(
        413, "EntityTooLarge", "The object exceeded the maximum allowed size", "Payload too large"
    )


def invalid_range() -> StorageError:
    """A Range that lies outside of the object."""
    return StorageError(416, "InvalidRange", "invalid range provided", "invalid_range")


def no_content() -> StorageError:
    """A form without a file, or one that breaks off."""
    return StorageError(400, "InvalidRequest", "No content provided")


def from_database(error: psycopg.Error, duplicate_code: str = "KeyAlreadyExists") -> StorageError:
    """What Storage makes of a database error. Any lack of a right reads as a violated policy."""
    if isinstance(error, pg.InsufficientPrivilege):
        return access_denied()
    if isinstance(error, pg.UniqueViolation):
        return already_exists(duplicate_code)
    if isinstance(error, pg.ForeignKeyViolation):
        return StorageError(404, "InvalidRequest", "The related resource does not exist")
    if isinstance(error, pg.LockNotAvailable):
        return StorageError(423, "ResourceLocked", "The resource is locked")
    if isinstance(error, pg.QueryCanceled):
        return StorageError(544, "DatabaseTimeout", "The connection to the database timed out")
    return StorageError(500, "DatabaseError", error.diag.message_primary or "Database error")
