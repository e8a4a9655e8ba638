"""Where reviewing is talked about: in private, and in moderators' chats; elsewhere there is a line and a link."""

from __future__ import annotations

import re

import structlog
from telegram import Bot, CallbackQuery, Chat, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.constants import ChatType, ParseMode
from telegram.error import BadRequest, TelegramError

from lazaretto.languages import N_, Html
from lazaretto.model import Place
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Right
from lazaretto.telegram.commands.asked import Asked
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.commands.dispatch import deep_link

__all__ = ["NOT_OURS", "TOO_OLD", "edit", "elsewhere_link", "pressed_in"]

NOT_OURS = N_("This button is not one of ours.")
TOO_OLD = N_("Telegram does not show me this message any more. Please ask again; nothing was changed.")
_IN_PRIVATE = N_("This is shown in the private chat with me.")
_LINKED = re.compile(r"-?[A-Za-z0-9]{1,20}")  # what fits into a deep link as it is
_log = structlog.get_logger("lazaretto.commands")


async def elsewhere_link(desk: Desk, asked: Asked, command: str) -> bool:
    """Send whoever asks in a group to the private chat, if they may review there. Answers whether that was to be done.

    Nobody can tell what an administrator who writes as the group may see, and the link tells nothing.
    """
    place = asked.place
    moderators = place.chat in desk.policies.moderator_chats
    if place.private or (moderators and asked.user is not None):
        return False
    if asked.user is not None:
        refusal = await desk.authority.refusal(asked.bot, place.chat, asked.user, Right.REVIEW)
        if refusal is not None:
            await asked.answer(asked.say.html(refusal))
            return True
    words = [word for word in asked.words if _LINKED.fullmatch(word)]
    if not moderators and command != "case":
        words.insert(0, place.chat)
    link = deep_link(asked.bot, command, *words)
    button = InlineKeyboardButton(asked.say("Open in private"), url=link)
    await asked.answer(asked.say.html(_IN_PRIVATE), InlineKeyboardMarkup([[button]]))
    return True


def place_of(chat: Chat) -> Place:
    """The place that a message stands in."""
    return Place(PLATFORM, str(chat.id), private=chat.type == ChatType.PRIVATE)


def pressed_in(desk: Desk, query: CallbackQuery) -> Place | None:
    """Where a button was pressed; None where nothing is to be told, or the message cannot be changed any more."""
    # The library makes a message of either, and tells by the date.
    if not isinstance(query.message, Message) or not query.message.is_accessible:
        return None
    place = place_of(query.message.chat)
    if place.private:
        return place if place.chat == str(query.from_user.id) else None
    return place if place.chat in desk.policies.moderator_chats else None


async def edit(
    bot: Bot, message: Message, text: Html, buttons: InlineKeyboardMarkup | None, *, quietly: bool = False
) -> None:
    """Show something else in a message of ours. quietly: it is not what matters, so a refusal is only logged."""
    try:
        await bot.edit_message_text(
            text,
            message.chat_id,
            message.message_id,
            parse_mode=ParseMode.HTML,
            reply_markup=buttons,
            disable_web_page_preview=True,
        )
    except TelegramError as error:
        same = isinstance(error, BadRequest) and "message is not modified" in str(error).lower()
        if not same and not quietly:
            raise
        if not same:
            _log.info("a message could not be changed", why=type(error).__name__)
