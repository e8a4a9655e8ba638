"""Which permission a member needs for a message: https://core.telegram.org/bots/api#chatpermissions"""

from collections.abc import Mapping
from typing import Any

from lazaretto.emulator.people import Permissions

__all__ = ["missing_permission"]

# The first field that a message has decides. Of the two fields that some kinds fill, the one that says more is first.
_NEEDED = {
    "animation": "can_send_other_messages",
    "sticker": "can_send_other_messages",
    "game": "can_send_other_messages",
    "dice": "can_send_other_messages",
    "live_photo": "can_send_photos",
    "photo": "can_send_photos",
    "video": "can_send_videos",
    "audio": "can_send_audios",
    "voice": "can_send_voice_notes",
    "video_note": "can_send_video_notes",
    "document": "can_send_documents",
    "poll": "can_send_polls",
}


def missing_permission(content: Mapping[str, Any], *given: Permissions) -> str | None:
    """The permission that this message needs and one of `given` lacks."""
    needed = next((permission for field, permission in _NEEDED.items() if field in content), "can_send_messages")
    return None if all(getattr(one, needed) for one in given) else needed
