"""Towns for hosts with the plugin and without it, and a witness of every call of the hosts' handlers."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from telegram import Update
from telegram.ext import BaseHandler

from e2e.conftest import Town, a_town
from e2e.host import Heard
from hosts.life import Seen
from lazaretto.emulator import Emulator

_HOSTS = "hosts.bots."


def a_town_in(folder: Path, tg: Emulator) -> Town:
    """A town with a folder of its own."""
    folder.mkdir()
    return a_town(tg, folder)


_context = cache(ssl.create_default_context)


@pytest.fixture(autouse=True)
def certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every HTTP client reads the trusted certificates, which takes 20 ms. Hosts have many; none speaks TLS here."""
    monkeypatch.setattr(ssl, "create_default_context", _context)


@pytest.fixture
def town(telegram_emulator: Emulator, tmp_path: Path) -> Town:
    """Where the host with the plugin lives."""
    return a_town_in(tmp_path / "town", telegram_emulator)


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[Town]:
    """The same town once more, for the same host without the plugin."""
    async with Emulator() as tg:
        yield a_town_in(tmp_path / "twin", tg)


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Heard[Seen]:
    """Every call of a handler that a host's module defines, those within conversations included."""
    seen: Heard[Seen] = Heard()
    handle = BaseHandler.handle_update

    async def witnessed(self: BaseHandler[Any, Any, Any], update: Any, *rest: Any) -> Any:
        if isinstance(update, Update) and self.callback.__module__.startswith(_HOSTS):
            seen.add(Seen(self.callback.__qualname__, update))
        return await handle(self, update, *rest)

    monkeypatch.setattr(BaseHandler, "handle_update", witnessed)
    return seen
