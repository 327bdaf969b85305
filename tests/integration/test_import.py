"""`ravelin import nginx`: the configurations in tests/import are translated, checked, and served beside nginx itself."""

import contextlib
import json
import os
import re
import shutil
from urllib.parse import unquote, urljoin, urlsplit

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
LOGIN = "Authorization: Basic YWRhOnNlY3JldA=="  # ada:secret
WRONG_LOGIN = "Authorization: Basic YWRhOng="
ANN = "Cookie: session=ann"
HTML = "Accept: text/html"
# What a client says of itself, and servers trust.
LIES = ["X-User: eve", "Remote-User: eve", "Remote-Groups: eve", "X-Auth-Request-Email: eve"]
HOSTS = ["a.test", "www.a.test", "b.test", "x.b.test", "d.test", "other.test"]


def decide(request):
    """As oauth2-proxy and Authelia decide, by a cookie."""
    facts = [f"{name}: {request.get(name)}" for name in ["X-Original-URL", "X-Original-URI", "X-Forwarded-Uri"]]
    who = "ann" if request.get("Cookie") == "session=ann" else None
    if who is None:
        return response("no", "401 Unauthorized", ["Location: https://login.test/", *facts])
    names = ["Remote-User: ann", "Remote-Groups: staff", "X-Auth-Request-User: ann", "X-Auth-Request-Email: ann@a.test"]
    return response("", "202 Accepted", [*names, "Set-Cookie: session=ann"])


def echo(request):
    """What the server was asked, as JSON."""
    if request.target in ("/oauth2/auth", "/api/authz/auth-request"):
        return decide(request)
    names = ["Host", "X-Environment", "Accept-Encoding", "X-User", "Authorization", "Remote-User", "Remote-Groups"]
    names.append("X-Auth-Request-Email")
    seen = {"target": request.start.split(" ")[1], **{name: request.get(name) for name in names}}
    return response(json.dumps(seen), fields=["X-Powered-By: tests", "Content-Type: application/json"])


