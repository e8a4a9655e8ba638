"""Mutate valid and broken files against every validator: any bytes give a report, never an exception.

    python tests/fuzz/mutate.py                a minute of it
    python tests/fuzz/mutate.py --seconds 900 --seed 5

The carriers of all rules and the validators' examples are the seeds. Runs of one seed repeat exactly, so a failure is
reproduced by its printed seed and round; the offending bytes are printed as hexadecimal.
"""

from __future__ import annotations

import argparse
import random
import sys
from itertools import chain
from pathlib import Path
from time import monotonic

sys.path.insert(0, str(Path(__file__).parents[1]))

from carriers import cases
from carriers.threats import SENT
from fuzz.alone import LIMITS
from lazaretto_validators import Source, default_registry, inspect

LONGEST = 1 << 18
INTERESTING = (0x00, 0x01, 0x7F, 0x80, 0xFF)


def seeds() -> list[bytes]:
    """Every example and carrier that is small enough to be mutated often."""
    files = [validator.example for validator in default_registry().validators]
    files += [data for _, case in cases() for data in (case.broken, case.repaired)]
    files += [data for sent in chain.from_iterable(SENT.values()) for data in (sent.case.broken, sent.case.repaired)]
    files = [data for data in dict.fromkeys(files) if data and len(data) <= LONGEST]
    if len(files) < 50:
        raise SystemExit(f"only {len(files)} seeds found: the carriers are not where they should be")
    return files


def mutated(chance: random.Random, files: list[bytes]) -> bytes:
    """One file with a few changes of the kinds that parsers stumble over."""
    data = bytearray(chance.choice(files))
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(6):
            case 0:
                data[at : at + 1] = bytes([chance.choice(INTERESTING)])
            case 1:
                data[at : at + 4] = chance.choice(
                    (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\0\0\0\x80")
                )
            case 2:
                del data[at : at + chance.randint(1, 64)]
            case 3:
                data[at:at] = chance.randbytes(chance.randint(1, 64))
            case 4:
                other = chance.choice(files)
                begin = chance.randrange(len(other))
                data[at:at] = other[begin : begin + chance.randint(1, 512)]
            case _:
                data = data[:at]
    return bytes(data)


def run(seconds: float, seed: int, rounds: int | None = None) -> int:
    """Inspect mutated files for so long, or so many rounds. Answers how many; raises on the first fault."""
    chance, files, count, end = random.Random(seed), seeds(), 0, monotonic() + seconds
    while monotonic() < end if rounds is None else count < rounds:
        data = mutated(chance, files)
        try:
            inspection = inspect(Source.of_bytes(data), LIMITS)
        except BaseException:
            print(f"seed {seed}, round {count}, {len(data)} bytes:\n{data.hex()}", file=sys.stderr)
            raise
        failed = [finding for finding in inspection.findings if finding.rule == "unscannable.validator-failed"]
        if failed:
            raise SystemExit(f"seed {seed}, round {count}: {failed[0]}\n{data.hex()}")
        count += 1
    return count


def main() -> None:
    """Parse the options, run, print the count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    print(f"{run(options.seconds, options.seed)} files inspected, no fault")


if __name__ == "__main__":
    main()
