"""Header compression as a client may use it, RFC 7541: what is decoded, and what ends the connection with COMPRESSION_ERROR."""

import pytest

from ravelin_test.http2.behind import Seen
from ravelin_test.http2.cases import OK, answer, answered_on, case, connection_error, stream_error
from ravelin_test.http2.frames import Code, continuation, headers
from ravelin_test.http2.hpack import STATIC, block, huffman, indexed, integer, literal, remembered, string, table_size
from ravelin_test.http2.talk import request

BROKEN = connection_error(Code.COMPRESSION_ERROR)
REQUEST = block(request())
SHORT = indexed(2) + indexed(7) + indexed(4) + literal(1, "localhost")  # the same, with the static table
FIRST_DYNAMIC = len(STATIC) + 1


def one(name, *pieces, outcome=OK, fields=(), path="/"):
    """A request with these pieces of a header block behind the ordinary ones."""
    sees = [Seen(f"GET {path} HTTP/1.1", list(fields))] if outcome is OK else []
    return case("7541", name, headers(1, SHORT + b"".join(pieces)), outcome=outcome, sees=sees)


def two(name, first, second, outcome=None, fields=(), **options):
    """Two requests, one behind the other, of which the first is served."""
    sees = [Seen("GET / HTTP/1.1", list(fields[0]))]
    if outcome is None:
        outcome = answer(200, stream=3)
        sees.append(Seen("GET / HTTP/1.1", list(fields[1])))
    steps = [headers(1, SHORT + first), answered_on(1), headers(3, second)]
    return case("7541", name, *steps, outcome=outcome, sees=sees, **options)


def coded_string(data):
    return integer(len(data), 7, 0x80) + data


X = [("x", "1")]
REMEMBERED = remembered("x", "1")
AGAIN = SHORT + indexed(FIRST_DYNAMIC)

REPRESENTATIONS = [
    one("nothing but the static table"),
    one("a literal with a new name", literal("x", "1"), fields=X),
    one("a literal that is never indexed", literal("x", "1", kind=0x10), fields=X),
    one("a literal that is remembered", REMEMBERED, fields=X),
    one("a name of the static table, never indexed", literal(19, "y", kind=0x10), fields=[("accept", "y")]),
    one("a name of the static table, remembered", literal(19, "y", kind=0x40), fields=[("accept", "y")]),
    one("a name of the static table", literal(58, "y"), fields=[("user-agent", "y")]),
    one(
        "coded strings",
        literal("some-name", "Some value, 100%", coded=True),
        fields=[("some-name", "Some value, 100%")],
    ),
    one("coded strings that are remembered", literal("x-y", "z", coded=True, kind=0x40), fields=[("x-y", "z")]),
    one("coded strings that are never indexed", literal("x-y", "z", coded=True, kind=0x10), fields=[("x-y", "z")]),
    one(
        "every printable character, coded",
        literal("x", "".join(map(chr, range(33, 127))), coded=True),
        fields=[("x", "".join(map(chr, range(33, 127))))],
    ),
    one(
        "bytes above 127, coded",
        literal("x", "".join(map(chr, range(128, 256))), coded=True),
        fields=[("x", "".join(map(chr, range(128, 256))))],
    ),
    one("an empty value", literal("x", ""), fields=[("x", "")]),
    one("an empty value, coded", b"\0\1x\x80", fields=[("x", "")]),
    one("an entry with a value", indexed(16), fields=[("accept-encoding", "gzip, deflate")]),
    one("a length in needless octets", b"\0\1x" + integer(127, 7, extra=1) + b"v" * 127, fields=[("x", "v" * 127)]),
    one("a value of 4000", literal("x", "v" * 4000), fields=[("x", "v" * 4000)]),
    two("an entry of the dynamic table", REMEMBERED, AGAIN, fields=[X, X]),
    two("a name of the dynamic table", REMEMBERED, SHORT + literal(FIRST_DYNAMIC, "2"), fields=[X, [("x", "2")]]),
    two(
        "the older of two entries",
        REMEMBERED + remembered("y", "2"),
        SHORT + indexed(FIRST_DYNAMIC + 1),
        fields=[[*X, ("y", "2")], X],
    ),
    two("an entry in the same block", REMEMBERED + indexed(FIRST_DYNAMIC), SHORT, fields=[[*X, *X], []]),
    two("a whole request from the table", b"", block([remembered(*pair) for pair in request()]), fields=[[], []]),
    two(
        "the table is emptied and filled",
        REMEMBERED,
        table_size(0) + table_size(4096) + SHORT + remembered("y", "2") + indexed(FIRST_DYNAMIC),
        fields=[X, [("y", "2"), ("y", "2")]],
    ),
    two(
        "an entry larger than the table empties it",
        REMEMBERED,
        SHORT + remembered("y", "v" * 4096) + remembered("z", "3") + indexed(FIRST_DYNAMIC),
        fields=[X, [("y", "v" * 4096), ("z", "3"), ("z", "3")]],
    ),
]

