"""The gate is closed while it is not open: through the library's own dispatch, whatever fails around it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Self, TextIO, cast

import pytest
import structlog
from telegram import Update
from telegram.ext import Application, CallbackContext, ContextTypes, Defaults, MessageHandler, TypeHandler, filters

from fakes import an_attachment
from lazaretto.albums import joined
from lazaretto.coverage import Outcome
from lazaretto.model import Action, Attachment, Decision, Mode, Place
from lazaretto.ports import Unavailable
from lazaretto.telegram import gate as gate_module
from lazaretto.telegram import parking as parking_module
from lazaretto.telegram.attachments import attachment_in, shown_again
from lazaretto.telegram.gate import Gate
from lazaretto.telegram.handler_order import below, insert_first
from lazaretto.telegram.journal import TRIES
from lazaretto.telegram.parking import Parking
from offline import Offline

FORWARD = Decision(Action.FORWARD, enforced=True)
FLAG = Decision(Action.FLAG, enforced=True)
QUARANTINE = Decision(Action.QUARANTINE, enforced=True)
FAULTS = [ValueError(), OSError(), RuntimeError(), TimeoutError(), KeyError(), RecursionError(), MemoryError()]
FAULTS += [AssertionError(), StopAsyncIteration(), ExceptionGroup("several", [ValueError()])]
every_fault = pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)


class Service:
    """What is behind the gate. `fault` is raised by the method named in `broken`."""

    def __init__(self) -> None:
        self.mode = Mode.GUARD
        self.taken: list[Attachment] = []
        self.passed: list[str] = []
        self.of_old: dict[str, bool] = {}
        self.counted: list[Outcome] = []
        self.aside: list[tuple[object, str]] = []
        self.broken = ""
        self.fault: Exception = ValueError()
        self.queue: asyncio.Queue[object] = asyncio.Queue()

    def _strike(self, method: str) -> None:
        if self.broken == method:
            raise self.fault

    async def ready(self) -> None:
        self._strike("ready")

    async def take(self, attachment: Attachment, update: Update) -> None:
        self._strike("take")
        self.taken.append(attachment)

    async def known(self, attachments: Collection[str]) -> Mapping[str, bool]:
        self._strike("known")
        return {name: held for name, held in self.of_old.items() if name in attachments}

    def when_handled(self, do: Callable[[], None]) -> None:
        do()

    def passed_on(self, attachment: Attachment) -> None:
        self.passed.append(attachment.id)

    def mode_of(self, place: Place) -> Mode:
        self._strike("mode_of")
        return self.mode

    def previews(self, place: Place) -> bool:
        self._strike("previews")
        return place.chat == "-88"

    def skips(self, place: Place) -> Outcome | None:
        self._strike("skips")
        return Outcome.MODERATORS if place.chat == "-77" else None

    def count(self, outcome: Outcome) -> None:
        self.counted.append(outcome)

    def arrived(self) -> None:
        self._strike("arrived")

    async def put_back(self, update: Update) -> None:
        await self.queue.put(update)

    async def set_aside(self, update: object, why: str) -> None:
        self._strike("set_aside")
        self.aside.append((update, why))
        self.count(Outcome.UNREADABLE)


class Host:
    """An application with handlers of its own, and the gate in front."""

    def __init__(
        self,
        *,
        block: bool = True,
        groups: tuple[int, ...] = (0, 5),
        context: type[Any] = CallbackContext,
        queue: asyncio.Queue[object] | None = None,
    ) -> None:
        self.seen: list[int] = []
        self.shown: list[dict[str, Any]] = []
        self.errors: list[BaseException | None] = []
        builder = (
            Application.builder()
            .token("1:a")
            .updater(None)
            .request(Offline())
            .context_types(ContextTypes(context=context))
            .update_queue(queue or asyncio.Queue())
        )
        if not block:
            builder = builder.defaults(Defaults(block=False))
        self.app: Application[Any, Any, Any, Any, Any, Any] = builder.build()
        for group in groups:
            self.app.add_handler(TypeHandler(Update, self._see), group=group)
        self.app.add_error_handler(self._note)
        self.service = Service()
        self.again = asyncio.Event()  # set: the gate's pause is over
        self.service.queue = self.app.update_queue
        self.gate = Gate(self.app, self.service, self._pause)
        self.group = insert_first(self.app, self.gate)

    async def _pause(self, _seconds: float) -> None:
        await self.again.wait()

    async def _see(self, update: Update, _context: object) -> None:
        self.seen.append(update.update_id)
        self.shown.append(update.to_dict())

    async def _note(self, _update: object, context: CallbackContext[Any, Any, Any, Any]) -> None:
        self.errors.append(context.error)

    async def process(self, *updates: Update) -> None:
        for one in updates:
            await self.app.process_update(one)
        await self.quiet()

    async def process_queue(self) -> None:
        """The application, which is running, empties its own queue."""
        await self.app.update_queue.join()
        await self.quiet()

    async def quiet(self) -> None:
        for _ in range(10):  # handlers that do not block run as tasks
            await asyncio.sleep(0)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        async with self.app:
            await self.app.start()
            yield self
            await self.app.stop()


@pytest.fixture(params=[True, False], ids=["blocking host", "Defaults(block=False)"])
async def host(request: pytest.FixtureRequest) -> AsyncIterator[Host]:
    async with Host(block=request.param).running() as made:
        yield made


def a_file(name: str = "a") -> dict[str, Any]:
    return {"file_id": f"id-{name}", "file_unique_id": f"u-{name}"}


def an_update(number: int = 7, *, chat: int = -1, kind: str = "message", **fields: Any) -> Update:
    message = {
        "message_id": 5,
        "date": 1_700_000_000,
        "chat": {"id": chat, "type": "supergroup", "title": "Chess"},
        "from": {"id": 3, "is_bot": False, "first_name": "Ann"},
        **fields,
    }
    return Update.de_json({"update_id": number, kind: message}, None)


OURS: dict[str, Any] = {"from": {"id": 1, "is_bot": True, "first_name": "We"}}


# -- held, cleared, passed -------------------------------------------------------------------------------------------


async def test_a_held_attachment_is_seen_by_no_handler(host: Host) -> None:
    await host.process(an_update(document=a_file()))
    assert await host.gate.settled(host.service.taken[0], QUARANTINE) is False
    await host.process_queue()
    assert (host.seen, host.errors) == ([], [])


@pytest.mark.parametrize("decision", [FORWARD, FLAG, Decision(Action.QUARANTINE, enforced=False)])
async def test_a_cleared_attachment_is_seen_once_after_clearing_and_through_the_queue(
    host: Host, decision: Decision
) -> None:
    await host.process(an_update(document=a_file()))
    assert host.seen == []
    assert await host.gate.settled(host.service.taken[0], decision) is True
    assert (host.seen, host.app.update_queue.qsize()) == ([], 1)
    await host.process_queue()
    assert host.seen == [7, 7]  # once in each of the host's two groups
    assert len(host.service.taken) == 1
    assert host.service.passed == [host.service.taken[0].id]


async def test_what_could_not_be_judged_stays_held(host: Host) -> None:
    await host.process(an_update(document=a_file()))
    assert await host.gate.settled(host.service.taken[0], None) is False
    assert (host.seen, host.app.update_queue.qsize()) == ([], 0)


async def test_a_cleared_update_that_comes_again_is_looked_at_again(host: Host) -> None:
    one = an_update(document=a_file())
    await host.process(one)
    await host.gate.settled(host.service.taken[0], FORWARD)
    await host.process_queue()
    await host.process(one)
    assert (host.seen, len(host.service.taken)) == ([7, 7], 2)


async def test_a_message_and_its_edit_with_the_same_file_both_go_on(host: Host) -> None:
    await host.process(an_update(7, document=a_file()))
    await host.process(an_update(8, kind="edited_message", document=a_file(), caption="better"))
    first, second = host.service.taken
    assert first.id == second.id
    await host.gate.settled(first, FORWARD)
    await host.process_queue()
    assert sorted(set(host.seen)) == [7, 8]


async def test_an_update_without_a_file_is_not_touched(host: Host) -> None:
    await host.process(an_update(text="hello"))
    assert (host.seen, host.service.taken) == ([7, 7], [])


async def test_other_updates_go_on_while_one_is_parked(host: Host) -> None:
    await host.process(an_update(7, document=a_file()), an_update(8, chat=-2, text="hello"), an_update(9, text="same"))
    assert host.seen == [8, 8, 9, 9]


async def test_observing_passes_at_once_and_takes_all_the_same(host: Host) -> None:
    host.service.mode = Mode.OBSERVE
    await host.process(an_update(document=a_file()))
    assert (host.seen, len(host.service.taken)) == ([7, 7], 1)
    assert await host.gate.settled(host.service.taken[0], FORWARD) is False


async def test_an_exempt_chat_is_not_screened(host: Host) -> None:
    await host.process(an_update(chat=-77, document=a_file()))
    assert (host.seen, host.service.taken) == ([7, 7], [])


async def test_an_update_of_an_earlier_run_waits_for_its_decision(host: Host) -> None:
    one = an_update(document=a_file())
    attachment = host.gate.check_update(one)
    assert isinstance(attachment, Attachment)
    host.gate.park_again(attachment, one)
    assert await host.gate.settled(attachment, FORWARD) is True
    assert host.gate.is_cleared(one)
    await host.process_queue()
    assert host.seen == [7, 7]


@pytest.mark.parametrize("kind", ["edited_message", "channel_post", "message_of_tomorrow"])
async def test_no_type_of_update_goes_around_the_gate(host: Host, kind: str) -> None:
    await host.process(an_update(kind=kind, hologram=a_file()))
    assert (host.seen, len(host.service.taken)) == ([], 1)


# -- albums ----------------------------------------------------------------------------------------------------------


def album_of(*updates: Update) -> Attachment:
    """What the messages of these updates are joined in."""
    members = [attachment_in(update.to_dict()) for update in updates]
    return joined([member for member in members if member is not None])


def an_album(count: int = 2) -> list[Update]:
    return [an_update(7 + n, message_id=5 + n, media_group_id="g", document=a_file(str(n))) for n in range(count)]


async def test_an_album_goes_back_as_a_whole(host: Host) -> None:
    updates = an_album()
    await host.process(*updates)
    assert [attachment.album for attachment in host.service.taken] == ["g", "g"]
    assert await host.gate.settled(album_of(*updates), FORWARD) is True
    await host.process_queue()
    assert sorted(set(host.seen)) == [7, 8]


async def test_an_album_is_passed_on_once(host: Host) -> None:
    updates = an_album(3)
    album = album_of(*updates)
    await host.process(*updates)
    await host.gate.settled(album, FORWARD)
    await host.process_queue()
    assert host.service.passed == [album.id]


def test_what_is_held_again_is_remembered_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parking_module, "_REMEMBERED", 10)
    parking, held = Parking(), an_attachment("f", name="held")
    others = iter(an_attachment("f", name=f"other {number}") for number in range(100))
    parking.leave(held, held=True)
    for _ in range(9):
        parking.leave(next(others), held=True)
    parking.leave(held, held=True)
    for _ in range(9):
        parking.leave(next(others), held=True)
    assert (parking.unknown([held]), parking.any_held([held])) == ([], True)
    for _ in range(2):
        parking.leave(next(others), held=True)
    assert parking.unknown([held]) == [held]  # is asked for, and not taken for cleared


def test_an_album_has_passed_when_its_last_message_was_handled() -> None:
    parking, updates = Parking(), an_album()
    album = album_of(*updates)
    for name, update in zip(album.members, updates, strict=True):
        parking.park(name, update)
    assert parking.leave(album, held=False) == updates
    assert [parking.passed(update) for update in updates] == [album, album]
    assert [parking.handled(album) for _ in updates] == [False, True]


async def test_no_message_of_a_held_album_is_seen(host: Host) -> None:
    updates = an_album()
    await host.process(*updates)
    assert await host.gate.settled(album_of(*updates), QUARANTINE) is False
    await host.process_queue()
    assert host.seen == []


async def test_an_album_of_an_earlier_run_waits_message_by_message(host: Host) -> None:
    updates = an_album()
    album = album_of(*updates)
    for update in updates:
        host.gate.park_again(album, update)
    assert await host.gate.settled(album, FORWARD) is True
    await host.process_queue()
    assert sorted(set(host.seen)) == [7, 8]


# -- shown again -----------------------------------------------------------------------------------------------------


def a_reply(number: int = 8, *, chat: int = -1, message_id: int = 6, **shown: Any) -> Update:
    """A text that replies to the message of `an_update`, in which `shown` stands."""
    replied = an_update(chat=chat, **shown).to_dict()["message"]
    return an_update(number, chat=chat, message_id=message_id, text="look", reply_to_message=replied)


async def test_a_file_that_was_never_judged_is_judged_when_it_is_shown(host: Host) -> None:
    await host.process(a_reply(document=a_file()))
    (shown,) = host.service.taken
    assert (shown.message, host.seen) == ("5", [])
    await host.gate.settled(shown, FORWARD)
    await host.process_queue()
    assert (host.seen, len(host.service.taken)) == ([8, 8], 1)


async def test_a_reply_to_a_file_that_proves_bad_comes_without_it(host: Host) -> None:
    await host.process(a_reply(document=a_file()))
    await host.gate.settled(host.service.taken[0], QUARANTINE)
    await host.process_queue()
    assert host.seen == [8, 8]
    assert host.service.counted == [Outcome.SHOWN_AGAIN]


async def test_a_reply_to_a_file_of_an_earlier_run_passes_at_once(host: Host) -> None:
    reply = a_reply(document=a_file())
    host.service.of_old = {one.id: False for one in shown_again(reply.to_dict())}
    await host.process(reply)
    assert (host.seen, host.service.taken) == ([8, 8], [])


async def test_a_reply_to_a_file_that_an_earlier_run_held_comes_without_it(host: Host) -> None:
    reply = a_reply(document=a_file())
    host.service.of_old = {one.id: True for one in shown_again(reply.to_dict())}
    await host.process(reply)
    await host.process_queue()
    assert (host.seen, host.service.taken, host.service.counted) == ([8, 8], [], [Outcome.SHOWN_AGAIN])


async def test_a_reply_to_a_file_that_waits_waits_with_it(host: Host) -> None:
    await host.process(an_update(document=a_file()), a_reply(document=a_file()))
    assert (host.seen, len(host.service.taken)) == ([], 1)
    await host.gate.settled(host.service.taken[0], FORWARD)
    await host.process_queue()
    assert sorted(set(host.seen)) == [7, 8]


async def test_where_it_only_observes_a_reply_does_not_wait(host: Host) -> None:
    host.service.mode = Mode.OBSERVE
    await host.process(a_reply(document=a_file()))
    assert (host.seen, len(host.service.taken)) == ([8, 8], 1)


@pytest.mark.parametrize(
    "reply",
    [
        a_reply(document=a_file(), **OURS),
        a_reply(document=a_file(), chat=-77),
    ],
    ids=["the bot's own", "in a moderators' chat"],
)
async def test_a_reply_to_what_is_not_screened_passes(host: Host, reply: Update) -> None:
    await host.process(reply)
    assert (host.seen, host.service.taken) == ([8, 8], [])
    assert host.service.counted == [Outcome.SHOWN_AGAIN]


async def test_a_reply_with_a_file_of_its_own_has_both_judged(host: Host) -> None:
    host.service.mode = Mode.OBSERVE
    both = a_reply(document=a_file()).to_dict()
    both["message"] |= {"video_note": a_file("b") | {"length": 9, "duration": 1}}
    await host.process(Update.de_json(both, None))
    assert sorted(attachment.message for attachment in host.service.taken) == ["5", "6"]


async def test_what_an_earlier_run_left_is_waited_for_by_those_that_show_it(host: Host) -> None:
    reply = a_reply(document=a_file())
    (shown,) = shown_again(reply.to_dict())
    host.gate.expect(shown)
    await host.process(reply)
    assert host.seen == []
    await host.gate.settled(shown, FORWARD)
    await host.process_queue()
    assert host.seen == [8, 8]


async def test_of_an_earlier_run_a_reply_waits_for_what_it_shows(host: Host) -> None:
    reply = a_reply(document=a_file())
    (shown,) = shown_again(reply.to_dict())
    host.gate.park_again(shown, reply)
    host.service.of_old = {shown.id: False}
    assert await host.gate.settled(shown, FORWARD) is False  # it brings nothing that is to be passed on
    await host.process_queue()
    assert host.seen == [8, 8]


@pytest.mark.parametrize("broken", ["known", "take"])
async def test_a_reply_whose_file_cannot_be_taken_in_comes_later(host: Host, broken: str) -> None:
    host.service.broken, host.service.fault = broken, OSError(28, "no space left on device")
    await host.process(a_reply(document=a_file()))
    assert (host.seen, host.service.taken) == ([], [])
    host.service.broken = ""
    host.again.set()
    await host.quiet()
    await host.process_queue()
    assert len(host.service.taken) == 1
    await host.gate.settled(host.service.taken[0], FORWARD)
    await host.process_queue()
    assert host.seen == [8, 8]


# -- counted ---------------------------------------------------------------------------------------------------------

UNDER_A_BUTTON = {
    "id": "1",
    "from": {"id": 3, "is_bot": False, "first_name": "Ann"},
    "chat_instance": "1",
    "data": "x",
    "message": an_update(document=a_file()).to_dict()["message"],
}
TOO_DEEP: dict[str, Any] = {"document": a_file()}
for _ in range(200):
    TOO_DEEP = {"block": TOO_DEEP}

COUNTED: list[tuple[Update, list[Outcome]]] = [
    (an_update(text="hello"), []),
    (an_update(document=a_file()), []),  # by whoever takes it in
    (an_update(document=a_file(), **OURS), [Outcome.OWN]),
    (an_update(chat=-77, document=a_file()), [Outcome.MODERATORS]),
    (Update.de_json({"update_id": 7, "callback_query": UNDER_A_BUTTON}, None), [Outcome.UNDER_A_BUTTON]),
    (an_update(hologram=TOO_DEEP), []),  # as one that cannot be fetched, which is judged
    (an_update(cast("int", "7"), text="hello"), [Outcome.UNREADABLE]),
]


@pytest.mark.parametrize(("update", "outcomes"), COUNTED)
async def test_each_update_with_a_file_has_one_outcome(host: Host, update: Update, outcomes: list[Outcome]) -> None:
    await host.process(update)
    assert host.service.counted == outcomes


async def test_a_cleared_update_is_not_counted_again(host: Host) -> None:
    await host.process(an_update(document=a_file()))
    await host.gate.settled(host.service.taken[0], FORWARD)
    await host.process_queue()
    assert (len(host.seen), host.service.counted) == (2, [])


async def test_previews_are_parts_where_the_policy_wants_them(host: Host) -> None:
    small = {"width": 90, "height": 60}
    video = a_file() | small | {"duration": 1, "thumbnail": a_file("t") | small}
    await host.process(an_update(7, video=video), an_update(8, chat=-88, video=video))
    assert [len(attachment.parts) for attachment in host.service.taken] == [1, 2]


# -- broken ----------------------------------------------------------------------------------------------------------


@every_fault
@pytest.mark.parametrize("broken", ["take", "mode_of", "skips", "previews", "arrived"])
async def test_a_gate_whose_service_fails_is_closed(host: Host, broken: str, fault: Exception) -> None:
    host.service.broken, host.service.fault = broken, fault
    await host.process(an_update(document=a_file()))
    assert (host.seen, host.errors) == ([], [])


async def test_what_could_not_be_taken_in_is_taken_in_later(host: Host) -> None:
    host.service.broken, host.service.fault = "take", OSError(28, "no space left on device")
    await host.process(an_update(document=a_file()))
    host.service.broken = ""
    host.again.set()
    await host.quiet()
    assert (len(host.service.taken), host.seen) == (1, [])


@every_fault
async def test_a_gate_whose_walker_fails_is_closed(
    host: Host, fault: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_update: object) -> Attachment:
        raise fault

    monkeypatch.setattr(gate_module, "attachment_in", broken)
    await host.process(an_update(text="even without a file: nobody knows"))
    assert (host.seen, host.errors) == ([], [])


# -- set aside -------------------------------------------------------------------------------------------------------


async def try_again(host: Host, times: int) -> None:
    """So many pauses are over."""
    for _ in range(times):
        host.again.set()
        host.again.clear()
        await host.quiet()


async def test_what_the_walker_fails_on_is_set_aside_as_it_came(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_update: object) -> Attachment:
        raise KeyError("Ann")

    monkeypatch.setattr(gate_module, "attachment_in", broken)
    one = an_update(text="hello")
    await host.process(one)
    assert host.service.aside == [(one.to_dict(), "KeyError")]
    assert (host.seen, host.service.counted) == ([], [Outcome.UNREADABLE])


async def test_what_cannot_be_set_aside_is_set_aside_later(host: Host) -> None:
    host.service.broken, host.service.fault = "set_aside", OSError(28, "no space left on device")
    one = an_update(cast("int", "7"), text="hello")
    await host.process(one)
    await try_again(host, 5)
    assert host.service.aside == []
    host.service.broken = ""
    await try_again(host, 1)
    assert host.service.aside == [(one.to_dict(), "TypeError")]
    assert host.seen == []


async def test_what_cannot_be_taken_in_for_another_reason_than_a_shortage_is_set_aside(host: Host) -> None:
    host.service.broken = "take"
    one = an_update(document=a_file())
    await host.process(one)
    await try_again(host, TRIES - 1)
    assert host.service.aside == []
    await try_again(host, 1)
    assert host.service.aside == [(one.to_dict(), "cannot be kept")]
    host.service.broken = ""
    await try_again(host, 3)
    assert (host.service.taken, len(host.service.aside)) == ([], 1)
    await host.process(a_reply(document=a_file()))  # and a reply to it does not wait for ever
    await host.process_queue()
    assert set(host.seen) == {8}
    assert "document" not in str(host.shown)


async def test_a_shortage_never_sets_an_update_aside(host: Host) -> None:
    host.service.broken, host.service.fault = "take", Unavailable("the disk is full")
    await host.process(an_update(document=a_file()))
    await try_again(host, 5 * TRIES)
    host.service.broken = ""
    await try_again(host, 1)
    assert (len(host.service.taken), host.service.aside) == (1, [])


async def test_an_update_that_nests_too_deep_is_held(host: Host) -> None:
    innermost: dict[str, Any] = {"document": a_file()}
    for _ in range(10_000):
        innermost = {"block": innermost}
    await host.process(an_update(hologram=innermost))
    assert (host.seen, len(host.service.taken)) == ([], 1)


@pytest.mark.parametrize("number", [[1], {}, "7", None, 1.5])
@pytest.mark.parametrize("forgetful", [False, True], ids=["", "and the host cannot load its data"])
async def test_an_update_whose_number_is_none_is_held(number: Any, forgetful: bool) -> None:
    async with Host(context=Forgetful if forgetful else CallbackContext).running() as made:
        await made.process(an_update(number, document=a_file()))
        assert (made.seen, made.service.taken) == ([], [])


class FullDisk:
    """Where the log goes."""

    def write(self, _text: str) -> None:
        raise OSError(28, "no space left on device")

    flush = write


@pytest.fixture
def full_log() -> Iterator[None]:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(file=cast("TextIO", FullDisk())))
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("full_log")
@pytest.mark.parametrize("broken", ["take", "mode_of", "skips", "previews", "arrived"])
async def test_a_log_that_cannot_be_written_does_not_open_the_gate(host: Host, broken: str) -> None:
    host.service.broken = broken
    await host.process(an_update(document=a_file()))
    assert (host.seen, host.errors) == ([], [])


@pytest.mark.usefixtures("full_log")
async def test_a_log_that_cannot_be_written_does_not_keep_an_update_from_being_tried_again(host: Host) -> None:
    host.service.broken = "take"
    await host.process(an_update(document=a_file()))
    host.again.set()
    host.again.clear()  # one pause is over
    await host.quiet()  # it fails again, and says so
    host.service.broken = ""
    host.again.set()
    await host.quiet()
    assert len(host.service.taken) == 1


async def test_a_full_queue_does_not_keep_the_gate_from_ending(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sequential host empties its queue between updates, and never while one is in the gate."""
    queue: asyncio.Queue[object] = asyncio.Queue(maxsize=1)
    async with Host(queue=queue).running() as made:
        reply = a_reply(document=a_file())
        old = {one.id: True for one in shown_again(reply.to_dict())}

        async def known_once_it_is_full(_: Collection[str]) -> Mapping[str, bool]:
            while not queue.full():
                await asyncio.sleep(0)
            return old

        monkeypatch.setattr(made.service, "known", known_once_it_is_full)
        feed = asyncio.gather(*(queue.put(one) for one in (reply, *(an_update(n, text="x") for n in range(10, 15)))))
        async with asyncio.timeout(10):
            await feed
            await made.process_queue()
    assert sorted(set(made.seen)) == [8, 10, 11, 12, 13, 14]


