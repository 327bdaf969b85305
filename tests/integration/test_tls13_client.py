"""The TLS 1.3 client of these tests: it derives what RFC 8448 has, and lets no server get away with anything."""

import hashlib

import pytest

from ravelin_test.tls13 import (
    Conversation,
    Ext,
    Group,
    Kind,
    Psk,
    Suite,
    Type,
    Violation,
    cases,
    checks,
    client_hello,
    wire,
)
from ravelin_test.tls13.record import CIPHERS, Keys
from ravelin_test.tls13.schedule import Schedule, expand_label
from ravelin_test.tls13.wire import HELLO_RETRY_REQUEST, TLS12, TLS13, extension, message, numbers, record, vector

# ---- RFC 8448 section 3 ----

SHARED = "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"
AFTER_SERVER_HELLO = "860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8"
SECRETS = [
    ("early", "33ad0a1c607ec03b09e6cd9893680ce210adf300aa1f2660e1b22e10f170f92a"),
    ("handshake", "1dc826e93606aa6fdc0aadc12f741b01046aa6b99f691ed221a9f0ca043fbeac"),
    ("c hs traffic", "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"),
    ("s hs traffic", "b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38"),
    ("master", "18df06843d13a08bf2a449844c5f8a478001bc4d4c627984d5a41da8d0402919"),
    ("key", "3fce516009c21727d0f2e4e86ee403bc"),
    ("iv", "5d313eb2671276ee13000b30"),
]


def test_the_key_schedule_is_that_of_rfc_8448():
    found = {}
    schedule = Schedule(hashlib.sha256)
    found["early"] = schedule.secret
    schedule.add(bytes.fromhex(SHARED))
    found["handshake"] = schedule.secret
    for label in ("c hs traffic", "s hs traffic"):
        found[label] = schedule.derive(label, bytes.fromhex(AFTER_SERVER_HELLO))
    schedule.add()
    found["master"] = schedule.secret
    found["key"] = expand_label(hashlib.sha256, found["s hs traffic"], "key", b"", 16)
    found["iv"] = expand_label(hashlib.sha256, found["s hs traffic"], "iv", b"", 12)
    assert {name: value.hex() for name, value in found.items()} == dict(SECRETS)


@pytest.mark.parametrize("suite", CIPHERS, ids=lambda suite: suite.name)
def test_a_record_opens_once_and_in_its_place(suite):
    secret = bytes(48 if suite == Suite.AES_256_GCM else 32)
    ours, theirs = Keys("application", suite, secret), Keys("application", suite, secret)
    for number in range(3):
        sealed = ours.seal(Kind.HANDSHAKE, b"message", padding=number)
        assert theirs.open(sealed[:5], sealed[5:]) == (Kind.HANDSHAKE, b"message", number)
    for changed in (sealed, ours.seal(Kind.HANDSHAKE, b"message", damage=lambda body: body[:-1] + b"\0")):
        with pytest.raises(Violation):
            theirs.open(changed[:5], changed[5:])


# ---- ServerHello ----

HELLO = client_hello(suites=[Suite.AES_128_GCM], groups=[Group.X25519, Group.P256])
SHARE = Group.X25519.to_bytes(2, "big") + vector(bytes(32), 2)
VERSION = (Ext.SUPPORTED_VERSIONS, TLS13.to_bytes(2, "big"))
KEY_SHARE = (Ext.KEY_SHARE, SHARE)


def server_hello(
    version=TLS12,
    random=bytes(range(32)),
    session_id=HELLO.session_id,
    suite=Suite.AES_128_GCM,
    compression=0,
    extensions=(VERSION, KEY_SHARE),
    more=b"",
):
    body = version.to_bytes(2, "big") + random + vector(session_id, 1) + suite.to_bytes(2, "big") + bytes([compression])
    return body + vector(b"".join(extension(*entry) for entry in extensions), 2) + more


def retry(*extensions):
    return server_hello(random=HELLO_RETRY_REQUEST, extensions=(VERSION, *extensions))


def asked(group):
    return Ext.KEY_SHARE, group.to_bytes(2, "big")


