"""RC4 and AES, for documents that open with the empty password. FIPS 197; ISO 32000-2, 7.6.

The standard library has neither. What is read with them is small (streams of objects, scripts, attachments) and
bounded by the caller, so that a table-driven one in plain Python is quick enough: about a megabyte a second.
"""

from __future__ import annotations

import struct

__all__ = ["aes_decrypt", "aes_encrypt", "rc4"]


def rc4(key: bytes, data: bytes) -> bytes:
    """Encrypt or decrypt, which are the same."""
    state, j, size = list(range(256)), 0, len(key)
    for i in range(256):
        j = (j + state[i] + key[i % size]) & 0xFF
        state[i], state[j] = state[j], state[i]
    out = bytearray(len(data))
    i = j = 0
    for at, byte in enumerate(data):
        i = (i + 1) & 0xFF
        a = state[i]
        j = (j + a) & 0xFF
        b = state[i] = state[j]
        state[j] = a
        out[at] = byte ^ state[(a + b) & 0xFF]
    return bytes(out)


def _doubled(n: int) -> int:
    return (n << 1) ^ (0x11B if n & 0x80 else 0)


def _times(a: int, b: int) -> int:
    """The product in the field of FIPS 197, 4.2."""
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a, b = _doubled(a), b >> 1
    return product


def _boxes() -> tuple[bytes, bytes]:
    """The substitution of FIPS 197, 5.1.1, and its inverse: inverses in the field, then an affine map."""
    box, inverse = bytearray(256), bytearray(256)
    p = q = 1
    while True:
        p ^= _doubled(p)  # times 3, which generates the field
        for shift in (1, 2, 4):
            q ^= q << shift & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = q ^ (q << 1 | q >> 7) ^ (q << 2 | q >> 6) ^ (q << 3 | q >> 5) ^ (q << 4 | q >> 4)
        box[p & 0xFF] = (turned ^ 0x63) & 0xFF
        if p & 0xFF == 1:
            break
    box[0] = 0x63
    for n, value in enumerate(box):
        inverse[value] = n
    return bytes(box), bytes(inverse)


_BOX, _INVERSE = _boxes()


def _table(box: bytes, factors: tuple[int, int, int, int]) -> list[list[int]]:
    """Substitution and mixing of one column in one look-up, for each of the four rows."""
    first = [
        sum(_times(value, factor) << shift for factor, shift in zip(factors, (24, 16, 8, 0), strict=True))
        for value in box
    ]
    return [[(n >> turn | n << (32 - turn)) & 0xFFFFFFFF if turn else n for n in first] for turn in (0, 8, 16, 24)]


_FORWARD = _table(_BOX, (2, 1, 1, 3))
_BACKWARD = _table(_INVERSE, (14, 9, 13, 11))


def _schedule(key: bytes) -> list[int]:
    """FIPS 197, 5.2."""
    size = len(key) // 4
    words = list(struct.unpack(f">{size}I", key))
    constant = 1
    for i in range(size, 4 * (size + 7)):
        word = words[-1]
        if i % size == 0:
            word = _substituted((word << 8 | word >> 24) & 0xFFFFFFFF) ^ constant << 24
            constant = _doubled(constant)
        elif size > 6 and i % size == 4:
            word = _substituted(word)
        words.append(words[-size] ^ word)
    return words


def _substituted(word: int) -> int:
    return int.from_bytes(word.to_bytes(4, "big").translate(_BOX), "big")


def _backward_schedule(key: bytes) -> list[int]:
    """The keys of the equivalent inverse cipher: FIPS 197, 5.3.5."""
    words = _schedule(key)
    groups = [words[at : at + 4] for at in range(0, len(words), 4)][::-1]
    a, b, c, d = _BACKWARD
    for group in groups[1:-1]:
        group[:] = [a[_BOX[w >> 24]] ^ b[_BOX[w >> 16 & 255]] ^ c[_BOX[w >> 8 & 255]] ^ d[_BOX[w & 255]] for w in group]
    return [word for group in groups for word in group]


