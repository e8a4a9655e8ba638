"""Reading the log out: with personal fields only on request, and verifiable either way."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from audit.samples import ANN, decide
from lazaretto.audit import AuditedStore, Event, Head, Kind, export, records, verify_file
from lazaretto.model import Action


async def lines_of(store: AuditedStore, *, personal: bool) -> list[bytes]:
    return await store.state.read(lambda connection: list(export(connection, personal=personal)))


async def test_an_export_names_nobody(store: AuditedStore, tmp_path: Path) -> None:
    await decide(store)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(await lines_of(store, personal=False)))
    for secret in (ANN.name, ANN.id, "diary", "app.alert"):
        assert secret.encode() not in log.read_bytes()
    assert (await verify_file(log, Head.parse(await store.head()))).fault is None


async def test_personal_fields_are_exported_on_request_and_proved_by_their_digest(
    store: AuditedStore, tmp_path: Path
) -> None:
    await decide(store)
    lines = await lines_of(store, personal=True)
    annexes = [json.loads(line) for line in lines if b'"salt"' in line]
    assert len(annexes) == 2
    for annex in annexes:
        assert hashlib.sha256(bytes.fromhex(annex["salt"]) + annex["json"].encode()).hexdigest() == annex["personal"]
    assert json.loads(annexes[0]["json"])["sender"]["name"] == ANN.name
    assert json.loads(annexes[1]["json"])["findings"][0][0] == "pdf.javascript"
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(lines))
    assert (await verify_file(log)).fault is None


async def test_changed_personal_fields_are_found(store: AuditedStore, tmp_path: Path) -> None:
    await decide(store)
    log = tmp_path / "log.jsonl"
    log.write_bytes(b"".join(await lines_of(store, personal=True)).replace(b"diary", b"novel"))
    fault = (await verify_file(log)).fault
    assert fault is not None
    assert fault.kind is Kind.CHANGED
    assert "personal fields" in fault.what


async def test_erased_fields_are_exported_no_more(store: AuditedStore) -> None:
    await decide(store)
    await store.erase(ANN.platform, ANN.id)
    assert await lines_of(store, personal=True) == await lines_of(store, personal=False)


async def test_records_are_found_by_case_attachment_and_event(store: AuditedStore) -> None:
    await decide(store, Action.FLAG, number=1)
    await decide(store, Action.FLAG, number=2)
    read = store.state.read
    assert [r["seq"] for r in await read(lambda c: records(c, attachment="att-2"))] == [5, 6, 7, 8]
    assert [r["event"] for r in await read(lambda c: records(c, case=2))] == ["opened"]
    assert [r["seq"] for r in await read(lambda c: records(c, events=[Event.OPENED, Event.DECIDED]))] == [3, 4, 7, 8]
    assert [r["seq"] for r in await read(lambda c: records(c, last=3))] == [6, 7, 8]
    assert [r["seq"] for r in await read(lambda c: records(c, after=7))] == [8]
