"""``worker check`` for Google: a token, the model API, the bucket. Nothing here is billed."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Final

from worker.providers.base import Check, ProviderError, RejectedError
from worker.providers.vertex.cloud_storage import split_url

if TYPE_CHECKING:
    from worker.providers.vertex.cloud_storage import CloudStorage
    from worker.providers.vertex.credentials import GoogleCredentials
    from worker.providers.vertex.provider import VertexProvider

# A model that exists in the catalogue by default; only its name in a path, never a generation.
PROBE_MODEL: Final = "veo-3.1-generate-001"
BUCKET_PERMISSIONS: Final = [
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
]


async def check_vertex(
    provider: VertexProvider,
    credentials: GoogleCredentials,
    storage: CloudStorage,
    project: str,
    output_uri: str,
) -> list[Check]:
    """The checks in the order in which one depends on another; stops at a missing token."""
    try:
        await credentials.fresh()
    except ProviderError as error:
        return [
            Check(
                "Google token",
                False,
                error.detail.message or "",
                "point GOOGLE_APPLICATION_CREDENTIALS at a service-account file, or attach an account",
            )
        ]
    bucket, _ = split_url(output_uri)
    return [
        Check("Google token", True, f"issued for project {project}"),
        await _model_api(provider),
        await _bucket_listing(storage, output_uri),
        await _bucket_rights(storage, bucket),
    ]


async def _model_api(provider: VertexProvider) -> Check:
    """Asks for an operation that does not exist: "not found" is the answer of somebody who may ask."""
    name = "Vertex AI"
    try:
        await provider.poll(provider.operation_name(PROBE_MODEL, str(uuid.uuid4())))
    except RejectedError:
        return Check(name, True, "answers this credential (an unknown operation is unknown, as it should be)")
    except ProviderError as error:
        return Check(
            name,
            False,
            f"{error.detail.code}: {error.detail.message}",
            "enable aiplatform.googleapis.com, grant roles/aiplatform.user, and check GOOGLE_CLOUD_LOCATION",
        )
    return Check(name, True, "answers this credential")


async def _bucket_listing(storage: CloudStorage, output_uri: str) -> Check:
    name = "Output bucket"
    try:
        await storage.list_objects(output_uri + "/", limit=1)
    except ProviderError as error:
        return Check(
            name,
            False,
            f"{error.detail.code}: {error.detail.message}",
            "create the bucket of VIDEO_OUTPUT_GCS_URI and grant roles/storage.objectUser on it",
        )
    return Check(name, True, f"{output_uri} can be listed")


async def _bucket_rights(storage: CloudStorage, bucket: str) -> Check:
    name = "Bucket rights"
    try:
        missing = await storage.missing_permissions(bucket, BUCKET_PERMISSIONS)
    except ProviderError as error:
        return Check(name, False, f"could not be asked: {error.detail.code}", "see the line above")
    if missing:
        return Check(
            name, False, "missing " + ", ".join(missing), "grant roles/storage.objectUser on the bucket"
        )
    return Check(name, True, "create, delete, get, list")
