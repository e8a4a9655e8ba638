"""Faults on demand: what goes wrong between a bot and Telegram, switched on by a test."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lazaretto.emulator.changes import Changes
from lazaretto.emulator.chats import Chat
from lazaretto.emulator.errors import ApiError
from lazaretto.emulator.files import FileStore, StoredFile, files_in
from lazaretto.emulator.messages import Message

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
    """What happens to calls of one method. `late` faults strike after the call was carried out."""

    method: str
    chat: int | str | None
    left: int | None
    late: bool
    error: ApiError | None = None
    status: int = 200
    body: bytes | None = None
    hold: Hold | None = None


@dataclass(slots=True)
class DownloadFault:
    """What happens to downloads of one file, or (None) of any."""

    unique_id: str | None
    left: int | None
    after: int = 0
    cut: bool = False
    hold: Hold | None = None
    bytes_per_second: int | None = None
    status: int | None = None


class Faults:
    """The switches. `times=None` means from now on; the fault that was set first strikes first."""

    def __init__(self, files: FileStore, changes: Changes) -> None:
        self._files = files
        self._changes = changes
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
        self._methods.append(MethodFault(method, _chat_id(chat), times, late, error, status or code, body))

    def reset_connection(self, method: str, *, chat: Where = None, times: int | None = 1, late: bool = False) -> None:
        """Break the connection instead of answering. `late`: the call is carried out, only the answer is lost."""
        self._methods.append(MethodFault(method, _chat_id(chat), times, late))

    def hold(self, method: str, *, chat: Where = None, times: int | None = 1, late: bool = False) -> Hold:
        """Let a method wait until the hold is released. `late`: it is carried out, and the answer waits."""
        hold = self._new_hold()
        self._methods.append(MethodFault(method, _chat_id(chat), times, late, hold=hold))
        return hold

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

    def clear(self) -> None:
        """Everything works again, and every hold is released."""
        self._methods.clear()
        self._downloads.clear()
        while self._holds:
            self._holds.pop().release()

    # -- asked by the server ------------------------------------------------------------------------------------

    def for_method(self, method: str, chat: object) -> MethodFault | None:
        """The fault that strikes this call; it is spent."""
        matching = (f for f in self._methods if f.method.lower() == method.lower() and f.chat in (None, chat))
        fault = next(matching, None)
        if fault is not None and _spent(fault):
            self._methods.remove(fault)
        return fault

    def for_download(self, stored: StoredFile) -> DownloadFault | None:
        """The fault that strikes this download; it is spent."""
        fault = next((f for f in self._downloads if f.unique_id in (None, stored.unique_id)), None)
        if fault is not None and _spent(fault):
            self._downloads.remove(fault)
        return fault

    def _new_hold(self) -> Hold:
        hold = Hold(self._changes)
        self._holds.append(hold)
        return hold

    def _unique_id(self, file: File) -> str | None:
        """Which file is meant: a message's main one, an object's first, or the one of a file_id."""
        if file is None:
            return None
        if isinstance(file, Message):
            stored = file.file
        else:
            ids = [file] if isinstance(file, str) else files_in(file)
            stored = self._files.file(ids[0]) if ids else None
        if stored is None:
            raise ValueError(f"no stored file is named by {file!r}")
        return stored.unique_id


def _chat_id(where: Where) -> int | str | None:
    return where.id if isinstance(where, Chat) else where


def _spent(fault: MethodFault | DownloadFault) -> bool:
    """Count one use; true when it was the last."""
    if fault.left is None:
        return False
    fault.left -= 1
    return fault.left <= 0
