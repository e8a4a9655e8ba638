"""The emulator as a test holds it: one server, one bot, and the people around it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from os import PathLike
from types import TracebackType
from typing import Any, Self, TypeVar

from lazaretto.emulator.chats.business import BusinessConnection, BusinessRights
from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.messages import Message
from lazaretto.emulator.chats.people import Rights, User
from lazaretto.emulator.chats.queries import CallbackQuery, find_button
from lazaretto.emulator.faults import Faults
from lazaretto.emulator.files.local_folder import LocalFolder
from lazaretto.emulator.files.store import DeclaredSize
from lazaretto.emulator.methods import find_method
from lazaretto.emulator.records import Call, Download
from lazaretto.emulator.server.http import HOST, Server
from lazaretto.emulator.updates.deliveries import Webhook
from lazaretto.emulator.world import People, Ranked, World

from lazaretto.emulator.server.bot_api import BotApi, Calls, deliveries  # isort: skip - after server, which says what is not installed

__all__ = ["Emulator"]

T = TypeVar("T")

_TOKEN = "7000000001:emulator-token-that-opens-nothing"  # noqa: S105 - it opens this emulator only


class Emulator:
    """A Bot API server on 127.0.0.1, on the running event loop. An async context manager.

    `port=0` takes a free port. `privacy_mode` is what @BotFather calls so: on, a bot without administrator's rights
    gets only commands, replies to it and events from groups. With `local_files`, a folder, it is a server of one's
    own in local mode: getFile has no limit and answers an absolute path below that folder. `webhook_delays` are the
    seconds before a delivery is tried for the second time, the third ...; each try ends after `webhook_timeout`.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        token: str = _TOKEN,
        name: str = "Lazaretto demo",
        username: str = "lazaretto_demo_bot",
        privacy_mode: bool = True,
        local_files: str | PathLike[str] | None = None,
        webhook_delays: Sequence[float] = (0.1, 0.2, 0.5, 1.0),
        webhook_timeout: float = 30.0,
    ) -> None:
        bot_id = token.partition(":")[0]
        if not (bot_id.isascii() and bot_id.isdecimal()):
            raise ValueError("a bot token begins with the bot's numeric id and a colon, such as 7000000001:secret")
        self.token = token
        self._world = World(User(int(bot_id), name, username, is_bot=True), privacy_mode=privacy_mode)
        self.faults = Faults(self._world, find_method)
        self._world.local = None if local_files is None else LocalFolder(local_files, token)
        self._server = Server(lambda server: BotApi(self._world, self.faults, calls, token, server), port)
        calls = Calls(self._world, self.faults, token, self._server)
        self._deliveries = deliveries(self._world, calls, webhook_delays, webhook_timeout)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # -- the server ---------------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """Where methods are, up to and without the token: python-telegram-bot's `base_url`."""
        return f"http://{HOST}:{self._port}/bot"

    @property
    def base_file_url(self) -> str:
        """Where files are, up to and without the token: python-telegram-bot's `base_file_url`."""
        return f"http://{HOST}:{self._port}/file/bot"

    @property
    def _port(self) -> int:
        if self._server.port == 0:
            raise RuntimeError("the emulator has no port yet: use `async with Emulator() as tg:` or `await tg.start()`")
        return self._server.port

    async def start(self) -> None:
        """Start answering. OSError when the port is taken."""
        if not self._server.running:
            self._world.updates.open()
            await self._server.start()
            self._deliveries.start()

    async def stop(self) -> None:
        """Break every connection and stop answering; the world stays as it is."""
        self._world.updates.close()
        await self._server.stop()
        await self._deliveries.stop()

    async def restart(self) -> None:
        """Stop and start on the same port. Chats, files, unconfirmed updates and faults stay."""
        await self.stop()
        await self.start()

    # -- the world ----------------------------------------------------------------------------------------------

    @property
    def bot(self) -> User:
        """The bot's own account."""
        return self._world.bot

    def user(
        self,
        first_name: str,
        *,
        username: str | None = None,
        last_name: str | None = None,
        language_code: str | None = None,
        is_bot: bool = False,
        user_id: int | None = None,
    ) -> User:
        """A new account, with a free id unless one is given. `is_bot` makes another bot: ours never hears it."""
        return self._world.add_user(
            first_name,
            user_id,
            username=username,
            last_name=last_name,
            language_code=language_code,
            is_bot=is_bot,
        )

    def private(self, user: User) -> Chat:
        """The private chat of this user with the bot, which the user has started."""
        return self._world.add_private(user)

    def group(
        self,
        title: str,
        *,
        members: Iterable[User] = (),
        admins: Ranked = (),
        creator: User | None = None,
        bot_rights: Rights | None = None,
        username: str | None = None,
        forum: bool = False,
        basic: bool = False,
        with_bot: bool = True,
    ) -> Chat:
        """A supergroup with the bot in it: a plain member, or with `bot_rights` an administrator.

        `admins` have every right, or as a mapping the rights given there. A `username` makes the group public.
        forum: it has topics. basic: a group of the old type, which may `migrate`. ValueError for one with a username
        or topics.
        """
        if basic and (username or forum):
            raise ValueError("a basic group has neither a username nor topics")
        people = People(members, admins, creator)
        about = {"title": title, "username": username, "is_forum": forum or None}
        chat = self._world.add_chat("group" if basic else "supergroup", people, **about)
        if with_bot:
            self._world.add_bot(chat, bot_rights)
        return chat

    def channel(
        self,
        title: str,
        *,
        subscribers: Iterable[User] = (),
        admins: Ranked = (),
        creator: User | None = None,
        bot_rights: Rights | None = None,
        username: str | None = None,
        discussion: Chat | None = None,
        copies_follow: bool = False,
        with_bot: bool = True,
    ) -> Chat:
        """A channel with the bot among its administrators, which is all that a bot can be there.

        discussion: the supergroup in which its posts appear as well, for people to talk about. copies_follow: an edit
        of a post changes that copy too. Which of the two Telegram does is not proved: see that your bot bears both.
        """
        if discussion is not None and (discussion.type != "supergroup" or discussion.linked is not None):
            raise ValueError(f"{discussion!r} is no supergroup that has no channel yet")
        people = People(subscribers, admins, creator)
        chat = self._world.add_chat("channel", people, title=title, username=username)
        if with_bot:
            self._world.add_bot(chat, bot_rights or Rights())
        if discussion is not None:
            chat.linked, discussion.linked, chat.copies_follow = discussion, chat, copies_follow
        return chat

    def direct_messages(self, channel: Chat) -> Chat:
        """The chat in which people write to a channel and suggest posts; everybody may, in a topic of their own."""
        return self._world.add_direct_messages(channel)

    def business(self, owner: User, rights: BusinessRights | None = None) -> BusinessConnection:
        """Connect the bot to this person's business account: a `business_connection` update.

        Without `rights` it may answer and read. Chats with customers: `connection.chat_with(customer)`.
        """
        return self._world.add_connection(owner, rights or BusinessRights(can_reply=True, can_read_messages=True))

    def add_profile_photo(self, user: User, data: bytes) -> None:
        """Give an account a profile photo; the newest is the first that getUserProfilePhotos shows."""
        photos = self._world.profile_photos.setdefault(user.id, [])
        photos.insert(0, self._world.files.add("photo", data))

    def attach(
        self,
        kind: str,
        data: bytes = b"",
        *,
        name: str | None = None,
        mime: str | None = None,
        size: DeclaredSize = None,
        **extra: Any,
    ) -> dict[str, Any]:
        """Store a file and get the Message fields that carry it, for `chat.post(ann, **tg.attach("video", data))`.

        `kind` is one of KINDS. Every file of it has these bytes, pictures derived from it included; `extra` bytes are
        for the one file of that name (`thumbnail=`; None for none). Name, MIME type and `size` (bytes; "omit"
        declares none) are claims. Other `extra` fields are added to the object.
        """
        return self._world.attach(kind, data, name=name, mime=mime, size=size, **extra)

    async def press(
        self, user: User, message: Message, label: str | None = None, *, data: str | None = None
    ) -> CallbackQuery:
        """Press the inline button whose text is `label`, or contains it, or whose callback data is `data`.

        ValueError when the message is deleted, has no such button or several. That the presser is in the chat is not
        asked.
        """
        if message.deleted:
            raise ValueError(f"message {message.message_id} is deleted: nobody can press its buttons")
        return self._world.add_press(user, message, find_button(message, label, data)["callback_data"])

    async def inject(self, raw_update: Mapping[str, Any]) -> dict[str, Any]:
        """Queue any update as it is, unknown kinds and broken ones included; it gets an `update_id` if it has none."""
        return self._world.updates.inject(dict(raw_update))

    async def inject_unparsable(self) -> dict[str, Any]:
        """Queue an update whose message has neither chat nor date: python-telegram-bot fails to read it, and with it
        the whole batch that it comes in."""
        return await self.inject({"message": {"message_id": 1, "text": "unreadable"}})

    def advance(self, by: timedelta) -> None:
        """Let time pass at once, for what depends on age: deletion (48 h), updates (24 h), presses."""
        self._world.clock.advance(by)
        self._world.lift_expired()

    # -- watching -----------------------------------------------------------------------------------------------

    @property
    def calls(self) -> Sequence[Call]:
        """Every request with the right token, in order: getUpdates, and what was refused or unknown, included."""
        return tuple(self._world.calls)

    def calls_of(self, method: str) -> Sequence[Call]:
        """The requests to one method, in order."""
        return tuple(call for call in self._world.calls if call.method == method)

    @property
    def downloads(self) -> Sequence[Download]:
        """Every download of a file, in order."""
        return tuple(self._world.downloads)

    @property
    def pending_updates(self) -> Sequence[Mapping[str, Any]]:
        """The updates that the bot has not confirmed, oldest first."""
        return tuple(self._world.updates.pending)

    @property
    def webhook(self) -> Webhook | None:
        """Where updates are delivered to, and what went wrong last; None while the bot polls."""
        return self._world.updates.webhook

    async def wait_until(self, predicate: Callable[[], T | None], timeout: float = 5.0) -> T:  # noqa: ASYNC109 - the caller's own words
        """The first true value of `predicate`, which may look at anything. TimeoutError after `timeout` seconds."""
        return await self._world.changes.until(predicate, timeout, lambda: f"not true within {timeout} s: {predicate}")
