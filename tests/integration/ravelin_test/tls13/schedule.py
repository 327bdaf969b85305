"""The key schedule (RFC 8446 section 7.1) and what is made from its secrets."""

import hashlib
import hmac

from .wire import Suite, vector

HASHES = {
    Suite.AES_128_GCM: hashlib.sha256,
    Suite.AES_256_GCM: hashlib.sha384,
    Suite.CHACHA20: hashlib.sha256,
}


def extract(new_hash, salt, secret):
    return hmac.new(salt, secret, new_hash).digest()


def expand_label(new_hash, secret, label, context, size):
    info = size.to_bytes(2, "big") + vector(b"tls13 " + label.encode(), 1) + vector(context, 1)
    output, block, count = b"", b"", 0
    while len(output) < size:
        count += 1
        block = hmac.new(secret, block + info + bytes([count]), new_hash).digest()
        output += block
    return output[:size]


def finished_mac(new_hash, secret, transcript_hash):
    """What a Finished message or a binder holds."""
    key = expand_label(new_hash, secret, "finished", b"", new_hash().digest_size)
    return hmac.new(key, transcript_hash, new_hash).digest()


class Schedule:
    """Begins with a PSK or without; add(secret) goes on to the handshake secrets, add() to the master secret."""

    def __init__(self, new_hash, psk=None):
        self.hash = new_hash
        self.size = new_hash().digest_size
        self.secret = extract(new_hash, bytes(self.size), psk or bytes(self.size))

    def derive(self, label, transcript_hash):
        return expand_label(self.hash, self.secret, label, transcript_hash, self.size)

    def add(self, secret=None):
        salt = self.derive("derived", self.hash(b"").digest())
        self.secret = extract(self.hash, salt, secret or bytes(self.size))


class Transcript:
    """The messages so far. Its hash is known as soon as the suite is."""

    def __init__(self):
        self.messages = []

    def add(self, message):
        self.messages.append(bytes(message))

    def digest(self, new_hash, extra=b""):
        return new_hash(b"".join(self.messages) + extra).digest()

    def retry(self, new_hash):
        """A HelloRetryRequest came: the first ClientHello counts as its hash (4.4.1)."""
        hashed = self.digest(new_hash)
        self.messages = [b"\xfe\0\0" + vector(hashed, 1)]
