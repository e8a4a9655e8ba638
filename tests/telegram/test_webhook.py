"""The webhook and the pages beside it, as ASGI: who is heard, what is taken, and what an answer tells."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.routing import Route, Router
from structlog.testing import capture_logs
from telegram import Update
from telegram.error import NetworkError
from telegram.ext import Application

from lazaretto.metrics import Metrics
from lazaretto.telegram.gate import AnyApplication
from lazaretto.telegram.journal import TRIES, Journal, Moment
from lazaretto.telegram.queue import JournalQueue
from lazaretto.telegram.web import health as health_module
from lazaretto.telegram.web import intake as intake_module
from lazaretto.telegram.web.health import Readiness, pages
from lazaretto.telegram.web.intake import LARGEST_BODY, Intake

SECRET = "the-secret-of-this-start"
HOOK = "/telegram/updates"
TEXT = {
    "update_id": 7,
    "message": {"message_id": 1, "date": 1, "chat": {"id": -1, "type": "group", "title": "x"}, "text": "hello"},
}
UNREADABLE = {"update_id": 8, "message": {"message_id": "not what the library expects", "document": {"file_id": "x"}}}


class Queue(asyncio.Queue[object]):
    """Fails as a full disk does, when told to."""

    error: Exception | None = None

    async def put(self, item: object) -> None:
        if self.error is not None:
            raise self.error
        await super().put(item)


class Keeper:
    """Remembers what came."""

    def __init__(self) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.again: list[object] = []
        self.aside: list[object] = []
        self.gaps: list[tuple[datetime, datetime]] = []
        self.error: Exception | None = None

    async def write_down(self, update: Update, *, delivered: bool) -> bool:
        await asyncio.sleep(0)
        return True

    async def take_unreadable(self, update: Mapping[str, Any], why: str) -> None:
        if self.error is not None:
            raise self.error
        self.taken.append(update)

    def came_again(self, update: object) -> None:
        self.again.append(update)

    async def set_aside(self, update: object, why: str) -> None:
        self.aside.append(update)

    async def note_gap(self, since: datetime, until: datetime) -> None:
        self.gaps.append((since, until))


class Site:
    """A webhook with its pages, and a client that knows the secret."""

    def __init__(self) -> None:
        self.queue = Queue()
        self.keeper = Keeper()
        self.moment = Moment(datetime(2026, 11, 25, tzinfo=UTC), 0.0)
        self.journal = Journal(self.pause, lambda: self.moment)
        self.journal.keeper = self.keeper
        self.pauses: list[float] = []
        self.metrics = Metrics()
        self.well: dict[str, bool] = {"guard": True, "database": True}
        self.application: AnyApplication = (
            Application.builder().token("1:x").updater(None).update_queue(self.queue).build()
        )
        self.intake = Intake(self.application, self.journal, self.metrics, SECRET)
        self.intake.open = True
        readiness = Readiness({name: self.check(name) for name in self.well})
        routes = [*pages(readiness, self.metrics.registry), Route(HOOK, self.intake)]
        transport = httpx.ASGITransport(Router(routes, redirect_slashes=False))
        self.client = httpx.AsyncClient(transport=transport, base_url="http://bot.example.org")

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    def check(self, name: str) -> Callable[[], Awaitable[bool]]:
        async def check() -> bool:
            return self.well[name]

        return check

    async def post(self, body: object = TEXT, **how: Any) -> httpx.Response:
        """An update as Telegram delivers it, but for what `how` says."""
        headers = {"Content-Type": "application/json", "X-Telegram-Bot-Api-Secret-Token": SECRET}
        headers = {k: v for k, v in (headers | how.pop("headers", {})).items() if v is not None}
        content = body if isinstance(body, bytes) or hasattr(body, "__aiter__") else json.dumps(body)
        return await self.client.request(how.pop("method", "POST"), HOOK, content=content, headers=headers, **how)

    def counted(self, outcome: str) -> float:
        return self.metrics.registry.get_sample_value("lazaretto_webhook_requests_total", {"outcome": outcome}) or 0


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    yield site
    await site.client.aclose()


def assert_refused(site: Site, answer: httpx.Response, status: int, outcome: str) -> None:
    assert (answer.status_code, answer.content) == (status, b"")
    assert site.counted(outcome) == 1
    assert site.queue.empty()
    assert site.keeper.taken == []


# ── what is taken ─────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_update_is_in_the_queue_when_it_is_acknowledged(site: Site) -> None:
    answer = await site.post()
    assert (answer.status_code, answer.content) == (200, b"")
    update = site.queue.get_nowait()
    assert isinstance(update, Update)
    assert (update.update_id, update.message and update.message.text) == (7, "hello")
    assert site.counted("taken") == 1


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
async def test_the_type_may_be_written_in_other_ways(site: Site, kind: str) -> None:
    assert (await site.post(headers={"Content-Type": kind})).status_code == 200


async def test_an_update_of_a_type_that_the_library_does_not_know_is_taken(site: Site) -> None:
    assert (await site.post({"update_id": 9, "from_the_future": {"document": {}}})).status_code == 200
    update = site.queue.get_nowait()
    assert isinstance(update, Update)
    assert update.api_kwargs == {"from_the_future": {"document": {}}}


async def test_the_largest_body_that_is_taken(site: Site) -> None:
    body = json.dumps(TEXT).encode()
    assert (await site.post(body + b" " * (LARGEST_BODY - len(body)))).status_code == 200


# ── what is not ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], f"{SECRET}x", SECRET.upper()])
async def test_whoever_does_not_know_the_secret_is_not_heard(site: Site, secret: str | None) -> None:
    answer = await site.post(headers={"X-Telegram-Bot-Api-Secret-Token": secret})
    assert_refused(site, answer, 403, "forbidden")


async def test_a_secret_that_is_no_text_is_wrong(site: Site) -> None:
    headers = [(b"X-Telegram-Bot-Api-Secret-Token", b"\xff\xfe"), (b"Content-Type", b"application/json")]
    assert_refused(site, await site.client.post(HOOK, content=b"{}", headers=headers), 403, "forbidden")


async def test_the_body_of_a_stranger_is_not_read(site: Site) -> None:
    scope = {"type": "http", "method": "POST", "path": HOOK, "headers": [], "query_string": b""}
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        raise AssertionError("it was read")

    async def send(message: Any) -> None:
        sent.append(message)

    await site.intake(scope, receive, send)
    assert sent[0]["status"] == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_only_posts_are_updates(site: Site, method: str) -> None:
    answer = await site.post(method=method)
    assert answer.headers["Allow"] == "POST"
    assert_refused(site, answer, 405, "no-post")


@pytest.mark.parametrize("kind", [None, "", "text/plain", "application/jsonx", "application/x-www-form-urlencoded"])
async def test_only_json_is_an_update(site: Site, kind: str | None) -> None:
    assert_refused(site, await site.post(headers={"Content-Type": kind}), 415, "no-json-type")


async def test_a_body_is_too_large_by_what_comes_and_not_by_what_it_says(site: Site) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 65536
            assert sent <= LARGEST_BODY + 2 * 65536, "nobody stops reading"
            yield b" " * 65536

    answer = await site.post(endless(), headers={"Content-Length": "2"})
    assert_refused(site, answer, 413, "too-large")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b"7",
        b'"text"',
        b"{",
        b"{} {}",
        b"\xff",
        b'{"update_id": NaN}',
        b'{"update_id": -Infinity}',
        b'{"update_id": ' + b"9" * 5000 + b"}",
        b"[" * 200_000,
        b'{"a":' * 100_000,
    ],
    ids=range(13),
)
async def test_what_is_no_json_object_is_no_update(site: Site, body: bytes) -> None:
    assert_refused(site, await site.post(body), 400, "no-object")


async def test_a_body_that_does_not_come_to_its_end_is_waited_for_so_long(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake_module, "_BODY_SECONDS", 0.01)

    async def stalled() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    assert_refused(site, await site.post(stalled()), 408, "too-slow")


async def test_a_request_that_breaks_off_is_no_update(site: Site) -> None:
    headers = [(b"x-telegram-bot-api-secret-token", SECRET.encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "method": "POST", "path": HOOK, "headers": headers, "query_string": b""}
    coming: list[dict[str, Any]] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    async def receive() -> dict[str, Any]:
        return coming.pop(0)

    async def send(_: Any) -> None:
        pass

    await site.intake(scope, receive, send)
    assert site.counted("broken-off") == 1
    assert site.queue.empty()


async def test_before_the_start_is_complete_updates_come_again_later(site: Site) -> None:
    site.intake.open = False
    answer = await site.post()
    assert answer.headers["Retry-After"].isdecimal()
    assert_refused(site, answer, 503, "unavailable")


@pytest.mark.parametrize("error", [NetworkError("the disk is full"), OSError(28, "no room"), RuntimeError("stopped")])
async def test_an_update_that_cannot_be_written_down_comes_again_later(site: Site, error: Exception) -> None:
    site.queue.error = error
    answer = await site.post()
    assert answer.headers["Retry-After"].isdecimal()
    assert_refused(site, answer, 503, "unavailable")
    site.queue.error = None
    assert (await site.post()).status_code == 200


async def test_a_full_disk_is_logged_once_for_many_deliveries(site: Site) -> None:
    site.queue.error = NetworkError("the disk is full")
    with capture_logs() as logged:
        for _ in range(5):
            await site.post()
    assert [(entry["log_level"], entry["error"]) for entry in logged] == [("error", "the disk is full")]


async def test_refused_requests_are_counted_and_not_logged(site: Site) -> None:
    with capture_logs() as logged:
        await site.post(headers={"X-Telegram-Bot-Api-Secret-Token": "wrong"})
        await site.post(b"nonsense")
        await site.post(method="GET")
    assert logged == []


# ── what the library cannot read ──────────────────────────────────────────────────────────────────────────────────


async def test_an_unreadable_update_is_taken_as_it_came_and_reaches_no_handler(site: Site) -> None:
    with capture_logs() as logged:
        assert (await site.post(UNREADABLE)).status_code == 200
    assert site.keeper.taken == [UNREADABLE]
    assert site.queue.empty()
    assert site.counted("unreadable") == 1
    [entry] = logged
    assert (entry["log_level"], entry["update"]) == ("error", 8)
    assert "not what the library expects" not in str(entry)


async def test_an_unreadable_update_that_cannot_be_written_down_comes_again_later(site: Site) -> None:
    site.keeper.error = OSError(28, "no room")
    assert_refused(site, await site.post(UNREADABLE), 503, "unavailable")
    assert site.pauses == []  # Telegram pauses


async def test_an_update_that_nobody_can_take_is_set_aside_after_a_few_tries_and_acknowledged(site: Site) -> None:
    site.keeper.error = KeyError("whatever")
    assert (await site.post(UNREADABLE)).status_code == 200
    assert (site.keeper.aside, site.keeper.taken) == ([UNREADABLE], [])
    assert len(site.pauses) == TRIES - 1
    assert (await site.post(UNREADABLE)).status_code == 200  # delivered again, it is known
    assert (len(site.keeper.aside), site.counted("repeated")) == (1, 1)


async def test_an_update_whose_number_is_none_is_taken_as_unreadable_and_once(site: Site) -> None:
    numbers: list[Any] = ["7", None, 1.5, True, -1, 2**63, []]
    for number in numbers:
        update = {**TEXT, "update_id": number}
        for _ in range(2):
            assert (await site.post(update)).status_code == 200
    assert len(site.keeper.taken) == 7
    assert site.queue.empty()


async def test_an_update_that_was_taken_is_not_queued_again(site: Site) -> None:
    queue = JournalQueue(journal=site.journal)
    site.application.update_queue = queue
    answers = await asyncio.gather(*(site.post() for _ in range(5)), site.post({**TEXT, "update_id": 9}))
    assert {answer.status_code for answer in answers} == {200}
    assert queue.qsize() == 2
    await site.post()
    assert queue.qsize() == 2


# ── what Telegram gave up ─────────────────────────────────────────────────────────────────────────────────────────


async def test_a_delivery_that_was_sent_away_for_more_than_a_day_is_a_gap(site: Site) -> None:
    began = site.moment.wall
    site.queue.error = NetworkError("the disk is full")
    await site.post()
    site.queue.error = None
    site.moment = Moment(began + timedelta(hours=23), 23 * 3600.0)
    await site.post({**TEXT, "update_id": 9})
    assert site.keeper.gaps == []
    site.moment = Moment(began + timedelta(hours=25), 25 * 3600.0)
    for number in (10, 11):
        await site.post({**TEXT, "update_id": number})
    assert site.keeper.gaps == [(began, site.moment.wall)]


async def test_a_delivery_that_came_at_last_is_no_gap(site: Site) -> None:
    site.queue.error = NetworkError("the disk is full")
    await site.post()
    site.queue.error = None
    await site.post()
    site.moment = Moment(site.moment.wall + timedelta(days=3), 0.0)
    await site.post({**TEXT, "update_id": 9})
    assert site.keeper.gaps == []


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_is_alive_whatever_else_is_wrong(site: Site) -> None:
    site.well = dict.fromkeys(site.well, False)
    assert (await site.client.get("/healthz")).status_code == 200


async def test_it_is_ready_when_everything_is_well(site: Site) -> None:
    answer = await site.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "missing": []})


async def test_what_is_not_ready_is_named(site: Site) -> None:
    site.well["database"] = False
    answer = await site.client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": ["database"]})


async def test_a_check_that_fails_or_hangs_is_not_well_and_tells_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lazaretto.telegram.web.health._SECONDS", 0.01)

    async def fails() -> bool:
        raise OSError(5, "Input/output error", "/srv/secret/path")

    async def hangs() -> bool:
        await asyncio.Event().wait()
        return True

    router = Router(pages(Readiness({"database": fails, "sandbox": hangs}), Metrics().registry))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(router), base_url="http://a") as client:
        answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": ["database", "sandbox"]})


async def test_many_who_ask_share_one_check_whose_result_is_kept_for_a_moment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks = 0

    async def check() -> bool:
        nonlocal checks
        checks += 1
        await asyncio.sleep(0)
        return True

    readiness = Readiness({"database": check})
    await asyncio.gather(*(readiness.missing() for _ in range(300)))
    await readiness.missing()
    assert checks == 1
    monkeypatch.setattr(health_module, "monotonic", lambda: time.monotonic() + 1.0)
    await readiness.missing()
    assert checks == 2


async def test_whoever_goes_away_takes_the_check_from_nobody() -> None:
    going_on = asyncio.Event()

    async def check() -> bool:
        return await going_on.wait()

    readiness = Readiness({"database": check})
    first, second = (asyncio.ensure_future(readiness.missing()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    going_on.set()
    assert await second == []


async def test_metrics_are_prometheus_text_of_our_registry(site: Site) -> None:
    await site.post()
    answer = await site.client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert 'lazaretto_webhook_requests_total{outcome="taken"} 1.0' in answer.text
    assert "python_info" not in answer.text


@pytest.mark.parametrize("page", ["/healthz", "/readyz", "/metrics"])
async def test_pages_are_not_reachable_below_the_webhooks_path(site: Site, page: str) -> None:
    for path in (f"{HOOK}{page}", f"{HOOK}/..{page}", f"{HOOK}/%2e%2e/%2e%2e{page}", f"{HOOK}//{page}"):
        assert (await site.client.get(httpx.URL("http://a").copy_with(raw_path=path.encode()))).status_code == 404


@pytest.mark.parametrize("path", [f"{HOOK}/", "/", "/telegram", f"/{HOOK}", f"{HOOK}x"])
async def test_an_update_is_taken_at_its_own_path_only(site: Site, path: str) -> None:
    headers = {"X-Telegram-Bot-Api-Secret-Token": SECRET}
    assert (await site.client.post(path, json=TEXT, headers=headers)).status_code == 404
    assert site.queue.empty()


async def test_no_answer_tells_the_secret(site: Site) -> None:
    answers = [await site.client.get(page) for page in ("/healthz", "/readyz", "/metrics", HOOK, "/elsewhere")]
    answers += [await site.post(), await site.post(b"{"), await site.post(UNREADABLE)]
    for answer in answers:
        assert SECRET not in answer.text + str(answer.headers)
