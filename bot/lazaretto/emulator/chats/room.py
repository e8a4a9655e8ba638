"""What every chat is: members, messages, and what the bot hears of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, cast

from lazaretto.emulator.chats.accounts import TELEGRAM
from lazaretto.emulator.chats.forwards import forwarded
from lazaretto.emulator.chats.messages import Message
from lazaretto.emulator.chats.people import Member, User
from lazaretto.emulator.chats.topics import Topic

if TYPE_CHECKING:
    from lazaretto.emulator.chats.business import BusinessConnection
    from lazaretto.emulator.chats.chat import Chat
    from lazaretto.emulator.world import World

__all__ = ["LARGEST_ALBUM", "SMALLEST_ALBUM", "ChatType", "Room"]

SMALLEST_ALBUM, LARGEST_ALBUM = 2, 10

ChatType = Literal["private", "group", "supergroup", "channel"]

_UPDATES = {"channel": ("channel_post", "edited_channel_post")}
_BUSINESS = ("business_message", "edited_business_message")
_MESSAGE = ("message", "edited_message")
_PARTS = ("message_thread_id", "direct_messages_topic")  # of a chat


class Room:
    """The state of a chat, and what people and bots do to it alike."""

    def __init__(self, world: "World", chat_id: int, chat_type: ChatType, **about: Any) -> None:
        self.world = world
        self.id = chat_id
        self.type = chat_type
        self.about = {key: value for key, value in about.items() if value is not None}
        self.members: dict[int, Member] = {}
        self.join_requests: dict[int, User] = {}
        self.topics: dict[int, Topic] = {}
        self.general = Topic(1, "General")
        self.pinned: list[Message] = []
        self.linked: Chat | None = None  # a channel's discussion group; that group's channel
        self.copies_follow = False  # whether an edit of a channel's post changes its copy there
        self.parent: Chat | None = None  # the channel whose direct messages these are
        self.connection: BusinessConnection | None = None  # in a business account's chat with a customer
        self.migrated_to: Chat | None = None
        self._messages: list[Message] = []

    def __repr__(self) -> str:
        return f"<{self.type} {self.title!r} {self.id}>"

    @property
    def title(self) -> str:
        """The title of a group, the first name of a person."""
        return str(self.about.get("title") or self.about.get("first_name") or "")

    @property
    def is_forum(self) -> bool:
        """Whether there are topics."""
        return bool(self.about.get("is_forum"))

    @property
    def messages(self) -> list[Message]:
        """What a member sees, oldest first."""
        return [message for message in self._messages if not message.deleted]

    @property
    def deleted(self) -> list[Message]:
        """What is gone, oldest first."""
        return [message for message in self._messages if message.deleted]

    @property
    def pinned_message(self) -> Message | None:
        """What was pinned last and is still there."""
        return next((message for message in reversed(self.pinned) if not message.deleted), None)

    @property
    def next_id(self) -> int:
        """The id that the next message will have."""
        # In a forum, 1 is what General is called where it needs a number.
        return len(self._messages) + (2 if self.is_forum else 1)

    def json(self) -> dict[str, Any]:
        """The Bot API's Chat."""
        return {"id": self.id, "type": self.type, **self.about}

    def has(self, user: User) -> bool:
        """Whether this user is in the chat."""
        return self.standing(user).present

    def standing(self, user: User) -> Member:
        """The user's standing; "left" for somebody who never was here."""
        return self.members.get(user.id) or Member(user, "left")

    def is_ranked(self, user: User) -> bool:
        """Whether this user is an administrator or the owner."""
        return self.standing(user).is_admin

    # -- messages -----------------------------------------------------------------------------------------------

    def append(
        self, sender: User | None, content: dict[str, Any], reply_to: Message | None = None, *, told: bool = False
    ) -> Message:
        """Put a message at the end of the chat. told: the bot hears of it as Telegram lets it; else it was away.

        A channel's post is brought into its discussion group at once, and the bot hears of that.
        """
        return self._place(sender, [content], reply_to, told)[0]

    def append_album(
        self,
        sender: User | None,
        contents: Sequence[dict[str, Any]],
        reply_to: Message | None = None,
        *,
        told: bool = False,
    ) -> list[Message]:
        """Put messages at the end of the chat that belong together: a common `media_group_id`, an update each."""
        album = {"media_group_id": self.world.new_album_id()}
        return self._place(sender, [{**content, **album} for content in contents], reply_to, told)

    def _place(
        self, sender: User | None, contents: Sequence[dict[str, Any]], reply_to: Message | None, told: bool
    ) -> list[Message]:
        placed = []
        for content in contents:
            said = {**self._where(sender, reply_to), **content}
            if said.get("message_thread_id") in self.topics:
                said["is_topic_message"] = True
            message = Message(cast("Chat", self), self.next_id, self.world.clock.now(), sender, said, reply_to)
            self._messages.append(message)
            placed.append(message)
            if told:
                self.tell(message)
        if self.type == "channel" and self.linked is not None and not placed[0].is_service:
            self.linked._bring(placed)
        self.world.changes.announce()
        return placed

    def _where(self, sender: User | None, reply_to: Message | None) -> dict[str, Any]:
        """The part of the chat that a message falls into by itself: that of what it replies to, or its author's."""
        if reply_to is not None:
            part = {name: reply_to.content[name] for name in _PARTS if name in reply_to.content}
            return part or self.thread_of(reply_to)
        if self.parent is None or sender is None or self.is_ranked(sender):
            return {}
        return {"direct_messages_topic": {"topic_id": sender.id, "user": sender.json()}}

    def _bring(self, posts: Sequence[Message]) -> None:
        """Into the discussion group, what was posted in the channel.

        Whether Telegram changes the copy with the post is not proved. `copies_follow` of the channel decides.
        """
        contents = _copies(posts)
        if "media_group_id" in posts[0].content:
            self.append_album(TELEGRAM, contents, told=True)
        else:
            self._place(TELEGRAM, contents, None, True)

    def _follow(self, post: Message) -> None:
        """In the discussion group, the edit of a post."""
        for copy in self.messages:
            origin = copy.content.get("forward_origin", {})
            if copy.sender == TELEGRAM and origin.get("message_id") == post.message_id:
                gone = {name: None for name in copy.content if name != "media_group_id"}
                self.change(copy, {**gone, **_copies([post])[0]})
                self.tell(copy, edited=True)

    def change(self, message: Message, fields: dict[str, Any]) -> None:
        """Replace fields of a message; None takes a field away."""
        merged = message.content | fields
        message.content = {key: value for key, value in merged.items() if value is not None}
        message.edit_date = self.world.clock.now()
        if self.copies_follow and self.linked is not None:
            self.linked._follow(message)
        self.world.changes.announce()

    def strike(self, message: Message) -> None:
        """Delete a message."""
        message.deleted = True
        self.world.changes.announce()

    def find(self, message_id: int) -> Message | None:
        """The visible message with this id."""
        return next((message for message in self.messages if message.message_id == message_id), None)

    def thread_of(self, message: Message) -> dict[str, Any]:
        """Where those who reply to this message are: outside forums, in the thread that it or its own root began."""
        if self.type != "supergroup" or self.is_forum or self.parent is not None:
            return {}
        return {"message_thread_id": message.content.get("message_thread_id", message.message_id)}

    def beginning_of_topic(self, thread_id: int | None) -> Message | None:
        """The service message that opened this topic."""
        if thread_id not in self.topics:
            return None
        return next((message for message in self._messages if message.message_id == thread_id), None)

    def pin(self, message: Message, by: User | None = None) -> Message:
        """Pin a message, by somebody or (None) by the bot: a service message that shows it."""
        self.unpin(message)
        self.pinned.append(message)
        where = {name: message.content[name] for name in _PARTS if name in message.content}
        return self.append(by or self.world.bot, {"pinned_message": message.json(nested=True), **where}, told=True)

    def unpin(self, message: Message) -> None:
        """Unpin a message. Bots are not told."""
        self.pinned = [pinned for pinned in self.pinned if pinned is not message]

    # -- what the bot hears -------------------------------------------------------------------------------------

    def tell(self, message: Message, *, edited: bool = False) -> None:
        """The update of a new or an edited message, if the bot hears of it."""
        if self._bot_hears(message):
            self._add_update(message, edited)

    def tell_own(self, message: Message) -> None:
        """The update of an event that the bot itself brought about: those it hears of, unlike its messages."""
        self._add_update(message, edited=False)

    def _add_update(self, message: Message, edited: bool) -> None:
        kinds = _BUSINESS if self.connection is not None else _UPDATES.get(self.type, _MESSAGE)
        self.world.updates.add(kinds[edited], message.json())

    def _bot_hears(self, message: Message) -> bool:
        """Bots see no bots. In privacy mode they see commands, what is meant for them and events: Bot API, privacy."""
        bot = self.world.bot
        if message.sender is not None and message.sender.is_bot:
            return False
        if self.connection is not None:
            return self.connection.is_enabled and "sender_business_bot" not in message.content
        standing = self.standing(bot)
        if not standing.present:
            return False
        if self.type in ("private", "channel") or standing.status == "administrator" or not self.world.privacy_mode:
            return True
        if message.is_service or (message.reply_to is not None and message.reply_to.sender == bot):
            return True
        via = message.content.get("via_bot") or {}
        return via.get("id") == bot.id or _is_command_for(message.text or "", bot)


def _copies(posts: Sequence[Message]) -> list[dict[str, Any]]:
    """What a discussion group shows of a channel's posts."""
    shown = {"sender_chat": posts[0].chat.json(), "is_automatic_forward": True}
    return [{**content, **shown} for content in forwarded(posts)]


def _is_command_for(text: str, bot: User) -> bool:
    command, _, addressee = text.split(maxsplit=1)[0].partition("@") if text.strip() else ("", "", "")
    return command.startswith("/") and addressee.lower() in ("", (bot.username or "").lower())
