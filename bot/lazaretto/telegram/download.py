"""Fetching a file's bytes from the Bot API: streamed, counted, and never through the library's download helpers.

Those buffer whole files and return a local file when one happens to have the remote path's name. We build the address
ourselves, refuse every path that is not plainly relative, follow no redirect and take no content encoding, so that
what is counted is what came. The disk is read only where the operator says that a server of their own keeps its files
there (`local_files`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import quote

import httpx
from telegram import Bot
from telegram.error import BadRequest, TelegramError

from lazaretto.model import Part
from lazaretto.ports import FetchFailed, NotFetchable, TooDeep
from lazaretto.telegram.inline import data_of
from lazaretto.telegram.local_files import LocalFiles
from lazaretto.telegram.walker import TOO_DEEP

__all__ = ["Downloads", "Pace", "least_pace"]

CHUNK = 256 * 1024
# The Bot API takes method names in any case; under the usual spelling the library warns that it has a method for it,
# which is the one that we must not use.
_GET_FILE = "getfile"
# getFile answers only when the server has fetched the whole file to its own disk; the transfer after it is quick.
_GET_FILE_SECONDS = 120.0  # Telegram's own fetches 20 MiB at most
# A server of one's own fetches up to 2000 MB. 4 Mbit/s is the slowest line on which anybody would run one, and makes 64
# minutes of that. The pipeline allows a file at least four times as much, so most of its time is left for the transfer.
_SLOWEST = 512 * 1024  # bytes per second
_LARGEST = 2_000_000_000  # a claim of more asks for no more patience
# A transfer that crawls holds one of the few downloads, where 2 GB are allowed for hours. The pipeline counts on a line
# of 128 KiB/s, which all that it fetches at once share. Transfers never share a line evenly, so a quarter of such a
# share is enough: 4 KiB/s where eight are fetched at once.
_LINE = 128 * 1024  # bytes per second
_UNEVEN = 4
PACE_WINDOW = 30.0  # seconds of waiting for bytes over which it is held against that: any line has its bad moments
_SURROGATES = frozenset(map(chr, range(0xD800, 0xE000)))  # JSON may hold halves of pairs; no path and no address can
_PASSPORT = "passport_data"
_NO_DOTS = frozenset({".", ".."})
_TIMEOUT = httpx.Timeout(20.0, pool=120.0)


class Downloads:
    """Streams files. Own connection pool: a slow file never occupies the host's connections."""

    def __init__(
        self,
        bot: Bot,
        base_file_url: str,
        *,
        local_files: Path | None = None,
        proxy: str | None = None,
        at_once: int = 8,
    ) -> None:
        """base_file_url: contains the token already, as `Bot.base_file_url` does. local_files: the folder where a
        server of one's own keeps its files; without it nothing is ever read from a disk. at_once: files that are
        fetched at the same time, and so share the line."""
        self._least_pace = least_pace(at_once)
        self._bot = bot
        self._base = base_file_url.rstrip("/")
        self._local = None if local_files is None else LocalFiles(local_files)
        self._client = httpx.AsyncClient(
            timeout=_TIMEOUT,
            proxy=proxy,
            follow_redirects=False,
            headers={"Accept-Encoding": "identity"},
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=8),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def fetch(self, part: Part) -> AsyncIterator[bytes]:
        """The part's bytes. Raises FetchFailed (may be tried again) or NotFetchable; the texts hold no token."""
        if (held := data_of(part.file_id)) is not None:  # the message itself brought them
            yield held
            return
        if part.claim.kind == TOO_DEEP:
            raise TooDeep("it stands deeper in the message than Telegram lets anything stand")
        if not part.file_id:
            raise NotFetchable("Telegram hands out no file for this")
        if _PASSPORT in part.path.split("."):
            raise NotFetchable("a file of Telegram Passport is encrypted for the bot's owner")
        path = await self._path_of(part)
        chunks = self._from_disk(path) if path.startswith("/") else self._over_http(path)
        async with aclosing(chunks):
            async for chunk in chunks:
                yield chunk

    def _from_disk(self, path: str) -> AsyncGenerator[bytes]:
        if self._local is None:
            raise NotFetchable("the server names a path on its own disk: set local_files to the folder of its files")
        return self._local.read(path)

    async def _over_http(self, path: str) -> AsyncGenerator[bytes]:
        if "\\" in path or "://" in path or not _NO_DOTS.isdisjoint(path.split("/")):
            raise NotFetchable("the server names a path outside its own files")
        received, promised = 0, None
        try:
            async with self._client.stream("GET", f"{self._base}/{quote(path)}") as response:
                if response.status_code != httpx.codes.OK:
                    raise FetchFailed(f"the file server answered {response.status_code}")
                if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                    raise FetchFailed("the file server encodes what it sends, and was asked not to")
                promised = _promised(response)
                async with aclosing(_in_chunks(response, self._least_pace)) as chunks:
                    async for chunk in chunks:
                        received += len(chunk)
                        yield chunk
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The error's own text may hold the address, and so the token.
            of = "" if promised is None else f" before {promised} bytes had come"
            raise FetchFailed(f"the transfer broke off{of}: {type(error).__name__}") from None
        if promised is not None and promised != received:
            raise FetchFailed(f"{received} bytes came, {promised} were promised")

    async def _path_of(self, part: Part) -> str:
        """Where the server has the file. Raises FetchFailed, NotFetchable."""
        patience = _GET_FILE_SECONDS + min(part.claim.size or 0, _LARGEST) / _SLOWEST
        try:
            answer: Any = await self._bot.do_api_request(_GET_FILE, {"file_id": part.file_id}, read_timeout=patience)
        except BadRequest as refusal:  # a subclass of NetworkError: has to come first
            if "temporarily unavailable" in refusal.message:
                raise FetchFailed(refusal.message) from None
            raise NotFetchable(refusal.message) from None
        except TelegramError as error:
            raise FetchFailed(f"getFile: {type(error).__name__}") from None
        path = answer.get("file_path") if isinstance(answer, dict) else None
        if not isinstance(path, str) or not path or not _SURROGATES.isdisjoint(path):
            raise NotFetchable("the server names no path for this file")
        return path


