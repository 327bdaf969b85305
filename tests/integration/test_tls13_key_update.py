"""KeyUpdate (RFC 8446 4.6.3, 7.2), from a client that does it rightly and wrongly."""

import os

import pytest

from ravelin_test.http import request, response
from ravelin_test.tls13 import ALL_SUITES, Kind, Type, cases, client_hello, name_of, talk_to
from ravelin_test.tls13.wire import key_update, message, pieces

NOT_REQUESTED, REQUESTED = 0, 1


def begin(talk, suite=None):
    talk.send_hello(client_hello(suites=[suite]) if suite else client_hello())
    talk.expect_flight()
    talk.send_finished()
    return talk


@pytest.fixture
def echo_proxy(lab):
    return lab.proxy(lab.server(reply=lambda request: response(request.body)))


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
def test_without_a_request(tls_proxy, suite):
    with talk_to(tls_proxy) as talk:
        begin(talk, suite).send_key_update(NOT_REQUESTED)
        talk.expect_answer()
        assert talk.key_updates == []


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
def test_with_a_request(tls_proxy, suite):
    """The answer comes before the next data, and asks for nothing."""
    with talk_to(tls_proxy) as talk:
        begin(talk, suite).send_key_update(REQUESTED)
        talk.expect_answer()
        assert talk.key_updates == [NOT_REQUESTED]
        talk.expect_answer()
        assert talk.key_updates == [NOT_REQUESTED]


def test_the_answer_does_not_wait_for_data(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).expect_answer()
        talk.send_key_update(REQUESTED)
        talk.expect_message(Type.KEY_UPDATE)
        assert talk.key_updates == [NOT_REQUESTED]
        talk.expect_answer()


@pytest.mark.parametrize("requests", [1, 2, 5, 32])
def test_several_requests_in_a_row(tls_proxy, requests):
    """4.6.3: who gets several while silent may answer once, or each."""
    with talk_to(tls_proxy) as talk:
        begin(talk)
        for _ in range(requests):
            talk.send_key_update(REQUESTED)
        talk.expect_answer()
        assert 1 <= len(talk.key_updates) <= requests
        assert set(talk.key_updates) == {NOT_REQUESTED}
        talk.expect_answer()


def test_several_requests_in_one_segment(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk)
        data = b""
        for _ in range(10):
            data += talk.seal(Kind.HANDSHAKE, key_update(REQUESTED))
            talk.write_keys.update()
        talk.send_bytes(data + talk.seal(Kind.APPLICATION_DATA, request()))
        assert talk.response().status == 200
        assert 1 <= len(talk.key_updates) <= 10


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
def test_an_update_between_all_records(echo_proxy, suite):
    body = os.urandom(30000)
    with talk_to(echo_proxy) as talk:
        begin(talk, suite).send_data(request(method="POST", fields=[f"Content-Length: {len(body)}"]))
        for number, piece in enumerate(pieces(body, 500)):
            talk.send_key_update(number % 2)
            talk.send_data(piece)
        assert talk.response("POST").body == body
        assert 1 <= len(talk.key_updates) <= 30


def test_within_a_request_head(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk)
        for piece in pieces(request(), 7):
            talk.send_data(piece)
            talk.send_key_update(REQUESTED)
        assert talk.response().status == 200


@pytest.mark.parametrize("requests", [1, 8])
def test_while_much_data_comes(lab, requests):
    """Asked for in the middle of a response: all of it arrives, under keys that change, at the latest with the next."""
    body = os.urandom(4_000_000)
    proxy = lab.proxy(lab.server(reply=lambda request: response(body)))
    with talk_to(proxy) as talk:
        begin(talk).send_data(request())
        for _ in range(requests):
            talk.reader.more()
            talk.send_key_update(REQUESTED)
        assert talk.response().body == body
        assert talk.ask().body == body
        assert 1 <= len(talk.key_updates) <= requests


def test_while_the_client_does_not_read(lab):
    """The server cannot send its answer yet: it is kept, and once is enough."""
    body = os.urandom(4_000_000)
    proxy = lab.proxy(lab.server(reply=lambda request: response(body)))
    with talk_to(proxy, receive_buffer=4096) as talk:
        begin(talk).send_data(request())
        for _ in range(20):
            talk.send_key_update(REQUESTED)
        talk.send_data(request())
        assert talk.response().body == body
        assert talk.response().body == body
        assert 1 <= len(talk.key_updates) <= 20


@pytest.mark.parametrize("sizes", [1, 2, [4], [1], [1, 1, 1, 1]], ids=str)
@pytest.mark.parametrize("padding", [0, 20])
def test_in_pieces(tls_proxy, sizes, padding):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_key_update(REQUESTED, sizes=sizes, padding=padding)
        talk.expect_answer()
        assert talk.key_updates == [NOT_REQUESTED]


@pytest.mark.parametrize("padding", [1, 100, 16000])
def test_with_padding(tls_proxy, padding):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_key_update(REQUESTED, padding=padding)
        talk.expect_answer()
        assert talk.key_updates == [NOT_REQUESTED]


@pytest.mark.parametrize("value", range(2, 256))
def test_values_that_may_not_be(tls_proxy, value):
    with talk_to(tls_proxy) as talk:
        begin(talk).send(Kind.HANDSHAKE, key_update(value))
        talk.expect_alert("illegal_parameter")