def test_good_server_hellos_are_taken():
    assert checks.server_hello(server_hello(), HELLO).group == Group.X25519
    assert checks.server_hello(retry(asked(Group.P256)), HELLO).group == Group.P256
    assert checks.server_hello(retry((Ext.COOKIE, vector(b"c", 2))), HELLO).cookie == b"c"
    with_psk = HELLO.clone().offer(Psk(b"ticket", bytes(32)))
    chosen = server_hello(extensions=(VERSION, KEY_SHARE, (Ext.PRE_SHARED_KEY, b"\0\0")))
    assert checks.server_hello(chosen, with_psk).psk == 0


BAD_SERVER_HELLOS = {
    "TLS 1.3 in the old place": server_hello(version=TLS13),
    "another session id": server_hello(session_id=bytes(32)),
    "no session id": server_hello(session_id=b""),
    "a suite that was not offered": server_hello(suite=0x1302),
    "compression": server_hello(compression=1),
    "a downgrade to TLS 1.2": server_hello(random=bytes(24) + b"DOWNGRD\1"),
    "a downgrade to TLS 1.1": server_hello(random=bytes(24) + b"DOWNGRD\0"),
    "no version": server_hello(extensions=(KEY_SHARE,)),
    "TLS 1.2": server_hello(extensions=((Ext.SUPPORTED_VERSIONS, b"\3\3"), KEY_SHARE)),
    "no share": server_hello(extensions=(VERSION,)),
    "a share of another group": server_hello(extensions=(VERSION, (Ext.KEY_SHARE, b"\0\x17" + SHARE[2:]))),
    "a share with more behind it": server_hello(extensions=(VERSION, (Ext.KEY_SHARE, SHARE + b"\0"))),
    "an extension twice": server_hello(extensions=(VERSION, KEY_SHARE, VERSION)),
    "an extension of another message": server_hello(extensions=(VERSION, KEY_SHARE, (Ext.SERVER_NAME, b""))),
    "a cookie": server_hello(extensions=(VERSION, KEY_SHARE, (Ext.COOKIE, vector(b"c", 2)))),
    "a PSK that was not offered": server_hello(extensions=(VERSION, KEY_SHARE, (Ext.PRE_SHARED_KEY, b"\0\0"))),
    "bytes behind": server_hello(more=b"\0"),
    "a cut": server_hello()[:-1],
    "a retry for a group that was not offered": retry(asked(Group.P384)),
    "a retry for a group whose share is there": retry(asked(Group.X25519)),
    "a retry with a share": retry(KEY_SHARE),
    "a retry with an empty cookie": retry((Ext.COOKIE, b"\0\0")),
    "a retry with a PSK": retry(asked(Group.P256), (Ext.PRE_SHARED_KEY, b"\0\0")),
}


@pytest.mark.parametrize("body", cases(BAD_SERVER_HELLOS))
def test_bad_server_hellos_are_noticed(body):
    with pytest.raises(Violation):
        checks.server_hello(body, HELLO)


# ---- The messages behind it ----


def encrypted_extensions(*extensions):
    return vector(b"".join(extension(*entry) for entry in extensions), 2)


BAD_EXTENSIONS = {
    "ALPN that was not offered": encrypted_extensions((Ext.ALPN, wire.alpn("http/1.1"))),
    "max_fragment_length that was not offered": encrypted_extensions((Ext.MAX_FRAGMENT_LENGTH, b"\1")),
    "a name that is not empty": encrypted_extensions((Ext.SERVER_NAME, b"\0")),
    "early data": encrypted_extensions((Ext.EARLY_DATA, b"")),
    "an extension of ServerHello": encrypted_extensions((Ext.KEY_SHARE, SHARE)),
    "an unknown extension": encrypted_extensions((0x1234, b"")),
    "an empty list of groups": encrypted_extensions((Ext.SUPPORTED_GROUPS, numbers([]))),
    "an extension twice": encrypted_extensions((Ext.SERVER_NAME, b""), (Ext.SERVER_NAME, b"")),
    "bytes behind": encrypted_extensions() + b"\0",
}


@pytest.mark.parametrize("body", cases(BAD_EXTENSIONS))
def test_bad_encrypted_extensions_are_noticed(body):
    with pytest.raises(Violation):
        checks.encrypted_extensions(body, HELLO)


