"""The pages in docs/ are true: what they show runs, what is generated is up to date, links lead somewhere."""

from __future__ import annotations

import hashlib
import json
import re
import runpy
import shutil
import subprocess
import sys
from collections import Counter as Count
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import Counter, Gauge, Histogram

from audit.samples import attachment, decision, report
from lazaretto.alarms import Cause
from lazaretto.audit import AuditedStore, Event, export, purge, verify_database
from lazaretto.audit.events import FIELDS
from lazaretto.config import Settings
from lazaretto.coverage import Outcome
from lazaretto.metrics import Metrics
from lazaretto.model import SealedPart
from lazaretto.quarantine import AgeVault
from lazaretto.rules import all_rules
from lazaretto.state import DATABASE
from lazaretto.state.codec import canonical
from markdown_blocks import ROOT, Reader, blocks_of, virtual_environment

DOCS = ROOT / "docs"
PAGES = sorted(page for page in DOCS.rglob("*.md"))
WRITTEN = [page for page in PAGES if page.parent.name != "rules"]
BLOCKS = {page.relative_to(DOCS).as_posix(): blocks_of(page) for page in PAGES}
VERIFY = next(block for block in BLOCKS["audit.md"] if block.file == "verify.py")


def name(page: Path) -> str:
    return page.relative_to(DOCS).as_posix()


async def a_log(state: Path) -> None:
    """A log of several records."""
    async with AuditedStore.open(state) as store:
        await store.record(Event.STARTED, {"version": "1.0.0"})
        for number in range(5):
            await store.record(Event.POLICY_CHANGED, {"policy": f"policy {number}"})
        await store.record(Event.STOPPED, {})


async def a_quarantined_file(state: Path) -> None:
    """A case with its file in the vault."""
    (state.parent / "held").write_bytes(b"held back")
    item = await AgeVault(state / "vault", state / "vault.key").seal(state.parent / "held")
    async with AuditedStore.open(state) as store:
        await store.take_in(attachment(), "{}")
        sealed = [SealedPart(0, item, "ab" * 32, 9)]
        await store.decided(attachment(), [report()], decision(), sealed, moderators="-1", policy="p")


def export_of(records: int) -> list[bytes]:
    """A log as it is exported, chained by the page's own words."""
    lines, head = [], "0" * 64
    for number in range(1, records + 1):
        line = json.dumps({"prev": head, "seq": number}, sort_keys=True, separators=(",", ":")).encode()
        head = hashlib.sha256(line).hexdigest()
        lines.append(line + b"\n")
    return lines


def verified(tmp_path: Path, lines: list[bytes]) -> subprocess.CompletedProcess[str]:
    """What the page's verify.py says of an exported log."""
    script, log = tmp_path / "verify.py", tmp_path / "log.jsonl"
    script.write_text(VERIFY.text, encoding="utf-8")
    log.write_bytes(b"".join(lines))
    return subprocess.run([sys.executable, script, log], capture_output=True, text=True, check=False)


def test_every_block_is_run_or_says_why_it_is_not() -> None:
    every = [block for blocks in BLOCKS.values() for block in blocks]
    assert Count(block.language for block in every if block.not_run is None) == {"json": 1, "python": 1, "console": 7}
    assert Count(block.language for block in every if block.not_run is not None) == {
        "console": 7,
        "json": 1,
        "toml": 1,
    }


async def test_verifying_a_log_as_the_page_says(tmp_path: Path) -> None:
    await a_log(tmp_path / "state")
    reader = Reader(tmp_path, virtual_environment(tmp_path / "venv"), {})
    for block in BLOCKS["audit.md"]:
        if block.file is not None:
            reader.write(block)
        elif block.language == "console":
            await reader.follow(block)


async def test_operating_the_bot_as_the_page_says(tmp_path: Path) -> None:
    state = tmp_path / "state"
    await a_quarantined_file(state)
    shutil.copy(state / DATABASE, state / f"{DATABASE}.before-0004")
    reader = Reader(tmp_path, virtual_environment(tmp_path / "venv"), {})
    for block in BLOCKS["operations.md"]:
        if block.not_run is None:
            await reader.follow(block)
        if "cp -a backups/monday state" in block.text:  # the copy is of before an upgrade, not of before the restore
            shutil.copy(state / DATABASE, state / f"{DATABASE}.before-0004")
    assert (await verify_database(state)).fault is None


async def test_the_pages_program_agrees_with_a_purged_log(tmp_path: Path) -> None:
    await a_log(tmp_path / "state")
    async with AuditedStore.open(tmp_path / "state") as store:
        before, everything = datetime.now(UTC) + timedelta(days=1), tuple(range(2, 6))
        await store.write(lambda ledger: purge.events(ledger, None, before, everything, 5))
        lines = await store.state.read(lambda connection: list(export(connection)))
        head = await store.head()
    assert verified(tmp_path, lines).stdout == f"{head}\n"
    buried = json.loads(lines[2])
    lines[5] = canonical({**buried, "seq": 6, "prev": buried["hash"]}) + b"\n"
    assert verified(tmp_path, lines).returncode == 1
    assert verified(tmp_path, lines[:-1]).returncode == 1


