"""The HTTP server: starlette routes in a uvicorn that runs on the caller's event loop, on 127.0.0.1 only."""

import asyncio
import importlib.util
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

_NEEDED = ("starlette", "uvicorn", "python_multipart")
if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
    raise ImportError(f"the emulator needs {', '.join(missing)}: pip install 'lazaretto[emulator]'")

import uvicorn  # noqa: E402 - after the check that says how to get it
from starlette.responses import JSONResponse  # noqa: E402
from starlette.types import ASGIApp, Receive, Scope  # noqa: E402
from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: E402

from lazaretto.emulator.errors import ApiError  # noqa: E402

__all__ = ["HOST", "Server", "refusal"]

HOST = "127.0.0.1"


def refusal(error: ApiError, status: int | None = None) -> JSONResponse:
    """The answer that says no; `status` is what HTTP carries, if not the error's own code."""
    return JSONResponse(error.json(), status_code=status or error.code)


class _Uvicorn(uvicorn.Server):
    """uvicorn as a guest: no signal handlers, no ticking, and the end is an event."""

    def __init__(self, app: ASGIApp) -> None:
        # log_config=None: the host's logging stays as it is. h11: its connections are ours to break.
        super().__init__(
            uvicorn.Config(
                app,
                log_config=None,
                access_log=False,
                proxy_headers=False,
                lifespan="off",
                http=H11Protocol,
                ws="none",
                loop="asyncio",
            )
        )
        self.ended = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.ended.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn's own, without its pauses for the sake of open connections: those are broken here."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        for connection in self._connections():
            connection.transport.abort()
        while self.server_state.tasks:
            await asyncio.wait(set(self.server_state.tasks))
        for server in self.servers:
            await server.wait_closed()

    def transport_to(self, client: tuple[str, int]) -> asyncio.Transport | None:
        """The connection to this peer."""
        return next((one.transport for one in self._connections() if one.client == client), None)

    def _connections(self) -> list[H11Protocol]:
        return [one for one in self.server_state.connections if isinstance(one, H11Protocol)]


class Server:
    """Starts and stops; keeps its port across a restart. `app` is asked for anew at every start."""

    def __init__(self, make_app: Callable[["Server"], ASGIApp], port: int) -> None:
        self._make_app = make_app
        self.port = port
        self.stopping = asyncio.Event()
        self._uvicorn: _Uvicorn | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether requests are answered."""
        return self._task is not None

    async def start(self) -> None:
        """Listen. OSError when the port is taken."""
        # By its number, or asyncio does not see that it is TCP, and each answer waits for a delayed acknowledgement.
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((HOST, self.port))
        except OSError:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self.stopping.clear()
        self._uvicorn = server = _Uvicorn(self._make_app(self))
        # The emulator stands apart from the rest of lazaretto, its task helper included; this reference keeps the
        # task alive, and `stop` awaits it, so that its error is not lost.
        self._task = task = asyncio.create_task(server.serve(sockets=[listener]))  # noqa: TID251
        while not server.started:
            if task.done():
                self._task = None
                await task
                raise RuntimeError("the emulator's HTTP server ended before it had started")
            await asyncio.sleep(0)

    async def stop(self) -> None:
        """Break every connection and stop listening."""
        if self._task is None or self._uvicorn is None:
            return
        self.stopping.set()
        self._uvicorn.ended.set()
        task, self._task = self._task, None
        await task

    async def break_off(self, scope: Scope, receive: Receive, *, flush: bool) -> None:
        """Break a request's connection, and return when it is gone: uvicorn complains of an answer nobody cut off.

        At once, or (`flush`) after what was already written has left.
        """
        transport = self._transport(scope)
        if transport is not None:
            end = transport.close if flush else transport.abort
            end()
        while (await receive())["type"] != "http.disconnect":
            pass

    def write(self, scope: Scope, data: bytes) -> None:
        """Write bytes to a request's connection as they are, past HTTP."""
        transport = self._transport(scope)
        if transport is not None:
            transport.write(data)

    def connected(self, scope: Scope) -> bool:
        """Whether a request's client is still there."""
        transport = self._transport(scope)
        return transport is not None and not transport.is_closing()

    def _transport(self, scope: Scope) -> asyncio.Transport | None:
        return self._uvicorn.transport_to(tuple(scope["client"])) if self._uvicorn else None

    async def unless_stopped(self, waiting: Coroutine[Any, Any, None]) -> bool:
        """Wait for this; false when the server is stopped first."""
        waited = asyncio.ensure_future(waiting)
        stopped = asyncio.ensure_future(self.stopping.wait())
        try:
            done, _ = await asyncio.wait({waited, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waited.cancel()
            stopped.cancel()
        return waited in done
