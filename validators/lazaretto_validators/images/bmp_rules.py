"""Everything that the BMP validator can say. Clauses are the structures' names in the Windows GDI documentation and
[MS-WMF] 2.2.2; "OS/2" is the IBM Presentation Manager's bitmap format.

Severity: high where decoders are attacked by it or reading cannot go on, medium where an honest encoder does not write
it, info where honest encoders do although the documentation says otherwise.
"""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("bmp")

# Headers
HEADER_SIZE = _TABLE.malformed(
    HIGH,
    "header-size",
    "The information header has a size that no version of the format has.",
    "BITMAPINFOHEADER; C-BMP-02",
)
DIMENSIONS = _TABLE.malformed(
    HIGH,
    "dimensions",
    "Width or height is zero, or the width is negative.",
    "BITMAPINFOHEADER biWidth, biHeight; C-BMP-03",
)
PIXEL_BOMB = _TABLE.resource(
    HIGH,
    "pixel-bomb",
    "The picture declares so many pixels that viewers run out of memory.",
    "threats BMB-05",
    "very large scans and maps",
)
PLANES = _TABLE.malformed(
    MEDIUM, "planes", "The picture declares more than one plane.", "BITMAPINFOHEADER biPlanes; C-BMP-02"
)
PLANES_ZERO = _TABLE.malformed(
    INFO, "planes-zero", "The picture declares no plane.", "BITMAPINFOHEADER biPlanes; C-BMP-02", "some scanners"
)
DEPTH = _TABLE.malformed(
    MEDIUM,
    "depth",
    "The number of bits for a pixel does not exist, or not with this compression.",
    "BITMAPINFOHEADER biBitCount, biCompression; C-BMP-02",
)
COMPRESSION = _TABLE.malformed(
    MEDIUM,
    "compression",
    "The pixels are compressed by a method that does not exist.",
    "BITMAPINFOHEADER biCompression; C-BMP-02",
)
TOP_DOWN = _TABLE.malformed(
    MEDIUM,
    "top-down",
    "A compressed picture is declared to run from top to bottom, which only uncompressed ones may.",
    "BITMAPINFOHEADER biHeight; C-BMP-05",
)
COLOURS = _TABLE.malformed(
    MEDIUM,
    "colours",
    "The palette has more colours than the pixels can name.",
    "BITMAPINFOHEADER biClrUsed; C-BMP-04",
    "a few broken writers",
)
MASKS = _TABLE.malformed(
    MEDIUM,
    "masks",
    "The colour masks overlap, have holes or reach beyond a pixel.",
    "BITMAPV4HEADER bV4RedMask; C-BMP-02",
)
PIXEL_OFFSET = _TABLE.malformed(
    HIGH,
    "pixel-offset",
    "The pixels are said to lie inside the headers or beyond the end of the file.",
    "BITMAPFILEHEADER bfOffBits; C-BMP-01",
)
PALETTE_CUT = _TABLE.malformed(
    MEDIUM,
    "palette-cut",
    "The pixels are said to begin within the palette.",
    "BITMAPFILEHEADER bfOffBits, BITMAPINFOHEADER biClrUsed; C-BMP-01",
    "writers that store fewer colours than they declare",
)

# Pixels
LAST_ROW = _TABLE.malformed(
    INFO, "last-row", "The padding of the last row is missing.", "BITMAPINFOHEADER; C-BMP-03", "old writers"
)
RLE_OVERRUN = _TABLE.malformed(
    MEDIUM, "rle-overrun", "Runs of pixels leave the picture.", "[MS-WMF] 3.1.6; C-BMP-05", "files damaged in transfer"
)
RLE_OPEN_END = _TABLE.malformed(
    INFO,
    "rle-open-end",
    "The runs of pixels have no end mark.",
    "[MS-WMF] 3.1.6; C-BMP-05",
    "several writers",
)
EMBEDDED_PICTURE = _TABLE.malformed(
    INFO,
    "embedded-picture",
    "The pixels are stored as a JPEG or PNG picture, which only printers are meant to get.",
    "BITMAPV5HEADER bV5Compression, BI_JPEG and BI_PNG; C-BMP-02",
    "test pictures, captured print jobs",
)

# Profile, hidden data
PROFILE = _TABLE.malformed(
    MEDIUM,
    "profile",
    "The colour profile lies outside the file or contradicts its own size.",
    "BITMAPV5HEADER bV5ProfileData, bV5ProfileSize; ICC.1 7.2; C-BMP-06; threats IMG-34",
)
PROFILE_LINK = _TABLE.active(
    MEDIUM,
    "profile-link",
    "The picture names a colour profile in another file, which may be on another computer.",
    "BITMAPV5HEADER bV5CSType, PROFILE_LINKED; C-BMP-06",
    "pictures of old layout programs",
)
GAP = _TABLE.concealed(
    INFO,
    "gap",
    "Between headers, pixels and colour profile stand bytes that belong to none of them.",
    "BITMAPFILEHEADER bfOffBits, BITMAPV5HEADER bV5ProfileData; C-BMP-01",
    "writers that copy a larger header or palette than they declare",
)
LARGE_GAP = _TABLE.concealed(
    MEDIUM,
    "large-gap",
    "Between headers, pixels and colour profile stand many bytes that belong to none of them.",
    "BITMAPFILEHEADER bfOffBits, BITMAPV5HEADER bV5ProfileData; C-BMP-01; threats IMG-37",
)
CODE_IN_GAP = _TABLE.active(
    MEDIUM,
    "code-in-gap",
    "Between headers, pixels and colour profile stands program code for a web server or page.",
    "threats IMG-36",
)
PARASITE = _TABLE.concealed(
    HIGH,
    "parasite",
    "Inside the picture stands another file, which other programs would open.",
    "threats IMG-37, STG-02",
)
SCRIPT = _TABLE.exploit(
    HIGH,
    "script",
    "The picture is a JavaScript program as well.",
    "the signature as an identifier, the size as the beginning of a comment or an assignment; threats NAM-09",
)

RULES = _TABLE.rules
