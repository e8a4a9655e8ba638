"""What a PDF carries beside its pages: attachments, forms in XML, descriptions. ISO 32000-2, 7.11.4, 14.3, annex K.

An attachment is a file of its own and is judged as one, by its name and by its content.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from lazaretto_validators import unscannable
from lazaretto_validators.archives.inflate import DEFLATED, Expansion
from lazaretto_validators.documents import pdf_risks as risks
from lazaretto_validators.documents import pdf_rules as rules
from lazaretto_validators.documents.pdf_actions import Actions, path_of
from lazaretto_validators.documents.pdf_file import Indirect, PdfFile
from lazaretto_validators.documents.pdf_streams import Streams
from lazaretto_validators.documents.pdf_tokens import Name, Ref, Value
from lazaretto_validators.finding import Finding, evidence
from lazaretto_validators.media_types import MediaType, Risk
from lazaretto_validators.source import Source

__all__ = ["CODE", "Members"]

MAX_DESCRIPTION = 1 << 20  # bytes of metadata that are searched
MAX_FORM_PARTS = 64

CODE = re.compile(rb"<(?:\?php[\s]|script[\s>/]|!doctype\s+html|html[\s>]|iframe[\s>])", re.IGNORECASE)
_CODE_IN_TEXT = re.compile(rb"<(?:\?php[\s]|\?=|script[\s>/]|%[=@!])", re.IGNORECASE)
_FORM_SCRIPT = re.compile(rb"<(?:\w{1,20}:)?script\b")
_KEEP = re.compile(rb"keep\.previous\s*=")
_QUIET = frozenset({Risk.VIEWED, Risk.DOCUMENT})


@dataclass(slots=True)
class Members:
    """extents: numbers and places of streams that are attachments, which are not searched for other files."""

    file: PdfFile
    actions: Actions
    streams: Streams
    numbers: set[int] = field(default_factory=set)
    extents: list[tuple[int, int]] = field(default_factory=list)

    def judge(self, info: Value) -> Iterator[Finding]:
        """Forms, whose parts are marked as attachments by some writers; attachments; descriptions."""
        yield from self._judge_forms()
        for where, specification in self.actions.files:
            yield from self._judge_specification(where, specification)
        for number, found in self.streams.embedded.items():
            if number not in self.numbers:
                yield from self._judge_attachment(f"attachment of object {number}", found)
        yield from self._judge_descriptions(info)

    def _judge_specification(self, where: str, specification: dict[str, Value]) -> Iterator[Finding]:
        name = path_of(specification, self.file)
        streams = self.file.resolve(specification.get("EF"))
        for value in streams.values() if isinstance(streams, dict) else ():
            found = self.file.stream(value)
            if found is None or found.number in self.numbers:
                continue
            yield from self._judge_attachment(name or f"attachment of {where}", found)

    def _judge_attachment(self, name: str, found: Indirect) -> Iterator[Finding]:
        self.numbers.add(found.number)
        self.extents.append((found.data_at, found.data_at + found.length))
        if self.file.locked:
            yield risks.ATTACHMENT.found(at=found.at, where=found.where, seen=name)
            return
        declared = found.dictionary.get("Subtype")
        filters = self.file.filters(found.dictionary)
        plain_flate = [name for name, _ in filters] == ["FlateDecode"] and filters[0][1].get("Predictor", 1) == 1
        if plain_flate and self.file.cipher is None:
            yield from self._judge_packed(name, found, declared)
            return
        if filters or self.file.cipher:
            source = Source.of_bytes(self.file.text(found))
        else:
            source = self.file.source.at(found.data_at, found.length)
        yield self._told(name, found, self._member(name, source, declared))

    def _judge_packed(self, name: str, found: Indirect, declared: Value) -> Iterator[Finding]:
        limits = self.file.screening.limits
        expansion = Expansion(
            self.file.source.at(found.data_at + 2, max(0, found.length - 2)),  # behind the header of RFC 1950
            DEFLATED,
            charge=self.file.screening.expand,
            ratio=limits.ratio,
            floor=limits.ratio_floor,
            most=limits.member_bytes,
        )
        detected = self._member(name, Source.of_pieces(expansion.pieces()), declared)
        expansion.drain()
        yield self._told(name, found, detected)
        where = evidence(name)
        if expansion.bomb:
            yield rules.BOMB.found(at=found.at, where=where, seen=f"{found.length} bytes to {expansion.size}")
        elif expansion.over:
            yield unscannable.BUDGET.found(at=found.at, where=where, seen=f"{expansion.size} bytes")
        elif expansion.fault and not expansion.size and found.length > 8:
            yield rules.STREAM_DATA.found(at=found.data_at, where=where, seen=expansion.fault)

    def _member(self, name: str, source: Source, declared: Value) -> MediaType | None:
        media_type = str(declared) if isinstance(declared, Name) and "/" in declared else None
        return self.file.screening.member(name, source, media_type=media_type)

    @staticmethod
    def _told(name: str, found: Indirect, detected: MediaType | None) -> Finding:
        quiet = detected is not None and detected.risk in _QUIET
        rule = risks.ATTACHMENT if quiet else risks.RISKY_ATTACHMENT
        return rule.found(at=found.at, where=found.where, seen=f"{name} ({detected.name if detected else 'unknown'})")

    def _judge_forms(self) -> Iterator[Finding]:
        """XFA: a stream, or an array of names and streams."""
        for at, where, value in self.actions.forms:
            resolved = self.file.resolve(value)
            parts = resolved if isinstance(resolved, list) else [value]
            scripts = 0
            if len(parts) > 2 * MAX_FORM_PARTS:
                self.file.not_covered(where, f"more than {MAX_FORM_PARTS} parts of a form")
            for part in parts[: 2 * MAX_FORM_PARTS]:
                found = self.file.stream(part) if isinstance(part, Ref) else None
                if found is None or self.file.locked:
                    continue
                self.numbers.add(found.number)
                text = self.file.text(found)
                scripts += len(_FORM_SCRIPT.findall(text))
                if _KEEP.search(text):
                    yield risks.XFA_EXPLOIT.found(at=found.at, where=found.where, seen="keep.previous =")
            yield risks.XFA.found(at=at, where=where, seen=f"{scripts} scripts")

    def _judge_descriptions(self, info: Value) -> Iterator[Finding]:
        values = self.file.resolve(info)
        for key, value in values.items() if isinstance(values, dict) else ():
            value = self.file.resolve(value)
            if isinstance(value, bytes) and (code := _CODE_IN_TEXT.search(value.replace(b"\0", b""))):
                yield risks.CODE_IN_METADATA.found(at=None, where=f"Info/{key}", seen=code[0])
        for found in self.streams.descriptions:
            text = self.file.text(found, MAX_DESCRIPTION)
            if code := _CODE_IN_TEXT.search(text):
                yield risks.CODE_IN_METADATA.found(at=found.at, where=found.where, seen=code[0])
