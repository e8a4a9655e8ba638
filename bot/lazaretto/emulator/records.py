"""What the emulator remembers of the bot's requests. The token is in none of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Call", "Download", "Upload"]


@dataclass(frozen=True, slots=True)
class Upload:
    """One file part of a multipart request. Name and MIME type are the sender's words."""

    name: str
    mime: str | None
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One request: `params` are read (numbers, booleans, objects), `files` by part name, `at` is Unix time.

    `method` is spelt as documented; of a method that the emulator does not know, as it was asked for. A request that
    cannot be read has no parameters.
    """

    method: str
    params: Mapping[str, Any]
    files: Mapping[str, Upload]
    at: int


@dataclass(slots=True)
class Download:
    """One download of a file: bytes handed to the network so far, if that was all of it, and if no more will come."""

    file_path: str
    at: int
    sent: int = 0
    complete: bool = False
    ended: bool = False
