"""The record layer, within the handshake and after it: sizes, types, padding, keys (RFC 8446 5)."""

import os

import pytest

from ravelin_test.http import request, response
from ravelin_test.settings import scaled
from ravelin_test.tls13 import ALL_SUITES, Keys, Kind, cases, client_hello, name_of, talk_to, wire
from ravelin_test.tls13.wire import BODY_MAX, RECORD_MAX, pieces

STAGES = ["in the handshake", "after the handshake"]
stages = pytest.mark.parametrize("stage", STAGES)


def begin(talk, stage="after the handshake", hello=None):
    """Up to where our Finished is due, or behind it."""
    talk.send_hello(hello or client_hello())
    talk.expect_flight()
    if stage == "after the handshake":
        talk.send_finished()
    return talk


def goes_on(talk, stage):
    """That the connection is as good as before."""
    if stage == "in the handshake":
        talk.send_finished()
    talk.expect_answer()


# ---- What is inside ----

NOTHING_INSIDE = {
    "only a tag": b"",
    "a zero": b"\0",
    "43 zeros": bytes(43),
    "all zeros": bytes(RECORD_MAX + 1),
}


@stages
@pytest.mark.parametrize("inner", cases(NOTHING_INSIDE))
def test_an_inner_plaintext_without_a_type(tls_proxy, stage, inner):
    """5.4"""
    with talk_to(tls_proxy) as talk:
        talk.send_bytes(begin(talk, stage).seal(None, inner))
        talk.expect_alert("unexpected_message")


@stages
@pytest.mark.parametrize("padding", [0, 2, 5, 30, 1000, RECORD_MAX])
@pytest.mark.parametrize("kind", [Kind.ALERT, Kind.HANDSHAKE], ids=name_of)
def test_empty_alerts_and_messages(tls_proxy, stage, kind, padding):
    """5.4"""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send(kind, b"", padding=padding)
        talk.expect_alert("unexpected_message")


@stages
@pytest.mark.parametrize("kind", [1, 19, 20, 24, 25, 26, 64, 127, 128, 255])
@pytest.mark.parametrize("payload", [b"", b"\1", bytes(100)], ids=["empty", "1 byte", "100 bytes"])
def test_inner_types_that_may_not_be(tls_proxy, stage, kind, payload):
    """5.2, 5: also a change_cipher_spec that is protected, and heartbeats."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send(kind, payload)
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("padding", [0, 1, 30, RECORD_MAX])
@pytest.mark.parametrize("data", [b"", b"early"], ids=["empty", "5 bytes"])
def test_application_data_before_finished(tls_proxy, data, padding):
    with talk_to(tls_proxy) as talk:
        padding -= len(data) if padding == RECORD_MAX else 0
        begin(talk, "in the handshake").send(Kind.APPLICATION_DATA, data, padding=padding)
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("padding", [0, 1, 2, 16, 255, 256, 1000, 16000])
def test_padding_is_taken_away(tls_proxy, padding):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_data(request(), padding=padding)
        assert talk.response().status == 200
        talk.send_data(request(), sizes=1, padding=padding % 100)
        assert talk.response().status == 200


def test_padding_up_to_the_brim(tls_proxy):
    with talk_to(tls_proxy) as talk:
        data = request()
        begin(talk).send_data(data, padding=RECORD_MAX - len(data))
        assert talk.response().status == 200
        talk.send_data(b"G", padding=RECORD_MAX - 1)
        talk.send_data(data[1:])
        assert talk.response().status == 200


@pytest.mark.parametrize("padding", [0, 1, 100, 16000])
def test_padding_of_finished(tls_proxy, padding):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake").send_finished(padding=padding)
        talk.expect_answer()


def test_data_may_end_with_zeros(lab):
    """They are not padding: a type stands behind them."""
    body = b"data" + bytes(50)
    proxy = lab.proxy(lab.server(reply=lambda request: response(request.body)))
    with talk_to(proxy) as talk:
        begin(talk).send_data(request(method="POST", body=body), padding=20)
        assert talk.response("POST").body == body


@pytest.mark.parametrize("padding", [0, 30, RECORD_MAX], ids=["plain", "padded", "full of padding"])
def test_empty_application_data(tls_proxy, padding):
    """5.1: it may be sent, against traffic analysis."""
    with talk_to(tls_proxy) as talk:
        begin(talk)
        for piece in pieces(request(), 9):
            talk.send(Kind.APPLICATION_DATA, b"", padding=padding)
            talk.send_data(piece)
        assert talk.response().status == 200
        talk.send(Kind.APPLICATION_DATA, b"", padding=padding)
        talk.expect_answer()


def test_some_empty_records_in_a_row(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk)
        for _ in range(3):
            talk.send_bytes(b"".join(talk.seal(Kind.APPLICATION_DATA, b"") for _ in range(16)))
            talk.expect_answer()


@pytest.mark.parametrize("padding", [0, 50])
def test_empty_application_data_without_end(tls_proxy, padding):
    """It costs work and brings nothing, so that there is a bound."""
    with talk_to(tls_proxy) as talk:
        begin(talk)
        talk.send_bytes(b"".join(talk.seal(Kind.APPLICATION_DATA, b"", padding=padding) for _ in range(1000)))
        talk.expect_alert("unexpected_message")


# ---- Sizes ----


@stages
@pytest.mark.parametrize("length", [BODY_MAX + 1, BODY_MAX + 2, 20000, 32768, 65535])
def test_too_long_a_record(tls_proxy, stage, length):
    """5.2. The header is enough to tell."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send_bytes(wire.record(Kind.APPLICATION_DATA, b"", length=length))
        talk.expect_alert("record_overflow")


