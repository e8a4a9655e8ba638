"""What is counted while it runs: a Prometheus registry of our own, so that a host's metrics stay untouched."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["Metrics"]

# From "at once" to "a member has long since opened it".
_SECONDS = (0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128)


class Metrics:
    """One installation's metrics. `registry` is what an exporter serves."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(
            "lazaretto_attachments_received", "Attachments taken in", ["kind"], registry=self.registry
        )
        self.updates = Counter(
            "lazaretto_updates",
            "Updates that carry a file, by what was done with them",
            ["outcome"],
            registry=self.registry,
        )
        self.decided = Counter(
            "lazaretto_decisions", "Decisions by action", ["action", "enforced"], registry=self.registry
        )
        self.verdict_seconds = Histogram(
            "lazaretto_verdict_seconds", "From taking in to decision", buckets=_SECONDS, registry=self.registry
        )
        self.exposure_seconds = Histogram(
            "lazaretto_exposure_seconds", "From posting to removal", buckets=_SECONDS, registry=self.registry
        )
        self.deeds = Counter(
            "lazaretto_deeds", "What was asked of the platform", ["kind", "outcome"], registry=self.registry
        )
        self.fetch_failures = Counter("lazaretto_fetch_failures", "Downloads that broke off", registry=self.registry)
        self.set_aside = Counter(
            "lazaretto_set_aside", "Attachments held because handling them failed", registry=self.registry
        )
        self.webhook = Counter(
            "lazaretto_webhook_requests", "Requests to the webhook by outcome", ["outcome"], registry=self.registry
        )
        self.waiting = Gauge("lazaretto_waiting", "Attachments taken in and not yet decided", registry=self.registry)
