"""What a worker that was taken over can do to the rest. Each test acts inside a real worker, under its filter; each line
of the threat model in proxy/README.md about such a worker has its tests here."""

import contextlib
import ctypes
import fcntl
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import time
from pathlib import Path

import pytest

from ravelin_test import memory
from ravelin_test.admin import get
from ravelin_test.intruder import Intruder, Killed, needs_intruder, shared_and_writable, write
from ravelin_test.processes import TIED, client_ports, exists, text
from ravelin_test.proxy import site_block
from ravelin_test.settings import PATIENCE, RAVELIN
from ravelin_test.waiting import wait_for

pytestmark = needs_intruder

AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET = 1, 2, 10, 16, 17
STREAM, DATAGRAM, RAW, SEQPACKET = 1, 2, 3, 5
READ, WRITE, EXECUTE = 1, 2, 4
MASTER_LINE = re.compile(r"^\S+ \w+ master\[\d+\]: (.*)$", re.MULTILINE)


@pytest.fixture
def proxy(lab):
    return lab.proxy(lab.server(), workers=2, workers_may_die=True, allow=[".*"])


def replaced(proxy, slot, former):
    def look():
        child = proxy.status()["workers"][slot]
        return child["pid"] if child["pid"] not in (0, former) and child["state"] == "running" else None

    return wait_for(look, f"another worker in slot {slot}", 2 * PATIENCE)


def answers(proxy, count=10):
    """How many of so many clients are served."""
    served = 0
    for _ in range(count):
        try:
            with proxy.client() as client:
                served += client.ask().status == 200
        except (OSError, ssl.SSLError, AssertionError):
            continue
    return served


def is_control(handle):
    """The worker's end of the pair to the master. Its end of the one to its signer does not block."""
    blocks = not fcntl.fcntl(handle, fcntl.F_GETFL) & os.O_NONBLOCK
    return handle.family == socket.AF_UNIX and handle.type == socket.SOCK_SEQPACKET and blocks


def is_listening(handle):
    return handle.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1


# ---- Calls that a worker has no use for ----

# Name, then the call and its arguments; bytes are put into the worker.
FATAL = {
    "open a file": ("open", b"/etc/passwd\0", 0),
    "open a file relative to a descriptor": ("openat", -100, b"/etc/passwd\0", 0),
    "open a file by its handle": ("open_by_handle_at", 0, 0, 0),
    "make a file in memory": ("memfd_create", b"x\0", 0),
    "start a program": ("execve", b"/bin/true\0", 0, 0),
    "make a process": ("fork",),
    "make a process the new way": ("clone3", 0, 0),
    "become root": ("setuid", 0),
    "make a name space": ("unshare", 0x10000000),
    "mount": ("mount", 0, 0, 0, 0, 0),
    "send a signal": ("kill", 1, 0),
    "send a signal to a thread of another": ("tgkill", 1, 1, 0),
    "trace": ("ptrace", 16, 1, 0, 0),
    "read the memory of another": ("process_vm_readv", 1, 0, 0, 0, 0, 0),
    "write the memory of another": ("process_vm_writev", 1, 0, 0, 0, 0, 0),
    "find a process": ("pidfd_open", 1, 0),
    "take a descriptor of another": ("pidfd_getfd", 0, 0, 0),
    "change its own process": ("prctl", 4, 1, 0, 0, 0),
    "load a filter": ("seccomp", 1, 0, 0),
    "load a program into the kernel": ("bpf", 0, 0, 0),
    "call past the filter": ("io_uring_setup", 1, 0),
    "handle page faults": ("userfaultfd", 0),
    "map pages in another order": ("remap_file_pages", 0, 0, 0, 0, 0),
    "map executable memory": ("mmap", 0, 4096, READ | EXECUTE, 0x22, -1, 0),
    "make memory executable": ("mprotect", 0x1000, 4096, READ | EXECUTE),
    "bind": ("bind", 3, 0, 0),
    "listen": ("listen", 3, 1),
    "type into a terminal": ("ioctl", 2, 0x5412, b"x"),
    "cut a file": ("ftruncate", 3, 0),
    "go back in a file": ("lseek", 2, 0, 0),
    "a raw socket": ("socket", AF_INET, RAW, 1),
    "a datagram socket": ("socket", AF_INET, DATAGRAM, 0),
    "a socket of another protocol": ("socket", AF_INET, STREAM, 132),
    "a netlink socket": ("socket", AF_NETLINK, RAW, 0),
    "a packet socket": ("socket", AF_PACKET, RAW, 0),
    "a socket like the master's": ("socket", AF_UNIX, SEQPACKET, 0),
}


