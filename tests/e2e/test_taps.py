"""From being added to a group to the first released case, tap by tap, as docs/moderators.md writes it down."""

from __future__ import annotations

import json
import re
from pathlib import Path

from e2e.conftest import Town
from e2e.files import post_program
from e2e.host import build, polling, until
from lazaretto.emulator import Message, Rights
from lazaretto.model import Mode, Place

PAGE = Path(__file__).parents[2] / "docs" / "moderators.md"
_TAP = re.compile(r"^\d+\. .*?\*\*(?P<label>[^*]+)\*\*", re.MULTILINE)
START = "START"


def documented() -> list[str]:
    """What is tapped, by the page."""
    section = PAGE.read_text("utf-8").split("## From being added to the first released case", 1)[1].split("\n## ", 1)[0]
    return _TAP.findall(section)


async def test_the_first_case_is_released_in_fewer_than_twelve_taps(town: Town) -> None:
    tg, mila = town.tg, town.mila
    group = tg.group("Bridge club", members=[town.eve], admins=[mila], with_bot=False)
    cards = tg.group("Bridge, moderators", admins=[mila])
    taps: list[str] = []

    async def tap(message: Message, label: str) -> None:
        taps.append(label)
        assert (await (await tg.press(mila, message, label)).answered()).text in (None, ""), label

    async with polling(build(tg, {"state": str(town.state)})) as host:
        group.set_standing(tg.bot, "administrator", Rights.full(), by=mila)
        hello = await group.wait_for(lambda m: "Settings" in m.buttons)
        taps += ["Settings", START]  # a link, and what Telegram asks of whoever opens a bot for the first time
        start = hello.keyboard[0][0]["url"].partition("start=")[2]
        private = tg.private(mila)
        entity = {"type": "bot_command", "offset": 0, "length": len("/start")}
        await private.post(mila, text=f"/start {start}", entities=[entity])
        menu = await private.wait_for(lambda m: "Moderators' chat" in m.buttons)
        await tap(menu, "Moderators' chat")
        await tap(menu, "Choose a chat")
        keyboard = tg.calls_of("sendMessage")[-1].params["reply_markup"]
        button = (json.loads(keyboard) if isinstance(keyboard, str) else keyboard)["keyboard"][0][0]
        taps += [button["text"], "Bridge, moderators"]  # Telegram's own list
        chosen = {"request_id": button["request_chat"]["request_id"], "chat_id": cards.id}
        await private.post(mila, chat_shared=chosen)
        again = await private.wait_for(lambda m: m.message_id > menu.message_id and "Mode" in m.buttons)
        await tap(again, "Mode")
        await tap(again, "Guard")
        assert host.guard.policies.policy_of(Place("telegram", str(group.id))).mode is Mode.GUARD
        await post_program(group, town.eve)
        card = await cards.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        taps.append("Release")
        await (await tg.press(mila, card, "Release")).answered()
        await until(lambda: any(m.document is not None for m in group.messages if m.sender == tg.bot))
    assert len(taps) < 12
    assert taps == documented()
