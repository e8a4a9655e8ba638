"""Searching the log: what each filter finds, that the index only helps, and that it forgets what the log forgets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from audit.samples import ANN, Clock, attachment, decide, open_case
from audit.test_erasure import found_in
from lazaretto.albums import joined
from lazaretto.audit import AuditedStore, Event, Ledger, intake, purge, verify_database
from lazaretto.audit.chats import Chats
from lazaretto.audit.search import MOST_NAMED, Query, matching, search
from lazaretto.model import Action, Claim, Part, Person, Place
from lazaretto.state import log_index
from lazaretto.state.retention import Room

OTHER = Place("telegram", "-1005")
BOB = Person("telegram", "515151", "Bob Öztürk", "bobby")


async def index(store: AuditedStore) -> None:
    while await store.state.writer.do(log_index.catch_up):
        pass


async def run(store: AuditedStore, statement: str, *values: object) -> None:
    await store.state.writer.do(lambda connection: connection.exec_driver_sql(statement, values).close())


async def stop(store: AuditedStore, times: int) -> None:
    def work(ledger: Ledger) -> None:
        for _ in range(times):
            ledger.append(Event.STOPPED)

    await store.write(work)


async def find(store: AuditedStore, **wanted: Any) -> list[dict[str, Any]]:
    return await store.state.read(lambda connection: search(connection, Query(**{"limit": None} | wanted)))


async def events_of(store: AuditedStore, **wanted: Any) -> list[str]:
    return [record["event"] for record in await find(store, **wanted)]


async def about(store: AuditedStore, **wanted: Any) -> set[str]:
    return {record["attachment"] for record in await find(store, **wanted)}


@pytest.fixture(params=["not indexed", "half indexed", "indexed"])
async def full(store: AuditedStore, clock: Clock, request: pytest.FixtureRequest) -> AuditedStore:
    """Three attachments on three days: Ann's in a group, Bob's in another, Ann's in a private chat."""
    await store.record(Event.STARTED, {"version": "1.0"})
    case = await open_case(store, number=1)
    clock.forward(days=1)
    if request.param == "half indexed":
        await index(store)
    claim = Claim("Rechnung_2026.İmza.pdf.exe")
    parts = (Part(0, "f", "u", "p", claim),)
    await open_case(store, Action.FLAG, number=2, place=OTHER, sender=BOB, parts=parts, sha256="cd" * 32, caption=None)
    await store.refused_press(case.id, BOB, "confirm", "not an administrator here")
    clock.forward(days=1)
    await decide(store, Action.FORWARD, number=3, place=Place("telegram", ANN.id, private=True), caption="naïve")
    if request.param == "indexed":
        await index(store)
    return store


async def test_the_newest_come_first_and_no_more_than_asked_for(full: AuditedStore) -> None:
    everything = await find(full)
    assert [record["seq"] for record in everything] == list(range(len(everything), 0, -1))
    assert await find(full, limit=3) == everything[:3]
    assert await find(full, before=5, limit=2) == everything[-4:-2]
    assert await find(full, after=len(everything) - 1) == everything[:1]


async def test_by_group_with_or_without_its_platform(full: AuditedStore) -> None:
    assert await about(full, group="-1005") == await about(full, group="telegram:-1005") == {"att-2"}
    assert await find(full, group="telegram:-99") == []


async def test_only_chats_that_the_asker_may_see(full: AuditedStore) -> None:
    assert await about(full, chats=["telegram:-1005"]) == {"att-2"}
    assert await about(full, chats=["telegram:-1005"], text="diary") == set()
    assert await about(full, chats=["telegram:-1234567"], group="-1005") == set()
    assert await find(full, chats=[]) == []
    assert "att-3" not in await about(full, chats=["telegram:-1005", "telegram:-1001234"])


async def test_by_member_as_user_id_or_subject(full: AuditedStore) -> None:
    subject = await full.subject_of(ANN.platform, ANN.id)
    assert await find(full, member=ANN.id) == await find(full, member=subject)
    assert await about(full, member=ANN.id) == {"att-1", "att-3"}
    assert await find(full, member="0") == []


async def test_by_rule_as_id_or_glob(full: AuditedStore) -> None:
    named = await find(full, rules=("pdf.javascript",))
    assert {record["event"] for record in named} == {"screened", "decided"}
    assert named == await find(full, rules=("pdf.*",)) == await find(full, rules=("png.*", "pdf.java*"))
    assert await find(full, rules=("png.*",)) == await find(full, rules=("pdf",)) == []


async def test_by_decision_and_by_event(full: AuditedStore) -> None:
    assert await about(full, actions=(Action.FLAG,)) == {"att-2"}
    assert await events_of(full, actions=(Action.FLAG,)) == ["opened", "decided"]
    assert await events_of(full, events=(Event.STARTED, Event.REFUSED_PRESS)) == ["refused-press", "started"]
    assert await find(full, actions=(Action.FLAG,), group="-1001234") == []


