"""Running other programs: each is started by a test, and ended by it, by its process id."""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from .settings import PATIENCE
from .waiting import wait_for

# A process that a test left behind must not outlive the test run, however that ends.
TIED = ["setpriv", "--pdeathsig", "KILL"]


class Process:
    """A program in the background, its output in a file."""

    def __init__(self, arguments, log, environment=None):
        self.arguments = [str(argument) for argument in arguments]
        self.log = Path(log)
        with open(self.log, "ab") as output:
            self._process = subprocess.Popen(
                TIED + self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
            )
        self.pid = self._process.pid

    def output(self):
        return self.log.read_text(errors="replace")

    def running(self):
        return self._process.poll() is None

    def send_signal(self, number):
        self._process.send_signal(number)

    def wait(self, timeout=PATIENCE):
        """The exit code; negative: the signal that ended it."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.arguments[0]} did not end within {timeout:g} s") from None

    def wait_for_output(self, pattern, timeout=PATIENCE):
        """Waits until the output matches; returns the match."""

        def look():
            found = re.search(pattern, self.output(), re.MULTILINE)
            if not found and not self.running():
                raise AssertionError(f"{self.arguments[0]} ended before it said {pattern!r}:\n{self.output()}")
            return found

        return wait_for(look, f"{pattern!r} in the output of {self.arguments[0]}", timeout)

    def end(self, number=signal.SIGTERM, timeout=PATIENCE):
        """Ends it, by force when it does not go. Returns the exit code."""
        if self.running():
            self.send_signal(number)
        try:
            return self.wait(timeout)
        except AssertionError:
            self.send_signal(signal.SIGKILL)
            self.wait()
            raise


class Adopted:
    """A program that one of ours has started and left behind. Has what Process has, but for its exit status: it is the
    child of this process only once the one that started it has ended."""

    def __init__(self, pid, log):
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER: orphans become ours
        self.pid = pid
        self.log = Path(log)
        self._status = None

    def output(self):
        return self.log.read_text(errors="replace")

    def running(self):
        if self._status is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self._status = os.waitstatus_to_exitcode(status)
        return self._status is None and exists(self.pid)

    def send_signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def wait(self, timeout=PATIENCE):
        wait_for(lambda: not self.running(), f"process {self.pid} to end", timeout)
        return 0 if self._status is None else self._status

    def end(self, number=signal.SIGTERM, timeout=PATIENCE):
        self.send_signal(number)
        return self.wait(timeout)


def run(arguments, input=None, timeout=4 * PATIENCE, check=True, environment=None):
    """Runs a program to its end; stdout and stderr as bytes. check: a failure of its fails the test."""
    arguments = [str(argument) for argument in arguments]
    stdin = {"stdin": subprocess.DEVNULL} if input is None else {"input": input}
    try:
        result = subprocess.run(
            TIED + arguments,
            capture_output=True,
            timeout=timeout,
            env={**os.environ, **(environment or {})},
            **stdin,
        )
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"") + (expired.stderr or b"")
        raise AssertionError(f"no end after {timeout:g} s: {' '.join(arguments)}\n{text(output)}") from None
    if check:
        assert result.returncode == 0, f"{' '.join(arguments)}\n{text(result.stdout + result.stderr)}"
    return result


def text(output):
    return output.decode(errors="replace")


def children_of(pid):
    """Process ids."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def names_of_children(pid):
    """The name of each child, by pid. One that has just begun has the name of its parent."""
    names = {}
    for child in children_of(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            names[child] = Path(f"/proc/{child}/comm").read_text().strip()
    return names


def lasting_children_of(pid):
    """Those that serve: without processes that read or check a configuration, and end then."""
    passing = ("rav-reader", "rav-validator", "rav-master")  # the last one: before it has a name of its own
    return [child for child, name in names_of_children(pid).items() if name not in passing]


def exists(pid):
    """False also for one that has ended and that nobody has waited for yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def memory_kib(pid, field="VmRSS"):
    """A figure of /proc/PID/status in KiB: VmRSS is now, VmHWM the most there ever was."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE).group(1))


def client_ports(pid):
    """The ports on 127.0.0.1 at the other ends of the process's connections.

    Only root may look into processes that are not dumpable: others skip the test.
    """
    try:
        descriptors = os.listdir(f"/proc/{pid}/fd")
    except FileNotFoundError:
        return set()
    except PermissionError:
        pytest.skip("only root may look at the descriptors of others")
    inodes = set()
    for descriptor in descriptors:
        with contextlib.suppress(FileNotFoundError):
            inodes.add(os.readlink(f"/proc/{pid}/fd/{descriptor}"))
    ports = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, _, remote, _, _, _, _, _, _, inode, *_ = line.split()
        address, _, port = remote.partition(":")
        if address == "0100007F" and f"socket:[{inode}]" in inodes:
            ports.add(int(port, 16))
    return ports
