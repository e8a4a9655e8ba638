"""What a hostile file would do if it had taken over a worker. `python -I locked_child.py ROOTS FUNCTION ARGUMENTS`.

It forks a worker for each attack, as a zygote does, and locks it with the product's lock; prints one JSON object. What
an attack needs is imported and looked up before the lock, as in a worker. Everything tried is harmless by itself.
"""

from __future__ import annotations

import _thread
import contextlib
import ctypes
import errno
import json
import mmap
import os
import re
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

sys.path[:0] = json.loads(sys.argv[1])

from lazaretto.screening.sandbox import landlock, limits, linux  # noqa: E402 - they are on the path only now
from lazaretto.screening.sandbox.lockdown import Lock, lock_down  # noqa: E402

MEMORY = 64 << 20
CPU = 0.1
FILE = "/etc/passwd"
COLUMN = {"x86_64": 0, "aarch64": 1}.get(os.uname().machine, 0)

LIBC = ctypes.CDLL(None, use_errno=True)
LIBC.syscall.restype = ctypes.c_long
LIBC.mmap.restype = ctypes.c_void_p
LIBC.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
PAGE = LIBC.mmap(None, 4096, 3, 0x22, -1, 0)  # read and write, private and anonymous


def raw(numbers: tuple[int, int], *arguments: int) -> None:
    """A system call with arguments that make it fail harmlessly: that it was looked at is bad enough."""
    padded = [ctypes.c_long(argument) for argument in (*arguments, 0, 0, 0, 0, 0, 0)[:6]]
    if LIBC.syscall(ctypes.c_long(numbers[COLUMN]), *padded) < 0 and ctypes.get_errno() in (errno.EPERM, errno.EACCES):
        raise PermissionError(ctypes.get_errno(), "")


def map_memory(protection: int, flags: int, descriptor: int) -> None:
    if LIBC.mmap(None, 4096, protection, flags, descriptor, 0) == ctypes.c_void_p(-1).value:
        raise OSError(ctypes.get_errno(), "")


def protect(protection: int) -> None:
    if LIBC.mprotect(ctypes.c_void_p(PAGE), 4096, protection) != 0:
        raise OSError(ctypes.get_errno(), "")


def fork() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)


def connect() -> None:
    with socket.socket() as tcp, contextlib.suppress(ConnectionRefusedError):
        tcp.connect(("127.0.0.1", 9))


def burn() -> None:
    until = time.process_time() + 4 * CPU
    while time.process_time() < until:
        pass


def burn_in_c() -> None:
    sum(range(20_000_000))


def many_blocks() -> None:
    blocks = [bytearray(1 << 20) for _ in range(2 * (MEMORY >> 20))]
    blocks.clear()


def late_import() -> None:
    import wave  # noqa: F401 - that it can be loaded is the point


def create() -> None:
    path = f"/tmp/lazaretto-attack-{PID}"
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
    os.unlink(path)  # noqa: PTH108 - pathlib makes other calls


# Machine code: mov eax, 20 (getpid of i386); int 0x80; ret
I386 = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
I386.write(b"\xb8\x14\x00\x00\x00\xcd\x80\xc3")
I386_CALL = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(I386)))

PID = PARENT = 0

ATTACKS: dict[str, Callable[[], object]] = {
    "socket": socket.socket,
    "socketpair": socket.socketpair,
    "connect": connect,
    "openat2": lambda: raw((437, 437)),
    "fork": fork,
    "spawn": lambda: os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0),
    "clone3": lambda: raw((435, 435)),
    "thread": lambda: _thread.start_new_thread(lambda: None, ()),
    "execve": lambda: raw((59, 221)),
    "kill itself": lambda: os.kill(PID, 0),
    "kill its parent": lambda: os.kill(PARENT, 0),
    "ptrace": lambda: raw((101, 117)),
    "process_vm_readv": lambda: raw((310, 270)),
    "io_uring_setup": lambda: raw((425, 425), 1, 0),
    "x32": lambda: raw((0x4000_0027, 0x4000_0027)),
    "setrlimit": lambda: resource.setrlimit(resource.RLIMIT_STACK, resource.getrlimit(resource.RLIMIT_STACK)),
    "prctl": lambda: linux.prctl(linux.PR_GET_DUMPABLE),
    "sleep": lambda: time.sleep(0.001),
    "poll": lambda: select.poll().poll(0),
    "dup": lambda: os.dup(3),
    "memfd": lambda: os.memfd_create("x"),
    "chdir": lambda: os.chdir("/"),
    "another seccomp filter": lambda: raw((317, 277), 9),
    "abort": os.abort,
    "open": lambda: os.open(FILE, os.O_RDONLY),
    "raw openat": lambda: raw((257, 56)),
    "create": create,
    "stat": lambda: os.stat(FILE),  # noqa: PTH116 - pathlib makes other calls
    "fstat": lambda: os.fstat(4),
    "lseek": lambda: os.lseek(4, 0, os.SEEK_SET),
    "read the file": lambda: os.read(4, 1),
    "read stdin": lambda: os.read(0, 1),
    "pread the socket": lambda: raw((17, 67), 3),
    "write to stderr": lambda: os.write(2, b""),
    "write to the file": lambda: raw((1, 64), 4),
    "map code": lambda: map_memory(7, 0x22, -1),
    "map the file": lambda: map_memory(1, 0x2, 4),
    "make code": lambda: protect(5),
    "wait on a futex": lambda: raw((202, 98), PAGE, 128, 1),
    "late import": late_import,
    "one large block": lambda: bytearray(4 * MEMORY),
    "many blocks": many_blocks,
    "loop": burn,
    "loop in C": burn_in_c,
}
if COLUMN == 0:
    ATTACKS["i386"] = I386_CALL


