"""Muting and banning who posted something: people, and channels that write in a group under their own name."""

from __future__ import annotations

from datetime import datetime

from telegram import Bot, ChatMember, ChatMemberRestricted, ChatPermissions

from lazaretto.model import Person, Place
from lazaretto.ports import Refused
from lazaretto.state.codec import rfc3339
from lazaretto.telegram.answers import asked, chat_id
from lazaretto.telegram.durations import until

__all__ = ["Restrictions"]

_WRITING = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
)


class Restrictions:
    """What is done to a member. Every method answers until when (RFC 3339), empty for ever; it may be repeated, and
    raises Refused, Unsure or Later."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def mute(self, place: Place, member: Person, seconds: int) -> str:
        """Keep somebody from writing. Whoever is kept from it for longer already stays so."""
        _not_the_group_itself(place, member)
        if _is_a_channel(member):
            raise Refused("channels cannot be muted")
        chat, user, end = chat_id(place.chat), _user(member), until(seconds)
        standing = await asked(self._bot.get_chat_member(chat, user))
        if standing.status == ChatMember.BANNED:
            # Whoever is restricted is not banned any more: Bot API, restrictChatMember sets the status.
            raise Refused("they are banned already")
        if isinstance(standing, ChatMemberRestricted) and _outlasts(standing, end):
            return _told(_end(standing))
        await asked(
            self._bot.restrict_chat_member(
                chat, user, ChatPermissions.no_permissions(), until_date=end, use_independent_chat_permissions=True
            )
        )
        return _told(end)

    async def ban(self, place: Place, member: Person, seconds: int) -> str:
        """Throw somebody out, and keep them out. What else they posted stays: nobody has judged it."""
        _not_the_group_itself(place, member)
        chat = chat_id(place.chat)
        if _is_a_channel(member):
            await asked(self._bot.ban_chat_sender_chat(chat, int(member.id)))
            return ""
        end = until(seconds)
        await asked(self._bot.ban_chat_member(chat, _user(member), until_date=end, revoke_messages=False))
        return _told(end)


def _outlasts(standing: ChatMemberRestricted, end: datetime | None) -> bool:
    """Is somebody muted as thoroughly as we do it, and for longer?"""
    if any(getattr(standing, right) for right in _WRITING):
        return False
    stands = _end(standing)
    return stands is None or (end is not None and stands > end)


def _end(standing: ChatMemberRestricted) -> datetime | None:
    """None for ever: Bot API, ChatMemberRestricted tells that as 0."""
    return standing.until_date if standing.until_date.timestamp() > 0 else None


def _is_a_channel(member: Person) -> bool:
    """Channels and groups have negative ids."""
    return member.id.startswith("-")


def _not_the_group_itself(place: Place, member: Person) -> None:
    if member.id == place.chat:
        raise Refused("it posts as the group itself")


def _user(member: Person) -> int:
    if not member.id.isdecimal():
        raise Refused("the sender's data was erased")
    return int(member.id)


def _told(end: datetime | None) -> str:
    return "" if end is None else rfc3339(end)