def test_calls_that_end_it(lab):
    proxy = lab.proxy(lab.server(), workers=9, workers_may_die=True, allow=[".*"])
    other = proxy.worker_pids()[8]
    for number, (name, (call, *arguments)) in enumerate(FATAL.items()):
        slot = number % 8  # one that dies often is replaced more and more slowly
        former = proxy.worker_pids()[slot]
        with pytest.raises(Killed) as killed, Intruder(former) as worker:
            result = worker.call(call, *(worker.put(a) if isinstance(a, bytes) else a for a in arguments))
            pytest.fail(f"a worker can {name}: {result}")
        assert killed.value.signal == signal.SIGSYS, name
        proxy.wait_for_log(rf"worker {slot} \(pid {former}\) was killed by the sandbox")
        replaced(proxy, slot, former)
    assert proxy.worker_pids()[8] == other
    assert answers(proxy) == 10


# ---- Options and commands of calls that it needs ----

SOL_SOCKET, TCP = 1, 6
OPTIONS = {
    "SO_REUSEADDR": (SOL_SOCKET, 2), "SO_REUSEPORT": (SOL_SOCKET, 15), "SO_SNDBUF": (SOL_SOCKET, 7), "SO_MARK": (SOL_SOCKET, 36),
    "SO_ATTACH_FILTER": (SOL_SOCKET, 26), "SO_ATTACH_BPF": (SOL_SOCKET, 50), "SO_LOCK_FILTER": (SOL_SOCKET, 44),
    "SO_ATTACH_REUSEPORT_CBPF": (SOL_SOCKET, 51), "SO_ATTACH_REUSEPORT_EBPF": (SOL_SOCKET, 52),
    "SO_DETACH_REUSEPORT_BPF": (SOL_SOCKET, 68), "SO_INCOMING_CPU": (SOL_SOCKET, 49), "SO_BINDTODEVICE": (SOL_SOCKET, 25),
    "TCP_ULP": (TCP, 31), "TCP_REPAIR": (TCP, 19), "TCP_DEFER_ACCEPT": (TCP, 9), "TCP_MD5SIG": (TCP, 14), "IP_TRANSPARENT": (0, 19),
}  # fmt: skip
COMMANDS = {"F_DUPFD": 0, "F_SETFL": 4, "F_SETLK": 6, "F_SETOWN": 8, "F_SETSIG": 10, "F_SETLEASE": 1024, "F_ADD_SEALS": 1033}


def test_options_that_fail(proxy):
    """On its listening socket, which it shares with the master and its successor."""
    for slot, pid in proxy.worker_pids().items():
        with Intruder(pid) as worker:
            [fd] = worker.descriptors(is_listening)
            # To socket 1 of the address, whoever comes.
            program = worker.put(struct.pack("QQ", 1, worker.put(struct.pack("HBBI", 6, 0, 0, 1))))
            for name, (level, option) in OPTIONS.items():
                assert worker.error("setsockopt", fd, level, option, program, 16) == "EPERM", name
            for name, command in COMMANDS.items():
                assert worker.error("fcntl", fd, command, 0) == "EPERM", name
            assert worker.error("getsockopt", fd, SOL_SOCKET, 31, program, program) == "EPERM"
            flags = worker.call("fcntl", fd, 3)
            assert flags & os.O_NONBLOCK
    assert answers(proxy) == 10


# ---- Shared memory ----

