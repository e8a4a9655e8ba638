"""The weekly report to a group's moderators, where its policy wants one: Monday morning, and once.

It does not go through the outbox, whose deeds are each about an attachment and are repeated until they are done. A
report is written down as sent first: a crash at that moment loses one, and nobody gets one twice. What Telegram has
certainly not taken is tried again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import structlog
from telegram import Bot
from telegram.constants import ParseMode
from telegram.error import TelegramError

from lazaretto.audit import AuditedStore
from lazaretto.audit.chats import Chats
from lazaretto.audit.weekly import Figures, Span, Weekly
from lazaretto.chat_policies import ChatPolicies
from lazaretto.languages import Html, Language, language_of
from lazaretto.model import Mode, Place
from lazaretto.policy import Policy
from lazaretto.ports import Later, Refused, Unsure
from lazaretto.tasks import spawn
from lazaretto.telegram.answers import asked, chat_id
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.card_words import told
from lazaretto.text import shown

__all__ = ["Reports", "report_text"]

_EVERY = 600.0  # seconds between looks for what is due
_MOST_CHATS = 1000
_TRIES = 5
_LONGEST_WAIT = 300.0  # seconds, for a chat that is to come again later
_log = structlog.get_logger("lazaretto.reports")


class Reports:
    """Sends what is due until stopped."""

    def __init__(
        self,
        bot: Bot,
        store: AuditedStore,
        policies: ChatPolicies,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._bot = bot
        self._chats = Chats(store)
        self._weekly = Weekly(store)
        self._policies = policies
        self._clock = clock
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with what was due while nobody was there to send it."""
        self._loop = spawn(self._run(), "weekly reports")

    async def stop(self) -> None:
        """End at once."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(_EVERY)

    async def look(self) -> None:
        """Send every report that is due. What fails of one keeps no other away."""
        try:
            known = await self._chats.known(PLATFORM, _MOST_CHATS)
        except Exception:
            _log.exception("which reports are due cannot be looked up")
            return
        for chat in known:
            try:
                await self._look_at(await self._weekly.place_of(PLATFORM, chat))
            except Exception:
                _log.exception("a weekly report failed", chat=chat)

    async def _look_at(self, place: Place) -> None:
        policy = self._policies.policy_of(place)
        if not policy.weekly_report or policy.moderators is None or not self._policies.configuration.admits(place):
            return
        span = await self._weekly.due(place, self._clock())
        if span is None:
            return
        figures, title = await self._weekly.figures(place, span), await self._title(place)
        if await self._weekly.claim(place, span):
            await self._send(policy.moderators, report_text(language_of(policy.language), policy, span, figures, title))

    async def _title(self, place: Place) -> str:
        try:
            return (await self._bot.get_chat(chat_id(place.chat))).title or place.chat
        except TelegramError:
            return place.chat

    async def _send(self, chat: str, text: Html) -> None:
        for _ in range(_TRIES):
            try:
                await asked(
                    self._bot.send_message(
                        chat_id(chat), text, parse_mode=ParseMode.HTML, disable_web_page_preview=True
                    )
                )
            except Later as later:  # nothing was sent
                await asyncio.sleep(min(later.seconds, _LONGEST_WAIT))
            except (Refused, Unsure) as error:
                _log.warning("a weekly report could not be sent", chat=chat, why=str(error))
                return
            else:
                return
        _log.warning("a weekly report could not be sent", chat=chat, why="the chat is too busy")


def report_text(say: Language, policy: Policy, span: Span, figures: Figures, title: str) -> Html:
    """As HTML, within a message. title: of the chat, a stranger's text."""
    return Html("\n").join(_lines(say, policy, span, figures, title))


def _lines(say: Language, policy: Policy, span: Span, figures: Figures, title: str) -> Iterator[Html]:
    last = span.until - timedelta(days=1)
    yield say.html(
        "<b>Report for <code>{chat}</code></b>, {since} to {until}",
        chat=told(title, 60),
        since=f"{span.since:%Y-%m-%d}",
        until=f"{last:%Y-%m-%d}",
    )
    yield say.html(
        "Files posted: {posted:,}, held: {held:,}, flagged: {flagged:,}",
        posted=figures.posted,
        held=figures.held,
        flagged=figures.flagged,
    )
    yield say.html(
        "Cases released: {released:,}, confirmed as bad: {confirmed:,}, waiting now: {waiting:,}",
        released=figures.released,
        confirmed=figures.confirmed,
        waiting=figures.waiting,
    )
    if figures.exposure is not None:
        half, most = figures.exposure
        yield say.html(
            "What was removed was visible for {half:.1f} s or less in half of the cases, and for {most:.1f} s or less "
            "in 19 of 20.",
            half=half,
            most=most,
        )
    for rule, count in figures.rules:
        yield say.html("• <code>{rule}</code> {count:,}", rule=shown(rule, 60), count=count)
    if policy.mode is Mode.OBSERVE or figures.would_hold or figures.would_flag:
        yield say.html(
            "While only observing, I touched nothing. In guard mode I would have held {held:,} and flagged "
            "{flagged:,}.",
            held=figures.would_hold,
            flagged=figures.would_flag,
        )
    yield say.html("/cases shows what waits.")
