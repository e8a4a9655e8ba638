"""The two taps: a moderator releases or confirms a case. Every press is authorised, against the group of origin."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import structlog
from telegram import Bot, CallbackQuery, Update
from telegram.ext import ApplicationHandlerStop, BaseHandler, CallbackContext, InvalidCallbackData

from lazaretto.languages import N_, language_of
from lazaretto.model import Person, Place
from lazaretto.policy import Policy
from lazaretto.ports import Store
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Authority, Right
from lazaretto.telegram.card_words import PREFIX
from lazaretto.telegram.store_words import translated
from lazaretto.terms import approval_of, strikes_of

__all__ = ["Page", "Presses"]

# 18 digits fit the database's integer.
_DATA = re.compile(
    rf"{PREFIX}(?P<verb>release|confirm|there|again-(?P<deed>[0-9]{{1,18}})"
    r"|(?P<all>release-all|confirm-all)-(?P<newest>[0-9]{1,18})):(?P<number>[0-9]{1,18})"
)
_NOT_OURS = N_("This button is not one of ours.")
_ANSWER = 200  # characters, Telegram's bound for a callback's answer
_log = structlog.get_logger("lazaretto.review")

AnyContext = CallbackContext[Any, Any, Any, Any]

Page = Callable[[Bot, CallbackQuery, str], Awaitable[str]]
"""Answers a press: with the bot, the query and its data."""


class Presses(BaseHandler[Update, AnyContext, None]):
    """Handler of our buttons. The host's own catch-all never sees them.

    ready: started before the first press is judged. wake: called when there is something for the outbox.
    pages: who answers the buttons of menus and lists, by the first word of their data (`lz:WORD:...`). Each checks by
    itself what the presser may, and answers the text to show; empty for none.
    """

    def __init__(
        self,
        ready: Callable[[], Awaitable[tuple[Bot, Store]]],
        wake: Callable[[], None],
        policy_of: Callable[[Place], Policy],
        authority: Authority,
        pages: Mapping[str, Page] = MappingProxyType({}),
    ) -> None:
        super().__init__(self._never_called, block=True)
        self._ready = ready
        self._wake = wake
        self._policy_of = policy_of
        self._authority = authority
        self._pages = pages

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
            page = self._pages.get(_data_of(query).removeprefix(PREFIX).partition(":")[0])
            text = await (self._judge(bot, store, query) if page is None else page(bot, query, _data_of(query)))
            self._wake()
        except Exception:
            text, bot = "That did not work, nothing was changed. Please press again.", query.get_bot()
            _log.exception("a press failed", data=_data_of(query))
        try:
            await bot.answer_callback_query(query.id, text[:_ANSWER] or None, show_alert=bool(text))
        except Exception as error:
            _log.info("a press could not be answered", why=type(error).__name__)

    async def _judge(self, bot: Bot, store: Store, query: CallbackQuery) -> str:
        form = _DATA.fullmatch(_data_of(query))
        if form is None:
            return _NOT_OURS
        verb, number = form["all"] or form["verb"], form["number"]
        case = await store.case(int(number))
        if case is None:
            return f"There is no case {number}."
        user = query.from_user
        by = Person(PLATFORM, str(user.id), user.full_name, user.username)
        policy = self._policy_of(case.attachment.place)
        say = language_of(policy.language)
        if (why := await self._authority.refusal(bot, case.attachment.place.chat, user.id, Right.REVIEW)) is not None:
            await store.refused_press(case.id, by, verb, why)
            return say(why)
        return translated(say, await self._decide(store, policy, case.id, by, form))

    async def _decide(self, store: Store, policy: Policy, number: int, by: Person, form: re.Match[str]) -> str:
        """What it comes to, in the store's words."""
        days, approval, strikes = policy.release_days, approval_of(policy, self._authority.owners), strikes_of(policy)
        match form["all"] or form["verb"]:
            case "release":
                return await store.release(number, by, days=days, approval=approval)
            case "release-all":
                newest = int(form["newest"])
                return await store.release_all(number, by, newest=newest, days=days, approval=approval)
            case "confirm-all":
                return await store.confirm_all(number, by, newest=int(form["newest"]), strikes=strikes)
            case _ if form["deed"] is not None:
                return await store.release(number, by, days=days, again=int(form["deed"]))
            case "there":
                return await store.is_back(number, by)
            case _:
                return await store.confirm(number, by, strikes=strikes)


def _data_of(query: CallbackQuery) -> str:
    """What the button sent. A host with arbitrary callback data gets ours, which its cache never had, as invalid."""
    data: object = query.data
    if isinstance(data, InvalidCallbackData):
        data = data.callback_data
    return data if isinstance(data, str) else ""
