"""The cursor that validators pull with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazaretto_validators.limits import Budget, BudgetSpent, Limits
from lazaretto_validators.source import MAX_READ, PIECE, Aborted, NotThisFormat, ShortRead, Source
from lazaretto_validators.testing import bytewise, from_file, growing, in_pieces, whole

DATA = bytes(range(256)) * 8


def stuttering(data: bytes) -> Source:
    return in_pieces(data, seed=3)


IN_MEMORY: dict[str, Callable[[bytes], Source]] = {"whole": whole, "bytewise": bytewise, "stuttering": stuttering}


@pytest.fixture(params=[*IN_MEMORY, "from_file", "growing"])
def make(request: pytest.FixtureRequest) -> Iterator[Callable[[bytes], Source]]:
    kind: str = request.param
    if kind in IN_MEMORY:
        yield IN_MEMORY[kind]
        return
    with ExitStack() as files:
        yield lambda data: files.enter_context(from_file(data) if kind == "from_file" else growing(data, step=3))


def test_read_gives_exactly_what_is_asked_for(make: Callable[[bytes], Source]) -> None:
    source = make(DATA)
    assert (source.read(3), source.tell(), source.read(2)) == (DATA[:3], 3, DATA[3:5])


def test_read_past_the_end_is_a_short_read_that_does_not_move(make: Callable[[bytes], Source]) -> None:
    source = make(b"abc")
    source.read(1)
    with pytest.raises(ShortRead) as end:
        source.read(3)
    assert (end.value.offset, end.value.wanted, end.value.available) == (1, 3, 2)
    assert source.read(2) == b"bc"


def test_peek_does_not_move_and_is_short_at_the_end(make: Callable[[bytes], Source]) -> None:
    source = make(b"abc")
    assert (source.peek(2), source.peek(9), source.tell()) == (b"ab", b"abc", 0)


def test_skip_to_the_end_is_allowed_and_one_further_is_not(make: Callable[[bytes], Source]) -> None:
    source = make(b"abc")
    with pytest.raises(ShortRead):
        source.skip(4)
    source.skip(3)
    assert source.peek(1) == b""


@pytest.mark.parametrize("far", [1 << 32, 1 << 62, 1 << 63, 1 << 64, 1 << 200])
def test_a_declared_length_beyond_every_file_is_only_short(make: Callable[[bytes], Source], far: int) -> None:
    with pytest.raises(ShortRead):
        make(b"abc").skip(far)
    beyond = make(b"abc").at(far, far)
    assert (beyond.peek(1), beyond.size) == (b"", 0)


@pytest.mark.parametrize("count", [-1, MAX_READ + 1])
def test_a_read_no_format_needs_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="one read is"):
        whole(b"").read(count)


@pytest.mark.parametrize(("offset", "length"), [(-1, None), (0, -1)])
def test_a_window_does_not_begin_before_the_file(offset: int, length: int | None) -> None:
    with pytest.raises(ValueError, match="negative"):
        whole(b"").at(offset, length)


def test_going_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="only goes forward"):
        whole(b"abc").skip(-1)


def test_expect_declines_other_bytes_and_stays() -> None:
    source = whole(b"abc")
    with pytest.raises(NotThisFormat):
        source.expect(b"abd")
    source.expect(b"abc")
    assert source.tell() == 3


def test_windows_are_independent_and_end_where_they_should(make: Callable[[bytes], Source]) -> None:
    source = make(DATA)
    window = source.at(10, 5)
    assert (window.read(5), window.peek(1), window.size, source.tell()) == (DATA[10:15], b"", 5, 0)
    inner = window.at(3, 100)
    assert (inner.read(2), inner.peek(1), inner.size) == (DATA[13:15], b"", 2)


def test_offset_counts_from_the_beginning_of_the_file() -> None:
    window = whole(DATA).at(10).at(5)
    window.skip(2)
    assert (window.tell(), window.offset) == (2, 17)


def test_pieces_walk_the_whole_file_in_small_steps(make: Callable[[bytes], Source]) -> None:
    data = bytes(PIECE + 17) if make is not bytewise else bytes(1000)
    pieces = list(make(data).pieces())
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= PIECE


def test_pieces_of_a_declared_length_that_is_not_there() -> None:
    walked: list[bytes] = []
    with pytest.raises(ShortRead):
        walked.extend(whole(b"abc").pieces(1 << 40))
    source = whole(b"abcdef")
    assert (b"".join(source.pieces(4)), source.tell()) == (b"abcd", 4)


def test_size_waits_for_the_end() -> None:
    with growing(DATA, step=7) as source:
        assert source.size == len(DATA)


def test_size_of_a_window_does_not_wait_for_the_end_of_the_file() -> None:
    def more() -> Iterator[bytes]:
        yield bytes(20)
        raise AssertionError("the end of the file was asked for")

    source = Source.of_pieces(more())
    assert (source.at(5, 15).size, source.at(30, 0).size) == (15, 0)


def test_size_of_a_window_beyond_the_end(make: Callable[[bytes], Source]) -> None:
    source = make(b"abcdef")
    assert [source.at(at, 4).size for at in (0, 2, 3, 6, 7)] == [4, 4, 3, 0, 0]


def test_a_file_is_read_without_moving_its_descriptor() -> None:
    with from_file(DATA) as first:
        first.read(100)
        assert first.at(0).read(10) == DATA[:10]


def test_aborted_passes_through_reads_and_size() -> None:
    def broken() -> Iterator[bytes]:
        yield b"abc"
        raise Aborted

    with pytest.raises(Aborted):
        Source.of_pieces(broken()).read(4)
    with pytest.raises(Aborted):
        _ = Source.of_pieces(broken()).size


def test_reads_are_charged() -> None:
    source = whole(DATA).charged_to(Budget(Limits(operations=3, bytes_per_operation=1 << 30)))
    for _ in range(3):
        source.read(1)
    with pytest.raises(BudgetSpent) as spent:
        source.read(1)
    assert (spent.value.bound, spent.value.used, spent.value.allowed) == ("operations", 4, 3)


def test_the_allowance_grows_with_what_was_reached_and_not_by_reading_twice() -> None:
    budget = Budget(Limits(operations=0, bytes_per_operation=1))
    source = whole(DATA).charged_to(Budget(Limits()))
    source.read(5)
    assert budget.reached == 0
    charged = whole(DATA).charged_to(budget := Budget(Limits()))
    charged.read(100)
    charged.at(0).read(50)
    charged.at(50).read(100)
    assert budget.reached == 150


def test_a_look_beyond_the_end_buys_no_allowance() -> None:
    source = whole(DATA).charged_to(budget := Budget(Limits()))
    assert source.at(1 << 60).peek(1) == b""
    assert budget.reached == 0


def test_a_member_far_inside_a_file_buys_no_more_than_its_own_bytes() -> None:
    member = whole(DATA).at(100, 20).charged_to(budget := Budget(Limits()))
    member.read(20)
    assert budget.reached == 20


@given(data=st.binary(max_size=300), reads=st.lists(st.integers(0, 40), max_size=20), seed=st.integers(0, 5))
def test_reading_in_any_steps_gives_the_same_bytes(data: bytes, reads: list[int], seed: int) -> None:
    sources = (whole(data), bytewise(data), in_pieces(data, seed))
    got = [_read_all(source, reads) for source in sources]
    assert got == [got[0]] * 3
    assert b"".join(got[0]) == data[: len(b"".join(got[0]))]


def _read_all(source: Source, reads: list[int]) -> list[bytes]:
    taken = []
    for count in reads:
        try:
            taken.append(source.read(count))
        except ShortRead:
            break
    return taken
