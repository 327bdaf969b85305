"""Servers that fail: who is still asked, for how long, and how a server comes back."""

import os
import signal
import threading
import time

import pytest

from ravelin_test.faulty import WAYS, FaultyServer
from ravelin_test.http import chunked, request
from ravelin_test.processes import text
from ravelin_test.proxy import backend_block, site_block
from ravelin_test.waiting import wait_for

NAMES = ["a", "b", "c", "d"]
FAST = {"retries": 3, "eject-time": "300ms", "eject-time-max": "1s"}
# A server that works needs less. One that hangs is left alone for about as long as a try of it takes.
HANGS = {"response-timeout": "1s", "eject-time": "600ms", "eject-time-max": "2s"}


def fast(way):
    """Only a server that hangs needs a time-out: on a loaded machine a short one could end what works."""
    return {**FAST, **(HANGS if way == "hang" else {})}


def servers_of(lab, *ways):
    return [lab.keep_server(FaultyServer(name, way)) for name, way in zip(NAMES, ways)]


def bodies(client, count, **options):
    answers = [client.ask(**options) for _ in range(count)]
    assert {answer.status for answer in answers} == {200}
    return {answer.body.decode() for answer in answers}


def health(proxy):
    """By address."""
    lines = text(proxy.command("servers").stdout).splitlines()
    at = lines[0].index("health")
    return {line.split()[0].partition("/")[2]: line[at:] for line in lines[1:]}


def wait_until_all_serve(client, names=NAMES):
    seen = set()

    def look():
        answer = client.ask()
        assert answer.status == 200
        seen.add(answer.body.decode())
        return seen == set(names)

    wait_for(look, f"all of {names} to serve")


# ---- Every way to fail ----


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_no_request_fails_while_a_server_works(lab, way, count):
    servers = servers_of(lab, None, None, None, None)
    proxy = lab.proxy(*servers, backend=fast(way), workers=2)
    client = lab.client(proxy)
    assert bodies(client, 12) == set(NAMES)
    for server in servers[:count]:
        server.fail(way)
    assert bodies(client, 40) <= set(NAMES[count:])
    for server in servers[:count]:
        proxy.wait_for_log(f"warning master.*: server web/{server.address}: out of use: ")
    asked = len(servers[0].requests)
    assert bodies(client, 40) <= set(NAMES[count:])
    assert len(servers[0].requests) - asked <= 10  # one try at a time, and each time out is longer
    for server in servers[:count]:
        server.fail(None)
    wait_until_all_serve(client)
    for server in servers[:count]:
        proxy.wait_for_log(f"info master.*: server web/{server.address}: in use again after ")


@pytest.mark.parametrize("way", WAYS)
def test_all_servers_fail_and_return(lab, way):
    servers = servers_of(lab, *[way] * 4)
    proxy = lab.proxy(*servers, backend={**fast(way), "retries": 1}, allow=[".*"])
    client = lab.client(proxy)
    statuses = {client.ask().status for _ in range(8)}
    assert statuses == {504 if way == "hang" else 502}
    wait_for(lambda: all("out" in line for line in health(proxy).values()), "all to be out of use")
    assert all("but used (none is up)" in line for line in health(proxy).values())
    servers[2].fail(None)
    wait_for(lambda: client.ask().body == b"c", "the one that works")
    assert bodies(client, 12) == {"c"}
    for server in servers:
        server.fail(None)
    wait_until_all_serve(client)


@pytest.mark.parametrize("way", [way for way in WAYS if way != "refuse"])
def test_failures_that_are_not_repeated_take_a_server_out_of_use(lab, way):
    servers = servers_of(lab, way, None)
    proxy = lab.proxy(*servers, backend={**fast(way), "eject-time": "1m", "eject-time-max": "1m"}, allow=[".*"])
    client = lab.client(proxy)
    statuses = [client.ask(method="POST", body=b"pay").status for _ in range(20)]
    assert statuses.count(504 if way == "hang" else 502) == 3
    assert statuses.count(200) == 17
    assert statuses[-10:] == [200] * 10


