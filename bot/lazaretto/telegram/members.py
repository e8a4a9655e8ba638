"""What is particular about a sender: exempt, or new. Implements `pipeline.Members`."""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic

import structlog
from telegram import Bot
from telegram.error import TelegramError

from lazaretto.audit import AuditedStore
from lazaretto.model import DRILL, Attachment, Place
from lazaretto.policy import Policy
from lazaretto.policy.values import ADMINS
from lazaretto.ports import MEMBER, Standing
from lazaretto.telegram.answers import chat_id

__all__ = ["Members"]

_FRESH = 300.0  # seconds for which a list of administrators is believed: Telegram tells of changes only if asked to
_MOST = 1000  # chats whose administrators are remembered
_log = structlog.get_logger("lazaretto.members")


class Members:
    """Asks the store since when somebody posts, and Telegram who administers a chat."""

    def __init__(self, bot: Bot, store: AuditedStore) -> None:
        self._bot = bot
        self._store = store
        self._admins: dict[str, tuple[float, frozenset[str]]] = {}

    async def standing(self, attachment: Attachment, policy: Policy) -> Standing:
        """By the policy of its chat. Whoever cannot be told is a member like others."""
        sender, place = attachment.sender.id, attachment.place
        if attachment.kind == DRILL:  # posted by us, who administer the group, and judged as a member's
            return MEMBER
        if place.private or not sender:
            return Standing()
        exempt = sender in policy.exempt
        if not exempt and ADMINS in policy.exempt:
            # Who writes as the group itself, or as the channel that it belongs to, administers it.
            exempt = sender == place.chat or sender in await self._admins_of(place)
        return Standing(new=await self._is_new(attachment, policy), exempt=exempt)

    async def _is_new(self, attachment: Attachment, policy: Policy) -> bool:
        if not policy.newcomers.period:
            return False
        first = await self._store.first_post(attachment.place, attachment.sender)
        return first is None or datetime.now(UTC) - first < policy.newcomers.period

    async def _admins_of(self, place: Place) -> frozenset[str]:
        known = self._admins.get(place.chat)
        if known is not None and monotonic() - known[0] < _FRESH:
            return known[1]
        try:
            members = await self._bot.get_chat_administrators(chat_id(place.chat))
        except TelegramError as error:
            _log.warning("a chat's administrators could not be asked", why=type(error).__name__)
            return known[1] if known is not None else frozenset()
        found = frozenset(str(member.user.id) for member in members)
        if len(self._admins) >= _MOST:
            self._admins.clear()
        self._admins[place.chat] = monotonic(), found
        return found
