"""How a backend chooses among its servers, seen from outside."""

import os
import re
import select
import signal
import threading

from ravelin_test.http import request, response
from ravelin_test.proxy import backend_block
from ravelin_test.waiting import wait_for


def named_servers(lab, *names):
    return [lab.server(reply=lambda request, name=name: response(name)) for name in names]


def answer_of(client, **options):
    answer = client.ask(**options)
    assert answer.status == 200
    return answer.body.decode()


class SlowServer:
    """Answers when it is told to; `waiting` requests are there."""

    def __init__(self, lab, name):
        self._go = threading.Event()
        self.server = lab.server(reply=lambda request: self._reply(request, name))
        self.address = self.server.address
        self.waiting = 0

    def _reply(self, request, name):
        self.waiting += 1
        assert self._go.wait(60)
        return response(name)

    def let_go(self):
        self._go.set()


def fill(lab, proxy, count):
    """Clients with a request each, which wait for their responses."""
    clients = [lab.client(proxy) for _ in range(count)]
    for client in clients:
        client.send(request("/"))
    return clients


def held(servers):
    return [server.waiting for server in servers]


# ---- Least connections ----


def test_least_connections_of_all_workers(lab):
    """Four workers count together: each new request finds the server with the fewest."""
    servers = [SlowServer(lab, name) for name in "abc"]
    proxy = lab.proxy(*servers, workers=4, backend={"balance": "least-connections"})
    clients = []
    for number in range(1, 31):
        clients += fill(lab, proxy, 1)
        wait_for(lambda: sum(held(servers)) == number, "the request at a server")
    assert held(servers) == [10, 10, 10]
    for server in servers:
        server.let_go()
    assert {client.response().status for client in clients} == {200}


def test_least_connections_avoids_a_slow_server(lab):
    """Every worker knows that one connection to it is in use, in whichever that is."""
    slow = SlowServer(lab, "slow")
    proxy = lab.proxy(slow, *named_servers(lab, "a", "b"), workers=4, backend={"balance": "least-connections"})
    waiting = fill_until_busy(lab, proxy, slow)
    for _ in range(40):
        with lab.client(proxy) as client:
            assert answer_of(client) in "ab"
    assert slow.waiting == 1
    slow.let_go()
    assert waiting.response().body == b"slow"


def test_connections_in_use_survive_a_reload_and_not_their_worker(lab):
    slow = SlowServer(lab, "slow")
    options = {"balance": "least-connections"}
    proxy = lab.proxy(slow, *named_servers(lab, "a"), backend=options, workers_may_die=True, allow=["killed by signal 9"])
    fill(lab, proxy, 2)
    wait_for(lambda: slow.waiting == 1, "the slow server")
    proxy.reload()
    client = lab.client(proxy)
    assert {answer_of(client) for _ in range(20)} == {"a"}
    former = proxy.worker_pids()[0]
    os.kill(former, signal.SIGKILL)
    wait_for(lambda: proxy.worker_pids().get(0) not in (None, former), "another worker")
    slow.let_go()
    client = wait_for(lambda: try_client(lab, proxy), "a client of the new worker")
    assert {answer_of(client) for _ in range(10)} == {"a", "slow"}


def try_client(lab, proxy):
    try:
        return lab.client(proxy)
    except OSError:
        return None


def fill_until_busy(lab, proxy, slow):
    """The client whose request the slow server has."""
    for _ in range(200):
        [client] = fill(lab, proxy, 1)
        wait_for(lambda: slow.waiting == 1 or client_is_answered(client), "an answer")
        if slow.waiting == 1:
            return client
    raise AssertionError("the slow server is never chosen")


def test_random_two_avoids_a_slow_server(lab):
    slow = SlowServer(lab, "slow")
    proxy = lab.proxy(slow, *named_servers(lab, "a", "b"), backend={"balance": "random-two"})
    fill_until_busy(lab, proxy, slow)
    client = lab.client(proxy)
    bodies = [answer_of(client) for _ in range(60)]
    assert set(bodies) == {"a", "b"}  # it loses against whichever is the other of the two
    slow.let_go()


