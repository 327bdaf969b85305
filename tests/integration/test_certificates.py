"""Which certificate a client is shown, and which site answers it."""

import base64
import itertools
import re
import time

import pytest

from ravelin_test import s_client
from ravelin_test.certificates import Certificate
from ravelin_test.folders import new_folder, remove_folder
from ravelin_test.http import request, response
from ravelin_test.issuing import AUTHORITY, SERVER, Issuer, joined
from ravelin_test.processes import run
from ravelin_test.proxy import backend_block, block, site_block


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
    assert s_client.subject(output) == "CN=a.test"
    assert "Verify return code: 0" in output


@pytest.mark.parametrize("name", ["c.test", "xb.test"])
def test_an_unknown_name_gets_the_first_site(lab, two_sites, name):
    output = two_sites.s_client("-servername", name, input=b"")
    assert s_client.subject(output) == "CN=a.test"


def test_an_unknown_name_is_refused_where_that_is_asked_for(lab, two_sites):
    two_sites.configure(tls={"unknown-server-name": "refuse"})
    two_sites.reload()
    for count, name in enumerate(["c.test", "xb.test", "com"], 1):
        output = two_sites.s_client("-servername", name, input=b"")
        assert "alert number 112" in output
        assert "BEGIN CERTIFICATE" not in output
        two_sites.wait_for_metrics(handshakes_failed=count, refused_unknown_name=count)
    two_sites.wait_for_log("handshake.*unknown server name")
    assert [line["ended"] for line in two_sites.access_log(3)] == ["unknown server name"] * 3
    # A client that names nobody is no such client.
    assert s_client.subject(two_sites.s_client("-noservername", input=b"")) == "CN=a.test"
    for name in ("a.test", "x.a.test", "B.TEST"):
        with lab.client(two_sites, sni=name) as client:
            assert client.ask(host=name).status == 200


def test_no_name_is_unknown_where_a_site_takes_all(lab):
    sites = [site_block(name, [lab.authority.certificate(name)], aliases) for name, aliases in (("a.test", []), ("c.test", ["*"]))]
    proxy = lab.proxy(lab.server(), sites=sites, tls={"unknown-server-name": "refuse"})
    assert s_client.subject(proxy.s_client("-servername", "d.test", input=b"")) == "CN=c.test"


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
    assert s_client.signature(output) == kind
    assert "Verify return code: 0" in output


@pytest.mark.parametrize(
    "kind, shown",
    [("ed25519", "ed25519"), ("rsa", "RSA-PSS"), ("ecdsa-p384", "ECDSA"), ("ecdsa", "ECDSA")],
)
def test_every_kind_of_key_signs(lab, kind, shown):
    certificate = lab.authority.certificate("localhost", kind=kind)
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [certificate])])
    output = proxy.s_client("-ign_eof", input=request(fields=["Connection: close"]))
    assert s_client.signature(output) == shown
    assert "Verify return code: 0" in output
    assert "HTTP/1.1 200 OK" in output


def test_a_client_that_can_verify_none_of_the_certificates_gets_alert_40(lab):
    certificate = lab.authority.certificate("localhost", kind="ed25519")
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [certificate])])
    assert "alert number 40" in proxy.s_client("-sigalgs", "ecdsa_secp256r1_sha256")


# ---- Chains


@pytest.fixture(scope="module")
def authorities():
    """A root and an authority below it."""
    folder = new_folder("authorities")
    root = Issuer(folder / "root", "Root", kind="ecdsa-p384")
    yield root, Issuer(folder / "middle", "Middle", issuer=root)
    remove_folder(folder)


@pytest.fixture(scope="module")
def leaf(authorities):
    return authorities[1].issue("localhost", extensions=SERVER, names=["DNS:localhost"])


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_the_chain_is_sent_whole_and_in_order_however_the_file_has_it(lab, authorities, leaf, order):
    root, middle = authorities
    files = [leaf.path, middle.ca, root.ca]
    chain = Certificate(joined(lab.folder / "chain.pem", *(files[i] for i in order)), leaf.key)
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [chain])])
    output = proxy.s_client("-showcerts", "-CAfile", root.ca, input=request(fields=["Connection: close"]))
    assert s_client.chain(output) == ["CN=localhost", "CN=Middle", "CN=Root"]
    assert "Verify return code: 0" in output