_Block = tuple[int, int, int, int]


def _block(state: _Block, keys: list[int], tables: list[list[int]], box: bytes, turn: int) -> _Block:
    """One block. turn: 1 to encrypt, 3 to decrypt: which column a row comes from."""
    t0, t1, t2, t3 = tables
    w0, w1, w2, w3 = state[0] ^ keys[0], state[1] ^ keys[1], state[2] ^ keys[2], state[3] ^ keys[3]
    for at in range(4, len(keys) - 4, 4):
        x0, x1, x2, x3 = (w0, w1, w2, w3) if turn == 1 else (w2, w3, w0, w1)  # rows turn the other way
        z0 = t0[w0 >> 24] ^ t1[x1 >> 16 & 255] ^ t2[w2 >> 8 & 255] ^ t3[x3 & 255] ^ keys[at]
        z1 = t0[w1 >> 24] ^ t1[x2 >> 16 & 255] ^ t2[w3 >> 8 & 255] ^ t3[x0 & 255] ^ keys[at + 1]
        z2 = t0[w2 >> 24] ^ t1[x3 >> 16 & 255] ^ t2[w0 >> 8 & 255] ^ t3[x1 & 255] ^ keys[at + 2]
        w3 = t0[w3 >> 24] ^ t1[x0 >> 16 & 255] ^ t2[w1 >> 8 & 255] ^ t3[x2 & 255] ^ keys[at + 3]
        w0, w1, w2 = z0, z1, z2
    x0, x1, x2, x3 = (w0, w1, w2, w3) if turn == 1 else (w2, w3, w0, w1)
    k0, k1, k2, k3 = keys[-4:]
    return (
        (box[w0 >> 24] << 24 | box[x1 >> 16 & 255] << 16 | box[w2 >> 8 & 255] << 8 | box[x3 & 255]) ^ k0,
        (box[w1 >> 24] << 24 | box[x2 >> 16 & 255] << 16 | box[w3 >> 8 & 255] << 8 | box[x0 & 255]) ^ k1,
        (box[w2 >> 24] << 24 | box[x3 >> 16 & 255] << 16 | box[w0 >> 8 & 255] << 8 | box[x1 & 255]) ^ k2,
        (box[w3 >> 24] << 24 | box[x0 >> 16 & 255] << 16 | box[w1 >> 8 & 255] << 8 | box[x2 & 255]) ^ k3,
    )


def aes_encrypt(key: bytes, start: bytes, data: bytes) -> bytes:
    """AES in CBC mode, whole blocks, no padding added."""
    keys, out = _schedule(key), []
    b0, b1, b2, b3 = struct.unpack(">4I", start)
    for w0, w1, w2, w3 in struct.iter_unpack(">4I", data[: len(data) & ~15]):
        b0, b1, b2, b3 = _block((w0 ^ b0, w1 ^ b1, w2 ^ b2, w3 ^ b3), keys, _FORWARD, _BOX, 1)
        out.append(struct.pack(">4I", b0, b1, b2, b3))
    return b"".join(out)


def aes_decrypt(key: bytes, start: bytes, data: bytes) -> bytes:
    """AES in CBC mode, whole blocks, padding left in place."""
    keys, out = _backward_schedule(key), []
    b0, b1, b2, b3 = struct.unpack(">4I", start)
    for w0, w1, w2, w3 in struct.iter_unpack(">4I", data[: len(data) & ~15]):
        p0, p1, p2, p3 = _block((w0, w1, w2, w3), keys, _BACKWARD, _INVERSE, 3)
        out.append(struct.pack(">4I", p0 ^ b0, p1 ^ b1, p2 ^ b2, p3 ^ b3))
        b0, b1, b2, b3 = w0, w1, w2, w3
    return b"".join(out)
