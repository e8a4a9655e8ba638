"""OLE2: every rule with its repaired twin, the traps that honest writers set, the bounds, olefile as an oracle."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from functools import partial

import olefile
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carriers.ole2 import (
    PLAIN,
    atom,
    clsid,
    compound,
    compress,
    equation,
    macros,
    native,
    presentation,
    record,
    sealed_crypto_api,
    sealed_rc4,
    swapped,
    u32,
    vba_dir,
    word_document,
    workbook,
)
from lazaretto_validators.documents import ole2
from lazaretto_validators.documents.ole2 import SMALLEST_OLE2
from lazaretto_validators.documents.ole2_vba import decompress
from lazaretto_validators.registry import default_registry
from lazaretto_validators.testing import Recorder
from looks import above_info, look, rules_of

RULES = default_registry().rules


def test_olefile_reads_what_the_builder_makes() -> None:
    with olefile.OleFileIO(io.BytesIO(compound({"a/b": b"inert", "Long": bytes(9000)}))) as opened:
        assert opened.openstream("a/b").read() == b"inert"
        assert opened.get_size("Long") == 9000


def test_short_last_sector_is_no_more_than_a_note() -> None:
    assert above_info(PLAIN[:-100]) == set()


def test_garbage_in_the_high_half_of_a_size_is_ignored_in_version_3() -> None:
    at = 1024 + 128 + 124
    assert rules_of(swapped(PLAIN, at, b"\xff\xff\xff\xff")) == set()


def test_wrong_counts_in_the_header_are_no_more_than_a_note() -> None:
    assert above_info(swapped(swapped(PLAIN, 44, u32(0)), 64, u32(0))) == set()


def test_zeros_behind_the_last_sector_are_padding() -> None:
    assert above_info(PLAIN + bytes(4096)) == set()


@pytest.mark.parametrize("stream", ["WordDocument", "Workbook", "PowerPoint Document", "VisioDocument"])
def test_document_is_named_by_its_stream(stream: str) -> None:
    kind = look(compound({stream: bytes(5000)})).media_type
    assert kind is not None
    assert kind.name != "application/x-ole-storage"


def test_package_hands_over_the_file_with_its_name() -> None:
    found = look(compound({"ObjectPool/_1/\x01Ole10Native": native(b"inert.exe", b"MZ" + bytes(62))})).findings
    assert any("inert.exe" in finding.where for finding in found)


def test_document_in_a_document_is_screened() -> None:
    found = look(compound({"ObjectPool/_1/CONTENTS": macros()})).findings
    assert "ole2.macro" in {finding.rule for finding in found}


def test_attachment_of_a_message_is_judged_by_its_long_name() -> None:
    data = compound(
        {
            "__properties_version1.0": bytes(32),
            "__attach_version1.0_#00000000/__substg1.0_37010102": b"MZ" + bytes(62),
            "__attach_version1.0_#00000000/__substg1.0_3707001F": "inert.exe".encode("utf-16-le"),
        }
    )
    assert any("inert.exe" in finding.where for finding in look(data).findings)


def test_mathtype_object_is_no_equation_editor() -> None:
    mathtype = {"Object": clsid("0002ce03-0000-0000-c000-000000000046")}
    assert rules_of(compound({"Object/Equation Native": b"inert"}, mathtype)) == set()


@pytest.mark.parametrize(
    "native",
    [
        b"",
        equation(b"x" * 32),
        equation()[:-1],
        equation() + b"\0" * 3 + b"inert",
        equation().replace(b"\2\x83x\0", b"\5\0\0\0\xff\xff"),
    ],
)
def test_equation_that_the_editor_does_not_make_is_an_attack(native: bytes) -> None:
    folder = {"Object": clsid("0002ce02-0000-0000-c000-000000000046")}
    sound = native.startswith(equation())  # bytes behind the equation's own length are not read
    expected = "ole2.old-equation" if sound else "ole2.equation"
    assert rules_of(compound({"Object/Equation Native": native}, folder)) == {expected}


@pytest.mark.parametrize("name", ["EncryptedPackage", "EncryptionInfo"])
def test_encrypted_package_cannot_be_looked_at(name: str) -> None:
    assert "unscannable.encrypted" in rules_of(compound({name: b"inert"}))


def test_encrypted_word_document_cannot_be_looked_at() -> None:
    fib = struct.pack("<HHHHHH", 0xA5EC, 0xC1, 0, 0, 0, 0x0100).ljust(5000, b"\0")
    assert rules_of(compound({"WordDocument": fib})) == {"unscannable.encrypted"}


def test_field_that_starts_a_program_is_found_in_a_word_document() -> None:
    text = bytes(2000) + b"\x13DDEAUTO cmd.exe inert\x14" + bytes(3000)
    assert "ole2.dde" in rules_of(compound({"WordDocument": text}))
    assert "ole2.dde" not in rules_of(compound({"WordDocument": text.replace(b"\x13", b" ")}))


def test_program_in_unused_sectors_is_found() -> None:
    pe = b"MZ" + bytes(58) + struct.pack("<L", 64) + b"PE\0\0\x4c\1" + bytes(18) + b"\x0b\1" + bytes(200)
    assert "ole2.hidden-file" in rules_of(compound({"Long": bytes(5000)}, spare=pe))


def test_old_text_in_unused_sectors_is_no_finding() -> None:
    data = compound({"Long": bytes(5000), "Other": b"\1" * 5000})
    first = struct.unpack_from("<L", data, 1024 + 2 * 128 + 116)[0]
    freed = swapped(data, 512 + 4 * (first - 10), u32(0xFFFFFFFF) * 10)
    text = swapped(freed, 512 * (first - 9), b"<html><body>inert".ljust(5120))
    assert "ole2.hidden-file" not in rules_of(text)


def test_chain_of_a_stream_may_be_scattered() -> None:
    data = bytearray(PLAIN)
    # The long stream's first two sectors change places.
    first = struct.unpack_from("<L", data, 1024 + 2 * 128 + 116)[0]
    links = struct.unpack_from("<3L", data, 512 + 4 * first)
    struct.pack_into("<L", data, 1024 + 2 * 128 + 116, first + 1)
    struct.pack_into("<3L", data, 512 + 4 * first, links[1], first, links[2])
    assert rules_of(bytes(data)) == set()


def test_empty_module_is_not_stomped() -> None:
    assert "ole2.macro-stomped" not in rules_of(macros(b'Attribute VB_Name = "Sheet1"\r\n'))


def test_presentation_of_very_many_small_records_is_read_to_its_end() -> None:
    records = atom(0x0BC3, bytes(8)) * 150_000
    assert rules_of(presentation(records)) == set()
    assert rules_of(presentation(records, atom(0x0FF3, bytes(8) + b"\2" + bytes(7)))) == {"ole2.run-action"}


def test_encrypted_presentation_cannot_be_looked_at() -> None:
    assert rules_of(presentation(user=bytes(12) + b"\xdf\xc4\xd1\xf3")) == {"unscannable.encrypted"}


@pytest.mark.parametrize("seal", [sealed_rc4, sealed_crypto_api, partial(sealed_crypto_api, bits=40)])
def test_password_that_excel_tries_by_itself_is_known_in_every_encryption(seal: Callable[[str], bytes]) -> None:
    assert "ole2.known-password" in rules_of(workbook(record(0x2F, seal("VelvetSweatshop"))))
    assert rules_of(workbook(record(0x2F, seal("another")))) == {"unscannable.encrypted"}


@pytest.mark.parametrize("body", [b"", b"\1\0\4\0\2\0", sealed_crypto_api("x")[:60], sealed_rc4("x")[:30]])
def test_encryption_that_is_cut_short_is_no_more_than_encrypted(body: bytes) -> None:
    assert rules_of(workbook(record(0x2F, body))) == {"unscannable.encrypted"}


def test_sources_that_unpack_to_far_more_than_their_size_are_looked_through_once() -> None:
    bomb = b"\1" + bytes.fromhex("03b0026145 00".replace(" ", "")) * 400
    streams = {"Macros/VBA/dir": vba_dir(), "Macros/VBA/Inert": bomb}
    assert "ole2.macro" in rules_of(compound(streams))


def test_name_of_a_template_that_lies_outside_its_table_is_none() -> None:
    document = word_document("http://host.invalid/a.dotm")
    at = document.index(struct.pack("<HHHHHH", 0xA5EC, 0xC1, 0, 0, 0, 0x0200)) + 410
    assert rules_of(swapped(document, at, u32(0x7FFFFFFF))) == set()


def test_more_gaps_than_are_looked_into_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ole2, "MAX_GAPS", 1)
    report = look(swapped(compound({"Long": bytes(5000)}, spare=bytes(2048)), 512 + 4 * 14, u32(0xFFFFFFFE)))
    assert any(gap.why == "unused space in very many places" for gap in report.coverage)


def test_workbook_without_macro_sheets_has_no_finding() -> None:
    assert rules_of(workbook()) == set()


@given(st.binary(min_size=1, max_size=20_000))
@settings(max_examples=50)
def test_decompression_undoes_compression(data: bytes) -> None:
    assert decompress(compress(data), 1 << 20, Recorder()) == data


def test_copy_tokens_are_expanded() -> None:
    # [MS-OVBA] 3.2.3, the example of maximum compression: 73 times the letter a.
    assert decompress(bytes.fromhex("0103b002614500"), 1 << 20, Recorder()) == b"a" * 73


@given(st.binary(max_size=400), st.integers(0, len(PLAIN)))
@settings(max_examples=100)
def test_any_damage_gives_a_report(junk: bytes, at: int) -> None:
    assert "unscannable.validator-failed" not in rules_of(PLAIN[:at] + junk + PLAIN[at + len(junk) :])


def test_smallest_file_is_valid() -> None:
    assert rules_of(SMALLEST_OLE2) == set()
