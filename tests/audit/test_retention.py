"""What was kept for its time goes, group by group; what is under way stays; a clock that leaps deletes little."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from audit.samples import ANN, GROUP, MOD, Clock, attachment, decide, events, kinds, only, open_case
from lazaretto.audit import AuditedStore, Event, Head, Ledger, export, purge, records, verify_database, verify_file
from lazaretto.audit.covered import covered
from lazaretto.config import Configuration
from lazaretto.metrics import Metrics
from lazaretto.model import Action, CaseState, Outcome, Person, Place
from lazaretto.policy import Policy
from lazaretto.ports import DeedKind
from lazaretto.quarantine import AgeVault
from lazaretto.retention import Retention
from lazaretto.state import DATABASE
from lazaretto.state.retention import Room

OTHER = Place("telegram", "-1005")
BOB = Person("telegram", "515151", "Bob the Other", None)


class Timer:
    """Seconds that the bot has run."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def configured(groups: Mapping[str, Mapping[str, str]], **defaults: str) -> Configuration:
    policies = {group: dict(keys) for group, keys in groups.items()}
    return Configuration.load({"defaults": defaults, "groups": {"policies": policies}})


class Keeper:
    """A store whose retention looks when the test says so, and a bot that has run all the time in between."""

    def __init__(self, store: AuditedStore, clock: Clock, groups: Mapping[str, Mapping[str, str]]) -> None:
        self.store, self.clock, self.timer, self.metrics = store, clock, Timer(), Metrics()
        self.naps: list[float] = []
        self.configuration = configured(groups)
        self.retention = Retention(store, lambda: None, self, self.metrics, passed=self.timer, sleep=self._nap)

    async def _nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        await asyncio.sleep(0)  # as the real one, it lets others go on

    def policy_of(self, place: Place) -> Policy:
        return self.configuration.policy_of(place)

    async def after(self, *, running: bool = True, **time: float) -> None:
        """Let time pass, and look."""
        self.clock.forward(**time)
        self.timer.seconds += timedelta(**time).total_seconds() if running else 0
        await self.retention.look()

    async def day(self) -> None:
        await self.after(days=1)

    async def all(self, event: Event) -> list[dict[str, Any]]:
        return await self.store.state.read(lambda connection: records(connection, events=[event]))

    async def purges(self, kind: str) -> list[dict[str, Any]]:
        return [record for record in await self.all(Event.PURGED) if record["data"]["kind"] == kind]

    def counted(self, kind: str) -> float:
        return self.metrics.registry.get_sample_value("lazaretto_purged_total", {"kind": kind}) or 0.0

    async def sound(self) -> int:
        """The log verifies. Answers how many of its records are purged."""
        verdict = await verify_database(self.store.state.folder)
        assert verdict.fault is None
        return verdict.purged


@pytest.fixture
def keeper(store: AuditedStore, clock: Clock) -> Keeper:
    """One group with the defaults, and one with short periods."""
    short = {"keep.files": "2 days", "keep.personal": "3 days", "keep.events": "5 days"}
    return Keeper(store, clock, {GROUP.chat: {}, OTHER.chat: short})


async def settled(store: AuditedStore, number: int, action: Action = Action.QUARANTINE, **changes: Any) -> int:
    """A finished attachment with a case that is shown."""
    case = await open_case(store, action, number=number, **changes)
    await store.finished(f"att-{number}")
    return case.id


async def state_of(store: AuditedStore, number: int) -> CaseState:
    case = await store.case(number)
    assert case is not None
    return case.state


def in_files(folder: Path, *words: str) -> list[str]:
    """Which words the database still answers with."""
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        said = "\n".join(connection.iterdump())
    return [word for word in words if word in said or json.dumps(word)[1:-1] in said]


# ── Files ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_undecided_case_expires_and_its_file_is_to_be_shredded(keeper: Keeper) -> None:
    case = await settled(keeper.store, 1)
    await keeper.after(days=30)
    assert await keeper.store.to_shred() == []
    await keeper.day()
    assert await keeper.store.to_shred() == ["item-1"]
    assert await state_of(keeper.store, case) is CaseState.EXPIRED
    assert await kinds(keeper.store) == [DeedKind.UPDATE_CARD]
    (expired,) = await keeper.all(Event.EXPIRED)
    (purge,) = await keeper.purges("files")
    assert (expired["case"], expired["data"]) == (case, {"items": 1})
    assert (purge["chat"], purge["data"]["attachments"], purge["data"]["cases"]) == ("telegram:-1001234", 1, [case])
    assert keeper.counted("files") == 1
    await keeper.sound()


