"""The first partition of a VP8 key frame: which blocks there are and how each is predicted. RFC 6386 9.6 to 9.11, 11.

    partition = header macroblock{columns x rows}
    macroblock = [segment] [skip] (whole-mode | 16 x block-mode) colour-mode

Every macroblock of the picture takes part in it. A file whose size was changed, or that was cut, has too few of them:
the decoder comes to the end of the partition before the last one, and refuses the picture.
"""

from __future__ import annotations

from collections.abc import Callable

from lazaretto_validators.images import webp_rules as rules
from lazaretto_validators.images.webp_bits import Allowance, Broken, Enough
from lazaretto_validators.validator import Screening

__all__ = ["Decoder", "check_blocks"]

# RFC 6386 13.4, odds that the odds of a coefficient stay as they are: 4 types, 8 bands, 3 contexts, 11 odds.
_UPDATES = bytes.fromhex(
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffb0f6ffffffffffffffffffdff1fcffffffffffffff"
    "fff9fdfdfffffffffffffffffff4fcffffffffffffffffeafefefffffffffffffffffdfffffffffffffffffffffff6feffffffffffff"
    "ffffeffdfefffffffffffffffffefffefffffffffffffffffff8fefffffffffffffffffbfffeffffffffffffffffffffffffffffffff"
    "fffffffffdfefffffffffffffffffbfefefffffffffffffffffefffefffffffffffffffffffefdfffefffffffffffffafffefffeffff"
    "fffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffd9ffffffffff"
    "ffffffffffe1fcf1fdfffffeffffffffeafaf1fafdfffdfefffffffffeffffffffffffffffffdffefeffffffffffffffffeefdfefeff"
    "fffffffffffffff8fefffffffffffffffff9fefffffffffffffffffffffffffffffffffffffffffffdfffffffffffffffffff7feffff"
    "fffffffffffffffffffffffffffffffffffffffdfefffffffffffffffffcfffffffffffffffffffffffffffffffffffffffffffffefe"
    "fffffffffffffffffdfffffffffffffffffffffffffffffffffffffffffffffefdfffffffffffffffffafffffffffffffffffffffeff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffbafbfaffffffffffffffffea"
    "fbf4fefffffffffffffffbfbf3fdfefffefffffffffffdfeffffffffffffffffecfdfefffffffffffffffffbfdfdfefeffffffffffff"
    "fffefefffffffffffffffffefefefffffffffffffffffffffffffffffffffffffffffefffffffffffffffffffefeffffffffffffffff"
    "fffefffffffffffffffffffffffffffffffffffffffffffeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
    "fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff8fffffffffffffffffffffafefcfeffffff"
    "fffffffff8fef9fdfffffffffffffffffdfdfffffffffffffffff6fdfdfffffffffffffffffcfefbfefefffffffffffffffefcffffff"
    "fffffffffff8fefdfffffffffffffffffdfffefefffffffffffffffffbfefffffffffffffffff5fbfefffffffffffffffffdfdfeffff"
    "fffffffffffffffbfdfffffffffffffffffcfdfefffffffffffffffffffefffffffffffffffffffffcfffffffffffffffffff9fffeff"
    "fffffffffffffffffffefffffffffffffffffffffdfffffffffffffffffaffffffffffffffffffffffffffffffffffffffffffffffff"
    "fffffffffffffffffeffffffffffffffffffffffffffffffffffffffffff"
)

# RFC 6386 11.5, odds of a block's mode by those above and to the left of it: 10 x 10 contexts, 9 odds.
_MODES = bytes.fromhex(
    "e7783059737178987098b3407eaa762e465faf458f505552489b67383a0aabdabd110d98721a11a32cc3150aad791850c31a3e2c4055"
    "90470a26abd590221aaa2e371388a021ce473f14087272d00c09e251280b60b6541d102486b7598962656aa59448bb64829d6f204b50"
    "4266a7634a3e28ea80293509b2f18d1a086b4a2b1a9249a631179d412669a033341f7380684f0c1bd9ff5711075744472c72330fba17"
    "2f290e6eb6b71511c2422d1966c5bd171216585893962a2e2dc4cd2b61b775552623b33d2735c8571a152be8ab3822336872661d5d4d"
    "271c55ab3aa55a6240221674ce17222ba6496b36201a3301512b1f44196a1640ab24e1722213156684bc104c7c3e124e5f5539323033"
    "c165239fd76f592e6f3c941facdbe415126f70714d55b3ff267872282a01c4f5d10a196d582b1d8ca6d5252b9a3d3f1e9b432d4401d1"
    "6450082b9a01331a478e4e4e10ff8022c5ab29280566d3b70401dd333211a8d1c01719528a1f24ab1ba6262ce543573aa952731a3bb3"
    "3f3b5ab43ba65d499a282815748fd12227af2f0f10b722df312db72e1121b706620f20b7392e16188001361125412049731c801780cd"
    "2803097333c01206df572509733b4d40152f68372cda09363582e2405a46cd2829171a39363970b8052926a6d51e221a8598740a2086"
    "271335dd1a722049ff1f0941ea020f0176494b200c33c0ffa02b33581f2343665537ba553815176f3bcd2d25c03726467c4966012262"
    "7d622a58685575af525f543559806471652d4b4f7b2f338051ab0139110547663935293126210d7939491a0155290a438a4d6e5a2f72"
    "7315020a66ffa61706651d100a558065c41a39120a6666d522142b75140f24a38044011a663d472522351ff3c0453c472649771cde25"
    "442d8022012f0bf5ab3e1113469255373e46252b259a64a355a0013f095c881c4020c9554b0f090940ffb8771056061c0540ff19f801"
    "3808118489ff3774803a0f145287391a7928a4321f899a851923da33672c83837b1f069e5628408794e02db780161a1183f09a0e01d1"
    "2d10155b40de0701c53815279b3c8a1766d5530c0d36c0ff442f1c551a555580802092ab120b073f90ab0404f6231b0a92aeab0c1a80"
    "be502363b4507e362d557e2f57b033291420654b808b769274805538290fb0ec5525093e471e117776ff11128a65263c8a37462b1a8e"
    "9224131eabff611b148a2d3d3edb0151bc4020291475978e1415a370130c3dc380300418"
)

