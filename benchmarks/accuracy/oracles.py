"""What a format's reference decoder itself says of a damaged file that we let through: in its own words."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import shutil
import subprocess
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from PIL import Image

from lazaretto_validators.names import words

__all__ = ["complaint"]

_LONGEST = 160  # characters of a message
_PATIENCE = 60.0
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")  # in memory, which FFmpeg tells: another one in every run


def complaint(file: Path, extension: str) -> str:
    """The first complaint of the decoder for `extension`; says so where none is known, or none complains."""
    for name, decoder in _decoders(extension):
        said = " ".join(_ADDRESS.sub("", decoder(file)).split())[:_LONGEST]
        if said:
            return f"{name}: {said.replace(str(file.parent) + '/', '').replace(str(file), file.name)}"
    return "no decoder at hand complains"


def _by_library(read: Callable[[Path], object]) -> Callable[[Path], str]:
    def decoder(file: Path) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                read(file)
            except Exception as error:  # whatever the decoder raises is its complaint
                return f"{type(error).__name__}: {error}"
        return ""

    return decoder


def _by_program(*command: str) -> Callable[[Path], str]:
    def decoder(file: Path) -> str:
        if shutil.which(command[0]) is None:
            return ""
        ended = subprocess.run(
            [*command, str(file)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        lines = [line for line in (ended.stderr + "\n" + ended.stdout).splitlines() if line.strip()]
        return lines[0] if lines and (ended.returncode or ended.stderr.strip()) else ""

    return decoder


def _pixels(file: Path) -> None:
    with Image.open(file) as picture:
        for frame in range(getattr(picture, "n_frames", 1)):
            picture.seek(frame)
            picture.load()


def _members(file: Path) -> None:
    with zipfile.ZipFile(file) as archive:
        bad = archive.testzip()
    if bad is not None:
        raise zipfile.BadZipFile(f"bad checksum of {bad}")


def _tar_members(file: Path) -> None:
    with tarfile.open(file) as archive:
        for member in archive:
            if member.isreg() and (stream := archive.extractfile(member)):
                stream.read()


def _drained(opening: Callable[[Path], object]) -> Callable[[Path], None]:
    def read(file: Path) -> None:
        with opening(file) as stream:  # type: ignore[attr-defined]
            while stream.read(1 << 20):
                pass

    return read


_PILLOW = ("Pillow", _by_library(_pixels))
_MEDIA = (
    ("ffprobe", _by_program("ffprobe", "-v", "error", "-show_streams")),
    ("ffmpeg", _by_program("ffmpeg", "-v", "error", "-f", "null", "/dev/null", "-i")),
)
_DECODERS: Mapping[str, Sequence[tuple[str, Callable[[Path], str]]]] = {
    "jpg": (_PILLOW, ("djpeg", _by_program("djpeg", "-strict", "-outfile", "/dev/null"))),
    "png": (_PILLOW, ("pngcheck", _by_program("pngcheck", "-q"))),
    "webp": (_PILLOW, ("webpinfo", _by_program("webpinfo", "-quiet"))),
    "tif": (_PILLOW, ("tiffinfo", _by_program("tiffinfo", "-D"))),
    "pdf": (("qpdf", _by_program("qpdf", "--check")),),
    "gz": (("gzip", _by_library(_drained(gzip.open))),),
    "bz2": (("bzip2", _by_library(_drained(bz2.open))),),
    "xz": (("xz", _by_library(_drained(lzma.open))),),
    "tar": (("tarfile", _by_library(_tar_members)),),
    "zip": (("zipfile", _by_library(_members)),),
}
_SAME: Mapping[str, str] = {
    **dict.fromkeys(("jpeg", "mpo"), "jpg"),
    **dict.fromkeys(("tiff",), "tif"),
    **dict.fromkeys(("docx", "xlsx", "pptx", "zipx", "jar"), "zip"),
    **dict.fromkeys(("tgz",), "gz"),
}
_SOUND_AND_VIDEO = words(
    "mp4 m4v m4a m4b mov 3gp 3g2 f4v mkv webm avi wav mp3 ogg oga ogv opus flac flv heic heif avif"
)


def _decoders(extension: str) -> Sequence[tuple[str, Callable[[Path], str]]]:
    if extension in _SOUND_AND_VIDEO:
        return (("ffprobe", _by_program("ffprobe", "-v", "error")), _PILLOW) if extension == "avif" else _MEDIA
    return _DECODERS.get(_SAME.get(extension, extension), (_PILLOW,))