async def test_each_group_has_its_own_time(keeper: Keeper) -> None:
    here, there = await settled(keeper.store, 1), await settled(keeper.store, 2, place=OTHER)
    await keeper.after(days=4)
    assert (await state_of(keeper.store, here), await state_of(keeper.store, there)) == ("open", "expired")


async def test_a_flagged_case_without_a_file_expires_as_well(keeper: Keeper) -> None:
    case = await settled(keeper.store, 1, Action.FLAG)
    await keeper.after(days=31)
    assert await state_of(keeper.store, case) is CaseState.EXPIRED


@pytest.mark.parametrize("decide_it", ["confirm", "release"])
async def test_a_decided_case_loses_its_file_and_nothing_else(keeper: Keeper, decide_it: str) -> None:
    case = await settled(keeper.store, 1)
    if decide_it == "confirm":
        await keeper.store.confirm(case, MOD)
    else:
        await keeper.store.release(case, MOD, days=365)
        await keeper.store.done(await only(keeper.store, DeedKind.PUBLISH), "1000")
    before, said = await state_of(keeper.store, case), await keeper.store.precedents(GROUP, ["ab" * 32])
    await keeper.after(days=31)
    assert await keeper.store.to_shred() == ["item-1"]
    assert await state_of(keeper.store, case) is before
    assert await keeper.store.precedents(GROUP, ["ab" * 32]) == said
    assert said.confirmed or said.granted


async def test_a_release_under_way_keeps_its_file(keeper: Keeper) -> None:
    case = await settled(keeper.store, 1)
    await keeper.store.release(case, MOD, days=30)
    await keeper.after(days=31)
    assert await keeper.store.to_shred() == []
    await keeper.store.done(await only(keeper.store, DeedKind.PUBLISH), "1000")
    await keeper.day()
    assert await keeper.store.to_shred() == ["item-1"]


async def test_what_nobody_decided_about_is_never_purged(keeper: Keeper) -> None:
    await keeper.store.take_in(attachment(1, place=OTHER), "{}")  # still being judged
    await decide(keeper.store, number=2, place=OTHER)  # removal and card are still to be done
    before = await keeper.store.pending()
    await keeper.after(days=1000)
    assert await keeper.store.pending() == before
    assert await keeper.purges("files") + await keeper.purges("personal") == []
    kept = {record["attachment"] for record in await keeper.store.state.read(records)}
    assert {"att-1", "att-2"} <= kept


async def test_a_file_is_shredded_after_a_crash_between_the_row_and_the_vault(keeper: Keeper, tmp_path: Path) -> None:
    """The row says that it is still to be shredded: whoever shreds next finds it there."""
    vault = AgeVault(tmp_path / "vault", tmp_path / "vault.key")
    (tmp_path / "file").write_bytes(b"x")
    await settled(keeper.store, 1)
    item = await vault.seal(tmp_path / "file")
    with closing(sqlite3.connect(keeper.store.state.folder / DATABASE)) as connection, connection:
        connection.execute("UPDATE parts SET item = ?", (item,))
    await keeper.after(days=31)
    assert item in await keeper.store.sealed_items()  # so that the sweep of orphans leaves it to this
    for left in await keeper.store.to_shred():
        await vault.shred(left)
        await keeper.store.shredded(left)
    assert await vault.items() == frozenset()
    assert await keeper.store.to_shred() == []


# ── Personal fields ───────────────────────────────────────────────────────────────────────────────────────────────────

SECRETS = (ANN.name, ANN.id, "ann_u", "diary", "dear friends", "app.alert", "file-1", "unique-1")


async def test_personal_fields_go_and_what_names_nobody_stays(keeper: Keeper, folder: Path) -> None:
    case = await settled(keeper.store, 1)
    assert in_files(folder, *SECRETS) == list(SECRETS)
    await keeper.after(days=90)
    await _no_deeds(keeper.store)
    assert in_files(folder, *SECRETS) == list(SECRETS)
    await keeper.day()
    assert in_files(folder, *SECRETS) == []
    found = await keeper.store.case(case)
    assert found is not None
    assert (found.state, found.attachment.message, found.attachment.place) == (CaseState.EXPIRED, "1", GROUP)
    assert await keeper.store.known(["att-1"]) == {"att-1": True}
    (purge,) = await keeper.purges("personal")
    assert (purge["chat"], purge["data"]["attachments"]) == ("telegram:-1001234", 1)
    (gone,) = await keeper.purges("people")
    assert (gone["chat"], gone["data"]["people"]) == (None, 1)
    assert await keeper.sound() == 0


