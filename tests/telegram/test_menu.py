"""What the menu offers, how typed values are understood, and what is written down for a group's file."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lazaretto.config import ConfigError, Configuration
from lazaretto.languages import LANGUAGES, language_of
from lazaretto.model import Action, Place
from lazaretto.policy import explain
from lazaretto.policy.layers import ACTIONS, KEYS
from lazaretto.policy.selectors import CELLS, settable
from lazaretto.telegram.commands.choices import Choices
from lazaretto.telegram.commands.directory import KnownChat
from lazaretto.telegram.commands.menu_choices import CATEGORY_WORDS, FAMILIES, PAGES, choices_of, page_of
from lazaretto.telegram.commands.menu_pages import (
    MAIN,
    SHOW,
    TRIED,
    TRY,
    View,
    chooser,
    data_of,
    effective,
    page,
    tries_of,
)
from lazaretto.telegram.commands.settings_words import key_of, value_of
from lazaretto_validators.media_types import MEDIA_TYPES

GROUP = Place("telegram", "-1009999999999999")
NAMES = [
    MAIN,
    SHOW,
    TRY,
    f"{SHOW}.{ACTIONS}",
    "acts",
    *PAGES,
    *(f"a.{c}" for c in CATEGORY_WORDS),
    *(f"a.{c}" for c in CELLS),
]
CHAT_KEYS = [key for key in KEYS if not key.startswith("keep.") and key != "locked"]


def view(code: str = "en", chat: dict[str, object] | None = None, **defaults: Any) -> View:
    configuration = Configuration.load({"defaults": defaults})
    return View(GROUP, "Bridge <club>", configuration.merged(GROUP, chat), chat or {}, language_of(code))


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("code", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_every_page_fits_into_a_message_in_every_language(name: str, code: str) -> None:
    found = page(view(code), name)
    assert found is not None
    text, keyboard = found
    assert 0 < len(text) <= 4096 + 1000  # tags are taken out before Telegram counts
    assert "Bridge &lt;club&gt;" in text
    assert len(keyboard.inline_keyboard) <= 33
    for row in keyboard.inline_keyboard:
        assert 1 <= len(row) <= 3
        for button in row:
            assert button.text.strip()
            assert len(str(button.callback_data).encode()) <= 64


def test_every_button_leads_to_a_page_or_sets_a_key_that_a_page_shows() -> None:
    for name in NAMES:
        found = page(view(), name)
        assert found is not None
        for row in found[1].inline_keyboard:
            for button in row:
                what = str(button.callback_data).split(":", 3)[3]
                if what.startswith(TRIED):
                    assert what.removeprefix(TRIED) in tries_of(view())
                    continue
                if not what.startswith("="):
                    assert what in ("export", "choose") or page(view(), what) is not None, what
                    continue
                key, _, token = what[1:].partition(":")
                assert page(view(), page_of(key)) is not None, key
                assert token == "~" or token in [choice.token for choice in choices_of(key)]


@pytest.mark.parametrize("key", [*CHAT_KEYS, "actions.active", "actions.unscannable", "actions.exploit.info"])
def test_every_choice_is_a_value_that_a_chat_may_set_and_shows_as_holding(key: str) -> None:
    plain: dict[str, Any] = {"moderators": "-5"}
    for choice in choices_of(key):
        now = effective(view(**plain).merged, key)
        chosen = {key: choice.applied(now)}
        assert choice.holds(key, effective(view("en", chosen, **plain).merged, key)), choice.token


def test_a_family_that_is_denied_is_denied_as_a_whole() -> None:
    """Office's macro documents have capitals in their types."""
    names = {name.lower(): name for name in MEDIA_TYPES}
    for family, (_, globs) in FAMILIES.items():
        policy = view("en", {"types.deny": list(globs)}).merged.policy
        assert not any(policy.types.permit(names[one]) for one in globs if one in names), family
        assert policy.types.permit("text/plain"), family


def test_the_menu_has_a_way_to_every_key_but_those_for_experts() -> None:
    shown = {key for one in PAGES.values() for key in one.keys}
    assert set(CHAT_KEYS) - shown == {"previews", "release_days"}


def test_a_locked_key_has_no_buttons() -> None:
    for name, key in (("size", "max_size"), ("mods", "moderators"), ("a.active", "actions"), ("new", "newcomers")):
        found = page(view(locked=[key]), name)
        assert found is not None
        data = [str(button.callback_data) for row in found[1].inline_keyboard for button in row]
        assert not [one for one in data if ":=" in one or one.endswith(":choose")]
        assert "🔒" in found[0]


def test_a_list_of_many_chats_is_bounded() -> None:
    chats = [KnownChat(f"-100{n}", "\u202e<i>" * 40) for n in range(100)]
    text, keyboard = chooser(chats, language_of("en"))
    assert sum(map(len, keyboard.inline_keyboard)) == 30
    assert "Not in the list?" in text
    assert not any("\u202e" in button.text for row in keyboard.inline_keyboard for button in row)


def test_the_longest_button_of_the_longest_id_fits() -> None:
    longest = max(
        (data_of("-" + "9" * 19, f"={ACTIONS}.{cell}", action) for cell in CELLS for action in Action), key=len
    )
    assert len(longest) <= 64 + 2  # no id has more than 52 bits, 16 digits (Bot API, Chat)
    assert len(longest.replace("9" * 19, "9" * 16)) <= 64


