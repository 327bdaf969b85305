"""What `openssl s_client` prints about a handshake, in the words of OpenSSL 3.0 and of OpenSSL 3.5."""

import re

# The names of signatures and of groups that one of the two versions prints -> the name for both.
SIGNATURES = {
    "ecdsa_secp256r1_sha256": "ECDSA",
    "ecdsa_secp384r1_sha384": "ECDSA",
    "rsa_pss_rsae_sha256": "RSA-PSS",
    "rsa_pss_rsae_sha384": "RSA-PSS",
    "rsa_pss_rsae_sha512": "RSA-PSS",
}
GROUPS = {"prime256v1": "P-256", "secp384r1": "P-384"}


def subject(output):
    """The subject of the certificate that the server showed: CN=a.test. None without a certificate."""
    found = re.search(r"^subject=(.*)$", output, re.MULTILINE)
    return found and _name(found[1])


def chain(output):
    """The subjects of the certificates that the server sent, in their order."""
    return [_name(found) for found in re.findall(r"^ *\d+ s:(.*)$", output, re.MULTILINE)]


def signature(output):
    """How the server signed: ECDSA, RSA-PSS or ed25519. None in a resumed session."""
    found = re.search(r"^Peer signature type: (.*)$", output, re.MULTILINE)
    return found and SIGNATURES.get(found[1], found[1])


def group(output):
    """The group of the key exchange: X25519, P-256, X25519MLKEM768. None without a key exchange."""
    found = re.search(r"^(?:(?:Server|Peer) Temp Key: (?:ECDH, )?|Negotiated TLS1\.3 group: )([^,\s]+)", output, re.MULTILINE)
    return found and GROUPS.get(found[1], found[1])


def _name(text):
    return text.strip().replace(" = ", "=")
