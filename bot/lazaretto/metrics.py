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
            "lazaretto_decisions", "Decisions", ["kind", "action", "enforced"], registry=self.registry
        )
        self.verdict_seconds = Histogram(
            "lazaretto_verdict_seconds", "From taking in to decision", buckets=_SECONDS, registry=self.registry
        )
        self.exposure_seconds = Histogram(
            "lazaretto_exposure_seconds",
            "From posting to removal, by group: those that the configuration names, and all others together",
            ["group"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.deeds = Counter(
            "lazaretto_deeds", "What was asked of the platform", ["kind", "outcome"], registry=self.registry
        )
        self.errors = Counter(
            "lazaretto_errors", "What kept the bot from its work, by cause", ["cause"], registry=self.registry
        )
        self.alarms = Gauge(
            "lazaretto_alarms", "What is wrong now, by cause; the owners are told", ["cause"], registry=self.registry
        )
        self.sandbox_restarts = Gauge(
            "lazaretto_sandbox_restarts", "Zygotes that had to replace another one", registry=self.registry
        )
        self.reused = Gauge(
            "lazaretto_reused", "Files that were copies of one that was looked at before", registry=self.registry
        )
        self.fetch_failures = Counter("lazaretto_fetch_failures", "Downloads that broke off", registry=self.registry)
        self.set_aside = Counter(
            "lazaretto_set_aside", "Attachments held because handling them failed", registry=self.registry
        )
        self.updates_set_aside = Counter(
            "lazaretto_updates_set_aside", "Updates held as they came: nobody could handle them", registry=self.registry
        )
        self.purged = Counter(
            "lazaretto_purged", "What was deleted because its time was over", ["kind"], registry=self.registry
        )
        self.retention_behind = Gauge(
            "lazaretto_retention_behind_seconds",
            "How far the system's clock is ahead of the one that purging goes by",
            registry=self.registry,
        )
        self.not_kept = Counter(
            "lazaretto_not_kept", "Quarantined without their bytes: no room for them", registry=self.registry
        )
        self.webhook = Counter(
            "lazaretto_webhook_requests", "Requests to the webhook by outcome", ["outcome"], registry=self.registry
        )
        self.oldest_waiting = Gauge(
            "lazaretto_oldest_waiting_seconds", "How long the oldest has been waiting", registry=self.registry
        )
        self.outbox = Gauge(
            "lazaretto_outbox", "Deeds that are due, postponed ones not counted", registry=self.registry
        )
        self.waiting = Gauge("lazaretto_waiting", "Attachments taken in and not yet decided", registry=self.registry)
