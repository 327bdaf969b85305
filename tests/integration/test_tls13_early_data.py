"""Early data (0-RTT) is never accepted, and passed over as RFC 8446 4.2.10 asks.

Clients offer it that have a ticket of another server, or of an older configuration, which allowed it.
"""

import os

import pytest

from ravelin_test.tls13 import (
    ALL_SUITES,
    Ext,
    Group,
    Kind,
    Psk,
    Type,
    cases,
    client_hello,
    name_of,
    psk_of,
    talk_to,
    wire,
)
from ravelin_test.tls13.wire import vector

BODY_MAX = 16384 + 256


def unknown_psk(suite=0x1301):
    return Psk(b"of another server " * 10, os.urandom(48 if suite == 0x1302 else 32), suite, age=1234567)


def known_psk(proxy, suite=0x1301):
    with talk_to(proxy) as talk:
        talk.handshake(client_hello(suites=[suite]))
        return psk_of(talk.expect_ticket())


@pytest.fixture(params=["unknown ticket", "known ticket"])
def psk(request, tls_proxy):
    return known_psk(tls_proxy) if request.param == "known ticket" else unknown_psk()


def hello_with(psk, **options):
    return client_hello(**options).add(Ext.EARLY_DATA).offer(psk)


def garbage(size):
    """A record that nobody can open, with so many bytes in it."""
    return wire.record(Kind.APPLICATION_DATA, os.urandom(size))


def early_records(talk, *sizes):
    keys = talk.early_keys()
    return b"".join(keys.seal(Kind.APPLICATION_DATA, os.urandom(size)) for size in sizes)


def finish(talk):
    talk.expect_flight()
    talk.send_finished()
    talk.expect_answer()
    talk.close_notify()
    talk.expect_close_notify()


def test_an_offer_without_data(tls_proxy, psk):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        finish(talk)


SIZES = {
    "a byte": [1],
    "nothing": [0],
    "a request": [300],
    "three records": [100, 5000, 1],
    "a full record": [16384],
    "16 KiB in halves": [8192, 8192],
    "many small records": [10] * 100,
}


@pytest.mark.parametrize("sizes", cases({name: (sizes,) for name, sizes in SIZES.items()}))
def test_early_data_is_passed_over(tls_proxy, psk, sizes):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        talk.send_bytes(early_records(talk, *sizes))
        finish(talk)


@pytest.mark.parametrize("sizes", [[17], [100], [16384], [BODY_MAX - 16384, 16384], [8192, 8192]], ids=str)
def test_early_data_that_nobody_could_open_is_passed_over(tls_proxy, sizes):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(unknown_psk()))
        talk.send_bytes(b"".join(garbage(size) for size in sizes))
        finish(talk)


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_early_data_of_each_suite(tls_proxy, suite, known):
    psk = known_psk(tls_proxy, suite) if known else unknown_psk(suite)
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk, suites=[suite]))
        talk.send_bytes(early_records(talk, 1000, 1000))
        finish(talk)


def test_all_in_one_segment(tls_proxy, psk):
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello(hello_with(psk))
        talk.transcript.add(message)
        talk.send_bytes(talk.plain(Kind.HANDSHAKE, message) + early_records(talk, 500, 500))
        finish(talk)


def test_early_data_byte_by_byte(tls_proxy, psk):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        talk.send_each(*wire.pieces(early_records(talk, 20, 20), 1))
        finish(talk)