def same_page(url):
    """A login page gets the same address to return to, encoded or not, with the host of its site or without."""
    page, mark, address = url.partition("rd=")
    where = urlsplit(unquote(address).removesuffix("&rm=GET"))
    return page + mark + where.path + (where.query and "?" + where.query)


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
        run(["htpasswd", "-c", "-b", "-B", "-C", "10", self.folder / "htpasswd", "ada", "secret"])
        (self.folder / "htpasswd").chmod(0o644)  # the user of nginx reads it, too
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
        where = answer.get("Location") if answer.status // 100 == 3 else None
        shown = {"status": answer.status, "location": where and same_page(urljoin(base, where))}
        if answer.status == 200:
            shown["body"] = text(answer.body)
            shown |= {name: answer.get(name) for name in ["X-Frame-Options", "X-Powered-By", "X-Own"]}
            shown |= {name: answer.get(name) for name in ["Content-Security-Policy", "Set-Cookie"]}
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
    "upstreams": [("a.test", path, False) for path in ["/", "/s/x", "/k/y", "/pair/x", "/careless/x"]],
    "names": [(host, "/", False) for host in ["a.test", "www.a.test", "b.test", "x.b.test", "d.test", "other.test"]],
    "basic_auth": [("a.test", "/public/x", False), ("a.test", "/", False), ("a.test", "/own/x", False),
                   *[("a.test", path, False, [LOGIN]) for path in ["/", "/own/x", "/public/x"]],
                   ("a.test", "/", False, [WRONG_LOGIN])],
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
    "wordpress": [
        *[("a.test", path, False) for path in ["/", "/x?y", "/favicon.ico", "/robots.txt", "/.git/x", "/xmlrpc.php", "/a.css", "/wp-admin/x", "/uploads/a.php"]],
        *[("www.a.test", "/q?z", False), ("other.test", "/", False), ("a.test", "/p?q", True), ("a.test", "/.well-known/acme-challenge/abc", True)],
    ],
    "gitlab": [("a.test", path, False) for path in ["/", "/-/metrics", "/g/p.git/git-receive-pack"]] + [("d.test", "/v2/x", False), ("a.test", "/x?y", True)],
    "nextcloud": [
        ("a.test", path, path.endswith("plain"))
        for path in ["/", "/index.php?x", "/.well-known/carddav", "/config/config.php", "/data/x", "/.ht", "/console.php", "/occ", "/x?plain"]
    ],
    "grafana": [("a.test", path, False) for path in ["/", "/grafana", "/grafana/", "/grafana/d/1?a=b", "/front/x?y", "/back/", "/dash/a?b"]],
    "jenkins": [("a.test", path, False) for path in ["/", "/github-webhook/", "/script", "/job/x?y"]] + [("b.test", "/x", False)],
    "cloudflare": [("a.test", "/x?y", False)],
    "oauth2_proxy": [
        *[("a.test", path, False, [ANN]) for path in ["/oauth2/auth", "/oauth2/start", "/health"]],
        *[("a.test", path, False, [ANN, *LIES]) for path in ["/api/x?y", "/public/x"]],
        *[("a.test", path, False, LIES) for path in ["/api/x", "/public/x", "/oauth2/auth", "/health"]],
        *[("a.test", path, False, [ANN, *LIES]) for path in ["/x", "/inside/x", "/broken/x"]],
        *[("a.test", path, False, [HTML, *LIES]) for path in ["/x", "/x?y=z", "/api/x"]],
    ],
    "authelia": [
        *[("a.test", path, False, [ANN, *LIES[1:]]) for path in ["/", "/x?y=z"]],
        *[("a.test", path, False, [HTML, *LIES[1:]]) for path in ["/", "/x?y=z", "/renamed/", "/api/x"]],
        ("a.test", "/renamed/x?y=z", False, [ANN, LIES[0]]),
        *[("a.test", path, False, [ANN]) for path in ["/api/x", "/older/x", "/plain/x", "/internal/authelia/authz", "/verify/auth-request"]],
        *[("a.test", path, False, LIES) for path in ["/api/x", "/older/x", "/plain/x", "/internal/authelia/authz", "/verify/auth-request"]],
    ],
    "vaultwarden": [
        *[("a.test", path, False) for path in ["/", "/notifications/anonymous-hub", "/admin", "/admin/x", "/admin/diagnostics/x"]],
        *[("b.test", path, False) for path in ["/x?y", "/api/websocket"]],
    ],
    "jellyfin": [("a.test", path, False) for path in ["/x?y", "/web/x", "/metrics", "/Items/1/Images", "/app/x"]] + [("a.test", "/x", True)],
    "keycloak": [
        ("a.test", path, False)
        for path in ["/realms/x", "/realms/master/x", "/resources/a", "/admin/x", "/metrics", "/health", "/"]
    ],
    "minio": [
        *[("a.test", path, False) for path in ["/", "/bucket/x?y", "/minio/ui/a?b", "/minio/v2/metrics", "/minio/v2/metrics/open"]],
        ("a.test", "/minio/v2/metrics/x", False, [LOGIN]),
    ],
    "discourse": [("a.test", path, False) for path in ["/", "/sidekiq", "/uploads/x", "/backups/x", "/maintenance.html"]] + [("d.test", path, False) for path in ["/x", "/sidekiq"]],
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
                   'hash-by = "cookie session"', "max-failures = 3 # in a row", "eject-time = 30s eject-time-max = 30s", "it is down", "connect-timeout = 5s", '"unix:/run/no-such.sock"',
                   "max-failures = 2 # in a row; a failed connection is enough; one value for all", "eject-time = 5s", "max-failures = off failure-ratio = off",
                   "retries = 2\n    fail-on-status = {502, 503}\n", "retries = 10\n", "retries = 0\n",
                   "without http_404: a status", "without non_idempotent: POST", "request-timeout of a backend limits"],
                  ["without max_fails", "without fail_timeout", "no counterpart"]),
    "mutual": (["client-ca = ", "client-certificate = required", "proxy_set_header X-Client-DN $ssl_client_s_dn: Ravelin cannot"], []),
    "names": (['"*.b.test"', "'mail.*' is no name of a site", '"*"', 'site "any.a.test"'], ["mail.*\""]),
    "basic_auth": (['/htpasswd" # its hashes must be bcrypt', 'realm = "Members"', 'user-header = "X-User"',
                    "pass-authorization = yes", "closed: 'auth_basic' has no counterpart"], []),
    "access": (["allow = {10.0.0.0/8, 127.0.0.1}", "deny = {127.0.0.1}", 'route "/.ht"', 'route "/.git"',
                "closed at the beginning of a path only"], ["allow = {10.0.0.1}"]),
    "redirects": (['redirect = "https://a.test"', 'redirect = "/new" redirect-status = 302', "the route serves all paths that begin so"], []),
    "php": (["nginx served files, or another protocol", "fastcgi_pass unix:/run/php.sock", "try_files"], []),
    "answers": (['text = "User-agent: * # \\"all\\""', "has more than one line", "it closed the connection", "cannot send this"], []),
    "headers": (["hsts = 31536000s", 'remove-header = {"X-Powered-By"}', '"X-Environment: production"', '"X-Own: a \\\\ b"',
                 'remove-header = {"Accept-Encoding", "X-Request-Start"}', "cannot set this value; it removes"], []),
    "cloudflare": (["trusted-proxies = {173.245.48.0/20, 2400:cb00::/32, 127.0.0.1}", "then any client could say who it is"], ["0.0.0.0/0}"]),
    "weak": (["return = 403 # closed: 'ssl_verify_client optional_no_ca'", "ssl_ciphers", "there is no 0-RTT", "underscores_in_headers"],
             ["client-ca = "]),
    "webroot": (["acme-challenge = ", "https-port = "], []),
    "untranslated": (["receive plain HTTP", "depends on the request", "another path is put in place", "no address or DNS name", 'server "app.internal:8080"',
                      "'limit_except' has no counterpart", "'if' has no counterpart", "see protocol = tcp", "plain HTTP is redirected"], []),
    "sites_alone": (["sites_alone.conf", "redirects to https on the same host"], ["no counterpart"]),
    "wordpress": (['acme-challenge = ', 'route "/uploads"', "rate = 1 burst = 6", "body-size = 128m", "other spellings are not closed", 'listen [::1]:'], []),
    "gitlab": (["body-size = unlimited", "X-Forwarded-Ssl: on", "response-timeout = 3600s", 'route "/404"'], []),
    "nextcloud": (['route "/3rdparty"', 'route "/."', 'route "/db_"', "there are no routes for one path only; that of all paths", "Ravelin cannot send this"],
                  ["NOT CLOSED"]),
    "grafana": (["strip-prefix = yes", "another path is put in place", "closed: 'satisfy'", "users = ", "only, and the others were not for the server"], []),
    "jenkins": (["deny = {127.0.0.1}", "allow = {192.30.252.0/22, 127.0.0.1}", "max-failures = off failure-ratio = off # a failed"], []),
    "oauth2_proxy": (['authorize "/oauth2/auth" {', "backend = login", 'headers = {"X-Auth-Request-User>X-User", X-Auth-Request-Email}', "response-headers = {Set-Cookie}",
                      "headers = {Authorization}", 'login = "/oauth2/sign_in?rd=" # for browsers',
                      "error_page 401 =403 /oauth2/sign_in: a redirect to the login page",
                      "error_page 401 = /public-page: clients get the response of the server that decides", "error_page 403 = @missing: with 403", "so it is, too"],
                     ['route "/public-file"', "closed", "auth_request_set", "proxy_pass_request_body"]),
    "authelia": (['authorize "/api/authz/auth-request" {', "headers = {Remote-User, Remote-Groups}", "timeout = 30s", 'login = "location"', 'headers = {"Remote-User>X-User"}',
                  'login = "https://login.test/?rd="', "error_page 401 =302 https://login.test/?rd=$cookie_x: clients get",
                  "auth_request /auth/tls: servers receive plain HTTP", "cannot tell the server that decides 'X-Realm: staff'",
                  "auth_request /auth/php: the location it asks has no proxy_pass", "'rewrite' of the location it asks",
                  "a location with a regular expression may serve", "its URI is not a plain path", "cannot tell the server that decides 'Host: auth.internal'",
                  "cannot tell the server that decides 'X-Forwarded-Host: b.test'", "auth_request /plain: the server that decides gets the Host of the client"], ["depends on the request"]),
    "vaultwarden": (["allow = {10.0.0.0/8}", "body-size = 525m", "response-timeout = 86400s"], ["satisfy"]),
    "jellyfin": (["location = /web/: there are no routes for one path only, and", "location = /app: there are no routes for one path only, and"], ['route "/web/"', 'route "/app"', "503"]),
    "keycloak": (["has more than one line", "closed: 'if'"], ["text = ", "return 403:", "proxy_pass"]),
    "minio": (["limits {\n    body-size = unlimited\n}", "strip-prefix = yes", "closed: 'limit_except'"], ["body-size = 2g"]),
    "discourse": (["rate = 12 burst = 13", "limit_conn connperip 20", "closed: 'if'", "location /sidekiq: the 'return' of the server"], []),
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


