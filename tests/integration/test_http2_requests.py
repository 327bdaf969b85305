"""Requests of HTTP/2 on their way to a server of HTTP/1.1, RFC 9113 8: one clear reading, or none at all.

What a case holds is said in test_http2_fields.py.
"""

import pytest

from ravelin_test.http2 import hpack
from ravelin_test.http2.behind import HOLD, Seen
from ravelin_test.http2.cases import OK, answer, case, echo, either, post, seen_behind, stream_error
from ravelin_test.http2.frames import Code, data, headers
from ravelin_test.http2.talk import request
from test_http2_fields import EITHER, MALFORMED, SMUGGLED, asked


def with_pseudo(section, name, outcome=MALFORMED, sees=None, **changes):
    """An ordinary GET with other pseudo-fields: method, scheme, authority, path. None: without it."""
    pairs = {"method": "GET", "scheme": "https", "authority": "localhost", "path": "/", **changes}
    fields = [(f":{key}", value) for key, value in pairs.items() if value is not None]
    return asked(section, name, fields, outcome, sees)


# ---- Pseudo-fields ----

REPEATED = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost"), (":path", "/")]

PSEUDO = [
    with_pseudo("8.3.1", "no :method", method=None),
    with_pseudo("8.3.1", "no :scheme", scheme=None),
    with_pseudo("8.3.1", "no :path", path=None),
    with_pseudo("8.3.1", "nothing but :authority", method=None, scheme=None, path=None),
    with_pseudo("8.3.1", "an empty :method", method=""),
    with_pseudo("8.3.1", "an empty :scheme", scheme=""),
    with_pseudo("8.3.1", "an empty :path", path=""),
    *[asked("8.3.1", f"{pair[0]} twice", [*REPEATED, pair], MALFORMED) for pair in REPEATED],
    asked("8.3.1", ":path twice, and another one", [*REPEATED, (":path", "/smuggled")], MALFORMED),
    asked("8.3.1", ":method twice, and another one", [*REPEATED, (":method", "POST")], MALFORMED),
    asked("8.3.1", ":authority twice, and another one", [*REPEATED, (":authority", "other.test")], MALFORMED),
    *[
        asked("8.3", f"{pair[0]} behind a field", [*[p for p in REPEATED if p != pair], ("x", "y"), pair], MALFORMED)
        for pair in REPEATED
    ],
    asked("8.3", "a pseudo-field of a response", [*REPEATED, (":status", "200")], MALFORMED),
    asked("8.3", "an unknown pseudo-field", [*REPEATED, (":test", "x")], MALFORMED),
    asked("8.3", "an unknown pseudo-field before the others", [(":x", "y"), *REPEATED], MALFORMED),
    asked("8.3", ":host", [*REPEATED, (":host", "localhost")], MALFORMED),
    asked("8.3", ":Path", [*REPEATED[:3], (":Path", "/")], MALFORMED),
    asked("8.3", ":protocol without CONNECT", [*REPEATED, (":protocol", "websocket")], MALFORMED),
    asked("8.3", "pseudo-fields in another order", REPEATED[::-1], OK),
    asked("8.3", "no field at all", b"", MALFORMED),
    asked("8.3", "a pseudo-field without a name", [*REPEATED, (":", "x")], MALFORMED),
]

METHODS = [
    *[
        with_pseudo("8.3.1", f"method {method!r}", method=method)
        for method in (
            "GET /smuggled HTTP/1.1",
            "G ET",
            "GET\t",
            "G\0T",
            "GET\r\n",
            "G\r\nX: y",
            "GET:",
            "G/",
            "(GET)",
            "\x80",
        )
    ],
    with_pseudo("8.3.1", "method ' GET'", method=" GET"),
    *[
        with_pseudo("8.3.1", f"method {method}", OK, [Seen(f"{method} / HTTP/1.1")], method=method)
        for method in ("DELETE", "OPTIONS", "PURGE", "get", "M-SEARCH", "X!#$%&'*+.^_`|~9")
    ],
    asked("8.3.1", "HEAD", request("/", "HEAD"), answer(200, body=b""), ["HEAD / HTTP/1.1"]),
    with_pseudo("8.3.1", "TRACE", answer(405, 501), method="TRACE"),
    with_pseudo("8.3.1", "a method of 33", answer(501, 400), method="M" * 33),
    with_pseudo("8.3.1", "a method of 10000", answer(501, 400, 431), method="M" * 10000),
]

