"""Everything that the zstd validator can say. Clauses are those of RFC 8878."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, MEDIUM, RuleTable

_TABLE = RuleTable("zstd")

HEADER = _TABLE.malformed(
    HIGH, "header", "The header of a frame uses what is reserved.", "RFC 8878 3.1.1.1.1.4", "files damaged in transfer"
)
BLOCK = _TABLE.malformed(
    HIGH,
    "block",
    "A block is of no kind that exists, or larger than any may be.",
    "RFC 8878 3.1.1.2",
    "files damaged in transfer",
)
SIZE = _TABLE.malformed(
    HIGH,
    "size",
    "A frame says that it unpacks to another size than its blocks can give.",
    "RFC 8878 3.1.1.1.4; threats BMB-04",
    "files damaged in transfer",
)
WINDOW = _TABLE.resource(
    MEDIUM,
    "window",
    "Whoever unpacks the file must set aside more memory than programs grant unasked.",
    "RFC 8878 3.1.1.1.2; threats BMB-04",
    "archives that were made with zstd --long=28 and more",
)
PARASITE = _TABLE.concealed(
    HIGH,
    "parasite",
    "Bytes that are passed over hold another file, which other programs would open.",
    "RFC 8878 3.1.2; threats IMG-37, STG-02",
)
BOMB = _TABLE.resource(
    HIGH,
    "bomb",
    "The file unpacks to so many times its size that it fills the disk.",
    "threats BMB-02; Limits.ratio",
    "logs and empty disk images",
)

RULES = _TABLE.rules
