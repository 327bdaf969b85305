"""`certificate acme {}`: Ravelin orders certificates by itself, from pebble, and from authorities that do not work."""

import http.server
import os
import re
import shutil
import signal
import ssl
import threading
import time
from pathlib import Path

import pytest

from ravelin_test import memory
from ravelin_test.intruder import Intruder, needs_intruder
from ravelin_test.pebble import AVAILABLE, Pebble
from ravelin_test.processes import Process, children_of, exists, run, text
from ravelin_test.proxy import backend_block, block, site_block
from ravelin_test.settings import PATIENCE, SANITIZED
from ravelin_test.waiting import stays, wait_for

pytestmark = pytest.mark.skipif(not AVAILABLE or not shutil.which("lego"), reason="needs the packages pebble and lego")

OWN = "Ravelin: no certificate yet"
LONG = 4 * PATIENCE


class Host:
    """A proxy that orders its certificates, and the authority."""

    def __init__(self, lab, names=("a.example.test",), authority=None, **options):
        self.lab = lab
        self.names = names
        self.server = lab.server()
        options.setdefault("workers_may_die", True)
        self.proxy = lab.prepare(self.server, redirect=True, **options)
        self.folder = lab.folder / "acme"
        self.authority = authority
        self.ca = lab.authority.ca
        self.write()

    def pebble(self, **options):
        folder = self.lab.subfolder(f"pebble{len(list(self.lab.folder.glob('pebble*')))}")
        self.authority = self.lab.keep_server(Pebble(folder, self.lab.authority, self.proxy.redirect_port, **options))
        self.root = self.authority.write_root(folder / "root.pem")
        self.write()
        return self

    def config_text(self, names=None, more="", acme=""):
        directory = getattr(self.authority, "directory", "https://127.0.0.1:9/dir")
        trust = f'ca = "{self.ca}"' if self.ca else ""
        acme = f'acme {{ email = you@example.com agree = yes directory = "{directory}" folder = "{self.folder}" {trust} {acme} }}'
        listen = block("listen", f"127.0.0.1:{self.proxy.redirect_port}", {"protocol": "redirect"})
        aliases = ", ".join(f'"{name}"' for name in (names or self.names)[1:])
        site = block(
            "site",
            (names or self.names)[0],
            {"aliases": "{" + aliases + "}"} if aliases else {},
            [block("certificate", "acme"), block("route", "/", {"backend": "web"})],
        )
        top = f'workers = 1\naccess-log = "{self.proxy.access_path}"'
        parts = [top, acme, listen, block("listen", f"127.0.0.1:{self.proxy.port}"), site, more]
        return "\n".join([*parts, backend_block("web", [self.server])]) + "\n"

    def write(self, names=None, more="", acme=""):
        self.proxy.write_config(self.config_text(names, more, acme))

    def start(self):
        self.proxy.start()
        return self

    def start_again(self):
        """After stop(). The log goes on, so one line of it is not enough."""
        before = self.proxy.log().count("ravelin: ready")
        self.proxy.start()
        wait_for(lambda: self.proxy.log().count("ravelin: ready") > before, "the proxy to be ready again", LONG)

    def certificate(self, name, *options):
        """(issuer, serial) of what a client gets."""
        there = ["-connect", f"127.0.0.1:{self.proxy.port}", "-servername", name]
        shown = run(["openssl", "s_client", *there, *options], input=b"", check=False).stdout
        described = text(run(["openssl", "x509", "-noout", "-issuer", "-serial"], input=shown).stdout)
        return re.search(r"issuer=(.*)\nserial=(\w+)", described).groups()

    def has_real(self, name):
        return "Pebble" in self.certificate(name)[0]

    def wait_for_real(self, name):
        wait_for(lambda: self.has_real(name), f"a certificate for {name}", LONG)

    def wait_for_log(self, pattern):
        return wait_for(lambda: re.search(pattern, self.proxy.log()), f"{pattern!r} in the log", LONG)

    def curl(self, name):
        there = f"{name}:443:127.0.0.1:{self.proxy.port}"
        return run(["curl", "-sS", "--cacert", self.root, "--connect-to", there, f"https://{name}/"]).stdout

    def pid(self):
        [child] = self.proxy.status()["acmes"]
        return child["pid"]


def lego_pids(pid):
    """The clients that a process runs."""
    return [child for child in children_of(pid) if Path(f"/proc/{child}/comm").read_text().strip() == "lego"]


