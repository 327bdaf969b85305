"""Responses of every framing, and that a client can tell a whole one from one that was cut."""

import os
import threading

import pytest

from ravelin_test.client import CLOSE_NOTIFY, CUT, RESET
from ravelin_test.http import Truncated, chunked, request, response
from ravelin_test.settings import PATIENCE

CHUNKED = ["Transfer-Encoding: chunked"]


@pytest.mark.parametrize("size", [0, 1, 1000, 16_383, 16_384, 16_385, 100_000, 3_000_001])
def test_a_body_with_a_length(lab, size):
    body = os.urandom(size)
    client = lab.client(lab.proxy(lab.server(reply=lambda request: response(body))))
    for _ in range(2):
        answer = client.ask()
        assert answer.body == body
        assert answer.get("Content-Length") == str(size)
        assert answer.get("Transfer-Encoding") is None


def test_a_chunked_body_of_odd_sizes(lab):
    parts = [os.urandom(size) for size in (1, 2, 3, 7, 4095, 4097, 16_383, 16_384, 16_385, 1, 65_535, 200_001, 1)]
    client = lab.client(lab.proxy(lab.server(reply=lambda r: response(fields=CHUNKED, length=False) + chunked(*parts))))
    for _ in range(2):
        answer = client.ask()
        assert answer.body == b"".join(parts)
        assert answer.chunked
        assert answer.get("Content-Length") is None


def test_a_chunked_body_that_comes_in_drops(lab):
    """Size lines, extensions, data and trailers cut at every byte."""

    def script(connection):
        connection.request()
        answer = response(fields=CHUNKED, length=False)
        for byte in answer + chunked(b"hello ", b"world", extension=";a=b", trailers=["X-Sum: 1"]):
            connection.send(bytes([byte]))

    client = lab.client(lab.proxy(lab.server(script)))
    answer = client.ask()
    assert answer.body == b"hello world"
    assert answer.trailers == [("X-Sum", "1")]
    assert all(";" not in line for line in answer.size_lines)


def test_an_empty_chunked_body(lab):
    client = lab.client(lab.proxy(lab.server(reply=lambda r: response(fields=CHUNKED, length=False) + chunked())))
    for _ in range(2):
        assert client.ask().body == b""


def test_trailers_reach_the_client(lab):
    fields = [*CHUNKED, "Trailer: X-Checksum"]
    reply = response(fields=fields, length=False) + chunked(b"data", trailers=["X-Checksum: abc", "X-More: d"])
    client = lab.client(lab.proxy(lab.server(reply=lambda r: reply)))
    answer = client.ask()
    assert answer.body == b"data"
    assert answer.trailers == [("X-Checksum", "abc"), ("X-More", "d")]
    assert client.ask().trailers == answer.trailers


@pytest.mark.parametrize("size", [0, 10, 500_000])
def test_a_body_until_the_server_closes(lab, size):
    """The client gets chunks, and with their end the certainty that the body is whole; its connection lives on."""
    body = os.urandom(size)

    def script(connection):
        connection.request()
        connection.send(response(body, fields=["Connection: close"], length=False))

    client = lab.client(lab.proxy(lab.server(script)))
    for _ in range(2):
        answer = client.ask()
        assert answer.body == body
        assert answer.chunked or client.ended == CLOSE_NOTIFY
        if client.ended:
            client = lab.client(lab.proxy(lab.server(script)))


@pytest.mark.parametrize("size", [0, 10, 500_000])
def test_a_body_until_the_server_closes_for_an_http10_client(lab, size):
    body = os.urandom(size)

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.0 200 OK\r\n\r\n" + body)

    client = lab.client(lab.proxy(lab.server(script)))
    answer = client.ask(version="HTTP/1.0")
    assert answer.body == body
    assert client.ended == CLOSE_NOTIFY


@pytest.mark.parametrize(
    "fields", [["Content-Length: 12345"], CHUNKED, []], ids=["length", "chunked", "neither"]
)
def test_answers_to_head_have_no_body(lab, fields):
    server = lab.server(reply=lambda request: response(fields=fields, length=False))
    client = lab.client(lab.proxy(server))
    for _ in range(3):
        answer = client.ask(method="HEAD")
        assert answer.status == 200
        assert answer.get("Content-Length") == ("12345" if fields and fields != CHUNKED else None)
    assert client.reader.buffer == b""
    assert {request.connection for request in server.requests} == {0}