def test_a_server_that_hangs_is_asked_elsewhere(lab):
    servers = servers_of(lab, "hang", None)
    proxy = lab.proxy(*servers, backend={**fast("hang"), "eject-time": "1m", "eject-time-max": "1m"})
    client = lab.client(proxy)
    assert bodies(client, 20) == {"b"}
    assert len(servers[0].requests) == 3
    assert health(proxy)[servers[0].address] == "out: response timeout"


def test_a_response_that_is_broken_off_counts(lab):
    servers = servers_of(lab, "break", None)
    proxy = lab.proxy(*servers, backend={**FAST, "max-failures": 1, "eject-time": "1m", "eject-time-max": "1m"}, allow=[".*"])
    broken = lab.client(proxy)
    broken.send(request("/"))
    assert broken.reader.rest().endswith(b"x" * 100)
    assert bodies(lab.client(proxy), 6) == {"b"}
    assert health(proxy)[servers[0].address] == "out: broke off a response"


@pytest.mark.parametrize("option, out", [("no", False), ("yes", True), ("{500, 502-504}", True), ("{500-502}", False)])
def test_statuses_count_if_they_are_to(lab, option, out):
    servers = servers_of(lab, "status", None)
    proxy = lab.proxy(*servers, backend={**FAST, "fail-on-status": option, "eject-time": "1m", "eject-time-max": "1m"})
    client = lab.client(proxy)
    statuses = [client.ask(method="POST", body=b"x").status for _ in range(20)]
    assert statuses.count(503) == (3 if out else 10)
    assert health(proxy)[servers[0].address] == ("out: status 503" if out else "up")


def test_another_server_is_asked_in_place_of_a_status(lab):
    """While one works. A POST is not repeated, and the last response is passed on."""
    servers = servers_of(lab, "status", "status", None, None)
    options = {**FAST, "fail-on-status": "yes", "max-failures": "off", "failure-ratio": "off", "retry-budget": "100%"}
    proxy = lab.proxy(*servers, backend=options)
    client = lab.client(proxy)
    assert bodies(client, 20) == {"c", "d"}
    statuses = [client.ask(method="POST", body=b"x").status for _ in range(8)]
    assert (statuses.count(503), statuses.count(200)) == (4, 4)
    for server in servers:
        server.fail("status")
    asked = sum(len(server.requests) for server in servers)
    answer = client.ask()
    assert (answer.status, answer.body in (b"a", b"b", b"c", b"d")) == (503, True)
    assert sum(len(server.requests) for server in servers) == asked + 4
    assert proxy.metrics()["retries_refused"] == 0


def test_a_ratio_of_failures_takes_a_server_out_of_use(lab):
    servers = servers_of(lab, None, None)
    proxy = lab.proxy(*servers, backend={**FAST, "failure-ratio": "40%", "eject-time": "1m", "eject-time-max": "1m"}, allow=[".*"])
    client = lab.client(proxy)
    for number in range(60):
        servers[0].fail("garbage" if number % 4 < 2 else None)
        client.ask(method="POST", body=b"x")
    assert health(proxy)[servers[0].address] == "out: malformed response"
    assert 20 <= len(servers[0].requests) <= 24


@pytest.mark.parametrize("ways", [("reset",), ("refuse",), ("garbage", "garbage")])
def test_failures_can_be_left_uncounted(lab, ways):
    servers = servers_of(lab, *ways, None)
    options = {**FAST, "max-failures": "off", "failure-ratio": "off"}
    proxy = lab.proxy(*servers, backend=options, allow=[".*"])
    for _ in range(10):
        assert lab.client(proxy).ask(method="POST", body=b"x").status in (200, 502)
    assert set(health(proxy).values()) == {"up"}


# ---- What does not count ----


def test_clients_that_leave_or_err_do_not_count(lab):
    servers = servers_of(lab, "hang", None)
    proxy = lab.proxy(*servers, backend={**FAST, "response-timeout": "1m", "max-failures": 1})
    for number in range(8):
        client = lab.client(proxy)
        client.send(request("/"))
        wait_for(lambda: sum(len(server.requests) for server in servers) > number, "the request")
        client.reset()
    for _ in range(8):
        client = lab.client(proxy)
        client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        assert client.response().status == 400
    proxy.wait_for_metrics(sessions_open=0)
    assert set(health(proxy).values()) == {"up"}


