"""The plugin in somebody else's application: one line in, one line out, whatever the application is like."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from telegram import InlineKeyboardButton, InlineKeyboardMarkup, Update
from telegram.ext import ApplicationBuilder, Defaults, MessageHandler, PicklePersistence, filters

from e2e.conftest import Town
from e2e.files import NOTE, PROGRAM, post_note, post_program
from e2e.host import PATIENCE, Host, build, polled, polling
from lazaretto.telegram.gate import AnyApplication, AnyContext


async def test_the_host_is_told_of_every_decision(town: Town, host: Host) -> None:
    good = await post_note(town.group, town.ann)
    bad = await post_program(town.group, town.eve)
    assert (await host.verdict(good)).reports[0].media_type == "text/plain"
    assert (await host.verdict(bad)).decision.holds


async def test_a_listener_that_fails_changes_nothing(town: Town, host: Host) -> None:
    async def failing(*_: object) -> None:
        raise RuntimeError("the host's own fault")

    host.guard.on_decision(failing)
    await host.saw(await post_note(town.group, town.ann))
    bad = await post_program(town.group, town.eve)
    await town.tg.wait_until(lambda: bad.deleted)


async def test_the_hosts_handler_gets_the_reports_of_what_it_handles(town: Town, host: Host) -> None:
    update = await host.saw(await post_note(town.group, town.ann))
    text = await host.saw(await town.group.post_text(town.ann, "Thanks"))
    (report,) = host.reports[update.update_id]
    assert (report.media_type, report.size) == ("text/plain", len(NOTE))
    assert host.reports[text.update_id] == ()


async def test_uninstalling_leaves_the_application_as_it_was(town: Town) -> None:
    def factory() -> object:
        return logging.getLogRecordFactory()

    async def theirs(_: AnyApplication) -> None:
        """The host's own hook."""

    before = factory()
    host = build(town.tg, town.config(), lambda builder: builder.post_init(theirs))
    assert factory() is not before
    assert host.application.post_init is not theirs
    async with polling(host):
        host.guard.uninstall()
        bad = await post_program(town.group, town.eve)
        await host.saw(bad)
        assert not bad.deleted
        assert host.verdicts.all == []
        assert list(host.application.handlers) == [0]
        assert host.application.post_init is theirs
        assert host.application.post_stop is None
        assert factory() is before
        await host.guard.stop()


async def test_a_handler_in_front_of_the_gate_is_warned_about(town: Town) -> None:
    async def too_early(_update: Update, _context: AnyContext) -> None:
        """Sees everything unscreened."""

    host = build(town.tg, town.config())
    host.application.add_handler(MessageHandler(filters.ALL, too_early), group=min(host.application.handlers) - 1)
    with structlog.testing.capture_logs() as logs:
        async with polling(host):
            pass
    (warning,) = [record for record in logs if record["log_level"] == "warning"]
    assert "unscreened" in warning["event"]
    assert any("too_early" in handler for handler in warning["handlers"])


async def test_updates_that_the_host_does_not_ask_for_are_warned_about(town: Town) -> None:
    host = build(town.tg, town.config())
    with structlog.testing.capture_logs() as logs:
        async with polled(host.application, ["message", "callback_query"]):
            await host.saw(await town.group.post_text(town.ann, "hello"))
            await town.tg.wait_until(lambda: any("not asked for" in record["event"] for record in logs), PATIENCE)
    (warning,) = [record for record in logs if record["log_level"] == "warning"]
    assert "edited_message" in warning["missing"]
    assert "message" not in warning["missing"]
    assert "Update.ALL_TYPES" in warning["remedy"]


async def test_a_handler_that_is_put_in_front_while_it_runs_is_warned_about(town: Town) -> None:
    async def too_late(_update: Update, _context: AnyContext) -> None:
        """Sees everything unscreened."""

    host = build(town.tg, town.config())
    with structlog.testing.capture_logs() as logs:
        async with polling(host):
            await host.saw(await town.group.post_text(town.ann, "hello"))
            assert [record for record in logs if record["log_level"] == "warning"] == []
            in_front = min(host.application.handlers) - 1
            host.application.add_handler(MessageHandler(filters.ALL, too_late), group=in_front)
            await host.saw(await town.group.post_text(town.ann, "hello again"))
    (warning,) = [record for record in logs if record["log_level"] == "warning"]
    assert any("too_late" in handler for handler in warning["handlers"])