def test_what_cannot_be_decided_as_before_is_closed(imported):
    shown = imported("authelia").translate()
    routes = dict(re.findall(r'route "(/closed/[^"]*)" \{[^\n]*\n *([^\n]*)\n', shown))
    reasons = {path: "satisfy" if path.endswith("any") else "auth_request" for path in routes}
    assert len(routes) == 9
    assert routes == {path: f"return = 403 # closed: '{why}' has no counterpart" for path, why in reasons.items()}


# Where both cannot answer the same, Ravelin is the stricter one.
STRICTER = {"oauth2_proxy": {"/x": 401, "/public-file": 401}, "authelia": {"/x": 401, "/closed/told": 403}}
NAMING = {"oauth2_proxy": ["X-User", "X-Auth-Request-Email"], "authelia": ["Remote-User", "Remote-Groups"]}


@pytest.mark.parametrize("name", STRICTER)
def test_nobody_comes_in_without_a_decision(imported, name):
    made = imported(name)
    made.translate()
    for port in [made.https, made.http]:
        port.close()
    with made.running([RAVELIN, "run", "-c", made.config]):
        for path, status in STRICTER[name].items():
            assert made.ask("a.test", path, fields=LIES)["status"] == status, path
            if status == 401:
                seen = json.loads(made.ask("a.test", path, fields=[ANN, *LIES])["body"])
                assert "eve" not in [seen[field] for field in NAMING[name]]


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


