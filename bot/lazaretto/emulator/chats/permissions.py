"""What a member may send: https://core.telegram.org/bots/api#chatpermissions"""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.chats.people import Permissions

__all__ = ["missing_permission", "plural_of"]

# By the field of its message: the permission that it takes, and its plural in refusals. Of two fields that one message
# fills, the one that says more comes first. Everything else is sent as texts are.
_SENT: Mapping[str, tuple[str, str]] = {
    "animation": ("can_send_other_messages", "animations"),
    "sticker": ("can_send_other_messages", "stickers"),
    "game": ("can_send_other_messages", "games"),
    "dice": ("can_send_other_messages", "dice"),
    "live_photo": ("can_send_photos", "live photos"),
    "photo": ("can_send_photos", "photos"),
    "video": ("can_send_videos", "videos"),
    "audio": ("can_send_audios", "music"),
    "voice": ("can_send_voice_notes", "voice notes"),
    "video_note": ("can_send_video_notes", "video notes"),
    "document": ("can_send_documents", "documents"),
    "poll": ("can_send_polls", "polls"),
    "contact": ("can_send_messages", "contacts"),
    "venue": ("can_send_messages", "venues"),
    "location": ("can_send_messages", "locations"),
    "paid_media": ("can_send_messages", "paid media"),
}
_TEXT = ("can_send_messages", "text messages")


def missing_permission(content: Mapping[str, Any], *given: Permissions) -> str | None:
    """The permission that this message needs and one of `given` lacks."""
    needed, _ = _sent_in(content)
    return None if all(getattr(one, needed) for one in given) else needed


def plural_of(content: Mapping[str, Any]) -> str:
    """What this message is, in the words of a refusal."""
    return _sent_in(content)[1]


def _sent_in(content: Mapping[str, Any]) -> tuple[str, str]:
    return next((sent for field, sent in _SENT.items() if field in content), _TEXT)
