"""A topic of a forum: https://core.telegram.org/bots/api#forumtopic"""

from dataclasses import dataclass
from typing import Any

__all__ = ["BLUE", "Topic"]

BLUE = 0x6FB9F0
"""The first of the six colours that Bot API, createForumTopic, allows."""


@dataclass(eq=False, slots=True)
class Topic:
    """A topic. `thread_id` is the id of the service message that opened it."""

    thread_id: int
    name: str
    icon_color: int = BLUE
    icon_custom_emoji_id: str | None = None
    closed: bool = False
    hidden: bool = False

    def json(self) -> dict[str, Any]:
        """The Bot API's ForumTopic."""
        shown = {"message_thread_id": self.thread_id, "name": self.name, "icon_color": self.icon_color}
        return shown | ({"icon_custom_emoji_id": self.icon_custom_emoji_id} if self.icon_custom_emoji_id else {})