LIES = {"all ones": b"\xff", "the far future": b"\x7f", "ones": b"\x01\x00\x00\x00", "half": b"\xff\xff\xff\x7f"}


def test_it_can_write_its_own_part_and_no_other(proxy):
    pids = proxy.worker_pids()
    for slot, pid in pids.items():
        regions = sorted(place[2].split()[0] for place in shared_and_writable(pid) if "memfd:" in place[2])
        names = ["clients", "metrics", "series", "server-counts", "server-states"]
        assert regions == [f"/memfd:ravelin-{name}" for name in names]
        others = [m for m in memory.mappings(pid) if m[2] == "r--s" and "ravelin-" in m[3]]
        # Of each slot, the counters and the checks of the monitor, the ticket keys, the server table, and the label sets.
        assert len(others) == 4 * len(pids) + 5, others
        with Intruder(pid) as worker:
            for start, end, _, name in others:
                assert worker.error("mprotect", start, end - start, READ | WRITE) == "EACCES", name
                view = worker.call("mremap", start, 0, end - start, 1)
                assert view > 0
                assert worker.error("mprotect", view, end - start, READ | WRITE) == "EACCES", name
    # What else is shared with nobody: rings of sessions.
    for child in proxy.status()["signers"]:
        assert not any("memfd:ravelin-" in name or "/dev/zero" in name for *_, name in memory.mappings(child["pid"]))


