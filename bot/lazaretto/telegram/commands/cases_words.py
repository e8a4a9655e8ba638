"""What a list of cases is of, in the words of `/cases`, and what its buttons say.

A list's message begins with the command that would bring it about again. Buttons have room for 64 bytes; what does not
fit is read from there: Telegram keeps it, so it outlasts a restart of ours.

    lz:cs:n                 the newest page
    lz:cs:b:ID  lz:cs:a:ID  the page before or after a case
    lz:cs:f:STATE           only cases of this state
    lz:cs:g:CHAT            those of a chat
    lz:cs:o:ID              one case
    lz:cs:s:ID:CASES        choosing among those before ID; CASES are chosen
    lz:cs:r:ID:CASES        release these, lz:cs:c confirm them, and show the page before ID

Numbers are in base 36, and CASES are distances: of the first from ID, of each other one from the one before it. Eight
of them fit as long as no two are further than 60 million apart.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from telegram import Message, MessageEntity

from lazaretto.model import CaseState
from lazaretto.telegram.card_words import PREFIX

__all__ = [
    "DATA",
    "EVERYWHERE",
    "LONGEST_DATA",
    "PAGE",
    "STATES",
    "WORD",
    "Words",
    "WrongWord",
    "chosen",
    "command_above",
    "distances",
    "number",
    "told",
    "words_of",
]

WORD = "cs"
PAGE = 8
"""Cases on a page, and so the most that one press decides about."""

EVERYWHERE = "everywhere"
LONGEST_DATA = 64
STATES: Mapping[str, tuple[CaseState, ...]] = MappingProxyType(
    {
        "open": (CaseState.OPEN, CaseState.APPEALED, CaseState.RELEASE_PENDING),
        "all": (),
        "released": (CaseState.RELEASED,),
        "confirmed": (CaseState.CONFIRMED,),
    }
)
"""By the word for them. What is being released waits, too: its outcome may be unknown."""

_NUMBER = r"[0-9a-z]{1,12}"  # 18 digits, which fit the database's integer
_SOME = rf"(?:{_NUMBER}(?:\.{_NUMBER}){{0,{PAGE - 1}}})?"
DATA = re.compile(
    rf"{PREFIX}{WORD}:(?:(?P<newest>n)|(?P<way>[abo]):(?P<at>{_NUMBER})|f:(?P<state>{'|'.join(STATES)})"
    rf"|g:(?P<chat>-[0-9]{{1,18}}|{EVERYWHERE})|(?P<verb>[src]):(?P<anchor>{_NUMBER}):(?P<cases>{_SOME}))"
)

_CHAT = re.compile(r"-[0-9]{1,18}")
_MEMBER = re.compile(r"@[A-Za-z0-9_]{1,32}|[0-9]{1,18}")
_RULE = re.compile(r"[a-z0-9*?][a-z0-9.*?-]{0,63}")
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class WrongWord(ValueError):
    """A word that is none of these; the text is the word."""


@dataclass(frozen=True, slots=True)
class Words:
    """chat: an id, EVERYWHERE for all where the asker may look, None where nobody has said. member: `@name` or a user
    id. rule: an id or a glob."""

    state: str = "open"
    chat: str | None = None
    member: str | None = None
    rule: str | None = None

    def __str__(self) -> str:
        """The command that asks for it."""
        words = (self.state, self.chat, self.member, self.rule)
        return " ".join(("/cases", *(word for word in words if word)))


def words_of(words: Sequence[str]) -> Words:
    """Raises WrongWord for the first that says nothing."""
    found: dict[str, str] = {}
    for word in words:
        if word.lower() in STATES:
            found["state"] = word.lower()
        elif _CHAT.fullmatch(word) or word.lower() == EVERYWHERE:
            found["chat"] = word.lower()
        elif _MEMBER.fullmatch(word):
            found["member"] = word
        elif _RULE.fullmatch(word):
            found["rule"] = word if set(word) & set(".*?") else f"{word}.*"
        else:
            raise WrongWord(word)
    return Words(**found)


def command_above(message: Message, *names: str) -> list[str] | None:
    """The command that a message of ours begins with, as words: of another message's button there is none."""
    entity = message.entities[0] if message.entities else None
    if entity is None or entity.type != MessageEntity.CODE or entity.offset:
        return None
    words = message.parse_entity(entity).split()
    return words if words and words[0] in names else None


def number(text: str) -> int:
    """A number in base 36."""
    return int(text, 36)


def told(value: int) -> str:
    """The same, to be read by `number`. Not for negative ones."""
    digits = ""
    while value or not digits:
        value, digit = divmod(value, 36)
        digits = _DIGITS[digit] + digits
    return digits


def distances(anchor: int, cases: Collection[int]) -> str:
    """Cases before `anchor` as a button tells them."""
    found, last = [], anchor
    for case in sorted(cases, reverse=True):
        found.append(told(last - case))
        last = case
    return ".".join(found)


def chosen(anchor: int, text: str) -> list[int]:
    """Cases that a button tells, newest first."""
    found, last = [], anchor
    for distance in text.split(".") if text else ():
        last -= number(distance)
        if last > 0:
            found.append(last)
    return list(dict.fromkeys(found))
