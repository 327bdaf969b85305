"""Certificates for tests, made with the openssl program."""

import base64
import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path

KINDS = {
    "ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "ecdsa-p384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "ecdsa-p521": ["ec", "-pkeyopt", "ec_paramgen_curve:P-521"],
    "rsa": ["rsa:2048"],
    "rsa-pss": ["rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"],
    "ed25519": ["ed25519"],
}


@dataclass(frozen=True)
class Certificate:
    path: Path
    key: Path

    def spki_hash(self):
        """SHA-256 of the public key, base64: how Chromium is told to trust it."""
        public = _openssl("x509", "-in", self.path, "-noout", "-pubkey")
        der = _openssl("pkey", "-pubin", "-outform", "DER", input=public)
        return base64.b64encode(hashlib.sha256(der).digest()).decode()


class Authority:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.ca = self.folder / "ca.pem"
        self._made = {}
        _openssl(
            *["req", "-x509", "-newkey", *KINDS["ecdsa"], "-nodes", "-days", "30", "-subj", "/CN=Ravelin test CA"],
            *["-keyout", self.folder / "ca.key", "-out", self.ca],
            *["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"],
        )

    def certificate(self, *names, kind="ecdsa"):
        """A certificate for these host names and IPv4 addresses; the same one for the same names and kind."""
        wanted = (kind, *names)
        if wanted not in self._made:
            self._made[wanted] = self._make(names, kind)
        return self._made[wanted]

    def _make(self, names, kind):
        stem = self.folder / f"{len(self._made)}-{kind}"
        certificate = Certificate(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        alternatives = ",".join(f"{_name_type(name)}:{name}" for name in names)
        _openssl(
            *["req", "-x509", "-CA", self.ca, "-CAkey", self.folder / "ca.key", "-newkey", *KINDS[kind], "-nodes"],
            *["-days", "30", "-subj", f"/CN={names[0]}", "-keyout", certificate.key, "-out", certificate.path],
            *["-addext", f"subjectAltName={alternatives}", "-addext", "basicConstraints=critical,CA:FALSE"],
            *["-addext", "keyUsage=critical,digitalSignature", "-addext", "extendedKeyUsage=serverAuth"],
        )
        certificate.key.chmod(0o600)
        return certificate


def _name_type(name):
    return "IP" if name.replace(".", "").isdigit() else "DNS"


def _openssl(*arguments, input=None):
    result = subprocess.run(["openssl", *map(str, arguments)], input=input, capture_output=True, timeout=60)
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    return result.stdout