SCHEMES = [
    with_pseudo("8.3.1", "scheme http", either(OK, answer(400, 421)), [Seen("GET / HTTP/1.1")], scheme="http"),
    with_pseudo("8.3.1", "scheme HTTPS", OK, scheme="HTTPS"),
    *[
        with_pseudo("8.3.1", f"scheme {scheme!r}", EITHER, scheme=scheme)
        for scheme in ("ftp", "file", "https:", "https://", "9", "-", "h ttps", "javascript", "http://smuggled/?")
    ],
    *[
        with_pseudo("8.3.1", f"scheme {scheme!r}", MALFORMED, scheme=scheme)
        for scheme in ("https\r\nx: y", "https\0", " https")
    ],
]

PATHS_REFUSED = {
    "an absolute form": "https://localhost/",
    "an absolute form of another host": "https://other.test/",
    "http": "http://localhost/",
    "a path without a slash": "smuggled",
    "two dots": "..",
    "a query alone": "?x",
    "a star": "*",
    "a star and more": "*/",
    "a fragment": "/#fragment",
    "a fragment behind a query": "/?a#b",
    "a blank": "/a b",
    "a version": "/ HTTP/1.1",
    "a request": "/ HTTP/1.1\r\nHost: localhost\r\n\r\nGET /smuggled",
    "LF": "/a\nb",
    "CR": "/a\rb",
    "NUL": "/a\0b",
    "a tab": "/a\tb",
    "DEL": "/a\x7fb",
    "a blank behind": "/a ",
    "a blank before": " /a",
    "a wrong encoding": "/a%zz",
    "a cut encoding": "/a%2",
    "an encoded NUL": "/a%00b",
    "dot segments": "/a/../../b",
    "encoded dot segments": "/a/%2e%2e/b",
    "a backslash": "/a\\..\\b",
    "an authority": "localhost:443",
    "bytes above 127": "/\xe4",
}
PATHS_SERVED = [
    "/a/b/c?d=e&f",
    "/%7Euser/",
    "/a;b=c",
    "/?",
    "/a?b?c",
    "/?a=/../b",
    "/a:b@c",
    "/a//b",
    "//a",
    "/" + "a" * 4000,
    "/a%20b",
    "/a%0d%0ab",
    "/.well-known/x",
    "/-._~!$&'()*+,;=:@",
]

PATHS = [
    *[with_pseudo("8.3.1", f"path: {name}", EITHER, path=path) for name, path in PATHS_REFUSED.items()],
    *[with_pseudo("8.3.1", f"path {path[:30]}", OK, [path], path=path) for path in PATHS_SERVED],
    with_pseudo("8.3.1", "path * with OPTIONS", OK, ["OPTIONS * HTTP/1.1"], method="OPTIONS", path="*"),
    with_pseudo("8.3.1", "path * with POST", EITHER, method="POST", path="*"),
]

