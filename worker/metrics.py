"""What the worker counts, in one registry that ``/metrics`` prints."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Prometheus instruments; labels are closed sets (stage, lane, outcome, error code), never an id."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.claims = Counter("worker_claims", "Jobs claimed.", ["stage"], registry=self.registry)
        self.submits = Counter(
            "worker_submits", "Create calls and what they answered.", ["outcome"], registry=self.registry
        )
        self.polls = Counter(
            "worker_polls", "Polls and reconciliations.", ["outcome"], registry=self.registry
        )
        self.transfers = Counter("worker_transfers", "Transfers ended.", ["outcome"], registry=self.registry)
        self.transfer_seconds = Histogram(
            "worker_transfer_seconds",
            "Time of a completed transfer.",
            buckets=(1, 2, 5, 10, 20, 40, 80, 160, 320, 640),
            registry=self.registry,
        )
        self.transfer_bytes = Counter(
            "worker_transfer_bytes", "Bytes moved into Storage.", registry=self.registry
        )
        self.moderations = Counter(
            "worker_moderations", "Texts screened before a submit.", ["decision"], registry=self.registry
        )
        self.file_jobs = Counter("worker_file_jobs", "File jobs ended.", ["outcome"], registry=self.registry)
        self.webhooks = Counter("worker_webhooks", "Webhooks sent.", ["outcome"], registry=self.registry)
        self.failures = Counter("worker_failures", "Verdicts of failure.", ["code"], registry=self.registry)
        self.in_flight = Gauge("worker_in_flight", "Jobs running now.", ["lane"], registry=self.registry)
        self.lease_losses = Counter("worker_lease_losses", "Leases lost.", registry=self.registry)
        self.crashes = Counter("worker_job_crashes", "Jobs ended by a bug.", registry=self.registry)
        self.database_retries = Counter(
            "worker_database_retries", "Statements sent again.", registry=self.registry
        )
        self.heartbeat_age = Gauge(
            "worker_heartbeat_age_seconds", "Since the last good heartbeat.", registry=self.registry
        )

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self.registry)
