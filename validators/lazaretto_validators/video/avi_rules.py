"""Everything that the AVI validator can say. The rules of the container and of the sound's header are in `riff` and
`audio.wave_format`.

Severity: high where decoders are attacked by it or reading cannot go on, medium where an honest program does not write
it, info where honest programs do. Interrupted recordings have no index and wrong sizes: that is info at most.
"""

from __future__ import annotations

from lazaretto_validators.audio.wave_format import sound_rules
from lazaretto_validators.riff import container_rules
from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

__all__ = [
    "BITMAP", "CHUNK_BOUNDS", "CHUNK_ID", "CONTAINER", "DATA_BOUNDS", "DIMENSIONS", "HEADER", "INDEX", "INDEX_COUNT",
    "LIST_BOUNDS", "MOVI_CUT", "MOVI_ID", "MOVI_MISSING", "PALETTE", "PIXEL_BOMB", "RIFF_SIZE", "RULES", "SOUND",
    "STREAM", "STREAM_COUNT", "STREAM_NUMBER",
]  # fmt: skip

_TABLE = RuleTable("avi")

CONTAINER = container_rules("avi")
SOUND = sound_rules("avi")

CHUNK_ID = _TABLE.malformed(
    MEDIUM,
    "chunk-id",
    "The file stops being a sequence of chunks before its pictures have come.",
    "RIFF 1991 chapter 2; C-AVI-01",
    "files damaged in transfer",
)
CHUNK_BOUNDS = _TABLE.malformed(
    MEDIUM,
    "chunk-bounds",
    "A chunk of additional information reaches past the end of the file.",
    "RIFF 1991 chapter 2; C-AVI-01",
    "files whose upload was interrupted",
)
LIST_BOUNDS = _TABLE.malformed(
    HIGH,
    "list-bounds",
    "A part of the headers reaches past the end of the list that it stands in.",
    "RIFF 1991 chapter 2, AVI RIFF File Reference (hdrl, strl); C-AVI-05",
)
RIFF_SIZE = _TABLE.malformed(
    INFO,
    "riff-size",
    "The size in the file's header is not that of the file.",
    "RIFF 1991 chapter 2, OpenDML 1.02 section 3; C-AVI-01",
    "streaming writers, interrupted recordings",
)
HEADER = _TABLE.malformed(
    MEDIUM,
    "header",
    "The main header is missing, too short, or not where it belongs.",
    "AVI RIFF File Reference, AVIMAINHEADER; C-AVI-05",
    "broken repair tools",
)
STREAM = _TABLE.malformed(
    MEDIUM,
    "stream",
    "The header or the format of a stream is missing or too short.",
    "AVI RIFF File Reference, AVISTREAMHEADER; C-AVI-05",
    "broken repair tools",
)
STREAM_COUNT = _TABLE.malformed(
    INFO,
    "stream-count",
    "The main header declares another number of streams than there are.",
    "AVI RIFF File Reference, dwStreams; C-AVI-05",
    "editors that leave the old number",
)
STREAM_NUMBER = _TABLE.malformed(
    MEDIUM,
    "stream-number",
    "Data belongs to a stream that the headers do not describe.",
    "AVI RIFF File Reference, movi; C-AVI-05",
    "broken repair tools",
)
BITMAP = _TABLE.malformed(
    MEDIUM,
    "bitmap",
    "The format of the pictures is shorter than it says, or than its fields.",
    "BITMAPINFOHEADER biSize, wingdi.h; C-AVI-07",
    "old capture cards",
)
DIMENSIONS = _TABLE.malformed(
    MEDIUM,
    "dimensions",
    "The pictures have no width, no height, or an impossible number of bits for a pixel.",
    "BITMAPINFOHEADER, wingdi.h; C-AVI-07",
)
PIXEL_BOMB = _TABLE.resource(
    MEDIUM,
    "pixel-bomb",
    "The pictures are so large that players run out of memory.",
    "threats MP4-16, BMB-05; C-AVI-07",
)
PALETTE = _TABLE.malformed(
    MEDIUM,
    "palette",
    "The pictures' palette has more colours than fit, or than its chunk holds.",
    "BITMAPINFOHEADER biClrUsed, wingdi.h; C-AVI-07",
    "old converters that leave biClrUsed uninitialised",
)
MOVI_MISSING = _TABLE.malformed(
    MEDIUM,
    "movi-missing",
    "The file has no pictures and no sound.",
    "AVI RIFF File Reference, movi",
    "recordings that were interrupted at once",
)
MOVI_CUT = _TABLE.malformed(
    MEDIUM,
    "movi-cut",
    "The file ends within its pictures and sound although it declares more.",
    "RIFF 1991 chapter 2, AVI RIFF File Reference, movi; C-AVI-01",
    "interrupted recordings and uploads",
)
DATA_BOUNDS = _TABLE.malformed(
    MEDIUM,
    "data-bounds",
    "A picture or sound reaches past the end of the list that it stands in.",
    "RIFF 1991 chapter 2, AVI RIFF File Reference, movi; C-AVI-01",
    "broken repair tools",
)
MOVI_ID = _TABLE.malformed(
    INFO,
    "movi-id",
    "Among pictures and sound stands something that is neither.",
    "AVI RIFF File Reference, movi",
    "capture programs with chunks of their own",
)
INDEX_COUNT = _TABLE.malformed(
    MEDIUM,
    "index-count",
    "An index declares more entries than its chunk holds.",
    "OpenDML 1.02 section 3 (nEntriesInUse, wLongsPerEntry); C-AVI-06, as threats MP4-01",
)
INDEX = _TABLE.malformed(
    INFO,
    "index",
    "An entry of the index points outside the file.",
    "AVI RIFF File Reference, idx1; OpenDML 1.02 section 3; C-AVI-06",
    "interrupted uploads, editors that leave the old index",
)

RULES = (*_TABLE.rules, *CONTAINER, *SOUND.values())
