"""What is done to Telegram: remove, publish, show cards. Implements `ports.Platform`.

The library's errors are turned into the three answers that the outbox knows: refused for good, come again later, and
nobody knows. `BadRequest` is a subclass of `NetworkError`, so it is looked at first.
"""

from __future__ import annotations

import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from telegram import Bot, InputFile, Message
from telegram.constants import ParseMode
from telegram.error import BadRequest, Forbidden, InvalidToken, NetworkError, RetryAfter, TelegramError, TimedOut

from lazaretto.model import Case, Part, Person, Place
from lazaretto.ports import Later, Refused, Unsure
from lazaretto.telegram.cards import buttons, card_text, publication_caption
from lazaretto.telegram.download import Downloads

__all__ = ["TelegramPlatform", "asked"]

T = TypeVar("T")

# Which method sends a kind again, and under which name it takes the file. Everything else goes as a document.
_SEND: dict[str, tuple[str, str]] = {
    "photo": ("send_photo", "photo"),
    "video": ("send_video", "video"),
    "animation": ("send_animation", "animation"),
    "audio": ("send_audio", "audio"),
    "voice": ("send_voice", "voice"),
    "document": ("send_document", "document"),
}


# The request was never sent, whatever else it may have been.
_NEVER_LEFT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)
_RECONNECT = 5.0  # seconds


async def asked(request: Awaitable[T]) -> T:
    """The answer to a request that changes something. Raises Refused, Later or Unsure."""
    try:
        return await request
    except RetryAfter as later:
        raise Later(_seconds_of(later)) from None
    except (BadRequest, Forbidden, InvalidToken) as refusal:
        raise Refused(refusal.message) from None
    except NetworkError as error:
        cause = error.__cause__ or error
        if isinstance(cause, _NEVER_LEFT):
            raise Later(_RECONNECT) from None
        if isinstance(error, TimedOut):
            raise Unsure("Telegram did not answer in time") from None
        raise Unsure(f"the connection failed: {type(cause).__name__}") from None
    except TelegramError as error:
        raise Refused(type(error).__name__) from None


def _seconds_of(later: RetryAfter) -> float:
    with warnings.catch_warnings():
        # Reading it warns unless the process has opted into time spans, which is the host's choice to make.
        warnings.simplefilter("ignore")
        wait = later.retry_after
    return wait.total_seconds() if isinstance(wait, timedelta) else float(wait)


class TelegramPlatform:
    """Telegram behind `ports.Platform`.

    bot: a plain Bot, not the host's: the host's may rewrite our buttons' data.
    """

    def __init__(self, bot: Bot, downloads: Downloads) -> None:
        self._bot = bot
        self._downloads = downloads

    def fetch(self, part: Part) -> AsyncIterator[bytes]:
        """The bytes of a part, in pieces. Raises FetchFailed or NotFetchable."""
        return self._downloads.fetch(part)

    async def remove(self, place: Place, message: str) -> None:
        """Delete a message. One that is gone already counts as deleted."""
        if not message:
            raise Refused("the file came in no message that could be deleted")
        try:
            await asked(self._bot.delete_message(_chat(place.chat), int(message)))
        except Refused as refusal:
            if "message to delete not found" not in str(refusal).lower():
                raise

    async def publish(self, case: Case, sender: Person, files: Sequence[Path]) -> str:
        """Send the attachment again, in its kind and topic, by Telegram's own copy; by our bytes where that fails.

        Of several parts each is sent as a message of its own; the first carries the caption. Answers its message id.
        """
        sent: list[str] = []
        for part in case.attachment.parts:
            caption = None if sent else publication_caption(case, sender)
            try:
                message = await self._send_again(case, part, caption, files)
            except (Refused, Later) as problem:
                if not sent:
                    raise
                # Not to be tried again by itself: what is there already would come twice.
                raise Unsure(f"{len(sent)} of {len(case.attachment.parts)} files are back: {problem}") from None
            sent.append(str(message.message_id))
        return sent[0] if sent else ""

    async def _send_again(self, case: Case, part: Part, caption: str | None, files: Sequence[Path]) -> Message:
        method, argument = _SEND.get(part.claim.kind or "", _SEND["document"])
        send: Callable[..., Awaitable[Message]] = getattr(self._bot, method)
        place = case.attachment.place
        rest: dict[str, Any] = {
            "caption": caption,
            "parse_mode": ParseMode.HTML,
            "message_thread_id": int(place.thread) if place.thread else None,
        }
        try:
            return await asked(send(_chat(place.chat), **{argument: part.file_id}, **rest))
        except Refused:
            # The platform's copy has gone: the vault has the same bytes.
            sealed = next((i for i, s in enumerate(case.sealed) if s.part == part.index), None)
            if sealed is None:
                raise
        with files[sealed].open("rb") as bytes_:
            again = InputFile(bytes_, filename=part.claim.name, read_file_handle=False)
            return await asked(send(_chat(place.chat), **{argument: again}, **rest))

    async def notify(self, case: Case, sender: Person | None, head: str, *, repeated: bool) -> str:
        """Show the case's card in its moderators' chat."""
        if case.moderators is None:
            raise Refused("no moderators' chat")
        message = await asked(
            self._bot.send_message(
                _chat(case.moderators),
                card_text(case, sender, head, repeated=repeated),
                parse_mode=ParseMode.HTML,
                reply_markup=buttons(case),
                disable_web_page_preview=True,
            )
        )
        return str(message.message_id)

    async def update_card(self, case: Case, sender: Person | None, card: str, head: str, note: str) -> None:
        """Bring a shown card up to date."""
        if case.moderators is None:
            raise Refused("no moderators' chat")
        try:
            await asked(
                self._bot.edit_message_text(
                    card_text(case, sender, head, note=note),
                    _chat(case.moderators),
                    int(card),
                    parse_mode=ParseMode.HTML,
                    reply_markup=buttons(case, outcome_unknown=case.uncertain),
                    disable_web_page_preview=True,
                )
            )
        except Refused as refusal:
            if "message is not modified" not in str(refusal).lower():
                raise


def _chat(chat: str) -> int | str:
    """Telegram takes numbers for ids and text for @names."""
    return int(chat) if chat.removeprefix("-").isdecimal() else chat
