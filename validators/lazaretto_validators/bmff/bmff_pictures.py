"""Pictures made of items, judged when the whole file is there. HEIF (ISO/IEC 23008-12), MIAF, AVIF.

What a decoder would follow must lead somewhere, and once only: places in the file, references, properties, tiles.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from lazaretto_validators.bmff import bmff_picture_rules as picture_rules
from lazaretto_validators.bmff import bmff_rules as rules
from lazaretto_validators.bmff.bmff_boxes import File, Room
from lazaretto_validators.bmff.bmff_codecs import nal_fault, obu_fault
from lazaretto_validators.bmff.bmff_items import Items
from lazaretto_validators.bmff.bmff_properties import (
    check_properties,
    judge_associations,
    pixel_bits,
    size_of,
)
from lazaretto_validators.source import ShortRead

__all__ = ["judge_items"]

SIZED = frozenset({b"hvc1", b"av01", b"avc1", b"vvc1", b"jpeg", b"j2k1", b"unci", b"grid", b"iovl"})
"""Types of items that are pictures, and must have a size. HEIF 6.5.3.1."""

_FOLLOWED = frozenset({b"dimg", b"thmb", b"auxl", b"cdsc", b"base", b"iloc", b"exbl"})
"""References that a decoder follows: along those of one type it must come to an end. `prem` points back at its mask."""

_DESCRIBED = frozenset({b"thmb", b"cdsc"})
_MAX_PARTS = 64  # parts of an item whose inner lengths are followed: progressive pictures have a few


def judge_items(items: Items, file: File, *, picture: bool) -> None:
    """All that one `meta` box says. picture: it is the one of a HEIF or AVIF file."""
    items.gather()
    check_properties(items, file)
    if picture:
        _judge_completeness(items, file)
    if items.primary is not None and items.kinds and items.primary not in items.kinds:
        file.note(picture_rules.PRIMARY_ITEM, items.box, items.primary, "the number of an item")
    _judge_places(items, file)
    _judge_references(items, file)
    judge_associations(items, file, SIZED)
    for number, (kind, content) in items.kinds.items():
        file.screening.spend(8)
        data = _Data(items, file, number)
        if data.size is not None and data.size > 0:
            _judge_data(number, kind, content, data)


def _judge_completeness(items: Items, file: File) -> None:
    """A picture's `meta` begins with its handler and has all its tables. 8.11.1; MIAF 7.2.1.5; HEIF 6.2."""
    if items.first != b"hdlr" or items.handler != b"pict":
        seen = f"{items.first.decode('latin-1')} {items.handler.decode('latin-1')}"
        file.note(rules.MISSING_BOX, items.box, seen, "hdlr of pict, as the first box")
    if b"iinf" not in items.has and b"iloc" not in items.has:
        return  # a sequence may have no still picture beside it
    for kind in (b"pitm", b"iinf", b"iloc", b"iprp"):
        if kind not in items.has:
            file.note(rules.MISSING_BOX, items.box, "none in meta", kind.decode())


def _judge_places(items: Items, file: File) -> None:
    """Every part of an item lies in the file or in `idat`, and beside the other ones. 8.11.3.3."""
    for number, (method, extents) in items.places.items():
        file.screening.spend(1 + len(extents))
        room = items.idat.length if items.idat and method == 1 else 0
        for offset, length in extents:
            outside = (method == 1 and offset + length > room) or (method == 0 and not file.exists(offset + length))
            if outside:
                file.note(
                    picture_rules.ITEM_EXTENT,
                    items.box,
                    f"item {number}: {offset} to {offset + length}",
                    room or "the file",
                )
                break
        ordered = sorted(extent for extent in extents if extent[1])
        for (offset, length), (following, _) in pairwise(ordered):
            if offset + length > following:
                seen = f"item {number}: {offset} to {offset + length}, and from {following}"
                file.note(picture_rules.EXTENT_OVERLAP, items.box, seen, "side by side")
                break


