"""`ravelin import nginx`: the configurations in tests/import are translated, checked, and served beside nginx itself."""

import contextlib
import json
import os
import re
import shutil
from urllib.parse import urljoin

import pytest

from ravelin_test.client import Client, client_context
from ravelin_test.http import response
from ravelin_test.ports import Port
from ravelin_test.processes import Process, run, text
from ravelin_test.settings import RAVELIN, ROOT
from ravelin_test.waiting import wait_for

FOLDER = ROOT / "tests/import"
NAMES = sorted(path.stem for path in FOLDER.glob("*.conf"))
SITE = """server {
    listen 127.0.0.1:@HTTPS@ ssl default_server;
    server_name a.test;
    ssl_certificate @FOLDER@/cert.pem;
    ssl_certificate_key @FOLDER@/cert.key;
    location / { proxy_pass http://@SERVER@; proxy_set_header Host $host; }
}
"""
ALONE = ["sites_alone", "untranslated"]  # which nginx itself cannot load here
HOSTS = ["a.test", "www.a.test", "b.test", "x.b.test", "d.test", "other.test"]


def echo(request):
    """What the server was asked, as JSON."""
    names = ["Host", "X-Environment", "Accept-Encoding"]
    seen = {"target": request.start.split(" ")[1], **{name: request.get(name) for name in names}}
    return response(json.dumps(seen), fields=["X-Powered-By: tests", "Content-Type: application/json"])


class Import:
    """One configuration of nginx, with what it needs, and its translation."""

    def __init__(self, lab, name):
        self.lab = lab
        self.folder = lab.subfolder("import")
        self.folder.chmod(0o755)
        self.server = lab.server(reply=echo)
        self.https, self.http = lab.port(), lab.port()
        made = lab.authority.certificate(*HOSTS, "*.a.test")
        shutil.copy(made.path, self.folder / "cert.pem")
        shutil.copy(made.key, self.folder / "cert.key")
        shutil.copy(lab.authority.ca, self.folder / "ca.pem")
        (self.folder / "cert.key").chmod(0o600)
        (self.folder / "acme").mkdir()
        (self.folder / "htpasswd").write_text("ada:$apr1$x$y\n")
        (self.folder / "sites-enabled").mkdir()
        (self.folder / "sites-enabled/default").write_text(self.fill(SITE))
        self.nginx = self.folder / "nginx.conf"
        self.nginx.write_text(self.fill((FOLDER / f"{name}.conf").read_text()))
        self.config = self.folder / "ravelin.conf"

    def fill(self, config):
        words = {"FOLDER": self.folder, "SERVER": self.server.address, "SERVER2": "127.0.0.1:9"}
        words |= {"HTTPS": self.https.number, "HTTP": self.http.number}
        return re.sub("@([A-Z0-9]+)@", lambda match: str(words[match[1]]), config)

    def translate(self, dump=True):
        source = self.nginx
        if dump:
            source = self.folder / "dump"
            source.write_bytes(run(["nginx", "-T", "-c", self.nginx], check=False).stdout)
        done = run([RAVELIN, "import", "nginx", source], check=False)
        assert (done.returncode, done.stderr) == (0, b"")
        self.config.write_bytes(done.stdout)
        return text(done.stdout)

    def check(self):
        done = run([RAVELIN, "check", "-c", self.config], check=False)
        assert done.returncode == 0, text(done.stderr) + self.config.read_text()

    @contextlib.contextmanager
    def running(self, command):
        """The program that serves on these ports."""
        process = Process([str(word) for word in command], self.folder / "log", None)
        try:
            wait_for(lambda: self.accepts(process), "it to accept connections")
            yield
        finally:
            process.end(15)

    def accepts(self, process):
        assert process.running(), (self.folder / "log").read_text()
        with contextlib.suppress(OSError):
            Client(self.https.number, None).close()
            return True

    def ask(self, host, target, plain=False, fields=()):
        """What a client sees of the response."""
        context = None if plain else client_context(self.lab.authority.ca)
        client = Client((self.http if plain else self.https).number, context, sni=host)
        try:
            answer = client.ask(target, host=host, fields=fields)
        finally:
            client.close()
        base = f"https://{host}:{self.https.number}/"  # nginx makes URLs of paths
        where = answer.get("Location")
        shown = {"status": answer.status, "location": where and urljoin(base, where)}
        if answer.status == 200:
            shown["body"] = text(answer.body)
            shown |= {name: answer.get(name) for name in ["X-Frame-Options", "X-Powered-By", "X-Own"]}
            shown |= {"Content-Security-Policy": answer.get("Content-Security-Policy")}
        return shown


