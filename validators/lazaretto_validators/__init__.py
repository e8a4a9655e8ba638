"""What is wrong with these bytes? Format validators for attachments, on the standard library alone.

The package has no input or output of its own: it is given a `Source` and answers with findings.
`inspect` looks at bytes, `judge_claims` at what the sender said of them, `screen` does both.

    from lazaretto_validators import Claim, Source, screen

    inspection = screen(Source.of_bytes(data), Claim(name="holiday.jpg"))
    for finding in inspection.findings:
        print(finding.rule, finding.where, finding.offset)
"""

from lazaretto_validators.claims import Claim, judge_claims
from lazaretto_validators.finding import Category, Finding, Rule, Severity
from lazaretto_validators.inspect import Inspection, inspect, screen
from lazaretto_validators.limits import Limits
from lazaretto_validators.registry import Registry, default_registry
from lazaretto_validators.source import Source
from lazaretto_validators.validator import Screening, Validator, validator

__all__ = [
    "Category",
    "Claim",
    "Finding",
    "Inspection",
    "Limits",
    "Registry",
    "Rule",
    "Screening",
    "Severity",
    "Source",
    "Validator",
    "default_registry",
    "inspect",
    "judge_claims",
    "screen",
    "validator",
]
