"""Runs a command and strikes at the k-th system call that touches a folder: kills it, or lets the call fail.

    python tests/torture/tracer.py --below DIR --log FILE [--parent] [--at K [--error E [--on]]] -- COMMAND

Calls are counted over all threads (and, but for `--parent`, all processes) together, in the order in which they are
entered; the log has a line for each. strace counts each thread for itself, so that its `when=` reaches, of each
thread but one, only what that thread does first. Everything here is ptrace by way of ctypes: nothing to install.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import errno
import os
import platform
import signal
import struct
import sys
from pathlib import Path
from typing import Final, NamedTuple, TextIO

MACHINE: Final = "x86_64"
"""The only one that the numbers below are of."""

SEIZE, CONT_SYSCALL, GET_SYSCALL_INFO, POKEUSER, LISTEN = 0x4206, 24, 0x420E, 6, 0x4208
O_SYSGOOD, O_FORK, O_VFORK, O_CLONE, O_EXEC, O_EXITKILL = 1, 2, 4, 8, 16, 1 << 20
EVENT_STOP = 128
ALL = 0x40000000  # __WALL
ORIG_RAX, RAX = 15 * 8, 10 * 8
ENTRY, EXIT = 1, 2
AT_FDCWD = -100


class Call(NamedTuple):
    """How a system call names what it touches: the argument that is a descriptor, and the one that is a path."""

    name: str
    descriptor: int | None
    path: int | None


CALLS: Final = {
    1: Call("write", 0, None),
    18: Call("pwrite64", 0, None),
    20: Call("writev", 0, None),
    296: Call("pwritev", 0, None),
    40: Call("sendfile", 0, None),
    326: Call("copy_file_range", 2, None),
    77: Call("ftruncate", 0, None),
    285: Call("fallocate", 0, None),
    74: Call("fsync", 0, None),
    75: Call("fdatasync", 0, None),
    2: Call("open", None, 0),
    257: Call("openat", 0, 1),
    83: Call("mkdir", None, 0),
    258: Call("mkdirat", 0, 1),
    82: Call("rename", None, 0),
    264: Call("renameat", 0, 1),
    316: Call("renameat2", 0, 1),
    84: Call("rmdir", None, 0),
    87: Call("unlink", None, 0),
    263: Call("unlinkat", 0, 1),
}
"""By number. Of the openings only those that create count."""

_FLAGS: Final = {2: 1, 257: 2}
"""Which argument of an opening has its flags."""

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request: int, pid: int, address: int = 0, data: int = 0) -> None:
    """Raises OSError; ProcessLookupError where the thread is gone."""
    if libc.ptrace(request, pid, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Tracer:
    """One command, followed to its end."""

    def __init__(self, args: argparse.Namespace, log: TextIO) -> None:
        self.below = os.path.realpath(args.below)
        self.at, self.error, self.on = args.at, args.error and getattr(errno, args.error), args.on
        self.follow = O_SYSGOOD | O_CLONE | O_EXEC | O_EXITKILL | (0 if args.parent else O_FORK | O_VFORK)
        self.log = log
        self.count = 0
        self.failing: set[int] = set()
        """Threads in a call that is made to fail."""
        self.root = 0
        self.buffer = ctypes.create_string_buffer(88)

    def run(self, command: list[str]) -> int:
        """Returns how the command ended, as a shell would say it."""
        self.root = os.fork()
        if not self.root:
            os.kill(os.getpid(), signal.SIGSTOP)
            os.execvp(command[0], command)
        os.waitpid(self.root, os.WUNTRACED)
        ptrace(SEIZE, self.root, 0, self.follow)
        os.kill(self.root, signal.SIGCONT)
        while True:
            pid, status = os.waitpid(-1, ALL)
            if os.WIFEXITED(status) or os.WIFSIGNALED(status):
                if pid == self.root:
                    return os.waitstatus_to_exitcode(status)
                self.failing.discard(pid)
            elif os.WIFSTOPPED(status):
                with contextlib.suppress(ProcessLookupError):  # killed meanwhile
                    self.stopped(pid, status)

    def stopped(self, pid: int, status: int) -> None:
        number, event = os.WSTOPSIG(status), status >> 16
        if number == signal.SIGTRAP | 0x80:
            self.call(pid)
            ptrace(CONT_SYSCALL, pid)
        elif event == EVENT_STOP and number in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
            ptrace(LISTEN, pid)
        else:
            ptrace(CONT_SYSCALL, pid, 0, 0 if event else number)

    def call(self, pid: int) -> None:
        size = libc.ptrace(GET_SYSCALL_INFO, pid, 88, ctypes.addressof(self.buffer))
        if size < 0:
            return
        if self.buffer.raw[0] == EXIT:
            if pid in self.failing:
                self.failing.remove(pid)
                ptrace(POKEUSER, pid, RAX, -self.error & (1 << 64) - 1)
            return
        number, *arguments = struct.unpack_from("<Q6Q", self.buffer.raw, 24)
        call = CALLS.get(number)
        if call is None:
            return
        if number in _FLAGS and not arguments[_FLAGS[number]] & os.O_CREAT:
            return
        path = _path(pid, call, arguments)
        if path != self.below and not path.startswith(f"{self.below}/"):
            return
        self.count += 1
        struck = self.at is not None and (self.count == self.at or (self.on and self.count > self.at))
        self.log.write(f"{self.count}\t{pid}\t{call.name}\t{os.path.relpath(path, self.below)}\t{int(struck)}\n")
        self.log.flush()
        if not struck:
            return
        if self.error:
            self.failing.add(pid)
            ptrace(POKEUSER, pid, ORIG_RAX, (1 << 64) - 1)
        else:
            os.kill(self.root, signal.SIGKILL)  # the call that is entered is not made


def _path(pid: int, call: Call, arguments: list[int]) -> str:
    """What the call touches, as well as can be told from outside."""
    name = b"" if call.path is None else _text(pid, arguments[call.path])
    if name.startswith(b"/"):
        return os.path.normpath(os.fsdecode(name))
    descriptor = AT_FDCWD if call.descriptor is None else ctypes.c_int(arguments[call.descriptor]).value
    try:
        base = Path(f"/proc/{pid}", "cwd" if descriptor == AT_FDCWD else f"fd/{descriptor}").readlink()
    except OSError:
        return ""
    return os.path.normpath(os.path.join(base, os.fsdecode(name)))


def _text(pid: int, address: int) -> bytes:
    try:
        with open(f"/proc/{pid}/mem", "rb", 0) as memory:
            memory.seek(address)
            return (memory.read(4096 - address % 4096) + memory.read(4096)).partition(b"\0")[0]
    except (OSError, OverflowError):
        return b""


def unavailable() -> str | None:
    """Why nothing can be traced here; None where it can be."""
    if platform.machine() != MACHINE or sys.platform != "linux":
        return f"the tracer knows the system calls of {MACHINE} Linux only"
    child = os.fork()
    if not child:
        signal.pause()
    try:
        ptrace(SEIZE, child)
    except OSError as error:
        return f"ptrace: {error.strerror}"
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, ALL)
    return None


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--below", required=True)
    parser.add_argument("--log", required=True)
    parser.add_argument("--parent", action="store_true")
    parser.add_argument("--at", type=int)
    parser.add_argument("--error")
    parser.add_argument("--on", action="store_true")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args(argv)
    with Path(args.log).open("w") as log:
        code = Tracer(args, log).run(args.command)
    return 128 - code if code < 0 else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
