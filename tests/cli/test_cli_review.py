"""`lazaretto audit search | show | export` and `lazaretto cases` on a state folder: filters, forms, hostile text."""

from __future__ import annotations

import asyncio
import csv
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest

from cli.terminal import COMMAND, call, json_lines, lazaretto
from fakes import an_attachment
from lazaretto.audit import AuditedStore
from lazaretto.cli.times import moment
from lazaretto.model import Action, Decision, Person, Place, Reason, Report, SealedPart
from lazaretto.quarantine import AgeVault
from lazaretto.rules import WORKER
from lazaretto_validators import Finding

HOSTILE = "\u202egnp.\x1b[2J<b>[red]\nname\u200b" + "x" * 400 + ".exe"
GROUP, OTHER = Place("telegram", "-1001234567890"), Place("telegram", "-1005")
EVE, BOB = Person("telegram", "666", "Eve\x1b[31m [bold]", "eve"), Person("telegram", "7", "Bob", "bob")
CONTENT = b"\x00" * 100 + b"MZ\x90\x00\x1b[2J" + b"\xff" * 1000


@pytest.fixture
def state(folder: Path) -> Path:
    """Two cases: Eve's of a hostile name in one group, in the vault; Bob's in another, flagged."""

    async def fill() -> None:
        (folder / "file").write_bytes(CONTENT)
        item = await AgeVault(folder / "state" / "vault", folder / "state" / "vault.key").seal(folder / "file")
        async with AuditedStore.open(folder / "state") as store:
            for name, place, sender, action in (
                (HOSTILE, GROUP, EVE, Action.QUARANTINE),
                ("notes.pdf", OTHER, BOB, Action.FLAG),
            ):
                posted = replace(an_attachment(name, place=place), id=f"of-{sender.id}", sender=sender)
                await store.take_in(posted, "{}")
                rule = WORKER.id if action is Action.QUARANTINE else "pdf.javascript"
                findings = (WORKER.found(at=100, where="a"), Finding("pdf.javascript", 5, "z.zip!/obj[4]"))
                report = Report("image/png", len(CONTENT), "0" * 64, findings, 2)
                decision = Decision(action, enforced=True, reasons=(Reason(rule, action, "[red]key"),))
                sealed = [SealedPart(0, item, "0" * 64, len(CONTENT))] if action is Action.QUARANTINE else []
                await store.decided(posted, [report], decision, sealed, moderators="-100", policy="p1")

    asyncio.run(fill())
    return folder / "state"


def test_a_search_is_a_table_that_fits_the_window(state: Path) -> None:
    for columns in ("60", "80", "140"):
        # In a process of its own: the console takes its width when it is made.
        said = lazaretto("audit", "search", "--state", state, env={"COLUMNS": columns}).stdout
        assert max(map(len, said.splitlines())) <= int(columns)
    assert "telegram:-1001234567890" in said
    assert WORKER.id in said
    assert not {"\x1b", "\u202e", "\u200b"} & set(said)


@pytest.mark.parametrize(
    ("filters", "events"),
    [
        (["--decision", "flag"], ["opened", "decided"]),
        (["--group", "-1005", "--event", "received", "--event", "screened"], ["screened", "received"]),
        (["--member", "7", "--rule", "pdf.*", "--since", "1h"], ["decided", "screened"]),
        (["--case", "2", "--limit", "1"], ["opened"]),
        (["--until", "1d"], []),
        (["notes", "--event", "received"], ["received"]),
        (["--text", "bob", "--event", "received"], ["received"]),
        (["no-such-word"], []),
    ],
    ids=lambda value: " ".join(value),
)
def test_what_a_search_finds(state: Path, filters: list[str], events: list[str]) -> None:
    rows = json_lines(call("audit", "search", *filters, "--state", state, "--json").stdout)
    assert [row["event"] for row in rows] == events


def test_a_search_that_finds_nothing_says_so(state: Path) -> None:
    assert call("audit", "search", "quetzalcoatl", "--state", state).stdout == "No record fits.\n"


def test_a_search_as_csv(state: Path) -> None:
    ended = subprocess.run(
        [*COMMAND, "audit", "search", "--csv", "--event", "opened", "--state", state], capture_output=True, check=True
    )
    assert [row["case"] for row in csv.DictReader(StringIO(ended.stdout.decode()))] == ["2", "1"]
    refused = call("audit", "search", "--csv", "--json", "--state", state)
    assert (refused.returncode, "two forms" in refused.stderr) == (2, True)