def _judge_references(items: Items, file: File) -> None:
    if not items.kinds:
        return
    shared = b"unif" in file.brands  # numbers of tracks and groups are then items' numbers, too: 8.3.2, E.10
    graphs: dict[bytes, dict[int, list[int]]] = {}
    for kind, source, targets, box in items.references:
        file.screening.spend(1 + len(targets))
        strangers = [number for number in (source, *targets) if number not in items.kinds]
        if strangers and not shared:
            rule = picture_rules.DANGLING_REFERENCE if kind in _DESCRIBED else picture_rules.ITEM_REFERENCE
            file.note(rule, box, f"item {strangers[0]}", "one that exists")
        if kind in _FOLLOWED:
            graphs.setdefault(kind, {}).setdefault(source, []).extend(targets)
    for kind, graph in graphs.items():
        if (number := _in_circle(graph, file)) is not None:
            file.note(picture_rules.ITEM_CYCLE, items.box, f"item {number} by {kind.decode('latin-1')}", "no way back")


def _in_circle(graph: dict[int, list[int]], file: File) -> int | None:
    """An item from which a way leads back to it, if there is one. Without recursion: ways may be long."""
    done: set[int] = set()
    for start in graph:
        way: list[tuple[int, Iterator[int]]] = [(start, iter(graph[start]))]
        on_way = {start}
        while way and start not in done:
            file.screening.spend()
            node, following = way[-1]
            target = next(following, None)
            if target is None:
                way.pop()
                on_way.discard(node)
                done.add(node)
            elif target in on_way:
                return target
            elif target in graph and target not in done:
                way.append((target, iter(graph[target])))
                on_way.add(target)
    return None


class _Data:
    """The bytes of an item, from all its parts. size: None where they cannot be read."""

    def __init__(self, items: Items, file: File, number: int) -> None:
        self.items = items
        self.file = file
        self.parts: list[tuple[int, int]] = []
        method, extents = items.places.get(number, (0, []))
        base = items.idat.body if items.idat and method == 1 else 0
        readable = method == 0 or (method == 1 and items.idat)
        self.size: int | None = None
        if not readable or not extents or any(not length for _, length in extents):
            return  # a length of zero means all of the file
        end = items.idat.end if items.idat and method == 1 else None
        self.parts = [(base + offset, length) for offset, length in extents]
        if all(begin + length <= end if end else file.exists(begin + length) for begin, length in self.parts):
            self.size = sum(length for _, length in extents)

    def read(self, at: int, count: int) -> bytes:
        """`count` bytes from `at` on, fewer at the end."""
        data = b""
        for begin, length in self.parts:
            if at < length and len(data) < count:
                data += self.file.read(begin + at, min(count - len(data), length - at))
                at = length
            at -= length
        return data


def _judge_data(number: int, kind: bytes, content: bytes, data: _Data) -> None:
    """What the item's bytes must be for its type."""
    items, file, size = data.items, data.file, data.size or 0
    box = items.box
    try:
        if len(data.parts) > _MAX_PARTS:
            file.screening.not_covered(f"{box.where}/item {number}", f"it is in {len(data.parts)} parts")
            return
        if kind == b"av01":
            fault = obu_fault(data.read, size)
        elif kind in (b"hvc1", b"avc1"):
            fault = _nal_fault(number, data)
        else:
            fault = None
        if fault:
            file.note_at(
                picture_rules.CODED_DATA, data.parts[0][0], f"{box.where}/item {number}", fault, f"{size} bytes"
            )
    except ShortRead as end:  # the part is there, its last bytes are not: the file has shrunk, or the source lies
        file.note_at(
            picture_rules.ITEM_EXTENT, end.offset, f"{box.where}/item {number}", f"{end.available} bytes", end.wanted
        )
    if kind == b"grid":
        _judge_grid(number, data)
    elif kind == b"iovl":
        _judge_overlay(number, data)
    elif kind == b"mski":
        _judge_mask(number, data)
    elif kind == b"unci":
        _judge_raw(number, data)
    elif kind == b"jpeg" and len(data.parts) == 1:
        begin, length = data.parts[0]
        file.screening.member(f"item {number}", file.source.at(begin, length), media_type="image/jpeg", nameless=True)
    elif kind in (b"Exif", b"mime", b"uri ", b""):
        _search_text(number, kind, content, data)


def _nal_fault(number: int, data: _Data) -> str | None:
    for kind, at in ((b"hvcC", 21), (b"avcC", 4)):
        config = data.items.property(number, kind)
        if config and config.length > at:
            width = (data.file.read(config.body + at, 1)[0] & 3) + 1
            return nal_fault(data.read, data.size or 0, width)
    return None


