"""Configurations that are accepted, and faults in them that are told with file and line before anything starts."""

import re

import pytest

from ravelin_test.certificates import Certificate
from ravelin_test.processes import run, text
from ravelin_test.proxy import site_block
from ravelin_test.settings import RAVELIN, ROOT

# Line 4 is the certificate, line 6 the server. What is in <> is filled in.
GOOD = """workers = 1
listen 127.0.0.1:<port> {}
site localhost {
  certificate "<certificate>" { key = "<key>" } route / { backend = web }
}
backend web { server 127.0.0.1:9000 {} }
"""


@pytest.fixture
def check(lab):
    """Writes a configuration and runs `ravelin check` on it; returns (exit code, stderr)."""
    certificate = lab.authority.certificate("localhost")
    path = lab.folder / "ravelin.conf"

    def check(config, command="check"):
        config = config.replace("<port>", str(lab.port().number))
        path.write_text(config.replace("<certificate>", str(certificate.path)).replace("<key>", str(certificate.key)))
        result = run([RAVELIN, command, "-c", path], check=False)
        return result.returncode, text(result.stderr)

    return check


def test_the_example_configuration_is_accepted(lab):
    """conf/ravelin.conf as it is, beside development certificates."""
    conf, certificates = lab.subfolder("conf"), lab.subfolder("certs")
    (certificates / "dev").mkdir()
    made = lab.authority.certificate("localhost", "127.0.0.1")
    (certificates / "dev/localhost.pem").write_bytes(made.path.read_bytes())
    (certificates / "dev/localhost.key").write_bytes(made.key.read_bytes())
    (certificates / "dev/localhost.key").chmod(0o600)
    (conf / "ravelin.conf").write_text((ROOT / "conf/ravelin.conf").read_text())
    result = run([RAVELIN, "check", "-c", conf / "ravelin.conf"])
    assert ": ok (" in text(result.stdout)


def test_a_small_configuration_is_accepted(check):
    assert check(GOOD) == (0, "")


def test_paths_are_relative_to_the_file(lab):
    certificate = lab.authority.certificate("localhost")
    folder = lab.subfolder("etc")
    (folder / "c.pem").write_bytes(certificate.path.read_bytes())
    (folder / "c.key").write_bytes(certificate.key.read_bytes())
    (folder / "c.key").chmod(0o600)
    config = GOOD.replace("<certificate>", "c.pem").replace("<key>", "c.key").replace("<port>", "8443")
    (folder / "r.conf").write_text(config)
    assert run([RAVELIN, "check", "-c", "r.conf"], check=False).returncode == 2  # there is none in this folder
    run(["sh", "-c", 'cd "$1" && exec "$0" check -c etc/r.conf', RAVELIN, lab.folder])


