"""Limits of connections to a server, and the requests that wait for one."""

import threading
import time

import pytest

from ravelin_test.http import request, response
from ravelin_test.proxy import backend_block
from ravelin_test.waiting import wait_for


class CountingServer:
    """Holds requests until they are let go, one after the other or all; notes how many it had at most."""

    def __init__(self, lab):
        self._lock = threading.Condition()
        self._allowed = 0
        self._began = 0
        self.active = self.peak = 0
        self.order = []
        self.server = lab.server(reply=self._reply)
        self.address = self.server.address

    def _reply(self, request):
        with self._lock:
            self.active += 1
            self.peak = max(self.peak, self.active)
            self.order.append(request.target)
            number = self._began
            self._began += 1
            assert self._lock.wait_for(lambda: number < self._allowed, 60)
            self.active -= 1
        return response(request.target)

    def let(self, count):
        """The first `count` requests may end."""
        with self._lock:
            self._allowed = max(count, self._allowed)
            self._lock.notify_all()


def limited(most, servers, **options):
    return [backend_block("web", [(server, {"max-connections": most}) for server in servers], options)]


def ask_in_turn(lab, proxy, count, waiting_from, **options):
    """So many clients with a request each; those from `waiting_from` on wait, in this order."""
    clients = []
    for number in range(count):
        client = lab.client(proxy)
        client.send(request(f"/{number}", **options))
        clients.append(client)
        if number >= waiting_from:
            proxy.wait_for_metrics(queue_waiting=number - waiting_from + 1)
    return clients


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_than_the_limit_over_all_workers(lab, workers):
    servers = [CountingServer(lab) for _ in range(2)]
    proxy = lab.proxy(backends=limited(3, servers), workers=workers)
    clients = ask_in_turn(lab, proxy, 20, 6)
    assert [server.peak for server in servers] == [3, 3]
    for server in servers:
        server.let(1000)
    assert [client.response().body for client in clients] == [f"/{number}".encode() for number in range(20)]
    assert [server.peak for server in servers] == [3, 3]
    metrics = proxy.metrics()
    assert (metrics["queue_waiting"], metrics["queue_refused"]) == (0, 0)


def test_first_come_first_served(lab):
    server = CountingServer(lab)
    proxy = lab.proxy(backends=limited(1, [server]))
    clients = ask_in_turn(lab, proxy, 6, 1)
    for number, client in enumerate(clients):
        server.let(number + 1)
        assert client.response().body == f"/{number}".encode()
    assert server.order == [f"/{number}" for number in range(6)]


def test_a_request_with_a_body_waits_too(lab):
    server = CountingServer(lab)
    proxy = lab.proxy(backends=limited(1, [server]))
    clients = ask_in_turn(lab, proxy, 3, 1, method="POST", body=b"x" * 100_000)
    server.let(3)
    assert [client.response().status for client in clients] == [200] * 3
    assert [len(message.body) for message in server.server.requests] == [100_000] * 3


def test_clients_take_turns(lab):
    """One client with many requests does not keep out others that come later."""
    server = CountingServer(lab)
    proxy = lab.proxy(backends=limited(1, [server]), top={"trusted-proxies": "127.0.0.1"})
    names = [*"aaaaaaaaaa", *"bcdbcd"]
    clients = []
    for waiting, name in enumerate(names):
        client = lab.client(proxy)
        client.send(request(f"/{name}", fields=[f"X-Forwarded-For: 192.0.2.{ord(name)}"]))
        proxy.wait_for_metrics(queue_waiting=waiting)
        clients.append(client)
    server.let(len(names))
    assert {client.response().status for client in clients} == {200}
    turns = server.order[1:8]
    assert all(one != next for one, next in zip(turns, turns[1:])), server.order


# ---- Refusals ----


def test_after_the_time_out_503(lab):
    server = CountingServer(lab)
    proxy = lab.proxy(backends=limited(1, [server], **{"queue-timeout": "1500ms"}))
    first, second = ask_in_turn(lab, proxy, 2, 1)
    begin = time.monotonic()
    answer = second.response()
    assert time.monotonic() - begin > 1
    assert (answer.status, answer.get("Retry-After")) == (503, "2")
    assert proxy.metrics()["queue_refused"] == 1
    line = proxy.access_log(1)[0]
    assert (line["status"], line["server"], line["ended"]) == (503, None, "all servers had max-connections in use")
    second.send(request("/again"))  # on the same connection
    proxy.wait_for_metrics(queue_waiting=1)
    server.let(2)
    assert second.response().body == b"/again"
    assert first.response().body == b"/0"


@pytest.mark.parametrize("room", [0, 2])
def test_a_full_queue_is_503_at_once(lab, room):
    server = CountingServer(lab)
    proxy = lab.proxy(backends=limited(1, [server], queue=room, **{"queue-timeout": "1h"}), workers=2)
    clients = ask_in_turn(lab, proxy, 1 + room, 1)
    answer = lab.client(proxy).ask("/more")
    assert (answer.status, answer.get("Retry-After")) == (503, "3600")
    server.let(1 + room)
    assert {client.response().status for client in clients} == {200}


