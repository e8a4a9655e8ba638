"""What a chat's administrators set holds there, on top of the files, and never against what is locked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from lazaretto.audit import AuditedStore, Settings
from lazaretto.chat_policies import ChatPolicies
from lazaretto.config import ConfigError, Configuration
from lazaretto.model import Mode, Person, Place

GROUP, OTHER = Place("telegram", "-100"), Place("telegram", "-200")
ADMIN = Person("telegram", "5", "Ann")


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Settings]:
    async with AuditedStore.open(tmp_path / "state") as store:
        yield Settings(store)


async def loaded(settings: Settings, **defaults: Any) -> ChatPolicies:
    policies = ChatPolicies(Configuration.load({"defaults": defaults}))
    await policies.load(settings)
    return policies


async def test_a_change_holds_at_once_in_its_chat_alone_and_after_a_restart(settings: Settings) -> None:
    policies = await loaded(settings)
    await policies.change(GROUP, "max_size", "5 MB", ADMIN)
    for now in (policies, await loaded(settings)):
        assert now.policy_of(GROUP).max_size == 5_000_000
        assert now.policy_of(OTHER).max_size == 50_000_000
        assert {row.key: row.origin for row in now.explain(GROUP)}["max_size"] == "chat settings"
    await policies.change(GROUP, "max_size", None, ADMIN)
    assert policies.policy_of(GROUP).max_size == (await loaded(settings)).policy_of(GROUP).max_size == 50_000_000


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("max_size", "5 MB", "locked"),
        ("keep.events", "1 day", "cannot be set in the chat"),
        ("locked", [], "cannot be set in the chat"),
        ("mode", "guard", "guard mode needs a moderators' chat"),
        ("mode", "gard", "is not one of"),
        ("nonsense", 1, "no policy key"),
        ("actions.active", "explode", "is not one of"),
    ],
)
async def test_what_may_not_be_set_is_refused_and_changes_nothing(
    settings: Settings, key: str, value: object, problem: str
) -> None:
    policies = await loaded(settings, locked=["max_size"])
    with pytest.raises(ConfigError, match=problem):
        await policies.change(GROUP, key, value, ADMIN)
    assert await settings.of(GROUP) == {}
    assert policies.policy_of(GROUP).id == policies.policy_of(OTHER).id


async def test_what_was_set_and_is_locked_since_holds_no_more(settings: Settings) -> None:
    await (await loaded(settings)).change(GROUP, "max_size", "5 MB", ADMIN)
    assert (await loaded(settings, locked=["max_size"])).policy_of(GROUP).max_size == 50_000_000


async def test_what_contradicts_files_that_changed_is_left_out_and_nothing_else(settings: Settings) -> None:
    before = await loaded(settings, moderators="-9")
    await before.change(GROUP, "mode", "guard", ADMIN)
    await before.change(GROUP, "max_size", "5 MB", ADMIN)
    after = await loaded(settings)  # no moderators' chat any more
    assert (after.policy_of(GROUP).mode, after.policy_of(GROUP).max_size) == (Mode.OBSERVE, 5_000_000)


async def test_a_moderators_chat_that_was_set_is_one(settings: Settings) -> None:
    policies = await loaded(settings)
    await policies.change(GROUP, "moderators", "-9", ADMIN)
    assert policies.moderator_chats == {"-9"}


async def with_files(settings: Settings, *, allowed: list[str] | None = None, **files: Any) -> ChatPolicies:
    groups = {"policies": files.pop("policies", {}), **({} if allowed is None else {"allowed": allowed})}
    policies = ChatPolicies(Configuration.load({"defaults": files, "groups": groups}))
    await policies.load(settings)
    return policies


async def test_what_a_chat_names_no_more_in_force_makes_no_moderators_chat(settings: Settings) -> None:
    await (await loaded(settings)).change(GROUP, "moderators", OTHER.chat, ADMIN)
    assert (await with_files(settings)).is_unscreened(OTHER)
    for policies in (
        await with_files(settings, locked=["moderators"]),
        await with_files(settings, allowed=[OTHER.chat]),  # and the one that names it is not
    ):
        assert policies.moderator_chats == set()
        assert not policies.is_unscreened(OTHER)


async def test_no_chats_word_switches_screening_off_where_another_is_guarded(settings: Settings) -> None:
    await (await loaded(settings)).change(GROUP, "moderators", OTHER.chat, ADMIN)
    file = {"mode": "guard", "moderators": "-9"}
    policies = await with_files(settings, policies={OTHER.chat: file})
    assert policies.moderator_chats == {OTHER.chat, "-9"}  # cards go there, and are answered there
    assert not policies.is_unscreened(OTHER)
    by_its_own_word = await with_files(settings, moderators="-9")
    await by_its_own_word.change(OTHER, "mode", "guard", ADMIN)
    assert not by_its_own_word.is_unscreened(OTHER)
    await by_its_own_word.change(OTHER, "mode", None, ADMIN)
    assert by_its_own_word.is_unscreened(OTHER)
    assert (await with_files(settings, moderators=OTHER.chat)).is_unscreened(OTHER)  # the operator's word counts


async def test_that_a_chat_is_not_guarded_any_more_is_an_error_with_a_remedy(settings: Settings) -> None:
    before = await loaded(settings)
    await before.change(GROUP, "moderators", "-9", ADMIN)
    await before.change(GROUP, "mode", "guard", ADMIN)
    after = await loaded(settings, locked=["moderators"])
    with capture_logs() as logs:
        assert after.policy_of(GROUP).mode is Mode.OBSERVE
    (said,) = logs
    assert (said["log_level"], said["chat"]) == ("error", GROUP.chat)
    assert "groups/-100.toml" in said["remedy"]


async def test_an_export_has_nothing_that_is_locked(settings: Settings) -> None:
    before = await loaded(settings)
    await before.change(GROUP, "exempt", ["5"], ADMIN)
    await before.change(GROUP, "max_size", "5 MB", ADMIN)
    assert (await loaded(settings, locked=["exempt"])).export(GROUP) == 'max_size = "5 MB"\n'
