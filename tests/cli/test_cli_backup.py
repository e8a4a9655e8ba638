"""`lazaretto backup`, and what the other commands say of a log whose records were purged."""

from __future__ import annotations

import asyncio
import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.terminal import call, json_lines, lazaretto, without_disk
from fakes import an_attachment
from lazaretto.audit import AuditedStore, Event, purge
from lazaretto.model import Action, Decision, Place
from lazaretto.quarantine import AgeVault
from lazaretto.state.retention import Room

GROUP = Place("telegram", "-100777")


@pytest.fixture
def state(folder: Path) -> Path:
    """A state with a key, a finished attachment and a case."""

    async def fill() -> None:
        async with AuditedStore.open(folder / "state") as store:
            await AgeVault(folder / "state" / "vault", folder / "state" / "vault.key").items()
            await store.record(Event.STARTED, {"version": "1.0"})
            for name, action in (("a1", Action.FORWARD), ("a2", Action.FLAG)):
                posted = an_attachment("note.txt", name=name, place=GROUP)
                await store.take_in(posted, "{}")
                await store.decided(posted, [], Decision(action, True), [], moderators=None, policy="p")
            await store.finished("a1")

    asyncio.run(fill())
    return folder / "state"


def test_a_backup_is_made_checked_and_printed_with_its_head(state: Path, folder: Path) -> None:
    made = call("backup", folder / "monday", "--state", state)
    assert made.returncode == 0, made.stderr
    head = call("audit", "head", "--state", state).stdout.strip()
    assert f"head {head}" in made.stdout
    assert "copying the database" in made.stderr
    assert "key is not in it" in made.stderr
    assert stat.S_IMODE((folder / "monday").stat().st_mode) == 0o700
    checked = call("backup", folder / "monday", "--verify", "--json")
    [row] = json_lines(checked.stdout)
    assert (checked.returncode, row["ok"], row["head"], row["key"], row["problems"]) == (0, True, head, False, [])


def test_the_key_goes_along_loudly(state: Path, folder: Path) -> None:
    made = call("backup", folder / "monday", "--state", state, "--with-key", "--json")
    assert "whoever has it can read every quarantined file" in made.stderr
    [row] = json_lines(made.stdout)
    assert row["key"] is True
    assert (folder / "monday" / "vault.key").is_file()


def test_a_changed_backup_is_refused_with_what_is_wrong(state: Path, folder: Path) -> None:
    call("backup", folder / "monday", "--state", state)
    (folder / "monday" / "vault" / "recipient").write_text("age1somebodyelse")
    checked = call("backup", folder / "monday", "--verify")
    assert checked.returncode == 1
    assert "vault/recipient is not as it was copied" in checked.stderr
    assert "take another one" in checked.stderr
    assert "Whole" not in checked.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("monday", "--verify", "--with-key"), "makes no backup"),
        (("monday", "--verify"), "is no backup"),
        (("monday", "--state", "nowhere"), "no state"),
        (("state", "--state", "state"), "never overwrites"),
        (("state/monday", "--state", "state"), "another disk"),
    ],
)
def test_what_cannot_be_done_is_said_with_the_remedy(state: Path, arguments: tuple[str, ...], word: str) -> None:
    ended = call("backup", *arguments)
    assert ended.returncode == 2
    assert word in " ".join(ended.stderr.split())


@pytest.mark.skipif(os.name == "nt", reason="needs RLIMIT_FSIZE")
def test_a_full_disk_leaves_no_half_backup(state: Path, folder: Path) -> None:
    ended = lazaretto("backup", folder / "monday", "--state", state, prefix=without_disk(100_000))
    assert ended.returncode == 2
    assert "room" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sorted(path.name for path in folder.iterdir()) == ["state"]


def purged(state: Path) -> None:
    """All records of the group but those of its open case."""

    async def work() -> None:
        later, room = datetime.now(UTC) + timedelta(days=1), Room(GROUP.platform, GROUP.chat)
        async with AuditedStore.open(state) as store:
            page = await store.state.read(lambda connection: purge.look(connection, room, later, 0))
            await store.write(lambda ledger: purge.events(ledger, room, later, page.due, page.upto))

    asyncio.run(work())


def test_commands_tell_purged_records_from_missing_ones(state: Path) -> None:
    noted = call("audit", "head", "--state", state).stdout.strip()
    purged(state)
    verified = call("audit", "verify", "--state", state, "--expect", noted)
    assert verified.returncode == 0
    assert "4 of them purged" in verified.stdout
    [row] = json_lines(call("audit", "verify", "--state", state, "--json").stdout)
    assert (row["ok"], row["purged"]) == (True, 4)
    shown = call("audit", "show", "--attachment", "a1", "--state", state)
    assert shown.returncode == 1
    assert "were purged" in shown.stderr
    assert "there is no attachment" in call("audit", "show", "--attachment", "a9", "--state", state).stderr
    assert call("audit", "show", "--case", "1", "--state", state).returncode == 0
    assert "purged" in call("audit", "tail", "--state", state, "--event", "purged").stdout
    assert call("audit", "tail", "--state", state, "-n", "50").returncode == 0


def test_an_export_of_a_purged_log_is_verified(state: Path, folder: Path) -> None:
    purged(state)
    (folder / "log.jsonl").write_text(lazaretto("audit", "export", "--state", state).stdout)
    said = call("audit", "verify", "--file", folder / "log.jsonl").stdout
    assert "4 of them purged" in said
