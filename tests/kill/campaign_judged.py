"""What must hold after a campaign, by the emulator's own record and by the database. All faults, not the first."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

from sqlalchemy import Connection, select

from kill.campaign import Campaign, Posted
from kill.campaign_plan import expected_of
from lazaretto.audit import AuditedStore, Event, records, verify_database
from lazaretto.emulator import Message
from lazaretto.model import ALBUM, Action, Case, CaseState
from lazaretto.ports import DeedKind
from lazaretto.quarantine import AgeVault
from lazaretto.state.attachments import Progress
from lazaretto.state.outbox import WAITING, DeedState
from lazaretto.state.schema import attachments, cases, outbox, parts

__all__ = ["Judged", "judged"]

_REPEATED = "Sent again after an interruption"
_CASE = re.compile(r"case (\d+) ·")
_HAS_CASE = frozenset({Action.FLAG, Action.QUARANTINE})
_IS_REMOVED = frozenset({Action.QUARANTINE, Action.REJECT})
_ONCE = (Event.SCREENED, Event.DECIDED, Event.FINISHED)


@dataclass
class Judged:
    """faults: in words. interrupted: kills at which something was under way. repeated: cards that came twice.
    shares: how many attachments each action had."""

    faults: list[str]
    interrupted: int
    repeated: int
    shares: Counter[str]


@dataclass
class _Memory:
    """The state folder's tables and log, and the campaign that they speak of."""

    campaign: Campaign
    rows: dict[str, Any]
    parts: list[Any]
    deeds: list[Any]
    case_rows: dict[str, Any]
    cases: dict[int, Case]
    log: list[dict[str, Any]]
    heard: Counter[str]

    @cached_property
    def events(self) -> Counter[tuple[str, str]]:
        return Counter((str(record["attachment"]), record["event"]) for record in self.log)

    @cached_property
    def by_file(self) -> dict[str, Posted]:
        return {posted.unique_id: posted for posted in self.campaign.posted}

    @cached_property
    def judged_rows(self) -> dict[str, Any]:
        """Attachments that stand for themselves: not those that were joined in an album."""
        return {name: row for name, row in self.rows.items() if row.state != Progress.JOINED}

    def posted_in(self, name: str) -> list[Posted]:
        """The files of an attachment."""
        return [self.by_file[part.unique_id] for part in self.parts if part.attachment == name]

    def updates_of(self, row: Any) -> list[str]:
        """The updates that brought an attachment; of an album all of them."""
        if row.kind != ALBUM:
            return [row.update_id]
        return [other.update_id for other in self.rows.values() if other.joined == row.id]


async def judged(campaign: Campaign) -> Judged:
    """Everything that is wrong."""
    state = campaign.folder / "state"
    chain = await verify_database(state)
    faults = [] if chain.fault is None else [f"the audit chain is broken: {chain.fault}"]
    async with AuditedStore.open(state, beside=True) as store:
        tables = await store.state.read(_tables)
        loaded = {case.id: case for case in await store.cases(limit=100_000)}
    host = campaign.folder / "host"
    heard = Counter(host.read_text(encoding="utf-8").splitlines()) if host.exists() else Counter[str]()
    memory = _Memory(campaign, *tables[:4], loaded, tables[4], heard)
    faults += _judgements(memory)
    faults += _removals(memory)
    faults += _one_case_each(memory)
    faults += _shown(memory)
    faults += _duplicates(memory)
    faults += _releases(memory)
    faults += _passed_on(memory)
    vault = AgeVault(state / "vault", state / "vault.key")
    sealed = {part.item for part in memory.parts if part.item}
    if (items := await vault.items()) != sealed:
        faults.append(f"the vault lacks {len(sealed - items)} items and has {len(items - sealed)} too many")
    if left := [*(state / "spool").iterdir(), *(state / "vault").glob(".*.sealing")]:
        faults.append(f"left behind: {[path.name for path in left]}")
    sends = _sends(memory)
    return Judged(
        faults,
        _interrupted(memory),
        sum(len(each) - 1 for each in sends.values()),
        Counter(row.action for row in memory.judged_rows.values()),
    )