# What is put in place of what, the line it is on then, and what the message must name.
FAULTS = {
    "unknown option": ("workers = 1", "wrokers = 1", 1, ["wrokers", "workers"]),
    "unknown option inside": ("9000 {}", "9000 { wieght = 1 }", 6, ["wieght", "weight"]),
    "unknown section": ("backend web {", "backnd web {", 6, ["backnd", "backend"]),
    "a word for a number": ("workers = 1", "workers = many", 1, ["many"]),
    "a number out of range": ("workers = 1", "workers = 0", 1, ["workers"]),
    "an unknown protocol": ("<port> {}", "<port> { protocol = http }", 2, ["http", "https"]),
    "no unit": ("backend web {", "backend web { connect-timeout = 5", 6, ["connect-timeout"]),
    "a wrong unit": ("backend web {", "backend web { connect-timeout = 5x", 6, ["5x"]),
    "too long a ticket lifetime": ("workers = 1", "tls { ticket-lifetime = 25h }", 1, ["ticket-lifetime"]),
    "no older TLS": ("workers = 1", 'tls { min-version = "1.2" }', 1, ["min-version"]),
    "a bad address": ("127.0.0.1:<port>", "127.0.0.1", 2, ["127.0.0.1"]),
    "a bad port": ("127.0.0.1:<port>", "127.0.0.1:70000", 2, ["70000"]),
    "a bad server": ("127.0.0.1:9000", "-x-:9000", 6, ["-x-"]),
    "a bad host name": ("site localhost", 'site "a b"', 3, ["a b"]),
    "a bad route": ("route / ", "route app ", 4, ["app"]),
    "an unknown backend": ("backend = web", "backend = wbe", 4, ["wbe", "web"]),
    "no server": ("server 127.0.0.1:9000 {}", "", 6, ["server"]),
    "no certificate": ('certificate "<certificate>" { key = "<key>" }', "", 3, ["certificate"]),
    "no key": (' key = "<key>" ', "", 4, ["key"]),
    "a missing certificate file": ("<certificate>", "missing.pem", 4, ["missing.pem"]),
    "a missing key file": ("<key>", "missing.key", 4, ["missing.key"]),
    "a key as certificate": ("<certificate>", "<key>", 4, ["key"]),
    "a certificate as key": ("<key>", "<certificate>", 4, ["key"]),
    "the same address twice": ("site localhost", "listen 127.0.0.1:<port> {}\nsite localhost", 3, ["127.0.0.1"]),
    "the same backend twice": ("backend web {", "backend web { server 127.0.0.1:1 {} }\nbackend web {", 7, ["web"]),
    "a missing brace": ("{ server 127.0.0.1:9000 {} }", "{ server 127.0.0.1:9000 {}", None, []),
    "a stray brace": ("{} }", "{} } }", 6, []),
    "no equals sign": ("workers = 1", "workers 1", 1, []),
    "an option of a later version": ("9000 {} }", "9000 {} cache /assets { lifetime = 5s } }", 6, ["cache"]),
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("old, new, line, named", FAULTS.values(), ids=FAULTS.keys())
def test_faults_are_told_with_their_line(check, old, new, line, named, command):
    assert old in GOOD
    status, errors = check(GOOD.replace(old, new), command)
    assert status == 2, errors
    assert re.search(rf"ravelin\.conf:{line or '[0-9]+'}: ", errors), errors
    for word in named:
        assert word in errors


def test_a_configuration_without_listeners(check):
    status, errors = check(GOOD.replace("listen 127.0.0.1:<port> {}", ""))
    assert status == 2 and "listen" in errors


def test_all_faults_are_told_at_once(check):
    config = GOOD.replace("<certificate>", "missing.pem").replace("<key>", "missing.key")
    status, errors = check(config)
    assert status == 2
    assert "missing.pem" in errors and "missing.key" in errors


def test_a_key_of_another_certificate(lab):
    ours, other = lab.authority.certificate("localhost"), lab.authority.certificate("other.test")
    mixed = Certificate(ours.path, other.key)
    proxy = lab.prepare("127.0.0.1:9000", sites=[site_block("localhost", [mixed])])
    result = proxy.command("check", check=False)
    assert result.returncode == 2
    assert re.search(r"ravelin\.conf:\d+: ", text(result.stderr)), text(result.stderr)
    assert str(other.key) in text(result.stderr)


@pytest.mark.parametrize("mode", [0o644, 0o666, 0o620])
def test_a_key_that_others_may_touch(lab, mode):
    certificate = lab.authority.certificate("localhost")
    key = lab.folder / "open.key"
    key.write_bytes(certificate.key.read_bytes())
    key.chmod(mode)
    proxy = lab.prepare("127.0.0.1:9000", sites=[site_block("localhost", [Certificate(certificate.path, key)])])
    result = proxy.command("check", check=False)
    assert result.returncode == 2
    assert str(key) in text(result.stderr)


def test_keys_that_only_their_folder_protects(lab):
    """As container platforms mount secrets: there is one warning for all keys of the place."""
    secrets = lab.subfolder("secrets")
    secrets.chmod(0o700)
    sites = []
    for name in ("localhost", "a.test"):
        made = lab.authority.certificate(name)
        key = secrets / f"{name}.key"
        key.write_bytes(made.key.read_bytes())
        key.chmod(0o444)
        sites.append(site_block(name, [Certificate(made.path, key)]))
    proxy = lab.proxy(lab.server(), sites=sites)
    said = f"world-readable (mode 0444); only the folder '{secrets}' protects it"
    assert proxy.log().count(said) == 1
    assert text(proxy.command("check").stderr).count(said) == 1
    proxy.reload()
    proxy.wait_for_log(rf"(?s){re.escape(said)}.*{re.escape(said)}")
    secrets.chmod(0o755)
    result = proxy.command("check", check=False)
    assert result.returncode == 2
    for way in ("chmod 0600", "mode: 0400", "defaultMode: 0400"):
        assert text(result.stderr).count(way) == 2


def test_weak_keys_are_refused(lab):
    """RSA under 2048 bits is no key."""
    path, key = lab.folder / "weak.pem", lab.folder / "weak.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-days", "30", "-subj", "/CN=localhost"]
    run([*command, "-keyout", key, "-out", path])
    key.chmod(0o600)
    proxy = lab.prepare("127.0.0.1:9000", sites=[site_block("localhost", [Certificate(path, key)])])
    result = proxy.command("check", check=False)
    assert result.returncode == 2
    assert re.search(r"ravelin\.conf:\d+: ", text(result.stderr)), text(result.stderr)


def test_a_missing_configuration(lab):
    result = run([RAVELIN, "check", "-c", lab.folder / "nowhere.conf"], check=False)
    assert result.returncode == 2
    assert "nowhere.conf" in text(result.stderr)


def test_an_address_in_use_is_named(lab):
    server = lab.server()
    proxy = lab.prepare(server)
    proxy.write_config(proxy.config_text().replace(f"127.0.0.1:{proxy.port}", server.address))
    result = proxy.command("run", check=False)
    assert result.returncode == 1
    assert server.address in text(result.stderr)
    assert re.search(r"ravelin\.conf:\d+: ", text(result.stderr))


@pytest.mark.parametrize("arguments", [[], ["frobnicate"], ["check"], ["run", "-x"], ["check", "-c"]])
def test_bad_usage(arguments):
    result = run([RAVELIN, *arguments], check=False)
    assert result.returncode == 2
    assert result.stderr


def test_version_tells_what_can_be_negotiated():
    output = text(run([RAVELIN, "version"]).stdout)
    assert "X25519MLKEM768" in output
    for suite in ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"):
        assert suite in output
    assert "wolfSSL" in output


def test_the_reference_names_every_option_of_the_example():
    output = text(run([RAVELIN, "help", "config"]).stdout)
    example = (ROOT / "conf/ravelin.conf").read_text()
    for name in set(re.findall(r"^[^#\n]*?([a-z-]+)\s*=", example, re.MULTILINE)):
        assert name in output, name
