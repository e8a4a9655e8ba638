"""What else is in the file? A second file behind the first one's end, or laid over it.

Formats that are read from their end or at an offset (ZIP, PDF, tar, DICOM, ISO 9660) and those that anything may stand
before (RAR, 7-Zip, HTML, PHP) can share a file with a picture. Each is confirmed by its structure. Threats IMG-37,
C-PNG-08.

Checked: the tail, where a validator told the end; a ZIP from the end; PDF, tar, DICOM and disc images where readers
look for them; programs, RAR, 7-Zip and PDF anywhere in pictures, sound, video and documents that nobody validated to
their end; HTML and PHP as the last thing there; binary data behind a text's opening. Not checked: second files inside a
structure that a validator accepts (a comment, an unused chunk): that is the validator's to say.
"""

from __future__ import annotations

from collections.abc import Iterator

from lazaretto_validators.archive_extent import extent_of
from lazaretto_validators.archives.zip_directory import find_ends, open_archive, read_local
from lazaretto_validators.confirm import is_tar_header
from lazaretto_validators.embedded import (
    Hit,
    has_iso,
    has_trailer,
    search,
    text_tail,
    trailer_behind,
)
from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.identify import ISO_AT, PDF_REACH, identify
from lazaretto_validators.kinds import bytes_at
from lazaretto_validators.media_types import MEDIA_TYPES, MediaType, Risk
from lazaretto_validators.names import is_textual, words
from lazaretto_validators.slack import file_in
from lazaretto_validators.source import Source
from lazaretto_validators.text.encoding import HEAD_BYTES, decode_head

__all__ = ["RULES", "hidden_in"]


def _rule(name: str, severity: Severity, message: str, spec: str, false_positives: str = "none known") -> Rule:
    return Rule(f"concealed.{name}", Category.CONCEALED, severity, message, spec, false_positives)


APPENDED = _rule(
    "appended", Severity.HIGH, "Behind the end of the file stands another one.", "threats IMG-37", "self-made archives"
)
EMBEDDED = _rule(
    "embedded",
    Severity.HIGH,
    "Inside the file stands another one that does not belong there.",
    "threats IMG-37",
    "attachments that are stored in documents without compression",
)
ZIP = _rule(
    "zip",
    Severity.HIGH,
    "The file is a ZIP archive as well: an unpacker, Java or Android would open it as that.",
    "APPNOTE 4.3.1: a ZIP is found from its end",
    "a ZIP stored uncompressed as the last thing in a container",
)
PDF = _rule(
    "pdf",
    Severity.HIGH,
    "The file is a PDF document as well: a reader accepts the header anywhere in the first KiB.",
    "PDF 1.7 implementation note 13",
)
TAR = _rule("tar", Severity.HIGH, "The file is a tar archive as well.", "POSIX.1-1988 10.1.1: magic at byte 257")
DICOM = _rule(
    "dicom",
    Severity.HIGH,
    "The file is a medical picture as well: those may begin with 128 bytes of anything.",
    "DICOM PS3.10 7.1; CVE-2019-11687",
    "medical pictures that were made to open as TIFF, too",
)
ISO = _rule("iso", Severity.HIGH, "The file is a disc image as well.", "ECMA-119 8.1: descriptors from byte 32768")
SCRIPT = _rule(
    "script",
    Severity.HIGH,
    "The file begins as a web page or a script, and binary data follow.",
    "threats NAM-09; WHATWG MIME Sniffing 7.1",
    "self-extracting shell archives",
)
TAIL = _rule(
    "tail",
    Severity.MEDIUM,
    "Behind the end of the file stand many bytes that belong to nothing known.",
    "threats IMG-37",
    "games and services that keep data behind a picture",
)
SHORT_TAIL = _rule(
    "short-tail",
    Severity.INFO,
    "Some bytes stand behind the end of the file.",
    "threats IMG-37, C-MP4-10",
    "markers of image services, line ends, records of cameras behind a video",
)
LEFTOVER = _rule(
    "leftover",
    Severity.INFO,
    "Behind the end of the picture stands a piece of an older one: what was cropped away may still be seen.",
    "threats C-PNG-08; CVE-2023-21036, CVE-2023-28303 (aCropalypse)",
    "every screenshot cropped by the faulty tools",
)

RULES: tuple[Rule, ...] = (APPENDED, EMBEDDED, ZIP, PDF, TAR, DICOM, ISO, SCRIPT, TAIL, SHORT_TAIL, LEFTOVER)

MAX_PADDING = 64 * 1024
"""Zeros and blanks behind the end that nobody minds, bytes (threats IMG-37)."""

MAX_SHORT_TAIL = 4096

