"""What an attacker tries between HTTP/2 and HTTP/1.1. Each case says what the client and the server behind must see.

The other files go through the RFCs section by section. These cases combine them: tables that outlive a refused request,
fields that become others on their way, frames that come when nothing is expected any more.
"""

import pytest

from ravelin_test.http2 import hpack
from ravelin_test.http2.behind import HOLD, Reply, Seen
from ravelin_test.http2.cases import (
    FINE,
    OK,
    answer,
    answered_on,
    case,
    connection_error,
    either,
    get,
    head_on,
    post,
    reset_on,
    seen_behind,
    stream_error,
)
from ravelin_test.http2.frames import (
    ACK,
    WINDOW_MAX,
    Code,
    Setting,
    Type,
    continuation,
    data,
    dependency,
    frame,
    goaway,
    headers,
    ping,
    priority_update,
    reset,
    settings,
    window_update,
)
from ravelin_test.http2.talk import request
from ravelin_test.http import response
from test_http2_fields import EITHER, MALFORMED, SMUGGLED, asked, with_field

PROTOCOL = connection_error(Code.PROTOCOL_ERROR)
COMPRESSION = connection_error(Code.COMPRESSION_ERROR)
HELD = {"/": HOLD}
LARGE = {"/": Reply(response(b"x" * 100_000))}
SERVED_ON_3 = answer(200, stream=3)
HEAD = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")]
REJECTED = either(MALFORMED, answer(400), answer(431), answer(414))
CUT = Seen("POST / HTTP/1.1", cut=True)


def attack(name, *steps, outcome, sees=(), **options):
    return case("attack", name, *steps, outcome=outcome, sees=sees, **options)


# ---- Tables and blocks ----

BOMB = hpack.remembered("x", "b" * 3900)
NEWEST = hpack.indexed(62)  # of the dynamic table

TABLES = [
    attack(
        "a small block that becomes a large list",
        headers(1, hpack.block(HEAD) + BOMB + NEWEST * 4000),
        get(3),
        outcome=SERVED_ON_3,
        sees=["/"],
    ),
    attack(
        "trailers that become a large list",
        post(),
        data(1, b"x"),
        headers(1, BOMB + NEWEST * 4000),
        get(3),
        outcome=SERVED_ON_3,
        sees=None,
    ),
    attack(
        "a list that is too large fills the table, and the next request uses it",
        headers(1, hpack.block(HEAD) + hpack.remembered("y", "kept") + BOMB + NEWEST * 5),
        headers(3, hpack.block(HEAD) + hpack.indexed(63)),
        outcome=SERVED_ON_3,
        sees=[Seen("GET / HTTP/1.1", [("y", "kept")])],
    ),
    attack(
        "an entry whose name comes from the entry that it drives out",
        headers(1, hpack.block(HEAD) + hpack.remembered("z", "v" * 3000)),
        headers(3, hpack.block(HEAD) + bytes([0x7E]) + hpack.string("w" * 3000)),
        outcome=SERVED_ON_3,
        sees=[Seen("GET / HTTP/1.1", [("z", "v" * 3000)]), Seen("GET / HTTP/1.1", [("z", "w" * 3000)])],
    ),
    attack(
        "a pseudo-field from the table behind a field",
        headers(1, hpack.block(HEAD[:3]) + hpack.remembered(":path", "/first")),
        headers(3, hpack.block([*HEAD[:3], ("x", "y")]) + NEWEST),
        outcome=stream_error(Code.PROTOCOL_ERROR, stream=3),
        sees=["/first"],
    ),
    attack("three changes of size", headers(1, hpack.table_size(0) * 3 + hpack.block(HEAD)), outcome=OK, sees=["/"]),
    attack(
        "nothing but changes of size",
        headers(1, hpack.table_size(0) + hpack.table_size(100)),
        outcome=either(MALFORMED, COMPRESSION),
    ),
    attack("an index of 2^31", headers(1, hpack.block(HEAD) + hpack.integer(2**31, 7, 0x80)), outcome=COMPRESSION),
    attack("an index of 2^63", headers(1, hpack.block(HEAD) + hpack.integer(2**63, 7, 0x80)), outcome=COMPRESSION),
    attack(
        "an index that wraps at 2^32",
        headers(1, hpack.block(HEAD[1:]) + hpack.integer(2**32 + 2, 7, 0x80)),
        outcome=COMPRESSION,
    ),
    attack(
        "an index that wraps at 2^64",
        headers(1, hpack.block(HEAD[1:]) + hpack.integer(2**64 + 2, 7, 0x80)),
        outcome=COMPRESSION,
    ),
    attack(
        "a length that wraps at 2^32",
        headers(1, hpack.block(HEAD) + b"\x00\x01x" + hpack.integer(2**32 + 1, 7, 0) + b"y"),
        outcome=COMPRESSION,
    ),
    attack(
        "a table size that wraps at 2^32",
        headers(1, hpack.integer(2**32, 5, 0x20) + hpack.block(HEAD)),
        outcome=COMPRESSION,
    ),
    attack(
        "a coded name of one byte of padding", headers(1, hpack.block(HEAD) + b"\x00\x81\xff\x00"), outcome=COMPRESSION
    ),
    attack(
        "a coded :path that hides CR LF", asked("", "", [*HEAD[:3], (":path", "/\r\nx: y")]).steps[0], outcome=MALFORMED
    ),
    attack(
        "a block in pieces of one byte, with its index cut",
        *[
            headers(1, hpack.block(HEAD)[:1], whole=False),
            *[continuation(1, bytes([byte]), whole=False) for byte in hpack.block(HEAD)[1:8]],
            continuation(1, hpack.block(HEAD)[8:]),
        ],
        outcome=OK,
        sees=["/"],
    ),
]

