"""The moderators' card: what a file claims, what it is, which rule at which byte, who, where, how long visible.

Everything that a stranger wrote goes through `_told`: nothing hidden in it, no room to look like a line of ours, and
HTML escaped last.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from lazaretto.model import Action, Case, CaseState, Person, Raid, Reason, Report
from lazaretto.rules import all_rules
from lazaretto.text import fitting, shown
from lazaretto_validators.media_types import MEDIA_TYPES

__all__ = ["PREFIX", "buttons", "card_text", "publication_caption"]

PREFIX = "lz:"
# A card has 4096 UTF-16 code units, and each character of a stranger's may take two. A part takes at most 530 of them
# (name, types, digest), a reason 690 (message, place, what was seen and allowed), a further one of a raid 290, and
# everything else 930. In a raid the reasons of those that follow take the place of a part and a reason.
_MOST_PARTS, _MOST_PARTS_IN_A_RAID = 2, 1
_MOST_REASONS, _MOST_REASONS_IN_A_RAID = 3, 2
_MOST_FURTHER = 4
_MOST_RUNS = 8  # of case numbers
_CAPTION = 850  # code units, of the 1024 that a caption may have; ours take up to 151
_BLANKS = re.compile("[ \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]{3,}")  # what Unicode counts as spaces (Zs)
_STATES = {
    CaseState.OPEN: "waiting for you",
    CaseState.RELEASE_PENDING: "release under way",
    CaseState.RELEASED: "released",
    CaseState.CONFIRMED: "confirmed as bad",
    CaseState.EXPIRED: "expired",
    CaseState.APPEALED: "appealed",
    CaseState.ERASED: "erased",
}


def card_text(case: Case, sender: Person | None, head: str, *, repeated: bool = False, note: str = "") -> str:
    """The card as Telegram HTML, within the 4096 characters that a message may have once it is parsed."""
    return "\n".join(_lines(case, sender, head, repeated, note))


def _lines(case: Case, sender: Person | None, head: str, repeated: bool, note: str) -> Iterator[str]:
    verb = "Flagged" if case.action is Action.FLAG else "Quarantined"
    yield f"<b>{verb}</b> · case {case.id} · {_STATES[case.state]}"
    if repeated:
        yield "<i>Sent again after an interruption: you may have seen this card.</i>"
    yield from _parts(case)
    told = _told_reasons(case)
    for reason in told:
        yield from _why(reason, case.reports)
    if len(case.reasons) > len(told):
        yield f"… and {len(case.reasons) - len(told)} more reasons"
    yield f"From: {_person(sender)} in <code>{escape(shown(case.attachment.place.chat, 40))}</code>"
    if case.removed_at is not None:
        visible = max(0.0, (case.removed_at - case.attachment.posted_at).total_seconds())
        yield f"Visible for {visible:.1f} s"
    if case.raid is not None:
        yield f"And {len(case.raid.cases)} more like it: {_numbers(case.raid.cases)}; {case.raid.waiting} of them wait"
        yield from _further_lines(case)
    if note:
        yield f"<b>{_told(note, 150)}</b>"
    yield f"Audit: <code>{escape(shown(head, 100))}</code>"


def _parts(case: Case) -> Iterator[str]:
    concerned = {reason.part for reason in case.reasons}
    parts = sorted(
        zip(case.attachment.parts, case.reports, strict=False), key=lambda pair: pair[0].index not in concerned
    )
    most = _MOST_PARTS_IN_A_RAID if case.raid else _MOST_PARTS
    for part, report in parts[:most]:
        claimed = _told(part.claim.name, 80) or f"a {_told(part.claim.kind, 40) or 'file'} without a name"
        yield f"Claims to be: <code>{claimed}</code>{_declared(part.claim.media_type)}"
        yield f"Is: {_kind(report)}{_size(report)}"
        if report.sha256:
            yield f"SHA-256: <code>{escape(shown(report.sha256, 64))}</code>"
    if len(parts) > most:
        yield f"… and {len(parts) - most} more files"


def _told(text: str | None, limit: int) -> str:
    """A stranger's text as HTML. Blanks that would push what follows to the beginning of a line are counted instead."""
    return escape(shown(_BLANKS.sub(lambda run: f" [{len(run[0])} blanks] ", text or ""), limit))


def _declared(media_type: str | None) -> str:
    return f" (<code>{_told(media_type, 60)}</code>)" if media_type else ""


def _kind(report: Report) -> str:
    if report.media_type is None:
        return "of no known type"
    known = MEDIA_TYPES.get(report.media_type)
    return escape(f"{known.label} ({known.name})") if known else f"<code>{_told(report.media_type, 60)}</code>"


def _size(report: Report) -> str:
    return "" if report.size is None else f", {report.size:,} bytes"


def _told_reasons(case: Case) -> Sequence[Reason]:
    return case.reasons[: _MOST_REASONS_IN_A_RAID if case.raid else _MOST_REASONS]


