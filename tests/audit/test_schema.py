"""The published schema says what the log really holds."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from audit.samples import ANN, GROUP, MOD, Clock, attachment, decide, only, open_case
from lazaretto.albums import joined
from lazaretto.audit import AuditedStore, Event, purge, records
from lazaretto.audit.events import DATA, FIELDS, VERSION
from lazaretto.coverage import Outcome
from lazaretto.model import Action, Person, Place
from lazaretto.ports import DeedKind
from lazaretto.state.retention import Room

SCHEMA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docs" / "audit-events.schema.json").read_text(encoding="utf-8")
)
TYPES: dict[str, type] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "boolean": bool,
    "null": type(None),
}
OTHER = Place("telegram", "-1005")
STRANGER = Person("telegram", "31", "Somebody")

KNOWN = {
    "$schema", "$ref", "$defs", "title", "description", "type", "const", "enum", "pattern", "minimum", "required",
    "properties", "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "allOf", "if", "then",
}  # fmt: skip


def problems(value: Any, schema: dict[str, Any], at: str = "record") -> list[str]:
    """The part of JSON Schema that ours uses, checked by hand."""
    assert schema.keys() <= KNOWN, "a keyword that is not checked here"
    if "$ref" in schema:
        return problems(value, SCHEMA["$defs"][schema["$ref"].removeprefix("#/$defs/")], at)
    if not _has_type(value, schema.get("type")):
        return [f"{at}: not {schema['type']}"]
    found = [*_plain(value, schema, at), *_inside(value, schema, at)]
    for rule in schema.get("allOf", ()):
        if not problems(value, rule["if"], at):
            found += problems(value, rule["then"], at)
    return found


def _has_type(value: Any, wanted: str | list[str] | None) -> bool:
    if wanted is None:
        return True
    names = [wanted] if isinstance(wanted, str) else wanted
    return any(type(value) is TYPES[name] for name in names)


def _plain(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    found = []
    if "const" in schema and value != schema["const"]:
        found.append(f"{at}: not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at}: none of {schema['enum']}")
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{at}: not like {schema['pattern']}")
    if isinstance(value, int) and value < schema.get("minimum", value):
        found.append(f"{at}: too small")
    return found


def _inside(value: Any, schema: dict[str, Any], at: str) -> list[str]:
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        found = [f"{at}: lacks {name}" for name in schema.get("required", ()) if name not in value]
        if schema.get("additionalProperties") is False:
            found += [f"{at}: has {name}" for name in value.keys() - properties.keys()]
        known = value.keys() & properties.keys()
        return found + [p for name in known for p in problems(value[name], properties[name], f"{at}.{name}")]
    if isinstance(value, list):
        within = schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value))
        found = [] if within else [f"{at}: {len(value)} items"]
        kinds = schema.get("prefixItems") or [schema.get("items", {})] * len(value)
        return found + [
            p
            for n, (item, kind) in enumerate(zip(value, kinds, strict=False))
            for p in problems(item, kind, f"{at}[{n}]")
        ]
    return []


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
    await store.set_chat_setting(GROUP, "max_size", "5 MB", MOD)
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
    await store.confirm(confirmed.id, MOD)
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
    await purge_all(store, clock)
    await store.erase(ANN.platform, ANN.id)
    await store.record(Event.RESTORED, {"made_at": "2026-03-01T12:00:00Z", "head": await store.head()})
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
