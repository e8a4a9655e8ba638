"""Files going out: `/file/bot<token>/<path>`, with the faults that a test switched on."""

import asyncio

from starlette.types import Receive, Scope, Send

from lazaretto.emulator.errors import ApiError
from lazaretto.emulator.faults import DownloadFault, Faults
from lazaretto.emulator.files.store import StoredFile
from lazaretto.emulator.records import Download
from lazaretto.emulator.server.http import Server, refusal
from lazaretto.emulator.world import World

__all__ = ["FileServer"]

_CHUNK = 64 << 10
_TYPE = (b"content-type", b"application/octet-stream")


class FileServer:
    """Serves what getFile has named. A server with a folder of its own serves nothing: its files are in that folder."""

    def __init__(self, world: World, faults: Faults, server: Server) -> None:
        self._world = world
        self._faults = faults
        self._server = server

    async def serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one download."""
        stored = self._world.files.at_path(path)
        if stored is None or self._world.local is not None or not self._world.paths.leads(path):
            await refusal(ApiError(404, "Not Found"))(scope, receive, send)
            return
        fault = self._faults.for_download(stored) or DownloadFault(None, None)
        record = Download(path, self._world.clock.now())
        self._world.downloads.append(record)
        try:
            await self._answer(stored, fault, record, scope, receive, send)
        finally:
            record.ended = True
            self._world.changes.announce()

    async def _answer(
        self, stored: StoredFile, fault: DownloadFault, record: Download, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if fault.status is not None:
            answer = refusal(ApiError(fault.status, "download failed"))
            answer.raw_headers.extend(fault.headers)
            await answer(scope, receive, send)
            return
        record.complete = await self._send(stored, fault, record, scope, send)
        if record.complete:
            await send({"type": "http.response.body"})
        else:
            await self._server.break_off(scope, receive, flush=True)  # the client sees a body shorter than promised

    async def _send(self, stored: StoredFile, fault: DownloadFault, record: Download, scope: Scope, send: Send) -> bool:
        """Send head and body; false when the connection is to break."""
        body = stored.data if fault.body is None else fault.body(stored.data)
        if fault.length is not None:
            # Past the HTTP server, which would not let a wrong length out.
            head = f"HTTP/1.1 200 OK\r\ncontent-type: {_TYPE[1].decode()}\r\ncontent-length: {fault.length}\r\n\r\n"
            self._server.write(scope, head.encode() + body)
            record.sent = len(body)
            return False
        length = [] if fault.endless else [(b"content-length", str(len(body)).encode())]
        headers = [_TYPE, *length, *fault.headers]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if fault.endless:
            return await self._pour(body, record, scope, send)
        return await self._stream(memoryview(body), fault, record, send)

    async def _stream(self, body: memoryview, fault: DownloadFault, record: Download, send: Send) -> bool:
        """Send the bytes as the fault allows; false when the connection is to break."""
        stops_at = fault.after if fault.cut or fault.hold else None
        speed = fault.bytes_per_second
        step = min(_CHUNK, max(speed // 10, 1)) if speed else _CHUNK
        while True:
            if record.sent == stops_at:
                if fault.hold is None or not await self._server.unless_stopped(fault.hold.wait()):
                    return False
                stops_at = None
            if record.sent >= len(body):
                return True
            end = min(record.sent + step, len(body), *([stops_at] if stops_at is not None else []))
            piece = bytes(body[record.sent : end])
            if speed and not await self._server.unless_stopped(asyncio.sleep(len(piece) / speed)):
                return False
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            record.sent = end
            self._world.changes.announce()

    async def _pour(self, body: bytes, record: Download, scope: Scope, send: Send) -> bool:
        """Send the bytes again and again, until nobody is there to take them."""
        piece = (body or b"\0") * (_CHUNK // max(len(body), 1) + 1)
        while self._server.connected(scope):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            record.sent += len(piece)
            self._world.changes.announce()
            await asyncio.sleep(0)
        return False