async def test_by_time_from_a_moment_on_and_before_another(full: AuditedStore, clock: Clock) -> None:
    today, yesterday = clock.now, clock.now - timedelta(days=1)
    assert await about(full, since=today) == {"att-3"}
    assert await about(full, since=yesterday, until=today) == {"att-2", "att-1"}  # a press on the older case
    assert await about(full, until=yesterday) == {"att-1", None}
    assert await find(full, since=today + timedelta(seconds=1)) == []
    assert await find(full, since=today, until=yesterday) == []


async def test_by_case_and_by_attachment(full: AuditedStore) -> None:
    story = await find(full, case=1)
    assert story == await find(full, attachment="att-1")
    assert {record["attachment"] for record in story} == {"att-1"}
    assert [record["event"] for record in story][-1] == "received"
    assert await find(full, case=99) == await find(full, attachment="att-9") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("diary", {"att-1", "att-3"}),
        ("DIARY ann", {"att-1", "att-3"}),
        ("Ann's diary.pdf", {"att-1", "att-3"}),
        ("rechn", {"att-2"}),
        ("exe 2026", {"att-2"}),
        ("öztürk", {"att-2"}),
        ("bobby", {"att-2"}),
        ("naïve", {"att-3"}),
        ("javascript", {"att-1", "att-2", "att-3"}),
        ("administrator", {"att-1"}),
        ("confirm administrator", {"att-1"}),
        ("cdcdcdcd", {"att-2"}),
        ("cd" * 32, {"att-2"}),
        ("iary", set()),
        ("diary rechnung", set()),
        ("...", set()),
        ("app.alert", set()),
    ],
)
async def test_by_words_of_records_names_captions_and_digests(full: AuditedStore, text: str, found: set[str]) -> None:
    assert await about(full, text=text) == found


async def test_a_name_finds_everything_that_happened_to_its_attachment(full: AuditedStore) -> None:
    assert await find(full, text="rechnung") == await find(full, attachment="att-2")
    assert await events_of(full, text="rechnung", actions=(Action.FLAG,)) == ["opened", "decided"]


async def test_oldest_first_is_the_same_the_other_way_round(full: AuditedStore) -> None:
    for wanted in (Query(limit=None), Query(limit=None, text="diary"), Query(limit=None, member=ANN.id)):

        def both(connection: Any, query: Query = wanted) -> tuple[list[Any], list[Any]]:
            return list(matching(connection, query)), list(matching(connection, query, oldest_first=True))

        newest, oldest = await full.state.read(both)
        assert newest == oldest[::-1] != []


async def test_an_albums_story_has_the_messages_that_were_joined(store: AuditedStore) -> None:
    members = attachment(6, album="7"), attachment(7, album="7")
    for member in members:
        await store.take_in(member, "{}")
    album = joined(members)
    await store.join(album, [member.id for member in members])
    await index(store)
    assert await events_of(store, attachment=album.id) == ["joined", "received", "received"]


async def test_a_group_is_found_with_what_it_did_before_it_became_a_supergroup(store: AuditedStore) -> None:
    await decide(store, number=1, place=Place("telegram", "-4001"))
    await Chats(store).move("telegram", "-4001", "-1004001")
    await decide(store, number=2, place=Place("telegram", "-1004001"))
    await index(store)
    for wanted in ({"group": "-1004001"}, {"group": "telegram:-1004001"}, {"chats": ["telegram:-1004001"]}):
        assert {"att-1", "att-2"} <= await about(store, **wanted)
    assert "att-2" not in await about(store, group="-4001")


