"""Everything that the xz validator can say. Clauses are those of The .xz File Format 1.2.0."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, MEDIUM, RuleTable

_TABLE = RuleTable("xz")

HEADER = _TABLE.malformed(
    HIGH,
    "header",
    "The header of a stream is damaged, or uses what is reserved.",
    ".xz 2.1.1",
    "files damaged in transfer",
)
BLOCK = _TABLE.malformed(
    HIGH, "block", "A block contradicts its own header, or the header is damaged.", ".xz 3", "files damaged in transfer"
)
FILTER = _TABLE.malformed(
    MEDIUM, "filter", "A block is packed in a way that does not exist.", ".xz 5.3", "filters newer than this rule"
)
CHUNK = _TABLE.malformed(
    HIGH, "chunk", "The compressed data is broken.", ".xz 5.3.1; LZMA2", "files damaged in transfer"
)
INDEX = _TABLE.malformed(
    HIGH,
    "index",
    "The list of blocks is not that of the blocks that are there.",
    ".xz 4; threats BMB-04",
    "files damaged in transfer",
)
FOOTER = _TABLE.malformed(
    HIGH,
    "footer",
    "The end of a stream is damaged, or contradicts its beginning.",
    ".xz 2.1.2",
    "files damaged in transfer",
)
DICTIONARY = _TABLE.resource(
    HIGH,
    "dictionary",
    "Whoever unpacks the file must set aside more memory than any real one needs.",
    ".xz 5.3.1; threats BMB-04",
    "7-Zip with the largest dictionaries, which only files of more than 1.5 GiB get",
)
BOMB = _TABLE.resource(
    HIGH,
    "bomb",
    "The file unpacks to so many times its size that it fills the disk.",
    "threats BMB-02; Limits.ratio",
    "logs and empty disk images",
)

RULES = _TABLE.rules
