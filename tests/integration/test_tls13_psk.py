"""Session tickets and PSKs on the wire (RFC 8446 2.2, 4.2.9, 4.2.11, 4.6.1)."""

import os

import pytest

from ravelin_test.tls13 import (
    ALL_SUITES,
    Ext,
    Group,
    Psk,
    Suite,
    Type,
    cases,
    client_hello,
    name_of,
    psk_of,
    talk_to,
    wire,
)
from ravelin_test.tls13.wire import PSK_DHE_KE, PSK_KE, extension, vector

OTHER_HASH = {Suite.AES_128_GCM: Suite.AES_256_GCM, Suite.AES_256_GCM: Suite.AES_128_GCM}


def new_ticket(proxy, suite=Suite.AES_128_GCM, **options):
    with talk_to(proxy) as talk:
        talk.handshake(client_hello(suites=[suite], **options))
        return talk.expect_ticket()


@pytest.fixture
def psk(tls_proxy):
    """A good PSK with SHA-256."""
    return psk_of(new_ticket(tls_proxy))


def unknown_psk(size=200):
    """Another each time."""
    return Psk(os.urandom(size), bytes(32), age=12345)


def resumes(proxy, hello):
    """Does a handshake and a request; whether the session was resumed."""
    with talk_to(proxy) as talk:
        talk.handshake(hello)
        talk.expect_answer()
        return talk.server.resumed


def refused(proxy, hello, *alerts):
    with talk_to(proxy) as talk:
        talk.send_hello(hello)
        talk.expect_alert(*alerts)


# ---- Tickets ----


def test_tickets_differ(tls_proxy):
    tickets = [new_ticket(tls_proxy) for _ in range(10)]
    assert len({ticket.identity for ticket in tickets}) == 10
    assert len({ticket.secret for ticket in tickets}) == 10
    assert len({ticket.age_add for ticket in tickets}) > 8
    assert all(0 < ticket.lifetime <= 24 * 3600 for ticket in tickets)


def test_a_resumed_session_brings_a_new_ticket(tls_proxy):
    """And that one resumes again."""
    ticket = new_ticket(tls_proxy)
    seen = {ticket.identity}
    for _ in range(3):
        with talk_to(tls_proxy) as talk:
            talk.handshake(client_hello().offer(psk_of(ticket)))
            assert talk.server.resumed
            ticket = talk.expect_ticket()
            assert ticket.identity not in seen
            seen.add(ticket.identity)


def test_a_ticket_of_a_session_with_a_retry(tls_proxy):
    ticket = new_ticket(tls_proxy, groups=[Group.P384], shares=[])
    assert resumes(tls_proxy, client_hello().offer(psk_of(ticket)))


@pytest.mark.parametrize("suite", ALL_SUITES, ids=name_of)
def test_the_hash_binds_not_the_suite(tls_proxy, suite):
    """4.2.11: never with another hash; a server may also want the same suite."""
    ticket = new_ticket(tls_proxy, suite)
    for other in ALL_SUITES:
        resumed = resumes(tls_proxy, client_hello(suites=[other]).offer(psk_of(ticket)))
        if other == suite:
            assert resumed
        elif (suite == Suite.AES_256_GCM) != (other == Suite.AES_256_GCM):
            assert not resumed


@pytest.mark.parametrize("suite", OTHER_HASH, ids=name_of)
def test_a_suite_of_the_right_hash_may_stand_behind(tls_proxy, suite):
    """The client checks that PSK and suite fit, whatever the server chooses."""
    ticket = new_ticket(tls_proxy, suite)
    resumes(tls_proxy, client_hello(suites=[OTHER_HASH[suite], suite]).offer(psk_of(ticket)))
    assert resumes(tls_proxy, client_hello(suites=[suite, OTHER_HASH[suite]]).offer(psk_of(ticket)))


# ---- Which PSK ----


def test_an_unknown_identity_leads_to_a_full_handshake(tls_proxy):
    """Whatever its binder is."""
    assert not resumes(tls_proxy, client_hello().offer(unknown_psk()))


