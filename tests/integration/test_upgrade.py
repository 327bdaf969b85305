"""Connections that become something else: WebSocket, and any other protocol that a 101 opens."""

import hashlib
import os
import threading
import time

import pytest

from ravelin_test.client import CLOSE_NOTIFY, CUT, RESET
from ravelin_test.http import chunked, request, response
from ravelin_test.node import run_node
from ravelin_test.settings import scaled

UPGRADE = ["Connection: Upgrade", "Upgrade: echo/1"]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n"


def echo(connection):
    """Switches with data in the same packet as the 101, then echoes until the client has ended."""
    assert connection.head().get("Upgrade") == "echo/1"
    connection.send(SWITCH + b"early data")
    while connection.reader.more():
        connection.send(connection.reader.take(len(connection.reader.buffer)))


def open_tunnel(lab, proxy, with_head=b""):
    client = lab.client(proxy)
    client.send(request("/tunnel", fields=UPGRADE) + with_head)
    answer = client.response()
    assert answer.status == 101
    assert answer.get("Upgrade") == "echo/1"
    assert answer.get("Connection").lower() == "upgrade"
    assert client.reader.exactly(10, "the data that came with the 101") == b"early data"
    return client


def test_websocket_echo_of_many_messages(lab):
    count = scaled(10_000)
    proxy = lab.proxy(lab.node("websocket_server.js"))
    output = run_node("websocket_client.js", f"wss://localhost:{proxy.port}/chat", count, ca=proxy.authority.ca)
    assert output == f"{count} echoes, closed with 1000\n"
    [line] = proxy.access_log(1)
    assert line["status"] == 101


def test_data_with_the_101_and_with_the_request(lab):
    proxy = lab.proxy(lab.server(echo))
    client = open_tunnel(lab, proxy, with_head=b"sent with the head")
    assert client.reader.exactly(18, "the echo") == b"sent with the head"
    for size in (1, 100, 16_384, 16_385, 300_000):
        data = os.urandom(size)
        client.send(data)
        assert client.reader.exactly(size, "the echo") == data


def test_bytes_in_a_tunnel_are_not_looked_at(lab):
    client = open_tunnel(lab, lab.proxy(lab.server(echo)))
    looks_like_http = b"GET / HTTP/1.1\r\nBad : field\r\n\r\n" + response("x") + b"5\r\nhello\r\n0\r\n\r\n"
    client.send(looks_like_http)
    assert client.reader.exactly(len(looks_like_http), "the echo") == looks_like_http


def test_a_tunnel_ends_one_direction_at_a_time(lab):
    """The client says that it has ended; the server still answers, and then its end reaches the client."""

    def script(connection):
        connection.head()
        connection.send(SWITCH + b"early data")
        heard = connection.reader.rest()
        connection.send(b"heard %d bytes" % len(heard))

    client = open_tunnel(lab, lab.proxy(lab.server(script)))
    client.send(b"x" * 1000)
    client.half_close()
    assert client.reader.rest() == b"heard 1000 bytes"
    assert client.ended == CLOSE_NOTIFY


def test_the_end_of_a_server_reaches_the_client(lab):
    def script(connection):
        connection.head()
        connection.send(SWITCH + b"early data" + b"and goodbye")
        connection.end()
        connection.reader.rest()

    proxy = lab.proxy(lab.server(script))
    client = open_tunnel(lab, proxy)
    assert client.reader.rest() == b"and goodbye"
    assert client.ended == CLOSE_NOTIFY
    client.close()
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0)


def test_a_reset_of_a_server_is_no_clean_end(lab):
    go = threading.Event()

    def script(connection):
        connection.head()
        connection.send(SWITCH + b"early data")
        go.wait()
        connection.reset()

    client = open_tunnel(lab, lab.proxy(lab.server(script), allow=[".*"]))
    go.set()
    assert client.read_end() in (CUT, RESET)


def test_a_client_that_vanishes_ends_the_tunnel(lab):
    ended = threading.Event()

    def script(connection):
        try:
            echo(connection)
        finally:
            ended.set()

    proxy = lab.proxy(lab.server(script))
    open_tunnel(lab, proxy).reset()
    assert ended.wait(30)
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0)