def _sized(number: int, items: Items, file: File) -> tuple[int, int] | None:
    box = items.property(number, b"ispe")
    return size_of(box, file) if box else None


def _judge_grid(number: int, data: _Data) -> None:
    """Rows times columns are the tiles, all of one size, and they cover the output. HEIF 6.6.2.3."""
    items, file = data.items, data.file
    where, head = f"{items.box.where}/item {number}", data.read(0, 12)
    wide = len(head) > 1 and bool(head[1] & 1)
    if len(head) < (12 if wide else 8):
        file.note_at(picture_rules.GRID, data.parts[0][0], where, f"{data.size} bytes", f"{12 if wide else 8} bytes")
        return
    rows, columns = head[2] + 1, head[3] + 1
    width, height = (int.from_bytes(head[at : at + (4 if wide else 2)], "big") for at in ((4, 8) if wide else (4, 6)))
    tiles = items.sources.get(number, [])
    if rows * columns != len(tiles):
        file.note_at(picture_rules.GRID, data.parts[0][0], where, f"{rows}x{columns}", f"{len(tiles)} tiles")
        return
    sizes = {size for tile in tiles if (size := _sized(tile, items, file))}
    if len(sizes) > 1:
        file.note_at(picture_rules.GRID, data.parts[0][0], where, f"tiles of {len(sizes)} sizes", "one size")
    elif sizes:
        each = sizes.pop()
        if columns * each[0] < width or rows * each[1] < height:
            seen = f"{columns}x{rows} tiles of {each[0]}x{each[1]}"
            file.note_at(picture_rules.GRID, data.parts[0][0], where, seen, f"{width}x{height}")


def _judge_overlay(number: int, data: _Data) -> None:
    """A canvas, and a place for each picture on it. HEIF 6.6.2.4."""
    head = data.read(0, 2)
    width = 4 if len(head) > 1 and head[1] & 1 else 2
    needed = 2 + 8 + 2 * width + 2 * width * len(data.items.sources.get(number, []))
    if (data.size or 0) < needed:
        where = f"{data.items.box.where}/item {number}"
        data.file.note_at(picture_rules.GRID, data.parts[0][0], where, f"{data.size} bytes", f"{needed} bytes")


def _judge_mask(number: int, data: _Data) -> None:
    """A mask has all its pixels and no more. HEIF 6.10.1."""
    config, size = data.items.property(number, b"mskC"), _sized(number, data.items, data.file)
    if not config or not size or config.length < 5:
        return
    bits = data.file.read(config.body + 4, 1)[0]
    needed = -(-size[0] * bits // 8) * size[1]
    packed = -(-size[0] * size[1] * bits // 8)
    if data.size not in (needed, packed):
        where = f"{data.items.box.where}/item {number}"
        data.file.note_at(picture_rules.MASK_SIZE, data.parts[0][0], where, f"{data.size} bytes", f"{needed} bytes")


def _judge_raw(number: int, data: _Data) -> None:
    """An uncompressed picture has at least the bits of its pixels. ISO/IEC 23001-17 5.2."""
    config, size = data.items.property(number, b"uncC"), _sized(number, data.items, data.file)
    if not config or not size or data.items.property(number, b"cmpC"):
        return
    needed = pixel_bits(config, data.file, size) // 8
    if needed > (data.size or 0):
        where = f"{data.items.box.where}/item {number}"
        data.file.note_at(
            picture_rules.RAW_SIZE, data.parts[0][0], where, f"{data.size} bytes", f"{needed} bytes or more"
        )


def _search_text(number: int, kind: bytes, content: bytes, data: _Data) -> None:
    """Descriptions: XMP, the camera's data, and what only their maker knows."""
    file, where = data.file, f"{data.items.box.where}/item {number}"
    if kind == b"Exif":
        head = data.read(0, 4)
        skipped = int.from_bytes(head, "big")
        order = data.read(4 + skipped, 4) if skipped < (data.size or 0) else b""
        if order not in (b"II*\0", b"MM\0*"):
            file.note_at(picture_rules.EXIF_HEADER, data.parts[0][0], where, order, "II*\\0 or MM\\0*")
    rule = rules.XMP_DTD if content == b"application/rdf+xml" else rules.CODE_IN_METADATA
    file.rooms.extend(Room(begin, begin + length, where, rule) for begin, length in data.parts)
