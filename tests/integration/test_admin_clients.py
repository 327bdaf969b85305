"""Clients of `admin` that are slow, greedy or many."""

import contextlib
import os
import socket
import threading
import time

import pytest

from ravelin_test.admin import open_connection, ready
from ravelin_test.processes import memory_kib
from ravelin_test.proxy import block, server_block, site_block
from ravelin_test.settings import IS_ROOT, PATIENCE, SANITIZED, SCALE
from ravelin_test.waiting import wait_for
from test_monitor import monitor_pid


@pytest.fixture
def address(lab):
    return lab.port().address


def _ended(client):
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_many_idle_connections_do_not_keep_others_out(lab, address):
    lab.proxy(lab.server(), admin=[address])
    crowd = [lab.keep_client(open_connection(address)) for _ in range(200)]
    started = time.monotonic()
    assert ready(address) == 200
    assert time.monotonic() - started < PATIENCE
    assert _ended(crowd[0])  # the one that was idle longest


def test_many_slow_requests_end_in_time(lab, address):
    proxy = lab.proxy(lab.server(), admin=[address])
    pid = monitor_pid(proxy)
    crowd = [lab.keep_client(open_connection(address)) for _ in range(40)]
    for client in crowd:
        client.sendall(b"GET /ready HTTP/1.1\r\nHost:")
    descriptors = len(os.listdir(f"/proc/{pid}/fd")) if IS_ROOT else 0
    assert descriptors < 32 + 24
    wait_for(lambda: ready(address) == 200, "room for another", 4 * PATIENCE)
    assert _ended(crowd[0])
    assert lab.client(proxy).ask().status == 200


def test_a_reader_that_stops_reading_is_closed(lab, address):
    """Its responses wait in the monitor, one at a time, until its time is up."""
    proxy = lab.proxy(lab.server(), admin=[address])
    client = lab.keep_client(open_connection(address))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    client.settimeout(1)
    sent = 0
    try:
        while sent < 100 << 20:
            sent += client.send(request * 100)
    except TimeoutError:
        pass
    assert sent < 50 << 20
    if not SANITIZED:
        assert memory_kib(monitor_pid(proxy)) < 64 << 10
    assert ready(address) == 200
    client.settimeout(4 * PATIENCE)
    wait_for(lambda: _gone(client), "the connection to end", 4 * PATIENCE)


def _gone(client):
    """The other end has closed, with unread bytes: writing fails."""
    try:
        client.send(b"x")
        return False
    except (BrokenPipeError, ConnectionResetError):
        return True


def _flood(address, stopping):
    """Asks for a long page, the next one before this one has come."""
    request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with contextlib.suppress(OSError), open_connection(address) as client:
        client.sendall(10 * request)
        while not stopping.is_set():
            for _ in range(client.recv(1 << 20).count(b"HTTP/1.1 200")):
                client.sendall(request)


def test_a_flood_of_requests_does_not_hold_up_checks(lab, address):
    """Not even where an answer takes long, because there are many sites."""
    server = lab.server()
    timeout = f"{int(500 * SCALE)}ms"
    health = block("health", "/", {"interval": "100ms", "timeout": timeout})
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    sites = [site_block(f"s{number}.test", [certificate]) for number in range(600)]
    backend = block("backend", "web", {}, [server_block(server), health])
    proxy = lab.proxy(sites=sites, backends=[backend], admin=[address])
    stopping = threading.Event()
    crowd = [threading.Thread(target=_flood, args=(address, stopping)) for _ in range(30)]
    for client in crowd:
        client.start()
    try:
        before = proxy.metrics()["checks"]
        wait_for(lambda: proxy.metrics()["checks"] >= before + 20, "checks", 4 * PATIENCE)
        assert ready(address) == 200  # others have their turn, too
    finally:
        stopping.set()
        for client in crowd:
            client.join()
    assert proxy.metrics()["checks_failed"] == 0