def test_gnutls_and_curl_take_a_chain_put_in_order(lab, authorities, leaf):
    root, middle = authorities
    chain = Certificate(joined(lab.folder / "chain.pem", middle.ca, leaf.path), leaf.key)
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [chain])])
    result = run(
        ["gnutls-cli", "--x509cafile", root.ca, "-p", proxy.port, "localhost"],
        input=request(fields=["Connection: close"]),
    )
    assert b"Status: The certificate is trusted" in result.stdout
    assert b"HTTP/1.1 200 OK" in result.stdout
    assert run(["curl", "-sS", "--cacert", root.ca, proxy.url()]).stdout == b"ok"


def refusal(lab, certificate):
    """What `ravelin check` says about a site with this certificate; and that nothing is started with it."""
    proxy = lab.prepare(lab.server(), sites=[site_block("localhost", [certificate])])
    for command in ("check", "run"):
        result = run([proxy.program, command, "-c", proxy.config], check=False)
        assert result.returncode == 2
    line = next(n for n, line in enumerate(proxy.config.read_text().splitlines(), 1) if "certificate" in line)
    start = f"{proxy.config}:{line}: {certificate.path}: "
    error = result.stderr.decode().strip()
    assert error.startswith(start)
    return error.removeprefix(start)


def test_what_is_no_chain_is_refused(lab, authorities, leaf):
    root, middle = authorities
    path = lab.folder / "chain.pem"
    gap = Certificate(joined(path, leaf.path, root.ca), leaf.key)
    assert "certificate 2 (CN=Root) does not belong" in refusal(lab, gap)
    twice = Certificate(joined(path, leaf.path, middle.ca, middle.ca), leaf.key)
    assert refusal(lab, twice) == "certificate 3 (CN=Middle) is certificate 2 again"
    stranger = Certificate(joined(path, leaf.path, lab.authority.ca), leaf.key)
    assert "certificate 2 (CN=Ravelin test CA) does not belong" in refusal(lab, stranger)


@pytest.mark.parametrize("digest", ["sha1", "md5"])
def test_weak_signatures_are_refused(lab, authorities, digest):
    root, _ = authorities
    issuer = Issuer(lab.folder / "rsa", "RSA", kind="rsa")
    weak = issuer.issue("localhost", extensions=SERVER, names=["DNS:localhost"], digest=digest)
    said = refusal(lab, weak)
    assert said == f"certificate 1 (CN=localhost): it is signed with {dict(sha1='SHA-1', md5='MD5')[digest]}"


def test_weak_keys_are_refused_anywhere_in_the_chain(lab):
    weak = Issuer(lab.folder / "weak", "Weak", kind="rsa:1024")
    leaf = weak.issue("localhost", extensions=SERVER, names=["DNS:localhost"])
    chain = Certificate(joined(lab.folder / "chain.pem", leaf.path, weak.ca), leaf.key)
    said = refusal(lab, chain)
    assert said == "certificate 2 (CN=Weak): its RSA key has 1024 bits, and 2048 to 4096 are allowed"


# ---- Dates and names


def test_an_expired_certificate_is_served_with_a_warning(lab, authorities):
    root, _ = authorities
    old = root.issue("localhost", extensions=SERVER, names=["DNS:localhost"], since=-30, until=-3)
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [old])])
    proxy.wait_for_log(rf"warning master\[\d+\]: \S+:\d+: {old.path}: it expired on .* GMT, 3 days ago")
    output = proxy.s_client("-ign_eof", "-CAfile", root.ca, input=request(fields=["Connection: close"]))
    assert "certificate has expired" in output
    assert "HTTP/1.1 200 OK" in output
    checked = run([proxy.program, "check", "-c", proxy.config])
    assert b"it expired on" in checked.stderr
    assert b": ok (" in checked.stdout


def test_what_is_to_expire_is_said_at_start_and_at_each_reload_by_the_master_alone(lab, authorities):
    root, _ = authorities
    soon = root.issue("localhost", extensions=SERVER, names=["DNS:localhost"], since=-60, until=20.5)
    later = root.issue("a.test", extensions=SERVER, names=["DNS:a.test"], since=-60, until=22)
    sites = [site_block("localhost", [soon]), site_block("a.test", [later])]
    proxy = lab.proxy(lab.server(), sites=sites, workers=2)
    said = r"(\S+ \S+)\[\d+\]: \S+:\d+: \S+: it expires on .* in 20 days"
    assert re.findall(said, proxy.log()) == ["warning master"]
    proxy.reload()
    proxy.wait_for_log(r"(?s)in 20 days.*in 20 days")
    assert re.findall(said, proxy.log()) == ["warning master"] * 2


