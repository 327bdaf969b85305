"""Requests of every framing: what the server gets must be what the client meant, in the proxy's own words."""

import os

import pytest

from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.http import Truncated, chunk, chunked, request, response
from ravelin_test.settings import scaled
from ravelin_test.waiting import wait_for

CHUNKED = ["Transfer-Encoding: chunked"]
ODD_SIZES = [1, 2, 3, 7, 255, 256, 4095, 4097, 16383, 16384, 16385, 1, 65535, 100_001, 1]


def pieces(sizes):
    return [os.urandom(size) for size in sizes]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"])
def test_a_request_without_a_body(lab, method):
    server = lab.server(reply=lambda request: response("ok" if request.method != "HEAD" else ""))
    client = lab.client(lab.proxy(server))
    for _ in range(2):  # the second shows that both sides agree where the first ended
        assert client.ask("/a/b?c=d&e", method).status == 200
    for request in server.requests:
        assert request.start == f"{method} /a/b?c=d&e HTTP/1.1"
        assert request.get("Transfer-Encoding") is None
        assert request.get("Content-Length") in (None, "0")


@pytest.mark.parametrize("size", [0, 1, 100, 16384, 16385, 1_000_003])
def test_a_body_with_a_length(lab, size):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    body = os.urandom(size)
    for _ in range(2):
        assert client.ask("/", "POST", body=body).status == 200
    for request in server.requests:
        assert request.body == body
        assert request.get("Content-Length") == str(size)
        assert request.get("Transfer-Encoding") is None


