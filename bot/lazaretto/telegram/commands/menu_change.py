"""Changing what a chat has set: what has to be true in Telegram before a key may have a value."""

from __future__ import annotations

import re
from dataclasses import dataclass

import structlog
from telegram import Bot, ChatMemberAdministrator
from telegram.constants import ParseMode
from telegram.error import TelegramError

from lazaretto.languages import N_, Html, Language
from lazaretto.model import Mode, Person, Place
from lazaretto.policy import ConfigError
from lazaretto.telegram.answers import chat_id
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Right
from lazaretto.telegram.commands.cases_text import code
from lazaretto.telegram.commands.desk import Desk
from lazaretto.text import shown

__all__ = ["Refused", "Who", "change", "problem_text"]

_GROUP = re.compile(r"-[0-9]{1,19}")
_TITLE = 60
_log = structlog.get_logger("lazaretto.settings")

_NO_GROUP = N_("That is not a group: cards go to a group that only moderators are in.")
_NOT_YOURS = N_("You need the right to change the info of that chat, too.")
_SCREENED = N_("That group is screened itself. Cards go to a group that only moderators are in.")
_IS_MODERATORS = N_("Cards of other groups come here, so nothing is screened here, and guard mode would do nothing.")
_MAY_NOT_DELETE = N_("I may not delete messages in this group. Make me an administrator who may, and try again.")
_UNREACHABLE = N_("I cannot write there: {why}. Add me to that chat, and let me send messages.")


class Refused(Exception):
    """A change that is not made; the text says why, in the language of whoever asked."""


@dataclass(frozen=True, slots=True)
class Who:
    """Who changes something, in which language they are answered, and what the group is called."""

    bot: Bot
    user: int
    by: Person
    say: Language
    title: str


async def change(desk: Desk, who: Who, place: Place, key: str, value: object) -> bool:
    """Set a key, or with None take back what is set. Answers whether that changed anything. Raises Refused.

    The caller has authorised the person for the chat.
    """
    if desk.policies.set_in(place).get(key) == value:
        return False
    try:
        desk.policies.check(place, key, value)
        if key == "moderators" and value is not None:
            await _check_moderators(desk, who, place, str(value))
        if key == "mode" and value == Mode.GUARD:
            await _check_guard(desk, who, place)
        await desk.policies.change(place, key, value, who.by)
    except ConfigError as error:
        raise Refused(problem_text(error)) from None
    return True


def problem_text(error: ConfigError) -> str:
    """What is wrong and what to do, as the configuration's own errors say it; made harmless."""
    return "\n".join(f"{shown(p.key, 60)}: {shown(p.problem, 200)}; {shown(p.remedy, 200)}" for p in error.problems[:5])


async def _check_moderators(desk: Desk, who: Who, place: Place, chat: str) -> None:
    """May cards go there? What is said in a moderators' chat is never screened, so whoever makes a chat one needs the
    right to switch screening off there; and no chat that is guarded becomes one."""
    say, there = who.say, Place(PLATFORM, chat)
    if not _GROUP.fullmatch(chat):
        raise Refused(say(_NO_GROUP))
    if await desk.authority.refusal(who.bot, chat, who.user, Right.SETTINGS) is not None:
        raise Refused(say(_NOT_YOURS))
    known = chat in desk.policies.moderator_chats
    if not known and (desk.policies.configuration.file_of(there) or _guards(desk, there)):
        raise Refused(say(_SCREENED))
    theirs = desk.language(there)
    group, person = code(theirs, who.title or place.chat, _TITLE), code(theirs, who.by.name or who.by.id, _TITLE)
    notice = theirs.html(
        "Cards of <b>{group}</b> come here from now on, because {person} said so.", group=group, person=person
    )
    await _tell(who, chat, notice)


def _guards(desk: Desk, place: Place) -> bool:
    return desk.policies.configuration.admits(place) and desk.policies.policy_of(place).mode is Mode.GUARD


async def _check_guard(desk: Desk, who: Who, place: Place) -> None:
    """`check` has seen that a moderators' chat is set; only a message that arrives proves that cards will."""
    if place.chat in desk.policies.moderator_chats:
        raise Refused(who.say(_IS_MODERATORS))
    await _check_rights(who, place)
    moderators = desk.policies.policy_of(place).moderators
    if moderators is None:
        return
    theirs = desk.language(Place(PLATFORM, moderators))
    group, person = code(theirs, who.title or place.chat, _TITLE), code(theirs, who.by.name or who.by.id, _TITLE)
    notice = theirs.html(
        "<b>{group}</b> is guarded from now on, because {person} said so. Cards come here.", group=group, person=person
    )
    await _tell(who, moderators, notice)


async def _check_rights(who: Who, place: Place) -> None:
    try:
        me = await who.bot.get_chat_member(chat_id(place.chat), who.bot.id)
    except TelegramError as error:
        raise Refused(who.say(_UNREACHABLE, why=shown(error.message, 100))) from None
    if not (isinstance(me, ChatMemberAdministrator) and me.can_delete_messages):
        raise Refused(who.say(_MAY_NOT_DELETE))


async def _tell(who: Who, chat: str, text: Html) -> None:
    try:
        await who.bot.send_message(chat_id(chat), text, parse_mode=ParseMode.HTML)
    except TelegramError as error:
        _log.info("a moderators' chat cannot be reached", chat=chat, why=type(error).__name__)
        raise Refused(who.say(_UNREACHABLE, why=shown(error.message, 100))) from None