def _tables(
    connection: Connection,
) -> tuple[dict[str, Any], list[Any], list[Any], dict[str, Any], list[dict[str, Any]]]:
    return (
        {row.id: row for row in connection.execute(select(attachments))},
        list(connection.execute(select(parts))),
        list(connection.execute(select(outbox).order_by(outbox.c.id))),
        {row.attachment: row for row in connection.execute(select(cases))},
        list(records(connection)),
    )


def _judgements(memory: _Memory) -> Iterator[str]:
    """Every file that was posted was taken in and judged, once, and as its group's policy says."""
    taken = Counter(p.unique_id for p in memory.parts if memory.rows[p.attachment].state != Progress.JOINED)
    for posted in memory.campaign.posted:
        if taken[posted.unique_id] != 1:
            yield f"{posted.content.name} is part of {taken[posted.unique_id]} attachments that were judged"
    for name, row in memory.judged_rows.items():
        files = memory.posted_in(name)
        what = _named(files)
        if row.state != Progress.FINISHED or row.action is None:
            yield f"{what} is {row.state}, decided as {row.action}"
            continue
        counts = {event: memory.events[name, event] for event in _ONCE}
        counts[Event.RECEIVED] = memory.events[name, Event.JOINED if row.kind == ALBUM else Event.RECEIVED]
        if set(counts.values()) != {1}:
            yield f"{what} has {dict(counts)} in the audit log"
        expected = expected_of(files[0].post.group, [posted.content for posted in files])
        copied = any(posted.content.copied for posted in files)  # what moderators decided about the other one counts
        if (row.action, row.enforced) != (expected, 1) and not copied:
            yield f"{what} is decided as {row.action}, and its policy says {expected}"


def _removals(memory: _Memory) -> Iterator[str]:
    """What was decided to be removed is gone, and nothing else is."""
    to_go: set[tuple[int, int]] = set()
    for name, row in memory.judged_rows.items():
        confirmed = name in memory.case_rows and memory.case_rows[name].state == CaseState.CONFIRMED
        if row.action not in _IS_REMOVED and not confirmed:
            continue
        deeds = [deed for deed in memory.deeds if deed.attachment == name and deed.kind == DeedKind.REMOVE]
        if [deed.state for deed in deeds] != [DeedState.DONE]:
            yield f"{_named(memory.posted_in(name))}: removals are {[deed.state for deed in deeds]}"
        to_go |= {_place(posted.message) for posted in memory.posted_in(name)}
    gone = {_place(message) for group in memory.campaign.groups for message in group.deleted}
    if to_go != gone:
        yield f"messages that still stand: {sorted(to_go - gone)}; that are gone for no reason: {sorted(gone - to_go)}"
    if waiting := [deed.kind for deed in memory.deeds if deed.state in WAITING]:
        yield f"deeds that wait: {waiting}"
    if failed := [(deed.kind, deed.result) for deed in memory.deeds if deed.state == DeedState.FAILED]:
        yield f"deeds that failed: {failed}"


def _one_case_each(memory: _Memory) -> Iterator[str]:
    for name, row in memory.judged_rows.items():
        wanted = row.action in _HAS_CASE
        if (name in memory.case_rows, memory.events[name, Event.OPENED]) != (wanted, int(wanted)):
            what, opened = _named(memory.posted_in(name)), memory.events[name, Event.OPENED]
            yield f"{what}, {row.action}: has a case: {name in memory.case_rows}, opened {opened} times"


def _shown(memory: _Memory) -> Iterator[str]:
    """Each case is on its own card or on that of its lead, which names it."""
    cards: dict[int, Message] = {}
    for message in (message for chat in memory.campaign.moderators for message in chat.messages):
        if (found := _CASE.search(message.text or "")) is not None:
            cards[int(found[1])] = message
    for row in memory.case_rows.values():
        lead = row.lead or row.id
        card = cards.get(lead)
        if card is None:
            yield f"case {row.id} is on no card"
        elif row.lead is not None and not _names(card.text or "", memory.cases[lead]):
            yield f"case {row.id} follows case {lead}, whose card does not say so: {card.text}"


