"""Everything that the PNG validator can say. Clauses are those of W3C PNG, 3rd edition: https://www.w3.org/TR/png-3/.

Severity: high where decoders are attacked by it or the walk cannot go on, medium where an honest encoder does not
write it, info where honest encoders do although the specification says otherwise.
"""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

__all__ = [
    "ANCILLARY_CRC", "ANCILLARY_DUPLICATE", "ANCILLARY_ORDER", "APNG_FRAME", "APNG_FRAME_COUNT", "APNG_OPERATION",
    "APNG_ORDER", "APNG_SEQUENCE", "CGBI", "CHUNK_CRC", "CHUNK_DUPLICATE", "CHUNK_LENGTH", "CHUNK_ORDER", "CHUNK_SIZE",
    "CHUNK_TYPE", "CODE_IN_METADATA", "COLOUR_DEPTH", "COLOUR_SPACE", "DIMENSIONS", "EXIF_HEADER", "FILTER_BYTE",
    "FRAME_BOMB", "ICC_PROFILE", "IDAT_ADLER", "IDAT_CONTIGUOUS", "IDAT_DEFLATE", "IDAT_OPEN_END", "IDAT_PADDING",
    "IDAT_SHORTAGE", "IDAT_SURPLUS", "IDAT_TRAILING", "IEND_LENGTH", "IHDR_FIRST", "IHDR_LENGTH", "IHDR_METHOD",
    "METADATA_DEFLATE", "NO_IDAT", "PIXEL_BOMB", "PLTE_FORBIDDEN", "PLTE_LENGTH", "PLTE_MISSING", "PROFILE_PATH",
    "RESERVED_BIT", "RULES", "TEXT_BOMB", "TEXT_FLOOD", "TEXT_STRUCTURE", "TRNS_LENGTH", "TRNS_OVERFLOW",
    "TRNS_SURPLUS", "UNKNOWN_CRITICAL", "XMP_DTD", "ZLIB_HEADER",
]  # fmt: skip

_TABLE = RuleTable("png")

# fmt: off - a table: a rule takes two or three lines, not ten


# The chunk layout
CHUNK_LENGTH = _TABLE.malformed(
    HIGH, "chunk-length", "A chunk declares more than 2^31-1 bytes.", "PNG 5.3; threats IMG-39"
)
CHUNK_TYPE = _TABLE.malformed(
    HIGH,
    "chunk-type",
    "A chunk's type is not four ASCII letters: the file is not a sequence of chunks.",
    "PNG 5.3; threats IMG-39",
    "files damaged in transfer",
)
RESERVED_BIT = _TABLE.malformed(
    INFO,
    "reserved-bit",
    "A chunk's type has a lower-case third letter, which is reserved.",
    "PNG 5.4",
    "a few private chunks of old editors",
)
CHUNK_CRC = _TABLE.malformed(
    MEDIUM,
    "chunk-crc",
    "The checksum of a chunk that the picture needs is wrong.",
    "PNG 5.3, 5.5; threats IMG-39",
    "files damaged in transfer",
)
ANCILLARY_CRC = _TABLE.malformed(
    INFO,
    "ancillary-crc",
    "The checksum of a chunk with additional information is wrong.",
    "PNG 5.3, 5.5",
    "patched files, sprites of some games",
)
CHUNK_ORDER = _TABLE.malformed(
    MEDIUM,
    "chunk-order",
    "Palette, transparency, background or histogram stand in the wrong order.",
    "PNG 5.6, table of chunk ordering rules",
)
ANCILLARY_ORDER = _TABLE.malformed(
    INFO,
    "ancillary-order",
    "A chunk with additional information stands where it should not.",
    "PNG 5.6, table of chunk ordering rules",
    "encoders that write pHYs after the picture",
)
CHUNK_DUPLICATE = _TABLE.malformed(
    MEDIUM, "chunk-duplicate", "A chunk that decoders rely on to be single stands twice.", "PNG 5.6"
)
ANCILLARY_DUPLICATE = _TABLE.malformed(
    INFO, "ancillary-duplicate", "A chunk with additional information stands twice.", "PNG 5.6", "careless editors"
)
CHUNK_SIZE = _TABLE.malformed(
    MEDIUM, "chunk-size", "A chunk does not have the length that its fields take.", "PNG 11.3", "very old editors"
)
UNKNOWN_CRITICAL = _TABLE.malformed(
    MEDIUM,
    "unknown-critical",
    "A chunk that no decoder knows claims to be necessary for the picture.",
    "PNG 5.4, 14.3; threats IMG-46",
)
CGBI = _TABLE.malformed(
    INFO,
    "cgbi",
    "The picture is in Apple's private variant of PNG, which other programs cannot show.",
    "Apple CgBI, not in the specification; threats IMG-46",
    "pictures taken out of iOS apps",
)

