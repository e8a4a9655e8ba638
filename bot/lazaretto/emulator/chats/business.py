"""A business account that the bot is connected to: https://core.telegram.org/bots/api#businessconnection"""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from lazaretto.emulator.chats.accounts import names_of
from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.people import Member, User

if TYPE_CHECKING:
    from lazaretto.emulator.world import World

__all__ = ["BusinessConnection", "BusinessRights"]


@dataclass(frozen=True, slots=True)
class BusinessRights:
    """What the bot may do in the owner's name: the Bot API's BusinessBotRights. `BusinessRights()` may do nothing."""

    can_reply: bool = False
    can_read_messages: bool = False
    can_delete_sent_messages: bool = False
    can_delete_all_messages: bool = False
    can_edit_name: bool = False
    can_edit_bio: bool = False
    can_edit_profile_photo: bool = False
    can_edit_username: bool = False
    can_change_gift_settings: bool = False
    can_view_gifts_and_stars: bool = False
    can_convert_gifts_to_stars: bool = False
    can_transfer_and_upgrade_gifts: bool = False
    can_transfer_stars: bool = False
    can_manage_stories: bool = False

    def json(self) -> dict[str, bool]:
        """The rights that are given; the others are left out."""
        return {name: True for name, given in asdict(self).items() if given}


@dataclass(eq=False, slots=True)
class BusinessConnection:
    """The owner's account with the bot connected to it. The bot hears what is written in its chats while enabled."""

    world: "World" = field(repr=False)
    id: str
    owner: User
    date: int
    rights: BusinessRights
    is_enabled: bool = True
    chats: dict[int, Chat] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """The Bot API's BusinessConnection."""
        about = {"id": self.id, "user": self.owner.json(), "user_chat_id": self.owner.id, "date": self.date}
        return {**about, "is_enabled": self.is_enabled, "rights": self.rights.json()}

    def chat_with(self, customer: User) -> Chat:
        """The owner's private chat with this customer, whose id names it; the same each time."""
        chat = self.chats.get(customer.id)
        if chat is None:
            chat = self.chats[customer.id] = Chat(self.world, customer.id, "private", **names_of(customer))
            chat.connection = self
            chat.members = {who.id: Member(who, "member") for who in (self.owner, customer)}
        return chat

    def change(self, *, rights: BusinessRights | None = None, is_enabled: bool | None = None) -> None:
        """The owner changes the bot's rights, or disconnects and connects it: a `business_connection` update."""
        self.rights = self.rights if rights is None else rights
        self.is_enabled = self.is_enabled if is_enabled is None else is_enabled
        self.announce()

    def announce(self) -> None:
        """Tell the bot how things stand."""
        self.world.updates.add("business_connection", self.json())