async def test_an_update_that_the_library_cannot_read_is_judged_all_the_same(town: Town, host: Host) -> None:
    bad = await post_program(town.group, town.eve)
    await town.tg.wait_until(lambda: bad.deleted)
    worse = town.group.append(town.eve, town.tg.attach("document", PROGRAM, name="party.jpg"))
    message = {key: value for key, value in worse.json().items() if key != "date"}
    await host.guard.keeping.take_unreadable({"update_id": 1, "message": message}, "TypeError")
    record = await host.done(event="update-unreadable")
    assert record["data"] == {"update": "1", "why": "TypeError", "judged": True}
    await town.tg.wait_until(lambda: worse.deleted)
    await host.settled(town.group, town.ann)
    assert host.times_seen(worse) == 0


def _unblocking(builder: ApplicationBuilder[Any, Any, Any, Any, Any, Any]) -> Any:
    return builder.defaults(Defaults(block=False))


def _concurrent(builder: ApplicationBuilder[Any, Any, Any, Any, Any, Any]) -> Any:
    return builder.concurrent_updates(True)


def _both(builder: ApplicationBuilder[Any, Any, Any, Any, Any, Any]) -> Any:
    return builder.concurrent_updates(True).defaults(Defaults(block=False))


@pytest.mark.parametrize("adapt", [_unblocking, _concurrent, _both])
async def test_hosts_of_other_settings_are_as_safe(town: Town, adapt: Any) -> None:
    async with polling(build(town.tg, town.config(), adapt)) as host:
        bad = await post_program(town.group, town.eve)
        good = await post_note(town.group, town.ann)
        await host.saw(good)
        await town.tg.wait_until(lambda: bad.deleted)
        await host.settled(town.group, town.ann)
        assert (host.times_seen(good), host.times_seen(bad)) == (1, 0)
        card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        await (await town.tg.press(town.mila, card, "Release")).answered()
        assert host.presses.all == []


@asynccontextmanager
async def _by_hand(host: Host) -> AsyncIterator[Host]:
    """An application run without `run_polling`: none of its hooks is called."""
    async with host.application as application:
        assert application.updater is not None
        await application.start()
        await application.updater.start_polling()
        yield host
        await application.updater.stop()
        await application.stop()
        await host.guard.stop()


async def test_an_application_that_calls_no_hooks_has_the_plugin_started_by_the_first_update(town: Town) -> None:
    async with _by_hand(build(town.tg, town.config())) as host:
        assert not town.state.exists()
        bad = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: bad.deleted)
        good = await post_note(town.group, town.ann)
        await host.saw(good)
        assert host.times_seen(bad) == 0


async def test_stopping_before_anything_happened_is_no_error(town: Town) -> None:
    async with _by_hand(build(town.tg, town.config())):
        pass
    assert not town.state.exists()


async def test_a_stopped_plugin_can_be_started_again(town: Town) -> None:
    for name in ("first.txt", "second.txt"):
        async with _by_hand(build(town.tg, town.config())) as host:
            await host.saw(await town.group.post_document(town.ann, name.encode(), name=name))


async def test_buttons_work_in_a_host_with_arbitrary_callback_data(town: Town) -> None:
    pytest.importorskip("cachetools", reason="python-telegram-bot[callback-data] is not installed")
    host = build(town.tg, town.config(), lambda builder: builder.arbitrary_callback_data(True))
    async with polling(host):
        await post_program(town.group, town.eve)
        card = await town.moderators.wait_for(lambda m: "holiday.jpg" in (m.text or ""))
        said = await (await town.tg.press(town.mila, card, "Release")).answered()
        assert "posted again" in said.text

        markup = InlineKeyboardMarkup([[InlineKeyboardButton("Menu", callback_data=("menu", 1))]])
        await host.application.bot.send_message(town.group.id, "What now?", reply_markup=markup)
        menu = await town.group.wait_for(lambda m: m.text == "What now?")
        await town.tg.press(town.ann, menu, "Menu")
        await host.presses.several(1)
        assert host.presses.all == ["('menu', 1)"]


async def test_a_host_with_persistence_is_as_safe(town: Town) -> None:
    persistence = PicklePersistence(town.folder / "host.pickle")
    host = build(town.tg, town.config(), lambda builder: builder.persistence(persistence))
    async with polling(host):
        bad = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: bad.deleted)
        await host.saw(await post_note(town.group, town.ann))
        assert host.times_seen(bad) == 0


async def test_the_hosts_own_hooks_are_called_too(town: Town) -> None:
    called: list[str] = []

    async def post_init(_: AnyApplication) -> None:
        called.append("init")

    async def post_stop(_: AnyApplication) -> None:
        called.append("stop")

    adapt: Any = lambda builder: builder.post_init(post_init).post_stop(post_stop)  # noqa: E731
    async with polling(build(town.tg, town.config(), adapt)) as host:
        await host.saw(await post_note(town.group, town.ann))
    assert called == ["init", "stop"]
