"""What a client may send of HTTP/2, and what becomes of it otherwise: RFC 9113 3 to 7, frame by frame."""

import pytest

from ravelin_test.http2.cases import (
    FINE,
    OK,
    answer,
    answered_on,
    case,
    connection_error,
    echo,
    either,
    get,
    post,
    seen_behind,
    settled,
    stream_error,
)
from ravelin_test.http2 import hpack
from ravelin_test.http2.behind import HOLD, Seen
from ravelin_test.http2.frames import (
    ACK,
    END_HEADERS,
    PREFACE,
    WINDOW_MAX,
    Code,
    Setting,
    Type,
    continuation,
    data,
    frame,
    headers,
    ping,
    priority,
    priority_update,
    reset,
    settings,
    settings_ack,
    window_update,
)
from ravelin_test.http2.talk import request

PROTOCOL = Code.PROTOCOL_ERROR
CLOSED = Code.STREAM_CLOSED
SIZE = Code.FRAME_SIZE_ERROR
FLOW = Code.FLOW_CONTROL_ERROR
COMPRESSION = Code.COMPRESSION_ERROR
HELD = {"/": HOLD}
HALF = {"replies": HELD, "sees": ["/"]}  # the stream of a request that waits for its response
POSTED = Seen("POST / HTTP/1.1")
SEEN_CUT = Seen("POST / HTTP/1.1", cut=True)


def body(content=b"", line="POST / HTTP/1.1"):
    return Seen(line, body=content)


def fails(section, code, name, *steps, **options):
    """No server sees anything."""
    return case(section, name, *steps, outcome=connection_error(code), **options)


def served(section, name, *steps, **options):
    return case(section, name, *steps, outcome=OK, sees=["/"], **options)


def held(section, name, outcome, *steps):
    """While a server works for stream 1, which the client has ended."""
    return case(section, name, get(), seen_behind(), *steps, outcome=outcome, **HALF)


def closed(section, name, outcome, *steps):
    """When the response on stream 1 is complete."""
    return case(section, name, get(), answered_on(1), *steps, outcome=outcome, sees=["/"])


def split(*at, end=True, path="/"):
    """A request in a HEADERS frame and CONTINUATION frames, cut at these places."""
    block = hpack.block(request(path))
    cuts = [0, *at, len(block)]
    pieces = [block[a:b] for a, b in zip(cuts, cuts[1:])]
    last = len(pieces) - 1
    frames = [headers(1, pieces[0], end=end, whole=last == 0)]
    return frames + [continuation(1, piece, whole=n == last) for n, piece in enumerate(pieces[1:], 1)]


START = [
    served("3.4", "the preface and a request in one piece", first=PREFACE + settings() + get()),
    served(
        "3.4",
        "SETTINGS with many values",
        settled,
        get(),
        first={"enable_push": 0, "max_frame_size": 65536, "max_header_list_size": 65536},
    ),
    *[
        case("3.4", name, first=first, outcome=connection_error(PROTOCOL, silent=True))
        for name, first in {
            "no preface": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "a preface of HTTP/1": b"PRI * HTTP/1.1\r\n\r\nSM\r\n\r\n" + settings(),
            "another word in the preface": b"PRI * HTTP/2.0\r\n\r\nMS\r\n\r\n" + settings(),
        }.items()
    ],
    fails("3.4", PROTOCOL, "a preface without SETTINGS", first=PREFACE + ping()),
    fails("3.4", PROTOCOL, "a request before SETTINGS", first=PREFACE + get()),
    fails("3.4", PROTOCOL, "an ACK as first SETTINGS", first=PREFACE + settings_ack()),
    fails("3.4", PROTOCOL, "WINDOW_UPDATE before SETTINGS", first=PREFACE + window_update(0, 1)),
    case("3.4", "the preface twice", PREFACE, outcome=connection_error(PROTOCOL, SIZE)),
    fails("3.4", PROTOCOL, "an unknown frame before SETTINGS", first=PREFACE + frame(32, 0, 0, b"x")),
]

