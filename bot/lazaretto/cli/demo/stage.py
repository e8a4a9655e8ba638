"""The demo's stage: the emulator, a group with its members, a moderators' chat, and our own bot polling."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from telegram import Update

from lazaretto.cli.demo.samples import LIMIT
from lazaretto.config import Configuration
from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.log import configure_logging
from lazaretto.telegram.bot import build_bot
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.plugin import Guard

__all__ = ["Stage", "open_stage"]

_MEMBERS = ("Ann", "Boris", "Chen", "Dora", "Eve")


@dataclass(frozen=True, slots=True)
class Stage:
    """Everybody and everything that the show needs."""

    chat: Emulator
    group: Chat
    moderators: Chat
    members: dict[str, User]
    moderator: User
    guard: Guard
    state: Path
    config: Path


@asynccontextmanager
async def open_stage(folder: Path) -> AsyncIterator[Stage]:
    """Set the stage up in `folder`: `config/` and `state/` as a real installation has them."""
    configure_logging("ERROR")
    async with Emulator() as chat:
        members = {name: chat.user(name, username=name.lower()) for name in _MEMBERS}
        moderator = chat.user("Mila", username="mila")
        everybody = [*members.values()]
        group = chat.group("Harbour friends", members=everybody, admins=[moderator], bot_rights=Rights.full())
        moderators = chat.group("Harbour friends, moderators", admins=[moderator], bot_rights=Rights.full())
        config = _write_config(folder, chat, str(group.id), str(moderators.id))
        application, guard = build_bot(Configuration.load(config), chat.token)
        async with _polling(application, guard):
            yield Stage(chat, group, moderators, members, moderator, guard, folder / "state", config)


@asynccontextmanager
async def _polling(application: AnyApplication, guard: Guard) -> AsyncIterator[None]:
    """What `run_polling` does, beside the emulator on one event loop."""
    assert application.updater is not None  # noqa: S101 - build_bot makes one
    async with application:
        await guard.start()
        await application.start()
        await application.updater.start_polling(allowed_updates=Update.ALL_TYPES)
        try:
            yield
        finally:
            await application.updater.stop()
            await application.stop()
            await guard.stop()


def _write_config(folder: Path, chat: Emulator, group: str, moderators: str) -> Path:
    config = folder / "config"
    (config / "groups").mkdir(parents=True)
    (config / "lazaretto.toml").write_text(
        f'state = "{(folder / "state").as_posix()}"\n'
        f'base_url = "{chat.base_url}"\nbase_file_url = "{chat.base_file_url}"\n'
        '\n[defaults]\npreset = "balanced"\n',
        encoding="utf-8",
    )
    (config / "groups" / f"{group}.toml").write_text(
        f'mode = "guard"\nmoderators = "{moderators}"\nmax_size = {LIMIT}\n', encoding="utf-8"
    )
    return config
