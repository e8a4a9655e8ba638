"""What is set for a chat by its administrators, the bot among them: permissions, description, invite links."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from lazaretto.emulator.chats.people import Permissions, User
from lazaretto.emulator.files.store import Attachment

__all__ = ["ChatSettings", "InviteLink"]


@dataclass(slots=True)
class InviteLink:
    """One invite link. Dates are Unix times; None is no limit."""

    creator: User
    is_primary: bool = False
    name: str | None = None
    expire_date: int | None = None
    member_limit: int | None = None
    creates_join_request: bool = False
    is_revoked: bool = False
    address: str = field(default_factory=lambda: f"https://t.me/+{secrets.token_urlsafe(12)}")

    def json(self) -> dict[str, Any]:
        """The Bot API's ChatInviteLink."""
        shown = {
            "invite_link": self.address,
            "creator": self.creator.json(),
            "creates_join_request": self.creates_join_request,
            "is_primary": self.is_primary,
            "is_revoked": self.is_revoked,
        }
        optional = {"name": self.name, "expire_date": self.expire_date, "member_limit": self.member_limit}
        return shown | {name: value for name, value in optional.items() if value is not None}


@dataclass(slots=True)
class ChatSettings:
    """The settings of one chat.

    `banned_chats` are ids of the channels that may not write in it; `reactions` are the bot's own, by message id.
    """

    permissions: Permissions = field(default_factory=Permissions)
    description: str | None = None
    photo: Attachment | None = None
    links: list[InviteLink] = field(default_factory=list)
    banned_chats: set[int] = field(default_factory=set)
    reactions: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    @property
    def primary_link(self) -> InviteLink | None:
        """The link that exportChatInviteLink made last."""
        return next((link for link in self.links if link.is_primary and not link.is_revoked), None)

    def photo_json(self) -> dict[str, str] | None:
        """The Bot API's ChatPhoto, None without one."""
        if self.photo is None:
            return None
        small, big = self.photo.fields["photo"][0], self.photo.fields["photo"][-1]
        ids = ("file_id", "file_unique_id")
        return {f"{size}_{name}": shown[name] for size, shown in (("small", small), ("big", big)) for name in ids}