FRAMES = [
    served("4.1", "a frame of unknown type", frame(22, 0, 0, bytes(8)), get()),
    served("4.1", "a frame of unknown type on a stream", get(), frame(255, 255, 1, bytes(100))),
    served("4.1", "a frame of unknown type on an idle stream", frame(11, 255, 77, bytes(100)), get()),
    served("4.1", "flags that PING does not define", frame(Type.PING, 22, 0, bytes(8)), get()),
    served("4.1", "flags that HEADERS does not define", get(flags=82)),
    case(
        "4.1",
        "flags that DATA does not define",
        post(),
        data(1, b"hello", end=True, flags=0xF6 & ~8),
        outcome=OK,
        sees=[body(b"hello")],
    ),
    served(
        "4.1", "flags that WINDOW_UPDATE does not define", frame(Type.WINDOW_UPDATE, 255, 0, b"\x00\x00\x00\x01"), get()
    ),
    served("4.1", "flags that SETTINGS does not define", frame(Type.SETTINGS, 254), get()),
    served("4.1", "the reserved bit in PING", frame(Type.PING, 0, 0, bytes(8), reserved=1), get()),
    served(
        "4.1",
        "the reserved bit in HEADERS",
        headers(1, request())[:5] + b"\x80\x00\x00\x01" + headers(1, request())[9:],
    ),
    served("4.1", "the reserved bit in WINDOW_UPDATE", frame(Type.WINDOW_UPDATE, 0, 0, b"\x80\x00\x00\x01"), get()),
    case("4.2", "DATA of 2^14", post(), data(1, bytes(16384), end=True), outcome=OK, sees=[body(bytes(16384))]),
    case(
        "4.2",
        "DATA of 2^14 + 1",
        post(),
        seen_behind(),
        data(1, bytes(16385), end=True),
        outcome=connection_error(SIZE),
        sees=[SEEN_CUT],
    ),
    fails("4.2", SIZE, "HEADERS of 2^14 + 1", get(1, "/", ("x", "y" * 16384))),
    fails("4.2", SIZE, "CONTINUATION of 2^14 + 1", headers(1, request(), whole=False), continuation(1, bytes(16385))),
    fails("4.2", SIZE, "SETTINGS of 16386", frame(Type.SETTINGS, 0, 0, b"\x00\xff\x00\x00\x00\x00" * 2731)),
    fails("4.2", SIZE, "PING of 2^24 - 1", frame(Type.PING, 0, 0, bytes(8), length=2**24 - 1)),
    served("4.2", "an unknown frame of 2^14", frame(119, 0, 0, bytes(16384)), get()),
    fails("4.2", SIZE, "an unknown frame of 2^14 + 1", frame(119, 0, 0, bytes(16385))),
    case(
        "4.2",
        "padded DATA of 2^14",
        post(),
        data(1, bytes(16128), end=True, padding=255),
        outcome=OK,
        sees=[body(bytes(16128))],
    ),
    fails("4.3", COMPRESSION, "a field block that means nothing", headers(1, b"\xff\xff\xff\xff\xff\xff\xff\xff")),
    fails("4.3", COMPRESSION, "a field block that ends in a field", headers(1, hpack.block(request())[:-1])),
    fails("4.3", PROTOCOL, "PRIORITY in a field block", headers(1, request(), whole=False), priority(1)),
    fails("4.3", PROTOCOL, "HEADERS of another stream in a field block", headers(1, request(), whole=False), get(3)),
    fails("4.3", PROTOCOL, "HEADERS of the same stream in a field block", headers(1, request(), whole=False), get(1)),
    fails(
        "4.3",
        PROTOCOL,
        "an unknown frame in a field block",
        headers(1, request(), whole=False),
        frame(22, 0, 1),
        continuation(1),
    ),
    fails("4.3", PROTOCOL, "PING in a field block", headers(1, request(), whole=False), ping(), continuation(1)),
    fails(
        "4.3", PROTOCOL, "SETTINGS in a field block", headers(1, request(), whole=False), settings(), continuation(1)
    ),
    fails("4.3", PROTOCOL, "DATA in a field block", headers(1, request(), end=False, whole=False), data(1, b"x")),
    fails("4.3", PROTOCOL, "WINDOW_UPDATE in a field block", headers(1, request(), whole=False), window_update(0, 1)),
    fails("4.3", PROTOCOL, "RST_STREAM in a field block", headers(1, request(), whole=False), reset(1)),
]