# IHDR
IHDR_FIRST = _TABLE.malformed(
    HIGH, "ihdr-first", "The first chunk is not the image header.", "PNG 5.6, 11.2.1; threats IMG-39"
)
IHDR_LENGTH = _TABLE.malformed(
    HIGH, "ihdr-length", "The image header is not 13 bytes long.", "PNG 11.2.1; threats IMG-39"
)
DIMENSIONS = _TABLE.malformed(HIGH, "dimensions", "Width or height is zero or more than 2^31-1.", "PNG 11.2.1")
COLOUR_DEPTH = _TABLE.malformed(
    HIGH, "colour-depth", "Colour type and bit depth are not a pair that exists.", "PNG 11.2.1, allowed combinations"
)
IHDR_METHOD = _TABLE.malformed(
    HIGH, "ihdr-method", "The compression, filter or interlace method does not exist.", "PNG 8.1, 9.1, 10.1, 11.2.1"
)
PIXEL_BOMB = _TABLE.resource(
    HIGH,
    "pixel-bomb",
    "The picture declares so many pixels that viewers run out of memory.",
    "threats BMB-05",
    "very large panoramas, scans and maps",
)
FRAME_BOMB = _TABLE.resource(
    HIGH,
    "frame-bomb",
    "The animation has more frames than viewers can hold.",
    "threats BMB-05",
    "very long screen recordings",
)

# PLTE, tRNS, IEND
PLTE_LENGTH = _TABLE.malformed(
    MEDIUM, "plte-length", "The palette's length is not that of 1 to 2^depth colours.", "PNG 11.2.2"
)
PLTE_MISSING = _TABLE.malformed(
    HIGH, "plte-missing", "The picture's colours come from a palette that is not there.", "PNG 11.2.2"
)
PLTE_FORBIDDEN = _TABLE.malformed(MEDIUM, "plte-forbidden", "A grey picture has a palette.", "PNG 11.2.2")
TRNS_LENGTH = _TABLE.malformed(
    MEDIUM, "trns-length", "The transparency does not have the length that the colour type asks for.", "PNG 11.3.1.1"
)
TRNS_SURPLUS = _TABLE.malformed(
    INFO,
    "trns-surplus",
    "The transparency has more entries than the palette.",
    "PNG 11.3.1.1",
    "very old Photoshop writes 256 entries always",
)
TRNS_OVERFLOW = _TABLE.exploit(
    HIGH,
    "trns-overflow",
    "The transparency has more than 256 entries, which overruns old decoders.",
    "CVE-2004-0597; PNG 11.3.1.1",
)
IEND_LENGTH = _TABLE.malformed(MEDIUM, "iend-length", "The end marker has content.", "PNG 11.2.4")
COLOUR_SPACE = _TABLE.malformed(
    INFO,
    "colour-space",
    "The picture names two colour spaces, sRGB and an ICC profile.",
    "PNG 11.3.2.3, 11.3.2.5",
    "older GIMP and Photoshop",
)

