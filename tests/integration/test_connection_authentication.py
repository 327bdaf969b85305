"""Servers that authenticate a connection (NTLM, Negotiate): it works through the proxy, and serves one client only."""

import pytest

from ravelin_test.http import request, response
from ravelin_test.proxy import backend_block, site_block
from ravelin_test.waiting import wait_for

CHALLENGES = {
    "ntlm": ["WWW-Authenticate: NTLM"],
    "negotiate": ["WWW-Authenticate: Negotiate"],
    "in a list": ['WWW-Authenticate: Basic realm="a, b", nEgOtIaTe'],
    "in the second line": ['WWW-Authenticate: Basic realm="a"', "www-authenticate: ntlm"],
    "proxy": ["Proxy-Authenticate: NTLM"],
}


def guarded(scheme="NTLM", challenge=("WWW-Authenticate: NTLM",)):
    """A script that wants two steps of a log-in on one connection, and remembers there who logged in."""

    def script(connection):
        user = None
        challenged = False
        while message := connection.request():
            word = (message.get("Authorization") or "").removeprefix(scheme + " ")
            if word == "step1":
                challenged = True
                connection.send(response("go on", "401 Unauthorized", [f"WWW-Authenticate: {scheme} challenge"]))
                continue
            if word.startswith("step2-") and challenged:
                user = word.removeprefix("step2-")
            if user:
                connection.send(response(f"{user} on {connection.number}"))
            else:
                connection.send(response("log in", "401 Unauthorized", challenge))

    return script


def log_in(client, user, scheme="NTLM"):
    assert client.ask(fields=[f"Authorization: {scheme} step1"]).status == 401
    answer = client.ask(fields=[f"Authorization: {scheme} step2-{user}"])
    assert answer.status == 200
    return answer.body.decode()


@pytest.mark.parametrize("scheme", ["NTLM", "Negotiate"])
def test_each_client_has_its_own_connection(lab, scheme):
    server = lab.server(guarded(scheme))
    proxy = lab.proxy(server)
    alice, bob = lab.client(proxy), lab.client(proxy)
    hers = log_in(alice, "alice", scheme)
    his = log_in(bob, "bob", scheme)
    assert hers.split()[0] == "alice" and his.split()[0] == "bob"
    for _ in range(3):
        assert alice.ask().body.decode() == hers
        assert bob.ask(method="POST", body=b"x").body.decode() == his
        assert lab.client(proxy).ask().body == b"log in"
    assert proxy.metrics()["pool_idle"] == 0


@pytest.mark.parametrize("challenge", CHALLENGES.values(), ids=CHALLENGES)
def test_a_challenge_makes_the_connection_private(lab, challenge):
    server = lab.server(guarded(challenge=challenge))
    proxy = lab.proxy(server)
    first, second = lab.client(proxy), lab.client(proxy)
    for client in (first, second, first, second):
        assert client.ask().status == 401
    assert [message.connection for message in server.requests] == [0, 1, 0, 1]


def test_persistent_auth_makes_the_connection_private(lab):
    server = lab.server(reply=lambda request: response("ok", fields=["Persistent-Auth: true"]))
    proxy = lab.proxy(server)
    first, second = lab.client(proxy), lab.client(proxy)
    for client in (first, second, first):
        assert client.ask().status == 200
    assert [message.connection for message in server.requests] == [0, 1, 0]


def test_credentials_make_the_connection_private(lab):
    """Even when the server asked for none, and when the connection had been in the pool."""
    server = lab.server()
    proxy = lab.proxy(server)
    assert lab.client(proxy).ask().status == 200
    alice = lab.client(proxy)
    assert alice.ask(fields=["Authorization: Negotiate YII="]).status == 200
    assert lab.client(proxy).ask().status == 200
    assert alice.ask().status == 200
    assert [message.connection for message in server.requests] == [0, 0, 1, 0]


def test_other_schemes_do_not(lab):
    server = lab.server(
        reply=lambda request: response("ok", fields=['WWW-Authenticate: Basic realm="NTLM"', "X: Negotiate"])
    )
    proxy = lab.proxy(server)
    for _ in range(3):
        assert lab.client(proxy).ask(fields=["Authorization: Basic TlRMTQ=="]).status == 200
    assert len(server.connections) == 1


