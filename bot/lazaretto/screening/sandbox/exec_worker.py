"""A worker that is an interpreter of its own: `python -I -m lazaretto.screening.sandbox.exec_worker MEMORY CPU`.

MEMORY: bytes of address space beyond what is in use once everything is loaded. CPU: seconds. Descriptor 0 brings the
bot's words, 1 takes the answer, 2 is the file.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lazaretto.screening.sandbox.lockdown import lock_down
from lazaretto.screening.sandbox.privileges import give_up_root
from lazaretto.screening.sandbox.protocol import Hello, encode_hello
from lazaretto.screening.sandbox.worker import serve, warm_up
from lazaretto_validators import default_registry

__all__ = ["main"]


def main(arguments: Sequence[str]) -> int:
    """One file. Answers the exit status."""
    memory, cpu = int(arguments[0]), float(arguments[1])
    registry = default_registry()
    warm_up(registry)
    give_up_root()
    locked = lock_down(memory, cpu)
    hello = encode_hello(Hello(locked.layers, registry.rule_set, locked.failed))
    return serve(0, 1, 2, hello, registry, refuse=False)


if __name__ == "__main__":
    status = 70  # EX_SOFTWARE of sysexits.h
    try:
        status = main(sys.argv[1:])
    finally:
        os._exit(status)