_DICOM_AT = 128
_LEADING_ZEROS = 3  # of a box size below 256: the most that any format known here begins with
_PADDING = b"\0 \t\r\n"
_IEND = b"\0\0\0\0IEND\xae\x42\x60\x82"
_SEARCHED_DOCUMENTS = words(
    "application/pdf application/msword application/vnd.ms-excel application/vnd.ms-powerpoint text/rtf "
    "application/postscript"
)
_PICTURES_WITH_TAILS = frozenset({"image/jpeg", "image/heic", "image/heif", "image/avif"})
_VIDEOS_WITH_TAILS = ("video/mp4", "video/quicktime")


def hidden_in(source: Source, detected: MediaType, end: int | None) -> Iterator[Finding]:
    """Findings about a second file inside this one.

    end: where the format's own structure ends, if a validator told; what follows is the tail.
    Reads the whole file once more at most, where no validator told the end of a picture, sound, video or document.
    """
    if detected.risk is Risk.RUN or detected.name == "application/x-empty":
        return  # programs carry archives and resources of every kind, and are judged as programs
    if end is None and (extent := extent_of(source, detected)):
        end = extent.end
        yield from _in_gap(source, detected, *extent.gap)
    # First what needs no more than the bytes as they come: everything behind it waits for the end of the file.
    begin = 1 if end is None else _after_padding(source, end)
    ahead = _search_ahead(source, detected, begin, end)
    zipped = _zip_at_end(source, detected)
    if zipped is not None:
        yield ZIP.found(at=zipped, seen="a directory that leads to a member", allowed=f"{detected.label} alone")
    yield from _at_fixed_places(source, detected, end)
    if end is not None and begin is not None:
        yield from _in_tail(source, detected, end, begin, ahead, zipped is not None)
    elif end is None and zipped is None and (hit := ahead or _at_end(source, detected)):
        yield EMBEDDED.found(at=hit[0], seen=_shown(MEDIA_TYPES[hit[1]]), allowed=f"{detected.label} alone")


def _in_gap(source: Source, detected: MediaType, begin: int, end: int) -> Iterator[Finding]:
    """What stands between the parts of an archive, where its own fields lead past it."""
    if hit := file_in(source, begin, end, host=detected.name):
        yield EMBEDDED.found(at=hit[0], seen=_shown(hit[1]), allowed=f"{detected.label} alone")


def _search_ahead(source: Source, detected: MediaType, begin: int | None, end: int | None) -> Hit | None:
    """The search that keeps up with the download: in the tail, or anywhere in a file whose end nobody told."""
    if begin is None or (end is None and not _is_searched(detected)):
        return None
    if end is not None:
        return search(source, begin)
    is_media = detected.risk is Risk.VIEWED
    return search(source, begin, scripts=is_media, pages=is_media, host=detected.name)


def _shown(media_type: MediaType) -> str:
    return f"{media_type.label} ({media_type.name})"


def _is_kind_of(media_type: MediaType, ancestor: str) -> bool:
    return ancestor in (media_type.name, media_type.parent)


def _zip_at_end(source: Source, detected: MediaType) -> int | None:
    """Where the first member of a ZIP stands that this file, no ZIP itself, is as well."""
    if _is_kind_of(detected, "application/zip"):
        return None
    is_media = detected.risk is Risk.VIEWED and not is_textual(detected)
    for end in find_ends(source):
        # Unpackers tolerate junk behind the end record. No picture, sound or video has one for a reason; elsewhere one
        # that is not at the file's end lies in the data of a container that stores things uncompressed.
        rest = bytes_at(source, end.after, MAX_SHORT_TAIL + 1) if end.after <= source.size else b"\0"
        if not is_media and rest.strip(_PADDING):
            continue
        archive = open_archive(source.at(0, end.after), 1)
        if archive is None or not archive.entries:
            continue
        if read_local(source, archive.entries[0].local_at) is not None:
            return archive.entries[0].local_at
    return None


def _at_fixed_places(source: Source, detected: MediaType, end: int | None) -> Iterator[Finding]:
    head = bytes_at(source, 0, PDF_REACH)
    pdf_at = head.find(b"%PDF-")
    in_tail = end is not None and pdf_at >= end
    if pdf_at >= 0 and not in_tail and _is_pdf_too(source, detected, pdf_at):
        yield PDF.found(at=pdf_at, seen="a PDF header, objects and a trailer")
    if detected.name != "application/dicom" and _is_dicom(head):
        yield DICOM.found(at=_DICOM_AT, seen="the mark of a medical picture, and the group of a first element")
    if head[257:262] == b"ustar" and detected.name != "application/x-tar" and is_tar_header(head[:512]):
        yield TAR.found(at=257, seen="a header whose checksum holds")
    if detected.name != "application/x-iso9660-image" and has_iso(source):
        yield ISO.found(at=ISO_AT - 1, seen="a volume descriptor")
    # The validator of RTF judges binary data itself: behind \\bin, they belong there.
    is_rtf = detected.name == "text/rtf" and end is not None
    if is_textual(detected) and not is_rtf and decode_head(bytes_at(source, 0, HEAD_BYTES)) is None:
        yield SCRIPT.found(at=0, seen=f"{detected.label}, then binary data")


