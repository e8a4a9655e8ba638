"""Everything that the MP3 validator can say. ISO/IEC 11172-3 and 13818-3; the tags' rules are made by `id3`."""

from __future__ import annotations

from lazaretto_validators.audio.id3_rules import id3_rules
from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("mp3")

ID3 = id3_rules("mp3")

NO_FRAMES = _TABLE.malformed(
    MEDIUM,
    "no-frames",
    "No sound was found where it should begin.",
    "11172-3 2.4.1.2; C-MP3-02",
    "tags without a recording, sound in a format that tags like these may precede",
)
LOST_SYNC = _TABLE.malformed(
    MEDIUM,
    "lost-sync",
    "Much of the file is no sound.",
    "11172-3 2.4.2.3; C-MP3-02",
    "recordings damaged in transfer",
)
RESYNC = _TABLE.malformed(
    INFO,
    "resync",
    "Between the frames stands something that is no sound.",
    "11172-3 2.4.2.3; C-MP3-02",
    "radio recordings, files joined together, filler bytes between tag and sound",
)
LAST_FRAME = _TABLE.malformed(
    INFO, "last-frame", "The last frame is cut short.", "11172-3 2.4.1.2; C-MP3-02", "cut and streamed recordings"
)
FRAME_COUNT = _TABLE.malformed(
    INFO,
    "frame-count",
    "The file counts its frames otherwise than they are.",
    "Xing and VBRI headers; C-MP3-06",
    "recordings that were cut or joined",
)
APE_SIZE = _TABLE.malformed(
    MEDIUM,
    "ape-size",
    "The tag at the end of the file is larger than the file, or its items are larger than the tag.",
    "APEv2, tag footer; C-MP3-07",
)
HIDDEN_FILE = _TABLE.concealed(
    HIGH,
    "hidden-file",
    "Among the sound, or in a tag behind it, stands another file.",
    "threats IMG-37, STG-02; C-MP3-04",
)
CODE_IN_TAIL = _TABLE.active(
    MEDIUM,
    "code-in-tag",
    "A tag behind the sound holds program code for a web server or page.",
    "threats IMG-36, STG-02; C-MP3-07",
    "recordings about programming whose description quotes code",
)
RULES = (*ID3, *_TABLE.rules)