STATES = [
    fails("5.1", PROTOCOL, "DATA on an idle stream", data(1, b"x")),
    fails("5.1", PROTOCOL, "empty DATA on an idle stream", data(1, end=True)),
    fails("5.1", PROTOCOL, "RST_STREAM on an idle stream", reset(1)),
    fails("5.1", PROTOCOL, "WINDOW_UPDATE on an idle stream", window_update(1, 1)),
    fails("5.1", PROTOCOL, "CONTINUATION on an idle stream", continuation(1, request())),
    closed("5.1", "DATA on an idle stream above the last one", connection_error(PROTOCOL), data(3, b"x")),
    fails("5.1", PROTOCOL, "RST_STREAM on an idle stream of even number", reset(2)),
    held("5.1", "half closed: DATA", stream_error(CLOSED), data(1, b"x")),
    held("5.1", "half closed: DATA with END_STREAM", stream_error(CLOSED), data(1, b"x", end=True)),
    held("5.1", "half closed: HEADERS", stream_error(CLOSED), get()),
    held("5.1", "half closed: trailers", stream_error(CLOSED), headers(1, [("a", "b")])),
    held("5.1", "half closed: CONTINUATION", connection_error(PROTOCOL), continuation(1, [("a", "b")])),
    case(
        "5.1",
        "half closed: DATA behind a body",
        post(),
        data(1, b"x", end=True),
        seen_behind(),
        data(1, b"y", end=True),
        outcome=stream_error(CLOSED),
        replies=HELD,
        sees=None,  # the body, or nothing of it if both frames come at once
    ),
    served("5.1", "half closed: WINDOW_UPDATE", get(), window_update(1, 1)),
    served("5.1", "half closed: PRIORITY", get(), priority(1)),
    held("5.1", "half closed: RST_STREAM", FINE, reset(1)),
    case(
        "5.1",
        "reset: DATA",
        get(end=False),
        seen_behind(),
        reset(1),
        data(1, b"x"),
        outcome=either(stream_error(CLOSED), connection_error(CLOSED)),
        replies=HELD,
        sees=[Seen("GET / HTTP/1.1", cut=True)],
    ),
    held("5.1", "reset: HEADERS", either(stream_error(CLOSED), connection_error(CLOSED)), reset(1), get()),
    held("5.1", "reset: CONTINUATION", connection_error(PROTOCOL, CLOSED), reset(1), continuation(1, request())),
    held("5.1", "reset: WINDOW_UPDATE", FINE, reset(1), window_update(1, 1)),
    held("5.1", "reset: RST_STREAM again", FINE, reset(1), reset(1)),
    held("5.1", "reset: PRIORITY", FINE, reset(1), priority(1)),
    closed("5.1", "closed: DATA", connection_error(CLOSED), data(1, b"x")),
    closed("5.1", "closed: HEADERS", connection_error(CLOSED), get()),
    closed("5.1", "closed: CONTINUATION", connection_error(PROTOCOL, CLOSED), continuation(1, request())),
    closed("5.1", "closed: WINDOW_UPDATE", FINE, window_update(1, 1)),
    closed("5.1", "closed: WINDOW_UPDATE by 0", connection_error(PROTOCOL), window_update(1, 0)),
    closed("5.1", "closed: PRIORITY of 4 bytes", stream_error(SIZE), frame(Type.PRIORITY, 0, 1, bytes(4))),
    closed("5.1", "closed: RST_STREAM", FINE, reset(1)),
    closed("5.1", "closed: PRIORITY", FINE, priority(1)),
    fails("5.1.1", PROTOCOL, "a stream of even number", get(2)),
    case(
        "5.1.1",
        "a smaller number than before",
        get(5),
        answered_on(5),
        get(3),
        outcome=connection_error(PROTOCOL),
        sees=["/"],
    ),
    case(
        "5.1.1",
        "a smaller number, half closed before",
        get(5),
        seen_behind(),
        get(3),
        outcome=connection_error(PROTOCOL),
        **HALF
    ),
    case(
        "5.1.1",
        "a number far below the last one",
        get(1001),
        answered_on(1001),
        get(3, "/smuggled"),
        outcome=connection_error(PROTOCOL),
        sees=["/"],
    ),
    case("5.1.1", "numbers that are left out", get(101), outcome=answer(200, stream=101), sees=["/"]),
    case(
        "5.1.1",
        "DATA on a number that was left out",
        get(5),
        answered_on(5),
        data(3, b"x"),
        outcome=stream_error(CLOSED, stream=3),
        sees=["/"],
    ),
    case(
        "5.1.2",
        "hundred streams one behind the other",
        b"".join(get(2 * n + 1) for n in range(100)),
        answered_on(199),
        outcome=OK,
        sees=["/"] * 100,
    ),
    case("5.3.1", "HEADERS that depends on itself", get(priority=(False, 1, 5)), outcome=stream_error(PROTOCOL)),
    held("5.3.1", "PRIORITY that depends on itself", stream_error(PROTOCOL), priority(1, on=1)),
    case(
        "5.4.1",
        "the end follows a connection error",
        get(1, "/a"),
        answered_on(1),
        frame(Type.PING, 0, 3, bytes(8)),
        get(3, "/b"),
        outcome=connection_error(PROTOCOL),
        sees=["/a"],
    ),
    case(
        "5.5",
        "an unknown frame behind HEADERS",
        post(),
        frame(0xEE, 1, 1, b"x"),
        data(1, b"y", end=True),
        outcome=OK,
        sees=[body(b"y")],
    ),
    fails(
        "5.5",
        PROTOCOL,
        "an unknown frame between CONTINUATION frames",
        *split(3)[:1],
        frame(238, 0, 0, b"x"),
        split(3)[1]
    ),
    served("5.5", "an unknown setting", settings((65535, 1), (0, 5), (11051, 4294967295)), get()),
]

