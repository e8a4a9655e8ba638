"""What an operator can see: metrics by kind, decision and group, and log lines that say what they are about."""

from __future__ import annotations

from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from e2e.conftest import Town
from e2e.files import post_note, post_program
from e2e.host import Host, until


def _value(host: Host, name: str, **labels: str) -> float:
    return host.guard.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_decisions_are_counted_by_kind_and_exposure_by_group(town: Town, host: Host) -> None:
    elsewhere = town.other_group("Unnamed")  # guarded by the defaults, and in no file of its own
    for group in (town.group, elsewhere):
        await post_program(group, town.eve)
    await post_note(town.group, town.ann)
    named = str(town.group.id)
    await until(lambda: _value(host, "lazaretto_exposure_seconds_count", group=named) == 1)
    await until(lambda: _value(host, "lazaretto_exposure_seconds_count", group="other") == 1)
    counted = {"kind": "document", "enforced": "true"}
    assert _value(host, "lazaretto_decisions_total", action="quarantine", **counted) == 2
    await until(lambda: _value(host, "lazaretto_decisions_total", action="forward", **counted) == 1)
    await until(lambda: _value(host, "lazaretto_reused") == 1)  # the second program is a copy of the first


async def test_how_long_the_oldest_waits_is_seen_while_a_download_hangs(town: Town, host: Host) -> None:
    hold = town.tg.faults.hold("getFile")
    await post_note(town.group, town.ann)
    await hold.reached()
    await until(lambda: _value(host, "lazaretto_oldest_waiting_seconds") > 0.2)
    assert _value(host, "lazaretto_waiting") == 1
    hold.release()
    await until(lambda: _value(host, "lazaretto_oldest_waiting_seconds") == 0)


async def test_log_lines_say_which_attachment_update_and_case_they_are_about(town: Town, host: Host) -> None:
    with capture_logs(processors=[merge_contextvars]) as lines:
        town.tg.faults.cut_download(5, times=1)
        town.tg.faults.fail("deleteMessage", error_code=400, description="Bad Request: not enough rights")
        posted = await post_program(town.group, town.eve)
        verdict = await host.verdict(posted)
        await host.done(event="failed", kind="remove")
        await until(lambda: any(line["event"] == "refused by the platform" for line in lines))
    (cut,) = [line for line in lines if line["event"] == "download broke off"]
    assert (cut["attachment"], cut["update"]) == (verdict.attachment.id, verdict.attachment.update)
    (refused,) = [line for line in lines if line["event"] == "refused by the platform"]
    assert (refused["attachment"], refused["case"]) == (verdict.attachment.id, 1)
    assert _value(host, "lazaretto_errors_total", cause="refused") == 1
