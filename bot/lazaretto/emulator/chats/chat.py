"""A chat as the people in it use it: they write, edit, forward, pin, come and go."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lazaretto.emulator.chats.accounts import CHANNEL_BOT, GROUP_ANONYMOUS_BOT
from lazaretto.emulator.chats.entities import Formatted, detect
from lazaretto.emulator.chats.forums import Forum
from lazaretto.emulator.chats.forwards import external_reply, forwarded, quote_of
from lazaretto.emulator.chats.membership import Membership
from lazaretto.emulator.chats.messages import VISIBLE_SECONDS, Message
from lazaretto.emulator.chats.people import User
from lazaretto.emulator.chats.permissions import missing_permission
from lazaretto.emulator.chats.room import LARGEST_ALBUM, SMALLEST_ALBUM, ChatType, Room
from lazaretto.emulator.chats.topics import Topic
from lazaretto.emulator.files.kinds import CONTENT_FIELDS
from lazaretto.emulator.files.store import DeclaredSize

__all__ = ["Chat", "ChatType"]

Quote = str | Mapping[str, Any] | None

_MARKS = {"text": "entities", "caption": "caption_entities"}


class Chat(Membership, Forum):
    """A private chat, a group, a channel. The `post` methods are people writing; the bot hears of it as Telegram
    lets it.

    Everything that posts takes, beside its own arguments, those of `post`.
    """

    # -- people write ------------------------------------------------------------------------------------------

    async def post(
        self,
        sender: User | None,
        *,
        reply_to: Message | None = None,
        quote: Quote = None,
        topic: Topic | None = None,
        via: User | None = None,
        as_chat: Room | None = None,
        **fields: Any,
    ) -> Message:
        """Post a message of any kind: `fields` are the Bot API's Message fields, known to it or not.

        They win over what the emulator fills in, so `**{"from": {...}}` or `sender_chat=` work as well. Text and
        caption get the entities that a server adds, unless they bring some.
        reply_to: a message, here or (shown as `external_reply`) in another chat; `quote` is a part of its text.
        via: the inline bot that made it. as_chat: the group itself, for an administrator who stays anonymous, or a
        channel that the sender writes as. ValueError when the sender may not post here, or not so.
        """
        around = self._around(sender, reply_to, quote, topic, via, as_chat)
        content = {**around, **_marked(fields)}
        self._admit(sender, content, _here(reply_to, self))
        return self.append(sender, content, _here(reply_to, self), told=True)

    async def post_text(self, sender: User, text: str, **fields: Any) -> Message:
        """Post a text."""
        return await self.post(sender, **{"text": text, **fields})

    async def post_document(
        self,
        sender: User,
        data: bytes,
        *,
        name: str | None = None,
        mime: str | None = None,
        size: DeclaredSize = None,
        caption: str | None = None,
        **fields: Any,
    ) -> Message:
        """Post a document. Name, MIME type and size are what the sender declares; size="omit" declares none."""
        attached = self.world.attach("document", data, name=name, mime=mime, size=size)
        return await self.post(sender, **{**attached, **_captioned(caption), **fields})

    async def post_photo(self, sender: User, data: bytes, *, caption: str | None = None, **fields: Any) -> Message:
        """Post a photo: three sizes, the largest of which is `data` (the others are the same bytes)."""
        attached = self.world.attach("photo", data)
        return await self.post(sender, **{**attached, **_captioned(caption), **fields})

    async def post_album(
        self,
        sender: User | None,
        items: Sequence[Mapping[str, Any]],
        *,
        caption: str | None = None,
        reply_to: Message | None = None,
        quote: Quote = None,
        topic: Topic | None = None,
        via: User | None = None,
        as_chat: Room | None = None,
        **fields: Any,
    ) -> list[Message]:
        """Post 2 to 10 attachments as one album; `items` are Message fields, as `tg.attach("photo", data)` gives them.

        The bot gets an update each, with a common `media_group_id`; the caption is the first one's. ValueError for
        too few or too many. Which kinds go together is not asked: nobody knows what albums will hold next year.
        """
        if not SMALLEST_ALBUM <= len(items) <= LARGEST_ALBUM:
            raise ValueError(f"an album has {SMALLEST_ALBUM} to {LARGEST_ALBUM} items, not {len(items)}")
        around = self._around(sender, reply_to, quote, topic, via, as_chat)
        first, *others = items
        contents = [{**around, **_marked({**item, **fields})} for item in ({**first, **_captioned(caption)}, *others)]
        for content in contents:
            self._admit(sender, content, _here(reply_to, self))
        return self.append_album(sender, contents, _here(reply_to, self), told=True)

    async def forward(self, sender: User, message: Message, *, hidden: bool = False, **fields: Any) -> Message:
        """Forward a message from any chat: its files keep their file_unique_id.

        hidden: its author's account is not linked to, only named. ValueError for an event or protected content.
        """
        (content,) = _forwardable([message], hidden)
        return await self.post(sender, **{**content, **fields})

    async def forward_album(
        self, sender: User, messages: Sequence[Message], *, hidden: bool = False, **fields: Any
    ) -> list[Message]:
        """Forward several messages as one album, as `forward` does one."""
        return await self.post_album(sender, _forwardable(messages, hidden), **fields)

    async def edit(self, message: Message, **fields: Any) -> Message:
        """The author edits: `fields` replace the message's own, a field of None goes away.

        Another attachment takes the place of the old one: `chat.edit(message, **tg.attach("photo", data))`.
        ValueError for a message that is deleted or older than 48 hours.
        """
        if message.deleted or self.world.clock.now() - message.date > VISIBLE_SECONDS:
            raise ValueError(f"message {message.message_id} is deleted or too old: nobody can edit it")
        self.change(message, _revision(message.content, fields))
        self.tell(message, edited=True)
        return message

    async def remove(self, *messages: Message) -> None:
        """A person deletes messages. Bots are not told, but of those in a business account's chats."""
        for message in messages:
            self.strike(message)
        if self.connection is not None and self.connection.is_enabled:
            gone = {"chat": self.json(), "message_ids": [message.message_id for message in messages]}
            told = {"business_connection_id": self.connection.id, **gone}
            self.world.updates.add("deleted_business_messages", told)

    async def suggest_post(
        self, sender: User, *, stars: int | None = None, send_date: int | None = None, **fields: Any
    ) -> Message:
        """Suggest a post to a channel, in its direct messages: for `stars`, to be sent at a Unix time.

        ValueError in any other chat.
        """
        if self.parent is None:
            raise ValueError(f"{self!r} is not the direct messages of a channel")
        price = {} if stars is None else {"price": {"currency": "XTR", "amount": stars}}
        when = {} if send_date is None else {"send_date": send_date}
        return await self.post(sender, suggested_post_info={"state": "pending", **price, **when}, **fields)

    async def summon(self, sender: User, text: str, **fields: Any) -> Message:
        """Call the bot as a guest, into a chat where it is no member: the update is a `guest_message`.

        ValueError where it is a member.
        """
        if self.has(self.world.bot):
            raise ValueError(f"the bot is a member of {self!r}, and no guest")
        message = await self.post_text(sender, text, **fields)
        query = self.world.add_guest_query(message)
        self.world.updates.add("guest_message", {**message.json(), "guest_query_id": query})
        return message

    def migrate(self, by: User | None = None) -> "Chat":
        """The group becomes a supergroup, the chat that is returned. A bot's calls to the old id are refused.

        ValueError for what is no basic group, or not any more.
        """
        if self.type != "group" or self.migrated_to is not None:
            raise ValueError(f"{self!r} cannot become a supergroup")
        new = self.migrated_to = self.world.add_chat("supergroup", **self.about)
        self.world.settings[new] = self.world.settings[self]
        self._move_to(new, by or self._somebody(self.world.bot))
        return new

    # -- watching -----------------------------------------------------------------------------------------------

    async def wait_for(self, wanted: Callable[[Message], bool], timeout: float = 5.0) -> Message:  # noqa: ASYNC109 - the caller's own words
        """The first visible message, old or new, that `wanted` accepts. TimeoutError says what is there instead."""
        return await self.world.changes.until(
            lambda: next((message for message in self.messages if wanted(message)), None), timeout, self._inventory
        )

    def _inventory(self) -> str:
        shown = [f"{m.sender.first_name if m.sender else '?'}: {m.text or m.caption or m.kind}" for m in self.messages]
        return f"no such message came; {self!r} shows {shown}"

    # -- who may post, and how it is shown ----------------------------------------------------------------------

    def _around(
        self,
        sender: User | None,
        reply_to: Message | None,
        quote: Quote,
        topic: Topic | None,
        via: User | None,
        as_chat: Room | None,
    ) -> dict[str, Any]:
        """What a message carries beside what it says."""
        around = {} if sender is None else self._disguise(sender, as_chat)
        if reply_to is not None and reply_to.chat is not self:
            around["external_reply"] = external_reply(reply_to)
        if quote is not None:
            around["quote"] = quote_of(reply_to, quote) if isinstance(quote, str) else quote
        if topic is not None:
            around["message_thread_id"] = topic.thread_id
        if via is not None:
            around["via_bot"] = via.json()
        return around

    def _admit(self, sender: User | None, content: Mapping[str, Any], reply_to: Message | None) -> None:
        """ValueError for whom Telegram would not let post this here."""
        if sender is None or self.parent is not None:
            return
        standing = self.standing(sender)
        if not standing.present:
            raise ValueError(f"{sender.first_name} is not a member of {self!r}: let them join first")
        if self.type == "channel" and not standing.has("can_post_messages"):
            raise ValueError(f"{sender.first_name} may not post in {self!r}: only administrators post in a channel")
        if standing.is_admin:
            return
        place = self._place_of(content, reply_to)
        if place.closed:
            raise ValueError(f"the topic {place.name!r} of {self!r} is closed")
        of_all = self.world.settings[self].permissions
        denied = missing_permission(content, of_all, standing.permissions or of_all)
        if denied is not None:
            raise ValueError(f"{sender.first_name} may not post this in {self!r}: {denied} is not given")

    def _place_of(self, content: Mapping[str, Any], reply_to: Message | None) -> Topic:
        replied = {} if reply_to is None else reply_to.content
        thread: int = content.get("message_thread_id") or replied.get("message_thread_id") or 0
        return self.topics.get(thread, self.general)

    def _disguise(self, sender: User, as_chat: Room | None) -> dict[str, Any]:
        """Whom a message is shown to be from, if not from its sender."""
        rights = self.standing(sender).rights
        if as_chat is None and rights is not None and rights.is_anonymous and self.type != "channel":
            as_chat = self
        if as_chat is None:
            return {}
        if not as_chat.is_ranked(sender):
            raise ValueError(f"{sender.first_name} is no administrator of {as_chat!r} and cannot write as it")
        if as_chat.id in self.world.settings[self].banned_chats:
            raise ValueError(f"{as_chat!r} is banned from {self!r}")
        stand_in = GROUP_ANONYMOUS_BOT if as_chat is self else CHANNEL_BOT
        return {"from": stand_in.json(), "sender_chat": as_chat.json()}


def _here(reply_to: Message | None, chat: Chat) -> Message | None:
    return reply_to if reply_to is not None and reply_to.chat is chat else None


def _captioned(caption: str | None) -> dict[str, Any]:
    return {} if caption is None else {"caption": caption}


def _marked(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Message fields with the entities that a server adds to a text or caption which brings none."""
    marked = dict(fields)
    for part, marks in _MARKS.items():
        said = fields.get(part)
        if isinstance(said, str) and marks not in fields and (found := detect(Formatted(said)).entities):
            marked[marks] = list(found)
    return marked


def _forwardable(messages: Sequence[Message], hidden: bool) -> list[dict[str, Any]]:
    for message in messages:
        if not message.may_leave:
            raise ValueError(f"message {message.message_id} cannot be forwarded: it is an event, or protected")
    return forwarded(messages, hidden=hidden)


def _revision(content: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """What an edit replaces: a new text or attachment all of the old one, a new caption the old one's marks."""
    old: dict[str, Any] = {}
    if not CONTENT_FIELDS.isdisjoint(fields):
        old = {name: None for name in content if name in CONTENT_FIELDS}
    if "caption" in fields:
        old["caption_entities"] = None
    return {**old, **_marked(fields)}
