"""Users, the rights of administrators, and a user's standing in a chat, in the Bot API's shapes."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["PRESENT", "Member", "Rights", "Status", "User"]

Status = Literal["creator", "administrator", "member", "left", "kicked"]

PRESENT: frozenset[Status] = frozenset({"creator", "administrator", "member"})


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
    is_anonymous: bool = False

    @classmethod
    def full(cls) -> "Rights":
        """Every right, in one's own name."""
        return cls(**{name: name != "is_anonymous" for name in cls.__slots__})


@dataclass(slots=True)
class Member:
    """A user's standing in one chat. `rights` is set for administrators only."""

    user: User
    status: Status
    rights: Rights | None = None

    def json(self) -> dict[str, Any]:
        """The Bot API's ChatMember of this status."""
        return {"status": self.status, "user": self.user.json(), **self._particulars()}

    def _particulars(self) -> dict[str, Any]:
        if self.status == "creator":
            return {"is_anonymous": False}
        if self.status == "administrator":
            return {"can_be_edited": False, **asdict(self.rights or Rights())}
        return {"until_date": 0} if self.status == "kicked" else {}
