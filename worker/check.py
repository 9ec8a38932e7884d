"""``worker check``: tries all that the worker needs, names what fails and its mend. Spends nothing."""

from __future__ import annotations

import asyncio
import sys
import uuid
from typing import TYPE_CHECKING, Final

from worker import mends
from worker.check_database import check_database
from worker.providers.base import Check
from worker.providers.registry import build_providers
from worker.storage import ObjectMissingError, StorageError, SupabaseStorage

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from worker.contract import PlatformReport
    from worker.providers.base import Provider
    from worker.settings import Settings

MARKS: Final = {True: "ok  ", False: "FAIL", None: "--  "}
CHECK_SECONDS: Final = 60.0
VIDEO_BUCKET: Final = "videos"
# What the database starts with, for when it does not answer.
DEFAULT_SUBMIT_PER_MINUTE: Final = 50
# The smallest JPEG marker pair: Storage checks the declared type, not the content.
TINY_JPEG: Final = b"\xff\xd8\xff\xd9"


async def run_checks(settings: Settings) -> int:
    """Prints one line per check, and the mend below one that failed; the exit code is 1 if one did."""
    providers = build_providers(settings)
    report: PlatformReport | None = None

    async def database() -> list[Check]:
        nonlocal report
        checks, report = await check_database(settings, providers)
        return checks

    failed = await _tell("Database", database())
    failed |= await _tell("Storage", _check_storage(settings))
    for name, provider in providers.items():
        failed |= await _tell(name, _check_provider(name, provider, report))
    return int(failed)


async def _tell(name: str, checks: Awaitable[list[Check]]) -> bool:
    """Prints what was found as soon as it is; whether something failed."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            found = await checks
    except TimeoutError:
        found = [Check(name, False, f"no answer within {CHECK_SECONDS:.0f} s")]
    for check in found:
        sys.stdout.write(_line(check))
    sys.stdout.flush()
    return any(check.passed is False for check in found)


def _line(check: Check) -> str:
    text = f"{MARKS[check.passed]}  {check.name}: {check.seen}\n"
    return text + (f"      mend: {check.mend}\n" if check.mend and not check.passed else "")


async def _check_storage(settings: Settings) -> list[Check]:
    storage = SupabaseStorage(settings.supabase_url, settings.supabase_secret_key.get_secret_value())
    path = f"worker-check/{uuid.uuid4()}.jpg"
    try:
        bucket = await storage.bucket(VIDEO_BUCKET)
        await storage.upload_bytes(VIDEO_BUCKET, path, TINY_JPEG, "image/jpeg")
        await storage.delete(VIDEO_BUCKET, path)
    except ObjectMissingError as error:
        return [Check("Storage", False, str(error), mends.PUSH)]
    except StorageError as error:
        return [
            Check(
                "Storage", False, str(error), f"correct SUPABASE_URL, SUPABASE_SECRET_KEY: {mends.SHOW_KEYS}"
            )
        ]
    finally:
        await storage.close()
    checks = [Check("Storage", True, f"bucket {VIDEO_BUCKET} takes and deletes a file")]
    if bucket.public:
        checks.append(
            Check(
                "Bucket privacy",
                False,
                f"{VIDEO_BUCKET} is public: videos belong to users",
                mends.MAKE_PRIVATE,
            )
        )
    if bucket.file_size_limit is not None and bucket.file_size_limit < settings.video_max_bytes:
        checks.append(
            Check(
                "Bucket limit",
                True,
                f"{bucket.file_size_limit} bytes, below VIDEO_MAX_BYTES: a larger clip would fail",
            )
        )
    return checks


async def _check_provider(name: str, provider: Provider, report: PlatformReport | None) -> list[Check]:
    models: list[str] = []
    submit_per_minute = DEFAULT_SUBMIT_PER_MINUTE
    if report is not None:
        on_sale = (model for model in report.models if model.provider == name and model.is_available)
        models = sorted({model.provider_model for model in on_sale})
        submit_per_minute = report.submit_per_minute
    try:
        return await provider.check(models, submit_per_minute)
    finally:
        await provider.close()
