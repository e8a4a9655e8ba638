"""The disk is lost, and the bot goes on from last night's backup."""

from __future__ import annotations

import asyncio
import shutil

from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import Host, events, until
from lazaretto.audit import AuditedStore, Head, verify_database
from lazaretto.backup import KEY, make
from lazaretto.model import CaseState, Person
from lazaretto.quarantine import AgeVault

MILA = Person("telegram", "1", "Mila")


async def back_up(town: Town) -> Head:
    """A backup beside the running bot."""
    made = await asyncio.to_thread(
        make, town.state, town.folder / "backup", with_key=False, version="1.0", tell=lambda _: None
    )
    assert made.problems == ()
    return Head.parse(made.head)


def lose_and_restore(town: Town) -> None:
    """The state is gone but for the vault's key, which was kept elsewhere."""
    shutil.copy(town.state / KEY, town.folder / KEY)
    shutil.rmtree(town.state)
    shutil.copytree(town.folder / "backup", town.state)
    shutil.copy(town.folder / KEY, town.state / KEY)


async def the_case(host: Host) -> int:
    store = (await host.guard.start()).store

    async def found() -> int:
        cases = await store.cases()
        return cases[0].id if cases else 0

    return await until(found)


async def test_a_restored_bot_judges_what_was_pending_and_says_what_it_missed(town: Town) -> None:
    async with town.host() as host:
        await host.settled(town.group, town.ann)
        hold = town.tg.faults.hold_download(after=5)
        pending = await post_note(town.group, town.ann)
        await hold.reached()
        head = await back_up(town)
        town.tg.faults.clear()
        await host.saw(pending)
    lose_and_restore(town)
    assert (await verify_database(town.state, head)).fault is None

    async with AuditedStore.open(town.state) as store:  # as if the night before had been longer ago than a restart
        await store.state.writer.do(
            lambda connection: connection.exec_driver_sql("UPDATE life SET at = '2026-01-01T00:00:00.000000Z'").rowcount
        )
    async with town.host() as host:
        await host.saw(pending)
        await host.settled(town.group, town.ann)
        said = [record["event"] for record in await events((await host.guard.start()).store)]
        restored = await host.done(event="restored")
        gap = await host.done(event="gap")
    assert restored["data"]["head"] == str(head)
    assert gap["data"]["since"].startswith("2026-01-01")
    assert said.index("restored") < said.index("gap")
    assert (await verify_database(town.state, head)).fault is None


async def test_a_quarantined_file_is_released_from_the_restored_vault(town: Town) -> None:
    async with town.host() as host:
        posted = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: posted.deleted)
        number = await the_case(host)
        await host.done(event="done", kind="card")
        await back_up(town)
    lose_and_restore(town)
    async with town.host() as host:
        runtime = await host.guard.start()
        case = await runtime.store.case(number)
        assert case is not None
        async with AgeVault(town.state / "vault", town.state / KEY).unsealed(case.sealed[0].item) as plain:
            assert plain.read_bytes()[:2] == b"MZ"
        await runtime.store.release(number, MILA, days=1)
        runtime.pipeline.deeds.wake()
        await host.done(event="released", case=number)
        after = await runtime.store.case(number)
    assert after is not None
    assert after.state is CaseState.RELEASED


async def test_a_release_that_may_have_been_carried_out_since_is_asked_about(town: Town) -> None:
    async with town.host() as host:
        posted = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: posted.deleted)
        number = await the_case(host)
        await host.done(event="done", kind="card")
        store = (await host.guard.start()).store
        await store.release(number, MILA, days=1)  # nobody is woken: it is intended, and not yet carried out
        await back_up(town)
        await host.done(event="released", case=number)
    published = len(town.tg.calls_of("sendDocument"))
    lose_and_restore(town)
    async with town.host() as host:
        await host.done(event="unknown", kind="publish")
        await host.settled(town.group, town.ann)
    assert len(town.tg.calls_of("sendDocument")) == published
