"""Which server a request goes to, over which connection, and what happens when that fails."""

import socket
import threading
import time

import pytest

from ravelin_test.http import request, response
from ravelin_test.proxy import backend_block, site_block
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for


def named_servers(lab, *names):
    return [lab.server(reply=lambda request, name=name: response(name)) for name in names]


def ask_many(client, count, **options):
    """How often each answer came."""
    answers = [client.ask(**options) for _ in range(count)]
    assert {answer.status for answer in answers} == {200}
    bodies = [answer.body.decode() for answer in answers]
    return {body: bodies.count(body) for body in bodies}


def test_round_robin(lab):
    client = lab.client(lab.proxy(*named_servers(lab, "a", "b", "c")))
    assert ask_many(client, 30) == {"a": 10, "b": 10, "c": 10}


def test_round_robin_with_weights(lab):
    a, b, c = named_servers(lab, "a", "b", "c")
    client = lab.client(lab.proxy((a, {"weight": 5}), (b, {"weight": 3}), (c, {"weight": 2})))
    assert ask_many(client, 40) == {"a": 20, "b": 12, "c": 8}


def test_round_robin_over_many_clients(lab):
    proxy = lab.proxy(*named_servers(lab, "a", "b"))
    bodies = [lab.client(proxy).ask().body for _ in range(10)]
    assert bodies.count(b"a") == 5


def test_a_unix_socket(lab):
    server = lab.server(path=lab.folder / "server.sock")
    proxy = lab.proxy(server)
    client = lab.client(proxy)
    for _ in range(3):
        assert client.ask("/over/unix").body == b"ok"
    assert len(server.connections) == 1
    assert proxy.access_log(3)[0]["server"] == server.address


def test_a_unix_socket_that_is_missing(lab):
    proxy = lab.proxy(f"unix:{lab.folder}/none.sock")
    assert lab.client(proxy).ask().status == 502
    [line] = proxy.access_log(1)
    assert line["ended"] == "No such file or directory"


def test_a_failed_connection_is_one_line_of_a_worker(lab):
    proxy = lab.proxy(f"unix:{lab.folder}/none.sock", backend={"retries": "0"}, allow=[".*"])
    assert lab.client(proxy).ask().status == 502
    proxy.wait_for_log("out of use: connect: No such file or directory")
    told = [message for _, process, message in proxy.log_lines() if process.startswith("worker") and "No such" in message]
    assert told == [f"backend web: server unix:{lab.folder}/none.sock: cannot connect: No such file or directory"]


def test_backends_do_not_mix(lab):
    server_a, server_b = named_servers(lab, "a", "b")
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    proxy = lab.proxy(
        sites=[site_block("localhost", [certificate], routes={"/": "a", "/b/": "b"})],
        backends=[backend_block("a", [server_a]), backend_block("b", [server_b])],
    )
    client = lab.client(proxy)
    for _ in range(5):
        assert client.ask("/").body == b"a"
        assert client.ask("/b/").body == b"b"


# ---- The pool ----


def test_one_server_connection_serves_many_clients(lab):
    server = lab.server()
    proxy = lab.proxy(server)
    for _ in range(20):
        with lab.client(proxy) as client:
            assert client.ask().status == 200
            assert client.ask(method="POST", body=b"x").status == 200
    assert len(server.connections) == 1
    metrics = proxy.metrics()
    assert (metrics["server_connections"], metrics["server_reuses"], metrics["pool_idle"]) == (1, 39, 1)
    lines = proxy.access_log(40)
    assert [line["server_reused"] for line in lines] == [False] + [True] * 39


def test_a_connection_is_leased_to_one_exchange_at_a_time(lab):
    """While one client waits for its answer, another's request goes over a connection of its own."""
    waiting = threading.Barrier(3, timeout=60)

    def reply(request):
        waiting.wait()
        return response(request.target)

    server = lab.server(reply=reply)
    proxy = lab.proxy(server)
    clients = [lab.client(proxy) for _ in range(3)]
    for number, client in enumerate(clients):
        client.send(request(f"/{number}"))
    assert [client.response().body for client in clients] == [b"/0", b"/1", b"/2"]
    assert len(server.connections) == 3


