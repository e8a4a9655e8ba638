"""Everything that the WAV validator can say. The rules of the container and of the sound's header are in `riff` and
`wave_format`.

Severity: high where decoders are attacked by it, medium where an honest program does not write it, info where honest
programs do. Streaming writers and interrupted recordings leave sizes that say nothing: that is info at most.
"""

from __future__ import annotations

from lazaretto_validators.audio.id3_rules import id3_rules
from lazaretto_validators.audio.wave_format import sound_rules
from lazaretto_validators.riff import container_rules
from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

__all__ = [
    "CHUNK_COUNT", "CHUNK_ID", "CHUNK_SIZE", "CONTAINER", "DATA_CUT", "DATA_MISSING", "DS64", "FORMAT_DUPLICATE",
    "FORMAT_MISSING", "ID3", "LIST_BOUNDS", "METADATA_DTD", "OUTSIDE", "RIFF_SIZE", "RULES", "SOUND",
]  # fmt: skip

_TABLE = RuleTable("wav")

CONTAINER = container_rules("wav")
SOUND = sound_rules("wav")
ID3 = id3_rules("wav")

CHUNK_ID = _TABLE.malformed(
    MEDIUM,
    "chunk-id",
    "The file stops being a sequence of chunks before its sound has come.",
    "RIFF 1991 chapter 2; C-AVI-01",
    "files damaged in transfer",
)
RIFF_SIZE = _TABLE.malformed(
    INFO,
    "riff-size",
    "The size in the file's header is not that of the file.",
    "RIFF 1991 chapter 2; C-AVI-01",
    "streaming writers, interrupted recordings, taggers that append",
)
FORMAT_MISSING = _TABLE.malformed(
    HIGH, "format-missing", "The sound comes without a header before it.", "RIFF 1991 chapter 3, WAVE; C-AVI-02"
)
FORMAT_DUPLICATE = _TABLE.malformed(
    MEDIUM, "format-duplicate", "The sound has two headers.", "RIFF 1991 chapter 3, WAVE; C-AVI-02"
)
DATA_MISSING = _TABLE.malformed(
    MEDIUM,
    "data-missing",
    "The file has no sound.",
    "RIFF 1991 chapter 3, WAVE; C-AVI-03",
    "recordings that were interrupted at once",
)
DATA_CUT = _TABLE.malformed(
    INFO,
    "data-cut",
    "The file has less sound than it declares, or does not say how much.",
    "RIFF 1991 chapter 3, WAVE; C-AVI-03",
    "streaming writers, interrupted recordings and uploads",
)
OUTSIDE = _TABLE.malformed(
    MEDIUM,
    "chunk-bounds",
    "A chunk of additional information reaches past the end of the file.",
    "RIFF 1991 chapter 2; C-AVI-01",
    "files whose upload was interrupted",
)
CHUNK_SIZE = _TABLE.malformed(
    INFO,
    "chunk-size",
    "A chunk of additional information is shorter than its fields.",
    "RIFF 1991 chapter 3; EBU Tech 3285 section 2.3 (bext)",
    "careless writers",
)
CHUNK_COUNT = _TABLE.malformed(
    MEDIUM,
    "chunk-count",
    "A table declares more entries than its chunk holds.",
    "RIFF 1991 chapter 3 (cue, plst, smpl); as threats MP4-01",
)
LIST_BOUNDS = _TABLE.malformed(
    MEDIUM,
    "list-bounds",
    "A part of a list reaches past the end of the list.",
    "RIFF 1991 chapter 2; C-AVI-01",
    "taggers that forget to count the pad byte",
)
DS64 = _TABLE.malformed(
    MEDIUM,
    "ds64",
    "The 64-bit sizes of a large file are missing, not the first chunk, or contradict the file.",
    "EBU Tech 3306 section 3, ITU-R BS.2088; C-AVI-04",
    "interrupted recordings",
)
METADATA_DTD = _TABLE.exploit(
    MEDIUM,
    "metadata-dtd",
    "Additional information in XML declares a document type or entities.",
    "XMP part 1, 7.1 (no DTD in a packet), iXML 3.0; as threats IMG-35",
)

RULES = (*_TABLE.rules, *CONTAINER, *SOUND.values(), *ID3)