def usual_work() -> None:
    """All that a worker does, which must go on working."""
    assert os.read(3, 5) == b"hello"
    assert os.pread(4, 4, 0) == b"root"
    blocks = [bytes(i) * 20 for i in range(1000)]  # 10 MB in all
    assert re.search(b"\0+$", blocks[999])
    del blocks
    protect(1)
    protect(3)
    assert time.time() > time.process_time()
    assert len(os.urandom(8)) == 8
    assert dict.fromkeys(range(200_000))
    map_memory(3, 0x22, -1)


def wait() -> None:
    """For a request, like a spare."""
    os.read(3, 5)
    os.read(3, 1)


def sandbagged(layer: str, lock: Lock) -> Lock:
    """Make one layer fail, before the lock."""
    prctl = linux.prctl

    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.EPERM, "forced")

    def ignore(option: int, value: int = 0) -> int:
        return 0 if option == linux.PR_SET_DUMPABLE else prctl(option, value)

    def refuse_one(option: int, value: int = 0) -> int:
        return refuse() if option == linux.PR_SET_NO_NEW_PRIVS else prctl(option, value)

    if layer == "undumpable":
        linux.prctl = ignore
    elif layer == "no-new-privs":
        linux.prctl = refuse_one
    elif layer == "landlock":
        landlock.restrict = refuse
    elif layer == "rlimits":
        limits.address_space = lambda: None
    elif layer == "rlimits by a hard limit":
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
        limits.address_space = lambda: 1 << 30
    elif layer == "cpu-timer":
        limits.signal.setitimer = refuse  # type: ignore[attr-defined]
    elif layer == "seccomp":
        return lock._replace(program=bytes(8))
    elif layer == "seccomp without a table":
        return lock._replace(program=None)
    return lock


def worker(attack: Callable[[], object], lock: Lock, theirs: socket.socket, sandbag: str, cpu: float) -> NoReturn:
    """What the fork does: lock, say which layers hold, attack, say how it went."""
    global PID, PARENT
    status = 70
    try:
        PID, PARENT = os.getpid(), os.getppid()
        file = os.open(FILE, os.O_RDONLY)
        lock = sandbagged(sandbag, lock)
        linux.keep_only(theirs.fileno(), file)
        locked = lock_down(MEMORY, cpu, lock, parent=PARENT)
        os.write(3, json.dumps(locked._asdict()).encode() + b"\n")
        said = "through"
        try:
            attack()
        except OSError as error:
            said = errno.errorcode[error.errno or 0]
        except Exception as error:
            said = type(error).__name__
        os.write(3, said.encode())
        status = 0
    finally:
        os._exit(status)


def start(attack: Callable[[], object], lock: Lock, sandbag: str = "", cpu: float = CPU) -> tuple[int, socket.socket]:
    ours, theirs = socket.socketpair()
    ours.sendall(b"hello")
    pid = os.fork()
    if pid == 0:
        worker(attack, lock, theirs, sandbag, cpu)
    theirs.close()
    return pid, ours


