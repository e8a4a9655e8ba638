"""The two taps: a moderator releases or confirms a case. Every press is authorised, against the group of origin."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from typing import Any

import structlog
from telegram import Bot, CallbackQuery, ChatMember, ChatMemberAdministrator, Update
from telegram.error import TelegramError
from telegram.ext import ApplicationHandlerStop, BaseHandler, CallbackContext, InvalidCallbackData

from lazaretto.model import Case, Person
from lazaretto.ports import Store
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.cards import PREFIX

__all__ = ["Presses"]

# 18 digits fit the database's integer.
_DATA = re.compile(
    rf"{PREFIX}(?P<verb>release|confirm|there|again-(?P<deed>[0-9]{{1,18}})"
    r"|(?P<all>release-all|confirm-all)-(?P<newest>[0-9]{1,18})):(?P<number>[0-9]{1,18})"
)
_ANSWER = 200  # characters, Telegram's bound for a callback's answer
_log = structlog.get_logger("lazaretto.review")

AnyContext = CallbackContext[Any, Any, Any, Any]


class Presses(BaseHandler[Update, AnyContext, None]):
    """Handler of our buttons. The host's own catch-all never sees them.

    ready: started before the first press is judged. wake: called when there is something for the outbox.
    owners: user ids of the installation's owners, who may decide everywhere; in private chats nobody else can.
    """

    def __init__(
        self,
        ready: Callable[[], Awaitable[tuple[Bot, Store]]],
        wake: Callable[[], None],
        release_days: Callable[[Case], int],
        owners: Callable[[], Collection[str]] = tuple,
    ) -> None:
        super().__init__(self._never_called, block=True)
        self._ready = ready
        self._wake = wake
        self._release_days = release_days
        self._owners = owners

    @staticmethod
    async def _never_called(_update: Update, _context: AnyContext) -> None:
        """BaseHandler wants a callback; this class answers in `handle_update` itself."""

    def check_update(self, update: object) -> CallbackQuery | None:
        """Is it one of our buttons?"""
        query = update.callback_query if isinstance(update, Update) else None
        return query if query is not None and _data_of(query).startswith(PREFIX) else None

    async def handle_update(self, update: Update, application: object, check_result: Any, context: AnyContext) -> None:  # noqa: ARG002 - the library's signature
        """Judge the press, answer it, and let nobody else have it."""
        with suppress(Exception):  # whatever it is, and be it the log's: it would hand the press on to the host
            await self._answer(check_result)
        raise ApplicationHandlerStop

    async def _answer(self, query: CallbackQuery) -> None:
        try:
            bot, store = await self._ready()
            text = await self._judge(bot, store, query)
            self._wake()
        except Exception:
            text, bot = "That did not work, nothing was changed. Please press again.", query.get_bot()
            _log.exception("a press failed", data=_data_of(query))
        try:
            await bot.answer_callback_query(query.id, text[:_ANSWER], show_alert=True)
        except Exception as error:
            _log.info("a press could not be answered", why=type(error).__name__)

    async def _judge(self, bot: Bot, store: Store, query: CallbackQuery) -> str:
        form = _DATA.fullmatch(_data_of(query))
        if form is None:
            return "This button is not one of ours."
        verb, number = form["all"] or form["verb"], form["number"]
        case = await store.case(int(number))
        if case is None:
            return f"There is no case {number}."
        user = query.from_user
        by = Person(PLATFORM, str(user.id), user.full_name, user.username)
        if (why := await self._forbidden(bot, case, user.id)) is not None:
            await store.refused_press(case.id, by, verb, why)
            return why
        match verb:
            case "release":
                return await store.release(case.id, by, days=self._release_days(case))
            case "release-all":
                days = self._release_days(case)
                return await store.release_all(case.id, by, newest=int(form["newest"]), days=days)
            case "confirm-all":
                return await store.confirm_all(case.id, by, newest=int(form["newest"]))
            case _ if form["deed"] is not None:
                days = self._release_days(case)
                return await store.release(case.id, by, days=days, again=int(form["deed"]))
            case "there":
                return await store.is_back(case.id, by)
            case _:
                return await store.confirm(case.id, by)

    async def _forbidden(self, bot: Bot, case: Case, user: int) -> str | None:
        """Why this person may not decide about the case; None if they may. Asked anew on every press."""
        if str(user) in self._owners():
            return None
        try:
            member = await bot.get_chat_member(case.attachment.place.chat, user)
        except TelegramError as error:
            _log.warning("a press could not be authorised", why=type(error).__name__)
            return "Your rights in the group could not be checked. Please press again later."
        if member.status == ChatMember.OWNER:
            return None
        if isinstance(member, ChatMemberAdministrator) and member.can_delete_messages:
            return None
        return "Only administrators of the group of origin who may delete messages can decide about this."


def _data_of(query: CallbackQuery) -> str:
    """What the button sent. A host with arbitrary callback data gets ours, which its cache never had, as invalid."""
    data: object = query.data
    if isinstance(data, InvalidCallbackData):
        data = data.callback_data
    return data if isinstance(data, str) else ""
