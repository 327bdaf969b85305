"""`ravelin doctor` before servers that do right and servers that do wrong: it tells which."""

import socket
import time

import pytest

from ravelin_test import doctor as d
from ravelin_test.issuing import in_days
from ravelin_test.processes import run, text
from ravelin_test.proxy import site_block
from ravelin_test.settings import RAVELIN, SCALE

IDS = [
    *["ssl2", "ssl2-format", "ssl3", "tls1.0", "tls1.1", "tls1.2", "tls1.3", "fallback", "downgrade-mark"],
    *["export", "null", "anonymous", "rc4", "3des", "cbc", "static-keys", "tls1.3-suites"],
    *["weak-groups", "unknown-groups", "finite-fields", "secp521r1", "post-quantum", "weak-signatures"],
    *["compression", "renegotiation", "plain-http", "close-notify"],
    *["resumption", "psk-only", "early-data", "other-name"],
    *["bare-lf", "length-and-chunks", "two-lengths", "folding", "other-host"],
    *["http2-ping", "http2-settings", "http2-empty", "http2-continuation", "http2-rapid-reset", "http2-made-resets"],
    *["http2-line-break", "http2-coding", "http2-length", "http2-path", "http2-other-host"],
    *["chain", "dates", "name", "key", "certificate-signatures", "staple"],
]

HTTP2 = {"http2": "yes"}


@pytest.fixture
def workshop(lab):
    return d.Workshop(lab.subfolder("workshop"))


@pytest.fixture
def openssl(lab):
    """Starts an s_server."""

    def start(certificate, *options):
        return lab.keep_server(d.OpensslServer(lab.folder, certificate, *options))

    return start


@pytest.fixture
def nginx(lab):
    """Starts nginx with TLS; returns its port."""

    def start(certificate, options):
        port = lab.port()
        lab.nginx(
            more=f"server {{ listen {port.address} ssl reuseport; root {lab.folder}; ssl_certificate "
            f"{certificate.path}; ssl_certificate_key {certificate.key}; location / {{ return 200 ok; }} {options} }}"
        )
        return port.number

    return start


# ---- Ravelin


def test_all_is_well_with_ravelin(lab):
    proxy = lab.proxy(lab.server(), listen=HTTP2)
    report = d.Report(proxy.port, ca=lab.authority.ca)
    assert report.ids("pass") == IDS
    assert report.exit_code == 0


@pytest.mark.parametrize("kind", ["rsa", "ed25519", "ecdsa-p384"])
def test_all_is_well_with_every_kind_of_key(lab, kind):
    certificate = lab.authority.certificate("localhost", kind=kind)
    proxy = lab.proxy(lab.server(), listen=HTTP2, sites=[site_block("localhost", [certificate])])
    assert d.Report(proxy.port, ca=lab.authority.ca).ids("pass") == IDS


def test_all_is_well_when_post_quantum_is_required(lab):
    proxy = lab.proxy(lab.server(), listen=HTTP2, tls={"require-post-quantum": "yes"})
    assert d.Report(proxy.port, ca=lab.authority.ca).ids("pass") == IDS


def test_all_is_well_without_tickets(lab):
    proxy = lab.proxy(lab.server(), listen=HTTP2, tls={"ticket-lifetime": "0"})
    report = d.Report(proxy.port, ca=lab.authority.ca)
    assert report.ids("pass") == IDS
    for id in ("resumption", "psk-only", "early-data", "other-name"):
        assert "gives no tickets" in report.came(id)


def test_an_address_is_a_name_too(lab):
    proxy = lab.proxy(lab.server(), listen=HTTP2)
    assert d.Report(f"127.0.0.1:{proxy.port}", ca=lab.authority.ca).ids("pass") == IDS


def test_a_name_of_its_own(lab):
    certificate = lab.authority.certificate("a.test")
    proxy = lab.proxy(lab.server(), listen=HTTP2, sites=[site_block("a.test", [certificate])])
    report = d.Report(f"127.0.0.1:{proxy.port}", "--name", "a.test", ca=lab.authority.ca)
    assert report.ids("pass") == IDS
    assert report.whole["target"]["name"] == "a.test"
    d.Report(f"127.0.0.1:{proxy.port}", ca=lab.authority.ca).expect(name="fail", chain="pass")


