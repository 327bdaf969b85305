"""The ClientHello as a structure: every length, every size, every cut (RFC 8446 3.4, 4, 4.1.2, 4.2, 5.1)."""

import random

import pytest

from ravelin_test.tls13 import (
    ALL_SUITES,
    Ext,
    Kind,
    Type,
    cases,
    check_hello,
    client_hello,
    hello_record,
    talk_to,
    wire,
)
from ravelin_test.tls13.wire import GREASE, TLS13, numbers, vector

HELLO_REACH = 65535  # what the extensions of a ClientHello can have


def fixed_hello():
    """The same bytes in every run, so that a cut or a wrong length always hits the same thing."""
    hello = client_hello(suites=[0x1301], alpn=["http/1.1"])
    return hello.put(random=b"\x55" * 32, session_id=b"\x66" * 32)


# ---- Lengths ----

SIZES = {"session_id": 32, "suites": 2, "compression": 1, "extensions": None}


def wrong_lengths():
    extensions = len(fixed_hello().encode()) - 4 - 2 - 32 - 33 - 4 - 2 - 2
    table = {}
    for name, size in {**SIZES, "extensions": extensions}.items():
        most = 255 if name in ("session_id", "compression") else 65535
        # A compression list of other than one byte may also be judged by its contents (4.1.2).
        outcome = "decode_error|illegal_parameter" if name == "compression" else "decode_error"
        for length in {0, size - 1, size + 1, size + 2, most} - {-1}:
            table[f"{name} {length}"] = (fixed_hello().length(**{name: length}), outcome)
    for number, contents in fixed_hello().extensions:
        for length in {0, len(contents) - 1, len(contents) + 1, 65535}:
            hello = fixed_hello()
            hello.lengths[number] = length
            table[f"extension {number} {length} instead of {len(contents)}"] = (hello, "decode_error")
    return table


@pytest.mark.parametrize("hello, outcome", cases(wrong_lengths()))
def test_wrong_lengths(tls_proxy, hello, outcome):
    check_hello(tls_proxy, hello, outcome)


@pytest.mark.parametrize("size", [0, 1, 8, 16, 31, 32])
def test_session_ids_are_echoed(tls_proxy, size):
    """Of any size; the client of these tests checks the echo."""
    check_hello(tls_proxy, client_hello().put(session_id=b"s" * size), "ok")


@pytest.mark.parametrize("size", [33, 64, 255])
def test_longer_session_ids_are_refused(tls_proxy, size):
    check_hello(tls_proxy, client_hello().put(session_id=b"s" * size), "decode_error")


COMPRESSION = {
    "none at all": (b"", "decode_error|illegal_parameter"),
    "deflate": (b"\1", "illegal_parameter"),
    "deflate and null": (b"\1\0", "illegal_parameter"),
    "null and deflate": (b"\0\1", "illegal_parameter"),
    "null twice": (b"\0\0", "illegal_parameter"),
    "LZS and null": (b"\x40\0", "illegal_parameter"),
    "all": (bytes(range(255)), "illegal_parameter"),
}


@pytest.mark.parametrize("methods, outcome", cases(COMPRESSION))
def test_compression_methods(tls_proxy, methods, outcome):
    check_hello(tls_proxy, client_hello().put(compression=methods), outcome)


def test_every_cut_is_noticed(tls_proxy):
    """The message ends early, and its length says so. Only an end before the extensions leaves a hello, an old one."""
    body = fixed_hello().encode()[4:]
    without_extensions = 2 + 32 + 33 + 4 + 2
    for size in [*range(0, 40), *range(60, len(body), 3), len(body) - 1]:
        alert = "protocol_version" if size == without_extensions else "decode_error"
        with talk_to(tls_proxy) as talk:
            talk.send_plain(Kind.HANDSHAKE, wire.message(Type.CLIENT_HELLO, body[:size]))
            try:
                talk.expect_alert(alert)
            except AssertionError as error:
                raise AssertionError(f"cut to {size} bytes: {error}") from error


def test_every_cut_of_the_extensions_is_noticed(tls_proxy):
    """As above, with a list length that fits. Between extensions it is a hello without the rest of them."""
    hello = fixed_hello()
    body = hello.encode()[4:]
    start = 2 + 32 + 33 + 4 + 2
    ends, at = [0], 0
    for _, contents in hello.extensions:
        at += 4 + len(contents)
        ends.append(at)
    for size in [size for size in range(1, at) if size not in ends]:
        cut = body[:start] + vector(body[start + 2 : start + 2 + size], 2)
        with talk_to(tls_proxy) as talk:
            talk.send_plain(Kind.HANDSHAKE, wire.message(Type.CLIENT_HELLO, cut))
            try:
                talk.expect_alert("decode_error")
            except AssertionError as error:
                raise AssertionError(f"extensions cut to {size} bytes: {error}") from error


