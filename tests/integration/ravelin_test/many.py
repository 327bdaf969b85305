"""Thousands of P-256 keys and certificates in a second, without openssl: for tests of how many sites can be served.

Every key is the one before plus 1, so its point is one addition away, and every signature uses the same nonce: nothing
here is secret. The certificates are valid all the same: signed by an authority that clients can be told to trust.
"""

import base64
import datetime
import hashlib
from pathlib import Path

from .certificates import Certificate

P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
PRIME256V1 = bytes.fromhex("06082a8648ce3d030107")
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
COMMON_NAME = bytes.fromhex("0603550403")


def _add(p, q):
    if p == q:
        slope = (3 * p[0] * p[0] - 3) * pow(2 * p[1], -1, P) % P
    else:
        slope = (q[1] - p[1]) * pow(q[0] - p[0], -1, P) % P
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def _multiply(scalar):
    total, power = None, G
    while scalar:
        if scalar & 1:
            total = power if total is None else _add(total, power)
        power = _add(power, power)
        scalar >>= 1
    return total


def der(tag, *parts):
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    digits = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + body


def _number(value):
    return der(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _name(common_name):
    return der(0x30, der(0x31, der(0x30, COMMON_NAME, der(0x0C, common_name.encode()))))


def _extension(oid_hex, value, critical=False):
    return der(0x30, bytes.fromhex(oid_hex), b"\x01\x01\xff" if critical else b"", der(0x04, value))


def _pem(label, data):
    return f"-----BEGIN {label}-----\n".encode() + base64.encodebytes(data) + f"-----END {label}-----\n".encode()


class ManyCertificates:
    """An authority for as many certificates as one likes, a key each. `ca` is its own certificate."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.ca = self.folder / "many-ca.pem"
        self._secret = 0x1234567890ABCDEF
        self._nonce_inverse = pow(0xFEDCBA, -1, N)
        self._r = _multiply(0xFEDCBA)[0] % N
        self._next = 0x1000000
        self._point = _multiply(self._next)
        self._name = _name("Ravelin test CA for many")
        now = datetime.datetime.now(datetime.timezone.utc)
        dates = [now - datetime.timedelta(days=1), now + datetime.timedelta(days=30)]
        self._dates = der(0x30, *(der(0x17, date.strftime("%y%m%d%H%M%SZ").encode()) for date in dates))
        # What clients that check strictly (Python 3.13) expect: of an authority these three, of the rest its identifier.
        point = _multiply(self._secret)
        self._identifier = hashlib.sha256(point[0].to_bytes(32, "big")).digest()[:20]
        extensions = [
            _extension("0603551d13", der(0x30, b"\x01\x01\xff"), critical=True),  # basicConstraints: CA
            _extension("0603551d0f", b"\x03\x02\x02\x04", critical=True),  # keyUsage: keyCertSign
            _extension("0603551d0e", der(0x04, self._identifier)),  # subjectKeyIdentifier
        ]
        self.ca.write_bytes(_pem("CERTIFICATE", self._certificate(self._name, point, 1, *extensions)))

    def _sign(self, data):
        digest = int.from_bytes(hashlib.sha256(data).digest(), "big")
        s = self._nonce_inverse * (digest + self._r * self._secret) % N
        return der(0x03, b"\0", der(0x30, _number(self._r), _number(s)))

    def _certificate(self, subject, point, serial, *extensions):
        public = b"\0\4" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")
        body = der(
            0x30,
            der(0xA0, _number(2)),
            _number(serial),
            ECDSA_SHA256,
            self._name,
            self._dates,
            subject,
            der(0x30, der(0x30, EC_PUBLIC_KEY, PRIME256V1), der(0x03, public)),
            der(0xA3, der(0x30, *extensions)),
        )
        return der(0x30, body, ECDSA_SHA256, self._sign(body))

    def certificate(self, *names):
        """A new key and a certificate for these host names."""
        secret, point = self._next, self._point
        self._next, self._point = secret + 1, _add(point, G)
        alternatives = _extension("0603551d11", der(0x30, *(der(0x82, name.encode()) for name in names)))
        issuer = _extension("0603551d23", der(0x30, der(0x80, self._identifier)))  # authorityKeyIdentifier
        body = self._certificate(_name(names[0]), point, secret, alternatives, issuer)
        public = der(0xA1, der(0x03, b"\0\4" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")))
        private = der(0x30, _number(1), der(0x04, secret.to_bytes(32, "big")), public)
        key = der(0x30, _number(0), der(0x30, EC_PUBLIC_KEY, PRIME256V1), der(0x04, private))
        certificate = Certificate(self.folder / f"{names[0]}.pem", self.folder / f"{names[0]}.key")
        certificate.path.write_bytes(_pem("CERTIFICATE", body))
        certificate.key.touch(0o600)
        certificate.key.write_bytes(_pem("PRIVATE KEY", key))
        return certificate
