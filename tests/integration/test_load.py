"""Load: real load generators, not one error; reloads and deaths while they run."""

import os
import re
import resource
import signal
import time

import pytest

from ravelin_test.http import request, response
from ravelin_test.processes import children_of, client_ports, exists, run, text
from ravelin_test.proxy import backend_block, site_block
from ravelin_test.servers import all_taken
from ravelin_test.settings import LONG, PATIENCE, SCALE, scaled
from ravelin_test.waiting import wait_for
from ravelin_test.wrk import Wrk, check_wrk


@pytest.fixture
def pages(lab):
    """nginx with a page of 1 KiB and one of 100 KiB."""
    server = lab.nginx()
    (server.html / "small.html").write_bytes(b"s" * 1024)
    (server.html / "large.html").write_bytes(b"l" * 102_400)
    return server


def test_wrk_with_256_connections(lab, pages):
    proxy = lab.proxy(pages, workers=2)
    wrk = lab.keep_client(Wrk(proxy.url("/small.html"), 256, 30 if LONG else 5))
    requests = check_wrk(wrk.output())
    proxy.wait_for_metrics(sessions_open=0, responses_4xx=0, responses_5xx=0, server_retries=0)
    assert proxy.metrics()["responses_2xx"] >= requests


def test_wrk_with_large_pages(lab, pages):
    proxy = lab.proxy(pages, workers=2)
    check_wrk(lab.keep_client(Wrk(proxy.url("/large.html"), 64, 10 if LONG else 2)).output())
    proxy.wait_for_metrics(sessions_open=0, send_buffers=0, receive_buffers=0)


def test_h2load_with_new_connections(lab, pages):
    """Each client of h2load makes one connection: 5,000 full handshakes."""
    count = scaled(5000)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert most > count + 100, "too few descriptors are allowed for this test"
    # The clients are many for one machine: how long one waits for its turn is no matter here.
    patient = {"handshake-timeout": "60s", "header-timeout": "60s"}
    proxy = lab.proxy(pages, workers=2, limits=patient)
    command = f'ulimit -n {count + 100}; exec h2load --h1 -n {count} -c {count} -t 2 "$0"'
    result = run(["bash", "-c", command, proxy.url("/small.html")], timeout=8 * PATIENCE)
    output = text(result.stdout)
    assert f"{count} succeeded, 0 failed, 0 errored, 0 timeout" in output, output
    assert f"{count} 2xx, 0 3xx, 0 4xx, 0 5xx" in output, output
    assert proxy.metrics()["handshakes_full"] == count


def test_idle_connections_hold_nothing(lab):
    """No buffer, no wolfSSL object: only the session itself and its keys."""
    count = scaled(300)
    proxy = lab.proxy(lab.server(), workers=2)
    clients = [lab.client(proxy) for _ in range(count)]
    for client in clients:
        assert client.ask().status == 200
    proxy.wait_for_metrics(sessions_idle=count, receive_buffers=0, send_buffers=0, handshakes_open=0)
    for client in clients[:10]:  # and they wake up again
        assert client.ask(method="POST", body=b"x" * 50_000).status == 200
    proxy.wait_for_metrics(sessions_idle=count, receive_buffers=0, send_buffers=0)


def test_the_limit_of_connections(lab):
    proxy = lab.proxy(lab.server(), limits={"connections": 10})
    clients = [lab.client(proxy) for _ in range(10)]
    assert all(client.ask().status == 200 for client in clients)
    with pytest.raises((ConnectionError, OSError)):
        lab.client(proxy).ask()
    assert proxy.metrics()["sessions_refused"] == 1
    clients.pop().close()
    proxy.wait_for_metrics(sessions_open=9)
    assert lab.client(proxy).ask().status == 200


def test_a_client_that_never_lets_it_wait_does_not_hold_up_others(lab):
    """Three clients are heard in the same turn of the loop; one of them has sent many requests."""
    proxy = lab.proxy(lab.server(), redirect=True)
    clients = {name: lab.plain_client(proxy.redirect_port) for name in ("first", "many", "last")}
    for client in clients.values():
        assert client.ask("/before").status == 308
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)
    try:
        for name, client in clients.items():
            client.send(request(f"/{name}", "HEAD") * (150 if name == "many" else 1))
            wait_for(lambda: all_taken(client.socket), "the requests to arrive")
    finally:
        os.kill(worker, signal.SIGCONT)
    for name, client in clients.items():
        for _ in range(150 if name == "many" else 1):
            assert client.response("HEAD").status == 308
    order = [line["target"] for line in proxy.access_log(155)[3:]]
    assert order.count("/many") == 150
    assert order[-1] == "/many"


# ---- Reload ----