async def test_the_card_of_a_purged_case_is_brought_up_to_date(keeper: Keeper) -> None:
    await settled(keeper.store, 1, place=OTHER)
    await keeper.after(days=3)  # expired
    update = await only(keeper.store, DeedKind.UPDATE_CARD)
    await keeper.store.attempting(update)
    await keeper.store.done(update)
    await keeper.after(days=1)
    assert (await only(keeper.store, DeedKind.UPDATE_CARD)).note.startswith("Its time is over")


async def test_somebody_who_posted_again_meanwhile_is_still_known(keeper: Keeper) -> None:
    await settled(keeper.store, 1)
    await keeper.after(days=50)
    await _no_deeds(keeper.store)
    await settled(keeper.store, 2)
    await keeper.after(days=41)
    assert len(await keeper.purges("personal")) == 1
    assert await keeper.store.subject_of(ANN.platform, ANN.id) is not None
    await _no_deeds(keeper.store)
    await keeper.after(days=50)
    assert await keeper.store.subject_of(ANN.platform, ANN.id) is None


async def test_a_moderator_is_known_as_long_as_a_case_of_theirs_names_its_sender(keeper: Keeper) -> None:
    case = await settled(keeper.store, 1)
    await keeper.store.confirm(case, MOD)
    await keeper.after(days=89)
    await _no_deeds(keeper.store)
    assert await keeper.store.subject_of(MOD.platform, MOD.id) is not None
    await keeper.after(days=2)
    assert await keeper.store.subject_of(MOD.platform, MOD.id) is not None  # from here on idle
    await keeper.after(days=92)
    assert await keeper.store.subject_of(MOD.platform, MOD.id) is None


async def test_who_only_pressed_is_known_for_a_while(keeper: Keeper) -> None:
    case = await settled(keeper.store, 1, Action.FLAG)
    await keeper.store.refused_press(case, BOB, "release", "no right")
    await keeper.day()
    await keeper.after(days=80)
    assert await keeper.store.subject_of(BOB.platform, BOB.id) is not None
    await keeper.after(days=12)
    assert await keeper.store.subject_of(BOB.platform, BOB.id) is None


async def test_a_block_in_a_private_chat_goes_on_to_hold_for_its_nameless_member(keeper: Keeper, folder: Path) -> None:
    private = Place("telegram", ANN.id, private=True)
    case = await settled(keeper.store, 1, place=private)
    await keeper.store.confirm(case, MOD)
    await _no_deeds(keeper.store)
    await keeper.after(days=91)
    assert in_files(folder, ANN.name, "ann_u", "diary") == []
    assert (await keeper.store.precedents(private, ["ab" * 32])).confirmed == {"ab" * 32}


async def test_an_update_that_was_set_aside_goes_with_the_personal_fields(keeper: Keeper, folder: Path) -> None:
    await keeper.store.set_update_aside("7", "unreadable", '{"secret": "swordfish"}', None)
    await keeper.after(days=90)
    assert in_files(folder, "swordfish") == ["swordfish"]
    await keeper.day()
    assert in_files(folder, "swordfish") == []


async def _no_deeds(store: AuditedStore) -> None:
    """Everything that waits is done."""
    for deed in await store.due():
        await store.attempting(deed)
        await store.done(deed)


# ── Records ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_groups_records_leave_tombstones_and_the_log_verifies(keeper: Keeper) -> None:
    for number in (1, 2, 3):
        await settled(keeper.store, number, Action.FLAG, place=OTHER if number % 2 else GROUP)
    before = await keeper.store.head()
    await keeper.after(days=7)
    purged = await keeper.sound()
    assert purged > 0
    left = await keeper.store.state.read(records)
    chats = [record["chat"] for record in left if record["event"] not in (Event.PURGED, Event.EXPIRED)]
    assert set(chats) == {"telegram:-1001234"}
    (purge,) = await keeper.purges("events")
    assert purge["chat"] == "telegram:-1005"
    assert purge["data"]["records"] == purged == keeper.counted("events")
    assert await keeper.store.head() != before


async def test_a_noted_head_still_proves_a_purged_log(keeper: Keeper, folder: Path) -> None:
    await settled(keeper.store, 1, Action.FLAG, place=OTHER)
    noted = Head.parse(await keeper.store.head())
    await keeper.after(days=7)
    assert (await verify_database(folder, noted)).fault is None
    assert (await verify_database(folder, Head(noted.seq, "0" * 64))).fault is not None


