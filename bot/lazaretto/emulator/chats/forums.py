"""What is done to the topics of a forum."""

from typing import Any

from lazaretto.emulator.chats.messages import Message
from lazaretto.emulator.chats.people import User
from lazaretto.emulator.chats.room import Room
from lazaretto.emulator.chats.topics import BLUE, Topic

__all__ = ["Forum"]


class Forum(Room):
    """Topics are opened, edited and closed by people or, with `by=None`, by the bot. Each deed is a service message.

    General is not among `topics`: its messages carry no thread.
    """

    def open_topic(
        self, name: str, by: User | None = None, *, icon_color: int = BLUE, icon_custom_emoji_id: str | None = None
    ) -> Topic:
        """A new topic, whose thread has the id of the service message that opens it. ValueError in other chats."""
        if not self.is_forum:
            raise ValueError(f"{self!r} has no topics: make it with forum=True")
        topic = Topic(self.next_id, name, icon_color, icon_custom_emoji_id)
        self.topics[topic.thread_id] = topic
        shown = {key: value for key, value in topic.json().items() if key != "message_thread_id"}
        self._tell_of(topic, by, forum_topic_created=shown)
        return topic

    def close_topic(self, topic: Topic, by: User | None = None) -> Message:
        """From now on only administrators post in it."""
        topic.closed = True
        return self._tell_of(topic, by, forum_topic_closed={})

    def reopen_topic(self, topic: Topic, by: User | None = None) -> Message:
        """Everybody posts in it again."""
        topic.closed = False
        return self._tell_of(topic, by, forum_topic_reopened={})

    def edit_topic(
        self,
        topic: Topic,
        by: User | None = None,
        *,
        name: str | None = None,
        icon_custom_emoji_id: str | None = None,
    ) -> Message:
        """Another name or icon; the service message shows what changed. An empty icon takes the old one away."""
        new = {"name": name, "icon_custom_emoji_id": icon_custom_emoji_id}
        changed = {key: value for key, value in new.items() if value is not None}
        for key, value in changed.items():
            setattr(topic, key, value)
        return self._tell_of(topic, by, forum_topic_edited=changed)

    def delete_topic(self, topic: Topic) -> None:
        """The topic goes with all that was posted in it. Bots are not told."""
        for message in self.messages:
            if message.content.get("message_thread_id") == topic.thread_id:
                self.strike(message)
        del self.topics[topic.thread_id]

    def hide_general(self, by: User | None = None) -> Message:
        """Hide the General topic, which closes it."""
        self.general.hidden = self.general.closed = True
        return self.append(by or self.world.bot, {"general_forum_topic_hidden": {}}, told=True)

    def show_general(self, by: User | None = None) -> Message:
        """Show the General topic again; it stays closed."""
        self.general.hidden = False
        return self.append(by or self.world.bot, {"general_forum_topic_unhidden": {}}, told=True)

    def _tell_of(self, topic: Topic, by: User | None, **event: Any) -> Message:
        where: dict[str, Any] = {} if topic is self.general else {"message_thread_id": topic.thread_id}
        return self.append(by or self.world.bot, {**where, **event}, told=True)
