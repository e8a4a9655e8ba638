"""`/privacy`: what is kept about whoever asks, and for how long; `Forget me`. `/erase`: the same, by an owner.

lz:privacy:ask      asks whether the presser really wants to be forgotten
lz:privacy:yes      forgets the presser, and nobody else: the data names nobody
lz:privacy:no       leaves everything as it is
lz:erase:USER       an owner forgets somebody, lz:erase:no does not
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from telegram import Bot, CallbackQuery, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.constants import ChatType

from lazaretto.audit.privacy import Held, Posted, Privacy, Strike, Waiting
from lazaretto.languages import N_, Html, Language
from lazaretto.model import Place
from lazaretto.policy import Keep
from lazaretto.policy.values import FOREVER, later
from lazaretto.tasks import spawn
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.cards import PREFIX
from lazaretto.telegram.commands.asked import Asked, Command, Scope
from lazaretto.telegram.commands.cases_text import code, who
from lazaretto.telegram.commands.cases_where import NOT_OURS, TOO_OLD, edit
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.commands.dispatch import deep_link
from lazaretto.telegram.durations import FOR_EVER, told_duration
from lazaretto.telegram.forgetting import forget
from lazaretto.telegram.review import Page
from lazaretto.telegram.welcome import Budget

__all__ = ["PrivacyPages"]

_USER = re.compile(r"[0-9]{1,19}")
_ERASE = re.compile(rf"{PREFIX}erase:(?P<user>[0-9]{{1,19}})")
_ERASURES = 12
"""An hour, by the people themselves: each rewrites the whole database, and everybody waits for that."""

_NOTHING = N_("I hold nothing about you.")
_OWNERS = N_("Only the owners of this bot can do this.")
_USAGE = N_("Write the user id behind it, such as /erase 123456789.")
_LATER = N_("Too many people were forgotten within the last hour. Please try again later; nothing was changed.")
_BUSY = N_("Somebody is being forgotten right now. Please try again in a minute; nothing was changed.")
_KEPT_AS_IT_WAS = N_("Nothing was changed.")
_log = structlog.get_logger("lazaretto.privacy")


class PrivacyPages:
    """One erasure at a time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._budget = Budget(_ERASURES)
        self._turn = asyncio.Lock()
        self.commands: Sequence[Command] = (
            Command("privacy", N_("What I keep about you, and how to be forgotten"), self._privacy, None),
            Command("erase", N_("Forget a person (owners only)"), self._erase, None, Scope.PRIVATE),
        )
        self.pages: Mapping[str, Page] = {"privacy": self._pressed, "erase": self._erase_pressed}

    # ── /privacy ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _privacy(self, asked: Asked) -> None:
        say = asked.say
        keep = self._desk.policies.policy_of(asked.place).keep
        if not asked.place.private:
            link = InlineKeyboardButton(say("What I hold about you"), url=deep_link(asked.bot, "privacy"))
            await asked.answer(Html("\n").join(_in_general(say, keep)), InlineKeyboardMarkup([[link]]))
            return
        runtime = await self._desk.open()
        held = await Privacy(runtime.store).held(PLATFORM, asked.by.id)
        lines = [*_in_general(say, keep), Html("")]
        if held is None:
            await asked.answer(Html("\n").join([*lines, say.html(_NOTHING)]))
            return
        lines += self._about(say, held)
        button = InlineKeyboardButton(say("Forget me"), callback_data=f"{PREFIX}privacy:ask")
        await asked.answer(Html("\n").join(lines), InlineKeyboardMarkup([[button]]))

    def _about(self, say: Language, held: Held) -> list[Html]:
        lines = [say.html("<b>What I hold about you</b>"), say.html("Your name: {name}", name=who(say, held.someone))]
        lines += [self._in_chat(say, posted) for posted in held.posted]
        if (told := sum(posted.files for posted in held.posted)) < held.files:
            lines.append(say.html("… and {count:,} files in other chats", count=held.files - told))
        if held.decided:
            lines.append(say.html("Cases that you decided about: {count:,}", count=held.decided))
        return lines

    def _in_chat(self, say: Language, posted: Posted) -> Html:
        place = Place(PLATFORM, posted.chat or "", private=posted.chat is None, channel=posted.channel)
        keep = self._desk.policies.policy_of(place).keep
        where = say.html("here")
        if posted.chat is not None:
            where = code(say, posted.title or posted.chat, 40)
        return say.html(
            "• {where}: files {files:,}, cases {cases:,}; names are kept for {personal}, held files for {held}",
            where=where,
            files=posted.files,
            cases=posted.cases,
            personal=_period(say, keep.personal),
            held=_period(say, keep.files),
        )

    async def _pressed(self, bot: Bot, query: CallbackQuery, data: str) -> str:
        say = self._say(query)
        if (wrong := _not_in_private(query)) is not None:
            return say(wrong)
        match data.removeprefix(f"{PREFIX}privacy:"):
            case "ask":
                return await self._ask(bot, query, say)
            case "yes":
                return await self._forget_presser(bot, query, say)
            case "no":
                await _show(bot, query, say.html(_KEPT_AS_IT_WAS))
                return ""
            case _:
                return say(NOT_OURS)

    async def _ask(self, bot: Bot, query: CallbackQuery, say: Language) -> str:
        runtime = await self._desk.open()
        privacy = Privacy(runtime.store)
        held = await privacy.held(PLATFORM, str(query.from_user.id))
        if held is None:
            await _show(bot, query, say.html(_NOTHING))
            return ""
        if (why := self._not_yet(say, await privacy.waiting(held.subject))) is not None:
            await _show(bot, query, why)
            return ""
        text = say.html(
            "Everything that says who you are is deleted, with what I kept of your files. It cannot be undone. What "
            "you posted stays in its groups, and what you post from now on is looked at like everybody's."
        )
        await _show(
            bot, query, text, _buttons(say, say("Yes, forget me"), f"{PREFIX}privacy:yes", f"{PREFIX}privacy:no")
        )
        return ""

    def _not_yet(self, say: Language, waiting: Waiting) -> Html | None:
        """Nobody gets rid of a decision about themselves by being forgotten just before it."""
        until = max((end for end in map(self._counts_until, waiting.strikes) if end is not None), default=None)
        lines = []
        if waiting.cases:
            lines.append(
                say.html("Cases about your files that moderators have not decided: {count}", count=waiting.cases)
            )
        if waiting.penalties:
            lines.append(say.html("Mutes or bans on their way: {count}", count=waiting.penalties))
        if until is not None:
            lines.append(say.html("Confirmed cases count as strikes until {day}", day=f"{until:%Y-%m-%d}"))
        if not lines:
            return None
        head = say.html("I cannot forget you yet:")
        tail = say.html("Please ask again after that, or ask the operator of this bot, who can do it now.")
        return Html("\n").join([head, *lines, tail])

    def _counts_until(self, strike: Strike) -> datetime | None:
        strikes = self._desk.policies.policy_of(Place(PLATFORM, strike.chat)).strikes
        if not strikes.limit:
            return None
        end = later(strike.at, strikes.within)
        return end if end > datetime.now(UTC) else None

    async def _forget_presser(self, bot: Bot, query: CallbackQuery, say: Language) -> str:
        runtime = await self._desk.open()
        privacy = Privacy(runtime.store)
        held = await privacy.held(PLATFORM, str(query.from_user.id))
        if held is None:
            await _show(bot, query, say.html(_NOTHING))
            return ""
        if (why := self._not_yet(say, await privacy.waiting(held.subject))) is not None:  # since they were asked
            await _show(bot, query, why)
            return ""
        if self._turn.locked():
            return say(_BUSY)
        if not self._budget.take():
            return say(_LATER)
        await self._begin(bot, query, held, say)
        return ""

    # ── /erase ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _erase(self, asked: Asked) -> None:
        say = asked.say
        if asked.user is None or not self._desk.authority.is_owner(asked.user):
            await asked.answer(say.html(_OWNERS))
            return
        user = asked.words[0] if asked.words else ""
        if not _USER.fullmatch(user):
            await asked.answer(say.html(_USAGE))
            return
        runtime = await self._desk.open()
        privacy = Privacy(runtime.store)
        held = await privacy.held(PLATFORM, user)
        if held is None:
            await asked.answer(say.html("I hold nothing about {user}.", user=user))
            return
        waiting = await privacy.waiting(held.subject)
        lines = [
            say.html("<b>Forget {name} ({user})?</b> It cannot be undone.", name=who(say, held.someone), user=user),
            say.html("Files: {files:,}, cases: {cases:,}", files=held.files, cases=held.cases),
        ]
        if waiting.cases:
            lines.append(
                say.html("⚠️ Cases that nobody has decided, and nobody could any more: {count}", count=waiting.cases)
            )
        if waiting.penalties:
            lines.append(
                say.html("⚠️ Mutes or bans on their way, which would be given up: {count}", count=waiting.penalties)
            )
        buttons = _buttons(say, say("Yes, forget them"), f"{PREFIX}erase:{user}", f"{PREFIX}erase:no")
        await asked.answer(Html("\n").join(lines), buttons)

    async def _erase_pressed(self, bot: Bot, query: CallbackQuery, data: str) -> str:
        say = self._say(query)
        if not self._desk.authority.is_owner(query.from_user.id):
            return say(_OWNERS)
        if (wrong := _not_in_private(query)) is not None:
            return say(wrong)
        if data == f"{PREFIX}erase:no":
            await _show(bot, query, say.html(_KEPT_AS_IT_WAS))
            return ""
        form = _ERASE.fullmatch(data)
        if form is None:
            return say(NOT_OURS)
        runtime = await self._desk.open()
        held = await Privacy(runtime.store).held(PLATFORM, form["user"])
        if held is None:
            await _show(bot, query, say.html("I hold nothing about {user}.", user=form["user"]))
            return ""
        if self._turn.locked():
            return say(_BUSY)
        await self._begin(bot, query, held, say)
        return ""

    # ── both ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _say(self, query: CallbackQuery) -> Language:
        place = Place(PLATFORM, str(query.from_user.id), private=True)
        return self._desk.language(place, query.from_user.language_code)

    async def _begin(self, bot: Bot, query: CallbackQuery, held: Held, say: Language) -> None:
        """In the background: a large database takes longer to rewrite than Telegram waits for a press's answer."""
        await _show(bot, query, say.html("One moment: it is being deleted."))
        spawn(self._carry_out(bot, query, held, say), "erasure")

    async def _carry_out(self, bot: Bot, query: CallbackQuery, held: Held, say: Language) -> None:
        async with self._turn:
            try:
                text = await forget(await self._desk.open(), self._desk.policies, held, say)
            except Exception:
                _log.exception("an erasure failed", subject=held.subject)
                text = say.html("That did not work. Please try again.")
            await _show(bot, query, text)


