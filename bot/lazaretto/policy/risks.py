"""How dangerous a part claims to be: what a release is bound to, so that it cannot return as a program."""

from __future__ import annotations

import re

from lazaretto_validators import Claim
from lazaretto_validators.media_types import BY_EXTENSION, Risk
from lazaretto_validators.mime_names import by_name
from lazaretto_validators.names import extension_of, runs

__all__ = ["claimed_risk"]

_ORDER = (Risk.VIEWED, Risk.DOCUMENT, Risk.ARCHIVE, Risk.BROWSED, Risk.UNKNOWN, Risk.RUN)
"""Harmless first. An unknown extension opens whatever the reader has installed for it: only running is worse."""

_CUTS = re.compile(r"[\0/\\:]")
"""Where some system ends a name: C at NUL, all at separators of folders, NTFS before a stream."""

_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})


def claimed_risk(claim: Claim) -> Risk:
    """The worst of what the name's extension and the declared media type say; UNKNOWN where neither says anything."""
    claimed = [risk for risk in (_of_name(claim.name or ""), _of_type(claim.media_type or "")) if risk is not None]
    return max(claimed, key=_ORDER.index, default=Risk.UNKNOWN)


def _of_name(name: str) -> Risk | None:
    """The worst of the pieces, because systems differ in where they cut a name."""
    pieces = [risk for piece in _CUTS.split(name) if (risk := _of_piece(piece)) is not None]
    return max(pieces, key=_ORDER.index, default=None)


def _of_piece(name: str) -> Risk | None:
    extension = extension_of(name)
    if not extension:
        return None
    if runs(extension):
        return Risk.RUN
    known = BY_EXTENSION.get(extension)
    return known.risk if known else Risk.UNKNOWN


def _of_type(media_type: str) -> Risk | None:
    if media_type.partition(";")[0].strip().lower() in _SAYS_NOTHING:
        return None
    known = by_name(media_type)
    return known.risk if known else Risk.UNKNOWN