def lie(pid, pattern):
    """Writes it over all that the worker shares and can write."""
    for start, end, name in shared_and_writable(pid):
        write(pid, start, pattern * ((end - start) // len(pattern)))


@pytest.mark.parametrize("pattern", LIES.values(), ids=LIES.keys())
def test_its_lies_do_not_disturb_the_others(lab, pattern):
    """Limits by connections, by client and by rate, on each of which the lie may bear."""
    certificates = [lab.authority.certificate("localhost", "127.0.0.1")]
    site = site_block("localhost", certificates, ["127.0.0.1"], routes={"/": None}, options={"hsts": 0})
    site = re.sub(r"route [^{]*{[^}]*}", 'route "/" { return = 204  rate = 1000  burst = 1000 }', site)
    limits = {"connections-per-client": 3, "connections": 64}
    proxy = lab.proxy(lab.server(), sites=[site], workers=2, limits=limits, workers_may_die=True, allow=[".*"])
    evil, honest = proxy.worker_pids().values()
    lie(evil, pattern)

    def count(number):
        """What so many clients get, one after the other: by the worker that has them."""
        served = 0
        for _ in range(number):
            raw = socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE)
            port = raw.getsockname()[1]
            try:
                with proxy.context.wrap_socket(raw, server_hostname="localhost") as tls:
                    is_honest = port in client_ports(honest)
                    tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                    answer = tls.recv(65536)
                    if is_honest:
                        assert answer.startswith(b"HTTP/1.1 204"), answer
                        served += 1
            except (OSError, ssl.SSLError):
                pass  # by the worker that lies to itself
            wait_for(lambda: not client_ports(honest), "the end of the connection")
        return served

    assert count(30) > 0
    log = "\n".join(line for line in proxy.log().splitlines() if f"worker 1[{honest}]" in line)
    assert "connections" not in log, log  # it refused nobody
    assert exists(honest)
    assert proxy.status()["state"] == "running"
    assert proxy.worker_pids()[1] == honest
    if not exists(evil):
        return
    os.kill(evil, signal.SIGKILL)
    replaced(proxy, 0, evil)
    assert answers_204(proxy) == 10


def answers_204(proxy):
    served = 0
    for _ in range(10):
        with proxy.client() as client:
            served += client.ask().status == 204
    return served


@pytest.mark.parametrize("pattern", LIES.values(), ids=LIES.keys())
def test_its_lies_do_not_lift_a_limit(lab, pattern):
    proxy = lab.proxy(lab.server(), workers=2, limits={"connections-per-client": 4}, workers_may_die=True, allow=[".*"])
    evil, honest = proxy.worker_pids().values()
    lie(evil, pattern)
    held = []
    for _ in range(40):
        try:
            client = proxy.client()
            if client.port in client_ports(honest):
                held.append(client)
            else:
                client.close()
        except (OSError, ssl.SSLError):
            continue
    assert 1 <= len(held) <= 4
    for client in held:
        client.close()


@pytest.mark.parametrize("pattern", LIES.values(), ids=LIES.keys())
def test_its_lies_about_servers_are_its_own(lab, pattern):
    proxy = lab.proxy(lab.server(), lab.server(), workers=2, workers_may_die=True, allow=[".*"])
    evil, honest = proxy.worker_pids().values()
    before = memory.server_states(honest, 2)
    lie(evil, pattern)
    assert memory.server_states(evil, 2) != before
    assert memory.server_states(honest, 2) == before
    proxy.reload()  # it takes over what it said itself
    assert memory.server_states(honest, 2) == before
    os.kill(evil, signal.SIGKILL)
    assert memory.server_states(replaced(proxy, 0, evil), 2) == before
    assert answers(proxy) == 10


@pytest.mark.parametrize("pattern", LIES.values(), ids=LIES.keys())
def test_its_lies_about_failures_take_no_server_out_of_use(lab, pattern):
    servers = [lab.server(), lab.server()]
    proxy = lab.proxy(*servers, workers=2, workers_may_die=True, allow=[".*"])
    evil, honest = proxy.worker_pids().values()
    lie(evil, pattern)
    before = [len(server.requests) for server in servers]
    assert answers(proxy, count=40) >= 10  # those of the honest worker
    assert all(len(server.requests) - asked >= 5 for server, asked in zip(servers, before))
    os.kill(evil, signal.SIGKILL)
    replaced(proxy, 0, evil)
    assert text(proxy.command("servers").stdout).count("  up\n") == 2


@pytest.mark.parametrize("pattern", LIES.values(), ids=LIES.keys())
def test_its_lies_wrap_no_histogram(lab, pattern):
    address = f"unix:{lab.folder}/admin.sock"
    proxy = lab.proxy(lab.server(), admin=[address], workers=2, workers_may_die=True, allow=[".*"])
    lie(proxy.worker_pids()[0], pattern)
    status, _, body = get(address, "/metrics")
    assert status == 200
    for family in ("handshake", "request", "connect", "queue"):
        counts = [int(n) for n in re.findall(rf"^ravelin_{family}_seconds_bucket\S* (\d+)$", body, re.MULTILINE)]
        assert len(counts) > 20 and counts[0] > 0
        assert counts == sorted(counts)


# ---- Listening sockets ----


@pytest.mark.parametrize("how", ["shutdown", "connect"])
def test_a_socket_that_it_shuts_down_is_bound_again(lab, how):
    proxy = lab.proxy(lab.server(), workers=1, workers_may_die=True, allow=[".*"])
    former = proxy.worker_pids()[0]

    def shut(pid):
        with Intruder(pid) as worker:
            [fd] = worker.descriptors(is_listening)
            if how == "shutdown":
                assert worker.call("shutdown", fd, 2) == 0
            else:
                assert worker.call("connect", fd, worker.put(bytes(16)), 16) == 0

    shut(former)
    proxy.wait_for_log(r"error master\[\d+\]: worker 0: socket on 127\.0\.0\.1:\d+ did not listen any more: bound again")
    assert answers(proxy) == 10
    assert proxy.worker_pids()[0] == former
    shut(former)
    proxy.wait_for_log(rf"worker 0 \(pid {former}\) shuts its listening sockets down: killing it")
    replaced(proxy, 0, former)
    assert answers(proxy) == 10
    # What it did just before its end.
    last = proxy.worker_pids()[0]
    shut(last)
    os.kill(last, signal.SIGKILL)
    replaced(proxy, 0, last)
    assert answers(proxy) == 10


def test_a_worker_without_a_socket_waits(lab):
    """Until the master has bound another one it does not turn round."""
    proxy = lab.proxy(lab.server(), workers=1, workers_may_die=True, allow=[".*"])
    pid = proxy.worker_pids()[0]
    os.kill(proxy.pid, signal.SIGSTOP)
    try:
        with Intruder(pid) as worker:
            [fd] = worker.descriptors(is_listening)
            assert worker.call("shutdown", fd, 2) == 0
        before = cpu_ticks(pid)
        proxy.wait_for_log(r"worker 0\[\d+\]: cannot accept on 127\.0\.0\.1:\d+: Invalid argument; trying again in 1\.0 s")
        time.sleep(1)
        assert cpu_ticks(pid) - before < 50  # half a second of a second and a half or more
    finally:
        os.kill(proxy.pid, signal.SIGCONT)
    assert wait_for(lambda: answers(proxy, 1), "another socket")


def cpu_ticks(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_what_is_attached_to_a_socket_does_not_outlive_the_worker(proxy):
    """A program for all sockets of the address: attached from outside, as the filter allows none."""
    former = proxy.worker_pids()[0]
    worker = Intruder(former)
    [fd] = worker.descriptors(is_listening)
    pidfd = os.pidfd_open(former)
    with socket.socket(fileno=ctypes.CDLL(None).syscall(438, pidfd, fd, 0)) as shared:
        program = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0))
        shared.setsockopt(SOL_SOCKET, 51, struct.pack("QQ", 1, ctypes.addressof(program)))
        shared.setblocking(True)
    os.kill(former, signal.SIGKILL)
    pid = replaced(proxy, 0, former)
    with Intruder(pid) as worker:
        assert worker.call("fcntl", fd_of_listener(worker), 3) & os.O_NONBLOCK
    clients = [proxy.client() for _ in range(20)]
    counts = [sum(client.port in client_ports(pid) for client in clients) for pid in proxy.worker_pids().values()]
    assert all(counts), counts
    for client in clients:
        client.close()


