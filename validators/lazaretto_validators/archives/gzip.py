"""gzip files. RFC 1952, GZIP file format specification 4.3; RFC 1951, DEFLATE.

    file    = member {member} [zeros]
    member  = header data trailer                                   (all little-endian)
    header  = 1F 8B 08 flags mtime:u32 xfl os [length:u16 extra] [name 00] [comment 00] [crc16]
    trailer = crc32 size:u32 (modulo 2^32)

Checked: every field of every header and what its free fields hold, the compressed data to its last byte, checksums and
sizes, how far it expands; the content, which all members make together, is screened as the file that it is (a tar
archive, as a rule), under the name in the header. A later member is screened alone, too, where it begins as a file.
Not checked: times and systems; what follows the last member, which `polyglot` classifies.

Deviations: a name in the header may end in .gz (some programs store the name of the archive itself), names are UTF-8
in practice, and zeros follow the last member where blocks were filled up.
"""

from __future__ import annotations

from collections.abc import Iterator

from lazaretto_validators.archives import gzip_rules as rules
from lazaretto_validators.archives.gzip_header import MAGIC, Header, judge_header, read_header
from lazaretto_validators.archives.gzip_members import Members
from lazaretto_validators.finding import Finding, evidence
from lazaretto_validators.identify import identify
from lazaretto_validators.media_types import Risk
from lazaretto_validators.name_rules import judge_name
from lazaretto_validators.names import is_textual
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, validator

__all__ = ["SMALLEST", "validate_gzip"]

SMALLEST = bytes.fromhex("1f8b0800000000000003" + "0300" + "00000000" + "00000000")
"""Nothing, compressed."""

_CONTENT = "(content)"
_MAX_LATER_MEMBERS = 1000  # that are looked at alone; genome archives have many thousands, all of one kind
_ENDINGS = (".gz", ".gzip")


@validator("application/gzip", magic=MAGIC, extensions=("gz", "tgz"), rules=rules.RULES, example=SMALLEST, api=1)
def validate_gzip(source: Source, screening: Screening) -> Iterator[Finding]:
    """gzip files, their content as the file that it is. RFC 1952."""
    first = read_header(source)
    members = Members(source, screening, lambda header: judge_header(source, header))
    content = Source.of_pieces(members.pieces(first))
    name = _shown(first)
    screening.member(name or _CONTENT, content, nameless=name is None)
    size = content.size  # unpacks what nobody has asked for
    yield from members.findings
    yield from _judge_later(members, content, screening, size)
    if members.short is not None:
        raise members.short
    if members.end is not None:
        screening.ends_at(members.end)
    else:
        screening.not_covered("content", f"only {size} bytes could be unpacked")


def _shown(header: Header) -> str | None:
    """What the content would be called: the last part of the name, without the ending that says it is packed."""
    name = (header.name or "").replace("\\", "/").rpartition("/")[2]
    ending = next((e for e in _ENDINGS if name.lower().endswith(e)), "")
    return name.removesuffix(name[len(name) - len(ending) :]) if ending else name or None


def _judge_later(members: Members, content: Source, screening: Screening, size: int) -> Iterator[Finding]:
    """The second and further members, each for itself: some programs unpack them one by one."""
    named = False
    ends = [*members.starts[1:], size]
    for number in range(1, min(len(members.starts), _MAX_LATER_MEMBERS)):
        header, start = members.headers[number], members.starts[number]
        name = _shown(header)
        if name is not None and name != _shown(members.headers[0]):
            for finding in judge_name(name, None):
                yield finding.inside(evidence(name))
            if not named:
                yield rules.SECOND_NAME.found(at=header.at, where=f"member {number}", seen=name)
            named = True
        alone = content.at(start, ends[number] - start)
        found = identify(alone.at(0))
        if found is not None and found.risk is not Risk.VIEWED and not is_textual(found):
            screening.member(name or f"member {number}", alone, nameless=name is None)
    if len(members.starts) > _MAX_LATER_MEMBERS:
        screening.not_covered("content", f"members after the first {_MAX_LATER_MEMBERS} are screened together only")
