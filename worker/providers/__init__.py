"""Video providers: one folder each behind the interface of ``base``.

To add a provider:

1. Make a folder with a class that satisfies ``base.Provider``; its docstrings are the promise. What costs
   money is ``submit``: it puts at most one request on the wire, and it tells *refused* (surely not accepted)
   from *ambiguous* (perhaps accepted). Doubt is ambiguous.
2. Name it in ``registry.build_providers`` by the value the catalogue has in ``video_models.provider``, and
   give its settings their owner's names in ``settings.Settings`` and ``.env.example``.
3. Write ``tests/contract/test_provider_<name>.py``: subclass ``FindsLostClips`` or ``LosesLostClips``, say
   how each situation is brought about at the far end, and run the provider's real SDK. Passing the suite is
   what makes a provider.

``template`` is a folder to copy; functions_py/docs/providers.md goes through it.
"""

from __future__ import annotations
