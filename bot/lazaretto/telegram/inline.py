"""Files that a message holds itself, as `data:` URLs (RFC 2397): what a part has for an id, and its bytes again."""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes

__all__ = ["data_of", "data_url"]

_SCHEME = "data:"  # no file_id of Telegram's has a colon


def data_url(media_type: str, text: str) -> str:
    """The text as a URL that holds it."""
    return f"{_SCHEME}{media_type},{quote(text)}"


def data_of(file_id: str) -> bytes | None:
    """The bytes that an id holds; None where they have to be fetched."""
    if not file_id.startswith(_SCHEME):
        return None
    return unquote_to_bytes(file_id.partition(",")[2])
