"""What the server sends, taken apart and held against RFC 8446: everything it may not send is a Violation."""

from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from .wire import HELLO_RETRY_REQUEST, PSK_DHE_KE, TLS12, TLS13, Cursor, Ext, Scheme, require

HASH_OF_SCHEME = {
    Scheme.ECDSA_P256: hashes.SHA256(),
    Scheme.ECDSA_P384: hashes.SHA384(),
    Scheme.RSA_PSS_RSAE_SHA256: hashes.SHA256(),
    Scheme.RSA_PSS_RSAE_SHA384: hashes.SHA384(),
    Scheme.RSA_PSS_RSAE_SHA512: hashes.SHA512(),
}
CURVE_OF_SCHEME = {Scheme.ECDSA_P256: "secp256r1", Scheme.ECDSA_P384: "secp384r1"}
DOWNGRADE_MARKS = (b"DOWNGRD\x01", b"DOWNGRD\x00")
LIFETIME_MAX_S = 7 * 24 * 3600
# The extensions of each message that an offer of the client allows (4.2).
IN_ENCRYPTED_EXTENSIONS = {
    Ext.SERVER_NAME,
    Ext.MAX_FRAGMENT_LENGTH,
    Ext.SUPPORTED_GROUPS,
    Ext.USE_SRTP,
    Ext.HEARTBEAT,
    Ext.ALPN,
    Ext.CLIENT_CERTIFICATE_TYPE,
    Ext.SERVER_CERTIFICATE_TYPE,
    Ext.EARLY_DATA,
    Ext.RECORD_SIZE_LIMIT,
}
IN_CERTIFICATE = {Ext.STATUS_REQUEST, Ext.SCT}
IN_CERTIFICATE_REQUEST = {
    Ext.STATUS_REQUEST,
    Ext.SIGNATURE_ALGORITHMS,
    Ext.SCT,
    Ext.CERTIFICATE_AUTHORITIES,
    Ext.OID_FILTERS,
    Ext.SIGNATURE_ALGORITHMS_CERT,
}


@dataclass
class ServerHello:
    suite: int
    group: int  # None in a HelloRetryRequest that asks for no other
    share: bytes  # None in a HelloRetryRequest
    psk: int  # the index of the chosen identity, or None
    cookie: bytes
    is_retry: bool
    random: bytes


@dataclass
class Ticket:
    """A NewSessionTicket. `secret` is the PSK that belongs to it."""

    lifetime: int
    age_add: int
    nonce: bytes
    identity: bytes
    secret: bytes = b""
    suite: int = 0


def server_hello(body, hello):
    """Reads a ServerHello or HelloRetryRequest, the answer to `hello`."""
    what = Cursor(body, "ServerHello")
    require(what.number(2) == TLS12, "ServerHello.legacy_version is not 0x0303")
    random = what.bytes(32)
    is_retry = random == HELLO_RETRY_REQUEST
    require(random[24:] not in DOWNGRADE_MARKS, "ServerHello.random tells of a downgrade")
    require(what.vector(1) == hello.session_id, "the session id is not echoed")
    suite = what.number(2)
    require(suite in hello.suites, f"suite {suite:#06x} was not offered")
    require(what.number(1) == 0, "compression is chosen")
    extensions = what.extensions()
    what.end()
    allowed = {Ext.SUPPORTED_VERSIONS, Ext.KEY_SHARE, Ext.COOKIE if is_retry else Ext.PRE_SHARED_KEY}
    require(set(extensions) <= allowed, f"extensions {set(extensions) - allowed} are not for this message")
    require(extensions.get(Ext.SUPPORTED_VERSIONS) == TLS13.to_bytes(2, "big"), "the selected version is not TLS 1.3")
    cookie = extensions.get(Ext.COOKIE)
    if cookie is not None:
        cookie = _one_vector(cookie, 2, "the cookie")
        require(cookie, "the cookie is empty")
    if is_retry:
        return ServerHello(suite, _retry_group(extensions.get(Ext.KEY_SHARE), hello), None, None, cookie, True, random)
    require(Ext.KEY_SHARE in extensions, "ServerHello has no key_share: no forward secrecy")
    share = Cursor(extensions[Ext.KEY_SHARE], "the key_share of ServerHello")
    group, public = share.number(2), share.vector(2)
    share.end()
    require(group in hello.keys, f"a share of group {group:#06x}, for which none was sent")
    return ServerHello(suite, group, public, _chosen_psk(extensions, hello), None, False, random)


