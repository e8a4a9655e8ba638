"""What the log says of coverage: how many updates with files came, what was done with them, and whether it adds up."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from lazaretto.audit.events import Event
from lazaretto.audit.export import records
from lazaretto.model import Outcome

__all__ = ["Covered", "covered"]


@dataclass(frozen=True, slots=True)
class Covered:
    """updates: by outcome. received: attachments that were taken in, by their own records."""

    updates: Mapping[str, int]
    received: int

    @property
    def uncounted(self) -> int:
        """Attachments that were taken in, and whose update no coverage record counts: it is written once a minute and
        at the stop, and a crash loses what was counted since. Below 0 the log is wrong: what was screened is missing
        from it."""
        return self.received - self.updates.get(Outcome.SCREENED, 0)


def covered(connection: Connection) -> Covered:
    """Add the whole log up, purged records included: their purge counted them."""
    updates: Counter[str] = Counter()
    received = 0
    for record in records(connection, events=(Event.COVERAGE, Event.RECEIVED, Event.PURGED)):
        if record["event"] == Event.RECEIVED:
            received += 1
        elif record["event"] == Event.PURGED:
            received += record["data"].get("received", 0)
            updates.update(record["data"].get("counted", {}))
        else:
            updates.update(record["data"]["updates"])
    return Covered(dict(sorted(updates.items())), received)
