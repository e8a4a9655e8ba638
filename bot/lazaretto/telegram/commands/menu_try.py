"""The menu's page "Try it": what guard mode, or another preset, would have done with what was posted.

It is counted from the records while everything else goes on; the answer comes into the message of the press, unless
that shows another page by then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from telegram import Bot, MaybeInaccessibleMessage
from telegram.constants import ParseMode
from telegram.error import TelegramError

from lazaretto.audit import AuditedStore
from lazaretto.backtest import Change, Comparison, backtest
from lazaretto.languages import N_, Html, Language
from lazaretto.policy import ConfigError, Policy
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.commands.menu_change import problem_text
from lazaretto.telegram.commands.menu_pages import GUARD, TRIED, View, tries_of, try_page
from lazaretto.text import shown

__all__ = ["Tries"]

DAYS = 30
MOST = 10_000
"""Attachments that are looked at, the newest: on one core some 1.5 seconds, in a thread."""
_NOT_OURS = N_("This button is not one of ours.")
_BUSY = N_("I am still looking at the records of this group.")
_FAILED = N_("That did not work. Please try again.")
_log = structlog.get_logger("lazaretto.settings")


class Tries:
    """Looks at one group's records at a time: however many press, one thread is busy with it."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = asyncio.Lock()
        self._under_way: set[str] = set()  # chats
        self._shown: dict[tuple[int, int], object] = {}  # messages that wait for an answer, and for which

    def left(self, message: MaybeInaccessibleMessage) -> None:
        """Another page is shown there: it gets no answer any more."""
        self._shown.pop(_key(message), None)

    async def begin(self, bot: Bot, message: MaybeInaccessibleMessage, view: View, name: str) -> str:
        """Look, and edit the answer into the message once it is known. Answers why that is not done, else nothing.

        name: of the button's page. The caller has authorised the press.
        """
        chat, what = view.place.chat, name.removeprefix(TRIED)
        if what not in tries_of(view):  # the group is another since the page was shown
            return view.say(_NOT_OURS)
        if chat in self._under_way:
            return view.say(_BUSY)
        try:
            tried, in_force = self._policies(view, what)
        except ConfigError as error:
            return problem_text(error)
        store = (await self._desk.open()).store
        waits = self._shown[_key(message)] = object()
        self._under_way.add(chat)
        self._desk.run(self._look(bot, message, view, what, (store, tried, in_force), waits), f"trying {what}")
        return ""

    def _policies(self, view: View, what: str) -> tuple[Policy, Policy]:
        """What is tried, and what it is compared with. Guard mode changes nothing of what is decided, so that all that
        is held counts."""
        in_force = view.merged.policy
        if what == GUARD:
            return in_force, in_force
        return self._desk.policies.trying(view.place, "preset", what), in_force

    async def _look(
        self,
        bot: Bot,
        message: MaybeInaccessibleMessage,
        view: View,
        what: str,
        asked: tuple[AuditedStore, Policy, Policy],
        waits: object,
    ) -> None:
        store, tried, in_force = asked
        since = datetime.now(UTC) - timedelta(days=DAYS)
        try:
            await self._show(bot, message, view, [view.say.html("I am looking at the records …")])
            async with self._turn:
                found = await backtest(store, view.place, tried, since, against=in_force, most=MOST)
            lines = list(told(view.say, what, found))
        except Exception:  # whoever pressed waits for an answer
            _log.exception("the records of a group could not be decided anew", chat=view.place.chat)
            lines = [view.say.html(_FAILED)]
        finally:
            self._under_way.discard(view.place.chat)
        if self._shown.get(_key(message)) is waits:
            self.left(message)
            await self._show(bot, message, view, lines)

    @staticmethod
    async def _show(bot: Bot, message: MaybeInaccessibleMessage, view: View, lines: Sequence[Html]) -> None:
        text, buttons = try_page(view, lines)
        try:
            await bot.edit_message_text(
                text, message.chat.id, message.message_id, parse_mode=ParseMode.HTML, reply_markup=buttons
            )
        except TelegramError as error:
            _log.info("an answer of the menu could not be shown", why=shown(error.message, 100))


def _key(message: MaybeInaccessibleMessage) -> tuple[int, int]:
    return message.chat.id, message.message_id


def told(say: Language, what: str, found: Comparison) -> Iterator[Html]:
    """What it came to, as the terminal says it."""
    if not found.judged:
        yield say.html("In the last {days} days nothing was recorded that could be judged.", days=DAYS)
    elif what == GUARD:
        yield _guarded(say, found)
        yield from _cases(say, found.holds)
    else:
        yield _held(say, found.held)
        yield from _cases(say, found.held)
        yield _let_go(say, found.let_go)
        yield from _cases(say, found.let_go)
    if found.more:
        yield say.html("There were more: only the newest {count:,} were looked at.", count=MOST)
    if left := sum(found.unjudged.values()):
        yield say.many_html(
            "{count} file is left out: too little is known of it.",
            "{count} files are left out: too little is known of them.",
            left,
        )


def _guarded(say: Language, found: Comparison) -> Html:
    count, of, released = found.holds.count, found.judged, found.holds.released
    if not count:
        return say.many_html(
            "Guard mode would have held nothing: {count} file was judged in the last {days} days.",
            "Guard mode would have held nothing: {count} files were judged in the last {days} days.",
            of,
            days=DAYS,
        )
    return say.many_html(
        "Guard mode would have held {count} of {of} files in the last {days} days, {released} of which moderators "
        "released by hand.",
        "Guard mode would have held {count} of {of} files in the last {days} days, {released} of which moderators "
        "released by hand.",
        count,
        of=of,
        days=DAYS,
        released=released,
    )


def _held(say: Language, change: Change) -> Html:
    if not change.count:
        return say.html("Would have held nothing more.")
    return say.many_html(
        "Would have held {count} more, {released} of which moderators released by hand.",
        "Would have held {count} more, {released} of which moderators released by hand.",
        change.count,
        released=change.released,
    )


def _let_go(say: Language, change: Change) -> Html:
    if not change.count:
        return say.html("Would have let nothing more through.")
    return say.many_html(
        "Would have let {count} more through, {confirmed} of which moderators confirmed as bad.",
        "Would have let {count} more through, {confirmed} of which moderators confirmed as bad.",
        change.count,
        confirmed=change.confirmed,
    )


def _cases(say: Language, change: Change) -> Iterator[Html]:
    numbers = ", ".join(map(str, change.cases))
    if numbers and len(change.cases) < change.count:
        yield say.html("Cases {numbers} and others: /case shows one.", numbers=numbers)
    elif numbers:
        yield say.html("Cases {numbers}: /case shows one.", numbers=numbers)
