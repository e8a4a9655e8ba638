"""What a member or a host can do with updates to get a file past the gate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from pathlib import Path
from typing import Any

import pytest
from telegram import Message, Update
from telegram.ext import Application, MessageHandler, filters

import lazaretto
from lazaretto.coverage import Outcome
from lazaretto.model import Action, Attachment, Decision, Mode, Place
from lazaretto.telegram.attachments import attachment_in
from lazaretto.telegram.gate import Gate
from lazaretto.telegram.handler_order import insert_first
from offline import Offline

FORWARD = Decision(Action.FORWARD, enforced=True)
QUARANTINE = Decision(Action.QUARANTINE, enforced=True)
Json = dict[str, Any]


class Service:
    """Behind the gate: takes everything, judges nothing."""

    def __init__(self) -> None:
        self.taken: list[Attachment] = []
        self.mode = Mode.GUARD
        self.queue: asyncio.Queue[object] = asyncio.Queue()

    async def ready(self) -> None:
        """At once."""

    async def take(self, attachment: Attachment, update: Update) -> None:
        self.taken.append(attachment)

    async def known(self, attachments: Collection[str]) -> Mapping[str, bool]:
        return dict.fromkeys(attachments, False)

    def when_handled(self, do: Callable[[], None]) -> None:
        do()

    def passed_on(self, attachment: Attachment) -> None:
        """Nobody asks."""

    def mode_of(self, place: Place) -> Mode:
        assert place.platform == "telegram"
        return self.mode

    def previews(self, place: Place) -> bool:
        return False

    def skips(self, place: Place) -> Outcome | None:
        return Outcome.MODERATORS if place.chat == "-77" else None

    def count(self, outcome: Outcome) -> None:
        """Nobody asks."""

    def arrived(self) -> None:
        """Nobody asks."""

    async def put_back(self, update: Update) -> None:
        await self.queue.put(update)

    async def set_aside(self, update: object, why: str) -> None:
        """Nobody asks."""


class Host:
    """An application with one handler, and the gate in front of it."""

    def __init__(self) -> None:
        self.seen: list[Message] = []
        self.app: Application[Any, Any, Any, Any, Any, Any] = (
            Application.builder().token("1:a").updater(None).request(Offline()).build()
        )
        self.app.add_handler(MessageHandler(filters.ALL, self._see))
        self.service = Service()
        self.service.queue = self.app.update_queue
        self.gate = Gate(self.app, self.service)
        insert_first(self.app, self.gate)

    async def _see(self, update: Update, _context: object) -> None:
        assert update.effective_message is not None
        self.seen.append(update.effective_message)

    async def process(self, *updates: Json) -> None:
        for one in updates:
            await self.app.process_update(Update.de_json(one, None))
        await self.empty_queue()

    async def empty_queue(self) -> None:
        await asyncio.sleep(0)  # what is put back by the way is in the queue after it
        while not self.app.update_queue.empty():
            await self.app.process_update(await self.app.update_queue.get())
            await asyncio.sleep(0)

    async def settle(self, number: int, decision: Decision | None) -> None:
        await self.gate.settled(self.service.taken[number], decision)
        await self.empty_queue()


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    made = Host()
    async with made.app:
        yield made


def a_file(name: str = "a", **fields: Any) -> Json:
    return {"file_id": f"id-{name}", "file_unique_id": f"u-{name}", **fields}


def a_message(number: int = 5, **fields: Any) -> Json:
    return {
        "message_id": number,
        "date": 1_700_000_000,
        "chat": {"id": -1, "type": "supergroup", "title": "Chess"},
        "from": {"id": 3, "is_bot": False, "first_name": "Ann"},
        **fields,
    }


def an_update(number: int = 7, message: Json | None = None, **fields: Any) -> Json:
    return {"update_id": number, "message": message or a_message(**fields)}


BAD = a_message(5, document=a_file("bad"))


# -- a reply shows the file before it is judged ----------------------------------------------------------------------


async def test_a_reply_to_a_waiting_file_does_not_show_it_to_the_host(host: Host) -> None:
    await host.process(an_update(7, BAD))
    await host.process(an_update(8, a_message(6, text="/convert", reply_to_message=BAD)))
    assert host.seen == []
    await host.settle(0, FORWARD)
    assert sorted(message.message_id for message in host.seen) == [5, 6]
    reply = next(message for message in host.seen if message.message_id == 6)
    assert reply.reply_to_message is not None
    assert reply.reply_to_message.document is not None


@pytest.mark.parametrize("decision", [QUARANTINE, None])
@pytest.mark.parametrize("early", [True, False], ids=["while it waits", "once it is held"])
async def test_a_reply_to_a_held_file_reaches_the_host_without_the_file(
    host: Host, decision: Decision | None, early: bool
) -> None:
    await host.process(an_update(7, BAD))
    reply = an_update(8, a_message(6, text="/ban", reply_to_message=BAD))
    if early:
        await host.process(reply)
    await host.settle(0, decision)
    if not early:
        await host.process(reply)
    (seen,) = host.seen
    assert seen.text == "/ban"
    assert seen.reply_to_message is not None
    assert (seen.reply_to_message.document, seen.reply_to_message.message_id) == (None, 5)


async def test_a_pin_does_not_show_a_held_file(host: Host) -> None:
    await host.process(an_update(7, BAD))
    await host.settle(0, QUARANTINE)
    await host.process(an_update(8, a_message(6, pinned_message=BAD)))
    (seen,) = host.seen
    assert isinstance(seen.pinned_message, Message)
    assert seen.pinned_message.document is None


async def test_a_clean_file_as_a_reply_does_not_carry_the_held_one_along(host: Host) -> None:
    await host.process(an_update(7, BAD))
    await host.process(an_update(8, a_message(6, document=a_file("good"), reply_to_message=BAD)))
    await host.settle(1, FORWARD)
    assert host.seen == []  # the one that it shows is still being judged
    await host.settle(0, QUARANTINE)
    (seen,) = host.seen
    assert seen.document is not None
    assert seen.reply_to_message is not None
    assert seen.reply_to_message.document is None


async def test_a_reply_to_a_cleared_file_passes_at_once_and_whole(host: Host) -> None:
    await host.process(an_update(7, BAD))
    await host.settle(0, FORWARD)
    await host.process(an_update(8, a_message(6, text="thanks", reply_to_message=BAD)))
    assert host.seen[-1].reply_to_message is not None
    assert host.seen[-1].reply_to_message.document is not None


async def test_a_reply_waits_for_nothing_where_nothing_is_held(host: Host) -> None:
    host.service.mode = Mode.OBSERVE
    await host.process(an_update(7, BAD), an_update(8, a_message(6, text="hm", reply_to_message=BAD)))
    assert [message.message_id for message in host.seen] == [5, 6]


# -- ids -------------------------------------------------------------------------------------------------------------


async def test_a_cleared_updates_number_does_not_let_another_file_pass(host: Host) -> None:
    """Hosts make updates of their own, and give all of them the same number."""
    await host.process(an_update(0, a_message(5, document=a_file("good"))))
    await host.gate.settled(host.service.taken[0], FORWARD)
    await host.app.process_update(Update.de_json(an_update(0, a_message(6, document=a_file("bad"))), None))
    assert host.seen == []
    await host.empty_queue()
    assert [message.message_id for message in host.seen] == [5]


@pytest.mark.parametrize("claim", [{"file_name": "a.exe"}, {"mime_type": "application/x-msdownload"}])
def test_the_same_file_under_another_claim_is_another_attachment(claim: Json) -> None:
    before = attachment_in(an_update(7, document=a_file(file_name="a.png", mime_type="image/png")))
    after = attachment_in(an_update(8, document=a_file(file_name="a.png", mime_type="image/png") | claim))
    assert before is not None
    assert after is not None
    assert before.id != after.id


# -- places ----------------------------------------------------------------------------------------------------------


def test_a_file_from_nowhere_is_judged_where_only_some_groups_are_allowed(tmp_path: Path) -> None:
    application = Application.builder().token("1:a").updater(None).build()
    guard = lazaretto.install(application, {"state": str(tmp_path), "groups": {"allowed": ["-1001"]}})
    try:
        assert guard.skips(Place("telegram", "-1002")) is Outcome.NOT_ALLOWED
        assert guard.skips(Place("telegram", "")) is None
    finally:
        guard.uninstall()
