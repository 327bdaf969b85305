"""Checks of servers by the monitor: what a check asks and accepts, who uses its outcome, and for how long."""

import os
import signal
import socket
import threading
import time

import pytest

from ravelin_test.faulty import WAYS, FaultyServer
from ravelin_test.http import chunked, response
from ravelin_test.processes import text
from ravelin_test.proxy import block, server_block
from ravelin_test.settings import PATIENCE, SCALE
from ravelin_test.waiting import wait_for

SOON = f"{int(1000 * SCALE)}ms"  # a server that works needs less, on a loaded machine too
FAST = {"interval": "100ms", "timeout": SOON, "rise": 1, "fall": 1}
# Requests say nothing about health.
PLAIN = {"max-failures": "off", "failure-ratio": "off", "retries": 0, "connect-timeout": "500ms", "response-timeout": "500ms"}


def checked(servers, path="/healthz", health=None, options=None):
    inner = [block("health", path, {**FAST, **(health or {})}), *map(server_block, servers)]
    return block("backend", "web", {**PLAIN, **(options or {})}, inner)


def checked_proxy(lab, servers, path="/healthz", health=None, options=None, **more):
    return lab.proxy(backends=[checked(servers, path, health, options)], allow=[".*"], **more)


def states(proxy):
    lines = text(proxy.command("servers").stdout).splitlines()
    at = lines[0].index("health")
    return {line.split()[0].partition("/")[2]: line[at:] for line in lines[1:]}


def wait_for_state(proxy, server, state):
    address = getattr(server, "address", server)
    wait_for(lambda: states(proxy)[address] == state, f"{state!r}, not {states(proxy)[address]!r}")


def bodies(client, count=12):
    answers = [client.ask() for _ in range(count)]
    assert {answer.status for answer in answers} == {200}
    return {answer.body.decode() for answer in answers}


def checks_of(server):
    return [request for request in server.requests if request.target == "/healthz"]


def requests_of_clients(server):
    return [request for request in server.requests if request.target != "/healthz"]


# ---- What a check asks and accepts ----


def test_what_a_check_asks(lab):
    server = lab.server()
    checked_proxy(lab, [server], "'/healthz?full=1'", {"host": "app.example.org"})
    check = wait_for(lambda: server.requests, "a check")[0]
    assert check.start == "GET /healthz?full=1 HTTP/1.1"
    assert (check.get("Host"), check.get("Connection")) == ("app.example.org", "close")
    assert check.get("User-Agent") == "ravelin-health"


@pytest.mark.parametrize(
    "options, answer, state",
    [
        ({}, response("ok"), "up"),
        ({}, response("", "302 Found"), "up"),
        ({}, response("", "503 Service Unavailable"), "down: health: 503 instead of 200-399"),
        ({}, response("", "404 Not Found"), "down: health: 404 instead of 200-399"),
        ({"status": "404"}, response("", "404 Not Found"), "up"),
        ({"status": "{200-204, 301}"}, response("", "302 Found"), "down: health: 302 instead of 200-204, 301"),
        ({"expect": '"all good"'}, response("now all good here"), "up"),
        ({"expect": '"all good"'}, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"all good"), "up"),
        ({"expect": '"all good"'}, response("all bad"), "down: health: the response does not hold the expected text"),
        ({"expect": "good"}, response("x" * 20000 + "good"), "down: health: the response does not hold the expected text"),
        ({}, b"SSH-2.0-OpenSSH\r\n", "down: health: no HTTP response"),
        ({}, b"HTTP/1.1 2000 OK\r\n\r\n", "down: health: no HTTP response"),
        ({}, b"", "down: health: closed the connection without a response"),
    ],
)
def test_what_a_check_accepts(lab, options, answer, state):
    def script(connection):
        if connection.request():
            connection.send(answer)

    server = lab.server(script)
    proxy = checked_proxy(lab, [server], health=options)
    wait_for(lambda: len(server.requests) >= 2, "checks")
    wait_for_state(proxy, server, state)


