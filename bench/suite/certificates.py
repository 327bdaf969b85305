"""Self-signed certificates: NAME.chain.pem, NAME.key.pem, and both in both/NAME.pem."""

from datetime import datetime, timedelta, timezone
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID


def names(count):
    """The sites of `count` certificates. A single one is for localhost and 127.0.0.1."""
    return ["localhost"] if count == 1 else [f"s{number}.test" for number in range(count)]


def make(folder, kind, count):
    """Certificates of a kind, "ecdsa" (P-256) or "rsa" (2048 bits), each with a key of its own."""
    (folder / "both").mkdir()
    for name in names(count):
        key = (
            ec.generate_private_key(ec.SECP256R1())
            if kind == "ecdsa"
            else rsa.generate_private_key(65537, 2048)
        )
        chain = _certificate(name, key).public_bytes(serialization.Encoding.PEM)
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (folder / f"{name}.chain.pem").write_bytes(chain)
        for path, content in (
            (folder / f"{name}.key.pem", secret),
            (folder / "both" / f"{name}.pem", secret + chain),
        ):
            path.touch(0o600)
            path.write_bytes(content)


def _certificate(name, key):
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    alternatives = [x509.DNSName(name)]
    if name == "localhost":
        alternatives.append(x509.IPAddress(ip_address("127.0.0.1")))
    now = datetime.now(timezone.utc)
    builder = x509.CertificateBuilder(
        subject, subject, key.public_key(), x509.random_serial_number()
    )
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(
        now + timedelta(days=30)
    )
    builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256())
