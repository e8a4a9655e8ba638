"""`/drill`: tries the whole way of a file in a group with the test file, and reports in one message."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from types import MappingProxyType

import structlog
from telegram import InlineKeyboardMarkup, Message
from telegram.constants import ParseMode
from telegram.error import TelegramError

from lazaretto.drill import FAULT, RULE
from lazaretto.languages import N_, Html, Language
from lazaretto.model import Action, Place
from lazaretto.tasks import spawn
from lazaretto.telegram.attachments import PLATFORM
from lazaretto.telegram.authority import Right
from lazaretto.telegram.commands.asked import Asked, Command
from lazaretto.telegram.commands.desk import Desk
from lazaretto.telegram.drilling import Outcome, Run, Step
from lazaretto.telegram.review import Page
from lazaretto.text import shown

__all__ = ["Drill"]

_MINUTE = 60.0
_MOST = 1000  # groups whose last drill is remembered
_EDITS = 1.0  # seconds at least between two edits of the report: Telegram allows some twenty a minute in a group
_CAPTION = N_("A drill of this group's administrators: a harmless test file, which goes by itself.")
_WHICH = N_("Write /drill in the group that you want to try, or its id behind it.")
_RUNNING = N_("A drill is under way here already.")
_TOO_SOON = N_("There was a drill here within the last minute. Please wait a moment.")
_NO_GROUP = N_("A drill needs a group that I work in.")
_MODERATORS = N_("This is a moderators' chat: nothing is judged here. Try the group itself.")
_log = structlog.get_logger("lazaretto.drill")

_STEPS: Mapping[Step, str] = MappingProxyType(
    {
        Step.POSTED: N_("posted"),
        Step.TAKEN: N_("taken in and written down"),
        Step.FETCHED: N_("fetched from Telegram, byte by byte the same"),
        Step.SCREENED: N_("looked at in the sandbox: the fault was found"),
        Step.DECIDED: N_("decided by the rules of this group"),
        Step.KEPT: N_("sealed in the vault"),
        Step.REMOVED: N_("removed from the group"),
        Step.CARD: N_("card shown to the moderators"),
        Step.CLOSED: N_("case closed, and its file deleted"),
    }
)
_REMEDIES: Mapping[Step, str] = MappingProxyType(
    {
        Step.POSTED: N_("Let me send files in this group."),
        Step.TAKEN: N_("The state database cannot be written: /doctor tells the owner more."),
        Step.FETCHED: N_("Look at the network of my machine, and at base_url and local_files if they are set."),
        Step.SCREENED: N_("Screening does not work as it should: /doctor tells the owner more."),
        Step.DECIDED: N_("The rules of this group let broken files pass. Choose another preset in /lazaretto."),
        Step.KEPT: N_("The vault could not keep it: /doctor tells the owner whether it is full."),
        Step.REMOVED: N_("Make me an administrator here, with the right to delete messages."),
        Step.CARD: N_("Add me to the moderators' chat, and let me write there."),
        Step.CLOSED: N_("Close the case by its card: nothing follows from it."),
    }
)
_WOULD: Mapping[Action, str] = MappingProxyType(
    {
        Action.FLAG: N_("Observe mode: in guard mode it would have stayed, and moderators would have got a card."),
        Action.QUARANTINE: N_("Observe mode: in guard mode it would have been removed and kept for moderators."),
        Action.REJECT: N_("Observe mode: in guard mode it would have been removed and not kept."),
    }
)


class Drill:
    """One at a time in a group, and one a minute. clock: seconds."""

    pages: Mapping[str, Page] = MappingProxyType({})

    def __init__(self, desk: Desk, clock: Callable[[], float] = monotonic) -> None:
        self._desk = desk
        self._clock = clock
        self._last: dict[str, float] = {}
        self._running: set[str] = set()
        about = N_("Try the whole way of a file with a harmless test file")
        self.commands: Sequence[Command] = (Command("drill", about, self._drill, Right.SETTINGS),)

    async def _drill(self, asked: Asked) -> None:
        chat = (asked.words[0] if asked.words else "") if asked.place.private else asked.place.chat
        if not chat.removeprefix("-").isdecimal() or not chat.startswith("-"):
            await asked.answer(asked.say.html(_WHICH))
            return
        why = await self._refusal(asked, Place(PLATFORM, chat))
        if why is not None:
            await asked.answer(asked.say.html(why))
            return
        self._last[chat] = self._clock()
        self._running.add(chat)
        spawn(self._run(asked, Place(PLATFORM, chat)), "drill")  # further updates do not wait for it

    async def _refusal(self, asked: Asked, place: Place) -> str | None:
        """Asked again here for the private chat, where the dispatcher asks nothing."""
        desk, chat = self._desk, place.chat
        if asked.user is None or asked.by_link:  # a link would post the file in the name of whoever taps it
            return _WHICH
        refusal = await desk.authority.refusal(asked.bot, chat, asked.user, Right.SETTINGS)
        if refusal is not None:
            return refusal
        if not desk.policies.configuration.admits(place):
            return _NO_GROUP
        if desk.policies.is_unscreened(place):
            return _MODERATORS
        if chat in self._running:
            return _RUNNING
        now = self._clock()
        if chat in self._last and now - self._last[chat] < _MINUTE:
            return _TOO_SOON
        if len(self._last) > _MOST:
            self._last = {other: at for other, at in self._last.items() if now - at < _MINUTE}
        return None

    async def _run(self, asked: Asked, place: Place) -> None:
        try:
            runtime = await self._desk.open()
            report = _Report(asked, self._clock)
            await report.begin()
            thread = asked.message.message_thread_id if asked.message.is_topic_message else None
            run = Run(runtime, self._desk.policies, place, report.show)
            caption = self._desk.language(place)(_CAPTION)
            outcome = await run.go(asked.by, caption, None if asked.place.private else thread)
            _log.info("drill", chat=place.chat, passed=outcome.passed, failed=outcome.failed, why=outcome.why)
        finally:
            self._running.discard(place.chat)


class _Report:
    """The one message, which is edited as the drill goes on."""

    def __init__(self, asked: Asked, clock: Callable[[], float]) -> None:
        self._asked = asked
        self._clock = clock
        self._message: Message | None = None
        self._edited = 0.0

    async def begin(self) -> None:
        """Say that it begins."""
        asked = self._asked
        self._message = await asked.bot.send_message(
            asked.message.chat_id,
            asked.say.html("<b>Drill</b>: it begins."),
            parse_mode=ParseMode.HTML,
            message_thread_id=asked.message.message_thread_id if asked.message.is_topic_message else None,
        )
        self._edited = self._clock()

    async def show(self, outcome: Outcome) -> None:
        """Bring it up to date; what comes too fast is shown with what comes next."""
        now = self._clock()
        if self._message is None or (not outcome.over and now - self._edited < _EDITS):
            return
        self._edited = now
        try:
            await self._asked.bot.edit_message_text(
                _told(self._asked.say, outcome),
                self._message.chat_id,
                self._message.message_id,
                parse_mode=ParseMode.HTML,
                reply_markup=InlineKeyboardMarkup([]),
            )
        except TelegramError as error:  # the drill goes on, and the log has its outcome
            _log.info("a drill's report could not be shown", why=type(error).__name__)


def _told(say: Language, out: Outcome) -> Html:
    head = say.html("<b>Drill</b>: under way.")
    if out.over:
        passed = say.html("✅ <b>Drill passed.</b>"), say.html("❌ <b>Drill failed.</b>")
        head = passed[not out.passed]
    lines = [head, *(_line(say, out, step, at) for step, at in out.times.items())]
    if out.failed is not None:
        lines.append(say.html("❌ not {step}", step=say(_STEPS[out.failed])))
        if out.why:
            lines.append(say.html("<code>{why}</code>", why=shown(out.why, 300)))
        lines.append(say.html("→ {remedy}", remedy=say(_REMEDIES[out.failed])))
    if out.over and not out.enforced and out.action is not None and out.action in _WOULD:
        lines.append(say.html(_WOULD[out.action]))
    if out.head:
        lines.append(say.html("Log: <code>{head}</code>", head=out.head[:24]))
    return Html("\n").join(lines)


def _line(say: Language, out: Outcome, step: Step, at: int) -> Html:
    line = say.html("✅ {seconds:.1f} s: {step}", seconds=at / 1000, step=say(_STEPS[step]))
    if step is Step.SCREENED:
        more = say.html(
            "<code>{rule}</code> at byte {offset}; {count} layers", rule=RULE, offset=FAULT, count=out.layers
        )
        return say.html("{line} ({more})", line=line, more=more)
    if step is Step.DECIDED and out.action is not None:
        return say.html("{line} (<code>{action}</code>)", line=line, action=out.action.value)
    return line