@pytest.mark.parametrize("size", [1, 2, 16, 100, 1000, 16000, 60000])
def test_an_unknown_identity_of_any_size(tls_proxy, size):
    assert not resumes(tls_proxy, client_hello().offer(unknown_psk(size)))


def test_many_unknown_identities(tls_proxy):
    assert not resumes(tls_proxy, client_hello().offer(*(Psk(b"%d" % number, bytes(32)) for number in range(300))))


def test_the_first_good_identity_is_taken(tls_proxy, psk):
    other = psk_of(new_ticket(tls_proxy))
    with talk_to(tls_proxy) as talk:
        talk.handshake(client_hello().offer(psk, other))
        assert talk.server.hello.psk == 0
        talk.expect_answer()


@pytest.mark.parametrize("before", [1, 2, 5])
def test_a_good_identity_behind_unknown_ones_is_taken(tls_proxy, psk, before):
    with talk_to(tls_proxy) as talk:
        talk.handshake(client_hello().offer(*(unknown_psk() for _ in range(before)), psk, unknown_psk()))
        assert talk.server.hello.psk == before
        talk.expect_answer()


def test_a_good_identity_behind_one_of_another_hash(tls_proxy, psk):
    sha384 = psk_of(new_ticket(tls_proxy, Suite.AES_256_GCM))
    assert resumes(tls_proxy, client_hello(suites=[Suite.AES_128_GCM]).offer(sha384, psk))


def test_a_damaged_ticket_leads_to_a_full_handshake(tls_proxy, psk):
    """Wherever it is damaged."""
    for at in [*range(0, len(psk.identity), 7), len(psk.identity) - 1]:
        damaged = bytearray(psk.identity)
        damaged[at] ^= 1
        hello = client_hello().offer(Psk(bytes(damaged), psk.secret, psk.suite, psk.age))
        assert not resumes(tls_proxy, hello), f"byte {at} was changed"


RESIZED = {
    "a byte less": lambda ticket: ticket[:-1],
    "a byte more": lambda ticket: ticket + b"\0",
    "without its first byte": lambda ticket: ticket[1:],
    "a byte before": lambda ticket: b"\0" + ticket,
    "16 bytes": lambda ticket: ticket[:16],
    "twice": lambda ticket: ticket * 2,
}


@pytest.mark.parametrize("change", cases(RESIZED))
def test_a_ticket_of_another_size_leads_to_a_full_handshake(tls_proxy, psk, change):
    assert not resumes(tls_proxy, client_hello().offer(Psk(change(psk.identity), psk.secret, psk.suite, psk.age)))


