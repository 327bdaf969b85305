"""HelloRetryRequest and the second ClientHello (RFC 8446 4.1.2, 4.1.4, 4.2.2, 4.4.1)."""

import os

import pytest

from ravelin_test.tls13 import (
    ALL_SUITES,
    Ext,
    Group,
    Kind,
    Psk,
    Scheme,
    Suite,
    cases,
    client_hello,
    name_of,
    talk_to,
    wire,
)
from ravelin_test.tls13.groups import new_key
from ravelin_test.tls13.wire import key_shares, numbers, vector


def first_hello():
    hello = client_hello(groups=[Group.P256, Group.X25519], shares=[], alpn=["http/1.1"])
    return hello.add(0x1234, b"unknown").add(Ext.PADDING, bytes(20))


def retried(talk, hello=None):
    """Up to the HelloRetryRequest; the right second hello."""
    talk.send_hello(hello or first_hello())
    retry = talk.expect_retry()
    assert retry.group in (Group.P256, Group.X25519)
    return talk.second_hello()


def finish(talk):
    talk.expect_flight()
    talk.send_finished()
    talk.expect_answer()


def swap(hello, first, second):
    numbers_there = [number for number, _ in hello.extensions]
    a, b = numbers_there.index(first), numbers_there.index(second)
    hello.extensions[a], hello.extensions[b] = hello.extensions[b], hello.extensions[a]
    return hello


def other(talk):
    return Group.X25519 if talk.server.retry.group == Group.P256 else Group.P256


SECOND_HELLOS = {
    "as it should be": (lambda hello: hello, "ok"),
    "without padding": (lambda hello: hello.drop(Ext.PADDING), "ok"),
    "other padding": (lambda hello: hello.set(Ext.PADDING, bytes(90)), "ok"),
    "another random": (lambda hello: hello.put(random=os.urandom(32)), "illegal_parameter"),
    "another session id": (lambda hello: hello.put(session_id=os.urandom(32)), "illegal_parameter"),
    "no session id": (lambda hello: hello.put(session_id=b""), "illegal_parameter"),
    "another legacy_version": (lambda hello: hello.put(legacy_version=wire.TLS11), "illegal_parameter"),
    "SSL 3": (lambda hello: hello.put(legacy_version=wire.SSL3), "protocol_version"),
    "other suites": (lambda hello: hello.put(suites=(*ALL_SUITES, 0xC02F)), "illegal_parameter"),
    "suites in another order": (lambda hello: hello.put(suites=ALL_SUITES[::-1]), "illegal_parameter"),
    "without the suite that was chosen": (
        lambda hello: hello.put(suites=[0x1303]),
        "illegal_parameter",
    ),
    "no suite": (lambda hello: hello.put(suites=[]), "decode_error"),
    "compression": (lambda hello: hello.put(compression=b"\1\0"), "illegal_parameter"),
    "another name": (lambda hello: hello.set(Ext.SERVER_NAME, wire.server_name("x.localhost")), "illegal_parameter"),
    "no name": (lambda hello: hello.drop(Ext.SERVER_NAME), "illegal_parameter"),
    "another protocol": (lambda hello: hello.set(Ext.ALPN, wire.alpn("http/1.0")), "illegal_parameter"),
    "no protocol": (lambda hello: hello.drop(Ext.ALPN), "illegal_parameter"),
    "other groups": (
        lambda hello: hello.set(Ext.SUPPORTED_GROUPS, numbers([Group.P256, Group.X25519, Group.P384])),
        "illegal_parameter",
    ),
    "groups in another order": (
        lambda hello: hello.set(Ext.SUPPORTED_GROUPS, numbers([Group.X25519, Group.P256])),
        "illegal_parameter",
    ),
    "no groups": (lambda hello: hello.drop(Ext.SUPPORTED_GROUPS), "missing_extension"),
    "other schemes": (
        lambda hello: hello.set(Ext.SIGNATURE_ALGORITHMS, numbers([Scheme.RSA_PSS_RSAE_SHA256])),
        "illegal_parameter",
    ),
    "no schemes": (lambda hello: hello.drop(Ext.SIGNATURE_ALGORITHMS), "missing_extension"),
    "other versions": (
        lambda hello: hello.set(Ext.SUPPORTED_VERSIONS, numbers([wire.TLS13, wire.TLS12], 1)),
        "illegal_parameter",
    ),
    "TLS 1.2": (
        lambda hello: hello.set(Ext.SUPPORTED_VERSIONS, numbers([wire.TLS12], 1)),
        "protocol_version",
    ),
    "no versions": (lambda hello: hello.drop(Ext.SUPPORTED_VERSIONS), "protocol_version"),
    "no PSK modes": (lambda hello: hello.drop(Ext.PSK_KEY_EXCHANGE_MODES), "illegal_parameter"),
    "another unknown extension": (lambda hello: hello.set(0x1234, b"changed"), "illegal_parameter"),
    "without the unknown extension": (lambda hello: hello.drop(0x1234), "illegal_parameter"),
    "one more unknown extension": (lambda hello: hello.add(0x1235), "illegal_parameter"),
    "two extensions change places": (
        lambda hello: swap(hello, Ext.SUPPORTED_GROUPS, Ext.SIGNATURE_ALGORITHMS),
        "illegal_parameter",
    ),
    "early data": (lambda hello: hello.add(Ext.EARLY_DATA), "illegal_parameter"),
    "a cookie nobody gave": (lambda hello: hello.add(Ext.COOKIE, vector(b"cookie", 2)), "illegal_parameter"),
    "a PSK": (lambda hello: hello.offer(Psk(b"unknown" * 20, bytes(32))), "ok|illegal_parameter"),
    "all extensions twice": (
        lambda hello: hello.put(extensions=hello.extensions + hello.extensions),
        "illegal_parameter",
    ),
    "no extensions": (
        lambda hello: hello.put(extensions=[], has_extensions=False),
        "protocol_version",
    ),
    "bytes behind": (lambda hello: hello.put(trailing=b"\0"), "decode_error"),
}


