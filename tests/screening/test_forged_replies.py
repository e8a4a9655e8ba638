"""A worker that was taken over says what it likes: only a proper answer about the right bytes is believed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lazaretto.model import Claim, Report
from lazaretto.screening import WorkerScreener
from lazaretto.screening.sandbox.exec_backend import ExecBackend
from lazaretto.screening.sandbox.protocol import END, MAX_REPLY, Hello, encode_hello, encode_mark
from lazaretto.screening.sandbox.reply import BadReply, decode_reply, encode_reply
from lazaretto.screening.screener import ScreenerUnavailable
from lazaretto_validators import Finding, Inspection, default_registry
from lazaretto_validators.inspect import Gap

MakeScreener = Callable[..., WorkerScreener]

TEXT = b"Meet at noon."

# Says its first file, waits for the end mark, says its second file, then lives on until it is killed.
FORGER = """
import os, sys, time
hello, reply, last = sys.argv[1:4]
def say(path):
    data = open(path, 'rb').read()
    while data:
        data = data[os.write(1, data):]
say(hello)
heard = b''
while bytes.fromhex(last) not in heard:
    heard += os.read(0, 65536)
say(reply)
if os.path.getsize(reply) == 0:
    os._exit(0)
time.sleep(600)
"""


@pytest.fixture
def backend() -> str:
    """A forger is a program of the test's own, which only this one starts. What a taken-over worker behind the lock may
    say is among the attacks."""
    return "exec"


def reply(**changes: object) -> dict[str, Any]:
    """A proper reply about TEXT."""
    proper: dict[str, Any] = {
        "v": 2,
        "media_type": "text/plain",
        "size": len(TEXT),
        "findings": [],
        "total": 0,
        "coverage": [],
        "rule_set": default_registry().rule_set,
    }
    return {**proper, **changes}


def finding(**changes: object) -> dict[str, Any]:
    return {"rule": "unscannable.encrypted", "offset": 3, "where": "a", "seen": "b", "allowed": "c", **changes}


def line(said: object) -> bytes:
    return json.dumps(said).encode() + b"\n"


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in reply().items() if name != key}


FORGERIES: dict[str, bytes] = {
    "no-json": b"all is well\n",
    "not-utf8": b'"\xff"\n',
    "deep": b"[" * 60_000 + b"\n",
    "long-number": b'{"v":' + b"9" * 5000 + b"}\n",
    "list": line([reply()]),
    "other-version": line(reply(v=1)),
    "size-of-another-file": line(reply(size=len(TEXT) + 1)),
    "silent-about-the-end": line(reply(size=None)),
    "negative-size": line(reply(size=-1)),
    "boolean-size": line(reply(size=True)),
    "float-size": line(reply(size=float(len(TEXT)))),
    "not-a-number": line(reply(total=float("nan"))),
    "huge-total": line(reply(total=1 << 60)),
    "total-too-low": line(reply(findings=[finding()], total=0)),
    "missing-key": line(without("coverage")),
    "more-keys": line(reply(sha256="0" * 64)),
    "key-twice": b'{"v":2,' + line(reply())[1:],
    "unknown-type": line(reply(media_type="image/harmless")),
    "type-of-wrong-type": line(reply(media_type=["text/plain"])),
    "other-rules": line(reply(rule_set="0" * 16)),
    "unknown-rule": line(reply(findings=[finding(rule="png.all-is-well")], total=1)),
    "rule-of-the-bot": line(reply(findings=[finding(rule="precedent.confirmed")], total=1)),
    "rule-of-wrong-type": line(reply(findings=[finding(rule={})], total=1)),
    "negative-offset": line(reply(findings=[finding(offset=-1)], total=1)),
    "text-offset": line(reply(findings=[finding(offset="3")], total=1)),
    "long-text": line(reply(findings=[finding(seen="x" * 201)], total=1)),
    "control-characters": line(reply(findings=[finding(seen="\x1b[2J")], total=1)),
    "bidi-marks": line(reply(findings=[finding(where="\u202egpj.exe")], total=1)),
    "finding-of-wrong-type": line(reply(findings=["unscannable.encrypted"], total=1)),
    "too-many-findings": line(reply(findings=[finding()] * 65, total=65)),
    "too-many-gaps": line(reply(coverage=[{"where": "", "why": ""}] * 65)),
    "gap-of-wrong-type": line(reply(coverage=[{"where": "", "why": 1}])),
    "second-line": line(reply()) * 2,
    "trailing-bytes": line(reply()) + b"x",
    "too-long": b'"' + b"x" * MAX_REPLY + b'"\n',
    "endless": b"x" * (4 * MAX_REPLY),
}
TOO_LONG = {"too-long", "endless"}


def forger(folder: Path, said: bytes, hello: bytes | None = None) -> ExecBackend:
    """Starts workers that say what they were told to."""
    (folder / "hello").write_bytes(hello or encode_hello(Hello(("rlimits",), default_registry().rule_set)))
    (folder / "reply").write_bytes(said)
    told = (str(folder / "hello"), str(folder / "reply"), encode_mark(END).hex())
    return ExecBackend(command=(sys.executable, "-I", "-S", "-c", FORGER, *told))


async def answered(screener: WorkerScreener) -> Report:
    async with screener, screener.open(Claim(name="a.txt")) as job:
        await job.feed(TEXT)
        return await job.finish()


async def test_the_forger_is_believed_when_it_answers_properly(make_screener: MakeScreener, tmp_path: Path) -> None:
    said = line(reply(findings=[finding(), finding(rule="unscannable.budget", offset=None)], total=7))
    report = await answered(make_screener(backend=forger(tmp_path, said)))
    assert report.findings == (
        Finding("unscannable.budget", None, "a", "b", "c"),
        Finding("unscannable.encrypted", 3, "a", "b", "c"),
    )
    assert report.total == 7
    assert report.media_type == "text/plain"


@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_forged_reply_is_a_bad_reply(make_screener: MakeScreener, tmp_path: Path, kind: str) -> None:
    report = await answered(make_screener(spares=0, backend=forger(tmp_path, FORGERIES[kind])))
    (only,) = report.findings
    assert only.offset is None
    if kind in TOO_LONG:
        assert (only.rule, only.seen) == ("unscannable.budget", "an answer of more than 65536 bytes")
    else:
        assert (only.rule, only.seen) == ("unscannable.crashed", "bad reply")
    assert only.allowed
    assert report.media_type is None
    assert report.size == len(TEXT)


async def test_what_a_name_says_is_found_whatever_the_worker_says(make_screener: MakeScreener, tmp_path: Path) -> None:
    screener = make_screener(backend=forger(tmp_path, line(reply())))
    async with screener, screener.open(Claim(name="invoice.pdf\u202e.exe")) as job:
        await job.feed(TEXT)
        report = await job.finish()
    assert {"name.bidi-override", "name.dangerous-extension"} <= {finding.rule for finding in report.findings}


async def test_a_worker_that_leaves_without_a_word(make_screener: MakeScreener, tmp_path: Path) -> None:
    report = await answered(make_screener(backend=forger(tmp_path, b"")))
    assert [(found.rule, found.seen) for found in report.findings] == [("unscannable.crashed", "exit status 0")]


async def test_an_end_that_was_not_reached_may_be_explained_by_a_budget(
    make_screener: MakeScreener, tmp_path: Path
) -> None:
    said = line(reply(size=None, findings=[finding(rule="unscannable.budget")], total=1))
    report = await answered(make_screener(backend=forger(tmp_path, said)))
    assert [found.rule for found in report.findings] == ["unscannable.budget"]
    assert report.size == len(TEXT)


@pytest.mark.parametrize(
    "hello",
    [
        b"hello\n",
        b"x" * 5000,
        line({"v": 1, "layers": [], "failed": [], "rule_set": ""}),
        line({"v": 2, "layers": ["\x1b"], "failed": [], "rule_set": ""}),
        line({"v": 2, "layers": [], "failed": ["\x1b"], "rule_set": ""}),
        line({"v": 2, "layers": "rlimits", "failed": [], "rule_set": ""}),
        encode_hello(Hello((), "rules of another version")),
    ],
    ids=["no-json", "too-long", "other-version", "control-layers", "control-reasons", "wrong-type", "other-rules"],
)
async def test_a_worker_with_a_wrong_hello_is_never_given_a_file(
    make_screener: MakeScreener, tmp_path: Path, hello: bytes
) -> None:
    with pytest.raises(ScreenerUnavailable):
        await make_screener(backend=forger(tmp_path, line(reply()), hello)).__aenter__()


def test_the_fullest_inspection_fits_into_one_reply() -> None:
    rule = max(default_registry().rules, key=len)
    worst = Finding(rule, 1 << 53, *("\U0001f4c4" * 200,) * 3)
    gap = Gap("\U0001f4c4" * 200, '"' * 200)
    full = Inspection(None, 1 << 53, (worst,) * 64, 1 << 53, (gap,) * 64, default_registry().rule_set)
    written = encode_reply(full)
    assert len(written) <= MAX_REPLY
    again = decode_reply(written[:-1])
    assert len(again.findings) == 64
    assert again.findings[0].where.startswith("\U0001f4c4" * 10)


def test_what_honest_code_quotes_unescaped_is_escaped_on_the_way() -> None:
    raw = Finding("unscannable.encrypted", None, "\u202ea", "\x00", "\ud800")
    sent = encode_reply(Inspection(None, 0, (raw,), 1, (), default_registry().rule_set))
    assert decode_reply(sent[:-1]).findings[0] == Finding("unscannable.encrypted", None, "\\u202ea", "\\x00", "\\ud800")


def test_a_reply_names_what_was_expected() -> None:
    with pytest.raises(BadReply, match="whole number"):
        decode_reply(line(reply(size="13")).strip())