# ── The index is only a help ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_index_is_brought_up_to_date_by_itself(store: AuditedStore) -> None:
    for _ in range(3):
        await stop(store, log_index.BATCH // 2)
    done = await store.state.read(log_index.indexed)
    assert 3 * log_index.BATCH // 2 - done < log_index.BATCH


async def test_a_log_without_an_index_is_written_and_verified_all_the_same(store: AuditedStore) -> None:
    await run(store, "DROP TABLE audit_postings")
    for _ in range(3):
        await stop(store, log_index.BATCH)
    verdict = await verify_database(store.state.folder)
    assert (verdict.records, verdict.fault) == (3 * log_index.BATCH, None)


async def test_an_index_that_lies_finds_nothing_that_does_not_fit(store: AuditedStore) -> None:
    await decide(store, number=1)
    await decide(store, number=2, place=OTHER)
    await index(store)
    rename = "UPDATE audit_terms SET term = ? WHERE term = ?"
    for new, old in (("c:x", "c:telegram:-1005"), ("c:telegram:-1005", "c:telegram:-1001234")):
        await run(store, rename, new, old)
    assert await about(store, group="-1005") == set()


async def test_what_was_changed_on_the_disk_neither_stops_a_search_nor_the_index(store: AuditedStore) -> None:
    for _ in range(4):
        await store.record(Event.STOPPED, {})
    await run(store, "DROP TRIGGER audit_is_not_changed")
    for number, nonsense in ((1, b"\xff{"), (2, b"[]"), (3, "a text")):
        await run(store, "UPDATE audit SET record = ? WHERE seq = ?", nonsense, number)
    assert [record["seq"] for record in await find(store)] == [4]
    await index(store)
    assert [record["seq"] for record in await find(store, events=(Event.STOPPED,))] == [4]


async def test_a_word_that_very_many_have_finds_the_newest_of_them(store: AuditedStore) -> None:
    def take_in_all(ledger: Ledger) -> None:
        for number in range(MOST_NAMED + 20):
            intake.take_in(ledger, attachment(number, caption=f"n{number}"), "{}")

    await store.write(take_in_all)
    await index(store)
    found = await find(store, text="diary")
    assert len(found) == MOST_NAMED
    assert found[0]["attachment"] == f"att-{MOST_NAMED + 19}"
    assert await about(store, text="diary n3") == {f"att-{n}" for n in range(MOST_NAMED + 20) if f"{n}".startswith("3")}


# ── It forgets what the log forgets ───────────────────────────────────────────────────────────────────────────────────


async def words(store: AuditedStore) -> set[str]:
    return await store.state.read(lambda c: set(c.exec_driver_sql("SELECT word FROM personal_words").scalars()))


async def test_an_erased_persons_words_are_in_no_file(store: AuditedStore) -> None:
    for number in range(1, 40):
        await decide(store, number=number, caption=f"quicksilver{number} trout")
    await decide(store, number=50, sender=BOB, caption="herring", parts=())
    await index(store)
    assert "quicksilver1" in await words(store)
    assert await about(store, text="trout") != set()
    await store.erase(ANN.platform, ANN.id)
    assert await about(store, text="trout") == set()
    assert await words(store) == {"bob", "öztürk", "bobby", "herring"}
    assert found_in(store.state.folder, ("quicksilver", "trout", "diary", "überall")) == set()


async def test_of_whoever_was_erased_before_the_index_came_nothing_is_indexed(store: AuditedStore) -> None:
    await decide(store)
    await store.erase(ANN.platform, ANN.id)
    await index(store)
    assert await words(store) == set()


async def test_purged_records_leave_no_term_behind(store: AuditedStore, clock: Clock) -> None:
    await decide(store, Action.FORWARD, number=1, place=OTHER, sender=BOB)
    await store.finished("att-1")
    await decide(store, Action.FORWARD, number=2)
    await index(store)
    room, clock.now = Room("telegram", OTHER.chat), clock.now + timedelta(days=1000)
    page = await store.state.read(lambda c: purge.look(c, room, clock.now, 0))
    assert await store.write(lambda ledger: purge.events(ledger, room, clock.now, page.due, page.upto)) == 4
    assert await find(store, attachment="att-1") == []
    assert await about(store, text="diary") == {"att-2"}
    terms = await store.state.read(lambda c: set(c.exec_driver_sql("SELECT term FROM audit_terms").scalars()))
    assert not {"a:att-1", "c:telegram:-1005"} & terms
    assert "a:att-2" in terms
    postings = "SELECT count(*) FROM audit_postings WHERE term NOT IN (SELECT id FROM audit_terms)"
    assert await store.state.read(lambda c: c.exec_driver_sql(postings).scalar_one()) == 0
    assert (await verify_database(store.state.folder)).fault is None


async def test_hostile_words_are_words(store: AuditedStore) -> None:
    for number, text in enumerate(["'; DROP TABLE audit; --", "%_*?[", "\ud800 lone", "\U0010ffff\ud7ff", "\0nul"], 1):
        await decide(store, number=number, caption=text)
    await index(store)
    for text in ("'; DROP TABLE audit; --", "%", "\ud800", "\U0010ffff", "\ud7ff", "\0", "nul"):
        await find(store, text=text, group=text, member=text, rules=(text,), attachment=text)
    assert await about(store, text="nul") == {"att-5"}
    assert await about(store, text="lone") == {"att-3"}


def test_terms_are_those_of_the_record_alone() -> None:
    record = {
        "event": "decided",
        "chat": "telegram:-1",
        "attachment": None,
        "subject": "s",
        "rules": ["png.chunk-crc"],
        "data": {"action": "flag", "policy": "0a1b", "reasons": [["png.chunk-crc", "flag", "png.*", 0]]},
    }
    assert log_index.terms_of(record) == {
        "e:decided", "c:telegram:-1", "s:s", "r:png.chunk-crc", "d:flag", "w:png", "w:chunk", "w:crc", "w:flag",
    }  # fmt: skip
    assert log_index.terms_of({"seq": 1, "hash": "0", "purged": 2}) == set()
