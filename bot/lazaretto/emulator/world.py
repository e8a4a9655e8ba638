"""Everything that exists in one emulated Telegram: users, chats, files, updates, button presses."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lazaretto.emulator.bot_profile import Profile
from lazaretto.emulator.changes import Changes, Clock
from lazaretto.emulator.chats.accounts import names_of
from lazaretto.emulator.chats.business import BusinessConnection, BusinessRights
from lazaretto.emulator.chats.chat import Chat, ChatType
from lazaretto.emulator.chats.messages import VISIBLE_SECONDS, Message
from lazaretto.emulator.chats.people import Member, Rights, User
from lazaretto.emulator.chats.queries import CallbackQuery
from lazaretto.emulator.chats.settings import ChatSettings
from lazaretto.emulator.errors import ApiError, bad_request, forbidden
from lazaretto.emulator.files.kinds import attach
from lazaretto.emulator.files.local_folder import LOCAL_UPLOAD_LIMIT, UPLOAD_LIMIT, LocalFolder
from lazaretto.emulator.files.paths import FilePaths
from lazaretto.emulator.files.store import Attachment, DeclaredSize, FileStore
from lazaretto.emulator.records import Call, Download
from lazaretto.emulator.updates.queue import UpdateQueue

__all__ = ["People", "Ranked", "World"]

_FIRST_USER = 500_000_001
# Basic groups count down from one number; supergroups and channels from another, with the -100 that marks them.
_FIRST_CHAT: Mapping[ChatType, int] = {
    "group": -4_000_000_001,
    "supergroup": -1_001_000_000_001,
    "channel": -1_001_000_000_001,
}
_FIRST_ALBUM = 13_900_000_000_000_001

Ranked = Iterable[User] | Mapping[User, Rights]


@dataclass(frozen=True, slots=True)
class People:
    """Who is in a chat from its beginning. `admins` have every right, or as a mapping the rights given there."""

    members: Iterable[User]
    admins: Ranked
    creator: User | None

    def standings(self) -> dict[int, Member]:
        """By user id. Who is named twice has the higher rank."""
        ranks = self.admins if isinstance(self.admins, Mapping) else {user: Rights.full() for user in self.admins}
        found = [Member(user, "member") for user in self.members]
        found += [Member(user, "administrator", rights) for user, rights in ranks.items()]
        found += [Member(self.creator, "creator")] if self.creator else []
        return {member.user.id: member for member in found}


class World:
    """The state behind the server. It survives the server's restarts."""

    def __init__(self, bot: User, *, privacy_mode: bool) -> None:
        self.bot = bot
        self.privacy_mode = privacy_mode
        self.clock = Clock()
        self.changes = Changes()
        self.files = FileStore()
        self.updates = UpdateQueue(self.clock, self.changes)
        self.users: dict[int, User] = {bot.id: bot}
        self._newest_user = 0
        self.chats: dict[int, Chat] = {}
        self.connections: dict[str, BusinessConnection] = {}
        self.guest_queries: dict[str, Message] = {}
        self._guest_queries = 0
        self._albums = 0
        self.queries: dict[str, CallbackQuery] = {}
        self.calls: list[Call] = []
        self.downloads: list[Download] = []
        self.paths = FilePaths(self.clock)
        self.local: LocalFolder | None = None
        self.settings: defaultdict[Chat, ChatSettings] = defaultdict(ChatSettings)
        self.profile = Profile(bot.first_name)
        self.profile_photos: dict[int, list[Attachment]] = {}

    @property
    def upload_limit(self) -> int:
        """Bytes of one request: https://core.telegram.org/bots/api#sending-files"""
        return UPLOAD_LIMIT if self.local is None else LOCAL_UPLOAD_LIMIT

    # -- made by the test ---------------------------------------------------------------------------------------

    def add_user(self, first_name: str, user_id: int | None, **about: Any) -> User:
        """A new account. ValueError when the id is taken."""
        if user_id in self.users:
            raise ValueError(f"user id {user_id} is taken by {self.users[user_id].first_name}")
        user = User(user_id or max(_FIRST_USER, 1 + self._newest_user), first_name, **about)
        if user_id is None:
            self._newest_user = user.id
        self.users[user.id] = user
        return user

    def add_private(self, user: User) -> Chat:
        """The chat of this user with the bot, which the user has started."""
        chat = self.chats.get(user.id)
        if chat is None:
            chat = self.chats[user.id] = Chat(self, user.id, "private", **names_of(user))
            chat.members = {who.id: Member(who, "member") for who in (user, self.bot)}
        return chat

    def add_chat(self, chat_type: ChatType, people: People | None = None, **about: Any) -> Chat:
        """A group or channel, taken to be there already: nobody is told of its making. The bot is not in it."""
        first = _FIRST_CHAT[chat_type]
        taken = sum(_FIRST_CHAT.get(chat.type) == first for chat in self.chats.values())
        chat = self.chats[first - taken] = Chat(self, first - taken, chat_type, **about)
        chat.members = {} if people is None else people.standings()
        return chat

    def add_bot(self, chat: Chat, rights: Rights | None) -> None:
        """Put the bot into a chat, with rights as an administrator."""
        chat.members[self.bot.id] = Member(self.bot, "administrator" if rights else "member", rights)

    def add_direct_messages(self, channel: Chat) -> Chat:
        """The chat in which people write to a channel. Its administrators, the bot among them, are the channel's."""
        if channel.type != "channel":
            raise ValueError(f"{channel!r} is no channel and has no direct messages")
        chat = self.add_chat("supergroup", title=channel.title, is_direct_messages=True)
        chat.parent, chat.members = channel, channel.members
        return chat

    def add_connection(self, owner: User, rights: BusinessRights) -> BusinessConnection:
        """Connect the bot to a business account. The bot is told."""
        number = f"bc{4_100_000_000_000_000_001 + len(self.connections)}"
        connection = BusinessConnection(self, number, owner, self.clock.now(), rights)
        self.connections[connection.id] = connection
        connection.announce()
        return connection

    def add_guest_query(self, message: Message) -> str:
        """The id under which the bot may answer a message that called it as a guest."""
        self._guest_queries += 1
        query = str(4_200_000_000_000_000_000 + self._guest_queries)
        self.guest_queries[query] = message
        return query

    def new_album_id(self) -> str:
        """A `media_group_id` that nothing else has."""
        self._albums += 1
        return str(_FIRST_ALBUM + self._albums)

    def attach(
        self,
        kind: str,
        data: bytes,
        *,
        name: str | None = None,
        mime: str | None = None,
        size: DeclaredSize = None,
        **extra: Any,
    ) -> dict[str, Any]:
        """Store bytes and give back the Message fields that carry them, such as `{"video": {...}}`."""
        return attach(self.files, kind, data, name=name, mime=mime, size=size, extra=extra)

    def add_press(self, user: User, message: Message, data: str) -> CallbackQuery:
        """A press on a button: the bot is told, with the message as far as it may still be seen."""
        now = self.clock.now()
        number = str(4_000_000_000_000_000_001 + len(self.queries))
        query = CallbackQuery(number, user, message, data, now, self.changes)
        self.queries[query.id] = query
        old = now - message.date > VISIBLE_SECONDS
        inaccessible = {"chat": message.chat.json(), "message_id": message.message_id, "date": 0}
        shown = inaccessible if old else message.json()
        payload = {"id": query.id, "from": user.json(), "chat_instance": str(-message.chat.id), "data": data}
        self.updates.add("callback_query", payload | {"message": shown})
        return query

    def lift_expired(self) -> None:
        """End the bans and restrictions whose time has come, in every chat."""
        for chat in self.chats.values():
            chat.lift_expired()

    # -- asked by the bot ---------------------------------------------------------------------------------------

    def chat(self, chat_id: int | str | None) -> Chat:
        """The chat that a bot names by id or @username. 400 when there is none, 403 when the bot is not in it."""
        if chat_id is None or chat_id == "":
            raise bad_request("chat_id is empty")
        found = self.find_chat(chat_id)
        if found is None:
            if chat_id in self.users and chat_id != self.bot.id:
                raise forbidden("bot can't initiate conversation with a user")
            raise bad_request("chat not found")
        if found.migrated_to is not None:
            moved = {"migrate_to_chat_id": found.migrated_to.id}
            raise ApiError(400, "Bad Request: group chat was upgraded to a supergroup chat", moved)
        standing = found.standing(self.bot)
        if standing.present:
            return found
        if found.type == "private":
            raise forbidden("bot was blocked by the user")
        how = "was kicked from" if standing.status == "kicked" else "is not a member of"
        raise forbidden(f"bot {how} the {found.type} chat")

    def connection(self, connection_id: str | None) -> BusinessConnection:
        """The business connection that a bot names. 400 when there is none."""
        found = self.connections.get(connection_id or "")
        if found is None:
            raise bad_request("business connection not found")
        return found

    def find_chat(self, chat_id: int | str) -> Chat | None:
        """The bot's own chat with this id or @username. Only public chats have names: a person's is none of them."""
        if isinstance(chat_id, int):
            return self.chats.get(chat_id)
        wanted = chat_id.removeprefix("@").lower()
        public = [chat for chat in self.chats.values() if chat.type != "private" and "username" in chat.about]
        return next((chat for chat in public if chat.about["username"].lower() == wanted), None)