INHERITED = ((SOL_SOCKET, 18, 1 << 30), (SOL_SOCKET, 8, 1), (TCP, 25, 1), (TCP, 12, 0))  # also the last: TCP_QUICKACK


def change_what_is_inherited(pid):
    """By options of its listening socket that the filter allows."""
    with Intruder(pid) as worker:
        fd = fd_of_listener(worker)
        for level, option, value in INHERITED:
            assert worker.call("setsockopt", fd, level, option, worker.put(struct.pack("i", value)), 4) == 0
    return fd


def is_as_new(pid, fd):
    with socket.socket() as fresh:
        fresh.setsockopt(TCP, 25, 256 * 1024)  # as every listening socket has it
        return all(number_of(pid, fd, level, option) == fresh.getsockopt(level, option) for level, option, _ in INHERITED)


def test_what_connections_inherit_does_not_outlive_the_worker(proxy):
    former = proxy.worker_pids()[0]
    change_what_is_inherited(former)
    os.kill(former, signal.SIGKILL)
    pid = replaced(proxy, 0, former)
    with Intruder(pid) as worker:
        fd = fd_of_listener(worker)
    assert is_as_new(pid, fd)
    assert answers(proxy) == 10


def test_what_connections_inherit_is_reset_while_the_worker_lives(proxy):
    """So it does not last where others use the socket: workers of a master that an upgrade replaced, or of other slots."""
    pid = proxy.worker_pids()[0]
    fd = change_what_is_inherited(pid)
    wait_for(lambda: is_as_new(pid, fd), "options of a new socket", 4 * PATIENCE)
    assert answers(proxy) == 10


def number_of(pid, fd, level, option):
    pidfd = os.pidfd_open(pid)
    with socket.socket(fileno=ctypes.CDLL(None).syscall(438, pidfd, fd, 0)) as shared:
        os.close(pidfd)
        return shared.getsockopt(level, option)


def fd_of_listener(worker):
    [fd] = worker.descriptors(is_listening)
    return fd


# ---- What it says to the master ----

