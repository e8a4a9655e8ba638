"""A group that becomes a supergroup gets another id. Telegram says so in both chats, and to whoever asks for the old.

Messages from before have other numbers in the new chat, or none: nothing that was posted before can be deleted by the
bot any more, and nothing must be tried that could hit somebody else's message.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import structlog
from telegram import Message
from telegram.request import RequestData

from lazaretto.audit import AuditedStore, Settings
from lazaretto.audit.chats import Chats
from lazaretto.chat_policies import ChatPolicies
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.server_clock import TimedRequest

__all__ = ["FollowingRequest", "Moves", "move_told_by"]

_BAD_REQUEST = 400
_SIGN = b"migrate_to_chat_id"
_GROUP = re.compile(r"-[0-9]{1,19}")
_log = structlog.get_logger("lazaretto.moves")


class Moves:
    """Takes everything to the new id. May be told of the same move as often as Telegram likes."""

    def __init__(self, store: AuditedStore, policies: ChatPolicies) -> None:
        self._store = store
        self._policies = policies

    async def move(self, old: str, new: str) -> bool:
        """Answers whether there was anything to do."""
        chats = Chats(self._store)
        if not await chats.move(PLATFORM, old, new):
            return False
        _log.info("a group has another id now", old=old, new=new)
        await self._policies.load(Settings(self._store), await chats.moved(PLATFORM))
        return True


def move_told_by(message: Message) -> tuple[str, str] | None:
    """The old and the new id, where a service message tells of a move."""
    if message.migrate_to_chat_id is not None:
        return str(message.chat.id), str(message.migrate_to_chat_id)
    if message.migrate_from_chat_id is not None:
        return str(message.migrate_from_chat_id), str(message.chat.id)
    return None


class FollowingRequest(TimedRequest):
    """Notices when Telegram refuses a request because its chat has another id now."""

    def __init__(self, moved: Callable[[str, str], Awaitable[object]]) -> None:
        super().__init__()
        self._moved = moved

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *args: Any, **timeouts: Any
    ) -> tuple[int, bytes]:
        """As the library's, whose callers get the refusal as they always do."""
        status, payload = await super().do_request(url, method, request_data, *args, **timeouts)
        if status == _BAD_REQUEST and _SIGN in payload and request_data is not None:
            try:
                await self._follow(str(request_data.parameters.get("chat_id")), payload)
            except Exception:  # the refusal tells whoever asked to come again, and then it is tried again
                _log.exception("a chat's move could not be written down")
        return status, payload

    async def _follow(self, old: str, payload: bytes) -> None:
        new = ""
        with suppress(ValueError, TypeError, AttributeError):
            new = str(json.loads(payload).get("parameters", {}).get("migrate_to_chat_id"))
        if _GROUP.fullmatch(old) and _GROUP.fullmatch(new):
            await self._moved(old, new)
