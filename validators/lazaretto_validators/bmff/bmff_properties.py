"""Properties of pictures: sizes, parameters, turns and crops, and in which order they stand. HEIF 6.5, MIAF 7.3.6.

Each property is checked once, however many items have it.
"""

from __future__ import annotations

from collections.abc import Callable

from lazaretto_validators.bmff import bmff_picture_rules as picture_rules
from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import Box, File
from lazaretto_validators.bmff.bmff_entries import PARAMETERS, check_colour, check_parameters
from lazaretto_validators.bmff.bmff_items import Items

__all__ = ["check_properties", "judge_associations", "pixel_bits", "size_of"]

MAX_PIXELS = 220_000_000  # threats BMB-05; the largest sensors of phones give 200 megapixels
MAX_SIDE = 32768  # threats BMB-05, MP4-16

_TRANSFORMATIONS = (b"clap", b"irot", b"imir")
"""In the order in which they are to stand. MIAF 7.3.6.7."""

_CONFIGURATIONS = {b"hvc1": b"hvcC", b"av01": b"av1C", b"avc1": b"avcC", b"vvc1": b"vvcC", b"unci": b"uncC"}
"""The parameters without which a coded picture cannot be read. HEIF B.2.3, AVIF 2.2."""

_KNOWN = frozenset(
    {
        *_TRANSFORMATIONS,
        *_CONFIGURATIONS.values(),
        *(b"ispe colr pixi pasp auxC rloc a1op a1lx lsel lhvC oinf tols iscl mskC cmpd cmpC icef imor clop".split()),
        *(b"clli mdcv cclv amve reve ndwt splz cpat snuc cloc sbpm fpac disi oper tilC rref crtt mdft udes".split()),
        *(b"altt aebr afbr wbbr fobr iaug iscl prdi wipe elng j2kH jpgC cicp gimi itai uaci eimg".split()),
    }
)
"""Properties that are registered at mp4ra.org. What is essential and not among them is only told."""


def size_of(box: Box, file: File) -> tuple[int, int] | None:
    """Width and height of an `ispe`. HEIF 6.5.3.2."""
    if box.length < 12:
        return None
    return file.number(box.body + 4, 4), file.number(box.body + 8, 4)


def check_properties(items: Items, file: File) -> None:
    """Every property by itself."""
    for box in items.properties:
        file.screening.spend(4)
        if box.type in _CHECKS:
            _CHECKS[box.type](box, file)
        elif box.type in PARAMETERS:
            check_parameters(box, file)
        else:
            file.search_later(box)


def _size(box: Box, file: File) -> None:
    size = size_of(box, file)
    if size is None:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "12 bytes")
    elif not size[0] or not size[1]:
        file.note(picture_rules.PICTURE_SIZE, box, f"{size[0]}x{size[1]}", "1x1 or more")
    elif max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS:
        file.note(picture_rules.PIXEL_BOMB, box, f"{size[0]}x{size[1]}", f"{MAX_PIXELS} pixels, {MAX_SIDE} on a side")


def _crop(box: Box, file: File) -> None:
    """`clap`: eight numbers, of which each second one divides. 12.1.4."""
    if box.length < 32:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "32 bytes")
        return
    numbers = [file.number(box.body + at, 4) for at in range(0, 32, 4)]
    if not all(numbers[1::2]) or not numbers[0] or not numbers[2]:
        file.note(picture_rules.PROPERTY_VALUE, box, numbers, "a width, a height, no zero to divide by")


def _turn(box: Box, file: File) -> None:
    """`irot`, `imir`: bits beyond the two and the one that mean something are reserved. HEIF 6.5.10, 6.5.12."""
    if box.length < 1:
        file.note(rules.BOX_SHORT, box, "0 bytes", "1 byte")
    elif (value := file.read(box.body, 1)[0]) > (3 if box.type == b"irot" else 1):
        file.note(picture_rules.PROPERTY_VALUE, box, value, "0 to 3" if box.type == b"irot" else "0 or 1")


def _depths(box: Box, file: File) -> None:
    """`pixi`: a depth for each channel. HEIF 6.5.6."""
    if box.length < 5:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", "5 bytes or more")
    elif (count := file.read(box.body + 4, 1)[0]) > box.length - 5:
        file.note(rules.TABLE_OVERRUN, box, f"{count} channels", f"{box.length - 5} channels")


def _auxiliary(box: Box, file: File) -> None:
    """`auxC`: a name that ends. HEIF 6.5.8."""
    if b"\0" not in file.head(box, 4096)[4:]:
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes without an end of the name", "an ending zero")
    file.search_later(box, box.body + 4)


