"""The laws that every validator keeps. Each is a function of a `Subject` that raises AssertionError where it is broken.

total       any bytes give a report, never an exception
arrival     a report never depends on how the bytes arrived; a broken-off download is never the file's fault
truncation  no proper prefix of a file is accepted, except where the format has an open end
bounded     work and memory stay in proportion to the file, whatever lengths it declares; budgets are kept
alone       no clock, no state: the same bytes give the same report, in any order
documented  every rule is cited, worded and proved by a case
proved      the broken file breaks the rule, its repaired twin none
polite      files of other formats are declined
"""

from __future__ import annotations

import random
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType, ModuleType
from typing import Any

from lazaretto_validators import unscannable
from lazaretto_validators.finding import MAX_OFFSET, Category, Finding
from lazaretto_validators.hostile import aborted, bytewise, cut, from_file, growing, in_pieces, whole
from lazaretto_validators.inspect import Inspection, inspect
from lazaretto_validators.limits import BudgetSpent, Limits
from lazaretto_validators.media_types import MediaType
from lazaretto_validators.recorder import Recorder
from lazaretto_validators.registry import Registry, default_registry
from lazaretto_validators.source import Aborted, NotThisFormat, ShortRead, Source
from lazaretto_validators.validator import Validator

__all__ = ["LAWS", "Case", "Subject"]

_MUTANTS = 600  # of all files of a validator together, but some of each
_LEAST_MUTANTS = 6
_SMALL = 16 * 1024  # bytes; larger files are left out where every byte or many mutants are tried
_PREFIXES = 400  # of an example; all of them where it is shorter
_REACH = 256  # bytes from the beginning in which lengths are inflated
_MEMORY = 16 << 20  # bytes; ten times what the largest single piece (256 KiB) and its copies need
_LINES = 200_000  # lines of Python granted to a small file ...
_LINES_PER_BYTE = 200  # ... and for each of its bytes
_IMPURE = frozenset({"os", "time", "datetime", "random", "socket", "subprocess", "threading", "pathlib", "secrets"})


@dataclass(frozen=True, slots=True)
class Case:
    """One rule's proof: `broken` yields a finding of it, `repaired`, its twin, yields no finding at all.

    limits: for both; the defaults if None.
    allowed: rules that the twin still breaks. Only for `<format>.program` and its like: a program with a sound header
    is still a program.
    """

    rule: str
    broken: bytes
    repaired: bytes
    limits: Limits | None = None
    allowed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Subject:
    """A validator before the laws.

    foreign: small valid files of other formats.
    open_ended: a prefix of the format is of the format: plain text, scripts.
    exempt: rules without a case, and why there can be none.
    """

    validator: Validator
    cases: tuple[Case, ...] = ()
    foreign: tuple[bytes, ...] = ()
    open_ended: bool = False
    exempt: Mapping[str, str] = field(default_factory=dict)
    registry: Registry = field(default_factory=default_registry)

    def inspect(self, data: bytes | Source, limits: Limits | None = None) -> Inspection:
        """`inspect` with this validator among the registered ones."""
        return inspect(Source.of_bytes(data) if isinstance(data, bytes) else data, limits, self.registry)

    def accepts(self, media_type: MediaType | None) -> bool:
        """Is a file of this type judged by this validator?"""
        return media_type is not None and self.registry.judge_of(media_type) is self.validator

    def judge(self, data: bytes | Source) -> list[Finding] | None:
        """The validator alone, whatever the bytes were identified as; None where it declines them."""
        source = Source.of_bytes(data) if isinstance(data, bytes) else data
        findings: list[Finding] = []
        try:
            for finding in self.validator(source, Recorder()):
                findings.append(finding)  # noqa: PERF402 - extend() would lose them all at the exception
        except NotThisFormat:
            return None
        except ShortRead as end:
            findings.append(self.validator.truncated.found(at=end.offset))
        except Aborted:
            pass  # what was found before stands
        return findings

    @property
    def files(self) -> tuple[bytes, ...]:
        """The example and all cases' files, the smallest first."""
        files = {self.validator.example, *(f for case in self.cases for f in (case.broken, case.repaired))}
        return tuple(sorted(files, key=lambda data: (len(data), data)))


def _require(holds: bool, law: str, subject: Subject, why: str) -> None:
    if not holds:
        raise AssertionError(f"{subject.validator.name} breaks the law {law!r}: {why}")


def _shown(data: bytes) -> str:
    return f"{data[:48].hex()}{'...' if len(data) > 48 else ''} ({len(data)} bytes)"


