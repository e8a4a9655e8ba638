"""What Telegram's answers mean for the outbox: refused for good, come again later, and nobody knows.

`BadRequest` is a subclass of `NetworkError`, so it is looked at first.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

import httpx
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from lazaretto.ports import Later, NotAllowed, NotThere, Refused, Unreachable, Unsure

__all__ = ["asked", "chat_id"]

T = TypeVar("T")

# The request was never sent, and no other would have been: there is no way to the server.
_NO_WAY = (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol)
# Nor was one that could not be made, and will not be at the next try: the library wraps what was raised on the way.
_NEVER_MADE = (TypeError, ValueError)
# What Telegram says, as a bad request, where the bot has left the chat or lost its rights there.
_NO_RIGHT = ("not enough rights", "chat_admin_required", "administrator rights")
_NOT_THERE = ("chat not found", "not a member", "was kicked", "chat was deleted")
_RECONNECT = 5.0  # seconds
_MOVE = 1.0  # seconds
_POOL_IS_FULL = 5.0  # seconds, as a request waits by itself for one of our own connections


async def asked(request: Awaitable[T]) -> T:
    """The answer to a request that changes something. Raises Refused, Later or Unsure."""
    try:
        return await request
    except RetryAfter as later:
        raise Later(_seconds_of(later)) from None
    except ChatMigrated:  # `moves` takes everything there; the next try goes to the new id
        raise Later(_MOVE) from None
    except (BadRequest, Forbidden, InvalidToken) as refusal:
        raise _refusal(refusal) from None
    except NetworkError as error:
        cause = error.__cause__ or error
        if isinstance(cause, _NO_WAY):
            raise Unreachable(_RECONNECT) from None
        if isinstance(cause, httpx.PoolTimeout):  # it never left us either
            raise Later(_POOL_IS_FULL) from None
        if isinstance(cause, _NEVER_MADE):
            raise Refused(f"the request could not be made: {type(cause).__name__}") from None
        if isinstance(error, TimedOut):
            raise Unsure("Telegram did not answer in time") from None
        if cause is error:  # it did answer, and said that it had failed
            raise Unsure(f"Telegram failed: {_plainly(error.message)}") from None
        raise Unsure(f"the connection failed: {type(cause).__name__}") from None
    except TelegramError as error:
        raise Refused(type(error).__name__) from None


def _refusal(error: TelegramError) -> Refused:
    said = error.message.lower()
    if any(words in said for words in _NOT_THERE):
        return NotThere(error.message)
    lacking = isinstance(error, Forbidden) or any(words in said for words in _NO_RIGHT)
    return (NotAllowed if lacking else Refused)(error.message)


def _plainly(message: str) -> str:
    """What a failing server says, where it is a few words: a page, or an address with the token, is not repeated."""
    return message if re.fullmatch(r"[A-Za-z0-9 .,'()-]{1,80}", message) else "no plain reason"


def _seconds_of(later: RetryAfter) -> float:
    with warnings.catch_warnings():
        # Reading it warns unless the process has opted into time spans, which is the host's choice to make.
        warnings.simplefilter("ignore")
        wait = later.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


def chat_id(chat: str) -> int | str:
    """Telegram takes numbers for ids and text for @names."""
    return int(chat) if chat.removeprefix("-").isdecimal() else chat
