"""Clients of every TLS library at hand connect, check the certificate and make a request. Chromium: test_real_servers.py."""

import socket
import ssl

import pytest

from ravelin_test.http import request, response
from ravelin_test.node import run_node
from ravelin_test.processes import run, text
from ravelin_test.proxy import site_block
from ravelin_test.settings import ROOT

ASK_AND_CLOSE = request(fields=["Connection: close"])
KINDS = ["ecdsa", "ecdsa-p384", "ed25519", "rsa"]
GROUPS = {
    "X25519MLKEM768": 0x11EC,
    "SecP256r1MLKEM768": 0x11EB,
    "X25519": 0x001D,
    "P-256": 0x0017,
    "P-384": 0x0018,
}
SUITES = {
    "TLS13-AES128-GCM-SHA256": "TLS_AES_128_GCM_SHA256",
    "TLS13-AES256-GCM-SHA384": "TLS_AES_256_GCM_SHA384",
    "TLS13-CHACHA20-POLY1305-SHA256": "TLS_CHACHA20_POLY1305_SHA256",
}


def curl(proxy):
    return text(proxy.curl("/").stdout)


def openssl(proxy):
    options = ["-servername", "localhost", "-verify_hostname", "localhost", "-verify_return_error", "-ign_eof"]
    output = proxy.s_client(*options, input=ASK_AND_CLOSE)
    assert "Verification: OK" in output and "TLSv1.3" in output
    return output


def gnutls(proxy):
    command = ["gnutls-cli", "--x509cafile", proxy.authority.ca, "-p", proxy.port, "localhost"]
    output = text(run(command, input=ASK_AND_CLOSE).stdout)
    assert "The certificate is trusted" in output and "(TLS1.3-X.509)" in output
    return output


def node(proxy):
    return run_node("web_client.js", proxy.url(), "3", ca=proxy.authority.ca)


def python(proxy):
    context = ssl.create_default_context(cafile=str(proxy.authority.ca))
    with socket.create_connection(("127.0.0.1", proxy.port)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as connection:
            assert connection.version() == "TLSv1.3"
            connection.sendall(ASK_AND_CLOSE)
            return text(b"".join(iter(lambda: connection.recv(65536), b"")))


def wolfssl(proxy, *options, check=True):
    program = ROOT / "build/debug/tests/wolfssl_client"
    result = run([program, proxy.port, proxy.authority.ca, *options], check=check)
    return text(result.stdout if check else result.stderr)


CLIENTS = [curl, openssl, gnutls, node, python, wolfssl]


@pytest.fixture
def hello(lab):
    return lab.server(reply=lambda request: response("hello there"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_each_client_with_each_kind_of_certificate(lab, hello, client, kind):
    certificate = lab.authority.certificate("localhost", kind=kind)
    proxy = lab.proxy(hello, sites=[site_block("localhost", [certificate])])
    assert "hello there" in client(proxy)
    assert {line["tls"]["version"] for line in proxy.access_log(1)} == {"TLSv1.3"}


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.__name__)
def test_each_client_refuses_a_certificate_of_somebody_else(lab, hello, client):
    """Else the tests above would not show that it checks."""
    proxy = lab.proxy(hello, sites=[site_block("other.test", [lab.authority.certificate("other.test")], ["localhost"])])
    with pytest.raises((AssertionError, ssl.SSLCertVerificationError)):
        assert "hello there" in client(proxy)


@pytest.mark.parametrize("suite, name", SUITES.items(), ids=SUITES.values())
def test_wolfssl_with_each_suite(lab, hello, suite, name):
    proxy = lab.proxy(hello)
    assert wolfssl(proxy, "--suite", suite).startswith(f"TLSv1.3 {suite} full\n")
    assert proxy.access_log(1)[0]["tls"]["suite"] == name


@pytest.mark.parametrize("name, number", GROUPS.items(), ids=GROUPS.keys())
def test_wolfssl_with_each_group(lab, hello, name, number):
    proxy = lab.proxy(hello)
    assert "hello there" in wolfssl(proxy, "--group", number)
    assert proxy.access_log(1)[0]["tls"]["group"] == name


@pytest.mark.parametrize("name, number", GROUPS.items(), ids=GROUPS.keys())
def test_wolfssl_where_post_quantum_is_required(lab, hello, name, number):
    proxy = lab.proxy(hello, tls={"require-post-quantum": "yes"})
    if "MLKEM" in name:
        assert "hello there" in wolfssl(proxy, "--group", number)
        assert proxy.access_log(1)[0]["tls"]["group"] == name
    else:
        assert "handshake" in wolfssl(proxy, "--group", number, check=False)
        assert proxy.access_log(1)[0]["status"] == 0


def test_wolfssl_resumes(lab, hello):
    proxy = lab.proxy(hello, workers=2)
    output = wolfssl(proxy, "--again")
    assert output.count("hello there") == 2
    assert sorted(line["tls"]["resumed"] for line in proxy.access_log(2)) == [False, True]
    assert " full\n" in output and " resumed\n" in output
