"""Webhooks: what is posted where, in which order, how often; and what the bot's answers bring about."""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from lazaretto.emulator import Chat, Emulator, User
from lazaretto.emulator.server.http import Server


@dataclass
class Endpoint:
    """A bot's webhook. `respond` says what it answers to an update; `gate` is waited for first."""

    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    respond: Callable[[dict[str, Any]], Response] = lambda _: Response()
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: int = 0
    most_at_once: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        update = await request.json()
        self.received.append(update)
        self.headers.append(dict(request.headers))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await self.gate.wait()
        self.at_once -= 1
        await self.respond(update)(scope, receive, send)

    @property
    def texts(self) -> list[str]:
        return [update["message"]["text"] for update in self.received]


@pytest.fixture
async def tg() -> AsyncIterator[Emulator]:
    async with Emulator(webhook_delays=(0.01, 0.02)) as emulator:
        yield emulator


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    bot = Endpoint()
    bot.gate.set()
    server = Server(lambda _: bot, 0)
    await server.start()
    bot.url = f"http://127.0.0.1:{server.port}/hook"
    yield bot
    bot.gate.set()
    await server.stop()


async def set_webhook(api: httpx.AsyncClient, url: str, **params: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.post("setWebhook", json={"url": url, **params})).json()
    return answer


async def info(api: httpx.AsyncClient) -> dict[str, Any]:
    answer: dict[str, Any] = (await api.post("getWebhookInfo")).json()["result"]
    return answer


