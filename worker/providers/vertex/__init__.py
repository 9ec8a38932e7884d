"""Veo on Google's Agent Platform (Vertex AI), with the official google-genai SDK and Cloud Storage."""

from __future__ import annotations

from worker.providers.vertex.provider import VertexProvider

__all__ = ["VertexProvider"]
