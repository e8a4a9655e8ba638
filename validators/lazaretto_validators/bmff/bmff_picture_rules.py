"""What the validator of ISO base media files can say of pictures: HEIF and AVIF. Clauses as in `bmff_rules`."""

from __future__ import annotations

from lazaretto_validators.finding import Category, Rule, Severity

HIGH, MEDIUM, INFO = Severity.HIGH, Severity.MEDIUM, Severity.INFO
_ALL: list[Rule] = []


def _rule(severity: Severity, name: str, message: str, spec: str, innocent: str = "none known") -> Rule:
    return _of(Category.MALFORMED, severity, name, message, spec, innocent)


def _of(
    category: Category, severity: Severity, name: str, message: str, spec: str, innocent: str = "none known"
) -> Rule:
    rule = Rule(f"bmff.{name}", category, severity, message, spec, innocent)
    _ALL.append(rule)
    return rule


# fmt: off - a table
ITEM_EXTENT = _of(
    Category.EXPLOIT,
    HIGH,
    "item-extent",
    "A part of a picture lies outside the file or the box that holds it.",
    "8.11.3; C-HEIF-03; threats IMG-24",
    "downloads that broke off",
)
EXTENT_OVERLAP = _of(
    Category.EXPLOIT,
    HIGH,
    "extent-overlap",
    "Parts of one picture lie over each other.",
    "8.11.3; threats IMG-24",
)
LOCATION_SIZES = _rule(
    HIGH,
    "location-sizes",
    "The fields that locate pictures have a length that does not exist.",
    "8.11.3; C-HEIF-03",
)
ITEM_CYCLE = _of(
    Category.EXPLOIT,
    HIGH,
    "item-cycle",
    "Pictures are made from each other in a circle.",
    "8.11.12; C-HEIF-04; threats IMG-24; libheif issue 590",
)
ITEM_DUPLICATE = _rule(HIGH, "item-duplicate", "Two pictures have the same number.", "8.11.6; C-HEIF-04")
ITEM_REFERENCE = _rule(
    MEDIUM,
    "item-reference",
    "A picture is made from one that does not exist.",
    "8.11.12; C-HEIF-04",
)
DANGLING_REFERENCE = _rule(
    INFO,
    "dangling-reference",
    "A thumbnail or description belongs to a picture that does not exist.",
    "8.11.12; C-HEIF-04",
    "editors that remove a picture and keep its thumbnail",
)
ITEM_FLOOD = _of(
    Category.RESOURCE,
    MEDIUM,
    "item-flood",
    "The file has more pictures than any honest one.",
    "C-HEIF-04; threats IMG-24",
    "very large mosaics; dynamic wallpapers stay below",
)
PRIMARY_ITEM = _rule(
    HIGH,
    "primary-item",
    "The picture to show does not exist.",
    "8.11.4; C-HEIF-02; threats IMG-24",
)
PROPERTY_INDEX = _of(
    Category.EXPLOIT,
    HIGH,
    "property-index",
    "A picture has a property that does not exist.",
    "8.11.14; C-HEIF-05; threats IMG-24",
)
PROPERTY_ORDER = _rule(
    MEDIUM,
    "property-order",
    "A picture is cropped, turned or mirrored in an order that decoders refuse.",
    "HEIF 6.5.1; MIAF 7.3.6.7",
    "careless editors",
)
PROPERTY_REPEATED = _rule(
    MEDIUM,
    "property-repeated",
    "A picture has two colour descriptions of the same kind.",
    "MIAF 7.3.6.4",
)
PROPERTY_MISSING = _rule(
    MEDIUM,
    "property-missing",
    "A picture lacks its size or the parameters of its codec.",
    "HEIF 6.5.3.1; MIAF 7.3.6.3; C-HEIF-02",
)
PROPERTY_VALUE = _rule(
    MEDIUM,
    "property-value",
    "A property of a picture has a value that does not exist.",
    "HEIF 6.5; AVIF 2.3; C-HEIF-06; threats IMG-26",
)
UNKNOWN_ESSENTIAL = _rule(
    INFO,
    "unknown-essential",
    "A picture needs a property that is not known here.",
    "8.11.14; C-HEIF-05",
    "new kinds of pictures of phones",
)
PICTURE_SIZE = _rule(MEDIUM, "picture-size", "A picture has no width or no height.", "HEIF 6.5.3; threats MP4-16")
PIXEL_BOMB = _of(
    Category.RESOURCE,
    HIGH,
    "pixel-bomb",
    "The picture declares so many pixels that viewers run out of memory.",
    "threats BMB-05, IMG-26; CVE-2025-48174, CVE-2025-48175",
    "very large panoramas, scans and maps",
)
GRID = _of(
    Category.EXPLOIT,
    HIGH,
    "grid",
    "The tiles of a picture are not as many or not as large as it declares.",
    "HEIF 6.6.2.3; C-HEIF-07",
)
CODED_DATA = _of(
    Category.EXPLOIT,
    HIGH,
    "coded-data",
    "Inside a coded picture a part is longer than the picture.",
    "AV1 5.3; ISO/IEC 14496-15 4.3.3; C-HEIF-08; threats IMG-26",
    "files damaged in transfer",
)
MASK_SIZE = _of(
    Category.EXPLOIT,
    HIGH,
    "mask-size",
    "A mask does not have as many bytes as its size asks for.",
    "HEIF 6.10; threats IMG-22; CVE-2026-32741",
)
RAW_SIZE = _of(
    Category.EXPLOIT,
    MEDIUM,
    "raw-size",
    "An uncompressed picture has fewer bytes than its size asks for.",
    "ISO/IEC 23001-17; threats IMG-25; libheif issue 1508",
)
EXIF_HEADER = _rule(
    INFO,
    "exif-header",
    "The camera's data do not begin as they should.",
    "HEIF annex A; TIFF 6.0 section 2; threats IMG-33",
    "editors that shift the camera's data",
)
# fmt: on

RULES: tuple[Rule, ...] = tuple(_ALL)