LENGTHS = {
    "0": message(Type.KEY_UPDATE, b""),
    "2": message(Type.KEY_UPDATE, b"\0\0"),
    "3": message(Type.KEY_UPDATE, b"\1\0\0"),
    "256": message(Type.KEY_UPDATE, bytes(256)),
    "16380": message(Type.KEY_UPDATE, bytes(16380)),
    "65536 said": message(Type.KEY_UPDATE, b"\0", length=0x10000),
    "257 said": message(Type.KEY_UPDATE, b"\0", length=0x101),
    "2^24 - 1 said": message(Type.KEY_UPDATE, b"\0", length=0xFFFFFF),
}


@pytest.mark.parametrize("data", cases(LENGTHS))
def test_lengths_that_may_not_be(tls_proxy, data):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_message(data, counted=False)
        talk.expect_alert("decode_error")


BEHIND = {
    "another": key_update(),
    "a request": key_update(REQUESTED),
    "a byte": b"\0",
    "its own first byte": b"\x18",
    "a Finished": message(Type.FINISHED, bytes(32)),
}


@pytest.mark.parametrize("tail", cases(BEHIND))
def test_it_ends_its_record(tls_proxy, tail):
    """5.1: what follows is under other keys."""
    with talk_to(tls_proxy) as talk:
        begin(talk).send(Kind.HANDSHAKE, key_update() + tail)
        talk.expect_alert("unexpected_message")


def test_the_last_piece_ends_its_record(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).send(Kind.HANDSHAKE, key_update()[:2])
        talk.send(Kind.HANDSHAKE, key_update()[2:] + key_update())
        talk.expect_alert("unexpected_message")


BETWEEN = {
    "data": (Kind.APPLICATION_DATA, b"G", "unexpected_message"),
    "empty data": (Kind.APPLICATION_DATA, b"", "unexpected_message"),
    "an empty handshake record": (Kind.HANDSHAKE, b"", "unexpected_message"),
    "user_canceled": (Kind.ALERT, b"\1\x5a", "unexpected_message"),
    "close_notify": (Kind.ALERT, b"\1\0", "unexpected_message"),
}


@pytest.mark.parametrize("kind, payload, outcome", cases(BETWEEN))
def test_nothing_comes_between_its_pieces(tls_proxy, kind, payload, outcome):
    with talk_to(tls_proxy) as talk:
        begin(talk).send(Kind.HANDSHAKE, key_update()[:3])
        talk.send(kind, payload)
        talk.send(Kind.HANDSHAKE, key_update()[3:])
        talk.expect_alert(outcome)


def test_an_error_of_the_client_may_come_between(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).send(Kind.HANDSHAKE, key_update()[:3])
        talk.send_alert("internal_error")
        talk.expect_over()


def test_old_keys_are_gone(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).send(Kind.HANDSHAKE, key_update())
        talk.send_data(request())
        talk.expect_alert("bad_record_mac")


def test_keys_do_not_change_before_it(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).write_keys.update()
        talk.send(Kind.HANDSHAKE, key_update())
        talk.expect_alert("bad_record_mac")


def test_keys_change_once(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_key_update()
        talk.write_keys.update()
        talk.send_data(request())
        talk.expect_alert("bad_record_mac")


@pytest.mark.parametrize("value", [NOT_REQUESTED, REQUESTED])
def test_before_finished(tls_proxy, value):
    with talk_to(tls_proxy) as talk:
        talk.send_hello()
        talk.expect_flight()
        talk.send(Kind.HANDSHAKE, key_update(value))
        talk.expect_alert("unexpected_message")


def test_before_there_are_keys(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_plain(Kind.HANDSHAKE, key_update())
        talk.expect_alert("unexpected_message")


def test_without_encryption(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_plain(Kind.HANDSHAKE, key_update())
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("value", [NOT_REQUESTED, REQUESTED])
def test_without_end(tls_proxy, value):
    """Updates cost work; with no data between them there is a bound."""
    with talk_to(tls_proxy) as talk:
        begin(talk)
        data = b""
        for _ in range(2000):
            data += talk.seal(Kind.HANDSHAKE, key_update(value))
            talk.write_keys.update()
        talk.send_bytes(data)
        event = talk.read()
        while getattr(event, "kind", None) in (Type.KEY_UPDATE, Type.NEW_SESSION_TICKET):
            event = talk.read()
        assert str(event).startswith("unexpected_message"), event
        talk.expect_end()


def test_with_data_between_there_is_no_end(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk)
        for _ in range(100):
            talk.send_key_update()
            talk.expect_answer()


def test_before_the_end(tls_proxy):
    """The answer comes before close_notify, or is left out; the end is in peace."""
    with talk_to(tls_proxy) as talk:
        begin(talk).expect_answer()
        data = talk.seal(Kind.HANDSHAKE, key_update(REQUESTED))
        talk.write_keys.update()
        talk.send_bytes(data + talk.seal(Kind.ALERT, b"\1\0"))
        event = talk.read()
        while getattr(event, "kind", None) == Type.KEY_UPDATE:
            event = talk.read()
        assert str(event).startswith("close_notify"), event
        talk.expect_end()
