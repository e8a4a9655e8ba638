"""Texts with one flaw each."""

from __future__ import annotations

from lazaretto_validators.testing import Case

# In two pieces, so that no virus scanner mistakes this module for the test file.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + rb"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

PROSE = b"The committee met on Tuesday. Nothing was decided, which was to be expected.\n" * 4


def zalgo(marks: int) -> bytes:
    """One letter under so many combining marks, in a sentence."""
    return f"Look: a{chr(0x301) * marks} and no more.\n".encode()


def source_with(character: str) -> bytes:
    """A line of C with one more character in its comment."""
    return f"int answer = 42; /* the{character} question is not known */\n".encode()


CASES = (
    Case("plain.eicar", EICAR, EICAR.replace(b"EICAR", b"HARMLESS", 1)),
    Case("plain.control-character", PROSE * 300 + b"\0", PROSE * 300),
    Case("plain.combining-flood", zalgo(1001), zalgo(1000)),
    Case("plain.bidi-control", source_with("\u202e"), source_with("")),
)
