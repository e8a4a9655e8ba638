"""What a policy says about reviewing the cases of its chat, in the words of the store."""

from __future__ import annotations

from collections.abc import Iterable

from lazaretto.policy import Policy
from lazaretto.policy.model import Consequence
from lazaretto.policy.values import FOREVER
from lazaretto.ports import Approval, DeedKind, Strikes

__all__ = ["approval_of", "strikes_of"]


def approval_of(policy: Policy, owners: Iterable[str]) -> Approval:
    """Whose word a release needs. owners: ids of the installation's owners."""
    return Approval(frozenset(policy.two_person), frozenset(owners))


def strikes_of(policy: Policy) -> Strikes:
    """What confirmed cases come to for their sender. Whoever is banned is so for ever."""
    strikes = policy.strikes
    if strikes.consequence is Consequence.BAN:
        return Strikes(strikes.limit, strikes.within, DeedKind.BAN)
    seconds = 0 if strikes.mute == FOREVER else int(strikes.mute.total_seconds())
    return Strikes(strikes.limit, strikes.within, DeedKind.MUTE, seconds)
