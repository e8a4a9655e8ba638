"""What the validators of ID3v2 tags can say, under the name of each format that carries them."""

from __future__ import annotations

from dataclasses import dataclass

from lazaretto_validators.finding import Category, Rule, Severity

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

    def rule(
        kind: str, category: Category, severity: Severity, message: str, spec: str, innocent: str = "none known"
    ) -> Rule:
        return Rule(f"{name}.id3-{kind}", category, severity, message, spec, innocent)

    high, medium, info = Severity.HIGH, Severity.MEDIUM, Severity.INFO
    malformed, concealed = Category.MALFORMED, Category.CONCEALED
    return Id3Rules(
        size=rule(
            "size",
            malformed,
            high,
            "The size of the tag is written with bits that must be clear.",
            "ID3v2.4 3.1, 6.2; CVE-2015-3876; C-MP3-01; threats MP4-07",
        ),
        version=rule(
            "version",
            malformed,
            medium,
            "The tag has a version or flags that do not exist, so that nobody knows how to read it.",
            "ID3v2.4 3.1; C-MP3-01",
        ),
        extended=rule(
            "extended",
            malformed,
            high,
            "The extended header of the tag is larger than the tag.",
            "ID3v2.4 3.2; CVE-2015-6602; threats MP4-07",
        ),
        frame_size=rule(
            "frame-size",
            malformed,
            high,
            "A frame of the tag is larger than what is left of the tag.",
            "ID3v2.4 4; CVE-2015-3876; C-MP3-01; threats MP4-07",
            "files whose tag was cut by a careless editor",
        ),
        plain_size=rule(
            "plain-size",
            malformed,
            info,
            "The size of a frame is written in the way of an older version.",
            "ID3v2.4 4; C-MP3-01",
            "iTunes before 2008",
        ),
        frame_id=rule(
            "frame-id",
            malformed,
            info,
            "The rest of the tag is neither a frame nor padding.",
            "ID3v2.4 3.3, 4; C-MP3-01",
            "taggers that do not clear the padding",
        ),
        encoding=rule(
            "encoding",
            malformed,
            info,
            "A text has an encoding that does not exist.",
            "ID3v2.4 4; C-MP3-05",
            "taggers that forget the encoding",
        ),
        picture=rule(
            "picture",
            malformed,
            medium,
            "A cover picture has no picture in it, or a very large one.",
            "ID3v2.4 4.14; C-MP3-03",
            "covers damaged by a careless editor",
        ),
        picture_link=rule(
            "picture-link",
            Category.ACTIVE,
            medium,
            "The cover picture is a link to another machine.",
            "ID3v2.4 4.14 (-->); C-MP3-03",
        ),
        frame_bomb=rule(
            "frame-bomb",
            Category.RESOURCE,
            high,
            "A compressed frame of the tag expands to very many bytes.",
            "ID3v2.4 4.1.2; threats BMB-01",
        ),
        hidden_file=rule(
            "hidden-file",
            concealed,
            high,
            "A frame or the padding of the tag holds another file.",
            "ID3v2.4 4.27 (PRIV); C-MP3-04; threats STG-02, IMG-37",
            "programs that keep their project in a frame of their own",
        ),
        code=rule(
            "code",
            Category.ACTIVE,
            medium,
            "The tag holds program code for a web server or page.",
            "threats IMG-36, STG-02",
            "recordings about programming whose description quotes code",
        ),
    )
