"""change_cipher_spec records and alerts, wherever a client may send them (RFC 8446 5, 5.1, 6, D.4)."""

import pytest

from ravelin_test.http import request
from ravelin_test.tls13 import Alert, Ext, Kind, cases, client_hello, talk_to, wire
from ravelin_test.tls13.wire import ALERTS, alert, pieces

STAGES = ["in the handshake", "after the handshake"]
stages = pytest.mark.parametrize("stage", STAGES)
CCS = b"\1"
# What a client may say to end a connection. The level means nothing in TLS 1.3 (6).
ERRORS = [name for name in ALERTS if name not in ("close_notify", "user_canceled")]


def begin(talk, stage="after the handshake"):
    talk.send_hello()
    talk.expect_flight()
    if stage == "after the handshake":
        talk.send_finished()
    return talk


def finish(talk):
    talk.send_finished()
    talk.expect_answer()


# ---- change_cipher_spec ----


def test_it_may_come_before_the_second_flight(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake").send_change_cipher_spec()
        finish(talk)


def test_it_may_come_right_behind_the_hello(tls_proxy):
    """As clients do that send early data."""
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello()
        talk.transcript.add(message)
        talk.send_bytes(talk.plain(Kind.HANDSHAKE, message) + talk.plain(Kind.CHANGE_CIPHER_SPEC, CCS))
        talk.expect_flight()
        finish(talk)


def test_it_may_come_without_a_session_id(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello().put(session_id=b""))
        talk.expect_flight()
        talk.send_change_cipher_spec()
        finish(talk)


@pytest.mark.parametrize("version", [0x0300, 0x0301, 0x0303, 0x03FF])
def test_it_may_have_any_record_version(tls_proxy, version):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake").send_change_cipher_spec(version=version)
        finish(talk)


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize("together", [True, False])
def test_it_may_come_several_times(tls_proxy, count, together):
    """5: it is simply dropped "at any time after the first ClientHello [...] and before the peer's Finished"."""
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake")
        if together:
            talk.send_bytes(talk.plain(Kind.CHANGE_CIPHER_SPEC, CCS) * count)
        else:
            talk.send_each(*[talk.plain(Kind.CHANGE_CIPHER_SPEC, CCS)] * count)
        finish(talk)


def test_it_may_come_in_every_place_of_a_retried_handshake(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(shares=[]))
        talk.send_change_cipher_spec()
        talk.expect_retry()
        talk.send_change_cipher_spec()
        talk.send_hello(talk.second_hello())
        talk.send_change_cipher_spec()
        talk.expect_flight()
        talk.send_change_cipher_spec()
        finish(talk)


def test_it_may_not_come_without_end(tls_proxy):
    """What costs work and brings nothing has a bound."""
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake")
        talk.send_bytes(talk.plain(Kind.CHANGE_CIPHER_SPEC, CCS) * 10000)
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("count", [1, 2])
def test_it_may_not_come_after_finished(tls_proxy, count):
    with talk_to(tls_proxy) as talk:
        begin(talk)
        talk.send_bytes(talk.plain(Kind.CHANGE_CIPHER_SPEC, CCS) * count)
        talk.expect_alert("unexpected_message")


def test_it_may_not_come_right_behind_finished(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake")
        talk.send_bytes(talk.pack(Kind.HANDSHAKE, talk.finished()) + talk.plain(Kind.CHANGE_CIPHER_SPEC, CCS))
        talk.expect_alert("unexpected_message")


def test_it_may_not_come_among_application_data(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).expect_answer()
        talk.send_change_cipher_spec()
        talk.expect_alert("unexpected_message")


def test_it_may_not_come_between_the_pieces_of_finished(tls_proxy):
    """5.1: between the pieces of a message there is no other record."""
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake")
        finished = talk.finished()
        talk.send(Kind.HANDSHAKE, finished[:10])
        talk.send_change_cipher_spec()
        talk.send(Kind.HANDSHAKE, finished[10:])
        talk.expect_alert("unexpected_message")


BODIES = {
    "empty": b"",
    "0": b"\0",
    "2": b"\2",
    "255": b"\xff",
    "two at once": b"\1\1",
    "three bytes": b"\1\0\0",
    "many at once": b"\1" * 100,
    "a whole record": b"\1" * 16384,
}


@stages
@pytest.mark.parametrize("body", cases(BODIES))
def test_it_is_a_single_1(tls_proxy, stage, body):
    """5: any other value is an unexpected_message."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send_change_cipher_spec(body)
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("body", cases(BODIES))
def test_it_is_a_single_1_also_before_the_second_hello(tls_proxy, body):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(shares=[]))
        talk.expect_retry()
        talk.send_change_cipher_spec(body)
        talk.expect_alert("unexpected_message")


@stages
def test_it_is_not_protected(tls_proxy, stage):
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send(Kind.CHANGE_CIPHER_SPEC, CCS)
        talk.expect_alert("unexpected_message")


# ---- Alerts that end the connection ----


@pytest.mark.parametrize("name", [*ERRORS, 5, 21, 60, 255])
def test_errors_of_the_client_after_the_handshake(tls_proxy, name):
    """6.2: both sides stop at once; the server does not answer with an alert of its own."""
    with talk_to(tls_proxy) as talk:
        begin(talk).send_alert(name)
        talk.expect_over()


@pytest.mark.parametrize("name", [*ERRORS, 5, 21, 60, 255])
def test_errors_of_the_client_within_the_handshake(tls_proxy, name):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake").send_alert(name)
        talk.expect_over()


@pytest.mark.parametrize("name", ["decode_error", "unknown_ca", "protocol_version", "illegal_parameter", 255])
def test_errors_before_the_keys(tls_proxy, name):
    """The client could not read ServerHello, so that its alert is not sealed."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello()
        talk.send_plain(Kind.ALERT, alert(name))
        talk.expect_over()


@pytest.mark.parametrize("name", ["decode_error", "unknown_ca", "protocol_version", "illegal_parameter", 255])
def test_errors_that_are_not_sealed_after_the_flight(tls_proxy, name):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake").send_plain(Kind.ALERT, alert(name))
        talk.expect_over()


@pytest.mark.parametrize("name", ["decode_error", "illegal_parameter", "unsupported_extension"])
def test_errors_after_a_retry(tls_proxy, name):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(shares=[]))
        talk.expect_retry()
        talk.send_plain(Kind.ALERT, alert(name))
        talk.expect_over()


@pytest.mark.parametrize("name", ["decode_error", "unknown_ca", "close_notify"])
def test_alerts_that_are_not_sealed_after_the_handshake(tls_proxy, name):
    """Anybody on the way could have sent them: they are an error, not an end."""
    with talk_to(tls_proxy) as talk:
        begin(talk).send_plain(Kind.ALERT, alert(name))
        talk.expect_alert("unexpected_message")


@stages
@pytest.mark.parametrize("level", [0, 1, 3, 255])
def test_the_level_means_nothing(tls_proxy, stage, level):
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send(Kind.ALERT, bytes([level, ALERTS["decode_error"]]))
        talk.expect_over()


def test_an_alert_before_the_hello(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_plain(Kind.ALERT, alert("internal_error"))
        talk.expect_over_or_alert("unexpected_message")


def test_close_notify_before_the_hello(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_plain(Kind.ALERT, alert("close_notify", level=1))
        talk.expect_over_or_alert("unexpected_message", "close_notify")


# ---- Alerts that are none ----


@stages
def test_an_alert_in_pieces(tls_proxy, stage):
    """5.1: not allowed."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage)
        for piece in pieces(alert("decode_error"), 1):
            talk.send(Kind.ALERT, piece)
        talk.expect_alert("decode_error", "unexpected_message")


SEVERAL = {
    "close_notify twice": alert("close_notify", 1) * 2,
    "user_canceled and close_notify": alert("user_canceled", 1) + alert("close_notify", 1),
    "one and a half": bytes(3),
    "many": alert("decode_error") * 100,
}


@stages
@pytest.mark.parametrize("body", cases(SEVERAL))
def test_more_than_one_alert_in_a_record(tls_proxy, stage, body):
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send(Kind.ALERT, body)
        talk.expect_alert("decode_error", "unexpected_message")


@pytest.mark.parametrize("body", [b"", b"\2", b"\2\x32\2\x32", bytes(100)], ids=["empty", "half", "two", "100 bytes"])
def test_malformed_alerts_instead_of_a_second_hello(tls_proxy, body):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(shares=[]))
        talk.expect_retry()
        talk.send_plain(Kind.ALERT, body)
        talk.expect_alert("decode_error", "unexpected_message")


def test_an_alert_between_the_pieces_of_a_message(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake")
        talk.send(Kind.HANDSHAKE, talk.finished()[:10])
        talk.send_alert("user_canceled")
        talk.send(Kind.HANDSHAKE, talk.finished()[10:])
        talk.expect_alert("unexpected_message")


# ---- close_notify and user_canceled ----


def test_close_notify_within_the_handshake(tls_proxy):
    """6.1: the client will send nothing more, so that the handshake cannot be completed."""
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake").close_notify()
        talk.expect_over_or_alert("close_notify", "unexpected_message", "handshake_failure")


def test_user_canceled_within_the_handshake(tls_proxy):
    """6.1: a close_notify follows."""
    with talk_to(tls_proxy) as talk:
        begin(talk, "in the handshake").send_alert("user_canceled")
        talk.close_notify()
        talk.expect_over_or_alert("close_notify", "unexpected_message", "handshake_failure")


@pytest.mark.parametrize("level", [1, 2])
def test_user_canceled_after_the_handshake(tls_proxy, level):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_alert("user_canceled", level=level)
        talk.close_notify()
        talk.expect_close_notify()


def test_user_canceled_alone_changes_nothing(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_alert("user_canceled")
        talk.expect_answer()


def test_user_canceled_without_end(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk)
        talk.send_bytes(b"".join(talk.seal(Kind.ALERT, alert("user_canceled", 1)) for _ in range(1000)))
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("level", [1, 2, 0, 255])
def test_close_notify_at_any_level(tls_proxy, level):
    with talk_to(tls_proxy) as talk:
        begin(talk).send(Kind.ALERT, bytes([level, 0]))
        talk.expect_close_notify()


@pytest.mark.parametrize("padding", [1, 100, 16000])
def test_close_notify_with_padding(tls_proxy, padding):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_alert("close_notify", padding=padding)
        talk.expect_close_notify()


# ---- Alerts of the server ----


def test_an_alert_is_received_although_much_still_comes(tls_proxy):
    """A reset would destroy it: the server must take what is on its way, and end after that."""
    for refused in (
        client_hello(versions=[wire.TLS12]),
        client_hello(suites=[0xC02F]),
        client_hello().drop(Ext.KEY_SHARE),
    ):
        with talk_to(tls_proxy) as talk:
            talk.send_hello(refused)
            talk.send_bytes(talk.plain(Kind.APPLICATION_DATA, bytes(16384)) * 10)
            talk.expect_alert("protocol_version", "handshake_failure", "missing_extension")


@stages
def test_an_alert_is_received_although_much_comes_behind_the_fault(tls_proxy, stage):
    with talk_to(tls_proxy) as talk:
        begin(talk, stage)
        talk.send_bytes(talk.plain(Kind.APPLICATION_DATA, bytes(100)) + bytes(200000))
        talk.expect_alert("bad_record_mac")


def test_what_comes_after_an_alert_is_not_answered(tls_proxy):
    """One alert, and then the end."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(versions=[wire.TLS12]))
        event = talk.read()
        assert isinstance(event, Alert)
        talk.send_hello(client_hello())
        talk.expect_end()


def test_a_request_behind_a_fault_is_not_served(lab):
    server = lab.server()
    proxy = lab.proxy(server)
    with talk_to(proxy) as talk:
        begin(talk)
        talk.send_bytes(talk.plain(Kind.CHANGE_CIPHER_SPEC, CCS) + talk.seal(Kind.APPLICATION_DATA, request()))
        talk.expect_alert("unexpected_message")
    assert server.requests == []
