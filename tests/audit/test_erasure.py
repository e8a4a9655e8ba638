"""Forgetting a person: down to the bytes of the files, with a log that still verifies."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from audit.samples import ANN, GROUP, MOD, attachment, decide, decision, events, kinds, only, open_case, report
from lazaretto.albums import joined
from lazaretto.audit import AuditedStore, records, verify_database
from lazaretto.audit.privacy import Privacy
from lazaretto.model import Action, CaseState, Person, Place, SealedPart
from lazaretto.ports import DeedKind
from lazaretto.state import DATABASE

SECRETS = (ANN.name, ANN.id, "ann_u", "diary", "dear friends", "app.alert", "file-1", "unique-1")


def found_in(folder: Path, secrets: tuple[str, ...] = SECRETS) -> set[str]:
    """Which secrets stand in the bytes of any file, as text or as JSON escapes."""
    everything = b"".join(file.read_bytes() for file in folder.iterdir())
    return {s for s in secrets if s.encode() in everything or json.dumps(s)[1:-1].encode() in everything}


async def erase(store: AuditedStore, person: Person = ANN) -> tuple[str, ...]:
    erasure = await store.erase(person.platform, person.id)
    assert erasure is not None
    assert erasure.leftover == ""
    return erasure.items


async def test_nothing_of_the_person_is_left_in_any_file(store: AuditedStore, folder: Path) -> None:
    for number in range(1, 60):  # enough for pages to be split and rebuilt
        await open_case(store, Action.FLAG, number=number, caption="dear friends " * (number % 7 * 40))
    await open_case(store, number=60, place=Place("telegram", ANN.id, private=True))
    assert found_in(folder) == set(SECRETS)
    await erase(store)
    assert found_in(folder) == set()
    assert (await verify_database(folder)).fault is None


async def test_others_are_not_forgotten(store: AuditedStore, folder: Path) -> None:
    bob = Person("telegram", "515151", "Bob the Other", None)
    await open_case(store, number=1)
    await open_case(store, number=2, sender=bob)
    await erase(store)
    case = await store.case(2)
    assert case is not None
    assert case.attachment == attachment(2, sender=bob)
    assert found_in(folder, ("Bob the Other",)) == {"Bob the Other"}


async def test_the_persons_cases_are_erased_and_their_cards_are_brought_up_to_date(store: AuditedStore) -> None:
    case = await open_case(store)
    await erase(store)
    after = await store.case(case.id)
    assert after is not None
    assert after.state is CaseState.ERASED
    assert await store.sender_of(after) is None
    assert after.attachment.sender.name == ""
    assert after.reports == ()
    assert await kinds(store) == [DeedKind.UPDATE_CARD]
    assert (await events(store))[-1] == "erased"


async def test_vault_items_are_named_until_they_are_shredded(store: AuditedStore, folder: Path) -> None:
    await open_case(store, number=1)
    await open_case(store, number=2)
    await open_case(store, number=3, sender=MOD)
    assert await erase(store) == ("item-1", "item-2")
    await store.shredded("item-1")
    assert await store.to_shred() == ["item-2"]


async def test_an_unfinished_removal_is_still_done_after_erasure(store: AuditedStore) -> None:
    await decide(store)
    await erase(store)
    assert await kinds(store) == [DeedKind.REMOVE]
    removal = await only(store, DeedKind.REMOVE)
    rest = await store.attachment(removal.attachment)
    assert rest is not None
    assert (rest.place, rest.message) == (GROUP, "1")


async def test_erasure_while_it_is_judged_lets_nothing_bad_through(store: AuditedStore, folder: Path) -> None:
    await store.take_in(attachment(), "{}")
    await erase(store)
    sealed = [SealedPart(0, "item-1", "ab" * 32, 1)]
    case = await store.decided(attachment(), [report()], decision(), sealed, moderators="-1", policy="p")
    assert case is None
    assert await kinds(store) == [DeedKind.REMOVE]
    assert await store.to_shred() == ["item-1"]
    assert found_in(folder) == set()


async def test_what_is_still_being_judged_is_waited_for(store: AuditedStore) -> None:
    async def waiting() -> int:
        subject = await store.subject_of(ANN.platform, ANN.id)
        assert subject is not None
        return (await Privacy(store).waiting(subject)).cases

    members = [attachment(number, album="a") for number in (1, 2)]
    for member in members:
        await store.take_in(member, "{}")
    assert await waiting() == 2
    album = joined(members)
    await store.join(album, [member.id for member in members])
    assert await waiting() == 1
    await store.decided(album, [report()] * 2, decision(Action.FORWARD), [], moderators="-1", policy="p")
    assert await waiting() == 0


async def test_a_card_shown_just_after_erasure_is_corrected(store: AuditedStore) -> None:
    await decide(store, Action.FLAG)
    card = await only(store, DeedKind.CARD)
    await store.attempting(card)
    await erase(store)
    await store.done(card, "900")
    assert await kinds(store) == [DeedKind.UPDATE_CARD]


async def test_erasing_again_is_harmless(store: AuditedStore) -> None:
    await open_case(store)
    subject = await store.subject_of(ANN.platform, ANN.id)
    assert subject is not None
    first = await store.erase_subject(subject)
    again = await store.erase_subject(subject)
    assert (first.cases, again.cases) == ((1,), ())
    assert again.items == first.items
    assert await store.erase(ANN.platform, ANN.id) is None


async def test_somebody_who_comes_back_is_somebody_new(store: AuditedStore) -> None:
    await open_case(store, number=1)
    before = await store.subject_of(ANN.platform, ANN.id)
    await erase(store)
    await open_case(store, number=2)
    assert await store.subject_of(ANN.platform, ANN.id) != before


async def test_a_moderator_is_forgotten_and_their_decision_stays(store: AuditedStore, folder: Path) -> None:
    case = await open_case(store, Action.FLAG)
    await store.confirm(case.id, MOD)
    await erase(store, MOD)
    after = await store.case(case.id)
    assert after is not None
    assert after.state is CaseState.CONFIRMED
    assert found_in(folder, (MOD.name, MOD.id, "mia")) == set()


async def test_a_copy_from_before_a_migration_goes_too(store: AuditedStore, folder: Path) -> None:
    await open_case(store)
    (folder / f"{DATABASE}.before-0002").write_bytes(b"an older database that names Ann \xc3\x9cberall")
    await erase(store)
    assert found_in(folder) == set()


async def test_a_reader_that_keeps_the_log_busy_is_told_of(
    store: AuditedStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await open_case(store)
    await store.state.writer.apart(lambda connection: connection.exec_driver_sql("PRAGMA busy_timeout = 50").close())
    with closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM people").fetchone()
        erasure = await store.erase(ANN.platform, ANN.id)
    assert erasure is not None
    assert "repeat the erasure" in erasure.leftover
    assert (await store.erase_subject(erasure.subject)).leftover == ""
    assert found_in(folder) == set()


async def test_only_the_side_tables_ever_held_names(store: AuditedStore, folder: Path) -> None:
    await open_case(store, place=Place("telegram", ANN.id, private=True))
    await store.refused_press(1, MOD, "release", "no")
    erasable = {"people", "personal", "updates", "parts"}
    with closing(sqlite3.connect(folder / DATABASE)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in set(tables) - erasable:
            rows = repr(connection.execute(f"SELECT * FROM {table}").fetchall())
            assert [s for s in (*SECRETS[:6], MOD.name, MOD.id) if s in rows] == [], table


async def test_the_log_says_what_went_without_saying_who(store: AuditedStore) -> None:
    await open_case(store)
    subject = await store.subject_of(ANN.platform, ANN.id)
    await erase(store)
    (record,) = [r for r in await store.state.read(records) if r["event"] == "erased"]
    assert record["subject"] == subject
    assert record["data"] == {"attachments": 1, "cases": [1], "items": 1}
