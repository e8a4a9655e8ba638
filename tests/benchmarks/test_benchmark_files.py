"""The files that are measured with are what they should be: to our validators, and to other programs."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from benchmarks.files import KINDS, Made
from benchmarks.peers import hashed, inflated, inspected, screened
from benchmarks.posts import mixed
from benchmarks.reports import WrongReport, check_inspection
from PIL import Image, ImageSequence

from benchmarks import files_png
from lazaretto_validators import Claim, Source, inspect, screen

pytestmark = pytest.mark.checkout

SIZES = (4096, 64 << 10, 3 << 20, 17 << 20)


def made(kind: str, size: int, folder: Path) -> Made:
    build, extension = KINDS[kind]
    return build(folder / f"file{extension}", size)


@pytest.fixture(params=SIZES, ids=str)
def size(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_accepted_with_its_claim(kind: str, size: int, tmp_path: Path) -> None:
    file = made(kind, size, tmp_path)
    assert file.size == file.path.stat().st_size
    assert file.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
    for look in (hashed, inflated, inspected, screened):  # each raises where the file is not what it should be
        look(file)


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_is_the_same_in_every_run(kind: str, tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    assert made(kind, 64 << 10, tmp_path).sha256 == made(kind, 64 << 10, tmp_path / "again").sha256


PICTURES = {"jpeg": "RGB", "gif": "L", "bmp": "RGB", **{kind: "RGB" for kind in KINDS if kind.startswith("png")}}


@pytest.mark.parametrize("kind", PICTURES)
def test_an_image_library_opens_the_pictures(kind: str, size: int, tmp_path: Path) -> None:
    with Image.open(made(kind, size, tmp_path).path) as picture:
        picture.load()
        assert picture.mode == PICTURES[kind]


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_an_image_library_opens_every_frame(kind: str, size: int, tmp_path: Path) -> None:
    with Image.open(made(kind, size, tmp_path).path) as picture:
        for frame in ImageSequence.Iterator(picture):
            frame.load()


@pytest.mark.parametrize("kind", ["zip, stored", "zip, one deflated", "zip, many deflated", "docx"])
def test_an_unpacker_opens_the_archives(kind: str, size: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(made(kind, size, tmp_path).path) as archive:
        assert archive.testzip() is None
        unpacked = sum(member.file_size for member in archive.infolist())
    assert unpacked == size or kind == "docx"


@pytest.mark.parametrize("kind", ["gzip, stored", "gzip, deflated", "tar"])
def test_an_unpacker_opens_the_streams(kind: str, size: int, tmp_path: Path) -> None:
    path = made(kind, size, tmp_path).path
    if kind == "tar":
        with tarfile.open(path) as archive:
            unpacked = sum(member.size for member in archive)
    else:
        with gzip.open(path) as packed:
            unpacked = len(packed.read())
    assert unpacked == size


@pytest.mark.parametrize(
    "kind",
    ["png, stored blocks", "png, noise", "png, gradient", "zip, many deflated", "pdf, deflated", "gzip, deflated"],
)
def test_the_streams_are_where_they_are_said_to_be(kind: str, size: int, tmp_path: Path) -> None:
    file = made(kind, size, tmp_path)
    data = file.path.read_bytes()
    joined = (b"".join(data[at : at + length] for at, length in stream.extents) for stream in file.streams)
    out = [zlib.decompress(packed, stream.wbits) for packed, stream in zip(joined, file.streams, strict=True)]
    assert sum(map(len, out)) == size


def test_a_picture_larger_than_pixels_may_be_has_the_rest_in_private_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files_png, "_MOST_PIXELS", 1 << 20)
    monkeypatch.setattr(files_png, "_PRIVATE", 1 << 20)
    file = made("png, stored blocks", 3 << 20, tmp_path)
    assert file.size > 3 << 20
    check_inspection(inspect(Source.of_bytes(file.path.read_bytes())), file)
    inflated(file)


def test_noise_is_not_stored(tmp_path: Path) -> None:
    assert made("png, noise", 1 << 20, tmp_path).size < 0.9 * made("png, stored blocks", 1 << 20, tmp_path).size


def test_a_report_of_another_file_is_noticed(tmp_path: Path) -> None:
    file = made("text", 4096, tmp_path)
    other = screen(Source.of_bytes(b"\x89PNG\r\n\x1a\n"), Claim())
    with pytest.raises(WrongReport, match=r"file\.txt: the report says"):
        check_inspection(other, file)
    file.path.write_bytes(b"changed")
    with pytest.raises(WrongReport, match="not the file that was made"):
        hashed(file)


def test_a_quarter_of_the_posts_is_bad_and_no_two_are_the_same() -> None:
    posts = list(mixed(32))
    assert len({post.sha256 for post in posts}) == 32
    assert sum(post.bad for post in posts) == 8
    for post in posts:
        inspection = screen(Source.of_bytes(post.data), Claim(name=post.name, media_type=post.mime))
        assert bool(inspection.findings) is post.bad
        assert 4096 <= len(post.data) <= (66 << 10)
