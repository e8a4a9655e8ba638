"""What each system would open a file with, and which disagreement is stressed."""

from __future__ import annotations

import pytest

from lazaretto.languages import language_of
from lazaretto.model import Claim, Part, Report
from lazaretto.telegram.card_words import units
from lazaretto.telegram.openers import Opener, opened_with, openers_line
from lazaretto_validators.media_types import BY_EXTENSION, MEDIA_TYPES

SAY = language_of("en")
PE, APK = "application/vnd.microsoft.portable-executable", "application/vnd.android.package-archive"


def line(name: str | None, declared: str | None, detected: str | None, kind: str = "document") -> str:
    part = Part(0, "f", "u", "message.document", Claim(name, declared, 4, kind))
    return openers_line(SAY, part, Report(detected, 4, "ab" * 32))


@pytest.mark.parametrize(
    ("name", "declared", "detected", "told"),
    [
        ("a.png", "image/png", "image/png", "Opens with: picture viewer (everywhere)"),
        ("a.pdf", "application/pdf", "application/pdf", "Opens with: PDF viewer (everywhere)"),
        (
            "holiday.jpg",
            "image/jpeg",
            PE,
            "Opens with: picture viewer (everywhere); by its content: <b>⚠ run as a program</b>",
        ),
        (
            "holiday.exe",
            "image/jpeg",
            "image/jpeg",
            "Opens with: <b>⚠ run as a program</b> (Android, Windows, macOS), picture viewer (web)",
        ),
        ("setup.exe", "application/x-msdownload", PE, "Opens with: run as a program (everywhere)"),
        (
            "update",
            APK,
            APK,
            "Opens with: <b>⚠ package installer</b> (Android, web), asks what to open it with (Windows, macOS)",
        ),
        (
            "notes.txt",
            "text/html",
            "text/html",
            "Opens with: text viewer (Android, Windows, macOS), browser (web)",
        ),
        ("a.qqq", None, None, "Opens with: asks what to open it with (everywhere)"),
    ],
)
def test_only_a_dangerous_disagreement_is_stressed(
    name: str, declared: str | None, detected: str | None, told: str
) -> None:
    assert line(name, declared, detected) == told


def test_what_the_platform_shows_itself_is_handed_to_nothing() -> None:
    assert line(None, None, "image/jpeg", "photo") == "Opens with: shown in the chat itself"


def test_windows_believes_a_name_and_a_browser_what_is_declared() -> None:
    found = opened_with(Claim("a.js", "image/png", 4, "document"), "image/png")
    assert (found["Windows"], found["web"], found["content"]) == (Opener.SCRIPT, Opener.VIEWER, Opener.VIEWER)


def test_a_browser_looks_into_what_is_declared_as_nothing() -> None:
    found = opened_with(Claim("a", "application/octet-stream", 4, "document"), "text/html")
    assert found["web"] is Opener.BROWSER


@pytest.mark.parametrize("media_type", sorted(MEDIA_TYPES))
def test_every_known_type_has_an_opener_and_a_short_line(media_type: str) -> None:
    assert opened_with(Claim(None, media_type, 4, "document"), media_type)["content"] in Opener
    for extension in sorted(BY_EXTENSION)[:: max(1, len(BY_EXTENSION) // 40)]:
        assert units(line(f"a.{extension}", media_type, "text/html")) <= 300
