"""Stored files: real bytes, a fresh file_id for every send, one file_unique_id for ever.

The kinds of attachment are data: a new kind is a new row in KINDS.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Literal

from lazaretto.emulator.errors import bad_request

__all__ = ["DOWNLOAD_LIMIT", "KINDS", "Attachment", "FileStore", "Kind", "StoredFile", "files_in"]

DOWNLOAD_LIMIT = 20 << 20  # bytes; the server refuses what is larger, and only that

DeclaredSize = int | Literal["omit"] | None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of attachment: where its files are stored, which claims it carries, what its object always has.

    `declared` are the fields that a bot may set with an upload, beside the numbers in `required`.
    """

    name: str
    folder: str
    suffix: str = ""
    named: bool = False
    typed: bool = False
    captioned: bool = True
    required: Mapping[str, Any] = field(default_factory=dict)
    declared: tuple[str, ...] = ()
    also: str | None = None


_FRAME = {"width": 640, "height": 480, "duration": 1}
_LASTING = {"duration": 1}
_STICKER = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("photo", "photos", ".jpg"),
            Kind("animation", "animations", ".mp4", named=True, typed=True, required=_FRAME, also="document"),
            Kind("video", "videos", ".mp4", named=True, typed=True, required=_FRAME),
            Kind("audio", "music", ".mp3", named=True, typed=True, required=_LASTING, declared=("performer", "title")),
            Kind("voice", "voice", ".oga", typed=True, required=_LASTING),
            Kind("video_note", "video_notes", ".mp4", captioned=False, required={"length": 240, "duration": 1}),
            Kind("sticker", "stickers", ".webp", captioned=False, required=_STICKER),
            Kind("document", "documents", named=True, typed=True),
        )
    }
)

# The sizes that Telegram makes of a photo; the last one is what was posted.
_PHOTO_SIZES = ((90, 67), (320, 240), (1280, 960))


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One stored file. `size` is what objects say of it: None says nothing."""

    unique_id: str
    path: str
    size: int | None
    dimensions: Mapping[str, int]
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """One upload: a photo has a file for each size, everything else has one."""

    kind: Kind
    files: tuple[StoredFile, ...]
    fields: Mapping[str, Any]


class FileStore:
    """All files the bot could have been told of. Nothing is ever removed: a file_id outlives its message."""

    def __init__(self) -> None:
        self._issued: dict[str, tuple[Attachment, StoredFile]] = {}
        self._paths: dict[str, StoredFile] = {}

    def add(
        self,
        kind_name: str,
        data: bytes,
        *,
        name: str | None = None,
        mime: str | None = None,
        size: DeclaredSize = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Attachment:
        """Store an upload. `size` is the declared one: None is the true one, "omit" leaves it out of objects."""
        kind = KINDS[kind_name]
        declared = len(data) if size is None else None if size == "omit" else size
        sizes = _PHOTO_SIZES if kind.name == "photo" else ((0, 0),)
        files = tuple(self._store(kind, data, name, declared, width, height) for width, height in sizes)
        fields = dict(kind.required)
        if kind.named and name is not None:
            fields["file_name"] = name
        if kind.typed and mime is not None:
            fields["mime_type"] = mime
        return Attachment(kind, files, fields | dict(extra or {}))

    def _store(
        self, kind: Kind, data: bytes, name: str | None, size: int | None, width: int, height: int
    ) -> StoredFile:
        path = f"{kind.folder}/file_{len(self._paths)}{_suffix(kind, name)}"
        dimensions = {"width": width, "height": height} if width else {}
        stored = StoredFile(f"AgAD{secrets.token_urlsafe(8)}", path, size, dimensions, data)
        self._paths[path] = stored
        return stored

    def issue(self, attachment: Attachment) -> dict[str, Any]:
        """The message fields of one send, `{"document": {...}}`, with file ids of its own."""
        objects = [self._object(attachment, stored) for stored in attachment.files]
        if attachment.kind.name == "photo":
            return {"photo": objects}
        fields = {attachment.kind.name: objects[0]}
        also = attachment.kind.also
        return fields | ({also: _plain(objects[0])} if also else {})

    def _object(self, attachment: Attachment, stored: StoredFile) -> dict[str, Any]:
        file_id = f"{attachment.kind.name[:2].upper()}AC{secrets.token_urlsafe(45)}"
        self._issued[file_id] = (attachment, stored)
        size = {} if stored.size is None else {"file_size": stored.size}
        ids = {"file_id": file_id, "file_unique_id": stored.unique_id}
        return {**ids, **size, **stored.dimensions, **attachment.fields}

    def file(self, file_id: str) -> StoredFile | None:
        """The file that this id names."""
        issued = self._issued.get(file_id)
        return issued and issued[1]

    def for_sending(self, file_id: str, kind_name: str) -> Attachment:
        """The attachment to send again as this kind. 400 when there is none, or it is of another kind."""
        issued = self._issued.get(file_id)
        if issued is None:
            raise bad_request("wrong remote file identifier specified: can't unserialize it")
        attachment = issued[0]
        if kind_name not in (attachment.kind.name, attachment.kind.also):
            raise bad_request(f"can't use file of type {_title(attachment.kind.name)} as {_title(kind_name)}")
        return attachment

    def at_path(self, path: str) -> StoredFile | None:
        """The file behind a `file_path`."""
        return self._paths.get(path)


def files_in(value: object) -> list[str]:
    """The file_ids of an object, the object's own first, then depth first in order."""
    if isinstance(value, Mapping):
        own = [value["file_id"]] if "file_id" in value and "file_unique_id" in value else []
        return own + [found for inner in value.values() for found in files_in(inner)]
    if isinstance(value, list | tuple):
        return [found for inner in value for found in files_in(inner)]
    return []


def _suffix(kind: Kind, name: str | None) -> str:
    """The extension in the stored path: the sender's when it is harmless in a URL, as the server keeps it."""
    suffix = PurePosixPath(name or "").suffix
    return suffix if kind.named and re.fullmatch(r"\.[A-Za-z0-9]{1,10}", suffix) else kind.suffix


def _plain(described: Mapping[str, Any]) -> dict[str, Any]:
    """An animation's object as the document that stands beside it: without the picture's fields."""
    return {key: value for key, value in described.items() if key not in _FRAME}


def _title(kind_name: str) -> str:
    return "".join(word.capitalize() for word in kind_name.split("_"))