DATA = [
    case(
        "6.1",
        "a body in many frames",
        post(),
        *[data(1, bytes([n]) * n) for n in range(1, 20)],
        data(1, end=True),
        outcome=OK,
        sees=[body(b"".join(bytes([n]) * n for n in range(1, 20)))]
    ),
    case(
        "6.1",
        "a body with padding",
        post(),
        data(1, b"hello", padding=100),
        data(1, b"!", end=True, padding=0),
        outcome=OK,
        sees=[body(b"hello!")],
    ),
    case(
        "6.1",
        "nothing but padding",
        post(),
        data(1, b"", padding=255),
        data(1, b"x", padding=9),
        data(1, b"", padding=3, end=True),
        outcome=OK,
        sees=[body(b"x")],
    ),
    case(
        "6.1",
        "padding that is not zero",
        post(),
        frame(Type.DATA, 0x9, 1, b"\3abcxyz"),
        outcome=either(OK, connection_error(PROTOCOL)),
        sees=[body(b"abc")],
    ),
    fails("6.1", PROTOCOL, "DATA on stream 0", data(0, b"x")),
    fails("6.1", PROTOCOL, "empty DATA on stream 0", data(0)),
    case(
        "6.1",
        "padding as long as the payload",
        post(),
        seen_behind(),
        data(1, b"hello", padding=0, pad_length=6, end=True),
        outcome=connection_error(PROTOCOL),
        sees=[SEEN_CUT],
    ),
    case(
        "6.1",
        "padding longer than the payload",
        post(),
        seen_behind(),
        data(1, b"hello", padding=0, pad_length=255),
        outcome=connection_error(PROTOCOL),
        sees=[SEEN_CUT],
    ),
    case(
        "6.1",
        "PADDED without a pad length",
        post(),
        seen_behind(),
        frame(Type.DATA, 8, 1),
        outcome=connection_error(SIZE, PROTOCOL),
        sees=[SEEN_CUT],
    ),
    case("6.1", "an empty body", post(), data(1, end=True), outcome=OK, sees=[body(b"")]),
]

HEADERS = [
    served("6.2", "HEADERS with padding", get(padding=17)),
    served("6.2", "HEADERS with padding of 0", get(padding=0)),
    served("6.2", "HEADERS with priority", get(priority=(True, 0, 255))),
    served("6.2", "HEADERS with priority and padding", get(priority=(False, 9, 0), padding=255)),
    fails("6.2", PROTOCOL, "HEADERS on stream 0", get(0)),
    fails("6.2", PROTOCOL, "padding longer than the payload", headers(1, b"\x82", padding=0, pad_length=40)),
    case(
        "6.2",
        "padding that leaves no room for the priority",
        frame(Type.HEADERS, 0x2D, 1, b"\2\0\0\0\0\1"),
        outcome=connection_error(PROTOCOL, SIZE),
    ),
    case(
        "6.2",
        "PRIORITY flag without its fields",
        frame(Type.HEADERS, 0x25, 1, b"\0\0\0"),
        outcome=connection_error(SIZE, PROTOCOL),
    ),
    case("6.2", "PADDED without a pad length", frame(Type.HEADERS, 0xD, 1), outcome=connection_error(SIZE, PROTOCOL)),
    case("6.2", "an empty field block", headers(1, b""), outcome=stream_error(PROTOCOL)),
    served("6.2", "coded strings", get(coded=True)),
]