async def test_records_are_purged_once_and_a_purge_of_records_stays(keeper: Keeper) -> None:
    await settled(keeper.store, 1, Action.FLAG, place=OTHER)
    for _ in range(20):
        await keeper.day()
    first, *later = await keeper.purges("events")
    assert await keeper.sound() == first["data"]["records"] + sum(purge["data"]["records"] for purge in later)
    head = await keeper.store.head()
    for _ in range(5):
        await keeper.day()
    assert await keeper.store.head() == head  # nothing is left but purges of records


async def test_records_of_the_bots_own_life_go_by_the_defaults(store: AuditedStore, clock: Clock) -> None:
    keeper = Keeper(store, clock, {})
    short = {"keep.files": "1 day", "keep.personal": "1 day", "keep.events": "1 day"}
    keeper.configuration = configured({}, **short)
    await store.record(Event.STARTED, {"version": "1"})
    since = {"since": "2026-03-01T12:00:00.000000Z", "until": "2026-03-01T12:01:00.000000Z"}
    await store.record(Event.COVERAGE, since | {"updates": {Outcome.SCREENED: 1, Outcome.OWN: 4}})
    await decide(store, Action.FORWARD)
    await store.finished("att-1")
    before = await store.state.read(covered)
    await keeper.after(days=3)
    assert await keeper.sound() >= 4
    assert set(await events(store)) == {"purged"}
    assert await store.state.read(covered) == before  # what was counted is still counted


async def test_an_older_record_of_what_is_under_way_is_spared_and_found_again(keeper: Keeper) -> None:
    await keeper.store.take_in(attachment(1, place=OTHER), "{}")
    await decide(keeper.store, Action.FORWARD, number=2, place=OTHER)
    await keeper.store.finished("att-2")
    await keeper.after(days=7)
    assert [r["event"] for r in await keeper.store.state.read(lambda c: records(c, attachment="att-1"))] == ["received"]
    assert await keeper.store.state.read(lambda c: records(c, attachment="att-2")) == []
    await keeper.store.set_aside("att-1", "a fault")
    await keeper.after(days=7)
    assert await keeper.store.state.read(lambda c: records(c, attachment="att-1")) == []
    await keeper.sound()


async def test_long_logs_are_purged_in_pieces_and_others_write_in_between(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.audit.purge._PAGE", 7)
    monkeypatch.setattr("lazaretto.audit.purge.BATCH", 2)
    for number in range(1, 9):
        await settled(keeper.store, number, Action.FLAG, place=OTHER, moderators=None)
    writers = asyncio.gather(*(keeper.store.record(Event.STARTED, {"version": str(n)}) for n in range(20)))
    await keeper.after(days=7)
    await writers
    assert [p["data"]["attachments"] for p in await keeper.purges("files")] == [2, 2, 2, 2]
    assert [p["data"]["attachments"] for p in await keeper.purges("personal")] == [2, 2, 2, 2]
    pieces = [purge["data"]["records"] for purge in await keeper.purges("events")]
    assert len(pieces) > 4
    assert max(pieces) <= 7
    assert sum(pieces) == await keeper.sound()
    assert len(keeper.naps) >= len(pieces) + 8


async def test_an_export_of_a_purged_log_verifies_and_holds_nothing_of_it(keeper: Keeper, tmp_path: Path) -> None:
    await decide(keeper.store, Action.FORWARD, place=OTHER)
    await keeper.store.finished("att-1")
    await keeper.after(days=7)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(await keeper.store.state.read(lambda c: list(export(c, personal=True)))))
    verdict = await verify_file(log)
    assert (verdict.fault, verdict.purged) == (None, await keeper.sound())
    assert b"att-1" not in log.read_bytes()


# ── The clock ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_clock_that_leaps_ahead_purges_little_and_says_so(keeper: Keeper) -> None:
    for number in range(1, 20):
        await settled(keeper.store, number)
        await keeper.day()
    keeper.clock.forward(days=3650)
    with capture_logs() as said:
        await keeper.after(hours=1)
    assert "set it right now" in said[0]["event"]
    assert (keeper.metrics.registry.get_sample_value("lazaretto_retention_behind_seconds") or 0) > 3600 * 86400
    assert await keeper.store.to_shred() == []
    keeper.clock.forward(days=-3650)  # set right, a while later
    await keeper.day()
    assert await keeper.store.to_shred() == []
    await keeper.after(days=12)
    assert 0 < len(await keeper.store.to_shred()) < 19


