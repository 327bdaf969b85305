"""Limits on what a client may ask for: below, at and above each, and that nobody else is disturbed."""

import contextlib
import time

import pytest

from ravelin_test.client import CLOSE_NOTIFY, CUT, RESET
from ravelin_test.http import Truncated, chunked, request, response
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for
from test_forwarding import route_proxy

CHUNKED = ["Transfer-Encoding: chunked"]


def post(size, framing, target="/"):
    body = b"b" * size
    if framing == "length":
        return request(target, "POST", body=body)
    half = size // 2
    return request(target, "POST", fields=CHUNKED) + chunked(body[:half], body[half:])


def bears_cut_requests(connection):
    """Answers whole requests. The proxy cuts those that it refuses in their middle."""
    try:
        while connection.request():
            connection.send(response("ok"))
    except Truncated:
        pass


# ---- Bodies ----


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_the_size_of_bodies(lab, framing):
    server = lab.server(bears_cut_requests)
    proxy = lab.proxy(server, limits={"body-size": "100k"})
    client = lab.client(proxy)
    for size in [1024, 100 * 1024]:
        client.send(post(size, framing))
        assert client.response().status == 200
        assert len(server.requests[-1].body) == size
    client.send_while_receiving(post(100 * 1024 + 1, framing))
    answer = client.response("POST")
    assert answer.status == 413
    assert answer.get("Connection") == "close"
    assert client.read_end() == CLOSE_NOTIFY
    assert len([asked for asked in server.requests if len(asked.body) > 100 * 1024]) == 0
    assert lab.client(proxy).ask().status == 200
    lines = [line for line in proxy.access_log(4) if line["status"] == 413]
    assert [line["ended"] for line in lines] == ["the request body is larger than body-size"]


def test_a_route_has_a_size_of_its_own(lab):
    server = lab.server()
    routes = [
        ("/", {"backend": "web"}, []),
        ("/large/", {"backend": "web", "body-size": "200k"}, []),
        ("/small/", {"backend": "web", "body-size": "10"}, []),
    ]
    proxy = route_proxy(lab, server, *routes, limits={"body-size": "100k"})
    for target, size, status in [
        ("/large/", 200 * 1024, 200),
        ("/large/", 200 * 1024 + 1, 413),
        ("/small/", 10, 200),
        ("/small/", 11, 413),
        ("/", 100 * 1024 + 1, 413),
    ]:
        client = lab.client(proxy)
        client.send_while_receiving(post(size, "length", target))
        assert client.response("POST").status == status


def test_the_body_is_refused_before_it_is_sent(lab):
    """A client that asks first need not send it."""
    server = lab.server()
    client = lab.client(lab.proxy(server, limits={"body-size": "1k"}))
    client.send(request("/", "POST", fields=["Content-Length: 1025", "Expect: 100-continue"]))
    answer = client.response("POST")
    assert (answer.status, answer.interim) == (413, [])
    assert server.requests == []


# ---- Targets, requests per connection ----


def test_the_length_of_targets(lab):
    server = lab.server()
    proxy = lab.proxy(server, limits={"target-size": "200"})
    client = lab.client(proxy)
    for size, status in [(199, 200), (200, 200), (201, 414), (5000, 414), (1, 200)]:
        assert client.ask("/" + "t" * (size - 1)).status == status
    assert [len(asked.target) for asked in server.requests] == [199, 200, 1]


def test_requests_of_one_connection(lab):
    proxy = lab.proxy(lab.server(), limits={"requests-per-connection": 3})
    client = lab.client(proxy)
    assert [client.ask().get("Connection") for _ in range(3)] == [None, None, "close"]
    assert client.read_end() == CLOSE_NOTIFY
    pipelining = lab.client(proxy)
    pipelining.send(request("/") * 5)
    for _ in range(3):
        assert pipelining.response().status == 200
    assert pipelining.read_end() in (CLOSE_NOTIFY, RESET)
    assert len(proxy.access_log(6)) == 6
    assert lab.client(proxy).ask().status == 200


# ---- How often ----


def test_requests_a_second(lab):
    server = lab.server()
    routes = [("/", {"backend": "web"}, []), ("/limited", {"backend": "web", "rate": 1, "burst": 4}, [])]
    proxy = route_proxy(lab, server, *routes, workers=2)
    statuses = [lab.client(proxy).ask("/limited").status for _ in range(4)]  # whichever worker it comes to
    assert statuses == [200] * 4
    client = lab.client(proxy)
    answer = client.ask("/limited")
    assert answer.status == 429
    assert answer.get("Retry-After") == "1"
    assert client.ask("/").status == 200
    assert lab.client(proxy, source="127.0.0.2").ask("/limited").status == 200
    proxy.reload()
    assert client.ask("/limited").status == 429  # a reload fills nobody's bucket
    wait_for(lambda: client.ask("/limited").status == 200, "the bucket to fill")


