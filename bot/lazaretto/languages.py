"""The languages that the bot speaks.

Texts are written in English in the code, with {named} places for values, and looked up under that English in the
catalogues `locales/<code>.po`; what has no translation stays English. A function that makes text takes
`say: Language`: `say("...")` is plain text and `say.html("...")` is HTML. `make messages` brings the catalogues up to
date with the code.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterable
from functools import cache
from html import escape
from io import BytesIO
from pathlib import Path
from string import Formatter
from types import MappingProxyType
from typing import Any

__all__ = ["LANGUAGES", "LOCALES", "N_", "Html", "Language", "language_of"]

# What a language is called in itself, and how it writes numbers: between thousands, before decimals (CLDR 47).
_SPOKEN = MappingProxyType(
    {
        "en": ("English", ",", "."),
        "de": ("Deutsch", ".", ","),
        "es": ("Español", ".", ","),
        "fr": ("Français", "\u202f", ","),
        "pt": ("Português", ".", ","),
        "ru": ("Русский", "\u00a0", ","),
    }
)
LANGUAGES = tuple(_SPOKEN)
"""Codes, the language of the code first."""

LOCALES = Path(__file__).parent / "locales"
"""The folder of catalogues, one a language but for English."""


class Html(str):
    """Text that is HTML already: what was put into it was escaped.

    Made by `Language.html`, or of a constant of ours; several become one by `Html("\\n").join(...)`.
    """

    __slots__ = ()

    # Narrower than `str.join` on purpose: mypy is to refuse text that nobody escaped.
    def join(self, parts: Iterable[Html], /) -> Html:  # type: ignore[override]
        """The parts, with this between them."""
        return Html(str.join(self, parts))

    def strip(self, characters: str | None = None, /) -> Html:
        """Without what of these characters, or of blanks, stands at its ends."""
        return Html(str.strip(self, characters))


class _Formatter(Formatter):
    """`str.format`, with numbers as a language writes them where a message says how: {size:,}, {seconds:.1f}."""

    def __init__(self, thousands: str, decimals: str) -> None:
        self._signs = str.maketrans({",": thousands, ".": decimals})

    def format_field(self, value: Any, format_spec: str) -> str:
        text = str(super().format_field(value, format_spec))
        return text.translate(self._signs) if format_spec and isinstance(value, int | float) else text


class Language:
    """One language's catalogue. name: what the language is called in itself."""

    def __init__(self, code: str, catalogue: gettext.NullTranslations) -> None:
        self.code = code
        self.name, *signs = _SPOKEN[code]
        self._fill = _Formatter(*signs).format
        self._catalogue = catalogue

    def __call__(self, message: str, /, **values: object) -> str:
        """Plain text; values stand in it as they are."""
        # The empty message is where a catalogue keeps its own head.
        told = self._catalogue.gettext(message) if message else ""
        return self._fill(told, **values) if values else told

    def html(self, message: str, /, **values: object) -> Html:
        """HTML of ours with values in it, each escaped unless it is Html."""
        return Html(self(message, **_escaped(values)))

    def many(self, one: str, more: str, count: int, /, **values: object) -> str:
        """Plain text in the form that the language has for so many; {count} is given."""
        return self._fill(self._catalogue.ngettext(one, more, count), count=count, **values)

    def many_html(self, one: str, more: str, count: int, /, **values: object) -> Html:
        """HTML in the form that the language has for so many; {count} is given."""
        return Html(self.many(one, more, count, **_escaped(values)))


def _escaped(values: dict[str, object]) -> dict[str, object]:
    # Numbers have nothing to escape, and keep what a message says of their format: {size:,}.
    return {name: v if isinstance(v, Html | int | float) else escape(str(v)) for name, v in values.items()}


def language_of(code: str | None) -> Language:
    """The language of a code such as `de` or `pt-BR`; English where there is none."""
    known = (code or "").replace("_", "-").partition("-")[0].lower()
    return _language(known if known in _SPOKEN else "en")


@cache
def _language(code: str) -> Language:
    return Language(code, gettext.NullTranslations() if code == "en" else _catalogue(code))


def _catalogue(code: str) -> gettext.GNUTranslations:
    """The catalogue as it lies there, compiled: there is no second copy of it to grow old."""
    # Imported here: a bot that speaks English needs nothing of it.
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = BytesIO()
    with (LOCALES / f"{code}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=code, abort_invalid=True))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def N_(message: str) -> str:  # noqa: N802 - gettext's name for it
    """Marks a constant for the catalogue."""
    return message
