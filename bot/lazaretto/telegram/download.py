"""Fetching a file's bytes from the Bot API: streamed, counted, and never through the library's download helpers.

Those buffer whole files and return a local file when one happens to have the remote path's name. We build the address
ourselves, refuse every path that is not plainly relative, follow no redirect and take no content encoding, so that
what is counted is what came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import httpx
from telegram import Bot
from telegram.error import BadRequest, TelegramError

from lazaretto.model import Part
from lazaretto.ports import FetchFailed, NotFetchable

__all__ = ["Downloads"]

CHUNK = 256 * 1024
# The Bot API takes method names in any case; under the usual spelling the library warns that it has a method for it,
# which is the one that we must not use.
_GET_FILE = "getfile"
# getFile answers only when Telegram has fetched the whole file to its own disk; the transfer after it is quick.
_GET_FILE_SECONDS = 120.0
_NO_DOTS = frozenset({".", ".."})
_TIMEOUT = httpx.Timeout(20.0, pool=120.0)


class Downloads:
    """Streams files. Own connection pool: a slow file never occupies the host's connections."""

    def __init__(self, bot: Bot, base_file_url: str, *, proxy: str | None = None) -> None:
        """`base_file_url` contains the token already, as `Bot.base_file_url` does."""
        self._bot = bot
        self._base = base_file_url.rstrip("/")
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
        path = await self._path_of(part.file_id)
        try:
            async with self._client.stream("GET", f"{self._base}/{quote(path)}") as response:
                if response.status_code != httpx.codes.OK:
                    raise FetchFailed(f"the file server answered {response.status_code}")
                received = 0
                async for chunk in response.aiter_raw(CHUNK):
                    received += len(chunk)
                    yield chunk
                promised = response.headers.get("Content-Length")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            # The error's own text may hold the address, and so the token.
            raise FetchFailed(f"the transfer broke off: {type(error).__name__}") from None
        if promised is not None and promised.isdecimal() and int(promised) != received:
            raise FetchFailed(f"{received} bytes came, {promised} were promised")

    async def _path_of(self, file_id: str) -> str:
        try:
            answer: Any = await self._bot.do_api_request(
                _GET_FILE, {"file_id": file_id}, read_timeout=_GET_FILE_SECONDS
            )
        except BadRequest as refusal:  # a subclass of NetworkError: has to come first
            if "temporarily unavailable" in refusal.message:
                raise FetchFailed(refusal.message) from None
            raise NotFetchable(refusal.message) from None
        except TelegramError as error:
            raise FetchFailed(f"getFile: {type(error).__name__}") from None
        path = answer.get("file_path") if isinstance(answer, dict) else None
        if not isinstance(path, str) or not path:
            raise NotFetchable("the server names no path for this file")
        if path.startswith("/") or "\\" in path or "://" in path or not _NO_DOTS.isdisjoint(path.split("/")):
            raise NotFetchable("the server names a path outside its own files")
        return path
