"""Everything that the validator of ISO base media files can say.

Clauses without a name are those of ISO/IEC 14496-12:2022; HEIF is ISO/IEC 23008-12:2022, MIAF ISO/IEC 23000-22:2019.

Severity: high where decoders are attacked by it or the walk cannot go on, medium where an honest encoder does not
write it, info where honest encoders do although the specification says otherwise.
"""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("bmff")

# fmt: off - a table: a rule takes two or three lines, not ten
# Boxes
BOX_SIZE = _TABLE.malformed(
    HIGH,
    "box-size",
    "A box declares a size smaller than its own header, or an open end where it may not.",
    "4.2.2; C-MP4-01; threats MP4-10",
    "files damaged in transfer",
)
BOX_OVERRUN = _TABLE.malformed(
    HIGH,
    "box-overrun",
    "A box reaches past the end of the box that holds it.",
    "4.2.2; C-MP4-01; threats MP4-09, MP4-10",
    "files damaged in transfer",
)
BOX_TYPE = _TABLE.malformed(
    MEDIUM,
    "box-type",
    "The type of a box is not four printable characters.",
    "4.2.2, registered at mp4ra.org; C-MP4-05",
    "files damaged in transfer",
)
BOX_REST = _TABLE.malformed(
    MEDIUM,
    "box-rest",
    "Behind the last box in a box stand bytes that are too few for another one.",
    "4.2.2; C-MP4-01",
    "old editors; the four zero bytes of QuickTime are tolerated",
)
BOX_SHORT = _TABLE.malformed(
    MEDIUM,
    "box-short",
    "A box is too short for the fields that it must have.",
    "8.2 to 8.16; HEIF 6.5; C-MP4-03, C-HEIF-06",
)
BOX_VERSION = _TABLE.malformed(
    MEDIUM,
    "box-version",
    "A box has a version that no edition of the specification defines.",
    "4.2.2; 8.2 to 8.11, the syntax of each box",
)
NESTING = _TABLE.exploit(
    HIGH,
    "nesting",
    "Boxes are nested so deep that parsers run out of stack.",
    "threats MP4-09",
)
BOX_FLOOD = _TABLE.resource(
    HIGH,
    "box-flood",
    "The file has far more boxes than its content needs.",
    "threats MP4-09",
    "recordings cut into very short fragments; their allowance grows with the file",
)
DUPLICATE = _TABLE.exploit(
    HIGH,
    "duplicate-box",
    "A box that must be single stands twice: programs read different ones.",
    "8.2 to 8.11, quantities; threats MP4-11",
)
MISSING_BOX = _TABLE.malformed(
    MEDIUM,
    "missing-box",
    "A box that the file cannot be read without is missing.",
    "8.2 to 8.11, mandatory boxes; C-MP4-03, C-HEIF-02",
)
NO_MOVIE = _TABLE.malformed(
    MEDIUM,
    "no-movie",
    "The file describes neither a movie nor a picture.",
    "8.2.1; C-MP4-03, C-HEIF-02; threats MP4-10",
    "recordings that broke off before their index was written",
)
NO_FILE_TYPE = _TABLE.malformed(
    INFO,
    "no-file-type",
    "The file does not begin with its type.",
    "4.3; C-MP4-02",
    "QuickTime movies older than the standard; padding in front",
)
NO_PICTURE_TYPE = _TABLE.malformed(
    MEDIUM,
    "no-picture-type",
    "The picture does not begin with its type.",
    "4.3; HEIF 10; C-HEIF-01",
)
FILE_TYPE = _TABLE.malformed(
    MEDIUM,
    "file-type",
    "The list of types in front is longer than any that is used.",
    "4.3.3; C-MP4-02",
)

# Counted tables
TABLE_OVERRUN = _TABLE.exploit(
    HIGH,
    "table-overrun",
    "A table declares more entries than its box holds.",
    "8.6 to 8.16; C-MP4-04; threats MP4-01; CVE-2015-1538",
    "files damaged in transfer",
)
AUXILIARY_COUNT = _TABLE.exploit(
    HIGH,
    "auxiliary-count",
    "More samples have auxiliary data than there are samples.",
    "8.7.8; threats MP4-15; CVE-2026-32738",
)
SAMPLE_TO_CHUNK = _TABLE.malformed(
    MEDIUM,
    "sample-to-chunk",
    "The table of chunks does not begin with the first one, or is not in order.",
    "8.7.4; C-MP4-04",
)
CHUNK_OFFSET = _TABLE.malformed(
    MEDIUM,
    "chunk-offset",
    "A chunk of samples lies behind the end of the file.",
    "8.7.5; C-MP4-08",
    "recordings and downloads that broke off",
)
SAMPLE_SIZE = _TABLE.exploit(
    HIGH,
    "sample-size",
    "Every sample of a track is declared larger than the whole file.",
    "8.7.3; threats MP4-01; CVE-2015-1538",
)
SAMPLE_COUNT = _TABLE.malformed(
    INFO,
    "sample-count",
    "The tables of a track do not count the same number of samples.",
    "8.6.1, 8.7.3; C-MP4-04",
    "cameras that write one entry too few; edited movies",
)
SAMPLE_TABLES = _TABLE.malformed(
    MEDIUM,
    "sample-tables",
    "The tables of a track contradict each other, so that decoders refuse it.",
    "8.6.1, 8.7.3, 8.7.4; C-MP4-04",
)
RUN_OFFSET = _TABLE.malformed(
    MEDIUM,
    "run-offset",
    "A run of samples in a fragment lies behind the end of the file.",
    "8.8.8; C-MP4-09",
    "recordings and downloads that broke off",
)
TIME_SCALE = _TABLE.malformed(
    MEDIUM,
    "time-scale",
    "The number of time units in a second is zero.",
    "8.2.2, 8.4.2",
)