def finish(pid: int, ours: socket.socket) -> dict[str, Any]:
    """The layers, and the end: what the worker said of it or the name of the signal that it died of."""
    received = b""
    with ours, contextlib.suppress(ConnectionResetError):  # it left without having read our greeting
        while data := ours.recv(4096):
            received += data
    layers, _, said = received.partition(b"\n")
    _, status, usage = os.wait4(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    answer: dict[str, Any] = json.loads(layers or b"{}")
    answer["end"] = signal.Signals(-code).name if code < 0 else said.decode() or f"exit status {code}"
    answer["cpu"] = usage.ru_utime + usage.ru_stime
    return answer


def attack_all(without: Sequence[str] = (), refused: Any = "eperm") -> dict[str, str]:
    lock = Lock.prepare(refused=refused, leave_out=frozenset(without))
    return {name: finish(*start(attack, lock))["end"] for name, attack in ATTACKS.items()}


def attack_once(name: str, without: Sequence[str] = (), cpu: float = CPU) -> dict[str, Any]:
    return finish(*start(ATTACKS[name], Lock.prepare(leave_out=frozenset(without)), cpu=cpu))


def work(without: Sequence[str] = (), sandbag: str = "") -> dict[str, Any]:
    return finish(*start(usual_work, Lock.prepare(leave_out=frozenset(without)), sandbag))


def what_is_limited() -> dict[str, Any]:
    """The rlimits of a worker that has no filter, each as soft and hard limit."""
    names = ("AS", "NOFILE", "FSIZE", "CORE", "MEMLOCK", "MSGQUEUE", "NPROC", "CPU")

    def tell() -> None:
        found = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in names}
        os.write(3, json.dumps(found).encode())

    pid, ours = start(tell, Lock.prepare(leave_out=frozenset({"seccomp"})))
    found: dict[str, Any] = json.loads(finish(pid, ours)["end"].removesuffix("through"))
    return found


def read_memory_of_child(without: list[str]) -> dict[str, str]:
    """Another process of the same user looks into a worker."""
    pid, ours = start(wait, Lock.prepare(leave_out=frozenset(without)))
    ours.recv(4096)
    try:
        with Path(f"/proc/{pid}/mem").open("rb") as memory:
            memory.seek(PAGE)
            memory.read(1)
        end = "through"
    except OSError as error:
        end = errno.errorcode[error.errno or 0]
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    ours.close()
    return {"end": end}


def become_root(program: str, without: list[str]) -> dict[str, str]:
    """Start a program that root owns and that carries the set-user-id bit. It prints the effective user's id."""

    def attack() -> None:
        os.dup2(3, 1)
        os.execv(program, [program, "-u"])

    return {"end": finish(*start(attack, Lock.prepare(leave_out=frozenset(without))))["end"].strip()}


def fill_memory_with_small_objects() -> dict[str, str]:
    def attack() -> None:
        chain: Any = None
        while True:
            chain = (chain, 1.5)

    return {"end": finish(*start(attack, Lock.prepare(), cpu=20.0))["end"]}


def signals(how: str) -> dict[str, str]:
    """What the parent does about SIGPROF must not keep the timer from ending its child."""
    if how == "blocked":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGPROF})
    else:
        signal.signal(signal.SIGPROF, signal.SIG_IGN if how == "ignored" else lambda *_: None)
    pid, ours = start(burn, Lock.prepare())
    return {"end": finish(pid, ours)["end"]}


def orphan() -> dict[str, Any]:
    """A worker whose parent is not the one it expects."""
    pid = os.fork()
    if pid == 0:
        lock_down(MEMORY, CPU, Lock.prepare(), parent=1)
        os._exit(0)
    return {"end": os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}


def kill_the_zygote() -> dict[str, Any]:
    """Does a worker that waits for its request go when its parent is killed?"""
    ours, theirs = socket.socketpair()
    zygote = os.fork()
    if zygote == 0:
        ours.close()
        lock = Lock.prepare()
        _, control = start(wait, lock)
        control.recv(4096)
        # The worker's only other end stays open in a process that lives on, so that it sees no end of file.
        socket.send_fds(theirs, [b"ready"], [control.fileno()])
        signal.pause()
    theirs.close()
    _, descriptors, _, _ = socket.recv_fds(ours, 16, 1)
    os.kill(zygote, signal.SIGKILL)
    os.waitpid(zygote, 0)
    with socket.socket(fileno=descriptors[0]) as control:
        control.settimeout(10)
        with contextlib.suppress(ConnectionResetError):  # it left without having read our greeting
            return {"end": control.recv(16).decode()}
    return {"end": ""}


def keep(descriptors: list[int]) -> dict[str, Any]:
    """Files in descriptors 3 to 12, each with its own number in it: what `keep_only` leaves of them."""
    contents: dict[str, int] = {}
    for number in range(3, 13):
        copy = os.memfd_create(str(number))
        os.write(copy, str(number).encode())
        if copy != number:
            os.dup2(copy, number)
            os.close(copy)
    linux.keep_only(*descriptors)
    for number in range(256):
        with contextlib.suppress(OSError):
            os.fstat(number)
            contents[str(number)] = int(os.pread(number, 9, 0)) if number > 2 else number
    return contents


def keep_without_close_range(descriptors: list[int]) -> dict[str, Any]:
    def missing(*_: int) -> NoReturn:
        raise OSError(errno.ENOSYS, "forced")

    linux.syscall = missing  # type: ignore[assignment]
    return keep(descriptors)


def landlock_abi() -> dict[str, int]:
    return {"abi": landlock.abi()}


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[2]](**json.loads(sys.argv[3]))))