def test_alpn_must_be_one_of_those_offered():
    hello = client_hello(alpn=["http/1.1"])
    assert checks.encrypted_extensions(encrypted_extensions((Ext.ALPN, wire.alpn("http/1.1"))), hello)[1] == "http/1.1"
    for answer in (wire.alpn("h2"), wire.alpn("http/1.1", "http/1.1"), wire.alpn(), b""):
        with pytest.raises(Violation):
            checks.encrypted_extensions(encrypted_extensions((Ext.ALPN, answer)), hello)


def ticket(lifetime=3600, identity=b"ticket", extensions=b""):
    return lifetime.to_bytes(4, "big") + bytes(4) + vector(b"n", 1) + vector(identity, 2) + vector(extensions, 2)


BAD_TICKETS = {
    "for more than a week": ticket(lifetime=7 * 24 * 3600 + 1),
    "empty": ticket(identity=b""),
    "with early data": ticket(extensions=extension(Ext.EARLY_DATA, bytes(4))),
    "with bytes behind": ticket() + b"\0",
}


@pytest.mark.parametrize("body", cases(BAD_TICKETS))
def test_bad_tickets_are_noticed(body):
    checks.new_session_ticket(ticket())
    with pytest.raises(Violation):
        checks.new_session_ticket(body)


# ---- Records ----

CCS = record(Kind.CHANGE_CIPHER_SPEC, b"\1")
FATAL = record(Kind.ALERT, b"\2\x32")
BAD_RECORDS = {
    "another version": record(Kind.ALERT, b"\2\x32", version=0x0301),
    "too long": record(Kind.HANDSHAKE, b"", length=wire.RECORD_MAX + 1) + bytes(wire.RECORD_MAX + 1),
    "an unknown type": record(99, b"x"),
    "sealed before there are keys": record(Kind.APPLICATION_DATA, bytes(40)),
    "an empty handshake record": record(Kind.HANDSHAKE, b""),
    "half an alert": record(Kind.ALERT, b"\2"),
    "two alerts": record(Kind.ALERT, b"\2\x32\2\x32"),
    "a fatal alert of the wrong level": record(Kind.ALERT, b"\1\x32"),
    "close_notify of the wrong level": record(Kind.ALERT, b"\2\0"),
    "change_cipher_spec first": CCS,
    "a message that is not for a client": record(Kind.HANDSHAKE, message(Type.CLIENT_HELLO, bytes(40))),
    "Finished first": record(Kind.HANDSHAKE, message(Type.FINISHED, bytes(32))),
    "EncryptedExtensions first": record(Kind.HANDSHAKE, message(Type.ENCRYPTED_EXTENSIONS, b"\0\0")),
    "a ticket first": record(Kind.HANDSHAKE, message(Type.NEW_SESSION_TICKET, ticket())),
    "a cut record": FATAL[:-1],
    "a record after a fatal alert": FATAL + FATAL,
}


@pytest.mark.parametrize("data", cases(BAD_RECORDS))
def test_bad_records_are_noticed(lab, data):
    """What a server sends that says these bytes and ends."""
    server = lab.server(lambda connection: connection.send(data))
    with Conversation(server.port, lab.authority.ca) as talk, pytest.raises(Violation):
        talk.encode_hello()
        for _ in range(3):
            talk.read()


def test_what_is_expected_must_come(lab):
    """Another alert, another end, and nothing at all are told apart."""
    server = lab.server(lambda connection: connection.send(FATAL))
    with Conversation(server.port, lab.authority.ca) as talk:
        talk.expect_alert("decode_error")
    for expect in (
        lambda talk: talk.expect_alert("illegal_parameter"),
        lambda talk: talk.expect_over(),
        lambda talk: talk.expect_close_notify(),
        lambda talk: talk.expect_flight(),
        lambda talk: talk.expect_end(),
        lambda talk: talk.expect_outcome("ok"),
        lambda talk: talk.expect_outcome("ok|illegal_parameter"),
    ):
        with Conversation(server.port, lab.authority.ca) as talk, pytest.raises(AssertionError):
            expect(talk)


def test_a_reset_is_not_an_end(lab):
    def script(connection):
        connection.reader.more()
        connection.send(FATAL)
        connection.reset()

    server = lab.server(script)
    with Conversation(server.port, lab.authority.ca) as talk, pytest.raises(AssertionError):
        talk.send_bytes(b"a word")
        talk.expect_alert("decode_error")
