"""What the validators of ID3v2 tags can say, under the name of each format that carries them."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

from lazaretto_validators.finding import Category, Rule
from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM

__all__ = ["Id3Rules", "id3_rules"]


class Id3Rules(NamedTuple):
    """What is wrong with a tag in the same way in every format."""

    size: Rule
    version: Rule
    extended: Rule
    frame_size: Rule
    plain_size: Rule
    frame_id: Rule
    encoding: Rule
    picture: Rule
    picture_link: Rule
    frame_bomb: Rule
    hidden_file: Rule
    code: Rule


_MALFORMED, _ACTIVE, _RESOURCE, _CONCEALED = Category.MALFORMED, Category.ACTIVE, Category.RESOURCE, Category.CONCEALED

# category, severity, message, spec, who breaks the rule innocently
_ROWS = MappingProxyType(
    {
        "size": (
            _MALFORMED, HIGH,
            "The size of the tag is written with bits that must be clear.",
            "ID3v2.4 3.1, 6.2; CVE-2015-3876; C-MP3-01; threats MP4-07", "none known",
        ),
        "version": (
            _MALFORMED, MEDIUM,
            "The tag has a version or flags that do not exist, so that nobody knows how to read it.",
            "ID3v2.4 3.1; C-MP3-01", "none known",
        ),
        "extended": (
            _MALFORMED, HIGH,
            "The extended header of the tag is larger than the tag.",
            "ID3v2.4 3.2; CVE-2015-6602; threats MP4-07", "none known",
        ),
        "frame_size": (
            _MALFORMED, HIGH,
            "A frame of the tag is larger than what is left of the tag.",
            "ID3v2.4 4; CVE-2015-3876; C-MP3-01; threats MP4-07", "files whose tag was cut by a careless editor",
        ),
        "plain_size": (
            _MALFORMED, INFO,
            "The size of a frame is written in the way of an older version.",
            "ID3v2.4 4; C-MP3-01", "iTunes before 2008",
        ),
        "frame_id": (
            _MALFORMED, INFO,
            "The rest of the tag is neither a frame nor padding.",
            "ID3v2.4 3.3, 4; C-MP3-01", "taggers that do not clear the padding",
        ),
        "encoding": (
            _MALFORMED, INFO,
            "A text has an encoding that does not exist.",
            "ID3v2.4 4; C-MP3-05", "taggers that forget the encoding",
        ),
        "picture": (
            _MALFORMED, MEDIUM,
            "A cover picture has no picture in it, or a very large one.",
            "ID3v2.4 4.14; C-MP3-03", "covers damaged by a careless editor",
        ),
        "picture_link": (
            _ACTIVE, MEDIUM,
            "The cover picture is a link to another machine.",
            "ID3v2.4 4.14 (-->); C-MP3-03", "none known",
        ),
        "frame_bomb": (
            _RESOURCE, HIGH,
            "A compressed frame of the tag expands to very many bytes.",
            "ID3v2.4 4.1.2; threats BMB-01", "none known",
        ),
        "hidden_file": (
            _CONCEALED, HIGH,
            "A frame or the padding of the tag holds another file.",
            "ID3v2.4 4.27 (PRIV); C-MP3-04; threats STG-02, IMG-37",
            "programs that keep their project in a frame of their own",
        ),
        "code": (
            _ACTIVE, MEDIUM,
            "The tag holds program code for a web server or page.",
            "threats IMG-36, STG-02", "recordings about programming whose description quotes code",
        ),
    }
)  # fmt: skip


def id3_rules(name: str) -> Id3Rules:
    """The same rules under the name of one format."""
    return Id3Rules(**{key: Rule(f"{name}.id3-{key.replace('_', '-')}", *row) for key, row in _ROWS.items()})
