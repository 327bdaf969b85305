"""Sealing and opening of records under one traffic secret (RFC 8446 section 5)."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from .schedule import HASHES, expand_label
from .wire import BODY_MAX, RECORD_MAX, TLS12, Kind, Suite, record, require

CIPHERS = {Suite.AES_128_GCM: (AESGCM, 16), Suite.AES_256_GCM: (AESGCM, 32), Suite.CHACHA20: (ChaCha20Poly1305, 32)}
TAG_SIZE = 16


class Keys:
    """One direction. `epoch` is "early", "handshake" or "application"."""

    def __init__(self, epoch, suite, secret):
        self.epoch = epoch
        self.suite = suite
        self.generation = 0  # how many KeyUpdates there were
        self._use(secret)

    def _use(self, secret):
        cipher, key_size = CIPHERS[self.suite]
        new_hash = HASHES[self.suite]
        self.secret = secret
        self.sequence = 0
        self._aead = cipher(expand_label(new_hash, secret, "key", b"", key_size))
        self._iv = expand_label(new_hash, secret, "iv", b"", 12)

    def update(self):
        """After a KeyUpdate."""
        new_hash = HASHES[self.suite]
        self._use(expand_label(new_hash, self.secret, "traffic upd", b"", new_hash().digest_size))
        self.generation += 1

    def _nonce(self):
        number = int.from_bytes(self._iv, "big") ^ self.sequence
        self.sequence += 1
        return number.to_bytes(12, "big")

    def seal(self, kind, payload, padding=0, outer=Kind.APPLICATION_DATA, version=TLS12, length=None, damage=None):
        """A record. kind=None: `payload` is the whole inner plaintext. damage(body) may change the sealed bytes."""
        inner = payload if kind is None else payload + bytes([kind]) + bytes(padding)
        size = len(inner) + TAG_SIZE if length is None else length
        header = record(outer, b"", version, size)
        body = self._aead.encrypt(self._nonce(), inner, header)
        return header + (damage(body) if damage else body)

    def open(self, header, body):
        """(type, payload, size of the padding) of a record from the server."""
        require(len(body) <= BODY_MAX, f"a sealed record of {len(body)} bytes")
        require(len(body) > TAG_SIZE, f"a sealed record of {len(body)} bytes")
        try:
            inner = self._aead.decrypt(self._nonce(), body, header)
        except InvalidTag:
            require(False, f"a record that does not open with the {self.epoch} keys")
        require(len(inner) <= RECORD_MAX + 1, f"an inner plaintext of {len(inner)} bytes")
        content = inner.rstrip(b"\0")
        require(content, "an inner plaintext of zeros only")
        return content[-1], content[:-1], len(inner) - len(content)