# --- From nothing to a certificate ---


def test_the_first_start(lab):
    """The site answers at once, with a certificate of Ravelin's own; then there is one that curl verifies."""
    host = Host(lab, ("a.example.test", "b.example.test")).pebble()
    checked = host.proxy.command("check")
    assert b"2 certificates" in checked.stdout
    host.start()
    assert OWN in host.certificate("a.example.test")[0]
    host.wait_for_log(r"info acme.*ordering a certificate for a.example.test from https://localhost:\d+/dir\n")
    for name in host.names:
        host.wait_for_real(name)
        assert host.curl(name) == b"ok"
        host.wait_for_log(rf"info acme.*certificate for {name} received: valid until \d{{4}}-")
    assert host.certificate("a.example.test") != host.certificate("b.example.test")
    modes = {path.name: path.stat().st_mode & 0o7777 for path in (host.folder / "keys").iterdir()}
    assert modes == {f"{name}{ending}": 0o600 for name in host.names for ending in (".key", ".pem")}
    assert (host.folder / "keys").stat().st_mode & 0o7777 == 0o700


def test_a_restart_uses_what_is_there(lab):
    host = Host(lab).pebble().start()
    host.wait_for_real("a.example.test")
    before = host.certificate("a.example.test")
    host.proxy.stop()
    host.authority.close()
    host.start_again()
    assert host.certificate("a.example.test") == before
    orders = host.proxy.log().count("ordering a certificate")
    assert stays(lambda: host.proxy.log().count("ordering a certificate") == orders, "nothing is ordered", 1) is None


def test_a_renewal(lab):
    """At two thirds of the term."""
    host = Host(lab).pebble(certificateValidityPeriod=30).start()
    host.wait_for_real("a.example.test")
    first = host.certificate("a.example.test")
    wait_for(lambda: host.certificate("a.example.test") != first, "the renewed certificate", LONG)
    assert host.has_real("a.example.test")
    assert host.curl("a.example.test") == b"ok"


def metric(address, name):
    found = text(run(["curl", "-sS", f"http://{address}/metrics"]).stdout)
    return [float(value) for value in re.findall(rf"^ravelin_{name}(?:\{{[^}}]*\}})? (\S+)$", found, re.MULTILINE)]


def test_a_renewal_that_fails(lab):
    """The error log, the status and the metrics tell of it, and the certificate that is there is used, even when it has expired."""
    port = lab.port()
    port.close()
    address = f"127.0.0.1:{port.number}"
    host = Host(lab, allow=["cannot renew"]).pebble(certificateValidityPeriod=30)
    host.write(more=block("admin", address))
    host.start()
    host.wait_for_real("a.example.test")
    assert metric(address, "certificate_orders_failing") == [0]
    before = host.certificate("a.example.test")
    host.authority.close()
    host.wait_for_log(
        r"error acme.*cannot renew the certificate of a.example.test, which expires in 0 hours: .*refused.* "
        r"\(attempt 1; the next one is in \d+ seconds\)"
    )
    assert host.proxy.status()["certificate_orders"]["failing"] == 1
    wait_for(lambda: metric(address, "certificate_orders_failing") == [1], "the metric")
    [expires] = metric(address, "certificate_expiry_timestamp_seconds")
    assert expires == host.proxy.status()["certificates"]["first_expires"]
    assert abs(expires - time.time()) < 60
    assert host.certificate("a.example.test") == before
    wait_for(lambda: time.time() > expires + 1, "the end of the certificate", LONG)
    host.proxy.stop()
    (host.folder / "work/a.example.test.tried").unlink()
    host.start_again()
    assert host.certificate("a.example.test") == before
    host.wait_for_log(r"warning master.*work/a.example.test.pem: .*expired on")
    host.wait_for_log(r"error acme.*cannot renew the certificate of a.example.test, which has expired: .*refused.*attempt 1")


def test_a_reload_adds_a_name(lab):
    host = Host(lab).pebble().start()
    host.wait_for_real("a.example.test")
    before = host.certificate("a.example.test")
    host.write(("a.example.test", "b.example.test"))
    host.proxy.reload()
    assert host.certificate("a.example.test") == before
    assert OWN in host.certificate("b.example.test")[0]
    host.wait_for_real("b.example.test")
    assert host.certificate("a.example.test") == before


