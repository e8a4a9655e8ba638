"""Eight groups in which people post while the bot dies again and again, and moderators who decide about what they see.

The bot lives as `lazaretto run` lives. Telegram, the emulator, goes on all the time, and so do the people.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGKILL, SIGTERM
from typing import Any

from kill.bot_under_test import left_to_do
from kill.campaign_plan import GROUPS, MEMBERS, POLICIES, Content, Life, Plan, Post, fate_of, tag_of
from kill.stage import KILLED, SETTLED, Nursery
from lazaretto.audit import AuditedStore
from lazaretto.emulator import CallbackQuery, Chat, Emulator, Message, Rights, User
from lazaretto.tasks import spawn

__all__ = ["Campaign", "Posted", "campaigned"]

_SLOW = 400_000  # bytes a second
_LOOK = 0.05  # seconds between looks
_BIRTH = 20.0  # within which a bot asks for updates
_PRESS_AGAIN = 2.0  # after which whoever pressed presses again: a press is no update that is kept
_NAME = re.compile(r"p(\d{3})([a-e])\.")
_BEGINNINGS = ("getUpdates", "setWebhook")


@dataclass(frozen=True, slots=True)
class Posted:
    """A file as it went into a chat. message: its own or, of an edit, that which was edited."""

    post: Post
    content: Content
    message: Message
    unique_id: str


@dataclass
class Campaign:
    """The world, and what was done to it. killed_at: how many calls the bot had made at each kill, in all."""

    plan: Plan
    telegram: Emulator
    groups: list[Chat]
    moderators: list[Chat]
    members: list[User]
    mila: User
    nursery: Nursery
    folder: Path
    posted: list[Posted] = field(default_factory=list)
    killed_at: list[int] = field(default_factory=list)
    _editing: list[asyncio.Task[None]] = field(default_factory=list)
    _presses: dict[Message, tuple[float, CallbackQuery]] = field(default_factory=dict)

    async def run(self, patience: float) -> None:
        """All lives. After the last kill the bot has so many seconds to bring everything to its end."""
        deciding = spawn(self._decide(), "moderators")
        try:
            for life in self.plan.lives:
                for post in life.down:
                    await self._post(post)
                await self._one(life)
            last = self.nursery.begin(self.folder, self.telegram.token, as_run=True)
            for post in self.plan.rest:
                await self._post(post)
            await asyncio.gather(*self._editing)
            await self._settled(last, deciding, patience)
            self.nursery.send(last, SIGTERM)
            assert await self.nursery.end(last) == SETTLED, "the last life did not end in good order"
        finally:
            deciding.cancel()
            await asyncio.gather(deciding, return_exceptions=True)

    # ── the bot ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _one(self, life: Life) -> None:
        begun = self._begun()
        number = self.nursery.begin(self.folder, self.telegram.token, as_run=True)
        if not life.from_birth:
            await self.telegram.wait_until(lambda: self._begun() > begun or self.nursery.has_ended(number), _BIRTH)
        loop = asyncio.get_running_loop()
        end = loop.time() + life.seconds
        for before, post in life.up:
            await asyncio.sleep(max(0.0, end - before - loop.time()))
            await self._post(post)
        await asyncio.sleep(max(0.0, end - loop.time()))
        assert not self.nursery.has_ended(number), f"a life ended by itself: see {self.folder / 'log'}"
        self.nursery.send(number, SIGKILL)
        assert await self.nursery.end(number) == KILLED
        self.killed_at.append(len(self.telegram.calls))

    def _begun(self) -> int:
        return sum(len(self.telegram.calls_of(method)) for method in _BEGINNINGS)

    async def _settled(self, life: int, deciding: asyncio.Task[None], patience: float) -> None:
        """Nothing waits anywhere: not at Telegram, not in the database, and no moderator wants to press anything."""
        left: Mapping[str, object] = {}
        try:
            async with asyncio.timeout(patience):
                while left := await self._left():
                    assert not deciding.done(), f"the moderators have gone: {deciding.exception()}"
                    assert not self.nursery.has_ended(life), f"the last life ended by itself: see {self.folder / 'log'}"
                    await asyncio.sleep(_LOOK)
        except TimeoutError:
            raise AssertionError(f"not settled after {patience:g} s; left: {left}") from None

    async def _left(self) -> Mapping[str, object]:
        if pending := len(self.telegram.pending_updates):
            return {"updates at Telegram": pending}
        if cards := [message.message_id for message, _ in self._wanting()]:
            return {"cards to be pressed": cards}
        with suppress(OSError):
            async with AuditedStore.open(self.folder / "state", beside=True) as store:
                if waiting := await store.state.read(left_to_do):
                    return {"attachments and deeds": waiting}
            return {"cards to be pressed": cards} if (cards := [m.message_id for m, _ in self._wanting()]) else {}
        return {"the database": "not there"}

    # ── members ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _post(self, post: Post) -> None:
        chat, sender = self.groups[post.group], self.members[post.group * MEMBERS + post.member]
        items = [self._carried(content) for content in post.contents]
        if len(items) > 1:
            messages = await chat.post_album(sender, items)
        else:
            messages = [await chat.post(sender, **items[0])]
        for content, message in zip(post.contents, messages, strict=True):
            self._note(post, content, message)
        if post.edited is not None:
            self._editing.append(spawn(self._edit(post, post.edited, messages[0]), "an edit"))

    async def _edit(self, post: Post, content: Content, message: Message) -> None:
        await asyncio.sleep(random.Random(self.plan.seed * 1000 + post.number).uniform(0.0, 1.0))
        with suppress(ValueError):  # it is gone already
            await message.chat.edit(message, **self._carried(content))
            self._note(post, content, message)

    def _carried(self, content: Content) -> dict[str, Any]:
        name, mime = (None, None) if content.kind == "photo" else (content.name, content.mime)
        fields = self.telegram.attach(content.kind, content.data, name=name, mime=mime)
        if content.slow and content.kind == "document":
            self.telegram.faults.slow_download(_SLOW, fields["document"])
        return {**fields, "caption": tag_of(content)}

    def _note(self, post: Post, content: Content, message: Message) -> None:
        assert message.file is not None
        self.posted.append(Posted(post, content, message, message.file.unique_id))

    # ── moderators ────────────────────────────────────────────────────────────────────────────────────────────────

    async def _decide(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            for card, label in self._wanting():
                if card in self._presses and loop.time() - self._presses[card][0] < _PRESS_AGAIN:
                    continue
                self._presses[card] = loop.time(), await self.telegram.press(self.mila, card, label)
            await asyncio.sleep(_LOOK)

    def _wanting(self) -> list[tuple[Message, str]]:
        """Cards that a moderator wants to press something on, and what."""
        cards = [message for chat in self.moderators for message in chat.messages if message.buttons]
        wanted = ((card, self._label(card)) for card in cards if not self._is_over(card))
        return [(card, label) for card, label in wanted if label]

    def _is_over(self, card: Message) -> bool:
        """Was a press answered with that? Of a card that came twice, the first one keeps its buttons."""
        answer = self._presses[card][1].answer if card in self._presses else None
        return answer is not None and "nothing was changed" in answer.text and "Send it again" not in card.buttons

    def _label(self, card: Message) -> str:
        found = _NAME.search(card.text or "")
        assert found is not None, f"a card that names no file: {card.text}"
        number, edited = int(found[1]), found[2] == "e"
        if "Send it again" in card.buttons:
            return "It is back" if self._is_back(number, edited=edited) else "Send it again"
        fate = fate_of(self.plan.seed, number)
        for_all = f"{fate.capitalize()} all" if number % 2 else "nothing"
        wanted = [button for button in card.buttons if for_all in button or button.endswith(fate.capitalize())]
        return wanted[-1] if fate and wanted else ""

    def _is_back(self, number: int, *, edited: bool) -> bool:
        tags = [tag_of(p.content) for p in self.posted if p.post.number == number]
        tags = [tag for tag in tags if (tag[5] == "e") is edited]
        return any(tag in (message.caption or "") for message in self.publications() for tag in tags)

    def publications(self) -> list[Message]:
        """What the bot posted in the groups."""
        return [m for group in self.groups for m in group.messages if m.sender == self.telegram.bot]


@asynccontextmanager
async def campaigned(nursery: Nursery, folder: Path, plan: Plan, *, webhook: bool = False) -> AsyncIterator[Campaign]:
    """A new Telegram with the groups of a campaign, and a bot that has not lived yet."""
    async with Emulator() as telegram:
        mila = telegram.user("Mila")
        members = [telegram.user(f"Member {number}") for number in range(GROUPS * MEMBERS)]
        groups = [
            telegram.group(
                f"Harbour {number}",
                members=members[number * MEMBERS : (number + 1) * MEMBERS],
                admins=[mila],
                bot_rights=Rights.full(),
            )
            for number in range(GROUPS)
        ]
        moderators = [
            telegram.group(f"Moderators {number}", admins=[mila], bot_rights=Rights.full())
            for number in range(GROUPS // 2)
        ]
        await asyncio.to_thread(_write_config, folder / "config", telegram, groups, moderators, webhook)
        yield Campaign(plan, telegram, groups, moderators, members, mila, nursery, folder)


def _write_config(config: Path, telegram: Emulator, groups: list[Chat], moderators: list[Chat], webhook: bool) -> None:
    (config / "groups").mkdir(parents=True)
    web = ""
    if webhook:
        port = _free_port()
        web = f'[web]\nport = {port}\nwebhook = "http://127.0.0.1:{port}/telegram/updates"\n'
    (config / "lazaretto.toml").write_text(
        f'state = "{(config.parent / "state").as_posix()}"\n'
        f'base_url = "{telegram.base_url}"\nbase_file_url = "{telegram.base_file_url}"\n'
        f"[traffic]\nper_second = 1000.0\nchat_per_minute = 10000.0\n{web}",
        encoding="utf-8",
    )
    for number, group in enumerate(groups):
        rules = "".join(f'"{rule}" = "{action}"\n' for rule, action in POLICIES[number % len(POLICIES)].items())
        cards = moderators[number % len(moderators)].id
        (config / "groups" / f"{group.id}.toml").write_text(
            f'mode = "guard"\nmoderators = "{cards}"\n[actions]\n{rules}', encoding="utf-8"
        )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