async def test_an_update_is_posted_and_then_no_longer_pending(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    await set_webhook(api, endpoint.url, secret_token="s3cret-_")
    await group.post_text(ann, "hi")
    await tg.wait_until(lambda: endpoint.received and not tg.pending_updates)
    assert endpoint.texts == ["hi"]
    sent = endpoint.headers[0]
    assert (sent["content-type"], sent["x-telegram-bot-api-secret-token"]) == ("application/json", "s3cret-_")


async def test_what_was_pending_before_the_webhook_is_delivered(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    await group.post_text(ann, "early")
    await set_webhook(api, endpoint.url)
    await tg.wait_until(lambda: not tg.pending_updates)
    assert endpoint.texts == ["early"]
    assert "x-telegram-bot-api-secret-token" not in endpoint.headers[0]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_an_update_that_is_not_taken_comes_again_until_it_is(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint, status: int
) -> None:
    endpoint.respond = lambda _: Response(status_code=status if len(endpoint.received) < 4 else 200)
    await set_webhook(api, endpoint.url)
    await group.post_text(ann, "one")
    await group.post_text(ann, "two")
    await tg.wait_until(lambda: not tg.pending_updates)
    assert endpoint.texts == ["one"] * 4 + ["two"]
    assert len({update["update_id"] for update in endpoint.received}) == 2


async def test_webhook_info_tells_what_went_wrong(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    endpoint.respond = lambda _: Response(status_code=503)
    await set_webhook(api, endpoint.url, max_connections=7, allowed_updates=["message"])
    await group.post_text(ann, "hi")
    await tg.wait_until(lambda: len(endpoint.received) > 1)
    told = await info(api)
    assert abs(told.pop("last_error_date") - tg.calls[-1].at) <= 1
    assert told == {
        "url": endpoint.url,
        "has_custom_certificate": False,
        "pending_update_count": 1,
        "max_connections": 7,
        "allowed_updates": ["message"],
        "last_error_message": "Wrong response from the webhook: 503 Service Unavailable",
    }


async def test_nobody_listening_is_an_error_that_is_told(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    await set_webhook(api, "http://127.0.0.1:1/hook")
    await group.post_text(ann, "hi")
    await tg.wait_until(lambda: tg.webhook is not None and tg.webhook.last_error_message)
    told = await info(api)
    assert (told["last_error_message"], told["pending_update_count"]) == ("Connection refused", 1)


async def test_an_endpoint_that_is_silent_runs_into_the_timeout(endpoint: Endpoint) -> None:
    endpoint.gate.clear()
    async with Emulator(webhook_delays=[0.01], webhook_timeout=0.05) as tg, httpx.AsyncClient(trust_env=False) as api:
        ben = tg.user("Ben")
        await api.post(f"{tg.base_url}{tg.token}/setWebhook", json={"url": endpoint.url})
        await tg.private(ben).post_text(ben, "hi")
        await tg.wait_until(lambda: len(endpoint.received) > 1)
        assert tg.webhook is not None
        assert tg.webhook.last_error_message == "Read timeout expired"


async def test_only_this_machine_is_ever_spoken_to(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient
) -> None:
    assert (await set_webhook(api, "https://203.0.113.1/hook"))["ok"] is True
    await group.post_text(ann, "hi")
    await tg.wait_until(lambda: tg.webhook is not None and tg.webhook.last_error_message)
    assert (await info(api))["last_error_message"] == "The emulator delivers to loopback addresses only"


async def test_a_chats_updates_come_one_after_the_other_and_chats_side_by_side(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    endpoint.gate.clear()
    await set_webhook(api, endpoint.url)
    private = tg.private(ann)
    for number in range(3):
        await group.post_text(ann, f"group {number}")
        await private.post_text(ann, f"private {number}")
    await tg.wait_until(lambda: endpoint.at_once == 2)
    assert sorted(endpoint.texts) == ["group 0", "private 0"]
    endpoint.gate.set()
    await tg.wait_until(lambda: not tg.pending_updates)
    for place in ("group", "private"):
        assert [text for text in endpoint.texts if text.startswith(place)] == [f"{place} {n}" for n in range(3)]


@pytest.mark.parametrize("connections", [1, 3])
async def test_no_more_connections_than_were_asked_for(
    tg: Emulator, api: httpx.AsyncClient, endpoint: Endpoint, connections: int
) -> None:
    endpoint.gate.clear()
    await set_webhook(api, endpoint.url, max_connections=connections)
    for number in range(5):
        user = tg.user(f"U{number}")
        await tg.private(user).post_text(user, "hi")
    await tg.wait_until(lambda: endpoint.at_once == connections)
    endpoint.gate.set()
    await tg.wait_until(lambda: not tg.pending_updates)
    assert endpoint.most_at_once == connections
    assert len(endpoint.received) == 5


async def test_a_method_in_the_answer_is_carried_out(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    endpoint.respond = lambda _: JSONResponse({"method": "sendMessage", "chat_id": group.id, "text": "heard"})
    await set_webhook(api, endpoint.url)
    await group.post_text(ann, "hi")
    await group.wait_for(lambda message: message.text == "heard")
    assert dict(tg.calls_of("sendMessage")[0].params) == {"chat_id": group.id, "text": "heard"}


@pytest.mark.parametrize(
    "answer",
    [
        JSONResponse({"method": "makeTea"}),
        JSONResponse({"method": "sendMessage", "chat_id": 1}),
        JSONResponse(["sendMessage"]),
        Response(b"{", media_type="application/json"),
        Response(b'{"method": "deleteWebhook", "x": "\\ud800"}', media_type="application/json"),
        Response(b"x" * (2 << 20), media_type="application/json"),
        Response(b"--x", media_type="multipart/form-data"),
    ],
    ids=["unknown", "refused", "array", "broken", "no text", "long", "multipart"],
)
async def test_an_answer_that_asks_for_nothing_sensible_is_an_answer(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint, answer: Response
) -> None:
    endpoint.respond = lambda _: answer
    await set_webhook(api, endpoint.url)
    await group.post_text(ann, "hi")
    await tg.wait_until(lambda: not tg.pending_updates)
    assert len(endpoint.received) == 1
    assert [message.text for message in group.messages] == ["hi"]
    assert tg.webhook is not None


async def test_faults_strike_calls_in_an_answer_too(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    endpoint.respond = lambda _: JSONResponse({"method": "sendMessage", "chat_id": group.id, "text": "heard"})
    await set_webhook(api, endpoint.url)
    tg.faults.fail("sendMessage", chat=group)
    await group.post_text(ann, "hi")
    await tg.wait_until(lambda: not tg.pending_updates)
    assert [message.text for message in group.messages] == ["hi"]
    hold = tg.faults.hold("sendMessage")
    await group.post_text(ann, "ho")
    await hold.reached()
    hold.release()
    await group.wait_for(lambda message: message.text == "heard")


async def test_a_form_in_the_answer_is_read_too(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    form = f"method=deleteMessage&chat_id={group.id}&message_id=1"
    endpoint.respond = lambda _: Response(form, media_type="application/x-www-form-urlencoded")
    await set_webhook(api, endpoint.url)
    posted = await group.post_text(ann, "hi")
    await tg.wait_until(lambda: posted.deleted)


async def test_getting_updates_conflicts_until_the_webhook_is_deleted(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    endpoint.respond = lambda _: Response(status_code=500)
    await set_webhook(api, endpoint.url)
    await group.post_text(ann, "hi")
    await tg.wait_until(lambda: endpoint.received)
    assert (await api.post("getUpdates")).status_code == 409
    await api.post("deleteWebhook")
    assert [update["message"]["text"] for update in (await api.post("getUpdates")).json()["result"]] == ["hi"]
    assert await info(api) == {"url": "", "has_custom_certificate": False, "pending_update_count": 1}


async def test_a_poll_that_waits_ends_when_a_webhook_is_set(
    tg: Emulator, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    async with asyncio.TaskGroup() as tasks:
        poll = tasks.create_task(api.post("getUpdates", json={"timeout": 30}))
        await tg.wait_until(lambda: tg.calls_of("getUpdates"))
        await set_webhook(api, endpoint.url)
    assert poll.result().json()["description"] == "Conflict: terminated by setWebhook request"


async def test_pending_updates_may_be_dropped(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    await group.post_text(ann, "old")
    await set_webhook(api, endpoint.url, drop_pending_updates=True)
    await group.post_text(ann, "new")
    await tg.wait_until(lambda: endpoint.received)
    assert endpoint.texts == ["new"]


async def test_an_update_is_given_up_after_a_day(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    endpoint.respond = lambda _: Response(status_code=500)
    await set_webhook(api, endpoint.url)
    await group.post_text(ann, "old")
    await tg.wait_until(lambda: endpoint.received)
    tg.advance(timedelta(hours=25))
    assert (await info(api))["pending_update_count"] == 0


async def test_deliveries_go_on_after_a_restart(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    await set_webhook(api, endpoint.url)
    await tg.stop()
    await group.post_text(ann, "meanwhile")
    assert endpoint.received == []
    await tg.start()
    await tg.wait_until(lambda: not tg.pending_updates)
    assert endpoint.texts == ["meanwhile"]


async def test_a_lost_confirmation_delivers_twice(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    tg.faults.lose_confirmation()
    await set_webhook(api, endpoint.url)
    await group.post_text(ann, "hi")
    await tg.wait_until(lambda: not tg.pending_updates)
    assert Counter(endpoint.texts) == {"hi": 2}


async def test_what_is_no_update_at_all_is_delivered_as_well(
    tg: Emulator, api: httpx.AsyncClient, endpoint: Endpoint
) -> None:
    await set_webhook(api, endpoint.url)
    await tg.inject({"message": "not an object"})
    await tg.inject({"update_id": 900_000_000})
    await tg.wait_until(lambda: not tg.pending_updates)
    assert len(endpoint.received) == 2


@pytest.mark.parametrize(
    ("params", "description"),
    [
        ({"url": "http://example.org/hook"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        ({"url": "ftp://127.0.0.1/hook"}, "bad webhook: An HTTPS URL must be provided for webhook"),
        ({"url": "https://example.org:8080/"}, "bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443"),
        ({"url": "https://example.org:port/"}, "bad webhook: invalid URL"),
        ({"url": "https:///hook"}, "bad webhook: invalid URL"),
        ({"url": "https://example.org", "secret_token": "a b"}, "secret token contains unallowed characters"),
        ({"url": "https://example.org", "secret_token": "é"}, "secret token contains unallowed characters"),
        ({"url": "https://example.org", "secret_token": "x" * 257}, "secret token is too long"),
        ({"url": "https://example.org", "allowed_updates": "all"}, 'can\'t parse "allowed_updates" JSON array'),
    ],
)  # fmt: skip
async def test_webhooks_that_telegram_refuses(api: httpx.AsyncClient, params: dict[str, Any], description: str) -> None:
    answer = await api.post("setWebhook", json=params)
    assert (answer.status_code, answer.json()["description"]) == (400, f"Bad Request: {description}")
    assert (await info(api))["url"] == ""


async def test_neither_the_address_nor_the_secret_is_logged(
    tg: Emulator, group: Chat, ann: User, api: httpx.AsyncClient, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    await set_webhook(api, f"{endpoint.url}/{tg.token}", secret_token="confidential")
    caplog.set_level(logging.DEBUG)
    await group.post_text(ann, "hi")
    await tg.wait_until(lambda: not tg.pending_updates)
    said = json.dumps([record.getMessage() for record in caplog.records]) + repr(tg.webhook)
    assert [secret for secret in (tg.token, "confidential") if secret in said] == []


async def test_the_record_of_calls_has_a_word_in_the_tokens_place(tg: Emulator, api: httpx.AsyncClient) -> None:
    await set_webhook(api, f"https://example.org/{tg.token}")
    assert tg.calls_of("setWebhook")[0].params["url"] == "https://example.org/<token>"
    assert (await info(api))["url"].endswith(tg.token)


@pytest.mark.parametrize("delays", [(), (-1.0,)])
def test_delays_that_make_no_sense(delays: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="webhook_delays"):
        Emulator(webhook_delays=delays)