def test_a_reload_begins_and_ends_it(lab):
    host = Host(lab).pebble()
    whole = host.proxy.config.read_text()
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    plain = f'workers = 1\naccess-log = "{host.proxy.access_path}"\n'
    plain += block("listen", f"127.0.0.1:{host.proxy.port}") + "\n"
    plain += site_block("localhost", [certificate]) + "\n" + backend_block("web", [host.server]) + "\n"
    host.proxy.write_config(plain)
    host.start()
    assert host.proxy.status()["acmes"] == []
    host.proxy.write_config(whole)
    host.proxy.reload()
    host.wait_for_real("a.example.test")
    pid = host.pid()
    host.proxy.write_config(plain)
    host.proxy.reload()
    wait_for(lambda: not exists(pid), "the end of the process that orders")
    assert lab.client(host.proxy).ask().body == b"ok"


RSA = ("-sigalgs", "rsa_pss_rsae_sha256:rsa_pkcs1_sha256")


def test_keys_of_both_kinds(lab):
    """A reload adds RSA. Each client gets what it can verify, and a client that can do both never what Ravelin has signed itself."""
    host = Host(lab).pebble()
    host.start()
    host.wait_for_real("a.example.test")
    ecdsa = host.certificate("a.example.test")
    assert run(["openssl", "s_client", "-connect", f"127.0.0.1:{host.proxy.port}", *RSA], input=b"", check=False).returncode != 0
    host.write(acme="keys = ecdsa-and-rsa")
    host.proxy.reload()
    assert OWN in host.certificate("a.example.test", *RSA)[0]
    host.wait_for_log(r"info acme.*ordering a certificate for a.example.test \(RSA\) from ")
    wait_for(lambda: "Pebble" in host.certificate("a.example.test", *RSA)[0], "the certificate with an RSA key", LONG)
    rsa = host.certificate("a.example.test", *RSA)
    assert host.certificate("a.example.test") == ecdsa != rsa
    host.wait_for_log(r"info acme.*certificate for a.example.test \(RSA\) received: valid until")
    there = ["--connect-to", f"a.example.test:443:127.0.0.1:{host.proxy.port}", "https://a.example.test/"]
    assert run(["curl", "-sS", "--cacert", host.root, *there]).stdout == b"ok"
    assert host.proxy.log().count("ordering a certificate") == 2
    # Without ECDSA's, the other is better than one of Ravelin's own making.
    host.proxy.stop()
    host.authority.close()
    (host.folder / "work/a.example.test.pem").unlink()
    host.start_again()
    assert host.certificate("a.example.test") == rsa
    modes = {path.name: path.stat().st_mode & 0o7777 for path in (host.folder / "keys").iterdir()}
    assert modes == {f"a.example.test{kind}{ending}": 0o600 for kind in ("", "+rsa") for ending in (".key", ".pem")}


@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
def test_the_page_before(lab, protocol):
    """Nothing of the site goes to a client that goes on without a certificate that it can verify."""
    host = Host(lab, authority=lab.keep_server(Authority(lab))).start()
    there = ["--connect-to", f"a.example.test:443:127.0.0.1:{host.proxy.port}", "https://a.example.test/"]
    shown = text(run(["curl", "-sSik", protocol, *there, *there[-1:]]).stdout)
    assert re.match(r"HTTP/(1.1|2) 503", shown)
    assert re.search(r"^retry-after: 60\r$", shown, re.IGNORECASE | re.MULTILINE)
    assert "<p>This host has no certificate yet. It is being ordered. Try again in a minute.</p>" in shown
    assert not host.server.requests
    assert host.proxy.access_log(1)[0]["ended"] == "the host has no certificate yet"
    assert run(["curl", "-sS", *there], check=False).returncode == 60


def test_an_upgrade(lab):
    """The next process goes on with what is on disk, and answers challenges."""
    host = Host(lab).pebble().start()
    host.wait_for_real("a.example.test")
    before, former = host.certificate("a.example.test"), host.pid()
    host.proxy.upgrade()
    assert host.certificate("a.example.test") == before
    wait_for(lambda: not exists(former), "the end of the former process")
    assert host.pid() != former
    host.write(("a.example.test", "b.example.test"))
    host.proxy.reload()
    host.wait_for_real("b.example.test")
    assert host.proxy.log().count("ordering a certificate for a.example.test") == 1
    assert host.proxy.wait_for_former() == [0]


# --- An authority that refuses, is slow, or is hostile ---


