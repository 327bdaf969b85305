"""Responses of a server of HTTP/1.1 on their way to a client of HTTP/2, and flow control on that way."""

import pytest

from ravelin_test.http2.behind import Reply, Seen
from ravelin_test.http2.cases import (
    OK,
    answer,
    answered_on,
    case,
    either,
    get,
    head_on,
    post,
    settled,
    stream_error,
)
from ravelin_test.http2.frames import Code, Setting, Type, data, headers, reset, settings, window_update
from ravelin_test.http2.talk import request, require
from ravelin_test.http import chunked, response

BROKEN = stream_error(Code.INTERNAL_ERROR)
BAD_GATEWAY = answer(502)


def told(name, reply, outcome, method="GET", end="keep", fields=(), early=False, content=None):
    """What the server replies to one request."""
    reply = Reply(reply if isinstance(reply, bytes) else reply.encode("latin-1"), early, end)
    sees = [Seen(f"{method} / HTTP/1.1", list(fields), content or b"")]
    pieces = headers(1, request("/", method, *fields), end=content is None)
    if content is not None:
        pieces += data(1, content, end=True)
    return case("8", name, pieces, outcome=outcome, sees=sees, replies={"/": reply})


def with_fields(name, fields, outcome):
    return told(name, response("hi", fields=fields), outcome)


def bad(name, reply, end="close"):
    return told(name, reply, BAD_GATEWAY, end=end)


