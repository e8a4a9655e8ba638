"""Everything that the JPEG validator can say. Clauses are those of ITU-T T.81 (1992) unless another document is named.

Severity: high where decoders are attacked by it or refuse the file, medium where an honest encoder does not write it,
info where cameras, phones and editors do although the specification says otherwise.
"""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("jpeg")

# fmt: off - a table: a rule takes two or three lines, not ten
# Markers
SEGMENT_LENGTH = _TABLE.exploit(
    HIGH,
    "segment-length",
    "A segment declares fewer bytes than its own length field takes.",
    "B.1.1.4; C-JPEG-01; CVE-2004-0200 (MS04-028)",
)
JUNK = _TABLE.malformed(
    MEDIUM,
    "junk",
    "Between two segments stand bytes that belong to none.",
    "B.1.1.2, B.1.1.3; C-JPEG-01",
    "files damaged in transfer; a few editors miscount by a byte",
)
UNKNOWN_MARKER = _TABLE.malformed(
    MEDIUM,
    "unknown-marker",
    "The file has a segment of a kind that is reserved or that no decoder knows.",
    "B.1.1.3, table B.1; C-JPEG-01",
    "files damaged in transfer",
)
STRAY_MARKER = _TABLE.malformed(
    MEDIUM,
    "stray-marker",
    "A mark stands where it cannot: a second beginning, or a restart outside pixel data.",
    "B.1.1.3, B.2.1; C-JPEG-01, C-JPEG-05",
    "files damaged in transfer",
)
NO_END = _TABLE.malformed(
    MEDIUM,
    "no-end",
    "The file ends without the mark that ends a picture.",
    "B.2.1; C-JPEG-06",
    "interrupted transfers, frames of web cameras",
)

# The frame
FRAME_LENGTH = _TABLE.malformed(
    HIGH,
    "frame-length",
    "The frame header's length is not that of its components.",
    "B.2.2; C-JPEG-02; threats IMG-32",
)
FRAME_COMPONENTS = _TABLE.malformed(
    HIGH,
    "frame-components",
    "The frame header declares components or sampling factors that do not exist.",
    "B.2.2, table B.2; C-JPEG-02; threats IMG-31, IMG-32",
)
FRAME_UNUSUAL = _TABLE.malformed(
    MEDIUM,
    "frame-unusual",
    "The picture has two components, or two that bear the same number.",
    "B.2.2; JFIF 1.02 (one or three); C-JPEG-02; threats IMG-32",
    "very rare encoders",
)
FRAME_PRECISION = _TABLE.malformed(
    HIGH,
    "frame-precision",
    "The depth of the samples is not one that this kind of JPEG has.",
    "B.2.2, table B.2; threats IMG-32",
)
FRAME_SIZE = _TABLE.malformed(
    HIGH,
    "frame-size",
    "The picture has no width, or no height and nothing that would tell it later.",
    "B.2.2, B.2.5; C-JPEG-02; threats IMG-32",
)
LATE_HEIGHT = _TABLE.malformed(
    INFO,
    "late-height",
    "The number of lines is told behind the pixels.",
    "B.2.5; C-JPEG-02",
    "scanners, medical devices",
)
HIERARCHICAL = _TABLE.malformed(
    HIGH,
    "hierarchical",
    "The picture is of a hierarchical or arithmetic lossless kind that only attacks make use of.",
    "B.3, annex J; threats IMG-32",
    "none known: no program in use writes it",
)
ARITHMETIC = _TABLE.malformed(
    MEDIUM,
    "arithmetic",
    "The picture is arithmetic coded, which hardly any program reads or writes.",
    "annex D; threats IMG-32",
    "a few archives and experiments",
)
SECOND_FRAME = _TABLE.malformed(
    HIGH,
    "second-frame",
    "The picture has a second frame header.",
    "B.2.1; C-JPEG-02; threats IMG-32",
)
NO_FRAME = _TABLE.malformed(
    HIGH,
    "no-frame",
    "Pixel data or the end comes before any frame header.",
    "B.2.1; C-JPEG-02; threats IMG-32",
)
PIXEL_BOMB = _TABLE.resource(
    HIGH,
    "pixel-bomb",
    "The picture declares so many pixels that viewers run out of memory, or many and hardly any data for them.",
    "threats BMB-05",
    "stitched panoramas, large blank scans; phones take 200 megapixels, with the data for them",
)

