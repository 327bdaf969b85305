"""What a monitor that was taken over can do to the rest: each line of the threat model in proxy/README.md about such a
monitor has its test here. It acts inside a real monitor, under its filter."""

import os
import signal
import socket
import struct

import pytest
from test_taken_over_worker import AF_INET, AF_UNIX, COMMITTED, DATAGRAM, FAILED, FATAL, LIES, RAW, READY, SEQPACKET, is_listening, lie, message, send

from ravelin_test import memory
from ravelin_test.admin import ready
from ravelin_test.intruder import Intruder, Killed, needs_intruder, shared_and_writable
from ravelin_test.processes import exists, text
from ravelin_test.proxy import block, server_block
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for

pytestmark = needs_intruder


@pytest.fixture
def address(lab):
    return lab.port().address


@pytest.fixture
def proxy(lab, address):
    return lab.proxy(lab.server(), admin=[address], workers=2, workers_may_die=True, allow=[".*"])


def monitor(proxy):
    [child] = proxy.status()["monitors"]
    return child["pid"] if child["state"] == "running" else 0


def replaced(proxy, former):
    return wait_for(lambda: monitor(proxy) not in (0, former) and monitor(proxy), "another monitor", 4 * PATIENCE)


def serves(lab, proxy):
    return lab.client(proxy).ask().status == 200


FATAL_HERE = {
    **{name: call for name, call in FATAL.items() if call[0] in ("open", "execve", "fork", "setuid", "kill", "ptrace", "bind", "listen")},
    "a raw socket": ("socket", AF_INET, RAW, 0),
    "a socket of packets to a unix socket": ("socket", AF_UNIX, SEQPACKET, 0),
}


@pytest.mark.parametrize("name", FATAL_HERE)
def test_calls_that_end_it(lab, proxy, name):
    workers = proxy.worker_pids()
    former = monitor(proxy)
    call, *arguments = FATAL_HERE[name]
    with pytest.raises(Killed) as killed, Intruder(former) as intruder:
        result = intruder.call(call, *(intruder.put(a) if isinstance(a, bytes) else a for a in arguments))
        pytest.fail(f"a monitor can {name}: {result}")
    assert killed.value.signal == signal.SIGSYS
    proxy.wait_for_log(rf"monitor \(pid {former}\) was killed by the sandbox")
    replaced(proxy, former)
    assert serves(lab, proxy)
    assert proxy.worker_pids() == workers


def test_it_can_write_its_own_part_and_no_other(proxy):
    pid = monitor(proxy)
    regions = sorted(place[2].split()[0] for place in shared_and_writable(pid) if "memfd:" in place[2])
    assert regions == ["/memfd:ravelin-metrics", "/memfd:ravelin-server-checks"]
    others = [m for m in memory.mappings(pid) if m[2] == "r--s" and "ravelin-" in m[3]]
    names = sorted({name.split()[0].removeprefix("/memfd:ravelin-") for *_, name in others})
    assert names == ["board", "metrics", "series", "series-list", "server-checks", "server-counts", "servers"]
    with Intruder(pid) as intruder:
        for start, end, _, name in others:
            assert intruder.error("mprotect", start, end - start, 3) == "EACCES", name
            view = intruder.call("mremap", start, 0, end - start, 1)
            assert view > 0
            assert intruder.error("mprotect", view, end - start, 3) == "EACCES", name


@pytest.mark.parametrize("pattern", LIES.values(), ids=LIES.keys())
def test_its_lies_disturb_nobody(lab, proxy, pattern):
    pid, workers = monitor(proxy), proxy.worker_pids()
    lie(pid, pattern)
    for _ in range(10):
        assert serves(lab, proxy)
    proxy.reload()
    assert serves(lab, proxy)
    assert proxy.status()["state"] == "running"
    assert proxy.worker_pids() == workers


@pytest.mark.parametrize("pattern", LIES.values(), ids=LIES.keys())
def test_its_lies_about_servers_leave_them_in_use(lab, pattern):
    servers = [lab.server(), lab.server()]
    health = block("health", "/", {"interval": "1h"})
    backend = block("backend", "web", inner=[health, *map(server_block, servers)])
    proxy = lab.proxy(backends=[backend], workers=2, workers_may_die=True, allow=[".*"])
    wait_for(lambda: all(server.requests for server in servers), "the first checks")
    pid, workers = monitor(proxy), proxy.worker_pids()
    lie(pid, pattern)
    for _ in range(10):
        assert serves(lab, proxy)
    assert len(text(proxy.command("servers").stdout).splitlines()) == 3
    proxy.reload()
    assert serves(lab, proxy)
    assert proxy.worker_pids() == workers


def test_a_socket_that_it_shuts_down_is_bound_again(proxy, address):
    former = monitor(proxy)
    with Intruder(former) as intruder:
        [fd] = intruder.descriptors(is_listening)
        assert intruder.call("shutdown", fd, 2) == 0
    proxy.wait_for_log(r"monitor: socket on 127\.0\.0\.1:\d+ did not listen any more: bound again")
    wait_for(lambda: ready(address) == 200, "an answer")
    assert monitor(proxy) == former
    with Intruder(former) as intruder:
        [fd] = intruder.descriptors(is_listening)
        assert intruder.call("shutdown", fd, 2) == 0
    proxy.wait_for_log(rf"monitor \(pid {former}\) shuts its listening sockets down: killing it")
    replaced(proxy, former)
    wait_for(lambda: ready(address) == 200, "an answer")


def test_messages_out_of_turn(lab, proxy):
    former, workers = monitor(proxy), proxy.worker_pids()
    with Intruder(former) as intruder:
        for kind in (READY, COMMITTED, FAILED):
            for generation in (0, 1, 2, (1 << 64) - 1):
                assert send(intruder, message(kind, generation, b"text")) > 0
    assert serves(lab, proxy)
    proxy.reload()
    assert (monitor(proxy), proxy.worker_pids()) == (former, workers)


def test_it_has_no_connection_of_a_client(lab, proxy):
    client = lab.client(proxy)
    assert client.ask().status == 200
    with Intruder(monitor(proxy)) as intruder:
        found = intruder.descriptors(lambda handle: handle.family == socket.AF_INET and not is_listening(handle))
        assert not found
        [fd] = intruder.descriptors(is_listening)  # that of `admin` alone
    assert fd


def test_the_control_socket_is_not_for_it(proxy):
    folder = "/run/ravelin"
    [name, *_] = os.listdir(folder)
    with Intruder(monitor(proxy)) as intruder:
        fd = intruder.call("socket", AF_UNIX, DATAGRAM, 0)
        target = struct.pack("H", AF_UNIX) + f"{folder}/{name}".encode() + b"\0"
        assert intruder.error("connect", fd, intruder.put(target), len(target)) == "EACCES"


def test_it_dies_with_the_master(proxy):
    pid = monitor(proxy)
    proxy.send_signal(signal.SIGKILL)
    proxy.wait()
    wait_for(lambda: not exists(pid), "the monitor to end")
    proxy._process = None  # there is nothing to end in peace