def test_statuses_of_no_class(lab):
    """Those from 600 on pass, as with other proxies. Below 100 nothing tells whether more follows."""
    server = lab.server(reply=lambda request: response("x", status=request.target[1:] + " Odd"))
    client = lab.client(lab.proxy(server, allow=["bad response"]))
    for status in (600, 999):
        answer = client.ask(f"/{status}")
        assert (answer.status, answer.body) == (status, b"x")
    for status in ("099", "001", "000"):
        assert client.ask(f"/{status}").status == 502


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_that_never_have_a_body(lab, status):
    server = lab.server(reply=lambda request: response(status=status, fields=['ETag: "a"'], length=False))
    client = lab.client(lab.proxy(server))
    for _ in range(3):
        answer = client.ask()
        assert answer.start.startswith(f"HTTP/1.1 {status}")
        assert answer.get("Transfer-Encoding") is None
        assert answer.get("ETag") == '"a"'
    assert client.reader.buffer == b""
    assert {request.connection for request in server.requests} == {0}


def test_304_keeps_the_length_of_what_it_stands_for(lab):
    reply = response(status="304 Not Modified", fields=["Content-Length: 999"], length=False)
    client = lab.client(lab.proxy(lab.server(reply=lambda request: reply)))
    for _ in range(2):
        assert client.ask().get("Content-Length") == "999"


@pytest.mark.parametrize("apart", [False, True], ids=["one packet", "two packets"])
@pytest.mark.parametrize(
    "head, method",
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 47\r\n\r\n", "HEAD"),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 47\r\n\r\n", "GET"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", "GET"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "GET"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "GET"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "GET"),
    ],
    ids=["HEAD", "304", "204", "length 0", "length 2", "chunked"],
)
def test_bytes_after_a_response_never_become_the_next(lab, head, method, apart):
    """A body where there must be none, or a second response: whoever asks next must not get it."""

    def script(connection):
        request = connection.request()
        if request.target == "/first":
            for packet in [head, response("poison!!!")] if apart else [head + response("poison!!!")]:
                connection.send(packet)
        else:
            connection.send(response("clean"))
        connection.request()

    proxy = lab.proxy(lab.server(script), allow=[".*"])
    client = lab.client(proxy)
    for _ in range(5):
        client.ask("/first", method=method)
        if apart:  # it can be seen only when it comes
            proxy.wait_for_metrics(pool_idle=0)
        assert client.ask("/second").body == b"clean"


def test_bytes_after_a_response_never_answer_what_was_pipelined(lab):
    """The next request is at hand when the response ends: it is forwarded in the same turn of the loop."""

    def script(connection):
        while request := connection.request():
            poison = response("poison!!!") if request.target == "/first" else b""
            connection.send(response("clean") + poison)

    server = lab.server(script)
    client = lab.client(lab.proxy(server))
    for _ in range(20):
        client.send(request("/first") + request("/second"))
        assert [client.response().body for _ in range(2)] == [b"clean", b"clean"]
    numbers = [request.connection for request in server.requests if request.target == "/first"]
    assert len(numbers) == len(set(numbers))


def test_early_hints_reach_the_client(lab):
    def script(connection):
        while connection.request():
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n")
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </more.css>; rel=preload\r\n\r\n" + response("page"))

    client = lab.client(lab.proxy(lab.server(script)))
    for _ in range(2):
        answer = client.ask()
        assert [hint.status for hint in answer.interim] == [103, 103]
        assert [hint.get("Link").split(";")[0] for hint in answer.interim] == ["</style.css>", "</more.css>"]
        assert all(hint.get("Content-Length") is None for hint in answer.interim)
        assert answer.body == b"page"


def test_an_http10_client_gets_no_interim_response(lab):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + response("page"))

    client = lab.client(lab.proxy(lab.server(script)))
    answer = client.ask(version="HTTP/1.0")
    assert (answer.interim, answer.body) == ([], b"page")


