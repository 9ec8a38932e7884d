"""The story that the page of examples tells: each RPC, table, endpoint and error code at least once."""

from __future__ import annotations

from typing import Final

from tests.examples.chapters.administration import administration
from tests.examples.chapters.endpoints import endpoints
from tests.examples.chapters.history import history
from tests.examples.chapters.images import images
from tests.examples.chapters.optimizer import optimizer
from tests.examples.chapters.prices import prices
from tests.examples.chapters.purchases import purchases
from tests.examples.chapters.refusals import refusals
from tests.examples.chapters.settling import settling
from tests.examples.chapters.showcase import showcase
from tests.examples.chapters.videos import videos

CHAPTERS: Final = (
    prices,
    videos,
    refusals,
    images,
    showcase,
    history,
    optimizer,
    purchases,
    endpoints,
    administration,
    settling,
)
"""In the order in which they are told; a later one uses what happened before."""