# ---- The report


def test_the_shape_of_the_report(lab):
    proxy = lab.proxy(lab.server(), listen=HTTP2)
    report = d.Report(proxy.port, ca=lab.authority.ca).whole
    assert list(report) == ["ravelin", "target", "checks", "summary"]
    assert report["target"] == {
        "host": "localhost",
        "port": proxy.port,
        "name": "localhost",
        "address": f"127.0.0.1:{proxy.port}",
    }
    for check in report["checks"]:
        assert list(check) == ["id", "result", "title", "tried", "came", "why"]
        assert all(check.values())
    assert report["summary"] == {"checks": len(IDS), "pass": len(IDS), "fail": 0, "warn": 0, "skip": 0}


def test_the_report_for_people(lab):
    proxy = lab.proxy(lab.server(), listen=HTTP2)
    result = d.doctor(proxy.port, ca=lab.authority.ca)
    lines = text(result.stdout).splitlines()
    assert result.returncode == 0
    assert lines[0] == f"ravelin doctor: localhost, port {proxy.port}, at 127.0.0.1:{proxy.port}, as localhost"
    assert lines[-1] == f"{len(IDS)} checks: {len(IDS)} passed, 0 failed, 0 warned, 0 skipped"
    body = lines[2:-2]
    assert [line.rpartition("(")[2][:-1] for line in body[::2]] == IDS
    assert all(line.startswith("pass  ") for line in body[::2])
    assert all(line.startswith("      ") and line.endswith(".") for line in body[1::2])
    assert "Refused: alert protocol_version (70)." in text(result.stdout)
    assert "The name localhost is among them; " in text(result.stdout)


# ---- nginx


def test_nginx_with_old_versions(lab, nginx):
    certificate = lab.authority.certificate("localhost", kind="rsa")
    port = nginx(certificate, 'ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers "ALL:@SECLEVEL=0";')
    report = d.Report(port, ca=lab.authority.ca)
    report.expect(tls1_0="fail", tls1_1="fail", tls1_2="fail", tls1_3="fail", ssl3="pass", ssl2="pass")
    report.expect(ssl2_format="fail", anonymous="fail", cbc="fail", static_keys="fail", weak_signatures="fail")
    report.expect(null="pass", export="pass", rc4="pass", fallback="pass", compression="pass")
    report.expect(renegotiation="warn", resumption="skip", bare_lf="skip", close_notify="skip", post_quantum="skip")
    # The certificates of older versions are looked at as well.
    report.expect(chain="pass", dates="pass", name="pass", key="pass", certificate_signatures="pass")
    assert "TLS 1.2 with TLS_" in report.came("tls1.2")
    assert "TLS 1.0 with TLS_" in report.came("tls1.0")
    assert report.came("weak-signatures") == "TLS 1.2 was signed with rsa_pkcs1_sha1"


def test_nginx_with_tls12_beside_tls13(lab, nginx):
    # The groups of OpenSSL 3.0. OpenSSL 3.5 adds X25519MLKEM768 to those that it takes by default.
    groups = "ssl_ecdh_curve X25519:prime256v1:X448:secp521r1:secp384r1:ffdhe2048;"
    port = nginx(lab.authority.certificate("localhost"), f"ssl_protocols TLSv1.2 TLSv1.3; {groups}")
    report = d.Report(port, ca=lab.authority.ca)
    report.expect(tls1_2="fail", tls1_3="pass", tls1_1="pass", downgrade_mark="pass", fallback="pass")
    report.expect(renegotiation="warn", close_notify="pass", resumption="pass", psk_only="pass", early_data="pass")
    report.expect(post_quantum="warn", finite_fields="warn", secp521r1="warn", cbc="fail", chain="pass")
    report.expect(bare_lf="fail", length_and_chunks="pass", two_lengths="pass", other_host="fail", plain_http="pass")
    report.expect(other_name="fail")


