"""A message as it lies in a chat."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lazaretto.emulator.chats.people import User
from lazaretto.emulator.files.store import StoredFile, files_in, kind_of

if TYPE_CHECKING:
    from lazaretto.emulator.chats.chat import Chat

__all__ = ["SERVICE_FIELDS", "VISIBLE_SECONDS", "Message"]

# After this, nobody edits a message, no bot deletes it, and a press does not show it.
VISIBLE_SECONDS = 48 * 3600

# Messages that tell of an event: never copied, and seen by bots in privacy mode.
SERVICE_FIELDS = frozenset(
    {"new_chat_members", "left_chat_member", "new_chat_title", "new_chat_photo", "delete_chat_photo"}
    | {"group_chat_created", "supergroup_chat_created", "channel_chat_created", "pinned_message"}
    | {"migrate_to_chat_id", "migrate_from_chat_id", "message_auto_delete_timer_changed"}
    | {"forum_topic_created", "forum_topic_closed", "forum_topic_reopened", "forum_topic_edited"}
    | {"general_forum_topic_hidden", "general_forum_topic_unhidden", "chat_background_set"}
    | {"users_shared", "chat_shared", "gift", "unique_gift", "passport_data", "giveaway_created", "giveaway_completed"}
    | {"suggested_post_approved", "suggested_post_declined", "suggested_post_paid", "suggested_post_refunded"}
)


@dataclass(eq=False, slots=True)
class Message:
    """One message. `content` holds the Bot API's own fields (text, document, reply_markup ...) as they are now.

    `sender` is who wrote it, whatever name it stands under: an administrator may post as the group or the channel.
    """

    chat: "Chat" = field(repr=False)
    message_id: int
    date: int
    sender: User | None
    content: dict[str, Any]
    reply_to: "Message | None" = None
    edit_date: int | None = None
    deleted: bool = False

    @property
    def text(self) -> str | None:
        """The text, without its tags."""
        return self.content.get("text")

    @property
    def caption(self) -> str | None:
        """The caption, without its tags."""
        return self.content.get("caption")

    @property
    def document(self) -> dict[str, Any] | None:
        """The Document, with the name, type and size that its sender declared."""
        return self.content.get("document")

    @property
    def photo(self) -> list[dict[str, Any]] | None:
        """The PhotoSizes, smallest first."""
        return self.content.get("photo")

    @property
    def kind(self) -> str | None:
        """The kind of attachment where it is one file (of a photo, in sizes), None for every other message."""
        return kind_of(self.content)

    @property
    def file(self) -> StoredFile | None:
        """The message's main file; the largest size of a photo; of what holds several files, the first."""
        carried = self.content if self.kind is None else self.content[self.kind]
        ids = files_in(carried[-1] if isinstance(carried, list) else carried)
        return self.chat.world.files.file(ids[0]) if ids else None

    @property
    def data(self) -> bytes | None:
        """The bytes of the main file."""
        return None if self.file is None else self.file.data

    @property
    def reply_markup(self) -> dict[str, Any] | None:
        """The InlineKeyboardMarkup, as the bot sent it."""
        return self.content.get("reply_markup")

    @property
    def keyboard(self) -> list[list[dict[str, Any]]]:
        """The rows of buttons; none without an inline keyboard."""
        markup = self.reply_markup or {}
        rows: list[list[dict[str, Any]]] = markup.get("inline_keyboard", [])
        return rows

    @property
    def buttons(self) -> list[str]:
        """What is written on the buttons, row by row."""
        return [button["text"] for row in self.keyboard for button in row]

    @property
    def is_service(self) -> bool:
        """Whether this tells of an event (somebody joined ...)."""
        return not SERVICE_FIELDS.isdisjoint(self.content)

    @property
    def may_leave(self) -> bool:
        """Whether other chats may show it: neither events nor protected content."""
        return not self.is_service and not self.content.get("has_protected_content")

    def json(self, *, nested: bool = False) -> dict[str, Any]:
        """The Bot API's Message. A nested one does not show what it replies to: one level is all there is."""
        shown: dict[str, Any] = {"message_id": self.message_id, "date": self.date, "chat": self.chat.json()}
        if self.chat.type == "channel":
            shown["sender_chat"] = self.chat.json()
        elif self.sender is not None:
            shown["from"] = self.sender.json()
        if self.chat.connection is not None:
            shown["business_connection_id"] = self.chat.connection.id
        if self.edit_date is not None:
            shown["edit_date"] = self.edit_date
        # Whoever replies to nothing in a topic replies to its beginning.
        replied = self.reply_to or self.chat.beginning_of_topic(self.content.get("message_thread_id"))
        if replied not in (None, self) and not nested:
            shown["reply_to_message"] = replied.json(nested=True)
        return shown | self.content
