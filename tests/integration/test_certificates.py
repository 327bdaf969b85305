"""Which certificate a client is shown, and which site answers it."""

import pytest

from ravelin_test.http import request, response
from ravelin_test.proxy import backend_block, site_block


@pytest.fixture
def two_sites(lab):
    """a.test with *.a.test and b.test, a backend each; a.test comes first."""
    server_a = lab.server(reply=lambda request: response("from a"))
    server_b = lab.server(reply=lambda request: response("from b"))
    certificate_a = lab.authority.certificate("a.test", "*.a.test")
    certificate_b = lab.authority.certificate("b.test", "127.0.0.1")
    return lab.proxy(
        sites=[
            site_block("a.test", [certificate_a], ["*.a.test"], {"/": "a"}),
            site_block("b.test", [certificate_b], ["127.0.0.1"], {"/": "b"}),
        ],
        backends=[backend_block("a", [server_a]), backend_block("b", [server_b])],
    )


@pytest.mark.parametrize(
    "name, body",
    [("a.test", b"from a"), ("x.a.test", b"from a"), ("b.test", b"from b"), ("B.TEST", b"from b")],
)
def test_sni_chooses_the_certificate_and_host_the_site(lab, two_sites, name, body):
    with lab.client(two_sites, sni=name) as client:
        assert name.lower().split(".", name.count(".") - 1)[-1] in client.names  # verified against the name, too
        assert client.ask(host=name).body == body


def test_a_connection_is_for_the_site_of_its_handshake(lab, two_sites):
    """Another site may ask for other things of its clients: a request for it gets 421, and the client connects anew."""
    with lab.client(two_sites, sni="b.test") as client:
        assert client.ask(host="a.test").status == 421
        assert client.ask(host="b.test").body == b"from b"


def test_without_sni_the_first_site_shows_its_certificate(lab, two_sites):
    output = two_sites.s_client("-noservername", input=request(host="a.test", fields=["Connection: close"]))
    assert "CN = a.test" in output
    assert "Verify return code: 0" in output


def test_an_unknown_name_gets_the_first_site_or_a_refusal(lab, two_sites):
    output = two_sites.s_client("-servername", "c.test", input=b"")
    assert "CN = a.test" in output or "alert number 112" in output
    assert "CN = b.test" not in output


def test_sni_and_site_are_in_the_access_log(lab, two_sites):
    with lab.client(two_sites, sni="x.a.test") as client:
        client.ask(host="x.a.test")
    [line] = two_sites.access_log(1)
    assert line["tls"]["sni"] == "x.a.test"
    assert line["site"] == "a.test"


@pytest.mark.parametrize(
    "algorithms, kind",
    [
        ("ecdsa_secp256r1_sha256", "ECDSA"),
        ("rsa_pss_rsae_sha256", "RSA-PSS"),
        ("rsa_pss_rsae_sha512:rsa_pss_rsae_sha384", "RSA-PSS"),
        ("rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256", "ECDSA"),
    ],
)
def test_the_certificate_fits_what_the_client_can_verify(lab, algorithms, kind):
    certificates = [lab.authority.certificate("localhost", kind=kind) for kind in ("rsa", "ecdsa")]
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", certificates)])
    output = proxy.s_client("-sigalgs", algorithms, input=request(fields=["Connection: close"]))
    assert f"Peer signature type: {kind}" in output
    assert "Verify return code: 0" in output


@pytest.mark.parametrize(
    "kind, shown",
    [("ed25519", "ed25519"), ("rsa", "RSA-PSS"), ("ecdsa-p384", "ECDSA"), ("ecdsa", "ECDSA")],
)
def test_every_kind_of_key_signs(lab, kind, shown):
    certificate = lab.authority.certificate("localhost", kind=kind)
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [certificate])])
    output = proxy.s_client("-ign_eof", input=request(fields=["Connection: close"]))
    assert f"Peer signature type: {shown}" in output
    assert "Verify return code: 0" in output
    assert "HTTP/1.1 200 OK" in output


def test_a_client_that_can_verify_none_of_the_certificates_gets_alert_40(lab):
    certificate = lab.authority.certificate("localhost", kind="ed25519")
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [certificate])])
    assert "alert number 40" in proxy.s_client("-sigalgs", "ecdsa_secp256r1_sha256")


def test_the_whole_chain_is_sent(lab):
    """A file holds the certificate, then the certificates above it."""
    leaf = lab.authority.certificate("localhost")
    chain = lab.folder / "chain.pem"
    chain.write_bytes(leaf.path.read_bytes() + lab.authority.ca.read_bytes())
    certificate = type(leaf)(chain, leaf.key)
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [certificate])])
    output = proxy.s_client("-showcerts", input=request(fields=["Connection: close"]))
    assert output.count("-----BEGIN CERTIFICATE-----") >= 2
    assert " 1 s:CN = Ravelin test CA" in output