HEADER = "<QIHBBB7x"
LOAD, READY, FAILED, COMMITTED, DRAINED, PONG, REOPENED, NAMES = 1, 12, 13, 14, 15, 16, 17, 18


def message(kind, generation, text=b"", listeners=0, has=0):
    return struct.pack(HEADER, generation, kind, listeners, has, 2, 0) + text


def send(worker, data, descriptors=()):
    [control] = worker.descriptors(is_control)
    return worker.call("sendmsg", control, worker.message(data, descriptors), 0x4000)  # MSG_NOSIGNAL


def test_its_text_is_cleaned_and_has_its_name(proxy):
    [pid, _] = proxy.worker_pids().values()
    text = b"nothing is wrong\nreloaded: generation 2\n\x1b[2J\xc2\x9b31m \x9b \xe2\x80\xae \xe2\x80\xa8 reloaded: generation 2"
    with Intruder(pid) as worker:  # it stands still
        command = subprocess.Popen(
            [*TIED, RAVELIN, "reload", "-c", proxy.config], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        wait_for(lambda: proxy.status()["reload"] == "loading workers", "the worker to be asked")
        assert send(worker, message(FAILED, 2, text)) > 0
        output = b"".join(command.communicate(timeout=PATIENCE))
    assert command.returncode == 1
    expected = "worker 0: 'nothing is wrong?reloaded: generation 2??[2J??31m ? ??? ??? reloaded: generation 2'"
    assert output.decode() == expected + "\n"
    lines = MASTER_LINE.findall(proxy.log())
    assert expected in lines
    assert not any(line.endswith("reloaded: generation 2") for line in lines)
    proxy.reload()


def test_messages_out_of_turn(proxy):
    """Answers that nobody asked for mean nothing; a message that only the master may send ends the worker."""
    [pid, other] = proxy.worker_pids().values()
    with Intruder(pid) as worker:
        for kind in (READY, COMMITTED, FAILED, DRAINED):
            for generation in (0, 1, 2, 1 << 63, (1 << 64) - 1):
                assert send(worker, message(kind, generation, b"text")) > 0
    assert answers(proxy) == 10
    proxy.reload()
    assert list(proxy.worker_pids().values()) == [pid, other]
    for data in (message(LOAD, 1), message(99, 1), message(READY, 1, listeners=5), message(READY, 1, has=15), message(REOPENED, 1), b"", b"x" * 7):
        pid = proxy.worker_pids()[0]
        with contextlib.suppress(Killed), Intruder(pid) as worker:
            send(worker, data)
        replaced(proxy, 0, pid)
    assert proxy.worker_pids()[1] == other
    assert answers(proxy) == 10


def test_a_flood_of_messages_ends_it(proxy):
    pid = proxy.worker_pids()[0]
    descriptors = len(os.listdir(f"/proc/{proxy.pid}/fd"))
    with pytest.raises(Killed), Intruder(pid) as worker:
        [control] = worker.descriptors(is_control)
        flood = worker.message(message(DRAINED, 1))
        for _ in range(5000):
            worker.call("sendmsg", control, flood, 0x4000)
    proxy.wait_for_log(rf"worker 0 \(pid {pid}\) sends too many messages: killing it")
    replaced(proxy, 0, pid)
    assert answers(proxy) == 10
    assert len(os.listdir(f"/proc/{proxy.pid}/fd")) <= descriptors


def test_descriptors_that_it_sends_are_closed(proxy):
    pid = proxy.worker_pids()[0]
    before = len(os.listdir(f"/proc/{proxy.pid}/fd"))
    with Intruder(pid) as worker:
        for has, listeners, count in ((1, 0, 1), (15, 0, 4), (0, 3, 3)):
            assert send(worker, message(DRAINED, 1, has=has, listeners=listeners), [0] * count) > 0
    assert answers(proxy) == 10
    proxy.status()
    assert len(os.listdir(f"/proc/{proxy.pid}/fd")) <= before
    with contextlib.suppress(Killed), Intruder(pid) as worker:  # more than the message says: not one of ours
        send(worker, message(DRAINED, 1), [0] * 200)
    replaced(proxy, 0, pid)
    assert len(os.listdir(f"/proc/{proxy.pid}/fd")) <= before


def test_the_control_socket_is_not_for_it(proxy):
    """Its folder is for root. tests/unit/test_control.c has the case that all are of one user."""
    folder = "/run/ravelin"
    [name, *_] = os.listdir(folder)  # that of this proxy, or of another
    with Intruder(proxy.worker_pids()[0]) as worker:
        fd = worker.call("socket", AF_UNIX, STREAM, 0)
        address = struct.pack("H", AF_UNIX) + f"{folder}/{name}".encode() + b"\0"
        assert worker.error("connect", fd, worker.put(address), len(address)) == "EACCES"


# ---- What it holds ----


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_it_cannot_end_or_overwrite_a_log(lab, kind):
    """Where stdout is a socket, as the journal's is, and stderr a file that is not opened for appending."""
    proxy = lab.prepare(lab.server(), top={"access-log": "stdout"}, workers=2, allow=[".*"])
    reading, writing = socket.socketpair(socket.AF_UNIX, kind)
    reading.settimeout(PATIENCE)
    errors = lab.folder / "errors"
    with open(errors, "wb") as stderr:
        process = subprocess.Popen([*TIED, RAVELIN, "run", "-c", proxy.config], stdin=subprocess.DEVNULL, stdout=writing, stderr=stderr)
    try:
        wait_for(lambda: "ready" in errors.read_text(), "the proxy to be ready")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        pid = next(int(child) for child in children if "worker" in Path(f"/proc/{child}/comm").read_text())
        with Intruder(pid) as worker:
            for fd in worker.descriptors(lambda handle: handle.family == socket.AF_UNIX and handle.type == kind):
                worker.call("shutdown", fd, 2)
                worker.call("connect", fd, worker.put(bytes(16)), 16)
        assert lab.client(proxy).ask("/after").status == 200
        assert b'"/after"' in reading.recv(65536)
        before = errors.read_text()
        with pytest.raises(Killed), Intruder(pid) as worker:
            fd = next(int(name) for name in os.listdir(f"/proc/{pid}/fd") if os.readlink(f"/proc/{pid}/fd/{name}") == str(errors))
            worker.call("lseek", fd, 0, 0)
        assert errors.read_text().startswith(before)
        process.send_signal(signal.SIGTERM)
        assert process.wait(2 * PATIENCE) == 0
    finally:
        process.kill()
        process.wait()
        reading.close()
        writing.close()


def test_its_standard_streams_lead_nowhere(proxy):
    for pid in proxy.worker_pids().values():
        assert {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)} == {"/dev/null"}