def test_fifty_reloads_under_load_fail_no_request(lab, pages):
    seconds = 15 if LONG else 8
    reloads = 50 if SCALE == 1 else 10
    proxy = lab.proxy(pages, workers=2)
    family = sorted(children_of(proxy.pid))
    wrk = lab.keep_client(Wrk(proxy.url("/small.html"), 64, seconds + 4 * PATIENCE))
    proxy.wait_for_metrics(sessions_open=64)
    start = time.monotonic()
    for number in range(reloads):
        proxy.configure(limits={"header-count": 100 + number})
        proxy.reload()
        # Spread over the run, so that each meets connections in every state.
        wait_for(lambda: time.monotonic() - start >= (number + 1) * 0.7 * seconds / reloads, "the next reload")
    assert wrk.running(), "the reloads took longer than the load"
    wrk.stop()
    check_wrk(wrk.output())
    assert sorted(children_of(proxy.pid)) == family
    status = proxy.status()
    assert status["generation"] == 1 + reloads
    proxy.wait_for_metrics(responses_4xx=0, responses_5xx=0, generations_held=2)


def test_an_exchange_keeps_the_generation_it_began_with(lab):
    """A reload replaces the backend in the middle of a response: that ends as it began, the next comes from the new."""
    block = b"x" * 100_000

    def script(connection):
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (2 * len(block)))
        connection.send(block)
        connection.reader.until(b"go", "the signal to go on")
        connection.send(block)

    old, new = lab.server(script), lab.server(reply=lambda request: response("new"))
    proxy = lab.proxy(old)
    client = lab.client(proxy)
    client.send(request(method="POST", fields=["Transfer-Encoding: chunked"]))
    assert client.reader.head().status == 200
    client.reader.exactly(len(block), "the first half")
    proxy.configure(backends=[backend_block("web", [new])])
    proxy.reload()
    with lab.client(proxy) as other:
        assert other.ask().body == b"new"
    client.send(b"2\r\ngo\r\n0\r\n\r\n")
    assert client.reader.exactly(len(block), "the second half") == block
    assert client.ask().body == b"new"
    proxy.wait_for_metrics(generations_held=1)


def test_certificates_are_new_after_a_reload(lab):
    proxy = lab.proxy(lab.server())
    old = lab.client(proxy)
    certificate = lab.authority.certificate("localhost", "new.test")
    proxy.configure(sites=[site_block("localhost", [certificate])])
    proxy.reload()
    assert lab.client(proxy).names == ["localhost", "new.test"]
    assert old.ask().status == 200


def test_a_broken_configuration_changes_nothing(lab):
    proxy = lab.proxy(lab.server(), allow=[".*"])
    client = lab.client(proxy)
    good = proxy.config.read_text()
    line = good.count("\n") + 1
    proxy.write_config(good + "wieght = 3\n")
    result = proxy.command("reload", check=False)
    assert result.returncode == 2
    assert f"ravelin.conf:{line}: " in text(result.stderr)
    assert "wieght" in text(result.stderr)
    assert client.ask().status == 200
    assert lab.client(proxy).ask().status == 200
    assert proxy.status()["generation"] == 1
    proxy.write_config(good)
    proxy.reload()
    assert proxy.status()["generation"] == 2


# ---- Death ----


def test_a_killed_worker_takes_only_its_own_connections(lab):
    proxy = lab.proxy(lab.server(), workers=2, workers_may_die=True, allow=[".*"])
    pids = proxy.worker_pids()
    owners = {}
    for _ in range(30):
        client = lab.client(proxy)
        assert client.ask().status == 200
        [owners[client]] = [slot for slot, pid in pids.items() if client.port in client_ports(pid)]
    assert set(owners.values()) == {0, 1}
    os.kill(pids[0], signal.SIGKILL)
    for client, slot in owners.items():
        if slot == 0:
            assert client.reader.rest() == b""
        else:
            assert client.ask().status == 200
    wait_for(lambda: not exists(pids[0]), "the worker to be gone")
    for _ in range(20):
        assert lab.client(proxy).ask().status == 200
    after = proxy.worker_pids()
    assert after[1] == pids[1]
    assert after[0] != pids[0] and exists(after[0])


def test_a_worker_is_replaced_under_load(lab, pages):
    proxy = lab.proxy(pages, workers=2, workers_may_die=True, allow=[".*"])
    pids = proxy.worker_pids()
    wrk = lab.keep_client(Wrk(proxy.url("/small.html"), 64, 4))
    wait_for(lambda: proxy.metrics()["handshakes_full"] == 64, "all connections of wrk")
    os.kill(pids[0], signal.SIGKILL)

    def replaced():
        pid = proxy.worker_pids().get(0)
        return pid and pid != pids[0] and client_ports(pid)

    wait_for(replaced, "a new worker that has connections")
    output = wrk.output()
    assert "Non-2xx" not in output, output
    errors = re.search(r"connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    if errors:
        connect, read, write, timeout = map(int, errors.groups())
        assert connect == 0 and timeout == 0, output
        assert read + write <= 64, output
    assert proxy.worker_pids()[1] == pids[1]