# ---- Frames that come when they must not ----

BLOCK = hpack.block(HEAD)


def within_block(name, piece, outcome=PROTOCOL):
    return attack(
        f"{name} within a block", headers(1, BLOCK[:4], whole=False), piece, continuation(1, BLOCK[4:]), outcome=outcome
    )


ORDER = [
    within_block("ALTSVC", frame(0xA, 0, 0, b"\0\0")),
    within_block("PRIORITY_UPDATE", priority_update(1, "u=1")),
    within_block("an extension of its stream", frame(0x4D, 4, 1, b"x")),
    within_block("GOAWAY", goaway(0)),
    within_block("PUSH_PROMISE", frame(Type.PUSH_PROMISE, 4, 1, b"\0\0\0\2")),
    within_block("an ACK of SETTINGS", frame(Type.SETTINGS, ACK)),
    within_block("CONTINUATION of stream 3", continuation(3, b"\x82")),
    within_block("CONTINUATION of stream 0", continuation(0, b"\x82")),
    attack(
        "PRIORITY of a HEADERS that goes on, on itself",
        frame(Type.HEADERS, 0x20 | 1, 1, dependency(False, 1) + BLOCK[:4]),
        continuation(1, BLOCK[4:]),
        get(3),
        outcome=SERVED_ON_3,
        sees=["/"],
    ),
    attack(
        "PRIORITY and padding on a HEADERS that goes on",
        frame(Type.HEADERS, 0x20 | 8 | 1, 1, b"\x05" + dependency() + BLOCK[:4] + bytes(5)),
        continuation(1, BLOCK[4:]),
        outcome=OK,
        sees=["/"],
    ),
    attack(
        "PADDED on CONTINUATION",
        headers(1, BLOCK[:4], whole=False),
        continuation(1, BLOCK[4:], flags=8),
        outcome=OK,
        sees=["/"],
    ),
    attack(
        "padding that is a request",
        headers(1, request("/", "POST"), end=False),
        frame(Type.DATA, 8 | 1, 1, bytes([len(SMUGGLED)]) + b"x" + SMUGGLED.encode()),
        outcome=OK,
        sees=[Seen("POST / HTTP/1.1", body=b"x")],
    ),
    attack(
        "ALTSVC, ORIGIN and METADATA",
        frame(0xA, 0, 0, b"\0\0"),
        frame(0xC, 0, 0, b""),
        get(),
        frame(0x4D, 4, 1, b"x"),
        outcome=OK,
        sees=["/"],
    ),
    attack(
        "PUSH_PROMISE of an open stream",
        post(),
        frame(Type.PUSH_PROMISE, 4, 1, b"\0\0\0\2" + BLOCK),
        outcome=PROTOCOL,
        sees=None,
    ),
    attack("HEADERS on a stream that a push would have", headers(2, BLOCK), outcome=PROTOCOL),
    attack(
        "a stream above the last number",
        headers(WINDOW_MAX, BLOCK),
        answered_on(WINDOW_MAX),
        headers(1, BLOCK),
        outcome=PROTOCOL,
        sees=["/"],
    ),
    attack("GOAWAY with an unknown code, and a request", goaway(0, 0xFFFF), ping(), get(), outcome=OK, sees=["/"]),
    attack("GOAWAY with a megabyte of reasons", goaway(0, 0, b"r" * 16000) * 3, get(), outcome=OK, sees=["/"]),
    attack("GOAWAY again with a higher stream", goaway(0), goaway(WINDOW_MAX), get(), outcome=OK, sees=["/"]),
    attack(
        "RST_STREAM between a body and its trailers",
        post(),
        seen_behind(),
        data(1, b"x"),
        reset(1),
        headers(1, hpack.block([("x", "y")])),
        outcome=either(stream_error(Code.STREAM_CLOSED), connection_error(Code.STREAM_CLOSED), FINE),
        sees=[CUT],
    ),
    attack(
        "RST_STREAM behind END_STREAM",
        get(),
        seen_behind(),
        reset(1),
        get(3, "/3"),
        outcome=SERVED_ON_3,
        sees=["/", "/3"],
        replies=HELD,
    ),
    attack(
        "RST_STREAM twice",
        get(),
        seen_behind(),
        reset(1),
        reset(1),
        get(3, "/3"),
        outcome=SERVED_ON_3,
        sees=["/", "/3"],
        replies=HELD,
    ),
    attack(
        "RST_STREAM of a stream that Ravelin has reset",
        headers(1, [("x", "y")]),
        reset_on(1),
        reset(1),
        get(3),
        outcome=SERVED_ON_3,
        sees=["/"],
    ),
    attack(
        "DATA on a stream that Ravelin has reset",
        headers(1, [("x", "y")], end=False),
        reset_on(1),
        data(1, SMUGGLED.encode(), end=True),
        get(3),
        outcome=SERVED_ON_3,
        sees=["/"],
    ),
    attack(
        "trailers on a stream that Ravelin has reset",
        headers(1, [("x", "y")], end=False),
        reset_on(1),
        headers(1, hpack.block([*HEAD[:3], (":path", "/smuggled")])),
        get(3),
        outcome=SERVED_ON_3,
        sees=["/"],
    ),
    attack(
        "a body that is given up, and a request behind it",
        headers(1, request("/", "POST", ("content-length", "200")), end=False),
        data(1, b"x"),
        seen_behind(),
        reset(1),
        get(3, "/3"),
        outcome=SERVED_ON_3,
        sees=[CUT, "/3"],
    ),
]

