"""Notices at once when the bot loses, or gets back, what it needs in a guarded group, and when that becomes another
chat: Telegram says so unasked."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from telegram import ChatMember, ChatMemberAdministrator, ChatMemberUpdated, Update
from telegram.ext import BaseHandler, CallbackContext

from lazaretto.alarms import Alarms, Cause
from lazaretto.model import Place
from lazaretto.telegram.attachments import PLATFORM

__all__ = ["RightsWatch", "lacking"]

_log = structlog.get_logger("lazaretto.rights")

_OUT = (ChatMember.LEFT, ChatMember.BANNED)

AnyContext = CallbackContext[Any, Any, Any, Any]


class RightsWatch(BaseHandler[Update, AnyContext, None]):
    """Handler of `my_chat_member`. It never ends an update: the host may want it, too.

    guards: does the bot remove anything in a chat? Anybody can add it to chats of their own, as often as they like, and
    that is no alarm. alarms: None while nothing runs. also: told of every change, for what is to be said in the chat.
    """

    def __init__(
        self,
        guards: Callable[[Place], bool],
        alarms: Callable[[], Alarms | None],
        also: Callable[[ChatMemberUpdated], None] | None = None,
    ) -> None:
        super().__init__(self._never_called, block=True)
        self._guards = guards
        self._alarms = alarms
        self._also = also

    @staticmethod
    async def _never_called(_update: Update, _context: AnyContext) -> None:
        """BaseHandler wants a callback; this class answers in `handle_update` itself."""

    def check_update(self, update: object) -> ChatMemberUpdated | None:
        """What became of the bot in a chat, if that is what the update tells."""
        return update.my_chat_member if isinstance(update, Update) else None

    async def handle_update(self, update: Update, application: object, check_result: Any, context: AnyContext) -> None:  # noqa: ARG002 - the library's signature
        """Raise the alarm, or end it. Nothing that goes wrong here may keep the host from its update."""
        with suppress(Exception):
            self._look(check_result)
        with suppress(Exception):
            if self._also is not None:
                self._also(check_result)

    def _look(self, change: ChatMemberUpdated) -> None:
        chat, alarms = str(change.chat.id), self._alarms()
        place = Place(PLATFORM, chat, channel=change.chat.type == "channel")
        if alarms is None or change.chat.type == "private" or not self._guards(place):
            return
        why = lacking(change.new_chat_member)
        if why:
            alarms.on(Cause.RIGHTS, why, chat, passing=change.new_chat_member.status in _OUT)
        else:
            alarms.off(Cause.RIGHTS, chat)
        _log.info("the bot's rights have changed", chat=chat, lacks=why)


def lacking(member: ChatMember) -> str:
    """What keeps the bot from removing messages; empty where nothing does."""
    if member.status in _OUT:
        return "the bot is not in the group any more"
    if not isinstance(member, ChatMemberAdministrator):
        return "the bot is no administrator"
    return "" if member.can_delete_messages else "the bot may not delete messages"
