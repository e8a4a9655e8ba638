"""The process that workers are forked from: `python -I -m lazaretto.screening.sandbox.zygote CONTROL PARENT MORE FLAG`.

CONTROL: a SOCK_SEQPACKET socket to the bot. PARENT: the bot's process id. MORE: the validators of third parties, a list
of `Installed` as JSON; looking for them itself would load a hundred modules, some of which work in every fork. FLAG,
any number: `require`, and for tests `strict` and `without:LAYER`.

It loads and warms every validator, gives up root, and then only forks: it never reads a byte of any file.
`zygote_words` has what is said.

End of file on CONTROL, or the death of the bot, ends it and all its workers. It needs no signal handler and no second
thread: the workers' ends are seen on their pidfds. A worker dies with it (PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import encodings
import errno
import gc
import hashlib
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from lazaretto.screening.sandbox import linux
from lazaretto.screening.sandbox.lockdown import MANDATORY, Lock, Locked, lock_down
from lazaretto.screening.sandbox.privileges import give_up_root
from lazaretto.screening.sandbox.protocol import Hello, encode_hello
from lazaretto.screening.sandbox.worker import rehearse, serve, warm_up
from lazaretto.screening.sandbox.zygote_words import FORK, FORKED, MAX_PACKET, NOT_FORKED, READY, REAPED, UNABLE
from lazaretto_validators import Registry
from lazaretto_validators.registry import Installed, load

if sys.platform != "linux":
    raise ImportError("zygotes need Linux")

__all__ = ["main"]


class _Order(NamedTuple):
    """A worker that was asked for."""

    id: int
    memory: int
    cpu: float
    spare: bool
    socket: int
    file: int


class _Zygote:
    def __init__(
        self, control: socket.socket, parent: int, third_parties: Sequence[Installed], flags: Sequence[str]
    ) -> None:
        self._control = control
        self._parent = parent
        self._third_parties = third_parties
        self._require = "require" in flags
        self._strict = "strict" in flags
        self._left_out = frozenset(flag.partition(":")[2] for flag in flags if flag.startswith("without:"))
        self._bot = -1
        self._lock: Lock
        self._expected: Locked
        self._hello: bytes
        self._registry: Registry
        self._workers: dict[int, tuple[int, int]] = {}  # pidfd: pid, id
        self._poll = select.poll()

    def prepare(self) -> None:
        """All that has to happen once, before the first fork. Raises RegistryError and OSError."""
        self._bot = os.pidfd_open(self._parent)
        self._registry = load(self._third_parties)
        warm_up(self._registry)
        _load_all_codecs()
        give_up_root()
        _die_first()
        linux.prctl(linux.PR_SET_DUMPABLE, 0)  # after the change of user, which resets it
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # or every worker has to
        # A bot that ignores it hands that down, and nobody could be reaped.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._lock = Lock.prepare(refused="kill" if self._strict else "eperm", leave_out=self._left_out)
        self._expected = self._lock.whole()
        self._hello = self._hello_of(self._expected)
        gc.collect()
        gc.freeze()  # the workers then do not copy these pages for the collector's marks
        if (threads := len(os.listdir("/proc/self/task"))) != 1:  # noqa: PTH208 - no pathlib in here
            raise RuntimeError(f"a validator's package starts {threads - 1} threads when it is imported: remove it")

    def _hello_of(self, locked: Locked) -> bytes:
        return encode_hello(Hello(locked.layers, self._registry.rule_set, locked.failed))

    def run(self) -> None:
        """Fork and reap until the bot is gone."""
        if os.getppid() != self._parent:
            return  # it died before we could watch it
        for descriptor in (self._bot, self._control.fileno()):
            self._poll.register(descriptor, select.POLLIN)
        self._control.send(READY)
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor in self._workers:
                    self._reap(descriptor)
                elif descriptor == self._bot or not self._obey():
                    return

    def _obey(self) -> bool:
        """Carry out one order; False when there will be no more."""
        packet, descriptors, _, _ = socket.recv_fds(self._control, FORK.size, 2)
        if not packet:
            return False
        _, number, memory, cpu, spare = FORK.unpack(packet)
        try:
            self._fork(_Order(number, memory, cpu, spare, *descriptors))
        except OSError as error:
            self._control.send(NOT_FORKED.pack(b"N", number, error.errno or errno.EIO))
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _fork(self, order: _Order) -> None:
        zygote = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._be_worker(order, zygote)
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            raise
        self._workers[pidfd] = pid, order.id
        self._poll.register(pidfd, select.POLLIN)
        socket.send_fds(self._control, [FORKED.pack(b"S", order.id, pid)], [pidfd])

    def _be_worker(self, order: _Order, zygote: int) -> NoReturn:
        status = os.EX_SOFTWARE
        try:
            linux.keep_only(order.socket, order.file)
            locked = lock_down(order.memory, order.cpu, self._lock, parent=zygote)
            refuse = self._require and (bool(locked.failed) or bool(MANDATORY - {*locked.layers}))
            if order.spare:
                rehearse(self._registry)
            hello = self._hello if locked == self._expected else self._hello_of(locked)
            status = serve(3, 3, 4, hello, self._registry, refuse=refuse)
        finally:
            os._exit(status)

    def _reap(self, pidfd: int) -> None:
        pid, number = self._workers.pop(pidfd)
        self._poll.unregister(pidfd)
        _, status = os.waitpid(pid, 0)
        os.close(pidfd)
        self._control.send(REAPED.pack(b"X", number, os.waitstatus_to_exitcode(status)))


def _die_first() -> None:
    """Where memory runs out, the kernel is to end a worker and not the bot. The workers inherit it."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "wb", buffering=0) as score:  # noqa: PTH123
        score.write(b"1000")


def _load_all_codecs() -> None:
    """A codec that a locked worker looks up for the first time would be missing, and the text be read differently."""
    for module in pkgutil.iter_modules(encodings.__path__):
        with contextlib.suppress(ImportError):  # mbcs and oem are Windows' own
            importlib.import_module(f"encodings.{module.name}")
    for name in hashlib.algorithms_guaranteed:
        hashlib.new(name)


def main(arguments: Sequence[str]) -> None:
    """Run until the bot is gone."""
    control = socket.socket(fileno=int(arguments[0]))
    try:
        third_parties = [Installed(*entry) for entry in json.loads(arguments[2])]
        zygote = _Zygote(control, int(arguments[1]), third_parties, arguments[3:])
        zygote.prepare()
    except Exception as error:
        control.send(UNABLE + f"{type(error).__name__}: {error}".encode()[: MAX_PACKET - 1])
        raise
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        zygote.run()


if __name__ == "__main__":
    main(sys.argv[1:])