@pytest.fixture
def imported(lab):
    return lambda name: Import(lab, name)


def test_there_are_enough():
    assert len(NAMES) >= 15


@pytest.mark.parametrize("name", NAMES)
def test_the_translation_is_valid(imported, name):
    made = imported(name)
    made.translate(dump=name not in ALONE)
    made.check()


# What is asked of both: host, target, whether over plain HTTP. The answers must be the same.
SAME = {
    "certbot": [("a.test", "/x?y", False), ("www.a.test", "/", False), ("a.test", "/x?y", True)],
    "debian": [("a.test", "/x", False), ("other.test", "/y", False)],
    "api": [("a.test", "/api/users?x", False), ("a.test", "/upload/x", False), ("a.test", "/", False)],
    "websocket": [("a.test", "/x", False)],
    "upstreams": [("a.test", path, False) for path in ["/", "/s/x", "/k/y"]],
    "names": [(host, "/", False) for host in ["a.test", "www.a.test", "b.test", "x.b.test", "d.test", "other.test"]],
    "basic_auth": [("a.test", "/public/x", False)],
    "access": [
        ("a.test", path, False)
        for path in ["/", "/inside/x", "/outside/x", "/blocked/", "/open/", "/closed/", "/only-allow/", "/.htaccess"]
    ],
    "redirects": [
        ("a.test", "/x?y", True),
        ("www.a.test", "/x?y", False),
        *[("a.test", path, False) for path in ["/old", "/docs", "/moved/x?y", "/gone", "/x"]],
    ],
    "php": [("a.test", "/api/x", False)],
    "answers": [("a.test", path, False) for path in ["/robots.txt", "/health", "/"]],
    "headers": [("a.test", path, False) for path in ["/", "/own/x"]],
    "webroot": [("a.test", "/x", True), ("a.test", "/x", False), ("a.test", "/.well-known/acme-challenge/abc", True)],
}


@pytest.mark.parametrize("name", SAME)
def test_both_answer_the_same(imported, name):
    made = imported(name)
    challenge = made.folder / "acme/.well-known/acme-challenge"
    challenge.mkdir(parents=True)
    (challenge / "abc").write_text("proof")
    made.translate()
    for port in [made.https, made.http]:
        port.close()
    main = "daemon off; user root;" if os.geteuid() == 0 and name != "debian" else "daemon off;"
    with made.running(["nginx", "-c", made.nginx, "-g", main]):
        before = [made.ask(*question) for question in SAME[name]]
    with made.running([RAVELIN, "run", "-c", made.config]):
        after = [made.ask(*question) for question in SAME[name]]
    for question, one, other in zip(SAME[name], before, after):
        # Ravelin tells a client for good by 308 where nginx is told 301, which clients take alike.
        if question[2] and other["status"] == 308:
            other["status"] = one["status"]
        assert other == one, question