AUTHORITIES_REFUSED = [
    *[
        "user@localhost",
        "user:password@localhost",
        "localhost/",
        "localhost/smuggled",
        "localhost?x",
        "localhost#x",
        "local host",
        "localhost:",
    ],
    *[
        "localhost:x",
        "localhost:0",
        "localhost:65536",
        "localhost:99999999",
        "localhost:443:443",
        "a,localhost",
        "[::1",
        "::1]",
        "[x]",
        "%6cocalhost",
    ],
    *[
        "https://localhost",
        "//localhost",
        "localhost\\",
        "localhost;x",
        "..",
        ".localhost",
        "a..b",
        "",
        "local\x7fhost",
        "\xe4.test",
        "localhost%00",
    ],
]
AUTHORITIES = [
    *[
        with_pseudo("8.3.1", f"authority {authority!r}", either(MALFORMED, answer(400, 421)), authority=authority)
        for authority in AUTHORITIES_REFUSED
        if authority != "localhost:"
    ],
    *[
        with_pseudo("8.3.1", f"authority {authority!r}", MALFORMED, authority=authority)
        for authority in ("localhost\r\nx: y", "local\0host", " localhost", "localhost ", "localhost\t")
    ],
    with_pseudo("8.3.1", "another authority", answer(421), authority="other.test"),
    with_pseudo("8.3.1", "no authority", EITHER, authority=None),
    with_pseudo("8.3.1", "LOCALHOST", OK, [Seen("GET / HTTP/1.1", host="LOCALHOST")], authority="LOCALHOST"),
    with_pseudo(
        "8.3.1", "localhost:443", OK, [Seen("GET / HTTP/1.1", host="localhost:443")], authority="localhost:443"
    ),
    asked("8.3.1", "host alone", request("/", "GET", ("host", "localhost"), authority=None), OK),
    asked("8.3.1", "host and authority", request("/", "GET", ("host", "localhost")), OK),
    asked("8.3.1", "host in other letters", request("/", "GET", ("host", "LocalHost")), OK),
    asked("8.3.1", "another host", request("/", "GET", ("host", "other.test")), EITHER),
    asked("8.3.1", "a host with another port", request("/", "GET", ("host", "localhost:81")), EITHER),
    asked("8.3.1", "an empty host", request("/", "GET", ("host", "")), EITHER),
    asked("8.3.1", "host twice", request("/", "GET", ("host", "localhost"), ("host", "localhost")), EITHER),
    asked("8.3.1", "two hosts", request("/", "GET", ("host", "localhost"), ("host", "other.test")), EITHER),
    asked(
        "8.3.1",
        "two hosts without authority",
        request("/", "GET", ("host", "localhost"), ("host", "other.test"), authority=None),
        EITHER,
    ),
    asked(
        "8.3.1",
        "a host with a request",
        request("/", "GET", ("host", f"localhost\r\n\r\n{SMUGGLED}"), authority=None),
        MALFORMED,
    ),
    asked(
        "8.3.1", "a host with user information", request("/", "GET", ("host", "a@localhost"), authority=None), EITHER
    ),
    asked("8.3.1", "a list of hosts", request("/", "GET", ("host", "localhost, other.test"), authority=None), EITHER),
]

# ---- Bodies ----


def posted(name, length, *pieces, outcome=OK, sees=None, end=True, section="8.1.1", method="POST", more=()):
    fields = (
        [("content-length", length)] if isinstance(length, str) else [("content-length", one) for one in length or ()]
    )
    frames = [headers(1, request("/", method, *fields, *more), end=not pieces)]
    frames += [data(1, piece, end=end and n == len(pieces) - 1) for n, piece in enumerate(pieces)]
    if sees is None:
        sees = [Seen(f"{method} / HTTP/1.1", list(more), b"".join(pieces))] if outcome is OK else []
    return case(section, name, b"".join(frames), outcome=outcome, sees=sees)


def cut_short(name, length, first, *rest, outcome=MALFORMED):
    """What is wrong comes behind a part of the body that the server may have seen."""
    steps = [headers(1, request("/", "POST", ("content-length", length)), end=False), data(1, first), seen_behind()]
    return case("8.1.1", name, *steps, *rest, outcome=outcome, sees=[Seen("POST / HTTP/1.1", cut=True)])


