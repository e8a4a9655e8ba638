"""Faults on demand: what goes wrong between a bot and Telegram, switched on by a test.

A method's fault is for every chat or for one, a download's for every file or for one; either strikes `times` times,
or (None) until `clear`. The fault that was set first strikes first, one for each call. Calls that a bot makes in its
answer to a webhook are struck as well; nobody is told of their results anyway.
"""

import asyncio
import gzip
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lazaretto.emulator.changes import Changes
from lazaretto.emulator.chats.chat import Chat
from lazaretto.emulator.chats.messages import Message
from lazaretto.emulator.errors import ApiError
from lazaretto.emulator.files.store import StoredFile, files_in
from lazaretto.emulator.world import World

__all__ = ["DownloadFault", "Faults", "Hold", "MethodFault"]

_TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}

File = Message | Mapping[str, Any] | str | None
Where = Chat | int | str | None


class Hold:
    """A closed gate: whoever comes waits until `release`."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._open = asyncio.Event()
        self.waiting = 0

    async def wait(self) -> None:
        """Stand before the gate until it opens."""
        self.waiting += 1
        self._changes.announce()
        try:
            await self._open.wait()
        finally:
            self.waiting -= 1

    async def reached(self, timeout: float = 5.0) -> None:  # noqa: ASYNC109 - the caller's own words
        """Return when somebody stands before the gate. TimeoutError after `timeout` seconds."""
        await self._changes.until(lambda: self.waiting > 0, timeout, lambda: "nothing has come to this hold")

    def release(self) -> None:
        """Open the gate for good."""
        self._open.set()


@dataclass(slots=True)
class MethodFault:
    """What happens to calls of one method, or (None) of any. `late` faults strike after the call was carried out.

    `omits` is a field that the result loses. Without it, `error`, `hold` and `delay` (seconds) the connection breaks.
    """

    method: str | None
    chat: Chat | None
    left: int | None
    late: bool
    error: ApiError | None = None
    status: int = 200
    body: bytes | None = None
    hold: Hold | None = None
    delay: float | None = None
    unique_id: str | None = None
    omits: str | None = None

    @property
    def waits(self) -> bool:
        """Whether it only takes time."""
        return self.hold is not None or self.delay is not None

    async def wait(self) -> None:
        """Take that time."""
        if self.hold is not None:
            await self.hold.wait()
        else:
            await asyncio.sleep(self.delay or 0)


@dataclass(slots=True)
class DownloadFault:
    """What happens to downloads of one file, or (None) of any. `body` makes what is sent of what is stored."""

    unique_id: str | None
    left: int | None
    after: int = 0
    cut: bool = False
    hold: Hold | None = None
    bytes_per_second: int | None = None
    status: int | None = None
    body: Callable[[bytes], bytes] | None = None
    length: int | None = None
    endless: bool = False
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Faults:
    """The switches. `times=None` means from now on; the fault that was set first strikes first.

    `method` is a method's name in any spelling that the server takes: ValueError for one that it does not know.
    `chat`, by itself, its id or its @username, limits a fault to calls that name this chat; a call that names none
    (getUpdates, getFile, answerCallbackQuery, deleteBusinessMessages ...) is not struck by it. ValueError for a chat
    that is not there.
    """

    def __init__(self, world: World, find_method: Callable[[str], str | None]) -> None:
        self._world = world
        self._find_method = find_method
        self._methods: list[MethodFault] = []
        self._downloads: list[DownloadFault] = []
        self._holds: list[Hold] = []

    # -- methods ------------------------------------------------------------------------------------------------

    def fail(
        self,
        method: str,
        *,
        chat: Where = None,
        times: int | None = 1,
        error_code: int = 500,
        description: str | None = None,
        retry_after: int | None = None,
        status: int | None = None,
        body: bytes | None = None,
        late: bool = False,
    ) -> None:
        """Refuse a method. `retry_after` (seconds) makes it a 429. `status` and `body` replace what HTTP carries,
        as a proxy's error page does. `late`: the call is carried out, and the answer is a refusal all the same.
        """
        code = 429 if retry_after is not None else error_code
        said = description or _TITLES.get(code, "Internal Server Error")
        if retry_after is not None and description is None:
            said = f"Too Many Requests: retry after {retry_after}"
        error = ApiError(code, said, None if retry_after is None else {"retry_after": retry_after})
        self._add(method, chat, times, late=late, error=error, status=status or code, body=body)

    def reset_connection(self, method: str, *, chat: Where = None, times: int | None = 1, late: bool = False) -> None:
        """Break the connection instead of answering. `late`: the call is carried out, only the answer is lost."""
        self._add(method, chat, times, late=late)

    def hold(self, method: str, *, chat: Where = None, times: int | None = 1, late: bool = False) -> Hold:
        """Let a method wait until the hold is released. `late`: it is carried out, and the answer waits."""
        hold = self._new_hold()
        self._add(method, chat, times, late=late, hold=hold)
        return hold

    def slow(
        self, method: str, seconds: float, *, chat: Where = None, times: int | None = 1, late: bool = False
    ) -> None:
        """Let a method take this long. `late`: it is carried out first, and the answer takes its time."""
        self._add(method, chat, times, late=late, delay=seconds)

    def expire_file_id(self, file: File, *, times: int | None = None) -> None:
        """Refuse every call that names this file by a file_id, getFile and sending alike."""
        error = ApiError(400, "Bad Request: wrong file_id or the file is temporarily unavailable")
        unique_id = self._unique_id(file)
        self._methods.append(MethodFault(None, None, times, late=False, error=error, status=400, unique_id=unique_id))

    def omit_file_path(self, file: File = None, *, times: int | None = 1) -> None:
        """Let getFile answer without a `file_path`, as Telegram does for a file that it cannot hand out just then."""
        self._add("getFile", None, times, late=False, unique_id=self._unique_id(file), omits="file_path")

    # -- downloads ----------------------------------------------------------------------------------------------

    def hold_download(self, file: File = None, *, after: int = 0, times: int | None = 1) -> Hold:
        """Stop a download after `after` bytes until the hold is released."""
        hold = self._new_hold()
        self._downloads.append(DownloadFault(self._unique_id(file), times, after, hold=hold))
        return hold

    def slow_download(self, bytes_per_second: int, file: File = None, *, times: int | None = None) -> None:
        """Send a file at this speed."""
        self._downloads.append(DownloadFault(self._unique_id(file), times, bytes_per_second=bytes_per_second))

    def cut_download(self, after: int, file: File = None, *, times: int | None = 1) -> None:
        """Close the connection after `after` bytes, though Content-Length promised all of them."""
        self._downloads.append(DownloadFault(self._unique_id(file), times, after, cut=True))

    def fail_download(self, status: int, file: File = None, *, times: int | None = 1) -> None:
        """Answer a download with this HTTP status."""
        self._downloads.append(DownloadFault(self._unique_id(file), times, status=status))

    def shorten_download(self, to: int, file: File = None, *, times: int | None = 1) -> None:
        """Send only the first `to` bytes, as if they were all."""
        self._downloads.append(DownloadFault(self._unique_id(file), times, body=lambda data: data[:to]))

    def lengthen_download(self, by: int, file: File = None, *, times: int | None = 1) -> None:
        """Send `by` bytes more than there are."""
        self._downloads.append(DownloadFault(self._unique_id(file), times, body=lambda data: data + bytes(by)))

    def replace_download(self, data: bytes, file: File = None, *, times: int | None = 1) -> None:
        """Send other bytes than were stored."""
        self._downloads.append(DownloadFault(self._unique_id(file), times, body=lambda _: data))

    def compress_download(self, file: File = None, *, times: int | None = 1) -> None:
        """Send the bytes compressed, though nobody asked for it."""
        encoded = ((b"content-encoding", b"gzip"),)
        fault = DownloadFault(self._unique_id(file), times, body=gzip.compress, headers=encoded)
        self._downloads.append(fault)

    def misstate_length(self, length: int, file: File = None, *, times: int | None = 1) -> None:
        """Promise `length` bytes and send all there are; then the connection is closed."""
        self._downloads.append(DownloadFault(self._unique_id(file), times, length=length))

    def endless_download(self, file: File = None, *, times: int | None = 1) -> None:
        """Promise nothing, and send the file again and again until the client goes away."""
        self._downloads.append(DownloadFault(self._unique_id(file), times, endless=True))

    def redirect_download(self, to: str, file: File = None, *, times: int | None = 1) -> None:
        """Answer a download with 302 and this address."""
        where = ((b"location", to.encode("latin-1")),)
        self._downloads.append(DownloadFault(self._unique_id(file), times, status=302, headers=where))

    def expire_path(self, file: File = None) -> None:
        """Make the path that getFile gave for this file, or for any, lead nowhere until getFile is called again."""
        self._world.paths.expire(None if file is None else self._stored(file).path)

    # -- updates ------------------------------------------------------------------------------------------------

    def lose_confirmation(self, *, times: int = 1) -> None:
        """Forget that the bot confirmed: what it has had comes again."""
        self._world.updates.lost_confirmations += times

    def clear(self) -> None:
        """Everything works again, and every hold is released."""
        self._world.updates.lost_confirmations = 0
        self._methods.clear()
        self._downloads.clear()
        while self._holds:
            self._holds.pop().release()

    # -- asked by the server ------------------------------------------------------------------------------------

    def for_method(self, method: str, values: Mapping[str, Any]) -> MethodFault | None:
        """The fault that strikes this call with these parameters; it is spent."""
        fault = next((fault for fault in self._methods if self._strikes(fault, method, values)), None)
        if fault is not None and _spent(fault):
            self._methods.remove(fault)
        return fault

    def for_download(self, stored: StoredFile) -> DownloadFault | None:
        """The fault that strikes this download; it is spent."""
        fault = next((f for f in self._downloads if f.unique_id in (None, stored.unique_id)), None)
        if fault is not None and _spent(fault):
            self._downloads.remove(fault)
        return fault

    def _strikes(self, fault: MethodFault, method: str, values: Mapping[str, Any]) -> bool:
        if fault.method not in (None, method) or (fault.chat and fault.chat is not self._chat_in(values)):
            return False
        if fault.unique_id is None:
            return True
        named = [self._world.files.file(text) for text in _texts(values)]
        return any(stored is not None and stored.unique_id == fault.unique_id for stored in named)

    def _chat_in(self, values: Mapping[str, Any]) -> Chat | None:
        """The chat that a call is about: one of the bot's own, or one of a business account's."""
        connection = self._world.connections.get(str(values.get("business_connection_id")))
        named = values.get("chat_id")
        if connection is not None:
            return connection.chats.get(named) if isinstance(named, int) else None
        return self._world.find_chat(named) if isinstance(named, int | str) else None

    def _add(self, method: str, where: Where, times: int | None, **how: Any) -> None:
        name = self._find_method(method)
        if name is None:
            raise ValueError(f"the emulator knows no method {method!r}")
        chat = self._world.find_chat(where) if isinstance(where, int | str) else where
        if where is not None and chat is None:
            raise ValueError(f"there is no chat {where!r}")
        self._methods.append(MethodFault(name, chat, times, **how))

    def _new_hold(self) -> Hold:
        hold = Hold(self._world.changes)
        self._holds.append(hold)
        return hold

    def _unique_id(self, file: File) -> str | None:
        """Which file is meant: a message's main one, an object's first, or the one of a file_id."""
        return None if file is None else self._stored(file).unique_id

    def _stored(self, file: Message | Mapping[str, Any] | str) -> StoredFile:
        if isinstance(file, Message):
            stored = file.file
        else:
            ids = [file] if isinstance(file, str) else files_in(file)
            stored = self._world.files.file(ids[0]) if ids else None
        if stored is None:
            raise ValueError(f"no stored file is named by {file!r}")
        return stored


def _texts(value: object) -> list[str]:
    """Every string in a request's parameters."""
    if isinstance(value, Mapping):
        return _texts(list(value.values()))
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


def _spent(fault: MethodFault | DownloadFault) -> bool:
    """Count one use; true when it was the last."""
    if fault.left is None:
        return False
    fault.left -= 1
    return fault.left <= 0