@pytest.mark.parametrize("held", [True, False])
async def test_a_press_does_not_show_a_file_that_was_edited_into_what_its_message_replies_to(
    host: Host, held: bool
) -> None:
    press = {**UNDER_A_BUTTON, "message": a_reply(document=a_file(), chat=-1).to_dict()["message"]}
    await host.process(Update.de_json({"update_id": 9, "callback_query": press}, None))
    assert host.seen == []
    await host.gate.settled(host.service.taken[0], QUARANTINE if held else FORWARD)
    await host.process_queue()
    assert host.seen == [9, 9]
    assert [("document" in str(shown)) for shown in host.shown] == [not held] * 2


async def test_a_hosts_error_handler_does_not_open_the_gate() -> None:
    made = Host()
    made.service.broken = "take"

    async def swallow(_update: object, _context: object) -> None:
        return None

    made.app.add_error_handler(swallow)
    async with made.running():
        await made.process(an_update(document=a_file()))
    assert made.seen == []


class Forgetful(CallbackContext[Any, Any, Any, Any]):
    """A context whose stored data cannot be loaded."""

    async def refresh_data(self) -> None:
        raise OSError("the host's database is gone")


async def test_a_host_that_cannot_load_its_data_does_not_open_the_gate() -> None:
    async with Host(context=Forgetful).running() as made:
        await made.process(an_update(document=a_file()))
        assert (made.seen, len(made.service.taken), len(made.errors)) == ([], 1, 1)
        await made.gate.settled(made.service.taken[0], FORWARD)
        await made.process_queue()
    assert made.seen == [7, 7]
    assert len(made.service.taken) == 1


async def test_a_gate_that_was_taken_out_leaves_nothing_closed() -> None:
    made = Host()
    async with made.running():
        made.gate.check_update(an_update(document=a_file()))
        made.app.remove_handler(made.gate, made.group)
        await made.process(an_update(document=a_file()))
    assert made.seen == [7, 7]


# -- place -----------------------------------------------------------------------------------------------------------


async def test_the_gate_stands_below_every_other_handler() -> None:
    made = Host(groups=(-3, 0))
    assert made.group < -3
    assert below(made.app, made.group) == []


async def test_a_handler_below_the_gate_is_named() -> None:
    made = Host()

    async def early_bird(_update: object, _context: object) -> None:
        return None

    made.app.add_handler(MessageHandler(filters.ALL, early_bird), group=made.group - 1)
    assert [name.rpartition(".")[2] for name in below(made.app, made.group)] == ["early_bird"]


async def test_an_application_without_handlers_can_be_guarded() -> None:
    made = Host(groups=())
    async with made.running():
        await made.process(an_update(document=a_file()))
    assert len(made.service.taken) == 1
