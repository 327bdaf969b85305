"""sslscan and testssl.sh against the proxy, with certificates of both kinds: what they report, and that it is nothing."""

import json
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

from ravelin_test.processes import run
from ravelin_test.proxy import site_block
from ravelin_test.settings import LONG, SCALE

SUITES = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}

# What testssl.sh says above INFO that is not the proxy's: finding -> why it is let pass.
EXCEPTIONS = {
    "engine_problem": "about the openssl program that it uses",
    "cert_expirationStatus": "the certificates of these tests are made for 30 days",
    "cert_notAfter": "the same",
    "NPN": "version 3.2 cannot try it at a host with TLS 1.3 only",
    "cert_revocation": "the certificate authority of these tests publishes no CRL and answers no OCSP",
}
# What it should say of a server with TLS 1.3 only, each in so many words: nobody looked away.
EXPECTED = {
    "SSLv2": "not offered",
    "SSLv3": "not offered",
    "TLS1": "not offered",
    "TLS1_1": "not offered",
    "TLS1_2": "not offered",
    "TLS1_3": "offered with final",
    "ALPN": "http/1.1",
    "FS_ECDHE_curves": "prime256v1 secp384r1 X25519",
    "heartbleed": "no heartbeat extension",
    "CCS": "not vulnerable",
    "ROBOT": "RSA key transport",
    "secure_renego": "TLS 1.3 only",
    "secure_client_renego": "not vulnerable",
    "CRIME_TLS": "not vulnerable",
    "POODLE_SSL": "no SSLv3",
    "fallback_SCSV": "TLS 1.3",
    "FREAK": "not vulnerable",
    "DROWN": "not vulnerable",
    "LOGJAM": "no DH EXPORT ciphers",
    "BEAST": "no SSL3 or TLS1",
    "LUCKY13": "not vulnerable",
    "RC4": "not vulnerable",
}
# And what only one version says: 3.0 names the protocol that it got by default, 3.2 the one whose suites have an order.
EXPECTED_3_0 = {"protocol_negotiated": "Default protocol TLS1.3"}
EXPECTED_3_2 = {"cipher_order": "(TLS 1.3)", "FS_KEMs": "SecP256r1MLKEM768 X25519MLKEM768"}


HEADERS = """
add_header Strict-Transport-Security "max-age=31536000; includeSubDomains";
add_header Content-Security-Policy "default-src 'self'";
add_header X-Content-Type-Options nosniff;
"""


@pytest.fixture
def proxy(lab):
    """Its server sends the headers of a careful site: those are not the proxy's matter."""
    server = lab.nginx(locations=HEADERS)
    (server.html / "index.html").write_text("ok")
    certificates = [lab.authority.certificate("localhost", "127.0.0.1", kind=kind) for kind in ("ecdsa", "rsa")]
    return lab.proxy(server, workers=2, sites=[site_block("localhost", certificates, ["127.0.0.1"])])


def sslscan(address):
    report = run(["sslscan", "--xml=-", "--no-colour", address]).stdout
    return ElementTree.fromstring(report).find("ssltest")


def enabled_protocols(found):
    return {(p.get("type"), p.get("version")): p.get("enabled") for p in found.findall("protocol")}


def test_sslscan_finds_nothing(proxy):
    # Its probe of TLS 1.3 sends an X25519 share made from the time of day, now and then with the top bit set.
    found = sslscan(f"127.0.0.1:{proxy.port}")
    protocols = enabled_protocols(found)
    assert protocols.pop(("tls", "1.3")) == "1"
    assert len(protocols) == 5 and set(protocols.values()) == {"0"}
    assert {(c.get("sslversion"), c.get("cipher")) for c in found.findall("cipher")} == {("TLSv1.3", s) for s in SUITES}
    assert {c.get("strength") for c in found.findall("cipher")} <= {"acceptable", "strong"}
    groups = {int(g.get("id"), 16) for g in found.findall("group")}
    assert {0x0017, 0x0018} <= groups <= {0x0017, 0x0018, 0x001D}
    assert found.find("renegotiation").get("supported") == "0"
    assert {h.get("vulnerable") for h in found.findall("heartbleed")} == {"0"}
    [certificate] = found.findall("certificates/certificate")
    assert certificate.find("pk").get("error") == "false"
    assert certificate.find("expired").text == "false"


def scan_with_testssl(proxy, report, *selection):
    """Its findings, by name. It looks up no name and calls nobody outside."""
    program = shutil.which("testssl") or shutil.which("testssl.sh")
    assert program, "testssl.sh is not installed"
    command = [program, "--openssl", shutil.which("openssl"), "--nodns", "none", "--ip", "127.0.0.1"]
    command += ["--add-ca", proxy.authority.ca, "--warnings", "off", "--color", "0", "--jsonfile", report]
    # It keeps its notes where TMPDIR says.
    environment = {"TMPDIR": str(report.parent), "HOME": str(report.parent)}
    run([*command, *selection, f"localhost:{proxy.port}"], timeout=300 * SCALE, environment=environment)
    findings = {}
    for finding in json.loads(report.read_text()):
        name = finding["id"].split(" ")[0]
        name = name[1:] if name.startswith("PFS") else name  # so it is called up to version 3.0
        findings.setdefault(name, []).append((finding["severity"], finding["finding"]))
    return findings


def assert_nothing_found(findings):
    bad = [
        (name, *finding)
        for name, all_of_it in findings.items()
        for finding in all_of_it
        if finding[0] not in ("OK", "INFO") and name not in EXCEPTIONS
    ]
    assert bad == []
    expected = EXPECTED | (EXPECTED_3_0 if "protocol_negotiated" in findings else EXPECTED_3_2)
    said = {name: "; ".join(finding for _, finding in findings.get(name, [])) for name in expected}
    assert {name: said[name] for name, words in expected.items() if words not in said[name]} == {}
    offered = [finding for name, all_of_it in findings.items() if name.startswith("cipher-") for _, finding in all_of_it]
    assert all("TLS_" in finding for finding in offered)


def test_testssl_finds_nothing(lab, proxy):
    """Protocols, forward secrecy, preferences, vulnerabilities."""
    findings = scan_with_testssl(proxy, lab.folder / "report.json", "--fast", "-p", "-f", "-P", "-U")
    assert_nothing_found(findings)
    assert {word for _, text in findings["FS_ciphers"] for word in text.split()} == SUITES


@pytest.mark.skipif(not LONG, reason="takes more than a minute")
def test_the_whole_of_testssl_finds_nothing(lab, proxy):
    """Also cipher by cipher, certificates, HTTP headers, simulated clients."""
    findings = scan_with_testssl(proxy, lab.folder / "report.json")
    assert_nothing_found(findings)
    assert len([name for name in findings if name.startswith("clientsimulation-")]) > 20
    connected = [f for name, fs in findings.items() if name.startswith("clientsimulation-") for _, f in fs]
    assert {f.split(" ")[0] for f in connected} == {"TLSv1.3", "No"}


def test_the_scanner_tells_when_there_is_something(lab):
    """nginx with TLS 1.2 and CBC suites before the same eyes: else the tests above could see nothing ever."""
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    port = lab.port()
    locations = (
        f"}} server {{ listen 127.0.0.1:{port.number} ssl reuseport; ssl_certificate {certificate.path};"
        f" ssl_certificate_key {certificate.key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE-ECDSA-AES128-SHA256;"
    )
    lab.nginx(locations=locations)
    found = sslscan(port.address)
    assert {c.get("sslversion") for c in found.findall("cipher")} == {"TLSv1.2", "TLSv1.3"}
    assert enabled_protocols(found)["tls", "1.2"] == "1"
