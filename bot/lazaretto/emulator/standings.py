"""When a standing in a chat ends by itself."""

from collections.abc import Iterable
from dataclasses import replace

from lazaretto.emulator.chats import Chat
from lazaretto.emulator.people import Member

__all__ = ["lift_expired"]


def lift_expired(chats: Iterable[Chat]) -> None:
    """End the bans and restrictions whose time has come. Telegram tells nobody."""
    for chat in chats:
        now = chat.world.clock.now()
        for member in list(chat.members.values()):
            if member.status in ("restricted", "kicked") and 0 < member.until_date <= now:
                chat.members[member.user.id] = _freed(member)


def _freed(member: Member) -> Member:
    stays = member.status == "restricted" and member.is_member
    return replace(member, status="member" if stays else "left", permissions=None, until_date=0, is_member=True)
