"""Requests in, answers out: the two addresses of the Bot API, with the faults that a test switched on."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from lazaretto.emulator.errors import ApiError, bad_request
from lazaretto.emulator.faults import DownloadFault, Faults, Hold, MethodFault
from lazaretto.emulator.files import StoredFile
from lazaretto.emulator.methods import METHODS, find_method
from lazaretto.emulator.methods.sending import UPLOAD_LIMIT
from lazaretto.emulator.params import Params, read_values
from lazaretto.emulator.records import Call, Download, Upload
from lazaretto.emulator.server import Server
from lazaretto.emulator.world import World

__all__ = ["BotApi"]

_CHUNK = 64 << 10
_ROOM_FOR_FIELDS = 1 << 20  # bytes of a request beside its file


class BotApi:
    """`/bot<token>/<method>` and `/file/bot<token>/<path>`, as one ASGI application."""

    def __init__(self, world: World, faults: Faults, token: str, server: Server) -> None:
        self._world = world
        self._faults = faults
        self._server = server
        self._method_prefix = f"/bot{token}/"
        self._file_prefix = f"/file/bot{token}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(self._file_prefix):
            await self._send_file(path.removeprefix(self._file_prefix), scope, receive, send)
            return
        answer: Response | None = _refused(path)
        if path.startswith(self._method_prefix):
            answer = await self._call(path.removeprefix(self._method_prefix), Request(scope, receive))
        if answer is None:
            await self._break(scope, receive, flush=False)
            return
        await answer(scope, receive, send)

    # -- methods ------------------------------------------------------------------------------------------------

    async def _call(self, asked: str, request: Request) -> Response | None:
        """The answer; None breaks the connection."""
        name = find_method(asked)
        try:
            if name is None:
                raise ApiError(404, "Not Found: method not found")
            params = await _params(request)
        except ApiError as refusal:
            return _refusal(refusal)
        self._world.calls.append(Call(name, params.values, params.files, self._world.clock.now()))
        self._world.changes.announce()
        fault = self._faults.for_method(name, params.values.get("chat_id"))
        if fault is not None and not fault.late:
            if fault.hold is None:
                return _failure(fault)
            if not await self._held(fault.hold):
                return None
        answer = await self._carry_out(name, params)
        if fault is not None and fault.late:
            if fault.hold is None:
                return _failure(fault)
            return answer if await self._held(fault.hold) else None
        return answer

    async def _carry_out(self, name: str, params: Params) -> Response:
        try:
            return JSONResponse({"ok": True, "result": await METHODS[name](self._world, params)})
        except ApiError as refusal:
            return _refusal(refusal)

    async def _held(self, hold: Hold) -> bool:
        """Wait for the release; false when the server is stopped first."""
        released = asyncio.ensure_future(hold.wait())
        stopped = asyncio.ensure_future(self._server.stopping.wait())
        try:
            done, _ = await asyncio.wait({released, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            released.cancel()
            stopped.cancel()
        return released in done

    async def _break(self, scope: Scope, receive: Receive, *, flush: bool) -> None:
        """Break the connection, and return when it is gone: uvicorn complains of an answer that nobody cut off."""
        self._server.disconnect(tuple(scope["client"]), flush=flush)
        while (await receive())["type"] != "http.disconnect":
            pass

    # -- files --------------------------------------------------------------------------------------------------

    async def _send_file(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        stored = self._world.files.at_path(path)
        if stored is None:
            await _refusal(ApiError(404, "Not Found"))(scope, receive, send)
            return
        fault = self._faults.for_download(stored) or DownloadFault(None, None)
        record = Download(path, self._world.clock.now())
        self._world.downloads.append(record)
        if fault.status is not None:
            await _refusal(ApiError(fault.status, "download failed"))(scope, receive, send)
            return
        length = (b"content-length", str(len(stored.data)).encode())
        headers = [(b"content-type", b"application/octet-stream"), length]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if await self._stream(stored, fault, record, send):
            record.complete = True
            await send({"type": "http.response.body"})
        else:
            await self._break(scope, receive, flush=True)  # the client sees a body shorter than promised
        self._world.changes.announce()

    async def _stream(self, stored: StoredFile, fault: DownloadFault, record: Download, send: Send) -> bool:
        """Send the bytes as the fault allows; false when the connection is to break."""
        body = memoryview(stored.data)
        stops_at = fault.after if fault.cut or fault.hold else None
        speed = fault.bytes_per_second
        step = min(_CHUNK, max(speed // 10, 1)) if speed else _CHUNK
        while True:
            if record.sent == stops_at:
                if fault.hold is None or not await self._held(fault.hold):
                    return False
                stops_at = None
            if record.sent >= len(body):
                return True
            end = min(record.sent + step, len(body), *([stops_at] if stops_at is not None else []))
            piece = bytes(body[record.sent : end])
            if speed and not await self._server.pause(len(piece) / speed):
                return False
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            record.sent = end
            self._world.changes.announce()


async def _params(request: Request) -> Params:
    """Query and body, in any of the four encodings of https://core.telegram.org/bots/api#making-requests"""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > UPLOAD_LIMIT + _ROOM_FOR_FIELDS:
        raise ApiError(413, "Request Entity Too Large")
    raw: dict[str, Any] = dict(request.query_params)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type == "application/json":
        raw |= await _json_body(request)
        return Params(read_values(raw))
    files: dict[str, Upload] = {}
    if content_type in ("multipart/form-data", "application/x-www-form-urlencoded"):
        await _read_form(request, raw, files)
    return Params(read_values(raw), files)


async def _json_body(request: Request) -> Mapping[str, Any]:
    try:
        body = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise bad_request("can't parse JSON request body") from None
    if not isinstance(body, dict):
        raise bad_request("JSON request body must be an Object")
    return body


async def _read_form(request: Request, raw: dict[str, Any], files: dict[str, Upload]) -> None:
    try:
        async with request.form(max_part_size=_ROOM_FOR_FIELDS) as form:
            for name, value in form.multi_items():
                if isinstance(value, UploadFile):
                    files[name] = Upload(value.filename or name, value.content_type, await value.read())
                else:
                    raw[name] = value
    except (HTTPException, MultiPartException) as refused:
        raise bad_request(f"can't parse the form: {_reason(refused)}") from None


def _reason(refused: HTTPException | MultiPartException) -> str:
    return refused.message if isinstance(refused, MultiPartException) else refused.detail


def _refusal(error: ApiError, status: int | None = None) -> Response:
    return JSONResponse(error.json(), status_code=status or error.code)


def _failure(fault: MethodFault) -> Response | None:
    """The answer that the fault gives; None for a broken connection."""
    if fault.error is None:
        return None
    if fault.body is not None:
        return Response(fault.body, status_code=fault.status, media_type="text/html")
    return _refusal(fault.error, fault.status)


def _refused(path: str) -> Response:
    """For any other address: a wrong token is 401, the rest is 404."""
    if path.startswith(("/bot", "/file/bot")):
        return _refusal(ApiError(401, "Unauthorized"))
    return _refusal(ApiError(404, "Not Found"))
