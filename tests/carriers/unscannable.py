"""Files that cannot be looked at to their end: encrypted, or deeper than the limits go."""

from __future__ import annotations

import io
import zipfile

from lazaretto_validators.limits import Limits
from lazaretto_validators.testing import Case

_ENCRYPTED = 1  # general purpose bit 0, APPNOTE 4.4.4
_FLAGS_AT = {b"PK\x03\x04": 6, b"PK\x01\x02": 8}  # in the local and the central header


def zipped(name: str, data: bytes) -> bytes:
    """A ZIP with one stored member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), data)
    return file.getvalue()


def encrypted(archive: bytes) -> bytes:
    """`archive` with its member declared to be encrypted, in both headers."""
    marked = bytearray(archive)
    for signature, offset in _FLAGS_AT.items():
        marked[archive.index(signature) + offset] |= _ENCRYPTED
    return bytes(marked)


_NOTE = zipped("note.txt", b"This is a note about nothing in particular.\n")

_MARK_ALONE = b"PK\x05\x06"  # the end record's signature, and nothing of the record

CASES = (
    Case("unscannable.declined", _MARK_ALONE, _NOTE),
    Case("unscannable.encrypted", encrypted(_NOTE), _NOTE),
    Case("unscannable.budget", zipped("inner.zip", _NOTE), _NOTE, limits=Limits(nesting=1)),
)