# Tables
QUANTIZATION_LENGTH = _TABLE.malformed(
    HIGH,
    "quantization-length",
    "The length of the quantization tables is not the sum of their sizes.",
    "B.2.4.1; C-JPEG-03",
)
QUANTIZATION_TABLE = _TABLE.malformed(
    HIGH,
    "quantization-table",
    "A quantization table has a number or a precision that does not exist.",
    "B.2.4.1, table B.4; C-JPEG-03; threats IMG-31",
)
QUANTIZATION_ZERO = _TABLE.malformed(
    INFO,
    "quantization-zero",
    "A quantization table has a step of zero.",
    "B.2.4.1, table B.4",
    "a few hardware encoders",
)
HUFFMAN_OVERFLOW = _TABLE.exploit(
    HIGH,
    "huffman-overflow",
    "A Huffman table declares more codes than 256 or than fit.",
    "B.2.4.2; C-JPEG-03; threats IMG-31",
)
HUFFMAN_CODE = _TABLE.exploit(
    HIGH,
    "huffman-code",
    "A Huffman table has more codes of a length than there are.",
    "annex C.2; C-JPEG-03; threats IMG-31",
)
HUFFMAN_ALL_ONES = _TABLE.malformed(
    MEDIUM,
    "huffman-all-ones",
    "A Huffman table uses the code of all ones, which is reserved.",
    "annex C.2; C-JPEG-03",
    "very old encoders; common decoders refuse the file",
)
HUFFMAN_TABLE = _TABLE.malformed(
    HIGH,
    "huffman-table",
    "A Huffman table has a number or class that does not exist.",
    "B.2.4.2, table B.5; C-JPEG-03; threats IMG-31",
)
HUFFMAN_SYMBOL = _TABLE.malformed(
    HIGH,
    "huffman-symbol",
    "A Huffman table has a difference of more bits than there are.",
    "F.1.2.1, H.1.2.2 (SSSS at most 11, 15 or 16); threats IMG-31",
)
CONDITIONING = _TABLE.malformed(
    MEDIUM,
    "conditioning",
    "A table for arithmetic coding or its length does not exist.",
    "B.2.4.3, table B.6",
)
RESTART_LENGTH = _TABLE.malformed(
    HIGH,
    "restart-length",
    "The definition of the restart interval is not four bytes long.",
    "B.2.4.4",
)
TABLE_MISSING = _TABLE.exploit(
    HIGH,
    "table-missing",
    "A scan refers to a table that has not been defined.",
    "B.2.2, B.2.3; C-JPEG-04; threats IMG-31",
)
DEFAULT_TABLES = _TABLE.malformed(
    INFO,
    "default-tables",
    "The picture brings no Huffman tables and relies on the usual ones.",
    "B.2.3; C-JPEG-03",
    "web cameras: frames of Motion JPEG",
)

# Scans
SCAN_LENGTH = _TABLE.malformed(
    HIGH,
    "scan-length",
    "A scan header's length is not that of its components.",
    "B.2.3; C-JPEG-04; threats IMG-31",
)
SCAN_COMPONENTS = _TABLE.malformed(
    HIGH,
    "scan-components",
    "A scan names components or tables that do not exist.",
    "B.2.3, table B.3; C-JPEG-04; threats IMG-31",
)
SCAN_UNITS = _TABLE.malformed(
    HIGH,
    "scan-units",
    "A scan interleaves more than ten blocks.",
    "B.2.3; C-JPEG-02",
)
SCAN_ORDER = _TABLE.malformed(
    MEDIUM,
    "scan-order",
    "The scans of the picture do not go together: one comes twice, too early, or not at all.",
    "B.2.3, G.1.1.1; C-JPEG-04",
    "files damaged in transfer",
)
SCAN_FIELDS = _TABLE.malformed(
    MEDIUM,
    "scan-fields",
    "A scan is of coefficients or bits that this kind of picture does not have.",
    "B.2.3, table B.3, G.1.1.1; C-JPEG-04",
    "files damaged in transfer",
)
SCAN_BOMB = _TABLE.resource(
    HIGH,
    "scan-bomb",
    "The picture has so many scans that decoding it never seems to end.",
    "C-JPEG-04; threats BMB-05",
)
NO_SCAN = _TABLE.malformed(
    HIGH,
    "no-scan",
    "The picture has no pixel data.",
    "B.2.1; C-JPEG-06; threats IMG-32",
)
ENTROPY_SHORT = _TABLE.malformed(
    MEDIUM,
    "entropy-short",
    "A scan has fewer bits than its blocks take at least.",
    "F.1.2, G.1.2, H.1.2; C-JPEG-05",
    "files damaged in transfer",
)
ENTROPY_LONG = _TABLE.concealed(
    MEDIUM,
    "entropy-long",
    "A scan has more bytes than its blocks can take: something is hidden.",
    "F.1.2, G.1.2, H.1.2; C-JPEG-05; threats IMG-37",
    "cameras that pad small pictures to a fixed size",
)
RESTART_ORDER = _TABLE.malformed(
    INFO,
    "restart-order",
    "Restart marks are not numbered 0 to 7 in turn, or stand where none are announced.",
    "B.1.1.5, F.1.1.5; C-JPEG-05",
    "old cameras, damaged files",
)
RESTART_COUNT = _TABLE.malformed(
    MEDIUM,
    "restart-count",
    "A scan has another number of restart marks than its size asks for.",
    "B.2.4.4, E.1.4; C-JPEG-05",
    "files damaged in transfer",
)

