"""Does Excel open an encrypted workbook without asking? [MS-OFFCRYPTO] 2.3.5 to 2.3.7.

    FILEPASS = 0, key, verifier                                 XOR
             | 1, 1.1, salt:16, verifier:16, its hash:16        RC4
             | 1, 2.2 to 4.2, flags, header, verifier           RC4 by CryptoAPI

Excel tries one password of its own before it asks for one, which those use who only want to hide from checks.
"""

from __future__ import annotations

import struct
from hashlib import md5, sha1

__all__ = ["opens_by_itself"]

_PASSWORD = "VelvetSweatshop".encode("utf-16-le")
_XOR = bytes.fromhex("59b30a9a")  # key and verifier of that password, 2.3.7.1
_CRYPTO_API = frozenset({(2, 2), (3, 2), (4, 2)})
_SALT = 16


def opens_by_itself(record: bytes) -> bool:
    """record: the body of FILEPASS."""
    kind, *version = struct.unpack_from("<HHH", record.ljust(6, b"\0"))
    if kind == 0:
        return record[2:] == _XOR
    if tuple(version) == (1, 1):
        return _opens_rc4(record[6:])
    return tuple(version) in _CRYPTO_API and _opens_crypto_api(record[6:])


def _opens_rc4(info: bytes) -> bool:
    """2.3.6.2 (key), 2.3.6.4 (verifier)."""
    if len(info) < 3 * _SALT:
        return False
    salt, sealed = info[:_SALT], info[_SALT : 3 * _SALT]
    first = md5(_PASSWORD, usedforsecurity=False).digest()[:5]
    second = md5((first + salt) * 16, usedforsecurity=False).digest()[:5]
    opened = _rc4(md5(second + bytes(4), usedforsecurity=False).digest(), sealed)
    return md5(opened[:16], usedforsecurity=False).digest() == opened[16:]


def _opens_crypto_api(info: bytes) -> bool:
    """2.3.5.1 (structure), 2.3.5.2 (key), 2.3.5.6 (verifier)."""
    if len(info) < 28:
        return False
    verifier = 8 + struct.unpack_from("<L", info, 4)[0]
    bits = struct.unpack_from("<L", info, 8 + 16)[0] or 40
    body = info[verifier + 4 : verifier + 4 + 2 * _SALT + 4 + 20]
    if len(body) < 2 * _SALT + 4 + 20 or not 8 <= bits <= 128:
        return False
    salt, sealed = body[:_SALT], body[_SALT : 2 * _SALT] + body[2 * _SALT + 4 :]
    first = sha1(salt + _PASSWORD, usedforsecurity=False).digest()
    key = sha1(first + bytes(4), usedforsecurity=False).digest()[: bits // 8]
    opened = _rc4(key.ljust(16, b"\0") if bits == 40 else key, sealed)
    return sha1(opened[:16], usedforsecurity=False).digest() == opened[16:]


def _rc4(key: bytes, data: bytes) -> bytes:
    """A few bytes of RC4. The key has one byte at least."""
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) & 255
        state[i], state[j] = state[j], state[i]
    out, j = bytearray(), 0
    for i, byte in enumerate(data, 1):
        j = (j + state[i & 255]) & 255
        state[i & 255], state[j] = state[j], state[i & 255]
        out.append(byte ^ state[(state[i & 255] + state[j]) & 255])
    return bytes(out)
