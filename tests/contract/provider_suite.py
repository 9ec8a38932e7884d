"""What every video provider must do: the conformance suite.

A provider's test file subclasses ProviderSuite and gives it three fixtures: `provider`, the provider under
test with its real SDK; `far_end`, what it talks to, told what to do by the prompt; and a `reference_image`.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from dataclasses import replace
from enum import StrEnum, auto
from typing import TYPE_CHECKING, Protocol

import pytest

from worker.media import check_asked, inspect
from worker.providers.base import (
    AmbiguousError,
    Failed,
    Provider,
    ReferenceImage,
    RefusedError,
    RejectedError,
    Retryable,
    Running,
    Submission,
    Succeeded,
    UnavailableError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from worker.providers.base import PollOutcome


class Situation(StrEnum):
    """What the far end does with a request."""

    MAKES_A_CLIP = auto()
    QUOTA_EXCEEDED = auto()
    OVERLOADED = auto()
    INVALID = auto()
    FORBIDDEN = auto()
    MODEL_RETIRED = auto()
    INTERNAL_ERROR = auto()
    BAD_GATEWAY = auto()
    NEVER_ANSWERS = auto()
    EMPTY_ANSWER = auto()
    DROPS_AND_MAKES_NOTHING = auto()
    DROPS_BUT_MAKES_A_CLIP = auto()
    FILTERS = auto()
    FINDS_THE_IMAGE_UNSAFE = auto()
    FAILS_INSIDE = auto()
    TOO_BUSY_INSIDE = auto()
    ENDS_WITHOUT_A_CLIP = auto()
    NEVER_FINISHES = auto()
    POLLS_FAIL = auto()
    FILE_IS_MISSING = auto()
    FILE_IS_CUT = auto()


class FarEnd(Protocol):
    """The service behind the provider."""

    model: str
    polls_per_second: float

    def prompt(self, situation: Situation) -> str:
        """A prompt, different each time, that brings the situation about."""
        ...

    async def creates(self, prompt: str) -> int:
        """How many create calls with this prompt have arrived."""
        ...

    async def another_process(self) -> Provider:
        """The same provider as a restarted worker would have it."""
        ...


async def opened(provider: Provider, url: str) -> int:
    """How many bytes the clip has."""
    async with provider.open_result(url) as stream:
        return sum([len(chunk) async for chunk in stream.chunks])


def submission(far_end: FarEnd, situation: Situation, image: ReferenceImage | None = None) -> Submission:
    task_id = uuid.uuid4()
    return Submission(
        task_id=task_id,
        attempt=1,
        model=far_end.model,
        output_prefix=f"{task_id}/1/",
        prompt=far_end.prompt(situation),
        negative_prompt=None,
        duration_seconds=4,
        resolution="720p",
        aspect_ratio="16:9",
        image=image,
    )


async def finished(provider: Provider, far_end: FarEnd, operation_id: str) -> PollOutcome:
    """Polls until the operation has ended; a poll that fails is not a verdict."""
    async with asyncio.timeout(60):
        while True:
            try:
                outcome = await provider.poll(operation_id)
            except UnavailableError:
                outcome = Running()
            if outcome != Running():
                return outcome
            await asyncio.sleep(1 / far_end.polls_per_second)


async def clip_of(provider: Provider, far_end: FarEnd, asked: Submission) -> str:
    """Submits and waits; the URL of the clip."""
    outcome = await finished(provider, far_end, await provider.submit(asked))
    assert isinstance(outcome, Succeeded)
    return outcome.video_url


async def found(provider: Provider, far_end: FarEnd, prefix: str) -> str:
    """Waits until the clip of an attempt shows under its prefix."""
    async with asyncio.timeout(60):
        while True:
            url = await provider.find_output(prefix)
            if url is not None:
                return url
            await asyncio.sleep(1 / far_end.polls_per_second)


class ProviderSuite:
    """What all do. Subclass one of the two below, which say what becomes of a clip nobody told us about."""

    async def test_a_clip_is_made_and_can_be_read(
        self, provider: Provider, far_end: FarEnd, tmp_path: Path
    ) -> None:
        await provider.prepare()
        asked = submission(far_end, Situation.MAKES_A_CLIP)
        url = await clip_of(provider, far_end, asked)
        path, md5, size = tmp_path / "clip.mp4", hashlib.md5(usedforsecurity=False), 0
        async with provider.open_result(url) as stream:
            with path.open("wb") as file:
                async for chunk in stream.chunks:
                    file.write(chunk)
                    md5.update(chunk)
                    size += len(chunk)
        assert stream.size in {size, None}
        assert stream.md5 in {md5.digest(), None}
        check_asked(inspect(path), duration=4, resolution="720p", aspect_ratio="16:9")
        assert await far_end.creates(asked.prompt) == 1

    async def test_a_clip_can_start_from_an_image(
        self, provider: Provider, far_end: FarEnd, reference_image: ReferenceImage
    ) -> None:
        asked = submission(far_end, Situation.MAKES_A_CLIP, reference_image)
        assert await clip_of(provider, far_end, asked)

    async def test_an_operation_survives_the_process_that_submitted_it(
        self, provider: Provider, far_end: FarEnd
    ) -> None:
        operation_id = await provider.submit(submission(far_end, Situation.MAKES_A_CLIP))
        another = await far_end.another_process()
        try:
            assert isinstance(await finished(another, far_end, operation_id), Succeeded)
        finally:
            await another.close()

    @pytest.mark.parametrize("situation", [Situation.QUOTA_EXCEEDED, Situation.OVERLOADED])
    async def test_a_refused_create_call_is_sent_once_and_may_be_sent_again_later(
        self, provider: Provider, far_end: FarEnd, situation: Situation
    ) -> None:
        asked = submission(far_end, situation)
        with pytest.raises(RefusedError):
            await provider.submit(asked)
        assert await far_end.creates(asked.prompt) == 1

    @pytest.mark.parametrize(
        "situation",
        [
            Situation.INTERNAL_ERROR,
            Situation.BAD_GATEWAY,
            Situation.NEVER_ANSWERS,
            Situation.EMPTY_ANSWER,
            Situation.DROPS_AND_MAKES_NOTHING,
            Situation.DROPS_BUT_MAKES_A_CLIP,
        ],
    )
    async def test_a_create_call_without_a_clear_answer_is_ambiguous_and_sent_once(
        self, provider: Provider, far_end: FarEnd, situation: Situation
    ) -> None:
        asked = submission(far_end, situation)
        with pytest.raises(AmbiguousError):
            await provider.submit(asked)
        assert await far_end.creates(asked.prompt) == 1

    @pytest.mark.parametrize(
        ("situation", "error_code"),
        [
            (Situation.INVALID, "invalid_request"),
            (Situation.FORBIDDEN, "provider_error"),
            (Situation.MODEL_RETIRED, "model_retired"),
        ],
    )
    async def test_a_create_call_that_can_never_succeed_is_final(
        self, provider: Provider, far_end: FarEnd, situation: Situation, error_code: str
    ) -> None:
        asked = submission(far_end, situation)
        with pytest.raises(RejectedError) as caught:
            await provider.submit(asked)
        assert caught.value.error_code == error_code
        assert caught.value.detail.message
        assert await far_end.creates(asked.prompt) == 1

    @pytest.mark.parametrize(
        ("situation", "error_code"),
        [
            (Situation.FILTERS, "safety_filter"),
            (Situation.FINDS_THE_IMAGE_UNSAFE, "safety_filter"),
            (Situation.ENDS_WITHOUT_A_CLIP, "provider_error"),
        ],
    )
    async def test_an_operation_that_ends_without_a_clip_says_why(
        self, provider: Provider, far_end: FarEnd, situation: Situation, error_code: str
    ) -> None:
        operation_id = await provider.submit(submission(far_end, situation))
        outcome = await finished(provider, far_end, operation_id)
        assert isinstance(outcome, Failed)
        assert outcome.error_code == error_code
        assert outcome.detail.message

    async def test_a_filtered_clip_names_the_filter(self, provider: Provider, far_end: FarEnd) -> None:
        operation_id = await provider.submit(submission(far_end, Situation.FILTERS))
        outcome = await finished(provider, far_end, operation_id)
        assert isinstance(outcome, Failed)
        assert outcome.detail.support_codes or outcome.detail.code

    @pytest.mark.parametrize("situation", [Situation.FAILS_INSIDE, Situation.TOO_BUSY_INSIDE])
    async def test_the_providers_own_fault_is_worth_a_further_attempt(
        self, provider: Provider, far_end: FarEnd, situation: Situation
    ) -> None:
        operation_id = await provider.submit(submission(far_end, situation))
        assert isinstance(await finished(provider, far_end, operation_id), Retryable)

    async def test_an_unfinished_operation_is_running(self, provider: Provider, far_end: FarEnd) -> None:
        operation_id = await provider.submit(submission(far_end, Situation.NEVER_FINISHES))
        assert await provider.poll(operation_id) == Running()

    async def test_a_poll_that_fails_is_no_verdict(self, provider: Provider, far_end: FarEnd) -> None:
        operation_id = await provider.submit(submission(far_end, Situation.POLLS_FAIL))
        with pytest.raises(UnavailableError):
            await provider.poll(operation_id)
        assert isinstance(await finished(provider, far_end, operation_id), Succeeded)

    async def test_an_unknown_operation_is_final(self, provider: Provider, far_end: FarEnd) -> None:
        operation_id = await provider.submit(submission(far_end, Situation.MAKES_A_CLIP))
        with pytest.raises(RejectedError):
            await provider.poll(operation_id + "0")

    async def test_a_clip_is_deleted_with_its_attempt_once_and_again(
        self, provider: Provider, far_end: FarEnd
    ) -> None:
        asked = submission(far_end, Situation.MAKES_A_CLIP)
        operation_id = await provider.submit(asked)
        outcome = await finished(provider, far_end, operation_id)
        assert isinstance(outcome, Succeeded)
        assert await opened(provider, outcome.video_url)
        for _ in range(2):
            await provider.delete(asked.output_prefix, operation_id)
            with pytest.raises(RejectedError) as caught:
                await opened(provider, outcome.video_url)
            assert caught.value.error_code == "video_expired"

    async def test_deleting_one_attempt_leaves_the_other(self, provider: Provider, far_end: FarEnd) -> None:
        first = submission(far_end, Situation.MAKES_A_CLIP)
        other = replace(
            first,
            attempt=12,
            output_prefix=f"{first.task_id}/12/",
            prompt=far_end.prompt(Situation.MAKES_A_CLIP),
        )
        operation_id = await provider.submit(first)
        await finished(provider, far_end, operation_id)
        url = await clip_of(provider, far_end, other)
        await provider.delete(first.output_prefix, operation_id)
        assert await opened(provider, url)

    async def test_what_a_failed_attempt_left_is_deleted_too(
        self, provider: Provider, far_end: FarEnd
    ) -> None:
        asked = submission(far_end, Situation.FILTERS)
        operation_id = await provider.submit(asked)
        await finished(provider, far_end, operation_id)
        await provider.delete(asked.output_prefix, operation_id)
        # And where the answer to the create call was lost.
        await provider.delete(submission(far_end, Situation.MAKES_A_CLIP).output_prefix)

    async def test_everything_is_never_deleted(self, provider: Provider, far_end: FarEnd) -> None:
        url = await clip_of(provider, far_end, submission(far_end, Situation.MAKES_A_CLIP))
        for prefix in ("", "/"):
            with pytest.raises(ValueError, match="refuses"):
                await provider.delete(prefix)
        assert await opened(provider, url)

    async def test_a_missing_file_is_told_apart_from_a_failing_download(
        self, provider: Provider, far_end: FarEnd
    ) -> None:
        url = await clip_of(provider, far_end, submission(far_end, Situation.FILE_IS_MISSING))
        with pytest.raises(RejectedError) as caught:
            async with provider.open_result(url):
                pytest.fail("opened")
        assert caught.value.error_code == "video_expired"

    async def test_a_download_that_is_cut_says_so(self, provider: Provider, far_end: FarEnd) -> None:
        url = await clip_of(provider, far_end, submission(far_end, Situation.FILE_IS_CUT))
        async with provider.open_result(url) as stream:
            with pytest.raises(UnavailableError):
                _ = [chunk async for chunk in stream.chunks]

    async def test_many_operations_at_once(self, provider: Provider, far_end: FarEnd) -> None:
        asked = [submission(far_end, Situation.MAKES_A_CLIP) for _ in range(20)]
        urls = await asyncio.gather(*(clip_of(provider, far_end, one) for one in asked))
        assert len(set(urls)) == len(asked)

    async def test_the_check_passes_and_says_what_it_cannot_see(
        self, provider: Provider, far_end: FarEnd
    ) -> None:
        checks = await provider.check([far_end.model], 50)
        assert any(check.passed for check in checks)
        assert all(check.passed is not False for check in checks), checks


class FindsLostClips(ProviderSuite):
    """For a provider whose attempts each name the place of their clip."""

    async def test_a_clip_whose_create_call_was_dropped_is_found_under_its_prefix(
        self, provider: Provider, far_end: FarEnd
    ) -> None:
        asked = submission(far_end, Situation.DROPS_BUT_MAKES_A_CLIP)
        with pytest.raises(AmbiguousError):
            await provider.submit(asked)
        url = await found(provider, far_end, asked.output_prefix)
        async with provider.open_result(url) as stream:
            assert [chunk async for chunk in stream.chunks]

    async def test_no_clip_is_found_under_the_prefix_of_another_attempt(
        self, provider: Provider, far_end: FarEnd
    ) -> None:
        asked = submission(far_end, Situation.MAKES_A_CLIP)
        await clip_of(provider, far_end, asked)
        assert await provider.find_output(asked.output_prefix)
        assert await provider.find_output(f"{asked.task_id}/2/") is None
        assert await provider.find_output(f"{asked.task_id}/11/") is None

    async def test_a_clip_is_deleted_by_its_prefix_once_and_again(
        self, provider: Provider, far_end: FarEnd
    ) -> None:
        asked = submission(far_end, Situation.MAKES_A_CLIP)
        url = await clip_of(provider, far_end, asked)
        assert provider.owns(asked.output_prefix)
        await provider.delete(asked.output_prefix)
        assert await provider.find_output(asked.output_prefix) is None
        await provider.delete(asked.output_prefix)
        await provider.delete(url)


class LosesLostClips(ProviderSuite):
    """For a provider that cannot look: it says so, and never sends the call again."""

    async def test_a_clip_whose_create_call_was_dropped_is_not_found(
        self, provider: Provider, far_end: FarEnd
    ) -> None:
        asked = submission(far_end, Situation.DROPS_BUT_MAKES_A_CLIP)
        with pytest.raises(AmbiguousError):
            await provider.submit(asked)
        assert await provider.find_output(asked.output_prefix) is None
        assert await far_end.creates(asked.prompt) == 1
