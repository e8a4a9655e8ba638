"""Who may do what: Telegram's own rights in a chat, asked anew each time. There is no second list of roles.

    delete messages    -> review: see, confirm and release cases
    ban users          -> mute and ban
    change group info  -> settings

The installation's owners may do everything. In a private chat, a channel's direct messages or a chat of which the bot
is no member nobody else may.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from enum import StrEnum

import structlog
from telegram import Bot, ChatMember, ChatMemberAdministrator
from telegram.error import TelegramError

from lazaretto.languages import N_

__all__ = ["Authority", "Right", "holds"]

_log = structlog.get_logger("lazaretto.authority")


class Right(StrEnum):
    """A right that administrators have or not, by Telegram's name for it. ANY: every administrator."""

    REVIEW = "can_delete_messages"
    BAN = "can_restrict_members"
    SETTINGS = "can_change_info"
    ANY = "any"


_LACKING = {
    Right.REVIEW: N_("Only administrators of the group of origin who may delete messages can decide about this."),
    Right.BAN: N_("Only administrators of the group of origin who may ban users can do this."),
    Right.SETTINGS: N_("Only administrators of the group who may change its info can do this."),
    Right.ANY: N_("Only administrators of the group can do this."),
}
_UNKNOWN = N_("Your rights in the group could not be checked. Please try again later.")


class Authority:
    """owners: user ids of the installation's owners."""

    def __init__(self, owners: Callable[[], Collection[str]] = tuple) -> None:
        self._owners = owners

    @property
    def owners(self) -> Collection[str]:
        """Ids of the installation's owners, whoever they are by now."""
        return self._owners()

    def is_owner(self, user: int | str) -> bool:
        """Does this user own the installation?"""
        return str(user) in self._owners()

    async def refusal(self, bot: Bot, chat: str, user: int, right: Right) -> str | None:
        """Why this user may not, in English for the catalogue; None if they may."""
        if self.is_owner(user):
            return None
        try:
            member = await bot.get_chat_member(chat, user)
        except TelegramError as error:
            _log.warning("somebody's rights could not be asked", why=type(error).__name__)
            return _UNKNOWN
        return None if holds(member, right) else _LACKING[right]


def holds(member: ChatMember, right: Right) -> bool:
    """Does this member of a chat have the right there?"""
    if member.status == ChatMember.OWNER:
        return True
    return isinstance(member, ChatMemberAdministrator) and (right is Right.ANY or bool(getattr(member, right)))