@stages
def test_too_long_a_record_that_would_open(tls_proxy, stage):
    with talk_to(tls_proxy) as talk:
        kind = Kind.HANDSHAKE if stage == "in the handshake" else Kind.APPLICATION_DATA
        talk.send_bytes(begin(talk, stage).seal(kind, bytes(BODY_MAX - 16)))
        talk.expect_alert("record_overflow")


@stages
@pytest.mark.parametrize("size", [RECORD_MAX + 1, RECORD_MAX + 100, BODY_MAX - 17])
@pytest.mark.parametrize("content", [1, 100, "all"])
def test_too_much_inside(tls_proxy, stage, size, content):
    """5.4: the inner plaintext, padding included, is not more than 2^14 + 1 bytes."""
    content = size if content == "all" else content
    kind = Kind.HANDSHAKE if stage == "in the handshake" else Kind.APPLICATION_DATA
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send(kind, b"\x14" * content, padding=size - content)
        talk.expect_alert("record_overflow")


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
def test_limits_of_each_suite(tls_proxy, suite):
    hello = client_hello(suites=[suite])
    with talk_to(tls_proxy) as talk:
        begin(talk, hello=hello).send_data(b"x" * (RECORD_MAX + 1), sizes=RECORD_MAX + 1)
        talk.expect_alert("record_overflow")
    with talk_to(tls_proxy) as talk:
        begin(talk, hello=client_hello(suites=[suite]))
        fill = RECORD_MAX - len(request(fields=["X: "]))
        talk.send_data(request(fields=["X: " + "x" * 8000]), padding=fill - 8000)
        assert talk.response().status == 200