# ---- Settings and windows in the middle ----

WINDOWS = [
    attack(
        "the table of responses becomes 0 in the middle",
        get(),
        answered_on(1),
        settings((Setting.HEADER_TABLE_SIZE, 0)),
        settings((Setting.HEADER_TABLE_SIZE, 4096)),
        get(3),
        outcome=SERVED_ON_3,
        sees=["/", "/"],
    ),
    attack(
        "the frame size grows in the middle of a response",
        get(),
        head_on(1),
        settings((Setting.MAX_FRAME_SIZE, 2**24 - 1)),
        outcome=answer(200, body=b"x" * 100_000),
        sees=["/"],
        replies=LARGE,
    ),
    attack(
        "a list of no size for responses", settings((Setting.MAX_HEADER_LIST_SIZE, 0)), get(), outcome=OK, sees=["/"]
    ),
    attack("ENABLE_PUSH of 1 in the middle", get(), settings((Setting.ENABLE_PUSH, 1)), outcome=OK, sees=["/"]),
    attack(
        "an unknown setting a thousand times in one frame",
        settings(*[(0x99, n) for n in range(1000)]),
        get(),
        outcome=OK,
        sees=["/"],
    ),
    attack(
        "a window that overflows by two steps, in the middle",
        get(),
        seen_behind(),
        window_update(1, WINDOW_MAX - 65535),
        window_update(1, 1),
        outcome=stream_error(Code.FLOW_CONTROL_ERROR),
        sees=["/"],
        replies=HELD,
    ),
    attack(
        "the window of the connection overflows by two steps",
        window_update(0, WINDOW_MAX - 65535),
        window_update(0, 1),
        outcome=connection_error(Code.FLOW_CONTROL_ERROR),
    ),
    attack(
        "SETTINGS that overflow the window of one of two streams",
        get(1),
        get(3),
        seen_behind(2),
        window_update(3, WINDOW_MAX - 65535),
        settings((Setting.INITIAL_WINDOW_SIZE, 65536)),
        outcome=connection_error(Code.FLOW_CONTROL_ERROR),
        sees=["/", "/"],
        replies=HELD,
    ),
    attack(
        "more than the window of a stream in one write",
        post(),
        data(1, b"x" * 16384) * 5,
        get(3),
        outcome=SERVED_ON_3,
        sees=None,
    ),
    attack(
        "a window of padding, and more",
        post(),
        frame(Type.DATA, 8, 1, b"\xff" + bytes(255)) * 300,
        outcome=connection_error(Code.ENHANCE_YOUR_CALM),
        sees=None,
    ),
    attack(
        "DATA of no bytes that ends a body of a length",
        headers(1, request("/", "POST", ("content-length", "1")), end=False),
        data(1, b"", end=True),
        outcome=MALFORMED,
        sees=None,
    ),
    attack(
        "PING between the parts of a body",
        post(),
        data(1, b"ab"),
        ping(),
        data(1, b"cd", end=True),
        outcome=OK,
        sees=[Seen("POST / HTTP/1.1", body=b"abcd")],
    ),
]