def test_the_status_says_which_expires_first(lab, authorities):
    root, _ = authorities
    dates = {"localhost": 25, "a.test": 3, "b.test": 100}
    made = {
        name: root.issue(name, extensions=SERVER, names=[f"DNS:{name}"], since=-50, until=days)
        for name, days in dates.items()
    }
    proxy = lab.proxy(lab.server(), sites=[site_block(name, [certificate]) for name, certificate in made.items()])
    told = proxy.status()["certificates"]
    assert told["count"] == 3
    assert told["warnings"] == 1
    assert [(entry["site"], entry["file"]) for entry in told["next"]] == [
        (name, str(made[name].path)) for name in ("a.test", "localhost", "b.test")
    ]
    assert told["first_expires"] == told["next"][0]["expires"]
    for entry in told["next"]:
        assert abs(entry["expires"] - time.time() - dates[entry["site"]] * 86400) < 600
    proxy.configure(sites=[site_block("b.test", [made["b.test"]])])
    proxy.reload()
    told = proxy.status()["certificates"]
    assert told["count"] == 1
    assert told["warnings"] == 0
    assert told["first_expires"] > time.time() + 99 * 86400


def test_a_certificate_that_does_not_name_its_site_is_served_with_a_warning(lab, authorities):
    root, _ = authorities
    other = root.issue("other", extensions=SERVER, names=["DNS:other.test"])
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [other])])
    proxy.wait_for_log(r"warning master\[\d+\]: validator: \S+:\d+: site 'localhost': no certificate covers the host name 'localhost'")
    assert "HTTP/1.1 200 OK" in proxy.s_client("-quiet", input=request(fields=["Connection: close"]))


# ---- OCSP responses


def stapling(certificate, ocsp):
    section = block("certificate", f'"{certificate.path}"', {"key": f'"{certificate.key}"', "ocsp": f'"{ocsp}"'})
    return block("site", "localhost", inner=[section, block("route", "/", {"backend": "web"})])


def with_issuer(lab, certificate, issuer):
    path = lab.folder / f"chain-{certificate.path.name}"
    return Certificate(joined(path, certificate.path, issuer.ca), certificate.key)


@pytest.fixture
def stapled(lab, authorities):
    """A certificate of an authority, with the authority's behind it, and the authority."""
    root, _ = authorities
    return with_issuer(lab, root.issue("localhost", extensions=SERVER, names=["DNS:localhost"]), root), root


def asked_for_status(proxy, root):
    return proxy.s_client("-status", "-CAfile", root.ca, input=request(fields=["Connection: close"]))


@pytest.mark.parametrize("form", ["DER", "PEM"])
@pytest.mark.parametrize("digest", ["-sha1", "-sha256"])
def test_an_ocsp_response_is_stapled_when_a_client_asks_for_it(lab, stapled, form, digest):
    certificate, root = stapled
    ocsp = root.ocsp(certificate, digest=digest)
    if form == "PEM":
        text = base64.encodebytes(ocsp.read_bytes()).decode()
        ocsp = lab.folder / "response.pem"
        ocsp.write_text(f"-----BEGIN OCSP RESPONSE-----\n{text}-----END OCSP RESPONSE-----\n")
    proxy = lab.proxy(lab.server(), sites=[stapling(certificate, ocsp)])
    output = asked_for_status(proxy, root)
    assert "OCSP Response Status: successful" in output
    assert "Cert Status: good" in output
    assert "Verify return code: 0" in output
    output = proxy.s_client("-CAfile", root.ca, input=request(fields=["Connection: close"]))
    assert "OCSP response" not in output
    assert "Verify return code: 0" in output


def test_gnutls_verifies_the_stapled_response(lab, stapled):
    certificate, root = stapled
    proxy = lab.proxy(lab.server(), sites=[stapling(certificate, root.ocsp(certificate))])
    arguments = ["gnutls-cli", "--x509cafile", root.ca, "-p", proxy.port, "--verbose", "localhost"]
    result = run(arguments, input=request(fields=["Connection: close"]))
    assert b"Options: OCSP status request" in result.stdout or b"OCSP status request" in result.stdout
    assert b"Status: The certificate is trusted" in result.stdout
    assert b"HTTP/1.1 200 OK" in result.stdout
    root.revoke(certificate)
    proxy.configure(sites=[stapling(certificate, root.ocsp(certificate))])
    proxy.reload()
    result = run(arguments, input=b"", check=False)
    assert b"revoked" in result.stdout + result.stderr
    proxy.wait_for_log("warning master.*: validator: .*it says that the certificate is revoked")