BODIES = [
    posted("a body without a length", None, b"hello"),
    posted("a body with its length", "5", b"hello"),
    posted("a body in pieces with its length", "10", b"hello", b"", b"hel", b"lo"),
    posted(
        "leading zeros", "0005", b"hello", outcome=either(OK, EITHER), sees=[Seen("POST / HTTP/1.1", body=b"hello")]
    ),
    posted("no body", None),
    posted("a length of 0", "0"),
    posted("a length of 0 with an empty frame", "0", b""),
    posted("a length of 0 with GET", "0", method="GET"),
    posted("a body with GET", None, b"hello", method="GET"),
    posted("a body with DELETE", "5", b"hello", method="DELETE"),
    posted("a body with PATCH", None, b"hello", b"again", method="PATCH"),
    posted("four frames", "64000", *[bytes([n]) * 16000 for n in range(4)]),
    posted("a length without a body", "5", outcome=MALFORMED),
    posted("a length without a body, with GET", "5", outcome=MALFORMED, method="GET"),
    posted("a length of +5", "+5", b"hello", outcome=EITHER),
    *[
        posted(f"a length of {length!r}", length, b"hello", outcome=EITHER)
        for length in (
            "-5",
            "0x5",
            "5.0",
            "5 5",
            "5,5",
            "5, 5",
            "",
            "five",
            "5;",
            "5e0",
            "18446744073709551621",
            "9" * 30,
            "\xb2",
            "4294967301x",
        )
    ],
    posted("a length of '5 '", "5 ", b"hello", outcome=MALFORMED),
    posted("a length of ' 5'", " 5", b"hello", outcome=MALFORMED),
    posted("two equal lengths", ["5", "5"], b"hello", outcome=EITHER),
    posted("two lengths", ["5", "6"], b"hello", outcome=EITHER),
    posted("two lengths, with the right one last", ["44", "5"], b"hello", outcome=EITHER),
    posted("a name that begins like content-length", "5", b"hello", more=[("content-length-x", "0")], outcome=EITHER),
    posted("a name that ends like content-length", "5", b"hello", more=[("x-content-length", "0")]),
    cut_short("a body that is too short", "10", b"hello", data(1, b"", end=True)),
    cut_short("a body that is too short, in its last frame", "10", b"hello", data(1, b"1234", end=True)),
    cut_short("a body that is too long", "10", b"hello", data(1, b"123456", end=True)),
    cut_short("a body that is too long by far", "10", b"hello", data(1, SMUGGLED.encode())),
    cut_short("trailers before the end of the length", "10", b"hello", headers(1, [("x", "y")])),
    case(
        "8.1.1",
        "more than a length of 0",
        headers(1, request("/", "POST", ("content-length", "0")), end=False) + data(1, SMUGGLED.encode(), end=True),
        outcome=MALFORMED,
        sees=[],
    ),
    case(
        "8.1.1",
        "a length of 0 with GET and a request",
        headers(1, request("/", "GET", ("content-length", "0")), end=False) + data(1, SMUGGLED.encode(), end=True),
        outcome=MALFORMED,
        sees=[],
    ),
    posted("a body that looks like a request", None, SMUGGLED.encode()),
    posted("a body that looks like chunks", None, f"0\r\n\r\n{SMUGGLED}".encode()),
    posted(
        "a body with its length that looks like chunks",
        str(len(f"0\r\n\r\n{SMUGGLED}")),
        f"0\r\n\r\n{SMUGGLED}".encode(),
    ),
]

# ---- Trailers ----


def trailed(name, trailers, outcome=OK, seen=None, fields=()):
    steps = [
        headers(1, request("/", "POST", *fields), end=False),
        data(1, b"hello"),
        seen_behind(),
        headers(1, trailers),
    ]
    sees = Seen("POST / HTTP/1.1", list(fields), b"hello", trailers, cut=outcome is not OK)
    if seen is not None or outcome is not OK:
        sees.trailers = seen or []
    return case("8.1", name, *steps, outcome=outcome, sees=[sees])


TRAILERS = [
    trailed("trailers", [("x-sum", "1")]),
    trailed("two trailers", [("x-sum", "1"), ("x-sum", "2")]),
    trailed("empty trailers", b"", seen=[]),
    trailed("trailers with te", [("grpc-status", "0")], fields=()),
    trailed(":status in trailers", [(":status", "200")], MALFORMED),
    trailed(":method in trailers", [(":method", "GET"), ("x", "y")], MALFORMED),
    trailed(":path behind a field in trailers", [("x", "y"), (":path", "/smuggled")], MALFORMED),
    trailed("a request as trailers", request("/smuggled"), MALFORMED),
    trailed("an upper-case name in trailers", [("X-Sum", "1")], MALFORMED),
    trailed("CR LF in trailers", [("x", "1\r\n\r\n" + SMUGGLED)], MALFORMED),
    trailed("CR LF in a name of trailers", [("x\r\ny", "1")], MALFORMED),
    trailed("a blank name in trailers", [("x ", "1")], MALFORMED),
    trailed("an empty name in trailers", [("", "1")], MALFORMED),
    trailed("transfer-encoding in trailers", [("transfer-encoding", "chunked")], MALFORMED),
    trailed("connection in trailers", [("connection", "close")], MALFORMED),
    *[
        trailed(f"{name} in trailers", [(name, value)], MALFORMED)
        for name, value in (
            ("content-length", "5"),
            ("host", "other.test"),
            ("upgrade", "h2c"),
            ("te", "gzip"),
            ("trailer", "x"),
        )
    ],
    case(
        "8.1",
        "HEADERS without END_STREAM behind a body",
        post(),
        data(1, b"hello"),
        seen_behind(),
        headers(1, [("x", "y")], end=False),
        outcome=MALFORMED,
        sees=[Seen("POST / HTTP/1.1", cut=True)],
    ),
    case(
        "8.1",
        "a second request on a stream",
        post(),
        seen_behind(),
        headers(1, request("/smuggled"), end=False),
        outcome=MALFORMED,
        sees=[Seen("POST / HTTP/1.1", cut=True)],
    ),
    case(
        "8.1",
        "DATA behind trailers",
        post(),
        data(1, b"hello"),
        headers(1, [("x", "y")]),
        seen_behind(),
        echo,
        data(1, b"more"),
        outcome=stream_error(Code.STREAM_CLOSED),
        replies={"/": HOLD},
        sees=[Seen("POST / HTTP/1.1", body=b"hello", trailers=[("x", "y")])],
    ),
    case(
        "8.1",
        "trailers at once behind HEADERS",
        post() + headers(1, [("x-sum", "1")]),
        outcome=OK,
        sees=[Seen("POST / HTTP/1.1", trailers=[("x-sum", "1")])],
    ),
]