PRIORITY = [
    served("6.3", "PRIORITY on an idle stream", priority(1, weight=255), get()),
    served("6.3", "PRIORITY of weight 1", priority(1, weight=0), get()),
    served("6.3", "PRIORITY on a stream that comes later", priority(3, on=1), get(1)),
    served("6.3", "PRIORITY on another stream", priority(1, on=13), get()),
    served("6.3", "exclusive PRIORITY", priority(1, exclusive=True), get()),
    served("6.3", "PRIORITY on an idle stream, then a lower one", priority(9), get(1)),
    fails("6.3", PROTOCOL, "PRIORITY on stream 0", priority(0)),
    held("6.3", "PRIORITY of 4 bytes", stream_error(SIZE), frame(Type.PRIORITY, 0, 1, bytes(4))),
    held("6.3", "PRIORITY of 6 bytes", stream_error(SIZE), frame(Type.PRIORITY, 0, 1, bytes(6))),
    held("6.3", "an empty PRIORITY", stream_error(SIZE), frame(Type.PRIORITY, 0, 1)),
    case(
        "6.3",
        "PRIORITY of 4 bytes on an idle stream",
        frame(Type.PRIORITY, 0, 1, bytes(4)),
        outcome=either(connection_error(SIZE, PROTOCOL), stream_error(SIZE)),
    ),
]

RESET = [
    fails("6.4", PROTOCOL, "RST_STREAM on stream 0", reset(0)),
    held("6.4", "RST_STREAM of 3 bytes", connection_error(SIZE), frame(Type.RST_STREAM, 0, 1, bytes(3))),
    held("6.4", "RST_STREAM of 5 bytes", connection_error(SIZE), frame(Type.RST_STREAM, 0, 1, bytes(5))),
    held("6.4", "an empty RST_STREAM", connection_error(SIZE), frame(Type.RST_STREAM, 0, 1)),
    case(
        "6.4",
        "RST_STREAM in the middle of a body",
        post(),
        data(1, b"abc"),
        seen_behind(),
        reset(1),
        outcome=FINE,
        sees=[SEEN_CUT],
    ),
    held("6.4", "RST_STREAM with NO_ERROR", FINE, reset(1, Code.NO_ERROR)),
]

