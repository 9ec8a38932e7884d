"""The folder to copy for a provider of your own; functions_py/docs/providers.md says how."""

from __future__ import annotations

from worker.providers.template.provider import TemplateProvider

__all__ = ["TemplateProvider"]