def test_nginx_with_early_data(lab, nginx):
    port = nginx(lab.authority.certificate("localhost"), "ssl_protocols TLSv1.3; ssl_early_data on;")
    report = d.Report(port, ca=lab.authority.ca).expect(early_data="fail", tls1_2="pass", renegotiation="pass")
    assert "was taken, and answered with status 200; the tickets allow 16384 bytes" in report.came("early-data")


# ---- openssl s_server


def test_suites_without_encryption(workshop, openssl):
    rsa = workshop.leaf(key=("-newkey", "rsa:2048"))
    server = openssl(rsa, "-tls1_2", "-cipher", "NULL:@SECLEVEL=0")
    d.Report(server.port, ca=workshop.ca).expect(
        null="fail", tls1_2="fail", static_keys="fail", rc4="pass", chain="pass"
    )


def test_a_server_without_a_certificate(workshop, openssl):
    server = openssl(None, "-tls1_2", "-cipher", "aNULL:!eNULL:@SECLEVEL=0")
    report = d.Report(server.port, ca=workshop.ca).expect(anonymous="fail", null="pass", chain="skip", staple="skip")
    assert report.came("chain") == "no certificate was sent"


def test_resumption_without_a_key_exchange(workshop, openssl):
    server = openssl(workshop.leaf(), "-tls1_3", "-allow_no_dhe_kex")
    report = d.Report(server.port, ca=workshop.ca).expect(psk_only="fail", resumption="pass", early_data="pass")
    assert report.came("psk-only") == "resumed without a key exchange"


def test_a_server_without_tickets(workshop, openssl):
    server = openssl(workshop.leaf(), "-tls1_3", "-num_tickets", "0")
    d.Report(server.port, ca=workshop.ca).expect(
        resumption="pass", psk_only="pass", early_data="pass", other_name="pass"
    )


def test_weak_groups(workshop, openssl):
    rsa = workshop.leaf(key=("-newkey", "rsa:2048"))
    server = openssl(rsa, "-tls1_2", "-cipher", "ECDHE:@SECLEVEL=0", "-groups", "P-224")
    d.Report(server.port, ca=workshop.ca).expect(weak_groups="fail", unknown_groups="pass", static_keys="pass")


def test_small_primes(lab, workshop, openssl):
    rsa = workshop.leaf(key=("-newkey", "rsa:2048"))
    parameters = d.old_dh_parameters(lab.folder)
    server = openssl(rsa, "-tls1_2", "-cipher", "DHE:@SECLEVEL=0", "-dhparam", parameters)
    report = d.Report(server.port, ca=workshop.ca).expect(finite_fields="fail")
    assert "a prime of only 1024 bits" in report.came("finite-fields")


def test_compression_is_refused_by_a_server_of_one_version(workshop, openssl):
    server = openssl(workshop.leaf(), "-tls1_2")
    d.Report(server.port, ca=workshop.ca).expect(compression="pass", fallback="skip", downgrade_mark="skip")


def test_a_server_that_wants_a_client_certificate(workshop, openssl):
    """Its handshake goes through, as in TLS 1.3 a client without one is refused only afterwards."""
    server = openssl(workshop.leaf(), "-tls1_3", "-Verify", "1", "-verify_return_error", "-CAfile", workshop.ca)
    report = d.Report(server.port, ca=workshop.ca).expect(tls1_3="pass", chain="pass", bare_lf="skip")
    assert "certificate_required" in report.came("bare-lf")


def test_a_server_of_another_group_is_asked_again(workshop, openssl):
    server = openssl(workshop.leaf(), "-tls1_3", "-groups", "P-384")
    report = d.Report(server.port, ca=workshop.ca).expect(tls1_3="pass", resumption="pass", early_data="pass")
    assert "P-384" in report.came("tls1.3")


