"""Clients that show certificates: who is let in, with which alert the others are refused, what the server behind is
told, and that there is no other way in."""

import hashlib
import re
import socket
import ssl
import subprocess

import pytest

from ravelin_test.client import Client, client_context
from ravelin_test.folders import new_folder, remove_folder
from ravelin_test.http import request, response
from ravelin_test.issuing import AUTHORITY, CLIENT, SERVER, Issuer, joined
from ravelin_test.processes import run
from ravelin_test.proxy import backend_block, block, site_block
from ravelin_test.waiting import wait_for

SUBJECT = "X-Client-Certificate-Subject"
FINGERPRINT = "X-Client-Certificate-Fingerprint"
OURS = [SUBJECT, FINGERPRINT, "Client-Cert", "Client-Cert-Chain"]


class Authorities:
    def __init__(self, folder):
        self.root = Issuer(folder / "root", "Clients")
        self.stranger = Issuer(folder / "stranger", "Strangers")
        self.ada = self.root.issue("ada", subject="/C=GB/O=Engines, Ltd./CN=Ada Lovelace")
        self.foreign = self.stranger.issue("foreign")


@pytest.fixture(scope="module")
def clients():
    folder = new_folder("clients")
    yield Authorities(folder)
    remove_folder(folder)


def asking(lab, ca, name="localhost", mode=None, crl=None, aliases=(), backend="web"):
    """A site that asks for certificates."""
    certificate = lab.authority.certificate(name, *aliases)
    options = {"client-ca": f'"{ca}"'}
    if aliases:
        options["aliases"] = "{" + ", ".join(f'"{alias}"' for alias in aliases) + "}"
    if mode:
        options["client-certificate"] = mode
    if crl:
        options["client-crl"] = f'"{crl}"'
    inner = [
        block("certificate", f'"{certificate.path}"', {"key": f'"{certificate.key}"'}),
        block("route", "/", {"backend": backend}),
    ]
    return block("site", f'"{name}"', options, inner)


def context_with(lab, certificate=None, chain=()):
    context = client_context(lab.authority.ca)
    if certificate is not None:
        path = certificate.path
        if chain:
            path = joined(lab.folder / "shown.pem", path, *chain)
        context.load_cert_chain(path, certificate.key)
    return context


def fingerprint(certificate):
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate.path.read_text())).hexdigest()


@pytest.fixture
def proxy(lab, clients):
    return lab.proxy(lab.server(), sites=[asking(lab, clients.root.ca)])


def s_client_with(proxy, certificate, *arguments):
    shown = ["-cert", certificate.path, "-key", certificate.key] if certificate else []
    return proxy.s_client("-ign_eof", *shown, *arguments, input=request(fields=["Connection: close"]))


# ---- Who is served


def test_openssl_curl_gnutls_and_python_are_served_with_a_certificate(lab, clients, proxy):
    output = s_client_with(proxy, clients.ada)
    assert "HTTP/1.1 200 OK" in output
    assert "Requested Signature Algorithms:" in output
    got = proxy.curl("/", "--cert", clients.ada.path, "--key", clients.ada.key)
    assert got.stdout == b"ok"
    result = run(
        [
            *["gnutls-cli", "--x509cafile", lab.authority.ca, "-p", proxy.port, "localhost"],
            *["--x509certfile", clients.ada.path, "--x509keyfile", clients.ada.key],
        ],
        input=request(fields=["Connection: close"]),
    )
    assert b"HTTP/1.1 200 OK" in result.stdout
    with lab.client(proxy, context=context_with(lab, clients.ada)) as client:
        for _ in range(3):
            assert client.ask().status == 200
    proxy.wait_for_metrics(handshakes_failed=0)


@pytest.mark.parametrize("kind", ["ecdsa", "ecdsa-p384", "ecdsa-p521", "rsa", "rsa-pss", "ed25519"])
def test_every_kind_of_key(lab, clients, proxy, kind):
    certificate = clients.root.issue("someone", kind=kind)
    assert "HTTP/1.1 200 OK" in s_client_with(proxy, certificate)


def test_a_certificate_of_an_authority_below(lab, clients, proxy):
    middle = Issuer(lab.folder / "middle", "Middle", issuer=clients.root)
    leaf = middle.issue("leaf")
    with lab.client(proxy, context=context_with(lab, leaf, [middle.ca])) as client:
        assert client.ask().status == 200
    assert "alert number 48" in s_client_with(proxy, leaf)  # without the one between


