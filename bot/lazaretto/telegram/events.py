"""Service messages that are meant for us: a group's new id, and a chat that somebody chose from Telegram's list."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import structlog
from telegram import Message, Update
from telegram.ext import ApplicationHandlerStop, BaseHandler, CallbackContext

from lazaretto.alarms import Cause
from lazaretto.model import Place
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.moves import Moves, move_told_by

__all__ = ["ChatEvents"]

_log = structlog.get_logger("lazaretto.events")

AnyContext = CallbackContext[Any, Any, Any, Any]


class ChatEvents(BaseHandler[Update, AnyContext, None]):
    """Handler of service messages. A move is told to the host, too; a chat that we asked for is not."""

    def __init__(self, desk: Desk) -> None:
        super().__init__(self._never_called, block=True)
        self._desk = desk

    @staticmethod
    async def _never_called(_update: Update, _context: AnyContext) -> None:
        """BaseHandler wants a callback; this class answers in `handle_update` itself."""

    def check_update(self, update: object) -> Message | None:
        """Is it one of these?"""
        message = update.message if isinstance(update, Update) else None
        if message is None:
            return None
        return message if move_told_by(message) is not None or self._is_choice(message) else None

    def _is_choice(self, message: Message) -> bool:
        user, shared = message.from_user, message.chat_shared
        return shared is not None and user is not None and self._desk.choices.expects(user.id, shared.request_id)

    async def handle_update(self, update: Update, application: object, check_result: Any, context: AnyContext) -> None:  # noqa: ARG002 - the library's signature
        """Take it up. Nothing that goes wrong here may keep the host from a move."""
        choice = check_result.chat_shared is not None
        with suppress(Exception):
            await (self._choose(check_result) if choice else self._move(check_result))
        if choice:
            raise ApplicationHandlerStop

    async def _choose(self, message: Message) -> None:
        user, shared = message.from_user, message.chat_shared
        then = self._desk.choices.take(user.id, shared.request_id) if user is not None and shared is not None else None
        try:
            if then is not None:
                await then(message)
        except Exception:
            _log.exception("a chosen chat could not be taken")

    async def _move(self, message: Message) -> None:
        told = move_told_by(message)
        if told is None or not any(self._is_ours(chat) for chat in told):
            return
        try:
            runtime = await self._desk.open()
            if await Moves(runtime.store, self._desk.policies).move(*told):
                runtime.pipeline.deeds.wake()
                # What the bot may do in the new chat is another matter, of which the first removal there tells.
                runtime.pipeline.alarms.pass_over(Cause.RIGHTS, f"the chat is {told[1]} now", told[0])
        except Exception:
            # Telegram tells it twice, and refuses the old id: there is another chance.
            _log.exception("a chat's move could not be written down")

    def _is_ours(self, chat: str) -> bool:
        policies = self._desk.policies
        return policies.configuration.admits(Place(PLATFORM, chat)) or chat in policies.moderator_chats