def test_one_of_five_names_is_refused(lab):
    """By a rule of the authority. The others get theirs."""
    names = tuple(f"{letter}.example.test" for letter in "abcde")
    host = Host(lab, names).pebble(domainBlocklist=["c.example.test"]).start()
    for name in names:
        if name != "c.example.test":
            host.wait_for_real(name)
    found = host.wait_for_log(r"warning acme.*no certificate for c.example.test: (.*) \(attempt 1; the next one is in (\d+) seconds\)")
    assert "rejectedIdentifier" in found.group(1)
    orders = host.proxy.status()["certificate_orders"]
    assert orders == {"failing": 1, "last_failure": f"c.example.test: {found.group(1)}"[:511]}
    host.write(names[:2])
    host.proxy.reload()
    wait_for(lambda: host.proxy.status()["certificate_orders"]["failing"] == 0, "no failing order, because the name is gone")
    host.write(names)
    host.proxy.reload()
    assert 45 <= int(found.group(2)) <= 75
    assert OWN in host.certificate("c.example.test")[0]


def test_an_authority_that_is_slow_and_rejects_nonces(lab):
    """As RFC 8555 6.5 allows: every fourth request is to be sent again."""
    moods = {"PEBBLE_WFE_NONCEREJECT": "25", "PEBBLE_VA_NOSLEEP": "", "PEBBLE_VA_SLEEPTIME": "3"}
    host = Host(lab).pebble(environment=moods).start()
    pid = host.pid()
    host.wait_for_log("ordering a certificate")
    host.proxy.reload()  # does not wait for it
    host.wait_for_real("a.example.test")
    assert host.pid() == pid
    assert "badNonce" not in host.proxy.log()


def test_a_challenge_that_fails(lab):
    """The authority asks another port than the one of the redirect listener."""
    host = Host(lab)
    host.authority = lab.keep_server(Pebble(lab.subfolder("pebble"), lab.authority, lab.port().number))
    host.write()
    host.start()
    host.wait_for_log(r"warning acme.*no certificate for a.example.test: Could not obtain certificates: .*:error:connection.*refused.*attempt 1")
    assert OWN in host.certificate("a.example.test")[0]


def test_an_authority_that_is_not_trusted(lab):
    host = Host(lab).pebble()
    host.ca = lab.authority.certificate("other.test").path
    host.write()
    host.start()
    host.wait_for_log(r"warning acme.*no certificate for a.example.test: .*certificate signed by unknown authority.*attempt 1")


def test_no_authority_at_all(lab):
    host = Host(lab).start()
    host.wait_for_log(r"warning acme.*no certificate for a.example.test: .*refused.*attempt 1")


