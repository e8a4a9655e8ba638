"""The words on the socket, and the reports in the database."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator

import pytest

from lazaretto.model import Claim, Gap, Report
from lazaretto.model_json import report_from_json, report_to_json
from lazaretto.screening.report import with_claims
from lazaretto.screening.sandbox.protocol import (
    ABORT,
    END,
    MAX_REQUEST,
    Request,
    decode_request,
    encode_mark,
    encode_request,
)
from lazaretto.screening.sandbox.worker import Inbox
from lazaretto_validators import Finding, Inspection, Limits, default_registry
from lazaretto_validators.source import Aborted


def test_a_request_comes_out_as_it_went_in() -> None:
    request = Request(Limits(nesting=2), frozenset({"png.chunk-crc", "zip.bomb"}))
    assert decode_request(encode_request(request)) == request


def test_a_request_about_every_rule_there_is_fits() -> None:
    assert 10 * len(encode_request(Request(Limits(), frozenset(default_registry().rules)))) < MAX_REQUEST


def test_an_endless_name_keeps_the_end_that_says_what_opens_it() -> None:
    name = "\U0001f4c4" * 100_000 + ".exe"
    nothing = Inspection(None, 0, (), 0, (), default_registry().rule_set)
    judged = with_claims(nothing, Claim(name, name, None, name))
    assert "name.dangerous-extension" in {finding.rule for finding in judged.findings}


def test_a_request_of_another_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 1"):
        decode_request(b'{"v":1,"limits":{}}')


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_marks_that_come_in_halves_and_with_the_request(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    inbox = Inbox(theirs.fileno())
    mark = encode_mark(10)
    ours.sendall(b"request\n" + mark[:3])
    assert inbox.line() == b"request"
    ours.sendall(mark[3:] + encode_mark(END))
    assert inbox.wait(5) == (10, False)
    assert inbox.wait(11) == (10, True)


@pytest.mark.parametrize("bot_is_gone", [False, True])
def test_bytes_before_an_abort_are_still_there(ends: tuple[socket.socket, socket.socket], bot_is_gone: bool) -> None:
    ours, theirs = ends
    inbox = Inbox(theirs.fileno())
    ours.sendall(b"\n" + encode_mark(10) + (b"" if bot_is_gone else encode_mark(ABORT)))
    ours.shutdown(socket.SHUT_WR)
    inbox.line()
    with pytest.raises(Aborted):
        inbox.wait(11)
    assert inbox.wait(10) == (10, False)


def test_a_spare_notices_that_the_bot_is_gone(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    inbox = Inbox(theirs.fileno())
    os.close(ours.detach())
    with pytest.raises(EOFError):
        inbox.line()


FULL = Report(
    "image/png",
    12,
    "ab" * 32,
    (Finding("png.chunk-crc", 7, "IDAT[0]", "1", "2"), Finding("claims.x", None)),
    2,
    (Gap("a", "b"),),
    "0123",
    ("process", "rlimits"),
    True,
)


@pytest.mark.parametrize("report", [FULL, Report(None, None, None)])
def test_a_stored_report_comes_out_as_it_went_in(report: Report) -> None:
    assert report_from_json(json.loads(json.dumps(report_to_json(report)))) == report


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"v": 2}, "version"),
        ({"size": "12"}, "size"),
        ({"total": True}, "total"),
        ({"findings": {}}, "findings"),
        ({"findings": [{"rule": "a"}]}, "offset"),
        ({"layers": [1]}, "layers"),
        ({"coverage": [[]]}, "gap"),
    ],
)
def test_a_damaged_stored_report_names_its_field(change: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        report_from_json({**report_to_json(FULL), **change})