def _retry_group(contents, hello):
    if contents is None:
        return None
    share = Cursor(contents, "the key_share of HelloRetryRequest")
    group = share.number(2)
    share.end()
    require(group in hello.listed(Ext.SUPPORTED_GROUPS), f"group {group:#06x} is asked for, but was not offered")
    require(group not in hello.keys, f"group {group:#06x} is asked for, but its share was there already")
    return group


def _chosen_psk(extensions, hello):
    contents = extensions.get(Ext.PRE_SHARED_KEY)
    if contents is None:
        return None
    chosen = Cursor(contents, "the pre_shared_key of ServerHello")
    index = chosen.number(2)
    chosen.end()
    require(index < len(hello.psks), f"identity {index} is chosen out of {len(hello.psks)}")
    modes = hello.get(Ext.PSK_KEY_EXCHANGE_MODES)
    require(modes is not None and PSK_DHE_KE in modes[1:], "a PSK with a key exchange was not offered")
    return index


def _one_vector(contents, size_bytes, what):
    cursor = Cursor(contents, what)
    inner = cursor.vector(size_bytes)
    cursor.end()
    return inner


def encrypted_extensions(body, hello):
    """The extensions, by number; ALPN as text, None without."""
    what = Cursor(body, "EncryptedExtensions")
    extensions = what.extensions()
    what.end()
    for number in extensions:
        require(number in IN_ENCRYPTED_EXTENSIONS, f"extension {number} is not for EncryptedExtensions")
        require(
            number == Ext.SUPPORTED_GROUPS or hello.get(number) is not None,
            f"extension {number} is answered, but was not offered",
        )
    require(extensions.get(Ext.SERVER_NAME, b"") == b"", "the answer to server_name is not empty")
    require(Ext.EARLY_DATA not in extensions, "early data is accepted")
    if Ext.SUPPORTED_GROUPS in extensions:
        groups = Cursor(extensions[Ext.SUPPORTED_GROUPS], "the groups of EncryptedExtensions")
        require(groups.numbers(), "an empty list of groups")
        groups.end()
    if Ext.RECORD_SIZE_LIMIT in extensions:
        limit = extensions[Ext.RECORD_SIZE_LIMIT]
        require(len(limit) == 2 and int.from_bytes(limit, "big") >= 64, f"record_size_limit is {limit.hex()}")
    if Ext.ALPN not in extensions:
        return extensions, None
    protocols = Cursor(_one_vector(extensions[Ext.ALPN], 2, "ALPN"), "ALPN")
    chosen = protocols.vector(1)
    protocols.end()
    offered = Cursor(hello.get(Ext.ALPN)[2:], "our own ALPN")
    names = set()
    while offered.left:
        names.add(offered.vector(1))
    require(chosen in names, f"ALPN chose {chosen!r}, which was not offered")
    return extensions, chosen.decode()


def certificate_request(body):
    """The signature schemes that it asks for."""
    what = Cursor(body, "CertificateRequest")
    require(what.vector(1) == b"", "the context of a CertificateRequest in the handshake is not empty")
    extensions = what.extensions()
    what.end()
    require(set(extensions) <= IN_CERTIFICATE_REQUEST, f"extensions {set(extensions)} in CertificateRequest")
    require(Ext.SIGNATURE_ALGORITHMS in extensions, "CertificateRequest has no signature_algorithms")
    schemes = Cursor(extensions[Ext.SIGNATURE_ALGORITHMS], "the signature_algorithms of CertificateRequest")
    found = schemes.numbers()
    schemes.end()
    require(found, "CertificateRequest lists no signature scheme")
    return found


