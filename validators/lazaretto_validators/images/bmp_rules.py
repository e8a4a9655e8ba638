"""Everything that the BMP validator can say. Clauses are the structures' names in the Windows GDI documentation and
[MS-WMF] 2.2.2; "OS/2" is the IBM Presentation Manager's bitmap format.

Severity: high where decoders are attacked by it or reading cannot go on, medium where an honest encoder does not write
it, info where honest encoders do although the documentation says otherwise.
"""

from __future__ import annotations

from lazaretto_validators.finding import Category, Rule, Severity

HIGH, MEDIUM, INFO = Severity.HIGH, Severity.MEDIUM, Severity.INFO


def _malformed(severity: Severity, name: str, message: str, spec: str, innocent: str = "none known") -> Rule:
    return Rule(f"bmp.{name}", Category.MALFORMED, severity, message, spec, innocent)


def _of(
    category: Category, severity: Severity, name: str, message: str, spec: str, innocent: str = "none known"
) -> Rule:
    return Rule(f"bmp.{name}", category, severity, message, spec, innocent)


# Headers
HEADER_SIZE = _malformed(
    HIGH,
    "header-size",
    "The information header has a size that no version of the format has.",
    "BITMAPINFOHEADER; C-BMP-02",
)
DIMENSIONS = _malformed(
    HIGH,
    "dimensions",
    "Width or height is zero, or the width is negative.",
    "BITMAPINFOHEADER biWidth, biHeight; C-BMP-03",
)
PIXEL_BOMB = _of(
    Category.RESOURCE,
    HIGH,
    "pixel-bomb",
    "The picture declares so many pixels that viewers run out of memory.",
    "threats BMB-05",
    "very large scans and maps",
)
PLANES = _malformed(
    MEDIUM, "planes", "The picture declares more than one plane.", "BITMAPINFOHEADER biPlanes; C-BMP-02"
)
PLANES_ZERO = _malformed(
    INFO, "planes-zero", "The picture declares no plane.", "BITMAPINFOHEADER biPlanes; C-BMP-02", "some scanners"
)
DEPTH = _malformed(
    MEDIUM,
    "depth",
    "The number of bits for a pixel does not exist, or not with this compression.",
    "BITMAPINFOHEADER biBitCount, biCompression; C-BMP-02",
)
COMPRESSION = _malformed(
    MEDIUM,
    "compression",
    "The pixels are compressed by a method that does not exist.",
    "BITMAPINFOHEADER biCompression; C-BMP-02",
)
TOP_DOWN = _malformed(
    MEDIUM,
    "top-down",
    "A compressed picture is declared to run from top to bottom, which only uncompressed ones may.",
    "BITMAPINFOHEADER biHeight; C-BMP-05",
)
COLOURS = _malformed(
    MEDIUM,
    "colours",
    "The palette has more colours than the pixels can name.",
    "BITMAPINFOHEADER biClrUsed; C-BMP-04",
    "a few broken writers",
)
MASKS = _malformed(
    MEDIUM,
    "masks",
    "The colour masks overlap, have holes or reach beyond a pixel.",
    "BITMAPV4HEADER bV4RedMask; C-BMP-02",
)
PIXEL_OFFSET = _malformed(
    HIGH,
    "pixel-offset",
    "The pixels are said to lie inside the headers or beyond the end of the file.",
    "BITMAPFILEHEADER bfOffBits; C-BMP-01",
)
PALETTE_CUT = _malformed(
    MEDIUM,
    "palette-cut",
    "The pixels are said to begin within the palette.",
    "BITMAPFILEHEADER bfOffBits, BITMAPINFOHEADER biClrUsed; C-BMP-01",
    "writers that store fewer colours than they declare",
)

# Pixels
LAST_ROW = _malformed(
    INFO, "last-row", "The padding of the last row is missing.", "BITMAPINFOHEADER; C-BMP-03", "old writers"
)
RLE_OVERRUN = _malformed(
    MEDIUM, "rle-overrun", "Runs of pixels leave the picture.", "[MS-WMF] 3.1.6; C-BMP-05", "files damaged in transfer"
)
RLE_OPEN_END = _malformed(
    INFO,
    "rle-open-end",
    "The runs of pixels have no end mark.",
    "[MS-WMF] 3.1.6; C-BMP-05",
    "several writers",
)
EMBEDDED_PICTURE = _malformed(
    INFO,
    "embedded-picture",
    "The pixels are stored as a JPEG or PNG picture, which only printers are meant to get.",
    "BITMAPV5HEADER bV5Compression, BI_JPEG and BI_PNG; C-BMP-02",
    "test pictures, captured print jobs",
)

# Profile, hidden data
PROFILE = _malformed(
    MEDIUM,
    "profile",
    "The colour profile lies outside the file or contradicts its own size.",
    "BITMAPV5HEADER bV5ProfileData, bV5ProfileSize; ICC.1 7.2; C-BMP-06; threats IMG-34",
)
PROFILE_LINK = _of(
    Category.ACTIVE,
    MEDIUM,
    "profile-link",
    "The picture names a colour profile in another file, which may be on another computer.",
    "BITMAPV5HEADER bV5CSType, PROFILE_LINKED; C-BMP-06",
    "pictures of old layout programs",
)
GAP = _of(
    Category.CONCEALED,
    INFO,
    "gap",
    "Between the headers and the pixels stand bytes that belong to neither.",
    "BITMAPFILEHEADER bfOffBits; C-BMP-01",
    "writers that copy a larger header or palette than they declare",
)
CODE_IN_GAP = _of(
    Category.ACTIVE,
    MEDIUM,
    "code-in-gap",
    "Between the headers and the pixels stands program code for a web server or page.",
    "threats IMG-36",
)
PARASITE = _of(
    Category.CONCEALED,
    HIGH,
    "parasite",
    "Inside the picture stands another file, which other programs would open.",
    "threats IMG-37, STG-02",
)
SCRIPT = _of(
    Category.EXPLOIT,
    HIGH,
    "script",
    "The picture is a JavaScript program as well.",
    "the signature as an identifier, the size as the beginning of a comment or an assignment; threats NAM-09",
)

RULES: tuple[Rule, ...] = (
    HEADER_SIZE,
    DIMENSIONS,
    PIXEL_BOMB,
    PLANES,
    PLANES_ZERO,
    DEPTH,
    COMPRESSION,
    TOP_DOWN,
    COLOURS,
    MASKS,
    PIXEL_OFFSET,
    PALETTE_CUT,
    LAST_ROW,
    RLE_OVERRUN,
    RLE_OPEN_END,
    EMBEDDED_PICTURE,
    PROFILE,
    PROFILE_LINK,
    GAP,
    CODE_IN_GAP,
    PARASITE,
    SCRIPT,
)