# ---- What becomes something else in HTTP/1.1 ----

TRAILERS = [
    "authorization",
    "cookie",
    "set-cookie",
    "content-type",
    "x-forwarded-for",
    "forwarded",
    "cache-control",
    "content-encoding",
    "range",
]

DOWNGRADES = [
    with_field("attack", "te with more than trailers", ("te", "trailers, chunked"), EITHER),
    with_field("attack", "te with a weight", ("te", "trailers;q=0.5"), EITHER),
    with_field("attack", "te twice", ("te", "chunked, trailers"), EITHER),
    with_field("attack", "transfer-encoding of identity", ("transfer-encoding", "identity"), MALFORMED),
    with_field("attack", "transfer-encoding of nothing", ("transfer-encoding", ""), MALFORMED),
    with_field("attack", "connection of nothing", ("connection", ""), MALFORMED),
    with_field("attack", "connection: te", ("connection", "te"), MALFORMED),
    with_field("attack", "upgrade to h2c", ("upgrade", "h2c"), MALFORMED),
    with_field("attack", "proxy-connection", ("proxy-connection", "close"), MALFORMED),
    asked(
        "attack",
        "content-length and transfer-encoding",
        request("/", "POST", ("content-length", "5"), ("transfer-encoding", "chunked")),
        MALFORMED,
        content=b"hello",
    ),
    asked(
        "attack",
        "transfer_encoding",
        request("/", "POST", ("transfer_encoding", "chunked")),
        OK,
        [Seen("POST / HTTP/1.1", [], b"0\r\n\r\n" + SMUGGLED.encode())],
        content=b"0\r\n\r\n" + SMUGGLED.encode(),
    ),
    asked("attack", "authorization twice", request("/", "GET", ("authorization", "a"), ("authorization", "b")), EITHER),
    asked(
        "attack",
        "content-type twice",
        request("/", "POST", ("content-type", "a/b"), ("content-type", "c/d")),
        EITHER,
        content=b"x",
    ),
    asked("attack", "origin twice", request("/", "GET", ("origin", "https://a"), ("origin", "https://b")), EITHER),
    asked(
        "attack",
        "crumbs that make a field",
        request("/", "GET", ("cookie", "a=b"), ("cookie", "c=d; e"), ("cookie", "f")),
        OK,
        [Seen("GET / HTTP/1.1", [("cookie", "a=b; c=d; e; f")])],
    ),
    asked(
        "attack",
        "an empty crumb",
        request("/", "GET", ("cookie", ""), ("cookie", "a=b")),
        OK,
        [Seen("GET / HTTP/1.1", [("cookie", "; a=b")])],
    ),
    asked("attack", "a path of 16,000", request("/" + "a" * 16_000), REJECTED, []),
    asked("attack", "a query of 9,000", request("/?" + "a" * 9_000), answer(414), []),
    asked(
        "attack",
        "a name of 9,000",
        request("/", "GET", ("x" * 9_000, "y")),
        OK,
        [Seen("GET / HTTP/1.1", [("x" * 9_000, "y")])],
    ),
    asked("attack", "a host with a dot behind another host", request("/", "GET", ("host", "localhost.")), EITHER),
    asked(
        "attack",
        "a host of another port",
        request("/", "GET", ("host", "localhost:8443"), authority="localhost:443"),
        EITHER,
    ),
    asked("attack", "host before the pseudo-fields", [("host", "localhost"), *HEAD], MALFORMED),
    asked("attack", "an authority of 300", request("/", authority="a" * 300), either(answer(421), EITHER), []),
    asked(
        "attack",
        "CONNECT with a path",
        [(":method", "CONNECT"), (":authority", "localhost:443"), (":path", "/")],
        either(MALFORMED, answer(400, 501)),
        [],
    ),
    asked(
        "attack",
        "CONNECT and a body",
        [(":method", "CONNECT"), (":authority", "localhost:443")],
        either(MALFORMED, answer(400, 501, 405)),
        [],
        content=SMUGGLED.encode(),
    ),
    asked("attack", "a websocket by POST", [(":method", "POST"), (":protocol", "websocket"), *HEAD[1:]], MALFORMED, []),
    asked(
        "attack",
        "a websocket with a length",
        [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            *HEAD[1:],
            ("sec-websocket-version", "13"),
            ("content-length", "5"),
        ],
        either(MALFORMED, answer(400)),
        [],
        content=b"hello",
    ),
    asked(
        "attack",
        "a websocket with transfer-encoding",
        [(":method", "CONNECT"), (":protocol", "websocket"), *HEAD[1:], ("transfer-encoding", "chunked")],
        MALFORMED,
        [],
        more=data(1, b"0\r\n\r\n"),
    ),
    asked(
        "attack",
        "a protocol of HTTP/2",
        [(":method", "CONNECT"), (":protocol", "h2c"), *HEAD[1:]],
        either(MALFORMED, answer(400, 501)),
        [],
    ),
    asked(
        "attack",
        "expect, and the end",
        request("/", "POST", ("expect", "100-continue"), ("content-length", "0")),
        OK,
        ["POST / HTTP/1.1"],
    ),
    asked(
        "attack",
        "x-http-method-override",
        request("/", "GET", ("x-http-method-override", "POST")),
        OK,
        [Seen("GET / HTTP/1.1", [("x-http-method-override", "POST")])],
    ),
    *[
        attack(f"{name} in trailers", post(), data(1, b"x"), headers(1, [(name, "a")]), outcome=EITHER, sees=None)
        for name in TRAILERS
    ],
]

