"""The listener: uvicorn as a guest on our event loop, which sets no signal handlers and writes no access log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from lazaretto.tasks import spawn

__all__ = ["Server"]

_GRACE = 10  # seconds that requests under way may take when the server stops; then they are cut off
_LOOK_AGAIN = 0.01


class _Uvicorn(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Server:
    """Listens from `start` to `stop`."""

    def __init__(self, app: ASGIApp, listen: str, port: int) -> None:
        self._listen = listen
        self._port = port
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                app,
                log_config=None,
                log_level="error",  # a warning for each request that is no HTTP would be a stranger's to make
                access_log=False,
                proxy_headers=False,
                server_header=False,
                lifespan="off",
                http="h11",  # in Python, whatever else is installed: anybody may be at the other end
                ws="none",
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