@pytest.mark.parametrize("suite", ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"])
def test_every_suite_of_tls13(workshop, openssl, suite):
    server = openssl(workshop.leaf(), "-tls1_3", "-ciphersuites", suite)
    report = d.Report(server.port, ca=workshop.ca).expect(tls1_3="pass", resumption="pass", close_notify="pass")
    assert suite in report.came("tls1.3")
    assert "resumed" in report.came("resumption")


def test_tags_of_eight_bytes(workshop, openssl):
    server = openssl(workshop.leaf(), "-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256:TLS_AES_128_GCM_SHA256")
    report = d.Report(server.port, ca=workshop.ca).expect(tls1_3_suites="fail", tls1_3="pass")
    assert "HelloRetryRequest" in report.came("tls1.3-suites")


# ---- GnuTLS: what OpenSSL has thrown out


def test_rc4_and_triple_des(lab, workshop):
    rsa = workshop.leaf(key=("-newkey", "rsa:2048"))
    priority = "NONE:+VERS-TLS1.2:+VERS-TLS1.0:+ARCFOUR-128:+3DES-CBC:+SHA1:+RSA:+COMP-NULL:+SIGN-ALL:+CTYPE-X509"
    server = lab.keep_server(d.GnutlsServer(lab.folder, rsa, priority))
    d.Report(server.port, ca=workshop.ca).expect(**{"3des": "fail"}, rc4="fail", static_keys="fail", tls1_0="fail")


# ---- Certificates


def test_the_chain(workshop, openssl):
    middle = workshop.make("middle", workshop.root, "-addext", "keyUsage=critical,keyCertSign")
    leaf = workshop.leaf("leaf", middle)
    good = d.Report(openssl(workshop.chain(leaf, middle)).port, ca=workshop.ca)
    good.expect(chain="pass", name="pass")
    assert good.came("chain") == "2 certificates lead to CN=root"
    bad = d.Report(openssl(leaf).port, ca=workshop.ca).expect(chain="fail", name="pass", dates="pass")
    assert bad.came("chain") == "the issuer of CN=leaf, CN=middle, was not sent and is not trusted"


def test_a_certificate_by_itself(workshop, openssl):
    alone = workshop.make("alone", None, "-addext", "subjectAltName=DNS:localhost")
    report = d.Report(openssl(alone).port, ca=workshop.ca).expect(chain="fail", name="pass")
    assert report.came("chain") == "CN=alone is signed by CN=alone itself, and not trusted"
    d.Report(openssl(alone).port, ca=alone.path).expect(chain="pass")


def test_the_authorities_of_the_system_do_not_know_ours(workshop, openssl):
    d.Report(openssl(workshop.leaf()).port).expect(chain="fail", tls1_3="pass")


@pytest.mark.parametrize(
    "start, end, came",
    [
        ("200101000000Z", "210101000000Z", "CN=dated expired on 2021-01-01"),
        ("400101000000Z", "410101000000Z", "CN=dated is not valid before 2040-01-01"),
    ],
)
def test_dates(workshop, openssl, start, end, came):
    report = d.Report(openssl(workshop.leaf_of_dates(start, end)).port, ca=workshop.ca)
    assert report.expect(dates="fail", chain="pass", name="pass").came("dates") == came


def test_a_certificate_that_ends_soon(workshop, openssl):
    """A third of its lifetime is left, and at most 21 days."""

    def outcome(since, until):
        leaf = workshop.leaf_of_dates(in_days(since), in_days(until))
        return d.Report(openssl(leaf).port, ca=workshop.ca)

    outcome(-1, 5).expect(dates="pass")
    outcome(-5, 1.5).expect(dates="warn")
    outcome(-70, 20).expect(dates="warn")


@pytest.mark.parametrize("names", ["DNS:elsewhere.test,DNS:*.localhost", None, "IP:127.0.0.1"])
def test_another_name(workshop, openssl, names):
    server = openssl(workshop.leaf("localhost", names=names))  # a common name is no name
    d.Report(server.port, ca=workshop.ca).expect(name="fail", chain="pass")


def test_a_small_key(workshop, openssl):
    weak = workshop.leaf(key=("-newkey", "rsa:1024"))
    server = openssl(weak, "-cipher", "ALL:@SECLEVEL=0")
    report = d.Report(server.port, ca=workshop.ca).expect(key="fail", chain="pass")
    assert report.came("key") == "CN=leaf has RSA 1024"


def test_a_signature_with_sha1(workshop, openssl):
    server = openssl(workshop.leaf("leaf", None, "-sha1"), "-cipher", "ALL:@SECLEVEL=0")
    report = d.Report(server.port, ca=workshop.ca).expect(certificate_signatures="fail", chain="fail", key="pass")
    assert report.came("certificate-signatures") == "CN=leaf is signed with ECDSA with SHA-1"


def test_a_certificate_for_something_else(workshop, openssl):
    options = ["-addext", "extendedKeyUsage=clientAuth", "-addext", "subjectAltName=DNS:localhost"]
    report = d.Report(openssl(workshop.make("leaf", workshop.root, *options)).port, ca=workshop.ca)
    assert report.expect(chain="fail").came("chain") == "the certificate is not for servers"


@pytest.mark.parametrize("version", ["-tls1_3", "-tls1_2"])
def test_stapled_responses(workshop, openssl, version):
    leaf = workshop.leaf("leaf", None, "-addext", "tlsfeature=status_request")
    none = d.Report(openssl(leaf, version).port, ca=workshop.ca).expect(staple="fail")
    assert "the certificate says there must be" in none.came("staple")
    for status, result in (("V", "pass"), ("R", "fail")):
        response = workshop.ocsp_response(leaf, workshop.root, status)
        report = d.Report(openssl(leaf, version, "-status_file", response).port, ca=workshop.ca)
        report.expect(staple=result)
    assert "revoked" in report.came("staple")
    other = workshop.leaf("other")
    report = d.Report(openssl(other, version, "-status_file", response).port, ca=workshop.ca).expect(staple="fail")
    assert "about another certificate" in report.came("staple")


# ---- Scripted servers: what no real one does any more, or any at all


def test_a_server_that_takes_everything(lab):
    server = lab.server(d.hello_script(d.take_everything))
    report = d.Report(server.port)
    wrong = ["ssl2", "ssl2-format", "ssl3", "tls1.0", "tls1.1", "tls1.2", "tls1.3", "fallback", "export", "null"]
    wrong += ["anonymous", "rc4", "3des", "cbc", "static-keys", "tls1.3-suites", "weak-groups", "unknown-groups"]
    wrong += ["weak-signatures", "compression", "renegotiation"]
    assert report.ids("fail") == wrong
    assert report.came("compression") == "TLS 1.2 with compression method 1"
    assert "without renegotiation_info" in report.came("renegotiation")
    report.expect(finite_fields="warn", secp521r1="warn")


@pytest.mark.parametrize("marked", [True, False])
def test_a_downgrade(lab, workshop, marked):
    """Older versions are taken by a script, TLS 1.3 by a server that is real."""
    real = d.tls_script(workshop.leaf(), d.say_ok)

    def take_older(hello):
        answer = bytearray(d.take_everything(hello))
        if marked:
            answer[5 + 4 + 2 + 24 : 5 + 4 + 2 + 32] = b"DOWNGRD\1"
        return bytes(answer)

    def script(connection):
        begin = connection.socket.recv(4096, socket.MSG_PEEK)
        older = begin[:1] != b"\x16" or 43 not in d.Hello(begin[5:]).extensions
        (d.hello_script(take_older) if older else real)(connection)

    report = d.Report(lab.server(script).port, ca=workshop.ca)
    report.expect(tls1_3="pass", tls1_2="fail", downgrade_mark="pass" if marked else "fail", fallback="fail")


def test_a_server_that_takes_any_request(lab, workshop):
    server = lab.server(d.tls_script(workshop.leaf(), d.say_ok))
    report = d.Report(server.port, ca=workshop.ca).expect(close_notify="pass", tls1_3="pass", chain="pass")
    report.expect(bare_lf="fail", length_and_chunks="fail", two_lengths="fail", folding="fail", other_host="fail")
    assert report.came("bare-lf") == "taken: status 200"


def test_a_server_that_refuses_any_request(lab, workshop):
    def refuse(tls, request):
        tls.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

    server = lab.server(d.tls_script(workshop.leaf(), refuse))
    report = d.Report(server.port, ca=workshop.ca).expect(bare_lf="skip", two_lengths="skip")
    assert "an ordinary request is refused too" in report.came("bare-lf")


def test_an_end_without_close_notify(lab, workshop):
    def cut(tls, request):
        tls.sendall(b"HTTP/1.1 200 OK\r\n\r\nok")
        tls.shutdown(socket.SHUT_RDWR)

    server = lab.server(d.tls_script(workshop.leaf(), cut))
    d.Report(server.port, ca=workshop.ca).expect(close_notify="fail", tls1_3="pass")


def test_no_http_in_it(lab, workshop):
    def greet(tls, request):
        tls.sendall(b"220 mail.test ESMTP\r\n")
        tls.unwrap()

    report = d.Report(lab.server(d.tls_script(workshop.leaf(), greet)).port, ca=workshop.ca)
    report.expect(tls1_3="pass", chain="pass", bare_lf="skip", other_host="skip", close_notify="pass")
    assert "no HTTP/1.1 answer" in report.came("bare-lf")


@pytest.mark.parametrize("status, result", [("200 OK", "fail"), ("301 Moved", "warn"), ("400 Bad Request", "pass")])
def test_plain_http_on_the_port(lab, workshop, status, result):
    real = d.tls_script(workshop.leaf(), d.say_ok)

    def script(connection):
        if connection.socket.recv(4, socket.MSG_PEEK) == b"GET ":
            connection.head()
            connection.send(f"HTTP/1.1 {status}\r\nLocation: https://localhost/\r\n\r\n".encode())
        else:
            real(connection)

    d.Report(lab.server(script).port, ca=workshop.ca).expect(plain_http=result, tls1_3="pass")


def test_what_a_server_sends_does_not_reach_the_terminal(lab, workshop):
    evil = workshop.make("leaf", None, "-subj", '/CN=\x1b[31m"red', "-addext", "subjectAltName=DNS:localhost")
    server = lab.server(d.tls_script(evil, d.say_ok))
    assert '?[31m"red' in d.Report(server.port, ca=workshop.ca).came("chain")
    assert b"\x1b" not in d.doctor(server.port, ca=workshop.ca).stdout


# ---- Servers that mean harm, or are none


def silent(connection):
    while connection.socket.recv(65536):
        pass


def close_at_once(connection):
    pass


def send_garbage(connection):
    connection.send(bytes(range(256)) * 16)


def send_without_end(piece):
    def script(connection):
        while True:
            connection.send(piece * 1000)

    return script


def drip(connection):
    """A record that comes byte by byte, and never in time."""
    for byte in b"\x16\x03\x03\x40\x00" + bytes(16384):
        connection.send(bytes([byte]))
        time.sleep(0.05)


HARMFUL = {
    "silent": silent,
    "closes at once": close_at_once,
    "garbage": send_garbage,
    "alerts without end": send_without_end(b"\x15\x03\x03\x00\x02\x01\x70"),
    "change_cipher_spec without end": send_without_end(b"\x14\x03\x03\x00\x01\x01"),
    "empty handshake records": send_without_end(b"\x16\x03\x03\x00\x00"),
    "a message without end": send_without_end(b"\x16\x03\x03\x00\x08\x02\xff\xff\xff\0\0\0\0"),
    "drip": drip,
}


@pytest.mark.parametrize("script", HARMFUL.values(), ids=HARMFUL.keys())
def test_servers_without_tls(lab, script):
    report = d.Report(lab.server(script).port, timeout=d.SHORT)
    assert report.ids("fail") == ["tls1.3"]
    assert set(report.ids("skip")) == set(IDS) - {"tls1.3", "plain-http"}


def test_a_response_without_end(lab, workshop):
    def flood(tls, request):
        tls.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            tls.sendall(b"x" * 65536)

    server = lab.server(d.tls_script(workshop.leaf(), flood))
    report = d.Report(server.port, ca=workshop.ca).expect(tls1_3="pass", close_notify="warn")
    assert "it went on for too long" in report.came("close-notify")


def test_a_handshake_and_then_silence(lab, workshop):
    """Every check has its time, and the whole has one, too: what is left then, has failed."""

    def wait(tls, request):
        while tls.recv(65536):
            pass

    server = lab.server(d.tls_script(workshop.leaf(), wait))
    began = time.monotonic()
    report = d.Report(server.port, ca=workshop.ca, timeout=d.SHORT)
    assert time.monotonic() - began < 60 * SCALE
    report.expect(tls1_3="pass", close_notify="warn", bare_lf="skip", chain="pass")


def test_the_whole_has_an_end(lab):
    """A server that answers the first hello and no other."""

    def script(connection):
        if connection.number == 1:
            connection.socket.recv(65536)
            connection.send(b"\x15\x03\x03\x00\x02\x02\x28")
        elif connection.number == 2:
            d.hello_script(d.take_everything)(connection)
        else:
            silent(connection)

    report = d.Report(lab.server(script).port, timeout=d.SHORT)
    assert report.came("chain") in ("could not be checked: the audit took too long", "no certificate was sent")
    assert "took too long" in report.came("other-host") + report.came("plain-http") + report.came("chain")


def test_nobody_is_there(lab):
    refused = d.doctor(lab.refused_address())
    assert refused.returncode == 2
    assert b"no connection to 127.0.0.1" in refused.stderr and b"Connection refused" in refused.stderr
    unknown = d.doctor("nowhere.invalid:443")
    assert unknown.returncode == 2
    assert b"nowhere.invalid cannot be looked up" in unknown.stderr
    assert refused.stdout == unknown.stdout == b""
    deaf = d.doctor(lab.deaf_server().address, timeout=d.SHORT)
    assert deaf.returncode == 2
    assert b"timed out" in deaf.stderr


def test_an_ipv6_address(workshop):
    with socket.create_server(("::1", 0), family=socket.AF_INET6, backlog=64) as listener:
        report = d.Report(f"[::1]:{listener.getsockname()[1]}", timeout=d.SHORT)
    assert report.whole["target"]["host"] == "::1"
    assert report.whole["target"]["name"] == ""


@pytest.mark.parametrize(
    "arguments, complaint",
    [
        ([], "usage: ravelin doctor"),
        (["a:1", "b:2"], "usage: ravelin doctor"),
        (["--weak", "a:1"], "unrecognized option"),
        (["--timeout", "99ms", "a:1"], "--timeout takes a time from 100ms to 60s, not: 99ms"),
        (["--timeout", "61s", "a:1"], "--timeout takes a time from 100ms to 60s, not: 61s"),
        (["--timeout", "5", "a:1"], "--timeout takes a time from 100ms to 60s, not: 5"),
        (["a:0"], "the port must be 1 to 65535: a:0"),
        (["a:65536"], "the port must be 1 to 65535"),
        (["a:https"], "the port must be 1 to 65535"),
        (["https://a/"], "the port must be 1 to 65535"),
        (["a/b"], "not a host's name"),
        (["::1"], "an IPv6 address goes in brackets"),
        (["[::1"], "the brackets"),
        (["[::g]:1"], "not an IPv6 address between the brackets"),
        ([""], "not a host's name"),
        (["--name", "a:1", "b:1"], "--name takes a host's name, not: a:1"),
        (["--name", "1.2.3.4", "b:1"], "--name takes a host's name, not: 1.2.3.4"),
        (["--ca", "/nowhere.pem", "localhost:1"], "/nowhere.pem: No such file or directory"),
        (["--ca", "/dev/null", "localhost:1"], "/dev/null: no PEM certificate in it"),
    ],
)
def test_bad_usage(arguments, complaint):
    result = run([RAVELIN, "doctor", *arguments], check=False)
    assert result.returncode == 2
    assert complaint in text(result.stderr)
    assert result.stdout == b""


def test_help():
    usage = text(run([RAVELIN, "help", "doctor"]).stdout)
    assert usage.startswith("usage: ravelin doctor")
    assert text(run([RAVELIN, "doctor", "--help"]).stdout) == usage
    assert "ravelin doctor HOST[:PORT]" in text(run([RAVELIN, "help"]).stdout)
