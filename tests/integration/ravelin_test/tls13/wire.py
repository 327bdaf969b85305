"""Numbers, names and the encoding of TLS 1.3 (RFC 8446): bytes in, bytes out, nothing is sent from here."""

import socket
import struct
from enum import IntEnum

from ..settings import PATIENCE

RECORD_MAX = 16384
BODY_MAX = RECORD_MAX + 256


class Violation(AssertionError):
    """The server sent what RFC 8446 does not let it send."""


def require(condition, what):
    if not condition:
        raise Violation(what)


class Kind(IntEnum):
    """Content types of records."""

    INVALID = 0
    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23
    HEARTBEAT = 24


class Type(IntEnum):
    """Handshake messages."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    NEW_SESSION_TICKET = 4
    END_OF_EARLY_DATA = 5
    ENCRYPTED_EXTENSIONS = 8
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    CLIENT_KEY_EXCHANGE = 16
    FINISHED = 20
    CERTIFICATE_STATUS = 22
    KEY_UPDATE = 24
    COMPRESSED_CERTIFICATE = 25
    MESSAGE_HASH = 254


class Ext(IntEnum):
    SERVER_NAME = 0
    MAX_FRAGMENT_LENGTH = 1
    STATUS_REQUEST = 5
    SUPPORTED_GROUPS = 10
    EC_POINT_FORMATS = 11
    SIGNATURE_ALGORITHMS = 13
    USE_SRTP = 14
    HEARTBEAT = 15
    ALPN = 16
    SCT = 18
    CLIENT_CERTIFICATE_TYPE = 19
    SERVER_CERTIFICATE_TYPE = 20
    PADDING = 21
    ENCRYPT_THEN_MAC = 22
    EXTENDED_MASTER_SECRET = 23
    COMPRESS_CERTIFICATE = 27
    RECORD_SIZE_LIMIT = 28
    SESSION_TICKET = 35
    PRE_SHARED_KEY = 41
    EARLY_DATA = 42
    SUPPORTED_VERSIONS = 43
    COOKIE = 44
    PSK_KEY_EXCHANGE_MODES = 45
    CERTIFICATE_AUTHORITIES = 47
    OID_FILTERS = 48
    POST_HANDSHAKE_AUTH = 49
    SIGNATURE_ALGORITHMS_CERT = 50
    KEY_SHARE = 51
    RENEGOTIATION_INFO = 65281


class Suite(IntEnum):
    AES_128_GCM = 0x1301
    AES_256_GCM = 0x1302
    CHACHA20 = 0x1303
    AES_128_CCM = 0x1304
    AES_128_CCM_8 = 0x1305


class Group(IntEnum):
    P256 = 0x0017
    P384 = 0x0018
    P521 = 0x0019
    X25519 = 0x001D
    X448 = 0x001E
    FFDHE2048 = 0x0100
    SECP256R1MLKEM768 = 0x11EB
    X25519MLKEM768 = 0x11EC


class Scheme(IntEnum):
    RSA_PKCS1_SHA1 = 0x0201
    ECDSA_SHA1 = 0x0203
    RSA_PKCS1_SHA256 = 0x0401
    ECDSA_P256 = 0x0403
    RSA_PKCS1_SHA384 = 0x0501
    ECDSA_P384 = 0x0503
    RSA_PKCS1_SHA512 = 0x0601
    ECDSA_P521 = 0x0603
    RSA_PSS_RSAE_SHA256 = 0x0804
    RSA_PSS_RSAE_SHA384 = 0x0805
    RSA_PSS_RSAE_SHA512 = 0x0806
    ED25519 = 0x0807
    ED448 = 0x0808
    RSA_PSS_PSS_SHA256 = 0x0809
    RSA_PSS_PSS_SHA384 = 0x080A
    RSA_PSS_PSS_SHA512 = 0x080B


SSL3, TLS10, TLS11, TLS12, TLS13 = range(0x0300, 0x0305)
PSK_KE, PSK_DHE_KE = 0, 1
GREASE = [0x0A0A + 0x1010 * number for number in range(16)]
HELLO_RETRY_REQUEST = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")

ALERTS = {
    "close_notify": 0,
    "unexpected_message": 10,
    "bad_record_mac": 20,
    "record_overflow": 22,
    "handshake_failure": 40,
    "bad_certificate": 42,
    "unsupported_certificate": 43,
    "certificate_revoked": 44,
    "certificate_expired": 45,
    "certificate_unknown": 46,
    "illegal_parameter": 47,
    "unknown_ca": 48,
    "access_denied": 49,
    "decode_error": 50,
    "decrypt_error": 51,
    "protocol_version": 70,
    "insufficient_security": 71,
    "internal_error": 80,
    "inappropriate_fallback": 86,
    "user_canceled": 90,
    "missing_extension": 109,
    "unsupported_extension": 110,
    "unrecognized_name": 112,
    "bad_certificate_status_response": 113,
    "unknown_psk_identity": 115,
    "certificate_required": 116,
    "no_application_protocol": 120,
}
ALERT_NAMES = {number: name for name, number in ALERTS.items()}


# ---- Writing ----


def vector(data, size_bytes, length=None):
    """Length and data. `length`: what the length field says, when it is to lie."""
    return (len(data) if length is None else length).to_bytes(size_bytes, "big") + data


def numbers(values, size_bytes=2):
    """16-bit numbers in a vector whose length has `size_bytes` bytes."""
    return vector(struct.pack(f">{len(values)}H", *values), size_bytes)


def extension(number, data=b"", length=None):
    return struct.pack(">H", number) + vector(data, 2, length)


def message(kind, body=b"", length=None):
    return bytes([kind]) + vector(body, 3, length)


def record(kind, body, version=TLS12, length=None):
    return struct.pack(">BH", kind, version) + vector(body, 2, length)


def alert(description, level=2):
    return bytes([level, ALERTS.get(description, description)])


def server_name(*names):
    """The contents of that extension; a name is text, bytes, or a pair of a name type and bytes."""
    entries = b""
    for name in names:
        kind, name = name if isinstance(name, tuple) else (0, name)
        entries += bytes([kind]) + vector(name.encode() if isinstance(name, str) else name, 2)
    return vector(entries, 2)


def alpn(*protocols):
    return vector(b"".join(vector(protocol.encode(), 1) for protocol in protocols), 2)


def key_shares(*shares):
    """(group, public value) each."""
    return vector(b"".join(struct.pack(">H", group) + vector(public, 2) for group, public in shares), 2)


def key_update(request=0):
    return message(Type.KEY_UPDATE, bytes([request]))


def pieces(data, sizes):
    """Cuts data: `sizes` is one size for all pieces, or a list of sizes (what is left comes in full records)."""
    if isinstance(sizes, int):
        return [data[start : start + sizes] for start in range(0, len(data), sizes)]
    found = []
    for size in sizes:
        found.append(data[:size])
        data = data[size:]
    return found + pieces(data, RECORD_MAX)


# ---- Reading ----


class Cursor:
    """Reads what the server sent; what does not fit is a Violation."""

    def __init__(self, data, what):
        self.data = bytes(data)
        self.at = 0
        self.what = what

    def bytes(self, size):
        require(self.at + size <= len(self.data), f"{self.what} is truncated")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size):
        return int.from_bytes(self.bytes(size), "big")

    def vector(self, size_bytes):
        return self.bytes(self.number(size_bytes))

    def numbers(self, size_bytes=2):
        data = self.vector(size_bytes)
        require(len(data) % 2 == 0, f"{self.what}: a list of numbers with an odd length")
        return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]

    def extensions(self):
        """A dict of their contents; one that stands there twice is a Violation."""
        inner = Cursor(self.vector(2), f"the extensions of {self.what}")
        found = {}
        while inner.left:
            number = inner.number(2)
            require(number not in found, f"{self.what} has extension {number} twice")
            found[number] = inner.vector(2)
        return found

    @property
    def left(self):
        return len(self.data) - self.at

    def end(self):
        require(self.left == 0, f"{self.what} has {self.left} bytes too many")


def records(data):
    """(type, body) of each record; a cut one at the end is left out."""
    found = []
    while len(data) >= 5:
        size = int.from_bytes(data[3:5], "big")
        if len(data) < 5 + size:
            break
        found.append((data[0], data[5 : 5 + size]))
        data = data[5 + size :]
    return found


def plain_alerts(data):
    """(level, description) of the alerts among unencrypted records."""
    return [tuple(body) for kind, body in records(data) if kind == Kind.ALERT and len(body) == 2]


def hello_extensions(data):
    """The extensions in the ClientHello that `data` begins with: number -> contents."""
    hello = Cursor(records(data)[0][1], "a ClientHello")
    hello.bytes(4 + 2 + 32)
    hello.vector(1)
    hello.vector(2)
    hello.vector(1)
    return hello.extensions()


def first_share(data):
    """The group of the first key share in the ClientHello that `data` begins with."""
    return Group(Cursor(Cursor(hello_extensions(data)[Ext.KEY_SHARE], "key shares").vector(2), "a key share").number(2))


def exchange(port, data, timeout=PATIENCE):
    """Sends bytes to a port and returns everything that comes back until the other side ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(data)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received
