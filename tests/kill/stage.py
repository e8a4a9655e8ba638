"""A group, its moderators, and a bot that lives and dies while Telegram, the emulator, goes on."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from carriers.programs import a_pe
from lazaretto.emulator import Chat, Emulator, Message, Rights, User
from lazaretto.model import Action
from lazaretto.tasks import spawn

__all__ = ["KILLED", "PROGRAM", "SETTLED", "Nursery", "Scene", "open_scene"]

SETTLED, KILLED = 0, -9
"""How a life ends."""

PROGRAM = a_pe(size=600_000)
"""Arrives in three pieces."""

_SCRIPT = Path(__file__).with_name("bot_under_test.py")
_PATIENCE = 60.0  # seconds for a life to end


class Nursery:
    """Starts lives. One interpreter imports the bot once and forks, so that no life pays for the imports."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._numbers = count(1)
        self._ends: dict[int, asyncio.Future[int]] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Nursery]:
        """The nursery process, for as long as the context is open."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(sys.executable, str(_SCRIPT), stdin=pipe, stdout=pipe)
        nursery = cls(process)
        listening = spawn(nursery._listen(), "nursery")
        try:
            yield nursery
        finally:
            assert process.stdin is not None
            process.stdin.close()
            await process.wait()
            await listening

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            answer = json.loads(line)
            if not (future := self._ends[answer["number"]]).done():
                future.set_result(answer["status"])

    async def live(self, folder: Path, token: str, when: str, step: str) -> int:
        """One life of the bot. Answers how it ended."""
        return await self.end(self.begin(folder, token, when=when, step=step))

    def begin(self, folder: Path, token: str, **how: object) -> int:
        """Begin a life, of which `how` says more (`bot_under_test.Life`). Answers its number."""
        number = next(self._numbers)
        self._ends[number] = asyncio.get_running_loop().create_future()
        self._order(number=number, folder=str(folder), token=token, **how)
        return number

    def send(self, life: int, signal: int) -> None:
        """Send a life a signal."""
        self._order(number=life, signal=signal)

    async def end(self, life: int) -> int:
        """How it ends. TimeoutError where it does not within a minute."""
        return await asyncio.wait_for(self._ends[life], _PATIENCE)

    def has_ended(self, life: int) -> bool:
        """Is it over?"""
        return self._ends[life].done()

    def _order(self, **order: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")


@dataclass(frozen=True, slots=True)
class Scene:
    """The world of one attachment; everything in it is fresh."""

    nursery: Nursery
    telegram: Emulator
    group: Chat
    moderators: Chat
    ann: User
    mila: User
    folder: Path

    async def live(self, when: str = "", step: str = "") -> int:
        """One life of the bot: killed before or after a step, or until everything has settled."""
        return await self.nursery.live(self.folder, self.telegram.token, when, step)

    async def post(self) -> None:
        """Ann posts a program. What is done about it is the policy of her group."""
        await self.group.post_document(self.ann, PROGRAM, name="tool.exe", mime="application/x-msdownload")

    async def post_album(self) -> list[Message]:
        """Ann posts two programs as one album."""
        files = [self.telegram.attach("document", PROGRAM + bytes(n), name=f"tool-{n}.exe") for n in (1, 2)]
        return await self.group.post_album(self.ann, files)

    async def press(self, card: str | None, label: str) -> None:
        """Mila presses a button on a card."""
        message = None if card is None else self.moderators.find(int(card))
        assert message is not None, f"there is no card {card}"
        await self.telegram.press(self.mila, message, label)

    def buttons(self, card: str | None) -> list[str]:
        """What can be pressed on a card now."""
        message = None if card is None else self.moderators.find(int(card))
        return [] if message is None else message.buttons

    def steps(self) -> list[str]:
        """The steps that the latest life took."""
        return (self.folder / "steps").read_text(encoding="utf-8").splitlines()

    def heard(self) -> int:
        """How often the update went through the host's handlers."""
        seen = self.folder / "host"
        return len(seen.read_text(encoding="utf-8").splitlines()) if seen.exists() else 0

    @property
    def cards(self) -> list[str]:
        """The texts of all cards as they were sent, oldest first."""
        return [str(call.params["text"]) for call in self.telegram.calls_of("sendMessage")]

    @property
    def publications(self) -> list[Message]:
        """What the bot posted in the group."""
        return [message for message in self.group.messages if message.sender == self.telegram.bot]


@asynccontextmanager
async def open_scene(nursery: Nursery, folder: Path, action: Action) -> AsyncIterator[Scene]:
    """A new Telegram with a group whose policy does `action` about programs, and a bot that has not lived yet."""
    async with Emulator() as telegram:
        ann, mila = telegram.user("Ann"), telegram.user("Mila")
        group = telegram.group("Harbour", members=[ann], admins=[mila], bot_rights=Rights.full())
        moderators = telegram.group("Moderators", admins=[mila], bot_rights=Rights.full())
        await asyncio.to_thread(_write_config, folder / "config", telegram, group, moderators, action)
        yield Scene(nursery, telegram, group, moderators, ann, mila, folder)


def _write_config(config: Path, telegram: Emulator, group: Chat, moderators: Chat, action: Action) -> None:
    (config / "groups").mkdir(parents=True)
    (config / "lazaretto.toml").write_text(
        f'state = "{(config.parent / "state").as_posix()}"\n'
        f'base_url = "{telegram.base_url}"\nbase_file_url = "{telegram.base_file_url}"\n',
        encoding="utf-8",
    )
    (config / "groups" / f"{group.id}.toml").write_text(
        f'mode = "guard"\nmoderators = "{moderators.id}"\n[actions]\n"*" = "{action}"\n', encoding="utf-8"
    )