class Authority:
    """An https server with one answer to everything: `answer`, or none at all."""

    def __init__(self, lab, answer=None, status=200, fields=()):
        made = lab.authority.certificate("localhost", "127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.path, made.key)
        self.asked = threading.Event()
        authority = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                authority.asked.set()
                if answer is None:
                    authority.released.wait(120)
                    return
                self.send_response(status)
                for name, value in fields:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_POST = do_HEAD = do_GET

            def log_message(self, *_):
                pass

        self.released = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None
        self._server.daemon_threads = True
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.directory = f"https://localhost:{self._server.server_port}/dir"
        self.address = self.directory
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


HOSTILE = {
    "control bytes": (b'{"type":"x","detail":"\x1b[2J\x1b]0;title\x07\r\nerror master[1]: forged","status":500}', 500),
    "not JSON": (b"\x00\xff\xfe" * 1000, 200),
    "rate limited": (b'{"type":"urn:ietf:params:acme:error:rateLimited","detail":"too many","status":429}', 429),
    "huge": (b"x" * 30_000_000, 200),
    "another shape": (b'{"newNonce":7,"newAccount":[],"newOrder":{"a":' + b"[" * 5000 + b"]" * 5000 + b"}}", 200),
    "empty": (b"", 200),
    "URLs elsewhere": (b'{"newNonce":"file:///etc/passwd","newAccount":"http://127.0.0.1:9/","newOrder":"x"}', 200),
}


@pytest.mark.parametrize("answer, status", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_authority(lab, answer, status):
    authority = lab.keep_server(Authority(lab, answer, status, [("Retry-After", "86400")]))
    host = Host(lab, authority=authority).start()
    host.wait_for_log(r"warning acme.*no certificate for a.example.test: .*attempt 1")
    log = host.proxy.log()
    assert all(byte == "\n" or byte.isprintable() for byte in log)
    assert not re.search(r"^error master", log, re.MULTILINE)
    assert max(map(len, log.splitlines())) < 1500
    assert OWN in host.certificate("a.example.test")[0]
    assert host.proxy.running()


def test_an_authority_that_does_not_answer(lab):
    """Reloads and the end do not wait for it, and a reload may remove the site meanwhile."""
    authority = lab.keep_server(Authority(lab))
    host = Host(lab, authority=authority).start()
    assert authority.asked.wait(PATIENCE)
    pid = host.pid()
    [lego] = lego_pids(pid)
    host.write(("b.example.test",))
    host.proxy.reload()
    assert OWN in host.certificate("b.example.test")[0]
    assert (host.pid(), lego_pids(pid)) == (pid, [lego])
    host.proxy.stop()
    wait_for(lambda: not exists(lego), "the end of the client")


# --- Deaths ---


def test_the_death_of_the_process(lab):
    """What is on disk stays; what was under way is ordered again, but not at once."""
    authority = lab.keep_server(Authority(lab))
    host = Host(lab, authority=authority, allow=["killed by signal"]).start()
    assert authority.asked.wait(PATIENCE)
    pid = host.pid()
    [lego] = lego_pids(pid)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not exists(lego), "the end of the client, with the process that ran it")
    wait_for(lambda: host.pid() not in (0, pid), "another process")
    assert stays(lambda: not lego_pids(host.pid()), "no order within a minute of the last one", 1) is None
    assert host.proxy.log().count("ordering a certificate") == 1
    (host.folder / "work/a.example.test.tried").unlink()
    os.kill(host.pid(), signal.SIGKILL)
    wait_for(lambda: host.proxy.log().count("ordering a certificate") == 2, "the next order")


def test_a_death_with_a_certificate(lab):
    host = Host(lab, allow=["killed by signal"]).pebble().start()
    host.wait_for_real("a.example.test")
    before = host.certificate("a.example.test")
    pid = host.pid()
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: host.pid() not in (0, pid), "another process")
    assert stays(lambda: host.proxy.log().count("ordering a certificate") == 1, "no other order", 1) is None
    assert host.certificate("a.example.test") == before


def test_a_client_that_dies(lab):
    authority = lab.keep_server(Authority(lab))
    host = Host(lab, authority=authority).start()
    assert authority.asked.wait(PATIENCE)
    [lego] = lego_pids(host.pid())
    os.kill(lego, signal.SIGKILL)
    host.wait_for_log(r"warning acme.*no certificate for a.example.test: the client was killed by signal 9 \(attempt 1")


# --- Files ---


def test_a_lost_key_is_made_again(lab):
    """With its request, and another certificate is ordered."""
    host = Host(lab).pebble().start()
    host.wait_for_real("a.example.test")
    before = host.certificate("a.example.test")
    host.proxy.stop()
    (host.folder / "keys/a.example.test.key").unlink()
    (host.folder / "work/a.example.test.tried").unlink()
    host.start_again()
    host.wait_for_real("a.example.test")
    assert host.certificate("a.example.test") != before


def place_hostile_files(host, lab):
    """What the process that orders can put in the place of certificates. Returns the reasons in the log, by letter."""
    made = lab.authority.certificate("b.example.test")
    own = (host.folder / "keys/c.example.test.pem").read_bytes()

    def put(letter, content):
        (host.folder / f"work/{letter}.example.test.pem").write_bytes(content)

    (host.folder / "work/a.example.test.pem").symlink_to(made.path)
    put("b", made.path.read_bytes())
    put("c", own + own)
    put("d", b"\0\xff\x1b[2J" * 1000)
    put("e", b"x" * 70_000)
    put("f", made.path.read_bytes() + made.key.read_bytes())
    (host.folder / "work/g.example.test.pem").mkdir()
    os.mkfifo(host.folder / "work/h.example.test.pem")
    put("i", b"")
    return {
        "a": "it is a link",
        "b": "the key does not belong to it",
        "c": "certificate 2 .* is certificate 1 again",
        "d": ".*",
        "e": "larger than 64 KiB",
        "f": "it holds a private key.*",
        "g": "not a regular file",
        "h": "not a regular file",
        "i": "the file is empty",
    }


