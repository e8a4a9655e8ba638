"""The decision table: reports and policy in, one decision out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazaretto.model import Action, Attachment, Claim, Mode, Part, Person, Place, Reason, Report
from lazaretto.policy import Policy, Types, decide
from lazaretto.policy.decide import MAX_REASONS
from lazaretto.policy.layers import merge, preset_layer
from lazaretto.policy.model import Newcomers, Strikes
from lazaretto.policy.presets import Preset
from lazaretto.ports import Precedents, Standing
from lazaretto.rules import all_rules
from lazaretto_validators import Category, Finding, Severity

BALANCED = merge([]).policy
GUARDING = replace(BALANCED, mode=Mode.GUARD, moderators="-9")
DIGEST = "a" * 64


def attachment(*claims: Claim) -> Attachment:
    parts = tuple(
        Part(i, f"file-{i}", f"unique-{i}", "message.document", claim)
        for i, claim in enumerate(claims or (Claim("a.png"),))
    )
    place = Place("telegram", "-100")
    return Attachment(
        "id", place, "7", "1", Person("telegram", "5", "Ann"), "document", parts, datetime(2026, 1, 1, tzinfo=UTC)
    )


def report(*rules: str, **changes: object) -> Report:
    findings = tuple(Finding(rule, 0) for rule in rules)
    clean = Report("image/png", 100, DIGEST, findings, len(findings))
    return replace(clean, **changes)  # type: ignore[arg-type]  # any of its fields


def rule_of(category: Category, severity: Severity) -> str:
    return next(r.id for r in all_rules().values() if (r.category, r.severity) == (category, severity))


MALFORMED = rule_of(Category.MALFORMED, Severity.HIGH)


def test_nothing_wrong_is_forwarded_without_reasons() -> None:
    decision = decide(attachment(), [report()], GUARDING)
    assert (decision.action, decision.reasons, decision.holds) == (Action.FORWARD, (), False)


@pytest.mark.parametrize(
    ("preset", "rule", "action"),
    [
        ("lenient", MALFORMED, Action.FLAG),
        ("balanced", MALFORMED, Action.QUARANTINE),
        ("strict", MALFORMED, Action.QUARANTINE),
        ("lenient", "unscannable.encrypted", Action.FORWARD),
        ("balanced", "unscannable.encrypted", Action.FLAG),
        ("strict", "unscannable.encrypted", Action.QUARANTINE),
        *[(p, "unscannable.worker-failed", Action.QUARANTINE) for p in Preset],
        *[(p, "unscannable.validator-failed", Action.QUARANTINE) for p in Preset],
        *[(p, "unscannable.incomplete", Action.QUARANTINE) for p in Preset],
        *[(p, "unscannable.too-large", Action.REJECT) for p in Preset],
    ],
)
def test_what_a_preset_does_about_a_rule(preset: str, rule: str, action: Action) -> None:
    policy = Policy(actions=(preset_layer(Preset(preset)).actions,))
    assert decide(attachment(), [report(rule)], policy).action is action


def test_worst_action_of_several_findings_and_parts_wins() -> None:
    reports = [report("unscannable.encrypted"), report(MALFORMED, "unscannable.too-large")]
    decision = decide(attachment(Claim("a.png"), Claim("b.png")), reports, BALANCED)
    assert decision.action is Action.REJECT
    assert [(r.rule, r.action, r.part) for r in decision.reasons] == [
        ("unscannable.too-large", Action.REJECT, 1),
        (MALFORMED, Action.QUARANTINE, 1),
        ("unscannable.encrypted", Action.FLAG, 0),
    ]


def test_rule_broken_twice_in_a_part_is_one_reason() -> None:
    decision = decide(attachment(), [report(MALFORMED, MALFORMED)], BALANCED)
    assert decision.reasons == (Reason(MALFORMED, Action.QUARANTINE, "malformed.high"),)


def test_observe_mode_records_and_does_not_enforce() -> None:
    assert not decide(attachment(), [report(MALFORMED)], BALANCED).enforced
    guarded = decide(attachment(), [report(MALFORMED)], GUARDING)
    assert guarded.enforced
    assert guarded.holds


def test_unknown_rule_is_a_bad_reply() -> None:
    [reason] = decide(attachment(), [report("no.such-rule")], BALANCED).reasons
    assert (reason.rule, reason.action) == ("unscannable.crashed", Action.QUARANTINE)


@pytest.mark.parametrize("count", [0, 2])
def test_another_number_of_reports_than_parts_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match=r"zip\(\)"):
        decide(attachment(), [report()] * count, BALANCED)


# ── types and sizes ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("types", "media_type", "allowed"),
    [
        (Types(), "application/x-dosexec", True),
        (Types(), None, True),
        (Types(("image/*",)), "image/png", True),
        (Types(("image/*",)), "application/pdf", False),
        (Types(("image/*",)), None, False),
        (Types(("image/*", "unknown")), None, True),
        (Types(("image/*",), ("image/svg+xml",)), "image/svg+xml", False),
        (Types(("*",), ("unknown",)), None, False),
    ],
)
def test_types_that_may_be_posted(types: Types, media_type: str | None, allowed: bool) -> None:
    decision = decide(attachment(), [report(media_type=media_type)], replace(BALANCED, types=types))
    expected = () if allowed else (Reason("policy.type-not-allowed", Action.QUARANTINE, "policy.type-not-allowed"),)
    assert decision.reasons == expected


def test_size_above_the_limit_is_too_large_whoever_noticed() -> None:
    policy = replace(BALANCED, max_size=100)
    assert decide(attachment(), [report(size=100)], policy).reasons == ()
    [reason] = decide(attachment(), [report(size=101)], policy).reasons
    assert reason.rule == "unscannable.too-large"


# ── precedents ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_confirmed_digest_is_held_though_nothing_else_is_wrong() -> None:
    decision = decide(attachment(), [report()], BALANCED, Precedents(confirmed=frozenset({DIGEST})))
    assert decision.reasons == (Reason("precedent.confirmed", Action.QUARANTINE, "precedent.confirmed"),)


def test_granted_digest_goes_on_whatever_was_found() -> None:
    precedents = Precedents(granted=frozenset({(DIGEST, "viewed")}))
    decision = decide(attachment(), [report(MALFORMED, "unscannable.encrypted")], GUARDING, precedents)
    assert decision.action is Action.FORWARD
    assert decision.reasons == (Reason("precedent.granted", Action.FORWARD, "grant"),)


def test_granted_picture_does_not_return_as_a_program() -> None:
    precedents = Precedents(granted=frozenset({(DIGEST, "viewed")}))
    decision = decide(attachment(Claim("a.exe")), [report(MALFORMED)], GUARDING, precedents)
    assert decision.action is Action.QUARANTINE


def test_grant_for_one_part_does_not_cover_the_other() -> None:
    precedents = Precedents(granted=frozenset({(DIGEST, "viewed")}))
    reports = [report(MALFORMED), report(MALFORMED, sha256="b" * 64)]
    decision = decide(attachment(Claim("a.png"), Claim("b.png")), reports, GUARDING, precedents)
    assert [(r.rule, r.part) for r in decision.reasons] == [(MALFORMED, 1), ("precedent.granted", 0)]


def test_confirmation_beats_a_grant_of_the_same_digest() -> None:
    both = Precedents(frozenset({DIGEST}), frozenset({(DIGEST, "viewed")}))
    assert decide(attachment(), [report()], GUARDING, both).action is Action.QUARANTINE


def test_report_without_a_digest_matches_no_precedent() -> None:
    precedents = Precedents(frozenset({DIGEST}), frozenset({(DIGEST, "viewed")}))
    [reason] = decide(attachment(), [report("unscannable.incomplete", sha256=None)], GUARDING, precedents).reasons
    assert reason.rule == "unscannable.incomplete"


# ── findings that a report does not hold ──────────────────────────────────────────────────────────────────────────


def test_findings_left_out_count_as_the_worst_that_they_can_be() -> None:
    lenient = preset_layer(Preset.LENIENT).actions
    policy = Policy(actions=({"active": Action.QUARANTINE}, lenient))
    milder = (Severity.MEDIUM, Severity.INFO)
    forwarded = [
        r.id for r in all_rules().values() if r.severity in milder and policy.action_for(r)[0] is Action.FORWARD
    ]
    full = report(*forwarded[:40])
    assert decide(attachment(), [full], policy).action is Action.FORWARD
    overfull = decide(attachment(), [replace(full, total=41)], policy)
    assert (overfull.action, overfull.reasons[0].rule) == (Action.QUARANTINE, "policy.more-findings")


def test_one_rule_broken_very_often_hides_no_other() -> None:
    forwarded = rule_of(Category.SPOOFED, Severity.INFO)
    policy = Policy(actions=({"active": Action.QUARANTINE}, preset_layer(Preset.LENIENT).actions))
    assert decide(attachment(), [report(*[forwarded] * 64, total=1000)], policy).reasons == ()


def test_harmless_findings_left_out_change_nothing() -> None:
    harmless = rule_of(Category.SPOOFED, Severity.INFO)
    assert decide(attachment(), [report(*[harmless] * 64, total=1000)], BALANCED).reasons == ()


def test_reasons_are_bounded_and_the_worst_stay() -> None:
    count = 2 * MAX_REASONS
    reports = [report("unscannable.encrypted")] * (count - 1) + [report("unscannable.too-large")]
    decision = decide(attachment(*[Claim("a.png")] * count), reports, BALANCED)
    assert len(decision.reasons) == MAX_REASONS
    assert decision.reasons[0].rule == "unscannable.too-large"


def test_the_worst_of_every_category_and_every_part_stays() -> None:
    flagged = min(rule.id for rule in all_rules().values() if rule.category is Category.ACTIVE)
    policy = replace(BALANCED, actions=({flagged: Action.FLAG}, *BALANCED.actions))
    held = [
        rule.id
        for rule in all_rules().values()
        if rule.category is not Category.ACTIVE and policy.action_for(rule)[0] is Action.QUARANTINE
    ]
    reports = [report(*held), report(*held), report(flagged)]
    decision = decide(attachment(*[Claim("a.png")] * 3), reports, policy)
    assert len(decision.reasons) == MAX_REASONS < 2 * len(held)
    assert {reason.part for reason in decision.reasons} == {0, 1, 2}
    assert flagged in {reason.rule for reason in decision.reasons}
    assert {all_rules()[rule].category for rule in held} <= {all_rules()[r.rule].category for r in decision.reasons}
    ranks = [reason.action.rank for reason in decision.reasons]
    assert ranks == sorted(ranks, reverse=True)


# ── laws ──────────────────────────────────────────────────────────────────────────────────────────────────────────

some_rules = st.lists(st.sampled_from(sorted(all_rules())), max_size=8)


@given(some_rules, some_rules)
def test_a_further_finding_never_makes_the_decision_milder(rules: list[str], more: list[str]) -> None:
    fewer = decide(attachment(), [report(*rules)], BALANCED)
    assert decide(attachment(), [report(*rules, *more)], BALANCED).action.rank >= fewer.action.rank


@given(some_rules)
def test_the_order_of_findings_is_of_no_consequence(rules: list[str]) -> None:
    assert decide(attachment(), [report(*rules)], BALANCED) == decide(
        attachment(), [report(*reversed(rules))], BALANCED
    )


@given(st.lists(some_rules, min_size=1, max_size=4))
def test_the_decision_is_its_worst_reason_and_reasons_come_worst_first(parts: list[list[str]]) -> None:
    decision = decide(attachment(*[Claim("a.png")] * len(parts)), [report(*rules) for rules in parts], BALANCED)
    ranks = [reason.action.rank for reason in decision.reasons]
    assert ranks == sorted(ranks, reverse=True)
    assert decision.action.rank == max(ranks, default=0)


def test_of_the_exempt_everything_is_judged_and_nothing_enforced() -> None:
    decision = decide(attachment(), [report(MALFORMED)], GUARDING, sender=Standing(exempt=True))
    assert (decision.action, decision.enforced) == (Action.QUARANTINE, False)


LENIENT_WITH_STRICT_NEWCOMERS = replace(
    merge([]).policy,
    mode=Mode.GUARD,
    moderators="-9",
    actions=(preset_layer(Preset.LENIENT).actions,),
    newcomers=Newcomers(timedelta(days=7), preset_layer(Preset.STRICT).actions),
)


def test_for_a_new_member_the_worse_of_both_answers_counts_and_says_which_it_was() -> None:
    policy = LENIENT_WITH_STRICT_NEWCOMERS
    assert decide(attachment(), [report(MALFORMED)], policy).action is Action.FLAG
    (reason,) = decide(attachment(), [report(MALFORMED)], policy, sender=Standing(new=True)).reasons
    assert (reason.action, reason.key.partition(":")[0]) == (Action.QUARANTINE, "newcomers.preset")


@given(st.sampled_from(sorted(all_rules())))
def test_nothing_is_milder_for_a_new_member(rule: str) -> None:
    policy = LENIENT_WITH_STRICT_NEWCOMERS
    mine, theirs = policy.action_for(all_rules()[rule]), policy.for_newcomers().action_for(all_rules()[rule])
    assert theirs[0].rank >= mine[0].rank


def test_keys_that_are_not_set_leave_a_policys_id_as_it_was() -> None:
    assert replace(BALANCED, language="de", weekly_report=True).id == BALANCED.id
    others = [
        replace(BALANCED, exempt=("5",)),
        replace(BALANCED, two_person=("exploit",)),
        replace(BALANCED, inform_sender=True),
        replace(BALANCED, strikes=Strikes(limit=3)),
        LENIENT_WITH_STRICT_NEWCOMERS,
    ]
    assert len({BALANCED.id, *(policy.id for policy in others)}) == 1 + len(others)
