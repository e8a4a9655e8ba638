"""The table of types is consistent, and large enough to matter."""

from __future__ import annotations

import pytest

from lazaretto_validators.media_types import BY_EXTENSION, MEDIA_TYPES, Risk
from lazaretto_validators.mime_names import ALIASES, by_name
from lazaretto_validators.names import DANGEROUS_EXTENSIONS, NOISY_EXTENSIONS


def test_at_least_110_types_each_with_a_label_and_a_risk() -> None:
    assert len(MEDIA_TYPES) >= 110
    assert all(m.label and len(m.label) <= 40 and m.risk is not Risk.UNKNOWN for m in MEDIA_TYPES.values())


def test_parents_are_in_the_table_and_end_somewhere() -> None:
    for media_type in MEDIA_TYPES.values():
        seen, kind = set(), media_type
        while kind.parent is not None:
            assert kind.name not in seen
            seen.add(kind.name)
            kind = MEDIA_TYPES[kind.parent]


def test_an_extension_belongs_to_one_type() -> None:
    extensions = [e for m in MEDIA_TYPES.values() for e in m.extensions]
    assert len(extensions) == len(set(extensions)) == len(BY_EXTENSION)
    assert all(e == e.lower() and "." not in e for e in extensions)


def test_names_that_run_by_table_are_on_the_lists_or_no_extension_of_a_click() -> None:
    # Libraries, kernel objects and the like are started by other programs, so no list of the field has them.
    loaded_by_others = {"so", "ko", "axf", "elf", "dylib", "macho", "odex", "luac", "ocx", "efi", "ax", "mui"}
    started_by_others = loaded_by_others | {"cjs", "bash", "war"}
    by_table = {e for m in MEDIA_TYPES.values() if m.risk is Risk.RUN for e in m.extensions}
    assert by_table - DANGEROUS_EXTENSIONS - NOISY_EXTENSIONS <= started_by_others


def test_aliases_lead_to_types_and_hide_none() -> None:
    assert set(ALIASES.values()) <= set(MEDIA_TYPES)
    assert not set(ALIASES) & set(MEDIA_TYPES)


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("image/jpg", "image/jpeg"),
        ("Text/HTML; charset=utf-8", "text/html"),
        ("application/vnd.ms-word.document.macroenabled.12", "application/vnd.ms-word.document.macroEnabled.12"),
        ("audio/mp4", "audio/x-m4a"),
    ],
)
def test_declaration_is_read_as_people_write_it(declared: str, name: str) -> None:
    assert by_name(declared) is MEDIA_TYPES[name]


@pytest.mark.parametrize("declared", ["", ";", "application/octet-stream", "binary/octet-stream", "image"])
def test_declaration_that_says_nothing(declared: str) -> None:
    assert by_name(declared) is None