def test_the_pages_program_agrees_with_an_honest_log(tmp_path: Path) -> None:
    lines = export_of(4)
    result = verified(tmp_path, lines)
    assert (result.returncode, result.stdout) == (0, f"4:{hashlib.sha256(lines[-1].rstrip()).hexdigest()}\n")


def test_the_pages_program_passes_over_personal_fields(tmp_path: Path) -> None:
    lines = export_of(3)
    lines.insert(2, b'{"json":"{}","personal":"00","salt":"00"}\n')
    assert verified(tmp_path, lines).returncode == 0


@pytest.mark.parametrize("fault", ["changed", "removed", "swapped"])
def test_the_pages_program_notices_a_dishonest_log(tmp_path: Path, fault: str) -> None:
    lines = export_of(4)
    if fault == "changed":
        lines[1] = lines[1].replace(b'"seq"', b'"SEQ":0,"seq"')
    elif fault == "removed":
        del lines[1]
    else:
        lines[1:3] = lines[2], lines[1]
    result = verified(tmp_path, lines)
    assert result.returncode == 1
    assert "record" in result.stderr


def test_the_record_shown_has_the_fields_of_a_record() -> None:
    (shown,) = [block for block in BLOCKS["audit.md"] if block.language == "json" and block.not_run is None]
    record = json.loads(shown.text)
    assert sorted(record) == sorted(FIELDS)
    assert Event(record["event"]) is Event.DECIDED


def test_every_event_is_explained() -> None:
    table = (DOCS / "audit.md").read_text(encoding="utf-8").partition("## The events")[2].partition("## ")[0]
    assert set(re.findall(r"`([a-z-]+)`", table)) == set(Event)


def test_every_outcome_of_an_update_is_explained() -> None:
    table = (DOCS / "audit.md").read_text(encoding="utf-8").partition("## Coverage")[2].partition("## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| `")]
    assert [re.findall(r"`([a-z-]+)`", row)[0] for row in rows] == [outcome.value for outcome in Outcome]


def rows_below(page: str, heading: str) -> list[list[str]]:
    """The cells of the table below a heading, without its head."""
    section = (DOCS / page).read_text(encoding="utf-8").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_every_metric_is_explained_with_its_labels() -> None:
    metrics = [one for one in vars(Metrics()).values() if isinstance(one, (Counter, Gauge, Histogram))]
    families = [(next(iter(one.describe())), one) for one in metrics]
    known = {f"{family.name}_total" if family.type == "counter" else family.name: one for family, one in families}
    explained = {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in rows_below("operations.md", "Metrics")}
    assert explained.keys() == known.keys()
    for name, labels in explained.items():
        if labels:
            known[name].labels(**dict.fromkeys(labels, "one"))  # raises where it has others
        assert next(iter(known[name].collect())).samples, f"{name} has labels"


def test_every_cause_of_an_alarm_is_explained() -> None:
    assert [row[0].strip("`") for row in rows_below("operations.md", "Alarms")] == [cause.value for cause in Cause]


def test_every_bound_is_explained_by_keys_that_there_are() -> None:
    cells = (row[1] for row in rows_below("operations.md", "What may wait and be kept"))
    keys = re.findall(r"`(\w+)\.(\w+)`", " ".join(cells))
    assert keys
    assert [pair for pair in keys if pair[1] not in type(getattr(Settings(), pair[0])).model_fields] == []


RULE_PAGES = [page for page in PAGES if page.parent.name == "rules" and page.name != "coverage.md"]
"""The table of threats beside them has a generator and tests of its own."""


def test_the_rules_are_generated_from_the_table() -> None:
    wanted = runpy.run_path(str(DOCS / "generate_rules.py"))["pages"]()
    there = {page.name: page.read_text(encoding="utf-8") for page in RULE_PAGES}
    assert there == wanted, "out of date: run `python docs/generate_rules.py`"


def test_every_rule_has_its_place_in_the_pages() -> None:
    headings = [
        line.removeprefix("## ")
        for page in RULE_PAGES
        for line in page.read_text(encoding="utf-8").splitlines()
        if line.startswith("## ")
    ]
    assert sorted(headings) == sorted(all_rules())


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))
    local = [target.partition("#")[0] for target in targets if not target.startswith("https://")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_decisions_are_numbered_without_gaps_and_have_the_same_parts() -> None:
    decisions = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in decisions] == list(range(1, len(decisions) + 1))
    for number, page in enumerate(decisions, 1):
        lines = page.read_text(encoding="utf-8").splitlines()
        assert lines[0].startswith(f"# {number}. ")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", lines[2])
        assert [line for line in lines if line.startswith("## ")] == ["## Context", "## Decision", "## Consequences"]


@pytest.mark.parametrize("page", [*WRITTEN, ROOT / "README.md"], ids=lambda page: page.name)
def test_sentences_stand_one_on_a_line_and_without_long_dashes(page: Path) -> None:
    prose, fenced = [], False
    for line in page.read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        if not fenced and not line.startswith(("```", "|", "- ", "1.", "2.", "3.", "4.", "#", "<!--")):
            prose.append(line)
    assert [line for line in prose if re.search(r"[a-z`)][.] [A-Z]", line)] == []
    assert "\N{EM DASH}" not in page.read_text(encoding="utf-8")
