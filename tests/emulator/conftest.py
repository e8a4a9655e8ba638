"""A running emulator, a raw HTTP client of its methods, and python-telegram-bot's own client."""

from collections.abc import AsyncIterator

import httpx
import pytest
import telegram

from lazaretto.emulator import Chat, Emulator, Rights, User


@pytest.fixture
def tg(telegram_emulator: Emulator) -> Emulator:
    return telegram_emulator


@pytest.fixture
def ann(tg: Emulator) -> User:
    return tg.user("Ann", username="ann")


@pytest.fixture
def mod(tg: Emulator) -> User:
    return tg.user("Mod")


@pytest.fixture
def group(tg: Emulator, ann: User, mod: User) -> Chat:
    """A group in which the bot may delete."""
    return tg.group("Chess club", members=[ann], admins=[mod], bot_rights=Rights(can_delete_messages=True))


@pytest.fixture
async def api(tg: Emulator) -> AsyncIterator[httpx.AsyncClient]:
    """Posts to methods by name: `await api.post("getMe")`."""
    async with httpx.AsyncClient(base_url=f"{tg.base_url}{tg.token}/", trust_env=False) as client:
        yield client


@pytest.fixture
async def bot(tg: Emulator) -> AsyncIterator[telegram.Bot]:
    async with telegram.Bot(tg.token, base_url=tg.base_url, base_file_url=tg.base_file_url) as client:
        yield client