def test_the_story_of_a_case(state: Path) -> None:
    said = call("audit", "show", "--case", "1", "--state", state).stdout
    assert max(map(len, said.splitlines())) <= 80
    order = [said.index(word) for word in ("received", "screened", "decided", "opened")]
    assert order == sorted(order)
    for words in ("telegram:-1001234567890", "person 1", "quarantine: ", "[red]key", "image/png", "case 1"):
        assert words in said
    assert not {"\x1b", "\u202e"} & set(said)


def test_the_newest_records_that_fit_are_followed(state: Path) -> None:
    rows = json_lines(call("audit", "tail", "-n", "2", "--group", "-1005", "--state", state, "--json").stdout)
    assert [row["event"] for row in rows] == ["decided", "opened"]


@pytest.mark.parametrize("form", ["jsonl", "csv", "ocsf"])
def test_exports_by_the_same_filters(state: Path, form: str) -> None:
    done = subprocess.run(
        [*COMMAND, "audit", "export", "--format", form, "--decision", "flag", "--state", state],
        capture_output=True,
        check=True,
    )
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 2 + (form == "csv")
    assert not {"\x1b", "\u202e"} & set(done.stdout.decode())


def test_a_personal_export_is_json_lines(state: Path) -> None:
    ended = call("audit", "export", "--format", "csv", "--personal", "--state", state)
    assert (ended.returncode, "JSON Lines alone" in ended.stderr) == (2, True)


# ── Cases ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], [2, 1]),
        (["--group", "-1005"], [2]),
        (["--group", "telegram:-1005"], [2]),
        (["--member", "666"], [1]),
        (["--member", "@bob"], [2]),
        (["--rule", "pdf.*"], [2]),
        (["--case-state", "confirmed"], []),
        (["--case-state", "open", "--limit", "1"], [2]),
        (["--since", "1h"], [2, 1]),
        (["--since", "2030-01-01"], []),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
@pytest.mark.parametrize("name", ["cases", "quarantine"])
def test_cases_by_group_member_rule_state_and_time(
    state: Path, name: str, filters: list[str], found: list[int]
) -> None:
    rows = json_lines(call(name, "list", *filters, "--state", state, "--json").stdout)
    assert [row["case"] for row in rows] == found


def test_a_case_shows_the_bytes_around_its_findings(state: Path) -> None:
    said = call("cases", "show", "1", "--state", state).stdout
    assert "00000060  00 00 00 00 4d 5a 90 00 1b 5b 32 4a" in said
    assert "....MZ...[2J" in said
    assert "lazaretto audit show --case 1" in said
    assert not {"\x1b", "\u202e", "\u200b"} & set(said)


def test_bytes_of_a_member_have_no_place_in_the_file(state: Path) -> None:
    assert "00000000  " not in call("cases", "show", "1", "--state", state).stdout


def test_without_the_file_or_its_key_a_case_says_why_no_bytes_are_shown(state: Path) -> None:
    assert (
        "bytes are not shown: the vault does not have the file" in call("cases", "show", "2", "--state", state).stdout
    )
    (state / "vault.key").rename(state / "elsewhere")
    ended = call("cases", "show", "1", "--state", state)
    assert ended.returncode == 0
    assert "bytes are not shown" in ended.stdout
    assert "vault.key is missing" in ended.stdout.replace("\n", " ")
    assert not (state / "vault.key").exists()


def test_only_the_two_names_share_their_commands() -> None:
    for name in ("cases", "quarantine"):
        said = call(name, "--help").stdout
        for command in ("list", "show", "release", "confirm", "purge"):
            assert command in said


# ── Moments ───────────────────────────────────────────────────────────────────────────────────────────────────────────

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("12h", NOW - timedelta(hours=12)),
        ("7d", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(days=14)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T10:30", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
        ("2026-03-01T10:30:00+02:00", datetime(2026, 3, 1, 8, 30, tzinfo=UTC)),
        ("2026-03-01T10:30:00Z", datetime(2026, 3, 1, 10, 30, tzinfo=UTC)),
    ],
)
def test_moments_are_ago_or_dates(text: str, meant: datetime) -> None:
    assert moment(text, "--since", NOW) == meant


@pytest.mark.parametrize("text", ["yesterday", "7", "d7", "-7d", "999999w", "2026-13-01", "", "\u0667d", "7d\x1b[2J"])
def test_what_is_no_moment_is_said(state: Path, text: str) -> None:
    ended = call("audit", "search", f"--since={text}", "--state", state)
    assert ended.returncode == 2
    assert "--since" in ended.stderr
    assert "12h, 7d" in ended.stderr.replace("\n", " ")
    assert "\x1b" not in ended.stderr