@stages
@pytest.mark.parametrize("size", [0, 1, 8, 15])
def test_too_short_a_record(tls_proxy, stage, size):
    """Less than a tag: it cannot open (5.2)."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send_plain(Kind.APPLICATION_DATA, bytes(size))
        talk.expect_alert("bad_record_mac", "decode_error")


@pytest.mark.parametrize("length", [RECORD_MAX + 1, RECORD_MAX + 256, 20000, 65535])
@pytest.mark.parametrize("kind", [Kind.HANDSHAKE, Kind.ALERT], ids=name_of)
def test_too_long_a_plain_record(tls_proxy, kind, length):
    """5.1: not more than 2^14, without the room for a tag."""
    with talk_to(tls_proxy) as talk:
        talk.send_plain(kind, b"\1", length=length)
        talk.expect_alert("record_overflow", *(["unexpected_message"] if kind == Kind.ALERT else []))


def test_the_longest_plain_record(tls_proxy):
    with talk_to(tls_proxy) as talk:
        hello = client_hello().add(21, b"")
        hello.set(21, bytes(RECORD_MAX - len(hello.encode())))
        talk.send_hello(hello, sizes=RECORD_MAX)
        talk.expect_flight()
    with talk_to(tls_proxy) as talk:
        hello = client_hello().add(21, b"")
        hello.set(21, bytes(RECORD_MAX + 1 - len(hello.encode())))
        talk.send_hello(hello, sizes=RECORD_MAX + 1)
        talk.expect_alert("record_overflow")


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
def test_data_of_all_sizes(lab, suite):
    """Records from 1 byte up, and an answer of the same bytes."""
    sizes = [*range(1, 70), 255, 256, 257, 1400, 4095, 4096, 8191, 16000, 16383, 16384, 16384, 1]
    sizes = sizes[: scaled(len(sizes))]
    body = os.urandom(sum(sizes))
    proxy = lab.proxy(lab.server(reply=lambda request: response(request.body)))
    with talk_to(proxy) as talk:
        begin(talk, hello=client_hello(suites=[suite]))
        talk.send_data(request(method="POST", fields=[f"Content-Length: {len(body)}"]))
        talk.send_bytes(b"".join(talk.seal(Kind.APPLICATION_DATA, piece) for piece in pieces(body, sizes)))
        assert talk.response("POST").body == body


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
def test_responses_of_many_sizes(lab, suite):
    proxy = lab.proxy(lab.server(reply=lambda request: response(b"r" * int(request.target[1:]))))
    with talk_to(proxy) as talk:
        begin(talk, hello=client_hello(suites=[suite]))
        for size in [*range(0, 40), 1400, 16383, 16384, 16385, 40000]:
            assert talk.ask(f"/{size}").body == b"r" * size


# ---- Types outside ----


@stages
@pytest.mark.parametrize("kind", [0, 1, 19, 24, 25, 26, 63, 64, 127, 128, 255])
def test_record_types_that_may_not_be(tls_proxy, stage, kind):
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send_plain(kind, b"\1" * 40)
        talk.expect_alert("unexpected_message")


@stages
def test_sealed_records_say_that_they_are_data(tls_proxy, stage):
    """5.2: the outer type of every sealed record is application_data."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send_bytes(talk.seal(Kind.HANDSHAKE, talk.finished(), outer=Kind.HANDSHAKE))
        talk.expect_alert("unexpected_message")


FIRST = {
    "application data": (Kind.APPLICATION_DATA, bytes(40), "unexpected_message"),
    "change_cipher_spec": (Kind.CHANGE_CIPHER_SPEC, b"\1", "unexpected_message"),
    "heartbeat": (Kind.HEARTBEAT, b"\1\0\x10" + bytes(32), "unexpected_message"),
    "type 0": (0, bytes(40), "unexpected_message"),
    "type 255": (255, bytes(40), "unexpected_message"),
    "an empty handshake record": (Kind.HANDSHAKE, b"", "unexpected_message|decode_error"),
    "an empty change_cipher_spec": (Kind.CHANGE_CIPHER_SPEC, b"", "unexpected_message"),
    "empty application data": (Kind.APPLICATION_DATA, b"", "unexpected_message"),
}


@pytest.mark.parametrize("kind, body, outcome", cases(FIRST))
def test_what_comes_before_the_hello(tls_proxy, kind, body, outcome):
    with talk_to(tls_proxy) as talk:
        talk.send_plain(kind, body)
        talk.expect_alert(*outcome.split("|"))


@pytest.mark.parametrize("kind, body, outcome", cases(FIRST))
@pytest.mark.parametrize("at", [1, 4, 100])
def test_what_comes_between_the_pieces_of_a_hello(tls_proxy, kind, body, outcome, at):
    """5.1: nothing may."""
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello()
        talk.send_plain(Kind.HANDSHAKE, message[:at])
        talk.send_plain(kind, body)
        talk.send_plain(Kind.HANDSHAKE, message[at:])
        talk.expect_alert(*outcome.split("|"))


@pytest.mark.parametrize("kind, body, outcome", cases({n: c for n, c in FIRST.items() if "change" not in n}))
def test_what_comes_right_behind_the_hello(tls_proxy, kind, body, outcome):
    """The server has answered already, or not yet: then its alert comes plain."""
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello()
        talk.send_bytes(talk.plain(Kind.HANDSHAKE, message) + talk.plain(kind, body))
        talk.transcript.add(message)
        talk.expect_flight()
        outcome = "bad_record_mac|decode_error" if kind == Kind.APPLICATION_DATA else outcome
        talk.expect_alert(*outcome.split("|"))


# ---- Keys ----


