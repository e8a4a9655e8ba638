"""Webhooks: updates posted to the bot's address, as many at a time as it wants, each chat's in order, until taken.

https://core.telegram.org/bots/api#setwebhook. Only loopback addresses are ever spoken to, by http or by https (where
the certificate is not checked); a delivery to any other address fails, and getWebhookInfo says why.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from lazaretto.emulator.changes import Changes, Clock
from lazaretto.emulator.updates.queue import UpdateQueue

__all__ = ["Deliveries", "Webhook", "is_loopback"]

_LONGEST_REPLY = 1 << 20  # bytes
_REFUSED = "The emulator delivers to loopback addresses only"

Reply = Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass(eq=False, slots=True)
class Webhook:
    """Where updates go. `attempts` holds, of each update that was not taken, the tries and when the next one is due."""

    url: str = field(repr=False)  # many bots put their token into it
    secret_token: str = field(default="", repr=False)
    max_connections: int = 40
    has_custom_certificate: bool = False
    last_error_date: int | None = None
    last_error_message: str | None = None
    attempts: dict[int, tuple[int, float]] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """What the Bot API's WebhookInfo says of the address."""
        shown: dict[str, Any] = {
            "url": self.url,
            "has_custom_certificate": self.has_custom_certificate,
            "max_connections": self.max_connections,
        }
        errors = {"last_error_date": self.last_error_date, "last_error_message": self.last_error_message}
        return shown | {name: value for name, value in errors.items() if value is not None}


