"""A ClientHello that can be anything."""

import copy
import os
from dataclasses import dataclass, field

from . import wire
from .groups import new_key
from .schedule import HASHES, Schedule, finished_mac
from .wire import Ext, Group, Scheme, Suite, extension, message, numbers, vector

ALL_SUITES = (Suite.AES_128_GCM, Suite.AES_256_GCM, Suite.CHACHA20)
ALL_GROUPS = (Group.X25519, Group.P256, Group.P384)
ALL_SCHEMES = (
    Scheme.ECDSA_P256,
    Scheme.ECDSA_P384,
    Scheme.ED25519,
    Scheme.RSA_PSS_RSAE_SHA256,
    Scheme.RSA_PSS_RSAE_SHA384,
    Scheme.RSA_PSS_RSAE_SHA512,
)


@dataclass
class Psk:
    """An identity to offer. `age` goes on the wire as it is; `suite` names the hash of its binder."""

    identity: bytes
    secret: bytes
    suite: int = Suite.AES_128_GCM
    age: int = 0
    label: str = "res binder"

    @property
    def hash(self):
        return HASHES[self.suite]

    def binder(self, transcript_hash):
        schedule = Schedule(self.hash, self.secret)
        key = schedule.derive(self.label, self.hash(b"").digest())
        return finished_mac(self.hash, key, transcript_hash)


@dataclass
class ClientHello:
    """Its fields, in wire order. `extensions` is a list of (number, contents); pre_shared_key is made from `psks`.

    `lengths` lets a length field lie: {"session_id": 40} and so on, by the names in encode(), or an extension's number.
    edit_psks(identities, binders) may change both lists of encoded entries before they are written.
    """

    legacy_version: int = wire.TLS12
    random: bytes = field(default_factory=lambda: os.urandom(32))
    session_id: bytes = field(default_factory=lambda: os.urandom(32))
    suites: tuple = ALL_SUITES
    compression: bytes = b"\0"
    extensions: list = field(default_factory=list)
    keys: dict = field(default_factory=dict)  # private keys of the shares, by group
    psks: list = field(default_factory=list)
    psk_at: int = None  # where pre_shared_key goes among the extensions; None: last
    edit_psks: object = None
    lengths: dict = field(default_factory=dict)
    trailing: bytes = b""  # within the message, behind the extensions
    has_extensions: bool = True  # False: not even the length of the list is there

    # ---- Changing it: each returns the hello itself ----

    def put(self, **fields):
        """Sets fields by name."""
        for name, value in fields.items():
            assert hasattr(self, name), name
            setattr(self, name, value)
        return self

    def set(self, number, contents):
        """Replaces an extension where it stands, or adds it at the end."""
        for at, (existing, _) in enumerate(self.extensions):
            if existing == number:
                self.extensions[at] = (number, contents)
                return self
        return self.add(number, contents)

    def add(self, number, contents=b"", at=None):
        """Adds an extension, also a second one of its number."""
        self.extensions.insert(len(self.extensions) if at is None else at, (number, contents))
        return self

    def drop(self, *numbers):
        self.extensions = [entry for entry in self.extensions if entry[0] not in numbers]
        return self

    def length(self, **lengths):
        self.lengths.update(lengths)
        return self

    def share(self, *groups, listed=None):
        """Makes key shares for these groups; `listed` is what supported_groups says (None: as it was)."""
        self.keys = {group: new_key(group) for group in groups}
        self.set(Ext.KEY_SHARE, wire.key_shares(*((group, key.public) for group, key in self.keys.items())))
        return self if listed is None else self.set(Ext.SUPPORTED_GROUPS, numbers(listed))

    def offer(self, *psks, modes=(wire.PSK_DHE_KE,)):
        self.psks = list(psks)
        return self.set(Ext.PSK_KEY_EXCHANGE_MODES, vector(bytes(modes), 1))

    def clone(self):
        """A copy to change, with the same random, session id and keys."""
        twin = copy.copy(self)
        twin.extensions, twin.psks, twin.lengths = list(self.extensions), list(self.psks), dict(self.lengths)
        return twin

    # ---- Reading it ----

    def get(self, number):
        """The contents of an extension, None when it is not there."""
        if number == Ext.PRE_SHARED_KEY and self.psks:
            return b""
        return next((contents for existing, contents in self.extensions if existing == number), None)

    def listed(self, number, size_bytes=2):
        """The 16-bit numbers that an extension lists."""
        contents = self.get(number)
        return [] if contents is None else wire.Cursor(contents, "our own extension").numbers(size_bytes)

    # ---- Writing it ----

    def encode(self, hashed=None):
        """The message. hashed(new_hash, bytes) gives the transcript hash for binders; None: of this message alone."""
        if not self.psks:
            return self._encode(self.extensions)
        identities = [vector(psk.identity, 2) + (psk.age % 2**32).to_bytes(4, "big") for psk in self.psks]
        blanks = [bytes([psk.hash().digest_size]) + bytes(psk.hash().digest_size) for psk in self.psks]
        hashed = hashed or (lambda new_hash, data: new_hash(data).digest())
        binders = blanks
        if self.psk_at is None:
            draft = self._with_psks(identities, blanks)
            cut = draft[: len(draft) - 2 - sum(map(len, blanks)) - len(self.trailing)]
            binders = [vector(psk.binder(hashed(psk.hash, cut)), 1) for psk in self.psks]
        return self._with_psks(identities, binders)

    def _with_psks(self, identities, binders):
        if self.edit_psks:
            identities, binders = self.edit_psks(list(identities), list(binders))
        contents = vector(b"".join(identities), 2) + vector(b"".join(binders), 2)
        extensions = list(self.extensions)
        at = len(extensions) if self.psk_at is None else self.psk_at
        extensions.insert(at, (Ext.PRE_SHARED_KEY, contents))
        return self._encode(extensions)

    def _encode(self, extensions):
        lengths = self.lengths
        body = self.legacy_version.to_bytes(2, "big") + self.random
        body += vector(self.session_id, 1, lengths.get("session_id"))
        suites = b"".join(suite.to_bytes(2, "big") for suite in self.suites)
        body += vector(suites, 2, lengths.get("suites"))
        body += vector(self.compression, 1, lengths.get("compression"))
        if self.has_extensions:
            encoded = b"".join(extension(number, contents, lengths.get(number)) for number, contents in extensions)
            body += vector(encoded, 2, lengths.get("extensions"))
        return message(wire.Type.CLIENT_HELLO, body + self.trailing, lengths.get("message"))