def test_an_endless_row_of_interim_responses_is_cut_short(lab):
    def script(connection):
        connection.request()
        while True:
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)

    client = lab.client(lab.proxy(lab.server(script), backend={"response-timeout": "2s"}))
    client.send(request(fields=["Connection: close"]))
    interim = 0
    while (head := client.reader.head()) is not None:
        if head.status >= 200:
            assert head.status in (502, 504)
            break
        interim += 1
        assert interim < 10_000_000


def test_a_large_response_head(lab):
    fields = [f"X-Field-{number}: {'v' * 300}" for number in range(40)]
    client = lab.client(lab.proxy(lab.server(reply=lambda request: response("body", fields=fields))))
    answer = client.ask()
    assert [f"{name}: {value}" for name, value in answer.fields if name.startswith("X-Field")] == fields
    assert answer.body == b"body"


def test_a_head_and_body_in_any_pieces(lab):
    """The cut between two packets of a server may lie anywhere around the end of the head."""
    whole = response(b"0123456789", fields=["X-A: b"])

    def script(connection):
        for cut in range(1, len(whole)):
            connection.request()
            connection.send(whole[:cut])
            connection.wait_until_taken()
            connection.send(whole[cut:])

    server = lab.server(script)
    client = lab.client(lab.proxy(server))
    for _ in range(1, len(whole)):
        assert client.ask().body == b"0123456789"


def test_an_http10_server(lab):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold")

    client = lab.client(lab.proxy(lab.server(script)))
    for _ in range(2):
        answer = client.ask()
        assert (answer.version, answer.body) == ("HTTP/1.1", b"old")


def test_a_reason_phrase_may_be_empty_or_any_text(lab):
    replies = {"/empty": response(status="299 "), "/text": response(status="200 It's (all) fine")}
    client = lab.client(lab.proxy(lab.server(reply=lambda request: replies[request.target])))
    assert client.ask("/empty").status == 299
    assert client.ask("/text").start == "HTTP/1.1 200 It's (all) fine"


# ---- Cut responses ----


def cut_servers():
    """(name, bytes that a server sends before it goes, whether it goes with a reset)"""
    short = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 400
    chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield "length", short, False
    yield "length, reset", short, True
    yield "inside a chunk", chunks + b"64\r\n" + b"x" * 50, False
    yield "between chunks", chunks + b"64\r\n" + b"x" * 100 + b"\r\n", False
    yield "inside a size line", chunks + b"64\r\n" + b"x" * 100 + b"\r\n6", False
    yield "before the trailers' end", chunks + b"64\r\n" + b"x" * 100 + b"\r\n0\r\nX-A: b\r\n", False
    yield "bad chunk", chunks + b"64\r\n" + b"x" * 100 + b"\r\nzz\r\nxx", False
    yield "until close, reset", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100, True


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("sent, reset", [case[1:] for case in cut_servers()], ids=[case[0] for case in cut_servers()])
def test_a_cut_response_is_seen_as_cut(lab, sent, reset, version):
    """No final chunk, no full length, and no close_notify, which is the only mark an HTTP/1.0 client may have."""
    go = threading.Event()

    def script(connection):
        connection.request()
        connection.send(sent)
        if reset:
            go.wait(PATIENCE)
            connection.reset()

    client = lab.client(lab.proxy(lab.server(script), allow=[".*"]))
    client.send(request(version=version))
    head = client.reader.head()
    if reset:
        while b"x" not in client.reader.buffer:
            assert client.reader.more()
        go.set()
    if head.status == 502:  # seen before anything had been sent to the client: better still
        return
    assert head.status == 200
    try:
        client.reader.response_body(head)
    except Truncated:
        pass
    else:
        assert version == "HTTP/1.0" and head.get("Content-Length") is None, "the response looks whole"
    client.reader.rest()
    assert client.ended in (CUT, RESET)


def test_a_cut_response_is_in_the_access_log(lab):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 400)

    proxy = lab.proxy(lab.server(script), allow=[".*"])
    client = lab.client(proxy)
    client.send(request())
    client.reader.rest()
    [line] = proxy.access_log(1)
    assert line["status"] == 200
    assert line["response_bytes"] == 400
    assert line["ended"]


