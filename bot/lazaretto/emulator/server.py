"""The HTTP server: starlette routes in a uvicorn that runs on the caller's event loop, on 127.0.0.1 only."""

import asyncio
import importlib.util
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_NEEDED = ("starlette", "uvicorn", "python_multipart")
if missing := [name for name in _NEEDED if importlib.util.find_spec(name) is None]:
    raise ImportError(f"the emulator needs {', '.join(missing)}: pip install 'lazaretto[emulator]'")

import uvicorn  # noqa: E402 - after the check that says how to get it
from starlette.types import ASGIApp  # noqa: E402
from uvicorn.protocols.http.h11_impl import H11Protocol  # noqa: E402

__all__ = ["HOST", "Server"]

HOST = "127.0.0.1"


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

    def disconnect(self, client: tuple[str, int], *, flush: bool) -> None:
        """Break the connection to this peer: at once, or (`flush`) after what was already written has left."""
        transport = self._uvicorn.transport_to(client) if self._uvicorn else None
        if transport is None:
            return
        if flush:
            transport.close()
        else:
            transport.abort()

    async def pause(self, seconds: float) -> bool:
        """Sleep; false when the server is being stopped meanwhile."""
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return True
        return False
