"""What to do about which findings: the policy of a group, and the decision that it leads to."""

from lazaretto.policy.decide import decide
from lazaretto.policy.model import Keep, Policy, Types
from lazaretto.policy.presets import PRESETS, Preset
from lazaretto.policy.problems import ConfigError, Problem
from lazaretto.policy.risks import claimed_risk
from lazaretto.policy.show import Row, explain

__all__ = [
    "PRESETS",
    "ConfigError",
    "Keep",
    "Policy",
    "Preset",
    "Problem",
    "Row",
    "Types",
    "claimed_risk",
    "decide",
    "explain",
]