SETTINGS = [
    served("6.5", "empty SETTINGS", settings(), get()),
    fails("6.5", SIZE, "ACK with a payload", frame(Type.SETTINGS, ACK, 0, bytes(6))),
    fails("6.5", SIZE, "ACK with one byte", frame(Type.SETTINGS, ACK, 0, b"x")),
    fails("6.5", PROTOCOL, "SETTINGS on a stream", frame(Type.SETTINGS, 0, 1)),
    held("6.5", "SETTINGS on an open stream", connection_error(PROTOCOL), frame(Type.SETTINGS, 0, 1)),
    fails("6.5", SIZE, "SETTINGS of 3 bytes", frame(Type.SETTINGS, 0, 0, bytes(3))),
    fails("6.5", SIZE, "SETTINGS of 7 bytes", frame(Type.SETTINGS, 0, 0, bytes(7))),
    case(
        "6.5",
        "an ACK too many",
        settled,
        settings_ack(),
        get(),
        outcome=either(OK, connection_error(PROTOCOL)),
        sees=["/"],
    ),
    served("6.5.2", "ENABLE_PUSH of 0", settings(enable_push=0), get()),
    served("6.5.2", "ENABLE_PUSH of 1", settings(enable_push=1), get()),
    fails("6.5.2", PROTOCOL, "ENABLE_PUSH of 2", settings(enable_push=2)),
    fails("6.5.2", FLOW, "INITIAL_WINDOW_SIZE of 2^31", settings(initial_window_size=2**31)),
    fails("6.5.2", FLOW, "INITIAL_WINDOW_SIZE of 2^32 - 1", settings(initial_window_size=2**32 - 1)),
    fails("6.5.2", PROTOCOL, "MAX_FRAME_SIZE of 16383", settings(max_frame_size=16383)),
    fails("6.5.2", PROTOCOL, "MAX_FRAME_SIZE of 0", settings(max_frame_size=0)),
    fails("6.5.2", PROTOCOL, "MAX_FRAME_SIZE of 2^24", settings(max_frame_size=2**24)),
    served("6.5.2", "MAX_FRAME_SIZE of 2^24 - 1", get(), first={"max_frame_size": 2**24 - 1}),
    case(
        "6.5.2",
        "HEADER_TABLE_SIZE of 0",
        settled,
        get(),
        answered_on(1),
        get(3),
        outcome=answer(200, stream=3),
        sees=["/", "/"],
        first={"header_table_size": 0},
    ),
    served("6.5.2", "HEADER_TABLE_SIZE of 2^32 - 1", settled, get(), first={"header_table_size": 2**32 - 1}),
    served("6.5.2", "MAX_CONCURRENT_STREAMS of 0", get(), first={"max_concurrent_streams": 0}),
    served("6.5.2", "a setting beyond those known", settings((255, 1)), get()),
    fails("6.5.2", PROTOCOL, "ENABLE_CONNECT_PROTOCOL of 2", settings(enable_connect_protocol=2)),
    fails("6.5.2", PROTOCOL, "NO_RFC7540_PRIORITIES of 2", settings(no_rfc7540_priorities=2)),
    served(
        "6.5.3",
        "the last of several values counts",
        settings((Setting.INITIAL_WINDOW_SIZE, 100), (Setting.INITIAL_WINDOW_SIZE, 65535)),
        get(),
    ),
    fails(
        "6.5.3",
        PROTOCOL,
        "a wrong value behind a right one",
        settings((Setting.ENABLE_PUSH, 0), (Setting.ENABLE_PUSH, 9)),
    ),
]

