"""What a monitor that was taken over can do to the rest: each line of the threat model in proxy/README.md about such a
monitor has its test here. It acts inside a real monitor, under its filter."""

import contextlib
import os
import signal
import socket
import struct

import pytest
from test_taken_over_worker import AF_INET, AF_UNIX, COMMITTED, DATAGRAM, FAILED, FATAL, LIES, NAMES, RAW, READY, SEQPACKET, is_listening, lie, message, send

from ravelin_test import memory
from ravelin_test.admin import ready
from ravelin_test.dns import zone
from ravelin_test.intruder import Intruder, Killed, needs_intruder, shared_and_writable, write
from ravelin_test.processes import exists, text
from ravelin_test.proxy import backend_block, block, server_block, site_block
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
    "a netlink socket": ("socket", 16, 3, 0),
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


# ---- Names of servers ----


@pytest.fixture
def named(lab):
    """A proxy whose servers are names, its server, and its DNS server."""
    server = lab.server()
    dns = lab.scripted_dns(zone({"app.test": ["127.0.0.1"]}))
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    proxy = lab.proxy(
        sites=[site_block("localhost", [certificate], ["127.0.0.1"], {"/": "web", "/other": "other"})],
        top={"resolver": f'"{dns.address}"', "resolve-min": "1h", "resolve-max": "1h"},
        backends=[backend_block("web", [(f"app.test:{server.port}", {"addresses": 4})]), backend_block("other", [server])],
        workers=2,
        workers_may_die=True,
        allow=[".*"],
    )
    assert serves(lab, proxy)
    return proxy


def answers_of(pid):
    [(start, end)] = [(s, e) for s, e, name in shared_and_writable(pid) if "ravelin-answers" in name]
    return start, end - start


def addresses(proxy):
    return [line.split()[0] for line in text(proxy.command("servers").stdout).splitlines()[1:]]


@pytest.mark.parametrize("pattern", LIES.values(), ids=LIES.keys())
def test_its_lies_about_names_break_nothing(lab, named, pattern):
    """At most they name wrong addresses, as many as the name may have."""
    pid, workers = monitor(named), named.worker_pids()
    start, size = answers_of(pid)
    for offset in range(64, 128, 4):  # each of which may begin a version that is news
        write(pid, start + 64, (pattern * size)[: size - 64])
        write(pid, start + 64, struct.pack("I", offset))
        with Intruder(pid) as intruder:
            assert send(intruder, message(NAMES, 0)) > 0
        listed = addresses(named)
        assert len([name for name in listed if name.startswith("web/")]) <= 4
        assert listed[-1].startswith("other/")
        assert lab.client(named).ask("/other").status == 200  # nothing is sent to the wrong addresses
    named.reload()
    assert named.worker_pids() == workers
    os.kill(pid, signal.SIGKILL)
    replaced(named, pid)
    wait_for(lambda: serves(lab, named), "the true address")


def test_it_cannot_send_requests_round_in_circles(lab, named):
    pid = monitor(named)
    start, _ = answers_of(pid)
    server = struct.pack("4s12x", socket.inet_aton("127.0.0.1"))
    record = server + struct.pack("IIHBB", 0, 1, named.port, 0, 0)
    write(pid, start + 64, struct.pack("IIIII", 1000, 1, 1, 1, 1) + record)
    with Intruder(pid) as intruder:
        assert send(intruder, message(NAMES, 0)) > 0
    named.wait_for_log("1 addresses are not used; 127.0.0.1:[0-9]+ is .* one that Ravelin listens on")
    assert lab.client(named).ask().status == 503


def test_a_flood_of_news_ends_it(lab, named):
    pid = monitor(named)
    try:
        with Intruder(pid) as intruder:
            for _ in range(2000):
                send(intruder, message(NAMES, 0))
    except Killed:
        pass
    named.wait_for_log("monitor .* sends too many messages")
    replaced(named, pid)
    assert serves(lab, named)


def test_a_worker_has_no_say_about_names(named):
    pid = named.worker_pids()[0]
    assert not [name for *_, name in shared_and_writable(pid) if "answers" in name]
    try:
        with Intruder(pid) as worker:
            send(worker, message(NAMES, 0))
    except Killed:
        pass
    named.wait_for_log(r"worker 0 \(pid [0-9]+\) sent nonsense: killing it")


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
            for generation in (1 if kind == FAILED else 0, 1, 2, (1 << 64) - 1):
                assert send(intruder, message(kind, generation, b"text")) > 0
    assert serves(lab, proxy)
    proxy.reload()
    assert (monitor(proxy), proxy.worker_pids()) == (former, workers)
    with contextlib.suppress(Killed), Intruder(former) as intruder:  # that the socket to a signer did not arrive
        send(intruder, message(FAILED, 0, b"text"))
    proxy.wait_for_log(rf"monitor \(pid {former}\) sent nonsense: killing it")


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
