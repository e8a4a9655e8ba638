"""What an erasure or a fault could leave behind, and what it must not break."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import pytest
from sqlalchemy import Connection, text
from structlog.testing import capture_logs

from audit.samples import ANN, DIGEST, attachment, decide, decision, report
from fakes import FakePlatform, Story
from lazaretto.audit import AuditedStore
from lazaretto.config import Configuration
from lazaretto.deeds import Deeds
from lazaretto.intents import Intents
from lazaretto.model import Action, SealedPart
from lazaretto.quarantine import AgeVault
from lazaretto.state import StateUnwritable

NOTHING_YET = 10.0  # seconds, for anything that happens by itself


async def test_a_full_disk_puts_no_personal_data_into_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caption = "meet me at midnight " * 10_000

    def limit(connection: Connection) -> None:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages + 2}"))

    async with AuditedStore.open(tmp_path / "state") as store:
        await store.state.writer.do(limit)
        with pytest.raises(StateUnwritable) as refused:
            await store.take_in(attachment(caption=caption), "{}")
        logging.getLogger("any").error("the gate failed", exc_info=refused.value)
    assert "disk is full" in caplog.text
    assert ANN.name not in caplog.text
    assert "midnight" not in caplog.text


async def test_a_broken_constraint_names_nobody(tmp_path: Path) -> None:
    def twice(connection: Connection) -> None:
        row = {"name": ANN.name}
        for _ in range(2):
            columns = "(subject, platform, user_id, name)"
            connection.execute(text(f"INSERT INTO people {columns} VALUES ('s', 'p', '1', :name)"), row)

    async with AuditedStore.open(tmp_path / "state") as store:
        with pytest.raises(Exception, match="UNIQUE") as refused:
            await store.state.writer.do(twice)
    assert ANN.name not in str(refused.value)


async def test_an_erased_person_leaves_nothing_to_go_on_with(tmp_path: Path) -> None:
    """Judged, and not yet through the host's handlers, when they were erased: their update is gone."""
    async with AuditedStore.open(tmp_path / "state") as store:
        await decide(store, Action.FORWARD)
        assert len(await store.pending()) == 1
        await store.erase(ANN.platform, ANN.id)
        assert await store.pending() == []


async def test_what_is_sealed_after_its_sender_was_erased_is_shredded_without_a_restart(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_bytes(b"evidence")
    async with AuditedStore.open(tmp_path / "state") as store:
        vault = AgeVault(tmp_path / "vault", tmp_path / "key")
        deeds = Deeds(store, FakePlatform(Story()), vault)
        intents = Intents(store, vault, deeds, Configuration.load({"state": str(tmp_path / "state")}))
        intents.start()
        posted = attachment()
        await store.take_in(posted, "{}")
        await store.erase(ANN.platform, ANN.id)
        item = await vault.seal(plain)
        sealed = [SealedPart(0, item, DIGEST, 8)]
        await store.decided(posted, [report()], decision(), sealed, moderators=None, policy="p")
        async with asyncio.timeout(NOTHING_YET):
            while await store.to_shred():
                await asyncio.sleep(0.01)
        assert await vault.items() == frozenset()
        await intents.stop()


async def test_an_item_that_cannot_be_shredded_does_not_end_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = asyncio.Event()

    async def broken(_self: AgeVault, _item: str) -> None:
        tried.set()
        raise OSError("the vault's disk is read-only")

    monkeypatch.setattr(AgeVault, "shred", broken)
    async with AuditedStore.open(tmp_path / "state") as store:
        await decide(store)
        await store.erase(ANN.platform, ANN.id)
        assert await store.to_shred()
        vault = AgeVault(tmp_path / "vault", tmp_path / "key")
        deeds = Deeds(store, FakePlatform(Story()), vault)
        intents = Intents(store, vault, deeds, Configuration.load({"state": str(tmp_path / "state")}))
        with capture_logs():
            intents.start()
            await tried.wait()
            number = await store.submit_intent("confirm", {"case": 99}, ANN)
            async with asyncio.timeout(NOTHING_YET):
                while await store.pending_intents():
                    await asyncio.sleep(0.01)
            answer = await store.intent(number)
        assert answer is not None
        assert answer.result == "There is no case 99."
        await intents.stop()
