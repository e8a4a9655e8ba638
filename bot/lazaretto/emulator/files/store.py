"""Stored files: real bytes, a fresh file_id for every send, one file_unique_id for ever.

The kinds of files are data: a new kind is a new row in one of the tables.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Literal

from lazaretto.emulator.errors import bad_request

__all__ = ["DOWNLOAD_LIMIT", "KINDS", "Attachment", "FileStore", "Kind", "StoredFile", "files_in", "kind_of"]

DOWNLOAD_LIMIT = 20 << 20  # bytes; the server refuses what is larger, and only that

DeclaredSize = int | Literal["omit"] | None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of attachment: where its files are stored, which claims it carries, what its object always has.

    `declared` are the fields that a bot may set with an upload, beside the numbers in `required`. `also` is the
    message field that is filled as well. `beside` is the file that is sent with it in the field of that name.
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
    beside: str | None = None

    @property
    def title(self) -> str:
        """The name as the Bot API writes it in methods and refusals: VideoNote."""
        return "".join(word.capitalize() for word in self.name.split("_"))


_FRAME = {"width": 640, "height": 480, "duration": 1}
_LASTING = {"duration": 1}
_STICKER = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("live_photo", "videos", ".mp4", typed=True, required=_FRAME, also="photo", beside="photo"),
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
"""What a bot can upload as one attachment. Of two fields that one message fills, the one that says more comes first."""

# What only people post, and what only stands inside another object. The variants of a sticker differ in the suffix of
# their paths too.
_QUALITY = {"width": 320, "height": 240, "codec": "h264"}
_STORED: Mapping[str, Kind] = {
    **KINDS,
    "animated_sticker": Kind("sticker", "stickers", ".tgs", required={**_STICKER, "is_animated": True}),
    "video_sticker": Kind("sticker", "stickers", ".webm", required={**_STICKER, "is_video": True}),
    "thumbnail": Kind("thumbnail", "thumbnails", ".jpg", required={"width": 90, "height": 67}),
    "quality": Kind("quality", "videos", ".mp4", required=_QUALITY),
    "premium_animation": Kind("premium_animation", "stickers", ".tgs"),
    "passport_file": Kind("passport_file", "passport", required={"file_date": 1_700_000_000}),
}


@dataclass(frozen=True, slots=True)
class _Derived:
    """A file that belongs to another one: its kind, whether it comes unasked, whether its field is a list of such."""

    kind: str
    unasked: bool = True
    listed: bool = False


_SHOWN = {"thumbnail": _Derived("thumbnail")}
_MAY_BE_SHOWN = {"thumbnail": _Derived("thumbnail", unasked=False)}

_DERIVED: Mapping[str, Mapping[str, _Derived]] = {
    "animation": _SHOWN,
    "video": {**_SHOWN, "cover": _Derived("photo"), "qualities": _Derived("quality", listed=True)},
    "audio": _MAY_BE_SHOWN,
    "video_note": _SHOWN,
    "sticker": {**_SHOWN, "premium_animation": _Derived("premium_animation", unasked=False)},
    "document": _MAY_BE_SHOWN,
    "live_photo": {"photo": _Derived("photo")},
}

# The sizes that Telegram makes of a photo; the last one is what was posted.
_PHOTO_SIZES = ((90, 67), (320, 240), (1280, 960))


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One stored file. `size` is what objects say of it: None says nothing."""

    unique_id: str
    path: str
    size: int | None
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Attachment:
    """One upload: the message fields that carry it, with everything that was derived from it."""

    kind: Kind
    fields: dict[str, Any]


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
        """Store an upload. `size` is the declared one: None is the true one, "omit" leaves it out of objects.

        What is derived from it (a thumbnail ...) has the same bytes, unless `extra` gives others under its field's
        name, or None for none.
        """
        kind = _STORED[kind_name]
        declared = len(data) if size is None else None if size == "omit" else size
        extra = dict(extra or {})
        claims = {"file_name": name} if kind.named and name is not None else {}
        claims |= {"mime_type": mime} if kind.typed and mime is not None else {}
        beside = {
            field: self._derived(rule, extra.pop(field, data if rule.unasked else None))
            for field, rule in _DERIVED.get(kind.name, {}).items()
        }
        described = {**kind.required, **claims, **{k: v for k, v in beside.items() if v is not None}, **extra}
        attachment = Attachment(kind, {})
        if kind.name == "photo":
            frames = [{"width": width, "height": height, **described} for width, height in _PHOTO_SIZES]
            attachment.fields["photo"] = [self._object(attachment, data, None, declared, frame) for frame in frames]
            return attachment
        whole = self._object(attachment, data, name, declared, described)
        attachment.fields[kind.name] = whole
        if kind.also is not None:
            attachment.fields[kind.also] = whole.get(kind.also) or _plain(whole)
        return attachment

    def _derived(self, rule: _Derived, given: Any) -> Any:
        """Bytes become a file of that kind; None and ready-made JSON stay as they are."""
        if not isinstance(given, bytes):
            return given
        made = self.add(rule.kind, given)
        value = made.fields[made.kind.name]
        return [value] if rule.listed else value

    def _object(
        self, owner: Attachment, data: bytes, name: str | None, size: int | None, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        path = f"{owner.kind.folder}/file_{len(self._paths)}{_suffix(owner.kind, name)}"
        stored = self._paths[path] = StoredFile(f"AgAD{secrets.token_urlsafe(8)}", path, size, data)
        ids = {"file_id": self._id(owner, stored), "file_unique_id": stored.unique_id}
        return {**ids, **({} if size is None else {"file_size": size}), **fields}

    def _id(self, owner: Attachment, stored: StoredFile) -> str:
        file_id = f"{owner.kind.name[:2].upper()}AC{secrets.token_urlsafe(45)}"
        self._issued[file_id] = (owner, stored)
        return file_id

    def issue(self, attachment: Attachment) -> dict[str, Any]:
        """The message fields of one send, `{"document": {...}}`, with file ids of its own."""
        issued: dict[str, Any] = self.renewed(attachment.fields)
        return issued

    def renewed(self, value: Any) -> Any:
        """The same JSON for another send: every file in it under a new file_id, its file_unique_id as before."""
        return self._renewed(value, {})

    def _renewed(self, value: Any, known: dict[str, str]) -> Any:
        if isinstance(value, list | tuple):
            return [self._renewed(inner, known) for inner in value]
        if not isinstance(value, Mapping):
            return value
        copied = {key: self._renewed(inner, known) for key, inner in value.items()}
        old = copied.get("file_id")
        if isinstance(old, str) and old in self._issued:
            # An animation is shown twice in one message, under one id.
            copied["file_id"] = known[old] = known.get(old) or self._id(*self._issued[old])
        return copied

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
        kind = attachment.kind
        if kind_name != kind.name and (kind_name != kind.also or kind_name == kind.beside):
            raise bad_request(f"can't use file of type {kind.title} as {_STORED[kind_name].title}")
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


def kind_of(content: Mapping[str, Any]) -> str | None:
    """The field with the message's file: of the two that some kinds fill, the one that says more."""
    return next((name for name in KINDS if name in content), None)


def _suffix(kind: Kind, name: str | None) -> str:
    """The extension in the stored path: the sender's when it is harmless in a URL, as the server keeps it."""
    suffix = PurePosixPath(name or "").suffix
    return suffix if kind.named and re.fullmatch(r"\.[A-Za-z0-9]{1,10}", suffix) else kind.suffix


def _plain(described: Mapping[str, Any]) -> dict[str, Any]:
    """An animation's object as the document that stands beside it: without the picture's fields."""
    return {key: value for key, value in described.items() if key not in _FRAME}
