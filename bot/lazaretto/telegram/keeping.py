"""Keeps what is delivered: behind the journal, in front of the store."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import structlog
from telegram import Update

from lazaretto.audit import Event
from lazaretto.coverage import Coverage, Outcome
from lazaretto.model import Attachment
from lazaretto.ports import Pending, Store, Unavailable
from lazaretto.state.codec import rfc3339
from lazaretto.telegram.attachments import sender_of
from lazaretto.telegram.gate import Gate
from lazaretto.telegram.journal import number_of
from lazaretto.telegram.runtime import Runtime

__all__ = ["Keeping", "stored"]

_MOST_WRITTEN = 10_000  # updates written down ahead of the gate; they come to it at once
_LARGEST_ASIDE = 1 << 20  # characters kept of an update that is set aside: as much as the webhook takes
_log = structlog.get_logger("lazaretto.journal")


class Keeping:
    """`journal.Keeper` of one installation. running: what is open; raises where it cannot be opened."""

    def __init__(self, gate: Gate, running: Callable[[], Awaitable[Runtime]], coverage: Coverage) -> None:
        self._gate = gate
        self._running = running
        self._coverage = coverage
        self._written: set[str] = set()  # attachments written down, and counted, ahead of the gate

    async def write_down(self, update: Update, *, delivered: bool = False) -> bool:
        """Only make an update durable. Answers False for one that Telegram brings again, and that an earlier run has
        finished with."""
        attachment = None if self._gate.is_cleared(update) else self._gate.attachment_of(update.to_dict())
        if attachment is None:
            return True
        runtime = await self._at_work()
        known = await runtime.pipeline.write_down(attachment, stored(update.to_json))
        if known is None:
            self._coverage.count(Outcome.SCREENED)
            if len(self._written) >= _MOST_WRITTEN:
                self._written.clear()
            self._written.add(attachment.id)
        elif delivered and await _is_over(runtime.store, known, attachment):
            self._coverage.count(Outcome.REPEATED)
            return False
        return True

    def counted(self, attachment: str) -> bool:
        """Was it counted when it was written down? Asked once."""
        counted = attachment in self._written
        self._written.discard(attachment)
        return counted

    async def take_unreadable(self, update: Mapping[str, Any], why: str) -> None:
        """Judge what an update carries that the library cannot read; the host never sees it. Raises what keeps it from
        being written down."""
        attachment, runtime = self._gate.attachment_of(update), await self._at_work()
        if attachment is not None:
            new = await runtime.pipeline.take(attachment, stored(lambda: json.dumps(update)))
            self._coverage.count(Outcome.SCREENED if new else Outcome.REPEATED)
        number = number_of(update)
        data = {"update": None if number is None else str(number), "why": why, "judged": attachment is not None}
        await runtime.store.record(Event.UPDATE_UNREADABLE, data)

    def came_again(self, update: object) -> None:
        """Telegram brings an update again that was taken in before in this run: counted, where it carries a file."""
        with suppress(Exception):  # that it is odd was found when it came first
            if isinstance(update, Mapping) and self._gate.attachment_of(update) is not None:
                self._coverage.count(Outcome.REPEATED)

    async def set_aside(self, update: object, why: str) -> None:
        """Keep an update that nobody can handle as it came. Raises what keeps it from being kept."""
        store, number = (await self._at_work()).store, number_of(update)
        raw = await asyncio.to_thread(_json_of, update)  # on a stack of its own: it may nest nearly too deep
        sender = None
        with suppress(Exception):  # something is wrong with it
            sender = sender_of(update)
        new = await store.set_update_aside(None if number is None else str(number), why, raw, sender)
        self._coverage.count(Outcome.UNREADABLE if new else Outcome.REPEATED)
        if new:
            self._coverage.metrics.updates_set_aside.inc()
            _log.error("an update is set aside, nobody handles it", update=number, why=why)

    async def note_gap(self, since: datetime, until: datetime) -> None:
        """What was posted in this time may not have been seen."""
        store = (await self._at_work()).store
        await store.record(Event.GAP, {"since": rfc3339(since), "until": rfc3339(until)})
        _log.error("what was posted in this time may not have been seen", since=rfc3339(since), until=rfc3339(until))

    async def _at_work(self) -> Runtime:
        """Nothing that keeps us from opening is an update's fault."""
        try:
            return await self._running()
        except Exception as error:
            raise Unavailable(str(error)) from error


async def _is_over(store: Store, known: Pending, attachment: Attachment) -> bool:
    """Did this very update bring it, and is nothing left to do? An edit with the same file is another update."""
    if known.updates or known.decision is None:
        return False
    first = await store.attachment(attachment.id)
    return first is not None and first.update == attachment.update


def stored(as_json: Callable[[], str]) -> str:
    """An update as it is written down."""
    try:
        return as_json()
    except RecursionError:  # what nests that deep is judged all the same; only after a restart no handler sees it
        return "null"


def _json_of(update: object) -> str:
    try:
        return json.dumps(update)[:_LARGEST_ASIDE]
    except (RecursionError, TypeError, ValueError):  # what is no JSON came from a host
        return "null"
