"""The configuration: read, refused with file, key and remedy, and taken over while running."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from lazaretto.config import Changes, ConfigError, Configuration, Problem, Settings
from lazaretto.model import Action, Mode, Place
from lazaretto.policy.layers import KEYS
from lazaretto.rules import all_rules

SHIPPED = Path(__file__).parents[1] / "config"
GROUP = Place("telegram", "-100")
ELSEWHERE = Place("telegram", "-200")
SECRET = "123456:AAverysecret"
OWN_SERVER = 'base_url = "http://a/bot"\nbase_file_url = "http://a/file/bot"\n'


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAZARETTO_TOKEN", raising=False)
    monkeypatch.delenv("LAZARETTO_TOKEN_FILE", raising=False)
    monkeypatch.delenv("LAZARETTO_STATE", raising=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "groups").mkdir()
    write(tmp_path, "lazaretto.toml", "")
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, "utf-8")
    return file


def problems_of(source: Any) -> tuple[Problem, ...]:
    with pytest.raises(ConfigError) as caught:
        Configuration.load(source)
    return caught.value.problems


def only_problem(source: Any) -> Problem:
    [problem] = problems_of(source)
    return problem


# ── files ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_file_is_the_defaults(folder: Path) -> None:
    configuration = Configuration.load(folder)
    assert configuration.settings == Settings()
    assert configuration.policy_of(GROUP) == Configuration.load({}).policy_of(GROUP)
    assert configuration.policy_of(GROUP).mode is Mode.OBSERVE


def test_the_folder_its_file_and_its_name_as_text_are_the_same_source(folder: Path) -> None:
    write(folder, "lazaretto.toml", 'owners = ["5"]')
    for source in (folder, str(folder), folder / "lazaretto.toml"):
        assert Configuration.load(source).settings.owners == ("5",)


def test_a_groups_file_stands_on_the_defaults_and_is_that_groups_alone(folder: Path) -> None:
    write(folder, "lazaretto.toml", '[defaults]\nmax_size = "1 MB"\nrelease_days = 3')
    write(folder, "groups/-100.toml", 'max_size = "2 MB"')
    configuration = Configuration.load(folder)
    group, other = configuration.policy_of(GROUP), configuration.policy_of(ELSEWHERE)
    assert (group.max_size, group.release_days) == (2_000_000, 3)
    assert (other.max_size, other.release_days) == (1_000_000, 3)


def test_private_chats_and_channels_have_sections_of_their_own() -> None:
    configuration = Configuration.load(
        {
            "defaults": {"max_size": 1, "release_days": 7},
            "private": {"max_size": 2},
            "channels": {"max_size": 3},
        }
    )
    places = (GROUP, Place("telegram", "5", private=True), Place("telegram", "-300", channel=True))
    assert [configuration.policy_of(place).max_size for place in places] == [1, 2, 3]
    assert {configuration.policy_of(place).release_days for place in places} == {7}


def test_broken_toml_names_file_and_line(folder: Path) -> None:
    file = write(folder, "groups/-100.toml", 'mode = "guard"\nmax_size = 50 MB\n')
    problem = only_problem(folder)
    assert problem.file == str(file)
    assert problem.key.startswith("line 2, column")
    assert "is not TOML" in problem.problem
    assert "put it right" in problem.remedy


def test_toml_that_ends_too_early_is_broken(folder: Path) -> None:
    write(folder, "lazaretto.toml", 'owners = ["5"')
    assert "is not TOML" in only_problem(folder).problem


def test_a_file_that_is_no_utf8_names_the_byte(folder: Path) -> None:
    (folder / "lazaretto.toml").write_bytes(b"# \xff")
    problem = only_problem(folder)
    assert (problem.key, problem.remedy) == ("byte 2", "save the file as UTF-8")


def test_a_byte_order_mark_does_no_harm(folder: Path) -> None:
    (folder / "lazaretto.toml").write_bytes(b'\xef\xbb\xbfowners = ["5"]')
    assert Configuration.load(folder).settings.owners == ("5",)


def test_a_missing_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    problem = only_problem(tmp_path)
    assert problem.file == str(tmp_path / "lazaretto.toml")
    assert problem.problem == "there is no such file"
    assert "lazaretto.example.toml" in problem.remedy


@pytest.mark.parametrize("name", ["my-group.toml", "@group.toml", "-100 copy.toml"])
def test_a_groups_file_that_is_not_named_by_an_id(folder: Path, name: str) -> None:
    file = write(folder, f"groups/{name}", "")
    problem = only_problem(folder)
    assert (problem.file, problem.problem) == (str(file), "the file's name is not the id of a group")
    assert "groups/-1001234567890.toml" in problem.remedy


def test_examples_and_editors_leftovers_are_no_groups(folder: Path) -> None:
    for name in ("example.toml", ".-100.toml.swp", ".#-100.toml", "-100.toml~", "README.md"):
        write(folder, f"groups/{name}", "not = [toml")
    assert Configuration.load(folder).problems == ()


def test_problems_of_several_files_are_told_at_once(folder: Path) -> None:
    write(folder, "groups/-100.toml", "= 1")
    write(folder, "groups/-200.toml", "= 1")
    assert [Path(p.file).name for p in problems_of(folder)] == ["-100.toml", "-200.toml"]


def test_problems_of_sections_and_groups_are_told_at_once(folder: Path) -> None:
    write(folder, "lazaretto.toml", '[defaults]\nmode = "gard"\n[private]\nmax_sise = 1')
    write(folder, "groups/-100.toml", '[actions]\n"unscannable.encripted" = "flag"')
    with pytest.raises(ConfigError) as caught:
        Configuration.load(folder)
    assert sorted(p.key for p in caught.value.problems) == [
        "actions.unscannable.encripted",
        "defaults.mode",
        "private.max_sise",
    ]
    assert str(caught.value).count("\n") == 2


def test_guard_without_moderators_stops_the_start(folder: Path) -> None:
    file = write(folder, "groups/-100.toml", 'mode = "guard"')
    problem = only_problem(folder)
    assert (problem.file, problem.key) == (str(file), "mode")
    assert problem.problem.startswith("guard mode needs a moderators' chat")


def test_guard_with_the_defaults_moderators_is_fine(folder: Path) -> None:
    write(folder, "lazaretto.toml", '[defaults]\nmoderators = "-9"')
    write(folder, "groups/-100.toml", 'mode = "guard"')
    configuration = Configuration.load(folder)
    assert configuration.policy_of(GROUP).mode is Mode.GUARD
    assert configuration.moderator_chats == {"-9"}


def test_a_policy_that_is_written_in_two_places_is_refused(folder: Path) -> None:
    write(folder, "lazaretto.toml", '[groups.policies."-100"]\nmax_size = 1')
    write(folder, "groups/-100.toml", "max_size = 2")
    assert only_problem(folder).problem == "the group's policy is written in two places"


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "key", "problem", "remedy"),
    [
        ("onwers = []", "onwers", "is no key of the settings", "did you mean 'owners'?"),
        ("[spool]\nmax_byte = 1", "spool.max_byte", "is no key", "did you mean 'max_bytes'?"),
        ('[spool]\nmax_bytes = "lots"', "spool.max_bytes", "'lots' is not a size", "4 GB"),
        ("[screening]\nworkers = 0", "screening.workers", "greater than or equal to 1", "from 1 to 256"),
        ("[screening]\nworkers = true", "screening.workers", "valid integer", "from 1 to 256"),
        ("owners = [5]", "owners.0", "5 is a number", "in quotes"),
        ("[groups]\nallowed = [-100]", "groups.allowed.0", "-100 is a number", "in quotes"),
        ('[log]\nlevel = "loud"', "log.level", "should be 'DEBUG'", "write DEBUG"),
        ("log = 1", "log", "valid dictionary", "below a line [log]"),
        ('defaults = "strict"', "defaults", "valid dictionary", "policy keys"),
        ('base_url = "telegram"\nbase_file_url = "http://a/"', "base_url", "'telegram' is not a URL", "http://"),
        ('base_url = "http://a/bot"', "", "base_url and base_file_url belong together", "give both, or neither"),
        ('local_files = "/srv/files"', "local_files", "base_url is missing", "beside base_url and base_file_url"),
        (f'{OWN_SERVER}local_files = "files"', "local_files", "'files' is not the absolute path", "absolute path"),
        (f'{OWN_SERVER}local_files = "/srv/../etc"', "local_files", "is not the absolute path", "absolute path"),
        (
            f'{OWN_SERVER}local_files = "/"',
            "local_files",
            "'/' is not the absolute path of a folder of its own",
            "path",
        ),
        ("[web]\nport = 0", "web.port", "greater than or equal to 1", "from 1 to 65535"),
        ('[web]\nport = "80"', "web.port", "valid integer", "from 1 to 65535"),
        ('[web]\nlisten = ""', "web.listen", "at least 1 character", "127.0.0.1"),
        ('[web]\nwebhook = "https://a.example/b"', "web.webhook", "web.port is missing", "the port that we listen on"),
        ('mode = "guard"', "mode", "is no key of the settings", "move it below a line [defaults]"),
    ],
)
def test_a_wrong_setting_is_named_with_file_key_and_remedy(
    folder: Path, text: str, key: str, problem: str, remedy: str
) -> None:
    file = write(folder, "lazaretto.toml", text)
    found = only_problem(folder)
    assert (found.file, found.key) == (str(file), key)
    assert problem in found.problem
    assert remedy in found.remedy


@pytest.mark.parametrize(
    ("webhook", "problem"),
    [
        ("bot.example.org/updates", "is not the plain URL"),
        ("ftp://bot.example.org/updates", "is not the plain URL"),
        ("https://", "is not the plain URL"),
        ("https:///updates", "is not the plain URL"),
        ("https://me:secret@bot.example.org/updates", "is not the plain URL"),
        ("https://bot.example.org/updates?token=1", "is not the plain URL"),
        ("https://bot.example.org/updates#1", "is not the plain URL"),
        ("https://bot.example.org:99999/updates", "port out of range"),
        ("https://[::1/updates", "invalid IPv6 URL"),
        ("https://bot.example.org", "needs a path of its own"),
        ("https://bot.example.org/", "needs a path of its own"),
        ("https://bot.example.org/updates/", "needs a path of its own"),
        ("https://bot.example.org/a/../updates", "needs a path of its own"),
        ("https://bot.example.org/{updates}", "needs a path of its own"),
        ("https://bot.example.org/up%64ates", "needs a path of its own"),
        ("https://bot.example.org/metrics", "where a page of our own begins"),
        ("https://bot.example.org/h", "where a page of our own begins"),
        ("http://bot.example.org/updates", "is not https"),
    ],
)
def test_a_webhook_that_could_not_be_served_is_refused(webhook: str, problem: str) -> None:
    found = only_problem({"web": {"port": 8080, "webhook": webhook}})
    assert found.key in ("web", "web.webhook")
    assert problem.lower() in found.problem.lower()
    assert "secret" not in str(found)


def test_a_server_of_ones_own_may_deliver_without_encryption() -> None:
    own = {"base_url": "http://a/bot", "base_file_url": "http://a/file/bot"}
    web = Configuration.load({**own, "web": {"port": 8080, "webhook": "http://bot:8080/updates"}}).settings.web
    assert web.path == "/updates"


@pytest.mark.parametrize("token", ['"123:abc/../def"', "123456", '["123:abc"]'])
def test_a_wrong_token_is_never_repeated(folder: Path, token: str) -> None:
    write(folder, "lazaretto.toml", f"token = {token}")
    problem = only_problem(folder)
    assert problem.key == "token"
    assert "123" not in str(problem).replace(str(folder), "")


def test_the_token_is_not_shown() -> None:
    assert SECRET not in repr(Settings(token=SecretStr(SECRET)))


def test_the_environment_beats_the_file_for_token_and_state(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "lazaretto.toml", 'token = "1:file"\nstate = "from-file"')
    monkeypatch.setenv("LAZARETTO_TOKEN", SECRET)
    monkeypatch.setenv("LAZARETTO_STATE", "/srv/state")
    settings = Configuration.load(folder).settings
    assert settings.token is not None
    assert settings.token.get_secret_value() == SECRET
    assert settings.state == Path("/srv/state")


def test_an_empty_variable_counts_as_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAZARETTO_TOKEN", "")
    assert Configuration.load(folder).settings.token is None


def test_a_wrong_variable_is_named_instead_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAZARETTO_TOKEN", "not a token")
    assert only_problem(folder).file == "environment variable LAZARETTO_TOKEN"


def test_nothing_else_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OWNERS", "LAZARETTO_OWNERS", "DEFAULTS", "BASE_URL"):
        monkeypatch.setenv(name, '["5"]')
    assert Settings() == Configuration.load({}).settings
    assert Settings().owners == ()


def test_code_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAZARETTO_STATE", "/srv/state")
    assert Configuration.load({"state": "/elsewhere"}).settings.state == Path("/elsewhere")


def test_a_relative_state_folder_is_made_absolute_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert Settings().state == tmp_path / "state"


def test_a_mapping_holds_groups_policies_too() -> None:
    configuration = Configuration.load({"groups": {"policies": {"-100": {"actions": {"active": "reject"}}}}})
    assert configuration.policy_of(GROUP).cells["active.info"][0] is Action.REJECT
    assert configuration.policy_of(ELSEWHERE).cells["active.info"][0] is Action.FORWARD


def test_a_mappings_problems_name_the_whole_key() -> None:
    problem = only_problem({"groups": {"policies": {"-100": {"actions": {"aktive": "reject"}}}}})
    assert (problem.file, problem.key) == ("settings", "groups.policies.-100.actions.aktive")


def test_settings_are_taken_as_they_are() -> None:
    settings = Settings(defaults={"preset": "strict"})
    configuration = Configuration.load(settings)
    assert configuration.settings is settings
    assert configuration.policy_of(GROUP).cells["active.medium"][0] is Action.QUARANTINE


def test_only_allowed_groups_are_admitted() -> None:
    limited = Configuration.load({"groups": {"allowed": ["-100"]}})
    assert [limited.admits(p) for p in (GROUP, ELSEWHERE, Place("telegram", "5", private=True))] == [True, False, True]
    assert Configuration.load({}).admits(ELSEWHERE)


# ── what admins set in the chat ───────────────────────────────────────────────────────────────────────────────────


def test_chat_settings_have_the_last_word_unless_locked() -> None:
    configuration = Configuration.load({"defaults": {"locked": ["max_size"], "max_size": 5}})
    policy = configuration.policy_of(GROUP, {"max_size": 9, "release_days": 2})
    assert (policy.max_size, policy.release_days) == (5, 2)
    assert configuration.policy_of(GROUP).release_days == 30


def test_chat_settings_of_one_group_never_leak_into_another() -> None:
    configuration = Configuration.load({})
    assert configuration.policy_of(GROUP, {"moderators": "-200"}).moderators == "-200"
    assert configuration.policy_of(ELSEWHERE).moderators is None
    with pytest.raises(ConfigError, match="is the group itself"):
        configuration.policy_of(ELSEWHERE, {"moderators": "-200"})


def test_wrong_chat_settings_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"chat settings: mode: guard mode needs a moderators' chat"):
        Configuration.load({}).policy_of(GROUP, {"mode": "guard"})


def test_explain_names_file_and_section(folder: Path) -> None:
    main = write(folder, "lazaretto.toml", '[defaults]\nmax_size = "1 MB"')
    group = write(folder, "groups/-100.toml", "release_days = 3")
    rows = {key: (value, origin) for key, value, origin in Configuration.load(folder).explain(GROUP)}
    assert rows["max_size"] == ("1 MB", f"{main} [defaults]")
    assert rows["release_days"] == ("3", str(group))
    assert rows["mode"] == ("observe", "built in")
    assert rows["actions.active.high"] == ("quarantine", "preset balanced")


# ── reload ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_reload_tells_whose_policy_changed(folder: Path) -> None:
    write(folder, "groups/-100.toml", "release_days = 3")
    configuration = Configuration.load(folder)
    before = configuration.policy_of(GROUP).id
    write(folder, "groups/-100.toml", "release_days = 4")
    assert configuration.reload() == {"-100": (before, configuration.policy_of(GROUP).id)}
    assert configuration.policy_of(GROUP).release_days == 4


def test_reload_after_a_change_of_comments_changes_nothing(folder: Path) -> None:
    configuration = Configuration.load(folder)
    write(folder, "lazaretto.toml", "# a comment")
    assert configuration.reload() == {}


def test_a_removed_groups_file_leaves_the_defaults(folder: Path) -> None:
    file = write(folder, "groups/-100.toml", "release_days = 3")
    configuration = Configuration.load(folder)
    file.unlink()
    assert list(configuration.reload()) == ["-100"]
    assert configuration.policy_of(GROUP).release_days == 30


def test_changed_defaults_reach_groups_that_do_not_overrule_them(folder: Path) -> None:
    write(folder, "groups/-100.toml", "release_days = 3")
    write(folder, "groups/-200.toml", 'max_size = "1 MB"')
    configuration = Configuration.load(folder)
    write(folder, "lazaretto.toml", "[defaults]\nrelease_days = 9")
    assert set(configuration.reload()) == {"defaults", "private", "channels", "-200"}


@pytest.mark.parametrize("broken", ["release_days = ", "release_dais = 3", 'mode = "guard"'])
def test_the_last_good_policy_stays_in_force(folder: Path, broken: str) -> None:
    file = write(folder, "groups/-100.toml", "release_days = 3")
    configuration = Configuration.load(folder)
    file.write_text(broken, "utf-8")
    with pytest.raises(ConfigError, match=re.escape(str(file))):
        configuration.reload()
    assert configuration.policy_of(GROUP).release_days == 3
    assert [p.file for p in configuration.problems] == [str(file)]
    file.write_text("release_days = 5", "utf-8")
    assert list(configuration.reload()) == ["-100"]
    assert configuration.problems == ()


def test_a_configuration_from_code_has_nothing_to_reload() -> None:
    assert Configuration.load({}).reload() == {}


def test_the_token_may_lie_in_a_file_of_its_own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, "lazaretto.toml", 'token = "1:fromthefile"')
    monkeypatch.setenv("LAZARETTO_TOKEN_FILE", str(write(folder, "token", f"{SECRET}\n")))
    assert Configuration.load(folder).settings.token == SecretStr(SECRET)
    monkeypatch.setenv("LAZARETTO_TOKEN", "2:fromthevariable")
    assert Configuration.load(folder).settings.token == SecretStr("2:fromthevariable")


@pytest.mark.parametrize("contents", [None, b"\xff\xfe", b"two words"], ids=["none", "no text", "no token"])
def test_a_token_file_that_is_not_right_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch, contents: bytes | None
) -> None:
    file = folder / "token"
    if contents is not None:
        file.write_bytes(contents)
    monkeypatch.setenv("LAZARETTO_TOKEN_FILE", str(file))
    problem = only_problem(folder)
    assert (problem.key, problem.file.startswith("environment variable LAZARETTO_TOKEN")) == ("token", True)
    assert "words" not in str(problem)


# ── watch ─────────────────────────────────────────────────────────────────────────────────────────────────────────

Told = asyncio.Queue[Changes | str]


@asynccontextmanager
async def watching(configuration: Configuration) -> AsyncIterator[Told]:
    told: Told = asyncio.Queue()

    async def tell(what: Changes | str) -> None:
        await told.put(what)

    task = asyncio.ensure_future(configuration.watch(tell, tell, every=0.05))
    try:
        yield told
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_changed_file_is_taken_over_while_running(folder: Path) -> None:
    configuration = Configuration.load(folder)
    async with watching(configuration) as told:
        write(folder, "groups/-100.toml", "release_days = 3")
        assert list(await asyncio.wait_for(told.get(), 10)) == ["-100"]
    assert configuration.policy_of(GROUP).release_days == 3


async def test_a_broken_file_is_told_and_its_repair_taken_over(folder: Path) -> None:
    configuration = Configuration.load(folder)
    async with watching(configuration) as told:
        file = write(folder, "groups/-100.toml", "release_dais = 3")
        problem = await asyncio.wait_for(told.get(), 10)
        assert problem == f"{file}: release_dais: is no policy key; did you mean 'release_days'?"
        assert configuration.policy_of(GROUP).release_days == 30
        write(folder, "groups/-100.toml", "release_days = 3")
        assert list(await asyncio.wait_for(told.get(), 10)) == ["-100"]
    assert configuration.problems == ()


async def test_a_groups_folder_that_comes_later_is_watched(tmp_path: Path) -> None:
    write(tmp_path, "lazaretto.toml", "")
    configuration = Configuration.load(tmp_path)
    async with watching(configuration) as told:
        (tmp_path / "groups").mkdir()
        write(tmp_path, "groups/-100.toml", "release_days = 3")
        assert list(await asyncio.wait_for(told.get(), 10)) == ["-100"]
        write(tmp_path, "groups/-100.toml", "release_days = 4")
        assert list(await asyncio.wait_for(told.get(), 10)) == ["-100"]


async def test_what_is_asked_for_is_read_where_no_change_is_ever_seen(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.config.fingerprint", lambda _: "always the same")
    configuration = Configuration.load(folder)
    async with watching(configuration) as told:
        write(folder, "groups/-100.toml", "release_days = 3")
        await asyncio.sleep(0.2)
        assert told.empty()
        configuration.read_again()
        assert list(await asyncio.wait_for(told.get(), 10)) == ["-100"]
        write(folder, "groups/-100.toml", "release_dais = 3")
        for _ in range(2):  # a broken file is told as often as it is asked for
            configuration.read_again()
            assert "release_dais" in await asyncio.wait_for(told.get(), 10)


def test_changed_settings_that_hold_only_from_the_next_start_on_are_named(folder: Path) -> None:
    write(folder, "lazaretto.toml", f'token = "{SECRET}"')
    configuration = Configuration.load(folder)
    write(
        folder,
        "lazaretto.toml",
        'token = "7:other"\nowners = ["5"]\n[groups]\nallowed = ["-100"]\n[web]\nport = 80\n[log]\nlevel = "DEBUG"\n'
        "[defaults]\nrelease_days = 3\n",
    )
    configuration.reload()
    assert set(configuration.at_next_start) == {"token", "web.port", "log.level"}
    write(folder, "lazaretto.toml", f'token = "{SECRET}"')
    configuration.reload()
    assert configuration.at_next_start == ()


async def test_watching_a_configuration_from_code_ends_at_once() -> None:
    async def never(_: object) -> None:
        raise AssertionError

    await asyncio.wait_for(Configuration.load({}).watch(never, never), 10)


# ── what is shipped ───────────────────────────────────────────────────────────────────────────────────────────────


def uncommented(text: str) -> str:
    """The example with every default switched on, and without the lines that are marked as examples."""
    lines = [line for line in text.splitlines() if not line.rstrip().endswith(("none by default", "all by default"))]
    return "\n".join(re.sub(r"^#(?=[a-z\"])", "", line) for line in lines)


def test_the_example_as_shipped_changes_nothing(folder: Path) -> None:
    write(folder, "lazaretto.toml", (SHIPPED / "lazaretto.example.toml").read_text("utf-8"))
    configuration = Configuration.load(folder)
    assert configuration.policy_of(GROUP).id == Configuration.load({}).policy_of(GROUP).id


def test_the_documented_defaults_are_the_real_ones(folder: Path) -> None:
    write(folder, "lazaretto.toml", uncommented((SHIPPED / "lazaretto.example.toml").read_text("utf-8")))
    documented, real = Configuration.load(folder), Configuration.load({})
    for name in set(Settings.model_fields) - {"defaults", "private", "channels"}:
        assert getattr(documented.settings, name) == getattr(real.settings, name), name
    for place in (GROUP, Place("telegram", "5", private=True), Place("telegram", "-3", channel=True)):
        assert documented.policy_of(place).id == real.policy_of(place).id
    switched_on = {row.key for row in documented.explain(GROUP) if row.origin.endswith("[defaults]")}
    assert switched_on >= KEYS.keys() - {"moderators"}


def test_every_key_is_in_the_example() -> None:
    text = (SHIPPED / "lazaretto.example.toml").read_text("utf-8")
    sections = ("spool", "vault", "screening", "sandbox", "traffic", "web", "groups", "log")
    keys = [f for name in sections for f in getattr(Settings(), name).__class__.model_fields if f != "policies"]
    plain = [name for name in Settings.model_fields if name not in (*sections, "defaults", "private", "channels")]
    for key in (*keys, *plain, *KEYS):
        assert re.search(rf"^#{re.escape(key)} = ", text, re.MULTILINE), key
    for section in (*sections, "defaults", "private", "channels"):
        assert re.search(rf"^\[{section}\]$", text, re.MULTILINE), section


def test_the_examples_examples_are_valid(folder: Path) -> None:
    text = (SHIPPED / "lazaretto.example.toml").read_text("utf-8")
    write(folder, "lazaretto.toml", re.sub(r"^#(?=[a-z\"])", "", text, flags=re.MULTILINE))
    settings = Configuration.load(folder).settings
    assert settings.token is not None
    assert settings.base_url == "http://127.0.0.1:8081/bot"


def test_the_groups_example_is_a_valid_groups_file(folder: Path) -> None:
    write(folder, "groups/-100.toml", (SHIPPED / "groups/example.toml").read_text("utf-8"))
    policy = Configuration.load(folder).policy_of(GROUP)
    assert policy.mode is Mode.GUARD
    assert policy.action_for(all_rules()["unscannable.encrypted"]) == (Action.QUARANTINE, "unscannable.encrypted")