# Metadata
JFIF_THUMBNAIL = _TABLE.malformed(
    MEDIUM,
    "jfif-thumbnail",
    "The JFIF header's thumbnail reaches beyond its segment.",
    "JFIF 1.02; C-JPEG-07",
)
DUPLICATE_METADATA = _TABLE.malformed(
    INFO,
    "duplicate-metadata",
    "The picture has two JFIF or Exif headers, or two profiles.",
    "CIPA DC-008 4.5; ICC.1:2022 B.4; C-JPEG-07, C-JPEG-08",
    "Android galleries, editors",
)
ADOBE_LENGTH = _TABLE.malformed(
    INFO,
    "adobe-length",
    "The Adobe marker is shorter than its fields.",
    "Adobe TN 5116 section 18",
    "careless editors",
)
EXIF_HEADER = _TABLE.malformed(
    INFO,
    "exif-header",
    "The Exif block does not begin as Exif.",
    "CIPA DC-008 4.5.2; C-JPEG-07; threats IMG-33",
    "careless editors",
)
EXIF_DIRECTORY = _TABLE.malformed(
    MEDIUM,
    "exif-directory",
    "A directory of the Exif block lies outside it.",
    "TIFF 6.0 section 2; C-JPEG-07; threats IMG-33",
    "rare editors that cut the block short",
)
EXIF_LOOP = _TABLE.exploit(
    HIGH,
    "exif-loop",
    "A directory of the Exif block holds itself, or there are too many of them.",
    "TIFF 6.0 section 2; C-JPEG-07; threats IMG-33; CVE-2020-13112",
)
EXIF_VALUE = _TABLE.malformed(
    INFO,
    "exif-value",
    "A value in the Exif block, its thumbnail or a link reaches outside it.",
    "TIFF 6.0 section 2; C-JPEG-07; threats IMG-33",
    "cameras and editors, often: the block was moved or cut",
)
ICC_CHUNKS = _TABLE.malformed(
    MEDIUM,
    "icc-chunks",
    "The pieces of the colour profile are not numbered 1 to n.",
    "ICC.1:2022 B.4; C-JPEG-08; threats IMG-34",
    "old editors that split a profile wrongly",
)
ICC_PROFILE = _TABLE.malformed(
    MEDIUM,
    "icc-profile",
    "The colour profile contradicts its own size or table of tags.",
    "ICC.1:2022 7.2, 7.3; C-JPEG-08; threats IMG-34",
    "rare profiles of old drivers",
)
ICC_SHORT = _TABLE.malformed(
    INFO,
    "icc-short",
    "The colour profile is too short to be one.",
    "ICC.1:2022 7.2; threats IMG-34",
    "placeholders of old tools: every program ignores them",
)
XMP_DTD = _TABLE.exploit(
    HIGH,
    "xmp-dtd",
    "The XMP description declares a document type or entities.",
    "XMP part 1, 7.1 (no DTD in a packet); C-JPEG-09; threats IMG-35",
)
XMP_EXTENSION = _TABLE.malformed(
    INFO,
    "xmp-extension",
    "The pieces of the extended XMP description do not fit together.",
    "XMP part 3, 1.1.3.1; C-JPEG-09; threats IMG-35",
    "editors that drop a piece",
)
MPF_INDEX = _TABLE.malformed(
    INFO,
    "mpf-index",
    "The index of further pictures names some that are not in the file.",
    "CIPA DC-007 5.2.3; C-JPEG-08",
    "messengers and editors that drop the further pictures, crops",
)
PHOTOSHOP_RESOURCE = _TABLE.malformed(
    MEDIUM,
    "photoshop-resource",
    "A block of Photoshop's reaches outside the segment.",
    "Adobe Photoshop File Formats, image resource blocks",
    "editors that cut the block short",
)
CODE_IN_METADATA = _TABLE.active(
    MEDIUM,
    "code-in-metadata",
    "A comment or additional information holds code for a server or page.",
    "threats IMG-36",
    "pictures about programming whose description quotes code",
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
    "the first bytes as a word in Latin-1, a length as the beginning of a comment or an assignment; threats NAM-09",
)
OVERSIZED = _TABLE.concealed(
    MEDIUM,
    "oversized-metadata",
    "Most of the file is comments and private segments, which no decoder needs.",
    "threats STG-02",
    "raw data of thermal and depth cameras",
)
# fmt: on

RULES = _TABLE.rules
