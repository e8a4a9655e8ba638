"""What the parts of the WebP validator share: the flags of VP8X, and what is known of the picture so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from lazaretto_validators.images.webp_bits import Allowance
from lazaretto_validators.images.webp_lossless import Size
from lazaretto_validators.riff import Container
from lazaretto_validators.source import Source

__all__ = ["ANIMATED", "EXIF", "ICC", "KNOWN", "XMP", "Picture"]

ICC, EXIF, XMP, ANIMATED = 0x20, 0x08, 0x04, 0x02
"""Flags of VP8X, RFC 9649 2.7. The one for transparency is a hint, and means nothing to decoders."""

KNOWN = frozenset({b"VP8X", b"ICCP", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L", b"EXIF", b"XMP ", b"C2PA"})


@dataclass(slots=True)
class Picture:
    """What has been learnt so far, in file order.

    end: of the container, as declared. canvas, flags: of VP8X, None before one came. stills, frames: pictures met.
    alpha: an ALPH waits for its VP8. pixels: of all frames. extra: bytes of metadata and unknown chunks.
    """

    container: Container
    end: int
    canvas: Size | None = None
    flags: int = 0
    stills: int = 0
    frames: int = 0
    alpha: bool = False
    pixels: int = 0
    extra: int = 0
    allowance: Allowance = field(default_factory=Allowance)

    @property
    def source(self) -> Source:
        """The file."""
        return self.container.source
