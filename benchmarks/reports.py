"""Is the report the right one? A benchmark whose reports are wrong has measured nothing."""

from __future__ import annotations

from benchmarks.files import Made
from benchmarks.options import GIB
from lazaretto.model import Report
from lazaretto_validators import Inspection, Limits

__all__ = ["LIMITS", "WrongReport", "check", "check_inspection", "compare"]

LIMITS = Limits(expanded_bytes=4 * GIB)
"""As shipped, but for the largest files: by default an inspection ends when 400 MiB came out of decompressors."""


class WrongReport(Exception):
    """A report that does not say what the file is."""


def check(report: Report, made: Made) -> None:
    """Type, size, digest, and exactly the findings that the file was made to give. Raises WrongReport."""
    rules = frozenset(finding.rule for finding in report.findings)
    compare(made, (report.media_type, report.size, report.sha256, rules))


def check_inspection(inspection: Inspection, made: Made) -> None:
    """The same for what a validator said in this process, which computes no digest."""
    rules = frozenset(finding.rule for finding in inspection.findings)
    name = inspection.media_type.name if inspection.media_type else None
    compare(made, (name, inspection.size, made.sha256, rules))


def compare(made: Made, seen: tuple[str | None, int | None, str | None, frozenset[str]]) -> None:
    """Type, size, digest and broken rules against what they should be. Raises WrongReport."""
    wanted = (made.media_type, made.size, made.sha256, made.expected)
    if seen != wanted:
        raise WrongReport(f"{made.path.name}: the report says {seen}, and should say {wanted}")
