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

It answers as Telegram answers, refusals and their wording included; it never sends anything of its own accord.
Privacy mode is on, as it is for a new bot: without administrator's rights it sees commands and replies only.

Names are loaded on first use, because pytest imports this package (for its fixture) in every test run.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazaretto.emulator.business import BusinessConnection as BusinessConnection
    from lazaretto.emulator.business import BusinessRights as BusinessRights
    from lazaretto.emulator.chats import Chat as Chat
    from lazaretto.emulator.emulator import Emulator as Emulator
    from lazaretto.emulator.faults import Faults as Faults
    from lazaretto.emulator.faults import Hold as Hold
    from lazaretto.emulator.kinds import KINDS as KINDS
    from lazaretto.emulator.kinds import KINDS_WITH_FILES as KINDS_WITH_FILES
    from lazaretto.emulator.messages import Message as Message
    from lazaretto.emulator.people import Permissions as Permissions
    from lazaretto.emulator.people import Rights as Rights
    from lazaretto.emulator.people import User as User
    from lazaretto.emulator.queries import Answer as Answer
    from lazaretto.emulator.queries import CallbackQuery as CallbackQuery
    from lazaretto.emulator.records import Call as Call
    from lazaretto.emulator.records import Download as Download
    from lazaretto.emulator.records import Upload as Upload
    from lazaretto.emulator.topics import Topic as Topic

_HOME = {
    "KINDS": "kinds",
    "KINDS_WITH_FILES": "kinds",
    "Answer": "queries",
    "BusinessConnection": "business",
    "BusinessRights": "business",
    "Call": "records",
    "CallbackQuery": "queries",
    "Chat": "chats",
    "Download": "records",
    "Emulator": "emulator",
    "Faults": "faults",
    "Hold": "faults",
    "Message": "messages",
    "Permissions": "people",
    "Rights": "people",
    "Topic": "topics",
    "Upload": "records",
    "User": "people",
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