# IDAT and fdAT
NO_IDAT = _TABLE.malformed(HIGH, "no-idat", "The picture has no pixel data.", "PNG 5.6, 11.2.3")
IDAT_CONTIGUOUS = _TABLE.malformed(
    HIGH, "idat-contiguous", "Other chunks stand between those of the pixel data.", "PNG 5.6, 11.2.3; threats IMG-39"
)
ZLIB_HEADER = _TABLE.malformed(
    MEDIUM, "zlib-header", "The pixel data does not begin as a zlib stream of PNG.", "PNG 10.1, RFC 1950 2.2"
)
IDAT_DEFLATE = _TABLE.malformed(
    MEDIUM, "idat-deflate", "The pixel data cannot be decompressed.", "PNG 10.1, RFC 1951", "files damaged in transfer"
)
IDAT_SHORTAGE = _TABLE.malformed(
    MEDIUM,
    "idat-shortage",
    "The pixel data holds fewer pixels than the header declares.",
    "PNG 7.2, 8.1, 10.1; threats IMG-44",
    "files damaged in transfer",
)
IDAT_SURPLUS = _TABLE.malformed(
    MEDIUM,
    "idat-surplus",
    "The pixel data holds more than the pixels that the header declares.",
    "PNG 7.2, 8.1, 10.1; threats IMG-44",
)
IDAT_PADDING = _TABLE.malformed(
    INFO, "idat-padding", "Zeros follow the pixels within the pixel data.", "PNG 10.1", "encoders that pad"
)
IDAT_TRAILING = _TABLE.concealed(
    MEDIUM,
    "idat-trailing",
    "Data that is no part of the picture is hidden in the pixel chunks.",
    "PNG 10.1; threats IMG-44",
)
IDAT_ADLER = _TABLE.malformed(
    MEDIUM,
    "idat-adler",
    "The checksum of the decompressed pixel data is wrong.",
    "PNG 10.1, RFC 1950 2.2",
    "files damaged in transfer",
)
IDAT_OPEN_END = _TABLE.malformed(
    INFO,
    "idat-open-end",
    "All pixels are there, but their compressed stream has no proper end.",
    "PNG 10.1, RFC 1950 2.2",
    "screenshots cut short by their program",
)
FILTER_BYTE = _TABLE.malformed(
    MEDIUM, "filter-byte", "A row of pixels is filtered by a method that does not exist.", "PNG 9.2; threats IMG-44"
)

# Text, profiles, Exif
TEXT_STRUCTURE = _TABLE.malformed(
    INFO,
    "text-structure",
    "A text or profile chunk does not have the fields of its type.",
    "PNG 11.3.2.3, 11.3.3",
    "careless editors",
)
METADATA_DEFLATE = _TABLE.malformed(
    INFO,
    "metadata-deflate",
    "Compressed text or a compressed profile cannot be decompressed to its end.",
    "PNG 10.3, 11.3.3",
    "careless editors",
)
TEXT_BOMB = _TABLE.resource(
    HIGH,
    "text-bomb",
    "Compressed text or a profile expands beyond all measure.",
    "PNG 10.3; threats IMG-41",
)
TEXT_FLOOD = _TABLE.resource(
    HIGH,
    "text-flood",
    "The picture carries more than a thousand texts.",
    "threats IMG-41",
)
PROFILE_PATH = _TABLE.exploit(
    HIGH,
    "profile-path",
    "A text makes converters read a file of their own computer into the picture.",
    "CVE-2022-44268, CVE-2022-44267; threats IMG-40",
)
CODE_IN_METADATA = _TABLE.active(
    MEDIUM,
    "code-in-metadata",
    "Additional information holds program code for a web server or page.",
    "threats IMG-36",
    "pictures about programming whose description quotes code",
)
XMP_DTD = _TABLE.exploit(
    HIGH,
    "xmp-dtd",
    "The XMP description declares a document type or entities.",
    "XMP part 1, 7.1 (no DTD in a packet); threats IMG-35",
)
ICC_PROFILE = _TABLE.malformed(
    MEDIUM,
    "icc-profile",
    "The colour profile contradicts its own size or table of tags.",
    "PNG 11.3.2.3, ICC.1 7.2, 7.3; threats IMG-34",
    "rare profiles of old drivers",
)
EXIF_HEADER = _TABLE.malformed(
    INFO,
    "exif-header",
    "The Exif block does not begin as Exif.",
    "PNG 11.3.4.5, TIFF 6.0 section 2",
    "converters that keep the JPEG marker in front of it",
)

# Animation
APNG_ORDER = _TABLE.malformed(
    MEDIUM,
    "apng-order",
    "The chunks of the animation are out of order or lack a part.",
    "PNG 5.6, 11.3.6; conformance C-PNG-09",
)
APNG_SEQUENCE = _TABLE.malformed(
    MEDIUM,
    "apng-sequence",
    "The animation's chunks are not numbered 0, 1, 2 and so on.",
    "PNG 4.9.2, 11.3.6.2, 11.3.6.3",
)
APNG_FRAME = _TABLE.malformed(
    MEDIUM, "apng-frame", "A frame is empty or reaches outside the picture.", "PNG 11.3.6.2; threats IMG-45"
)
APNG_OPERATION = _TABLE.malformed(
    MEDIUM, "apng-operation", "A frame is disposed of or blended by a method that does not exist.", "PNG 11.3.6.2"
)
APNG_FRAME_COUNT = _TABLE.malformed(
    INFO,
    "apng-frame-count",
    "The animation declares another number of frames than it has.",
    "PNG 11.3.6.1",
    "editors that leave the old number",
)

# fmt: on

RULES = _TABLE.rules