@pytest.mark.parametrize(
    "way, state",
    [
        ("refuse", "down: connect: Connection refused"),
        ("hang", "down: health: no response within the timeout"),
        ("reset", "down: health: closed the connection without a response"),
        ("half-close", "down: health: closed the connection without a response"),
        ("garbage", "down: health: no HTTP response"),
        ("trickle", "down: health: no response within the timeout"),
    ],
)
def test_servers_that_fail_checks(lab, way, state):
    servers = [lab.keep_server(FaultyServer(name)) for name in "ab"]
    proxy = checked_proxy(lab, servers)
    client = lab.client(proxy)
    wait_for(lambda: servers[0].requests, "a check")
    servers[0].fail(way)
    wait_for_state(proxy, servers[0], state)
    assert bodies(client) == {"b"}
    address = servers[0].address
    proxy.wait_for_log(f"warning master.*: server web/{address}: {state}")
    servers[0].fail(None)
    wait_for_state(proxy, servers[0], "up")
    assert bodies(client) == {"a", "b"}
    proxy.wait_for_log(f"info master.*: server web/{address}: up again after ")
    assert proxy.log().count(f"server web/{address}: down") == 1  # once for all


def test_a_deaf_server_fails_checks(lab):
    deaf = lab.deaf_server()
    proxy = checked_proxy(lab, [deaf])
    wait_for_state(proxy, deaf, "down: connect: timeout")


@pytest.mark.parametrize("path", ["", "tcp"])
def test_a_connection_is_enough_without_a_path(lab, path):
    servers = [lab.keep_server(FaultyServer(name)) for name in "ab"]
    proxy = checked_proxy(lab, servers, path)
    wait_for(lambda: len(servers[0].connections) >= 3, "checks")
    assert servers[0].requests == []
    servers[0].fail("refuse")
    wait_for_state(proxy, servers[0], "down: connect: Connection refused")
    assert bodies(lab.client(proxy)) == {"b"}
    servers[0].fail(None)
    wait_for_state(proxy, servers[0], "up")


def test_a_unix_server(lab):
    server = lab.server(path=lab.folder / "server.sock", reply=lambda request: response(request.target))
    missing = f"unix:{lab.folder}/missing.sock"
    proxy = checked_proxy(lab, [server, missing])
    wait_for(lambda: checks_of(server), "a check")
    wait_for_state(proxy, missing, "down: connect: No such file or directory")
    assert bodies(lab.client(proxy)) == {"/"}


@pytest.mark.parametrize("version, header", [("v1", b"PROXY UNKNOWN\r\n"), ("v2", b"\r\n\r\n\0\r\nQUIT\n")])
@pytest.mark.parametrize("path", ["/healthz", ""])
def test_a_server_that_expects_a_proxy_header(lab, version, header, path):
    seen = []

    def script(connection):
        seen.append(connection.socket.recv(4096))
        connection.send(response("ok"))

    server = lab.server(script)
    proxy = checked_proxy(lab, [server], path, options={"send-proxy-protocol": version})
    wait_for(lambda: seen, "a check")
    assert seen[0].startswith(header)
    assert (b"GET /healthz" in seen[0]) == (path != "")
    wait_for_state(proxy, server, "up")


# ---- How often, and by whom ----


def test_rise_and_fall(lab):
    outcomes = []
    plan = "gbgbbgbbbgbgg"  # good and bad checks; fall = 3, rise = 2

    def reply(request):
        number = len(outcomes)
        good = number >= len(plan) or plan[number] == "g"
        outcomes.append(good)
        return response("ok", "200 OK" if good else "500 Oops")

    server = lab.server(reply=reply)
    proxy = checked_proxy(lab, [server], health={"rise": 2, "fall": 3})
    wait_for(lambda: len(outcomes) > len(plan) + 2, "checks")
    wait_for_state(proxy, server, "up")
    log = proxy.log()
    assert log.count(": down: health: 500") == 1
    assert log.count(": up again") == 1


def test_the_first_check_decides(lab):
    server = lab.keep_server(FaultyServer("a", "status"))
    proxy = checked_proxy(lab, [server], health={"interval": "1h", "fall": 3})
    wait_for_state(proxy, server, "down: health: 503 instead of 200-399")


