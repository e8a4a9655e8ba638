"""What happens in a campaign, all of it from a seed: who posts what where, when the bot dies, what moderators say."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from carriers.png import chunk, png
from carriers.programs import a_pe
from carriers.unscannable import encrypted, zipped
from carriers.wav import wav
from lazaretto.model import Action

__all__ = [
    "GROUPS",
    "MEMBERS",
    "POLICIES",
    "Content",
    "Life",
    "Plan",
    "Post",
    "expected_of",
    "fate_of",
    "made",
    "tag_of",
]

GROUPS, MEMBERS = 8, 4

_LARGE = 600_000  # bytes: arrives in three pieces
_ALBUMS, _EDITED, _COPIED, _DOWN, _SLOW = 0.12, 0.12, 0.2, 0.2, 0.1
"""Shares: of attachments that are albums, that are edited afterwards, whose file was posted before, of those that are
posted while the bot is down, and of files that are downloaded slowly."""

_RULES = ("pe.program", "claim.runs", "png.ancillary-crc", "unscannable.encrypted")
_F, _Q, _R = Action.FLAG, Action.QUARANTINE, Action.REJECT
POLICIES: Sequence[Mapping[str, Action]] = tuple(
    dict(zip(_RULES, actions, strict=True))
    for actions in ((_Q, _R, _F, _Q), (_R, _Q, _Q, _F), (_Q, _Q, _F, _R), (_F, _Q, _R, _F))
)
"""What a group does about the rules that are broken in a campaign; the groups take turns."""

_BROKEN: Mapping[str, tuple[str, ...]] = {
    "picture": (),
    "photo": (),
    "note": (),
    "sound": (),
    "program": ("pe.program",),
    "large": ("pe.program",),
    "disguised": ("pe.program", "claim.runs"),
    "broken": ("png.ancillary-crc",),
    "locked": ("unscannable.encrypted",),
}
_WEIGHTS = (3, 2, 2, 1, 3, 2, 3, 3, 3)


@dataclass(frozen=True, slots=True)
class Content:
    """One file. kind: of the message that carries it. copied: the same bytes are posted more than once."""

    sort: str
    kind: str
    name: str
    mime: str
    data: bytes
    copied: bool
    slow: bool


@dataclass(frozen=True, slots=True)
class Post:
    """One attachment of a member: a file, or several as an album. edited: what is put in its place a moment later."""

    number: int
    group: int
    member: int
    contents: tuple[Content, ...]
    edited: Content | None = None


@dataclass(frozen=True, slots=True)
class Life:
    """down: posted before the bot is born. up: posted in its life, each so many seconds before the end.

    It is killed so many seconds after its birth, or after it first asked for updates.
    """

    down: tuple[Post, ...]
    up: tuple[tuple[float, Post], ...]
    seconds: float
    from_birth: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign. rest: posted in the last life, which nobody ends."""

    seed: int
    lives: tuple[Life, ...]
    rest: tuple[Post, ...]

    @property
    def posts(self) -> Iterator[Post]:
        """All of them, in order."""
        for life in self.lives:
            yield from life.down
            yield from (post for _, post in life.up)
        yield from self.rest


def made(seed: int, attachments: int, kills: int) -> Plan:
    """The plan of a seed, always the same."""
    dice = random.Random(seed)
    posts = _posts(dice, attachments)
    lives = []
    for left in range(kills, 0, -1):
        mine, posts = _split(posts, len(posts) / (left + 1))
        down = tuple(post for post in mine if dice.random() < _DOWN)
        # Close to the end: most of them are then under way, each at another step.
        up = sorted(
            ((min(dice.expovariate(4), 1.5), post) for post in mine if post not in down), key=_first, reverse=True
        )
        from_birth = dice.random() < 0.4
        lives.append(Life(down, tuple(up), dice.uniform(0.1, 1.6), from_birth))
    return Plan(seed, tuple(lives), tuple(posts))


def _first(pair: tuple[float, Post]) -> float:
    return pair[0]


def _split(posts: list[Post], count: float) -> tuple[list[Post], list[Post]]:
    return posts[: round(count)], posts[round(count) :]


def _posts(dice: random.Random, count: int) -> list[Post]:
    posts: list[Post] = []
    known: list[Content] = []
    for number in range(count):
        files = dice.randint(2, 4) if dice.random() < _ALBUMS else 1
        contents = []
        for letter in "abcd"[:files]:
            copied = dice.choice(known) if known and dice.random() < _COPIED else None
            contents.append(_content(dice, f"{number:03}{letter}", copied, album=files > 1))
        edited = _content(dice, f"{number:03}e", None) if files == 1 and dice.random() < _EDITED else None
        posts.append(Post(number, dice.randrange(GROUPS), dice.randrange(MEMBERS), tuple(contents), edited))
        known += (content for content in contents if content.kind == "document")
    copies = {content.data for post in posts for content in post.contents if content.copied}
    return [_marked(post, copies) for post in posts]


def _marked(post: Post, copies: set[bytes]) -> Post:
    """The first of several copies is one, too."""
    contents = tuple(Content(c.sort, c.kind, c.name, c.mime, c.data, c.data in copies, c.slow) for c in post.contents)
    return Post(post.number, post.group, post.member, contents, post.edited)


def _content(dice: random.Random, name: str, copied: Content | None, *, album: bool = False) -> Content:
    slow = dice.random() < _SLOW
    if copied is not None:
        suffix = copied.name.rpartition(".")[2]
        return Content(copied.sort, "document", f"p{name}.{suffix}", copied.mime, copied.data, True, slow)
    (sort,) = dice.choices(tuple(_BROKEN), _WEIGHTS)
    sort = "picture" if album and sort in ("photo", "sound") else sort  # what goes together in an album
    suffix, mime, data = _file(sort, name)
    kind = {"photo": "photo", "sound": "audio"}.get(sort, "document")
    return Content(sort, kind, f"p{name}.{suffix}", mime, data, False, slow)


def _file(sort: str, name: str) -> tuple[str, str, bytes]:
    """Name's suffix, declared type and bytes. No two names give the same bytes, but for sounds."""
    comment = b"Comment\0" + name.encode()
    match sort:
        case "picture" | "photo":
            return "png", "image/png", png(chunk(b"tEXt", comment))
        case "broken":
            return "png", "image/png", png(chunk(b"tEXt", comment, crc=1))
        case "note":
            return "txt", "text/plain", b"Minutes of meeting " + name.encode() + b"\n"
        case "sound":
            return "wav", "audio/x-wav", wav()
        case "locked":
            return "zip", "application/zip", encrypted(zipped(f"note-{name}.txt", b"Not to be read.\n"))
        case "disguised":
            return "jpg", "image/jpeg", a_pe() + name.encode()
        case _:
            size = _LARGE if sort == "large" else 1024
            return "exe", "application/x-msdownload", a_pe(size=size) + name.encode()


def expected_of(group: int, contents: Sequence[Content]) -> Action:
    """What the group's policy does about these files, as long as its moderators have decided nothing."""
    rules = [rule for content in contents for rule in _BROKEN[content.sort]]
    policy = POLICIES[group % len(POLICIES)]
    return max((policy[rule] for rule in rules), key=lambda action: action.rank, default=Action.FORWARD)


def fate_of(seed: int, number: int) -> str:
    """What the moderators decide about a post that they are shown: release, confirm, or nothing."""
    return random.Random(seed * 1000 + number).choice(("release", "release", "confirm", "", ""))


def tag_of(content: Content) -> str:
    """Stands in the caption of a file's message, and so in that of its publication."""
    return f"[{content.name}]"