def client_is_answered(client):
    return select.select([client.socket], [], [], 0)[0]


# ---- Hash ----


def test_hash_by_header(lab):
    servers = named_servers(lab, "a", "b", "c")
    proxy = lab.proxy(*servers, workers=2, backend={"balance": "hash", "hash-by": "header X-User"})
    chosen = {}
    for _ in range(3):  # on other connections, and so in either worker
        with lab.client(proxy) as client:
            for user in range(40):
                name = answer_of(client, fields=[f"X-User: user-{user}"])
                assert chosen.setdefault(user, name) == name
    assert set(chosen.values()) == {"a", "b", "c"}
    # After a reload with other servers in another order only the keys of the one that went have moved.
    proxy.configure(backends=[backend(servers[2], servers[0])])
    proxy.reload()
    with lab.client(proxy) as client:
        for user, name in chosen.items():
            now = answer_of(client, fields=[f"X-User: user-{user}"])
            assert now == name or name == "b"


def backend(*servers):
    return backend_block("web", servers, {"balance": "hash", "hash-by": '"header X-User"'})


def test_hash_without_a_key_is_round_robin(lab):
    proxy = lab.proxy(*named_servers(lab, "a", "b"), backend={"balance": "hash", "hash-by": "cookie id"})
    client = lab.client(proxy)
    assert [answer_of(client) for _ in range(4)] in (["a", "b"] * 2, ["b", "a"] * 2)
    for value in "123":
        assert len({answer_of(client, fields=[f"Cookie: x=0; id={value}"]) for _ in range(6)}) == 1


def test_hash_by_path_and_by_client(lab):
    servers = named_servers(lab, "a", "b", "c")
    client = lab.client(lab.proxy(*servers, backend={"balance": "hash", "hash-by": "path"}))
    names = [answer_of(client, target=f"/{number}?{query}") for number in range(20) for query in "xyz"]
    assert names[0::3] == names[1::3] == names[2::3]
    assert set(names) == {"a", "b", "c"}
    proxy = lab.proxy(*servers, backend={"balance": "hash"}, top={"trusted-proxies": "127.0.0.1"})
    client = lab.client(proxy)
    names = [answer_of(client, fields=[f"X-Forwarded-For: 192.0.2.{number}"]) for number in range(30)]
    assert names == [answer_of(client, fields=[f"X-Forwarded-For: 192.0.2.{number}"]) for number in range(30)]
    assert set(names) == {"a", "b", "c"}
    assert len({answer_of(client) for _ in range(6)}) == 1


def test_a_key_goes_elsewhere_while_its_server_is_gone(lab):
    [server] = named_servers(lab, "good")
    proxy = lab.proxy(lab.refused_address(), server, backend={"balance": "hash", "hash-by": "path"}, allow=[".*"])
    client = lab.client(proxy)
    assert {answer_of(client, target=f"/{number}") for number in range(20)} == {"good"}


# ---- Backups ----


def test_a_backup_serves_while_no_other_is_up(lab):
    main, spare = named_servers(lab, "main", "spare")
    proxy = lab.proxy((spare, {"backup": "yes"}), main, allow=[".*"])
    client = lab.client(proxy)
    assert {answer_of(client) for _ in range(10)} == {"main"}
    main.close()
    assert {answer_of(client) for _ in range(10)} == {"spare"}
    again = lab.server(reply=lambda request: response("again"))
    proxy.configure(backends=[backend_block("web", [again, (spare, {"backup": "yes"})])])
    proxy.reload()
    assert {answer_of(client) for _ in range(10)} == {"again"}


def test_backups_alone_serve(lab):
    servers = [(server, {"backup": "yes"}) for server in named_servers(lab, "a", "b")]
    client = lab.client(lab.proxy(*servers))
    assert [answer_of(client) for _ in range(4)] == ["a", "b", "a", "b"]


# ---- Sticky clients ----

COOKIE = re.compile(r"id=([0-9a-f]{32}); Path=/; HttpOnly; Secure; SameSite=Lax")


