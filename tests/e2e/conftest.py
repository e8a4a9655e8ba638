"""A town: the emulator, a guarded group with its moderators' chat, and the people in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from e2e.host import Host, build, policies, polling
from lazaretto.emulator import Chat, Emulator, Rights, User


@dataclass
class Town:
    """Everybody and every place."""

    tg: Emulator
    folder: Path
    ann: User
    eve: User
    mila: User
    group: Chat
    moderators: Chat

    @property
    def state(self) -> Path:
        return self.folder / "state"

    @property
    def guarded(self) -> dict[str, Any]:
        """Policy keys of a guarded group."""
        return {"mode": "guard", "moderators": str(self.moderators.id)}

    def config(self, **keys: Any) -> dict[str, Any]:
        """A configuration in which every group is guarded, with further policy keys for the chess club."""
        return policies(self.state, {self.group: keys}, defaults=self.guarded, screening={"workers": 8})

    def other_group(self, title: str) -> Chat:
        """One more group with the same people."""
        return self.tg.group(title, members=[self.ann, self.eve], admins=[self.mila], bot_rights=Rights.full())

    def host(self, **keys: Any) -> AbstractAsyncContextManager[Host]:
        """A host that polls, in whose application the plugin is installed."""
        return polling(build(self.tg, self.config(**keys)))


def a_town(tg: Emulator, folder: Path) -> Town:
    """A group, its moderators' chat, and their people."""
    ann, eve, mila = tg.user("Ann", username="ann"), tg.user("Eve", username="eve"), tg.user("Mila", username="mila")
    group = tg.group("Chess club", members=[ann, eve], admins=[mila], bot_rights=Rights.full())
    moderators = tg.group("Chess club, moderators", admins=[mila], bot_rights=Rights.full())
    return Town(tg, folder, ann, eve, mila, group, moderators)


@pytest.fixture
def town(telegram_emulator: Emulator, tmp_path: Path) -> Town:
    return a_town(telegram_emulator, tmp_path)


@pytest.fixture
async def host(town: Town) -> AsyncIterator[Host]:
    """A host that polls, with the group guarded."""
    async with town.host() as host:
        yield host
