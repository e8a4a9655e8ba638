"""Everything that exists in one emulated Telegram: users, chats, files, updates, button presses."""

from collections.abc import Iterable, Mapping
from typing import Any

from lazaretto.emulator.changes import Changes, Clock
from lazaretto.emulator.chats import Chat
from lazaretto.emulator.errors import bad_request, forbidden
from lazaretto.emulator.files import DeclaredSize, FileStore
from lazaretto.emulator.messages import Message
from lazaretto.emulator.people import PRESENT, Member, Rights, User
from lazaretto.emulator.queries import CallbackQuery
from lazaretto.emulator.records import Call, Download
from lazaretto.emulator.updates import UpdateQueue

__all__ = ["VISIBLE_SECONDS", "World"]

VISIBLE_SECONDS = 48 * 3600  # after this a message can neither be deleted by a bot nor be shown in a press

_FIRST_USER = 500_000_001
_FIRST_GROUP = -1_001_000_000_001


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
        self.queries: dict[str, CallbackQuery] = {}
        self.commands: dict[str, list[dict[str, Any]]] = {}
        self.calls: list[Call] = []
        self.downloads: list[Download] = []

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
            chat = Chat(
                self,
                user.id,
                "private",
                first_name=user.first_name,
                last_name=user.last_name,
                username=user.username,
            )
            chat.members = {who.id: Member(who, "member") for who in (user, self.bot)}
            self.chats[user.id] = chat
        return chat

    def add_group(
        self,
        title: str,
        members: Iterable[User],
        admins: Iterable[User] | Mapping[User, Rights],
        creator: User | None,
        bot_rights: Rights | None,
        username: str | None,
    ) -> Chat:
        """A supergroup with the bot in it; it is taken to be there already, so nobody is told of its making."""
        groups = sum(chat.type == "supergroup" for chat in self.chats.values())
        chat = Chat(self, _FIRST_GROUP - groups, "supergroup", title=title, username=username)
        ranks = admins if isinstance(admins, Mapping) else {admin: Rights.full() for admin in admins}
        standings = [Member(user, "member") for user in members]
        standings += [Member(user, "administrator", rights) for user, rights in ranks.items()]
        standings += [Member(creator, "creator")] if creator else []
        standings += [Member(self.bot, "administrator" if bot_rights else "member", bot_rights)]
        chat.members = {member.user.id: member for member in standings}
        self.chats[chat.id] = chat
        return chat

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
        return self.files.issue(self.files.add(kind, data, name=name, mime=mime, size=size, extra=extra))

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

    # -- asked by the bot ---------------------------------------------------------------------------------------

    def chat(self, chat_id: int | str | None) -> Chat:
        """The chat that a bot names by id or @username. 400 when there is none, 403 when the bot is not in it."""
        if chat_id is None or chat_id == "":
            raise bad_request("chat_id is empty")
        found = self._named(chat_id) if isinstance(chat_id, str) else self.chats.get(chat_id)
        if found is None:
            if chat_id in self.users and chat_id != self.bot.id:
                raise forbidden("bot can't initiate conversation with a user")
            raise bad_request("chat not found")
        status = found.standing(self.bot).status
        if status in PRESENT:
            return found
        if found.type == "private":
            raise forbidden("bot was blocked by the user")
        how = "was kicked from" if status == "kicked" else "is not a member of"
        raise forbidden(f"bot {how} the {found.type} chat")

    def _named(self, username: str) -> Chat | None:
        """Only public chats have names that bots may use; a person's @username is none of them."""
        wanted = username.removeprefix("@").lower()
        public = [chat for chat in self.chats.values() if chat.type != "private"]
        return next((chat for chat in public if str(chat.about.get("username", "")).lower() == wanted), None)
