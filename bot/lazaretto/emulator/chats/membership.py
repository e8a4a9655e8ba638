"""Who is in a chat and as what: people come, go, rise and fall, ask to be let in, and move house."""

from dataclasses import replace
from typing import Any

from lazaretto.emulator.chats.accounts import GROUP_ANONYMOUS_BOT
from lazaretto.emulator.chats.messages import Message
from lazaretto.emulator.chats.people import Member, Permissions, Rights, Status, User
from lazaretto.emulator.chats.room import Room
from lazaretto.emulator.chats.settings import InviteLink

__all__ = ["Membership"]

_BY_RANK = ("creator", "administrator", "member", "restricted", "left", "kicked")


class Membership(Room):
    """Changes of standing. `chat_member` updates go to a bot that is an administrator and asked for them."""

    async def join(self, user: User) -> Message:
        """A user joins: a service message, and `chat_member` for bots that may see it."""
        self.set_standing(user, "member", by=user)
        return self.append(user, {"new_chat_members": [user.json()]}, told=True)

    async def leave(self, user: User) -> Message:
        """A user leaves: a service message, and `chat_member` for bots that may see it. ValueError for a stranger."""
        if not self.has(user):
            raise ValueError(f"{user.first_name} is not a member of {self!r}")
        message = self.append(user, {"left_chat_member": user.json()}, told=True)
        self.set_standing(user, "left", by=user)
        return message

    async def ban(self, user: User, *, by: User, until_date: int = 0) -> Message | None:
        """An administrator throws a user out, until a Unix time or (0) for ever: as `leave`, but in their words.

        There is no message of somebody who was not here, nor in a channel.
        """
        was_here = self.has(user)
        self.set_standing(user, "kicked", by=by, until_date=until_date)
        if not was_here or self.type == "channel":
            return None
        return self.append(by, {"left_chat_member": user.json()}, told=True)

    async def restrict(
        self, user: User, permissions: Permissions | None = None, *, by: User, until_date: int = 0
    ) -> None:
        """An administrator limits what a user may do here (None: to reading), until a Unix time or (0) for ever."""
        limits: dict[str, Any] = {"permissions": permissions or Permissions.none(), "until_date": until_date}
        self.set_standing(user, "restricted", by=by, is_member=self.has(user), **limits)

    def set_standing(
        self, user: User, status: Status, rights: Rights | None = None, *, by: User | None = None, **particulars: Any
    ) -> None:
        """Promote, demote, restrict, remove, ban: `by` is who did it. The bot is always told about itself.

        `particulars` are further fields of the Member, such as `until_date`.
        """
        old = self.standing(user).json()
        bot_was_admin = self.standing(self.world.bot).is_admin
        self.members[user.id] = Member(user, status, rights, **particulars)
        change = {
            "chat": self.json(),
            "from": (by or self._somebody(user)).json(),
            "date": self.world.clock.now(),
            "old_chat_member": old,
            "new_chat_member": self.members[user.id].json(),
        }
        if user.id == self.world.bot.id:
            self.world.updates.add("my_chat_member", change)
        elif bot_was_admin:
            self.world.updates.add("chat_member", change)
        self.world.changes.announce()

    def set_bot_rights(self, rights: Rights | None) -> None:
        """Make the bot an administrator with these rights, or (None) a plain member."""
        self.set_standing(self.world.bot, "administrator" if rights else "member", rights)

    def remove_bot(self) -> None:
        """Throw the bot out of a group; in a private chat, block it."""
        self.set_standing(self.world.bot, "kicked")

    def _somebody(self, other_than: User) -> User:
        """Who may have changed a standing: the highest-ranking person here."""
        present = [m for m in self.members.values() if m.user.id != other_than.id and not m.user.is_bot]
        ranked = sorted(present, key=lambda member: _BY_RANK.index(member.status))
        return ranked[0].user if ranked else other_than

    def lift_expired(self) -> None:
        """End the bans and restrictions whose time has come. Telegram tells nobody."""
        now = self.world.clock.now()
        for member in list(self.members.values()):
            if member.status in ("restricted", "kicked") and 0 < member.until_date <= now:
                self.members[member.user.id] = _freed(member)

    # -- asking to be let in ------------------------------------------------------------------------------------

    async def request_to_join(self, user: User, *, bio: str | None = None, link: InviteLink | None = None) -> None:
        """A user asks to join, by which link: `chat_join_request` for a bot that may invite people."""
        if self.has(user):
            raise ValueError(f"{user.first_name} is a member of {self!r} already")
        self.join_requests[user.id] = user
        if self.standing(self.world.bot).has("can_invite_users"):
            request = {"chat": self.json(), "from": user.json(), "user_chat_id": user.id}
            request |= {"date": self.world.clock.now()} | ({} if bio is None else {"bio": bio})
            request |= {} if link is None else {"invite_link": link.json()}
            self.world.updates.add("chat_join_request", request)

    def settle_request(self, user: User, *, let_in: bool, by: User) -> None:
        """An administrator lets somebody in who asked, or turns them away. ValueError when they did not ask."""
        if self.join_requests.pop(user.id, None) is None:
            raise ValueError(f"{user.first_name} has not asked to join {self!r}")
        if let_in:
            self.set_standing(user, "member", by=by)
            self.append(user, {"new_chat_members": [user.json()]}, told=True)

    def _move_to(self, other: Room, by: User) -> None:
        """Become `other`, where everybody is what they were here. Both chats say so, each with the other's id."""
        other.members = self.members
        self.append(by, {"migrate_to_chat_id": other.id}, told=True)
        whole_group = {"from": GROUP_ANONYMOUS_BOT.json(), "sender_chat": other.json()}
        other.append(None, {**whole_group, "migrate_from_chat_id": self.id}, told=True)
        self.members = {}


def _freed(member: Member) -> Member:
    stays = member.status == "restricted" and member.is_member
    return replace(member, status="member" if stays else "left", permissions=None, until_date=0, is_member=True)
