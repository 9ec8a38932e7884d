"""The page on metrics is what a running worker exposes: names, types, labels, and the values labels take."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import yaml
from prometheus_client.parser import text_string_to_metric_families

from functions_py.local.tools import ROOT
from tests.support.database import connect
from tests.support.worker import configure, until

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

    from functions_py.local.stack import Stack
    from tests.support.worker import Customer, WorkerProcess

PAGE = (ROOT / "functions_py" / "docs" / "metrics.md").read_text()
ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| (?P<type>\w+) \| (?:`(?P<label>\w+)`)? ?\| (?P<text>.+) \|$", re.MULTILINE
)


@dataclass(frozen=True)
class Documented:
    """One row of the page's table; `words` is everything in code font in its last column."""

    type: str
    label: str | None
    words: frozenset[str]


DOCUMENTED = {
    row["name"]: Documented(row["type"], row["label"], frozenset(re.findall(r"`([^`]+)`", row["text"])))
    for row in ROW.finditer(PAGE)
}


async def test_the_page_on_metrics_is_what_the_worker_exposes(
    workshop: Stack, customer: Customer, moderated_worker: WorkerProcess
) -> None:
    await give_every_family_a_sample(workshop, customer, moderated_worker)
    families = await scrape(moderated_worker)

    assert {name: family.type for name, family in families.items()} == {
        name: row.type for name, row in DOCUMENTED.items()
    }
    for name, family in families.items():
        row = DOCUMENTED[name]
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert labels == {row.label} - {None}, name
        if row.label is not None:
            named = await failure_codes(workshop) if row.label == "code" else row.words
            assert {sample.labels[row.label] for sample in family.samples} <= named, name


def test_the_rules_ask_for_metrics_and_values_that_exist() -> None:
    (block,) = re.findall(r"```yaml\n(.+?)```", PAGE, re.DOTALL)
    expressions = [rule["expr"] for group in yaml.safe_load(block)["groups"] for rule in group["rules"]]
    assert expressions
    for expression in expressions:
        names = re.findall(r"\bworker_\w+", expression)
        assert names
        assert set(names) <= set(DOCUMENTED), expression
        for name, label, value in re.findall(r'(worker_\w+)\{(\w+)!?="(\w+)"\}', expression):
            assert DOCUMENTED[name].label == label, expression
            assert value in DOCUMENTED[name].words, expression


async def give_every_family_a_sample(stack: Stack, customer: Customer, worker: WorkerProcess) -> None:
    """A clip that is made, one that is filtered, a file to delete, and a webhook that nobody takes."""
    made = await customer.order(f"a lighthouse {secrets.token_hex(4)}")
    filtered = await customer.order(f"a storm {secrets.token_hex(4)} [safety]")
    async with connect(stack) as connection:
        await connection.execute(
            "insert into private.file_jobs (kind, bucket, path) values ('delete', 'videos', 'nobody/a.mp4')"
        )
        await connection.execute("select private.queue_webhook('video', 'video.completed', '{}')")
    configure(stack, {"video_webhook_url": "http://127.0.0.1:9/"})
    assert (await customer.ended(made))["status"] == "completed"
    assert (await customer.ended(filtered))["status"] == "failed"

    async def errands_are_done() -> bool:
        families = await scrape(worker)
        return bool(families["worker_file_jobs_total"].samples and families["worker_webhooks_total"].samples)

    await until(errands_are_done, "the file job and the webhook")
    configure(stack, {"video_webhook_url": None})


async def scrape(worker: WorkerProcess) -> dict[str, Metric]:
    """The worker's families by the name that a query uses, without the times that the client library adds."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{worker.url}/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    return dict(queried(text_string_to_metric_families(answer.raise_for_status().text)))


def queried(families: Iterable[Metric]) -> Iterable[tuple[str, Metric]]:
    for family in families:
        if not family.name.endswith("_created"):
            yield (f"{family.name}_total" if family.type == "counter" else family.name), family


async def failure_codes(stack: Stack) -> frozenset[str]:
    async with connect(stack) as connection:
        rows = await (await connection.execute("select code from private.failure_codes")).fetchall()
    return frozenset(str(row["code"]) for row in rows)