BODIES = [
    told("a body with its length", response("hello"), answer(200, body=b"hello", fields=[("content-length", "5")])),
    told(
        "chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        answer(200, body=b"hello", absent=["transfer-encoding"]),
    ),
    told(
        "many chunks",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(*[b"x"] * 100),
        answer(200, body=b"x" * 100),
    ),
    told(
        "a chunk with an extension",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n",
        answer(200, body=b"hello"),
    ),
    told("no chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", answer(200, body=b"")),
    told(
        "trailers",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n",
        answer(200, body=b"hello", trailers=[("x-sum", "1"), ("x-other", "2")]),
    ),
    told(
        "trailers without a body",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n",
        answer(200, body=b"", trailers=[("x-sum", "1")]),
    ),
    told("up to the end", "HTTP/1.1 200 OK\r\n\r\nhello", answer(200, body=b"hello"), end="close"),
    told("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhello", answer(200, body=b"hello"), end="close"),
    told("an empty body", response(""), answer(200, body=b"", fields=[("content-length", "0")])),
    told("a large body", response(b"x" * 300_000), answer(200, body=b"x" * 300_000)),
    told(
        "a large body in chunks",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked(b"y" * 100_000, b"z" * 100_001),
        answer(200, body=b"y" * 100_000 + b"z" * 100_001),
    ),
    told(
        "HEAD",
        "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n",
        answer(200, body=b"", fields=[("content-length", "5000")]),
        method="HEAD",
    ),
    told(
        "HEAD with chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        answer(200, body=b"", absent=["transfer-encoding"]),
        method="HEAD",
    ),
    told("204", "HTTP/1.1 204 No Content\r\n\r\n", answer(204, body=b"")),
    told("304", 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', answer(304, body=b"", fields=[("etag", '"a"')])),
    told("304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5000\r\n\r\n", answer(304, body=b"")),
    told("205", "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", answer(205, body=b"")),
    *[
        told(f"status {status}", response("x", f"{status} Text"), answer(status, body=b"x"))
        for status in (201, 206, 302, 400, 404, 421, 500, 503, 599)
    ],
    told(
        "an early response", response("no", "403 Forbidden"), answer(403, body=b"no"), method="POST", content=b"hello"
    ),
]

INTERIM = [
    told(
        "100",
        b"HTTP/1.1 100 Continue\r\n\r\n" + response("hi"),
        either(answer(200, body=b"hi", interim=[100]), answer(200, body=b"hi", interim=[])),
    ),
    told(
        "103",
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + response("hi"),
        answer(200, body=b"hi", interim=[103]),
    ),
    told(
        "103 twice",
        b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" * 2 + response("hi"),
        answer(200, body=b"hi", interim=[103, 103]),
    ),
    told(
        "101 that nobody asked for",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
        BAD_GATEWAY,
    ),
    told(
        "102, 103 and 200",
        b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + response("hi"),
        answer(200, interim=[102, 103], body=b"hi"),
    ),
]

FIELDS = [
    with_fields(
        "names in upper case", ["X-Custom-Name: Some Value"], answer(200, fields=[("x-custom-name", "Some Value")])
    ),
    with_fields(
        "fields of a connection",
        ["Connection: close, X-Hop", "X-Hop: 1", "Keep-Alive: timeout=5", "Proxy-Connection: close"],
        answer(200, absent=["connection", "x-hop", "keep-alive", "proxy-connection"]),
    ),
    with_fields("upgrade", ["Upgrade: h2c", "Connection: upgrade"], answer(200, absent=["upgrade", "connection"])),
    with_fields("te", ["TE: trailers"], answer(200, absent=["te"])),
    with_fields(
        "cookies stay apart",
        ["Set-Cookie: a=1", "Set-Cookie: b=2"],
        answer(200, fields=[("set-cookie", "a=1"), ("set-cookie", "b=2")]),
    ),
    with_fields("equal fields stay apart", ["Vary: a", "Vary: b"], answer(200, fields=[("vary", "a"), ("vary", "b")])),
    with_fields("blanks around a value", ["X-A: \t a b \t "], answer(200, fields=[("x-a", "a b")])),
    with_fields("an empty value", ["X-A:"], answer(200, fields=[("x-a", "")])),
    with_fields("bytes above 127", ["X-A: \xe4\xff"], answer(200, fields=[("x-a", "\xe4\xff")])),
    with_fields(
        "many fields", [f"X-{n}: {n}" for n in range(80)], answer(200, fields=[(f"x-{n}", str(n)) for n in range(80)])
    ),
    with_fields("a large field", ["X-A: " + "v" * 6000], answer(200, fields=[("x-a", "v" * 6000)])),
    with_fields(
        "fields that no table may keep",
        ["Authorization: x", "WWW-Authenticate: Basic", "Set-Cookie: a=b"],
        answer(200, fields=[("set-cookie", "a=b")]),
    ),
    with_fields(
        "a date of the server",
        ["Date: Thu, 01 Jan 1970 00:00:00 GMT"],
        answer(200, fields=[("date", "Thu, 01 Jan 1970 00:00:00 GMT")]),
    ),
    with_fields("trailer", ["Trailer: X-Sum"], answer(200)),
]

SERVER_FAULTS = [
    bad("not HTTP", "hello\r\n\r\n"),
    bad("a status line alone", "HTTP/1.1 200 OK\r\n"),
    bad("a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    bad("a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    bad("a status of 000", "HTTP/1.1 000 OK\r\nContent-Length: 0\r\n\r\n"),
    bad("a status of 099", "HTTP/1.1 099 OK\r\nContent-Length: 5\r\n\r\nhello"),
    told("a status of 600", response("hello", "600 Odd"), answer(600, body=b"hello")),
    told("a status of 999", response("hello", "999 Odd"), answer(999, body=b"hello")),
    bad("two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"),
    bad("a length that is no number", "HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"),
    bad("a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello"),
    bad(
        "a length and chunks",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ),
    bad("another coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello"),
    bad("NUL in a value", "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n"),
    bad("CR in a value", "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n"),
    bad("a blank in a name", "HTTP/1.1 200 OK\r\nX Y: a\r\nContent-Length: 0\r\n\r\n"),
    bad("a blank behind a name", "HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 0\r\n\r\n"),
    bad("an empty name", "HTTP/1.1 200 OK\r\n: a\r\nContent-Length: 0\r\n\r\n"),
    bad("a name with a colon in front", "HTTP/1.1 200 OK\r\n:status: 204\r\nContent-Length: 0\r\n\r\n"),
    bad("a folded field", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
    bad("a head that is too large", "HTTP/1.1 200 OK\r\n" + "X: " + "v" * 300_000 + "\r\n\r\n"),
    told("the end in a body", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello", BROKEN, end="close"),
    told("the end in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nhello", BROKEN, end="close"),
    told(
        "the end between chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        BROKEN,
        end="close",
    ),
    told(
        "the end before the last line",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
        BROKEN,
        end="close",
    ),
    told(
        "a chunk that is no chunk",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
        BROKEN,
        end="close",
    ),
    told(
        "a chunk of a huge size",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nfffffffffffffffff\r\n",
        BROKEN,
        end="close",
    ),
    told(
        "trailers that are no fields",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nnonsense\r\nX-Sum: 1\r\n\r\n",
        answer(200, body=b"hello", trailers=[("x-sum", "1")]),
    ),
    told(
        "more than the length",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled",
        answer(200, body=b"hello"),
    ),
    told(
        "a body with HEAD",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        answer(200, body=b""),
        method="HEAD",
        end="close",
    ),
    told(
        "a body with 204",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        either(answer(204, body=b""), BAD_GATEWAY),
        end="close",
    ),
    told(
        "a body with 304",
        "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
        answer(304, body=b""),
        end="close",
    ),
]

# ---- Flow control ----

LARGE = Reply(response(b"x" * 200_000))
TEN = Reply(response("0123456789"))


def size_is(stream, size):
    """Exactly so much comes, and no more until the next step."""

    def step(talk):
        talk.until(lambda: len(talk.streams[stream].body) >= size, f"{size} bytes on stream {stream}")
        talk.echo()
        require(len(talk.streams[stream].body) == size, f"{len(talk.streams[stream].body)} bytes, not {size}")

    return step


def opens(increment, stream=0):
    return lambda talk: talk.open_window(increment, stream)


def resizes(**named):
    """Other SETTINGS, and their ACK."""

    def step(talk):
        talk.send(talk.settings(**named))
        talk.settled()

    return step


def windowed(section, name, *steps, outcome=OK, reply=LARGE, first=None, sees=("/",)):
    return case(section, name, *steps, outcome=outcome, replies={"/": reply}, first=first, sees=sees, window=False)


def frames_of(stream, size):
    """No DATA frame is larger, and some have that size."""

    def step(talk):
        sizes = [len(frame.payload) for frame in talk.frames if frame.kind == Type.DATA and frame.stream == stream]
        require(max(sizes) <= size, f"frames of {max(sizes)}")

    return step


WINDOWS = [
    windowed(
        "6.9.1",
        "a window of 1",
        settled,
        get(),
        size_is(1, 1),
        opens(9, 1),
        first={"initial_window_size": 1},
        outcome=answer(200, body=b"0123456789"),
        reply=TEN,
    ),
    windowed(
        "6.9.1",
        "a window in steps of 1",
        settled,
        get(),
        head_on(1),
        *[step for n in range(10) for step in (size_is(1, n), opens(1, 1))],
        first={"initial_window_size": 0},
        outcome=answer(200, body=b"0123456789"),
        reply=TEN,
    ),
    windowed(
        "6.9.2",
        "a window of 0 that grows by SETTINGS",
        settled,
        get(),
        head_on(1),
        size_is(1, 0),
        resizes(initial_window_size=10),
        outcome=answer(200, body=b"0123456789"),
        reply=TEN,
        first={"initial_window_size": 0},
    ),
    windowed(
        "6.9.2",
        "a window that becomes negative",
        settled,
        get(),
        size_is(1, 5),
        resizes(initial_window_size=2),
        opens(2, 1),
        size_is(1, 5),
        opens(1, 1),
        size_is(1, 5),
        opens(1, 1),
        size_is(1, 6),
        opens(100, 1),
        first={"initial_window_size": 5},
        outcome=answer(200, body=b"0123456789"),
        reply=TEN,
    ),
    windowed(
        "6.9.1",
        "the window of the connection",
        settled,
        get(),
        size_is(1, 65535),
        opens(1),
        size_is(1, 65536),
        opens(200_000),
        first={"initial_window_size": 1_000_000},
        outcome=answer(200, body=b"x" * 200_000),
    ),
    windowed(
        "6.9.1",
        "a stream without a window does not stop another",
        settled,
        get(),
        size_is(1, 100),
        get(3, "/other"),
        answered_on(3),
        opens(200_000, 1),
        opens(200_000),
        first={"initial_window_size": 100},
        outcome=answer(200, body=b"x" * 200_000),
        sees=["/", "/other"],
    ),
    windowed(
        "6.9",
        "a head needs no window",
        settled,
        headers(1, request("/", "HEAD")),
        outcome=answer(200, body=b""),
        reply=Reply(response("")),
        first={"initial_window_size": 0},
        sees=["HEAD / HTTP/1.1"],
    ),
    windowed(
        "6.9",
        "an empty body needs no window",
        settled,
        get(),
        outcome=answer(200, body=b""),
        reply=Reply(response("")),
        first={"initial_window_size": 0},
    ),
    windowed(
        "6.9",
        "trailers need no window",
        settled,
        get(),
        size_is(1, 5),
        outcome=answer(200, body=b"hello", trailers=[("x-sum", "1")]),
        reply=Reply(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n"),
        first={"initial_window_size": 5},
    ),
    windowed(
        "4.2",
        "frames of 16384 at most",
        settled,
        get(),
        opens(200_000, 1),
        opens(200_000),
        answered_on(1),
        frames_of(1, 16384),
        outcome=answer(200, body=b"x" * 200_000),
    ),
    windowed(
        "6.9",
        "a reset while the window is 0",
        settled,
        get(),
        head_on(1),
        lambda talk: talk.reset(1),
        window_update(0, 10),
        resizes(initial_window_size=100),
        get(3, "/other"),
        outcome=answer(200, stream=3),
        first={"initial_window_size": 0},
        sees=["/", "/other"],
    ),
    windowed(
        "6.9.1",
        "a window that another frame gives while DATA comes",
        settled,
        get(),
        *[opens(10_000) for _ in range(14)],
        *[opens(10_000, 1) for _ in range(14)],
        answered_on(1),
        outcome=answer(200, body=b"x" * 200_000),
    ),
]

UPLOADS = [
    case(
        "6.9",
        "a body of a window, then more when it opens",
        settled,
        post(1, "/", ("content-length", "300000")),
        lambda talk: talk.upload(1, b"u" * 300_000),
        outcome=OK,
        sees=[Seen("POST / HTTP/1.1", body=b"u" * 300_000)],
    ),
    case(
        "6.9",
        "two bodies at once",
        settled,
        post(1, "/a"),
        post(3, "/b"),
        lambda talk: talk.upload(1, b"u" * 100_000).upload(3, b"u" * 100_000),
        answered_on(1),
        outcome=answer(200, stream=3),
        sees=[Seen(f"POST /{name} HTTP/1.1", body=b"u" * 100_000) for name in "ab"],
    ),
    case(
        "8.1",
        "a reset in the middle of a response",
        get(),
        head_on(1),
        reset(1),
        get(3, "/other"),
        outcome=answer(200, stream=3),
        sees=["/", "/other"],
        replies={"/": Reply(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello")},
    ),
    case(
        "6.5.3",
        "SETTINGS in the middle of a response",
        settled,
        get(),
        settings((Setting.HEADER_TABLE_SIZE, 0), (Setting.MAX_FRAME_SIZE, 20000)),
        get(3),
        answered_on(1),
        outcome=answer(200, stream=3),
        sees=["/", "/"],
    ),
]


CASES = [*BODIES, *INTERIM, *FIELDS, *SERVER_FAULTS, *WINDOWS, *UPLOADS]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_responses(http2_player, case):
    http2_player.play(case)
