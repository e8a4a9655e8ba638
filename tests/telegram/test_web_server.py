"""The listener, over real connections: what strangers can make it do, which is little."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prometheus_client import CollectorRegistry
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, Router

from lazaretto.telegram.web import server as server_module
from lazaretto.telegram.web.health import Readiness, pages
from lazaretto.telegram.web.server import Server

MIB = 1 << 20
PIECE = b"1000\r\n" + bytes(0x1000) + b"\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
HUGE = b"Content-Length: 1000000000\r\n"


async def _echo(request: Request) -> Response:
    return PlainTextResponse(await request.body())


async def _refuse(_: Request) -> Response:
    return Response(status_code=403)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def listening() -> AsyncIterator[int]:
    routes = [Route("/echo", _echo, methods=["POST"]), Route("/refuse", _refuse, methods=["POST"])]
    port = free_port()
    server = Server(Router([*pages(Readiness({}), CollectorRegistry()), *routes]), "127.0.0.1", port)
    await server.start()
    try:
        yield port
    finally:
        await server.stop()


class Connection:
    """A client that says what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def say(self, request: bytes, headers: bytes = b"", body: bytes = b"") -> None:
        self.writer.write(request + b" HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n" + body)
        await self.writer.drain()

    async def hear(self) -> bytes:
        """The next answer's head."""
        async with asyncio.timeout(10):
            return await self.reader.readuntil(b"\r\n\r\n")

    async def is_closed(self) -> bool:
        """Whatever else comes, the other side ends it."""
        try:
            async with asyncio.timeout(10):
                await self.reader.read()
        except ConnectionError:
            pass
        except TimeoutError:
            return False
        return True

    async def can_say(self, piece: bytes, most: int) -> int:
        """How many bytes of a body are taken before the connection breaks."""
        said = 0
        try:
            async with asyncio.timeout(10):
                while said < most:
                    self.writer.write(piece)
                    await self.writer.drain()
                    said += len(piece)
        except (ConnectionError, TimeoutError):
            pass
        return said


# -- bodies that nobody wants ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"POST /refuse", b" 403 "),
        (b"POST /nowhere", b" 404 "),
        (b"POST /healthz", b" 405 "),
        (b"GET /healthz", b" 200 "),
        (b"GET /readyz", b" 200 "),
        (b"GET /metrics", b" 200 "),
    ],
)
@pytest.mark.parametrize("length", [CHUNKED, HUGE], ids=["chunked", "long"])
async def test_the_rest_of_a_body_that_nobody_wants_is_not_taken(
    request_line: bytes, status: bytes, length: bytes
) -> None:
    async with listening() as port:
        stranger = await Connection.to(port)
        await stranger.say(request_line, length)
        answer = await stranger.hear()
        assert status in answer
        assert b"connection: close" in answer.lower()
        assert await stranger.can_say(PIECE, 64 * MIB) < 64 * MIB
        stranger.writer.close()


async def test_a_connection_is_kept_over_good_answers() -> None:
    async with listening() as port:
        friend = await Connection.to(port)
        for _ in range(3):
            await friend.say(b"POST /echo", b"Content-Length: 2\r\n", b"ok")
            assert b" 200 " in await friend.hear()
            assert await friend.reader.readexactly(2) == b"ok"
            await friend.say(b"GET /healthz")
            assert b" 200 " in await friend.hear()
            assert await friend.reader.readexactly(6) == b"alive\n"
        friend.writer.close()


# -- connections that say nothing -------------------------------------------------------------------------------------


async def trickle(stranger: Connection) -> None:
    """A header that has no end, byte by byte."""
    stranger.writer.write(b"GET /healthz HTTP/1.1\r\nX: ")
    while not stranger.writer.is_closing():
        stranger.writer.write(b"x")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("before", [0, 1], ids=["first request", "a later one"])
@pytest.mark.parametrize("says", [True, False], ids=["trickles", "is silent"])
async def test_a_request_that_is_not_complete_in_time_ends_its_connection(
    monkeypatch: pytest.MonkeyPatch, before: int, says: bool
) -> None:
    monkeypatch.setattr(server_module, "_REQUEST_SECONDS", 0.3)
    async with listening() as port:
        stranger = await Connection.to(port)
        for _ in range(before):
            await stranger.say(b"GET /healthz")
            await stranger.hear()
        talking = asyncio.ensure_future(trickle(stranger) if says else asyncio.sleep(0))
        assert await stranger.is_closed()
        talking.cancel()
        stranger.writer.close()


async def test_a_body_may_take_longer_than_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_REQUEST_SECONDS", 0.3)
    async with listening() as port:
        friend = await Connection.to(port)
        await friend.say(b"POST /echo", b"Content-Length: 2\r\n", b"o")
        await asyncio.sleep(0.6)  # longer than a head may take
        friend.writer.write(b"k")
        assert b" 200 " in await friend.hear()
        friend.writer.close()


async def test_more_connections_than_there_is_room_for_are_ended_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_MOST", 5)
    async with listening() as port:
        kept = [await Connection.to(port) for _ in range(5)]
        await asyncio.sleep(0.1)
        more = [await Connection.to(port) for _ in range(5)]
        assert all([await one.is_closed() for one in more])
        await kept[0].say(b"GET /healthz")
        assert b" 503 " in await kept[0].hear()
        assert await kept[0].is_closed()
        await kept[1].say(b"GET /healthz")
        assert b" 200 " in await kept[1].hear()
        for one in (*kept, *more):
            one.writer.close()
