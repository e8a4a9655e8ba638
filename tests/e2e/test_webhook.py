"""The bot with a web server: updates are posted to it as Telegram posts them, and it is watched over HTTP."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from telegram import Update
from telegram.error import BadRequest
from telegram.ext import TypeHandler

from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import Host, build, events
from lazaretto.audit import AuditedStore
from lazaretto.config_sections import Web
from lazaretto.emulator import Message
from lazaretto.model import Action
from lazaretto.ports import Unavailable
from lazaretto.screening.sandbox.zygote_backend import ZygoteBackend
from lazaretto.telegram import lifetime
from lazaretto.telegram.gate import AnyContext
from lazaretto.telegram.web import health, running

HOOK = "/telegram/updates"
PUBLIC = f"https://bot.example.org{HOOK}"
"""The emulator delivers to this machine only: with this address a test posts by itself what it wants to see taken."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Served:
    """A host behind the server, and a client of it that knows what Telegram was told."""

    town: Town
    host: Host
    web: Web
    client: httpx.AsyncClient
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(5000))

    @property
    def secret(self) -> str:
        return str(self.town.tg.calls_of("setWebhook")[-1].params["secret_token"])

    async def deliver(self, update: dict[str, Any], secret: str | None = None) -> httpx.Response:
        headers = {"X-Telegram-Bot-Api-Secret-Token": secret or self.secret}
        return await self.client.post(HOOK, json=update, headers=headers)

    def update_of(self, posted: Message) -> dict[str, Any]:
        return {"update_id": next(self.numbers), "message": posted.json()}

    async def post(self, posted: Message) -> None:
        """Deliver a message, which is taken."""
        assert (await self.deliver(self.update_of(posted))).status_code == 200

    async def ready(self) -> tuple[int, list[str]]:
        answer = await self.client.get("/readyz")
        return answer.status_code, answer.json()["missing"]


@asynccontextmanager
async def served(town: Town, webhook: str | None = PUBLIC, port: int | None = None) -> AsyncIterator[Served]:
    """A host as `lazaretto run` makes its own: with a journal for a queue, and without an updater where it has a
    webhook."""
    web = Web(port=port or free_port(), webhook=webhook)

    def adapt(builder: Any) -> Any:
        return builder.updater(None) if webhook else builder

    host = build(town.tg, town.config(), adapt, journal=True)
    async with (
        running(host.application, host.guard, web),
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{web.port}", trust_env=False) as client,
    ):
        yield Served(town, host, web, client)


@pytest.fixture
async def hook(town: Town) -> AsyncIterator[Served]:
    async with served(town) as hook:
        yield hook


# ── updates ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_clean_file_goes_on_to_the_hosts_handler(town: Town, hook: Served) -> None:
    posted = await post_note(town.group, town.ann)
    await hook.post(posted)
    assert (await hook.host.verdict(posted)).decision.action is Action.FORWARD
    await hook.host.saw(posted)


async def test_a_bad_file_is_removed_and_a_card_comes(town: Town, hook: Served) -> None:
    posted = await post_program(town.group, town.eve)
    await hook.post(posted)
    assert (await hook.host.verdict(posted)).decision.action is Action.QUARANTINE
    await town.tg.wait_until(lambda: posted.deleted)
    await town.moderators.wait_for(lambda message: message.sender == town.tg.bot)
    assert hook.host.times_seen(posted) == 0


async def test_a_file_of_an_update_that_the_library_cannot_read_is_judged(town: Town, hook: Served) -> None:
    posted = await post_program(town.group, town.eve)
    update = hook.update_of(posted)
    update["message"]["date"] = "yesterday"
    with capture_logs() as logged:
        assert (await hook.deliver(update)).status_code == 200
    assert (await hook.host.verdict(posted)).decision.action is Action.QUARANTINE
    await town.tg.wait_until(lambda: posted.deleted)
    assert hook.host.updates.all == []
    [entry] = [entry for entry in logged if "cannot be read" in entry["event"]]
    assert (entry["log_level"], entry["update"]) == ("error", update["update_id"])


async def test_an_acknowledged_update_is_in_the_journal(town: Town, hook: Served) -> None:
    hold = town.tg.faults.hold_download(after=1)
    posted = await post_note(town.group, town.ann)
    await hook.post(posted)
    async with AuditedStore.open(town.state, beside=True) as beside:  # as whoever starts after a crash would read it
        [pending] = await beside.pending()
    hold.release()
    assert pending.attachment.message == str(posted.message_id)


async def test_an_update_that_cannot_be_written_down_is_taken_when_it_comes_again(
    town: Town, hook: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: Any) -> None:
        raise Unavailable("the disk is full")

    update = hook.update_of(posted := await post_note(town.group, town.ann))
    with monkeypatch.context() as patched:
        patched.setattr(AuditedStore, "take_in", full)
        answer = await hook.deliver(update)
        assert answer.status_code == 503
        assert answer.headers["Retry-After"].isdecimal()
    assert hook.host.application.update_queue.empty()
    assert (await hook.deliver(update)).status_code == 200
    await hook.host.saw(posted)


