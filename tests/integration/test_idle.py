"""Many connections that are idle: what each costs in memory, that nothing is left of them, and how they end."""

import resource

import pytest

from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.clock import Clock
from ravelin_test.processes import children_of, memory_kib
from ravelin_test.settings import PATIENCE, SANITIZED, scaled
from ravelin_test.waiting import wait_for

LONG_TIMES = {f"{name}-timeout": "10m" for name in ("handshake", "header", "idle")}


@pytest.fixture
def many_descriptors():
    """For clients that live in this process."""
    former = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (former[1], former[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, former)


def private_memory_kib(proxy):
    """Of all its processes: what is on no disk, so also receive rings, which are shared mappings."""
    pids = [proxy.pid, *children_of(proxy.pid)]
    return sum(memory_kib(pid, field) for pid in pids for field in ("RssAnon", "RssShmem"))


def connect(lab, proxy, count):
    """Every other one has asked for something, the others have done no more than the handshake."""
    clients = [lab.client(proxy) for _ in range(count)]
    for client in clients[::2]:
        assert client.ask().status == 200
    return clients


@pytest.mark.skipif(SANITIZED, reason="the sanitizers' own memory is in the way")
def test_the_memory_of_idle_connections(lab, many_descriptors):
    """Less than 1 KiB each, and all of it goes back when they have gone, though others stay."""
    proxy = lab.proxy(lab.server(), limits=LONG_TIMES)
    stay = connect(lab, proxy, 250)
    before = private_memory_kib(proxy)
    clients = connect(lab, proxy, 1250)
    proxy.wait_for_metrics(sessions_open=1500, handshakes_open=0, receive_buffers=0, send_buffers=0)
    grown = private_memory_kib(proxy) - before
    assert grown / len(clients) < 1.0
    stay += clients[::100]
    for client in set(clients) - set(stay):
        client.close()
    proxy.wait_for_metrics(sessions_open=len(stay))
    for client in stay[::2]:
        assert client.ask().status == 200
    for client in stay:
        client.close()
    proxy.wait_for_metrics(sessions_open=0)
    wait_for(lambda: private_memory_kib(proxy) < before + grown / 10, "the memory to go back", 2 * PATIENCE)


@pytest.mark.skipif(SANITIZED, reason="sanitizers take no other clock")
def test_many_that_are_due_at_once_all_end_in_order(lab):
    """More than the worker looks at in one turn. Whoever comes meanwhile is served."""
    clock = Clock(lab.subfolder("clock"))
    proxy = lab.proxy(lab.server(), limits=LONG_TIMES, environment=clock.environment)
    clients = connect(lab, proxy, scaled(200))
    clock.advance(601)
    assert lab.client(proxy).ask().status == 200
    assert [client.read_end() for client in clients] == [CLOSE_NOTIFY] * len(clients)
    proxy.wait_for_metrics(sessions_open=1)


def test_a_drain_ends_all_that_are_idle(lab):
    """More than in one turn here too; the one that is in the middle of something is not disturbed."""
    proxy = lab.proxy(lab.server(), limits=LONG_TIMES)
    clients = connect(lab, proxy, scaled(200))
    asking = lab.client(proxy)
    asking.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n12")
    wait_for(lambda: proxy.metrics()["requests"] == len(clients[::2]) + 1, "the request to have begun")
    proxy.command("drain")
    assert [client.read_end() for client in clients] == [CLOSE_NOTIFY] * len(clients)
    asking.send(b"34")
    assert asking.response().status == 200
    assert asking.read_end() == CLOSE_NOTIFY
    assert proxy.wait() == 0
