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

from e2e.conftest import Town
from e2e.host import Heard
from hosts.life import Seen
from lazaretto.emulator import Emulator, Rights

_HOSTS = "hosts.bots."


def a_town(tg: Emulator, folder: Path) -> Town:
    """A group, its moderators' chat, and their people."""
    folder.mkdir()
    ann, eve, mila = tg.user("Ann", username="ann"), tg.user("Eve", username="eve"), tg.user("Mila", username="mila")
    group = tg.group("Chess club", members=[ann, eve], admins=[mila], bot_rights=Rights.full())
    moderators = tg.group("Chess club, moderators", admins=[mila], bot_rights=Rights.full())
    return Town(tg, folder, ann, eve, mila, group, moderators)


_context = cache(ssl.create_default_context)


@pytest.fixture(autouse=True)
def certificates_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every HTTP client reads the trusted certificates, which takes 20 ms. Hosts have many; none speaks TLS here."""
    monkeypatch.setattr(ssl, "create_default_context", _context)


@pytest.fixture
def town(telegram_emulator: Emulator, tmp_path: Path) -> Town:
    """Where the host with the plugin lives."""
    return a_town(telegram_emulator, tmp_path / "town")


@pytest.fixture
async def twin(tmp_path: Path) -> AsyncIterator[Town]:
    """The same town once more, for the same host without the plugin."""
    async with Emulator() as tg:
        yield a_town(tg, tmp_path / "twin")


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