def _is_dicom(head: bytes) -> bool:
    """The mark, then a group: the file's meta information is 2, readers do without and take any of the data set's.

    They are even, and those that come first small, in either byte order: no text has the zero in them.
    """
    group = head[_DICOM_AT + 4 : _DICOM_AT + 6]
    return head.startswith(b"DICM", _DICOM_AT) and 0 in group and sum(group) in range(2, 0x100, 2)


def _is_pdf_too(source: Source, detected: MediaType, at: int) -> bool:
    """Would a PDF reader open it? One rebuilds what it needs, so that a trailer anywhere behind the header will do.

    That goes for pictures, sound and video, in which no PDF has a reason to begin so early. An archive may well store
    one as its first member, and then the end of the file has to be that of a PDF.
    """
    is_text = is_textual(detected) and detected.risk is not Risk.BROWSED
    if detected.name == "application/pdf" or is_text:
        return False
    if has_trailer(source):
        return True
    return detected.risk is Risk.VIEWED and trailer_behind(source, at)


def _in_tail(
    source: Source, detected: MediaType, end: int, content: int, ahead: Hit | None, zipped: bool
) -> Iterator[Finding]:
    """What stands behind the end that the format's validator told.

    content: where the first byte stands that is no padding. ahead: what the search found from there on.
    """
    begin, inner = (content, None) if zipped else _identify_tail(source, end, content)
    if inner is not None and inner.risk not in (Risk.VIEWED, Risk.UNKNOWN):
        yield APPENDED.found(at=begin, seen=_shown(inner), allowed="the end of the file")
    elif zipped:
        return
    elif hit := ahead or text_tail(source, begin):
        yield APPENDED.found(at=hit[0], seen=_shown(MEDIA_TYPES[hit[1]]), allowed="the end of the file")
    elif inner is not None and inner.risk is Risk.VIEWED and detected.name in _PICTURES_WITH_TAILS:
        return  # motion photos, gain maps, depth maps
    elif detected.name == "image/png" and _is_leftover(source, begin):
        yield LEFTOVER.found(at=begin, seen="chunks of a PNG picture", allowed="the end of the file")
    else:
        count = source.size - begin
        # Action and dashboard cameras keep their own records behind a video: C-MP4-10.
        ordinary = count <= MAX_SHORT_TAIL or any(_is_kind_of(detected, video) for video in _VIDEOS_WITH_TAILS)
        rule = SHORT_TAIL if ordinary else TAIL
        yield rule.found(at=begin, seen=f"{count} bytes", allowed="the end of the file")


def _after_padding(source: Source, end: int) -> int | None:
    """Where the first byte that is no padding stands; None if there is none within what is tolerated."""
    begin = end
    while begin - end <= MAX_PADDING:
        piece = bytes_at(source, begin, MAX_PADDING)
        if not piece:
            return None
        if content := piece.lstrip(_PADDING):
            return begin + len(piece) - len(content)
        begin += len(piece)
    return begin if bytes_at(source, begin, 1) else None


def _identify_tail(source: Source, end: int, begin: int) -> tuple[int, MediaType | None]:
    """The tail's type and where it begins. Some formats begin with zeros themselves: MP4, icons, fonts, WebAssembly."""
    for at in range(begin, max(end, begin - _LEADING_ZEROS) - 1, -1):
        inner = identify(source.at(at))
        if inner is not None and inner.name != "text/plain":
            return at, inner
    return begin, None


def _is_leftover(source: Source, begin: int) -> bool:
    """aCropalypse: the rest of the older, longer file ends with its own last chunk."""
    size = source.size
    tail = bytes_at(source, max(begin, size - 64), 64).rstrip(_PADDING)
    return tail.endswith(_IEND)


def _is_searched(detected: MediaType) -> bool:
    """Is a file whose end nobody told searched through? Only formats that do not carry other files by design."""
    return detected.name in _SEARCHED_DOCUMENTS or (detected.risk is Risk.VIEWED and not is_textual(detected))


def _at_end(source: Source, detected: MediaType) -> Hit | None:
    """A page as the last thing in a file whose end nobody told."""
    # An archive stores programs uncompressed by design, but ends with a structure of its own, never with a page.
    is_archive = detected.risk is Risk.ARCHIVE and not is_textual(detected)
    return text_tail(source) if is_archive or _is_searched(detected) else None
