"""Everything that the WebP validator can say. Clauses are those of RFC 9649: https://www.rfc-editor.org/rfc/rfc9649.

Severity: high where decoders are attacked by it or refuse the file, medium where an honest encoder does not write it,
info where taggers and old encoders do.
"""

from __future__ import annotations

from lazaretto_validators.riff import container_rules
from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

__all__ = [
    "ALPHA_HEADER", "ALPHA_LENGTH", "ALPHA_PLACE", "ANIMATION", "CANVAS", "CANVAS_SIZE", "CHUNK_BOUNDS",
    "CHUNK_DUPLICATE", "CHUNK_ID", "CHUNK_ORDER", "CHUNK_SIZE", "CONTAINER", "EXIF", "EXIF_LOOP", "FIRST_CHUNK",
    "FLAGS", "FRAME_BOMB", "FRAME_CONTENT", "FRAME_RECTANGLE", "FRAME_SIZE", "ICC_PROFILE", "IMAGE_DUPLICATE",
    "IMAGE_MISSING", "LOSSLESS_CACHE", "LOSSLESS_GROUPS", "LOSSLESS_HEADER", "LOSSLESS_REFERENCE", "LOSSLESS_SHORT",
    "LOSSLESS_TRAILING", "LOSSLESS_TRANSFORM", "LOSSY_HEADER", "LOSSY_PARTITION", "LOSSY_SHORT", "METADATA_SIZE",
    "PIXEL_BOMB", "PREFIX_CODE", "PREFIX_SYMBOL", "RESERVED", "RIFF_SIZE", "RULES", "SCRIPT", "SINGLE_DUPLICATE",
    "VP8X_SIZE", "XMP_DTD",
]  # fmt: skip

_TABLE = RuleTable("webp")

CONTAINER = container_rules("webp")

# fmt: off - a table: a rule takes two or three lines, not ten
# The container
RIFF_SIZE = _TABLE.malformed(
    INFO,
    "riff-size",
    "The size in the file's header is odd, or counts bytes that are no chunk.",
    "RFC 9649 2.3, 2.4; C-WEBP-01",
    "old ffmpeg and GIMP",
)
CHUNK_ID = _TABLE.malformed(
    HIGH,
    "chunk-id",
    "A chunk's type is not four ASCII characters: the file is not a sequence of chunks.",
    "RFC 9649 2.3; threats IMG-09",
    "files damaged in transfer",
)
CHUNK_BOUNDS = _TABLE.malformed(
    HIGH,
    "chunk-bounds",
    "A chunk reaches past the end of the container that it stands in.",
    "RFC 9649 2.3, 2.4; C-WEBP-01, threats IMG-09",
    "files damaged in transfer",
)
FIRST_CHUNK = _TABLE.malformed(
    HIGH,
    "first-chunk",
    "The first chunk is neither a picture nor the extended header.",
    "RFC 9649 2.5 to 2.7; C-WEBP-02, threats IMG-09",
)
CHUNK_ORDER = _TABLE.malformed(
    INFO,
    "chunk-order",
    "A chunk stands where it should not.",
    "RFC 9649 2.7; C-WEBP-03",
    "old ExifTool, which put Exif and XMP before the picture; programs with own chunks",
)
CHUNK_DUPLICATE = _TABLE.malformed(
    HIGH,
    "chunk-duplicate",
    "The header of the picture or of its animation stands twice.",
    "RFC 9649 2.7; C-WEBP-03, threats IMG-09",
)
SINGLE_DUPLICATE = _TABLE.malformed(
    MEDIUM,
    "metadata-duplicate",
    "The colour profile, Exif or XMP stands twice.",
    "RFC 9649 2.7.1.4, 2.7.1.5; C-WEBP-03, threats IMG-09",
    "careless taggers",
)
CHUNK_SIZE = _TABLE.malformed(
    MEDIUM,
    "chunk-size",
    "A chunk does not have the length that its fields take.",
    "RFC 9649 2.7.1.1, 2.7.1.2",
)
VP8X_SIZE = _TABLE.malformed(
    HIGH,
    "vp8x-size",
    "The extended header is not ten bytes long.",
    "RFC 9649 2.7; C-WEBP-02, threats IMG-09",
)
RESERVED = _TABLE.malformed(
    MEDIUM,
    "reserved",
    "Bits that are reserved are set.",
    "RFC 9649 2.7, 2.7.1.1; C-WEBP-02, threats IMG-09",
    "very old writers",
)
FLAGS = _TABLE.malformed(
    INFO,
    "flags",
    "The extended header announces other chunks than there are.",
    "RFC 9649 2.7; C-WEBP-03, threats IMG-09",
    "taggers that do not update it",
)
CANVAS = _TABLE.malformed(
    HIGH,
    "canvas",
    "The canvas has more than 2^32-1 pixels.",
    "RFC 9649 2.7; C-WEBP-02, threats IMG-09",
)
CANVAS_SIZE = _TABLE.malformed(
    HIGH,
    "canvas-size",
    "The picture is not as large as its canvas.",
    "RFC 9649 2.7; C-WEBP-03, threats IMG-09",
)
PIXEL_BOMB = _TABLE.resource(
    HIGH,
    "pixel-bomb",
    "The picture declares so many pixels that viewers run out of memory.",
    "threats BMB-05",
    "very large panoramas, scans and maps",
)
IMAGE_MISSING = _TABLE.malformed(
    HIGH, "image-missing", "The file has no picture.", "RFC 9649 2.5 to 2.7; threats IMG-09"
)
IMAGE_DUPLICATE = _TABLE.malformed(
    MEDIUM, "image-duplicate", "The file has two still pictures.", "RFC 9649 2.7; C-WEBP-03"
)

