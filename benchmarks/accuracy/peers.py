"""What can be installed anywhere and looks at files, too: ClamAV's heuristics, and libmagic's type against the name.

ClamAV runs with every heuristic alert that it has and one signature of no file, since its database is not part of the
package: what it is held against here are its rules about structure. libmagic only names types; that it contradicts the
name is taken for a catch, as a bot that checks types would.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from lazaretto.evaluation.manifest import Entry
from lazaretto_validators.media_types import BY_EXTENSION
from lazaretto_validators.mime_names import by_name

__all__ = ["PEERS", "Missing", "caught_by"]

_SIGNATURE = "00112233445566778899aabbccddeeff:1048576:Benchmark.Nothing\n"  # MD5, size, name: of no file that exists
_ALERTS = (
    "--heuristic-alerts=yes",
    "--alert-broken=yes",
    "--alert-broken-media=yes",
    "--alert-encrypted=yes",
    "--alert-macros=yes",
    "--alert-exceeds-max=yes",
    "--alert-partition-intersection=yes",
)
_NO_OPINION = frozenset({"application/octet-stream", "text/plain", "inode/x-empty", "application/x-empty"})
_AT_ONCE = 400  # files named on one command line


class Missing(Exception):
    """A peer is not installed. The message says what to install."""


def caught_by(peer: str, entries: Sequence[Entry]) -> tuple[str, set[str]]:
    """The peer's version, and the paths of the entries that it finds wrong. Raises Missing."""
    return PEERS[peer](entries)


def _clamav(entries: Sequence[Entry]) -> tuple[str, set[str]]:
    scanner = _installed("clamscan", "clamav")
    caught: set[str] = set()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "one.hdb").write_text(_SIGNATURE)
        for some in _batches(entries):
            command = [scanner, f"--database={folder}", "--no-summary", "--infected", *_ALERTS]
            said = _output([*command, *(str(entry.file) for entry in some)], allowed=(0, 1))
            found = {line.rpartition(": ")[0] for line in said.splitlines() if line.endswith(" FOUND")}
            caught |= {entry.path for entry in some if str(entry.file) in found}
        version = _output([scanner, f"--database={folder}", "--version"]).split("/")[0].strip()
    return version, caught


def _libmagic(entries: Sequence[Entry]) -> tuple[str, set[str]]:
    file = _installed("file", "file")
    caught: set[str] = set()
    for some in _batches(entries):
        said = _output([file, "--brief", "--mime-type", "--", *(str(entry.file) for entry in some)]).splitlines()
        caught |= {entry.path for entry, name in zip(some, said, strict=True) if _contradicts(entry, name)}
    return _output([file, "--version"]).splitlines()[0].replace("file-", "libmagic "), caught


def _contradicts(entry: Entry, name: str) -> bool:
    """Is the detected type another one than the name's extension stands for, and neither a kind of the other?"""
    detected, claimed = by_name(name), BY_EXTENSION.get(Path(entry.name).suffix.lower().lstrip("."))
    if name in _NO_OPINION or detected is None or claimed is None:
        return False
    return not {detected.name, detected.parent} & {claimed.name, claimed.parent} - {None}


def _installed(program: str, package: str) -> str:
    if found := shutil.which(program):
        return found
    raise Missing(f"{program} is not installed: it is in the package {package}")


def _batches(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    for begin in range(0, len(entries), _AT_ONCE):
        yield entries[begin : begin + _AT_ONCE]


def _output(command: Sequence[str], allowed: tuple[int, ...] = (0,)) -> str:
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    if ended.returncode not in allowed:
        raise RuntimeError(f"{command[0]} ended with status {ended.returncode}: {ended.stderr.strip()[:300]}")
    return ended.stdout


PEERS: Mapping[str, Callable[[Sequence[Entry]], tuple[str, set[str]]]] = {"ClamAV": _clamav, "libmagic": _libmagic}
