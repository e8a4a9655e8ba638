"""Everything that the Ogg validator can say. RFC 3533 (pages), RFC 7845 (Opus), RFC 5334, and the codecs' own books."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("ogg")

# Pages
LOST_PAGE = _TABLE.malformed(
    HIGH,
    "lost-page",
    "A page does not begin where the one before ends.",
    "RFC 3533 6; C-OGG-01",
    "files damaged in transfer",
)
PAGE_HEADER = _TABLE.malformed(
    MEDIUM,
    "page-header",
    "A page has a version or flags that do not exist.",
    "RFC 3533 6 (stream_structure_version, header_type_flag); C-OGG-01",
    "files damaged in transfer",
)
PAGE_CRC = _TABLE.malformed(
    MEDIUM,
    "page-crc",
    "The checksum of a page is wrong.",
    "RFC 3533 6 (CRC_checksum); C-OGG-02",
    "files damaged in transfer or patched",
)
NO_CRC = _TABLE.malformed(
    INFO,
    "no-crc",
    "No page has a checksum.",
    "RFC 3533 6 (CRC_checksum); C-OGG-02",
    "voice notes of small devices and old chat programs",
)
STREAM_START = _TABLE.malformed(
    INFO,
    "stream-start",
    "A stream begins without saying so, or among the pages of another.",
    "RFC 3533 4; C-OGG-03",
    "recordings cut out of a broadcast",
)
SEQUENCE = _TABLE.malformed(
    INFO, "sequence", "The pages of a stream are not numbered one by one.", "RFC 3533 6; C-OGG-03", "cut recordings"
)
CONTINUED = _TABLE.malformed(
    INFO,
    "continued",
    "A page continues what the one before did not begin, or the other way round.",
    "RFC 3533 6 (header_type_flag 01); C-OGG-03",
    "cut recordings",
)
STREAM_END = _TABLE.malformed(
    INFO, "stream-end", "A stream does not say where it ends.", "RFC 3533 4; C-OGG-03", "interrupted recordings"
)
GRANULE = _TABLE.malformed(
    INFO, "granule", "The time of a stream runs backwards.", "RFC 3533 6 (granule_position); C-OGG-06", "edited files"
)

# What the streams are
OPUS_HEADER = _TABLE.malformed(
    HIGH,
    "opus-header",
    "The header of the Opus stream contradicts itself or is too short.",
    "RFC 7845 5.1; C-OGG-04",
)
VORBIS_HEADER = _TABLE.malformed(
    HIGH,
    "vorbis-header",
    "The header of the Vorbis stream has impossible values or is too short.",
    "Vorbis I 4.2.2; C-OGG-05",
)
CODEC_HEADER = _TABLE.malformed(
    MEDIUM,
    "codec-header",
    "The header of a Theora, FLAC or Speex stream has impossible values or is too short.",
    "Theora 6.2; FLAC to Ogg mapping; Speex manual, Ogg file format",
)
SETUP = _TABLE.malformed(
    MEDIUM, "setup", "The tables of the Vorbis stream do not begin as they must.", "Vorbis I 4.2.4, 3.2.1; C-OGG-05"
)
COMMENT_LENGTH = _TABLE.malformed(
    HIGH,
    "comment-length",
    "A comment is longer than what is left of the comments.",
    "Vorbis I 5.2.1; RFC 7845 5.2; C-OGG-04, C-OGG-05",
)
COMMENT_HEADER = _TABLE.malformed(
    MEDIUM,
    "comment-header",
    "The second packet of a stream is not its comments.",
    "Vorbis I 4.2.3; RFC 7845 5.2",
    "recordings cut out of a broadcast",
)
FRAMING = _TABLE.malformed(
    INFO, "framing", "The bit that ends the comments is not set.", "Vorbis I 5.2.1; C-OGG-05", "careless taggers"
)
PICTURE = _TABLE.malformed(
    MEDIUM,
    "picture",
    "A cover picture is no picture, or its lengths do not fit.",
    "METADATA_BLOCK_PICTURE, FLAC (RFC 9639) 8.8; C-OGG-05",
    "covers damaged by a careless tagger",
)
PICTURE_LINK = _TABLE.active(
    MEDIUM,
    "picture-link",
    "The cover picture is a link to another machine.",
    "FLAC (RFC 9639) 8.8 (media type -->)",
)

# Other files
HIDDEN_FILE = _TABLE.concealed(
    HIGH,
    "hidden-file",
    "Among the pages or in a comment stands another file.",
    "threats IMG-37, STG-02",
)
CODE = _TABLE.active(
    MEDIUM,
    "code",
    "A comment holds program code for a web server or page.",
    "threats IMG-36, STG-02",
    "recordings about programming whose description quotes code",
)

RULES = _TABLE.rules