def test_a_response_is_taken_anew_by_a_reload_and_left_out_when_it_is_over(lab, stapled):
    certificate, root = stapled
    ocsp = lab.folder / "response"
    ocsp.write_bytes(root.ocsp(certificate, days=2).read_bytes())
    proxy = lab.proxy(lab.server(), sites=[stapling(certificate, ocsp)])
    first = re.search("Next Update: .*", asked_for_status(proxy, root)).group()
    ocsp.write_bytes(root.ocsp(certificate, days=5).read_bytes())
    assert re.search("Next Update: .*", asked_for_status(proxy, root)).group() == first
    proxy.reload()
    assert re.search("Next Update: .*", asked_for_status(proxy, root)).group() != first
    ocsp.write_bytes(root.ocsp(certificate, over=True).read_bytes())
    proxy.reload()
    output = asked_for_status(proxy, root)
    assert "OCSP response: no response sent" in output
    assert "Verify return code: 0" in output
    proxy.wait_for_log(rf"warning master\[\d+\]: \S+:\d+: {ocsp}: it expired on .*; it is not stapled")


def test_what_is_no_useful_response_is_refused(lab, stapled):
    certificate, root = stapled
    other = root.issue("other", extensions=SERVER)
    path = lab.folder / "response"
    for content, said in [
        (root.ocsp(other).read_bytes(), "it is about another certificate"),
        (bytes.fromhex("30030a0103"), "it says tryLater, not successful"),
        (bytes.fromhex("30030a0104"), "it has a status that RFC 6960 does not define"),
        (root.ocsp(certificate).read_bytes()[:-1], "the OCSP response is cut short, or its DER is damaged"),
        (certificate.path.read_bytes(), "line 1: 'CERTIFICATE' is not an OCSP RESPONSE; remove it from this file"),
        (b"text", "no OCSP response in it, neither DER nor PEM"),
        (root.ocsp(certificate).read_bytes() + b"0" * 16384, "larger than 16 KiB"),
        (root.ocsp(certificate, changed=True).read_bytes(), "its signature is wrong, or not by the issuer of the certificate"),
    ]:
        path.write_bytes(content)
        proxy = lab.prepare(lab.server(), sites=[stapling(certificate, path)])
        result = run([proxy.program, "check", "-c", proxy.config], check=False)
        assert result.returncode == 2
        line = next(n for n, line in enumerate(proxy.config.read_text().splitlines(), 1) if "ocsp" in line)
        assert result.stderr.decode() == f"{proxy.config}:{line}: {path}: {said}\n"


RESPONDER = ["basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature", "extendedKeyUsage=OCSPSigning"]
STRANGER = "it is signed neither by the issuer of the certificate nor by one with a certificate of that issuer"
NO_RIGHT = "the certificate of its signer is not for signing OCSP responses (id-kp-OCSPSigning)"


def test_a_response_of_a_delegated_responder_is_stapled(lab, stapled):
    certificate, root = stapled
    responder = root.issue("responder", extensions=RESPONDER)
    proxy = lab.proxy(lab.server(), sites=[stapling(certificate, root.ocsp(certificate, signer=responder))])
    output = asked_for_status(proxy, root)
    assert "Cert Status: good" in output
    assert "Verify return code: 0" in output


@pytest.mark.parametrize("who", ["the authority below", "a responder of the authority below", "a server"])
def test_a_response_of_another_signer_is_refused(lab, authorities, stapled, who):
    """At a start, and at a reload: the former one is stapled further then."""
    certificate, root = stapled
    _, middle = authorities
    signer, said = {
        "the authority below": (Certificate(middle.ca, middle.key), NO_RIGHT),
        "a responder of the authority below": (middle.issue("responder", extensions=RESPONDER), STRANGER),
        "a server": (root.issue("server", extensions=SERVER), NO_RIGHT),
    }[who]
    path = lab.folder / "response"
    path.write_bytes(root.ocsp(certificate).read_bytes())
    proxy = lab.proxy(lab.server(), sites=[stapling(certificate, path)], allow=[re.escape(said), "reload failed"])
    path.write_bytes(root.ocsp(certificate, signer=signer).read_bytes())
    result = proxy.command("reload", check=False)
    assert result.returncode == 2
    assert f"{path}: {said}" in result.stderr.decode()
    proxy.wait_for_log(rf"error master\[\d+\]: validator: {proxy.config}:\d+: {path}: {re.escape(said)}$")
    assert "Cert Status: good" in asked_for_status(proxy, root)
    result = run([proxy.program, "check", "-c", proxy.config], check=False)
    assert result.returncode == 2
    assert f"{path}: {said}" in result.stderr.decode()