def test_early_data_after_the_servers_flight(tls_proxy, psk):
    """It was on its way."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        keys = talk.early_keys()
        talk.send_bytes(keys.seal(Kind.APPLICATION_DATA, b"early"))
        talk.expect_flight()
        talk.send_bytes(keys.seal(Kind.APPLICATION_DATA, b"late"))
        talk.send_finished()
        talk.expect_answer()


CHANGES = {
    "before": lambda talk, ccs: ccs + early_records(talk, 100, 100),
    "between": lambda talk, ccs: early_records(talk, 100) + ccs + garbage(100),
    "behind": lambda talk, ccs: early_records(talk, 100, 100) + ccs,
    "before and behind": lambda talk, ccs: ccs + early_records(talk, 100) + ccs,
}


@pytest.mark.parametrize("make", cases(CHANGES))
def test_change_cipher_spec_among_early_data(tls_proxy, psk, make):
    """D.4"""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        talk.send_bytes(make(talk, talk.plain(Kind.CHANGE_CIPHER_SPEC, b"\1")))
        finish(talk)


def test_early_data_beside_a_fragmented_hello(tls_proxy, psk):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk), sizes=100)
        talk.send_bytes(early_records(talk, 100))
        finish(talk)


def test_the_end_of_early_data_is_early_data(tls_proxy, psk):
    """Under the early keys: passed over with the rest."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        keys = talk.early_keys()
        talk.send_bytes(keys.seal(Kind.APPLICATION_DATA, b"early"))
        talk.send_bytes(keys.seal(Kind.HANDSHAKE, wire.message(Type.END_OF_EARLY_DATA)))
        finish(talk)


def test_the_end_of_early_data_is_not_for_data_that_was_not_accepted(tls_proxy, psk):
    """4.5: under the handshake keys it is a message that may not come."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        talk.expect_flight()
        talk.send_message(wire.message(Type.END_OF_EARLY_DATA))
        talk.expect_alert("unexpected_message")


# ---- With a HelloRetryRequest ----


@pytest.mark.parametrize("sizes", [[100], [16384], [8000, 8000], [50] * 20], ids=["one", "full", "two", "many"])
def test_early_data_before_a_retry_is_passed_over(tls_proxy, psk, sizes):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk, shares=[]))
        talk.send_bytes(early_records(talk, *sizes))
        talk.expect_retry()
        talk.send_hello(talk.second_hello())
        finish(talk)


def test_early_data_until_the_second_hello_is_passed_over(tls_proxy, psk):
    """Some comes before the HelloRetryRequest and some behind, with a change_cipher_spec before the second hello."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk, groups=[Group.P256], shares=[]))
        keys = talk.early_keys()
        talk.send_bytes(keys.seal(Kind.APPLICATION_DATA, b"before"))
        talk.expect_retry()
        talk.send_bytes(keys.seal(Kind.APPLICATION_DATA, b"behind"))
        talk.send_change_cipher_spec()
        talk.send_hello(talk.second_hello())
        finish(talk)


@pytest.mark.parametrize("late", ["before the flight", "after the flight"])
def test_early_data_after_the_second_hello_is_an_error(tls_proxy, psk, late):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk, shares=[]))
        talk.expect_retry()
        talk.send_hello(talk.second_hello())
        if late == "before the flight":
            talk.send_bytes(garbage(64))
            talk.expect_flight()
        else:
            talk.expect_flight()
            talk.send_bytes(garbage(64))
        talk.expect_alert("bad_record_mac")


@pytest.mark.parametrize("retry", [False, True], ids=["directly", "after a retry"])
def test_an_error_of_the_client_among_early_data(tls_proxy, psk, retry):
    """It did not like the answer, and says so under the keys it has by then."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk, shares=[] if retry else [Group.X25519]))
        talk.send_bytes(early_records(talk, 100, 100))
        if retry:
            talk.expect_retry()
        else:
            talk.expect_flight()
        talk.send_alert("illegal_parameter")
        talk.expect_over()


# ---- Where it ends ----


def test_nothing_is_passed_over_once_a_record_opened(tls_proxy, psk):
    """4.2.10: half of the Finished, then more early data."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        talk.send_bytes(early_records(talk, 100))
        talk.expect_flight()
        talk.send_bytes(talk.seal(Kind.HANDSHAKE, talk.finished()[:16]))
        talk.send_bytes(garbage(64))
        talk.expect_alert("bad_record_mac")


