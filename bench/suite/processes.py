"""Programs: finding, starting and ending them, their ports, CPU time and memory."""

import os
import random
import re
import resource
import shutil
import socket
import subprocess
import time
from pathlib import Path

from .errors import BenchError, TooLate

SEARCH_PATH = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
TICKS = os.sysconf("SC_CLK_TCK")
START_TIMEOUT = 10.0
POLL_SECONDS = 0.005
PAGE = os.sysconf("SC_PAGE_SIZE")
STOP_TIMEOUT = 5.0

# A program that we start dies with us, even when we are killed.
DIE_WITH_US = ["setpriv", "--pdeathsig", "TERM"]


def find_program(name):
    """The path of an installed program, or None."""
    return shutil.which(name, path=SEARCH_PATH)


def output_of(*command, timeout=10):
    """What a short command prints, stdout and stderr together; "" when it fails to run."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace")


def descriptors():
    """How many descriptors a process may have open."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    return 1 << 20 if hard == resource.RLIM_INFINITY else hard


def allow_many_descriptors():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(descriptors(), 1 << 20)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def free_port():
    """A TCP port of 127.0.0.1 that nobody listens on.

    Below the range from which the kernel takes ports for outgoing connections, so that no client
    gets it meanwhile.
    """
    for _ in range(1000):
        port = random.randrange(18000, 32000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise BenchError("no free port between 18000 and 32000")


class Program:
    """A long-running program in the foreground, its output in a file. End it with stop()."""

    def __init__(self, name, command, log, port, env=None, start_timeout=START_TIMEOUT):
        self.name = name
        self.started = time.monotonic()
        self.log = Path(log)
        with open(log, "ab") as output:  # appending, so that the file can be emptied while it runs
            self._process = subprocess.Popen(
                DIE_WITH_US + [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=env,
            )
        self.pid = self._process.pid
        self._family = {}
        try:
            self._wait_until_listening(port, start_timeout)
        except BaseException:
            self.stop()
            raise

    def _wait_until_listening(self, port, timeout):
        deadline = self.started + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                status = self._process.returncode
                raise BenchError(f"{self.name} ended with status {status}:\n{self.log_end()}")
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                self._family = pids_of(self.pid)
                return
            except OSError:
                time.sleep(POLL_SECONDS)
        late = f"does not listen after {timeout:g} s"
        raise TooLate(f"{self.name} {late}:\n{self.log_end()}")

    def log_end(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(f"    {line}" for line in lines[-15:])

    def kill(self):
        """Ends it and all it started at once, without a chance to say goodbye."""
        for pid, started in {**self._family, **pids_of(self.pid)}.items():
            if _start_time(pid) == started:
                os.kill(pid, 9)
        self._process.wait()

    def stop(self):
        """Ends the program and all it started, also when it has died and left workers behind."""
        family = {**self._family, **pids_of(self.pid)}
        self._process.terminate()
        try:
            self._process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pid, started in family.items():
            if pid != self.pid and _start_time(pid) == started:
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    pass


# --- /proc --------------------------------------------------------------------------------------


def _stat_fields(pid):
    """/proc/PID/stat after the name: [0] is the state, [1] the parent. None when it has ended."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def _start_time(pid):
    fields = _stat_fields(pid)
    return int(fields[19]) if fields else None


def _family(root):
    """The stat fields of a process and all its descendants, by pid."""
    stats = {}
    children = {}
    for name in os.listdir("/proc"):
        fields = _stat_fields(name) if name.isdigit() else None
        if fields:
            stats[int(name)] = fields
            children.setdefault(int(fields[1]), []).append(int(name))
    found, queue = {}, [root]
    while queue:
        pid = queue.pop()
        if pid in stats:
            found[pid] = stats[pid]
            queue += children.get(pid, [])
    return found


def pids_of(root):
    """A process and its descendants: pid to start time, which together name a process for good."""
    return {pid: int(fields[19]) for pid, fields in _family(root).items()}


class CpuTime:
    """User and system seconds of a process and its descendants, those that have ended included."""

    def __init__(self, root):
        family = _family(root)
        self.pids = {pid: int(fields[19]) for pid, fields in family.items()}
        self.user = sum(int(fields[11]) + int(fields[13]) for fields in family.values()) / TICKS
        self.system = sum(int(fields[12]) + int(fields[14]) for fields in family.values()) / TICKS

    @property
    def total(self):
        return self.user + self.system


def user_memory(root):
    """Bytes of memory of a process and its descendants, what they share counted once."""
    pids = pids_of(root)
    try:
        return sum(_proportional_set(pid) for pid in pids)
    except OSError:  # somebody else's, or not dumpable: without what they share
        return sum(_own_set(pid) for pid in pids)


def _proportional_set(pid):
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return 1024 * int(line.split()[1])
    return 0


def _own_set(pid):
    try:
        resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[1:3]
    except OSError:
        return 0
    return PAGE * (int(resident) - int(shared))


def kernel_memory():
    """Bytes that the kernel has in slabs and in buffers of TCP, of the whole machine."""
    slab = re.search(r"^Slab: +(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE)
    pages = re.search(r"^TCP: .*mem (\d+)", Path("/proc/net/sockstat").read_text(), re.MULTILINE)
    return 1024 * int(slab[1]) + PAGE * int(pages[1])


def machine_busy():
    """Seconds the processors of this machine worked, or were taken away by the host, altogether."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / TICKS
