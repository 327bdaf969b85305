"""What a client may say when it is asked for a certificate (RFC 8446 4.3.2, 4.4.2, 4.4.3), message by message."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from ravelin_test.folders import new_folder, remove_folder
from ravelin_test.issuing import Issuer
from ravelin_test.proxy import block
from ravelin_test.tls13 import Ext, Kind, Scheme, Type, cases, checks, client_hello, talk_to, wire

# Those of RSA PKCS #1 are for signatures on certificates alone.
ASKED_FOR = {
    *[Scheme.ECDSA_P256, Scheme.ECDSA_P384, Scheme.ECDSA_P521, Scheme.ED25519],
    *[Scheme.RSA_PSS_RSAE_SHA256, Scheme.RSA_PSS_RSAE_SHA384, Scheme.RSA_PSS_RSAE_SHA512],
    *[Scheme.RSA_PSS_PSS_SHA256, Scheme.RSA_PSS_PSS_SHA384, Scheme.RSA_PSS_PSS_SHA512],
    *[Scheme.RSA_PKCS1_SHA256, Scheme.RSA_PKCS1_SHA384, Scheme.RSA_PKCS1_SHA512],
}


class Shown:
    def __init__(self, certificate):
        self.certificate = x509.load_pem_x509_certificate(certificate.path.read_bytes())
        self.key = load_pem_private_key(certificate.key.read_bytes(), None)


@pytest.fixture(scope="module")
def clients():
    folder = new_folder("clients")
    issuer = Issuer(folder / "root", "Clients")
    issuer.good, issuer.other = Shown(issuer.issue("good")), Shown(issuer.issue("other"))
    issuer.rsa = Shown(issuer.issue("rsa", kind="rsa"))
    issuer.itself = x509.load_pem_x509_certificate(issuer.ca.read_bytes())
    yield issuer
    remove_folder(folder)


@pytest.fixture(scope="module", params=["required", "optional"])
def asking(request, module_lab, clients):
    """A proxy with one site that asks for certificates."""
    server = module_lab.authority.certificate("localhost")
    site = block(
        "site",
        "localhost",
        {"client-ca": f'"{clients.ca}"', "client-certificate": request.param},
        [
            block("certificate", f'"{server.path}"', {"key": f'"{server.key}"'}),
            block("route", "/", {"backend": "web"}),
        ],
    )
    proxy = module_lab.proxy(module_lab.server(), sites=[site])
    proxy.required = request.param == "required"
    return proxy


@pytest.fixture
def talk(asking):
    with talk_to(asking) as talk:
        talk.send_hello()
        talk.expect_flight()
        yield talk


def test_a_certificate_is_asked_for_and_taken(talk, clients):
    talk.send_certificate([clients.good.certificate], clients.good.key, Scheme.ECDSA_P256)
    talk.send_finished()
    talk.expect_answer()
    assert talk.tickets == []
    talk.close_notify()
    talk.expect_close_notify()


def test_messages_may_be_cut_anywhere(talk, clients):
    talk.send_certificate([clients.good.certificate], clients.good.key, Scheme.ECDSA_P256, sizes=1)
    talk.send_finished(sizes=1)
    talk.expect_answer()


@pytest.mark.parametrize("scheme", [Scheme.RSA_PSS_RSAE_SHA256, Scheme.RSA_PSS_RSAE_SHA384, Scheme.RSA_PSS_RSAE_SHA512])
def test_rsa_signs_with_pss(talk, clients, scheme):
    talk.send_certificate([clients.rsa.certificate], clients.rsa.key, scheme)
    talk.send_finished()
    talk.expect_answer()


def test_an_empty_certificate(asking, talk):
    talk.send_certificate([])
    talk.send_finished()
    if asking.required:
        talk.expect_alert("certificate_required")
    else:
        talk.expect_answer()


def test_the_request_behind_a_refused_handshake_reaches_nobody(asking, talk, clients):
    seen = asking.metrics()["requests"]
    talk.send_certificate([clients.other.certificate], clients.good.key, Scheme.ECDSA_P256)
    talk.send_finished()
    talk.send_data(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    talk.expect_alert("decrypt_error")
    asking.wait_for_metrics(requests=seen)


# ---- Proofs


def test_a_certificate_without_its_proof(talk, clients):
    talk.send_certificate([clients.good.certificate])
    talk.send_finished()
    talk.expect_alert("unexpected_message")


def test_a_proof_without_a_certificate(talk, clients):
    talk.send_certificate([], clients.good.key, Scheme.ECDSA_P256)
    talk.expect_alert("unexpected_message", "certificate_required")


def test_no_certificate_message_at_all(talk):
    talk.send_finished()
    talk.expect_alert("unexpected_message")


def test_a_proof_with_another_key(talk, clients):
    talk.send_certificate([clients.good.certificate], clients.other.key, Scheme.ECDSA_P256)
    talk.expect_alert("decrypt_error")


def test_a_proof_of_something_else(talk, clients):
    talk.send_certificate([clients.good.certificate])
    signature = checks.sign(clients.good.key, Scheme.ECDSA_P256, bytes(32))
    body = Scheme.ECDSA_P256.to_bytes(2, "big") + wire.vector(signature, 2)
    talk.send_message(wire.message(Type.CERTIFICATE_VERIFY, body))
    talk.expect_alert("decrypt_error")


@pytest.mark.parametrize("signature", [b"", b"\0" * 70, b"\x30\x06\x02\x01\x00\x02\x01\x00"])
def test_a_proof_that_is_no_signature(talk, clients, signature):
    talk.send_certificate([clients.good.certificate])
    body = Scheme.ECDSA_P256.to_bytes(2, "big") + wire.vector(signature, 2)
    talk.send_message(wire.message(Type.CERTIFICATE_VERIFY, body))
    talk.expect_alert("decrypt_error", "decode_error", "illegal_parameter")


def prove(talk, scheme, signature):
    talk.send_message(wire.message(Type.CERTIFICATE_VERIFY, scheme.to_bytes(2, "big") + wire.vector(signature, 2)))


WRONG_SCHEMES = {
    "RSA PKCS #1": 0x0401,
    "ECDSA with SHA-1": 0x0203,
    "RSA with SHA-1": 0x0201,
    "Ed25519": 0x0807,
    "P-384": 0x0503,
    "RSA-PSS": 0x0804,
    "unknown": 0xFFFF,
    "none": 0,
}


@pytest.mark.parametrize("scheme", cases(WRONG_SCHEMES))
def test_a_proof_with_a_scheme_that_is_not_for_it(talk, clients, scheme):
    talk.send_certificate([clients.good.certificate])
    prove(talk, scheme, checks.sign(clients.good.key, Scheme.ECDSA_P256, talk.transcript.digest(talk._hash)))
    talk.expect_alert("illegal_parameter")


@pytest.mark.parametrize("scheme, digest", [(0x0503, hashes.SHA384()), (0x0603, hashes.SHA512())], ids=["P-384", "P-521"])
def test_an_ecdsa_scheme_is_for_one_curve(talk, clients, scheme, digest):
    """4.2.3. The signature is a good one, with the hash that the scheme says."""
    talk.send_certificate([clients.good.certificate])
    content = checks.signed_content("client", talk.transcript.digest(talk._hash))
    prove(talk, scheme, clients.good.key.sign(content, ec.ECDSA(digest)))
    talk.send_finished()
    talk.expect_alert("illegal_parameter")


@pytest.mark.parametrize(
    "scheme, digest", [(0x0809, hashes.SHA256()), (0x080A, hashes.SHA384()), (0x080B, hashes.SHA512())]
)
def test_rsa_pss_schemes_are_for_what_the_certificate_says_of_the_key(talk, clients, scheme, digest):
    """4.2.3: rsa_pss_pss_* is for keys that do RSASSA-PSS alone, and says so in the certificate."""
    talk.send_certificate([clients.rsa.certificate])
    content = checks.signed_content("client", talk.transcript.digest(talk._hash))
    prove(talk, scheme, clients.rsa.key.sign(content, padding.PSS(padding.MGF1(digest), digest.digest_size), digest))
    talk.send_finished()
    talk.expect_alert("illegal_parameter")


@pytest.mark.parametrize("salt_size", [0, 20, 31, 33])
def test_the_salt_of_rsa_pss_is_as_long_as_the_hash(talk, clients, salt_size):
    """4.2.3"""
    talk.send_certificate([clients.rsa.certificate])
    content = checks.signed_content("client", talk.transcript.digest(talk._hash))
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_size)
    prove(talk, Scheme.RSA_PSS_RSAE_SHA256, clients.rsa.key.sign(content, pss, hashes.SHA256()))
    talk.expect_alert("decrypt_error")


BAD_FORMS = {"nothing": b"", "half a scheme": b"\4", "no signature": b"\4\3", "a long one": b"\4\3\0\x48" + bytes(10)}


@pytest.mark.parametrize("body", cases(BAD_FORMS))
def test_malformed_proofs(talk, clients, body):
    talk.send_certificate([clients.good.certificate])
    talk.send_message(wire.message(Type.CERTIFICATE_VERIFY, body))
    talk.expect_alert("decode_error")


def second_flight(talk, clients, extensions=b""):
    """Certificate, CertificateVerify and Finished, not sent yet."""
    der = clients.good.certificate.public_bytes(Encoding.DER)
    entry = wire.vector(der, 3) + wire.vector(extensions, 2)
    messages = [wire.message(Type.CERTIFICATE, b"\0" + wire.vector(entry, 3))]
    talk.transcript.add(messages[0])
    signature = checks.sign(clients.good.key, Scheme.ECDSA_P256, talk.transcript.digest(talk._hash))
    body = Scheme.ECDSA_P256.to_bytes(2, "big") + wire.vector(signature, 2)
    messages.append(wire.message(Type.CERTIFICATE_VERIFY, body))
    talk.transcript.add(messages[1])
    messages.append(talk.finished())
    return messages


def is_taken(talk, finished):
    talk.transcript.add(finished)
    talk.use_application_keys()
    talk.expect_answer()


@pytest.mark.parametrize("sizes", [wire.RECORD_MAX, 7, 100, [3, 5, 400]])
def test_the_second_flight_is_cut_without_regard_to_its_messages(talk, clients, sizes):
    messages = second_flight(talk, clients)
    for piece in wire.pieces(b"".join(messages), sizes):
        talk.send(Kind.HANDSHAKE, piece)
    is_taken(talk, messages[-1])


def test_change_cipher_spec_among_its_messages(talk, clients):
    messages = second_flight(talk, clients)
    for message in messages:
        talk.send_change_cipher_spec()
        talk.send(Kind.HANDSHAKE, message)
    is_taken(talk, messages[-1])


def test_a_certificate_after_a_retry(asking, clients):
    with talk_to(asking) as talk:
        talk.send_hello(client_hello(shares=[]))
        talk.expect_retry()
        talk.send_hello(talk.second_hello())
        talk.expect_flight()
        messages = second_flight(talk, clients)
        talk.send(Kind.HANDSHAKE, b"".join(messages))
        is_taken(talk, messages[-1])


OUT_OF_ORDER = {"a proof first": [1], "two certificates": [0, 0], "two proofs": [0, 1, 1], "a certificate last": [0, 1, 0]}


@pytest.mark.parametrize("order", cases({name: (order,) for name, order in OUT_OF_ORDER.items()}))
def test_messages_out_of_order(talk, clients, order):
    messages = second_flight(talk, clients)
    talk.send(Kind.HANDSHAKE, b"".join(messages[at] for at in order))
    talk.expect_alert("unexpected_message")


UNASKED = {
    "status_request": wire.extension(Ext.STATUS_REQUEST, b"\1\0\0\1\x30"),
    "signed_certificate_timestamp": wire.extension(Ext.SCT, b"\0\0"),
    "unknown": wire.extension(0x1234, b"x"),
}


@pytest.mark.parametrize("extensions", cases(UNASKED))
def test_extensions_that_were_not_asked_for(talk, clients, extensions):
    """4.2, 4.4.2"""
    talk.send(Kind.HANDSHAKE, second_flight(talk, clients, extensions)[0])
    talk.expect_alert("unsupported_extension")


# ---- Certificates


def entries(*ders):
    return b"".join(wire.vector(der, 3) + b"\0\0" for der in ders)


@pytest.mark.parametrize(
    "body, alerts",
    cases(
        {
            "rubbish": (b"\0" + wire.vector(entries(b"rubbish"), 3), ["bad_certificate"]),
            "an empty one": (b"\0" + wire.vector(entries(b""), 3), ["bad_certificate", "decode_error"]),
            "a context": (wire.vector(b"x", 1) + wire.vector(b"", 3), ["illegal_parameter", "decode_error"]),
            "nothing": (b"", ["decode_error"]),
            "a list that is cut": (b"\0\0\0\x09" + entries(b"x")[:-2], ["decode_error"]),
            "a length that lies": (b"\0\0\0\x06\0\0\xff\0\0\0", ["decode_error"]),
            "bytes behind": (b"\0\0\0\0\0", ["decode_error"]),
        }
    ),
)
def test_malformed_certificate_messages(talk, body, alerts):
    talk.send_message(wire.message(Type.CERTIFICATE, body))
    talk.expect_alert(*alerts)


def test_more_certificates_than_are_looked_at(talk, clients):
    talk.send_certificate([clients.good.certificate, *[clients.itself] * 30], clients.good.key, Scheme.ECDSA_P256)
    talk.expect_alert("bad_certificate")


def test_the_schemes_that_are_asked_for(asking):
    """Nothing that TLS 1.3 does not know for a signature, but for those on certificates (4.2.3)."""
    with talk_to(asking) as talk:
        talk.send_hello()
        requested = None
        while not talk.server.finished:
            event = talk.read()
            if event.kind == Type.CERTIFICATE_REQUEST:
                requested = wire.Cursor(event.body, "CertificateRequest")
        assert requested.vector(1) == b""
        extensions = requested.extensions()
        list_ = wire.Cursor(extensions[Ext.SIGNATURE_ALGORITHMS], "schemes").vector(2)
        schemes = {int.from_bytes(list_[i : i + 2], "big") for i in range(0, len(list_), 2)}
        assert schemes == ASKED_FOR
