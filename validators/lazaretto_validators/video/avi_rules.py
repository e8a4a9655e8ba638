"""Everything that the AVI validator can say. The rules of the container and of the sound's header are in `riff` and
`audio.wave_format`.

Severity: high where decoders are attacked by it or reading cannot go on, medium where an honest program does not write
it, info where honest programs do. Interrupted recordings have no index and wrong sizes: that is info at most.
"""

from __future__ import annotations

from lazaretto_validators.audio.wave_format import sound_rules
from lazaretto_validators.finding import Category, Rule, Severity
from lazaretto_validators.riff import container_rules

__all__ = [
    "BITMAP", "CHUNK_BOUNDS", "CHUNK_ID", "CONTAINER", "DATA_BOUNDS", "DIMENSIONS", "HEADER", "INDEX", "INDEX_COUNT",
    "LIST_BOUNDS", "MOVI_CUT", "MOVI_ID", "MOVI_MISSING", "PALETTE", "PIXEL_BOMB", "RIFF_SIZE", "RULES", "SOUND",
    "STREAM", "STREAM_COUNT", "STREAM_NUMBER",
]  # fmt: skip


def _rule(severity: Severity, name: str, message: str, spec: str, innocent: str = "none known") -> Rule:
    return Rule(f"avi.{name}", Category.MALFORMED, severity, message, spec, innocent)


HIGH, MEDIUM, INFO = Severity.HIGH, Severity.MEDIUM, Severity.INFO

CONTAINER = container_rules("avi")
SOUND = sound_rules("avi")

CHUNK_ID = _rule(
    MEDIUM,
    "chunk-id",
    "The file stops being a sequence of chunks before its pictures have come.",
    "RIFF 1991 chapter 2; C-AVI-01",
    "files damaged in transfer",
)
CHUNK_BOUNDS = _rule(
    MEDIUM,
    "chunk-bounds",
    "A chunk of additional information reaches past the end of the file.",
    "RIFF 1991 chapter 2; C-AVI-01",
    "files whose upload was interrupted",
)
LIST_BOUNDS = _rule(
    HIGH,
    "list-bounds",
    "A part of the headers reaches past the end of the list that it stands in.",
    "RIFF 1991 chapter 2, AVI RIFF File Reference (hdrl, strl); C-AVI-05",
)
RIFF_SIZE = _rule(
    INFO,
    "riff-size",
    "The size in the file's header is not that of the file.",
    "RIFF 1991 chapter 2, OpenDML 1.02 section 3; C-AVI-01",
    "streaming writers, interrupted recordings",
)
HEADER = _rule(
    MEDIUM,
    "header",
    "The main header is missing, too short, or not where it belongs.",
    "AVI RIFF File Reference, AVIMAINHEADER; C-AVI-05",
    "broken repair tools",
)
STREAM = _rule(
    MEDIUM,
    "stream",
    "The header or the format of a stream is missing or too short.",
    "AVI RIFF File Reference, AVISTREAMHEADER; C-AVI-05",
    "broken repair tools",
)
STREAM_COUNT = _rule(
    INFO,
    "stream-count",
    "The main header declares another number of streams than there are.",
    "AVI RIFF File Reference, dwStreams; C-AVI-05",
    "editors that leave the old number",
)
STREAM_NUMBER = _rule(
    MEDIUM,
    "stream-number",
    "Data belongs to a stream that the headers do not describe.",
    "AVI RIFF File Reference, movi; C-AVI-05",
    "broken repair tools",
)
BITMAP = _rule(
    MEDIUM,
    "bitmap",
    "The format of the pictures is shorter than it says, or than its fields.",
    "BITMAPINFOHEADER biSize, wingdi.h; C-AVI-07",
    "old capture cards",
)
DIMENSIONS = _rule(
    MEDIUM,
    "dimensions",
    "The pictures have no width, no height, or an impossible number of bits for a pixel.",
    "BITMAPINFOHEADER, wingdi.h; C-AVI-07",
)
PIXEL_BOMB = Rule(
    "avi.pixel-bomb",
    Category.RESOURCE,
    MEDIUM,
    "The pictures are so large that players run out of memory.",
    "threats MP4-16, BMB-05; C-AVI-07",
    "none known",
)
PALETTE = _rule(
    MEDIUM,
    "palette",
    "The pictures' palette has more colours than fit, or than its chunk holds.",
    "BITMAPINFOHEADER biClrUsed, wingdi.h; C-AVI-07",
    "old converters that leave biClrUsed uninitialised",
)
MOVI_MISSING = _rule(
    MEDIUM,
    "movi-missing",
    "The file has no pictures and no sound.",
    "AVI RIFF File Reference, movi",
    "recordings that were interrupted at once",
)
MOVI_CUT = _rule(
    MEDIUM,
    "movi-cut",
    "The file ends within its pictures and sound although it declares more.",
    "RIFF 1991 chapter 2, AVI RIFF File Reference, movi; C-AVI-01",
    "interrupted recordings and uploads",
)
DATA_BOUNDS = _rule(
    MEDIUM,
    "data-bounds",
    "A picture or sound reaches past the end of the list that it stands in.",
    "RIFF 1991 chapter 2, AVI RIFF File Reference, movi; C-AVI-01",
    "broken repair tools",
)
MOVI_ID = _rule(
    INFO,
    "movi-id",
    "Among pictures and sound stands something that is neither.",
    "AVI RIFF File Reference, movi",
    "capture programs with chunks of their own",
)
INDEX_COUNT = _rule(
    MEDIUM,
    "index-count",
    "An index declares more entries than its chunk holds.",
    "OpenDML 1.02 section 3 (nEntriesInUse, wLongsPerEntry); C-AVI-06, as threats MP4-01",
)
INDEX = _rule(
    INFO,
    "index",
    "An entry of the index points outside the file.",
    "AVI RIFF File Reference, idx1; OpenDML 1.02 section 3; C-AVI-06",
    "interrupted uploads, editors that leave the old index",
)

RULES: tuple[Rule, ...] = (
    CHUNK_ID, CHUNK_BOUNDS, LIST_BOUNDS, RIFF_SIZE, HEADER, STREAM, STREAM_COUNT, STREAM_NUMBER, BITMAP, DIMENSIONS,
    PIXEL_BOMB, PALETTE, MOVI_MISSING, MOVI_CUT, DATA_BOUNDS, MOVI_ID, INDEX_COUNT, INDEX,
    *CONTAINER.all, *SOUND.values(),
)  # fmt: skip
