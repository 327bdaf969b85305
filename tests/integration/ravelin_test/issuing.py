"""An authority that does all an authority can do: issues with any extension and date, revokes, signs CRLs and OCSP
responses. Made with `openssl ca` and `openssl ocsp`. For plain server certificates there is certificates.Authority."""

import datetime
import re
from pathlib import Path

from .certificates import KINDS, Certificate, _openssl

CONFIG = """\
[ca]
default_ca = a
[a]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
policy = p
default_md = sha256
crlnumber = {folder}/crlnumber
default_crl_days = 30
copy_extensions = none
x509_extensions = none
crl_extensions = crl
[p]
CN = optional
O = optional
OU = optional
C = optional
[none]
[crl]
authorityKeyIdentifier = keyid
[req]
distinguished_name = none
"""
KEY_IDENTIFIERS = ["subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid"]
AUTHORITY = ["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign", *KEY_IDENTIFIERS]
CLIENT = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth"]
SERVER = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=serverAuth"]


def in_days(days):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return moment.strftime("%Y%m%d%H%M%SZ")


class Issuer:
    """`ca` is its certificate, `key` its key. Its issuer is another Issuer, or itself."""

    def __init__(self, folder, name, issuer=None, kind="ecdsa", **options):
        self.folder = Path(folder)
        self.folder.mkdir()
        self.name = name
        self._count = 0
        self._config = self.folder / "ca.conf"
        self._config.write_text(CONFIG.format(folder=self.folder))
        (self.folder / "index").touch()
        (self.folder / "crlnumber").write_text("01\n")
        own = (issuer or self).issue(name, extensions=options.pop("extensions", AUTHORITY), kind=kind, **options)
        self.ca, self.key = own.path, own.key

    def issue(self, name, extensions=CLIENT, subject=None, kind="ecdsa", digest="sha256", since=-1, until=30, names=()):
        """A certificate and its key. since, until: in days from now. names: for subjectAltName."""
        self._count += 1
        stem = self.folder / f"{self._count}"
        certificate = Certificate(stem.with_suffix(".pem"), stem.with_suffix(".key"))
        lines = [*extensions, *KEY_IDENTIFIERS] if not set(KEY_IDENTIFIERS) & set(extensions) else list(extensions)
        if names:
            lines.append("subjectAltName=" + ",".join(names))
        stem.with_suffix(".ext").write_text("\n".join(lines) + "\n")
        _openssl(
            *["req", "-newkey", *KINDS.get(kind, [kind]), "-nodes", "-keyout", certificate.key, "-utf8"],
            *["-config", self._config, "-subj", subject or f"/CN={name}", "-out", stem.with_suffix(".csr")],
        )
        certificate.key.chmod(0o600)
        itself = not hasattr(self, "ca")
        signer = ["-selfsign", "-keyfile", certificate.key] if itself else ["-cert", self.ca, "-keyfile", self.key]
        _openssl(
            *["ca", "-batch", "-notext", "-preserveDN", "-config", self._config, "-in", stem.with_suffix(".csr")],
            *["-out", certificate.path, "-md", digest, "-startdate", in_days(since), "-enddate", in_days(until)],
            *["-extfile", stem.with_suffix(".ext"), *signer],
        )
        return certificate

    def revoke(self, certificate):
        _openssl("ca", "-config", self._config, "-cert", self.ca, "-keyfile", self.key, "-revoke", certificate.path)

    def crl(self, since=-1, until=30, digest="sha256"):
        """A new list of all that was revoked so far."""
        self._count += 1
        path = self.folder / f"{self._count}.crl"
        _openssl(
            *["ca", "-config", self._config, "-cert", self.ca, "-keyfile", self.key, "-gencrl", "-out", path],
            *["-md", digest, "-crl_lastupdate", in_days(since), "-crl_nextupdate", in_days(until)],
        )
        return path

    def ocsp(self, certificate, days=7, digest="-sha256", over=False, signer=None, changed=False):
        """The path of a response (DER) about a certificate. signer: a certificate other than the authority's that signs.
        over: its nextUpdate lies in the past. changed: it says so, but its signature does not cover that."""
        self._count += 1
        stem = self.folder / f"{self._count}"
        request, response = stem.with_suffix(".request"), stem.with_suffix(".ocsp")
        path, key = (signer.path, signer.key) if signer else (self.ca, self.key)
        _openssl("ocsp", digest, "-issuer", self.ca, "-cert", certificate.path, "-no_nonce", "-reqout", request)
        _openssl(
            *["ocsp", "-index", self.folder / "index", "-CA", self.ca, "-reqin", request, "-respout", response],
            *["-rsigner", path, "-rkey", key, "-ndays", days],
        )
        if over or changed:  # openssl makes no such response
            next_update = re.compile(rb"(\xa0\x11\x18\x0f)\d{14}Z")
            response.write_bytes(next_update.sub(rb"\g<1>20200101000000Z", response.read_bytes()))
        if over:
            self._sign_again(response, key)
        return response

    def _sign_again(self, response, key):
        """Replaces the signature of a response whose ResponseData was changed. It is of ECDSA with SHA-256."""
        [whole] = der_split(response.read_bytes())
        [status, typed] = der_split(der_content(whole))
        [kind, octets] = der_split(der_content(der_content(typed)))
        [data, method, _, *more] = der_split(der_content(der_content(octets)))
        to_sign, signature = response.with_suffix(".data"), response.with_suffix(".signature")
        to_sign.write_bytes(data)
        _openssl("dgst", "-sha256", "-sign", key, "-out", signature, to_sign)
        basic = der(0x30, data + method + der(3, b"\0" + signature.read_bytes()) + b"".join(more))
        response.write_bytes(der(0x30, status + der(0xA0, der(0x30, kind + der(4, basic)))))


def der(tag, content):
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([0x82]) + size.to_bytes(2, "big")
    return bytes([tag]) + length + content


def der_content(element):
    return element[2:] if element[1] < 128 else element[2 + element[1] - 128 :]


def der_split(data):
    """The elements in it, each whole."""
    elements = []
    while data:
        extra = data[1] - 128 if data[1] >= 128 else 0
        size = 2 + extra + (int.from_bytes(data[2 : 2 + extra], "big") if extra else data[1])
        elements.append(data[:size])
        data = data[size:]
    return elements


def joined(path, *files):
    """A file of several, one after the other."""
    Path(path).write_bytes(b"".join(Path(file).read_bytes() for file in files))
    return Path(path)
