"""What the validators of ID3v2 tags can say, under the name of each format that carries them."""

from __future__ import annotations

from dataclasses import dataclass

from lazaretto_validators.finding import Rule
from lazaretto_validators.rule_table import HIGH, INFO, MEDIUM, RuleTable

__all__ = ["Id3Rules", "id3_rules"]


@dataclass(frozen=True, slots=True)
class Id3Rules:
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

    @property
    def all(self) -> tuple[Rule, ...]:
        """All of them."""
        return tuple(getattr(self, name) for name in self.__slots__)


def id3_rules(name: str) -> Id3Rules:
    """The same rules under the name of one format."""
    table = RuleTable(name)
    return Id3Rules(
        size=table.malformed(
            HIGH,
            "id3-size",
            "The size of the tag is written with bits that must be clear.",
            "ID3v2.4 3.1, 6.2; CVE-2015-3876; C-MP3-01; threats MP4-07",
        ),
        version=table.malformed(
            MEDIUM,
            "id3-version",
            "The tag has a version or flags that do not exist, so that nobody knows how to read it.",
            "ID3v2.4 3.1; C-MP3-01",
        ),
        extended=table.malformed(
            HIGH,
            "id3-extended",
            "The extended header of the tag is larger than the tag.",
            "ID3v2.4 3.2; CVE-2015-6602; threats MP4-07",
        ),
        frame_size=table.malformed(
            HIGH,
            "id3-frame-size",
            "A frame of the tag is larger than what is left of the tag.",
            "ID3v2.4 4; CVE-2015-3876; C-MP3-01; threats MP4-07",
            "files whose tag was cut by a careless editor",
        ),
        plain_size=table.malformed(
            INFO,
            "id3-plain-size",
            "The size of a frame is written in the way of an older version.",
            "ID3v2.4 4; C-MP3-01",
            "iTunes before 2008",
        ),
        frame_id=table.malformed(
            INFO,
            "id3-frame-id",
            "The rest of the tag is neither a frame nor padding.",
            "ID3v2.4 3.3, 4; C-MP3-01",
            "taggers that do not clear the padding",
        ),
        encoding=table.malformed(
            INFO,
            "id3-encoding",
            "A text has an encoding that does not exist.",
            "ID3v2.4 4; C-MP3-05",
            "taggers that forget the encoding",
        ),
        picture=table.malformed(
            MEDIUM,
            "id3-picture",
            "A cover picture has no picture in it, or a very large one.",
            "ID3v2.4 4.14; C-MP3-03",
            "covers damaged by a careless editor",
        ),
        picture_link=table.active(
            MEDIUM,
            "id3-picture-link",
            "The cover picture is a link to another machine.",
            "ID3v2.4 4.14 (-->); C-MP3-03",
        ),
        frame_bomb=table.resource(
            HIGH,
            "id3-frame-bomb",
            "A compressed frame of the tag expands to very many bytes.",
            "ID3v2.4 4.1.2; threats BMB-01",
        ),
        hidden_file=table.concealed(
            HIGH,
            "id3-hidden-file",
            "A frame or the padding of the tag holds another file.",
            "ID3v2.4 4.27 (PRIV); C-MP3-04; threats STG-02, IMG-37",
            "programs that keep their project in a frame of their own",
        ),
        code=table.active(
            MEDIUM,
            "id3-code",
            "The tag holds program code for a web server or page.",
            "threats IMG-36, STG-02",
            "recordings about programming whose description quotes code",
        ),
    )