async def test_a_bot_that_was_off_for_long_catches_up_by_a_day_an_hour(keeper: Keeper) -> None:
    await settled(keeper.store, 1)
    await keeper.after(minutes=1)
    await keeper.after(days=40, running=False)
    assert await keeper.store.to_shred() == []
    await keeper.after(hours=20)
    assert await keeper.store.to_shred() == []
    await keeper.after(hours=15)
    assert await keeper.store.to_shred() == ["item-1"]


async def test_a_first_start_with_a_clock_that_was_years_behind_does_not_put_deleting_off_for_years(
    keeper: Keeper,
) -> None:
    right = keeper.clock.now
    keeper.clock.now = right - timedelta(days=50 * 365)
    await keeper.after(minutes=5)
    keeper.clock.now = right
    await settled(keeper.store, 1)
    await keeper.day()
    assert keeper.metrics.retention_behind._value.get() < 86_400
    await keeper.after(days=31)
    assert await keeper.store.to_shred() == ["item-1"]


async def test_a_clock_that_is_set_back_purges_nothing(keeper: Keeper) -> None:
    await settled(keeper.store, 1)
    await keeper.after(days=20)
    keeper.clock.forward(days=-20000)
    await settled(keeper.store, 2)  # taken in by a clock that says 1971
    await keeper.after(hours=1)
    keeper.clock.forward(days=20000)
    await keeper.after(hours=2)
    assert await keeper.store.to_shred() == []
    await keeper.after(days=12)
    assert await keeper.store.to_shred() == ["item-1", "item-2"]  # the platform says when it was posted


async def test_what_seems_to_come_from_the_future_counts_from_when_that_was_noticed(keeper: Keeper) -> None:
    keeper.clock.forward(days=5000)
    await settled(keeper.store, 1)
    keeper.clock.forward(days=-5000)
    with closing(sqlite3.connect(keeper.store.state.folder / DATABASE)) as connection, connection:
        connection.execute("INSERT INTO retention VALUES ('clock', '2026-03-01T12:00:00.000000Z')")
    await keeper.after(hours=1)
    await keeper.after(days=29)
    assert await keeper.store.to_shred() == []
    await keeper.after(days=3)
    assert await keeper.store.to_shred() == ["item-1"]


# ── The loop ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_look_without_a_new_day_or_policy_reads_the_rooms_alone(keeper: Keeper) -> None:
    await settled(keeper.store, 1, place=OTHER)
    await keeper.after(hours=1)
    head = await keeper.store.head()
    await keeper.after(hours=1)
    assert await keeper.store.head() == head
    keeper.configuration = configured({OTHER.chat: {"keep.files": "1 day"}})
    await keeper.after(hours=40)
    assert await keeper.store.to_shred() == ["item-1"]


async def test_what_goes_wrong_in_one_group_does_not_keep_the_data_of_the_others(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, place in enumerate((GROUP, OTHER), 1):
        await settled(keeper.store, number, place=place)
    files = purge.files

    def broken_in_the_first(ledger: Ledger, room: Room, before: datetime, among: Sequence[str]) -> int:
        if room.chat == GROUP.chat:
            raise ValueError("a row that nobody can read")
        return files(ledger, room, before, among)

    monkeypatch.setattr(purge, "files", broken_in_the_first)
    with capture_logs() as logs:
        await keeper.after(days=31)
    assert await keeper.store.to_shred() == ["item-2"]
    assert "what is due cannot be deleted, trying again" in [entry["event"] for entry in logs]
    monkeypatch.setattr(purge, "files", files)
    await keeper.retention.look()  # on the same day: it was not taken for done
    assert sorted(await keeper.store.to_shred()) == ["item-1", "item-2"]


async def test_the_loop_outlives_a_fault(keeper: Keeper, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    enough = asyncio.Event()

    async def look() -> None:
        looks.append(1)
        if len(looks) == 1:
            raise OSError("no room")
        enough.set()

    monkeypatch.setattr(keeper.retention, "look", look)
    keeper.retention.start()
    async with asyncio.timeout(5):
        await enough.wait()
    await keeper.retention.stop()


async def test_the_copy_from_before_an_upgrade_goes_after_two_weeks(keeper: Keeper, folder: Path) -> None:
    copy = folder / f"{DATABASE}.before-0002"
    copy.write_bytes(b"names")
    os.utime(copy, (keeper.clock.now.timestamp(), keeper.clock.now.timestamp()))
    await keeper.after(days=13)
    assert copy.exists()
    await keeper.after(days=2)
    assert not copy.exists()
