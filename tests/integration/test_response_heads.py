"""Response heads of any size: in one record or in several, whatever lies behind them, up to response-header-size."""

import os

import pytest

from ravelin_test.client import CUT
from ravelin_test.http import Truncated, chunked, request, response
from ravelin_test.waiting import wait_for

CHUNKED = ["Transfer-Encoding: chunked"]
LIMIT = 64 * 1024  # the default of response-header-size
# Around one slot of the send buffer and the room before the head in it, and around two and three.
SIZES = [100, 8000, 15_900, 16_040, 16_064, 16_100, 16_319, 16_321, 20_000, 32_640, 33_000, 49_000, LIMIT - 1, LIMIT]
BODY = os.urandom(50_000)


def head_of(size, fields=(), status="200 OK"):
    """A head of exactly that size, empty line and all."""
    bare = response(status=status, fields=[*fields, "X-Filler: "], length=False)
    filler = "".join(chr(97 + number % 26) for number in range(size - len(bare)))
    return response(status=status, fields=[*fields, "X-Filler: " + filler], length=False)


def filler_of(head):
    return head.split(b"X-Filler: ")[1].split(b"\r\n")[0].decode()


FRAMINGS = {
    "length": (["Content-Length: %d" % len(BODY)], BODY),
    "chunked": (CHUNKED, chunked(BODY[:1], BODY[1:20_000], BODY[20_000:])),
    "until close": (["Connection: close"], BODY),
}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("together", [True, False], ids=["with its body", "by itself"])
def test_heads_of_every_size(lab, framing, together):
    fields, body = FRAMINGS[framing]

    def script(connection):
        while message := connection.request():
            head = head_of(int(message.target[1:]), fields)
            if together:
                connection.send(head + body)
            else:
                connection.send(head)
                connection.wait_until_taken()
                connection.send(body)
            if framing == "until close":
                return

    client = lab.client(lab.proxy(lab.server(script)))
    for size in SIZES:
        answer = client.ask(f"/{size}")
        assert answer.status == 200
        assert answer.get("X-Filler") == filler_of(head_of(size, fields))
        assert answer.body == BODY


@pytest.mark.parametrize("size", [1000, 16_100, 40_000])
@pytest.mark.parametrize("status, method", [("204 No Content", "GET"), ("304 Not Modified", "GET"), ("200 OK", "HEAD")])
def test_heads_without_a_body(lab, size, status, method):
    client = lab.client(lab.proxy(lab.server(reply=lambda request: head_of(size, status=status))))
    for _ in range(3):
        answer = client.ask(method=method)
        assert f"{answer.status}" == status[:3]
        assert answer.get("X-Filler") == filler_of(head_of(size, status=status))


def test_a_large_head_in_drops(lab):
    head = head_of(40_000, ["Content-Length: 4"])

    def script(connection):
        connection.request()
        for at in range(0, len(head), 997):
            connection.send(head[at : at + 997])
            connection.wait_until_taken()
        connection.send(b"body")

    answer = lab.client(lab.proxy(lab.server(script))).ask()
    assert answer.get("X-Filler") == filler_of(head)
    assert answer.body == b"body"


def test_a_large_head_for_an_http10_client(lab):
    head = head_of(40_000, CHUNKED)
    proxy = lab.proxy(lab.server(reply=lambda request: head + chunked(BODY)))
    answer = lab.client(proxy).ask(version="HTTP/1.0")
    assert answer.get("X-Filler") == filler_of(head)
    assert answer.body == BODY


@pytest.mark.parametrize("count", [64, 300, 999])
def test_a_head_that_grows_when_it_is_encoded(lab, count):
    """Each field line without a space after its colon grows by one; the body lies behind it in the same slot."""
    head = "".join(["HTTP/1.1 200 OK\r\n", *(f"X{number}:1\r\n" for number in range(count)), "\r\n"]).encode()
    for body in (b"", BODY[:3000], BODY):
        server = lab.server(lambda connection, body=body: connection.request() and connection.send(head + body))
        answer = lab.client(lab.proxy(server)).ask()
        assert [value for name, value in answer.fields if name.startswith("X")] == ["1"] * count
        assert answer.body == body