def test_a_connection_that_the_server_closed_is_not_used_again(lab):
    """It ended while it was idle: also a request that must not be repeated goes through."""
    server = lab.server(lambda connection: connection.request() and connection.send(response("once")))
    proxy = lab.proxy(server)
    client = lab.client(proxy)
    for _ in range(5):
        assert client.ask(method="POST", body=b"x").body == b"once"
        proxy.wait_for_metrics(pool_idle=0)
    assert len(server.connections) == 5


def test_an_answer_that_the_client_did_not_wait_for_is_not_given_to_another(lab):
    go = threading.Event()

    def reply(request):
        if request.target == "/slow":
            assert go.wait(60)
        return response(request.target)

    server = lab.server(reply=reply)
    proxy = lab.proxy(server)
    impatient = lab.client(proxy)
    impatient.send(request("/slow"))
    wait_for(lambda: server.requests, "the request at the server")
    impatient.reset()
    proxy.wait_for_metrics(sessions_open=0)
    go.set()
    for _ in range(5):
        assert lab.client(proxy).ask("/mine").body == b"/mine"


# ---- Retries ----


def closes_on_second_request(connection):
    """The race that every pool has: the server gives the connection up just as the next request comes."""
    request = connection.request()
    connection.send(response("" if request.method == "HEAD" else "first"))
    connection.head()


@pytest.mark.parametrize("method, body", [("GET", None), ("HEAD", None), ("DELETE", None), ("OPTIONS", None)])
def test_what_can_be_repeated_is_tried_again_on_a_fresh_connection(lab, method, body):
    server = lab.server(closes_on_second_request)
    proxy = lab.proxy(server)
    client = lab.client(proxy)
    for _ in range(4):
        assert client.ask(method=method, body=body).status == 200
    assert len(server.requests) == 4 + 3
    assert proxy.metrics()["server_retries"] == 3


@pytest.mark.parametrize("method, body", [("POST", b"pay"), ("POST", None), ("PATCH", None), ("PUT", b"all of it")])
def test_what_cannot_be_repeated_is_not(lab, method, body):
    """The method does not allow it, or the body is gone."""
    server = lab.server(closes_on_second_request)
    client = lab.client(lab.proxy(server, allow=[".*"]))
    assert client.ask(method=method, body=body).status == 200
    assert client.ask(method=method, body=body).status == 502
    assert len(server.requests) == 2


def test_a_reset_counts_like_an_end(lab):
    def script(connection):
        connection.request()
        connection.send(response("first"))
        connection.head()
        connection.reset()

    client = lab.client(lab.proxy(lab.server(script)))
    for _ in range(3):
        assert client.ask().body == b"first"


def test_no_second_try_after_part_of_the_answer_was_seen(lab):
    def script(connection):
        connection.request()
        connection.send(response("first"))
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Le")

    server = lab.server(script)
    client = lab.client(lab.proxy(server, allow=[".*"]))
    assert client.ask().body == b"first"
    assert client.ask().status == 502
    assert len(server.requests) == 2


def test_retries_can_be_switched_off(lab):
    server = lab.server(closes_on_second_request)
    client = lab.client(lab.proxy(server, backend={"retries": 0}, allow=[".*"]))
    assert client.ask().status == 200
    assert client.ask().status == 502


def test_retries_are_bounded(lab):
    """A server that never answers is not asked for ever."""
    server = lab.server(lambda connection: connection.head())
    client = lab.client(lab.proxy(server, allow=[".*"]))
    assert client.ask().status == 502
    assert len(server.requests) <= 2


# ---- Servers that cannot be reached ----


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"x" * 50_000)], ids=["GET", "POST"])
def test_a_refusing_server_is_passed_over(lab, method, body):
    """Nothing was sent to it, so this holds for every request. And it is not asked every time."""
    [server] = named_servers(lab, "good")
    proxy = lab.proxy(lab.refused_address(), server, allow=[".*"])
    client = lab.client(proxy)
    begin = time.monotonic()
    assert ask_many(client, 40, method=method, body=body) == {"good": 40}
    # Asked every other time it would have failed 20 times; it may be asked again after a second.
    assert 1 <= proxy.metrics()["server_failures"] <= 2 + (time.monotonic() - begin)


