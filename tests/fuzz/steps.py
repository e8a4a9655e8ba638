"""What is done with one validator, each step in a process of its own: `python steps.py STEP NAME FOLDER [MORE]`.

fuzz   mutate the inputs in FOLDER under atheris, for so many seconds; new ones that reach something new are put there.
bound  judge every input as in use, without instrumentation, and measure the time and the memory of it.
cover  judge every input once more under coverage, and keep what was covered in the file named.
"""

from __future__ import annotations

import json
import resource
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lazaretto_validators.validator import Validator

_TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(_TESTS), str(_TESTS.parent)]

__all__ = ["LONGEST"]

LONGEST = 64 * 1024  # bytes of an input that is mutated: longer ones find nothing new and are slow

_MIB = 1 << 20
_SECONDS_PER_MIB = 1.0
_LEAST = 0.5  # seconds that any input may take: the key of an encrypted PDF alone is hundreds of rounds of AES
_INSTRUMENTED = 8  # times slower is code that tells atheris what it compares: this only finds hangs, `bound` the rest
_PROCESS = 1024  # MiB of the fuzzing process: the interpreter, the fuzzer, and what the validator takes
_TAKEN = 64  # MiB that judging may take beyond what was in use before, of inputs that expand to 4 MiB at most


def granted(size: int) -> float:
    """Seconds of processor time that an input with so many bytes to look at may take."""
    return max(_LEAST, _SECONDS_PER_MIB * size / _MIB)


def _fuzz(name: str, folder: str, seconds: str) -> None:
    """Ends the process."""
    import atheris

    with atheris.instrument_imports(include=["lazaretto_validators"]):
        from fuzz.alone import judge, named
    validator = named(name)

    def one(data: bytes) -> None:
        began = process_time()
        try:
            size = judge(validator, data)
        except Exception:
            traceback.print_exc()  # libFuzzer says no more than that there was one
            raise
        if (took := process_time() - began) > _INSTRUMENTED * granted(size):
            raise TimeoutError(f"{took:.1f} s for {len(data)} bytes")

    options = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-rss_limit_mb={_PROCESS}",
        "-timeout=60",
        "-print_final_stats=1",
        "-verbosity=0",
        f"-artifact_prefix={folder}/../fault-{name}-",
    ]
    atheris.Setup([sys.argv[0], *options, folder], one)
    atheris.Fuzz()


def _bound(name: str, folder: str) -> None:
    """Prints JSON: the slowest input's seconds and bytes, the MiB taken. Raises where more was taken than granted."""
    from fuzz.alone import judge, named

    validator, slowest = named(name), (0.0, 0)
    judge(validator, validator.example)  # caches are filled, and patterns compiled
    before = _resident()
    for file, data in _inputs(folder):
        took, size = min(_timed(validator, data) for _ in range(2))  # the faster one, since the machine is shared
        if took > granted(size):
            raise TimeoutError(
                f"{took:.2f} s for the {len(data)} bytes of {file.name}, {size} with what they unpack to"
            )
        slowest = max(slowest, (took, size))
    taken = _resident() - before
    if taken > _TAKEN:
        raise MemoryError(f"{taken:.0f} MiB were taken for inputs of {LONGEST} bytes")
    print(json.dumps({"seconds": slowest[0], "bytes": slowest[1], "taken": taken}))


def _timed(validator: Validator, data: bytes) -> tuple[float, int]:
    """Seconds of processor time, and the bytes that there were to look at."""
    from fuzz.alone import judge

    began = process_time()
    size = judge(validator, data)
    return process_time() - began, size


def _resident() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _cover(name: str, folder: str, data_file: str) -> None:
    import coverage

    measured = coverage.Coverage(data_file=data_file, branch=True, source_pkgs=["lazaretto_validators"])
    measured.start()
    from fuzz.alone import judge, named

    validator = named(name)
    measured.switch_context(name)  # so that a module that is only imported is told from one that is made use of
    for _, data in _inputs(folder):
        judge(validator, data)
    measured.stop()
    measured.save()


def _inputs(folder: str) -> Iterator[tuple[Path, bytes]]:
    for file in sorted(Path(folder).iterdir()):
        yield file, file.read_bytes()


STEPS: Mapping[str, Callable[..., None]] = {"fuzz": _fuzz, "bound": _bound, "cover": _cover}

if __name__ == "__main__":
    STEPS[sys.argv[1]](*sys.argv[2:])