def test_a_response_needs_the_certificate_of_the_issuer(lab, authorities):
    root, _ = authorities
    certificate = root.issue("localhost", extensions=SERVER, names=["DNS:localhost"])
    response = root.ocsp(certificate)
    proxy = lab.prepare(lab.server(), sites=[stapling(certificate, response)])
    result = run([proxy.program, "check", "-c", proxy.config], check=False)
    assert result.returncode == 2
    said = "it cannot be verified without the certificate of the issuer; add that to"
    assert f"{response}: {said} {certificate.path}" in result.stderr.decode()


def test_each_certificate_has_a_response_of_its_own(lab, authorities):
    root, _ = authorities
    kinds = ("ecdsa", "rsa")
    certificates = [
        with_issuer(lab, root.issue("localhost", extensions=SERVER, names=["DNS:localhost"], kind=kind), root)
        for kind in kinds
    ]
    sections = [
        block("certificate", f'"{certificates[0].path}"', {"key": f'"{certificates[0].key}"'}),
        block("certificate", f'"{certificates[1].path}"', {
            "key": f'"{certificates[1].key}"', "ocsp": f'"{root.ocsp(certificates[1])}"',
        }),
        block("route", "/", {"backend": "web"}),
    ]
    proxy = lab.proxy(lab.server(), sites=[block("site", "localhost", inner=sections)])
    output = proxy.s_client("-status", "-sigalgs", "rsa_pss_rsae_sha256", "-CAfile", root.ca)
    assert "Cert Status: good" in output
    output = proxy.s_client("-status", "-sigalgs", "ecdsa_secp256r1_sha256", "-CAfile", root.ca)
    assert "OCSP response: no response sent" in output
    assert "Verify return code: 0" in output


@pytest.mark.parametrize("with_file", [False, True])
def test_nobody_is_asked_for_a_response(lab, authorities, with_file):
    """The library could fetch one from the address in the certificate."""
    root, _ = authorities
    responder = lab.server()
    extensions = [*SERVER, f"authorityInfoAccess=OCSP;URI:http://{responder.address}/"]
    certificate = with_issuer(lab, root.issue("localhost", extensions=extensions, names=["DNS:localhost"]), root)
    site = stapling(certificate, root.ocsp(certificate)) if with_file else site_block("localhost", [certificate])
    proxy = lab.proxy(lab.server(), sites=[site])
    assert ("Cert Status: good" in asked_for_status(proxy, root)) == with_file
    assert responder.connections == []


# ---- What else a file of certificates may hold


@pytest.mark.parametrize("change, said", [
    (lambda leaf, middle: "\ufeff" + leaf + "\ufeff" + middle, None),
    (lambda leaf, middle: leaf + middle.replace(" CERTIFICATE", " TRUSTED CERTIFICATE"), None),
    (lambda leaf, middle: leaf + middle.replace(" CERTIFICATE", " X509 CERTIFICATE"), None),
    (lambda leaf, middle: (leaf + "Issuer: front-end\n" + middle).replace("\n", "\r\n"), None),
    (lambda leaf, middle: leaf + middle.replace("-----BEGIN", "----BEGIN"), "is not a whole boundary line"),
    (lambda leaf, middle: leaf.rstrip() + middle, "is not a whole boundary line"),
    (lambda leaf, middle: leaf + middle.replace("-----BEGIN CERTIFICATE-----\n", ""), "base64 outside of a block"),
    (lambda leaf, middle: leaf + middle.replace("-----END CERTIFICATE-----\n", ""), "without its END"),
    (lambda leaf, middle: leaf + middle.replace(" CERTIFICATE", " PUBLIC KEY"), "'PUBLIC KEY' is not a certificate"),
])
def test_no_block_of_a_chain_is_passed_over(lab, authorities, change, said):
    root, middle = authorities
    certificate = middle.issue("localhost", extensions=SERVER, names=["DNS:localhost"])
    text = change(certificate.path.read_text(), middle.ca.read_text())
    certificate.path.write_bytes(text.encode())
    if said is None:
        proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [certificate])])
        assert "Verify return code: 0" in proxy.s_client("-CAfile", root.ca)
    else:
        proxy = lab.prepare(lab.server(), sites=[site_block("localhost", [certificate])])
        result = run([proxy.program, "check", "-c", proxy.config], check=False)
        assert result.returncode == 2
        assert f"{certificate.path}: line " in result.stderr.decode()
        assert said in result.stderr.decode()