# ---- The return ----


def test_one_request_at_a_time_tries_a_server(lab):
    servers = servers_of(lab, "hang", None)
    proxy = lab.proxy(*servers, backend={**FAST, "max-failures": 1, "response-timeout": "2s", "eject-time": "200ms"}, workers=2)
    assert bodies(lab.client(proxy), 2) == {"b"}
    asked = len(servers[0].requests)
    open_at_once = []
    done = threading.Event()

    def ask():
        with lab.client(proxy) as client:
            while not done.is_set():
                assert client.ask().status == 200
                open_at_once.append(len(servers[0].requests) - asked)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    wait_for(lambda: len(servers[0].requests) > asked, "a try")
    time.sleep(1)
    # The second worker needs a failure of its own before it has the server out of use.
    assert max(open_at_once) <= 8 + 2
    done.set()
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin < 60


def test_a_request_that_cannot_be_repeated_does_not_try_a_server_at_once(lab):
    servers = servers_of(lab, "hang", None)
    options = {**FAST, "max-failures": 1, **HANGS, "eject-time": "100ms", "eject-time-max": "100ms"}
    proxy = lab.proxy(*servers, backend=options)
    client = lab.client(proxy)
    assert bodies(client, 2) == {"b"}
    begin = time.monotonic()
    while time.monotonic() - begin < 0.5:
        assert client.ask(method="POST", body=b"x").body == b"b"
    servers[0].fail(None)
    wait_for(lambda: client.ask(method="POST", body=b"x").body == b"a", "a POST to try it at last")


def test_a_refusing_server_is_tried_by_connections_only(lab):
    servers = servers_of(lab, "refuse", None)
    proxy = lab.proxy(*servers, backend={**FAST, "response-timeout": "10s", "eject-time": "100ms", "eject-time-max": "200ms"})
    client = lab.client(proxy)
    assert bodies(client, 20) == {"b"}
    failures = proxy.metrics()["server_failures"]
    begin = time.monotonic()
    while time.monotonic() - begin < 1.5:
        assert bodies(client, 4) == {"b"}
    assert proxy.metrics()["server_failures"] == failures  # no request met it
    servers[0].fail(None)
    wait_for(lambda: servers[0].connections, "a connection without a request")
    wait_until_all_serve(client, ["a", "b"])


def test_a_server_that_fails_in_one_way_after_another_returns(lab):
    """Out of use for one reason, it fails a try for another reason, such as a connection that is refused."""
    servers = servers_of(lab, "close", None)
    proxy = lab.proxy(*servers, backend={**FAST, "response-timeout": "10s", "eject-time": "100ms", "eject-time-max": "200ms"})
    client = lab.client(proxy)
    assert bodies(client, 10) == {"b"}
    wait_for(lambda: "out" in health(proxy)[servers[0].address], "the server to go out of use")
    servers[0].fail("refuse")
    wait_for(lambda: bodies(client, 1) == {"b"} and "refused" in health(proxy)[servers[0].address], "a try that is refused")
    servers[0].fail(None)
    wait_until_all_serve(client, ["a", "b"])


def test_a_deaf_server_delays_one_request(lab):
    [good] = servers_of(lab, None)
    proxy = lab.proxy(lab.deaf_server(), good, backend={**FAST, "connect-timeout": "1s"})
    client = lab.client(proxy)
    begin = time.monotonic()
    assert bodies(client, 2) == {"a"}
    begin = time.monotonic()
    for _ in range(100):
        assert client.ask().status == 200
    assert proxy.metrics()["server_retries"] == 1
    assert time.monotonic() - begin < 60


def test_slow_start(lab):
    servers = servers_of(lab, "refuse", None)
    proxy = lab.proxy(*servers, backend={**FAST, "slow-start": "30s", "eject-time": "100ms"})
    client = lab.client(proxy)
    assert bodies(client, 2) == {"b"}
    servers[0].fail(None)
    wait_for(lambda: health(proxy)[servers[0].address] == "up (slow start)", "its return")
    answers = [client.ask().body for _ in range(50)]
    assert answers.count(b"a") < 20  # it would be 25 without


