"""Documents that are encrypted and open without a password. ISO 32000-2, 7.6.

An owner's password alone forbids printing; everybody can read the document, and so can we. What needs the user's
password cannot be read here: that is said, and never taken for clean. Threats PDF-15, C-PDF-11.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from lazaretto_validators.documents.pdf_ciphers import aes_decrypt, aes_encrypt, rc4
from lazaretto_validators.documents.pdf_tokens import Value, name_of
from lazaretto_validators.validator import Screening

__all__ = ["MAX_DECRYPTED", "Cipher", "open_without_password"]

MAX_DECRYPTED = 2 << 20
"""Bytes of one document: a second or two in plain Python."""

IDENTITY = "Identity"  # the crypt filter that changes nothing (7.6.6, table 26)
_METHODS = frozenset({"V2", "AESV2", "AESV3"})
_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")  # 7.6.4.3.2


@dataclass(slots=True)
class Cipher:
    """How strings and streams are decrypted.

    key: empty if the password is not known and only some of the streams need it.
    streams, strings, files: names of their crypt filters; methods: by such a name (7.6.6, tables 25 and 27).
    left: bytes that may still be decrypted. missed: why some were not.
    """

    key: bytes
    streams: str
    strings: str
    files: str
    methods: dict[str, str]
    screening: Screening
    left: int = MAX_DECRYPTED
    missed: str = ""

    def method_of(self, dictionary: dict[str, Value], filters: list[tuple[str, dict[str, Value]]]) -> str:
        """The method of a stream: its own crypt filter's (7.4.10), else that of its kind."""
        for name, parameters in filters:
            if name == "Crypt":
                return self._method(name_of(parameters.get("Name")) or IDENTITY)
        return self._method(self.files if dictionary.get("Type") == "EmbeddedFile" else self.streams)

    def _method(self, name: str) -> str:
        return self.methods.get(name, IDENTITY)

    def stream(self, number: int, generation: int, data: bytes, method: str) -> bytes:
        """The data of a stream."""
        return self._decrypt(method, number, generation, data)

    def value(self, value: Value, number: int, generation: int) -> Value:
        """The same value with its strings decrypted."""
        if isinstance(value, bytes):
            return self._decrypt(self._method(self.strings), number, generation, value)
        if isinstance(value, list):
            items: list[Value] = []
            for item in value:
                items.append(self.value(item, number, generation))  # noqa: PERF401 - one frame a level, not two
            return items
        if isinstance(value, dict):
            pairs: dict[str, Value] = {}
            for key, item in value.items():
                pairs[key] = self.value(item, number, generation)
            return pairs
        return value

    def _decrypt(self, method: str, number: int, generation: int, data: bytes) -> bytes:
        if method == IDENTITY or not data:
            return data
        if not self.key or method not in _METHODS:
            self.missed = "a password is needed" if not self.key else method
            return b""
        if len(data) > self.left:
            self.missed = f"more than {MAX_DECRYPTED} bytes"
            return b""
        self.left -= len(data)
        self.screening.spend(1 + len(data) // 64)
        key = self.key
        if method != "AESV3":  # 7.6.3.2: each object has a key of its own
            salt = b"sAlT" if method == "AESV2" else b""
            parts = key + number.to_bytes(5, "little")[:3] + (generation & 0xFFFF).to_bytes(2, "little") + salt
            key = hashlib.md5(parts, usedforsecurity=False).digest()[: min(16, len(key) + 5)]
        if method == "V2":
            return rc4(key, data)
        if len(data) < 32:
            return b""
        plain = aes_decrypt(key, data[:16], data[16:])
        return plain[: -plain[-1]] if 1 <= plain[-1] <= 16 else plain


def open_without_password(encryption: Value, identifier: Value, screening: Screening) -> Cipher | None:
    """The cipher of a document that the empty user password opens; None where it does not, or nobody can tell."""
    if not isinstance(encryption, dict) or encryption.get("Filter") != "Standard":
        return None
    revision = encryption.get("R")
    user, owner = encryption.get("U"), encryption.get("O")
    if type(revision) is not int or not isinstance(user, bytes) or not isinstance(owner, bytes):
        return None
    if revision in (5, 6):
        screening.spend(2000)
        key = _new_key(encryption, user, revision)
    else:
        key = _old_key(encryption, user, owner, revision, identifier)
    cipher = _cipher(encryption, key, screening)
    if cipher is None:
        return None
    needed = {cipher.methods.get(name, IDENTITY) for name in (cipher.streams, cipher.strings)} - {IDENTITY}
    return cipher if needed <= _METHODS and (key or not needed) else None


def _cipher(encryption: dict[str, Value], key: bytes, screening: Screening) -> Cipher | None:
    """The crypt filters that a document names; those of old versions are implied."""
    version = encryption.get("V")
    if version in (1, 2):
        return Cipher(key, "V2", "V2", "V2", {"V2": "V2"}, screening)
    if version not in (4, 5):
        return None
    named = encryption.get("CF")
    methods = {
        name: IDENTITY if (method := name_of(value.get("CFM"))) in ("", "None") else method
        for name, value in (named.items() if isinstance(named, dict) else ())
        if isinstance(value, dict) and name != IDENTITY
    }
    streams, strings = (name_of(encryption.get(key)) or IDENTITY for key in ("StmF", "StrF"))
    files = name_of(encryption.get("EFF")) or streams
    return Cipher(key, streams, strings, files, methods, screening)


def _old_key(encryption: dict[str, Value], user: bytes, owner: bytes, revision: int, identifier: Value) -> bytes:
    """7.6.4.3.2 and 7.6.4.4: revisions 2 to 4. Empty where the password is another."""
    bits, permissions = encryption.get("Length", 40), encryption.get("P")
    if type(bits) is not int or type(permissions) is not int:
        return b""
    size = 5 if revision == 2 else min(16, max(5, bits // 8))
    if encryption.get("V") == 4:
        size = 16
    first = identifier[0] if isinstance(identifier, list) and identifier else b""
    first = first if isinstance(first, bytes) else b""
    parts = _PADDING + owner[:32] + (permissions & 0xFFFFFFFF).to_bytes(4, "little") + first
    if revision >= 4 and encryption.get("EncryptMetadata") is False:
        parts += b"\xff\xff\xff\xff"
    key = hashlib.md5(parts, usedforsecurity=False).digest()
    for _ in range(50 if revision >= 3 else 0):
        key = hashlib.md5(key[:size], usedforsecurity=False).digest()
    key = key[:size]
    if revision == 2:
        return key if rc4(key, _PADDING) == user[:32] else b""
    check = hashlib.md5(_PADDING + first, usedforsecurity=False).digest()
    for turn in range(20):
        check = rc4(bytes(byte ^ turn for byte in key), check)
    return key if check == user[:16] else b""


def _new_key(encryption: dict[str, Value], user: bytes, revision: int) -> bytes:
    """7.6.4.3.3 and 7.6.4.4.10: revisions 5 and 6, whose key is kept encrypted."""
    sealed = encryption.get("UE")
    if len(user) < 48 or not isinstance(sealed, bytes) or len(sealed) < 32:
        return b""
    if _digest(user[32:40], revision) != user[:32]:
        return b""
    return aes_decrypt(_digest(user[40:48], revision), bytes(16), sealed[:32])


def _digest(salt: bytes, revision: int) -> bytes:
    """Algorithm 2.B of 7.6.4.3.4, for the empty password."""
    key = hashlib.sha256(salt).digest()
    turn = 0
    while revision == 6:
        sealed = aes_encrypt(key[:16], key[16:32], key * 64)
        kind = int.from_bytes(sealed[:16], "big") % 3
        key = (hashlib.sha256, hashlib.sha384, hashlib.sha512)[kind](sealed).digest()
        turn += 1
        if turn >= 64 and sealed[-1] <= turn - 32:
            break
        if turn > 1000:
            break
    return key[:32]