def sticky(*servers):
    return [backend_block("web", servers, {"sticky": "id"})]


def cookie_of(answer):
    """The name in the cookie that a response sets; None: it sets none."""
    lines = [value for name, value in answer.fields if name.lower() == "set-cookie"]
    assert len(lines) <= 1
    return COOKIE.fullmatch(lines[0])[1] if lines else None


def ask_as(client, name, **options):
    """(the body, the name in a cookie that came)."""
    answer = client.ask(fields=[f"Cookie: a=b; id={name}"] if name else [], **options)
    assert answer.status == 200
    return answer.body.decode(), cookie_of(answer)


def test_a_client_stays_with_its_server(lab):
    servers = named_servers(lab, "a", "b", "c")
    proxy = lab.proxy(backends=sticky(*servers), workers=3)
    names = {}
    while len(names) < 3:
        with lab.client(proxy) as client:
            for _ in range(3):
                body, name = ask_as(client, None)
                assert names.setdefault(body, name) == name  # every worker says the same
    assert len(set(names.values())) == 3
    for _ in range(4):
        with lab.client(proxy) as client:
            for body, name in names.items():
                assert ask_as(client, name) == (body, None)
    proxy.configure(backends=sticky(*reversed(servers)))
    proxy.reload()
    with lab.client(proxy) as client:
        for body, name in names.items():
            assert ask_as(client, name) == (body, None)


def test_a_client_whose_server_is_gone_gets_another(lab):
    servers = named_servers(lab, "a", "b")
    proxy = lab.proxy(backends=sticky(*servers), allow=[".*"])
    client = lab.client(proxy)
    names = dict(ask_as(client, None) for _ in range(2))
    proxy.configure(backends=sticky(servers[1]))
    proxy.reload()
    assert ask_as(client, names["a"]) == ("b", names["b"])
    proxy.configure(backends=sticky(*servers))
    proxy.reload()  # it is back, by the same name
    assert ask_as(client, names["a"]) == ("a", None)
    servers[0].close()
    assert ask_as(client, names["a"]) == ("b", names["b"])
    assert ask_as(client, names["a"], method="POST", body=b"x") == ("b", names["b"])


def test_other_cookies_name_no_server(lab):
    servers = named_servers(lab, "a", "b")
    proxy = lab.proxy(backends=sticky(*servers), workers=1)
    client = lab.client(proxy)
    names = dict(ask_as(client, None) for _ in range(2))
    flipped = names["a"][:-1] + ("0" if names["a"][-1] != "0" else "1")
    for wrong in [flipped, names["a"].upper(), names["a"] + "0", "0" * 32, "127.0.0.1:9000"]:
        chosen = {ask_as(client, wrong) for _ in range(2)}
        assert chosen == {("a", names["a"]), ("b", names["b"])}


def test_a_new_start_has_new_names(lab):
    server = lab.server()
    names = []
    for _ in range(2):
        with lab.client(lab.proxy(backends=sticky(server))) as client:
            names.append(cookie_of(client.ask()))
            assert cookie_of(client.ask(fields=[f"Cookie: id={names[0]}"])) in (None, names[-1])
    assert names[0] != names[1]


def test_no_cookie_without_a_server(lab):
    """Not with Ravelin's own answers, nor with interim responses."""
    interim = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    server = lab.server(reply=lambda request: interim + response("ok"))
    proxy = lab.proxy(backends=sticky(server))
    client = lab.client(proxy)
    answer = client.ask()
    assert cookie_of(answer)
    assert [cookie_of(early) for early in answer.interim] == [None]
    assert cookie_of(client.ask(host="elsewhere.test")) is None


def test_a_cookie_with_a_large_response_head(lab):
    """In a head that goes out in pieces, too."""
    field = "X-Large: " + "x" * 30_000
    server = lab.server(reply=lambda request: response("ok", fields=[field]))
    client = lab.client(lab.proxy(backends=sticky(server)))
    for _ in range(3):
        answer = client.ask()
        assert answer.body == b"ok"
        assert cookie_of(answer)