def _operating_point(box: Box, file: File) -> None:
    """`a1op`: one of 32. AVIF 2.3.2.1."""
    if box.length < 1:
        file.note(rules.BOX_SHORT, box, "0 bytes", "1 byte")
    elif (value := file.read(box.body, 1)[0]) > 31:
        file.note(picture_rules.PROPERTY_VALUE, box, value, "0 to 31")


def _layers(box: Box, file: File) -> None:
    """`a1lx`: three sizes of two or four bytes. AVIF 2.3.2.3."""
    wide = bool(box.length and file.read(box.body, 1)[0] & 1)
    if box.length < (13 if wide else 7):
        file.note(rules.BOX_SHORT, box, f"{box.length} bytes", f"{13 if wide else 7} bytes")


_CHECKS: dict[bytes, Callable[[Box, File], None]] = {
    b"ispe": _size,
    b"clap": _crop,
    b"irot": _turn,
    b"imir": _turn,
    b"pixi": _depths,
    b"auxC": _auxiliary,
    b"a1op": _operating_point,
    b"a1lx": _layers,
    b"colr": check_colour,
}


def judge_associations(items: Items, file: File, sized: frozenset[bytes]) -> None:
    """Which item has which property, and in which order."""
    for number, associations in items.associations.items():
        file.screening.spend(1 + len(associations))
        wrong = [index for index, _ in associations if index > len(items.properties)]
        if wrong:
            seen = f"item {number}: property {wrong[0]}"
            file.note(picture_rules.PROPERTY_INDEX, items.box, seen, f"1 to {len(items.properties)}")
            continue
        chosen = [(items.properties[index - 1], essential) for index, essential in associations if index]
        for box, essential in chosen:
            if essential and box.type not in _KNOWN and box.type != b"uuid":
                file.note(picture_rules.UNKNOWN_ESSENTIAL, box, box.type, "a property that is registered")
        _judge_order(number, [box.type for box, _ in chosen], items, file)
        _judge_colours(number, [box for box, _ in chosen if box.type == b"colr"], items, file)
    for number, (kind, _) in items.kinds.items():
        file.screening.spend()
        _judge_missing(number, kind, items, file, sized)


def _judge_order(number: int, types: list[bytes], items: Items, file: File) -> None:
    """A size stands before what changes it (HEIF 6.5.1); crop, turn and mirror in this order (MIAF 7.3.6.7)."""
    changes = [kind for kind in types if kind in _TRANSFORMATIONS]
    early = bool(changes) and b"ispe" in types and types.index(b"ispe") > types.index(changes[0])
    mixed = changes != sorted(changes, key=_TRANSFORMATIONS.index) and b"miaf" in file.brands
    if early or mixed:
        seen = " ".join(kind.decode("latin-1") for kind in types if kind in (*_TRANSFORMATIONS, b"ispe"))
        file.note(picture_rules.PROPERTY_ORDER, items.box, f"item {number}: {seen}", "ispe clap irot imir")


def _judge_colours(number: int, boxes: list[Box], items: Items, file: File) -> None:
    """At most one description in numbers and one profile. MIAF 7.3.6.4."""
    numbers = [file.head(box, 4) == b"nclx" for box in boxes]
    if numbers.count(True) > 1 or numbers.count(False) > 1:
        file.note(
            picture_rules.PROPERTY_REPEATED, items.box, f"item {number}: {len(boxes)} times colr", "one of each kind"
        )


def _judge_missing(number: int, kind: bytes, items: Items, file: File, sized: frozenset[bytes]) -> None:
    has = items.having.get(number, {}).keys()
    needed = {b"ispe"} if kind in sized else set()
    if kind in _CONFIGURATIONS:
        needed.add(_CONFIGURATIONS[kind])
    for missing in sorted(needed - has):
        file.note(picture_rules.PROPERTY_MISSING, items.box, f"item {number} without", missing.decode())


def pixel_bits(box: Box, file: File, size: tuple[int, int]) -> int:
    """The least bits that the pixels take: components' depths, without padding. ISO/IEC 23001-17 5.2.1.2."""
    head = file.head(box, 4096)
    if len(head) < 12 or head[0]:
        return 0
    count = int.from_bytes(head[8:12], "big")
    end = 12 + 5 * count
    if end + 2 > len(head):
        return 0
    depths = [head[at + 2] + 1 for at in range(12, end, 5)]
    shared = {0: 1, 1: 2, 2: 4, 3: 4}.get(head[end], 4)  # pixels that share the components of colour
    if shared > 1:
        return size[0] * size[1] * (min(depths, default=0))
    return size[0] * size[1] * sum(depths)
