"""The bot's end of a worker's stream: lines in, marks out. Never blocks, never grows: a worker that floods us is cut
off at the longest reply, and one that does not read costs us one request and one mark.
"""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod

from lazaretto.screening.sandbox.protocol import MAX_HELLO, MAX_REPLY, encode_mark

__all__ = ["Link", "LinkLost", "SocketLink", "TooLong"]

_PIECE = 64 * 1024


class LinkLost(Exception):
    """The worker closed its end, or died."""


class TooLong(Exception):
    """The worker said more than it may."""


class Link(ABC):
    """What all streams have in common. Subclasses move the bytes: `_wake` tells that `_outgoing` has something.

    closed: done when nothing more will come.
    """

    def __init__(self) -> None:
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._received = bytearray()
        self._searched = 0
        self._reader: asyncio.Future[None] | None = None
        self._request = b""
        self._total = self._announced = 0
        self._last: int | None = None

    @property
    def rest(self) -> bool:
        """Has the worker said more than the lines taken?"""
        return bool(self._received)

    async def line(self, longest: int) -> bytes:
        """The worker's next line without its newline. One caller at a time. Raises LinkLost, TooLong."""
        while (line := self.whole_line(longest)) is None:
            if self._searched >= longest:
                raise TooLong
            if self.closed.done():
                raise LinkLost
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return line

    def whole_line(self, longest: int) -> bytes | None:
        """The same without waiting: None where no whole line of that length is there."""
        end = self._received.find(b"\n", self._searched)
        self._searched = len(self._received)
        if not 0 <= end < longest:
            return None
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        self._searched = 0
        return line

    def say(self, line: bytes) -> None:
        """Send the request. Nothing happens if the worker is gone."""
        self._request += line
        self._wake()

    def announce(self, total: int) -> None:
        """So many bytes are in the file. What a slow reader has not heard yet is replaced by the newest count."""
        self._total = total
        self._wake()

    def end(self, mark: int) -> None:
        """The last mark: END or ABORT."""
        self._last = mark
        self._wake()

    def abort(self) -> None:
        """Close at once."""
        if not self.closed.done():
            self._close()
            self.closed.set_result(None)
            self._tell_reader()

    def _outgoing(self) -> bytes:
        """What is to be sent now; it counts as sent."""
        data, self._request = self._request, b""
        if self._total > self._announced:
            self._announced = self._total
            data += encode_mark(self._total)
        if self._last is not None:
            data += encode_mark(self._last)
            self._last = None
        return data

    def _take_in(self, data: bytes) -> None:
        """Bytes from the worker; none is their end."""
        if self.closed.done():
            return
        if not data:
            self.abort()
            return
        self._received += data
        self._tell_reader()
        if len(self._received) > MAX_REPLY + MAX_HELLO:
            self.abort()

    def _tell_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    @abstractmethod
    def _wake(self) -> None:
        """Send what `_outgoing` has, as soon as it can be sent without waiting."""

    @abstractmethod
    def _close(self) -> None:
        """Give the stream's descriptors back."""


class SocketLink(Link):
    """Over a connected stream socket, which it owns. On the loop's own readers, so that any loop will do that has
    them; a transport of the loop's would cost twice as much for each worker."""

    def __init__(self, sock: socket.socket) -> None:
        super().__init__()
        sock.setblocking(False)
        self._socket = sock
        self._loop = asyncio.get_running_loop()
        self._unsent = b""
        self._loop.add_reader(sock, self._readable)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_PIECE)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        self._take_in(data)

    def _wake(self) -> None:
        if not self._unsent and not self.closed.done():
            self._send(self._outgoing())

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket)
        unsent, self._unsent = self._unsent, b""
        self._send(unsent or self._outgoing())

    def _send(self, data: bytes) -> None:
        while data:
            try:
                data = data[self._socket.send(data) :] or self._outgoing()
            except (BlockingIOError, InterruptedError):
                self._unsent = data
                self._loop.add_writer(self._socket, self._writable)
                return
            except OSError:
                return  # it is gone; the reader hears of that, and what it said before can still be read

    def _close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
