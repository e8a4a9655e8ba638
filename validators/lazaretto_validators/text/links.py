"""Where a link in a page or a drawing leads: to a script, to another place, or to data that it carries itself.

Browsers drop white space and controls from an address and take its scheme in any case (WHATWG URL 4.4), so that is done
here before anything is compared. Character references are the caller's to resolve.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

__all__ = ["Data", "calls_out", "carried", "is_handler", "is_script", "plain"]

_IGNORED = re.compile(r"[\x00-\x20\x7f\u200b-\u200d\u2060\ufeff]")
_SCRIPT = re.compile(r"(?:javascript|vbscript|livescript|mocha):", re.IGNORECASE)
_OUTSIDE = re.compile(r"(?:https?|ftps?|file|smb|wss?):|[/\\]{2}", re.IGNORECASE)
_HANDLER = re.compile(
    r"(?:ms-msdt|search-ms|search|ms-officecmd|ms-appinstaller|ms-cxh-full|shell|mk|mhtml|its|ms-its|hcp):|"
    r"file:(?:[/\\]{2}|[/\\]{4,})(?![/\\]|localhost(?:[/\\]|\Z)|[a-z](?:[:|]|%3a|%7c)|\Z)|\\\\[^\\]",
    re.IGNORECASE,
)
"""Handlers that run something of the reader's computer, and shares that learn the reader's login.

A file's address with three slashes is one of the own disk (WHATWG URL 4.1), with two and a drive as well.
"""
_LINE_ENDS = {ord(letter): None for letter in "\t\r\n"}
_LEADING = "".join(map(chr, range(0x21)))
_CARRIES = re.compile(r"[\0-\x20]*+" + "".join(rf"{letter}[\t\r\n]*+" for letter in "data:"), re.IGNORECASE)
_DATA = re.compile(r"data:([^,;]*)((?:;[^,;]*)*),", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Data:
    """What a `data:` address carries.

    media_type: as declared, in lower case, empty where it is not. content: empty where it cannot be decoded.
    """

    media_type: str
    content: bytes


def plain(address: str) -> str:
    """The address as a browser reads it."""
    return _IGNORED.sub("", address)


def is_script(address: str) -> bool:
    """Does a click run code of the file?"""
    return _SCRIPT.match(plain(address)) is not None


def calls_out(address: str) -> bool:
    """Does it lead to another computer, or to a file outside?"""
    return _OUTSIDE.match(plain(address)) is not None


def is_handler(address: str) -> bool:
    """Does it hand the reader over to a program of the operating system, or to a share?"""
    return _HANDLER.match(plain(address)) is not None


def carried(address: str) -> Data | None:
    """RFC 2397: what the address itself carries, None where it is of another scheme."""
    if not _CARRIES.match(address):
        return None  # the data are not touched before the scheme is known
    address = address.lstrip(_LEADING).translate(_LINE_ENDS)
    if not (opened := _DATA.match(address, 0, 2000)):
        return None
    written = address[opened.end() :].partition("#")[0]
    data = unquote_to_bytes(written.encode("utf-8", "surrogateescape"))  # bytes that are no UTF-8 are kept as they are
    media_type = plain(opened.group(1)).lower()
    if not opened.group(2).replace(" ", "").lower().endswith(";base64"):
        return Data(media_type, data)
    letters = re.sub(rb"[^A-Za-z0-9+/]", b"", data.replace(b"-", b"+").replace(b"_", b"/"))
    try:
        return Data(media_type, base64.b64decode(letters + b"=" * (-len(letters) % 4)))
    except binascii.Error:
        return Data(media_type, b"")
