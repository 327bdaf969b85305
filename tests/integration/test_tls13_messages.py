"""Handshake messages: the client's Finished, and all that may not come (RFC 8446 4, 4.4.4, 4.6, 5.1)."""

import os

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ravelin_test.http import request
from ravelin_test.tls13 import Kind, Scheme, Suite, Type, cases, client_hello, name_of, talk_to, wire
from ravelin_test.tls13.wire import message, vector

STAGES = ["in the handshake", "after the handshake"]
stages = pytest.mark.parametrize("stage", STAGES)
SUITES = pytest.mark.parametrize("suite", [Suite.AES_128_GCM, Suite.AES_256_GCM], ids=name_of)


def begin(talk, stage="in the handshake", suite=None):
    talk.send_hello(client_hello(suites=[suite]) if suite else client_hello())
    talk.expect_flight()
    if stage == "after the handshake":
        talk.send_finished()
    return talk


# ---- Finished ----


@SUITES
def test_every_bit_of_finished_counts(tls_proxy, suite):
    size = 48 if suite == Suite.AES_256_GCM else 32
    for bit in range(0, 8 * size, 5):
        with talk_to(tls_proxy) as talk:
            finished = bytearray(begin(talk, suite=suite).finished())
            finished[4 + bit // 8] ^= 1 << bit % 8
            talk.send_finished(bytes(finished))
            talk.expect_alert("decrypt_error")


FINISHED = {
    "empty": (lambda mac: b"", "decode_error"),
    "a byte less": (lambda mac: mac[:-1], "decode_error"),
    "without its first byte": (lambda mac: mac[1:], "decode_error"),
    "half": (lambda mac: mac[: len(mac) // 2], "decode_error"),
    "as long as in TLS 1.2": (lambda mac: mac[:12], "decode_error"),
    "a byte more": (lambda mac: mac + b"\0", "decode_error"),
    "a byte before": (lambda mac: b"\0" + mac, "decode_error"),
    "16 bytes more": (lambda mac: mac + bytes(16), "decode_error"),
    "twice": (lambda mac: mac + mac, "decode_error"),
    "of the other hash": (lambda mac: bytes(80 - len(mac)), "decode_error"),
    "full of padding behind": (lambda mac: mac.ljust(16380, b"\0"), "decode_error"),
    "full of padding before": (lambda mac: mac.rjust(16380, b"\0"), "decode_error"),
    "128 KiB": (lambda mac: mac + bytes(0x20000), "decode_error"),
    "192 KiB": (lambda mac: mac + bytes(0x30000), "decode_error"),
    "zeros": (lambda mac: bytes(len(mac)), "decrypt_error"),
    "random": (lambda mac: os.urandom(len(mac)), "decrypt_error"),
    "backwards": (lambda mac: mac[::-1], "decrypt_error"),
}


@SUITES
@pytest.mark.parametrize("change, outcome", cases(FINISHED))
def test_wrong_finished(tls_proxy, suite, change, outcome):
    with talk_to(tls_proxy) as talk:
        mac = begin(talk, suite=suite).finished()[4:]
        talk.send_message(message(Type.FINISHED, change(mac)))
        talk.expect_alert(outcome)


@pytest.mark.parametrize("size", [2**17, 2**24 - 1])
def test_a_long_finished_is_not_waited_for(tls_proxy, size):
    """64 KiB of it have come: enough to tell."""
    with talk_to(tls_proxy) as talk:
        begin(talk).send_message(message(Type.FINISHED, bytes(2**16), length=size))
        talk.expect_alert("decode_error")


def test_finished_of_the_server_is_not_ours(tls_proxy):
    """Sent back as it came."""
    with talk_to(tls_proxy) as talk:
        begin(talk)
        talk.send_finished(talk.transcript.messages[-1])
        talk.expect_alert("decrypt_error")


def test_finished_covers_the_whole_transcript(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk)
        del talk.transcript.messages[-1]
        talk.send_finished()
        talk.expect_alert("decrypt_error")


def test_finished_without_encryption(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_plain(Kind.HANDSHAKE, begin(talk).finished())
        talk.expect_alert("unexpected_message")


def test_half_of_finished_without_encryption(tls_proxy):
    with talk_to(tls_proxy) as talk:
        finished = begin(talk).finished()
        talk.send_plain(Kind.HANDSHAKE, finished[:16])
        talk.send(Kind.HANDSHAKE, finished[16:])
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("sizes", [1, 2, 5, 16, [4], [1, 3], [35]], ids=str)
def test_finished_in_several_records(tls_proxy, sizes):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_finished(sizes=sizes)
        talk.expect_answer()


def test_finished_in_several_padded_records(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_finished(sizes=7, padding=50)
        talk.expect_answer()


def test_data_in_the_segment_of_finished(tls_proxy):
    with talk_to(tls_proxy) as talk:
        finished = begin(talk).finished()
        data = talk.pack(Kind.HANDSHAKE, finished)
        talk.transcript.add(finished)
        talk.use_application_keys()
        talk.send_bytes(data + talk.pack(Kind.APPLICATION_DATA, request()))
        assert talk.response().status == 200


BEHIND = {
    "a byte": b"\0",
    "a byte of a KeyUpdate": b"\x18",
    "a KeyUpdate": wire.key_update(),
    "a Finished": message(Type.FINISHED, bytes(32)),
    "a ClientHello": message(Type.CLIENT_HELLO, bytes(100)),
    "an empty message": message(Type.HELLO_REQUEST),
}


@pytest.mark.parametrize("tail", cases(BEHIND))
def test_finished_ends_its_record(tls_proxy, tail):
    """5.1: keys change with it."""
    with talk_to(tls_proxy) as talk:
        begin(talk).send(Kind.HANDSHAKE, talk.finished() + tail)
        talk.expect_alert("unexpected_message")


def test_the_last_piece_of_finished_ends_its_record(tls_proxy):
    with talk_to(tls_proxy) as talk:
        finished = begin(talk).finished()
        talk.send(Kind.HANDSHAKE, finished[:20])
        talk.send(Kind.HANDSHAKE, finished[20:] + wire.key_update())
        talk.expect_alert("unexpected_message")


def test_finished_twice(tls_proxy):
    """Under the handshake keys, which are gone, and under those that came after."""
    with talk_to(tls_proxy) as talk:
        finished = begin(talk).finished()
        talk.send_bytes(talk.pack(Kind.HANDSHAKE, finished) + talk.pack(Kind.HANDSHAKE, finished))
        talk.expect_alert("bad_record_mac")
    with talk_to(tls_proxy) as talk:
        finished = begin(talk).finished()
        talk.send_finished()
        talk.send(Kind.HANDSHAKE, finished)
        talk.expect_alert("unexpected_message")


def test_no_finished(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_data(request())
        talk.expect_alert("unexpected_message")


BETWEEN = {
    "application data": (Kind.APPLICATION_DATA, b"data"),
    "empty application data": (Kind.APPLICATION_DATA, b""),
    "an empty handshake record": (Kind.HANDSHAKE, b""),
    "a padded empty handshake record": (Kind.HANDSHAKE, b""),
    "heartbeat": (Kind.HEARTBEAT, b"\1\0\0"),
    "an empty alert": (Kind.ALERT, b""),
}


@pytest.mark.parametrize("kind, payload", cases(BETWEEN))
def test_nothing_comes_between_the_pieces_of_finished(tls_proxy, kind, payload):
    with talk_to(tls_proxy) as talk:
        finished = begin(talk).finished()
        talk.send(Kind.HANDSHAKE, finished[:16])
        talk.send(kind, payload, padding=20)
        talk.send(Kind.HANDSHAKE, finished[16:])
        talk.expect_alert("unexpected_message")


# ---- Messages that may not come ----


@stages
@pytest.mark.parametrize("kind", [kind for kind in range(256) if kind not in (Type.FINISHED, Type.KEY_UPDATE)])
def test_messages_that_may_not_come(tls_proxy, stage, kind):
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send(Kind.HANDSHAKE, message(kind, bytes(32)))
        talk.expect_alert("unexpected_message")


CERTIFICATE_ENTRY = vector(b"\x30\x82" + bytes(50), 3) + b"\0\0"
PLAUSIBLE = {
    "HelloRequest": message(Type.HELLO_REQUEST),
    "ClientHello": client_hello().encode(),
    "ServerHello": message(Type.SERVER_HELLO, b"\3\3" + bytes(32) + b"\0\x13\1\0\0\0"),
    "NewSessionTicket": message(Type.NEW_SESSION_TICKET, bytes(8) + b"\1\1" + vector(b"ticket", 2) + b"\0\0"),
    "EndOfEarlyData": message(Type.END_OF_EARLY_DATA),
    "EncryptedExtensions": message(Type.ENCRYPTED_EXTENSIONS, b"\0\0"),
    "an empty Certificate": message(Type.CERTIFICATE, b"\0\0\0\0"),
    "a Certificate": message(Type.CERTIFICATE, b"\0" + vector(CERTIFICATE_ENTRY, 3)),
    "CertificateRequest": message(Type.CERTIFICATE_REQUEST, b"\0" + vector(b"\0\x0d\0\4\0\2\4\3", 2)),
    "ServerHelloDone": message(Type.SERVER_HELLO_DONE),
    "CertificateVerify": message(Type.CERTIFICATE_VERIFY, b"\4\3" + vector(bytes(70), 2)),
    "ClientKeyExchange": message(Type.CLIENT_KEY_EXCHANGE, bytes(33)),
    "CertificateStatus": message(Type.CERTIFICATE_STATUS, b"\1\0\0\0"),
    "CompressedCertificate": message(Type.COMPRESSED_CERTIFICATE, b"\0\2\0\0\1" + vector(b"c", 3)),
    "a message hash": message(Type.MESSAGE_HASH, bytes(32)),
}


@stages
@pytest.mark.parametrize("data", cases(PLAUSIBLE))
def test_well_formed_messages_that_may_not_come(tls_proxy, stage, data):
    """Also a second ClientHello (4.1.2: no renegotiation), and a Certificate that nobody asked for."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send(Kind.HANDSHAKE, data)
        talk.expect_alert("unexpected_message")


@stages
@pytest.mark.parametrize("data", cases(PLAUSIBLE))
def test_well_formed_messages_in_pieces(tls_proxy, stage, data):
    """Their type is in the first byte; that is enough."""
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send(Kind.HANDSHAKE, data[:1])
        if len(data) > 1:
            talk.send(Kind.HANDSHAKE, data[1:])
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("data", cases(PLAUSIBLE))
def test_messages_that_are_not_sealed(tls_proxy, data):
    with talk_to(tls_proxy) as talk:
        begin(talk).send_plain(Kind.HANDSHAKE, data)
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("data", cases(PLAUSIBLE))
def test_messages_that_are_not_sealed_after_the_handshake(tls_proxy, data):
    with talk_to(tls_proxy) as talk:
        begin(talk, "after the handshake").send_plain(Kind.HANDSHAKE, data)
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("size", [2**17, 2**24 - 1])
@stages
def test_large_messages_are_not_waited_for(tls_proxy, stage, size):
    with talk_to(tls_proxy) as talk:
        begin(talk, stage).send_message(message(Type.CERTIFICATE, bytes(2**16), length=size))
        talk.expect_alert("unexpected_message")


def test_client_authentication_that_nobody_asked_for(tls_proxy):
    """The whole second flight of a client with an empty certificate; its Finished covers that."""
    with talk_to(tls_proxy) as talk:
        begin(talk).send_message(message(Type.CERTIFICATE, b"\0\0\0\0"))
        talk.send_message(talk.finished())
        talk.expect_alert("unexpected_message")


@pytest.mark.parametrize("kind, scheme", [("ecdsa", Scheme.ECDSA_P256), ("rsa", Scheme.RSA_PSS_RSAE_SHA256)])
def test_a_certificate_that_nobody_asked_for(tls_proxy, kind, scheme):
    """A good one, with its CertificateVerify."""
    files = tls_proxy.authority.certificate("client.test", kind=kind)
    certificate = x509.load_pem_x509_certificate(files.path.read_bytes())
    key = load_pem_private_key(files.key.read_bytes(), password=None)
    with talk_to(tls_proxy) as talk:
        begin(talk).send_certificate([certificate], key, scheme)
        talk.send_message(talk.finished())
        talk.expect_alert("unexpected_message")


def test_post_handshake_authentication_that_nobody_asked_for(tls_proxy):
    """Also not of a client that offered it (4.6.2)."""
    with talk_to(tls_proxy) as talk:
        talk.handshake(client_hello().add(49))
        data = message(Type.CERTIFICATE, b"\0\0\0\0") + message(Type.FINISHED, bytes(32))
        talk.send(Kind.HANDSHAKE, data)
        talk.expect_alert("unexpected_message")


def test_a_second_handshake_that_is_not_sealed(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk, "after the handshake").expect_answer()
        talk.send_plain(Kind.HANDSHAKE, client_hello().encode())
        talk.expect_alert("unexpected_message")


def test_an_answer_to_a_ticket(tls_proxy):
    """Nothing answers a NewSessionTicket; it may also not be sent back."""
    with talk_to(tls_proxy) as talk:
        begin(talk, "after the handshake")
        ticket = talk.expect_message(Type.NEW_SESSION_TICKET)
        talk.send(Kind.HANDSHAKE, message(Type.NEW_SESSION_TICKET, ticket.body))
        talk.expect_alert("unexpected_message")


def test_pieces_of_a_message_and_then_data(tls_proxy):
    """5.1: interleaving."""
    with talk_to(tls_proxy) as talk:
        begin(talk, "after the handshake").send(Kind.HANDSHAKE, wire.key_update()[:3])
        talk.send_data(request())
        talk.expect_alert("unexpected_message")


def test_the_first_flight_twice(tls_proxy):
    """A second ClientHello before anything was read."""
    with talk_to(tls_proxy) as talk:
        first = talk.encode_hello()
        talk.transcript.add(first)
        talk.send_bytes(talk.plain(Kind.HANDSHAKE, first) * 2)
        talk.expect_flight()
        talk.expect_alert("unexpected_message")