def least_pace(at_once: int) -> float:
    """Bytes per second that a transfer has to bring where so many share the line."""
    return _LINE / at_once / _UNEVEN


class Pace:
    """Is a transfer fast enough? Only the waiting for bytes counts: what we do with them is not the server's fault."""

    def __init__(self, least: float) -> None:
        self._least = least  # bytes per second
        self._came = 0
        self._waited = 0.0

    def came(self, count: int, waited: float) -> None:
        """Bytes came after so many seconds. Raises FetchFailed where a window of time has brought too few."""
        self._came += count
        self._waited += waited
        if self._waited < PACE_WINDOW:
            return
        if self._came < self._least * self._waited:
            least = f"at least {self._least:.0f} a second"
            raise FetchFailed(f"too slow: {self._came} bytes in {self._waited:.0f} s, {least}")
        self._came, self._waited = 0, 0.0


async def _in_chunks(response: httpx.Response, least_pace: float) -> AsyncGenerator[bytes]:
    """The body in pieces of about CHUNK. Raises FetchFailed where it crawls, which is seen with every byte: the
    library's own chunks would come only once they are full."""
    pace, gathered, asked = Pace(least_pace), bytearray(), monotonic()
    async for piece in response.aiter_raw():
        pace.came(len(piece), monotonic() - asked)
        gathered += piece
        if len(gathered) >= CHUNK:
            yield bytes(gathered)
            gathered.clear()
        asked = monotonic()
    if gathered:
        yield bytes(gathered)


def _promised(response: httpx.Response) -> int | None:
    length = response.headers.get("Content-Length", "")
    return int(length) if length.isdecimal() else None
