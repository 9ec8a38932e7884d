"""The provider template against a service that does what the prompt says."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from tests.contract.google_far_end import picture
from tests.contract.provider_suite import FarEnd, FindsLostClips, Situation
from tests.support.template_service import TemplateService, template_service
from worker.providers import template

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from worker.providers.base import Provider, ReferenceImage


def provider_of(service: TemplateService) -> Provider:
    return template.TemplateProvider(base_url=service.url, api_key="test", create_timeout_seconds=2)


class TemplateFarEnd:
    """The service, told what to do by the end of the prompt."""

    model = "template-1"
    polls_per_second = 20.0

    def __init__(self, service: TemplateService) -> None:
        self._service = service

    def prompt(self, situation: Situation) -> str:
        return f"a fox in the snow {uuid.uuid4()} [{situation}]"

    async def creates(self, prompt: str) -> int:
        return self._service.prompts.count(prompt)

    async def another_process(self) -> Provider:
        return provider_of(self._service)


@pytest.fixture(scope="module")
async def service(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TemplateService]:
    async with template_service(tmp_path_factory.mktemp("template")) as running:
        yield running


class TestTemplate(FindsLostClips):
    @pytest.fixture
    async def provider(self, service: TemplateService) -> AsyncIterator[Provider]:
        provider = provider_of(service)
        yield provider
        await provider.close()

    @pytest.fixture
    def far_end(self, service: TemplateService) -> FarEnd:
        return TemplateFarEnd(service)

    @pytest.fixture
    def reference_image(self) -> ReferenceImage:
        return picture()
