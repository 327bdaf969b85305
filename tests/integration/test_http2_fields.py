"""Fields of requests of HTTP/2 on their way to a server of HTTP/1.1, RFC 9113 8.2.

Each case has what the client says and, if the request is served, exactly what the server behind must see of it. The
target /smuggled is in none of what may be seen.
"""

import pytest

from ravelin_test.http2 import hpack
from ravelin_test.http2.behind import Seen
from ravelin_test.http2.cases import OK, answer, case, either, stream_error
from ravelin_test.http2.frames import Code, data, headers
from ravelin_test.http2.talk import request

MALFORMED = stream_error(Code.PROTOCOL_ERROR)
EITHER = either(MALFORMED, answer(400))
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"


def asked(section, name, fields, outcome=OK, sees=None, content=None, more=b"", **options):
    """A request of these fields. `content`: a body in one DATA frame."""
    pieces = [headers(1, fields, end=content is None and not more)]
    if content is not None:
        pieces.append(data(1, content, end=not more))
    if sees is None:
        sees = [Seen("GET / HTTP/1.1")] if outcome is OK else []
    return case(section, name, b"".join(pieces) + more, outcome=outcome, sees=sees, **options)


def with_field(section, name, field, outcome, shown=None, **options):
    """An ordinary GET with one more field. `shown`: how the server must see it."""
    fields = [shown] if shown else []
    sees = [Seen("GET / HTTP/1.1", fields)] if outcome is OK else []
    return asked(section, name, request("/", "GET", field), outcome, sees, **options)


def code_of(byte):
    return f"{byte:#04x}"


# ---- Names and values ----

CONTROLS = [*range(0x00, 0x20), 0x7F]
SEPARATORS = b'"(),/:;<=>?@[\\]{}'

NAMES = [
    *[
        with_field("8.2.1", f"{code_of(b)} in a name", (b"x%cy" % b, "1"), MALFORMED)
        for b in [*CONTROLS, 0x20, *SEPARATORS]
    ],
    *[with_field("8.2.1", f"{chr(b)} in a name", (b"x%cy" % b, "1"), MALFORMED) for b in b"AMZ"],
    *[with_field("8.2.1", f"{code_of(b)} in a name", (b"x%cy" % b, "1"), MALFORMED) for b in (0x80, 0xA0, 0xC3, 0xFF)],
    *[with_field("8.2.1", f"{code_of(b)} before a name", (b"%cx" % b, "1"), MALFORMED) for b in b"\0\t\n\r :"],
    *[with_field("8.2.1", f"{code_of(b)} behind a name", (b"x%c" % b, "1"), MALFORMED) for b in b"\0\t\n\r :"],
    with_field("8.2.1", "an empty name", ("", "1"), MALFORMED),
    with_field("8.2.1", "a name of one colon", (":", "1"), MALFORMED),
    with_field("8.2.1", "a whole field in a name", ("x: 1\r\ntransfer-encoding", "chunked"), MALFORMED),
    with_field("8.2.1", "a whole request in a name", (f"x: 1\r\n\r\n{SMUGGLED}x", "1"), MALFORMED),
    with_field("8.2.1", "a name with upper case", ("X-Upper", "1"), MALFORMED),
    with_field("8.2.1", "Content-Length in upper case", ("Content-Length", "0"), MALFORMED),
    with_field("8.2.1", "Transfer-Encoding in upper case", ("Transfer-Encoding", "chunked"), MALFORMED),
    with_field("8.2.1", "all that a name may hold", ("!#$%&'*+-.^_`|~09az", "1"), OK, ("!#$%&'*+-.^_`|~09az", "1")),
]

VALUES = [
    *[with_field("8.2.1", f"{code_of(b)} in a value", ("x", b"a%cb" % b), MALFORMED) for b in CONTROLS if b != 9],
    *[with_field("8.2.1", f"{code_of(b)} before a value", ("x", b"%ca" % b), MALFORMED) for b in b"\0\t\n\r "],
    *[with_field("8.2.1", f"{code_of(b)} behind a value", ("x", b"a%c" % b), MALFORMED) for b in b"\0\t\n\r "],
    *[with_field("8.2.1", f"a value of {code_of(b)}", ("x", bytes([b])), MALFORMED) for b in b"\0\t\n\r "],
    with_field("8.2.1", "a tab in a value", ("x", "a\tb"), OK, ("x", "a\tb")),
    with_field("8.2.1", "a blank in a value", ("x", "a  b"), OK, ("x", "a  b")),
    with_field("8.2.1", "bytes above 127 in a value", ("x", b"\x80\xc3\xa4\xff"), OK, ("x", "\x80\xc3\xa4\xff")),
    with_field("8.2.1", "an empty value", ("x", ""), OK, ("x", "")),
    with_field("8.2.1", "a field in a value", ("x", "1\r\ntransfer-encoding: chunked"), MALFORMED),
    with_field("8.2.1", "a field behind LF in a value", ("x", "1\ntransfer-encoding: chunked"), MALFORMED),
    with_field("8.2.1", "a field behind CR in a value", ("x", "1\rtransfer-encoding: chunked"), MALFORMED),
    with_field("8.2.1", "a folded value", ("x", "1\r\n 2"), MALFORMED),
    with_field("8.2.1", "a request in a value", ("x", f"1\r\n\r\n{SMUGGLED}"), MALFORMED),
    with_field("8.2.1", "a request in a cookie", ("cookie", f"a=1\r\n\r\n{SMUGGLED}"), MALFORMED),
    with_field(
        "8.2.1", "a request in a user-agent, coded", hpack.literal(58, f"1\r\n\r\n{SMUGGLED}", coded=True), MALFORMED
    ),
    with_field("8.2.1", "LF in a field that is never indexed", hpack.literal("x", "1\n", kind=0x10), MALFORMED),
    with_field("8.2.1", "LF in a field that is remembered", hpack.literal("x", "1\n2", kind=0x40), MALFORMED),
]

