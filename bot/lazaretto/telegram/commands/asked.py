"""A command as it was typed: what, by whom, where, and in which language it is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from telegram import Bot, InlineKeyboardMarkup, Message
from telegram.constants import ParseMode

from lazaretto.languages import Html, Language
from lazaretto.model import Person, Place
from lazaretto.telegram.authority import Right

__all__ = ["Asked", "Command", "Scope"]


@dataclass(frozen=True, slots=True)
class Asked:
    """words: what stands behind the command. user: None for an administrator who writes as the group itself, whose
    rights nobody can tell. by_link: it came by a deep link, which others write and whoever taps it never reads: it may
    show something, and changes nothing."""

    bot: Bot
    message: Message
    place: Place
    by: Person
    user: int | None
    words: tuple[str, ...]
    say: Language
    by_link: bool = False

    async def answer(self, text: Html, buttons: InlineKeyboardMarkup | None = None) -> None:
        """Answer where it was asked: in the same topic, as a reply, without previews of links."""
        await self.bot.send_message(
            self.message.chat_id,
            text,
            parse_mode=ParseMode.HTML,
            reply_markup=buttons,
            reply_to_message_id=self.message.message_id,
            allow_sending_without_reply=True,
            message_thread_id=self.message.message_thread_id if self.message.is_topic_message else None,
            disable_web_page_preview=True,
        )


class Scope:
    """Where a command is understood."""

    GROUP = "group"
    PRIVATE = "private"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class Command:
    """name: as typed. about: for Telegram's list of commands, in English for the catalogue. right: what it needs in the
    chat where it is typed; None where anybody may, or where the command itself asks."""

    name: str
    about: str
    run: Callable[[Asked], Awaitable[None]]
    right: Right | None
    scope: str = Scope.BOTH
