"""A Telegram Bot API server on 127.0.0.1, for tests and demonstrations of any bot.

It needs no network, no test account and no secret. Your bot talks real HTTP to it; your test plays the people:

    from lazaretto.emulator import Emulator, Rights

    async with Emulator() as tg:
        ann = tg.user("Ann", username="ann")
        club = tg.group("Chess club", members=[ann], bot_rights=Rights(can_delete_messages=True))
        app = Application.builder().token(tg.token).base_url(tg.base_url).base_file_url(tg.base_file_url).build()
        ...                                     # start polling, as always
        await club.post_document(ann, b"%PDF-1.7 ...", name="minutes.pdf", mime="application/pdf")
        answer = await club.wait_for(lambda m: m.sender == tg.bot)

It answers as Telegram answers, refusals and their wording included, as far as it goes; it never sends anything of
its own accord.
Privacy mode is on, as it is for a new bot: without administrator's rights it sees commands and replies only.

Names are loaded on first use, because pytest imports this package (for its fixture) in every test run.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazaretto.emulator.chats.business import BusinessConnection as BusinessConnection
    from lazaretto.emulator.chats.business import BusinessRights as BusinessRights
    from lazaretto.emulator.chats.chat import Chat as Chat
    from lazaretto.emulator.chats.messages import Message as Message
    from lazaretto.emulator.chats.people import Permissions as Permissions
    from lazaretto.emulator.chats.people import Rights as Rights
    from lazaretto.emulator.chats.people import User as User
    from lazaretto.emulator.chats.queries import Answer as Answer
    from lazaretto.emulator.chats.queries import CallbackQuery as CallbackQuery
    from lazaretto.emulator.chats.topics import Topic as Topic
    from lazaretto.emulator.emulator import Emulator as Emulator
    from lazaretto.emulator.faults import Faults as Faults
    from lazaretto.emulator.faults import Hold as Hold
    from lazaretto.emulator.files.kinds import KINDS as KINDS
    from lazaretto.emulator.files.kinds import KINDS_WITH_FILES as KINDS_WITH_FILES
    from lazaretto.emulator.records import Call as Call
    from lazaretto.emulator.records import Download as Download
    from lazaretto.emulator.records import Upload as Upload

_HOME = {
    "KINDS": "files.kinds",
    "KINDS_WITH_FILES": "files.kinds",
    "Answer": "chats.queries",
    "BusinessConnection": "chats.business",
    "BusinessRights": "chats.business",
    "Call": "records",
    "CallbackQuery": "chats.queries",
    "Chat": "chats.chat",
    "Download": "records",
    "Emulator": "emulator",
    "Faults": "faults",
    "Hold": "faults",
    "Message": "chats.messages",
    "Permissions": "chats.people",
    "Rights": "chats.people",
    "Topic": "chats.topics",
    "Upload": "records",
    "User": "chats.people",
}

__all__ = [
    "KINDS",
    "KINDS_WITH_FILES",
    "Answer",
    "BusinessConnection",
    "BusinessRights",
    "Call",
    "CallbackQuery",
    "Chat",
    "Download",
    "Emulator",
    "Faults",
    "Hold",
    "Message",
    "Permissions",
    "Rights",
    "Topic",
    "Upload",
    "User",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
