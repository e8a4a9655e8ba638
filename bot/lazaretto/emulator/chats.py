"""A chat: its members, its messages, and what people do in it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from lazaretto.emulator.entities import Formatted, detect
from lazaretto.emulator.files import DeclaredSize
from lazaretto.emulator.messages import Message
from lazaretto.emulator.people import PRESENT, Member, Rights, Status, User

if TYPE_CHECKING:
    from lazaretto.emulator.world import World

__all__ = ["Chat", "ChatType"]

ChatType = Literal["private", "group", "supergroup", "channel"]


class Chat:
    """A private chat or a group. The `post` methods are people writing; the bot hears of it as Telegram lets it."""

    def __init__(self, world: "World", chat_id: int, chat_type: ChatType, **about: Any) -> None:
        self.world = world
        self.id = chat_id
        self.type = chat_type
        self.about = {key: value for key, value in about.items() if value is not None}
        self.members: dict[int, Member] = {}
        self._messages: list[Message] = []

    def __repr__(self) -> str:
        return f"<{self.type} {self.title!r} {self.id}>"

    @property
    def title(self) -> str:
        """The title of a group, the first name of a person."""
        return str(self.about.get("title") or self.about.get("first_name") or "")

    @property
    def messages(self) -> list[Message]:
        """What a member sees, oldest first."""
        return [message for message in self._messages if not message.deleted]

    @property
    def deleted(self) -> list[Message]:
        """What is gone, oldest first."""
        return [message for message in self._messages if message.deleted]

    def json(self) -> dict[str, Any]:
        """The Bot API's Chat."""
        return {"id": self.id, "type": self.type, **self.about}

    # -- people write ------------------------------------------------------------------------------------------

    async def post(self, sender: User | None, *, reply_to: Message | None = None, **fields: Any) -> Message:
        """Post a message of any kind: `fields` are the Bot API's Message fields, known to it or not.

        They win over what the emulator fills in, so `**{"from": {...}}` or `sender_chat=` work as well.
        ValueError when the sender is no member.
        """
        if sender is not None and not self.has(sender):
            raise ValueError(f"{sender.first_name} is not a member of {self!r}: let them join first")
        message = self.append(sender, fields, reply_to)
        if self._bot_hears(message):
            self.world.updates.add("message", message.json())
        return message

    async def post_text(self, sender: User, text: str, *, reply_to: Message | None = None, **fields: Any) -> Message:
        """Post a text. Commands, mentions and links get their entities, as from any client."""
        return await self.post(sender, reply_to=reply_to, **_written("text", text), **fields)

    async def post_document(
        self,
        sender: User,
        data: bytes,
        *,
        name: str | None = None,
        mime: str | None = None,
        size: DeclaredSize = None,
        caption: str | None = None,
        reply_to: Message | None = None,
        **fields: Any,
    ) -> Message:
        """Post a document. Name, MIME type and size are what the sender declares; size="omit" declares none."""
        attached = self.world.attach("document", data, name=name, mime=mime, size=size)
        written = _written("caption", caption)
        return await self.post(sender, reply_to=reply_to, **attached, **written, **fields)

    async def post_photo(
        self,
        sender: User,
        data: bytes,
        *,
        caption: str | None = None,
        reply_to: Message | None = None,
        **fields: Any,
    ) -> Message:
        """Post a photo: three sizes, the largest of which is `data` (the others are the same bytes)."""
        attached = self.world.attach("photo", data)
        written = _written("caption", caption)
        return await self.post(sender, reply_to=reply_to, **attached, **written, **fields)

    async def edit(self, message: Message, **fields: Any) -> Message:
        """The author edits: `fields` replace the message's own, a field of None goes away."""
        self.change(message, fields)
        if self._bot_hears(message):
            self.world.updates.add("edited_message", message.json())
        return message

    async def remove(self, message: Message) -> None:
        """A person deletes a message. Bots are not told."""
        self.strike(message)

    # -- people come, go and rise -------------------------------------------------------------------------------

    def has(self, user: User) -> bool:
        """Whether this user is in the chat."""
        return self.standing(user).status in PRESENT

    def standing(self, user: User) -> Member:
        """The user's standing; "left" for somebody who never was here."""
        return self.members.get(user.id) or Member(user, "left")

    async def join(self, user: User) -> Message:
        """A user joins: a service message, and `chat_member` for bots that may see it."""
        self.set_standing(user, "member", by=user)
        return await self.post(user, new_chat_members=[user.json()])

    async def leave(self, user: User) -> Message:
        """A user leaves: a service message, and `chat_member` for bots that may see it."""
        message = await self.post(user, left_chat_member=user.json())
        self.set_standing(user, "left", by=user)
        return message

    def set_standing(self, user: User, status: Status, rights: Rights | None = None, *, by: User | None = None) -> None:
        """Promote, demote, remove, ban: `by` is who did it. The bot is always told about itself."""
        old = self.standing(user)
        bot = self.world.bot
        bot_was_admin = self.standing(bot).status == "administrator"
        self.members[user.id] = Member(user, status, rights)
        change = {
            "chat": self.json(),
            "from": (by or self._somebody(user)).json(),
            "date": self.world.clock.now(),
            "old_chat_member": old.json(),
            "new_chat_member": self.members[user.id].json(),
        }
        if user.id == bot.id:
            self.world.updates.add("my_chat_member", change)
        elif bot_was_admin:
            self.world.updates.add("chat_member", change)
        self.world.changes.announce()

    def set_bot_rights(self, rights: Rights | None) -> None:
        """Make the bot an administrator with these rights, or (None) a plain member."""
        self.set_standing(self.world.bot, "administrator" if rights else "member", rights)

    def remove_bot(self) -> None:
        """Throw the bot out of a group; in a private chat, block it."""
        self.set_standing(self.world.bot, "kicked")

    # -- watching -----------------------------------------------------------------------------------------------

    async def wait_for(self, wanted: Callable[[Message], bool], timeout: float = 5.0) -> Message:  # noqa: ASYNC109 - the caller's own words
        """The first visible message, old or new, that `wanted` accepts. TimeoutError says what is there instead."""
        return await self.world.changes.until(
            lambda: next((message for message in self.messages if wanted(message)), None), timeout, self._inventory
        )

    def _inventory(self) -> str:
        shown = [f"{m.sender.first_name if m.sender else '?'}: {m.text or m.caption or m.kind}" for m in self.messages]
        return f"no such message came; {self!r} shows {shown}"

    # -- shared by both sides -----------------------------------------------------------------------------------

    def append(self, sender: User | None, content: dict[str, Any], reply_to: Message | None = None) -> Message:
        """Put a message at the end of the chat, and tell nobody but those who watch."""
        message = Message(self, len(self._messages) + 1, self.world.clock.now(), sender, dict(content), reply_to)
        self._messages.append(message)
        self.world.changes.announce()
        return message

    def change(self, message: Message, fields: dict[str, Any]) -> None:
        """Replace fields of a message; None takes a field away."""
        merged = message.content | fields
        message.content = {key: value for key, value in merged.items() if value is not None}
        message.edit_date = self.world.clock.now()
        self.world.changes.announce()

    def strike(self, message: Message) -> None:
        """Delete a message."""
        message.deleted = True
        self.world.changes.announce()

    def find(self, message_id: int) -> Message | None:
        """The visible message with this id."""
        return next((message for message in self.messages if message.message_id == message_id), None)

    def _bot_hears(self, message: Message) -> bool:
        """Bots see no bots. In privacy mode they see commands, replies to them and events: Bot API, privacy mode."""
        bot = self.world.bot
        standing = self.standing(bot)
        if standing.status not in PRESENT or (message.sender is not None and message.sender.is_bot):
            return False
        if self.type == "private" or standing.status == "administrator" or not self.world.privacy_mode:
            return True
        if message.is_service or (message.reply_to is not None and message.reply_to.sender == bot):
            return True
        return _is_command_for(message.text or "", bot)

    def _somebody(self, other_than: User) -> User:
        """Who may have changed a standing: the highest-ranking person here."""
        present = [m for m in self.members.values() if m.user.id != other_than.id and not m.user.is_bot]
        ranked = sorted(present, key=lambda m: ("creator", "administrator", "member", "left", "kicked").index(m.status))
        return ranked[0].user if ranked else other_than


def _written(part: Literal["text", "caption"], text: str | None) -> dict[str, Any]:
    """A text or caption with the entities that a server adds."""
    if text is None:
        return {}
    entities = list(detect(Formatted(text)).entities)
    return {part: text} | ({"entities" if part == "text" else "caption_entities": entities} if entities else {})


def _is_command_for(text: str, bot: User) -> bool:
    command, _, addressee = text.split(maxsplit=1)[0].partition("@") if text.strip() else ("", "", "")
    return command.startswith("/") and addressee.lower() in ("", (bot.username or "").lower())