def test_nothing_is_passed_over_after_the_handshake(tls_proxy, psk):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        talk.send_bytes(early_records(talk, 100))
        talk.expect_flight()
        talk.send_finished()
        talk.send_bytes(garbage(64))
        talk.expect_alert("bad_record_mac")


def test_nothing_is_passed_over_that_was_not_offered(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello().offer(unknown_psk()))
        talk.send_bytes(garbage(64))
        talk.expect_flight()
        talk.expect_alert("bad_record_mac")


@pytest.mark.parametrize("retry", [False, True], ids=["directly", "before a retry"])
def test_what_is_passed_over_has_a_bound(tls_proxy, psk, retry):
    """256 KiB is more than servers allow; what follows is treated as any record that does not open."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk, shares=[] if retry else [Group.X25519]))
        for _ in range(16):
            talk.send_bytes(garbage(16384), "garbage")
        if retry:
            talk.expect_retry()
        else:
            talk.expect_flight()
        talk.expect_alert("bad_record_mac", "unexpected_message")


@pytest.mark.parametrize("sizes", [[16384] * 16, [1000] * 300], ids=["large records", "small records"])
def test_more_than_a_server_has_room_for(tls_proxy, sizes):
    """All of it is there while the server waits for its signature: it must go on with what it has, and then answer."""
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello(hello_with(unknown_psk()))
        talk.transcript.add(message)
        data = b"".join(garbage(size) for size in sizes)
        talk.send_bytes(talk.plain(Kind.HANDSHAKE, message) + data, "the hello and garbage")
        talk.expect_flight()
        talk.expect_alert("bad_record_mac", "unexpected_message")


@pytest.mark.parametrize("length", [BODY_MAX + 1, 20000, 65535])
def test_too_long_a_record_is_not_passed_over(tls_proxy, psk, length):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        talk.send_bytes(wire.record(Kind.APPLICATION_DATA, bytes(100), length=length))
        talk.expect_flight()
        talk.expect_alert("record_overflow")


@pytest.mark.parametrize("kind", [0, 24, 99, 255])
def test_records_of_other_types_are_not_passed_over(tls_proxy, psk, kind):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(psk))
        talk.send_bytes(wire.record(kind, bytes(100)))
        talk.expect_flight()
        talk.expect_alert("unexpected_message")


# ---- The extension ----


@pytest.mark.parametrize("contents", [b"\0", b"\0\0\0\0", b"data"], ids=["1 byte", "4 bytes", "text"])
def test_the_offer_is_empty(tls_proxy, contents):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello().add(Ext.EARLY_DATA, contents).offer(unknown_psk()))
        talk.expect_alert("decode_error")


def test_the_offer_stands_there_once(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello().add(Ext.EARLY_DATA).add(Ext.EARLY_DATA).offer(unknown_psk()))
        talk.expect_alert("illegal_parameter")


def test_an_offer_without_tls13_is_told_the_version(tls_proxy):
    """The client must fail then (D.3), so nothing needs to be passed over."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(hello_with(unknown_psk(), versions=[wire.TLS12]))
        talk.send_bytes(garbage(1000))
        talk.expect_alert("protocol_version")


def test_early_data_never_reaches_a_server(lab):
    """A request in early data is not forwarded: it could be a replay."""
    server = lab.server()
    proxy = lab.proxy(server)
    psk = known_psk(proxy)
    with talk_to(proxy) as talk:
        talk.send_hello(hello_with(psk))
        keys = talk.early_keys()
        talk.send_bytes(keys.seal(Kind.APPLICATION_DATA, b"GET /replayed HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        talk.expect_flight()
        talk.send_finished()
        talk.expect_answer(target="/asked")
    assert [request.target for request in server.requests] == ["/asked"]


def test_an_empty_list_beside_it_is_no_offer(tls_proxy):
    """early_data with a pre_shared_key that is malformed is malformed."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello().add(Ext.EARLY_DATA).add(Ext.PRE_SHARED_KEY, vector(b"", 2) + vector(b"", 2)))
        talk.expect_alert("decode_error")
