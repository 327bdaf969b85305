"""Code in a process that was taken over, as far as the kernel can tell: system calls are made in the process itself,
under its rights and its filter, by ptrace. For root, and for x86-64."""

import contextlib
import ctypes
import errno
import os
import platform
import signal
import socket
import struct

import pytest

from . import memory
from .settings import IS_ROOT, SANITIZED

needs_intruder = pytest.mark.skipif(
    not IS_ROOT or SANITIZED or platform.machine() != "x86_64",
    reason="acts inside of a sandboxed process: for root on x86-64; a build with sanitizers has no sandbox",
)

CALLS = {
    "read": 0, "write": 1, "close": 3, "lseek": 8, "mmap": 9, "mprotect": 10, "rt_sigaction": 13, "ioctl": 16, "mremap": 25,
    "madvise": 28, "socket": 41, "connect": 42, "sendto": 44, "sendmsg": 46, "shutdown": 48, "bind": 49, "listen": 50,
    "setsockopt": 54, "getsockopt": 55, "fork": 57, "execve": 59, "kill": 62, "fcntl": 72, "ftruncate": 77,
    "ptrace": 101, "setuid": 105, "prctl": 157, "open": 2, "openat": 257, "tgkill": 234, "clone3": 435, "open_by_handle_at": 304,
    "process_vm_readv": 310, "process_vm_writev": 311, "memfd_create": 319, "seccomp": 317, "bpf": 321, "io_uring_setup": 425,
    "pidfd_open": 434, "pidfd_getfd": 438, "mount": 165, "unshare": 272, "userfaultfd": 323, "remap_file_pages": 216,
}  # fmt: skip
ATTACH, CONT, SINGLESTEP, GETREGS, SETREGS, DETACH = 16, 7, 9, 12, 13, 17
REGISTERS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs"
).split()
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


class Killed(Exception):
    """The process died of a call."""

    def __init__(self, number):
        super().__init__(signal.Signals(number).name)
        self.signal = number


def _ptrace(request, pid, data=None):
    if _libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace {request}")


class Intruder:
    """While in use as a context, the process stands still but for the calls made here."""

    def __init__(self, pid):
        self.pid = pid
        self._dead = False

    def __enter__(self):
        _ptrace(ATTACH, self.pid)
        os.waitpid(self.pid, 0)
        self._saved = self._registers()
        self._syscall = self._find_syscall()
        self._page = self.call("mmap", 0, 65536, 3, 0x22, -1, 0)
        self._used = 0
        return self

    def __exit__(self, *_):
        if not self._dead:
            with contextlib.suppress(Killed):
                self._set_registers(self._saved)
                self._trace(DETACH)

    def _trace(self, request, data=None):
        try:
            _ptrace(request, self.pid, data)
        except ProcessLookupError:  # somebody killed it
            self._note_end(os.waitpid(self.pid, 0)[1])

    def _note_end(self, status):
        if os.WIFSIGNALED(status):
            self._dead = True
            raise Killed(os.WTERMSIG(status))

    def _registers(self):
        room = ctypes.create_string_buffer(8 * len(REGISTERS))
        self._trace(GETREGS, ctypes.addressof(room))
        return dict(zip(REGISTERS, struct.unpack(f"{len(REGISTERS)}Q", room.raw)))

    def _set_registers(self, values):
        packed = struct.pack(f"{len(REGISTERS)}Q", *(values[name] & (1 << 64) - 1 for name in REGISTERS))
        room = ctypes.create_string_buffer(packed)
        self._trace(SETREGS, ctypes.addressof(room))

    def _find_syscall(self):
        for start, end, rights, name in memory.mappings(self.pid):
            if "x" in rights and "libc" in name:
                at = memory.read(self.pid, start, end - start).find(b"\x0f\x05")
                if at >= 0:
                    return start + at
        raise AssertionError("no system call in the C library")

    def call(self, name, *arguments):
        """Makes a system call; its result, negative: an errno. Killed: the process is no more."""
        values = {**self._saved, "rax": CALLS[name], "orig_rax": -1, "rip": self._syscall}
        values.update(zip(ARGUMENTS, arguments))
        self._set_registers(values)
        self._trace(SINGLESTEP)
        self._note_end(os.waitpid(self.pid, 0)[1])
        result = self._registers()["rax"]
        return result - (1 << 64) if result >> 63 else result

    def error(self, name, *arguments):
        """The name of the error with which the call fails; "": it succeeds."""
        result = self.call(name, *arguments)
        return errno.errorcode[-result] if result < 0 else ""

    def put(self, data):
        """The address in the process where these bytes are now."""
        at = self._page + self._used
        self._used = (self._used + len(data) + 15) & ~15
        write(self.pid, at, data)
        return at

    def message(self, data, descriptors=()):
        """The address of a struct msghdr of these bytes, with descriptors."""
        parts = self.put(struct.pack("QQ", self.put(data), len(data)))
        control = b""
        if descriptors:
            numbers = struct.pack(f"{len(descriptors)}i", *descriptors)
            control = struct.pack("Qii", 16 + len(numbers), 1, 1) + numbers
        at = self.put(control) if control else 0
        return self.put(struct.pack("QQQQQQQ", 0, 0, parts, 1, at, len(control) + 7 & ~7, 0))

    def descriptors(self, wanted):
        """The numbers of those descriptors for which wanted(socket) holds, in their order."""
        pidfd = os.pidfd_open(self.pid)
        found = []
        for name in sorted(os.listdir(f"/proc/{self.pid}/fd"), key=int):
            if os.readlink(f"/proc/{self.pid}/fd/{name}").startswith("socket:"):
                copy = _libc.syscall(CALLS["pidfd_getfd"], pidfd, int(name), 0)
                if copy < 0 and ctypes.get_errno() == errno.ESRCH:
                    raise Killed(signal.SIGKILL)
                with socket.socket(fileno=copy) as handle:
                    if wanted(handle):
                        found.append(int(name))
        os.close(pidfd)
        return found


def write(pid, address, data):
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as file:
        file.seek(address)
        assert file.write(data) == len(data)


def shared_and_writable(pid):
    """(start, end, name) of each mapping that the process shares and can write."""
    return [(start, end, name) for start, end, rights, name in memory.mappings(pid) if rights[1] == "w" and rights[3] == "s"]