def test_a_chunked_body_of_odd_sizes(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    parts = pieces(ODD_SIZES)
    for _ in range(2):
        client.send(request(method="POST", fields=CHUNKED) + chunked(*parts))
        assert client.response().status == 200
    for received in server.requests:
        assert received.body == b"".join(parts)
        assert received.chunked
        assert received.get("Content-Length") is None


def test_an_empty_chunked_body(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    for _ in range(2):
        client.send(request(method="POST", fields=CHUNKED) + chunked())
        assert client.response().status == 200
    assert [request.body for request in server.requests] == [b"", b""]


def test_a_chunked_body_sent_byte_by_byte(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    message = request(method="POST", fields=CHUNKED) + chunked(b"hello", b"x" * 17, trailers=["X-After: 1"])
    for byte in message:
        client.send(bytes([byte]))
    assert client.response().status == 200
    assert server.requests[0].body == b"hello" + b"x" * 17


def test_chunk_extensions_stop_at_the_proxy(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    body = chunked(b"hello", b"world", extension=';name=value;quoted="a;b"')
    client.send(request(method="POST", fields=CHUNKED) + body)
    assert client.response().status == 200
    [received] = server.requests
    assert received.body == b"helloworld"
    assert all(";" not in line for line in received.size_lines)
    assert b"quoted" not in server.connections[0].received


def test_trailers_reach_the_server(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    body = chunked(b"hello", trailers=["X-Checksum: abc", "X-Other: d e"])
    client.send(request(method="POST", fields=[*CHUNKED, "Trailer: X-Checksum, X-Other"]) + body)
    assert client.response().status == 200
    assert server.requests[0].trailers == [("X-Checksum", "abc"), ("X-Other", "d e")]


def test_a_trailer_that_changes_the_message_is_refused(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    client.send(request(method="POST", fields=CHUNKED) + chunked(b"hello", trailers=["Content-Length: 3"]))
    assert client.response().status == 400
    client.read_end()
    wait_for(lambda: all(c.reader.buffer is not None and c.socket.fileno() < 0 for c in server.connections), "the end")
    assert all(request.trailers == [] for request in server.requests)


def test_a_large_request_head(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    fields = [f"X-Field-{number}: {'v' * 200}" for number in range(60)]
    assert client.ask(fields=fields).status == 200
    assert [f"{name}: {value}" for name, value in server.requests[0].fields if name.startswith("X-Field")] == fields


def test_a_head_sent_byte_by_byte(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    for byte in request("/slow", fields=["X-A: b"]):
        client.send(bytes([byte]))
    assert client.response().status == 200
    assert server.requests[0].target == "/slow"


@pytest.mark.parametrize("padding", range(16))
def test_records_of_a_byte_that_come_at_once(lab, padding):
    """Wherever the head ends among the records that are opened at a time, what lies behind it is looked at."""
    server = lab.server()
    client = lab.client(lab.proxy(server))
    assert client.ask().status == 200  # so that a connection to the server is there: nothing more will wake the session
    client.send_records(request("/" + "x" * padding, "POST", body=b"hello"))
    assert client.response().status == 200
    assert server.requests[1].body == b"hello"


def test_empty_lines_before_a_request_are_skipped(lab):
    client = lab.client(lab.proxy(lab.server()))
    client.send(b"\r\n" + request() + b"\r\n" + request())
    assert [client.response().status for _ in range(2)] == [200, 200]


def test_an_empty_line_is_not_the_beginning_of_a_request(lab):
    """So no 408 follows, and the connection ends as an idle one does."""
    proxy = lab.proxy(lab.server(), limits={"header-timeout": "1s", "idle-timeout": "2s"})
    client = lab.client(proxy)
    assert client.ask().status == 200
    client.send(b"\r\n")
    assert client.read_end() == CLOSE_NOTIFY
    assert len(proxy.access_log(1)) == 1


def test_an_absolute_target_is_taken_apart(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    assert client.ask("https://localhost/path?q").status == 200
    assert server.requests[0].target == "/path?q"
    assert server.requests[0].get("Host") == "localhost"


def test_options_of_the_whole_server(lab):
    server = lab.server()
    assert lab.client(lab.proxy(server)).ask("*", "OPTIONS").status == 200
    assert server.requests[0].target == "*"


# ---- Pipelining and keep-alive ----


def test_a_thousand_pipelined_requests(lab):
    count = scaled(1000)
    server = lab.server(reply=lambda request: response(f"answer to {request.target}"))
    client = lab.client(lab.proxy(server))
    client.send(b"".join(request(f"/{number}") for number in range(count)))
    for number in range(count):
        assert client.response().body == b"answer to /%d" % number
    assert [request.target for request in server.requests] == [f"/{number}" for number in range(count)]


def test_pipelined_requests_of_every_framing(lab):
    """The end of one body and the start of the next head lie in the same record."""
    server = lab.server(reply=lambda request: response(request.body))
    client = lab.client(lab.proxy(server))
    body = os.urandom(5000)
    round_trip = [
        (request("/1"), b""),
        (request("/2", "POST", body=body), body),
        (request("/3", "POST", fields=CHUNKED) + chunked(body[:1], body[1:], trailers=["X-T: 1"]), body),
        (request("/4", "POST", body=b""), b""),
        (request("/5", "POST", fields=CHUNKED) + chunked(), b""),
        (request("/6"), b""),
    ]
    client.send(b"".join(message for message, _ in round_trip) * 3)
    for _, expected in round_trip * 3:
        assert client.response().body == expected
    assert [request.target for request in server.requests] == [f"/{n}" for n in range(1, 7)] * 3


def test_requests_after_connection_close_are_not_looked_at(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    client.send(request("/1", fields=["Connection: close"]) + request("/2"))
    assert client.response().get("Connection") == "close"
    assert client.read_end() == "close_notify"
    assert [request.target for request in server.requests] == ["/1"]


# ---- Streaming ----


def test_a_request_body_streams_while_the_response_streams(lab):
    """Neither side is held back until the other has ended."""

    def echo(connection):
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(50):
            size = int(connection.reader.until(b"\r\n", "a size line"), 16)
            data = connection.reader.exactly(size + 2, "a chunk")[:-2]
            connection.send(chunk(data))
        assert connection.reader.until(b"\r\n\r\n", "the last chunk") == b"0\r\n\r\n"
        connection.send(b"0\r\n\r\n")

    client = lab.client(lab.proxy(lab.server(echo)))
    client.send(request(method="POST", fields=CHUNKED))
    head = client.reader.head()
    assert head.chunked
    for number in range(50):
        data = b"piece %02d" % number
        client.send(chunk(data))
        assert client.reader.until(b"\r\n", "a size line") == b"8\r\n"
        assert client.reader.exactly(10, "a chunk") == data + b"\r\n"
    client.send(b"0\r\n\r\n")
    assert client.reader.until(b"\r\n\r\n", "the last chunk") == b"0\r\n\r\n"


def test_a_server_may_answer_before_the_body_has_come(lab):
    """A refusal in the middle of an upload reaches the client, and the connection cannot be used for more."""

    def refuse(connection):
        connection.head()
        connection.reader.exactly(100, "the start of the body")
        connection.send(response("too much", "413 Content Too Large", ["Connection: close"]))

    client = lab.client(lab.proxy(lab.server(refuse)))
    client.send(request(method="POST", fields=["Content-Length: 100000000"]))
    client.send(b"x" * 50_000)
    answer = client.response()
    assert answer.status == 413
    assert answer.body == b"too much"


@pytest.mark.parametrize("end", ["close", "reset", "half_close"])
@pytest.mark.parametrize(
    "fields, body",
    [(["Content-Length: 1000"], b"x" * 500), (CHUNKED, b"a\r\n0123456789\r\n5\r\nab")],
    ids=["length", "chunked"],
)
def test_a_client_that_ends_within_its_body_ends_the_exchange(lab, fields, body, end):
    """The server must be able to tell that the body is not whole."""
    seen = []

    def script(connection):
        head = connection.head()
        try:
            connection.reader.request_body(head)
        except (Truncated, ConnectionError) as cut:
            seen.append(cut)

    server = lab.server(script)
    proxy = lab.proxy(server)
    client = lab.client(proxy)
    client.send(request(method="POST", fields=fields) + body)
    wait_for(lambda: server.connections, "the request at the server")
    getattr(client, end)()
    wait_for(lambda: seen, "the server to see the end")
    if end == "half_close":
        client.reader.rest()
        client.close()
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0, pool_idle=0)


def test_a_client_that_leaves_before_the_answer_ends_the_exchange(lab):
    gone = []

    def script(connection):
        connection.request()
        try:
            gone.append(connection.reader.more())
        except ConnectionError:
            gone.append(False)

    proxy = lab.proxy(lab.server(script))
    client = lab.client(proxy)
    client.send(request())
    proxy.wait_for_metrics(requests=1)
    client.reset()
    wait_for(lambda: gone == [False], "the server to see the end")
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0)


def test_a_half_closed_client_still_gets_its_answer(lab):
    server = lab.server(reply=lambda request: response(b"x" * 300_000))
    client = lab.client(lab.proxy(server))
    client.send(request(method="POST", body=b"all I have to say"))
    client.half_close()
    assert len(client.response().body) == 300_000
    assert client.read_end() == "close_notify"


# ---- 100-continue ----


def test_curl_waits_for_100_continue(lab):
    """curl asks with Expect for bodies over 1 MiB; the server's 100 must reach it, and the body then the server."""

    def script(connection):
        head = connection.head()
        assert head.get("Expect") == "100-continue"
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.reader.request_body(head)
        connection.send(response(str(len(head.body))))

    proxy = lab.proxy(lab.server(script))
    upload = lab.folder / "upload"
    upload.write_bytes(b"u" * 2_000_000)
    arguments = ["--http1.1", "--data-binary", f"@{upload}", "-v", "--expect100-timeout", "60"]
    result = proxy.curl("/", *arguments)
    assert result.stdout == b"2000000"
    assert b"100 Continue" in result.stderr
    assert proxy.metrics()["responses_1xx"] == 1


def test_a_refusal_instead_of_100_continue(lab):
    """The server refuses from the head alone: the body is never sent, and the answer is not lost."""

    def script(connection):
        connection.head()
        connection.send(response("no", "403 Forbidden"))

    client = lab.client(lab.proxy(lab.server(script)))
    client.send(request(method="POST", fields=["Expect: 100-continue", "Content-Length: 1000"]))
    assert client.response().status == 403


def test_an_unknown_expectation_gets_417(lab):
    client = lab.client(lab.proxy(lab.server()))
    assert client.ask(method="POST", fields=["Expect: magic"], body=b"x").status == 417


# ---- HTTP/1.0 clients ----


def test_http10_ends_after_one_answer(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    answer = client.ask(version="HTTP/1.0")
    assert (answer.status, answer.body) == (200, b"ok")
    assert client.read_end() == "close_notify"
    assert server.requests[0].version == "HTTP/1.1"


def test_http10_keep_alive(lab):
    client = lab.client(lab.proxy(lab.server()))
    for _ in range(3):
        answer = client.ask(version="HTTP/1.0", fields=["Connection: keep-alive"])
        assert answer.get("Connection").lower() == "keep-alive"
        assert answer.body == b"ok"


def test_http10_without_host_gets_the_first_site(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    assert client.ask(version="HTTP/1.0", host=None).status == 200
    assert server.requests[0].get("Host") == "localhost"


@pytest.mark.parametrize("fields", [[], ["Connection: keep-alive"]])
def test_http10_never_sees_chunks(lab, fields):
    """A chunked response is unwrapped; its end is then the end of the connection."""
    parts = pieces([1, 100, 20_000])

    def reply(request):
        return response(fields=CHUNKED, length=False) + chunked(*parts, extension=";x", trailers=["X-T: 1"])

    client = lab.client(lab.proxy(lab.server(reply=reply)))
    answer = client.ask(version="HTTP/1.0", fields=fields)
    assert answer.get("Transfer-Encoding") is None
    assert answer.get("Content-Length") is None
    assert (answer.get("Connection") or "close") == "close"
    assert answer.body == b"".join(parts)
    assert client.ended == "close_notify"


def test_http10_body_with_a_length(lab):
    server = lab.server(reply=lambda request: response(request.body))
    client = lab.client(lab.proxy(server))
    assert client.ask(method="POST", version="HTTP/1.0", body=b"old").body == b"old"