def _rules(inspection: Inspection) -> set[str]:
    return {finding.rule for finding in inspection.findings}


def _mutants(data: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Bytes flipped, set, removed, doubled, inserted; the end cut; always the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(chance.randint(1, 4)):
            at, size = chance.randrange(len(mutant) + 1), chance.randint(1, 8)
            change = chance.randrange(5)
            if change == 0:
                mutant[at : at + size] = chance.randbytes(size)
            elif change == 1:
                mutant[at : at + size] = chance.choice((b"\0", b"\xff", b"\x7f")) * size
            elif change == 2:
                del mutant[at : at + size]
            elif change == 3:
                mutant[at:at] = mutant[at : at + 16 * size]
            else:
                del mutant[at:]
        yield bytes(mutant)


def _inflated(data: bytes) -> Iterator[bytes]:
    """The file with each of its first numbers made huge: what a declared length can be at worst."""
    for at in range(0, min(_REACH, len(data)), 4):
        for value in (b"\xff\xff\xff\xff", b"\x7f\xff\xff\x7f"):  # unsigned; positive in both byte orders
            yield data[:at] + value + data[at + 4 :]


def total(subject: Subject) -> None:
    """Any bytes give a report, never an exception."""
    files = [data for data in subject.files if len(data) <= _SMALL] or [subject.validator.example]
    count = max(_LEAST_MUTANTS, _MUTANTS // len(files))
    for number, data in enumerate(files):
        for mutant in (b"", *_mutants(data, count, seed=number)):
            try:
                inspection = subject.inspect(mutant)
                subject.judge(mutant)
            except BudgetSpent:
                continue
            except Exception as error:
                raise AssertionError(
                    f"{subject.validator.name} breaks the law 'total': {error!r} on {_shown(mutant)}"
                ) from error
            raised = unscannable.VALIDATOR_FAILED.id in _rules(inspection)
            _require(not raised, "total", subject, f"it raised on {_shown(mutant)}")
            wrong = [found for found in inspection.findings if not 0 <= (found.offset or 0) <= MAX_OFFSET]
            _require(not wrong, "total", subject, f"{wrong} is no place in {_shown(mutant)}")


def arrival(subject: Subject) -> None:
    """A report never depends on how the bytes arrived."""
    for data in subject.files:
        expected = subject.inspect(whole(data))
        for how, source in _arrivals(data):
            _require(subject.inspect(source) == expected, "arrival", subject, f"{how} differs on {_shown(data)}")
        with from_file(data) as source:
            _require(subject.inspect(source) == expected, "arrival", subject, f"a file differs on {_shown(data)}")
        with growing(data, step=7) as source:
            _require(subject.inspect(source) == expected, "arrival", subject, f"growing differs on {_shown(data)}")
    example = subject.validator.example
    for count in range(0, len(example), max(1, len(example) // 16)):
        rules = _rules(subject.inspect(aborted(example, count)))
        rules |= {finding.rule for finding in subject.judge(aborted(example, count)) or ()}
        honest = unscannable.INCOMPLETE.id in rules and subject.validator.truncated.id not in rules
        _require(honest, "arrival", subject, f"broken off after {count} bytes, it says {sorted(rules)}")


def _arrivals(data: bytes) -> Iterator[tuple[str, Source]]:
    if len(data) <= _SMALL:
        yield "bytewise", bytewise(data)
    for seed in range(3):
        yield f"random pieces, seed {seed},", in_pieces(data, seed)


def truncation(subject: Subject) -> None:
    """No proper prefix of the example is accepted as silently as the whole."""
    if subject.open_ended:
        return
    example = subject.validator.example
    said = _rules(subject.inspect(example))
    for count in range(0, len(example), max(1, len(example) // _PREFIXES)):
        inspection = subject.inspect(cut(example, count))
        noticed = not subject.accepts(inspection.media_type) or bool(_rules(inspection) - said)
        _require(noticed, "truncation", subject, f"{count} of {len(example)} bytes pass for a whole file")


class _TooMuchWork(BaseException):
    """Not an Exception, so that the screener cannot take it for a fault of the validator."""


def _within(lines: int, work: Callable[[], object]) -> bool:
    """Did `work` take at most so many lines of Python? Counted, not timed: the answer is always the same."""
    left = lines

    def trace(_frame: FrameType, _event: str, _argument: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _TooMuchWork
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except _TooMuchWork:
        return False
    finally:
        sys.settrace(before)
    return True


def bounded(subject: Subject) -> None:
    """Work and memory stay in proportion to the file, whatever lengths it declares; budgets are kept."""
    example = subject.validator.example
    granted = _LINES + _LINES_PER_BYTE * len(example)
    for bomb in _inflated(example):
        _require(
            _within(granted, lambda bomb=bomb: subject.inspect(bomb)),  # type: ignore[misc]
            "bounded",
            subject,
            f"more than {granted} lines of work on {_shown(bomb)}",
        )
    for data in (*subject.files, *_inflated(example)):
        peak = _peak_memory(subject, data)
        allowed = _MEMORY + 4 * len(data)
        _require(peak <= allowed, "bounded", subject, f"{peak} bytes of memory on {_shown(data)}")
    _keeps_budgets(subject)


def _peak_memory(subject: Subject, data: bytes) -> int:
    tracemalloc.start()
    try:
        subject.inspect(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def _keeps_budgets(subject: Subject) -> None:
    """With any allowance, a report is complete or says that it is not."""
    for data in subject.files:
        complete = subject.inspect(data)
        for operations in (0, 1, 2, 3, 5, 8, 13, 21, 34, 55):
            report = subject.inspect(data, Limits(operations=operations, bytes_per_operation=1 << 40))
            honest = unscannable.BUDGET.id in _rules(report) or (operations > 0 and report == complete)
            _require(honest, "bounded", subject, f"{operations} operations shorten the report on {_shown(data)}")


def alone(subject: Subject) -> None:
    """No clock, no state: the same bytes give the same report, in any order."""
    module = sys.modules[subject.validator.run.__module__]
    impure = sorted(
        value.__name__ for value in vars(module).values() if isinstance(value, ModuleType) and value.__name__ in _IMPURE
    )
    _require(not impure, "alone", subject, f"its module imports {impure}")
    forward = {data: subject.inspect(data) for data in subject.files}
    for data in reversed(subject.files):
        _require(subject.inspect(data) == forward[data], "alone", subject, f"another report now for {_shown(data)}")


def documented(subject: Subject) -> None:
    """Every rule is cited, worded and proved by a case."""
    proved = {case.rule for case in subject.cases}
    for rule in subject.validator.rules:
        _require(bool(rule.spec.strip()), "documented", subject, f"{rule.id} cites nothing")
        _require(bool(rule.false_positives.strip()), "documented", subject, f"{rule.id} names no false positives")
        sentence = rule.message == rule.message.strip() and rule.message[:1].isupper() and rule.message.endswith(".")
        one = ". " not in rule.message and "\n" not in rule.message
        _require(sentence and one, "documented", subject, f"{rule.id}: {rule.message!r} is not one sentence")
        covered = rule.id in proved or bool(subject.exempt.get(rule.id))
        _require(covered, "documented", subject, f"{rule.id} has no case")
    known = {rule.id for rule in subject.validator.rules}
    _require(proved <= known, "documented", subject, f"cases of unknown rules {sorted(proved - known)}")
    idle = sorted(rule for rule in subject.exempt if rule in proved or rule not in known)
    _require(not idle, "documented", subject, f"needlessly exempt: {idle}")


def proved(subject: Subject) -> None:
    """The broken file breaks the rule, its repaired twin none."""
    for case in subject.cases:
        rules = _rules(subject.inspect(case.broken, case.limits))
        _require(case.rule in rules, "proved", subject, f"{case.rule} is not among {sorted(rules)}")
        for rule in case.allowed:
            dangerous = subject.registry.rules[rule].category is Category.DANGEROUS
            _require(dangerous, "proved", subject, f"{rule} may not be allowed to the repaired twin of {case.rule}")
        _require(case.rule not in case.allowed, "proved", subject, f"{case.rule} is allowed to its own repaired twin")
        left = _rules(subject.inspect(case.repaired, case.limits)) - case.allowed
        _require(not left, "proved", subject, f"the repaired twin of {case.rule} still breaks {sorted(left)}")


def polite(subject: Subject) -> None:
    """Files of other formats are declined, or not taken for this one."""
    for data in subject.foreign:
        mine = subject.accepts(subject.inspect(data).media_type)
        _require(not mine or subject.judge(data) is None, "polite", subject, f"it judges the foreign {_shown(data)}")


LAWS: tuple[Callable[[Subject], None], ...] = (
    total,
    arrival,
    truncation,
    bounded,
    alone,
    documented,
    proved,
    polite,
)
