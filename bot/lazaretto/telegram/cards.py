"""The moderators' card: what a file claims, what it is, which rule at which byte, who, where, how long visible.

Everything that a stranger wrote goes through `_told`: nothing hidden in it, no room to look like a line of ours, and
HTML escaped last.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from lazaretto.model import Action, Case, CaseState, Person, Reason, Report
from lazaretto.rules import all_rules
from lazaretto.text import fitting, shown
from lazaretto_validators.media_types import MEDIA_TYPES

__all__ = ["PREFIX", "buttons", "card_text", "publication_caption"]

PREFIX = "lz:"
# A card has 4096 UTF-16 code units, and each character of a stranger's may take two. A part takes at most 530 of them
# (name, types, digest), a reason 690 (message, place, what was seen and allowed), everything else 930.
_MOST_PARTS = 2
_MOST_REASONS = 3
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
    for reason in case.reasons[:_MOST_REASONS]:
        yield from _why(reason, case.reports)
    if len(case.reasons) > _MOST_REASONS:
        yield f"… and {len(case.reasons) - _MOST_REASONS} more reasons"
    yield f"From: {_person(sender)} in <code>{escape(shown(case.attachment.place.chat, 40))}</code>"
    if case.removed_at is not None:
        visible = max(0.0, (case.removed_at - case.attachment.posted_at).total_seconds())
        yield f"Visible for {visible:.1f} s"
    if case.raid is not None:
        yield f"And {len(case.raid.cases)} more like it: {_numbers(case.raid.cases)}; {case.raid.waiting} of them wait"
    if note:
        yield f"<b>{_told(note, 150)}</b>"
    yield f"Audit: <code>{escape(shown(head, 100))}</code>"


def _parts(case: Case) -> Iterator[str]:
    concerned = {reason.part for reason in case.reasons}
    parts = sorted(
        zip(case.attachment.parts, case.reports, strict=False), key=lambda pair: pair[0].index not in concerned
    )
    for part, report in parts[:_MOST_PARTS]:
        claimed = _told(part.claim.name, 80) or f"a {_told(part.claim.kind, 40) or 'file'} without a name"
        yield f"Claims to be: <code>{claimed}</code>{_declared(part.claim.media_type)}"
        yield f"Is: {_kind(report)}{_size(report)}"
        if report.sha256:
            yield f"SHA-256: <code>{escape(shown(report.sha256, 64))}</code>"
    if len(parts) > _MOST_PARTS:
        yield f"… and {len(parts) - _MOST_PARTS} more files"


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


def _why(reason: Reason, reports: tuple[Report, ...]) -> Iterator[str]:
    rule = all_rules().get(reason.rule)
    message = rule.message if rule else "The policy of this group holds it."
    yield f"• {escape(shown(message, 200))} <code>{escape(shown(reason.rule, 60))}</code>"
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
    """What one press decides about a raid: the cases up to the newest that the card tells of. More may have come."""
    if case.raid is None or not case.raid.waiting:
        return []
    waiting = case.raid.waiting
    which = f"all {waiting + 1}" if case.state is CaseState.OPEN else f"the other {waiting}"
    newest = case.raid.cases[-1]
    return [(f"✅ Release {which}", f"release-all-{newest}"), (f"⛔ Confirm {which}", f"confirm-all-{newest}")]


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
