"""Everything about one case: what it is, what was found where, what happened, who sent it, and where else it is.

Made of blocks of at most some lines, which fill as many pages as they need. Bytes are read for the page that is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from lazaretto.audit.history import Brief, Copy, Facts, Seen
from lazaretto.languages import N_, Html, Language
from lazaretto.model import CaseState, Part, Person, Report
from lazaretto.rules import all_rules
from lazaretto.telegram.card_words import units
from lazaretto.telegram.commands.cases_bytes import HEX_UNITS, Place, Windows, hex_told
from lazaretto.telegram.commands.cases_text import ACTIONS, STATES, ago, code, who
from lazaretto.telegram.commands.cases_timeline import timeline
from lazaretto.text import shown
from lazaretto_validators import Finding
from lazaretto_validators.media_types import MEDIA_TYPES

__all__ = ["Block", "Elsewhere", "blocks", "filled", "pages"]

_ROOM = 3700
"""Code units of a page, of the 4,096 that a message has: the rest is for its head (see `head` in cases.py)."""

_MOST_WINDOWS = 6
"""Of bytes, on a page: each has the file decrypted up to there."""

_MOST_FINDINGS = 30  # of a part, worst first
_IN_A_MEMBER = "!/"
_NO_RULE = N_("The policy of this group holds it.")


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that stay together. bytes_at: below them, the bytes around this place."""

    text: Html
    bytes_at: Place | None = None

    @property
    def units(self) -> int:
        return units(self.text) + 1 + (HEX_UNITS if self.bytes_at is not None else 0)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """The same files in other posts, in chats that the asker may see. titles: of these chats."""

    copies: Sequence[Copy] = ()
    count: int = 0
    titles: Mapping[str, str] | None = None


def blocks(say: Language, facts: Facts, elsewhere: Elsewhere, title: str, now: datetime) -> Iterator[Block]:
    """All there is to say. title: of its chat."""
    yield Block(Html("\n").join(_head(say, facts, title)))
    case = facts.case
    told: set[tuple[int, str]] = set()
    for number, part in enumerate(case.attachment.parts):
        report = case.reports[number] if number < len(case.reports) else None
        yield Block(_part(say, part, report, of=len(case.attachment.parts)))
        for finding in report.findings[:_MOST_FINDINGS] if report else ():
            told.add((number, finding.rule))
            yield _finding(say, number, finding)
        if report and report.total > _MOST_FINDINGS:
            yield Block(say.html("… and {count} more findings", count=report.total - _MOST_FINDINGS))
    for reason in case.reasons:
        if (reason.part, reason.rule) not in told:
            yield Block(_sentence(say, reason.rule))
    yield from _section(say, N_("What happened"), timeline(say, facts.records, facts.people, case.attachment.posted_at))
    yield from _section(say, N_("This sender, in this chat"), _seen(say, facts.seen, now))
    yield from _section(say, N_("The same file elsewhere"), _elsewhere(say, elsewhere, now))


def _head(say: Language, facts: Facts, title: str) -> Iterator[Html]:
    case, sent = facts.case, facts.case.attachment
    yield say.html(
        "<b>Case {number}</b> {state}, {action}",
        number=case.id,
        state=say(STATES[case.state]),
        action=say(ACTIONS[case.action]),
    )
    yield say.html(
        "From {who} in {chat}, {time} UTC",
        who=_sender(say, facts.sender),
        chat=code(say, title or sent.place.chat, 60),
        time=f"{sent.posted_at:%Y-%m-%d %H:%M:%S}",
    )
    if case.removed_at is not None:
        yield say.html("Visible for {time}", time=ago(say, sent.posted_at, case.removed_at))
    if case.closed_by is not None:
        yield say.html("Decided by {who}", who=code(say, case.closed_by, 60))
    if sent.caption and case.state is not CaseState.ERASED:
        yield say.html("Wrote: {text}", text=code(say, sent.caption, 200))


def _sender(say: Language, sender: Person | None) -> Html:
    name = who(say, sender, 60)
    if sender is None:
        return name
    if sender.username:
        name = Html(" ").join((name, code(say, f"@{sender.username}", 40)))
    return Html(" ").join((name, code(say, sender.id, 40)))


def _part(say: Language, part: Part, report: Report | None, of: int) -> Html:
    claim = part.claim
    which = say.html("<b>File {number}</b>", number=part.index + 1) if of > 1 else say.html("<b>File</b>")
    lines = [which, say.html("Claims: {what}", what=_claimed(say, part))]
    if claim.size is not None:
        lines[-1] = say.html("{what}, {size:,} bytes", what=lines[-1], size=claim.size)
    if report is None:
        lines.append(say.html("Nothing is kept of what was found in it."))
        return Html("\n").join(lines)
    lines.append(say.html("Is: {what}", what=_detected(say, report)))
    if report.sha256:
        lines.append(say.html("SHA-256: <code>{digest}</code>", digest=shown(report.sha256, 64)))
    lines += [
        say.html("Not looked at: {where} ({why})", where=code(say, gap.where, 60), why=code(say, gap.why, 80))
        for gap in report.coverage[:2]
    ]
    return Html("\n").join(lines)