async def test_an_update_that_comes_twice_is_judged_once(town: Town, hook: Served) -> None:
    update = hook.update_of(posted := await post_program(town.group, town.eve))
    for _ in range(2):
        assert (await hook.deliver(update)).status_code == 200
    await hook.host.verdict(posted)
    await town.tg.wait_until(lambda: posted.deleted)
    store = (await hook.host.guard.start()).store
    assert [record["event"] for record in await events(store)].count("decided") == 1


async def test_an_update_that_comes_twice_at_the_same_time_is_judged_and_handled_once(town: Town, hook: Served) -> None:
    update = hook.update_of(posted := await post_note(town.group, town.ann))
    answers = await asyncio.gather(*(hook.deliver(update) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    await hook.host.saw(posted)
    store = (await hook.host.guard.start()).store
    await hook.host.done(event="finished")
    assert (await hook.deliver(update)).status_code == 200
    assert [record["event"] for record in await events(store)].count("decided") == 1
    assert hook.host.times_seen(posted) == 1


async def test_an_update_that_nobody_can_take_is_set_aside_and_acknowledged(
    town: Town, hook: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lazaretto.telegram.journal._FIRST_PAUSE", 0.0)

    async def refuses(*_: Any) -> None:
        raise ValueError("of another reason than a shortage")

    bad = hook.update_of(odd := await post_program(town.group, town.eve))
    with monkeypatch.context() as patched:
        patched.setattr(AuditedStore, "take_in", refuses)
        assert (await hook.deliver(bad)).status_code == 200
    assert (await hook.host.done(event="update-set-aside"))["data"]["update"] == str(bad["update_id"])
    assert (await hook.deliver(bad)).status_code == 200
    await hook.host.saw(await delivered_note(town, hook))
    assert hook.host.times_seen(odd) == 0


async def test_what_the_server_delivers_by_itself_is_judged(town: Town) -> None:
    port = free_port()
    async with served(town, webhook=f"http://127.0.0.1:{port}{HOOK}", port=port) as hook:
        good, bad = await post_note(town.group, town.ann), await post_program(town.group, town.eve)
        await hook.host.saw(good)
        await town.tg.wait_until(lambda: bad.deleted)
        await town.tg.wait_until(lambda: not town.tg.pending_updates)
    assert hook.host.times_seen(good) == 1
    assert hook.host.times_seen(bad) == 0


async def test_what_could_not_be_written_down_is_delivered_again(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    port, tries, take_in = free_port(), [], AuditedStore.take_in

    async def full_at_first(store: AuditedStore, *arguments: Any) -> Any:
        tries.append(1)
        if len(tries) < 3:
            raise Unavailable("the disk is full")
        return await take_in(store, *arguments)

    monkeypatch.setattr(AuditedStore, "take_in", full_at_first)
    async with served(town, webhook=f"http://127.0.0.1:{port}{HOOK}", port=port) as hook:
        posted = await post_program(town.group, town.eve)
        await town.tg.wait_until(lambda: posted.deleted)
        assert town.tg.webhook is not None
        assert "503" in str(town.tg.webhook.last_error_message)
    assert hook.host.times_seen(posted) == 0


async def test_what_was_posted_while_the_bot_was_down_is_delivered_when_it_is_back(town: Town) -> None:
    port = free_port()
    address = f"http://127.0.0.1:{port}{HOOK}"
    async with served(town, webhook=address, port=port):
        pass
    posted = await post_program(town.group, town.eve)
    await town.tg.wait_until(lambda: town.tg.webhook is not None and town.tg.webhook.last_error_message)
    async with served(town, webhook=address, port=port):
        await town.tg.wait_until(lambda: posted.deleted)


# ── what Telegram is told ─────────────────────────────────────────────────────────────────────────────────────────


async def test_telegram_is_asked_for_everything_and_drops_nothing(town: Town, hook: Served) -> None:
    [call] = town.tg.calls_of("setWebhook")
    assert call.params["url"] == PUBLIC
    assert call.params["allowed_updates"] == list(Update.ALL_TYPES)
    assert not call.params.get("drop_pending_updates")
    assert town.tg.calls_of("getUpdates") == ()


async def test_each_start_has_a_secret_of_its_own(town: Town) -> None:
    async with served(town) as first:
        old = first.secret
    async with served(town) as second:
        posted = await post_note(town.group, town.ann)
        assert second.secret != old
        assert len(second.secret) >= 32
        assert (await second.deliver(second.update_of(posted), secret=old)).status_code == 403
        assert second.host.guard.metrics.registry.get_sample_value(
            "lazaretto_webhook_requests_total", {"outcome": "forbidden"}
        )


async def test_the_webhook_stays_set_when_the_bot_stops(town: Town) -> None:
    async with served(town):
        pass
    assert town.tg.calls_of("deleteWebhook") == ()
    assert "stopped" in await the_events(town.state)


async def test_polling_takes_a_webhook_away_that_is_set(town: Town) -> None:
    async with served(town):
        pass
    async with served(town, webhook=None) as polling:
        assert town.tg.calls_of("deleteWebhook")
        await polling.host.saw(await post_note(town.group, town.ann))


async def test_a_webhook_that_telegram_refuses_ends_the_start_in_good_order(town: Town) -> None:
    town.tg.faults.fail("setWebhook", error_code=400, description="Bad Request: bad webhook: no such host")
    with pytest.raises(BadRequest):
        async with served(town):
            raise AssertionError("it started")
    assert "stopped" in await the_events(town.state)


async def the_events(state: Path) -> list[str]:
    async with AuditedStore.open(state) as store:
        return [record["event"] for record in await events(store)]


# ── health ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_started_bot_is_alive_ready_and_counts(town: Town, hook: Served) -> None:
    assert (await hook.client.get("/healthz")).status_code == 200
    assert await hook.ready() == (200, [])
    await hook.host.saw(await delivered_note(town, hook))
    page = (await hook.client.get("/metrics")).text
    assert 'lazaretto_webhook_requests_total{outcome="taken"} 1.0' in page
    assert 'lazaretto_attachments_received_total{kind="document"} 1.0' in page
    for secret in (hook.secret, town.tg.token, str(town.group.id), str(town.ann.id)):
        assert secret not in page


async def delivered_note(town: Town, hook: Served) -> Message:
    posted = await post_note(town.group, town.ann)
    await hook.post(posted)
    return posted


async def test_polling_has_the_same_pages_and_no_webhook(town: Town) -> None:
    async with served(town, webhook=None) as polling:
        assert await polling.ready() == (200, [])
        assert (await polling.client.post(HOOK, json={})).status_code == 404


@pytest.mark.parametrize(("listen", "warned"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
async def test_whoever_listens_to_other_machines_is_warned(town: Town, listen: str, warned: bool) -> None:
    web = Web(listen=listen, port=free_port(), webhook=PUBLIC)
    host = build(town.tg, town.config(), lambda builder: builder.updater(None))
    with capture_logs() as logged:
        async with running(host.application, host.guard, web):
            pass
    assert any("other machines may reach the pages" in entry["event"] for entry in logged) == warned


async def test_while_it_starts_it_is_alive_and_not_ready(town: Town) -> None:
    hold, port = town.tg.faults.hold("setWebhook"), free_port()

    async def start_and_stop() -> None:
        async with served(town, port=port):
            pass

    starting = asyncio.ensure_future(start_and_stop())
    await hold.reached()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
        alive, ready = [await client.get(page) for page in ("/healthz", "/readyz")]
    hold.release()
    await starting
    assert alive.status_code == 200
    assert (ready.status_code, ready.json()["missing"]) == (503, ["webhook"])


async def test_a_database_that_does_not_answer_is_named(hook: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: AuditedStore) -> str:
        raise OSError(5, "Input/output error", "/srv/secret/path")

    monkeypatch.setattr(AuditedStore, "head", broken)
    assert await hook.ready() == (503, ["database"])
    assert (await hook.client.get("/healthz")).status_code == 200


async def test_a_sandbox_that_brings_no_worker_up_is_named(hook: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(ZygoteBackend, "start", broken)
    monkeypatch.setattr(health, "_KEPT_SECONDS", 0.0)
    await hook.ready()  # takes the spare that there is
    assert await hook.ready() == (503, ["sandbox"])


# ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_handler_that_does_not_end_does_not_keep_the_bot_from_stopping(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "_DRAIN_SECONDS", 0.05)
    reached = asyncio.Event()

    async def hang(_update: Update, _context: AnyContext) -> None:
        reached.set()
        await asyncio.Event().wait()

    async with asyncio.timeout(20):
        async with served(town) as hook:
            hook.host.application.add_handler(TypeHandler(Update, hang), group=7)
            await delivered_note(town, hook)
            await reached.wait()
    assert "stopped" in await the_events(town.state)


async def test_the_hosts_own_hooks_are_called_in_order(town: Town) -> None:
    called: list[str] = []
    names = ("post_init", "post_stop", "post_shutdown")
    web = Web(port=free_port(), webhook=PUBLIC)
    host = build(town.tg, town.config(), lambda builder: builder.updater(None))
    for name in names:
        theirs = getattr(host.application, name)

        async def hook(application: Any, name: str = name, theirs: Any = theirs) -> None:
            called.append(name)
            if theirs is not None:
                await theirs(application)

        setattr(host.application, name, hook)
    async with running(host.application, host.guard, web):
        assert called == ["post_init"]
    assert called == list(names)


async def test_a_port_that_is_taken_is_named_before_anything_else_happens(town: Town) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        web = Web(port=int(taken.getsockname()[1]), webhook=PUBLIC)
        host = build(town.tg, town.config(), lambda builder: builder.updater(None))
        with pytest.raises(OSError, match=f"127.0.0.1:{web.port}"):
            async with running(host.application, host.guard, web):
                raise AssertionError("it started")
    assert not town.state.exists()
    assert town.tg.calls_of("getMe") == ()
