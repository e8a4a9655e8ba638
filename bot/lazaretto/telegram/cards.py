"""The moderators' card: what a file claims, what it is, which rule at which byte, who, where, how long visible.

Everything that a stranger wrote goes through `told`: nothing hidden in it, and no room to look like a line of ours.
It is escaped where it is put into a text. What does not fit any more is left out, least important lines first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lazaretto.languages import Html, Language, language_of
from lazaretto.model import Action, Case, Part, Person, Reason, Report
from lazaretto.telegram.attachments import DIRECT
from lazaretto.telegram.card_words import MOST_UNITS, PREFIX, told, units
from lazaretto.telegram.measures import measure_lines
from lazaretto.telegram.openers import openers_line
from lazaretto.telegram.raid_reasons import further_lines, sentence, told_reasons
from lazaretto.telegram.store_words import STATES, translated
from lazaretto.text import fitting, shown
from lazaretto_validators.media_types import MEDIA_TYPES

__all__ = ["PREFIX", "card_text", "publication_caption"]

_MOST_PARTS, _MOST_PARTS_IN_A_RAID = 2, 1
_MOST_RUNS = 8  # of case numbers
_CAPTION = 850  # code units, of the 1024 that a caption may have; ours take up to 151
_ENGLISH = language_of("en")


def card_text(
    case: Case, sender: Person | None, head: str, *, repeated: bool = False, note: str = "", say: Language = _ENGLISH
) -> Html:
    """The card as Telegram HTML, within the 4096 characters that a message may have once it is parsed."""
    return _fitted(say, list(_lines(say, case, sender, head, repeated, note)))


_Line = tuple[int, Html]
"""How easily it is done without: 0 is never left out. Those take about 2100 code units at most, every character of a
stranger's counted twice: a first file's claim and type 480, its reason 280, who and where 500, a note 300, ours 540.
A raid's second reason and the four of those that follow are 1100 more."""


def _fitted(say: Language, lines: list[_Line]) -> Html:
    """The lines, less as many as it takes to fit, the last of the least important first."""
    full = len(lines)
    more = say.html("… more under Details")
    while sum(units(line) + 1 for _, line in lines) + units(more) > MOST_UNITS:
        least = max(importance for importance, _ in lines)
        if least == 0:
            break
        lines.pop(max(number for number, line in enumerate(lines) if line[0] == least))
    told_lines = [line for _, line in lines]
    return Html("\n").join([*told_lines[:-1], more, told_lines[-1]] if len(lines) < full else told_lines)


def _lines(say: Language, case: Case, sender: Person | None, head: str, repeated: bool, note: str) -> Iterator[_Line]:
    verb = say("Flagged") if case.action is Action.FLAG else say("Quarantined")
    state = say(STATES[case.state]) if not case.second else say("a second approval is needed")
    yield 0, say.html("<b>{verb}</b> · case {number} · {state}", verb=verb, number=case.id, state=state)
    if repeated:
        yield 0, say.html("<i>Sent again after an interruption: you may have seen this card.</i>")
    yield from _parts(say, case)
    yield from _reasons(say, case)
    yield 0, _origin(say, case, sender)
    if case.removed_at is not None:
        visible = max(0.0, (case.removed_at - case.attachment.posted_at).total_seconds())
        yield 1, say.html("Visible for {seconds:.1f} s", seconds=visible)
    if case.second:
        yield (
            0,
            say.html("Release approved by {who}; another moderator has to approve, too", who=told(case.closed_by, 60)),
        )
    if case.appealed_at is not None:
        yield (
            0,
            say.html("<b>The sender asks for another look</b>, {time} UTC", time=f"{case.appealed_at:%Y-%m-%d %H:%M}"),
        )
    for line in measure_lines(say, case):
        yield 1, line
    if case.raid is not None:
        yield (
            1,
            say.many_html(
                "And {count} more like it: {numbers}; {waiting} of them wait",
                "And {count} more like it: {numbers}; {waiting} of them wait",
                len(case.raid.cases),
                numbers=_numbers(say, case.raid.cases),
                waiting=case.raid.waiting,
            ),
        )
        for line in further_lines(say, case):
            yield 0, line
    if note:
        yield 0, say.html("<b>{note}</b>", note=told(translated(say, note), 150))
    yield 0, say.html("Audit: <code>{head}</code>", head=shown(head, 100))


def _reasons(say: Language, case: Case) -> Iterator[_Line]:
    told_of_it = told_reasons(case)
    for number, reason in enumerate(told_of_it):
        first, *rest = _why(say, reason, case.reports)
        yield (2 if number and case.raid is None else 0), first  # what a raid is released for stays
        for line in rest:
            yield (3 if number else 1), line
    if left := len(case.reasons) - len(told_of_it):
        yield 2, say.many_html("… and {count} more reason", "… and {count} more reasons", left)