_DC, _TM, _V, _H = 0, 1, 2, 3  # modes of whole macroblocks, which stand for the block modes of that direction

# RFC 6386 8.1: two steps for each node, a mode where it is not positive.
_TREE = ((0, 1), (-1, 2), (-2, 3), (4, 6), (-3, 5), (-4, -5), (-6, 7), (-7, 8), (-8, -9))

_CHARGED = 4  # macroblocks for one operation of the budget


class Decoder:
    """The boolean entropy decoder. RFC 6386 section 7.3. ended: it needed a byte that is not there."""

    __slots__ = ("_at", "_bits", "_data", "_range", "_value", "ended")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = self._value = 0
        self._bits = -8  # of `_value` beyond the eight that are compared
        self._range = 254
        self.ended = False

    def _load(self) -> None:
        piece = self._data[self._at : self._at + 7] or b"\0"
        self.ended = self._at >= len(self._data)
        self._at += len(piece)
        self._value = self._value << 8 * len(piece) | int.from_bytes(piece, "big")
        self._bits += 8 * len(piece)

    def bit(self, odds: int = 128) -> int:
        """The next decision; odds: of a zero, out of 256."""
        if self._bits < 0:
            self._load()
        split = self._range * odds >> 8
        one = (self._value >> self._bits) > split
        if one:
            left = self._range - split
            self._value -= (split + 1) << self._bits
        else:
            left = split + 1
        shift = 8 - left.bit_length()
        self._bits -= shift
        self._range = (left << shift) - 1
        return int(one)

    def number(self, count: int) -> int:
        """The next decisions of even odds as a number, the highest bit first."""
        value = 0
        for _ in range(count):
            value = value << 1 | self.bit()
        return value

    def optional(self, count: int, times: int) -> None:
        """Pass over fields that are there if the bit before them says so."""
        for _ in range(times):
            if self.bit():
                self.number(count)

    def updates(self, table: bytes) -> None:
        """Pass over numbers of eight bits that are there if the decision before each says so. table: their odds."""
        for odds in table:
            split = self._range * odds >> 8
            if self._bits >= 0 and self._value >> self._bits <= split >= 127:
                self._range = split  # a zero, as nearly all are, that leaves the range wide enough: no bit is used up
            elif self.bit(odds):
                self.number(8)

    def check(self) -> None:
        """Raise Broken if decisions were taken that are not there."""
        if self.ended:
            raise Broken(rules.LOSSY_SHORT, f"{len(self._data)} bytes of the first partition", "more of them")


def check_blocks(
    decoder: Decoder, segments: tuple[int, ...], columns: int, rows: int, allowance: Allowance, screening: Screening
) -> None:
    """The rest of the first partition, from the quantisers on. Raises Broken, Enough.

    segments: odds of the segment's number, none if macroblocks do not have one.
    """
    decoder.number(7)
    decoder.optional(4 + 1, 5)  # quantisers, with a sign
    decoder.bit()  # whether the odds are kept: of no use in a file of one frame
    decoder.updates(_UPDATES)
    skip = decoder.number(8) if decoder.bit() else -1
    decoder.check()
    above = bytearray(4 * columns)
    for row in range(rows):
        if allowance.blocks < columns:
            raise Enough(f"macroblocks: {rows - row} of {rows} rows are left, more than one file is granted")
        allowance.blocks -= columns
        screening.spend(1 + columns // _CHARGED)
        left = bytearray(4)
        for at in range(0, 4 * columns, 4):
            _pass_block(decoder, segments, skip, above, left, at)
        decoder.check()


def _pass_block(
    decoder: Decoder, segments: tuple[int, ...], skip: int, above: bytearray, left: bytearray, at: int
) -> None:
    """One macroblock. above: modes of the blocks over this row; left: of those before it. RFC 6386 19.3."""
    bit = decoder.bit
    if segments:
        bit(segments[2] if bit(segments[0]) else segments[1])
    if skip >= 0:
        bit(skip)
    if bit(145):
        horizontal = bit(156)
        mode = (_DC, _V, _H, _TM)[2 * horizontal + bit(128 if horizontal else 163)]
        above[at : at + 4] = left[:] = bytes((mode,)) * 4
    else:
        for row in range(4):
            mode = left[row]
            for column in range(at, at + 4):
                mode = _block_mode(bit, 9 * (10 * above[column] + mode))
                above[column] = mode
            left[row] = mode
    if bit(142) and bit(114):
        bit(183)


def _block_mode(bit: Callable[[int], int], context: int) -> int:
    node = 0
    while True:
        step = _TREE[node][bit(_MODES[context + node])]
        if step <= 0:
            return -step
        node = step
