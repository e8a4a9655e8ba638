"""How fast Lazaretto is, and how little memory it takes: each figure beside a peer or a physical limit of the same run.

    python -m benchmarks            all of them, twenty minutes
    python -m benchmarks --short    proves in less than a minute that they work, and nothing about speed

Absolute speeds vary with the machine; ratios of rounds that were measured in turn hardly do, and targets are ratios
wherever something can be compared.
"""

import sys
from pathlib import Path

# The builders of small programs and documents are the tests'. Last, because tests/ has folders named like packages.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