# ---- A request that turns out to be malformed at its end ----


def cut_at_end(name, *more):
    steps = (post(1, "/", LENGTH), data(1, b"hello"), seen_behind(), *more)
    return attack(f"after the whole length: {name}", *steps, outcome=EITHER, sees=[CUT])


LENGTH = ("content-length", "5")
ENDS = [
    cut_at_end("more", data(1, b"!")),
    cut_at_end("more, and the end", data(1, b"!", end=True)),
    cut_at_end("a pseudo-field in trailers", headers(1, [(":path", "/")])),
    cut_at_end("Content-Length in trailers", headers(1, [LENGTH])),
    cut_at_end("trailers with a NUL", headers(1, [("x", "a\0b")])),
    cut_at_end("trailers without the end", headers(1, [("x", "y")], end=False)),
    attack(
        "after the whole length: a reset",
        post(1, "/", LENGTH),
        data(1, b"hello"),
        seen_behind(),
        reset(1),
        get(3, "/next"),
        outcome=SERVED_ON_3,
        sees=[CUT, "/next"],
    ),
    attack(
        "after the whole length: the end",
        post(1, "/", LENGTH),
        data(1, b"hello"),
        seen_behind(),
        data(1, end=True),
        outcome=OK,
        sees=[Seen("POST / HTTP/1.1", body=b"hello")],
    ),
]