def test_servers_are_checked_once_for_all_workers_and_not_all_at_a_time(lab):
    server = lab.server()
    proxy = checked_proxy(lab, [server], health={"interval": "200ms"}, workers=4)
    begin = time.monotonic()
    wait_for(lambda: len(server.requests) >= 10, "checks")
    assert time.monotonic() - begin >= 9 * 0.2 * 0.9 - 0.05
    assert proxy.metrics()["checks"] >= 9


def test_workers_see_it_at_once(lab):
    servers = [lab.keep_server(FaultyServer(name)) for name in "ab"]
    proxy = checked_proxy(lab, servers, workers=4)
    servers[0].fail("status")
    wait_for_state(proxy, servers[0], "down: health: 503 instead of 200-399")
    for _ in range(10):
        assert bodies(lab.client(proxy), 2) == {"b"}


def test_if_all_are_down_all_are_used(lab):
    servers = [lab.server(reply=lambda request: response("x", "503 No" if request.target == "/healthz" else "200 OK")) for _ in "ab"]
    proxy = checked_proxy(lab, servers)
    for server in servers:
        wait_for_state(proxy, server, "down: health: 503 instead of 200-399")
    assert bodies(lab.client(proxy)) == {"x"}


def test_a_backup_stands_in(lab):
    servers = [lab.keep_server(FaultyServer(name)) for name in "ab"]
    proxy = checked_proxy(lab, [servers[0], (servers[1], {"backup": "yes"})])
    client = lab.client(proxy)
    assert bodies(client) == {"a"}
    servers[0].fail("status")
    wait_for_state(proxy, servers[0], "down: health: 503 instead of 200-399")
    assert bodies(client) == {"b"}


# ---- Reloads and deaths ----


def test_a_new_server_is_tried_before_it_gets_requests(lab):
    go = threading.Event()
    old = lab.server(reply=lambda request: response("old"))
    new = lab.server(reply=lambda request: go.wait(PATIENCE) and response("new"))
    proxy = checked_proxy(lab, [old], health={"timeout": "1h"})
    wait_for(lambda: old.requests, "a check")
    proxy.configure(backends=[checked([old, new], health={"timeout": "1h"})])
    proxy.reload()
    assert states(proxy)[new.address] == "new: not checked yet"
    assert bodies(lab.client(proxy)) == {"old"}
    go.set()
    wait_for_state(proxy, new, "up")
    assert bodies(lab.client(proxy)) == {"old", "new"}


def test_a_server_keeps_its_state_across_reloads(lab):
    servers = [lab.keep_server(FaultyServer(name)) for name in "ab"]
    proxy = checked_proxy(lab, servers, workers_may_die=True)
    servers[0].fail("status")
    wait_for_state(proxy, servers[0], "down: health: 503 instead of 200-399")
    slow = {"interval": "1h"}
    proxy.configure(backends=[checked(servers[::-1], health=slow)])
    proxy.reload()
    assert states(proxy)[servers[0].address] == "down: health: 503 instead of 200-399"
    assert bodies(lab.client(proxy)) == {"b"}
    proxy.configure(backends=[block("backend", "web", {"retries": 0}, [server_block(server) for server in servers])])
    proxy.reload()  # nobody checks any more
    assert set(states(proxy).values()) == {"up"}


def monitor_pid(proxy):
    pids = [child["pid"] for child in proxy.status()["monitors"] if child["state"] == "running"]
    return pids[0] if pids else 0


def test_what_is_known_survives_the_death_of_any_process(lab):
    servers = [lab.keep_server(FaultyServer(name)) for name in "ab"]
    proxy = checked_proxy(lab, servers, health={"interval": "300ms"}, workers=2, workers_may_die=True)
    servers[0].fail("status")
    wait_for_state(proxy, servers[0], "down: health: 503 instead of 200-399")
    former = monitor_pid(proxy)
    os.kill(former, signal.SIGKILL)
    for _ in range(3):
        assert bodies(lab.client(proxy), 4) == {"b"}
    wait_for(lambda: monitor_pid(proxy) not in (0, former), "another monitor", 2 * PATIENCE)
    assert states(proxy)[servers[0].address] == "down: health: 503 instead of 200-399"
    workers = proxy.worker_pids()
    for pid in workers.values():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: all(proxy.worker_pids()[slot] not in (0, pid) for slot, pid in workers.items()), "other workers", 2 * PATIENCE)
    client = wait_for(lambda: try_client(lab, proxy), "a worker")
    assert bodies(client) == {"b"}
    servers[0].fail(None)
    wait_for_state(proxy, servers[0], "up")