def client_hello(
    name="localhost",
    suites=ALL_SUITES,
    groups=ALL_GROUPS,
    shares=(Group.X25519,),
    schemes=ALL_SCHEMES,
    versions=(wire.TLS13,),
    alpn=None,
):
    """What an ordinary client sends, in an ordinary order. None leaves an extension out."""
    hello = ClientHello(suites=tuple(suites))
    if name is not None:
        hello.add(Ext.SERVER_NAME, wire.server_name(name))
    if groups is not None:
        hello.add(Ext.SUPPORTED_GROUPS, numbers(groups))
    if schemes is not None:
        hello.add(Ext.SIGNATURE_ALGORITHMS, numbers(schemes))
    if alpn is not None:
        hello.add(Ext.ALPN, wire.alpn(*alpn))
    if versions is not None:
        hello.add(Ext.SUPPORTED_VERSIONS, numbers(versions, 1))
    hello.add(Ext.PSK_KEY_EXCHANGE_MODES, vector(bytes([wire.PSK_DHE_KE]), 1))
    return hello if shares is None else hello.share(*shares)


def legacy_hello(version, suites=(0xC02F, 0xC02B, 0x009C, 0x002F), **options):
    """What a client without TLS 1.3 sends."""
    hello = client_hello(suites=suites, versions=None, shares=None, **options).put(legacy_version=version)
    return hello.drop(Ext.PSK_KEY_EXCHANGE_MODES).put(has_extensions=version > wire.SSL3)


def hello_record(hello=None, version=wire.TLS10):
    """A ClientHello, the ordinary one without an argument, as one record for a bare socket."""
    return wire.record(wire.Kind.HANDSHAKE, (client_hello() if hello is None else hello).encode(), version)
