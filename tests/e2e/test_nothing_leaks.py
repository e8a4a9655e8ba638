"""What must be nowhere: the token in any log or file, an erased person in any byte that we keep."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from telegram.error import InvalidToken
from telegram.ext import Application

import lazaretto
from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import build, polling
from lazaretto.audit import AuditedStore, export, verify_database
from lazaretto.log import configure_logging
from lazaretto.model import Person

SECRET = "emulator-token-that-opens-nothing"


@pytest.fixture(params=["a host that set nothing up", "console", "json"])
def everything_logged(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Every logger of the process says all that it can say."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    chatty = [logging.getLogger(name) for name in ("httpx", "httpcore", "telegram", "asyncio", "sqlalchemy")]
    levels = [logger.level for logger in chatty]
    before_all = structlog.get_config()
    structlog.reset_defaults()
    if request.param in ("console", "json"):
        configure_logging("DEBUG", request.param)
    root.handlers += [handler for handler in handlers if handler not in root.handlers]
    root.setLevel(logging.DEBUG)
    for logger in chatty:
        logger.setLevel(logging.DEBUG)
    yield
    structlog.configure(**before_all)
    root.handlers[:] = handlers
    root.setLevel(level)
    for logger, before in zip(chatty, levels, strict=True):
        logger.setLevel(before)


def _logged(caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    everything = [repr(vars(record)) for phase in ("setup", "call") for record in caplog.get_records(phase)]
    return "\n".join([caplog.text, *everything, printed.out, printed.err])


def _files(folder: Path) -> bytes:
    return b"\n".join(path.name.encode() + path.read_bytes() for path in folder.rglob("*") if path.is_file())


async def _exported(state: Path) -> bytes:
    async with AuditedStore.open(state, beside=True) as store:
        return b"".join(await store.state.read(lambda connection: list(export(connection, personal=True))))


@pytest.mark.usefixtures("everything_logged")
async def test_the_token_is_in_no_log_and_in_no_file(
    town: Town,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def refused(*_: Any) -> None:
        raise InvalidToken(f"The token `{town.tg.token}` was rejected by the server.")

    host = build(town.tg, town.config())
    _logged(caplog, capsys)
    caplog.clear()  # what the library says of a bot that is built comes before anybody could install anything
    async with polling(host):
        faults = town.tg.faults
        faults.cut_download(after=7)
        await host.saw(await post_note(town.group, town.ann))
        faults.fail("getFile", error_code=401)
        await host.verdict(await town.group.post_document(town.ann, b"never fetched", name="401.txt"))
        faults.fail_download(404)
        await host.verdict(await town.group.post_document(town.ann, b"not there", name="404.txt"))
        faults.reset_connection("deleteMessage")
        bad = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: bad.deleted)
        card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        faults.fail("getChatMember", error_code=401)
        await (await town.tg.press(town.mila, card, "Release")).answered()
        faults.fail("sendDocument", error_code=401)
        await (await town.tg.press(town.mila, card, "Release")).answered()
        await host.done(event="approved")
        with monkeypatch.context() as patched:  # faults of ours, with the token in hand
            patched.setattr(AuditedStore, "take_in", refused)
            await town.group.post_document(town.ann, b"held by a fault", name="held.txt")
            await host.saw(await town.group.post_text(town.ann, "Through?"))
            patched.setattr(AuditedStore, "confirm", refused)
            await (await town.tg.press(town.mila, card, "Confirm")).answered()

    said = _logged(caplog, capsys)
    assert "the gate failed" in said
    assert "a press failed" in said
    assert "<token>" in said  # somebody wanted to say it
    assert SECRET not in said
    assert SECRET.encode() not in _files(town.folder)
    assert SECRET.encode() not in await _exported(town.state)


@pytest.mark.usefixtures("everything_logged")
async def test_a_wrong_token_is_not_logged_either(
    town: Town, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    config = town.config()
    application = Application.builder().token("7000000001:mistyped-secret").base_url(town.tg.base_url)
    host = lazaretto.install(application.base_file_url(town.tg.base_file_url).build(), config)
    _logged(caplog, capsys)
    caplog.clear()
    with pytest.raises(InvalidToken) as refused:
        await host.start()
    assert "mistyped-secret" not in "".join(traceback.format_exception(refused.value))
    assert "mistyped-secret" not in _logged(caplog, capsys)
    host.uninstall()
    async with AuditedStore.open(town.state):
        """What was opened for the start is closed again."""


def _traces() -> tuple[str, ...]:
    return ("Zenobia", "Quillfeather", "zq_plume", "51515151", "the-secret-plan", "meet me at midnight")


@pytest.mark.usefixtures("everything_logged")
async def test_an_erased_person_is_nowhere_in_what_we_keep(
    town: Town, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    for logger in ("telegram", "sqlalchemy"):  # they log every update and statement in full when asked to
        logging.getLogger(logger).setLevel(logging.WARNING)
    somebody = town.tg.user("Zenobia", last_name="Quillfeather", username="zq_plume", user_id=51515151)
    await town.group.join(somebody)
    async with town.host() as host:
        bad = await post_program(town.group, somebody, "the-secret-plan.jpg", caption="meet me at midnight")
        await host.verdict(bad)
        card = await town.moderators.wait_for(lambda m: "the-secret-plan" in (m.text or ""))
        await host.saw(await post_note(town.group, somebody, "the-secret-plan.txt"))
        await host.done(event="done", kind="remove")
        await host.done(event="done", kind="card")
        store = (await host.guard.start()).store
        before = _files(town.state)
        assert all(trace.encode() in before for trace in _traces())

        subject = await store.subject_of("telegram", "51515151")
        operator = Person("local", "operator", "operator")
        number = await store.submit_intent("erase", {"subject": subject}, operator)
        await host.done(event="intent-finished", intent=number, ok=True)
        await town.tg.wait_until(lambda: "erased" in (card.text or ""))
        assert not list((town.state / "vault").glob("*.age"))
        running = _files(town.state)
        assert not any(trace in (card.text or "") for trace in _traces())

    assert [trace for trace in _traces() if trace.encode() in running] == []
    assert [trace for trace in _traces() if trace.encode() in _files(town.state)] == []
    assert [trace for trace in _traces() if trace.encode() in await _exported(town.state)] == []
    assert [trace for trace in _traces() if trace in _logged(caplog, capsys)] == []
    assert (await verify_database(town.state)).fault is None