def test_a_client_behind_a_trusted_proxy_has_its_own_rate(lab):
    route = ("/", {"backend": "web", "rate": 1, "burst": 1}, [])
    client = lab.client(route_proxy(lab, lab.server(), route, top={"trusted-proxies": "127.0.0.1"}))
    statuses = [client.ask(fields=[f"X-Forwarded-For: 192.0.2.{number}"]).status for number in (1, 2, 1, 3)]
    assert statuses == [200, 200, 429, 200]


# ---- How slowly ----


def test_a_body_that_trickles_in(lab):
    """A byte now and then is not idle, and yet is refused after a while."""
    proxy = lab.proxy(lab.server(bears_cut_requests), limits={"idle-timeout": "1s", "body-rate": "10k"})
    client = lab.client(proxy)
    client.send(request("/", "POST", fields=["Content-Length: 1000000"]))
    client.socket.settimeout(0.05)

    def answered():
        try:
            client.send(b"x")
            return client.reader.more()
        except TimeoutError:
            return False

    wait_for(answered, "an answer")
    client.socket.settimeout(client.timeout)
    assert client.response("POST").status == 408
    assert proxy.access_log(1)[0]["ended"] == "the request body came too slowly"


def test_a_body_that_comes_fast_enough(lab):
    """Ten times the least rate, for longer than the idle time-out."""
    server = lab.server()
    client = lab.client(lab.proxy(server, limits={"idle-timeout": "500ms", "body-rate": "1k"}))
    pieces = 15
    client.send(request("/", "POST", fields=[f"Content-Length: {pieces * 10_000}"]))
    for _ in range(pieces):
        client.send(b"x" * 10_000)
        time.sleep(0.05)  # the pace of the client, not a wait for anything
    assert client.response().status == 200
    assert len(server.requests[0].body) == pieces * 10_000


def test_a_response_that_is_taken_slowly(lab):
    """Never idle, for it takes some 400 KB a second; but that is less than the least rate."""
    body = b"x" * 30_000_000
    proxy = lab.proxy(lab.server(reply=lambda _: response(body)), limits={"idle-timeout": "1s", "body-rate": "1m"})
    client = lab.client(proxy)
    client.send(request("/"))

    def read_a_little():
        client.socket.recv(20_000)
        time.sleep(0.05)  # the pace of the client
        return proxy.access_lines()

    wait_for(read_a_little, "the end of the exchange", 4 * PATIENCE)
    line = proxy.access_log(1)[0]
    assert line["ended"] == "the client read the response too slowly"
    assert line["response_bytes"] < len(body)


def test_a_client_that_takes_a_response_steadily_is_not_idle(lab):
    """The kernel holds megabytes, so that for longer than the idle time-out nothing can be sent: what counts is what got through."""
    body = b"x" * 8_000_000
    proxy = lab.proxy(lab.server(reply=lambda _: response(body)), limits={"idle-timeout": "300ms"})
    client = lab.client(proxy)
    client.send(request("/"))
    taken = 0
    while taken < len(body):  # as it comes over the wire, a little more than the body
        received = len(client.socket.recv(100_000))
        assert received > 0, f"cut after {taken} bytes"
        taken += received
        time.sleep(0.04)  # the pace of the client: some 2 MB a second
    assert proxy.access_log(1)[0]["ended"] is None


def test_a_slow_server_is_not_held_against_the_client(lab):
    pieces = 12

    def script(connection):
        connection.request()
        connection.send(response(fields=[f"Content-Length: {pieces}"], length=False))
        for _ in range(pieces):
            connection.send(b"x")
            time.sleep(0.1)  # the pace of the server

    limits = {"idle-timeout": "500ms", "body-rate": "1m"}
    client = lab.client(lab.proxy(lab.server(script), limits=limits))
    assert client.ask().body == b"x" * pieces


def test_a_tunnel_may_be_quiet_for_a_while(lab):
    """Rates are for bodies: who waits for a message is not slow."""

    def script(connection):
        connection.head()
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        while connection.reader.more():
            connection.send(connection.reader.take(len(connection.reader.buffer)))

    client = lab.client(lab.proxy(lab.server(script), limits={"idle-timeout": "500ms", "body-rate": "1m"}))
    client.send(request("/", fields=["Connection: Upgrade", "Upgrade: echo"]))
    assert client.response().status == 101
    for number in range(15):
        client.send(b"%02d" % number)
        assert client.reader.exactly(2, "an echo") == b"%02d" % number
        time.sleep(0.1)  # the pace of the client


def test_cut_means_cut(lab):
    """A body over the limit after the response began cannot be answered: the client sees that it was cut."""

    def script(connection):
        connection.head()
        connection.send(response(fields=["Content-Length: 100000"], length=False) + b"begun")
        while connection.reader.more():
            pass

    client = lab.client(lab.proxy(lab.server(script), limits={"body-size": "10k"}))
    client.send(request("/", "POST", fields=CHUNKED))
    head = client.reader.head()
    with contextlib.suppress(ConnectionError):
        for _ in range(20):
            client.send(b"400\r\n" + b"x" * 1024 + b"\r\n")
    with pytest.raises(Truncated):
        client.reader.response_body(head)
    assert client.ended in (CUT, RESET)