# What the translation must have, and what not.
PARTS = {
    "certbot": (["listen 127.0.0.1:", "protocol = redirect https-port = 443", 'aliases = {"www.a.test"}'], ["return = 404"]),
    "debian": (["user = \"www-data\"", "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3: there is nothing weaker"], ["gzip_types"]),
    "api": (["rate = 100 burst = 51", "strip-prefix = yes", "body-size = 100m", "response-timeout = 300s", "idle-timeout = 30s",
             "body-size = 2m", "http2 = yes"], ["no counterpart", "proxy_set_header"]),
    "websocket": (["response-timeout = 86400s"], ["Upgrade"]),
    "upstreams": (["balance = least-connections", "weight = 3", "backup = yes", "hash-by = client", "max-connections = 100",
                   'hash-by = "cookie session"', "without max_fails=3", "it is down", "connect-timeout = 5s", '"unix:/run/no-such.sock"'], []),
    "mutual": (["client-ca = ", "client-certificate = required", "proxy_set_header X-Client-DN $ssl_client_s_dn: Ravelin cannot"], []),
    "names": (['"*.b.test"', "'mail.*' is no name of a site", '"*"', 'site "any.a.test"'], ["mail.*\""]),
    "basic_auth": (["return = 403 # closed: 'auth_basic' has no counterpart"], []),
    "access": (["allow = {10.0.0.0/8, 127.0.0.1}", "deny = {127.0.0.1}", 'route "/.ht"', 'route "/.git"',
                "closed at the beginning of a path only"], ["allow = {10.0.0.1}"]),
    "redirects": (['redirect = "https://a.test"', 'redirect = "/new" redirect-status = 302', "the route serves all paths that begin so"], []),
    "php": (["nginx served files, or another protocol", "fastcgi_pass unix:/run/php.sock", "try_files"], []),
    "answers": (['text = "User-agent: * # \\"all\\""', "has more than one line", "it closed the connection", "cannot send this"], []),
    "headers": (["hsts = 31536000s", 'remove-header = {"X-Powered-By"}', '"X-Environment: production"', '"X-Own: a \\\\ b"',
                 'remove-header = {"Accept-Encoding"}', "X-Request-Start"], []),
    "cloudflare": (["trusted-proxies = {173.245.48.0/20, 2400:cb00::/32, 127.0.0.1}", "then any client could say who it is"], ["0.0.0.0/0}"]),
    "weak": (["return = 403 # closed: 'ssl_verify_client optional_no_ca'", "ssl_ciphers", "there is no 0-RTT", "underscores_in_headers"],
             ["client-ca = "]),
    "webroot": (["acme-challenge = ", "https-port = "], []),
    "untranslated": (["receive plain HTTP", "depends on the request", "another path is put in place", "no address or DNS name", 'server "app.internal:8080"',
                      "'limit_except' has no counterpart", "'if' has no counterpart", "see protocol = tcp", "plain HTTP is redirected"], []),
    "sites_alone": (["sites_alone.conf", "redirects to https on the same host"], ["no counterpart"]),
    "proxy_protocol": (["proxy-protocol = yes", "trusted-proxies = {127.0.0.0/8}"], ["real_ip_header"]),
}


@pytest.mark.parametrize("name", PARTS)
def test_what_the_translation_has(imported, name):
    made = imported(name)
    if name == "sites_alone":
        made.nginx = made.nginx.rename(made.folder / "sites_alone.conf")
    shown = made.translate(dump=name not in ALONE)
    present, absent = PARTS[name]
    for part in present:
        assert part in shown, f"{part!r} is missing in:\n{shown}"
    for part in absent:
        assert part not in shown, f"{part!r} is in:\n{shown}"


def test_a_file_with_includes_alone_says_so(imported):
    made = imported("debian")
    made.nginx.write_text(made.nginx.read_text().replace("sites-enabled/*", "sites-enabled/default"))
    assert "use the output of 'nginx -T'" in made.translate(dump=False)


# Faults in the text of nginx.
FAULTS = {
    "http {\n server {\n": "3: the file ends inside of a block",
    "http {\n}\n}\n": "3: unexpected brace",
    "user www\n": "2: expected ';' or '{'",
    'user "www;\n': "2: expected ';' or '{'",
    "": "1: the file is empty",
    "a {" * 40: "1: too many blocks inside blocks",
    "a\0b;": "1: the file is not text",
}


@pytest.mark.parametrize("config", FAULTS)
def test_faults(lab, config):
    path = lab.folder / "nginx.conf"
    path.write_text(config)
    done = run([RAVELIN, "import", "nginx", path], check=False)
    assert (done.returncode, done.stdout) == (2, b"")
    assert text(done.stderr) == f"{path}:{FAULTS[config]}\n"


def test_files_that_include_each_other(lab):
    dump = lab.folder / "dump"
    dump.write_text("# configuration file /a:\ninclude /b;\n# configuration file /b:\ninclude /a;\n")
    done = run([RAVELIN, "import", "nginx", dump], check=False)
    assert (done.returncode, "too many files inside files" in text(done.stderr)) == (2, True)


@pytest.mark.parametrize("words", [[], ["nginx"], ["apache", "x"], ["nginx", "/no/such/file"]])
def test_wrong_usage(words):
    assert run([RAVELIN, "import", *words], check=False).returncode == 2
