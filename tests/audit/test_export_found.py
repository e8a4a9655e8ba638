"""Exports of what a query finds: the forms, and that they are made as they are read."""

from __future__ import annotations

import csv
import json
import tracemalloc
from functools import partial
from io import StringIO
from itertools import islice

import pytest
from sqlalchemy import Connection

from audit.samples import ANN, decide
from lazaretto.audit import AuditedStore, Event, Ledger
from lazaretto.audit.export import Form, export, export_found
from lazaretto.audit.search import Query
from lazaretto.model import Action, Place

EVERYTHING = Query(limit=None)
OTHER = Place("telegram", "-1005")


async def found(store: AuditedStore, query: Query, form: Form, *, personal: bool = False) -> list[bytes]:
    return await store.state.read(lambda c: list(export_found(c, query, form, personal=personal)))


async def test_json_lines_are_the_records_as_they_are_stored(store: AuditedStore) -> None:
    await decide(store, number=1)
    await decide(store, Action.FLAG, number=2, place=OTHER)
    whole = await store.state.read(lambda c: list(export(c)))
    assert await found(store, EVERYTHING, Form.JSONL) == whole
    some = await found(store, Query(limit=None, group="-1005"), Form.JSONL)
    assert some == [line for line in whole if b'"att-2"' in line] != []


async def test_personal_fields_stand_behind_the_records_that_were_found(store: AuditedStore) -> None:
    await decide(store, number=1)
    lines = await found(store, Query(limit=None, events=(Event.RECEIVED,)), Form.JSONL, personal=True)
    assert len(lines) == 2
    assert json.loads(json.loads(lines[1])["json"])["sender"]["name"] == ANN.name


async def test_csv_is_read_back_by_whoever_reads_csv(store: AuditedStore) -> None:
    await store.record(Event.SET_ASIDE, {"why": '=HYPERLINK("x"),\r\n"quoted"; \u202e'})
    await decide(store)
    text = b"".join(await found(store, EVERYTHING, Form.CSV)).decode()
    rows = list(csv.DictReader(StringIO(text, newline="")))
    assert [row["event"] for row in rows][:2] == ["set-aside", "received"]
    assert json.loads(rows[0]["data"]) == {"why": '=HYPERLINK("x"),\r\n"quoted"; \u202e'}
    assert {row["rules"] for row in rows} == {"", "pdf.javascript"}
    assert [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+@\t\r")] == []
    assert not {"\u202e", "\x1b"} & set(text)


@pytest.mark.parametrize("form", list(Form))
async def test_an_export_holds_a_page_of_records_whatever_the_log_has(store: AuditedStore, form: Form) -> None:
    def fill(ledger: Ledger) -> None:
        for _ in range(6000):
            ledger.append(Event.SET_ASIDE, {"why": "x" * 300})

    await store.write(fill)

    await store.state.read(partial(peak, query=Query(limit=300), form=form))  # what is made once is made now
    few = await store.state.read(partial(peak, query=Query(limit=300), form=form))
    many = await store.state.read(partial(peak, query=EVERYTHING, form=form))
    assert many < few + 200_000 < 6000 * 300


def peak(connection: Connection, query: Query, form: Form) -> int:
    """Bytes that Python held at most while this was exported."""
    tracemalloc.start()
    try:
        for _ in export_found(connection, query, form):
            pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


async def test_the_first_line_is_there_before_the_last_record_is_read(store: AuditedStore) -> None:
    for _ in range(300):
        await store.record(Event.STOPPED, {})

    def first_two(connection: Connection) -> list[bytes]:
        return list(islice(export_found(connection, EVERYTHING, Form.CSV), 2))

    head, line = await store.state.read(first_two)
    assert head.startswith(b"seq,time,event")
    assert line.startswith(b"1,")
