"""`lazaretto policy test`: recorded reports decided anew, told in a sentence, and nothing changed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.terminal import call, json_lines
from fakes import an_attachment
from lazaretto.audit import AuditedStore, Settings
from lazaretto.model import Action, Decision, Person, Place, Reason, Report
from lazaretto_validators import Finding

GROUP = "-1001234567890"
PLACE = Place("telegram", GROUP)
MIA = Person("telegram", "7", "Mia")
STRICTER = '[actions]\n"pdf.script" = "quarantine"\n'


async def post(store: AuditedStore, number: int, action: Action, place: Place = PLACE) -> None:
    """A PDF with a script in it, decided so."""
    posted = replace(an_attachment("a.pdf", name=f"a{number}", place=place), message=str(number))
    await store.take_in(posted, "{}")
    report = Report("application/pdf", 20, f"{number:064x}", (Finding("pdf.script", 3, "", "", ""),), 1)
    decision = Decision(action, True, (Reason("pdf.script", action, "active"),))
    case = await store.decided(posted, [report], decision, [], moderators="-100", policy="p1")
    if case is not None and number % 2:
        await store.release(case.id, MIA, days=1)
        for deed in await store.due():
            await store.attempting(deed)
            await store.done(deed, "1")


@pytest.fixture
def state(folder: Path) -> Path:
    """Three flagged, of which two were released, and one in another group."""

    async def fill() -> None:
        async with AuditedStore.open(folder / "state") as store:
            for number in (1, 2, 3):
                await post(store, number, Action.FLAG)
            await post(store, 4, Action.FLAG, Place("telegram", "-5"))

    asyncio.run(fill())
    (folder / "stricter.toml").write_text(STRICTER, encoding="utf-8")
    (folder / "config" / "groups").mkdir(parents=True)
    (folder / "config" / "lazaretto.toml").write_text('[defaults]\nactions."pdf.script" = "flag"\n', encoding="utf-8")
    return folder / "state"


def test_the_answer_is_one_sentence(state: Path) -> None:
    ended = call("policy", "test", "stricter.toml", "--group", GROUP, "--since", "30d", "--state", state)
    assert ended.returncode == 0
    assert "Would have held 3 more, 2 of which moderators released by hand." in ended.stdout
    assert "cases 3, 2, 1" in ended.stdout
    assert "beside the policy in force" in ended.stdout


def test_the_answer_for_programs(state: Path) -> None:
    ended = call("policy", "test", "stricter.toml", "--group", GROUP, "--state", state, "--json")
    [row] = json_lines(ended.stdout)
    assert row["held"] == {
        "count": 3,
        "released": 2,
        "confirmed": 0,
        "cases": [3, 2, 1],
        "rules": [{"rule": "pdf.script", "count": 3}],
    }
    assert row["actions"] == [{"before": "flag", "now": "quarantine", "count": 3}]
    assert (row["judged"], row["let_go"]["count"], row["unjudged"], row["more"]) == (3, 0, {}, False)


def test_without_a_file_the_policy_in_force_is_held_against_what_was_decided(state: Path, folder: Path) -> None:
    ended = call("policy", "test", "--group", GROUP, "--state", state)
    assert "beside what was decided" in ended.stdout
    assert "Would have held nothing more." in ended.stdout
    (folder / "config" / "groups" / f"{GROUP}.toml").write_text(STRICTER, encoding="utf-8")
    assert "Would have held 3 more" in call("policy", "test", "--group", GROUP, "--state", state).stdout


def test_a_group_that_has_another_file_now_is_judged_by_the_one_that_is_named(state: Path, folder: Path) -> None:
    (folder / "config" / "groups" / f"{GROUP}.toml").write_text(STRICTER, encoding="utf-8")
    (folder / "mild.toml").write_text('[actions]\n"pdf.script" = "forward"\n', encoding="utf-8")
    said = call("policy", "test", "mild.toml", "--group", GROUP, "--state", state).stdout
    assert "Would have let 3 more through, 0 of which moderators confirmed as bad." in said


def test_what_was_set_in_the_chat_holds_on_top_of_the_file(state: Path) -> None:
    async def set_it() -> None:
        async with AuditedStore.open(state) as store:
            await Settings(store).change(PLACE, "types.deny", ["application/pdf"], MIA)

    before = call("policy", "test", "--group", GROUP, "--state", state).stdout
    asyncio.run(set_it())
    after = call("policy", "test", "--group", GROUP, "--state", state).stdout
    assert "Would have held nothing more." in before
    assert "Would have held 3 more" in after


def test_nothing_in_the_period_is_said_and_is_status_1(state: Path) -> None:
    since = datetime.now(UTC).replace(year=datetime.now(UTC).year + 1).date().isoformat()
    ended = call("policy", "test", "--group", GROUP, "--since", since, "--state", state)
    assert (ended.returncode, "0 attachments" in ended.stdout) == (1, True)
    assert call("policy", "test", "--group", "-77", "--state", state).returncode == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--group is missing"),
        (("--group", "my group"), "neither the id of a group"),
        (("--group", GROUP, "--since", "often"), "is no moment"),
        (("nowhere.toml", "--group", GROUP), "there is no such file"),
        (("wrong.toml", "--group", GROUP), "is no policy key"),
        (("alone.toml", "--group", GROUP), "moderators"),
    ],
    ids=["no group", "no id", "no moment", "no file", "a wrong key", "a contradiction"],
)
def test_what_is_wrong_is_said_with_a_remedy(state: Path, folder: Path, arguments: tuple[str, ...], words: str) -> None:
    (folder / "wrong.toml").write_text("colour = 1\n", encoding="utf-8")
    (folder / "alone.toml").write_text('mode = "guard"\n', encoding="utf-8")
    ended = call("policy", "test", *arguments, "--state", state)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "error:" in ended.stderr


def test_testing_changes_nothing(state: Path) -> None:
    head = call("audit", "head", "--state", state).stdout
    call("policy", "test", "stricter.toml", "--group", GROUP, "--state", state)
    assert call("audit", "head", "--state", state).stdout == head


def test_no_state_is_said_and_none_is_made(folder: Path) -> None:
    ended = call("policy", "test", "--group", GROUP)
    assert (ended.returncode, "there is no state in" in ended.stderr) == (2, True)
    assert list(folder.iterdir()) == []