# ---- Fields of a connection ----

OF_CONNECTION = [
    with_field("8.2.2", "connection: close", ("connection", "close"), MALFORMED),
    with_field("8.2.2", "connection: keep-alive", ("connection", "keep-alive"), MALFORMED),
    with_field("8.2.2", "connection: te", ("connection", "te"), MALFORMED),
    with_field("8.2.2", "connection: x-forwarded-for", ("connection", "x-forwarded-for"), MALFORMED),
    with_field("8.2.2", "connection: upgrade", ("connection", "upgrade"), MALFORMED),
    with_field("8.2.2", "connection: host", ("connection", "host"), MALFORMED),
    with_field("8.2.2", "an empty connection", ("connection", ""), MALFORMED),
    with_field("8.2.2", "keep-alive", ("keep-alive", "timeout=5"), MALFORMED),
    with_field("8.2.2", "proxy-connection", ("proxy-connection", "keep-alive"), MALFORMED),
    with_field("8.2.2", "upgrade: websocket", ("upgrade", "websocket"), MALFORMED),
    with_field("8.2.2", "upgrade: h2c", ("upgrade", "h2c"), MALFORMED),
    *[
        with_field("8.2.2", f"transfer-encoding: {value}", ("transfer-encoding", value), MALFORMED)
        for value in ("chunked", "identity", "gzip", "trailers", "", "chunked, chunked", "xchunked", "CHUNKED")
    ],
    with_field("8.2.2", "te: trailers", ("te", "trailers"), OK),
    with_field("8.2.2", "te: gzip", ("te", "gzip"), MALFORMED),
    with_field("8.2.2", "te: trailers, gzip", ("te", "trailers, gzip"), MALFORMED),
    with_field("8.2.2", "te: trailers;q=0.5", ("te", "trailers;q=0.5"), MALFORMED),
    with_field("8.2.2", "te: chunked", ("te", "chunked"), MALFORMED),
    with_field("8.2.2", "an empty te", ("te", ""), MALFORMED),
    asked("8.2.2", "te twice", request("/", "GET", ("te", "trailers"), ("te", "deflate")), MALFORMED),
    *[
        asked(
            *["8.2.2", f"transfer-encoding {place} content-length"],
            request("/", "POST", *([("transfer-encoding", "chunked"), ("content-length", "5")][::order])),
            *[MALFORMED],
            content=b"0\r\n\r\n",
        )
        for place, order in (("before", 1), ("behind", -1))
    ],
    asked(
        "8.2.2",
        "transfer-encoding with chunks",
        request("/", "POST", ("transfer-encoding", "chunked")),
        MALFORMED,
        content=f"0\r\n\r\n{SMUGGLED}".encode(),
    ),
    with_field("8.2.2", "a name that begins like transfer-encoding", ("transfer-encoding-x", "chunked"), EITHER),
    with_field(
        "8.2.2",
        "a name that ends like transfer-encoding",
        ("x-transfer-encoding", "chunked"),
        OK,
        ("x-transfer-encoding", "chunked"),
    ),
    with_field("8.2.2", "transfer-encoding with a blank", ("transfer-encoding ", "chunked"), MALFORMED),
    with_field("8.2.2", "transfer-encoding with a colon", ("transfer-encoding:", "chunked"), MALFORMED),
    with_field("8.2.2", "transfer-encoding behind a colon", (":transfer-encoding", "chunked"), MALFORMED),
]

COOKIES = [
    asked(
        "8.2.3",
        "crumbs",
        request("/", "GET", ("cookie", "a=1"), ("cookie", "b=2"), ("cookie", "c=3")),
        OK,
        [Seen("GET / HTTP/1.1", [("cookie", "a=1; b=2; c=3")])],
    ),
    asked(
        "8.2.3",
        "crumbs apart",
        request("/", "GET", ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2; c=3")),
        OK,
        [Seen("GET / HTTP/1.1", [("cookie", "a=1; b=2; c=3"), ("x", "y")])],
    ),
    asked(
        "8.2.3",
        "a crumb alone",
        request("/", "GET", ("cookie", "a=1")),
        OK,
        [Seen("GET / HTTP/1.1", [("cookie", "a=1")])],
    ),
    asked(
        "8.2.3",
        "hundred crumbs",
        request("/", "GET", *[("cookie", f"c{n}={n}") for n in range(50)]),
        OK,
        [Seen("GET / HTTP/1.1", [("cookie", "; ".join(f"c{n}={n}" for n in range(50)))])],
    ),
    asked("8.2.3", "a crumb with CR LF", request("/", "GET", ("cookie", "a=1"), ("cookie", "b=2\r\nx: y")), MALFORMED),
    asked(
        "8.2.3",
        "crumbs that are never indexed",
        request("/", "GET", hpack.literal("cookie", "a=1", kind=0x10), hpack.literal("cookie", "b=2", kind=0x40)),
        OK,
        [Seen("GET / HTTP/1.1", [("cookie", "a=1; b=2")])],
    ),
]

CASES = [*NAMES, *VALUES, *OF_CONNECTION, *COOKIES]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_fields(http2_player, case):
    http2_player.play(case)
