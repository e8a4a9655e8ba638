"""Requests in, answers out: the two addresses of the Bot API, with the faults that a test switched on."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from lazaretto.emulator.downloads import FileServer
from lazaretto.emulator.errors import ApiError, bad_request
from lazaretto.emulator.faults import Faults, MethodFault
from lazaretto.emulator.methods import find_method, run
from lazaretto.emulator.params import Params, read_values
from lazaretto.emulator.records import Call, Upload
from lazaretto.emulator.server import Server, refusal
from lazaretto.emulator.webhooks import Deliveries
from lazaretto.emulator.world import World

__all__ = ["BotApi", "deliveries"]

_ROOM_FOR_FIELDS = 1 << 20  # bytes of a request beside its file


class BotApi:
    """`/bot<token>/<method>` and `/file/bot<token>/<path>`, as one ASGI application."""

    def __init__(self, world: World, faults: Faults, token: str, server: Server) -> None:
        self._world = world
        self._faults = faults
        self._server = server
        self._files = FileServer(world, faults, server)
        self._token = token
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
        try:
            if name is None:
                raise ApiError(404, "Not Found: method not found")
            params = await _params(request, self._world.upload_limit)
        except ApiError as error:
            return refusal(error)
        _record(self._world, name, params, self._token)
        fault = self._faults.for_method(name, params.values)
        if fault is None:
            return await self._carry_out(name, params)
        if not fault.waits:
            if fault.late:
                await self._carry_out(name, params)
            return _failure(fault)
        if fault.late:
            answer = await self._carry_out(name, params)
            return answer if await self._waited(fault) else None
        return await self._carry_out(name, params) if await self._waited(fault) else None

    async def _waited(self, fault: MethodFault) -> bool:
        waiting = asyncio.sleep(fault.delay or 0) if fault.hold is None else fault.hold.wait()
        return await self._server.unless_stopped(waiting)

    async def _carry_out(self, name: str, params: Params) -> Response:
        try:
            return JSONResponse({"ok": True, "result": await run(self._world, name, params)})
        except ApiError as error:
            return refusal(error)


def deliveries(world: World, token: str, delays: Sequence[float], timeout: float) -> Deliveries:
    """The deliveries of this world's webhook. What a bot asks for in its answers is carried out, its result dropped."""

    async def reply(asked: Mapping[str, Any]) -> None:
        name = find_method(str(asked["method"]))
        if name is None:
            return
        with suppress(ApiError):
            params = Params(read_values({key: value for key, value in asked.items() if key != "method"}))
            _record(world, name, params, token)
            await run(world, name, params)
        world.changes.announce()

    return Deliveries(world.updates, world.clock, world.changes, reply, delays=delays, timeout=timeout)


def _record(world: World, name: str, params: Params, token: str) -> None:
    """Remember a call. Bots put their token into the address of their webhook: the record has a word in its place."""
    world.calls.append(Call(name, _without(token, params.values), params.files, world.clock.now()))
    world.changes.announce()


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
