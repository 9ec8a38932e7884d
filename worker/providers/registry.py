"""The configured providers, by the name the catalogue gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.providers.gemini import GeminiProvider
from worker.providers.vertex import VertexProvider

if TYPE_CHECKING:
    from worker.providers.base import Provider
    from worker.settings import Settings


def build_providers(settings: Settings) -> dict[str, Provider]:
    """Providers whose settings are present; opens no connection."""
    providers: dict[str, Provider] = {}
    if settings.google_cloud_project is not None and settings.video_output_gcs_uri is not None:
        providers["vertex"] = VertexProvider(
            project=settings.google_cloud_project,
            location=settings.google_cloud_location,
            output_uri=settings.video_output_gcs_uri,
            base_url=settings.google_vertex_base_url,
            storage_base_url=settings.storage_emulator_host,
            create_timeout_seconds=settings.video_create_timeout_seconds,
        )
    if settings.google_ai_api_key is not None:
        providers["gemini"] = GeminiProvider(
            api_key=settings.google_ai_api_key.get_secret_value(),
            base_url=settings.google_gemini_base_url,
            create_timeout_seconds=settings.video_create_timeout_seconds,
        )
    return providers