def _claimed(say: Language, part: Part) -> Html:
    name = code(say, part.claim.name, 120) if part.claim.name else say.html("a file without a name")
    kind = part.claim.media_type or part.claim.kind
    return say.html("{name} ({kind})", name=name, kind=code(say, kind, 60)) if kind else name


def _detected(say: Language, report: Report) -> Html:
    if report.media_type is None:
        kind = say.html("of no known type")
    elif (known := MEDIA_TYPES.get(report.media_type)) is not None:
        kind = say.html("{label} ({name})", label=known.label, name=known.name)
    else:
        kind = code(say, report.media_type, 60)
    return kind if report.size is None else say.html("{kind}, {size:,} bytes", kind=kind, size=report.size)


def _sentence(say: Language, rule: str) -> Html:
    known = all_rules().get(rule)
    sentence = shown(known.message, 200) if known else say(_NO_RULE)
    return say.html("• {sentence} <code>{rule}</code>", sentence=sentence, rule=shown(rule, 60))


def _finding(say: Language, part: int, finding: Finding) -> Block:
    lines = [_sentence(say, finding.rule)]
    if finding.where:
        lines.append(say.html("In: {where}", where=code(say, finding.where, 80)))
    if finding.offset is not None:
        lines.append(say.html("At byte {offset:,} (0x{hex})", offset=finding.offset, hex=f"{finding.offset:x}"))
    if finding.seen:
        lines.append(say.html("Seen: {seen}", seen=code(say, finding.seen, 100)))
    if finding.allowed:
        lines.append(say.html("Allowed: {allowed}", allowed=code(say, finding.allowed, 100)))
    # What lies in an archive has offsets of its own, and its bytes are packed in the file.
    in_file = finding.offset is not None and _IN_A_MEMBER not in finding.where
    return Block(Html("\n").join(lines), (part, finding.offset) if in_file and finding.offset is not None else None)


def _section(say: Language, title: str, lines: Iterator[Html]) -> Iterator[Block]:
    """Its title stays with its first line."""
    first = next(lines, None)
    if first is not None:
        yield Block(say.html("\n<b>{title}</b>\n{first}", title=say(title), first=first))
        yield from map(Block, lines)


def _seen(say: Language, seen: Seen | None, now: datetime) -> Iterator[Html]:
    if seen is None:
        yield say.html("<i>erased</i>")
        return
    counts = {state: seen.states.get(state, 0) for state in (CaseState.RELEASED, CaseState.CONFIRMED)}
    yield say.html(
        "Posted {posted}, held {held}, flagged {flagged}",
        posted=seen.posted,
        held=seen.held,
        flagged=seen.flagged,
    )
    yield say.html(
        "Released {released}, confirmed as bad {confirmed}, strikes {strikes}",
        released=counts[CaseState.RELEASED],
        confirmed=counts[CaseState.CONFIRMED],
        strikes=seen.strikes,
    )
    yield from (_brief(say, brief, now) for brief in seen.last)


def _brief(say: Language, brief: Brief, now: datetime) -> Html:
    return say.html(
        "<b>{number}</b> {state} · <code>{rule}</code> · {time} ago",
        number=brief.id,
        state=say(STATES[brief.state]),
        rule=shown(brief.rule, 60),
        time=ago(say, brief.opened_at, now),
    )


def _elsewhere(say: Language, elsewhere: Elsewhere, now: datetime) -> Iterator[Html]:
    for copy in elsewhere.copies:
        title = (elsewhere.titles or {}).get(copy.chat) or copy.chat
        said = [code(say, title, 40), say.html("{time} ago", time=ago(say, copy.posted_at, now))]
        if copy.case is not None and copy.state is not None:
            said.append(say.html("case {number} {state}", number=copy.case, state=say(STATES[copy.state])))
        elif copy.action is not None:
            said.append(say.html("{action}", action=say(ACTIONS[copy.action])))
        yield Html(" · ").join(said)
    if (more := elsewhere.count - len(elsewhere.copies)) > 0:
        yield say.html("… and {count} more", count=more)


# ── Pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def pages(found: Iterator[Block]) -> list[list[Block]]:
    """As many as it takes, in order; at least one."""
    every: list[list[Block]] = [[]]
    room, left = _ROOM, _MOST_WINDOWS
    for block in found:
        looks = block.bytes_at is not None
        if every[-1] and (block.units > room or left < looks):
            every.append([])
            room, left = _ROOM, _MOST_WINDOWS
        every[-1].append(block)
        room -= block.units
        left -= looks
    return every


def filled(say: Language, page: Sequence[Block], bytes_of: Windows) -> Html:
    """A page's text, with the bytes that it shows."""
    lines: list[Html] = []
    for block in page:
        lines.append(block.text)
        if block.bytes_at is not None:
            data = bytes_of.get(block.bytes_at)
            if data is None:
                lines.append(say.html("<i>The file is not kept any more, or never was.</i>"))
            else:
                lines.append(hex_told(say, data, block.bytes_at[1]))
    return Html("\n").join(lines).strip("\n")
