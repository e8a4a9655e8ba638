"""The buttons under a card: what can be done about a case, and about its sender.

    lz:VERB:CASE                  release, confirm, there, again-DEED, release-all-NEWEST, confirm-all-NEWEST: `review`
    lz:mute:CASE  lz:ban:CASE     choose for how long, in the place of the other buttons
    lz:mute:CASE:SECONDS:DEED     do it; DEED is the newest mute or ban that the presser was shown, 0 for none
    lz:card:CASE                  back
    lz:details:CASE               everything that was found
    lz:tell:CASE:DEED             tell the sender how it stands; DEED as above, of what the sender was told

What names the deed before it can come twice, and is done once: the second one names an older deed than there is.
"""

from __future__ import annotations

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from lazaretto.languages import Language, language_of
from lazaretto.model import Case, CaseState
from lazaretto.ports import DeedKind
from lazaretto.telegram.card_words import PREFIX
from lazaretto.telegram.durations import CHOICES
from lazaretto.telegram.raid_reasons import tells_all

__all__ = ["buttons", "durations", "is_in_a_group", "newest"]

_Row = list[tuple[str, str]]
"""Texts of buttons, each with the data behind it, without what begins it."""

_ENGLISH = language_of("en")
_BACK = "card"
_GUILTY = frozenset({CaseState.OPEN, CaseState.CONFIRMED, CaseState.APPEALED, CaseState.RELEASE_PENDING})
"""Where something may still follow for the sender."""


def buttons(case: Case, say: Language = _ENGLISH) -> InlineKeyboardMarkup | None:
    """What can be done about the case now; None when nothing can.

    What sends a publication again names the one that it is about: the same press may come twice.
    """
    return _keyboard([_decisions(say, case), _for_all(say, case), _about_the_sender(say, case), _more(say, case)])


def durations(case: Case, kind: DeedKind, say: Language = _ENGLISH) -> InlineKeyboardMarkup | None:
    """For how long the sender is muted or banned, and back. A channel that is banned is so for ever: Bot API,
    banChatSenderChat."""
    after = newest(case, DeedKind.MUTE, DeedKind.BAN)
    choices = CHOICES if not case.attachment.sender.id.startswith("-") else {0: CHOICES[0]}
    row = [(say(text), f"{kind}:{case.id}:{seconds}:{after}") for seconds, text in choices.items()]
    return _keyboard([row[:3], [*row[3:], (say("◂ Back"), f"{_BACK}:{case.id}")]])


def newest(case: Case, *kinds: DeedKind) -> int:
    """The newest of what was done of these kinds; 0 for nothing."""
    own = (measure for measure in case.measures if measure.follower is None)
    return max((measure.number for measure in own if measure.kind in kinds), default=0)


def is_in_a_group(case: Case) -> bool:
    """Is its sender a member of something, from which they can be banned?"""
    place = case.attachment.place
    return not place.private and not place.channel and place.account is None


def _decisions(say: Language, case: Case) -> _Row:
    confirm = (say("⛔ Confirm"), f"confirm:{case.id}")
    if case.uncertain is not None:
        again = (say("Send it again"), f"again-{case.uncertain}:{case.id}")
        there = (say("It is back"), f"there:{case.id}")
        return [there, again, confirm] if case.state is CaseState.RELEASE_PENDING else []
    if case.second:
        return [(say("✅ Approve, too"), f"release:{case.id}"), confirm]
    if case.state in (CaseState.OPEN, CaseState.APPEALED):
        return [(say("✅ Release"), f"release:{case.id}"), confirm]
    return []


def _for_all(say: Language, case: Case) -> _Row:
    """What one press decides about a raid: the cases up to the newest that the card tells of. More may have come, and
    what it does not tell all of is not released by one press."""
    if case.raid is None or not case.raid.waiting:
        return []
    waiting = case.raid.waiting
    newest_case = case.raid.cases[-1]
    if case.state is CaseState.OPEN:
        release, confirm = say("✅ Release all {n}", n=waiting + 1), say("⛔ Confirm all {n}", n=waiting + 1)
    else:
        release, confirm = say("✅ Release the other {n}", n=waiting), say("⛔ Confirm the other {n}", n=waiting)
    released = [(release, f"release-all-{newest_case}:{case.id}")] if tells_all(case) else []
    return [*released, (confirm, f"confirm-all-{newest_case}:{case.id}")]


def _about_the_sender(say: Language, case: Case) -> _Row:
    if case.state not in _GUILTY or not is_in_a_group(case):
        return []
    return [(say("Mute ▸"), f"{DeedKind.MUTE}:{case.id}"), (say("Ban ▸"), f"{DeedKind.BAN}:{case.id}")]


def _more(say: Language, case: Case) -> _Row:
    if case.state is CaseState.ERASED:
        return []
    row = [(say("Details"), f"details:{case.id}")]
    if is_in_a_group(case):
        row.append((say("Tell sender"), f"tell:{case.id}:{newest(case, DeedKind.TELL)}"))
    return row


def _keyboard(rows: list[_Row]) -> InlineKeyboardMarkup | None:
    shown = [[InlineKeyboardButton(text, callback_data=PREFIX + data) for text, data in row] for row in rows if row]
    return InlineKeyboardMarkup(shown) if shown else None
