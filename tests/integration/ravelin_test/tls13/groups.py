"""The client's side of a key exchange, and points no honest client would send."""

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .wire import Group

CURVES = {Group.P256: ec.SECP256R1(), Group.P384: ec.SECP384R1(), Group.P521: ec.SECP521R1()}
COORDINATE_SIZES = {Group.P256: 32, Group.P384: 48, Group.P521: 66}


class X25519Key:
    def __init__(self):
        self._key = x25519.X25519PrivateKey.generate()
        self.public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def shared(self, peer):
        return self._key.exchange(x25519.X25519PublicKey.from_public_bytes(peer))


class CurveKey:
    def __init__(self, group):
        self._curve = CURVES[group]
        self._key = ec.generate_private_key(self._curve)
        self.public = self._encode(PublicFormat.UncompressedPoint)
        self.compressed = self._encode(PublicFormat.CompressedPoint)

    def _encode(self, form):
        return self._key.public_key().public_bytes(Encoding.X962, form)

    def shared(self, peer):
        # Also checks that the point is on the curve. Only the uncompressed form is allowed (RFC 8446 4.2.8.2).
        assert peer[0] == 4, "the server's point is not in uncompressed form"
        return self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(self._curve, peer))


def new_key(group):
    return X25519Key() if group == Group.X25519 else CurveKey(group)


# Little-endian u-coordinates whose product with any scalar is zero (RFC 7748 section 7), and such that are not reduced.
P25519 = 2**255 - 19
SMALL_ORDER_X25519 = {
    name: value.to_bytes(32, "little")
    for name, value in {
        "zero": 0,
        "one": 1,
        "order 8": 325606250916557431795983626356110631294008115727848805560023387167927233504,
        "the other of order 8": 39382357235489614581723060781553021112529911719440698176882885853963445705823,
        "p minus 1": P25519 - 1,
        "p": P25519,
        "p plus 1": P25519 + 1,
        "zero with the top bit": 2**255,
        "one with the top bit": 2**255 + 1,
    }.items()
}