def test_an_optional_certificate(lab, clients):
    server = lab.server()
    proxy = lab.proxy(server, sites=[asking(lab, clients.root.ca, mode="optional")])
    assert proxy.curl("/").stdout == b"ok"
    assert proxy.curl("/", "--cert", clients.ada.path, "--key", clients.ada.key).stdout == b"ok"
    assert [message.get(FINGERPRINT) for message in server.requests] == [None, fingerprint(clients.ada)]
    assert "alert number 48" in s_client_with(proxy, clients.foreign)


# ---- Who is refused


def test_no_certificate(lab, clients, proxy):
    """The client takes the handshake for done; the alert comes after it."""
    output = s_client_with(proxy, None)
    assert "alert number 116" in output
    assert "200 OK" not in output
    got = proxy.curl("/", check=False)
    assert got.returncode == 56
    assert b"certificate required" in got.stderr
    with lab.client(proxy, context=client_context(lab.authority.ca)) as client:
        with pytest.raises(ssl.SSLError, match="CERTIFICATE_REQUIRED"):
            client.send(request())
            client.tls.read(1) if client._fill() else None
    proxy.wait_for_metrics(handshakes_failed=3, refused_bad_certificate=3, requests=0)
    proxy.wait_for_log(r"TLS handshake refused: .*\(certificate_required\)")


@pytest.fixture(scope="module")
def refused(clients):
    """Certificates that are refused, and the alerts."""
    root = clients.root
    weak = root.issue("weak", kind="rsa:1024")
    rsa = Issuer(root.folder / "rsa", "Clients of RSA", kind="rsa")
    return {
        "unknown authority": (clients.foreign, 48),
        "self-signed": (Issuer(root.folder / "self", "Self", extensions=CLIENT), 48),
        "expired": (root.issue("expired", since=-30, until=-1), 45),
        "not yet valid": (root.issue("early", since=1, until=30), 45),
        "for servers": (root.issue("server", extensions=SERVER), 43),
        "small key": (weak, 42),
        "SHA-1": (root.issue("sha1", digest="sha1"), 42),
        "of no authority": (clients.ada, None),
        "of another kind": (rsa.issue("rsa", kind="rsa"), 48),
    }


@pytest.mark.parametrize(
    "case", ["unknown authority", "expired", "not yet valid", "for servers", "small key", "SHA-1", "of another kind"]
)
def test_the_alert_says_why(lab, clients, refused, proxy, case):
    certificate, alert = refused[case]
    # What openssl itself would not show or sign with, it does at this level.
    output = s_client_with(proxy, certificate, "-cipher", "DEFAULT@SECLEVEL=0")
    assert f"alert number {alert}" in output
    assert "200 OK" not in output
    proxy.wait_for_metrics(handshakes_failed=1, requests=0)


def test_a_stranger_cannot_make_the_worker_compute(lab):
    """Eight certificates named as the authority: the work is bounded, with a reason in the log."""
    plain = ["basicConstraints=critical,CA:TRUE", "subjectKeyIdentifier=hash"]
    known = Issuer(lab.folder / "known", "Same", kind="ecdsa-p521", extensions=plain)
    strangers = [
        Issuer(lab.folder / f"stranger{i}", "Same", kind="ecdsa-p521", extensions=plain) for i in range(7)
    ]
    leaf = strangers[0].issue("leaf", kind="ecdsa-p521", extensions=["subjectKeyIdentifier=hash"])
    proxy = lab.proxy(lab.server(), sites=[asking(lab, known.ca)])
    chain = joined(lab.folder / "chain.pem", *[stranger.ca for stranger in strangers])
    output = s_client_with(proxy, leaf, "-cert_chain", chain)
    assert "alert number 46" in output
    proxy.wait_for_log(r"refused: .*the client's certificates need too much work to verify \(certificate_unknown\)")
    proxy.wait_for_metrics(refused_bad_certificate=1, requests=0)
    with lab.client(proxy, context=context_with(lab, known.issue("good", kind="ecdsa-p521"))) as client:
        assert client.ask().status == 200


def test_the_revoked(lab, clients):
    root = Issuer(lab.folder / "root", "Root")
    good, bad = root.issue("good"), root.issue("bad")
    root.revoke(bad)
    proxy = lab.proxy(lab.server(), sites=[asking(lab, root.ca, crl=root.crl())])
    assert "HTTP/1.1 200 OK" in s_client_with(proxy, good)
    assert "alert number 44" in s_client_with(proxy, bad)
    # A list that is past its time helps nobody.
    proxy.configure(sites=[asking(lab, root.ca, crl=root.crl(since=-10, until=-1))])
    proxy.reload()
    proxy.wait_for_log(r"warning master.*a list in it expired on .*; clients are refused")
    assert "alert number 46" in s_client_with(proxy, good)
    assert "alert number 44" in s_client_with(proxy, bad)


