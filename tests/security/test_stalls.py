"""What must not keep the bot from its other work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from telegram import Bot
from telegram.ext import Application

from audit.samples import attachment, decide
from fakes import MAILBOX, FakePlatform, FakeScreener, FakeStore, FakeVault, Story, an_attachment
from lazaretto import fetching as fetching_module
from lazaretto.audit import AuditedStore, Event, records
from lazaretto.chat_policies import ChatPolicies
from lazaretto.conditions import Conditions
from lazaretto.config import Configuration
from lazaretto.coverage import Coverage
from lazaretto.deeds import Deeds
from lazaretto.emulator import Emulator
from lazaretto.metrics import Metrics
from lazaretto.model import Action, Attachment, Case, Decision, Mode, Part, Person, Place, Report
from lazaretto.pipeline import Pipeline
from lazaretto.policy import ConfigError, Policy
from lazaretto.ports import DeedKind
from lazaretto.state import StateUnwritable
from lazaretto.telegram import runtime as runtime_module
from lazaretto.telegram.plugin import Guard
from lazaretto.telegram.runtime import open_runtime


class Endless(FakePlatform):
    """Sends a byte now and then, for ever."""

    async def fetch(self, part: Part) -> AsyncIterator[bytes]:
        while True:
            yield b"."
            await asyncio.sleep(0)


class Silent(FakePlatform):
    """Sends nothing, and never ends."""

    async def fetch(self, part: Part) -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield part.file_id.encode()


class Broken(FakePlatform):
    """Cannot show the cards of the first eight cases, for a fault of ours."""

    def __init__(self, story: Story) -> None:
        super().__init__(story)
        self.shown_one = asyncio.Event()

    async def notify(self, case: Case, sender: Person | None, head: str, *, repeated: bool) -> str:
        if case.id <= 8:
            raise ValueError(f"{sender} {head} {repeated}")
        self.shown_one.set()
        return "1"


class Lenient:
    """One policy everywhere."""

    def policy_of(self, place: Place) -> Policy:
        assert place == MAILBOX
        actions = {"unscannable": Action.QUARANTINE}
        return Policy(mode=Mode.GUARD, moderators="council", max_size=1 << 40, actions=(actions,))


@pytest.mark.parametrize("kind", [Endless, Silent])
async def test_a_download_without_an_end_frees_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: type[FakePlatform]
) -> None:
    monkeypatch.setattr(fetching_module, "_LONGEST", 0.05)
    monkeypatch.setattr(fetching_module, "_SLOWEST", 1 << 60)
    story = Story()
    screener, settled = FakeScreener(story, tmp_path), asyncio.Queue[Decision | None]()

    async def tell(_attachment: Attachment, decision: Decision | None, _reports: Sequence[Report]) -> None:
        await settled.put(decision)

    async def at_once(_seconds: float) -> None:
        await asyncio.sleep(0)

    store, vault = FakeStore(story), FakeVault(story, tmp_path)
    judging = Pipeline(screener, kind(story), store, vault, Lenient(), tell, Conditions(sleep=at_once))
    await judging.take(an_attachment("a.txt"), "{}")
    async with asyncio.timeout(5):
        decision = await settled.get()
    assert decision is not None
    assert [reason.rule for reason in decision.reasons] == ["unscannable.incomplete"]
    assert screener.open_jobs == 0
    await judging.stop()


@pytest.mark.parametrize("stored", ["", "no JSON", "{}", "[]", '{"update_id": 1, "message": {"message_id": 5}}'])
async def test_a_stored_update_that_cannot_be_read_does_not_keep_the_bot_from_starting(
    telegram_emulator: Emulator, tmp_path: Path, stored: str
) -> None:
    tg = telegram_emulator
    state = tmp_path / "state"
    async with AuditedStore.open(state) as store:
        await store.take_in(attachment(1), stored)
        await decide(store, Action.FORWARD, number=2)
    builder = Application.builder().token(tg.token).base_url(tg.base_url).base_file_url(tg.base_file_url)
    application = builder.build()
    async with application:
        guard = Guard(application, Configuration.load({"state": str(state)}))
        runtime = await guard.start()
        async with asyncio.timeout(10):
            while len(await runtime.store.pending()) > 0:
                await asyncio.sleep(0.01)
        await guard.stop()


async def test_deeds_that_fail_every_time_do_not_keep_others_from_being_done(tmp_path: Path) -> None:
    story = Story()
    store, platform = FakeStore(story), Broken(story)

    async def at_once(_seconds: float) -> None:
        await asyncio.sleep(0)

    deeds = Deeds(store, platform, FakeVault(story, tmp_path), Conditions(sleep=at_once))
    held = Decision(Action.QUARANTINE, enforced=True)
    for number in range(9):
        case = store.open_case(an_attachment("note", name=f"a{number}"), held)
        store.intend(DeedKind.CARD, case.attachment, case)
    deeds.start()
    async with asyncio.timeout(10):
        await platform.shown_one.wait()
    await deeds.stop()


def test_a_spool_that_the_largest_file_cannot_fit_into_is_refused(tmp_path: Path) -> None:
    keys = {"state": str(tmp_path), "defaults": {"max_size": "50 MB"}}
    Configuration.load({**keys, "spool": {"max_bytes": "50 MB"}})
    with pytest.raises(ConfigError, match=r"spool\.max_bytes"):
        Configuration.load({**keys, "spool": {"max_bytes": "49 MB"}})


async def test_no_error_of_the_database_ends_the_signs_of_life(
    telegram_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without them the next start takes for a gap all that was screened since."""
    errors = [ValueError("a statement failed"), StateUnwritable("full")]
    alive, later = AuditedStore.alive, asyncio.Event()

    async def failing_at_first(self: AuditedStore) -> None:
        if errors:
            raise errors.pop(0)
        await alive(self)
        later.set()

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(AuditedStore, "alive", failing_at_first)
    monkeypatch.setattr(runtime_module, "SIGN_SECONDS", 0.01)
    bot = Bot(telegram_emulator.token, base_url=telegram_emulator.base_url)
    configuration = Configuration.load({"state": str(tmp_path / "state")})
    async with open_runtime(ChatPolicies(configuration), bot, nothing, Coverage(Metrics())), asyncio.timeout(10):
        await later.wait()