def certificate(body, hello):
    """The certificates, the server's own first, and the extensions of that."""
    what = Cursor(body, "Certificate")
    require(what.vector(1) == b"", "the context of the server's Certificate is not empty")
    entries = Cursor(what.vector(3), "the list of certificates")
    what.end()
    chain, first_extensions = [], None
    while entries.left:
        chain.append(x509.load_der_x509_certificate(entries.vector(3)))
        extensions = entries.extensions()
        for number in extensions:
            require(number in IN_CERTIFICATE, f"extension {number} is not for Certificate")
            require(hello.get(number) is not None, f"extension {number} of Certificate was not offered")
        first_extensions = extensions if first_extensions is None else first_extensions
    require(chain, "the server shows no certificate")
    return chain, first_extensions


def chain_of_trust(chain, ca):
    """Each certificate is signed with the key of the next, the last with the key of `ca`."""
    for subject, issuer in zip(chain, [*chain[1:], ca], strict=True):
        if subject == issuer:
            continue
        require(subject.issuer == issuer.subject, f"{subject.subject} is not issued by {issuer.subject}")
        key = issuer.public_key()
        if isinstance(key, ec.EllipticCurvePublicKey):
            parameters = (ec.ECDSA(subject.signature_hash_algorithm),)
        elif isinstance(key, rsa.RSAPublicKey):
            parameters = (padding.PKCS1v15(), subject.signature_hash_algorithm)
        else:
            parameters = ()
        try:
            key.verify(subject.signature, subject.tbs_certificate_bytes, *parameters)
        except InvalidSignature:
            require(False, f"the signature of {subject.subject} is wrong")


def signed_content(who, transcript_hash):
    """What a CertificateVerify signs (4.4.3); who: "server" or "client"."""
    return b" " * 64 + f"TLS 1.3, {who} CertificateVerify".encode() + b"\0" + transcript_hash


def certificate_verify(body, hello, leaf, transcript_hash):
    """Checks the server's signature; returns its scheme."""
    what = Cursor(body, "CertificateVerify")
    scheme, signature = what.number(2), what.vector(2)
    what.end()
    require(scheme in hello.listed(Ext.SIGNATURE_ALGORITHMS), f"signature scheme {scheme:#06x} was not offered")
    key = leaf.public_key()
    content = signed_content("server", transcript_hash)
    try:
        verify(key, scheme, signature, content)
    except InvalidSignature:
        require(False, "the signature of CertificateVerify is wrong")
    return Scheme(scheme)


def sign(key, scheme, transcript_hash):
    """The signature of a client's CertificateVerify."""
    content = signed_content("client", transcript_hash)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(content, ec.ECDSA(HASH_OF_SCHEME[scheme]))
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(content)
    digest = HASH_OF_SCHEME[scheme]
    return key.sign(content, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)


def verify(key, scheme, signature, content):
    if scheme in CURVE_OF_SCHEME:
        require(isinstance(key, ec.EllipticCurvePublicKey), f"scheme {scheme:#06x} with a key that is not ECDSA")
        require(key.curve.name == CURVE_OF_SCHEME[scheme], f"scheme {scheme:#06x} with {key.curve.name}")
        key.verify(signature, content, ec.ECDSA(HASH_OF_SCHEME[scheme]))
    elif scheme == Scheme.ED25519:
        require(isinstance(key, ed25519.Ed25519PublicKey), "Ed25519 with another key")
        key.verify(signature, content)
    else:
        require(scheme in HASH_OF_SCHEME, f"scheme {scheme:#06x} is not for TLS 1.3, or not for a certificate of ours")
        require(isinstance(key, rsa.RSAPublicKey), "RSA-PSS with another key")
        digest = HASH_OF_SCHEME[scheme]
        key.verify(signature, content, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)


def new_session_ticket(body):
    what = Cursor(body, "NewSessionTicket")
    ticket = Ticket(what.number(4), what.number(4), what.vector(1), what.vector(2))
    extensions = what.extensions()
    what.end()
    require(ticket.lifetime <= LIFETIME_MAX_S, f"a ticket for {ticket.lifetime} s")
    require(ticket.identity, "an empty ticket")
    require(not extensions, f"extensions {set(extensions)} in a NewSessionTicket: there is no early data here")
    return ticket