@pytest.mark.parametrize("trailing", [b"\0", b"\0\0\0\0", b"t" * 100])
def test_bytes_behind_the_extensions_are_refused(tls_proxy, trailing):
    check_hello(tls_proxy, client_hello().put(trailing=trailing), "decode_error")


def test_a_missing_byte_that_comes_late_is_a_byte_too_many(tls_proxy):
    """The message says that it is a byte longer, and that byte comes in another record."""
    with talk_to(tls_proxy) as talk:
        message = client_hello().put(trailing=b"\0").encode()
        talk.send_plain(Kind.HANDSHAKE, message[:-1])
        talk.send_plain(Kind.HANDSHAKE, message[-1:])
        talk.expect_alert("decode_error")


def test_an_empty_message_is_refused(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_plain(Kind.HANDSHAKE, wire.message(Type.CLIENT_HELLO))
        talk.expect_alert("decode_error")


# ---- Cipher suites ----

SUITES = {
    "none": ((), "decode_error"),
    "TLS 1.2 only": ((0xC02F, 0xC02B, 0xCCA8, 0x009C), "handshake_failure"),
    "CCM only": ((0x1304, 0x1305), "handshake_failure"),
    "NULL and anonymous": ((0x0000, 0x0001, 0x0034, 0xC015, 0xC018), "handshake_failure"),
    "integrity only": ((0xC0B4, 0xC0B5), "handshake_failure"),
    "unknown ones": (tuple(range(0x1306, 0x1400)), "handshake_failure"),
    "GREASE": (tuple(GREASE), "handshake_failure"),
    "signals only": ((0x00FF, 0x5600), "handshake_failure"),
    "unknown ones and one of ours": ((*range(0x1306, 0x1400), 0x1303), "ok"),
    "GREASE and ours": ((*GREASE, *ALL_SUITES), "ok"),
    "one of ours many times": ((0x1301,) * 100, "ok"),
    "all there can be, ours last": ((*range(0x2000, 0x9FFD), 0x1302), "ok"),
}


@pytest.mark.parametrize("suites, outcome", cases(SUITES))
def test_cipher_suites(tls_proxy, suites, outcome):
    check_hello(tls_proxy, client_hello(suites=suites), outcome)


def test_an_odd_list_of_suites_is_refused(tls_proxy):
    with talk_to(tls_proxy) as talk:
        body = fixed_hello().encode()[4:]
        at = 2 + 32 + 33
        odd = body[:at] + vector(b"\x13\x01\x13", 2) + body[at + 4 :]
        talk.send_plain(Kind.HANDSHAKE, wire.message(Type.CLIENT_HELLO, odd))
        talk.expect_alert("decode_error")


# ---- Extensions as such ----

MANDATORY = [Ext.SUPPORTED_GROUPS, Ext.SIGNATURE_ALGORITHMS, Ext.KEY_SHARE]
PARSED = [
    *[Ext.SERVER_NAME, Ext.SUPPORTED_GROUPS, Ext.SIGNATURE_ALGORITHMS, Ext.ALPN, Ext.SUPPORTED_VERSIONS],
    *[Ext.PSK_KEY_EXCHANGE_MODES, Ext.KEY_SHARE],
]


@pytest.mark.parametrize("number", MANDATORY, ids=lambda number: number.name)
def test_a_missing_mandatory_extension_is_named(tls_proxy, number):
    """9.2"""
    check_hello(tls_proxy, client_hello().drop(number), "missing_extension")


def test_all_mandatory_extensions_may_be_missing_at_once(tls_proxy):
    check_hello(tls_proxy, client_hello().drop(*MANDATORY), "missing_extension")


@pytest.mark.parametrize("number", PARSED, ids=lambda number: number.name)
@pytest.mark.parametrize("change", ["empty", "a byte less", "a byte more"])
def test_contents_of_extensions_are_read_to_the_byte(tls_proxy, number, change):
    hello = fixed_hello()
    contents = hello.get(number)
    changed = {"empty": b"", "a byte less": contents[:-1], "a byte more": contents + b"\0"}[change]
    check_hello(tls_proxy, hello.set(number, changed), "decode_error")


@pytest.mark.parametrize("number", PARSED, ids=lambda number: number.name)
def test_no_extension_may_stand_there_twice(tls_proxy, number):
    """4.2. Next to each other, and as the first and the last."""
    check_hello(tls_proxy, fixed_hello().add(number, fixed_hello().get(number)), "illegal_parameter")
    check_hello(tls_proxy, fixed_hello().add(number, fixed_hello().get(number), at=0), "illegal_parameter")


def test_no_unknown_extension_may_stand_there_twice(tls_proxy):
    check_hello(tls_proxy, client_hello().add(0xFAFA).add(0xFAFA), "illegal_parameter")
    check_hello(tls_proxy, client_hello().add(0x1234, b"a", at=0).add(0x1234, b"b"), "illegal_parameter")


@pytest.mark.parametrize("seed", range(8))
def test_extensions_may_come_in_any_order(tls_proxy, seed):
    hello = client_hello(alpn=["http/1.1"]).add(0xFAFA).add(0x1234, b"unknown")
    random.Random(seed).shuffle(hello.extensions)
    check_hello(tls_proxy, hello, "ok")


def test_extensions_may_come_in_reverse_order(tls_proxy):
    hello = client_hello(alpn=["http/1.1"])
    hello.extensions.reverse()
    check_hello(tls_proxy, hello, "ok")


# Numbers that mean nothing to a TLS 1.3 server, or only to older versions; what is in them does not matter then.
MEANINGLESS = [
    number
    for number in [2, 3, 4, *range(6, 10), 11, 12, 17, *range(22, 28), *range(29, 41), 46, *range(52, 65535)]
    if number not in (65281,)
]


@pytest.mark.parametrize("first", range(0, 65536, 4096))
def test_unknown_extensions_are_ignored(tls_proxy, first):
    """All there are, 4096 at a time, empty."""
    hello = client_hello()
    for number in [number for number in MEANINGLESS if first <= number < first + 4096]:
        hello.add(number, at=0)
    check_hello(tls_proxy, hello, "ok")


@pytest.mark.parametrize("first", range(0, 8192, 1024))
def test_unknown_extensions_with_anything_in_them_are_ignored(tls_proxy, first):
    hello = client_hello()
    dice = random.Random(first)
    for number in [number for number in MEANINGLESS if first <= number < first + 1024]:
        hello.add(number, dice.randbytes(dice.randrange(32)), at=0)
    check_hello(tls_proxy, hello, "ok")


@pytest.mark.parametrize("number", [Ext.EXTENDED_MASTER_SECRET, Ext.ENCRYPT_THEN_MAC, Ext.SESSION_TICKET, Ext.PADDING])
@pytest.mark.parametrize("contents", [b"", b"\0", b"\xff" * 5])
def test_extensions_of_older_versions_are_ignored(tls_proxy, number, contents):
    """Also what would be malformed there."""
    check_hello(tls_proxy, client_hello().add(number, contents), "ok")


def test_grease_everywhere_is_ignored(tls_proxy):
    """RFC 8701, as browsers do it."""
    grease = GREASE[5]
    hello = client_hello(suites=(grease, *ALL_SUITES), groups=(grease, 0x001D), versions=(grease, TLS13))
    hello.add(GREASE[1], at=0).add(GREASE[2], b"\0")
    hello.set(Ext.SIGNATURE_ALGORITHMS, numbers([grease, 0x0403, 0x0804]))
    hello.set(Ext.ALPN, wire.alpn("\x1a\x1a", "http/1.1"))
    hello.set(Ext.PSK_KEY_EXCHANGE_MODES, vector(b"\x0b\1", 1))
    shares = hello.get(Ext.KEY_SHARE)[2:]
    hello.set(Ext.KEY_SHARE, vector(grease.to_bytes(2, "big") + vector(b"\0", 2) + shares, 2))
    check_hello(tls_proxy, hello, "ok")


# ---- Sizes ----


def hello_of_size(size):
    """A ClientHello whose message has exactly `size` bytes."""
    hello = client_hello().add(Ext.PADDING, b"")
    return hello.set(Ext.PADDING, bytes(size - len(hello.encode())))


LARGEST = 4 + 2 + 32 + 33 + (2 + 2 * len(ALL_SUITES)) + 2 + 2 + HELLO_REACH


@pytest.mark.parametrize(
    "size", [255, 256, 257, 511, 512, 4096, 16383, 16384, 16385, 20000, 32768, 65535, 65536, 65537, LARGEST]
)
def test_large_hellos_are_answered(tls_proxy, size):
    check_hello(tls_proxy, hello_of_size(size), "ok")


def test_the_largest_hello_there_can_be_is_answered(tls_proxy):
    hello = hello_of_size(LARGEST).put(suites=(*range(0x2000, 0x9FFE), 0x1301))
    check_hello(tls_proxy, hello, "ok")


@pytest.mark.parametrize("size", [2**17 + 2**16, 2**20, 2**24 - 1])
def test_a_longer_message_cannot_be_a_hello(tls_proxy, size):
    """Its length alone tells: the answer must not wait for all of it."""
    with talk_to(tls_proxy) as talk:
        talk.send_plain(Kind.HANDSHAKE, wire.message(Type.CLIENT_HELLO, bytes(1000), length=size))
        talk.expect_alert("decode_error", "illegal_parameter")


# ---- Fragments ----

FRAGMENTS = {
    "in halves": [100],
    "header apart": [4],
    "after 1 byte": [1],
    "after 2 bytes": [2],
    "after 3 bytes": [3],
    "after 5 bytes": [5],
    "the header in single bytes": [1, 1, 1, 1],
    "the last byte apart": [-1],
    "1 byte": 1,
    "2 bytes": 2,
    "3 bytes": 3,
    "7 bytes": 7,
    "50 bytes": 50,
}


@pytest.mark.parametrize("sizes", cases({name: (sizes,) for name, sizes in FRAGMENTS.items()}))
def test_a_hello_in_several_records(tls_proxy, sizes):
    hello = client_hello()
    if sizes == [-1]:
        sizes = [len(hello.encode()) - 1]
    check_hello(tls_proxy, hello, "ok", sizes=sizes)


def test_records_one_at_a_time(tls_proxy):
    """Each record waits until the kernel has sent the one before."""
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello()
        talk.transcript.add(message)
        talk.send_each(*(talk.plain(Kind.HANDSHAKE, piece) for piece in wire.pieces(message, 11)))
        talk.expect_flight()
        talk.send_finished()
        talk.expect_answer()


def test_a_record_byte_by_byte(tls_proxy):
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello()
        talk.transcript.add(message)
        talk.send_each(*wire.pieces(talk.plain(Kind.HANDSHAKE, message), 1))
        talk.expect_flight()
        talk.send_finished()
        talk.expect_answer()


@pytest.mark.parametrize("size", [20000, 65000])
@pytest.mark.parametrize("sizes", [1000, 16384, [1, 3, 16380]])
def test_a_large_hello_in_several_records(tls_proxy, size, sizes):
    check_hello(tls_proxy, hello_of_size(size), "ok", sizes=sizes)


def test_a_large_hello_in_single_bytes(tls_proxy):
    check_hello(tls_proxy, hello_of_size(2000), "ok", sizes=1)


def test_a_fragmented_hello_is_seen_as_a_whole(tls_proxy):
    """What our own look at the ClientHello decides must not depend on how it comes."""
    hello = client_hello(name="x.localhost", suites=[0x1303], groups=[0x0018], shares=[0x0018], schemes=[0x0807])
    talk = check_hello(tls_proxy, hello, "ok", sizes=9)
    assert talk.server.scheme == 0x0807
    check_hello(tls_proxy, client_hello(versions=[wire.TLS12]), "protocol_version", sizes=30)
    check_hello(tls_proxy, client_hello(suites=[0xC02F]), "handshake_failure", sizes=30)
    check_hello(tls_proxy, client_hello(groups=[0x0019], shares=[]), "handshake_failure", sizes=30)
    check_hello(tls_proxy, client_hello(schemes=[0x0603]), "handshake_failure", sizes=30)
    check_hello(tls_proxy, client_hello(alpn=["h2"]), "no_application_protocol", sizes=30)


def test_two_hellos_in_one_record_are_refused(tls_proxy):
    """5.1: what changes keys, or may, ends its record."""
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello()
        talk.send_plain(Kind.HANDSHAKE, message + message)
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("tail", [b"\x14", b"\x14\0\0\x20" + bytes(32), b"\x18\0\0\1\0"], ids=["a byte", "20", "24"])
def test_nothing_may_follow_in_the_record(tls_proxy, tail):
    with talk_to(tls_proxy) as talk:
        talk.send_plain(Kind.HANDSHAKE, talk.encode_hello() + tail)
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("kind", [kind for kind in range(256) if kind != 1])
def test_nothing_else_may_come_first(tls_proxy, kind):
    with talk_to(tls_proxy) as talk:
        talk.send_plain(Kind.HANDSHAKE, wire.message(kind, hello_record()[9:]))
        talk.expect_alert("unexpected_message")
