"""Records as OCSF events: each is valid for its class, and leads back to its record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from audit.samples import MOD, Clock, decide, open_case
from audit.test_schema import live
from lazaretto.audit import AuditedStore, Event
from lazaretto.audit.chain import link
from lazaretto.audit.export import Form, export_found
from lazaretto.audit.ocsf import VERSION, ocsf
from lazaretto.audit.search import Query, matching
from lazaretto.model import Action

# What OCSF 1.7.0 requires (https://schema.ocsf.io/1.7.0/classes), of the classes that are used here.
ALWAYS = {"activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"}
CLASSES: Mapping[int, tuple[set[int], set[str]]] = {  # activity_id, and what else is required
    0: ({0, 99}, set()),  # Base Event
    2004: ({0, 1, 2, 3, 99}, {"finding_info"}),  # Detection Finding
    3004: ({*range(14), 99}, {"entity"}),  # Entity Management
    6002: ({*range(9), 99}, {"app"}),  # Application Lifecycle
    6007: ({*range(11), 99}, {"scan"}),  # Scan Activity
    6008: ({0, 1, 2, 99}, set()),  # Application Error
    7001: ({0, 1, 2, 3, 4, 5, 99}, {"command_uid"}),  # Remediation Activity
}
OBJECTS: Mapping[str, tuple[set[str], set[str]]] = {  # all of these, and at least one of those
    "metadata": ({"product", "version"}, set()),
    "finding_info": ({"uid"}, set()),
    "entity": (set(), {"name", "uid", "device", "group", "org", "policy", "user"}),
    "app": (set(), {"uid", "name"}),
    "scan": ({"type_id"}, {"name", "uid"}),
    "actor": (set(), {"process", "user", "invoked_by", "session", "app_name", "app_uid"}),
}
OF_CONTROL = {"action_id": {0, 1, 2, 99}, "disposition_id": {*range(28), 99}}  # profile security_control
STATUS = {2004: {0, 1, 2, 3, 4, 5, 6, 99}}  # of a finding; of all others:
STATUS_ELSEWHERE = {0, 1, 2, 99}


def problems(event: dict[str, Any]) -> list[str]:
    activities, more = CLASSES[event["class_uid"]]
    found = [f"lacks {name}" for name in (ALWAYS | more) - event.keys()]
    found += [f"no such activity {event['activity_id']}"] * (event["activity_id"] not in activities)
    found += ["category"] * (event["category_uid"] != event["class_uid"] // 1000)
    found += ["type"] * (event["type_uid"] != 100 * event["class_uid"] + event["activity_id"])
    found += ["time"] * (not isinstance(event["time"], int) or event["time"] < 10**12)
    found += ["severity"] * (event["severity_id"] not in {0, 1, 2, 3, 4, 5, 6, 99})
    found += ["status"] * (event.get("status_id", 0) not in STATUS.get(event["class_uid"], STATUS_ELSEWHERE))
    found += ["activity_name"] * ((event["activity_id"] == 99) != ("activity_name" in event))
    for name, (all_of, one_of) in OBJECTS.items():
        if name in event:
            found += [f"{name} lacks {key}" for key in all_of - event[name].keys()]
            found += [f"{name} has none of {one_of}"] * (bool(one_of) and not one_of & event[name].keys())
    for name, values in OF_CONTROL.items():
        if name in event:
            found += [name] * (event[name] not in values)
            found += ["profile"] * ("security_control" not in event["metadata"].get("profiles", ()))
    return found


async def exported(store: AuditedStore) -> list[dict[str, Any]]:
    query = Query(limit=None)
    lines = await store.state.read(lambda connection: list(export_found(connection, query, Form.OCSF)))
    return [json.loads(line) for line in lines]


async def test_every_event_of_a_full_life_is_valid_for_its_class(store: AuditedStore, clock: Clock) -> None:
    await live(store, clock)
    events = await exported(store)
    assert [(event["message"], problem) for event in events for problem in problems(event)] == []
    assert {event["class_uid"] for event in events} == CLASSES.keys()


async def test_an_event_leads_back_to_the_record_that_proves_it(store: AuditedStore) -> None:
    await decide(store)
    pairs = await store.state.read(lambda c: list(matching(c, Query(limit=None), oldest_first=True)))
    events = await exported(store)
    assert [event["metadata"]["uid"] for event in events] == [link(raw) for raw, _ in pairs]
    assert [event["metadata"]["sequence"] for event in events] == [record["seq"] for _, record in pairs]
    assert {event["metadata"]["version"] for event in events} == {VERSION}
    assert {event["metadata"]["correlation_uid"] for event in events} == {"att-1"}


@pytest.mark.parametrize(
    ("action", "enforced", "told"),
    [
        (Action.QUARANTINE, True, (2004, 1, 4, 2, 3)),
        (Action.REJECT, True, (2004, 1, 4, 2, 2)),
        (Action.FLAG, True, (2004, 1, 3, 1, 15)),
        (Action.QUARANTINE, False, (2004, 1, 4, 1, 17)),
        (Action.FORWARD, True, (0, 99, 1, None, None)),
    ],
)
async def test_a_decision_is_a_finding_with_what_became_of_the_attachment(
    store: AuditedStore, action: Action, enforced: bool, told: tuple[int | None, ...]
) -> None:
    await decide(store, action, enforced=enforced)
    (event,) = [event for event in await exported(store) if event["message"] == "decided"]
    keys = ("class_uid", "activity_id", "severity_id", "action_id", "disposition_id")
    assert tuple(event.get(key) for key in keys) == told


async def test_what_moderators_decide_closes_the_finding(store: AuditedStore) -> None:
    released = await open_case(store, Action.FLAG, number=1)
    await store.release(released.id, MOD, days=1)
    confirmed = await open_case(store, Action.FLAG, number=2, sha256="cd" * 32)
    await store.confirm(confirmed.id, MOD)
    closed = [event for event in await exported(store) if event["type_uid"] == 200403]
    assert [(e["finding_info"]["uid"], e["status_id"]) for e in closed] == [("att-1", 3), ("att-2", 4)]


async def test_a_refused_press_is_a_failure_of_whoever_pressed(store: AuditedStore) -> None:
    case = await open_case(store)
    await store.refused_press(case.id, MOD, "release", "no right")
    event = (await exported(store))[-1]
    subject = await store.subject_of(MOD.platform, MOD.id)
    assert (event["class_uid"], event["status_id"], event["status_detail"]) == (3004, 2, "no right")
    assert event["actor"] == {"user": {"uid": subject}}
    assert event["entity"]["name"] == f"case {case.id}"


def test_an_event_that_is_newer_than_the_table_is_a_base_event() -> None:
    record = {"v": 1, "seq": 1, "time": "2026-03-01T12:00:00.000000Z", "event": "beamed", "chat": None, "case": None}
    record |= {"attachment": None, "subject": None, "rules": [], "data": {"up": True}, "prev": "0" * 64}
    event = ocsf(b"{}", record)
    assert problems(event) == []
    assert (event["class_uid"], event["activity_name"], event["unmapped"]["data"]) == (0, "beamed", {"up": True})
    assert event["message"] not in list(Event)