# The animation
ANIMATION = _TABLE.malformed(
    MEDIUM,
    "animation",
    "Animation and extended header contradict each other.",
    "RFC 9649 2.7, 2.7.1.1; C-WEBP-03, threats IMG-09",
    "converters that drop the frames of an animation",
)
FRAME_RECTANGLE = _TABLE.malformed(
    HIGH,
    "frame-rectangle",
    "A frame reaches outside the canvas.",
    "RFC 9649 2.7.1.1; C-WEBP-04, threats IMG-09",
)
FRAME_SIZE = _TABLE.malformed(
    HIGH,
    "frame-size",
    "A frame's picture is not as large as the frame.",
    "RFC 9649 2.7.1.1; C-WEBP-04, threats IMG-09",
)
FRAME_CONTENT = _TABLE.malformed(
    HIGH,
    "frame-content",
    "A frame does not hold one picture.",
    "RFC 9649 2.7.1.1; C-WEBP-04",
)
FRAME_BOMB = _TABLE.resource(
    HIGH,
    "frame-bomb",
    "The animation has more frames or pixels than viewers can hold.",
    "threats BMB-05",
    "very long screen recordings",
)

# VP8, ALPH
LOSSY_HEADER = _TABLE.malformed(
    HIGH,
    "lossy-header",
    "The lossy picture does not begin as a key frame that is shown.",
    "RFC 6386 9.1; RFC 9649 2.5; C-WEBP-05",
)
LOSSY_PARTITION = _TABLE.malformed(
    HIGH,
    "lossy-partition",
    "A partition of the lossy picture reaches past its end.",
    "RFC 6386 9.5; C-WEBP-05",
    "files damaged in transfer",
)
LOSSY_SHORT = _TABLE.malformed(
    HIGH,
    "lossy-short",
    "The lossy picture ends before its last block.",
    "RFC 6386 9.5, 19.3; C-WEBP-05",
    "files damaged in transfer",
)
ALPHA_HEADER = _TABLE.malformed(
    MEDIUM,
    "alpha-header",
    "The header of the transparency has values that do not exist.",
    "RFC 9649 2.7.1.2; C-WEBP-07, threats IMG-10",
)
ALPHA_LENGTH = _TABLE.malformed(
    MEDIUM,
    "alpha-length",
    "The transparency has not one byte for each pixel.",
    "RFC 9649 2.7.1.2; C-WEBP-07, threats IMG-10 (CVE-2018-25009 to 25014)",
)
ALPHA_PLACE = _TABLE.malformed(
    MEDIUM,
    "alpha-place",
    "A transparency stands where no lossy picture follows.",
    "RFC 9649 2.7.1.2; threats IMG-10",
)