def _not_in_private(query: CallbackQuery) -> str | None:
    """Why a press is none of somebody in their own private chat."""
    message = query.message
    if message is None or message.chat.type != ChatType.PRIVATE or message.chat.id != query.from_user.id:
        return NOT_OURS
    return None if isinstance(message, Message) else TOO_OLD


async def _show(bot: Bot, query: CallbackQuery, text: Html, buttons: InlineKeyboardMarkup | None = None) -> None:
    if isinstance(query.message, Message):
        await edit(bot, query.message, text, buttons)


def _buttons(say: Language, yes: str, do: str, leave: str) -> InlineKeyboardMarkup:
    row = [InlineKeyboardButton(yes, callback_data=do), InlineKeyboardButton(say("No"), callback_data=leave)]
    return InlineKeyboardMarkup([row])


def _in_general(say: Language, keep: Keep) -> list[Html]:
    return [
        say.html("<b>What I keep</b>"),
        say.html("I look at files, and at nothing else that is posted. A file that passes leaves no bytes behind."),
        say.html("• A file that is held back, encrypted: {period}", period=_period(say, keep.files)),
        say.html("• Name, user id, caption and file names of who posted: {period}", period=_period(say, keep.personal)),
        say.html("• A log of what was decided, without names: {period}", period=_period(say, keep.events)),
        say.html("Everything lies on the operator's machine, and goes nowhere but to Telegram."),
    ]


def _period(say: Language, period: timedelta) -> str:
    return told_duration(say, FOR_EVER if period == FOREVER else int(period.total_seconds()))
