"""What `lazaretto scan` takes for its input."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lazaretto.cli.inputs import STDIN, Unreadable, files_in


def test_a_folder_is_read_only_when_its_turn_comes(folder: Path) -> None:
    """With any number of folders, the first file can be screened at once, and none is kept in mind."""
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / name / "first").touch()
    found = files_in([str(folder)])
    assert next(found) == str(folder / "a" / "first")
    (folder / "b" / "second").touch()
    assert list(found) == [str(folder / "b" / "first"), str(folder / "b" / "second")]


def test_files_and_standard_input_are_taken_as_they_are(folder: Path) -> None:
    assert list(files_in(["missing", STDIN, str(folder)])) == ["missing", STDIN]


def test_links_to_folders_are_not_followed(folder: Path) -> None:
    (folder / "inbox").mkdir()
    (folder / "inbox" / "loop").symlink_to(folder / "inbox")
    (folder / "inbox" / "file").touch()
    assert list(files_in([str(folder)])) == [str(folder / "inbox" / "file")]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may look everywhere")
def test_a_folder_that_may_not_be_entered_is_named(folder: Path) -> None:
    (folder / "closed").mkdir(mode=0)
    [found] = files_in([str(folder)])
    assert isinstance(found, Unreadable)
    assert (found.path, "run this as a user" in found.why) == (str(folder / "closed"), True)