def test_large_interim_heads(lab):
    """Early hints with many links, then a small and a large final head; all at once, and one by one."""
    hints = head_of(30_000, status="103 Early Hints")

    def script(connection):
        while message := connection.request():
            final = head_of(100 if "small" in message.target else 30_000, ["Content-Length: 4"]) + b"body"
            if "once" in message.target:
                connection.send(hints + hints + final)
                continue
            for part in (hints, hints, final):
                connection.send(part)
                connection.wait_until_taken()

    client = lab.client(lab.proxy(lab.server(script)))
    for target in ("/small/once", "/large/once", "/small", "/large"):
        answer = client.ask(target)
        assert [hint.get("X-Filler") for hint in answer.interim] == [filler_of(hints)] * 2
        assert answer.body == b"body"


def test_large_trailers(lab):
    lines = [f"X-{number}: {'t' * 1000}" for number in range(50)]
    proxy = lab.proxy(lab.server(reply=lambda request: response(fields=CHUNKED, length=False) + chunked(BODY, trailers=lines)))
    client = lab.client(proxy)
    for _ in range(2):
        answer = client.ask()
        assert answer.body == BODY
        assert [f"{name}: {value}" for name, value in answer.trailers] == lines


@pytest.mark.parametrize("limit", [4096, 20_000, LIMIT, 256 * 1024])
@pytest.mark.parametrize("together", [True, False], ids=["at once", "in two parts"])
def test_the_limit(lab, limit, together):
    """A head of that size passes; one that is a byte longer is a 502, and the log says so."""

    def script(connection):
        while message := connection.request():
            head = head_of(int(message.target[1:]), ["Content-Length: 2"])
            if not together:
                connection.send(head[:3000])
                connection.wait_until_taken()
                head = head[3000:]
            connection.send(head + b"ok")

    proxy = lab.proxy(lab.server(script), limits={"response-header-size": limit})
    client = lab.client(proxy)
    assert client.ask(f"/{limit}").body == b"ok"
    assert client.ask(f"/{limit + 1}").status == 502
    assert client.ask(f"/{limit}").body == b"ok"
    assert proxy.access_log(3)[1]["ended"] == "the head is larger than response-header-size"
    assert "bad response: the head is larger than response-header-size" in proxy.log()


def test_an_endless_head_is_cut_off(lab):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.send(b"X: " + b"a" * 1000 + b"\r\n")

    proxy = lab.proxy(lab.server(script))
    assert lab.client(proxy).ask().status == 502


def test_a_client_that_takes_a_large_head_slowly(lab):
    head = head_of(LIMIT, ["Content-Length: %d" % len(BODY)])
    proxy = lab.proxy(lab.server(reply=lambda request: head + BODY))
    client = lab.client(proxy, receive_buffer=2048)
    for _ in range(20):
        client.send(request() * 5)
        for _ in range(5):
            answer = client.response()
            assert answer.get("X-Filler") == filler_of(head)
            assert answer.body == BODY


def test_a_server_that_dies_in_a_large_head(lab):
    """Nothing of it was passed on: the request is not sent again, and the answer is 502."""

    def script(connection):
        connection.request()
        connection.send(head_of(40_000)[:30_000])

    server = lab.server(script)
    proxy = lab.proxy(server, backend={"retries": 2})
    client = lab.client(proxy)
    assert client.ask().status == 502
    assert len(server.requests) == 1


def test_a_server_that_dies_behind_a_large_interim_head(lab):
    def script(connection):
        connection.request()
        connection.send(head_of(40_000, status="103 Early Hints"))
        connection.wait_until_taken()

    client = lab.client(lab.proxy(lab.server(script)))
    client.send(request())
    assert client.reader.head().status == 103
    assert client.response().status == 502


def test_a_cut_body_behind_a_large_head_is_seen_as_cut(lab):
    def script(connection):
        connection.request()
        connection.send(head_of(40_000, ["Content-Length: 10"]) + b"12345")

    client = lab.client(lab.proxy(lab.server(script)))
    client.send(request())
    with pytest.raises(Truncated):
        client.response()
    assert client.ended == CUT


def test_memory_goes_back(lab):
    """Many large heads leave no buffers behind."""
    proxy = lab.proxy(lab.server(reply=lambda request: head_of(LIMIT, ["Content-Length: 2"]) + b"ok"))
    clients = [lab.client(proxy) for _ in range(20)]
    for client in clients * 5:
        assert client.ask().body == b"ok"
    wait_for(lambda: proxy.metrics()["send_buffers"] == 0, "the send buffers to go back")
