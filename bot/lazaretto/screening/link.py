"""The bot's end of a worker's socket. Never blocks, never grows: a worker that does not read costs us 4 KiB."""

from __future__ import annotations

import asyncio
import socket

from lazaretto.screening.protocol import MAX_HELLO, MAX_REPLY, encode_mark

__all__ = ["Link", "LinkLost", "TooLong", "connect"]

_UNSENT = 4096
"""Bytes that may wait for a worker that is not reading; marks beyond that are merged into the newest."""


class LinkLost(Exception):
    """The worker closed its end, or died."""


class TooLong(Exception):
    """The worker said more than it may."""


class Link(asyncio.Protocol):
    """Lines in, marks out."""

    def __init__(self) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._searched = 0
        self._news = asyncio.Event()
        self._paused = False
        self._total = self._sent = 0
        self._last: int | None = None

    @property
    def rest(self) -> bool:
        """Has the worker said more than the lines taken?"""
        return bool(self._received)

    async def line(self, longest: int) -> bytes:
        """The worker's next line without its newline. Raises LinkLost, TooLong."""
        while (end := self._received.find(b"\n", self._searched)) < 0:
            self._searched = len(self._received)
            if self._searched >= longest:
                raise TooLong
            if self.closed.done():
                raise LinkLost
            self._news.clear()
            await self._news.wait()
        if end >= longest:
            raise TooLong
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        self._searched = 0
        return line

    def say(self, line: bytes) -> None:
        """Send the request. Nothing happens if the worker is gone."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(line)

    def announce(self, total: int) -> None:
        """So many bytes are in the file."""
        self._total = total
        self._flush()

    def end(self, mark: int) -> None:
        """The last mark: END or ABORT."""
        self._last = mark
        self._flush()

    def abort(self) -> None:
        """Close at once; `closed` tells when."""
        if self._transport is not None:
            self._transport.abort()

    def _flush(self) -> None:
        if self._paused or self._transport is None or self._transport.is_closing():
            return
        if self._total > self._sent:
            self._sent = self._total
            self._transport.write(encode_mark(self._total))
        if self._last is not None:
            mark, self._last = self._last, None
            self._transport.write(encode_mark(mark))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type checker: a stream socket has one
        transport.set_write_buffer_limits(high=_UNSENT, low=0)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._news.set()
        if len(self._received) > MAX_REPLY + MAX_HELLO and self._transport is not None:
            self._transport.abort()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - which way it broke does not matter
        if not self.closed.done():
            self.closed.set_result(None)
        self._news.set()


async def connect(sock: socket.socket) -> Link:
    """A link over a connected stream socket, which it owns from now on. Raises OSError."""
    _, link = await asyncio.get_running_loop().create_unix_connection(Link, sock=sock)
    return link
