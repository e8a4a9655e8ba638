"""The shipped presets: readable tables of category x severity -> action, one TOML file each, beside this module."""

from __future__ import annotations

from enum import StrEnum
from importlib.resources import files

__all__ = ["PRESETS", "Preset", "preset_text"]


class Preset(StrEnum):
    """Mildest first."""

    LENIENT = "lenient"
    BALANCED = "balanced"
    STRICT = "strict"


PRESETS: tuple[str, ...] = tuple(preset.value for preset in Preset)


def preset_text(preset: Preset) -> str:
    """The preset's file, as shipped."""
    return files(__name__).joinpath(f"{preset}.toml").read_text("utf-8")
