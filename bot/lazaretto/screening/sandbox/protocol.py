"""What a screening worker and the bot say to each other. Version 2.

One stream (a socket, or a pair of pipes), one worker, one file:

    worker -> bot   hello     one JSON line: {"v", "layers", "failed", "rule_set"}, once all is loaded and locked down
    bot -> worker   request   one JSON line: {"v", "limits", "decisive"}
    bot -> worker   marks     8 bytes each, big-endian: the count of bytes that are *already written* to the file;
                              END after the last count: that is the whole file; ABORT: no more bytes will come
    worker -> bot   reply     one JSON line of at most 64 KiB, then the worker exits

The file itself never crosses the stream: the worker holds a read-only descriptor of it. The hello is said before the
first attacker's byte, so it can be believed. The reply is said after, so it is read like any hostile file (`reply`).
The request comes from the bot, and the worker believes it. What is claimed of the file is not in it: the bot judges
that itself, so that a worker which was taken over can keep silent about the bytes, and not about the name.

decisive: ids of rules after one of which the rest of the file changes nothing; the worker then answers at once.
End of stream without END means that the bot is gone, which a worker treats like ABORT.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from lazaretto_validators import Limits

__all__ = [
    "ABORT",
    "END",
    "EXIT_MEMORY",
    "MARK_SIZE",
    "MAX_HELLO",
    "MAX_REPLY",
    "MAX_REQUEST",
    "VERSION",
    "Hello",
    "Request",
    "decode_hello",
    "decode_mark",
    "decode_request",
    "encode_hello",
    "encode_mark",
    "encode_request",
]

VERSION = 2
MAX_HELLO = 4096
MAX_REPLY = 64 * 1024
MAX_REQUEST = 256 * 1024
"""Longest lines, bytes, newline included."""

_MARK = struct.Struct(">Q")
MARK_SIZE = _MARK.size
END = (1 << 64) - 1
ABORT = (1 << 64) - 2

EXIT_MEMORY = 71
"""Exit status of a worker that met its memory limit outside of a validator (EX_OSERR of sysexits.h)."""

_MAX_LAYERS = 16
_MAX_LAYER = 120
"""Most layers in a hello, and characters of one with the reason why it failed."""


@dataclass(frozen=True, slots=True)
class Hello:
    """A worker's first words: the layers that hold around it, those that should and do not (`name: reason`), and the
    rules that it has loaded."""

    layers: tuple[str, ...]
    rule_set: str
    failed: tuple[str, ...] = ()


class Request(NamedTuple):
    """What a worker is asked: what looking at its file may cost, and which rules decide."""

    limits: Limits
    decisive: frozenset[str] = frozenset()


def encode_hello(hello: Hello) -> bytes:
    """The line that a worker opens with."""
    failed = [reason[:_MAX_LAYER] for reason in hello.failed]
    return _line({"v": VERSION, "layers": list(hello.layers), "failed": failed, "rule_set": hello.rule_set})


def decode_hello(line: bytes) -> Hello:
    """Raises ValueError for anything that `encode_hello` does not write."""
    said = json.loads(line)
    if not isinstance(said, dict) or said.get("v") != VERSION or said.keys() != {"v", "layers", "failed", "rule_set"}:
        raise ValueError(f"not a hello of protocol version {VERSION}")
    if not isinstance(said["rule_set"], str):
        raise ValueError("hello: wrong types")
    return Hello(_layers(said["layers"]), said["rule_set"], _layers(said["failed"]))


def _layers(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MAX_LAYERS:
        raise ValueError("hello: wrong types")
    if not all(isinstance(layer, str) and layer.isprintable() and len(layer) <= _MAX_LAYER for layer in value):
        raise ValueError("hello: wrong layers")
    return tuple(value)


def encode_request(request: Request) -> bytes:
    """The line that tells a worker what it is to do."""
    return _line({"v": VERSION, "limits": asdict(request.limits), "decisive": sorted(request.decisive)})


def decode_request(line: bytes) -> Request:
    """Raises ValueError, TypeError or KeyError for what another version of the bot would say."""
    said: dict[str, Any] = json.loads(line)
    if said["v"] != VERSION:
        raise ValueError(f"request of protocol version {said['v']!r}, this worker speaks {VERSION}")
    return Request(Limits(**said["limits"]), frozenset(said["decisive"]))


def encode_mark(mark: int) -> bytes:
    """A byte count, END or ABORT."""
    return _MARK.pack(mark)


def decode_mark(data: bytes) -> int:
    """The mark in MARK_SIZE bytes."""
    mark: int = _MARK.unpack(data)[0]
    return mark


def _line(said: dict[str, object]) -> bytes:
    # ASCII escapes carry lone surrogates, which names from a file system may hold and UTF-8 cannot.
    return json.dumps(said, separators=(",", ":")).encode("ascii") + b"\n"