def test_a_list_that_is_to_expire_is_warned_about_as_a_certificate_is(lab):
    """Lists are renewed often: a fresh one that lives for a day is not worth a warning."""
    root = Issuer(lab.folder / "root", "Root", until=365)
    proxy = lab.proxy(lab.server(), sites=[asking(lab, root.ca, crl=root.crl(since=-0.25, until=0.75))])
    assert proxy.status()["certificates"]["warnings"] == 0
    soon = r"a list in it expires on .* in 2 days"
    assert not re.search(soon, proxy.log())
    proxy.configure(sites=[asking(lab, root.ca, crl=root.crl(since=-7, until=2.5))])
    proxy.reload()
    proxy.wait_for_log(rf"warning master\[\d+\]: \S+:\d+: \S+\.crl: {soon}$")
    assert proxy.status()["certificates"]["warnings"] == 1
    checked = run([proxy.program, "check", "-c", proxy.config])
    assert re.search(soon.encode(), checked.stderr)
    another = lab.proxy(lab.server(), sites=[asking(lab, root.ca, crl=root.crl(since=-7, until=2.5))])
    another.wait_for_log(soon)


def test_a_new_list_is_taken_up_by_itself(lab):
    root = Issuer(lab.folder / "root", "Root")
    ada = root.issue("ada")
    path = lab.folder / "list.crl"
    path.write_bytes(root.crl().read_bytes())
    proxy = lab.proxy(lab.server(), sites=[asking(lab, root.ca, crl=path)], tls={"certificate-watch": "yes"})
    assert "HTTP/1.1 200 OK" in s_client_with(proxy, ada)
    root.revoke(ada)
    path.write_bytes(root.crl().read_bytes())
    wait_for(lambda: "alert number 44" in s_client_with(proxy, ada), "the new list to be in use")


def test_files_that_are_no_good_are_refused_with_their_line(lab, clients):
    stranger_crl = clients.stranger.crl()
    for site, option, said in [
        (asking(lab, clients.ada.path), "client-ca", "it is not the certificate of an authority"),
        (asking(lab, stranger_crl), "client-ca", "line 1: 'X509 CRL' is not a certificate; remove it from this file"),
        (asking(lab, clients.root.ca, crl=stranger_crl), "client-crl", "no authority of client-ca has signed it"),
        (asking(lab, lab.folder / "nowhere"), "client-ca", "No such file or directory"),
    ]:
        proxy = lab.prepare(lab.server(), sites=[site])
        result = run([proxy.program, "check", "-c", proxy.config], check=False)
        assert result.returncode == 2
        line = next(n for n, line in enumerate(proxy.config.read_text().splitlines(), 1) if option in line)
        error = result.stderr.decode()
        assert error.startswith(f"{proxy.config}:{line}: ")
        assert said in error


# ---- What the server behind is told


def test_the_server_is_told_who_it_is(lab, clients):
    server = lab.server()
    proxy = lab.proxy(server, sites=[asking(lab, clients.root.ca)])
    with lab.client(proxy, context=context_with(lab, clients.ada)) as client:
        client.ask()
        client.ask("/x", "POST", body=b"body")
    for message in server.requests:
        assert message.all(SUBJECT) == ["CN=Ada Lovelace,O=Engines\\, Ltd.,C=GB"]
        assert message.all(FINGERPRINT) == [fingerprint(clients.ada)]
    assert [line["tls"]["client_certificate"] for line in proxy.access_log(2)] == [
        "CN=Ada Lovelace,O=Engines\\, Ltd.,C=GB"
    ] * 2


def test_nothing_in_a_subject_breaks_out_of_its_line(lab, clients):
    server = lab.server()
    proxy = lab.proxy(server, sites=[asking(lab, clients.root.ca)])
    evil = clients.root.issue("evil", subject="/CN=x\r\nX-Admin: yes\r\n\r\nGET \\/ /O=\u00c4\u20ac\t\x7f")
    with lab.client(proxy, context=context_with(lab, evil)) as client:
        client.ask()
    [message] = server.requests
    assert message.get("X-Admin") is None
    subject = message.get(SUBJECT)
    assert subject.startswith("O=\\C3\\84\\E2\\82\\AC\\09\\7F")
    assert "CN=x\\0D\\0AX-Admin: yes\\0D\\0A\\0D\\0AGET /\\20" in subject
    assert all(" " <= c <= "~" for c in subject)


