"""What a card says of what was done, or tried, about a case: in plain sentences, Telegram's refusals among them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from lazaretto.languages import N_, Html, Language
from lazaretto.model import Case, Measure
from lazaretto.ports import DeedKind
from lazaretto.state.outbox import WAITING, DeedState
from lazaretto.telegram.durations import told_duration
from lazaretto.text import shown

__all__ = ["TOO_OLD", "measure_lines", "plain_refusal"]

TOO_OLD = timedelta(hours=48)
"""What bots cannot delete any more: Bot API, deleteMessage."""

_OLD = N_("it is older than 48 hours, and Telegram lets no bot delete it any more: remove it by hand")
_MOVED = N_("it was posted before the group became a supergroup, where it has no number that the bot knows")
_REFUSALS = (
    (
        "message can't be deleted",
        N_("the bot may not delete it there: remove it by hand, or let the bot delete messages"),
    ),
    ("before the group became a supergroup", _MOVED),
    ("not enough rights to restrict", N_("the bot lacks the right to ban users in the group")),
    ("need administrator rights", N_("the bot is no administrator there any more")),
    ("user is an administrator", N_("no bot can do that to an administrator")),
    ("can't remove chat owner", N_("nobody can do that to the owner of the group")),
    ("banned already", N_("they are banned already, and muted members may come back")),
    ("can't restrict self", N_("that would be the bot itself")),
    ("posts as the group itself", N_("they posted as the group itself, and who it was nobody can tell")),
    ("linked channel", N_("it is the channel that the group belongs to")),
    ("channels cannot be muted", N_("a channel can only be banned, not muted")),
    ("only for supergroups", N_("in a basic group nobody can be muted: ban them, or make it a supergroup")),
    ("supergroup and channel chats only", N_("that works in a supergroup only")),
    ("can't initiate conversation", N_("they have never opened a chat with the bot")),
    ("blocked by the user", N_("they have blocked the bot")),
    ("user is deactivated", N_("their account is gone")),
    ("no person", N_("what posted it is a channel, which nobody can write to")),
    ("user_not_participant", N_("they have left the group")),
    ("participant_id_invalid", N_("Telegram does not know them in the group")),
    ("user not found", N_("Telegram does not know them any more")),
    ("bot was kicked", N_("the bot was thrown out of the chat")),
    ("bot is not a member", N_("the bot is not in the chat any more")),
    ("chat not found", N_("the bot is not in the chat any more")),
    ("upgraded to a supergroup", N_("the group has become a supergroup")),
    ("data was erased", N_("their data was erased")),
)
"""What a refusal has in it, in lower case, and what that means. In order: the first counts."""


def plain_refusal(say: Language, why: str) -> str:
    """Why Telegram refused, as somebody who never read its documentation would say it; in its own words where those
    are none that we know."""
    low = why.lower()
    known = next((meaning for words, meaning in _REFUSALS if words in low), None)
    return say("Telegram says: {why}", why=shown(why, 80)) if known is None else say(known)


def measure_lines(say: Language, case: Case) -> Iterator[Html]:
    """One line for everything that a moderator should know of."""
    for measure in case.measures:
        told = _TOLD[DeedKind(measure.kind)](say, case, measure)
        if told is None:
            continue
        if measure.follower is None:
            yield told
        else:
            yield say.html("Case {number}: {told}", number=measure.follower, told=told)


def _removal(say: Language, case: Case, removal: Measure) -> Html | None:
    if removal.state != DeedState.FAILED or case.removed_at is not None or removal.result == "withdrawn":
        return None
    too_old = "can't be deleted" in removal.result.lower() and _age(case) > TOO_OLD
    why = say(_OLD) if too_old else plain_refusal(say, removal.result)
    return say.html("<b>Still there</b>: {why}", why=why)


def _age(case: Case) -> timedelta:
    return datetime.now(case.attachment.posted_at.tzinfo) - case.attachment.posted_at


def _penalty(say: Language, case: Case, penalty: Measure) -> Html:  # noqa: ARG001 - one signature for all kinds
    muted = penalty.kind == DeedKind.MUTE
    how_long = told_duration(say, int(penalty.asked or 0))
    if penalty.state in WAITING:
        text = N_("Sender: to be muted, {how_long}") if muted else N_("Sender: to be banned, {how_long}")
        return say.html(text, how_long=how_long)
    if penalty.state == DeedState.DONE:
        text = N_("Sender: muted, {how_long}") if muted else N_("Sender: banned, {how_long}")
        return say.html(text, how_long=how_long)
    text = N_("Sender: <b>not muted</b>, because {why}") if muted else N_("Sender: <b>not banned</b>, because {why}")
    return say.html(text, why=plain_refusal(say, penalty.result))


def _telling(say: Language, case: Case, telling: Measure) -> Html | None:  # noqa: ARG001 - as above
    if telling.state in WAITING:
        return None
    if telling.state == DeedState.DONE:
        return say.html("Sender: was told in private")
    return say.html("Sender: could not be told, because {why}", why=plain_refusal(say, telling.result))


_TOLD = {
    DeedKind.REMOVE: _removal,
    DeedKind.MUTE: _penalty,
    DeedKind.BAN: _penalty,
    DeedKind.TELL: _telling,
}