@pytest.mark.parametrize("age", [0, 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_wrong_age_breaks_nothing(tls_proxy, psk, age):
    """4.2.10: it may keep a server from accepting early data, and from nothing else but resumption."""
    resumes(tls_proxy, client_hello().offer(Psk(psk.identity, psk.secret, psk.suite, age)))


def test_a_ticket_serves_many_times(tls_proxy, psk):
    """Each time with another key exchange."""
    shares = set()
    for _ in range(4):
        with talk_to(tls_proxy) as talk:
            talk.handshake(client_hello().offer(psk))
            assert talk.server.resumed
            shares.add(talk.server.hello.share)
    assert len(shares) == 4


# ---- Modes ----

MODES = {
    "psk_dhe_ke": ([PSK_DHE_KE], True),
    "both": ([PSK_KE, PSK_DHE_KE], True),
    "unknown ones and psk_dhe_ke": ([0x0B, 0x2A, 255, PSK_DHE_KE], True),
    "psk_ke only": ([PSK_KE], False),
    "unknown ones only": ([2, 0x0B, 255], False),
}


@pytest.mark.parametrize("modes, resumed", cases(MODES))
def test_modes(tls_proxy, psk, modes, resumed):
    """Without psk_dhe_ke there is no resumption, but a full handshake: never one without a key exchange."""
    assert resumes(tls_proxy, client_hello().offer(psk, modes=modes)) == resumed


def test_a_psk_needs_modes(tls_proxy, psk):
    """4.2.9"""
    refused(tls_proxy, client_hello().offer(psk).drop(Ext.PSK_KEY_EXCHANGE_MODES), "missing_extension")


def test_an_unknown_psk_needs_modes_too(tls_proxy):
    refused(tls_proxy, client_hello().offer(unknown_psk()).drop(Ext.PSK_KEY_EXCHANGE_MODES), "missing_extension")


def test_a_psk_needs_a_share(tls_proxy, psk):
    """9.2: groups without shares, or the other way round. Neither: then there is no psk_dhe_ke."""
    refused(tls_proxy, client_hello().offer(psk).drop(Ext.KEY_SHARE), "missing_extension")
    refused(tls_proxy, client_hello().offer(psk).drop(Ext.SUPPORTED_GROUPS), "missing_extension")
    hello = client_hello().offer(psk).drop(Ext.SUPPORTED_GROUPS, Ext.KEY_SHARE)
    refused(tls_proxy, hello, "missing_extension", "handshake_failure")


def test_psk_ke_only_without_a_share_is_refused(tls_proxy, psk):
    hello = client_hello().offer(psk, modes=[PSK_KE]).drop(Ext.SUPPORTED_GROUPS, Ext.KEY_SHARE)
    refused(tls_proxy, hello, "missing_extension", "handshake_failure")


def test_a_good_psk_needs_no_signature_algorithms(tls_proxy, psk):
    """9.2, 4.2.3: they are for certificates."""
    assert resumes(tls_proxy, client_hello(schemes=None).offer(psk))


def test_an_unknown_psk_needs_signature_algorithms(tls_proxy):
    refused(tls_proxy, client_hello(schemes=None).offer(unknown_psk()), "missing_extension")


# ---- Place and form ----


@pytest.mark.parametrize("at", [0, 1, 3, 5])
@pytest.mark.parametrize("known", [True, False], ids=["known", "unknown"])
def test_pre_shared_key_is_the_last_extension(tls_proxy, psk, known, at):
    hello = client_hello().offer(psk if known else unknown_psk()).put(psk_at=at)
    refused(tls_proxy, hello, "illegal_parameter")


def test_pre_shared_key_stands_there_once(tls_proxy, psk):
    hello = client_hello().offer(psk)
    contents = vector(vector(b"other", 2) + bytes(4), 2) + vector(vector(bytes(32), 1), 2)
    refused(tls_proxy, hello.add(Ext.PRE_SHARED_KEY, contents), "illegal_parameter")


def flip(binder, at, bit=1):
    changed = bytearray(binder)
    changed[at] ^= bit
    return bytes(changed)


BINDERS = {
    "the first bit": (lambda binders: [flip(binders[0], 1, 0x80)], "decrypt_error"),
    "a bit in the middle": (lambda binders: [flip(binders[0], 16)], "decrypt_error"),
    "the last bit": (lambda binders: [flip(binders[0], -1)], "decrypt_error"),
    "zeros": (lambda binders: [vector(bytes(32), 1)], "decrypt_error"),
    "a byte more": (lambda binders: [vector(binders[0][1:] + b"\0", 1)], "decrypt_error|illegal_parameter"),
    "the size of SHA-384": (lambda binders: [vector(bytes(48), 1)], "decrypt_error|illegal_parameter"),
    "255 bytes": (lambda binders: [vector(bytes(255), 1)], "decrypt_error|illegal_parameter"),
    "31 bytes": (lambda binders: [vector(binders[0][1:-1], 1)], "decode_error"),
    "1 byte": (lambda binders: [b"\1\0"], "decode_error"),
    "no bytes": (lambda binders: [b"\0"], "decode_error"),
    "none": (lambda binders: [], "decode_error"),
    "one too many": (lambda binders: [*binders, binders[0]], "illegal_parameter|decode_error"),
    "two too many": (
        lambda binders: [*binders, vector(bytes(32), 1), vector(bytes(48), 1)],
        "illegal_parameter|decode_error",
    ),
    "too long an entry": (lambda binders: [b"\x21" + binders[0][1:]], "decode_error"),
    "half of one more": (lambda binders: [binders[0], b"\x20" + bytes(10)], "decode_error"),
}


@pytest.mark.parametrize("change, outcome", cases(BINDERS))
def test_binders(tls_proxy, psk, change, outcome):
    hello = client_hello().offer(psk).put(edit_psks=lambda identities, binders: (identities, change(binders)))
    refused(tls_proxy, hello, *outcome.split("|"))


def test_every_bit_of_a_binder_counts(tls_proxy, psk):
    for at in range(1, 33):
        change = lambda identities, binders, at=at: (identities, [flip(binders[0], at, 1 << at % 8)])  # noqa: E731
        refused(tls_proxy, client_hello().offer(psk).put(edit_psks=change), "decrypt_error")


def test_a_missing_binder(tls_proxy, psk):
    hello = client_hello().offer(psk, unknown_psk())
    refused(
        tls_proxy, hello.put(edit_psks=lambda ids, binders: (ids, binders[:1])), "illegal_parameter", "decode_error"
    )


def test_binders_of_unknown_identities_are_not_looked_at(tls_proxy, psk):
    """4.2.11: only the binder of the PSK that is chosen is verified."""
    spoil = lambda identities, binders: (identities, [binders[0], flip(binders[1], 5)])  # noqa: E731
    assert resumes(tls_proxy, client_hello().offer(psk, unknown_psk()).put(edit_psks=spoil))


def test_a_binder_of_an_external_psk_is_wrong(tls_proxy, psk):
    refused(
        tls_proxy, client_hello().offer(Psk(psk.identity, psk.secret, age=psk.age, label="ext binder")), "decrypt_error"
    )


def test_a_binder_of_another_secret_is_wrong(tls_proxy, psk):
    refused(tls_proxy, client_hello().offer(Psk(psk.identity, bytes(32), age=psk.age)), "decrypt_error")


def test_a_binder_binds_the_hello(tls_proxy, psk):
    """Another random, and the same binder."""
    hello = client_hello().offer(psk)
    message = hello.encode()
    with talk_to(tls_proxy) as talk:
        talk.encode_hello(hello)
        talk.send_plain(wire.Kind.HANDSHAKE, message[:6] + bytes([message[6] ^ 1]) + message[7:])
        talk.expect_alert("decrypt_error")


def test_a_binder_binds_the_first_hello_too(tls_proxy, psk):
    """After a HelloRetryRequest; a binder of the second hello alone is wrong (4.2.11.2)."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(shares=[]).offer(psk))
        talk.expect_retry()
        second = talk.second_hello()
        talk.send_message(second.encode())
        talk.expect_alert("decrypt_error")


IDENTITIES = {
    "an empty identity": lambda ids: [vector(b"", 2) + bytes(4)],
    "an empty identity before": lambda ids: [vector(b"", 2) + bytes(4), *ids],
    "none": lambda ids: [],
    "no age": lambda ids: [ids[0][:-4]],
    "half an age": lambda ids: [ids[0][:-2]],
    "too long an entry": lambda ids: [(len(ids[0])).to_bytes(2, "big") + ids[0][2:]],
}


@pytest.mark.parametrize("change", cases(IDENTITIES))
def test_malformed_identities(tls_proxy, psk, change):
    hello = (
        client_hello().offer(psk).put(edit_psks=lambda ids, binders: (change(ids), binders * max(1, len(change(ids)))))
    )
    refused(tls_proxy, hello, "decode_error")


def test_every_cut_of_the_extension_is_noticed(tls_proxy, psk):
    hello = client_hello().offer(psk)
    identities = vector(vector(psk.identity, 2) + psk.age.to_bytes(4, "big"), 2)
    contents = identities + vector(vector(bytes(32), 1), 2)
    body = hello.put(psks=[]).encode()[4:]
    start = len(body) - sum(4 + len(contents) for _, contents in hello.extensions) - 2
    for size in [*range(0, 12), *range(12, len(contents), 9), len(contents) - 1]:
        extensions = body[start + 2 :] + extension(Ext.PRE_SHARED_KEY, contents[:size])
        with talk_to(tls_proxy) as talk:
            talk.send_plain(wire.Kind.HANDSHAKE, wire.message(Type.CLIENT_HELLO, body[:start] + vector(extensions, 2)))
            try:
                talk.expect_alert("decode_error")
            except AssertionError as error:
                raise AssertionError(f"cut to {size} of {len(contents)} bytes: {error}") from error


def test_more_behind_the_binders(tls_proxy):
    contents = vector(vector(b"identity", 2) + bytes(4), 2) + vector(vector(bytes(32), 1), 2)
    refused(tls_proxy, client_hello().add(Ext.PRE_SHARED_KEY, contents + b"\0"), "decode_error")


def test_an_empty_extension(tls_proxy):
    refused(tls_proxy, client_hello().add(Ext.PRE_SHARED_KEY), "decode_error")


# ---- With the rest ----


@pytest.mark.parametrize("sizes", [1, 100, [-10]])
def test_a_psk_in_a_fragmented_hello(tls_proxy, psk, sizes):
    hello = client_hello().offer(psk)
    sizes = [len(hello.encode()) - 10] if sizes == [-10] else sizes
    with talk_to(tls_proxy) as talk:
        talk.handshake(hello, sizes=sizes)
        assert talk.server.resumed
        talk.expect_answer()


def test_a_psk_in_a_large_hello(tls_proxy, psk):
    assert resumes(tls_proxy, client_hello().add(Ext.PADDING, bytes(20000)).offer(psk))


def test_a_psk_that_does_not_fit_is_left_out_of_the_second_hello(tls_proxy):
    """4.1.2: the retry named a suite of another hash. (second_hello() leaves it out.)"""
    sha384 = psk_of(new_ticket(tls_proxy, Suite.AES_256_GCM))
    assert not resumes(tls_proxy, client_hello(suites=[Suite.AES_128_GCM], shares=[]).offer(sha384))


@pytest.mark.parametrize("suite", [Suite.AES_256_GCM, Suite.CHACHA20], ids=name_of)
@pytest.mark.parametrize("behind", [False, True], ids=["alone", "before one that fits"])
def test_a_psk_that_does_not_fit_may_stay_in_the_second_hello(tls_proxy, psk, suite, behind):
    """4.1.2 lets clients keep it. Whatever it is for, the suite of the retry stays (4.1.4): the client checks that."""
    kept = [psk_of(new_ticket(tls_proxy, suite)), *([psk] if behind else [])]
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(suites=[Suite.AES_128_GCM, suite], shares=[]).offer(*kept))
        talk.expect_retry()
        talk.send_hello(talk.second_hello().put(psks=kept))
        talk.expect_flight()
        talk.send_finished()
        talk.expect_answer()
        assert talk.server.hello.psk == (1 if behind else None)


def test_a_wrong_finished_of_a_resumed_handshake(tls_proxy, psk):
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello().offer(psk))
        talk.expect_flight()
        assert talk.server.resumed
        talk.send_finished(wire.message(Type.FINISHED, bytes(32)))
        talk.expect_alert("decrypt_error")


def test_a_certificate_is_not_for_a_resumed_handshake(tls_proxy, psk):
    """Neither the server's (the client checks it) nor an unasked one of the client."""
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello().offer(psk))
        talk.expect_flight()
        talk.send_message(wire.message(Type.CERTIFICATE, b"\0\0\0\0"))
        talk.expect_alert("unexpected_message")


def test_another_protocol_than_in_the_first_session(tls_proxy):
    """ALPN is negotiated anew (RFC 7301 3.1); the client checks that it gets what it offers now."""
    with talk_to(tls_proxy) as talk:
        talk.handshake(client_hello(alpn=["http/1.1"]))
        ticket = talk.expect_ticket()
    for offered, chosen in ((["http/1.0"], "http/1.0"), (["h2", "http/1.1"], "http/1.1"), (None, None)):
        with talk_to(tls_proxy) as talk:
            talk.handshake(client_hello(alpn=offered).offer(psk_of(ticket)))
            assert talk.server.alpn == chosen
            talk.expect_answer()
    with talk_to(tls_proxy) as talk:
        talk.send_hello(client_hello(alpn=["h2"]).offer(psk_of(ticket)))
        talk.expect_alert("no_application_protocol")