def test_a_question_is_answered_once_and_by_whom_it_was_put_to() -> None:
    async def then(_message: object) -> None: ...

    choices = Choices()
    number = choices.ask(7, then)
    assert 0 <= number < 2**31
    assert not choices.expects(8, number)
    assert choices.take(8, number) is None
    assert choices.take(7, number) is then
    assert choices.take(7, number) is None
    for _ in range(2000):
        choices.ask(9, then)
    assert len(choices._open) == 1000


# ── typed values ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "typed", "value"),
    [
        ("weekly_report", "Yes", True),
        ("weekly_report", "OFF", False),
        ("max_size", "1.5 g", "1.5 GB"),
        ("max_size", "20MiB", "20 MiB"),
        ("max_size", "1,5gb", "1.5 GB"),
        ("max_size", "500", "500 B"),
        ("newcomers.period", "2w", "2 weeks"),
        ("newcomers.period", "off", "none"),
        ("strikes.within", "forever", "forever"),
        ("strikes.mute", "1 Day", "1 days"),
        ("strikes.limit", "off", 0),
        ("release_days", "14", 14),
        ("types.allow", "image/* , APPLICATION/pdf", ["image/*", "application/pdf"]),
        ("types.deny", '["video/*", "audio/*"]', ["video/*", "audio/*"]),
        ("exempt", "nobody", []),
        ("exempt", "admins 424242", ["admins", "424242"]),
        ("mode", "GUARD", "guard"),
        ("moderators", "-1001", "-1001"),
        ("actions.active", "Reject", "reject"),
    ],
)
def test_typed_values_become_those_of_the_files(key: str, typed: str, value: object) -> None:
    assert value_of(key, typed) == value
    if key in KEYS:
        KEYS[key].read(value)


@pytest.mark.parametrize(
    ("typed", "key"),
    [
        ("MAX-SIZE", "max_size"),
        ("active", "actions.active"),
        ("pdf.*", "actions.pdf.*"),
        ("actions.active", "actions.active"),
        ("nonsense", "nonsense"),
        ("locked", "locked"),
    ],
)
def test_typed_keys(typed: str, key: str) -> None:
    assert key_of(typed) == key


@given(st.sampled_from([*KEYS, "actions.active", "nonsense"]), st.text(max_size=200))
def test_whatever_is_typed_is_taken_or_refused_with_a_problem(key: str, typed: str) -> None:
    configuration = Configuration.load({"defaults": {"moderators": "-5"}})
    with suppress(ConfigError):
        value = value_of(key_of(key), typed)
        configuration.check_chat(GROUP, {key: value}, key)


@pytest.mark.parametrize("typed", ["x" * 101, " ".join(["a/b"] * 65), "image/<b>", "a\u202eb", "a\x00b", "ab\ud800"])
def test_a_list_takes_no_strange_values(typed: str) -> None:
    with pytest.raises(ConfigError):
        value_of("types.deny", typed)


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────

_SELECTORS = st.sampled_from([*CELLS, *CATEGORY_WORDS, "pdf.*", "zip.*", "*", *list(settable())[::7]])
_TABLE = st.dictionaries(_SELECTORS, st.sampled_from([str(action) for action in Action]), max_size=6)


@settings(max_examples=150, deadline=None)
@given(_TABLE, _TABLE)
@example({"*": "forward"}, {"malformed.high": "flag"})
def test_an_export_decides_as_file_and_chat_together(file: dict[str, str], chat: dict[str, str]) -> None:
    """Also where a category set in the chat beats a rule in the file, which in one table it would not."""
    source = {"groups": {"policies": {GROUP.chat: {"actions": file, "max_size": "7 MB"}}}}
    layer: dict[str, object] = {f"actions.{selector}": action for selector, action in chat.items()}
    configuration = Configuration.load(source)
    exported = tomllib.loads(configuration.export(GROUP, layer))
    again = Configuration.load({"groups": {"policies": {GROUP.chat: exported}}})
    before, after = configuration.policy_of(GROUP, layer), again.policy_of(GROUP)
    assert after.id == before.id
    assert all(after.action_for(rule)[0] is before.action_for(rule)[0] for rule in settable().values())


def test_an_export_has_every_key_of_the_group_and_none_of_the_defaults() -> None:
    own: dict[str, object] = {
        "preset": "strict",
        "mode": "guard",
        "moderators": "-5",
        "max_size": "20 MiB",
        "types.allow": ["image/*", 'a"b\\\x7f'],
        "types.deny": [],
        "previews": True,
        "release_days": 3,
        "keep.files": "2 weeks",
        "keep.personal": "1 year",
        "keep.events": "forever",
        "language": "ru",
        "exempt": ["admins", "42"],
        "newcomers.period": "none",
        "newcomers.preset": "lenient",
        "strikes.limit": 3,
        "strikes.within": "1 week",
        "strikes.consequence": "ban",
        "strikes.mute": "1 day",
        "inform_sender": True,
        "two_person": ["exploit"],
        "weekly_report": True,
        "locked": ["max_size"],
    }
    assert own.keys() == KEYS.keys()
    defaults = {"max_size": "9 MB", "actions": {"active": "flag"}}
    configuration = Configuration.load({"defaults": defaults, "groups": {"policies": {GROUP.chat: own}}})
    exported = tomllib.loads(configuration.export(GROUP))
    assert "actions" not in exported
    again = Configuration.load({"defaults": defaults, "groups": {"policies": {GROUP.chat: exported}}})
    assert explain(again.merged(GROUP)) == explain(configuration.merged(GROUP))
    assert configuration.export(Place("telegram", "-1")) == ""