@pytest.mark.parametrize("change, outcome", cases(SECOND_HELLOS))
def test_second_hellos(tls_proxy, change, outcome):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(change(retried(talk)))
        talk.expect_outcome(outcome)


def test_extensions_in_reverse_order(tls_proxy):
    with talk_to(tls_proxy) as talk:
        second = retried(talk)
        talk.send_hello(second.put(extensions=second.extensions[::-1]))
        talk.expect_alert("illegal_parameter")


SECOND_SHARES = {
    "none": (lambda talk, hello: hello.share(), "illegal_parameter"),
    "no extension": (lambda talk, hello: hello.drop(Ext.KEY_SHARE), "missing_extension"),
    "of another group": (lambda talk, hello: hello.share(other(talk)), "illegal_parameter"),
    "of both groups": (lambda talk, hello: hello.share(talk.server.retry.group, other(talk)), "illegal_parameter"),
    "of both groups, in the other order": (
        lambda talk, hello: hello.share(other(talk), talk.server.retry.group),
        "illegal_parameter",
    ),
    "of the group twice": (
        lambda talk, hello: hello.set(
            Ext.KEY_SHARE, key_shares(*((talk.server.retry.group, new_key(talk.server.retry.group).public),) * 2)
        ),
        "illegal_parameter",
    ),
    "of an unlisted group": (lambda talk, hello: hello.share(Group.P384), "illegal_parameter"),
    "of the group and an unlisted one": (
        lambda talk, hello: hello.share(talk.server.retry.group, Group.P384),
        "illegal_parameter",
    ),
    "of an unknown group": (
        lambda talk, hello: hello.set(Ext.KEY_SHARE, key_shares((0x3000, b"x" * 32))),
        "illegal_parameter",
    ),
    "malformed": (lambda talk, hello: hello.set(Ext.KEY_SHARE, b"\0\2\0\x1d"), "decode_error"),
    "empty": (lambda talk, hello: hello.set(Ext.KEY_SHARE, b""), "decode_error"),
}