def test_hostile_files_in_the_place_of_certificates(lab):
    """None is followed or waited for, none reaches a client, and none refuses a start or a reload."""
    names = tuple(f"{letter}.example.test" for letter in "abcdefghi")
    host = Host(lab, names).start()
    host.wait_for_log("ordering a certificate")
    host.proxy.stop()
    reasons = place_hostile_files(host, lab)
    host.start_again()
    for letter, reason in reasons.items():
        assert OWN in host.certificate(f"{letter}.example.test")[0]
        host.wait_for_log(
            rf"warning master.*work/{letter}.example.test.pem'?: {reason}; Ravelin's own certificate is used until there is another"
        )
    host.write(more="# another text")
    host.proxy.reload()
    assert OWN in host.certificate("b.example.test")[0]
    assert all(byte == "\n" or byte.isprintable() for byte in host.proxy.log())
    checked = host.proxy.command("check", check=False)
    assert checked.returncode == 0 and b"Ravelin's own certificate is used" in checked.stdout + checked.stderr


def test_a_bad_file_is_replaced(lab):
    host = Host(lab).pebble().start()
    host.wait_for_real("a.example.test")
    host.proxy.stop()
    (host.folder / "work/a.example.test.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    (host.folder / "work/a.example.test.tried").unlink()
    host.start_again()
    host.wait_for_real("a.example.test")


def test_another_folder(lab):
    """Only another process can write there. That the former one ends is no error."""
    host = Host(lab).start()
    former = host.pid()
    host.folder = lab.folder / "elsewhere"
    host.write()
    host.proxy.reload()
    host.wait_for_log(r"info master\[\d+\]: started acme again")
    assert host.pid() != former
    assert (host.folder / "keys/a.example.test.key").exists()
    assert not [line for line in host.proxy.log_lines() if line[0] == "error"]


def test_a_folder_that_cannot_be_made(lab):
    host = Host(lab)
    host.folder.write_text("a file")
    failed = run([host.proxy.program, "run", "-c", host.proxy.config], check=False)
    assert failed.returncode == 2
    assert f"certificate acme: cannot make the folder '{host.folder}': Not a directory" in text(failed.stderr)


def run_on_a_small_disk(host, size):
    """What the proxy says within some seconds, when there is not more room for its files."""
    if os.geteuid() != 0:
        pytest.skip("only root can make mounts")
    host.folder.mkdir()
    command = f'mount -t tmpfs -o mode=755,size={size} tmpfs "{host.folder}" && exec "{host.proxy.program}" run -c "{host.proxy.config}"'
    within = ["timeout", "--preserve-status", "-s", "TERM", "5"]
    done = run([*within, "unshare", "--mount", "sh", "-c", command], check=False)
    return done.returncode, text(done.stdout + done.stderr)


def test_a_disk_without_room_for_a_key(lab):
    status, said = run_on_a_small_disk(Host(lab), "4k")
    assert status == 2
    assert re.search(r"certificate acme: cannot (make|write) '.*/a.example.test.*': No space left on device", said)


def test_a_disk_without_room_for_a_certificate(lab):
    """The site is served, and the order is tried again later."""
    status, said = run_on_a_small_disk(Host(lab).pebble(), "16k")
    assert status == 0
    assert re.search(r"warning acme.*no certificate for a.example.test: .*no space left on device.*attempt 1", said)
    assert "ravelin: ready" in said


# --- Who holds which key ---


@pytest.mark.skipif(SANITIZED, reason="a build with sanitizers has terabytes of mappings")
@memory.needs_root
def test_it_has_no_key_of_a_site(lab):
    """Nor has the client, while it talks to the authority. A signer has it."""
    authority = lab.keep_server(Authority(lab))
    host = Host(lab, authority=authority).start()
    assert authority.asked.wait(PATIENCE)
    key = host.folder / "keys/a.example.test.key"
    shown = text(run(["openssl", "ec", "-in", key, "-noout", "-text"]).stdout)
    scalar = bytes.fromhex(re.search(r"priv:\s+([0-9a-f:\s]+?)pub:", shown).group(1).replace(":", "").replace(" ", "").replace("\n", ""))
    scalar = scalar[-32:]
    needles = [scalar, scalar[::-1], b"".join(key.read_bytes().splitlines()[1:-1])[20:60]]
    signers = [child["pid"] for child in host.proxy.status()["signers"]]
    assert any(memory.find(pid, *needles) for pid in signers)  # else this finds nothing anywhere
    pid = host.pid()
    [lego] = lego_pids(pid)
    for other in (pid, lego, host.proxy.pid, *host.proxy.worker_pids().values()):
        assert not memory.find(other, *needles)


@needs_intruder
def test_it_can_read_no_key(lab):
    """By its fence and by the modes of the files."""
    host = Host(lab).pebble().start()
    host.wait_for_real("a.example.test")
    made = lab.authority.certificate("localhost", "127.0.0.1")
    work = host.folder / "work"
    with Intruder(host.pid()) as intruder:

        def opening(path, flags=0):
            return intruder.error("openat", -100, intruder.put(str(path).encode() + b"\0"), flags, 0o600)

        for path in (host.folder / "keys/a.example.test.key", host.folder / "keys", made.key, "/etc/passwd", "/proc/1/status", "/root"):
            assert opening(path) == "EACCES", path
        for path in (host.folder / "requests/x", host.folder / "x", "/tmp/x"):
            assert opening(path, os.O_WRONLY | os.O_CREAT) == "EACCES", path
        assert opening(work / "x", os.O_WRONLY | os.O_CREAT) == ""
        (work / "program").write_bytes(Path("/bin/true").read_bytes())
        (work / "program").chmod(0o755)
        assert intruder.error("execve", intruder.put(str(work / "program").encode() + b"\0"), 0, 0) == "EACCES"
        for call in ("ptrace", "listen", "unshare", "mount", "bpf", "io_uring_setup", "userfaultfd", "process_vm_readv"):
            assert intruder.error(call, 0, 0, 0) == "EPERM", call


NOBODY = 65534
UNIT = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
UNIT += [f"--{kind}-caps=+net_bind_service,+dac_read_search" for kind in ("inh", "ambient")]


@needs_intruder
def test_as_the_unit_starts_it(lab):
    """All processes have one user, and two capabilities at first: the fence alone keeps it from keys."""
    host = Host(lab).pebble()
    host.folder.mkdir()
    os.chown(host.folder, NOBODY, NOBODY)
    os.chown(host.proxy.folder, NOBODY, NOBODY)
    process = Process([*UNIT, host.proxy.program, "run", "-c", host.proxy.config], lab.folder / "log")
    try:
        process.wait_for_output("certificate for a.example.test received", LONG)
        host.wait_for_real("a.example.test")
        names = {Path(f"/proc/{pid}/comm").read_text().strip(): pid for pid in children_of(process.pid)}
        status = Path(f"/proc/{names['rav-acme']}/status").read_text()
        assert re.search(rf"^Uid:\t{NOBODY}\t", status, re.MULTILINE)
        assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
        with Intruder(names["rav-acme"]) as intruder:
            for path in (host.folder / "keys/a.example.test.key", host.folder / "keys", host.proxy.config):
                assert intruder.error("openat", -100, intruder.put(str(path).encode() + b"\0"), 0, 0) == "EACCES"
    finally:
        process.end()
    assert " error " not in process.output()


@pytest.mark.skipif(SANITIZED, reason="a build with sanitizers has no sandbox")
def test_what_prove_says(lab):
    host = Host(lab).pebble().start()
    host.wait_for_real("a.example.test")
    assert re.search(r"acme 0, pid \d+, running: user \d+, seccomp filter", text(host.proxy.command("prove", check=False).stdout))


def test_without_the_client(lab):
    """The package lego is not installed."""
    host = Host(lab, authority=lab.keep_server(Authority(lab)))
    if os.geteuid() != 0:
        pytest.skip("only root can hide a file")
    command = f'mount --bind /dev/null /usr/bin/lego && exec setpriv --pdeathsig KILL "{host.proxy.program}" run -c "{host.proxy.config}"'
    done = run(["timeout", "--preserve-status", "-s", "TERM", "4", "unshare", "--mount", "sh", "-c", command], check=False)
    assert "no certificate for a.example.test: cannot run /usr/bin/lego: Permission denied; install the package lego" in text(
        done.stdout + done.stderr
    )


def test_what_the_redirect_listener_answers(lab):
    host = Host(lab).pebble().start()
    host.wait_for_real("a.example.test")
    with lab.plain_client(host.proxy.redirect_port) as client:
        assert client.ask("/.well-known/acme-challenge/unknown").status == 404
        assert client.ask("/").get("Location") == f"https://localhost:{host.proxy.port}/"
