"""The table of hosts: what each is, how it is run, what its people do, and what weakens the gate in it."""

from __future__ import annotations

from functools import partial

from hosts.bots import (
    callback_data,
    catch_all,
    chat_member,
    concurrent,
    context_manager,
    conversation,
    custom_webhook,
    downloads,
    echo,
    error_handler,
    inline_keyboard,
    job_queue,
    nested_conversation,
    persistence,
    processor,
    unblocking,
)
from hosts.life import Style, polling
from hosts.script import joins, leaves, posts, presses, restarts, says

__all__ = ["STYLES"]

_TALK = (says("/start"), says("Hello"), posts("minutes.txt"), says("Bye"))
_BELL = (says("/wait"), says("Meanwhile"), posts("minutes.txt"), says("/ring"))
_COUNTED = (says("One"), posts("two.txt"), says("/statistics"))
_PICKS = (says("/pick"), presses("1"), posts("minutes.txt"), presses("2"), presses("3"))
_WEB = (says("/start"), posts("minutes.txt"), says("Hello"))
_ECHOED = (says("Hello"), posts("minutes.txt"), says("Bye"))

STYLES = [
    Style("echo", echo.build, _TALK),
    Style(
        "echo of messages only",
        echo.build,
        _TALK,
        run=partial(polling, allowed_updates=["message", "callback_query"]),
        warnings=("some updates that carry files are not asked for",),
    ),
    Style(
        "conversation",
        conversation.build,
        (
            says("Hello"),
            says("/join"),
            says("Ann"),
            says("Wait"),
            posts("letter.txt"),
            says("Over 18"),
            says("/join"),
            says("Ann again"),
            says("/skip"),
        ),
    ),
    Style(
        "nested conversation",
        nested_conversation.build,
        (says("/family"), presses("Add"), posts("aunt.txt"), presses("Add"), says("Bob"), presses("Done")),
    ),
    Style(
        "job queue",
        job_queue.build,
        (
            says("/remind 0 tea", calls=2),
            says("/remind 5000 dinner"),
            posts("receipt.txt"),
            says("/reminders"),
            says("/remind 6000 bed"),
            says("/forget bed"),
        ),
    ),
    Style(
        "persistence",
        persistence.build,
        (
            says("/learn"),
            restarts(),
            says("Tea is hot"),
            posts("minutes.txt"),
            restarts(),
            says("/recall"),
            says("/learn"),
        ),
    ),
    Style(
        "inline keyboard",
        inline_keyboard.build,
        (says("/menu"), presses("Tea"), posts("order.txt"), presses("bill"), says("More")),
    ),
    Style("concurrent", partial(concurrent.build, concurrent_updates=True), _BELL),
    Style("concurrent, 4", partial(concurrent.build, concurrent_updates=4), _BELL),
    Style("unblocking", unblocking.build, (*_BELL, says("About politics"))),
    Style("callback data", callback_data.build, _PICKS),
    Style("catch-all before", catch_all.build_before, _COUNTED),
    *(Style(f"catch-all after, {n}", partial(catch_all.build_after, group=n), _COUNTED) for n in (-1, -2)),
    Style(
        "catch-all in front",
        catch_all.build_in_front,
        _COUNTED,
        in_front=frozenset({"keep_log"}),
        warnings=("handlers run before the gate",),
    ),
    Style("webhook, queue", custom_webhook.build, _WEB, custom_webhook.queueing),
    Style("webhook, process_update", custom_webhook.build, _WEB, custom_webhook.processing),
    Style("context manager", context_manager.build, _ECHOED, context_manager.running),
    Style(
        "context manager, not started",
        context_manager.build,
        _ECHOED,
        context_manager.forgetful,
        warnings=("nobody has started lazaretto",),
    ),
    Style(
        "error handler",
        error_handler.build,
        (says("/divide 1 4"), says("/divide 1 0"), posts("table.csv"), posts("minutes.txt"), says("Oh")),
    ),
    Style(
        "chat members",
        chat_member.build,
        (says("Hello"), joins("Bob"), says("/members", calls=2), posts("minutes.txt"), leaves("Bob")),
    ),
    Style("update processor", processor.build, (says("/dice"), posts("minutes.txt"), says("Again"))),
    Style("downloads", downloads.build, (says("What?"), posts("minutes.txt"), posts("other.txt", b"Other.\n"))),
]