REST = [
    held(
        "6.6",
        "PUSH_PROMISE",
        connection_error(PROTOCOL),
        frame(Type.PUSH_PROMISE, END_HEADERS, 1, b"\x00\x00\x00\x02" + hpack.block(request())),
    ),
    fails(
        "6.6",
        PROTOCOL,
        "PUSH_PROMISE on an idle stream",
        frame(Type.PUSH_PROMISE, END_HEADERS, 1, b"\x00\x00\x00\x02" + hpack.block(request())),
    ),
    served("6.7", "PING", ping(b"\x00\xff123456"), echo, get()),
    served("6.7", "PING with ACK", ping(b"nobody's", ack=True), get()),
    fails("6.7", PROTOCOL, "PING on a stream", frame(Type.PING, 0, 1, bytes(8))),
    fails("6.7", SIZE, "PING of 6 bytes", frame(Type.PING, 0, 0, bytes(6))),
    fails("6.7", SIZE, "PING of 9 bytes", frame(Type.PING, 0, 0, bytes(9))),
    fails("6.7", SIZE, "an empty PING", frame(Type.PING)),
    fails("6.8", PROTOCOL, "GOAWAY on a stream", frame(Type.GOAWAY, 0, 1, bytes(8))),
    fails("6.8", SIZE, "GOAWAY of 7 bytes", frame(Type.GOAWAY, 0, 0, bytes(7))),
    fails("6.9", PROTOCOL, "WINDOW_UPDATE by 0", window_update(0, 0)),
    held("6.9", "WINDOW_UPDATE of a stream by 0", stream_error(PROTOCOL), window_update(1, 0)),
    fails("6.9", SIZE, "WINDOW_UPDATE of 3 bytes", frame(Type.WINDOW_UPDATE, 0, 0, bytes(3))),
    fails("6.9", SIZE, "WINDOW_UPDATE of 5 bytes", frame(Type.WINDOW_UPDATE, 0, 0, bytes(5))),
    held(
        "6.9", "WINDOW_UPDATE of 3 bytes on a stream", connection_error(SIZE), frame(Type.WINDOW_UPDATE, 0, 1, bytes(3))
    ),
    fails("6.9.1", FLOW, "a window of more than 2^31 - 1", window_update(0, WINDOW_MAX), window_update(0, WINDOW_MAX)),
    served("6.9.1", "the largest window", window_update(0, WINDOW_MAX - 65535), get()),
    fails("6.9.1", FLOW, "one more than the largest window", window_update(0, WINDOW_MAX - 65534)),
    held("6.9.1", "a window of a stream of more than 2^31 - 1", stream_error(FLOW), window_update(1, WINDOW_MAX)),
    served("6.9.1", "the largest window of a stream", get(), window_update(1, WINDOW_MAX - 65535)),
    held(
        "6.9.2",
        "SETTINGS that make a window too large",
        connection_error(FLOW),
        window_update(1, 70000),
        settings(initial_window_size=WINDOW_MAX),
    ),
    served("6.10", "a field block in many frames", *split(*range(1, 10))),
    served("6.10", "a field block in frames of one octet", *split(*range(1, len(hpack.block(request("/")))))),
    served("6.10", "an empty CONTINUATION at the end", headers(1, request(), whole=False), continuation(1)),
    served("6.10", "an empty HEADERS, then CONTINUATION", headers(1, b"", whole=False), continuation(1, request())),
    case(
        "6.10",
        "a field block in many frames, then a body",
        *split(2, 9, end=False),
        data(1, b"x", end=True),
        outcome=OK,
        sees=[body(b"x", "GET / HTTP/1.1")]
    ),
    case(
        "6.10",
        "END_STREAM on CONTINUATION means nothing",
        headers(1, request(method="POST"), end=False, whole=False),
        continuation(1, flags=1),
        data(1, b"x", end=True),
        outcome=OK,
        sees=[body(b"x")],
    ),
    fails("6.10", PROTOCOL, "CONTINUATION, then another frame", *split(3, 5)[:2], data(1, b"x")),
    fails("6.10", PROTOCOL, "CONTINUATION on stream 0", headers(1, request(), whole=False), continuation(0)),
    fails("6.10", PROTOCOL, "CONTINUATION on another stream", headers(1, request(), whole=False), continuation(3)),
    held("6.10", "CONTINUATION behind a whole HEADERS", connection_error(PROTOCOL), continuation(1, [("a", "b")])),
    case(
        "6.10",
        "CONTINUATION behind a whole CONTINUATION",
        *split(3),
        seen_behind(),
        continuation(1, [("a", "b")]),
        outcome=connection_error(PROTOCOL),
        **HALF
    ),
    case(
        "6.10",
        "CONTINUATION behind DATA",
        post(),
        data(1, b"x"),
        seen_behind(),
        continuation(1, [("a", "b")]),
        outcome=connection_error(PROTOCOL),
        sees=[SEEN_CUT],
    ),
    fails("6.10", PROTOCOL, "CONTINUATION alone", continuation(1, request())),
    held("7", "RST_STREAM with an unknown code", FINE, reset(1, 65535)),
    served("9218 7.1", "PRIORITY_UPDATE", priority_update(1, "u=1, i"), get()),
    served("9218 7.1", "PRIORITY_UPDATE with nothing", priority_update(1, ""), get()),
    served("9218 7.1", "PRIORITY_UPDATE with what nobody understands", priority_update(1, "u=99, \x00ÿ(("), get()),
    served("9218 7.1", "a long PRIORITY_UPDATE", priority_update(1, "u=2, " + "a" * 4000), get()),
    fails("9218 7.1", PROTOCOL, "PRIORITY_UPDATE on a stream", priority_update(1, "u=1", on=1)),
    fails("9218 7.1", PROTOCOL, "PRIORITY_UPDATE for stream 0", priority_update(0, "u=1")),
    fails("9218 7.1", PROTOCOL, "PRIORITY_UPDATE for a push", priority_update(2, "u=1")),
    fails("9218 7.1", SIZE, "PRIORITY_UPDATE of 3 bytes", frame(Type.PRIORITY_UPDATE, 0, 0, bytes(3))),
    closed("9218 7.1", "PRIORITY_UPDATE for a closed stream", FINE, priority_update(1, "u=1")),
]

CASES = [*START, *FRAMES, *STATES, *DATA, *HEADERS, *PRIORITY, *RESET, *SETTINGS, *REST]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_frames(http2_player, case):
    http2_player.play(case)
