"""Selectors, layers and presets: which key has the last word, and what is said about wrong ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazaretto.model import Action, Mode
from lazaretto.policy import PRESETS, Keep, Policy, Problem, explain
from lazaretto.policy.layers import CHAT, Layer, merge, preset_layer, read_layer
from lazaretto.policy.presets import Preset
from lazaretto.policy.selectors import CELLS, settable
from lazaretto.policy.values import FOREVER, earlier, later, period, read_size, shown_period, shown_size
from lazaretto.rules import all_rules
from lazaretto_validators import Category, Rule, Severity

ENCRYPTED = all_rules()["unscannable.encrypted"]


def layer(data: Mapping[str, Any], file: str = "groups/-1.toml") -> Layer:
    read, problems = read_layer(data, file)
    assert problems == []
    return read


def only_problem(data: Mapping[str, Any], file: str = "groups/-1.toml") -> Problem:
    _, [problem] = read_layer(data, file)
    assert problem.file == file
    return problem


def policy(*layers: Mapping[str, Any]) -> Policy:
    return merge([layer(data) for data in layers]).policy


# ── selectors ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        ({"unscannable": "reject"}, (Action.REJECT, "unscannable")),
        ({"unscannable": "reject", "unscannable.medium": "flag"}, (Action.FLAG, "unscannable.medium")),
        ({"unscannable.medium": "flag", "unscannable.enc*": "reject"}, (Action.REJECT, "unscannable.enc*")),
        ({"unscannable.*": "flag", "unscannable.enc*": "reject"}, (Action.REJECT, "unscannable.enc*")),
        ({"unscannable.enc*": "reject", "unscannable.encrypted": "forward"}, (Action.FORWARD, "unscannable.encrypted")),
        ({"unscannable.high": "reject"}, (Action.FLAG, "unscannable.medium")),
    ],
)
def test_rule_beats_glob_beats_severity_beats_category(actions: dict[str, str], expected: tuple[Action, str]) -> None:
    assert policy({"actions": actions}).action_for(ENCRYPTED) == expected


def test_a_later_layers_category_beats_an_earlier_layers_rule() -> None:
    made = policy({"actions": {"unscannable.encrypted": "reject"}}, {"actions": {"unscannable": "flag"}})
    assert made.action_for(ENCRYPTED) == (Action.FLAG, "unscannable")


@pytest.mark.parametrize("rule", ["precedent.confirmed", "policy.type-not-allowed"])
def test_a_relaxed_category_does_not_reach_rules_about_circumstances(rule: str) -> None:
    made = policy({"actions": {"dangerous": "forward"}})
    assert made.action_for(all_rules()[rule]) == (Action.QUARANTINE, rule)


def test_a_rule_about_circumstances_is_set_by_its_id() -> None:
    made = policy({"actions": {"policy.type-not-allowed": "reject"}})
    assert made.action_for(all_rules()["policy.type-not-allowed"])[0] is Action.REJECT


def test_a_rule_that_nothing_speaks_for_is_quarantined() -> None:
    assert Policy().action_for(ENCRYPTED) == (Action.QUARANTINE, "")


def test_a_third_partys_rule_follows_its_category_and_severity() -> None:
    rule = Rule("theirs.odd", Category.ACTIVE, Severity.HIGH, "", "")
    assert policy().action_for(rule) == (Action.QUARANTINE, "active.high")


@pytest.mark.parametrize(
    ("selector", "remedy"),
    [
        ("unscannable.encripted", "did you mean 'unscannable.encrypted'?"),
        ("dangerous.hihg", "did you mean 'dangerous.high'?"),
        ("aktive", "did you mean 'active'?"),
        ("zip", 'for all rules of zip write "zip.*"'),
        ("qqqq.*", "`lazaretto rules` lists all rules"),
        ("precedent.granted", "take the line out"),
        ("max_size", "move the line above the line [actions]"),
    ],
)
def test_unknown_selector_is_named_with_a_remedy(selector: str, remedy: str) -> None:
    problem = only_problem({"actions": {selector: "flag"}})
    assert (problem.key, problem.remedy) == (f"actions.{selector}", remedy)
    assert selector in problem.problem


def test_unknown_action_names_the_possible_ones() -> None:
    problem = only_problem({"actions": {"active": "delete"}})
    assert str(problem) == (
        "groups/-1.toml: actions.active: 'delete' is not one of forward, flag, quarantine, reject; "
        "write one of forward, flag, quarantine, reject"
    )


# ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("data", "key", "problem", "remedy"),
    [
        ({"max_sise": 1}, "max_sise", "is no policy key", "did you mean 'max_size'?"),
        ({"max_size": "many"}, "max_size", "'many' is not a size", "50 MB"),
        ({"max_size": "50 parsecs"}, "max_size", "is not a size", "50 MB"),
        ({"max_size": 0}, "max_size", "out of range", "50 MB"),
        ({"max_size": True}, "max_size", "is not a size", "50 MB"),
        ({"mode": "gard"}, "mode", "'gard' is not one of observe, guard", "write observe or guard"),
        ({"mode": ["guard"]}, "mode", "is not one of", "write observe or guard"),
        ({"moderators": -100}, "moderators", "-100 is a number", "in quotes"),
        ({"moderators": "@mods"}, "moderators", "'@mods' is not an id", "in quotes"),
        ({"types": {"allow": "image/*"}}, "types.allow", "is not a list of strings", "write a list"),
        ({"types": {"alow": []}}, "types.alow", "is no policy key", "did you mean 'types.allow'?"),
        ({"types": {}, "release_days": 0}, "release_days", "out of range", "from 1 to 3650"),
        ({"release_days": "30"}, "release_days", "is not a whole number", "from 1 to 3650"),
        ({"preset": "paranoid"}, "preset", "'paranoid' is not one of", "lenient, balanced, strict"),
        ({"locked": ["max_sise"]}, "locked", "'max_sise' is no key that can be locked", "did you mean 'max_size'?"),
        ({"locked": ["actions.active"]}, "locked", "is no key that can be locked", 'write "actions"'),
        ({"active": "flag"}, "active", "is a selector of actions", "below a line [actions]"),
        ({"actions": "flag"}, "actions", "is no policy key", "the keys are"),
    ],
)
def test_wrong_key_or_value_is_named_with_a_remedy(data: dict[str, Any], key: str, problem: str, remedy: str) -> None:
    found = only_problem(data)
    assert found.key == key
    assert problem in found.problem
    assert remedy in found.remedy


def test_all_problems_of_a_layer_are_told_at_once() -> None:
    _, problems = read_layer({"mode": 1, "max_size": "x", "actions": {"nothing": "flag"}}, "f")
    assert [p.key for p in problems] == ["mode", "max_size", "actions.nothing"]


def test_dotted_and_nested_keys_are_the_same() -> None:
    nested = policy({"types": {"allow": ["image/*"]}, "actions": {"active": {"medium": "reject"}}})
    dotted = policy({"types.allow": ["image/*"], "actions.active.medium": "reject"})
    assert nested == dotted


def test_a_later_layer_beats_an_earlier_one_key_by_key() -> None:
    made = policy({"max_size": "1 MB", "release_days": 3, "preset": "strict"}, {"max_size": "2 MB"})
    assert (made.max_size, made.release_days) == (2_000_000, 3)
    assert made.cells["active.medium"][0] is Action.QUARANTINE


def test_the_preset_lies_underneath_whichever_layer_chose_it() -> None:
    made = policy({"actions": {"active": "reject"}}, {"preset": "lenient"})
    assert made.cells["active.medium"] == (Action.REJECT, "active")
    assert made.cells["malformed.high"][0] is Action.FLAG


@pytest.mark.parametrize(
    ("locked", "chat", "changed"),
    [
        ([], {"max_size": "1 MB"}, True),
        (["max_size"], {"max_size": "1 MB"}, False),
        (["types"], {"types.allow": ["image/*"]}, False),
        (["types.deny"], {"types.allow": ["image/*"]}, True),
        (["actions"], {"actions.active": "forward"}, False),
        (["actions"], {"preset": "lenient"}, False),
        (["preset"], {"actions.active": "forward"}, True),
    ],
)
def test_a_chat_cannot_change_locked_keys(locked: list[str], chat: dict[str, Any], changed: bool) -> None:
    files = [layer({"locked": locked})]
    before, after = merge(files).policy, merge(files, layer(chat, CHAT)).policy
    assert (before.id != after.id) is changed


def test_a_chat_cannot_unlock() -> None:
    problem = only_problem({"locked": []}, CHAT)
    assert (problem.key, problem.problem) == ("locked", "cannot be set in the chat")


def test_guard_mode_without_moderators_is_refused_with_the_reason() -> None:
    [problem] = merge([layer({"mode": "guard"})]).problems()
    assert (problem.file, problem.key) == ("groups/-1.toml", "mode")
    assert "guard mode needs a moderators' chat" in problem.problem
    assert list(merge([layer({"mode": "guard", "moderators": "-5"})]).problems("-1")) == []


def test_a_group_cannot_be_its_own_moderators_chat() -> None:
    [problem] = merge([layer({"moderators": "-1"})]).problems("-1")
    assert (problem.key, "never be screened" in problem.problem) == ("moderators", True)


# ── presets and fingerprint ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_speaks_for_every_category_and_severity_and_for_circumstances(preset: str) -> None:
    actions = preset_layer(Preset(preset)).actions
    assert set(CELLS) <= actions.keys()
    made = Policy(actions=(actions,))
    assert all(made.action_for(rule)[1] for rule in settable().values())
    assert made.action_for(all_rules()["precedent.confirmed"])[0] is Action.QUARANTINE


def test_a_stricter_preset_is_nowhere_milder() -> None:
    lenient, balanced, strict = (Policy(actions=(preset_layer(Preset(p)).actions,)) for p in PRESETS)
    for rule in settable().values():
        ranks = [made.action_for(rule)[0].rank for made in (lenient, balanced, strict)]
        assert ranks == sorted(ranks), rule.id


def test_equal_behaviour_has_an_equal_id_however_it_is_written() -> None:
    written_once = policy({"actions": {"active": "reject"}})
    spelt_out = policy({"actions": {f"active.{severity}": "reject" for severity in Severity}})
    assert written_once.id == spelt_out.id != policy().id


@pytest.mark.parametrize(
    "changes",
    [
        {"mode": Mode.GUARD},
        {"moderators": "-5"},
        {"max_size": 1},
        {"release_days": 1},
        {"actions": ({"unscannable.encrypted": Action.REJECT}, *policy().actions)},
        {"actions": ({"resource.info": Action.REJECT}, *policy().actions)},
    ],
)
def test_every_change_of_behaviour_changes_the_id(changes: dict[str, Any]) -> None:
    assert replace(policy(), **changes).id != policy().id


# ── show ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_effective_value_is_shown_with_its_origin() -> None:
    rows = {
        row.key: (row.value, row.origin)
        for row in explain(
            merge(
                [
                    layer({"max_size": "20 MiB", "actions": {"unscannable.encrypted": "reject"}}, "lazaretto.toml"),
                    layer({"actions": {"active": "flag", "unscannable": "flag"}}),
                ],
                layer({"types.allow": ["image/*", "video/*"]}, CHAT),
            )
        )
    }
    assert rows["mode"] == ("observe", "built in")
    assert rows["max_size"] == ("20 MiB", "lazaretto.toml")
    assert rows["types.allow"] == ("image/*, video/*", "chat settings")
    assert rows["actions.malformed.high"] == ("quarantine", "preset balanced")
    assert rows["actions.active.high"] == ("flag", "groups/-1.toml: active")
    assert rows["actions.unscannable.encrypted"] == ("flag", "groups/-1.toml: unscannable")


def test_a_glob_that_other_keys_overrule_says_so() -> None:
    made = merge([layer({"actions": {"unscannable.*": "reject", "unscannable.encrypted": "flag"}})])
    [row] = [row for row in explain(made) if row.key == "actions.unscannable.*"]
    assert row.value == "reject"
    assert "other keys speak for 1 of its" in row.origin


# ── sizes ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "count"),
    [("50 MB", 50_000_000), ("20 MiB", 20 * 2**20), ("1.5GB", 1_500_000_000), ("7 b", 7), (9, 9), (" 1 kb ", 1000)],
)
def test_sizes_that_people_write(text: object, count: int) -> None:
    assert read_size(text) == count


@pytest.mark.parametrize("text", ["", "MB", "-1 MB", "1,5 MB", "1e3 B", "5", "99999999 TB", "0.1 B", None, 1.5, "١ MB"])
def test_sizes_that_nobody_can_mean(text: object) -> None:
    with pytest.raises(ValueError, match=r"is not a size|is out of range"):
        read_size(text)


@given(st.integers(1, 2**53))
def test_a_size_shown_is_a_size_read(count: int) -> None:
    assert read_size(shown_size(count)) == count


# ── How long things are kept ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("1 day", timedelta(days=1)),
        ("30 days", timedelta(days=30)),
        ("12 weeks", timedelta(days=84)),
        (" 2 Years ", timedelta(days=730)),
        ("forever", FOREVER),
        ("Forever", FOREVER),
    ],
)
def test_a_period_is_read(text: str, kept: timedelta) -> None:
    assert period(text) == kept
    assert period(shown_period(kept)) == kept


@pytest.mark.parametrize(
    "value", [30, 30.0, True, None, "", "30", "0 days", "101 years", "3 months", "-1 days", "1.5 days"]
)
def test_what_is_no_period_is_refused_with_an_example(value: object) -> None:
    _, problems = read_layer({"keep": {"files": value}}, "file")
    assert [(problem.key, problem.remedy) for problem in problems] == [
        ("keep.files", 'write a period such as "30 days", "12 weeks", "1 year" or "forever"')
    ]


@pytest.mark.parametrize(
    ("layers", "key", "problem"),
    [
        (({"keep.personal": "20 days"},), "keep.personal", "20 days is shorter than keep.files, 30 days (built in)"),
        (({"keep.files": "1 year"},), "keep.files", "365 days is longer than keep.personal, 90 days (built in)"),
        (({"keep.files": "forever"},), "keep.files", "forever is longer than keep.personal, 90 days (built in)"),
        (({"keep.events": "60 days"},), "keep.events", "60 days is shorter than keep.personal, 90 days (built in)"),
        (
            ({"keep.personal": "100 days"}, {"keep.files": "200 days"}),
            "keep.files",
            "200 days is longer than keep.personal, 100 days (file 0)",
        ),
        (
            ({"keep.files": "60 days"}, {"keep.personal": "40 days"}),
            "keep.personal",
            "40 days is shorter than keep.files, 60 days (file 0)",
        ),
    ],
)
def test_a_period_shorter_than_what_it_accounts_for_is_refused_where_it_was_said_last(
    layers: tuple[dict[str, str], ...], key: str, problem: str
) -> None:
    read = [read_layer(data, f"file {number}")[0] for number, data in enumerate(layers)]
    (found,) = merge(read).problems()
    assert (found.file, found.key, found.problem) == (f"file {len(layers) - 1}", key, problem)


def test_equal_periods_and_later_ones_are_right() -> None:
    for keys in ({"keep.files": "90 days"}, {"keep.personal": "30 days", "keep.events": "30 days"}):
        assert list(merge([read_layer(keys, "file")[0]]).problems()) == []


def test_the_periods_are_locked_alone_or_together() -> None:
    for locked in ("keep", "keep.files"):
        files = read_layer({"locked": [locked]}, "file")[0]
        assert merge([files], read_layer({"keep.files": "1 day"}, CHAT)[0]).policy.keep == Keep()


def test_a_policys_id_says_how_long_it_keeps_things_and_stays_where_nothing_is_said() -> None:
    default, said = policy({}), policy({"keep.files": "30 days"})
    assert default.id == said.id
    assert policy({"keep.files": "31 days"}).id != default.id


def test_periods_are_shown_with_their_origin() -> None:
    rows = {row.key: row for row in explain(merge([read_layer({"keep.files": "2 weeks"}, "file")[0]]))}
    assert (rows["keep.files"].value, rows["keep.files"].origin) == ("14 days", "file")
    assert (rows["keep.events"].value, rows["keep.events"].origin) == ("forever", "built in")


def test_time_has_a_beginning_and_an_end() -> None:
    now = datetime(2026, 5, 2, tzinfo=UTC)
    assert (earlier(now, timedelta(days=1)).day, later(now, timedelta(days=1)).day) == (1, 3)
    assert (earlier(now, FOREVER).year, later(now, FOREVER).year) == (1, 9999)