SIZES = [
    case("7541 4.2", "a smaller table", headers(1, table_size(100) + SHORT), outcome=OK, sees=["/"]),
    case("7541 4.2", "the largest table", headers(1, table_size(4096) + SHORT), outcome=OK, sees=["/"]),
    case(
        "7541 4.2", "two changes of size", headers(1, table_size(0) + table_size(100) + SHORT), outcome=OK, sees=["/"]
    ),
    case("7541 6.3", "a table beyond SETTINGS", headers(1, table_size(4097) + SHORT), outcome=BROKEN),
    case("7541 6.3", "a table of 2^31", headers(1, table_size(2**31) + SHORT), outcome=BROKEN),
    case("7541 4.2", "a change of size behind a field", headers(1, SHORT + table_size(100)), outcome=BROKEN),
    case(
        "7541 4.2",
        "a change of size between fields",
        headers(1, SHORT[:1] + table_size(100) + SHORT[1:]),
        outcome=BROKEN,
    ),
    case(
        "7541 4.2",
        "a change of size in CONTINUATION",
        headers(1, SHORT, whole=False),
        continuation(1, table_size(9)),
        outcome=BROKEN,
    ),
    two("an entry that a smaller table has lost", REMEMBERED, table_size(0) + AGAIN, outcome=BROKEN, fields=[X]),
    two(
        "an entry that another has driven out",
        remembered("x", "v" * 3000),
        SHORT + remembered("y", "v" * 3000) + indexed(FIRST_DYNAMIC + 1),
        outcome=BROKEN,
        fields=[[("x", "v" * 3000)]],
    ),
    two("an entry that was never indexed", literal("x", "1", kind=0x10), AGAIN, outcome=BROKEN, fields=[X]),
]

FAULTS = [
    one("index 0", b"\x80", outcome=BROKEN),
    one("an index beyond both tables", indexed(FIRST_DYNAMIC), outcome=BROKEN),
    one("an index of 2^28", indexed(2**28), outcome=BROKEN),
    one("a name beyond both tables", literal(FIRST_DYNAMIC, "x"), outcome=BROKEN),
    one("a name beyond both tables, remembered", literal(FIRST_DYNAMIC, "x", kind=0x40), outcome=BROKEN),
    one("a name beyond both tables, never indexed", literal(FIRST_DYNAMIC, "x", kind=0x10), outcome=BROKEN),
    one("an integer without end", b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", outcome=BROKEN),
    one("an integer of 2^64", b"\xff" + b"\x80" * 9 + b"\x02", outcome=BROKEN),
    one("an integer that is cut", b"\xff", outcome=BROKEN),
    one("a length beyond the block", b"\0\1x\5abcd", outcome=BROKEN),
    one("a length of 2^32", b"\0\1x" + integer(2**32, 7) + b"a", outcome=BROKEN),
    one("a name without a value", b"\0\1x", outcome=BROKEN),
    one("a literal that is cut", b"\0", outcome=BROKEN),
    one("a cut name", b"\0\5abc", outcome=BROKEN),
    one("padding of zeros", b"\0\1x" + coded_string(huffman(b"a", "000")), outcome=BROKEN),
    one("padding of mixed bits", b"\0\1x" + coded_string(huffman(b"a", "101")), outcome=BROKEN),
    one("padding of 8 bits", b"\0\1x" + coded_string(huffman(b"a", "1" * 11)), outcome=BROKEN),
    one("padding of 24 bits", b"\0\1x" + coded_string(b"\xff\xff\xff"), outcome=BROKEN),
    one("EOS in a string", b"\0\1x" + coded_string(huffman([97, 256])), outcome=BROKEN),
    one("EOS alone", b"\0\1x" + coded_string(huffman([256])), outcome=BROKEN),
    one("EOS in a name", b"\0" + coded_string(huffman([256])) + string("a"), outcome=BROKEN),
    one("a code that is cut", b"\0\1x" + coded_string(huffman(b"\x01")[:-1]), outcome=BROKEN),
    case("7541", "a fault on a stream that is refused", headers(1, b"\x80" + SHORT), outcome=BROKEN),
    case("7541", "a fault behind a malformed field", headers(1, SHORT + literal("X", "1") + b"\x80"), outcome=BROKEN),
]

# What a refused request has put into the table counts all the same.
KEPT = [
    case(
        *["7541", "a malformed request fills the table", headers(1, SHORT + literal("Bad", "1") + REMEMBERED)],
        *[headers(3, AGAIN)],
        outcome=answer(200, stream=3),
        sees=[Seen("GET / HTTP/1.1", X)],
    ),
    case("7541", "an empty name", headers(1, SHORT + literal("", "1")), outcome=stream_error(Code.PROTOCOL_ERROR)),
]

CASES = [*REPRESENTATIONS, *SIZES, *FAULTS, *KEPT]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_header_compression(http2_player, case):
    http2_player.play(case)