def _further(case: Case) -> Counter[str]:
    """Rules that those that follow broke, beside what the card says of its own case, and how many of them did."""
    own, told = {reason.rule for reason in case.reasons}, {reason.rule for reason in _told_reasons(case)}
    found: Counter[str] = Counter()
    for rules, count in case.raid.reasons.items() if case.raid else ():
        if rules != own:
            found.update(dict.fromkeys((rules or {""}) - told, count))
    return found


def _tells_all(case: Case, raid: Raid) -> bool:
    """Does the card name every reason for which those that follow wait?"""
    return sum(raid.reasons.values()) >= raid.waiting and len(_further(case)) <= _MOST_FURTHER


def _further_lines(case: Case) -> Iterator[str]:
    known, further = all_rules(), _further(case)
    worst_first = sorted(further, key=lambda name: (known[name].severity.rank if name in known else -1, name))
    for name in worst_first[:_MOST_FURTHER]:
        yield f"• {further[name]} of them: {_sentence(name, 100)}"
    if case.raid is not None and not _tells_all(case, case.raid):
        yield "… and for more reasons than fit here, so they are not released by one press"


def _sentence(name: str, limit: int) -> str:
    rule = all_rules().get(name)
    message = rule.message if rule else "The policy of this group holds it."
    return f"{escape(shown(message, limit))} <code>{escape(shown(name, 60))}</code>"


def _why(reason: Reason, reports: tuple[Report, ...]) -> Iterator[str]:
    yield f"• {_sentence(reason.rule, 200)}"
    findings = reports[reason.part].findings if reason.part < len(reports) else ()
    finding = next((f for f in findings if f.rule == reason.rule), None)
    if finding is None:
        return
    # As code, in which Telegram makes no links of addresses, names and commands.
    place = [f"in <code>{_told(finding.where, 60)}</code>"] if finding.where else []
    place += [f"at byte {finding.offset:,}"] if finding.offset is not None else []
    place += [f"seen <code>{_told(finding.seen, 60)}</code>"] if finding.seen else []
    place += [f"allowed <code>{_told(finding.allowed, 60)}</code>"] if finding.allowed else []
    if place:
        yield f"   {', '.join(place)}"


def _person(person: Person | None) -> str:
    if person is None:
        return "<i>erased</i>"
    name = f"<code>{_told(person.name, 60)}</code>" if person.name else "somebody"
    return f"{name} (@{_told(person.username, 40)})" if person.username else name


def buttons(case: Case) -> InlineKeyboardMarkup | None:
    """What can be done about the case now; None when nothing can.

    What sends a publication again names the one that it is about: the same press may come twice.
    """
    rows: dict[CaseState, list[tuple[str, str]]] = {
        CaseState.OPEN: [("✅ Release", "release"), ("⛔ Confirm", "confirm")],
        CaseState.APPEALED: [("✅ Release", "release"), ("⛔ Confirm", "confirm")],
    }
    if case.uncertain is not None:
        rows[CaseState.RELEASE_PENDING] = [
            ("It is back", "there"),
            ("Send it again", f"again-{case.uncertain}"),
            ("⛔ Confirm", "confirm"),
        ]
    shown_rows = [rows.get(case.state, []), _for_all(case)]
    if not any(shown_rows):
        return None
    return InlineKeyboardMarkup(
        [
            [InlineKeyboardButton(text, callback_data=f"{PREFIX}{verb}:{case.id}") for text, verb in row]
            for row in shown_rows
            if row
        ]
    )


def _for_all(case: Case) -> list[tuple[str, str]]:
    """What one press decides about a raid: the cases up to the newest that the card tells of. More may have come.

    Nobody releases by one press what the card did not tell; to confirm it does no harm that a release cannot undo.
    """
    if case.raid is None or not case.raid.waiting:
        return []
    waiting = case.raid.waiting
    which = f"all {waiting + 1}" if case.state is CaseState.OPEN else f"the other {waiting}"
    newest = case.raid.cases[-1]
    release = [(f"✅ Release {which}", f"release-all-{newest}")] if _tells_all(case, case.raid) else []
    return [*release, (f"⛔ Confirm {which}", f"confirm-all-{newest}")]


def _numbers(cases: Sequence[int]) -> str:
    """`12-19, 23`: the last few runs of them."""
    runs: list[list[int]] = []
    for number in cases:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    told = [str(first) if first == last else f"{first}-{last}" for first, last in runs[-_MOST_RUNS:]]
    return f"cases {'…, ' if len(runs) > _MOST_RUNS else ''}{', '.join(told)}"


def publication_caption(case: Case, sender: Person) -> str:
    """The caption under a released file: who sent it and what they wrote, at most 1024 characters after parsing."""
    name = _told(sender.name, 60) or "a member"
    head = f"From <b>{name}</b>, released by a moderator"
    written = case.attachment.caption
    if not written:
        return head
    # Their line breaks are theirs to keep; everything else is made visible.
    lines = (shown(line, _CAPTION) for line in fitting(written, _CAPTION).split("\n"))
    return f"{head}\n{escape(fitting(chr(10).join(lines), _CAPTION))}"
