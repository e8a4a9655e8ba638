"""What a case's sender is told in private: what is held, why in one sentence, how it stands, and that they may appeal.

No offsets, no rule ids, no other names: whoever tries what passes learns little from it.
"""

from __future__ import annotations

from collections.abc import Iterator

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from lazaretto.languages import N_, Html, Language
from lazaretto.model import Action, Case, CaseState
from lazaretto.rules import all_rules
from lazaretto.telegram.card_words import PREFIX, told

__all__ = ["APPEAL", "appeal_button", "sender_text"]

APPEAL = "appeal"
_STANDS = {
    CaseState.OPEN: N_("A moderator will look at it."),
    CaseState.RELEASE_PENDING: N_("A moderator will look at it."),
    CaseState.RELEASED: N_("A moderator has released it. Nothing is held any more."),
    CaseState.CONFIRMED: N_("A moderator has looked at it, and it stays out of the group."),
    CaseState.EXPIRED: N_("Nobody decided about it in time, and it is deleted."),
    CaseState.APPEALED: N_("You have asked for another look. A moderator will take it."),
    CaseState.ERASED: N_("It is deleted."),
}
_OVER = (CaseState.RELEASED, CaseState.EXPIRED, CaseState.ERASED)
_APPEALABLE = (CaseState.OPEN, CaseState.CONFIRMED)


def sender_text(say: Language, case: Case, *, repeated: bool) -> Html:
    """Telegram HTML, far within the 4096 characters that a message may have."""
    return Html("\n").join(_lines(say, case, repeated))


def _lines(say: Language, case: Case, repeated: bool) -> Iterator[Html]:
    room = told(case.attachment.room, 60)
    room = say.html("<code>{room}</code>", room=room) if room else say.html("a group")
    name = next((part.claim.name for part in case.attachment.parts if part.claim.name), None)
    what = say.html("<code>{name}</code>", name=told(name, 80)) if name else say.html("Your file")
    if case.action is Action.FLAG:
        yield say.html("{what}, which you posted in {room}, was flagged.", what=what, room=room)
    elif case.state in _OVER:
        yield say.html("{what}, which you posted in {room}, was held.", what=what, room=room)
    else:
        yield say.html("{what}, which you posted in {room}, is held.", what=what, room=room)
    rule = all_rules().get(case.reasons[0].rule) if case.reasons else None
    yield say.html("Why: {reason}", reason=say(rule.message if rule else N_("The policy of this group holds it.")))
    yield say.html(_STANDS[case.state])
    if appeal_button(say, case) is not None:
        yield say.html("If you think that this is a mistake, you can ask for another look, once.")
    if repeated:
        yield say.html("<i>Sent again after an interruption: you may have got this message before.</i>")


def appeal_button(say: Language, case: Case) -> InlineKeyboardMarkup | None:
    """The button of whoever may appeal."""
    pending = case.state is CaseState.RELEASE_PENDING and case.second
    if case.appealed_at is not None or not (case.state in _APPEALABLE or pending):
        return None
    button = InlineKeyboardButton(say("Appeal"), callback_data=f"{PREFIX}{APPEAL}:{case.id}")
    return InlineKeyboardMarkup([[button]])