async def test_a_full_disk_does_not_end_the_watch_over_the_configuration(
    telegram_emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "lazaretto.toml"
    keys = f'state = "{(tmp_path / "state").as_posix()}"\n[defaults]\nmax_size = '
    file.write_text(f'{keys}"1 MB"\n', encoding="utf-8")
    record, full = AuditedStore.record, [StateUnwritable("the disk is full"), ValueError("no more watches")]

    async def full_at_first(self: AuditedStore, event: Event, *args: Any, **kwargs: Any) -> None:
        if event is Event.POLICY_CHANGED and full:
            raise full.pop(0)
        await record(self, event, *args, **kwargs)

    async def nothing(*_: object) -> None:
        return None

    monkeypatch.setattr(AuditedStore, "record", full_at_first)
    monkeypatch.setattr(runtime_module, "_AGAIN", 0.01)
    configuration = Configuration.load(tmp_path)
    tg = telegram_emulator
    bot = Bot(tg.token, base_url=tg.base_url, base_file_url=tg.base_file_url)
    async with open_runtime(ChatPolicies(configuration), bot, nothing, Coverage(Metrics())) as runtime:
        for size in ("2 MB", "3 MB"):
            file.write_text(f'{keys}"{size}"\n', encoding="utf-8")
            async with asyncio.timeout(10):
                while configuration.policy_of(MAILBOX).max_size != int(size[0]) * 1_000_000:
                    await asyncio.sleep(0.01)
        async with asyncio.timeout(10):
            while await _audited(runtime.store) < 1:
                await asyncio.sleep(0.01)
    assert full == []


async def _audited(store: AuditedStore) -> int:
    said = await store.state.read(records)
    return sum(record["event"] == Event.POLICY_CHANGED for record in said)
