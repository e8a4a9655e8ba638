"""What one inspection may cost, spent deterministically: the same bytes always meet the same bound.

Clocks are only the backstop of the process around us; here, work is counted. The allowance of operations grows with
the bytes that were actually reached, never with a length that a file declares.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Budget", "BudgetSpent", "Limits"]

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one inspection, members of members included. Bytes unless said otherwise.

    The defaults of the bombs' bounds are ClamAV's (400 MiB in all, 10 000 members), with a shallower nesting: nobody
    sends a document five archives deep.
    """

    nesting: int = 4  # containers inside containers
    members: int = 10_000  # in all containers together
    member_bytes: int = 100 * MIB  # one member, expanded
    expanded_bytes: int = 400 * MIB  # all members together, expanded
    ratio: int = 200  # expanded to stored, once ratio_floor is passed
    ratio_floor: int = MIB  # small texts compress extremely well and hurt nobody
    operations: int = 200_000  # reads and jumps granted to every file
    bytes_per_operation: int = 64  # and one more for so many bytes reached
    memory: int = 512 * MIB  # beyond what is in use before: kept by the process around, if there is one


class BudgetSpent(Exception):
    """A bound of `Limits` was met. Ends the inspection; never caught by a validator."""

    def __init__(self, bound: str, used: int, allowed: int) -> None:
        super().__init__(f"{bound}: {used} of {allowed}")
        self.bound = bound
        self.used = used
        self.allowed = allowed


@dataclass(slots=True)
class Budget:
    """What is left of `Limits` during one inspection. Shared by all its sources and members."""

    limits: Limits
    operations: int = 0
    reached: int = 0
    expanded: int = 0
    members: int = 0

    def spend(self, operations: int = 1) -> None:
        """Charge reads, jumps, or the turns of a validator's own loop. Raises BudgetSpent."""
        self.operations += operations
        allowed = self.limits.operations + self.reached // self.limits.bytes_per_operation
        if self.operations > allowed:
            raise BudgetSpent("operations", self.operations, allowed)

    def reach(self, count: int) -> None:
        """`count` bytes were reached for the first time."""
        self.reached += count

    def expand(self, count: int) -> None:
        """`count` bytes came out of a decompressor. Raises BudgetSpent."""
        self.expanded += count
        if self.expanded > self.limits.expanded_bytes:
            raise BudgetSpent("expanded bytes", self.expanded, self.limits.expanded_bytes)

    def enter(self) -> None:
        """One more member is looked at. Raises BudgetSpent."""
        self.members += 1
        if self.members > self.limits.members:
            raise BudgetSpent("members", self.members, self.limits.members)
