"""users = FILE: clients have to log in with a name and a password (basic authentication)."""

import base64
import os
import signal
import subprocess
from pathlib import Path

import pytest

from ravelin_test.http import response
from ravelin_test.memory import find
from ravelin_test.proxy import block
from ravelin_test.settings import IS_ROOT, SANITIZED
from ravelin_test.waiting import wait_for

QUICK = 5  # a cost of bcrypt; 10 and more in real files


def hashed(name, password, cost=QUICK):
    """A line as htpasswd writes it."""
    command = ["htpasswd", "-n", "-i", "-B", "-C", str(cost), name]
    return subprocess.run(command, input=password, text=True, capture_output=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def lines():
    return {
        "bob": hashed("bob", "correct horse"),
        "zoë": hashed("zoë", "pässwörd:with colon"),
        "alice": hashed("alice", "wonderland"),
        "slow": hashed("slow", "patience", 11),
    }


def echo(request):
    """What the server learns of the client."""
    fields = ("Authorization", "X-Forwarded-User", "X_Forwarded_User")
    return response("|".join(",".join(request.all(name)) for name in fields))


def login(name, password):
    return "Authorization: Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def make_site(lab, routes, options=None):
    made = lab.authority.certificate("localhost", "127.0.0.1")
    inner = [block("certificate", f'"{made.path}"', {"key": f'"{made.key}"'})]
    inner += [block("route", f'"{prefix}"', {"backend": "web", **more}) for prefix, more in routes.items()]
    return block("site", "localhost", {"aliases": '{"127.0.0.1"}', **(options or {})}, inner)


@pytest.fixture
def serve(lab, lines):
    """A proxy whose site has these users, by name."""

    def serve(*names, routes=None, options=None, **more):
        path = lab.folder / "users"
        path.write_text("".join(lines[name] + "\n" for name in names))
        path.chmod(0o640)
        site = make_site(lab, routes or {"/": {}}, {"users": f'"{path}"', **(options or {})})
        return lab.proxy(lab.server(reply=echo), sites=[site], **more)

    return serve


def auth_pids(proxy):
    """Of the processes that check passwords."""
    found = []
    for child in Path(f"/proc/{proxy.pid}/task/{proxy.pid}/children").read_text().split():
        if Path(f"/proc/{child}/comm").read_text().startswith("rav-auth"):
            found.append(int(child))
    return found


def test_destinations_of_webdav(lab, serve, lines):
    """A password for one route counts for another one with the same file only."""
    others = lab.folder / "others"
    others.write_text(lines["alice"] + "\n")
    others.chmod(0o640)
    routes = {"/": {}, "/same/": {}, "/other/": {"users": f'"{others}"'}, "/open/": {"users": "none"}}
    client = lab.client(serve("bob", routes=routes))
    for target, destination, status in (
        ("/a", "/same/b", 200),
        ("/a", "/open/b", 200),
        ("/a", "/other/b", 403),
        ("/open/a", "/b", 403),
    ):
        fields = [login("bob", "correct horse"), f"Destination: https://localhost{destination}"]
        assert client.ask(target, "COPY", fields=fields).status == status, (target, destination)


def test_who_may_come(lab, serve):
    proxy = serve("bob", "zoë", listen={"http2": "yes"})
    client = lab.client(proxy)
    refused = client.ask()
    assert refused.status == 401
    assert refused.all("WWW-Authenticate") == ['Basic realm="Restricted", charset="UTF-8"']
    assert client.ask(fields=[login("bob", "correct horse")]).body == b"||"
    assert client.ask(fields=[login("zoë", "pässwörd:with colon")]).status == 200
    for name, password in (("bob", "wrong"), ("nobody", "correct horse"), ("bob", ""), ("Bob", "correct horse")):
        assert client.ask(fields=[login(name, password)]).status == 401
    for value in ("Bearer abc", "Basic", "Basic ====", "Basic Ym9i", "Digest username=bob", "Basic Ym9iOgA="):
        assert client.ask(fields=[f"Authorization: {value}"]).status == 401
    assert client.ask("/", "POST", body=b"x" * 1000, fields=[login("bob", "correct horse")]).status == 200
    assert proxy.curl("/", "--http2", "-u", "bob:correct horse").stdout == b"||"
    assert proxy.curl("/", "--http2", "-u", "bob:no", "-o", "/dev/null", "-w", "%{http_code}").stdout == b"401"
    logged = proxy.access_log(15)
    assert [(entry["user"], entry["status"]) for entry in logged[:4]] == [
        (None, 401),
        ("bob", 200),
        ("zoë", 200),
        ("bob", 401),
    ]
    assert logged[0]["ended"] == "no user and password"
    assert logged[3]["ended"] == "wrong user or password"
    # Each password was compared once, however often it came.
    assert (proxy.metrics()["passwords_checked"], proxy.metrics()["passwords_wrong"]) == (7, 5)


def test_what_the_server_learns(lab, serve):
    routes = {
        "/": {},
        "/named": {"user-header": "X-Forwarded-User"},
        "/passed": {"pass-authorization": "yes", "user-header": "X-Forwarded-User", "realm": '"The archive"'},
        "/open": {"users": "none"},
    }
    client = lab.client(serve("bob", routes=routes))
    known = login("bob", "correct horse")
    forged = ["X-Forwarded-User: root", "X_Forwarded_User: root"]
    assert client.ask(fields=[known]).body == b"||"
    assert client.ask("/named", fields=[known, *forged]).body == b"|bob|"
    assert client.ask("/named", fields=[known, *forged]).body == b"|bob|"  # now the verdict is known
    assert client.ask("/passed", fields=[known]).body.decode() == known.removeprefix("Authorization: ") + "|bob|"
    assert client.ask("/passed").all("WWW-Authenticate") == ['Basic realm="The archive", charset="UTF-8"']
    assert client.ask("/open", fields=[known]).body.decode() == known.removeprefix("Authorization: ") + "||"
    assert client.ask("/open").status == 200


def test_many_requests_cost_one_hash(lab, serve):
    proxy = serve("slow")
    known = login("slow", "patience")
    clients = [lab.client(proxy) for _ in range(8)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n" + known.encode() + b"\r\n\r\n")
    assert {client.response().status for client in clients} == {200}
    assert {clients[0].ask(fields=[known]).status for _ in range(50)} == {200}
    assert proxy.metrics()["passwords_checked"] == 1


def test_guesses(lab, serve):
    proxy = serve("bob", "alice")
    good, bad = lab.client(proxy), lab.client(proxy, source="127.0.0.2")
    assert good.ask(fields=[login("bob", "correct horse")]).status == 200
    for i in range(10):
        assert bad.ask(fields=[login("bob", f"guess {i}")]).status == 401
    limited = bad.ask(fields=[login("bob", "guess 10")])
    assert (limited.status, 0 < int(limited.get("Retry-After")) <= 30) == (429, True)
    assert bad.ask(fields=[login("alice", "wonderland")]).status == 429
    assert bad.ask(fields=[login("bob", "guess 0")]).status == 401  # it is no other guess
    assert good.ask(fields=[login("bob", "correct horse")]).status == 200
    assert lab.client(proxy).ask(fields=[login("alice", "wonderland")]).status == 200
    metrics = proxy.metrics()
    assert (metrics["passwords_wrong"], metrics["logins_limited"]) == (10, 2)
    assert proxy.access_log(14)[11]["ended"] == "too many wrong passwords"


def test_guesses_from_many_addresses_at_one_user(lab, serve):
    proxy = serve("bob", "alice")
    for i in range(30):
        client = lab.client(proxy, source=f"127.0.0.{2 + i // 8}")
        assert client.ask(fields=[login("bob", f"guess {i}")]).status == 401
    client = lab.client(proxy, source="127.0.1.1")
    assert client.ask(fields=[login("bob", "correct horse")]).status == 429
    assert client.ask(fields=[login("alice", "wonderland")]).status == 200


def test_a_reload(lab, lines, serve):
    proxy = serve("bob", "slow", allow=["a plain password, or no hash", "reload failed"])
    path = lab.folder / "users"
    client = lab.client(proxy)
    assert client.ask(fields=[login("bob", "correct horse")]).status == 200
    assert client.ask(fields=[login("alice", "wonderland")]).status == 401
    waiting = lab.client(proxy)
    waiting.send(f"GET / HTTP/1.1\r\nHost: localhost\r\n{login('slow', 'patience')}\r\n\r\n".encode())
    path.write_text(lines["alice"] + "\n")
    proxy.reload()
    assert waiting.response().status == 200  # it began with the former users
    assert client.ask(fields=[login("bob", "correct horse")]).status == 401
    assert client.ask(fields=[login("alice", "wonderland")]).status == 200
    path.write_text("alice:secret\n")
    refused = proxy.command("reload", check=False)
    assert refused.returncode == 2
    assert f"{path}:1: " in refused.stderr.decode() and "secret" not in refused.stderr.decode()
    assert client.ask(fields=[login("alice", "wonderland")]).status == 200
    proxy.configure(sites=[make_site(lab, {"/": {}})])
    proxy.reload()
    wait_for(lambda: not auth_pids(proxy), "the processes to end that have nothing to check")
    assert client.ask().status == 200
    proxy.configure(sites=[make_site(lab, {"/": {"users": f'"{path}"'}})])
    path.write_text(lines["bob"] + "\n")
    proxy.reload()
    assert client.ask().status == 401
    assert client.ask(fields=[login("bob", "correct horse")]).status == 200
    proxy.workers_may_die = True  # one kind has gone and come


def test_an_auth_process_that_dies(lab, serve):
    proxy = serve("slow", workers_may_die=True, allow=["auth 0.*was killed by signal 9"])
    [pid] = auth_pids(proxy)
    client = lab.client(proxy)
    os.kill(pid, signal.SIGSTOP)
    client.send(f"GET / HTTP/1.1\r\nHost: localhost\r\n{login('slow', 'patience')}\r\n\r\n".encode())
    wait_for(lambda: proxy.metrics()["passwords_checked"] == 1, "the question to be asked")
    os.kill(pid, signal.SIGKILL)
    assert client.response().status == 200  # the next one was asked again
    assert auth_pids(proxy) != [pid]


def test_clients_that_leave(lab, serve):
    proxy = serve("slow", "bob")
    for i in range(3):
        client = lab.client(proxy)
        client.send(f"GET / HTTP/1.1\r\nHost: localhost\r\n{login('slow', f'guess {i}')}\r\n\r\n".encode())
        client.close()
    assert lab.client(proxy).ask(fields=[login("bob", "correct horse")]).status == 200


def test_a_client_that_asks_for_much_at_once(lab, serve):
    proxy = serve("slow", "bob")
    clients = [lab.client(proxy, source="127.0.0.2") for _ in range(6)]
    for i, client in enumerate(clients):
        client.send(f"GET / HTTP/1.1\r\nHost: localhost\r\n{login('slow', f'guess {i}')}\r\n\r\n".encode())
    answers = [client.response() for client in clients]
    assert sorted(answer.status for answer in answers) == [401, 401, 401, 401, 503, 503]
    assert all(answer.get("Retry-After") for answer in answers if answer.status == 503)
    assert lab.client(proxy).ask(fields=[login("bob", "correct horse")]).status == 200


def test_a_websocket(lab, lines):
    def serve(connection):
        user = connection.head().get("X-Forwarded-User")
        connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        connection.send(f"hello {user}".encode())
        connection.end()

    path = lab.folder / "users"
    path.write_text(lines["bob"] + "\n")
    route = {"/": {"users": f'"{path}"', "user-header": "X-Forwarded-User"}}
    client = lab.client(lab.proxy(lab.server(serve), sites=[make_site(lab, route)]))
    ask = ["Connection: upgrade", "Upgrade: websocket"]
    assert client.ask(fields=ask).status == 401
    assert client.ask(fields=[*ask, login("bob", "correct horse")]).status == 101
    assert client.reader.rest() == b"hello bob"


@pytest.mark.parametrize(
    "line, what",
    [
        ("bob:$apr1$abcdefgh$ABCDEFGHIJKLMNOPQRSTU/", "MD5 ($apr1$) is not accepted"),
        ("bob:{SHA}2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "SHA-1 ({SHA}) is not accepted"),
        ("bob:plain", "a plain password, or no hash is not accepted"),
        ("bob", "no ':'"),
    ],
)
def test_check(lab, lines, line, what):
    path = lab.folder / "users"
    path.write_text(f"# staff\n\n{lines['alice']}\n{line}\n")
    proxy = lab.prepare(lab.server(), sites=[make_site(lab, {"/": {"users": f'"{path}"'}})])
    refused = proxy.command("check", check=False)
    assert refused.returncode == 2
    assert f"{path}:4: " in refused.stderr.decode() and what in refused.stderr.decode()
    assert "$apr1$abc" not in refused.stderr.decode()


# ---- The process that checks passwords ----


@pytest.mark.skipif(not IS_ROOT, reason="only root may look into the memory of others")
@pytest.mark.skipif(SANITIZED, reason="terabytes of shadow memory")
def test_hashes_are_in_the_memory_of_auth_processes_only(lab, lines, serve):
    proxy = serve("bob", workers=2)
    assert lab.client(proxy).ask(fields=[login("bob", "correct horse")]).status == 200
    proxy.reload()
    assert lab.client(proxy).ask(fields=[login("bob", "correct horse")]).status == 200
    needles = [lines["bob"].split(":")[1].encode()[8:]]
    checking = [child["pid"] for child in proxy.status()["auths"]]
    assert sorted(checking) == sorted(auth_pids(proxy)) and len(checking) == 2
    for pid in checking:
        assert find(pid, *needles)  # else this test would not find anything anywhere
    others = [child["pid"] for kind in ("workers", "signers") for child in proxy.status()[kind]]
    for pid in [proxy.pid, *others]:
        assert not find(pid, *needles)


@pytest.mark.skipif(not IS_ROOT, reason="only root may look at the descriptors of others")
def test_what_it_may_do(serve):
    [pid] = auth_pids(serve("bob"))
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    assert fields["NoNewPrivs"].split() == ["1"]
    assert fields["Seccomp"].split() == ["0" if SANITIZED else "2"]
    assert set(fields["CapEff"].strip()) == {"0"}
    held = {entry.name: os.readlink(entry) for entry in Path(f"/proc/{pid}/fd").iterdir()}
    assert held.pop("0") == held.pop("1") == "/dev/null"
    assert held.pop("2") == "/dev/null" or SANITIZED
    assert len(held) == 2 and all(name.startswith("socket:") for name in held.values())