# Regular expressions of locations that refuse all, and the prefixes that the translation closes. None: it says that it cannot.
CLOSED = {
    "~ ^/(a|b.c)": ["/a", "/b"],
    r"~ ^/(?:a|\.b)(?:$|/)": ["/a", "/.b"],
    "~ ^/x/(a|b)/c": ["/x/a", "/x/b"],
    "~ ^/abc?": ["/ab"],
    "~ ^/ab+": ["/ab"],
    "~ ^/a(b|c)?": ["/a"],
    "~ ^/a(b|)": ["/a"],
    "~ ^/a([|]|b)": ["/a"],
    "~ ^/a(?!b)": ["/a"],
    "~ ^/a(?:b(c|d)|e)": ["/ab", "/ae"],
    "~ /a": ["/a"],
    "~ ^/(|a)": None,
    "~ ^/a|^/b": None,
    "~ ^/?a": None,
    r"~ ^\w/": None,
    r"~ \.php$": None,
    "~ (/a|b)": None,
    "~ ^/(a|b%2f)": None,
    r"~ ^/(a|\./b)": None,
    "~* ^/a": ["/a"],
}


def closed_by(lab, locations):
    path = lab.folder / "nginx.conf"
    path.write_text(SITE.replace("location /", f"{locations} location /").replace("@HTTPS@", "443").replace("@SERVER@", "127.0.0.1:9"))
    return text(run([RAVELIN, "import", "nginx", path]).stdout)


def test_closed_expressions(lab):
    for expression, prefixes in CLOSED.items():
        operator, pattern = expression.split(" ")
        shown = closed_by(lab, f'location {operator} "{pattern}" {{ return 404; }}')
        found = re.findall(r'route "([^"]*)" \{[^\n]*\n *return = 404\n', shown)
        assert (found, "NOT CLOSED ANY MORE" in shown) == (prefixes or [], prefixes is None), expression


def test_an_expression_that_closes_wins_over_locations(lab):
    """As in nginx. `^~` keeps nginx from looking."""
    server = "proxy_pass http://127.0.0.1:9;"
    shown = closed_by(lab, f"location /a/b {{ {server} }} location /a {{ {server} }} location ^~ /a/c {{ {server} }} location ~ ^/a {{ deny all; }}")
    routes = dict(re.findall(r'route "([^"]*)" \{[^\n]*\n *(\w+ = [^\n]*)\n', shown))
    assert routes == {"/a": "return = 403", "/a/c": "backend = 127.0.0.1-9", "/": "backend = 127.0.0.1-9"}


