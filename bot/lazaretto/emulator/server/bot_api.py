"""Requests in, answers out: the two addresses of the Bot API, with the faults that a test switched on."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from lazaretto.emulator.errors import ApiError, bad_request
from lazaretto.emulator.faults import Faults, MethodFault
from lazaretto.emulator.methods import find_method, run
from lazaretto.emulator.methods.params import Params, read_values
from lazaretto.emulator.records import Call, Upload
from lazaretto.emulator.server.downloads import FileServer
from lazaretto.emulator.server.http import Server, refusal
from lazaretto.emulator.updates.deliveries import Deliveries
from lazaretto.emulator.world import World

__all__ = ["BotApi", "Calls", "deliveries"]

_ROOM_FOR_FIELDS = 1 << 20  # bytes of a request beside its file


class BotApi:
    """`/bot<token>/<method>` and `/file/bot<token>/<path>`, as one ASGI application."""

    def __init__(self, world: World, faults: Faults, calls: "Calls", token: str, server: Server) -> None:
        self._world = world
        self._calls = calls
        self._server = server
        self._files = FileServer(world, faults, server)
        self._method_prefix = f"/bot{token}/"
        self._file_prefix = f"/file/bot{token}/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith(self._file_prefix):
            await self._files.serve(path.removeprefix(self._file_prefix), scope, receive, send)
            return
        answer: Response | None = _refused(path)
        if path.startswith(self._method_prefix):
            answer = await self._call(path.removeprefix(self._method_prefix), Request(scope, receive))
        if answer is None:
            await self._server.break_off(scope, receive, flush=False)
            return
        await answer(scope, receive, send)

    # -- methods ------------------------------------------------------------------------------------------------

    async def _call(self, asked: str, request: Request) -> Response | None:
        """The answer; None breaks the connection."""
        name = find_method(asked)
        params, unreadable = Params(), None
        try:
            params = await _params(request, self._world.upload_limit)
        except ApiError as error:
            unreadable = error
        self._calls.record(name or asked, params)
        if name is None:
            return refusal(ApiError(404, "Not Found: method not found"))
        return await self._calls.answer(name, params) if unreadable is None else refusal(unreadable)


class Calls:
    """Records calls and carries them out, with the faults that strike them."""

    def __init__(self, world: World, faults: Faults, token: str, server: Server) -> None:
        self._world = world
        self._faults = faults
        self._token = token
        self._server = server

    def record(self, name: str, params: Params) -> None:
        """Remember a call. Bots put their token into the address of their webhook: the record has a word there."""
        values = _without(self._token, params.values)
        self._world.calls.append(Call(name, values, params.files, self._world.clock.now()))
        self._world.changes.announce()

    async def answer(self, name: str, params: Params) -> Response | None:
        """The answer to a call of this method; None breaks the connection."""
        fault = self._faults.for_method(name, params.values)
        if fault is None or fault.omits is not None:
            return await self._carry_out(name, params, fault.omits if fault else None)
        if fault.waits and not fault.late:
            return await self._carry_out(name, params) if await self._waited(fault) else None
        answer = await self._carry_out(name, params) if fault.late else None
        if fault.waits:
            return answer if await self._waited(fault) else None
        return _failure(fault)

    async def _waited(self, fault: MethodFault) -> bool:
        return await self._server.unless_stopped(fault.wait())

    async def _carry_out(self, name: str, params: Params, omitted: str | None = None) -> Response:
        try:
            result = await run(self._world, name, params)
        except ApiError as error:
            return refusal(error)
        if omitted is not None:
            result = {field: value for field, value in result.items() if field != omitted}
        return JSONResponse({"ok": True, "result": result})


def deliveries(world: World, calls: Calls, delays: Sequence[float], timeout: float) -> Deliveries:
    """The deliveries of this world's webhook. What a bot asks for in its answers is carried out, its result dropped."""

    async def reply(asked: Mapping[str, Any]) -> None:
        method = asked["method"]
        name = find_method(method)
        try:
            params = Params(read_values({key: value for key, value in asked.items() if key != "method"}))
        except ApiError:
            calls.record(name or method, Params())
            return
        calls.record(name or method, params)
        if name is not None:
            await calls.answer(name, params)
        world.changes.announce()

    return Deliveries(world.updates, world.clock, world.changes, reply, delays=delays, timeout=timeout)


def _without(token: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(token, "<token>")
    if isinstance(value, Mapping):
        return {key: _without(token, inner) for key, inner in value.items()}
    return [_without(token, inner) for inner in value] if isinstance(value, list) else value


async def _params(request: Request, limit: int) -> Params:
    """Query and body, in any of the four encodings of https://core.telegram.org/bots/api#making-requests"""
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > limit + _ROOM_FOR_FIELDS:
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


def _failure(fault: MethodFault) -> Response | None:
    """The answer that the fault gives; None for a broken connection."""
    if fault.error is None:
        return None
    if fault.body is not None:
        return Response(fault.body, status_code=fault.status, media_type="text/html")
    return refusal(fault.error, fault.status)


def _refused(path: str) -> Response:
    """For any other address: a wrong token is 401, the rest is 404."""
    if path.startswith(("/bot", "/file/bot")):
        return refusal(ApiError(401, "Unauthorized"))
    return refusal(ApiError(404, "Not Found"))