def _origin(say: Language, case: Case, sender: Person | None) -> Html:
    """Who, and where: the chat by its title, where that is known, and the topic."""
    posted = case.attachment
    chat = _code(say, shown(posted.place.chat, 40))
    if posted.room:
        chat = say.html("{room} ({chat})", room=_code(say, told(posted.room, 60)), chat=chat)
    topic = posted.topic or (posted.place.thread or "").removeprefix(DIRECT)
    if not topic:
        return say.html("From: {person} in {chat}", person=_person(say, sender), chat=chat)
    topic = _code(say, told(topic, 40))
    return say.html("From: {person} in {chat}, topic {topic}", person=_person(say, sender), chat=chat, topic=topic)


def _parts(say: Language, case: Case) -> Iterator[_Line]:
    concerned = {reason.part for reason in case.reasons}
    parts = sorted(
        zip(case.attachment.parts, case.reports, strict=False), key=lambda pair: pair[0].index not in concerned
    )
    most = _MOST_PARTS_IN_A_RAID if case.raid else _MOST_PARTS
    for number, (part, report) in enumerate(parts[:most]):
        yield number, _claimed(say, part)
        yield number, say.html("Is: {kind}", kind=_kind(say, report))
        yield 2 + number, openers_line(say, part, report)
        if report.sha256:
            yield 3 + number, say.html("SHA-256: <code>{digest}</code>", digest=shown(report.sha256, 64))
    if len(parts) > most:
        yield 2, say.many_html("… and {count} more file", "… and {count} more files", len(parts) - most)


def _claimed(say: Language, part: Part) -> Html:
    name = told(part.claim.name, 80)
    name = name or say("a {kind} without a name", kind=told(part.claim.kind, 40) or say("file"))
    if not part.claim.media_type:
        return say.html("Claims to be: <code>{name}</code>", name=name)
    declared = told(part.claim.media_type, 60)
    return say.html("Claims to be: <code>{name}</code> (<code>{declared}</code>)", name=name, declared=declared)


def _kind(say: Language, report: Report) -> Html:
    kind = say.html("of no known type")
    if report.media_type is not None:
        known = MEDIA_TYPES.get(report.media_type)
        unknown = _code(say, told(report.media_type, 60))
        kind = say.html("{kind}", kind=f"{known.label} ({known.name})") if known else unknown
    if report.size is None:
        return kind
    return say.many_html("{kind}, {count:,} byte", "{kind}, {count:,} bytes", report.size, kind=kind)


def _code(say: Language, text: str) -> Html:
    """As code, in which Telegram makes no links of addresses, names and commands."""
    return say.html("<code>{text}</code>", text=text)


def _why(say: Language, reason: Reason, reports: tuple[Report, ...]) -> Iterator[Html]:
    yield say.html("• {sentence}", sentence=sentence(say, reason.rule, 200))
    findings = reports[reason.part].findings if reason.part < len(reports) else ()
    finding = next((f for f in findings if f.rule == reason.rule), None)
    if finding is None:
        return
    where, seen, allowed = (_code(say, told(text, 60)) for text in (finding.where, finding.seen, finding.allowed))
    place = [say.html("in {where}", where=where)] if finding.where else []
    place += [say.html("at byte {offset:,}", offset=finding.offset)] if finding.offset is not None else []
    place += [say.html("seen {seen}", seen=seen)] if finding.seen else []
    place += [say.html("allowed {allowed}", allowed=allowed)] if finding.allowed else []
    if place:
        yield say.html("   {place}", place=Html(", ").join(place))


def _person(say: Language, person: Person | None) -> Html:
    if person is None:
        return say.html("<i>erased</i>")
    name = _code(say, told(person.name, 60)) if person.name else say.html("somebody")
    if not person.username:
        return name
    return say.html("{name} (@{username})", name=name, username=told(person.username, 40))


def _numbers(say: Language, cases: Sequence[int]) -> str:
    """`12-19, 23`: the last few runs of them."""
    runs: list[list[int]] = []
    for number in cases:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    told = [str(first) if first == last else f"{first}-{last}" for first, last in runs[-_MOST_RUNS:]]
    return say("cases {numbers}", numbers=", ".join(["…"] * (len(runs) > _MOST_RUNS) + told))


def publication_caption(case: Case, sender: Person, say: Language = _ENGLISH) -> Html:
    """The caption under a released file: who sent it and what they wrote, at most 1024 characters after parsing."""
    name = _code(say, told(sender.name, 60)) if sender.name else say.html("a member")
    head = say.html("From <b>{name}</b>, released by a moderator", name=name)
    written = case.attachment.caption
    if not written:
        return head
    # Their line breaks are theirs to keep; everything else is made visible.
    lines = (shown(line, _CAPTION) for line in fitting(written, _CAPTION).split("\n"))
    return say.html("{head}\n{written}", head=head, written=fitting("\n".join(lines), _CAPTION))
