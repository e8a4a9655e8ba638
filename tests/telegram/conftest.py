"""A running emulator with a group in it, and plain clients of it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import telegram

from lazaretto.emulator import Chat, Emulator, Rights, User
from lazaretto.model import Action, Attachment, Case, CaseState, Claim, Part, Person, Place, Report
from lazaretto.telegram.download import Downloads
from lazaretto.telegram.moderation import TelegramPlatform


@pytest.fixture
def tg(telegram_emulator: Emulator) -> Emulator:
    return telegram_emulator


@pytest.fixture
def ann(tg: Emulator) -> User:
    return tg.user("Ann", username="ann")


@pytest.fixture
def group(tg: Emulator, ann: User) -> Chat:
    return tg.group("Chess club", members=[ann], bot_rights=Rights(can_delete_messages=True))


@pytest.fixture
async def bot(tg: Emulator) -> AsyncIterator[telegram.Bot]:
    async with telegram.Bot(tg.token, base_url=tg.base_url, base_file_url=tg.base_file_url) as client:
        yield client


@pytest.fixture
async def downloads(bot: telegram.Bot) -> AsyncIterator[Downloads]:
    made = Downloads(bot, bot.base_file_url)
    yield made
    await made.close()


@pytest.fixture
def platform(bot: telegram.Bot, downloads: Downloads) -> TelegramPlatform:
    return TelegramPlatform(bot, downloads)


@pytest.fixture
def case(group: Chat) -> Case:
    """A quarantined document of Ann's in the group, with the group itself for a moderators' chat."""
    part = Part(0, "file-1", "u-1", "message.document", Claim("a.png", "image/png", 4, "document"))
    place = Place("telegram", str(group.id))
    posted = datetime(2026, 5, 1, tzinfo=UTC)
    ann = Person("telegram", "3", "Ann", "ann")
    attachment = Attachment("a1", place, "5", "7", ann, "document", (part,), posted, caption="look")
    report = Report("image/png", 4, "ab" * 32)
    return Case(12, attachment, CaseState.OPEN, Action.QUARANTINE, (), (report,), posted, moderators=str(group.id))