@stages
@pytest.mark.parametrize("at", [0, 1, 7, -1, -8, -16])
def test_a_changed_bit(tls_proxy, stage, at):
    """In what is sealed, and in its tag."""

    def damage(body):
        changed = bytearray(body)
        changed[at] ^= 0x20
        return bytes(changed)

    with talk_to(tls_proxy) as talk:
        begin(talk, stage)
        payload = talk.finished() if stage == "in the handshake" else request()
        kind = Kind.HANDSHAKE if stage == "in the handshake" else Kind.APPLICATION_DATA
        talk.send(kind, payload, damage=damage)
        talk.expect_alert("bad_record_mac")


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
def test_every_bit_of_the_tag_counts(tls_proxy, suite):
    for at in range(16):
        with talk_to(tls_proxy) as talk:
            begin(talk, hello=client_hello(suites=[suite]))
            record = bytearray(talk.pack(Kind.APPLICATION_DATA, request()))
            record[at - 16] ^= 1 << at % 8
            talk.send_bytes(record)
            talk.expect_alert("bad_record_mac")


@stages
def test_random_bytes(tls_proxy, stage):
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send_plain(Kind.APPLICATION_DATA, os.urandom(100))
        talk.expect_alert("bad_record_mac")


@stages
def test_a_changed_length(tls_proxy, stage):
    """The header is authenticated too: a byte more or less, which was not there when it was sealed."""
    for change in (lambda body: body + b"\0", lambda body: body[:-1]):
        with talk_to(tls_proxy) as talk:
            begin(talk, stage)
            payload = talk.finished() if stage == "in the handshake" else request()
            record = talk.pack(Kind.HANDSHAKE if stage == "in the handshake" else Kind.APPLICATION_DATA, payload)
            talk.send_plain(Kind.APPLICATION_DATA, change(record[5:]))
            talk.expect_alert("bad_record_mac")


def test_a_record_that_comes_twice(tls_proxy):
    with talk_to(tls_proxy) as talk:
        record = begin(talk).pack(Kind.APPLICATION_DATA, request())
        talk.send_bytes(record)
        assert talk.response().status == 200
        talk.send_bytes(record)
        talk.expect_alert("bad_record_mac")


def test_a_record_that_is_missing(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).pack(Kind.APPLICATION_DATA, request())
        talk.send_data(request())
        talk.expect_alert("bad_record_mac")


def test_records_in_another_order(tls_proxy):
    with talk_to(tls_proxy) as talk:
        first = begin(talk).pack(Kind.APPLICATION_DATA, request()[:10])
        second = talk.pack(Kind.APPLICATION_DATA, request()[10:])
        talk.send_bytes(second + first)
        talk.expect_alert("bad_record_mac")


def test_handshake_keys_end_with_finished(tls_proxy):
    with talk_to(tls_proxy) as talk:
        old = begin(talk, "in the handshake").write_keys
        talk.send_finished()
        talk.send_bytes(old.seal(Kind.APPLICATION_DATA, request()))
        talk.expect_alert("bad_record_mac")


def test_application_keys_begin_with_finished(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake")
        talk.use_application_keys()
        talk.send_data(request())
        talk.expect_alert("bad_record_mac")


@stages
def test_keys_of_the_server_are_not_ours(tls_proxy, stage):
    """A record of the server, sent back."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage)
        keys = Keys("theirs", talk.server.hello.suite, talk.read_keys.secret)
        talk.send_bytes(keys.seal(Kind.APPLICATION_DATA, request()))
        talk.expect_alert("bad_record_mac")


# ---- How it comes ----


def test_records_byte_by_byte(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake")
        talk.send_each(*pieces(talk.pack(Kind.HANDSHAKE, talk.finished()), 1))
        talk.transcript.add(talk.finished())
        talk.use_application_keys()
        talk.send_each(*pieces(talk.pack(Kind.APPLICATION_DATA, request()), 1))
        assert talk.response().status == 200


def test_many_records_in_one_segment(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake")
        finished = talk.finished()
        data = talk.pack(Kind.HANDSHAKE, finished)
        talk.transcript.add(finished)
        talk.use_application_keys()
        talk.send_bytes(data + b"".join(talk.pack(Kind.APPLICATION_DATA, piece) for piece in pieces(request() * 5, 3)))
        for _ in range(5):
            assert talk.response().status == 200


@stages
def test_a_record_that_stays_incomplete(tls_proxy, stage):
    """The end of the connection comes within a record: nothing of it counts, and nothing hangs."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage)
        kind = Kind.HANDSHAKE if stage == "in the handshake" else Kind.APPLICATION_DATA
        talk.send_bytes(talk.pack(kind, talk.finished())[:-1])
        talk.half_close()
        talk.expect_over()
