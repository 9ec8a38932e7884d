"""Gemini Omni behind an API key, with the official google-genai SDK and the Files API."""

from __future__ import annotations

from worker.providers.gemini.provider import GeminiProvider

__all__ = ["GeminiProvider"]
