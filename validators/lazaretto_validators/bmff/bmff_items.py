"""Items of a `meta` box, which is what HEIF and AVIF pictures are: the tables that describe them.

    meta = hdlr pitm iloc iinf [iref] iprp [idat]      (ISO/IEC 14496-12 8.11)
    iprp = ipco ipma+                                   properties, and which item has which

Everything is read into one `Items` and judged by `bmff_pictures` once the file has ended: an item may lie anywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lazaretto_validators.bmff import bmff_picture_rules as picture_rules
from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import Box, File

__all__ = ["ITEM_BOXES", "Items"]

MAX_ITEMS = 4096  # threats IMG-24; dynamic wallpapers have some 1100, a mosaic of 200 megapixels some 800


@dataclass(slots=True)
class Items:
    """What a `meta` box says of its items.

    kinds: type and content type of each item. places: construction method and extents (offset, length) of each.
    references: type, from, to. properties: `ipco` in order. associations: (index, essential) of each item, in order.
    idat: the data that lie in the box itself. sources: the items that one is made from. having: the first property of
    each type that an item has, once all is read.
    """

    box: Box
    has: set[bytes] = field(default_factory=set)
    first: bytes = b""
    handler: bytes = b""
    primary: int | None = None
    kinds: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    places: dict[int, tuple[int, list[tuple[int, int]]]] = field(default_factory=dict)
    references: list[tuple[bytes, int, list[int], Box]] = field(default_factory=list)
    properties: list[Box] = field(default_factory=list)
    associations: dict[int, list[tuple[int, bool]]] = field(default_factory=dict)
    idat: Box | None = None
    sources: dict[int, list[int]] = field(default_factory=dict)
    having: dict[int, dict[bytes, Box]] = field(default_factory=dict)

    def gather(self) -> None:
        """All boxes are read: look up what every item has."""
        for number, associations in self.associations.items():
            has = self.having.setdefault(number, {})
            for index, _ in associations:
                if 0 < index <= len(self.properties):
                    has.setdefault(self.properties[index - 1].type, self.properties[index - 1])

    def property(self, number: int, kind: bytes) -> Box | None:
        """The item's first property of a type."""
        return self.having.get(number, {}).get(kind)


class _Fields:
    """Numbers of a box, one after the other. None once they reach past its end."""

    def __init__(self, file: File, box: Box, begin: int) -> None:
        self._file = file
        self._box = box
        self.at = begin

    def take(self, width: int) -> int | None:
        """The next number of `width` bytes; zero bytes are a zero."""
        if self.at + width > self._box.end:
            return None
        value = self._file.number(self.at, width) if width else 0
        self.at += width
        return value


def _primary(box: Box, file: File, items: Items) -> None:
    """8.11.4."""
    wide = file.read(box.body, 1)[0] if box.length else 0
    if box.length < (8 if wide else 6):
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", f"{8 if wide else 6} bytes")
        return
    items.primary = file.number(box.body + 4, 4 if wide else 2)


def _information(box: Box, file: File, items: Items) -> None:
    """`iinf`: an `infe` for each item. 8.11.6."""
    wide = bool(box.length and file.read(box.body, 1)[0])
    width = 4 if wide else 2
    if box.length < 4 + width:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", f"{4 + width} bytes or more")
        return
    declared, count = file.number(box.body + 4, width), 0
    for entry in file.children(box, box.body + 4 + width):
        count += 1
        if count > MAX_ITEMS:
            file.note(picture_rules.ITEM_FLOOD, box, f"more than {MAX_ITEMS}", MAX_ITEMS)
            file.screening.not_covered(box.where, f"items after the first {MAX_ITEMS}")
            return
        _entry(entry, file, items)
    if declared > count:
        file.note(rules.TABLE_OVERRUN, box, f"{declared} entries", f"{count} entries")


def _entry(box: Box, file: File, items: Items) -> None:
    """One `infe`; versions 0 and 1 have no type. 8.11.6.2."""
    head = file.head(box, 256)
    version = head[0] if head else 0
    width = 4 if version == 3 else 2
    least = 4 + width + 2 + (4 if version > 1 else 0)
    if len(head) < least:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", f"{least} bytes or more")
        return
    number = int.from_bytes(head[4 : 4 + width], "big")
    kind = head[6 + width : 10 + width] if version > 1 else b""
    texts = head[least:].split(b"\0")
    content = texts[1] if kind == b"mime" and len(texts) > 1 else b""
    if len(texts) == 1 and box.length == len(head):
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes without an end of the name", "an ending zero")
    if number in items.kinds:
        file.note(picture_rules.ITEM_DUPLICATE, box, number, "a number of its own")
    items.kinds[number] = kind, content


