"""The listener: uvicorn as a guest on our event loop, which sets no signal handlers and writes no access log.

Anybody may be at the other end. Nobody is listened to for longer than it takes to know that they are not Telegram.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from lazaretto.tasks import spawn

__all__ = ["Server"]

_GRACE = 10  # seconds that requests under way may take when the server stops; then they are cut off
_LOOK_AGAIN = 0.01
_MOST = 200  # connections; Telegram opens 40 (Bot API, setWebhook, max_connections)
_REQUEST_SECONDS = 10  # within which the head of a request has to be complete, on a new connection or a kept one
_BODY = frozenset({b"content-length", b"transfer-encoding"})


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Impatient(H11Protocol):
    """uvicorn's patience with a connection that is kept holds from its first byte, and until a request is complete."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > _MOST:
            transport.abort()  # the bot needs descriptors for other things, too
        patience = self.timeout_keep_alive
        self.timeout_keep_alive_task = self.loop.call_later(patience, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """As the inherited one, but for ending the waiting with any byte: a request's head ends it."""
        self.conn.receive_data(data)
        self.handle_events()


class _Brief:
    """Ends a connection with its answer, unless that is a good one to a request that was read to its end.

    uvicorn would read on what else there is of it, for as long as it comes.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        unread = any(name in _BODY for name, _ in scope["headers"])

        async def read() -> Message:
            nonlocal unread
            message = await receive()
            unread = message.get("more_body", False)
            return message

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start" and (unread or message["status"] != HTTPStatus.OK):
                message = {**message, "headers": [*message.get("headers", ()), (b"connection", b"close")]}
            await send(message)

        await self._app(scope, read, answer)


class Server:
    """Listens from `start` to `stop`."""

    def __init__(self, app: ASGIApp, listen: str, port: int) -> None:
        self._listen = listen
        self._port = port
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                _Brief(app),
                log_config=None,
                log_level="error",  # a warning for each request that is no HTTP would be a stranger's to make
                access_log=False,
                proxy_headers=False,
                server_header=False,
                lifespan="off",
                http=_Impatient,  # in Python, whatever else is installed: anybody may be at the other end
                ws="none",
                limit_concurrency=_MOST,
                timeout_keep_alive=_REQUEST_SECONDS,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen. OSError with the address where that cannot be."""
        try:
            listener = await self._bound()
        except OSError as error:
            raise OSError(error.errno, error.strerror, f"{self._listen}:{self._port}") from None
        self._task = spawn(self._uvicorn.serve(sockets=[listener]), "web server")
        while not self._uvicorn.started:
            if self._task.done():
                raise RuntimeError("the web server ended before it had started")
            await asyncio.sleep(_LOOK_AGAIN)

    async def stop(self) -> None:
        """Listen no longer, and wait for the requests under way, at most ten seconds. May be repeated."""
        if self._task is not None:
            task, self._task = self._task, None
            self._uvicorn.should_exit = True
            await asyncio.wait([task])

    async def _bound(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(self._listen, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        # By its number, or asyncio does not see that it is TCP, and each answer waits for a delayed acknowledgement.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        except OSError:
            listener.close()
            raise
        return listener
