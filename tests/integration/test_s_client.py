"""ravelin_test/s_client.py reads what OpenSSL 3.0 and OpenSSL 3.5 print."""

import pytest

from ravelin_test import s_client

OLD = """depth=0 CN = other
 0 s:CN = a.test
   i:CN = Middle, O = Tests
 1 s:CN = Middle, O = Tests
   i:CN = Root
subject=CN = a.test
issuer=CN = Middle, O = Tests
Peer signing digest: SHA256
Peer signature type: RSA-PSS
Server Temp Key: X25519, 253 bits
"""
NEW = """depth=0 CN=other
 0 s:CN=a.test
   i:CN=Middle, O=Tests
 1 s:CN=Middle, O=Tests
   i:CN=Root
subject=CN=a.test
issuer=CN=Middle, O=Tests
Peer signing digest: SHA256
Peer signature type: rsa_pss_rsae_sha512
Peer Temp Key: X25519, 253 bits
"""


@pytest.mark.parametrize("printed", [OLD, NEW], ids=["3.0", "3.5"])
def test_what_is_printed_is_read(printed):
    assert s_client.subject(printed) == "CN=a.test"
    assert s_client.chain(printed) == ["CN=a.test", "CN=Middle, O=Tests"]
    assert s_client.signature(printed) == "RSA-PSS"
    assert s_client.group(printed) == "X25519"


@pytest.mark.parametrize(
    "line, group",
    [
        ("Server Temp Key: ECDH, prime256v1, 256 bits", "P-256"),
        ("Peer Temp Key: ECDH, secp384r1, 384 bits", "P-384"),
        ("Negotiated TLS1.3 group: X25519MLKEM768", "X25519MLKEM768"),
    ],
)
def test_groups(line, group):
    assert s_client.group(f"before\n{line}\nafter\n") == group


def test_what_is_not_there_is_none():
    assert (s_client.subject(""), s_client.chain(""), s_client.signature(""), s_client.group("")) == (None, [], None, None)
