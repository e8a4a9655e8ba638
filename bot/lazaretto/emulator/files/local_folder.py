"""The folder of a Bot API server of one's own, started as `telegram-bot-api --local`.

https://core.telegram.org/bots/api#using-a-local-bot-api-server: getFile writes the file into the server's working
directory and answers its absolute path, whatever its size; an upload may be a `file://` address.
"""

import asyncio
import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lazaretto.emulator.errors import bad_request
from lazaretto.emulator.records import Upload

__all__ = ["LOCAL_UPLOAD_LIMIT", "UPLOAD_LIMIT", "LocalFolder"]

UPLOAD_LIMIT = 50 << 20  # bytes of one request
LOCAL_UPLOAD_LIMIT = 2000 << 20


class LocalFolder:
    """`<folder>/<token>/documents/file_0.pdf` and its like. Uploads come from below `folder` only."""

    def __init__(self, folder: str | os.PathLike[str], token: str) -> None:
        self.folder = Path(folder).resolve()
        self._own = self.folder / token

    async def write(self, path: str, data: bytes) -> str:
        """Lay a stored file down, and give back its absolute path."""
        place = self._own / path
        await asyncio.to_thread(_lay_down, place, data)
        return str(place)

    async def read(self, uri: str) -> Upload:
        """The upload that a `file://` address names. 400 for a file that is not there or not below the folder."""
        return await asyncio.to_thread(self._picked_up, uri)

    def _picked_up(self, uri: str) -> Upload:
        try:
            place = Path(unquote(urlsplit(uri).path)).resolve()
            inside = place.is_relative_to(self.folder) and place.is_file()
        except (OSError, ValueError):
            inside = False
        if not inside:
            raise bad_request("invalid file HTTP URL specified: the file isn't found below the server's folder")
        return Upload(place.name, None, place.read_bytes())


def _lay_down(place: Path, data: bytes) -> None:
    """Under another name first: whoever sees the file sees all of it."""
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_name(f"{place.name}.part")
    partial.write_bytes(data)
    partial.replace(place)
