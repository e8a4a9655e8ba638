"""What the validator of ISO base media files can say of pictures: HEIF and AVIF. Clauses as in `bmff_rules`."""

from __future__ import annotations

from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

_TABLE = RuleTable("bmff")

# fmt: off - a table
ITEM_EXTENT = _TABLE.exploit(
    HIGH,
    "item-extent",
    "A part of a picture lies outside the file or the box that holds it.",
    "8.11.3; C-HEIF-03; threats IMG-24",
    "downloads that broke off",
)
EXTENT_OVERLAP = _TABLE.exploit(
    HIGH,
    "extent-overlap",
    "Parts of one picture lie over each other.",
    "8.11.3; threats IMG-24",
)
LOCATION_SIZES = _TABLE.malformed(
    HIGH,
    "location-sizes",
    "The fields that locate pictures have a length that does not exist.",
    "8.11.3; C-HEIF-03",
)
ITEM_CYCLE = _TABLE.exploit(
    HIGH,
    "item-cycle",
    "Pictures are made from each other in a circle.",
    "8.11.12; C-HEIF-04; threats IMG-24; libheif issue 590",
)
ITEM_DUPLICATE = _TABLE.malformed(HIGH, "item-duplicate", "Two pictures have the same number.", "8.11.6; C-HEIF-04")
ITEM_REFERENCE = _TABLE.malformed(
    MEDIUM,
    "item-reference",
    "A picture is made from one that does not exist.",
    "8.11.12; C-HEIF-04",
)
DANGLING_REFERENCE = _TABLE.malformed(
    INFO,
    "dangling-reference",
    "A thumbnail or description belongs to a picture that does not exist.",
    "8.11.12; C-HEIF-04",
    "editors that remove a picture and keep its thumbnail",
)
ITEM_FLOOD = _TABLE.resource(
    MEDIUM,
    "item-flood",
    "The file has more pictures than any honest one.",
    "C-HEIF-04; threats IMG-24",
    "very large mosaics; dynamic wallpapers stay below",
)
PRIMARY_ITEM = _TABLE.malformed(
    HIGH,
    "primary-item",
    "The picture to show does not exist.",
    "8.11.4; C-HEIF-02; threats IMG-24",
)
PROPERTY_INDEX = _TABLE.exploit(
    HIGH,
    "property-index",
    "A picture has a property that does not exist.",
    "8.11.14; C-HEIF-05; threats IMG-24",
)
PROPERTY_ORDER = _TABLE.malformed(
    MEDIUM,
    "property-order",
    "A picture is cropped, turned or mirrored in an order that decoders refuse.",
    "HEIF 6.5.1; MIAF 7.3.6.7",
    "careless editors",
)
PROPERTY_REPEATED = _TABLE.malformed(
    MEDIUM,
    "property-repeated",
    "A picture has two colour descriptions of the same kind.",
    "MIAF 7.3.6.4",
)
PROPERTY_MISSING = _TABLE.malformed(
    MEDIUM,
    "property-missing",
    "A picture lacks its size or the parameters of its codec.",
    "HEIF 6.5.3.1; MIAF 7.3.6.3; C-HEIF-02",
)
PROPERTY_VALUE = _TABLE.malformed(
    MEDIUM,
    "property-value",
    "A property of a picture has a value that does not exist.",
    "HEIF 6.5; AVIF 2.3; C-HEIF-06; threats IMG-26",
)
UNKNOWN_ESSENTIAL = _TABLE.malformed(
    INFO,
    "unknown-essential",
    "A picture needs a property that is not known here.",
    "8.11.14; C-HEIF-05",
    "new kinds of pictures of phones",
)
PICTURE_SIZE = _TABLE.malformed(
    MEDIUM, "picture-size", "A picture has no width or no height.", "HEIF 6.5.3; threats MP4-16"
)
PIXEL_BOMB = _TABLE.resource(
    HIGH,
    "pixel-bomb",
    "The picture declares so many pixels that viewers run out of memory.",
    "threats BMB-05, IMG-26; CVE-2025-48174, CVE-2025-48175",
    "very large panoramas, scans and maps",
)
GRID = _TABLE.exploit(
    HIGH,
    "grid",
    "The tiles of a picture are not as many or not as large as it declares.",
    "HEIF 6.6.2.3; C-HEIF-07",
)
CODED_DATA = _TABLE.exploit(
    HIGH,
    "coded-data",
    "Inside a coded picture a part is longer than the picture.",
    "AV1 5.3; ISO/IEC 14496-15 4.3.3; C-HEIF-08; threats IMG-26",
    "files damaged in transfer",
)
MASK_SIZE = _TABLE.exploit(
    HIGH,
    "mask-size",
    "A mask does not have as many bytes as its size asks for.",
    "HEIF 6.10; threats IMG-22; CVE-2026-32741",
)
RAW_SIZE = _TABLE.exploit(
    MEDIUM,
    "raw-size",
    "An uncompressed picture has fewer bytes than its size asks for.",
    "ISO/IEC 23001-17; threats IMG-25; libheif issue 1508",
)
EXIF_HEADER = _TABLE.malformed(
    INFO,
    "exif-header",
    "The camera's data do not begin as they should.",
    "HEIF annex A; TIFF 6.0 section 2; threats IMG-33",
    "editors that shift the camera's data",
)
# fmt: on

RULES = _TABLE.rules
