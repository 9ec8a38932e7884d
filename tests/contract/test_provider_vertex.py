"""The Vertex provider with the real google-genai SDK, against the Google emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.contract.google_emulator import google_emulator
from tests.contract.google_far_end import GoogleFarEnd, picture
from tests.contract.provider_suite import FindsLostClips, Situation, submission
from worker.providers.base import Provider, ReferenceImage, RefusedError, UnavailableError
from worker.providers.vertex import VertexProvider

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.contract.google_emulator import Emulator
    from worker.providers.base import Check

MODEL = "veo-3.1-generate-001"


def vertex(
    emulator: Emulator,
    *,
    url: str | None = None,
    bucket: str = "reelbase-test",
    project: str = "reelbase-test",
) -> VertexProvider:
    return VertexProvider(
        project=project,
        location="us-central1",
        output_uri=f"gs://{bucket}/clips",
        base_url=url or emulator.url,
        storage_base_url=url or emulator.url,
        create_timeout_seconds=2,
    )


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with (
        google_emulator(tmp_path_factory.mktemp("google"), generation_seconds=0.2) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(running.credentials))
        yield running


@pytest.fixture
def far_end(emulator: Emulator) -> GoogleFarEnd:
    return GoogleFarEnd(emulator, MODEL, lambda: vertex(emulator))


class TestVertex(FindsLostClips):
    @pytest.fixture
    async def provider(self, emulator: Emulator) -> AsyncIterator[Provider]:
        provider = vertex(emulator)
        yield provider
        await provider.close()

    @pytest.fixture
    def reference_image(self) -> ReferenceImage:
        return picture()


async def test_a_create_call_that_found_nobody_listening_is_refused(
    emulator: Emulator, far_end: GoogleFarEnd
) -> None:
    provider = vertex(emulator, url="http://127.0.0.1:9")
    with pytest.raises(RefusedError):
        await provider.submit(submission(far_end, Situation.MAKES_A_CLIP))
    with pytest.raises(UnavailableError):
        await provider.find_output("task/1/")
    await provider.close()


async def test_a_request_says_all_that_was_asked_and_whose_it_is(
    emulator: Emulator, far_end: GoogleFarEnd
) -> None:
    provider = vertex(emulator)
    asked = submission(far_end, Situation.MAKES_A_CLIP)
    await provider.submit(asked)
    (recorded,) = (await far_end.journal(prompt=asked.prompt, kind="create"))["requests"]
    assert recorded["model"] == far_end.model
    assert recorded["storage_uri"] == f"gs://reelbase-test/clips/{asked.output_prefix}"
    await provider.close()


async def test_nothing_outside_the_output_folder_is_deleted(emulator: Emulator) -> None:
    provider = vertex(emulator)
    for url in (
        "gs://reelbase-test/other/clip.mp4",
        "gs://reelbase-test/clips2/",
        "gs://another-bucket/clips/x/",
    ):
        with pytest.raises(ValueError, match="refuses"):
            await provider.delete(url)
    await provider.close()


async def failures(provider: Provider, models: list[str]) -> dict[str, Check]:
    """What the check finds wrong, by name."""
    checks = await provider.check(models, 50)
    await provider.close()
    return {check.name: check for check in checks if check.passed is False}


async def test_the_check_is_not_billed_and_leaves_nothing(emulator: Emulator, far_end: GoogleFarEnd) -> None:
    before = (await far_end.journal())["operations"]
    assert await failures(vertex(emulator, bucket="check-test"), [MODEL, "veo-3.1-fast-generate-001"]) == {}
    journal = await far_end.journal()
    assert journal["operations"] == before
    touched = [
        (entry["kind"], entry["object"])
        for entry in journal["requests"]
        if (entry["object"] or "").startswith("gs://check-test/")
    ]
    assert [kind for kind, _ in touched] == ["upload", "list", "download", "delete"]
    assert all(name.startswith("gs://check-test/clips/worker-check/") for _, name in touched)
    assert len({name for kind, name in touched if kind != "list"}) == 1


@pytest.mark.parametrize(
    ("bucket", "right", "mend"),
    [
        ("missing-bucket", "storage.objects.create", "gcloud storage buckets create gs://missing-bucket "),
        ("forbidden-bucket", "storage.objects.create", "add-iam-policy-binding gs://forbidden-bucket "),
        ("readonly-bucket", "storage.objects.create", "--role=roles/storage.objectUser"),
    ],
)
async def test_the_check_names_what_the_bucket_lacks(
    emulator: Emulator, bucket: str, right: str, mend: str
) -> None:
    failed = await failures(vertex(emulator, bucket=bucket), [MODEL])
    assert failed.keys() == {"Output bucket"}
    assert right in failed["Output bucket"].seen
    assert mend in failed["Output bucket"].mend


@pytest.mark.parametrize(
    ("project", "mend"),
    [
        ("disabled-project", "gcloud services enable aiplatform.googleapis.com --project=disabled-project"),
        (
            "forbidden-project",
            "gcloud projects add-iam-policy-binding forbidden-project "
            "--member=serviceAccount:worker@reelbase-local.iam.gserviceaccount.com "
            "--role=roles/aiplatform.user --condition=None",
        ),
    ],
)
async def test_the_check_names_what_the_project_lacks(emulator: Emulator, project: str, mend: str) -> None:
    failed = await failures(vertex(emulator, project=project), [MODEL])
    assert failed.keys() == {f"Model {MODEL}"}
    assert failed[f"Model {MODEL}"].mend == mend


async def test_the_check_names_the_model_that_is_gone(emulator: Emulator) -> None:
    failed = await failures(vertex(emulator), [MODEL, "veo-3.0-generate-001"])
    assert failed.keys() == {"Model veo-3.0-generate-001"}
    assert "no longer available" in failed["Model veo-3.0-generate-001"].seen
    assert "where provider_model = 'veo-3.0-generate-001'" in failed["Model veo-3.0-generate-001"].mend


async def test_the_check_names_a_key_that_google_does_not_take(
    emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = json.loads(emulator.credentials.read_text()) | {"private_key": stranger.decode()}
    (tmp_path / "key.json").write_text(json.dumps(account))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "key.json"))
    failed = await failures(vertex(emulator), [MODEL])
    assert failed.keys() == {"Google token"}
    assert "invalid_grant" in failed["Google token"].seen
    assert "gcloud iam service-accounts keys create" in failed["Google token"].mend


async def test_the_check_says_that_a_higher_quota_cannot_be_seen(emulator: Emulator) -> None:
    provider = vertex(emulator)
    (quota,) = [check for check in await provider.check([MODEL], 200) if check.name == "Google quota"]
    assert quota.passed is None
    assert quota.mend.startswith("gcloud beta quotas info list")
    await provider.close()