def test_it_cannot_control_a_terminal_that_is_a_log(lab):
    """The terminal is named by its path; the worker has a pipe in its place."""
    master, slave = os.openpty()
    terminal = os.ttyname(slave)
    proxy = lab.proxy(lab.server(), workers=2, top={"access-log": f'"{terminal}"'}, workers_may_die=True, allow=[".*"])
    os.set_blocking(master, False)
    seen = b""

    def shows(text):
        nonlocal seen
        with contextlib.suppress(BlockingIOError):
            seen += os.read(master, 65536)
        return text in seen

    pid = next(iter(proxy.worker_pids().values()))
    names = {name: os.readlink(f"/proc/{pid}/fd/{name}") for name in os.listdir(f"/proc/{pid}/fd")}
    assert not [name for name in names.values() if name.startswith("/dev/pts")]
    writable = [int(name) for name, target in names.items() if target.startswith("pipe:")]
    assert writable
    with Intruder(pid) as worker:
        for fd in writable:
            line = b"\x1b]0;title\x07\x1b[2J\xc2\x9b31m" + b"mark\n"
            worker.call("write", fd, worker.put(line), len(line))
    wait_for(lambda: shows(b"mark"), "the line")
    assert b"\x1b" not in seen and b"\x07" not in seen and b"\x9b" not in seen
    os.close(slave)
    os.close(master)
