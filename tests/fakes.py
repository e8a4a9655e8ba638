"""The pipeline's four ports in memory, and a chat platform that is none of the known ones.

All of them write what happens into one story, in order. `faults` of each hold what a method raises, once a call.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from lazaretto.model import (
    Action,
    Attachment,
    Case,
    CaseState,
    Claim,
    Decision,
    Part,
    Person,
    Place,
    Report,
    SealedPart,
)
from lazaretto.ports import NO_STRIKES, ONE, Approval, Deed, DeedKind, Pending, Precedents, Strikes
from lazaretto.rules import CRASHED, TOO_LARGE
from lazaretto_validators import Finding, unscannable

__all__ = [
    "MAILBOX",
    "FakeJob",
    "FakePlatform",
    "FakeScreener",
    "FakeStore",
    "FakeVault",
    "Faults",
    "Story",
    "an_attachment",
    "digest_of",
]

Story = list[str]
MAILBOX = Place("pigeon", "tower-3")

PUBLISHED = "feather-9"
CARD = "feather-1"


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def an_attachment(*names: str, name: str = "a1", size: int | None = None, place: Place = MAILBOX) -> Attachment:
    """An attachment with one part a name; the name is its file id too."""
    parts = tuple(
        Part(i, n, f"u-{n}", f"letter.{i}", Claim(name=n, media_type=None, size=size, kind="scroll"))
        for i, n in enumerate(names)
    )
    posted = datetime(2026, 5, 1, tzinfo=UTC)
    return Attachment(name, place, "m-17", "update-4", Person("pigeon", "p-1", "Ann"), "scroll", parts, posted)


class Faults:
    """What goes wrong next: errors by method, in order. A hook runs before its method answers."""

    def __init__(self, story: Story) -> None:
        self.story = story
        self.errors: defaultdict[str, list[Exception]] = defaultdict(list)
        self.hooks: dict[str, Callable[[], Awaitable[object]]] = {}

    async def strike(self, method: str, about: object = "") -> None:
        self.story.append(f"{method} {about}".rstrip())
        if method in self.hooks:
            await self.hooks[method]()
        if self.errors[method]:
            raise self.errors[method].pop(0)


class FakeJob:
    """Screens by looking for marks: bytes that hold a mark break its rule."""

    def __init__(
        self, faults: Faults, spool: Path, marks: dict[bytes, Finding], decisive: frozenset[str] = frozenset()
    ) -> None:
        self._faults = faults
        self._spool = spool
        self._marks = marks
        self._decisive = decisive
        self._data = b""

    @property
    def spool(self) -> Path:
        return self._spool

    @property
    def decided(self) -> bool:
        return any(finding.rule in self._decisive for finding in self._found())

    def _found(self) -> tuple[Finding, ...]:
        return tuple(finding for mark, finding in self._marks.items() if mark in self._data)

    async def feed(self, chunk: bytes) -> None:
        await self._faults.strike("feed")
        self._data += chunk
        self._spool.write_bytes(self._data)

    async def finish(self) -> Report:
        await self._faults.strike("finish")
        found = self._found()
        if self.decided:
            return Report("text/plain", None, None, found, len(found), rule_set="r1", partial=True)
        return Report("text/plain", len(self._data), digest_of(self._data), found, len(found), rule_set="r1")

    async def abort(self) -> Report:
        await self._faults.strike("abort")
        crashed = tuple(finding for finding in self._found() if finding.rule == CRASHED.id)
        findings = (*crashed, unscannable.INCOMPLETE.found(at=None))
        return Report(None, None, None, findings, len(findings), partial=True)


class FakeScreener:
    """`ports.Screener`. `marks`: which bytes break which rule. `open_jobs`: jobs whose context was not left yet."""

    def __init__(self, story: Story, folder: Path) -> None:
        self.faults = Faults(story)
        self.marks: dict[bytes, Finding] = {}
        self.open_jobs = 0
        self.opened = 0
        self._folder = folder

    @asynccontextmanager
    async def open(self, claim: Claim, decisive: frozenset[str] = frozenset()) -> AsyncIterator[FakeJob]:
        await self.faults.strike("open", claim.name)
        self.opened += 1
        self.open_jobs += 1
        spool = self._folder / f"spool-{self.opened}"
        spool.touch()
        try:
            yield FakeJob(self.faults, spool, self.marks, decisive)
        finally:
            self.open_jobs -= 1
            spool.unlink()

    async def screen_file(self, path: Path, claim: Claim) -> Report:
        data = path.read_bytes()
        return Report(None, len(data), digest_of(data), (TOO_LARGE.found(at=None),), 1)


class FakePlatform:
    """`ports.Platform` of a post with pigeons. `files`: bytes by file id."""

    def __init__(self, story: Story) -> None:
        self.faults = Faults(story)
        self.files: dict[str, bytes] = {}
        self.shown: list[tuple[int, bool, str]] = []
        self.published: list[bytes] = []
        self.gone = False

    async def fetch(self, part: Part) -> AsyncIterator[bytes]:
        data = self.files[part.file_id]
        yield data[:4]
        await self.faults.strike("fetch", part.file_id)
        yield data[4:]

    async def remove(self, place: Place, messages: Sequence[str]) -> bool:
        await self.faults.strike("remove", " ".join(messages))
        return not self.gone

    async def publish(self, case: Case, sender: Person, files: Sequence[Path]) -> str:
        await self.faults.strike("publish", case.id)
        self.published += [path.read_bytes() for path in files]
        return PUBLISHED

    async def notify(self, case: Case, sender: Person | None, head: str, *, repeated: bool) -> str:
        await self.faults.strike("notify", case.id)
        self.shown.append((case.id, repeated, head))
        return CARD

    async def update_card(self, case: Case, sender: Person | None, card: str, head: str, note: str) -> None:
        await self.faults.strike("update-card", f"{card}: {note}")

    async def mute(self, place: Place, member: Person, seconds: int) -> str:
        await self.faults.strike("mute", f"{member.id} for {seconds}")
        return "2026-05-02T00:00:00.000000Z" if seconds else ""

    async def ban(self, place: Place, member: Person, seconds: int) -> str:
        await self.faults.strike("ban", f"{member.id} for {seconds}")
        return "2026-05-02T00:00:00.000000Z" if seconds else ""

    async def tell(self, case: Case, sender: Person, *, repeated: bool) -> str:
        await self.faults.strike("tell", f"{sender.id} of {case.id}{' again' if repeated else ''}")
        return "feather-7"


class FakeVault:
    """`ports.Vault`. `items`: what was sealed."""

    def __init__(self, story: Story, folder: Path) -> None:
        self.faults = Faults(story)
        self.items: dict[str, bytes] = {}
        self._folder = folder

    async def seal(self, path: Path) -> str:
        await self.faults.strike("seal")
        item = f"item-{len(self.items)}"
        self.items[item] = path.read_bytes()
        return item

    @asynccontextmanager
    async def unsealed(self, item: str) -> AsyncIterator[Path]:
        await self.faults.strike("unseal", item)
        path = self._folder / f"open-{item}"
        path.write_bytes(self.items[item])
        try:
            yield path
        finally:
            path.unlink()

    async def shred(self, item: str) -> None:
        self.items.pop(item, None)


class FakeStore:
    """`ports.Store`. What is not the subject of a test of pipeline or deeds (review) only writes into the story."""

    def __init__(self, story: Story) -> None:
        self.faults = Faults(story)
        self.attachments: dict[str, Pending] = {}
        self.reports: dict[str, tuple[Report, ...]] = {}
        self.sealed: dict[str, tuple[SealedPart, ...]] = {}
        self.aside: dict[str, str] = {}
        self.not_kept: list[str] = []
        self.before = Precedents()
        self.cases: dict[int, Case] = {}
        self.outbox: dict[int, Deed] = {}
        self.postponed: dict[int, float] = {}
        self.outcomes: dict[int, str] = {}
        self.cards: dict[int, str] = {}
        self.senders: dict[str, Person] = {}

    async def take_in(self, attachment: Attachment, update: str) -> Pending | None:
        await self.faults.strike("take-in", attachment.id)
        known = self.attachments.get(attachment.id)
        if known is None:
            self.attachments[attachment.id] = Pending(attachment, (update,), None)
            self.senders[attachment.id] = attachment.sender
        return known

    async def join(self, album: Attachment, members: Sequence[str]) -> Pending:
        await self.faults.strike("join", " ".join(members))
        if album.id not in self.attachments:
            updates = [update for name in members for update in self.attachments.pop(name).updates]
            self.attachments[album.id] = Pending(album, tuple(updates), None)
            self.senders[album.id] = album.sender
        return self.attachments[album.id]

    async def known(self, ids: Sequence[str]) -> Mapping[str, bool]:
        return {name: False for name in ids if name in self.attachments}

    async def pending(self) -> Sequence[Pending]:
        await self.faults.strike("pending")
        return list(self.attachments.values())

    async def precedents(self, place: Place, digests: Sequence[str]) -> Precedents:
        return self.before

    async def has_grants(self, place: Place) -> bool:
        return bool(self.before.granted)

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
        await self.faults.strike("decided", f"{decision.action} enforced={decision.enforced}")
        self.not_kept += [not_kept] if not_kept else []
        self.attachments[attachment.id] = replace(self.attachments[attachment.id], decision=decision)
        self.reports[attachment.id], self.sealed[attachment.id] = tuple(reports), tuple(sealed)
        if not decision.enforced:
            return None
        case = None
        if decision.action in (Action.FLAG, Action.QUARANTINE):
            case = self.open_case(attachment, decision, reports, sealed, moderators)
        if decision.holds:
            self.intend(DeedKind.REMOVE, attachment, case)
        if case is not None:
            self.intend(DeedKind.CARD, attachment, case)
        if inform and decision.holds:
            self.intend(DeedKind.TELL, attachment, case)
        return case

    def open_case(
        self,
        attachment: Attachment,
        decision: Decision,
        reports: Sequence[Report] = (),
        sealed: Sequence[SealedPart] = (),
        moderators: str | None = "council",
    ) -> Case:
        number = len(self.cases) + 1
        self.cases[number] = Case(
            number,
            attachment,
            CaseState.OPEN,
            decision.action,
            decision.reasons,
            tuple(reports),
            attachment.posted_at,
            moderators=moderators,
            sealed=tuple(sealed),
        )
        self.senders[attachment.id] = attachment.sender
        return self.cases[number]

    def intend(
        self,
        kind: DeedKind,
        attachment: Attachment,
        case: Case | None,
        *,
        attempted: bool = False,
        note: str = "",
        room: str = "",
        origin: str = "",
    ) -> Deed:
        number, about = len(self.outbox) + 1, case.id if case else None
        deed = Deed(number, kind, attachment.id, about, attempted, note, room, origin=origin)
        self.outbox[deed.id] = deed
        return deed

    async def finished(self, attachment: str) -> None:
        await self.faults.strike("finished", attachment)
        del self.attachments[attachment]

    async def set_aside(self, attachment: str, why: str) -> None:
        await self.faults.strike("set-aside", attachment)
        self.aside[attachment] = why

    async def due(self) -> Sequence[Deed]:
        if self.faults.errors["due"]:
            raise self.faults.errors["due"].pop(0)
        waiting = [d for d in self.outbox.values() if d.id not in self.outcomes and d.id not in self.postponed]
        waiting.sort(key=lambda deed: deed.kind is not DeedKind.REMOVE)
        if "due" in self.faults.hooks:
            await self.faults.hooks["due"]()
        return waiting

    async def attempting(self, deed: Deed) -> None:
        await self.faults.strike("attempting", deed.kind)
        self.outbox[deed.id] = replace(deed, attempted=True)

    async def done(self, deed: Deed, result: str | None = None) -> None:
        await self.faults.strike("done", f"{deed.kind} {result or ''}")
        self.outcomes[deed.id] = "done"
        if deed.kind is DeedKind.CARD and deed.case is not None and result is not None:
            self.cards[deed.case] = result

    async def failed(self, deed: Deed, why: str, *, gone: bool = False) -> str:
        await self.faults.strike("failed", f"{deed.kind}: {why}{' (gone)' if gone else ''}")
        self.outcomes[deed.id] = "failed"
        return why.replace("Ann", "…")

    async def unsure(self, deed: Deed, why: str) -> None:
        await self.faults.strike("unsure", f"{deed.kind}: {why}")
        if deed.kind is DeedKind.PUBLISH:
            self.outcomes[deed.id] = "unknown"
        else:
            self.postponed[deed.id] = 5.0

    async def postpone(self, deed: Deed, seconds: float) -> None:
        await self.faults.strike("postpone", f"{deed.kind} {seconds:g}")
        self.outbox[deed.id] = deed
        self.postponed[deed.id] = seconds

    async def attachment(self, attachment: str) -> Attachment | None:
        found = self.attachments.get(attachment)
        of_case = next((c.attachment for c in self.cases.values() if c.attachment.id == attachment), None)
        return found.attachment if found else of_case

    async def case(self, number: int) -> Case | None:
        return self.cases.get(number)

    async def sender_of(self, case: Case) -> Person | None:
        return self.senders.get(case.attachment.id)

    async def card_of(self, case: Case) -> str | None:
        return self.cards.get(case.id)

    async def release(
        self, number: int, by: Person, *, days: int, again: int | None = None, approval: Approval = ONE
    ) -> str:
        after = "" if again is None else f" after {again}"
        await self.faults.strike("release", f"{number} by {by.id} for {days} days{after}")
        return f"Case {number} is approved."

    async def confirm(self, number: int, by: Person, *, strikes: Strikes = NO_STRIKES) -> str:
        await self.faults.strike("confirm", f"{number} by {by.id}")
        return f"Case {number} is confirmed."

    async def release_all(self, number: int, by: Person, *, newest: int, days: int, approval: Approval = ONE) -> str:
        await self.faults.strike("release-all", number)
        return "released"

    async def confirm_all(self, number: int, by: Person, *, newest: int, strikes: Strikes = NO_STRIKES) -> str:
        await self.faults.strike("confirm-all", number)
        return "confirmed"

    async def is_back(self, number: int, by: Person) -> str:
        await self.faults.strike("is-back", f"{number} by {by.id}")
        return f"Case {number} is released."

    async def refused_press(self, number: int, by: Person, verb: str, why: str) -> None:
        await self.faults.strike("refused-press", f"{verb} {number} by {by.id}")

    async def head(self) -> str:
        return "12:abc"
