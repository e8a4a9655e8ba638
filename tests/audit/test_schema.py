"""The published schema says what the log really holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from audit.samples import ANN, GROUP, MOD, Clock, attachment, decide, only, open_case
from audit_schema import SCHEMA, Watcher, problems
from lazaretto.albums import joined
from lazaretto.audit import AuditedStore, Event, Settings, purge, records
from lazaretto.audit.chats import Chats
from lazaretto.audit.events import DATA, FIELDS, VERSION
from lazaretto.audit.moderation import Moderation
from lazaretto.coverage import Outcome
from lazaretto.model import Action, Person, Place
from lazaretto.ports import Approval, DeedKind, Strikes
from lazaretto.state.retention import Room

OTHER = Place("telegram", "-1005")
OTHER_MOD = Person("telegram", "777002", "Moderator Max")
STRANGER = Person("telegram", "31", "Somebody")


async def live(store: AuditedStore, clock: Clock) -> None:
    """Everything that can happen, once at least."""
    await store.record(Event.STARTED, {"version": "1.0"})
    await store.record(Event.GAP, {"since": "2026-03-01T12:00:00.000000Z", "until": "2026-03-01T13:00:00.000000Z"})
    counted = {"since": "2026-03-01T12:00:00.000000Z", "until": "2026-03-01T12:01:00.000000Z"}
    await store.record(Event.COVERAGE, counted | {"updates": {Outcome.SCREENED: 2, Outcome.OWN: 1}})
    await store.record(Event.CLOCK_SET, {"by": -3600})
    await store.record(Event.ALARM, {"cause": "disk", "on": True, "why": "no space left on device"})
    late = {"cause": "database", "on": True, "why": "locked", "since": "2026-03-01T12:00:00.000000Z"}
    await store.record(Event.ALARM, late)
    await store.record(Event.UPDATE_UNREADABLE, {"update": "8", "why": "KeyError", "judged": True})
    await store.record(Event.POLICY_CHANGED, {"policy": "p", "keys": ["mode"]}, place=GROUP)
    await Settings(store).change(GROUP, "max_size", "5 MB", MOD)
    await Chats(store).move("telegram", "-4001", "-1004001")
    released = await open_case(store, number=1)
    await store.release(released.id, MOD, days=30)
    publication = await only(store, DeedKind.PUBLISH)
    await store.attempting(publication)
    await store.postpone(publication, 0.0)
    await store.attempting(publication)
    await store.unsure(publication, "timed out")
    await store.release(released.id, MOD, days=30, again=publication.id)
    await store.failed(await only(store, DeedKind.PUBLISH), "no rights")
    await store.release(released.id, MOD, days=30)
    await store.done(await only(store, DeedKind.PUBLISH), "1000")
    confirmed = await open_case(store, Action.FLAG, number=2)
    await store.refused_press(confirmed.id, ANN, "confirm", "not an administrator")
    await store.confirm(confirmed.id, MOD, strikes=Strikes(1, kind=DeedKind.BAN))
    moderation = Moderation(store)
    await moderation.punish(released.id, DeedKind.MUTE, 3600, MOD, after=0)
    await moderation.tell(confirmed.id, MOD, after=0)
    await store.done(await only(store, DeedKind.TELL), "7")
    await moderation.appeal(confirmed.id, ANN)
    await store.release(confirmed.id, MOD, days=1, approval=Approval(two=frozenset({"malformed"})))
    await store.release(confirmed.id, OTHER_MOD, days=1)
    flagged = await open_case(store, Action.FLAG, number=3, place=Place("telegram", ANN.id, private=True))
    await store.release(flagged.id, MOD, days=1)
    await decide(store, Action.FORWARD, number=4)
    await store.finished("att-4")
    await store.take_in(replace(attachment(5), edited=True), "{}")
    await store.set_aside("att-5", "a fault")
    await store.finish_intent(await store.submit_intent("release", {"case": 1}, MOD), True, "done")
    members = attachment(6, album="7"), attachment(7, album="7")
    for member in members:
        await store.take_in(member, "{}")
    await store.join(joined(members), [member.id for member in members])
    await store.set_update_aside("9", "unreadable", "{}", None)
    await store.record(Event.DRILL, {"passed": False, "steps": {"posted": 12}, "failed": "fetched"}, place=GROUP)
    await purge_all(store, clock)
    await store.erase(ANN.platform, ANN.id)
    await store.record(Event.RESTORED, {"made_at": "2026-03-01T12:00:00Z", "head": await store.head()})
    span = {"since": "2026-02-16T00:00:00.000000Z", "until": "2026-02-23T00:00:00.000000Z"}
    await store.record(Event.WEEKLY_REPORT, span, place=GROUP)
    await store.record(Event.STOPPED, {})


async def purge_all(store: AuditedStore, clock: Clock) -> None:
    """Everything that was kept for its time: a file, personal fields, people, and records."""
    undecided = await open_case(store, number=8, place=OTHER)
    await store.finished(undecided.attachment.id)
    room, clock.now = Room("telegram", OTHER.chat), clock.now + timedelta(days=1000)
    assert await store.write(lambda ledger: purge.files(ledger, room, ledger.now, ["att-8"])) == 1
    update = await only(store, DeedKind.UPDATE_CARD)
    await store.done(update)
    assert await store.write(lambda ledger: purge.personal(ledger, room, ledger.now, ["att-8"])) == 1
    await store.refused_press(undecided.id, STRANGER, "release", "no right")
    gone = [await store.subject_of(STRANGER.platform, STRANGER.id) or ""]
    assert await store.write(lambda ledger: purge.people(ledger, ledger.now, gone)) == 1
    assert await store.write(lambda ledger: purge.updates(ledger, ledger.now)) == 1
    page = await store.state.read(lambda c: purge.look(c, room, clock.now, 0))
    assert await store.write(lambda ledger: purge.events(ledger, room, ledger.now, page.due, page.upto)) > 5


async def test_every_record_of_a_full_life_fits_the_schema(store: AuditedStore, clock: Clock) -> None:
    await live(store, clock)
    log = await store.state.read(records)
    assert {record["event"] for record in log} == set(Event)
    assert [problem for record in log for problem in problems(record, SCHEMA)] == []


async def test_every_record_that_any_test_writes_is_held_against_the_schema(
    store: AuditedStore, audit_records: Watcher
) -> None:
    before = audit_records.seen.total()
    await store.record(Event.STARTED, {"version": "1.0"})
    assert audit_records.seen.total() == before + 1
    await store.record(Event.STARTED, {"version": 1})
    assert audit_records.take() == ["started: data.version: not string"]


def test_the_schema_has_one_definition_for_each_event() -> None:
    conditions = {rule["if"]["properties"]["event"]["const"]: rule["then"] for rule in SCHEMA["allOf"]}
    assert conditions == {event.value: {"properties": {"data": {"$ref": f"#/$defs/{event.value}"}}} for event in Event}


def test_the_schema_knows_the_same_fields_and_events() -> None:
    assert SCHEMA["properties"].keys() == set(SCHEMA["required"]) == set(FIELDS)
    assert SCHEMA["properties"]["v"] == {"const": VERSION}
    assert SCHEMA["properties"]["event"]["enum"] == [event.value for event in Event]
    conditions = {rule["if"]["properties"]["event"]["const"] for rule in SCHEMA["allOf"]}
    assert conditions == {event.value for event in Event}


@pytest.mark.parametrize("event", list(Event))
def test_the_schema_knows_the_same_data(event: Event) -> None:
    schema = SCHEMA["$defs"][event.value]
    assert set(schema["required"]) == DATA[event].required
    assert schema["properties"].keys() == DATA[event].required | DATA[event].optional


async def test_a_record_with_another_field_does_not_fit(store: AuditedStore) -> None:
    await store.record(Event.STARTED, {"version": "1.0"})
    (record,) = await store.state.read(records)
    assert problems({**record, "name": "Ann"}, SCHEMA) == ["record: has name"]
    assert problems({**record, "data": {}}, SCHEMA) == ["record.data: lacks version"]
    assert problems({**record, "seq": 0}, SCHEMA) == ["record.seq: too small"]