def _locations(box: Box, file: File, items: Items) -> None:
    """`iloc`: where the parts of each item lie. 8.11.3."""
    head = file.head(box, 8)
    version = head[0] if head else 0
    least = 10 if version == 2 else 8
    if box.length < least:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", f"{least} bytes or more")
        return
    sizes = head[4] >> 4, head[4] & 15, head[5] >> 4, head[5] & 15 if version in (1, 2) else 0
    if any(size not in (0, 4, 8) for size in sizes):
        file.note(picture_rules.LOCATION_SIZES, box, sizes, "0, 4 or 8 each")
        return
    fields = _Fields(file, box, box.body + 6)
    declared = fields.take(4 if version == 2 else 2) or 0
    for count in range(declared):
        file.screening.spend()
        if count == MAX_ITEMS:
            return  # told at `iinf`
        if not _location(fields, version, sizes, file, items):
            file.note(rules.TABLE_OVERRUN, box, f"{declared} entries", f"{count} entries")
            return


def _location(fields: _Fields, version: int, sizes: tuple[int, int, int, int], file: File, items: Items) -> bool:
    """One item's parts. False where they reach past the end of the box."""
    offset_size, length_size, base_size, index_size = sizes
    number = fields.take(4 if version == 2 else 2)
    method = fields.take(2) if version in (1, 2) else 0
    reference, base, extents = fields.take(2), fields.take(base_size), fields.take(2)
    if number is None or method is None or reference is None or base is None or extents is None:
        return False
    each = index_size + offset_size + length_size
    places: list[tuple[int, int]] = []
    for _ in range(extents if each else min(extents, 1)):  # parts without fields are all the same
        file.screening.spend()
        index, offset, length = fields.take(index_size), fields.take(offset_size), fields.take(length_size)
        if index is None or offset is None or length is None:
            return False
        places.append((base + offset, length))
    if not reference:  # another file, otherwise: told at `dref`
        items.places[number] = method & 15, places
    return True


def _references(box: Box, file: File, items: Items) -> None:
    """`iref`: lists of items that an item is made from or describes. 8.11.12."""
    width = 4 if box.length and file.read(box.body, 1)[0] else 2
    if box.length < 4:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "4 bytes or more")
        return
    for child in file.children(box, box.body + 4):
        fields = _Fields(file, child, child.body)
        source, count = fields.take(width), fields.take(2)
        if source is None or count is None or child.end - fields.at < count * width:
            room = max(0, child.length - width - 2) // width
            file.note(rules.TABLE_OVERRUN, child, f"{count} entries", f"{room} entries")
            continue
        file.screening.spend(4 + count)
        targets = [file.number(fields.at + width * index, width) for index in range(count)]
        items.references.append((child.type, source, targets, child))
        if child.type == b"dimg":
            items.sources.setdefault(source, []).extend(targets)


def _properties(box: Box, file: File, items: Items) -> None:
    """`iprp`: a list of properties, and who has them. 8.11.14."""
    for child in file.children(box, box.body):
        if child.type == b"ipco":
            items.properties.extend(file.children(child, child.body))
        elif child.type == b"ipma":
            _associations(child, file, items)
        else:
            file.search_later(child)


def _associations(box: Box, file: File, items: Items) -> None:
    if box.length < 8:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "8 bytes or more")
        return
    head = file.read(box.body, 8)
    width, wide = (4 if head[0] else 2), bool(head[3] & 1)
    declared = int.from_bytes(head[4:8], "big")
    fields = _Fields(file, box, box.body + 8)
    for number in range(declared):
        file.screening.spend()
        item, count = fields.take(width), fields.take(1)
        each = 2 if wide else 1
        if item is None or count is None or box.end - fields.at < each * count:
            file.note(rules.TABLE_OVERRUN, box, f"{declared} entries", f"{number} entries")
            return
        file.screening.spend(count)
        codes = [fields.take(each) or 0 for _ in range(count)]
        top = 0x8000 if wide else 0x80
        if len(items.associations) < MAX_ITEMS:
            items.associations.setdefault(item, []).extend((code & (top - 1), bool(code & top)) for code in codes)


def _data(box: Box, file: File, items: Items) -> None:  # noqa: ARG001 - one signature for all
    items.idat = box


ITEM_BOXES: dict[bytes, Callable[[Box, File, Items], None]] = {
    b"pitm": _primary,
    b"iinf": _information,
    b"iloc": _locations,
    b"iref": _references,
    b"iprp": _properties,
    b"idat": _data,
}
"""The boxes of `meta` that describe items."""