def forged():
    for name in OURS:
        for spelling in (name, name.lower(), name.upper(), name.replace("-", "_")):
            yield f"{spelling}: CN=Admin"


def assert_not_forged(message):
    for name, value in message.fields:
        assert "Admin" not in value, name


@pytest.mark.parametrize("shown", [True, False])
def test_no_client_forges_the_fields(lab, clients, shown):
    """On no site, with a certificate or without, also where none is asked for."""
    server = lab.server()
    plain = site_block("plain.test", [lab.authority.certificate("plain.test")])
    proxy = lab.proxy(server, sites=[asking(lab, clients.root.ca, mode="optional"), plain])
    context = context_with(lab, clients.ada if shown else None)
    for name in ("localhost", "plain.test"):
        with lab.client(proxy, context=context, sni=name) as client:
            for line in forged():
                assert client.ask(host=name, fields=[line]).status == 200
            # In a trailer, which some servers merge into the head.
            for line in forged():
                client.send(request("POST", host=name, fields=["Transfer-Encoding: chunked"]))
                client.send(b"1\r\nx\r\n0\r\n" + line.encode() + b"\r\n\r\n")
                if client.response().status != 200:
                    break
    for message in server.requests:
        assert_not_forged(message)
        assert all("Admin" not in value for _, value in getattr(message, "trailers", []) or [])
        expected = [fingerprint(clients.ada)] if shown and message.get("Host") == "localhost" else []
        assert message.all(FINGERPRINT) == expected
        assert message.all("x_client_certificate_fingerprint") == []


@pytest.mark.parametrize("name", OURS)
def test_connection_does_not_take_the_fields_away(lab, clients, name):
    """A client must not have the proxy drop what it says about the client (RFC 9110 7.6.1)."""
    server = lab.server()
    proxy = lab.proxy(server, sites=[asking(lab, clients.root.ca)])
    with lab.client(proxy, context=context_with(lab, clients.ada)) as client:
        answer = client.ask(fields=[f"Connection: keep-alive, {name}"])
        assert answer.status == 400 or server.requests[-1].all(FINGERPRINT) == [fingerprint(clients.ada)]
    assert all(message.all(FINGERPRINT) for message in server.requests)


# ---- No other way in


@pytest.fixture
def two(lab, clients):
    """"open.test" comes first and takes every name; "closed.test" asks for certificates."""
    open_server = lab.server(reply=lambda request: response("open"))
    closed_server = lab.server(reply=lambda request: response("closed"))
    open_site = site_block("open.test", [lab.authority.certificate("open.test")], ["*"], {"/": "open"})
    proxy = lab.proxy(
        sites=[open_site, asking(lab, clients.root.ca, name="closed.test", aliases=["also.test"], backend="closed")],
        backends=[backend_block("open", [open_server]), backend_block("closed", [closed_server])],
    )
    proxy.closed_server = closed_server
    return proxy


@pytest.mark.parametrize("sni", ["open.test", "other.test", None])
@pytest.mark.parametrize("host", ["closed.test", "also.test", "CLOSED.TEST.", "closed.test:443"])
def test_a_site_is_not_reached_over_another_name(lab, clients, two, sni, host):
    """Not without SNI, not over the default site, not over an unknown name, with or without a certificate."""
    context = context_with(lab, clients.ada)
    context.check_hostname = False
    with lab.client(two, context=context, sni=sni) as client:
        assert client.ask(host=host).status == 421
    with lab.client(two, context=context, sni=sni) as client:
        client.send(request(target=f"http://{host}/", host="open.test"))
        assert client.response().status in (400, 421)
    assert two.closed_server.requests == []


def test_a_site_is_reached_over_its_own_names(lab, clients, two):
    for sni, host in [("closed.test", "closed.test"), ("also.test", "also.test"), ("closed.test", "also.test")]:
        with lab.client(two, context=context_with(lab, clients.ada), sni=sni) as client:
            assert client.ask(host=host).body == b"closed"
            assert client.ask(host="open.test").status == 421
    with lab.client(two, context=client_context(lab.authority.ca), sni="closed.test") as client:
        with pytest.raises((ssl.SSLError, ConnectionError)):
            client.send(request(host="closed.test"))
            while client._fill():
                client.tls.read(1)
    assert len(two.closed_server.requests) == 3