def test_an_expression_that_restricts_keeps_its_rules(lab):
    server = "proxy_pass http://127.0.0.1:9;"
    rules = "allow 10.0.0.0/8; deny all;"
    shown = closed_by(lab, f"location ~ ^/(admin|ops)/ {{ {rules} {server} }} location /admin/x {{ {server} }} location ~ [.]cgi$ {{ {rules} {server} }}")
    for prefix in ["/admin", "/ops"]:
        assert re.search(rf'route "{prefix}" \{{[^\n]*\n *backend = 127.0.0.1-9\n *allow = \{{10.0.0.0/8\}}\n', shown), shown
    assert 'route "/admin/x"' not in shown
    assert "location ~ [.]cgi$: NOT CLOSED ANY MORE" in shown
    shown = closed_by(lab, f'location ~ ^/ops/ {{ auth_basic "x"; auth_basic_user_file /f; {server} }} location ~ [.]x$ {{ auth_basic "x"; {server} }}')
    assert re.search(r'route "/ops/" \{[^\n]*\n *backend = 127.0.0.1-9\n *users = "/f"', shown), shown
    assert "location ~ [.]x$: NOT CLOSED ANY MORE" in shown


def test_a_location_of_one_path_does_not_take_the_others(lab):
    shown = closed_by(lab, "location = / { return 302 /app/; } location = /x { return 302 /y; } location /x { return 204; }")
    assert "redirect" not in shown
    assert shown.count("that of all paths that begin so serves it") == 2


REWRITES = {
    "rewrite ^/p/(.*)$ /$1 break;": "strip-prefix = yes",
    "rewrite ^/p(/.*) $1 break;": "strip-prefix = yes",
    "rewrite ^/p/?(.*) /$1 break;": "strip-prefix = yes",
    "rewrite ^/p/(.*) /$1 last;": "return = 503",
    "rewrite ^/p/(.*) /q/$1 break;": "return = 503",
    "rewrite ^(.*)$ /q$1 break;": "return = 503",
    "rewrite ^/p/x$ /y break;": "backend = ",
    "rewrite ^/other/(.*) /$1 break;": "backend = ",
}


def test_rewrites_before_a_server(lab):
    for rewrite, expected in REWRITES.items():
        shown = closed_by(lab, f"location /p/ {{ {rewrite} proxy_pass http://127.0.0.1:9; }}")
        [first] = re.findall(r'route "/p/" \{[^\n]*\n *([^\n]*)\n', shown)
        assert first.startswith(expected), rewrite


def test_no_address_of_a_long_list_is_lost(lab):
    path = lab.folder / "nginx.conf"
    hosts = [f"10.0.{number // 256}.{number % 256}" for number in range(800)]
    for word in ["deny", "allow"]:
        rules = "".join(f"{word} {host};" for host in hosts) + ("deny all;" if word == "allow" else "")
        path.write_text(SITE.replace("location / {", f"location / {{ {rules}").replace("@HTTPS@", "443").replace("@SERVER@", "127.0.0.1:9"))
        shown = text(run([RAVELIN, "import", "nginx", path]).stdout)
        assert f"{word} = {{{', '.join(hosts)}}}\n" in shown


def test_no_name_of_a_site_is_lost(lab):
    path = lab.folder / "nginx.conf"
    lines = [" ".join(f"h{line}-{number}.test" for number in range(300)) for line in range(3)]
    path.write_text(SITE.replace("a.test;", "a.test; " + "".join(f"server_name {line};" for line in lines)).replace("@HTTPS@", "443").replace("@SERVER@", "127.0.0.1:9"))
    shown = text(run([RAVELIN, "import", "nginx", path]).stdout)
    for name in [name for line in lines for name in line.split()]:
        assert f'"{name}"' in shown


def test_routes_keep_their_limit_beside_one_without(lab):
    server = "proxy_pass http://127.0.0.1:9;"
    shown = closed_by(lab, f"location /a {{ {server} client_max_body_size 0; }} location /b {{ {server} client_max_body_size 3g; }} location /c {{ {server} client_max_body_size 5m; }}")
    sizes = dict(re.findall(r'route "([^"]*)" \{[^\n]*\n *backend = [^\n]*\n(?: *body-size = (\w+)\n)?', shown))
    assert "body-size = unlimited\n}" in shown
    assert sizes == {"/a": "", "/b": "", "/c": "5m", "/": "1m"}


def test_a_location_of_one_path_that_restricts_stays(lab):
    """Its path would be open otherwise."""
    server = "proxy_pass http://127.0.0.1:9/other;"
    shown = closed_by(lab, f"location = /a {{ allow 10.0.0.0/8; deny all; {server} }} location = /b {{ {server} }}")
    assert 'route "/a" {' in shown and 'route "/b" {' not in shown


@pytest.mark.parametrize("words", [[], ["nginx"], ["apache", "x"], ["nginx", "/no/such/file"]])
def test_wrong_usage(words):
    assert run([RAVELIN, "import", *words], check=False).returncode == 2