def test_bulk_in_both_directions_at_once(lab):
    """Each side sends much and reads slowly: neither may wait for the other for good."""
    size = scaled(20_000_000)
    block = os.urandom(100_003)
    expected = hashlib.sha256((block * (size // len(block) + 1))[:size]).digest()

    def send_all(send):
        left = size
        while left:
            piece = block[: min(left, len(block))]
            send(piece)
            left -= len(piece)

    def hash_of(reader):
        digest, left = hashlib.sha256(), size
        while left:
            if not reader.buffer and not reader.more():
                break
            data = reader.take(min(left, len(reader.buffer)))
            digest.update(data)
            left -= len(data)
        return digest.digest()

    seen = []

    def script(connection):
        connection.head()
        connection.send(SWITCH + b"early data")
        sender = threading.Thread(target=send_all, args=(connection.send,), daemon=True)
        sender.start()
        seen.append(hash_of(connection.reader))
        sender.join(60)
        connection.reader.rest()

    proxy = lab.proxy(lab.server(script, keep=False))
    client = open_tunnel(lab, proxy)
    assert send_and_hash(client, block, size) == expected
    client.half_close()
    client.reader.rest()
    assert seen == [expected]


def send_and_hash(client, block, size):
    """Sends `size` bytes while as many come; their hash."""
    digest, received, left = hashlib.sha256(), 0, size
    while received < size:
        if left:
            piece = block[: min(left, len(block))]
            client.send_while_receiving(piece)
            left -= len(piece)
        elif not client.reader.buffer:
            assert client.reader.more()
        data = client.reader.take(min(size - received, len(client.reader.buffer)))
        digest.update(data)
        received += len(data)
    return digest.digest()


def test_a_server_may_decline_the_upgrade(lab):
    server = lab.server(reply=lambda request: response("no upgrade today"))
    client = lab.client(lab.proxy(server))
    for _ in range(2):
        client.send(request(fields=UPGRADE))
        assert client.response().body == b"no upgrade today"
    assert client.ask().status == 200


# ---- With a body (docker exec) ----


def body_bytes(framing, body):
    """The fields that announce the body, and its bytes."""
    if framing == "chunked":
        return ["Transfer-Encoding: chunked"], chunked(body[: len(body) // 2], body[len(body) // 2 :], trailers=["X-T: 1"])
    return [f"Content-Length: {len(body)}"], body


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("size", [2, 40_000, 3_000_000])
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_an_upgrade_with_a_body(lab, framing, size, method):
    """Whatever comes behind the body belongs to the tunnel, when it came with the request and when it comes later."""
    body = os.urandom(size)

    def script(connection):
        message = connection.request()
        assert (message.body, message.get("Upgrade")) == (body, "echo/1")
        assert message.get("Connection").lower() == "upgrade"
        connection.send(SWITCH + b"early data")
        while connection.reader.buffer or connection.reader.more():
            connection.send(connection.reader.take(len(connection.reader.buffer)))

    client = lab.client(lab.proxy(lab.server(script)))
    fields, data = body_bytes(framing, body)
    client.send(request("/exec", method, fields=[*UPGRADE, *fields]) + data + b"GET / HTTP/1.1\r\n\r\n")
    assert client.response().status == 101
    assert client.reader.exactly(28, "the tunnel") == b"early dataGET / HTTP/1.1\r\n\r\n"
    client.send(b"later")
    assert client.reader.exactly(5, "the echo") == b"later"
    client.half_close()
    assert client.read_end() == CLOSE_NOTIFY


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upgrade_with_a_body_may_be_declined(lab, framing):
    server = lab.server(reply=lambda message: response(message.body))
    client = lab.client(lab.proxy(server))
    fields, data = body_bytes(framing, b"a body")
    client.send((request("/exec", "POST", fields=[*UPGRADE, *fields]) + data) * 2)
    for _ in range(2):
        assert client.response().body == b"a body"
    assert len(server.connections) == 1


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_101_before_the_end_of_the_body_becomes_502(lab, framing):
    """What the client sends then could be either body or tunnel: neither side gets any more of it."""
    fields, data = body_bytes(framing, b"x" * 1000)
    rest = []

    def script(connection):
        connection.head()
        connection.send(SWITCH + b"early data")
        rest.append(connection.reader.rest())

    server = lab.server(script)
    proxy = lab.proxy(server)
    client = lab.client(proxy)
    client.send(request("/exec", "POST", fields=[*UPGRADE, *fields]) + data[:500])
    answer = client.response()
    assert (answer.status, answer.get("Connection")) == (502, "close")
    assert proxy.access_log(1)[0]["ended"] == "101 before the end of the request"
    server.close()
    assert rest[0].count(b"x") <= 500


def test_an_upgrade_that_waits_for_100(lab):
    def script(connection):
        head = connection.head()
        assert head.get("Expect") == "100-continue"
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert connection.reader.exactly(4, "the body") == b"body"
        connection.send(SWITCH)
        connection.send(connection.reader.exactly(4, "the tunnel"))

    client = lab.client(lab.proxy(lab.server(script)))
    client.send(request("/exec", "POST", fields=[*UPGRADE, "Expect: 100-continue", "Content-Length: 4"]))
    assert client.reader.head().status == 100
    client.send(b"body")
    assert client.response().status == 101
    client.send(b"next")
    assert client.reader.exactly(4, "the echo") == b"next"


@pytest.mark.parametrize("protocol", ["h2c", "TLS/1.0"])
def test_an_upgrade_past_the_proxy_is_not_passed_on(lab, protocol):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    fields = ["Connection: Upgrade, HTTP2-Settings", f"Upgrade: {protocol}", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"]
    client.send(request(fields=fields))
    assert client.response().status == 200
    [seen] = server.requests
    assert seen.get("Upgrade") is None
    assert seen.get("HTTP2-Settings") is None
    assert seen.get("Connection") is None


def test_a_101_that_nobody_asked_for_becomes_502(lab):
    def script(connection):
        connection.request()
        connection.send(SWITCH)
        connection.reader.more()

    client = lab.client(lab.proxy(lab.server(script), allow=[".*"]))
    assert client.ask().status == 502


def test_a_tunnel_outlives_reloads(lab):
    proxy = lab.proxy(lab.server(echo))
    client = open_tunnel(lab, proxy)
    for number in range(3):
        proxy.reload()
        data = b"after reload %d" % number
        client.send(data)
        assert client.reader.exactly(len(data), "the echo") == data
    client.close()
    proxy.wait_for_metrics(generations_held=1)


def test_a_silent_tunnel_ends_with_the_idle_timeout(lab):
    proxy = lab.proxy(lab.server(echo), limits={"idle-timeout": "1s"})
    client = open_tunnel(lab, proxy)
    client.read_end()
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0)
    (entry,) = proxy.access_log(1)
    assert (entry["status"], entry["ended"]) == (101, "the tunnel was silent")


def test_a_tunnel_may_be_silent_for_longer_than_a_response(lab):
    client = open_tunnel(lab, lab.proxy(lab.server(echo), backend={"response-timeout": "200ms"}))
    time.sleep(0.5)  # of silence
    client.send(b"hello")
    assert client.reader.exactly(5, "the echo") == b"hello"