def test_http_1_0_without_a_host_reaches_the_site_only_over_its_handshake(lab, clients):
    closed_server, open_server = lab.server(), lab.server()
    open_site = site_block("open.test", [lab.authority.certificate("open.test")], routes={"/": "open"})
    proxy = lab.proxy(
        sites=[asking(lab, clients.root.ca, backend="closed"), open_site],
        backends=[backend_block("closed", [closed_server]), backend_block("open", [open_server])],
    )
    with lab.client(proxy, context=client_context(lab.authority.ca), sni="open.test") as client:
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.response().status == 200
    assert len(open_server.requests) == 1
    context = context_with(lab, clients.ada)
    context.check_hostname = False
    for sni in (None, "unknown.test"):
        with lab.client(proxy, context=context, sni=sni) as client:
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            assert client.response().status == 200
    assert "alert number 116" in proxy.s_client("-ign_eof", "-noservername", input=b"GET / HTTP/1.0\r\n\r\n")
    assert [message.get(FINGERPRINT) for message in closed_server.requests] == [fingerprint(clients.ada)] * 2


def test_there_are_no_tickets_for_such_a_site(lab, clients, two):
    context = context_with(lab, clients.ada)
    with lab.client(two, context=context, sni="closed.test") as client:
        client.ask(host="closed.test")
        assert not client.session.has_ticket
    with lab.client(two, context=context, sni="open.test") as client:
        client.ask(host="open.test")
        session = client.session
        assert session.has_ticket
    with lab.client(two, context=context, sni="open.test", session=session) as client:
        assert client.resumed
    with lab.client(two, context=context, sni="closed.test", session=session) as client:
        assert not client.resumed
        assert client.ask(host="closed.test").body == b"closed"
    bare = client_context(lab.authority.ca)
    with lab.client(two, context=bare, sni="open.test") as client:
        client.ask(host="open.test")
        session = client.session
    output_path = lab.folder / "session.pem"
    two.s_client("-servername", "open.test", "-ign_eof", "-sess_out", output_path, input=request(host="open.test", fields=["Connection: close"]))
    output = two.s_client("-servername", "closed.test", "-ign_eof", "-sess_in", output_path, input=request(host="closed.test"))
    assert "alert number 116" in output
    assert "Reused" not in output


def test_a_ticket_from_before_the_site_asked_is_worth_nothing(lab, clients):
    proxy = lab.proxy(lab.server())
    context = context_with(lab, clients.ada)
    with lab.client(proxy, context=context) as client:
        client.ask()
        session = client.session
        assert session.has_ticket
    proxy.configure(sites=[asking(lab, clients.root.ca)])
    proxy.reload()
    with lab.client(proxy, context=context, session=session) as client:
        assert not client.resumed
        assert client.ask().status == 200


def test_a_connection_from_before_is_not_let_in(lab, clients):
    """What a site asks of its clients counts for every request from the reload on, whatever the connection was."""
    server = lab.server()
    other = Issuer(lab.folder / "other", "Others")
    lists = [clients.root.crl(), clients.root.crl(until=40)]
    proxy = lab.proxy(server)
    steps = [
        asking(lab, clients.root.ca, mode="optional"),
        asking(lab, clients.root.ca),
        asking(lab, clients.root.ca, crl=lists[0]),
        asking(lab, clients.root.ca, crl=lists[1]),
        asking(lab, joined(lab.folder / "both.pem", clients.root.ca, other.ca), crl=lists[1]),
    ]
    for site in steps:
        with lab.client(proxy, context=context_with(lab, clients.ada)) as client:
            assert client.ask().status == 200
            proxy.configure(sites=[site])
            proxy.reload()
            answer = client.ask()
            assert answer.status == 421
            assert answer.get("Connection") == "close"
    with lab.client(proxy, context=context_with(lab, clients.ada)) as client:
        assert client.ask().status == 200
        proxy.reload()  # nothing has changed
        assert client.ask().status == 200


def test_a_site_that_no_longer_asks_says_nothing_about_clients(lab, clients):
    server = lab.server()
    proxy = lab.proxy(server, sites=[asking(lab, clients.root.ca)])
    with lab.client(proxy, context=context_with(lab, clients.ada)) as client:
        client.ask()
        proxy.configure(sites=[site_block("localhost", [lab.authority.certificate("localhost")])])
        proxy.reload()
        assert client.ask().status == 200
    assert [message.get(FINGERPRINT) for message in server.requests] == [fingerprint(clients.ada), None]


def test_what_is_in_flight_is_not_seen_by_the_server(lab, clients, proxy):
    """A client may send its request with its Finished, before it knows that it is refused."""
    output = s_client_with(proxy, clients.foreign)
    assert "alert number 48" in output
    proxy.wait_for_metrics(requests=0, handshakes_failed=1)