# ---- CONNECT, Expect, many things at once ----

REST = [
    asked(
        "8.5",
        "CONNECT",
        [(":method", "CONNECT"), (":authority", "localhost:22")],
        answer(501, 405, 403, 400),
        content=b"x",
    ),
    asked(
        "8.5",
        "CONNECT with :scheme and :path",
        [(":method", "CONNECT"), (":scheme", "https"), (":path", "/"), (":authority", "localhost:22")],
        MALFORMED,
    ),
    asked("8.5", "CONNECT without :authority", [(":method", "CONNECT")], MALFORMED),
    asked(
        "8441 4",
        "an unknown protocol",
        [
            (":method", "CONNECT"),
            (":protocol", "connect-ip"),
            (":scheme", "https"),
            (":path", "/"),
            (":authority", "localhost"),
        ],
        answer(501),
        more=data(1, b"x"),
    ),
    asked(
        "8441 4",
        "a protocol without :path",
        [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", "localhost")],
        MALFORMED,
        more=data(1, b"x"),
    ),
    asked(
        "8441 4",
        "a protocol without :scheme",
        [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/"), (":authority", "localhost")],
        MALFORMED,
        more=data(1, b"x"),
    ),
    asked(
        "8441 4",
        "an empty protocol",
        [(":method", "CONNECT"), (":protocol", ""), (":scheme", "https"), (":path", "/"), (":authority", "localhost")],
        MALFORMED,
        more=data(1, b"x"),
    ),
    asked(
        "8441 4",
        "a protocol with CR LF",
        [
            (":method", "CONNECT"),
            (":protocol", "websocket\r\nx: y"),
            (":scheme", "https"),
            (":path", "/"),
            (":authority", "localhost"),
        ],
        MALFORMED,
        more=data(1, b"x"),
    ),
    asked(
        "8441 4",
        "two protocols",
        [
            (":method", "CONNECT"),
            (":protocol", "websocket"),
            (":protocol", "websocket"),
            (":scheme", "https"),
            (":path", "/"),
            (":authority", "localhost"),
        ],
        MALFORMED,
        more=data(1, b"x"),
    ),
    asked("9110", "an unknown Expect", request("/", "POST", ("expect", "200-ok")), answer(417, 400), content=b"hello"),
    asked(
        "8.8",
        "priority",
        request("/", "GET", ("priority", "u=1, i")),
        OK,
        [Seen("GET / HTTP/1.1", [("priority", "u=1, i")])],
    ),
    asked(
        "8.8",
        "headers that try to be Ravelin's",
        request(
            "/",
            "GET",
            ("x-forwarded-for", "1.2.3.4"),
            ("forwarded", "for=1.2.3.4"),
            ("x-forwarded-host", "evil"),
            ("x-forwarded-proto", "http"),
        ),
        OK,
    ),
    asked(
        "8.8",
        "two hundred fields",
        request("/", "GET", *[(f"x-{n}", str(n)) for n in range(90)]),
        OK,
        [Seen("GET / HTTP/1.1", [(f"x-{n}", str(n)) for n in range(90)])],
    ),
    asked(
        "6.5.2",
        "a field list that is too large",
        hpack.block(request()) + hpack.remembered("x", "v" * 3000) + hpack.indexed(62) * 2000,
        answer(431),
    ),
]

CASES = [
    *PSEUDO,
    *METHODS,
    *SCHEMES,
    *PATHS,
    *AUTHORITIES,
    *BODIES,
    *TRAILERS,
    *REST,
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_requests(http2_player, case):
    http2_player.play(case)
