"""A running `lazaretto run` beside the emulator, and the configuration that makes them meet."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.terminal import COMMAND, Ended, environment, lazaretto
from lazaretto.emulator import Chat, Emulator, Rights, User

__all__ = ["Harbour", "RunningBot", "a_harbour", "running_bot", "write_config"]

_PATIENCE = 30.0


@dataclass(frozen=True)
class Harbour:
    """A guarded group with its moderators' chat, and the configuration for it."""

    chat: Emulator
    group: Chat
    moderators: Chat
    ann: User
    mod: User
    config: Path

    async def command(self, *arguments: str) -> Ended:
        """Another process on the same configuration, while the emulator goes on."""
        return await asyncio.to_thread(lazaretto, *arguments, "--config", str(self.config))


def write_config(folder: Path, base_url: str, base_file_url: str, *groups: tuple[str, str], more: str = "") -> Path:
    """A configuration in `folder` with its state beside it. groups: id and contents of each group's file."""
    config = folder / "config"
    (config / "groups").mkdir(parents=True, exist_ok=True)
    urls = f'base_url = "{base_url}"\nbase_file_url = "{base_file_url}"\n'
    (config / "lazaretto.toml").write_text(f'state = "{folder / "state"}"\n{urls}{more}', encoding="utf-8")
    for group, contents in groups:
        (config / "groups" / f"{group}.toml").write_text(contents, encoding="utf-8")
    return config


def a_harbour(chat: Emulator, folder: Path) -> Harbour:
    ann, mod = chat.user("Ann"), chat.user("Mod")
    group = chat.group("Harbour", members=[ann], admins=[mod], bot_rights=Rights.full())
    moderators = chat.group("Moderators", admins=[mod], bot_rights=Rights.full())
    guarded = f'mode = "guard"\nmoderators = "{moderators.id}"\n'
    config = write_config(folder, chat.base_url, chat.base_file_url, (str(group.id), guarded))
    return Harbour(chat, group, moderators, ann, mod, config)


class RunningBot:
    """`lazaretto run` as a process."""

    def __init__(self, process: asyncio.subprocess.Process, said: list[bytes]) -> None:
        self._process = process
        self._said = said

    async def ended(self) -> int:
        """Its exit status."""
        async with asyncio.timeout(_PATIENCE):
            return await self._process.wait()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, what: signal.Signals) -> None:
        self._process.send_signal(what)

    async def stop(self, how: signal.Signals) -> int:
        """Send it a signal; answers its exit status."""
        self.send(how)
        return await self.ended()

    async def has_said(self, text: str, times: int = 1) -> None:
        """Wait until it has."""
        async with asyncio.timeout(_PATIENCE):
            while self.said.count(text) < times:
                await asyncio.sleep(0.02)

    def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()

    @property
    def said(self) -> str:
        """All that it wrote on either output until now."""
        return b"".join(self._said).decode("utf-8")


@asynccontextmanager
async def running_bot(
    config: Path, token: str, *, prefix: Sequence[str] = COMMAND, **process_options: Any
) -> AsyncIterator[RunningBot]:
    """Start it; it is killed in the end if it still runs. process_options: as `subprocess.Popen` has them."""
    process = await asyncio.create_subprocess_exec(
        *prefix,
        "run",
        "--config",
        str(config),
        **{"stdin": asyncio.subprocess.DEVNULL, **process_options},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(LAZARETTO_TOKEN=token),
    )
    said: list[bytes] = []
    listening = asyncio.ensure_future(_listen(process, said))
    bot = RunningBot(process, said)
    try:
        yield bot
    finally:
        bot.kill()
        await process.wait()
        await listening


async def _listen(process: asyncio.subprocess.Process, said: list[bytes]) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        said.append(line)
