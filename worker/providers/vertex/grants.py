"""The commands that give the worker what it needs at Google; the page docs/google.md has the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

API: Final = "aiplatform.googleapis.com"
MODEL_ROLE: Final = "roles/aiplatform.user"
MODEL_PERMISSION: Final = "aiplatform.endpoints.predict"
BUCKET_ROLE: Final = "roles/storage.objectUser"
BUCKET_PERMISSIONS: Final = (
    "storage.objects.create",
    "storage.objects.get",
    "storage.objects.list",
    "storage.objects.delete",
)


@dataclass(frozen=True, slots=True)
class Grants:
    """``member`` is the account as IAM names it, ``bucket`` and ``location`` are the output's."""

    project: str
    member: str
    bucket: str
    location: str

    @property
    def enable_api(self) -> str:
        return f"gcloud services enable {API} --project={self.project}"

    @property
    def use_models(self) -> str:
        return (
            f"gcloud projects add-iam-policy-binding {self.project}"
            f" --member={self.member} --role={MODEL_ROLE} --condition=None"
        )

    @property
    def create_bucket(self) -> str:
        return (
            f"gcloud storage buckets create gs://{self.bucket} --project={self.project}"
            f" --location={self.location} --uniform-bucket-level-access --public-access-prevention"
            " --soft-delete-duration=0"
        )

    @property
    def use_bucket(self) -> str:
        return (
            f"gcloud storage buckets add-iam-policy-binding gs://{self.bucket}"
            f" --member={self.member} --role={BUCKET_ROLE}"
        )

    @property
    def create_key(self) -> str:
        account = self.member.removeprefix("serviceAccount:")
        return (
            f"gcloud iam service-accounts keys create google.json"
            f" --iam-account={account} --project={self.project}"
        )

    @property
    def show_quota(self) -> str:
        return f"gcloud beta quotas info list --service={API} --project={self.project}"