def test_the_connection_ends_with_the_session(lab):
    ended = []

    def script(connection):
        guarded()(connection)
        ended.append(connection.number)

    server = lab.server(script)
    proxy = lab.proxy(server)
    alice, bob = lab.client(proxy), lab.client(proxy)
    log_in(alice, "alice")
    log_in(bob, "bob")
    alice.close()
    wait_for(lambda: ended == [0], "the first connection to end")
    bob.half_close()
    wait_for(lambda: ended == [0, 1], "the second connection to end")


def test_each_backend_has_a_connection_of_the_session(lab):
    servers = [lab.server(guarded()) for _ in range(2)]
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    proxy = lab.proxy(
        sites=[site_block("localhost", [certificate], routes={"/": "a", "/b/": "b"})],
        backends=[backend_block(name, [server]) for name, server in zip("ab", servers)],
    )
    client = lab.client(proxy)
    assert log_in(client, "alice") == "alice on 0"
    assert client.ask("/b/").status == 401
    for _ in range(2):
        assert client.ask("/").body == b"alice on 0"
        assert client.ask("/b/").status == 401
    assert [len(server.connections) for server in servers] == [1, 1]


def test_the_session_stays_with_its_server(lab):
    """Where round robin would go on to the next one."""
    servers = [lab.server(guarded()) for _ in range(3)]
    proxy = lab.proxy(*servers)
    client = lab.client(proxy)
    hers = log_in(client, "alice")
    for _ in range(4):
        assert client.ask().body.decode() == hers
    assert sum(len(server.connections) for server in servers) == 1


def test_a_connection_that_the_server_closed_is_replaced(lab):
    def script(connection):
        connection.request()
        connection.send(response("log in", "401 Unauthorized", ["WWW-Authenticate: NTLM"]))

    server = lab.server(script)
    proxy = lab.proxy(server)
    client = lab.client(proxy)
    for _ in range(3):
        assert client.ask(method="POST", body=b"x").status == 401
        server.connections[-1].close()
    assert len(server.connections) == 3


def test_a_log_in_with_proxy_headers(lab):
    """A connection that begins with the client's name is still the session's own, and gets that name once."""
    heads = []

    def script(connection):
        heads.append(connection.reader.until(b"\r\n", "a PROXY header"))
        guarded()(connection)

    server = lab.server(script)
    proxy = lab.proxy(server, backend={"send-proxy-protocol": "v1"})
    client = lab.client(proxy)
    assert log_in(client, "alice") == "alice on 0"
    assert client.ask().body == b"alice on 0"
    assert len(heads) == 1


def test_a_reload_keeps_the_connection(lab):
    server = lab.server(guarded())
    proxy = lab.proxy(server)
    client, during = lab.client(proxy), lab.client(proxy)
    hers = log_in(client, "alice")
    assert during.ask(fields=["Authorization: NTLM step1"]).status == 401
    proxy.configure(limits={"header-count": 50})
    proxy.reload()
    assert during.ask(fields=["Authorization: NTLM step2-bob"]).status == 200
    assert client.ask().body.decode() == hers
    proxy.wait_for_metrics(generations_held=1)


def test_a_reload_without_the_server_closes_the_connection(lab):
    old, new = lab.server(guarded()), lab.server(guarded())
    proxy = lab.proxy(old)
    client = lab.client(proxy)
    log_in(client, "alice")
    proxy.configure(backends=[backend_block("web", [new])])
    proxy.reload()
    assert client.ask().status == 401
    assert [len(old.connections), len(new.connections)] == [1, 1]


def test_a_reload_in_the_middle_of_a_request(lab):
    """The connection was leased in one generation and comes back in the next."""
    server = lab.server(guarded())
    proxy = lab.proxy(server)
    client = lab.client(proxy)
    assert client.ask(fields=["Authorization: NTLM step1"]).status == 401
    client.send(request(method="POST", fields=["Authorization: NTLM step2-alice", "Content-Length: 4"]) + b"ab")
    wait_for(lambda: b"step2" in server.connections[0].received, "the request")
    proxy.reload()
    client.send(b"cd")
    assert client.response().body == b"alice on 0"
    assert client.ask().body == b"alice on 0"
    proxy.wait_for_metrics(generations_held=1)