def test_curl_sees_a_cut_response(lab):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")

    proxy = lab.proxy(lab.server(script), allow=[".*"])
    result = proxy.curl("/", "--http1.1", check=False)
    assert result.returncode in (18, 56)  # partial file, or the missing close_notify
    assert result.stdout == b"hello"
    result = proxy.curl("/", check=False)
    assert result.returncode == 92  # RST_STREAM
    assert result.stdout == b"hello"


# ---- Garbage ----


GARBAGE = [
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 O\rK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok!",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nok",
    b"HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok",
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/2 200 OK\r\nContent-Length: 2\r\n\r\nok",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"",
]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_a_response_without_one_clear_reading_becomes_502(lab, garbage):
    def script(connection):
        while connection.request():
            connection.send(garbage)
            if not garbage or garbage[0] == 0x16:
                return

    server = lab.server(script)
    proxy = lab.proxy(server, allow=[".*"])
    client = lab.client(proxy)
    answer = client.ask()
    assert answer.status == 502
    assert b"ok" not in answer.body.split(b"<body>")[-1].split()
    if answer.get("Connection") != "close":
        assert client.ask().status == 502
        # What answered garbage is not asked again on the same connection.
        numbers = [request.connection for request in server.requests]
        assert len(numbers) == len(set(numbers))


def test_an_oversized_response_head_becomes_502(lab):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + b"X-Much: " + b"m" * 1000 + b"\r\n")
        for _ in range(300):
            connection.send(b"X-Much: " + b"m" * 1000 + b"\r\n")
        connection.send(b"\r\n")

    client = lab.client(lab.proxy(lab.server(script), allow=[".*"]))
    assert client.ask().status == 502


# ---- Servers that are taken as they are ----


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("together", [True, False], ids=["at once", "in pieces"])
def test_many_small_chunks(lab, end, together):
    """With LF alone there is less room between two chunks than our own lines need."""
    parts = [os.urandom(1 + number * 37 % 300) for number in range(2000)]
    end = end.encode()
    answer = response(fields=CHUNKED, length=False)
    answer += b"".join(b"%x" % len(part) + end + part + end for part in parts) + b"0" + end + b"X-T: 1" + end + end

    def script(connection):
        while connection.request():
            if together:
                connection.send(answer)
                continue
            for at in range(0, len(answer), 7001):
                connection.send(answer[at : at + 7001])
                connection.wait_until_taken()

    server = lab.server(script)
    client = lab.client(lab.proxy(server))
    for version in ("HTTP/1.1", "HTTP/1.1", "HTTP/1.0"):
        message = client.ask(version=version)
        assert message.body == b"".join(parts)
        assert version == "HTTP/1.0" or message.trailers == [("X-T", "1")]
    assert len(server.connections) == 1


FAULTS = {
    b"HTTP/1.x 200 OK\r\n\r\n": "status line does not begin with HTTP/1.0 or HTTP/1.1: line 1, column 8, byte 0x78",
    b"HTTP/1.1 200 OK\r\nA: b\r\nX-Y : c\r\n\r\n": "space before the colon of a field: line 3, column 4, byte 0x20",
    b"HTTP/1.1 200 OK\r\nA: b\0\r\n\r\n": "NUL in a field value: line 2, column 5, byte 0x00",
    b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 2, 3\r\n\r\n": "Content-Length of two values: line 3, column 1: 'Content-Length: 2, 3'",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n": "Transfer-Encoding is not exactly chunked: line 2, column 1: 'Transfer-Encoding: gzip'",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhellox": "chunk data not followed by CRLF: byte 0x78, behind 0 bytes of body",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\nC: d\re\r\n\r\n": "bare CR in a trailer: line 2, column 5, byte 0x0d",
}


@pytest.mark.parametrize("sent, told", FAULTS.items(), ids=FAULTS.values())
def test_the_log_tells_what_is_wrong_and_where(lab, sent, told):
    proxy = lab.proxy(lab.server(lambda connection: connection.request() and connection.send(sent)))
    assert lab.client(proxy).ask().status == 502
    [line] = [message for _, _, message in proxy.log_lines() if "bad response" in message]
    assert line.endswith(f"bad response: {told}")
    assert proxy.access_log(1)[0]["ended"] == told.split(":")[0]