def test_a_client_that_left_leaves_the_queue(lab):
    server = CountingServer(lab)
    proxy = lab.proxy(backends=limited(1, [server]))
    clients = ask_in_turn(lab, proxy, 4, 1)
    clients[1].close()
    proxy.wait_for_metrics(queue_waiting=2)
    clients[2].reset()
    proxy.wait_for_metrics(queue_waiting=1)
    server.let(2)
    assert clients[0].response().body == b"/0"
    assert clients[3].response().body == b"/3"
    assert server.order == ["/0", "/3"]


# ---- Changes while somebody waits ----


def test_a_reload_keeps_who_waits_and_what_is_in_use(lab):
    server = CountingServer(lab)
    proxy = lab.proxy(backends=limited(1, [server]))
    clients = ask_in_turn(lab, proxy, 3, 1)
    proxy.reload()
    late = lab.client(proxy)
    late.send(request("/late"))
    proxy.wait_for_metrics(queue_waiting=3)
    assert server.peak == 1
    server.let(4)
    assert [client.response().status for client in [*clients, late]] == [200] * 4
    assert server.peak == 1


def test_a_server_that_fails_makes_room(lab):
    """Its connections end, and who waits is tried on the other one."""
    gone, server = CountingServer(lab), CountingServer(lab)
    proxy = lab.proxy(backends=limited(1, [gone, server]), allow=[".*"])
    clients = ask_in_turn(lab, proxy, 5, 2)
    gone.server.stop_listening()
    for connection in gone.server.connections:
        connection.close()
    server.let(10)
    statuses = [client.response().status for client in clients]
    assert statuses == [200] * 5
    assert server.peak == 1
    gone.let(10)


@pytest.mark.parametrize("queue", ["100", "0"])
def test_a_status_is_repeated_at_a_server_that_has_no_connection_left(lab, queue):
    """The request waits for it. If it cannot wait, the client gets the response."""
    busy, server = lab.server(reply=lambda request: response("busy", status="503 Busy")), CountingServer(lab)
    options = {"fail-on-status": "yes", "max-failures": "off", "failure-ratio": "off", "queue": queue}
    proxy = lab.proxy(backends=limited(1, [busy, server], **options))
    first = lab.client(proxy)
    first.send(request("/first"))  # the busy one answers; this is asked elsewhere and holds the other
    wait_for(lambda: server.active == 1, "the request at the other server")
    second = lab.client(proxy)
    second.send(request("/second"))
    if queue == "100":
        proxy.wait_for_metrics(queue_waiting=1)
    else:
        assert second.response().body == b"busy"
    server.let(2)
    assert first.response().body == b"/first"
    if queue == "100":
        assert second.response().body == b"/second"


def test_backups_do_not_help_a_full_server(lab):
    server, spare = CountingServer(lab), CountingServer(lab)
    servers = [(server, {"max-connections": 1}), (spare, {"backup": "yes"})]
    proxy = lab.proxy(backends=[backend_block("web", servers)])
    clients = ask_in_turn(lab, proxy, 3, 1)
    server.let(3)
    assert [client.response().status for client in clients] == [200] * 3
    assert spare.peak == 0


def test_a_sticky_client_waits_for_its_server(lab):
    """Another server has a connection left, and who names no server gets it."""
    servers = [CountingServer(lab) for _ in range(2)]
    proxy = lab.proxy(backends=limited(1, servers, sticky="id"))
    for server in servers:
        server.let(1)
    client = lab.client(proxy)
    cookies = [client.ask().get("Set-Cookie").partition(";")[0] for _ in range(2)]
    busy = lab.client(proxy)
    busy.send(request("/busy", fields=[f"Cookie: {cookies[0]}"]))
    wait_for(lambda: servers[0].active == 1, "the first server")
    waits = lab.client(proxy)
    waits.send(request("/waits", fields=[f"Cookie: {cookies[0]}"]))
    proxy.wait_for_metrics(queue_waiting=1)
    servers[1].let(100)
    assert lab.client(proxy).ask("/free").body == b"/free"
    assert servers[0].active == 1
    servers[0].let(100)
    assert (busy.response().body, waits.response().body) == (b"/busy", b"/waits")
    assert servers[0].order == ["/", "/busy", "/waits"]


def test_under_load_the_limit_holds_and_all_are_served(lab):
    lock = threading.Lock()
    counts = {"now": 0, "peak": 0}

    def reply(request):
        with lock:
            counts["now"] += 1
            counts["peak"] = max(counts["peak"], counts["now"])
        time.sleep(0.002)
        with lock:
            counts["now"] -= 1
        return response("ok")

    proxy = lab.proxy(backends=limited(2, [lab.server(reply=reply)], **{"queue-timeout": "1m"}), workers=3)
    served = []

    def ask():
        with lab.client(proxy) as client:
            served.extend(client.ask().status for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert served == [200] * (16 * 20)
    assert counts["peak"] == 2
    proxy.wait_for_metrics(queue_waiting=0)