def test_a_server_that_speaks_proxy_is_tried_with_a_header(lab):
    headers = []

    def script(connection):
        headers.append(connection.socket.recv(4096))

    server = FaultyServer("a", "refuse")
    lab.keep_server(server)
    proxy = lab.proxy(server, backend={**FAST, "send-proxy-protocol": "v1", "eject-time": "100ms"}, allow=[".*"])
    assert lab.client(proxy).ask().status == 502
    server.script = script
    server.fail(None)
    wait_for(lambda: headers == [b"PROXY UNKNOWN\r\n"], "the header")


# ---- Retries ----


def test_a_bad_day_is_no_storm(lab):
    servers = servers_of(lab, "reset", "reset", "reset", "reset")
    options = {**FAST, "retries": 5, "max-failures": "off", "failure-ratio": "off"}
    proxy = lab.proxy(*servers, backend=options, allow=[".*"])
    client = lab.client(proxy)
    begin = time.monotonic()
    assert {client.ask().status for _ in range(200)} == {502}
    asked = sum(len(server.requests) for server in servers)
    free = 10 + 2 * (time.monotonic() - begin) + 1
    assert 200 + 40 <= asked <= 200 + 40 + free
    assert proxy.metrics()["retries_refused"] > 0


def test_a_quiet_backend_can_retry(lab):
    servers = servers_of(lab, "close", None)
    options = {**FAST, "max-failures": "off", "failure-ratio": "off", "retry-budget": "0%"}
    proxy = lab.proxy(*servers, backend=options)
    assert bodies(lab.client(proxy), 10) == {"b"}


def test_each_server_is_asked_once_for_a_request(lab):
    servers = servers_of(lab, "close", "reset", "garbage", None)
    options = {**FAST, "retries": 10, "max-failures": "off", "failure-ratio": "off", "retry-budget": "100%"}
    proxy = lab.proxy(*servers, backend=options)
    client = lab.client(proxy)
    for number in range(1, 9):
        assert client.ask().body == b"d"
        assert all(len(server.requests) <= number for server in servers)


@pytest.mark.parametrize("size", [10, 4096, 4097])
@pytest.mark.parametrize("chunks", [False, True])
def test_a_body_is_kept_to_be_sent_again(lab, size, chunks):
    servers = servers_of(lab, "reset", None)
    options = {**FAST, "max-failures": "off", "failure-ratio": "off", "retry-body": "4k"}
    proxy = lab.proxy(*servers, backend=options, allow=[".*"])
    client = lab.client(proxy)
    body = bytes(range(256)) * 17
    sent = {"fields": ["Transfer-Encoding: chunked"]} if chunks else {"body": body[:size]}
    statuses = []
    for _ in range(4):
        client.send(request("/", "PUT", **sent) + (chunked(body[:7], body[7:size]) if chunks else b""))
        statuses.append(client.response("PUT").status)
    assert statuses.count(502) == (2 if size > 4096 else 0)
    assert all(message.body == body[:size] for message in servers[1].requests)
    assert len(servers[1].requests) == statuses.count(200)
    client.send(request("/", "POST", body=b"x") + request("/", "POST", body=b"x"))
    assert sorted([client.response("POST").status, client.response("POST").status]) == [200, 502]


# ---- Time-outs ----


def route_site(lab, options):
    certificates = [lab.authority.certificate("localhost", "127.0.0.1")]
    site = site_block("localhost", certificates, ["127.0.0.1"], {"/": "web", "/own/": "web"})
    return site.replace('route "/own/" {', 'route "/own/" { ' + " ".join(f"{name} = {value}" for name, value in options.items()))


@pytest.mark.parametrize(
    "way, option, ended",
    [("hang", "response-timeout", "response timeout"), ("hang", "request-timeout", "request timeout"), ("trickle", "request-timeout", "request timeout")],
)
def test_a_route_has_times_of_its_own(lab, way, option, ended):
    [server] = servers_of(lab, way)
    options = {"response-timeout": "1m", "retries": 0}
    proxy = lab.proxy(sites=[route_site(lab, {option: "300ms"})], backends=[backend_block("web", [server], options)])
    begin = time.monotonic()
    assert lab.client(proxy).ask("/own/").status == 504
    assert time.monotonic() - begin < 30
    assert proxy.access_log(1)[0]["ended"] == ended
    server.fail(None)
    assert lab.client(proxy).ask("/").status == 200


