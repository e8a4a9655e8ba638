"""The kit that validators are tested with, ours and third parties': hostile sources, patches, cases, the laws.

    from lazaretto_validators.testing import Case, assert_laws, patch

    CASES = (Case("tiny.version", broken=patch(SMALLEST, "@0004=01>02"), repaired=SMALLEST),)

    def test_tiny_keeps_the_laws() -> None:
        assert_laws(validate_tiny, cases=CASES, foreign=(SMALLEST_PNG,))

Violations are AssertionErrors that name the validator, the law and the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from lazaretto_validators.hostile import (
    PatchError,
    aborted,
    bytewise,
    cut,
    from_file,
    growing,
    in_pieces,
    patch,
    whole,
)
from lazaretto_validators.laws import LAWS, Case, Subject
from lazaretto_validators.recorder import Recorder
from lazaretto_validators.registry import Registry, default_registry
from lazaretto_validators.validator import Validator

__all__ = [
    "LAWS",
    "Case",
    "PatchError",
    "Recorder",
    "Subject",
    "aborted",
    "assert_laws",
    "bytewise",
    "cut",
    "from_file",
    "growing",
    "in_pieces",
    "patch",
    "registry_with",
    "whole",
]


def assert_laws(
    validator: Validator,
    *,
    cases: Iterable[Case] = (),
    foreign: Iterable[bytes] = (),
    open_ended: bool = False,
    exempt: Mapping[str, str] | None = None,
) -> None:
    """Assert every law for one validator (see `Subject` for the arguments). Raises AssertionError."""
    subject = Subject(
        validator, tuple(cases), tuple(foreign), open_ended, exempt or {}, registry=registry_with(validator)
    )
    for law in LAWS:
        law(subject)


def registry_with(validator: Validator) -> Registry:
    """The installed validators, with this one added or put in the place of its namesake."""
    others = [v for v in default_registry().validators if v.name != validator.name]
    return Registry([*((other, "installed") for other in others), (validator, "under test")])
