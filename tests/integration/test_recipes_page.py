"""The recipes of conf/recipes.md: each serves what its text says."""

import re

import pytest

from ravelin_test.http import response
from ravelin_test.issuing import Issuer
from ravelin_test.processes import run, text
from ravelin_test.servers import Server
from ravelin_test.settings import ROOT
from ravelin_test.waiting import wait_for

PAGE = (ROOT / "conf/recipes.md").read_text()
RECIPES = dict(re.findall(r"^```\n# ([^\n]*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))


class Recipe:
    """The file of a recipe, with the ports, files and servers of this test."""

    def __init__(self, lab, title):
        self.lab = lab
        self.proxy = lab.prepare()
        self.servers = {}
        self.ports = {"0.0.0.0:443": self.proxy.port}
        self.config = self._everywhere(RECIPES[title], "0.0.0.0:443", f"127.0.0.1:{self.proxy.port}")
        for page in ("0.0.0.0:80", "127.0.0.1:9901"):
            if page in self.config:
                port = lab.port()
                self.ports[page] = port.number
                self.config = self._everywhere(self.config, page, port.address)
        made = lab.authority.certificate("www.example.com", "example.com", "api.example.com", "internal.example.com")
        self.config = re.sub(r"tls/\w+\.pem \{ key = tls/\w+\.key \}", f'"{made.path}" {{ key = "{made.key}" }}', self.config)
        assert "tls/" not in self.config.replace("tls/clients.pem", "")
        for page in re.findall(r"server (\S+) \{", self.config):
            self.servers[page] = self._server(page)
            self.config = self._everywhere(self.config, f"server {page} ", f'server "{self.servers[page].address}" ')

    def replace(self, page, here):
        self.config = self._everywhere(self.config, page, str(here))

    @staticmethod
    def _everywhere(config, page, here):
        assert page in config
        return config.replace(page, here)

    def _server(self, page):
        """Its responses say which one it is, and what it was asked for."""
        path = self.lab.folder / "pages.sock" if page.startswith("unix:") else None
        reply = lambda request: response(f"{page} {request.target}", fields=["Server: test"])  # noqa: E731
        return self.lab.keep_server(Server(reply=reply, path=path))

    def start(self):
        self.proxy.write_config(self.config)
        assert self.proxy.command("check").stderr == b""
        self.proxy.start()
        return self

    def curl(self, url, *more, check=True):
        """Status and all of the response, without a redirect being followed."""
        to = []
        for host, port in re.findall(r"https?://([\w.]+)(:\d+)?", url):
            page = "0.0.0.0:80" if url.startswith("http:") else "0.0.0.0:443"
            to = ["--connect-to", f"{host}:{port[1:]}:127.0.0.1:{self.ports[page]}"]
        done = run(["curl", "-sSi", "--http1.1", "--cacert", self.lab.authority.ca, *to, *more, url], check=check)
        return text(done.stdout).replace("\r", "")


@pytest.fixture
def recipe(lab):
    return lambda title: Recipe(lab, title)


def status(answer):
    return int(answer.split()[1])


def test_several_hosts(recipe):
    proxy = recipe("several hosts").start()
    assert proxy.curl("https://www.example.com/a").endswith("127.0.0.1:9000 /a")
    assert proxy.curl("https://api.example.com/a").endswith("127.0.0.1:9001 /a")
    moved = proxy.curl("https://example.com/a?b")
    assert (status(moved), "\nLocation: https://www.example.com/a?b\n" in moved) == (308, True)
    moved = proxy.curl("http://example.com/a")
    port = proxy.ports["0.0.0.0:443"]
    assert (status(moved), f"\nLocation: https://example.com:{port}/a\n" in moved) == (308, True)


def test_a_web_application(recipe):
    proxy = recipe("a web application").start()
    assert proxy.curl("https://www.example.com/").endswith("unix:/run/pages.sock /")
    assert proxy.curl("https://www.example.com/api/users").endswith("127.0.0.1:9001 /users")
    assert proxy.curl("https://www.example.com/socket/a").endswith("127.0.0.1:9001 /socket/a")
    assert "\nLocation: /new/a\n" in proxy.curl("https://www.example.com/old/a")
    proxy.servers["unix:/run/pages.sock"].close()
    wait_for(lambda: status(proxy.curl("https://www.example.com/")) == 502, "a failure of the server")
    assert proxy.curl("https://www.example.com/").endswith("The application is starting. Try again in a minute.")


def test_several_servers(recipe):
    proxy = recipe("several servers")
    proxy.replace("interval = 5s", "interval = 300ms")
    proxy.start()
    first = proxy.curl("https://www.example.com/")
    assert first.endswith(("127.0.0.1:9001 /", "127.0.0.1:9002 /"))
    [cookie] = re.findall(r"^Set-Cookie: (server=[^;]*);", first, re.MULTILINE)
    for _ in range(4):
        again = proxy.curl("https://www.example.com/", "-b", cookie)
        assert again.splitlines()[-1] == first.splitlines()[-1]
    for page in ("127.0.0.1:9001", "127.0.0.1:9002"):
        proxy.servers[page].close()
    wait_for(lambda: proxy.curl("https://www.example.com/").endswith("127.0.0.1:9003 /"), "the backup")
    wait_for(lambda: text(proxy.proxy.command("servers").stdout).count("down: connect") == 2, "the checks")


def test_client_certificates(lab, recipe):
    proxy = recipe("client certificates")
    authority = Issuer(lab.folder / "clients", "Clients")
    ada = authority.issue("ada")
    proxy.replace("tls/clients.pem", f'"{authority.ca}"')
    proxy.start()
    served = proxy.curl("https://internal.example.com/", "--cert", ada.path, "--key", ada.key)
    assert served.endswith("127.0.0.1:9000 /")
    [request] = proxy.servers["127.0.0.1:9000"].requests
    assert "CN=ada" in request.get("X-Client-Certificate-Subject")
    assert proxy.curl("https://internal.example.com/", check=False) == ""
    assert len(proxy.servers["127.0.0.1:9000"].requests) == 1


def test_behind_a_load_balancer(recipe):
    proxy = recipe("behind a load balancer").start()
    assert proxy.curl("https://www.example.com/", "--haproxy-protocol").endswith("127.0.0.1:9000 /")
    assert proxy.curl("https://www.example.com/", check=False) == ""
    ready = f"http://127.0.0.1:{proxy.ports['127.0.0.1:9901']}/ready"
    asked = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", ready]
    assert run(asked).stdout == b"200"
    drain = run(["sh", "-c", f"kill -TERM {proxy.proxy.pid}"])
    assert drain.returncode == 0
    wait_for(lambda: run(asked).stdout == b"503", "/ready to become 503")
    assert proxy.curl("https://www.example.com/", "--haproxy-protocol").endswith("127.0.0.1:9000 /")
    run(["kill", "-INT", str(proxy.proxy.pid)])
    assert proxy.proxy.wait() == 0


def test_passwords(lab, recipe):
    proxy = recipe("passwords")
    users = lab.folder / "users"
    run(["htpasswd", "-c", "-b", "-B", "-C", "10", users, "alice", "wonderland"])
    users.chmod(0o640)
    proxy.replace('users = "users"', f'users = "{users}"')
    proxy.start()
    assert proxy.curl("https://www.example.com/").endswith("127.0.0.1:9000 /")
    refused = proxy.curl("https://www.example.com/staff/")
    assert (status(refused), 'realm="Staff only"' in refused) == (401, True)
    served = proxy.curl("https://www.example.com/staff/", "-u", "alice:wonderland", "-H", "X-Forwarded-User: bob")
    assert served.endswith("127.0.0.1:9000 /staff/")
    [*_, request] = proxy.servers["127.0.0.1:9000"].requests
    assert request.all("X-Forwarded-User") == ["alice"]


def test_limits(lab, recipe):
    proxy = recipe("limits")
    blocked = lab.folder / "blocked.txt"
    blocked.write_text("192.0.2.1\n")
    proxy.replace('"blocked.txt"', f'"{blocked}"')
    proxy.start()
    logins = [status(proxy.curl("https://www.example.com/login")) for _ in range(12)]
    assert logins[:5] == [200] * 5 and 429 in logins
    body = lab.folder / "body"
    body.write_bytes(bytes((1 << 20) + 1))
    post = ["--data-binary", f"@{body}"]
    assert status(proxy.curl("https://www.example.com/", "-H", "Expect:", *post)) == 413
    assert proxy.curl("https://www.example.com/upload/a", "-H", "Expect:", *post).endswith("127.0.0.1:9000 /upload/a")
    blocked.write_text("127.0.0.0/8\n")
    wait_for(lambda: status(proxy.curl("https://www.example.com/")) == 403, "the new list")


def test_headers_and_networks(recipe):
    proxy = recipe("headers and networks").start()
    page = proxy.curl("https://www.example.com/")
    assert "\nX-Frame-Options: DENY\n" in page and "\nContent-Security-Policy: default-src 'self'\n" in page
    assert "\nServer:" not in page
    assert status(proxy.curl("https://www.example.com/admin/")) == 403
    proxy.replace("192.0.2.7", "127.0.0.1")
    proxy.proxy.write_config(proxy.config)
    proxy.proxy.reload()
    assert proxy.curl("https://www.example.com/admin/").endswith("127.0.0.1:9000 /admin/")
    assert proxy.servers["127.0.0.1:9000"].requests[-1].get("X-Area") == "admin"


def test_sign_in(recipe):
    proxy = recipe("sign-in").start()
    login, app = proxy.servers["127.0.0.1:4180"], proxy.servers["127.0.0.1:9000"]
    where = "https://login.example.com/?rd=%2Fa"
    login.reply = lambda request: response("", "302 Found", [f"Location: {where}"])
    assert f"\nLocation: {where}\n" in proxy.curl("https://www.example.com/a", "-H", "X-Auth-Request-User: eve")
    assert app.requests == [] and login.requests[0].get("X-Forwarded-Uri") == "/a"
    login.reply = lambda request: response("", "202 Accepted", ["X-Auth-Request-User: ann", "Set-Cookie: session=1"])
    page = proxy.curl("https://www.example.com/a", "-H", "X-Auth-Request-User: eve")
    assert page.endswith("127.0.0.1:9000 /a") and "\nSet-Cookie: session=1\n" in page
    assert app.requests[0].all("X-Auth-Request-User") == ["ann"]
    assert status(proxy.curl("https://www.example.com/oauth2/callback")) == 202
    assert login.requests[-1].target == "/oauth2/callback"


def test_post_quantum_clients_only(lab, recipe):
    proxy = recipe("post-quantum")
    proxy.replace('"/var/log/ravelin/access.log"', f'"{proxy.proxy.access_path}"')
    proxy.start()
    assert proxy.curl("https://www.example.com/", "--curves", "X25519", check=False) == ""
    [line] = proxy.proxy.access_log(1)
    assert line["ended"].startswith("no post-quantum group offered")


def test_every_recipe_has_a_test():
    source = (ROOT / "tests/integration/test_recipes_page.py").read_text()
    for title in RECIPES:
        assert f'recipe("{title}")' in source
    assert len(RECIPES) == PAGE.count("```\n# ")
