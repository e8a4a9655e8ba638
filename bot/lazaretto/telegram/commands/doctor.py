"""`/doctor`: is the bot able to do its work? Administrators are told of their group, the owners of everything.

lz:doctor:CHAT      the checks of a group, chosen from a list
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence

from telegram import Bot, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.constants import ChatType

from lazaretto.health import Check
from lazaretto.languages import N_, Html, Language
from lazaretto.model import Place
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Right
from lazaretto.telegram.card_words import units
from lazaretto.telegram.cards import PREFIX
from lazaretto.telegram.commands.asked import Asked, Command
from lazaretto.telegram.commands.cases_where import NOT_OURS, TOO_OLD, edit
from lazaretto.telegram.commands.chats import chats_of
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.commands.dispatch import deep_link
from lazaretto.telegram.doctor import examine_chat, examine_privacy
from lazaretto.telegram.review import Page
from lazaretto.telegram.rounds import everything
from lazaretto.text import shown

__all__ = ["Doctor"]

_CHAT = re.compile(r"-[0-9]{1,19}")
_DATA = re.compile(rf"{PREFIX}doctor:(?P<chat>-[0-9]{{1,19}})")
_ROOM = 3800  # code units of a message's 4,096; the rest is for what was left out
_MOST = 20  # buttons
_NOWHERE = N_("You administer no group that I know of. I ask Telegram about that every few minutes.")


class Doctor:
    """Looks anew each time that it is asked."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        about = N_("Check my rights and settings, with a remedy for what is not well")
        self.commands: Sequence[Command] = (Command("doctor", about, self._doctor, Right.ANY),)
        self.pages: Mapping[str, Page] = {"doctor": self._pressed}

    async def _doctor(self, asked: Asked) -> None:
        if not asked.place.private:
            await self._in_group(asked)
        elif asked.words:
            await self._of(asked, asked.words[0])
        elif asked.user is not None and self._desk.authority.is_owner(asked.user):
            runtime = await self._desk.open()
            await asked.answer(await _told(asked.say, everything(runtime, self._desk.policies)))
        else:
            await self._which(asked)

    async def _in_group(self, asked: Asked) -> None:
        """A line, because everybody reads along."""
        checks = [check async for check in self._checks(asked.bot, asked.place.chat)]
        faults = sum(not check.well for check in checks)
        if not faults:
            await asked.answer(asked.say.html("✅ All is well here."))
            return
        link = deep_link(asked.bot, "doctor", asked.place.chat)
        button = InlineKeyboardButton(asked.say("Open in private"), url=link)
        told = asked.say.many_html(
            "⚠️ {count} thing is not well here. The remedy is shown in the private chat with me.",
            "⚠️ {count} things are not well here. The remedies are shown in the private chat with me.",
            faults,
        )
        await asked.answer(told, InlineKeyboardMarkup([[button]]))

    async def _of(self, asked: Asked, chat: str) -> None:
        if asked.user is None or not _CHAT.fullmatch(chat):
            await asked.answer(asked.say.html("Write the id of a group behind it, such as /doctor -1001234567890."))
            return
        refusal = await self._desk.authority.refusal(asked.bot, chat, asked.user, Right.ANY)
        if refusal is not None:
            await asked.answer(asked.say.html(refusal))
            return
        await asked.answer(await _told(asked.say, self._checks(asked.bot, chat)))

    async def _which(self, asked: Asked) -> None:
        chats = [] if asked.user is None else [*await chats_of(self._desk, asked.bot, asked.user, Right.ANY)]
        if not chats:
            await asked.answer(asked.say.html(_NOWHERE))
        elif len(chats) == 1:
            await asked.answer(await _told(asked.say, self._checks(asked.bot, chats[0].id)))
        else:
            rows = [
                [InlineKeyboardButton(shown(chat.title, 40) or chat.id, callback_data=f"{PREFIX}doctor:{chat.id}")]
                for chat in chats[:_MOST]
            ]
            await asked.answer(asked.say.html("Which group?"), InlineKeyboardMarkup(rows))

    async def _pressed(self, bot: Bot, query: CallbackQuery, data: str) -> str:
        form, message = _DATA.fullmatch(data), query.message
        place = Place(PLATFORM, str(query.from_user.id), private=True)
        say = self._desk.language(place, query.from_user.language_code)
        if form is None:
            return say(NOT_OURS)
        if not isinstance(message, Message):
            return say(TOO_OLD)
        if message.chat.type != ChatType.PRIVATE or message.chat.id != query.from_user.id:
            return say(NOT_OURS)
        refusal = await self._desk.authority.refusal(bot, form["chat"], query.from_user.id, Right.ANY)
        if refusal is not None:
            return say(refusal)
        await edit(bot, message, await _told(say, self._checks(bot, form["chat"])), message.reply_markup)
        return ""

    async def _checks(self, bot: Bot, chat: str) -> AsyncIterator[Check]:
        """What administrators of a group can do something about."""
        place = Place(PLATFORM, chat)
        if not self._desk.policies.configuration.admits(place):
            values = {"chat": chat}
            yield Check(False, N_("group {chat}: my operator does not let me work there"), N_("ask them"), values)
            return
        yield examine_privacy(bot.bot)
        async for check in examine_chat(bot, chat, self._desk.policies.policy_of(place)):
            yield check


async def _told(say: Language, checks: AsyncIterator[Check]) -> Html:
    """What is not well first; what does not fit is counted."""
    every = sorted([check async for check in checks], key=lambda check: check.well)
    faults = sum(not check.well for check in every)
    head = say.html("✅ <b>All is well.</b>")
    if faults:
        head = say.many_html("⚠️ <b>{count} thing is not well.</b>", "⚠️ <b>{count} things are not well.</b>", faults)
    lines, room = [head], _ROOM - units(head)
    for number, check in enumerate(every):
        line = _line(say, check)
        room -= units(line) + 1
        if room < 0:
            left = len(every) - number
            lines.append(say.many_html("… and {count} more", "… and {count} more", left))
            break
        lines.append(line)
    return Html("\n").join(lines)


def _line(say: Language, check: Check) -> Html:
    found, remedy = (shown(text, 500) for text in check.told(say))
    if check.well:
        return say.html("✅ {found}", found=found)
    return say.html("❌ {found}\n   → {remedy}", found=found, remedy=remedy)