# ---- The rest of a request whose response is complete ----

# What is malformed then is a stream error as ever, not the NO_ERROR that lets a rest go.
EARLY = {"/": Reply(response("early"), early=True)}


def after_response(name, *more, outcome=SERVED_ON_3, fields=()):
    steps = (post(1, "/", *fields), answered_on(1), *more)
    return attack(f"after a response: {name}", *steps, outcome=outcome, sees=None, replies=EARLY)


def malformed_after(name, *more, fields=()):
    return after_response(name, *more, reset_on(1), outcome=stream_error(Code.PROTOCOL_ERROR), fields=fields)


AFTER = [
    malformed_after("a body that is longer", data(1, b"hello!"), fields=[LENGTH]),
    malformed_after("a second frame that is too much", data(1, b"hello"), data(1, b"!"), fields=[LENGTH]),
    malformed_after("a body that is shorter", data(1, b"hell", end=True), fields=[LENGTH]),
    malformed_after("only padding", data(1, b"", end=True, padding=5), fields=[LENGTH]),
    malformed_after("trailers before the end", data(1, b"h"), headers(1, [("x", "y")]), fields=[LENGTH]),
    malformed_after("a body, where there is none", data(1, b"x"), fields=[("content-length", "0")]),
    *[
        malformed_after(f"trailers with {name}", data(1, b"x"), headers(1, [(name, "x")]))
        for name in (":path", ":status", "connection", "transfer-encoding", "content-length", "host", "Upper", "a b")
    ],
    after_response("the right body", data(1, b"hello", end=True), get(3), fields=[LENGTH]),
    after_response("a body without a length", data(1, b"hello"), data(1, end=True), get(3)),
    after_response("trailers", data(1, b"hello"), headers(1, [("x", "y")]), get(3), fields=[LENGTH]),
]

CASES = [*TABLES, *ORDER, *WINDOWS, *DOWNGRADES, *ENDS, *AFTER]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_attacks(http2_player, case):
    http2_player.play(case)