def test_a_route_has_a_connect_timeout_of_its_own(lab):
    site = route_site(lab, {"connect-timeout": "300ms"})
    backend = backend_block("web", [lab.deaf_server()], {"connect-timeout": "1m", "retries": 0})
    proxy = lab.proxy(sites=[site], backends=[backend])
    assert lab.client(proxy).ask("/own/").status == 504
    assert proxy.access_log(1)[0]["ended"] == "connect timeout"


def test_a_request_timeout_ends_all_tries(lab):
    servers = servers_of(lab, "hang", "hang", "hang", "hang")
    options = {**FAST, "retries": 10, "response-timeout": "1s", "request-timeout": "1500ms"}
    proxy = lab.proxy(*servers, backend=options)
    assert lab.client(proxy).ask().status == 504
    assert sum(len(server.requests) for server in servers) == 2
    line = proxy.access_log(1)[0]
    assert line["ended"] == "request timeout"
    assert line["duration_us"] >= 1_500_000


def test_a_response_that_comes_too_slowly_is_cut(lab):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            connection.send(b"x")
            time.sleep(0.05)

    proxy = lab.proxy(lab.server(script), backend={"request-timeout": "400ms"})
    client = lab.client(proxy)
    client.send(request("/"))
    assert len(client.reader.rest()) < 1200
    assert proxy.access_log(1)[0]["ended"] == "request timeout"


def test_a_client_that_sends_too_slowly_is_not_the_servers_fault(lab):
    def script(connection):
        connection.head()
        while connection.socket.recv(4096):
            pass

    proxy = lab.proxy(lab.server(script), backend={"request-timeout": "300ms", "max-failures": 1})
    client = lab.client(proxy)
    client.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nx")
    assert client.response().status == 408
    assert set(health(proxy).values()) == {"up"}


# ---- Reloads and deaths ----


def test_what_is_known_stays_across_reloads(lab):
    servers = servers_of(lab, "hang", "refuse", None)
    options = {**fast("hang"), "max-failures": 1, "eject-time": "1m", "eject-time-max": "1m"}
    proxy = lab.proxy(*servers, backend=options)
    client = lab.client(proxy)
    assert bodies(client, 6) == {"c"}
    asked = len(servers[0].requests)
    proxy.configure(backends=[backend_block("web", servers[::-1], options)])
    proxy.reload()
    assert bodies(client, 12) == {"c"}
    assert len(servers[0].requests) == asked
    assert [line.startswith("out") for line in health(proxy).values()] == [False, True, True]
    proxy.configure(backends=[backend_block("web", servers[2:], options)])
    proxy.reload()
    proxy.configure(backends=[backend_block("web", servers, options)])
    proxy.reload()
    assert set(health(proxy).values()) == {"up"}  # they left the file, and are new


def test_what_a_dead_worker_knew_is_forgotten(lab):
    """It may have lied."""
    servers = servers_of(lab, "refuse", None)
    options = {**FAST, "eject-time": "1m", "eject-time-max": "1m"}
    proxy = lab.proxy(*servers, backend=options, workers_may_die=True, allow=[".*"])
    assert bodies(lab.client(proxy), 4) == {"b"}
    assert [line.startswith("out") for line in health(proxy).values()] == [True, False]
    former = proxy.worker_pids()[0]
    os.kill(former, signal.SIGKILL)
    wait_for(lambda: proxy.worker_pids().get(0, 0) not in (0, former), "another worker")
    wait_for(lambda: set(health(proxy).values()) == {"up"}, "both servers to be up")


def test_connections_are_tried_on_after_a_reload(lab):
    servers = servers_of(lab, "refuse", None)
    proxy = lab.proxy(*servers, backend={**FAST, "eject-time": "500ms"})
    client = lab.client(proxy)
    assert bodies(client, 4) == {"b"}
    proxy.reload()
    servers[0].fail(None)
    wait_until_all_serve(client, ["a", "b"])
