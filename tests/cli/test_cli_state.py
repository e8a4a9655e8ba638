"""`lazaretto audit` and `lazaretto quarantine` on a state folder without a bot."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from cli.terminal import COMMAND, Ended, call, environment, json_lines
from fakes import an_attachment
from lazaretto.audit import AuditedStore, Event
from lazaretto.model import Action, Decision, Gap, Place, Reason, Report
from lazaretto.rules import WORKER


@pytest.fixture
def state(folder: Path) -> Path:
    """A state in which a bot has started and stopped twice."""

    async def fill() -> None:
        async with AuditedStore.open(folder / "state") as store:
            for version in ("0.1.0", "0.2.0\x1b[31m\u202e"):
                await store.record(Event.STARTED, {"version": version})
                await store.record(Event.STOPPED, {})

    asyncio.run(fill())
    return folder / "state"


def assert_explained(ended: Ended, status: int, *words: str) -> None:
    assert ended.returncode == status
    for word in words:
        assert word in ended.stderr


def change_record(state: Path, number: int) -> None:
    """Rewrite a record as somebody with access to the disk would."""
    with closing(sqlite3.connect(state / "lazaretto.db")) as database, database:
        for (trigger,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            database.execute(f'DROP TRIGGER "{trigger}"')
        database.execute("UPDATE audit SET record = replace(record, 'started', 'stopped') WHERE seq = ?", (number,))
        (record,) = database.execute("SELECT record FROM audit WHERE seq = ?", (number,)).fetchone()
        database.execute("UPDATE audit SET record = ? WHERE seq = ?", (bytes(record, "utf-8"), number))


def count(folder: Path, received: int, **updates: int) -> Path:
    """A state in which so many attachments were received, and so many updates counted."""

    async def fill() -> None:
        async with AuditedStore.open(folder / "state") as store:
            for number in range(received):
                await store.take_in(an_attachment("note", name=f"a{number}"), "{}")
            moment = "2026-03-01T12:00:00.000000Z"
            await store.record(Event.COVERAGE, {"since": moment, "until": moment, "updates": updates})
            await store.record(Event.COVERAGE, {"since": moment, "until": moment, "updates": {"repeated": 1}})

    asyncio.run(fill())
    return folder / "state"


def test_coverage_is_added_up_and_agrees_with_the_records(folder: Path) -> None:
    state = count(folder, 3, screened=3, repeated=4)
    [row] = json_lines(call("audit", "coverage", "--state", state, "--json").stdout)
    assert row == {"updates": {"repeated": 5, "screened": 3}, "received": 3, "uncounted": 0}
    said = call("audit", "coverage", "--state", state).stdout
    assert "3 attachments were received" in said
    assert "not counted" not in said


def test_what_is_not_counted_yet_is_explained(folder: Path) -> None:
    ended = call("audit", "coverage", "--state", count(folder, 3, screened=1))
    assert (ended.returncode, "2 of them are not counted above" in ended.stdout) == (0, True)


def test_one_is_told_as_one(folder: Path) -> None:
    said = call("audit", "coverage", "--state", count(folder, 1)).stdout
    assert "1 attachment was received, with a record of its own." in said
    assert "1 of them is not counted above" in said


def test_more_screened_than_received_is_a_fault_of_the_log(folder: Path) -> None:
    state = count(folder, 1, screened=3)
    assert_explained(call("audit", "coverage", "--state", state), 1, "2 more were counted", "audit verify")


def test_the_newest_records_are_printed(state: Path) -> None:
    rows = json_lines(call("audit", "tail", "--state", state, "-n", "3", "--json").stdout)
    assert [(row["seq"], row["event"]) for row in rows] == [(2, "stopped"), (3, "started"), (4, "stopped")]
    only = json_lines(call("audit", "tail", "--state", state, "--event", "started", "--json").stdout)
    assert [row["seq"] for row in only] == [1, 3]


def test_text_for_people_has_no_control_characters(state: Path) -> None:
    said = call("audit", "tail", "--state", state).stdout
    assert "0.2.0" in said
    assert not {"\x1b", "\u202e"} & set(said)


def test_a_whole_log_verifies_alone_and_against_its_head(state: Path) -> None:
    noted = call("audit", "head", "--state", state).stdout.strip()
    ended = call("audit", "verify", "--state", state, "--expect", noted)
    assert ended.returncode == 0
    assert f"4 records, head {noted}" in ended.stdout
    [row] = json_lines(call("audit", "verify", "--state", state, "--json").stdout)
    assert row == {"ok": True, "records": 4, "purged": 0, "head": noted, "fault": None}


def test_a_changed_record_is_named(state: Path) -> None:
    change_record(state, 1)
    ended = call("audit", "verify", "--state", state)
    assert_explained(ended, 1, "Broken at record 1:", "do: keep a copy")
    [row] = json_lines(call("audit", "verify", "--state", state, "--json").stdout)
    assert (row["ok"], row["fault"]["seq"]) == (False, 1)


def test_a_head_that_is_none(state: Path) -> None:
    assert_explained(call("audit", "verify", "--state", state, "--expect", "41"), 2, "--expect", "SEQ:HASH")


def test_a_head_of_records_that_are_gone(state: Path) -> None:
    ended = call("audit", "verify", "--state", state, "--expect", "9:" + "0" * 64)
    assert ended.returncode == 1
    assert "Broken" in ended.stderr


def test_an_exported_log_verifies_and_a_cut_one_does_not(state: Path, folder: Path) -> None:
    exported = subprocess.run(
        [*COMMAND, "audit", "export", "--state", state], stdout=subprocess.PIPE, check=True
    ).stdout
    log = folder / "log.jsonl"
    log.write_bytes(exported)
    assert call("audit", "verify", "--file", log).returncode == 0
    log.write_bytes(exported[:-10])
    assert_explained(call("audit", "verify", "--file", log), 1, "Broken at record 4")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_an_export_that_does_not_fit_is_no_export(state: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            [*COMMAND, "audit", "export", "--state", state], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert ended.returncode == 2
    assert b"could not be written in full" in ended.stderr
    assert b"Traceback" not in ended.stderr


def test_following_the_log_ends_with_ctrl_c(state: Path) -> None:
    command = [*COMMAND, "audit", "tail", "--state", str(state), "-f", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for _ in range(4):
            assert json_lines(process.stdout.readline().decode("utf-8"))
        asyncio.run(_one_more(state))
        assert json_lines(process.stdout.readline().decode("utf-8"))[0]["seq"] == 5
        process.send_signal(signal.SIGINT)
        assert (process.wait(30), process.stderr.read()) == (0, b"")


async def _one_more(state: Path) -> None:
    async with AuditedStore.open(state) as store:
        await store.record(Event.STARTED, {"version": "0.3.0"})


# ── what is not there ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "arguments",
    [
        ("audit", "tail"),
        ("audit", "verify"),
        ("audit", "head"),
        ("audit", "coverage"),
        ("audit", "export"),
        ("audit", "erase", "1"),
        ("quarantine", "list"),
        ("quarantine", "show", "1"),
        ("quarantine", "release", "1"),
    ],
    ids=" ".join,
)
def test_no_state_is_said_and_none_is_made(folder: Path, arguments: tuple[str, ...]) -> None:
    assert_explained(call(*arguments), 2, "there is no state in", "start the bot once")
    assert list(folder.iterdir()) == []


def test_a_file_that_is_no_database(folder: Path) -> None:
    (folder / "state").mkdir()
    (folder / "state" / "lazaretto.db").write_bytes(b"not a database, but long enough to look like one" * 100)
    assert_explained(call("audit", "verify", "--state", folder / "state"), 2, "is not a database of Lazaretto")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_state_that_may_not_be_written(state: Path) -> None:
    state.chmod(0o500)
    try:
        assert_explained(call("audit", "erase", "1", "--state", state), 2, "error:", str(state))
    finally:
        state.chmod(0o700)


@pytest.mark.parametrize("verb", ["show", "release", "confirm", "purge"])
def test_a_case_that_is_not_there_is_said_at_once(state: Path, verb: str) -> None:
    ended = call("quarantine", verb, "7", "--state", state)
    assert_explained(ended, 1, "there is no case 7", "lazaretto cases list --all")


def test_a_case_without_records(state: Path) -> None:
    assert_explained(call("audit", "show", "--case", "7", "--state", state), 1, "there is no case 7")
    assert_explained(call("audit", "show", "--attachment", "x", "--state", state), 1, "there is no attachment x")
    assert_explained(call("audit", "show", "--state", state), 2, "--case NUMBER")


def test_a_person_nobody_knows(state: Path) -> None:
    assert_explained(call("audit", "erase", "123", "--state", state), 1, "nobody with the id 123")


def test_no_case_waits(state: Path) -> None:
    assert call("quarantine", "list", "--state", state).stdout == "No case waits for a decision.\n"
    assert not call("quarantine", "list", "--state", state, "--json").stdout


# ── a case ────────────────────────────────────────────────────────────────────────────────────────────────────────

LONG_NAME = "\u202egnp." + "very-long-name-" * 20 + "\x1b[2J.exe"


@pytest.fixture
def held(folder: Path) -> Path:
    """A state with one case, of a file with a hostile name."""

    async def fill() -> None:
        async with AuditedStore.open(folder / "state") as store:
            posted = an_attachment(LONG_NAME, place=Place("telegram", "-1001234567890"))
            await store.take_in(posted, "{}")
            finding = WORKER.found(at=1234567, where="a!/b", seen="killed")
            report = Report("image/png", 2000, "0" * 64, (finding,), 1, (Gap("", "it died"),))
            reason = Reason(WORKER.id, Action.QUARANTINE, "unscannable.medium")
            decision = Decision(Action.QUARANTINE, enforced=True, reasons=(reason,))
            await store.decided(posted, [report], decision, [], moderators="-100", policy="p1")

    asyncio.run(fill())
    return folder / "state"


def test_cases_in_a_table_of_80_columns(held: Path) -> None:
    said = call("quarantine", "list", "--state", held).stdout
    assert max(map(len, said.splitlines())) <= 80
    assert "-1001234567890" in said
    assert WORKER.id in said
    assert ".exe" in said, "the extension is what a moderator looks for"
    assert not {"\x1b", "\u202e"} & set(said)


def test_one_case_with_findings_and_gaps(held: Path) -> None:
    said = call("quarantine", "show", "1", "--state", held).stdout
    for words in ("case 1 · open · quarantine", "image/png, 2,000 bytes", "byte 1,234,567", "not looked at: it died"):
        assert words in said
    assert not {"\x1b", "\u202e"} & set(said)
    [row] = json_lines(call("quarantine", "show", "1", "--state", held, "--json").stdout)
    assert row["parts"][0]["name"] == LONG_NAME
    assert row["reasons"][0]["rule"] == WORKER.id


def test_the_records_of_one_case(held: Path) -> None:
    rows = json_lines(call("audit", "show", "--case", "1", "--state", held, "--json").stdout)
    assert {"received", "screened", "decided"} <= {row["event"] for row in rows}


def test_cases_of_another_group(held: Path) -> None:
    assert not call("quarantine", "list", "--group", "-1", "--state", held, "--json").stdout


def test_purging_asks_first(held: Path) -> None:
    ended = call("quarantine", "purge", "1", "--state", held, stdin="n\n")
    assert ended.returncode == 1
    assert "Delete the files of case 1 for good?" in ended.stderr