# VP8L
LOSSLESS_HEADER = _TABLE.malformed(
    HIGH,
    "lossless-header",
    "The lossless picture does not begin as one.",
    "RFC 9649 3.4; C-WEBP-06, threats IMG-08",
)
LOSSLESS_TRANSFORM = _TABLE.malformed(
    HIGH,
    "lossless-transform",
    "A transform of the lossless picture stands twice or does not exist.",
    "RFC 9649 section 4; C-WEBP-06, threats IMG-08",
)
LOSSLESS_CACHE = _TABLE.malformed(
    HIGH,
    "lossless-cache",
    "The colour cache of the lossless picture has a size that does not exist.",
    "RFC 9649 3.6.3; C-WEBP-06, threats IMG-08",
)
PREFIX_CODE = _TABLE.exploit(
    HIGH,
    "prefix-code",
    "A prefix code of the lossless picture is incomplete or overfull, by which decoders write past their tables.",
    "CVE-2023-4863, CVE-2023-41064 (BLASTPASS); RFC 9649 3.7.2.1; C-WEBP-06, threats IMG-07",
)
PREFIX_SYMBOL = _TABLE.malformed(
    HIGH,
    "prefix-symbol",
    "A prefix code of the lossless picture has more symbols than its alphabet.",
    "RFC 9649 3.7.2.1; C-WEBP-06, threats IMG-07",
)
LOSSLESS_GROUPS = _TABLE.resource(
    HIGH,
    "lossless-groups",
    "The lossless picture has more prefix codes than any encoder writes.",
    "RFC 9649 3.7.2.2; as threats IMG-07, for what follows so many is not looked at",
)
LOSSLESS_REFERENCE = _TABLE.malformed(
    HIGH,
    "lossless-reference",
    "The lossless picture repeats pixels from outside of itself.",
    "RFC 9649 5.2.2; C-WEBP-06, threats IMG-08",
)
LOSSLESS_SHORT = _TABLE.malformed(
    HIGH,
    "lossless-short",
    "The lossless picture ends before its last pixel.",
    "RFC 9649 section 3; C-WEBP-06",
    "files damaged in transfer",
)
LOSSLESS_TRAILING = _TABLE.concealed(
    MEDIUM,
    "lossless-trailing",
    "Data that is no part of the picture follows its last pixel.",
    "RFC 9649 section 3; C-WEBP-06, as threats IMG-44",
)

# Colour profile, Exif, XMP
ICC_PROFILE = _TABLE.malformed(
    MEDIUM,
    "icc-profile",
    "The colour profile contradicts its own size or table of tags.",
    "RFC 9649 2.7.1.4, ICC.1 7.2, 7.3; threats IMG-34",
    "rare profiles of old drivers",
)
EXIF = _TABLE.malformed(
    INFO,
    "exif",
    "The Exif block is damaged or does not begin as one.",
    "RFC 9649 2.7.1.5, TIFF 6.0 section 2; threats IMG-33",
    "cameras, editors that break the offsets of the maker's notes",
)
EXIF_LOOP = _TABLE.malformed(
    MEDIUM,
    "exif-loop",
    "The directories of the Exif block lead back to themselves or are far too many.",
    "TIFF 6.0 section 2; threats IMG-33 (CVE-2020-13112)",
)
METADATA_SIZE = _TABLE.resource(
    MEDIUM,
    "metadata-size",
    "Exif or XMP is far larger than any program writes it.",
    "threats IMG-35, STG-02",
    "depth maps that are kept in XMP",
)
XMP_DTD = _TABLE.exploit(
    HIGH,
    "xmp-dtd",
    "The XMP description declares a document type or entities.",
    "XMP part 1, 7.1 (no DTD in a packet); threats IMG-35",
)
SCRIPT = _TABLE.exploit(
    HIGH,
    "script",
    "The picture is a JavaScript program as well.",
    "the signature as a word, the size as the beginning of a comment or an assignment; threats NAM-09",
)
# fmt: on

RULES = (*_TABLE.rules, *CONTAINER)
