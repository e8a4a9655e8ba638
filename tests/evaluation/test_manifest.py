"""The list of labelled files: what it may hold, and what is said of one that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from lazaretto.evaluation.manifest import Entry, Label, ManifestError, read_manifest

HEAD = "path,label,class,ext\n"


def read(folder: Path, text: str | bytes, root: Path | None = None) -> list[Entry]:
    manifest = folder / "list.csv"
    manifest.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_manifest(manifest, root)


def test_a_file_is_found_beside_the_manifest_and_claims_its_own_name(tmp_path: Path) -> None:
    [entry] = read(tmp_path, HEAD + "a/b.JPG,hostile,polyglot,jpg\n")
    assert entry == Entry("a/b.JPG", tmp_path / "a/b.JPG", Label.HOSTILE, "polyglot", "jpg", "b.JPG")


def test_paths_begin_in_another_root_where_one_is_given(tmp_path: Path) -> None:
    [entry] = read(tmp_path, HEAD + "b.gif,benign,,gif\n", tmp_path / "data")
    assert entry.file == tmp_path / "data" / "b.gif"


def test_a_claimed_name_is_taken_in_place_of_the_files_own(tmp_path: Path) -> None:
    text = "label,claimed_name,path,note,class,ext\nbenign,,0001.bin,x,,pdf\nhostile,bill.pdf,0002.bin,y,spoof,exe\n"
    assert [entry.name for entry in read(tmp_path, text)] == ["0001.bin", "bill.pdf"]


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    assert len(read(tmp_path, b"\xef\xbb\xbf" + HEAD.encode().replace(b"\n", b"\r\n") + b"a,benign,,png\r\n")) == 1


@pytest.mark.parametrize(("ext", "path", "counted"), [("", "x.TXT", "txt"), (".PNG", "x", "png"), ("", "x", "none")])
def test_a_format_is_named_without_dot_in_lower_case(tmp_path: Path, ext: str, path: str, counted: str) -> None:
    assert read(tmp_path, f"{HEAD}{path},benign,,{ext}\n")[0].extension == counted


def test_a_path_may_lead_anywhere_since_the_list_is_its_owners(tmp_path: Path) -> None:
    entries = read(tmp_path, f"{HEAD}../b.gif,benign,,gif\n/c.gif,benign,,gif\n")
    assert [entry.file for entry in entries] == [tmp_path / "../b.gif", Path("/c.gif")]


def test_a_file_may_be_listed_again_and_under_another_name_with_another_label(tmp_path: Path) -> None:
    again = "path,label,class,ext,claimed_name\na,benign,,exe,a.exe\na,benign,,exe,a.exe\na,hostile,spoof,exe,a.jpg\n"
    assert [entry.label.value for entry in read(tmp_path, again)] == ["benign", "benign", "hostile"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "a,benign,,png\na,hostile,,png\n", "line 3: a has another label further up"),
        ("", "has no column path, label, class, ext"),
        (HEAD, "names no file"),
        ("path,label,ext\na,benign,png\n", "has no column class"),
        (HEAD + "a,benign,,png\nb,nice,,png\n", "line 3: the label 'nice' is unknown"),
        (HEAD + ",benign,,png\n", "line 2: no path"),
        (HEAD + "a\n", "line 2: the label '' is unknown"),
        (HEAD.encode() + b"\xff,benign,,png\n", "is no UTF-8 text"),
        (HEAD + '"' + "a" * 200_000 + '",benign,,png\n', "is no CSV"),
    ],
)
def test_a_list_that_cannot_be_used_is_told_where_and_why(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ManifestError, match=said) as refused:
        read(tmp_path, text)
    assert refused.value.remedy