# Tracks
EXTERNAL_DATA = _TABLE.active(
    HIGH,
    "external-data",
    "The movie fetches its sound or pictures from another place.",
    "8.7.2; QuickTime File Format, reference movies; threats MP4-13",
)
OTHER_FILE = _TABLE.active(
    MEDIUM,
    "other-file",
    "The movie's sound or pictures lie in another file.",
    "8.7.2; threats MP4-13",
    "projects of video editors",
)
REFERENCE_INDEX = _TABLE.malformed(
    MEDIUM,
    "reference-index",
    "A sample description names a data reference that does not exist.",
    "8.5.2; C-MP4-06",
)
MIXED_SAMPLES = _TABLE.exploit(
    MEDIUM,
    "mixed-samples",
    "A video track changes its codec or its size on the way.",
    "8.5.2; threats MP4-14",
    "movies edited together from different takes",
)
FRAME_SIZE = _TABLE.malformed(
    MEDIUM,
    "frame-size",
    "A video track is nothing or too much wide or high.",
    "12.1.3; threats MP4-16",
)
DESCRIPTOR = _TABLE.exploit(
    HIGH,
    "descriptor",
    "A descriptor of an elementary stream is longer than what holds it.",
    "ISO/IEC 14496-1 7.2.6, 8.3.3; C-MP4-07; threats MP4-08; CVE-2019-11931",
)
CODEC_CONFIG = _TABLE.exploit(
    HIGH,
    "codec-config",
    "The parameters of a codec are longer than the box that holds them.",
    "ISO/IEC 14496-15 5.3.3, 8.3.3; AV1-ISOBMFF 2.3; C-MP4-07, C-HEIF-08; threats MP4-08, IMG-26",
)
ALAC_COOKIE = _TABLE.exploit(
    HIGH,
    "alac-cookie",
    "The parameters of Apple Lossless sound are out of range.",
    "ALACMagicCookieDescription.txt; threats MP4-19; CVE-2021-0674, CVE-2021-0675, CVE-2021-30351",
)
RISKY_CODEC = _TABLE.exploit(
    MEDIUM,
    "risky-codec",
    "The sound needs a decoder that was attacked through chats.",
    "threats MP4-17, MP4-18; CVE-2025-54957, CVE-2025-31200",
    "films, and recordings of a few phones",
)
DOLBY_DIGITAL = _TABLE.exploit(
    INFO,
    "dolby-digital",
    "The sound needs the older half of a decoder that was attacked through chats.",
    "threats MP4-17; CVE-2025-54957 is about Dolby Digital Plus",
    "most clips of films, television and cameras",
)
PROFILE = _TABLE.malformed(
    MEDIUM,
    "colour-profile",
    "The colour profile lies about its size or its tags.",
    "ICC.1 7.2, 7.3; threats IMG-34",
)

# Metadata
ASSET_SHORT = _TABLE.exploit(
    HIGH,
    "asset-short",
    "A description in the manner of 3GP is shorter than its own fields.",
    "3GPP TS 26.244 8; threats MP4-05; CVE-2015-3828",
)
ASSET_TEXT = _TABLE.exploit(
    MEDIUM,
    "asset-text",
    "A description in the manner of 3GP does not end inside its box.",
    "3GPP TS 26.244 8; threats MP4-04; CVE-2015-3826",
    "careless editors of titles",
)
ID3_FRAME = _TABLE.exploit(
    HIGH,
    "id3-frame",
    "An ID3 tag or one of its frames is longer than what holds it.",
    "ID3v2.4 3.1, 4; threats MP4-07; CVE-2015-3876, CVE-2015-6602",
)
CODE_IN_METADATA = _TABLE.active(
    MEDIUM,
    "code-in-metadata",
    "Additional information holds program code for a web server or page.",
    "threats IMG-36",
    "movies about programming whose description quotes code",
)
XMP_DTD = _TABLE.exploit(
    HIGH,
    "xmp-dtd",
    "The XMP description declares a document type or entities.",
    "XMP part 1, 7.1 (no DTD in a packet); threats IMG-35",
)
XMP_SIZE = _TABLE.resource(
    MEDIUM,
    "xmp-size",
    "The XMP description is longer than 4 MiB.",
    "threats IMG-35",
    "projects of video editors with a long history",
)
PARASITE = _TABLE.concealed(
    HIGH,
    "parasite",
    "In space that players pass over stands another file.",
    "threats IMG-36, IMG-37, STG-02; C-MP4-10",
)
METADATA_FLOOD = _TABLE.concealed(
    MEDIUM,
    "metadata-flood",
    "Most of the file is in boxes that players pass over.",
    "threats STG-02",
    "short clips of cameras that add much data of their own",
)
# fmt: on

RULES = _TABLE.rules
