"""Why fewer than 85 % of a module's branches are taken when its validator is fuzzed alone."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["EXPLAINED"]

EXPLAINED: Mapping[str, str] = {
    "documents/pdf_streams": "bounds of megabytes of contents, which the small bounds of the fuzzer stand in front of",
    "images/webp_metadata": "Exif and XMP blocks of more than a megabyte, larger than the fuzzer's inputs",
}
"""By module, as the summary names it."""