def _names(text: str, lead: Case) -> bool:
    raid = lead.raid
    return raid is not None and f"And {len(raid.cases)} more like it" in text and f"{raid.waiting} of them wait" in text


def _sends(memory: _Memory) -> dict[int, list[tuple[int, str]]]:
    """Every card as it was sent: when, counted in calls, and what it said; by case."""
    sends: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for at, call in enumerate(memory.campaign.telegram.calls):
        if call.method == "sendMessage":
            text = str(call.params["text"])
            found = _CASE.search(text)
            sends[int(found[1]) if found else 0].append((at, text))
    return sends


def _duplicates(memory: _Memory) -> Iterator[str]:
    """A card comes twice only where a kill came between, says so then, and not more than one of them for each kill."""
    sends = _sends(memory)
    if notices := sends.pop(0, []):
        yield f"{len(notices)} notices that are no cards, such as {notices[0][1]}"
    blamed: Counter[int] = Counter()
    for number, each in sends.items():
        for (before, _), (_, text) in pairwise(each):
            blamed[sum(at <= before for at in memory.campaign.killed_at)] += 1
            if _REPEATED not in text:
                yield f"case {number} came again and did not say so"
    kills = len(memory.campaign.killed_at)
    for kill, count in blamed.items():
        if kill >= kills:
            yield f"{count} cards came again though nothing was killed"
        elif count > 1:
            yield f"{count} cards came again because of kill {kill + 1}"


def _releases(memory: _Memory) -> Iterator[str]:
    """What was released after it had been removed is posted again, once, and nothing else is."""
    published = memory.campaign.publications()
    tags = {number: case.attachment.caption or "?" for number, case in memory.cases.items()}
    for message in published:  # of an album the first one has the caption
        if not (message.content.get("media_group_id") or any(tag in (message.caption or "") for tag in tags.values())):
            yield f"the bot posted what is no release: {message.caption}"
    for number, case in memory.cases.items():
        count = sum(tags[number] in (message.caption or "") for message in published)
        released = case.state is CaseState.RELEASED and case.action is Action.QUARANTINE
        if count != int(released):
            yield f"case {number} is {case.state} and was posted again {count} times"
        if case.state not in (CaseState.OPEN, CaseState.RELEASED, CaseState.CONFIRMED):
            yield f"case {number} is {case.state}"


def _passed_on(memory: _Memory) -> Iterator[str]:
    """What is cleared reaches the host's handlers, again only after a kill; what is held never does."""
    again = 0
    for name, row in memory.judged_rows.items():
        for update in memory.updates_of(row):
            heard = memory.heard[update]
            if (row.action in _IS_REMOVED) is (heard > 0):
                yield f"{_named(memory.posted_in(name))}, {row.action}: the host heard it {heard} times"
            again = max(again, heard - 1)
    if again > len(memory.campaign.killed_at):
        yield f"the host heard something {again + 1} times"


def _interrupted(memory: _Memory) -> int:
    """Kills at which an attachment had been taken in and not brought to its end, or a deed was under way."""
    under_way: set[object] = set()
    count = 0
    for record in memory.log:
        match record["event"]:
            case Event.STARTED:
                count += bool(under_way)
            case Event.RECEIVED:
                under_way.add(record["attachment"])
            case Event.FINISHED | Event.JOINED:
                under_way -= {record["attachment"], *record["data"].get("members", ())}
            case Event.ATTEMPTED:
                under_way.add(record["data"]["deed"])
            case Event.DONE:
                under_way.discard(record["data"]["deed"])
    return count


def _named(files: Sequence[Posted]) -> str:
    return " + ".join(posted.content.name for posted in files)


def _place(message: Message) -> tuple[int, int]:
    return message.chat.id, message.message_id
