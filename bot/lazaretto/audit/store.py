"""`ports.Store` on the state folder: every method one transaction, the audit records of what it did included."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection

from lazaretto.audit import deeds, intake, life, review
from lazaretto.audit.about import chat_of
from lazaretto.audit.chain import Ledger, head
from lazaretto.audit.events import Event
from lazaretto.model import Attachment, Case, CaseState, Decision, Person, Place, Report, SealedPart
from lazaretto.ports import NO_STRIKES, ONE, Approval, Deed, Pending, Precedents, Strikes
from lazaretto.state import (
    State,
    StateError,
    attachments,
    cases,
    erasure,
    intents,
    log_index,
    open_state,
    outbox,
    people,
    precedents,
    signs,
)
from lazaretto.state.intents import Intent

__all__ = ["AuditedStore", "Erasure"]

T = TypeVar("T")

_log = structlog.get_logger("lazaretto.audit")


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Erasure:
    """What an erasure did. items: to be shredded, each then named to `shredded`. withdrawn, deleted: as
    `state.erasure.Erased` has them. record: the number of the audit record that says so.

    leftover: why the deleted bytes are still in the database's files, and what to do; empty when they are not.
    """

    subject: str
    items: tuple[str, ...]
    cases: tuple[int, ...]
    attachments: int
    leftover: str = ""
    withdrawn: int = 0
    deleted: Mapping[str, int] = field(default_factory=dict)
    record: int = 0


class AuditedStore:
    """What is remembered. Made by `AuditedStore.open`; the port's methods are described in `lazaretto.ports`."""

    def __init__(self, state: State, clock: Callable[[], datetime] = _utc_now) -> None:
        self._state = state
        self._clock = clock
        self._read: tuple[datetime, float] | None = None  # the clock and the steady one, when they were last compared

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, *, beside: bool = False, clock: Callable[[], datetime] = _utc_now
    ) -> AsyncIterator[AuditedStore]:
        """The store in `folder`; with `beside`, next to a running bot (see `open_state`). Raises StateError."""
        async with open_state(folder, beside=beside) as state:
            yield cls(state, clock)

    @property
    def state(self) -> State:
        """For reading what has no method here, and for `lazaretto.audit`'s functions over a connection."""
        return self._state

    async def write(self, work: Callable[[Ledger], T]) -> T:
        """`work` in a transaction; what it appended goes to the log mirror once it is durable."""
        records: list[dict[str, Any]] = []
        answer = await self._state.writer.do(
            lambda connection: work(Ledger(connection, self._clock(), records)), after=lambda: _mirror(records)
        )
        if records and records[-1]["seq"] % log_index.BATCH < len(records):
            await self._index()
        return answer

    async def _index(self) -> None:
        """Bring the log's index up to date, in transactions of its own: without it the log is as good as with it."""
        try:
            while await self._state.writer.do(log_index.catch_up):
                pass
        except Exception:
            _log.exception("the audit log could not be indexed, searching it takes longer")

    # ── The bot's own life ────────────────────────────────────────────────────────────────────────────────────────

    async def began(self, version: str) -> None:
        """The bot runs. Records a gap before that, if there was one."""
        self._read = self._clock(), monotonic()
        await self.write(lambda ledger: life.began(ledger, version))

    async def alive(self) -> None:
        """A sign of life, without a record: where the next one is missing, a gap begins. That the clock was set since
        the last one is a record."""
        now, steady = self._clock(), monotonic()
        step = life.step_of(now - self._read[0], steady - self._read[1]) if self._read is not None else 0
        if step:
            await self.write(lambda ledger: life.clock_set(ledger, step))
        else:
            await self._state.writer.do(lambda connection: signs.sign(connection, now))
        self._read = now, steady

    async def ended(self) -> None:
        """The bot is stopped in good order."""
        await self.write(life.ended)

    async def set_update_aside(self, update: str | None, why: str, raw: str, sender: Person | None) -> bool:
        """Keep an update that nobody could handle as it came, once. Answers whether it is new.

        update: its number as text, None where it has none. raw: its JSON. sender: whose it seems to be.
        """
        return await self.write(lambda ledger: life.set_update_aside(ledger, update, why, raw, sender))

    # ── An attachment's way ───────────────────────────────────────────────────────────────────────────────────────

    async def take_in(self, attachment: Attachment, update: str) -> Pending | None:
        return await self.write(lambda ledger: intake.take_in(ledger, attachment, update))

    async def join(self, album: Attachment, members: Sequence[str]) -> Pending:
        return await self.write(lambda ledger: intake.join(ledger, album, members))

    async def known(self, ids: Sequence[str]) -> Mapping[str, bool]:
        return await self._state.read(lambda connection: cases.known(connection, ids))

    async def pending(self) -> Sequence[Pending]:
        return await self._state.read(attachments.pending)

    async def precedents(self, place: Place, digests: Sequence[str]) -> Precedents:
        now = self._clock()

        def find(connection: Connection) -> Precedents:
            room = people.room(connection, place)
            return Precedents() if room is None else precedents.find(connection, place.platform, room, digests, now)

        return await self._state.read(find)

    async def has_grants(self, place: Place) -> bool:
        now = self._clock()

        def find(connection: Connection) -> bool:
            room = people.room(connection, place)
            return room is not None and precedents.any_grant(connection, place.platform, room, now)

        return await self._state.read(find)

    async def first_post(self, place: Place, sender: Person) -> datetime | None:
        """When this chat had its first attachment of theirs; None where it had none."""
        return await self._state.read(lambda connection: attachments.first_of(connection, place, sender))

    async def decided(
        self,
        attachment: Attachment,
        reports: Sequence[Report],
        decision: Decision,
        sealed: Sequence[SealedPart],
        *,
        moderators: str | None,
        policy: str,
        not_kept: str = "",
        inform: bool = False,
    ) -> Case | None:
        def record(ledger: Ledger) -> Case | None:
            number = intake.decided(
                ledger,
                attachment.id,
                reports,
                decision,
                sealed,
                moderators=moderators,
                policy=policy,
                not_kept=not_kept,
                inform=inform,
            )
            return None if number is None else cases.load(ledger.connection, number)

        return await self.write(record)

    async def finished(self, attachment: str) -> None:
        await self.write(lambda ledger: intake.finished(ledger, attachment))

    async def set_aside(self, attachment: str, why: str) -> None:
        await self.write(lambda ledger: intake.set_aside(ledger, attachment, why))

    async def attachment(self, attachment: str) -> Attachment | None:
        """An attachment by its id, for deeds without a case."""
        return await self._state.read(lambda connection: attachments.load(connection, attachment))

    # ── Deeds ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def due(self) -> Sequence[Deed]:
        now = self._clock()
        return await self._state.read(lambda connection: outbox.due(connection, now))

    async def attempting(self, deed: Deed) -> None:
        await self.write(lambda ledger: deeds.attempting(ledger, deed))

    async def done(self, deed: Deed, result: str | None = None) -> None:
        await self.write(lambda ledger: deeds.done(ledger, deed, result))

    async def failed(self, deed: Deed, why: str, *, gone: bool = False) -> str:
        return await self.write(lambda ledger: deeds.failed(ledger, deed, why, gone=gone))

    async def unsure(self, deed: Deed, why: str) -> None:
        await self.write(lambda ledger: deeds.unsure(ledger, deed, why))

    async def postpone(self, deed: Deed, seconds: float) -> None:
        await self.write(lambda ledger: deeds.postpone(ledger, deed, seconds))

    # ── Cases ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def case(self, number: int) -> Case | None:
        return await self._state.read(lambda connection: cases.load(connection, number))

    async def cases(
        self, *, states: Sequence[CaseState] = (), chat: str | None = None, limit: int = 50
    ) -> Sequence[Case]:
        """The newest cases first."""
        return await self._state.read(
            lambda connection: cases.listed(connection, states=states, chat=chat, limit=limit)
        )

    async def sender_of(self, case: Case) -> Person | None:
        return None if case.state is CaseState.ERASED else case.attachment.sender

    async def card_of(self, case: Case) -> str | None:
        row = await self._state.read(lambda connection: cases.find(connection, case.id))
        return None if row is None else row.card

    async def release(
        self, number: int, by: Person, *, days: int, again: int | None = None, approval: Approval = ONE
    ) -> str:
        return await self.write(lambda ledger: review.release(ledger, number, by, days, again, approval))

    async def confirm(self, number: int, by: Person, *, strikes: Strikes = NO_STRIKES) -> str:
        return await self.write(lambda ledger: review.confirm(ledger, number, by, strikes))

    async def release_all(self, number: int, by: Person, *, newest: int, days: int, approval: Approval = ONE) -> str:
        return await self.write(lambda ledger: review.release_all(ledger, number, by, newest, days, approval))

    async def confirm_all(self, number: int, by: Person, *, newest: int, strikes: Strikes = NO_STRIKES) -> str:
        return await self.write(lambda ledger: review.confirm_all(ledger, number, by, newest, strikes))

    async def is_back(self, number: int, by: Person) -> str:
        return await self.write(lambda ledger: review.is_back(ledger, number, by))

    async def purged(self, number: int, by: Person) -> str:
        """A case's vault items were shredded: erase the case. Answers what happened, in one sentence."""
        return await self.write(lambda ledger: review.purged(ledger, number, by))

    async def refused_press(self, number: int, by: Person, verb: str, why: str) -> None:
        await self.write(lambda ledger: review.refused_press(ledger, number, by, verb, why))

    # ── Commands from other processes ─────────────────────────────────────────────────────────────────────────────

    async def submit_intent(self, verb: str, arguments: Mapping[str, Any], by: Person) -> int:
        """Ask the running bot to do something. Answers the intent's number. Name people by subject, never by name."""
        now = self._clock()
        return await self._state.writer.do(lambda c: intents.submit(c, verb, arguments, by, now))

    async def pending_intents(self) -> Sequence[Intent]:
        """What is asked of the bot, oldest first."""
        return await self._state.read(intents.pending)

    async def intent(self, number: int) -> Intent | None:
        """An intent and what became of it."""
        return await self._state.read(lambda connection: intents.find(connection, number))

    async def finish_intent(self, number: int, ok: bool, result: str) -> None:
        """Record what became of an intent, in a sentence without names. Repeating it changes nothing."""

        def finish(ledger: Ledger) -> None:
            intent = intents.find(ledger.connection, number)
            if intent is None or not intents.finish(ledger.connection, number, ok, result):
                return
            subject = people.subject_of(ledger.connection, intent.by.platform, intent.by.id)
            ledger.append(Event.INTENT_FINISHED, {"intent": number, "verb": intent.verb, "ok": ok}, subject=subject)

        await self.write(finish)

    # ── The log, and forgetting ───────────────────────────────────────────────────────────────────────────────────

    async def head(self) -> str:
        return str(await self._state.read(head))

    async def record(
        self, event: Event, data: Mapping[str, object], *, place: Place | None = None, by: Person | None = None
    ) -> None:
        """Append an event of the bot's own life: started, stopped, a gap, a changed policy."""

        def append(ledger: Ledger) -> None:
            subject = None if by is None else people.subject_for(ledger.connection, by)
            ledger.append(event, data, chat=None if place is None else chat_of(place), subject=subject)

        await self.write(append)

    async def subject_of(self, platform: str, user_id: str) -> str | None:
        """The random id of somebody who is known."""
        return await self._state.read(lambda connection: people.subject_of(connection, platform, user_id))

    async def erase(self, platform: str, user_id: str) -> Erasure | None:
        """Forget a person; None when nobody like that is known."""
        subject = await self.subject_of(platform, user_id)
        return None if subject is None else await self.erase_subject(subject)

    async def erase_subject(self, subject: str) -> Erasure:
        """Forget a person, down to the bytes of the database's files. May be repeated."""

        def erase(ledger: Ledger) -> tuple[erasure.Erased, int]:
            erased = erasure.erase(ledger.connection, subject, ledger.now)
            counts = {"attachments": erased.attachments, "items": len(erased.items)}
            withdrawn = {"withdrawn": erased.withdrawn} if erased.withdrawn else {}
            ledger.append(Event.ERASED, {"cases": list(erased.cases), **counts, **withdrawn}, subject=subject)
            return erased, int(ledger.records[-1]["seq"])

        erased, record = await self.write(erase)
        leftover = ""
        try:
            await self._state.scrub()
        except StateError as error:
            leftover = str(error)
        return Erasure(
            subject,
            erased.items,
            erased.cases,
            erased.attachments,
            leftover,
            erased.withdrawn,
            erased.deleted,
            record,
        )

    async def to_shred(self) -> Sequence[str]:
        """Vault items of erased people that nobody has said to be shredded: a restart goes on with them."""
        return await self._state.read(erasure.to_shred)

    async def sealed_items(self) -> frozenset[str]:
        """Every vault item that is known. What else lies in the vault was sealed, and a crash came before `decided`."""
        return await self._state.read(attachments.sealed_items)

    async def shredded(self, item: str) -> None:
        """A vault item is gone."""
        await self._state.writer.do(lambda connection: erasure.shredded(connection, item))


def _mirror(records: Sequence[Mapping[str, Any]]) -> None:
    for record in records:
        told = {key: value for key, value in record.items() if key not in ("v", "event", "prev", "time")}
        _log.info(record["event"], **told)
