"""What a release is bound to: how dangerous a part claims to be."""

from __future__ import annotations

import pytest

from lazaretto.policy import claimed_risk
from lazaretto_validators import Claim


@pytest.mark.parametrize(
    ("name", "media_type", "risk"),
    [
        ("a.png", "image/png", "viewed"),
        ("a.PNG", None, "viewed"),
        (None, "image/png; charset=x", "viewed"),
        ("a.zip", None, "archive"),
        ("a.png", "application/zip", "archive"),
        ("a.zip", "image/png", "archive"),
        ("a.exe", "image/png", "run"),
        ("a.png.exe", None, "run"),
        ("a.exe. ", None, "run"),
        ("a.exe::$DATA", None, "run"),
        ("a.exe/", None, "run"),
        ("a.exe\0.png", None, "run"),
        ("Screen shot 12:30:45.png", None, "viewed"),
        ("a.ps1", "text/plain", "run"),
        ("a.nobody-knows", "image/png", "unknown"),
        ("a.png", "application/x-nobody-knows", "unknown"),
        ("a.png", "application/octet-stream", "viewed"),
        ("README", "image/png", "viewed"),
        ("README", None, "unknown"),
        (None, None, "unknown"),
    ],
)
def test_the_worst_of_name_and_media_type_is_claimed(name: str | None, media_type: str | None, risk: str) -> None:
    assert claimed_risk(Claim(name, media_type)) == risk
