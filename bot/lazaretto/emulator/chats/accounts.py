"""Accounts that Telegram itself posts under: https://core.telegram.org/bots/api#message, `from` and `sender_chat`."""

from typing import Any

from lazaretto.emulator.chats.people import User

__all__ = ["CHANNEL_BOT", "GROUP_ANONYMOUS_BOT", "TELEGRAM", "names_of"]

TELEGRAM = User(777000, "Telegram")
"""Brings a channel's posts into its discussion group."""

GROUP_ANONYMOUS_BOT = User(1087968824, "Group", username="GroupAnonymousBot", is_bot=True)
"""Stands in for administrators who post as the group."""

CHANNEL_BOT = User(136817688, "Channel", username="Channel_Bot", is_bot=True)
"""Stands in for people who post as a channel."""


def names_of(user: User) -> dict[str, Any]:
    """What a private chat says of the person in it."""
    return {"first_name": user.first_name, "last_name": user.last_name, "username": user.username}
