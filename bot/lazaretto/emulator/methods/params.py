"""Reading a request's parameters, which arrive as JSON values or as strings, into the types the Bot API documents."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.records import Upload

__all__ = ["Params", "read_values"]

_DECIMAL = re.compile(r"-?[0-9]{1,18}")
_INTEGERS = frozenset(
    {"chat_id", "from_chat_id", "user_id", "sender_chat_id", "message_id", "message_thread_id", "reply_to_message_id"}
    | {"offset", "limit", "timeout", "cache_time", "duration", "width", "height", "length", "max_connections"}
    | {"until_date", "expire_date", "member_limit", "star_count", "live_period", "heading", "proximity_alert_radius"}
    | {"open_period", "close_date", "correct_option_id", "icon_color", "direct_messages_topic_id"}
)
_NUMBERS = frozenset({"latitude", "longitude", "horizontal_accuracy"})
_BOOLEANS = frozenset(
    {"disable_notification", "protect_content", "show_alert", "drop_pending_updates", "has_spoiler", "return_bots"}
    | {"show_caption_above_media", "allow_sending_without_reply", "disable_content_type_detection"}
    | {"revoke_messages", "only_if_banned", "use_independent_chat_permissions", "creates_join_request", "is_big"}
    | {"is_anonymous", "allows_multiple_answers", "is_closed", "remove_caption", "for_channels", "supports_streaming"}
    | {"can_manage_chat", "can_delete_messages", "can_manage_video_chats", "can_restrict_members", "can_change_info"}
    | {"can_promote_members", "can_invite_users", "can_post_stories", "can_edit_stories", "can_delete_stories"}
    | {"can_post_messages", "can_edit_messages", "can_pin_messages", "can_manage_topics", "can_manage_tags"}
    | {"can_manage_direct_messages", "allow_paid_broadcast", "is_personal"}
)
_OBJECTS = frozenset(
    {"reply_markup", "allowed_updates", "message_ids", "entities", "caption_entities", "reply_parameters"}
    | {"commands", "scope", "link_preview_options", "media", "permissions", "options", "reaction", "rights", "results"}
    | {"result", "question_entities", "explanation_entities", "correct_option_ids"}
)


def read_values(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Every value in its documented type. What cannot be read stays a string, for the method to refuse.

    400 for a text that no UTF-8 can carry, such as half a surrogate pair.
    """
    values = {name: _read(name, value) for name, value in raw.items() if value is not None}
    try:
        json.dumps(values, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        raise bad_request("strings must be encoded in UTF-8") from None
    return values


def _read(name: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    if name in _INTEGERS:
        return int(value) if _DECIMAL.fullmatch(value) else value
    if name in _NUMBERS:
        return _real(value)
    if name in _BOOLEANS:
        return value.strip().lower() in ("true", "yes", "1")
    if name in _OBJECTS:
        return _parsed(value)
    return value


def _real(value: str) -> Any:
    try:
        number = float(value)
    except ValueError:
        return value
    return number if math.isfinite(number) else value


def _parsed(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


@dataclass(frozen=True, slots=True)
class Params:
    """One request's parameters and file parts."""

    values: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, Upload] = field(default_factory=dict)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def chat(self, name: str = "chat_id") -> int | str | None:
        """A chat's id or @username."""
        value = self.values.get(name)
        return value if isinstance(value, int | str) else None

    def integer(self, name: str, default: int = 0) -> int:
        """A number, or the default. The server refuses no number: what is none counts as 0."""
        value = self.values.get(name, default)
        return value if isinstance(value, int) and not isinstance(value, bool) else 0

    def number(self, name: str) -> float | None:
        """A real number, or None for what is none."""
        value = self.values.get(name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def text(self, name: str) -> str | None:
        """A string, or None. A number written without quotes is read as Telegram reads it, as its digits."""
        value = self.values.get(name)
        if isinstance(value, dict | list):
            raise bad_request(f'field "{name}" must be of type String')
        return None if value is None else str(value)

    def flag(self, name: str) -> bool:
        """A boolean; absent is false."""
        return bool(self.values.get(name, False))

    def items(self, name: str) -> Sequence[Any] | None:
        """An array, or None. 400 when it is anything else."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, list):
            raise bad_request(f'can\'t parse "{name}" JSON array')
        return value

    def record(self, name: str) -> dict[str, Any] | None:
        """An object, or None. 400 when it is anything else."""
        value = self.values.get(name)
        if value is None or isinstance(value, dict):
            return value
        raise bad_request(f'can\'t parse "{name}" JSON object')

    def upload(self, name: str) -> Upload | str | None:
        """An InputFile: the uploaded part, by its own name or by attach://name; else the string; else None."""
        return self.files[name] if name in self.files else self.referred(self.text(name))

    def referred(self, value: str | None) -> Upload | str | None:
        """The uploaded part that attach://name refers to; any other string as it is. 400 when there is none."""
        if value is None or not value.startswith("attach://"):
            return value
        part = value.removeprefix("attach://")
        if part not in self.files:
            raise bad_request(f"can't parse InputFile: file \"{part}\" isn't found in the request")
        return self.files[part]