def try_client(lab, proxy):
    try:
        return lab.client(proxy)
    except OSError:
        return None


def test_there_is_a_monitor_only_while_servers_are_checked(lab):
    server = lab.server()
    proxy = lab.proxy(server, workers_may_die=True)
    assert monitor_pid(proxy) == 0
    proxy.configure(backends=[checked([server])])
    proxy.reload()
    wait_for(lambda: monitor_pid(proxy) != 0, "a monitor")
    wait_for(lambda: checks_of(server), "a check")


# ---- Both kinds together ----


@pytest.mark.parametrize("way", [way for way in WAYS if way != "refuse"])
def test_checks_and_requests_together(lab, way):
    """A server that fails is noticed by either; while its checks are bad, no request tries it."""
    servers = [lab.keep_server(FaultyServer(name)) for name in "ab"]
    options = {"max-failures": 1, "retries": 3, "eject-time": "100ms", "eject-time-max": "100ms", "response-timeout": SOON}
    proxy = checked_proxy(lab, servers, options=options)
    client = lab.client(proxy)
    assert bodies(client) == {"a", "b"}
    servers[0].fail(way)
    assert bodies(client) <= {"a", "b"}
    wait_for(lambda: states(proxy)[servers[0].address].startswith("down: "), "bad checks")
    asked = len(requests_of_clients(servers[0]))
    begin = time.monotonic()
    while time.monotonic() - begin < 0.5:
        assert bodies(client, 4) == {"b"}
    assert len(requests_of_clients(servers[0])) == asked
    servers[0].fail(None)
    wait_for(lambda: client.ask().body == b"a", "its return")


@pytest.mark.parametrize("way", ["refuse", "close"])
def test_checks_end_the_time_out_of_use(lab, way):
    """A server that checks found down and up again is not kept out for the rest of `eject-time`. Without checks it is."""
    servers = [lab.keep_server(FaultyServer(name)) for name in "ab"]
    options = {"max-failures": 1, "retries": 3, "eject-time": "1h", "eject-time-max": "1h", "response-timeout": SOON}
    proxy = checked_proxy(lab, servers, options=options, workers=2)
    client = lab.client(proxy)
    wait_for_state(proxy, servers[0], "up")
    servers[0].fail(way)
    for _ in range(2):  # with new connections, both workers notice
        wait_for(lambda: bodies(lab.client(proxy), 4) == {"b"}, "another server for all requests")
    wait_for(lambda: states(proxy)[servers[0].address].startswith("down: "), "bad checks")
    servers[0].fail(None)
    wait_for_state(proxy, servers[0], "up")
    wait_for(lambda: client.ask().body == b"a", "its return")


def test_a_hostile_server_gets_no_more_of_the_monitor(lab):
    """Endless headers, a byte at a time, and a close in the middle: each check ends in time and in bounds."""
    def script(connection):
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.send(b"X-More: " + b"x" * 60000 + b"\r\n")

    servers = [lab.server(script, keep=False), lab.server()]
    proxy = checked_proxy(lab, servers, health={"expect": "never"})
    wait_for_state(proxy, servers[0], "down: health: the response does not hold the expected text")
    checks = proxy.metrics()["checks"]
    wait_for(lambda: proxy.metrics()["checks"] >= checks + 10, "more checks")


def test_more_servers_than_may_be_checked_at_a_time(lab):
    server = lab.server()
    listeners = []
    for _ in range(300):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)
    try:
        addresses = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in listeners]
        proxy = checked_proxy(lab, [server, *addresses], health={"timeout": "300ms", "interval": "300ms"})
        wait_for(lambda: sum(state.startswith("down: health: no response") for state in states(proxy).values()) == 300, "all to be checked")
        assert states(proxy)[server.address] == "up"
        assert bodies(lab.client(proxy)) == {"ok"}
    finally:
        for listener in listeners:
            listener.close()