def is_loopback(url: str) -> bool:
    """Whether an address names this machine, without asking anybody."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


class Deliveries:
    """Posts what is pending while there is a webhook.

    `delays` are the seconds before the second try, the third ...; the last one is for all that follow. A try ends
    after `timeout` seconds. `reply` carries out the method that an answer's body may hold.
    """

    def __init__(
        self,
        updates: UpdateQueue,
        clock: Clock,
        changes: Changes,
        reply: Reply,
        *,
        delays: Sequence[float],
        timeout: float,
    ) -> None:
        if not delays or min(delays) < 0:
            raise ValueError("webhook_delays: give at least one number of seconds, none of them negative")
        self._updates = updates
        self._clock = clock
        self._changes = changes
        self._reply = reply
        self._delays = tuple(delays)
        self._timeout = timeout
        self._busy: dict[object, asyncio.Task[None]] = {}
        self._runner: asyncio.Task[None] | None = None
        self._fault: BaseException | None = None

    def start(self) -> None:
        """Begin to deliver."""
        if self._runner is None:
            # The emulator stands apart from the rest of lazaretto, its task helper included; `stop` awaits the task.
            self._runner = asyncio.create_task(self._run())  # noqa: TID251
            self._runner.add_done_callback(self._ended)

    async def stop(self) -> None:
        """Break deliveries off; what was not taken stays pending. Raises what broke a delivery, if anything did."""
        tasks = [*([self._runner] if self._runner else []), *self._busy.values()]
        self._runner = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._busy.clear()  # one that was broken off before it began has not done so itself
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A fault of the emulator's own ends all deliveries: tried again and again, it would hide."""
        if not task.cancelled() and task.exception() is not None:
            self._fault = task.exception()
            if self._runner is not None:
                self._runner.cancel()

    async def _run(self) -> None:
        # The transport alone: a client would log the address, which for many bots holds the token. It only ever
        # speaks to this machine, where no certificate is worth checking.
        async with httpx.AsyncHTTPTransport(verify=False, trust_env=False) as transport:
            while True:
                self._updates.arrived.clear()
                wait = self._begin(transport)
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._updates.arrived.wait()

    def _begin(self, transport: httpx.AsyncHTTPTransport) -> float | None:
        """Start what is due, the first of each chat; give back the seconds until the next is, None for never."""
        hook = self._updates.webhook
        if hook is None:
            return None
        now = asyncio.get_running_loop().time()
        waits = []
        first = {_queue_of(update): update for update in reversed(self._updates.pending)}
        for queue, update in reversed(first.items()):
            _, due = hook.attempts.get(update["update_id"], (0, now))
            if queue in self._busy or len(self._busy) >= hook.max_connections:
                continue  # the end of a delivery is an event too
            if due > now:
                waits.append(due - now)
                continue
            delivery = asyncio.create_task(self._deliver(transport, hook, queue, update))  # noqa: TID251
            delivery.add_done_callback(self._ended)
            self._busy[queue] = delivery
        return min(waits, default=None)

    async def _deliver(
        self, transport: httpx.AsyncHTTPTransport, hook: Webhook, queue: object, update: dict[str, Any]
    ) -> None:
        try:
            problem = await self._post(transport, hook, update)
            if problem is None:
                hook.attempts.pop(update["update_id"], None)
                self._updates.taken(update)
                return
            tries, _ = hook.attempts.get(update["update_id"], (0, 0.0))
            delay = self._delays[min(tries, len(self._delays) - 1)]
            hook.attempts[update["update_id"]] = (tries + 1, asyncio.get_running_loop().time() + delay)
            hook.last_error_date, hook.last_error_message = self._clock.now(), problem
            self._changes.announce()
        finally:
            self._busy.pop(queue, None)
            self._updates.arrived.set()

    async def _post(self, transport: httpx.AsyncHTTPTransport, hook: Webhook, update: Mapping[str, Any]) -> str | None:
        """One try: None when the update was taken, else what getWebhookInfo says of it."""
        if not is_loopback(hook.url):
            return _REFUSED
        secret = {"X-Telegram-Bot-Api-Secret-Token": hook.secret_token} if hook.secret_token else {}
        headers = {"Content-Type": "application/json", "Connection": "keep-alive", **secret}
        try:
            async with asyncio.timeout(self._timeout):
                request = httpx.Request("POST", hook.url, headers=headers, content=json.dumps(update).encode())
                answer = await transport.handle_async_request(request)
                body = await _read(answer)
        except TimeoutError:
            return "Read timeout expired"
        except httpx.ConnectError:
            return "Connection refused"
        except (httpx.TransportError, httpx.InvalidURL, OverflowError, UnicodeError) as broken:
            return f"Connection failed: {type(broken).__name__}"
        if not answer.is_success:
            return f"Wrong response from the webhook: {answer.status_code} {_reason(answer.status_code)}".strip()
        asked = _asked(answer.headers.get("content-type", ""), body)
        if asked:
            await self._reply(asked)
        return None


async def _read(answer: httpx.Response) -> bytes:
    """The answer's body, or nothing of one that is longer than any reply."""
    body = bytearray()
    try:
        async for piece in answer.aiter_raw():
            body += piece
            if len(body) > _LONGEST_REPLY:
                return b""
    finally:
        await answer.aclose()
    return bytes(body)


def _asked(content_type: str, body: bytes) -> Mapping[str, Any] | None:
    """The method that a bot calls in its answer: https://core.telegram.org/bots/api#making-requests-when-getting-updates

    Files cannot be uploaded so; multipart bodies are not read.
    """
    sort = content_type.partition(";")[0].strip().lower()
    asked: Any = None
    if sort == "application/json":
        with suppress(ValueError, RecursionError):
            asked = json.loads(body)
    elif sort == "application/x-www-form-urlencoded":
        asked = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return asked if isinstance(asked, dict) and isinstance(asked.get("method"), str) else None


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _queue_of(update: Mapping[str, Any]) -> object:
    """What is delivered in order: the updates of one chat, else of one person; all else stands alone."""
    payload = next((value for name, value in update.items() if name != "update_id"), None)
    for source in ("chat", "from", "user"):
        party = payload.get(source) if isinstance(payload, Mapping) else None
        if isinstance(party, Mapping) and isinstance(party.get("id"), int):
            return source == "chat", party["id"]
    return update["update_id"]
