"""Reports, put together the same way wherever the screening ran."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from lazaretto.model import Report
from lazaretto.rules import CRASHED, TOO_LARGE, WORKER, all_rules
from lazaretto.screening.sandbox.handle import Fault, FaultKind
from lazaretto.screening.sandbox.reply import both_ends
from lazaretto_validators import Claim, Finding, Inspection, default_registry
from lazaretto_validators.inspect import MAX_FINDINGS, Gap, with_claim
from lazaretto_validators.unscannable import BUDGET, INCOMPLETE

__all__ = ["decided", "incomplete", "judged", "report_from", "too_large", "with_claims"]

_MAX_CLAIM_TEXT = 4096
"""Characters of one claimed string that are looked at."""

_RULES = {FaultKind.BUDGET: BUDGET, FaultKind.CRASHED: CRASHED, FaultKind.FAILED: WORKER}


def report_from(
    inspection: Inspection, *, size: int | None, sha256: str | None, layers: tuple[str, ...] = ()
) -> Report:
    """The report of an inspection. `size` and `sha256` are the bot's own figures; None when bytes are missing."""
    return Report(
        media_type=inspection.media_type.name if inspection.media_type else None,
        size=size,
        sha256=sha256,
        findings=inspection.findings,
        total=inspection.total,
        coverage=inspection.coverage,
        rule_set=inspection.rule_set,
        layers=layers,
    )


def judged(answer: Inspection | Fault, *, size: int, sha256: str, layers: tuple[str, ...]) -> Report:
    """The report of a whole file. An answer about another number of bytes is none."""
    if isinstance(answer, Inspection) and (wrong := _contradiction(answer, size)):
        answer = wrong
    if isinstance(answer, Fault):
        return _of_finding(_of_fault(answer), size=size, sha256=sha256, layers=layers)
    return report_from(answer, size=size, sha256=sha256, layers=layers)


def with_claims(inspection: Inspection, claim: Claim) -> Inspection:
    """What a worker found in the bytes, and what we find in their claims, held against the type that it says."""
    bounded = {field.name: _bounded(getattr(claim, field.name)) for field in fields(claim)}
    return with_claim(inspection, Claim(**bounded), default_registry())


def _bounded(value: object) -> Any:
    return both_ends(value, _MAX_CLAIM_TEXT) if isinstance(value, str) else value


def decided(answer: Inspection, *, layers: tuple[str, ...]) -> Report:
    """The report of a file whose rest was not wanted any more: a rule was broken that decides."""
    return replace(report_from(answer, size=None, sha256=None, layers=layers), partial=True)


def incomplete(answer: Inspection | Fault, *, received: int, layers: tuple[str, ...]) -> Report:
    """The report of a file that broke off after `received` bytes: what was found so far, and that it broke off."""
    broke_off = INCOMPLETE.found(at=None, seen=f"{received} bytes")
    if isinstance(answer, Inspection) and answer.size is not None:
        answer = Fault(FaultKind.CRASHED, "bad reply", "no size: the end of the file never came")
    if isinstance(answer, Fault):
        report = _of_finding(_of_fault(answer), size=None, sha256=None, layers=layers)
        return _with_finding(report, broke_off)
    report = report_from(answer, size=None, sha256=None, layers=layers)
    found = any(finding.rule == INCOMPLETE.id for finding in report.findings)
    return report if found else _with_finding(report, broke_off)


def too_large(size: int, allowed: int) -> Report:
    """The report of a file that is not looked at for its size alone."""
    finding = TOO_LARGE.found(at=None, seen=f"{size} bytes", allowed=f"{allowed} bytes")
    return _of_finding(finding, size=None, sha256=None, layers=())


def _contradiction(inspection: Inspection, size: int) -> Fault | None:
    if inspection.size is None:
        # No end was met, so some bound was: an answer silent about it would pass an unread file for a clean one.
        explained = inspection.total > len(inspection.findings) or any(
            finding.rule.startswith("unscannable.") for finding in inspection.findings
        )
        return (
            None
            if explained
            else Fault(FaultKind.CRASHED, "bad reply", "a size, or the reason why the end was not reached")
        )
    if inspection.size != size:
        return Fault(FaultKind.CRASHED, "bad reply", f"size {size}, the bytes received")
    return None


def _of_fault(fault: Fault) -> Finding:
    return _RULES[fault.kind].found(at=None, seen=fault.seen, allowed=fault.allowed)


def _of_finding(finding: Finding, *, size: int | None, sha256: str | None, layers: tuple[str, ...]) -> Report:
    gap = Gap("", all_rules()[finding.rule].message)
    return Report(None, size, sha256, (finding,), 1, (gap,), default_registry().rule_set, layers)


def _with_finding(report: Report, finding: Finding) -> Report:
    """The report with one more finding, which is kept whatever else there is."""
    kept = (*report.findings[: MAX_FINDINGS - 1], finding)
    ordered = sorted(kept, key=lambda f: all_rules()[f.rule].severity.rank)
    return replace(report, findings=tuple(ordered), total=report.total + 1)