def test_a_server_that_does_not_take_connections_is_passed_over(lab):
    [server] = named_servers(lab, "good")
    proxy = lab.proxy(lab.deaf_server(), server, backend={"connect-timeout": "500ms"}, allow=[".*"])
    assert ask_many(lab.client(proxy), 5) == {"good": 5}


class FullServer:
    """A unix socket whose queue is full: connecting fails at once, and the kernel does not tell when there is room."""

    def __init__(self, path):
        self.address = f"unix:{path}"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        path.chmod(0o666)
        self._listener.listen(0)
        self._listener.settimeout(2 * PATIENCE)
        self._filler = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._filler.connect(str(path))

    def serve(self, count):
        """Takes the filler from the queue, then answers `count` requests, each on a connection of its own."""
        self._listener.accept()[0].close()
        for _ in range(count):
            peer, _ = self._listener.accept()
            with peer:
                peer.settimeout(PATIENCE)
                head = b""
                while b"\r\n\r\n" not in head:
                    more = peer.recv(65536)
                    assert more, "the proxy closed its connection"
                    head += more
                peer.sendall(response("served"))

    def close(self):
        self._listener.close()
        self._filler.close()


@pytest.mark.parametrize("method, body", [("GET", None), ("POST", b"x" * 1000)], ids=["GET", "POST"])
def test_a_unix_server_whose_queue_is_full_is_waited_for(lab, method, body):
    server = lab.keep_server(FullServer(lab.folder / "full.sock"))
    proxy = lab.proxy(server, backend={"connect-timeout": "1m", "retries": 0})
    clients = [lab.client(proxy) for _ in range(3)]
    for client in clients:
        client.send(request("/", method, body=body))
    assert lab.client(proxy).ask(host="elsewhere.test").status == 421  # the worker goes on meanwhile
    assert proxy.access_log(1)[0]["status"] == 421
    server.serve(len(clients))
    assert [client.response().body for client in clients] == [b"served"] * 3
    lines = proxy.access_log(4)[1:]
    assert all(0 < line["connect_us"] <= line["duration_us"] for line in lines)


def test_a_queue_that_stays_full_is_not_waited_for_longer_than_the_connect_timeout(lab):
    full = lab.keep_server(FullServer(lab.folder / "full.sock"))
    [good] = named_servers(lab, "good")
    sites = [site_block("localhost", [lab.authority.certificate("localhost", "127.0.0.1")], routes={"/": "full", "/both/": "both"})]
    options = {"connect-timeout": "300ms"}
    backends = [backend_block("full", [full], {**options, "retries": 0}), backend_block("both", [full, good], options)]
    proxy = lab.proxy(sites=sites, backends=backends)
    client = lab.client(proxy)
    assert client.ask().status == 504
    assert ask_many(client, 4, target="/both/") == {"good": 4}
    assert proxy.access_log(5)[0]["ended"] == "connect timeout"


def test_a_server_that_comes_back_is_used_again(lab):
    path = lab.folder / "late.sock"
    [early] = named_servers(lab, "early")
    proxy = lab.proxy(early, f"unix:{path}", allow=[".*"])
    client = lab.client(proxy)
    assert ask_many(client, 4) == {"early": 4}
    lab.server(reply=lambda request: response("late"), path=path)
    wait_for(lambda: client.ask().body == b"late", "the server that came late to be asked")


def test_when_every_server_refuses_the_client_is_told(lab):
    proxy = lab.proxy(lab.refused_address(), lab.refused_address(), allow=[".*"])
    assert lab.client(proxy).ask().status in (502, 503)


def test_a_slow_server_does_not_hold_up_others(lab):
    go = threading.Event()

    def reply(request):
        if request.target == "/slow":
            assert go.wait(60)
        return response(request.target)

    proxy = lab.proxy(lab.server(reply=reply))
    slow = lab.client(proxy)
    slow.send(request("/slow"))
    for _ in range(10):
        assert lab.client(proxy).ask("/quick").body == b"/quick"
    go.set()
    assert slow.response().body == b"/slow"
