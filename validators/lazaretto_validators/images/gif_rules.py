"""Everything that the GIF validator can say. Clauses are those of GIF89a (CompuServe, 1990-07-31).

Severity: high where decoders are attacked by it or the walk cannot go on, medium where an honest encoder does not
write it, info where honest encoders do although the specification says otherwise.
"""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("gif")

# fmt: off - a table: a rule takes two or three lines, not ten
# Blocks
UNKNOWN_BLOCK = _TABLE.malformed(
    MEDIUM,
    "unknown-block",
    "Between the blocks stands something that is no block.",
    "GIF89a appendix A; C-GIF-06; threats IMG-05",
    "files damaged in transfer",
)
STRAY_ZEROS = _TABLE.malformed(
    INFO,
    "stray-zeros",
    "Zeros stand between the blocks.",
    "GIF89a appendix A; C-GIF-06",
    "old editors, often",
)
NO_TRAILER = _TABLE.malformed(
    INFO,
    "no-trailer",
    "The file has no end mark.",
    "GIF89a 27; C-GIF-07; threats IMG-05",
    "surprisingly many encoders and archives of old web sites",
)
NO_IMAGE = _TABLE.malformed(
    MEDIUM,
    "no-image",
    "The file holds no picture at all.",
    "GIF89a appendix B; threats IMG-05",
)
EXTENSION_SIZE = _TABLE.malformed(
    INFO,
    "extension-size",
    "An extension does not begin with a block of the size that its kind has.",
    "GIF89a 24 to 26; C-GIF-05",
    "careless editors",
)
CONTROL_SIZE = _TABLE.malformed(
    MEDIUM,
    "control-size",
    "A control block is not four bytes long.",
    "GIF89a 23; C-GIF-04; threats IMG-05",
)
EXTENSION_LABEL = _TABLE.malformed(
    INFO,
    "extension-label",
    "An extension is of a kind that does not exist.",
    "GIF89a 23 to 26, appendix C",
    "private extensions of old programs",
)
CONTROL_FIELDS = _TABLE.malformed(
    INFO,
    "control-fields",
    "A frame is disposed of by a method that does not exist, or two control blocks precede one frame.",
    "GIF89a 23; C-GIF-04",
    "editors",
)
XMP_TRAILER = _TABLE.malformed(
    INFO,
    "xmp-trailer",
    "The XMP description does not end as the XMP standard lays down for GIF.",
    "XMP part 3, 1.1.2; C-GIF-05",
    "editors that store XMP in ordinary blocks",
)

# Screen and frames
SCREEN_SIZE = _TABLE.malformed(
    INFO,
    "screen-size",
    "The picture declares a width or height of zero.",
    "GIF89a 18; C-GIF-02",
    "old encoders",
)
FRAME_EMPTY = _TABLE.malformed(HIGH, "frame-empty", "A frame has no width or no height.", "GIF89a 20; C-GIF-02")
FRAME_OUTSIDE = _TABLE.exploit(
    HIGH,
    "frame-outside",
    "A frame lies wholly outside the picture.",
    "GIF89a 20; C-GIF-02; threats IMG-02 (WeChat for Android, 2019)",
)
FRAME_STICKS_OUT = _TABLE.malformed(
    INFO,
    "frame-sticks-out",
    "A frame reaches beyond the edge of the picture.",
    "GIF89a 20; C-GIF-02; threats IMG-02",
    "sloppy encoders, by some pixels or the whole first frame",
)
FRAME_FAR_OUT = _TABLE.malformed(
    MEDIUM,
    "frame-far-out",
    "A frame after the first reaches far beyond the edge of the picture.",
    "GIF89a 20; threats IMG-02",
)
BACKGROUND_INDEX = _TABLE.malformed(
    INFO,
    "background-index",
    "The background is a colour that the palette does not have.",
    "GIF89a 18; threats IMG-03",
    "many encoders: harmless",
)
TRANSPARENT_INDEX = _TABLE.malformed(
    INFO,
    "transparent-index",
    "The transparent colour is one that the palette does not have.",
    "GIF89a 23; threats IMG-03",
    "many encoders: harmless",
)
NO_PALETTE = _TABLE.malformed(
    INFO,
    "no-palette",
    "A frame has no palette.",
    "GIF89a 19, 21",
    "encoders of tiny pictures; decoders show grey",
)
PIXEL_BOMB = _TABLE.resource(
    HIGH,
    "pixel-bomb",
    "The picture declares so many pixels that viewers run out of memory.",
    "threats BMB-05; C-GIF-08",
)
FRAME_BOMB = _TABLE.resource(
    MEDIUM,
    "frame-bomb",
    "The animation has more frames, or more pixels in all, than viewers hold.",
    "threats BMB-05; C-GIF-08",
    "long screen recordings",
)

# Pixel data
CODE_SIZE = _TABLE.exploit(
    HIGH,
    "code-size",
    "The pixel data begins with a code size that overruns decoders.",
    "GIF89a 22; C-GIF-03; threats IMG-04; CVE-2023-43907",
)
CODE_SIZE_LARGE = _TABLE.malformed(
    MEDIUM,
    "code-size-large",
    "The pixel data has codes for more colours than a palette can hold.",
    "GIF89a 22: eight bits at most; C-GIF-03; threats IMG-04",
    "rare broken encoders: some viewers show it, some refuse",
)
CODE_SIZE_ONE = _TABLE.malformed(
    INFO,
    "code-size-one",
    "The pixel data begins with a code size of one.",
    "GIF89a 22: two at least; C-GIF-03",
    "old tools, for pictures of two colours",
)
LZW_CODE = _TABLE.malformed(
    HIGH,
    "lzw-code",
    "The pixel data refers to a string that does not exist yet.",
    "GIF89a appendix F; threats IMG-04",
    "files damaged in transfer",
)
LZW_SHORTAGE = _TABLE.malformed(
    MEDIUM,
    "lzw-shortage",
    "The pixel data holds fewer pixels than the frame declares.",
    "GIF89a 22, appendix F; C-GIF-03",
    "files damaged in transfer",
)
LZW_SURPLUS = _TABLE.malformed(
    INFO,
    "lzw-surplus",
    "The pixel data holds more pixels than the frame declares.",
    "GIF89a 22, appendix F; C-GIF-03; threats IMG-04",
    "sloppy encoders: decoders clip",
)
LZW_OPEN_END = _TABLE.malformed(
    INFO,
    "lzw-open-end",
    "All pixels are there, but their end is not marked.",
    "GIF89a appendix F; C-GIF-03",
    "several encoders",
)
LZW_TRAILING = _TABLE.concealed(
    MEDIUM,
    "lzw-trailing",
    "Data that is no part of the picture is hidden behind its pixels.",
    "GIF89a appendix F: nothing follows the end code",
)

# Metadata
CODE_IN_METADATA = _TABLE.active(
    MEDIUM,
    "code-in-metadata",
    "A comment or extension holds program code for a web server or page.",
    "threats IMG-36",
    "pictures about programming whose description quotes code",
)
XMP_DTD = _TABLE.exploit(
    HIGH,
    "xmp-dtd",
    "The XMP description declares a document type or entities.",
    "XMP part 1, 7.1 (no DTD in a packet); threats IMG-35",
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
    "the header as an identifier, the sizes as the beginning of a comment or an assignment; threats NAM-09",
)
ICC_PROFILE = _TABLE.malformed(
    MEDIUM,
    "icc-profile",
    "The colour profile contradicts its own size.",
    "ICC.1 7.2; C-GIF-05; threats IMG-34",
    "rare profiles of old drivers",
)
# fmt: on

RULES = _TABLE.rules
