"""Users, the rights of administrators, what members may do, a user's standing in a chat: the Bot API's shapes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

__all__ = ["PRESENT", "Member", "Permissions", "Rights", "Status", "User"]

Status = Literal["creator", "administrator", "member", "restricted", "left", "kicked"]

PRESENT: frozenset[Status] = frozenset({"creator", "administrator", "member", "restricted"})


@dataclass(frozen=True, slots=True)
class User:
    """Somebody with an account, a bot included. Equal by all fields; `id` is unique in one emulator."""

    id: int
    first_name: str
    username: str | None = None
    last_name: str | None = None
    language_code: str | None = None
    is_bot: bool = False

    def json(self) -> dict[str, Any]:
        """The Bot API's User; optional fields that are not set are absent."""
        return {"is_bot": self.is_bot, **{k: v for k, v in asdict(self).items() if v is not None}}


@dataclass(frozen=True, slots=True)
class Rights:
    """What an administrator may do: the booleans of ChatMemberAdministrator. `Rights()` may do nothing special."""

    can_manage_chat: bool = True  # every administrator has it: Bot API, ChatMemberAdministrator
    can_delete_messages: bool = False
    can_restrict_members: bool = False
    can_promote_members: bool = False
    can_change_info: bool = False
    can_invite_users: bool = False
    can_pin_messages: bool = False
    can_manage_topics: bool = False
    can_manage_video_chats: bool = False
    can_post_stories: bool = False
    can_edit_stories: bool = False
    can_delete_stories: bool = False
    can_manage_tags: bool = False
    can_post_messages: bool = False  # in channels
    can_edit_messages: bool = False  # in channels
    can_manage_direct_messages: bool = False  # in channels
    is_anonymous: bool = False

    @classmethod
    def full(cls) -> "Rights":
        """Every right, in one's own name."""
        return cls(**{name: name != "is_anonymous" for name in cls.__slots__})

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Rights":
        """The rights that a request names; those that it does not are not given."""
        return cls(**{right.name: bool(said.get(right.name, right.name == "can_manage_chat")) for right in fields(cls)})

    def json(self) -> dict[str, Any]:
        """The Bot API's ChatAdministratorRights."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Permissions:
    """What a member may do: the booleans of ChatPermissions. `Permissions()` is what a new group gives its members."""

    can_send_messages: bool = True
    can_send_audios: bool = True
    can_send_documents: bool = True
    can_send_photos: bool = True
    can_send_videos: bool = True
    can_send_video_notes: bool = True
    can_send_voice_notes: bool = True
    can_send_polls: bool = True
    can_send_other_messages: bool = True
    can_add_web_page_previews: bool = True
    can_react_to_messages: bool = True
    can_edit_tag: bool = False
    can_change_info: bool = False
    can_invite_users: bool = True
    can_pin_messages: bool = False
    can_manage_topics: bool = False

    @classmethod
    def none(cls) -> "Permissions":
        """May read, and nothing else."""
        return cls(**dict.fromkeys(cls.__slots__, False))

    @classmethod
    def all(cls) -> "Permissions":
        """Everything that a member may be allowed: who has it is not restricted."""
        return cls(**dict.fromkeys(cls.__slots__, True))

    @classmethod
    def of(cls, said: Mapping[str, Any], *, independent: bool = False) -> "Permissions":
        """A ChatPermissions from a request. What it does not name is not given, but for what the rest implies.

        https://core.telegram.org/bots/api#restrictchatmember, `use_independent_chat_permissions`
        """
        given = {name: bool(said.get(name)) for name in cls.__slots__}
        given["can_manage_topics"] |= "can_manage_topics" not in said and given["can_pin_messages"]
        given["can_react_to_messages"] |= "can_react_to_messages" not in said and given["can_send_messages"]
        if not independent:
            given["can_send_messages"] |= given["can_send_polls"]
            if given["can_send_other_messages"] or given["can_add_web_page_previews"]:
                given |= dict.fromkeys(_IMPLIED, True)
        return cls(**given)

    def json(self) -> dict[str, Any]:
        """The Bot API's ChatPermissions."""
        return asdict(self)


_IMPLIED = tuple(Permissions.__slots__[:7])  # texts and the six kinds of files


@dataclass(slots=True)
class Member:
    """A user's standing in one chat.

    `rights`, `custom_title` and `can_be_edited` (by the bot) are of administrators; `permissions` and `is_member` of
    the restricted; `until_date` (Unix time, 0 is for ever) is when a restriction or a ban ends.
    """

    user: User
    status: Status
    rights: Rights | None = None
    permissions: Permissions | None = None
    until_date: int = 0
    is_member: bool = True
    custom_title: str | None = None
    can_be_edited: bool = False

    @property
    def present(self) -> bool:
        """Whether the user is in the chat."""
        return self.status in PRESENT and self.is_member

    @property
    def is_admin(self) -> bool:
        """Whether the user is an administrator or the owner."""
        return self.status in ("creator", "administrator")

    def has(self, right: str) -> bool:
        """Whether this is an administrator with this right, or the owner, who has all."""
        return self.status == "creator" or (self.status == "administrator" and getattr(self.rights or Rights(), right))

    def json(self) -> dict[str, Any]:
        """The Bot API's ChatMember of this status."""
        title = {"custom_title": self.custom_title} if self.is_admin and self.custom_title else {}
        return {"status": self.status, "user": self.user.json(), **self._particulars(), **title}

    def _particulars(self) -> dict[str, Any]:
        if self.status == "creator":
            return {"is_anonymous": bool(self.rights and self.rights.is_anonymous)}
        if self.status == "administrator":
            return {"can_be_edited": self.can_be_edited, **asdict(self.rights or Rights())}
        if self.status == "restricted":
            permitted = (self.permissions or Permissions.none()).json()
            return {"is_member": self.is_member, **permitted, "until_date": self.until_date}
        return {"until_date": self.until_date} if self.status == "kicked" else {}
