"""Brings bot/lazaretto/locales/ up to date with the code: `python docs/update_messages.py`, or `make messages`.

Finds every text that the bot says, keeps the translations that there are, leaves new texts empty, drops what no code
says any more, and tells what is left to translate. A test holds the catalogues against the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

import lazaretto
from lazaretto.languages import LANGUAGES, LOCALES
from lazaretto.rules import all_rules

__all__ = ["CODE", "TRANSLATED", "missing", "read", "rule_messages", "spoken", "updated"]

CODE = Path(lazaretto.__file__).parent
TRANSLATED = LANGUAGES[1:]
_KEYWORDS = {"say": None, "html": None, "N_": None, "many": (1, 2), "many_html": (1, 2)}
_APART = ("emulator", "locales", "cli")  # the emulator says what Telegram says, the command line speaks English
_NO_WORDS = re.compile(r"<[^<>]*>|\{[^{}]*\}")
_HEAD = """\
msgid ""
msgstr ""
"Language: {code}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"

"""


def rule_messages() -> frozenset[str]:
    """What rules of ours say of a finding."""
    return frozenset(rule.message for rule in all_rules().values())


@cache
def spoken() -> Catalog:
    """Every text of the code: those under `say`, `html`, `many`, `many_html` and `N_`, and what rules say."""
    catalogue = Catalog()
    found = extract_from_dir(CODE, method_map=[("**.py", "python")], keywords=_KEYWORDS, directory_filter=_is_searched)
    for name, _, message, _, _ in sorted(found, key=lambda text: text[:2]):
        catalogue.add(message, locations=[(Path(name).as_posix(), 0)])
    for rule in sorted(all_rules().values(), key=lambda rule: rule.id):
        catalogue.add(rule.message, locations=[(f"rule:{rule.id}", 0)])
    return catalogue


def _is_searched(folder: str | Path) -> bool:
    return Path(folder).name not in _APART


def read(code: str) -> Catalog:
    """A language's catalogue as it lies there; an empty one where there is none."""
    path = LOCALES / f"{code}.po"
    if not path.exists():
        return Catalog(locale=code)
    return read_po(BytesIO(path.read_bytes()), locale=code, abort_invalid=True)


def updated(code: str) -> bytes:
    """A language's catalogue as it should be: every text that the code has, in order, with the translation it had."""
    there, wanted = read(code), spoken()
    catalogue = Catalog(locale=code)
    for message in _texts(wanted):
        had = there.get(message.id)
        string = had.string if had is not None and isinstance(had.string, type(_blank(message, catalogue))) else None
        string = string or _blank(message, catalogue)
        flags = {"python-brace-format"} if "{" in str(message.id) else set()
        catalogue.add(message.id, string, locations=message.locations, flags=flags)
    written = BytesIO()
    write_po(written, catalogue, width=120, omit_header=True, sort_output=True, include_lineno=False)
    # A head of our own: Babel's has the day on which it was written, and so would never be the same twice.
    return _HEAD.format(code=code, plurals=catalogue.plural_forms).encode() + written.getvalue()


def _blank(message: Message, catalogue: Catalog) -> str | tuple[str, ...]:
    """No translation yet; a text without a word needs none."""
    blank = "" if any(letter.isalpha() for letter in _NO_WORDS.sub("", _english(message))) else _english(message)
    return (blank,) * catalogue.num_plurals if message.pluralizable else blank


def _texts(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def missing(code: str) -> tuple[str, ...]:
    """The texts, in English, that a language's catalogue has no translation of."""
    there = read(code)
    return tuple(_english(message) for message in _texts(spoken()) if not _is_told(there.get(message.id)))


def _english(message: Message) -> str:
    return message.id if isinstance(message.id, str) else message.id[0]


def _is_told(message: Message | None) -> bool:
    if message is None or message.fuzzy:
        return False
    strings = (message.string,) if isinstance(message.string, str) else message.string or ()
    return any(strings) and all(strings)


def main() -> None:
    """Write the catalogues, and say what they lack."""
    LOCALES.mkdir(exist_ok=True)
    rules = rule_messages()
    for code in TRANSLATED:
        (LOCALES / f"{code}.po").write_bytes(updated(code))
        lacking = missing(code)
        of_rules = sum(message in rules for message in lacking)
        print(f"{code}: {len(lacking) - of_rules} texts and {of_rules} rules to translate")


if __name__ == "__main__":
    main()