@pytest.mark.parametrize("change, outcome", cases(SECOND_SHARES))
def test_shares_of_the_second_hello(tls_proxy, change, outcome):
    """4.2.8: it has one share, of the group that was asked for. A second HelloRetryRequest never comes (4.1.4)."""
    with talk_to(tls_proxy) as talk:
        second = retried(talk)
        talk.send_hello(change(talk, second))
        talk.expect_outcome(outcome)


def test_the_first_shares_do_not_count_in_the_second_hello(tls_proxy):
    """What was a share of an unknown group goes, and the one asked for comes."""
    with talk_to(tls_proxy) as talk:
        hello = client_hello(groups=[0x3000, Group.P384], shares=[])
        talk.send_hello(hello.set(Ext.KEY_SHARE, key_shares((0x3000, b"x" * 32))))
        assert talk.expect_retry().group == Group.P384
        talk.send_hello(talk.second_hello())
        finish(talk)


def test_an_unchanged_second_hello(tls_proxy):
    with talk_to(tls_proxy) as talk:
        hello = first_hello()
        retried(talk, hello)
        talk.send_hello(hello)
        talk.expect_alert("illegal_parameter", "missing_extension")


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
def test_the_suite_of_the_retry_stays(tls_proxy, suite):
    """The client checks that ServerHello has the same."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(suites=[suite], shares=[]))
        assert talk.expect_retry().suite == suite
        talk.send_hello(talk.second_hello())
        finish(talk)


# ---- What comes instead of the second hello, and between ----


def test_change_cipher_spec_before_the_second_hello(tls_proxy):
    with talk_to(tls_proxy) as talk:
        second = retried(talk)
        talk.send_change_cipher_spec()
        talk.send_hello(second)
        finish(talk)


@pytest.mark.parametrize("sizes", [1, 50, [4]])
def test_the_second_hello_in_several_records(tls_proxy, sizes):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(retried(talk), sizes=sizes)
        finish(talk)


def test_a_large_second_hello(tls_proxy):
    with talk_to(tls_proxy) as talk:
        second = retried(talk)
        talk.send_hello(second.set(Ext.PADDING, bytes(20000)))
        finish(talk)


def test_a_third_hello_is_refused(tls_proxy):
    with talk_to(tls_proxy) as talk:
        second = retried(talk)
        talk.send_hello(second)
        talk.expect_flight()
        talk.send_bytes(talk.seal(Kind.HANDSHAKE, second.encode()))
        talk.expect_alert("unexpected_message")


def test_two_second_hellos_in_a_record_are_refused(tls_proxy):
    with talk_to(tls_proxy) as talk:
        message = talk.encode_hello(retried(talk))
        talk.send_plain(Kind.HANDSHAKE, message + message)
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("kind", [kind for kind in range(26) if kind != 1])
def test_other_messages_instead_of_the_second_hello(tls_proxy, kind):
    with talk_to(tls_proxy) as talk:
        retried(talk)
        talk.send_plain(Kind.HANDSHAKE, wire.message(kind, bytes(32)))
        talk.expect_alert("unexpected_message")


def test_application_data_instead_of_the_second_hello(tls_proxy):
    """There are no keys yet. (After an offer of early data it is passed over: test_tls13_early_data.py.)"""
    with talk_to(tls_proxy) as talk:
        retried(talk)
        talk.send_plain(Kind.APPLICATION_DATA, bytes(100))
        talk.expect_alert("unexpected_message")


def test_a_retry_counts_in_the_transcript(tls_proxy):
    """A Finished over a transcript with the first hello as it was is wrong (4.4.1)."""
    with talk_to(tls_proxy) as talk:
        hello = first_hello()
        talk.send_hello(retried(talk, hello))
        talk.expect_flight()
        talk.transcript.messages[0] = hello.encode()
        talk.send_finished()
        talk.expect_alert("decrypt_error")


@pytest.mark.parametrize("suite", [Suite.AES_256_GCM, Suite.CHACHA20], ids=name_of)
def test_change_cipher_spec_of_the_server_comes_after_the_retry_and_only_once(tls_proxy, suite):
    """D.4. The client refuses a second one, and one in another place."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(retried(talk, client_hello(suites=[suite], groups=[Group.P256], shares=[])))
        finish(talk)
        assert talk.change_cipher_specs == 1
