"""Which validator judges which type. Built-ins stand here literally; third parties come by entry point.

A duplicate, a validator for another API and an import that fails all stop the start, with the names of the
distributions concerned: a gate with a missing bar must not open quietly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module
from operator import attrgetter
from types import MappingProxyType
from typing import NamedTuple

from lazaretto_validators.archives.gzip import validate_gzip
from lazaretto_validators.archives.tar import validate_tar
from lazaretto_validators.archives.xz import validate_xz
from lazaretto_validators.archives.zip import validate_zip
from lazaretto_validators.archives.zstd import validate_zstd
from lazaretto_validators.audio.mp3 import validate_mp3
from lazaretto_validators.audio.ogg import validate_ogg
from lazaretto_validators.audio.wav import validate_wav
from lazaretto_validators.bmff.bmff import validate_bmff
from lazaretto_validators.claims import RULES as CLAIM_RULES
from lazaretto_validators.documents.html import validate_html
from lazaretto_validators.documents.ole2 import validate_ole2
from lazaretto_validators.documents.ooxml import validate_ooxml
from lazaretto_validators.documents.pdf import validate_pdf
from lazaretto_validators.documents.rtf import validate_rtf
from lazaretto_validators.finding import Rule
from lazaretto_validators.images.bmp import validate_bmp
from lazaretto_validators.images.gif import validate_gif
from lazaretto_validators.images.jpeg import validate_jpeg
from lazaretto_validators.images.png import validate_png
from lazaretto_validators.images.svg import validate_svg
from lazaretto_validators.images.webp import validate_webp
from lazaretto_validators.media_types import MEDIA_TYPES, MediaType
from lazaretto_validators.polyglot import RULES as POLYGLOT_RULES
from lazaretto_validators.programs.dex import validate_dex
from lazaretto_validators.programs.elf import validate_elf
from lazaretto_validators.programs.macho import validate_macho
from lazaretto_validators.programs.pe import validate_pe
from lazaretto_validators.programs.script import validate_script
from lazaretto_validators.text.plain import validate_plain
from lazaretto_validators.unscannable import RULES as UNSCANNABLE_RULES
from lazaretto_validators.validator import API, Validator
from lazaretto_validators.video.avi import validate_avi

__all__ = ["BUILT_IN", "GROUP", "Installed", "Registry", "RegistryError", "default_registry", "installed", "load"]

GROUP = "lazaretto.validators"
"""The entry-point group of third-party validators: `tiny = "my_package:validate_tiny"`."""

BUILT_IN: tuple[Validator, ...] = (
    validate_bmp,
    validate_gif,
    validate_jpeg,
    validate_png,
    validate_svg,
    validate_webp,
    validate_mp3,
    validate_ogg,
    validate_wav,
    validate_avi,
    validate_bmff,
    validate_gzip,
    validate_tar,
    validate_xz,
    validate_zip,
    validate_zstd,
    validate_html,
    validate_ole2,
    validate_ooxml,
    validate_rtf,
    validate_pdf,
    validate_pe,
    validate_elf,
    validate_macho,
    validate_dex,
    validate_script,
    validate_plain,
)


class RegistryError(Exception):
    """The set of validators contradicts itself. The message names the distributions."""


class Installed(NamedTuple):
    """A third party's validator: its entry point (`tiny = "my_package:validate_tiny"`), and who brings it."""

    name: str
    value: str
    distribution: str


class Registry(Mapping[str, Validator]):
    """Validators by media type name. Read-only.

    third_parties: what was loaded beside the built-in ones, for a process that shall load the same.
    rules: every rule that any inspection can report, by id.
    rule_set: an id of all rules together: equal ids mean that equal bytes get equal reports.
    """

    def __init__(self, validators: Iterable[tuple[Validator, str]], third_parties: tuple[Installed, ...] = ()) -> None:
        """`validators`: each with the name of its distribution. Raises RegistryError."""
        self.third_parties = third_parties
        owners: dict[str, str] = {}
        self._by_type: dict[str, Validator] = {}
        rules = [*UNSCANNABLE_RULES, *CLAIM_RULES, *POLYGLOT_RULES]
        for validator, distribution in validators:
            if validator.api != API:
                raise RegistryError(
                    f"validator {validator.name!r} of {distribution} is written for API {validator.api}, "
                    f"this is API {API}: install a version of {distribution} that matches"
                )
            for key in (f"validator {validator.name!r}", *(f"type {m.name}" for m in validator.media_types)):
                if key in owners:
                    raise RegistryError(f"{key} comes from both {owners[key]} and {distribution}: remove one")
                owners[key] = distribution
            self._by_type.update((m.name, validator) for m in validator.media_types)
            rules += validator.rules
        self.rules: Mapping[str, Rule] = MappingProxyType({rule.id: rule for rule in rules})
        self.validators: tuple[Validator, ...] = tuple(dict.fromkeys(self._by_type.values()))
        self.rule_set = self._fingerprint()

    def _fingerprint(self) -> str:
        digest = hashlib.sha256()
        for rule in sorted(self.rules.values(), key=lambda r: r.id):
            digest.update(repr(rule).encode())
        return digest.hexdigest()[:16]

    def __getitem__(self, name: str) -> Validator:
        return self._by_type[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_type)

    def __len__(self) -> int:
        return len(self._by_type)

    def judge_of(self, media_type: MediaType) -> Validator | None:
        """The validator of a type, or of the nearest type that it is a kind of: a JAR is judged as a ZIP."""
        kind: MediaType | None = media_type
        while kind is not None:
            if validator := self._by_type.get(kind.name):
                return validator
            kind = MEDIA_TYPES.get(kind.parent) if kind.parent else None
        return None

    @property
    def foreign_types(self) -> tuple[tuple[bytes, MediaType], ...]:
        """Magic and type of formats that only a third party knows, for `identify`."""
        return tuple(
            (magic, validator.media_types[0])
            for validator in self.validators
            for magic in validator.magic
            if validator.media_types[0].name not in MEDIA_TYPES
        )


def installed() -> tuple[Installed, ...]:
    """All third parties' validators, by name."""
    # Here and not above: it is a hundred modules, some of which do work in every process that is forked.
    from importlib.metadata import entry_points

    found = (
        Installed(entry.name, entry.value, entry.dist.name if entry.dist else "an unknown distribution")
        for entry in entry_points(group=GROUP)
    )
    return tuple(sorted(found))


def load(third_parties: Iterable[Installed]) -> Registry:
    """The built-in validators and these. Raises RegistryError."""
    third_parties = tuple(third_parties)
    ours = [(validator, "lazaretto") for validator in BUILT_IN]
    return Registry([*ours, *((_imported(entry), entry.distribution) for entry in third_parties)], third_parties)


@cache
def default_registry() -> Registry:
    """The built-in validators and every installed third party's. Raises RegistryError."""
    return load(installed())


def _imported(entry: Installed) -> Validator:
    module, _, name = entry.value.partition(":")
    try:
        loaded = attrgetter(name.strip())(import_module(module.strip()))
    except Exception as error:
        raise RegistryError(f"validator {entry.name!r} of {entry.distribution} cannot be imported: {error}") from error
    if not isinstance(loaded, Validator):
        raise RegistryError(f"{entry.value} of {entry.distribution} is not made by @validator")
    return loaded
