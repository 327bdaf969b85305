"""The monitor as a process: when it is there, what it serves, and that it disturbs nobody."""

import contextlib
import os
import re
import signal
import socket
import threading
import time
from http.client import HTTPException
from pathlib import Path

import pytest
from test_certificates import stapling, with_issuer
from test_no_descriptors import cpu_seconds
from test_no_memory import Shortage

from ravelin_test import memory
from ravelin_test.admin import connect, get, metrics, open_connection, ready
from ravelin_test.http import request, response
from ravelin_test.issuing import SERVER, Issuer
from ravelin_test.processes import run
from ravelin_test.proxy import backend_block
from ravelin_test.settings import IS_ROOT, PATIENCE, RAVELIN, SANITIZED
from ravelin_test.waiting import wait_for

PREFIX = "ravelin_"


@pytest.fixture
def address(lab):
    return lab.port().address


def monitor_pid(proxy):
    """0: there is none that runs."""
    pids = [child["pid"] for child in proxy.status()["monitors"] if child["state"] == "running"]
    return pids[0] if pids else 0


# ---- What it serves ----


def test_ready_and_metrics(lab, address):
    path = f"unix:{lab.folder}/admin.sock"
    proxy = lab.proxy(lab.server(), admin=[address, path], workers=2)
    for _ in range(3):
        assert lab.client(proxy).ask().status == 200
    for where in (address, path):
        status, fields, body = get(where, "/ready")
        assert (status, body) == (200, "ready\n")
        assert fields["Cache-Control"] == "no-store" and fields["X-Content-Type-Options"] == "nosniff"
        status, fields, _ = get(where, "/metrics")
        assert (status, fields["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert get(where, "/nothing")[0] == 404
    found = metrics(address)
    assert found[PREFIX + "requests_total"] == 3
    assert found[PREFIX + 'handshakes_total{resumed="no"}'] == 3
    assert sum(value for name, value in found.items() if name.startswith(PREFIX + "handshakes_group_total")) == 3


def test_promtool_accepts_the_metrics(lab, address):
    proxy = lab.proxy(lab.server(), admin=[address])
    assert lab.client(proxy).ask().status == 200
    text = get(address, "/metrics")[2]
    result = run(["promtool", "check", "metrics"], input=text.encode(), check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert not result.stderr and not result.stdout, result.stderr


def series(found, family, **labels):
    """The value of one sample."""
    text = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return found[f"{PREFIX}{family}" + (f"{{{text}}}" if text else "")]


def test_requests_by_site_and_server(lab, address):
    server = lab.server(reply=lambda request: response("x" * 100, "404 Not Found" if "no" in request.target else "200 OK"))
    proxy = lab.proxy(server, admin=[address])
    client = lab.client(proxy)
    for target in ("/", "/", "/no"):
        client.ask(target)
    assert client.ask("/", method="POST", body=b"y" * 1000).status == 200
    client.close()
    names = {"backend": "web", "server": server.address}
    wait_for(lambda: series(metrics(address), "site_responses_total", site="localhost", **{"class": "2xx"}) == 3, "3 of them")
    found = metrics(address)
    assert series(found, "site_responses_total", site="localhost", **{"class": "4xx"}) == 1
    assert series(found, "site_response_body_bytes_total", site="localhost") == 400
    assert series(found, "site_request_body_bytes_total", site="localhost") == 1000
    assert series(found, "server_responses_total", **names, **{"class": "2xx"}) == 3
    assert series(found, "server_responses_total", **names, **{"class": "4xx"}) == 1
    assert series(found, "server_failures_total", **names) == 0
    assert series(found, "server_standing", **names, standing="primary") == 1
    assert series(found, "server_standing", **names, standing="down") == 0
    proxy.command("server", f"web/{server.address}", "down")
    found = metrics(address)
    assert series(found, "server_standing", **names, standing="down") == 1


def test_times(lab, address):
    server = lab.server(reply=lambda request: time.sleep(0.2) or response("ok"))
    proxy = lab.proxy(server, admin=[address])
    client = lab.client(proxy)
    for _ in range(2):
        assert client.ask().status == 200
    client.close()
    wait_for(lambda: series(metrics(address), "request_seconds_count") == 2, "2 requests")
    found = metrics(address)
    assert 0.4 <= series(found, "request_seconds_sum") < 2 * PATIENCE
    assert series(found, "request_seconds_bucket", le="0.131072") == 0
    assert series(found, "request_seconds_bucket", le="+Inf") == 2
    assert series(found, "handshake_seconds_count") == 1
    assert series(found, "connect_seconds_count") == 1
    assert series(found, "queue_seconds_count") == 0
    for family in ("handshake", "request", "connect", "queue"):
        counts = [value for name, value in found.items() if name.startswith(f"{PREFIX}{family}_seconds_bucket")]
        assert counts == sorted(counts) and len(counts) < 30


def test_failures_and_waits(lab, address):
    refused = lab.refused_address()
    waits = threading.Event()
    server = lab.server(reply=lambda request: waits.wait(PATIENCE) and response("ok"))
    servers = [(server, {"max-connections": 1}), (refused, {"max-connections": 1})]
    proxy = lab.proxy(*servers, admin=[address], allow=[".*"])
    clients = [lab.client(proxy) for _ in range(3)]
    for client in clients:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_for(lambda: series(metrics(address), "queue_waiting") > 0, "a request that waits")
    waits.set()
    for client in clients:
        assert client.response().status in (200, 502)
    found = metrics(address)
    assert series(found, "server_failures_total", backend="web", server=refused) >= 1
    assert series(found, "server_up", backend="web", server=refused) == 0
    assert series(found, "server_up", backend="web", server=server.address) == 1
    assert series(found, "queue_seconds_count") >= 1


def test_counters_never_go_back(lab, address):
    """Over reloads that remove what they count, and the death of a worker."""
    first, second = lab.server(), lab.server()
    proxy = lab.proxy(first, admin=[address], workers_may_die=True, allow=["killed by signal"])

    def count(server, expected=None):
        name = f'{PREFIX}server_responses_total{{backend="web",server="{server.address}",class="2xx"}}'
        if expected is None:
            return metrics(address).get(name)
        return wait_for(lambda: metrics(address).get(name) == expected, f"{expected} requests")

    for _ in range(3):
        assert lab.client(proxy).ask().status == 200
    count(first, 3)
    proxy.configure(backends=[backend_block("web", [second])])
    proxy.reload()
    assert count(first) is None and count(second) == 0
    assert lab.client(proxy).ask().status == 200
    proxy.configure(backends=[backend_block("web", [first, second])])
    proxy.reload()
    count(second, 1)
    assert count(first) == 3
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: proxy.worker_pids()[0] not in (0, worker), "another worker", 2 * PATIENCE)
    for _ in range(2):
        assert lab.client(proxy).ask().status == 200
    count(first, 4)
    count(second, 2)


def test_clients_make_no_series(lab, address):
    """Whatever hosts, paths, methods and statuses they bring about."""
    statuses = iter(range(200, 600))
    proxy = lab.proxy(lab.server(reply=lambda request: response("x", f"{next(statuses)} X")), admin=[address])
    before = set(metrics(address))
    client = lab.client(proxy)
    for number in range(60):
        fields = {"host": f"host-{number}.test"} if number % 3 else {}
        with lab.client(proxy) if number % 3 else contextlib.nullcontext(client) as one:
            one.send(request(f"/path-{number}?q={number}", f"METHOD{number}", fields=[f"X-{number}: {number}"], **fields))
            assert one.response().status >= 200
    assert set(metrics(address)) == before


def test_what_the_master_knows(lab, address):
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    proxy = lab.proxy(lab.server(), admin=[address], workers=2, workers_may_die=True, allow=[".*"])
    found = metrics(address)
    [expiry] = [value for name, value in found.items() if name.startswith(PREFIX + "certificate_expiry_timestamp_seconds")]
    assert expiry == proxy.status()["certificates"]["first_expires"]
    assert any(str(certificate.path) in name for name in found)
    for process, slot in (("master", 0), ("worker", 0), ("worker", 1), ("signer", 1), ("monitor", 0)):
        labels = {"process": process, "slot": slot}
        assert series(found, "process_resident_memory_bytes", **labels) > 100_000
        assert series(found, "process_cpu_seconds_total", **labels) >= 0
        assert series(found, "process_restarts_total", **labels) == 0
    assert 0 <= series(found, "ticket_key_age_seconds") < 100
    assert abs(series(found, "start_time_seconds") - time.time()) < 100
    assert series(found, "reloads_total", result="done") == 0
    proxy.reload()
    text = proxy.config.read_text()
    proxy.write_config("nonsense")
    assert proxy.command("reload", check=False).returncode == 2
    wait_for(lambda: series(metrics(address), "last_reload_failed") == 1, "the failure to be known")
    proxy.write_config(text)
    proxy.reload()
    found = metrics(address)
    assert series(found, "reloads_total", result="done") == 2
    assert series(found, "reloads_total", result="failed") == 1
    assert series(found, "last_reload_failed") == 0
    worker = proxy.worker_pids()[1]
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: series(metrics(address), "process_restarts_total", process="worker", slot=1) == 1, "the death to be known")


def test_ocsp_responses(lab, address):
    root = Issuer(lab.subfolder("issuer") / "root", "Root", kind="ecdsa-p384")
    certificate = with_issuer(lab, root.issue("localhost", extensions=SERVER, names=["DNS:localhost"]), root)
    site = stapling(certificate, root.ocsp(certificate))
    proxy = lab.proxy(lab.server(), sites=[site], admin=[address], allow=[".*"])
    found = metrics(address)
    label = f'{{site="localhost",certificate="{certificate.path}"}}'
    made, ends = (found[f"{PREFIX}ocsp_{name}_update_timestamp_seconds{label}"] for name in ("this", "next"))
    assert made <= time.time() < ends
    proxy.configure(sites=None)
    proxy.reload()
    wait_for(lambda: not any("ocsp" in name for name in metrics(address)), "no response to be known")


def test_connections_to_servers(lab, address):
    waits = threading.Event()
    server = lab.server(reply=lambda request: waits.wait(PATIENCE) and response("ok"))
    proxy = lab.proxy(server, admin=[address])
    name = PREFIX + f'server_connections{{backend="web",server="{server.address}"}}'
    assert metrics(address)[name] == 0
    client = lab.client(proxy)
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_for(lambda: metrics(address)[name] == 1, "a connection in use")
    waits.set()
    assert client.response().status == 200
    wait_for(lambda: metrics(address)[name] == 0, "no connection in use")


def test_not_ready_from_the_moment_a_drain_begins(lab, address):
    waits = threading.Event()
    server = lab.server(reply=lambda request: waits.wait(PATIENCE) and response("ok"))
    proxy = lab.proxy(server, admin=[address])
    client = lab.client(proxy)
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    wait_for(lambda: server.requests, "the request at the server")
    kept = connect(address)
    kept.request("GET", "/ready")
    assert kept.getresponse().read() == b"ready\n"
    proxy.command("drain")
    assert ready(address) == 503  # at once, on a new connection and on one that was open
    kept.request("GET", "/ready")
    assert kept.getresponse().status == 503
    kept.close()
    assert get(address, "/metrics")[0] == 200
    waits.set()
    assert client.response().status == 200
    assert proxy.wait() == 0
    assert ready(address) == 0


# ---- When it is there ----


def test_it_comes_and_goes_with_reloads(lab, address):
    path = lab.folder / "admin.sock"
    proxy = lab.proxy(lab.server(), workers_may_die=True)
    assert proxy.status()["monitors"] == []
    workers = proxy.worker_pids()
    for _ in range(3):
        proxy.configure(admin=[address, f"unix:{path}"])
        proxy.reload()
        wait_for(lambda: ready(address) == 200, "an answer")
        pid = wait_for(lambda: monitor_pid(proxy), "the monitor to be noted as running")
        proxy.reload()
        assert ready(f"unix:{path}") == 200
        assert monitor_pid(proxy) == pid
        proxy.configure(admin=[])
        proxy.reload()
        wait_for(lambda: not proxy.status()["monitors"], "the monitor to end")
        assert ready(address) == 0
        assert not path.exists()
    assert proxy.worker_pids() == workers


def test_a_reload_that_is_refused_changes_nothing(lab, address):
    path = lab.folder / "admin.sock"
    taken = lab.folder / "a file"
    taken.write_text("mine")
    proxy = lab.proxy(lab.server(), admin=[address])
    proxy.allow.append("admin|reload failed|cannot listen")
    proxy.configure(admin=[f"unix:{path}", f"unix:{taken}"])
    result = proxy.command("reload", check=False)
    assert result.returncode == 1
    assert f"cannot listen on unix:{taken}: Address already in use".encode() in result.stderr
    assert not path.exists() and taken.read_text() == "mine"
    assert ready(address) == 200


def test_a_connection_goes_on_over_a_reload(lab, address):
    proxy = lab.proxy(lab.server(), admin=[address])
    connection = connect(address)
    for _ in range(3):
        connection.request("GET", "/metrics")
        assert connection.getresponse().read()
        proxy.reload()
    connection.close()


def test_one_that_is_killed_under_load_disturbs_nobody(lab, address):
    proxy = lab.proxy(lab.server(), admin=[address], workers_may_die=True, allow=["monitor .* was killed by signal 9"])
    workers = proxy.worker_pids()
    before = metrics(address)[PREFIX + "requests_total"]
    client = lab.client(proxy)
    for _ in range(3):
        former = monitor_pid(proxy)
        os.kill(former, signal.SIGKILL)
        for _ in range(20):
            assert client.ask().status == 200
        wait_for(lambda: monitor_pid(proxy) not in (0, former), "another monitor", 2 * PATIENCE)
    wait_for(lambda: ready(address) == 200, "an answer")
    assert metrics(address)[PREFIX + "requests_total"] == before + 60  # workers have the counters
    assert proxy.worker_pids() == workers


def test_one_that_stands_still_is_replaced(lab, address):
    proxy = lab.proxy(lab.server(), admin=[address], workers_may_die=True, allow=["monitor"])
    former = monitor_pid(proxy)
    os.kill(former, signal.SIGSTOP)
    assert lab.client(proxy).ask().status == 200
    wait_for(lambda: monitor_pid(proxy) not in (0, former), "another monitor", 4 * PATIENCE)
    assert ready(address) == 200


# ---- Its log ----


def test_its_log_is_reopened(lab, address):
    proxy = lab.proxy(lab.server(), admin=[address], error_log_file=True)
    pid = monitor_pid(proxy)
    before = proxy.log_path.stat().st_ino
    proxy.log_path.rename(f"{proxy.log_path}.1")
    proxy.command("reopen")
    if IS_ROOT:
        files = [os.stat(f"/proc/{pid}/fd/{name}").st_ino for name in os.listdir(f"/proc/{pid}/fd")]
        assert before not in files
        assert proxy.log_path.stat().st_ino in files
    assert ready(address) == 200


# ---- Who may ask ----


@pytest.fixture(scope="module")
def addresses(module_lab):
    """Of a proxy for tests that need nothing of their own."""
    addresses = [module_lab.port().address, f"unix:{module_lab.folder}/admin.sock"]
    module_lab.proxy(module_lab.server(), admin=addresses)
    return addresses


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:9901", 200),
        ("127.0.0.1", 200),
        ("[::1]:80", 200),
        ("192.0.2.1", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example:9901", 421),
    ],
)
def test_hosts(addresses, host, status):
    address, path = addresses
    assert get(address, "/metrics", headers={"Host": host})[0] == status
    assert get(path, "/metrics", headers={"Host": host})[0] == 200
    assert get(address, "/ready", headers={"Host": host})[0] == 200  # through a route for load balancers


REQUESTS = [
    (b"GET /ready HTTP/1.0\r\n\r\n", 200),
    (b"GET /ready HTTP/1.1\r\n\r\n", 400),
    (b"GET /ready?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n", 200),
    (b"POST /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", 405),
    (b"GET /ready HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx", 413),
    (b"DELETE /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
    (b"GET /../ready HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    (b"GET /ready HTTP/1.1\nHost: localhost\n\n", 400),
    (b"\x16\x03\x01\x00\x05hello", 400),
    (b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n", 431),
    (b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 101 + b"\r\n", 431),
]


@pytest.mark.parametrize(("sent", "status"), REQUESTS, ids=[str(sent[:30]) for sent, _ in REQUESTS])
def test_requests(addresses, sent, status):
    address = addresses[0]
    with open_connection(address) as client:
        client.sendall(sent)
        answer = b""
        while b"\r\n\r\n" not in answer:
            part = client.recv(65536)
            assert part, f"no whole answer: {answer!r}"
            answer += part
    assert int(answer.split()[1]) == status
    assert ready(address) == 200


def test_a_head_request_gets_no_body(addresses):
    address = addresses[0]
    status, fields, body = get(address, "/metrics", "HEAD")
    assert status == 200 and not body and int(fields["Content-Length"]) > 1000


def test_requests_that_come_together(addresses):
    address = addresses[0]
    one = b"GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with open_connection(address) as client:
        client.sendall(one * 50 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.count(b"HTTP/1.1 200 OK\r\n") == 51 and answer.count(b"ready\n") == 51


# ---- Shortage ----


def test_without_a_free_descriptor(lab, address):
    """It closes idle connections for new ones, waits if none is idle, and takes a reload when it can again."""
    program = lab.subfolder("bin") / "ravelin"
    program.write_text(f'#!/bin/sh\nulimit -n 36\nexec "{RAVELIN}" "$@"\n')
    program.chmod(0o755)
    proxy = lab.proxy(lab.server(), admin=[address], program=program, allow=["reload failed|too few free descriptors"])
    pid = monitor_pid(proxy)
    for _ in range(60):
        lab.keep_client(open_connection(address))
    assert ready(address) == 200
    crowd = [lab.keep_client(open_connection(address)) for _ in range(60)]
    for client in crowd:
        client.sendall(b"GET /ready HTTP/1.1\r\nHost:")
    before = cpu_seconds(pid)
    started = time.monotonic()
    result = proxy.command("reload", check=False)
    assert result.returncode == 0 or b"monitor: 'too few free descriptors" in result.stderr, result.stderr
    wait_for(lambda: ready(address) == 200, "room for another", 4 * PATIENCE)
    assert cpu_seconds(pid) - before < 0.5 + (time.monotonic() - started) / 10  # it does not turn round
    for client in crowd:
        client.close()
    proxy.reload()
    assert monitor_pid(proxy) == pid and ready(address) == 200


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has an allocator of its own")
@pytest.mark.parametrize("every", [1, 2, 3, 7])
def test_without_memory(lab, address, every):
    """Requests fail, and a reload does. The monitor goes on."""
    shortage = Shortage(lab.subfolder("shortage"))
    proxy = lab.proxy(lab.server(), admin=[address], environment=shortage.environment, allow=["."])
    pid = monitor_pid(proxy)
    shortage.fail(every, [pid])
    for _ in range(10):
        for path in ("/status.json", "/metrics", "/", "/ready"):
            try:
                assert get(address, path)[0] in (200, 500, 503)
            except (OSError, HTTPException):
                pass  # it had no memory for a connection or a response
    if every == 1:
        assert proxy.command("reload", check=False).returncode == 1
    assert lab.client(proxy).ask().status == 200
    shortage.fail(0)
    for path in ("/status.json", "/metrics", "/", "/ready"):
        assert get(address, path)[0] == 200
    proxy.reload()
    assert monitor_pid(proxy) == pid


def test_a_reload_in_the_middle_of_a_response(lab, address):
    """The response is of the generation it began with, and is whole."""
    backends = [backend_block("web", [f"127.0.0.1:{9000 + number}" for number in range(900)])]
    proxy = lab.proxy(backends=backends, admin=[address])
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(2 * PATIENCE)
    host, port = address.split(":")
    client.connect((host, int(port)))
    lab.keep_client(client)
    client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    head = client.recv(1000)
    proxy.configure(backends=[backend_block("web", ["127.0.0.1:9000"])])
    proxy.reload()
    whole = head + b"".join(iter(lambda: client.recv(65536), b""))
    fields, body = whole.split(b"\r\n\r\n", 1)
    assert int(re.search(rb"Content-Length: (\d+)", fields)[1]) == len(body) > 100_000
    assert body.count(b"\nravelin_server_connections{") == 900
    assert len([name for name in metrics(address) if name.startswith(PREFIX + "server_connections{")]) == 1


# ---- Its rights ----


@pytest.mark.skipif(not IS_ROOT, reason="looks into another user's process")
def test_what_it_has(lab, address):
    proxy = lab.proxy(lab.server(), admin=[address])
    pid = monitor_pid(proxy)
    status = Path(f"/proc/{pid}/status").read_text()
    assert "\nUid:\t65534\t65534\t65534\t65534\n" in status
    assert "\nCapEff:\t0000000000000000\n" in status and "\nNoNewPrivs:\t1\n" in status
    names = {name for _, _, _, name in memory.mappings(pid)}
    shared = {name.split(" ")[0].removeprefix("/memfd:") for name in names if "memfd" in name}
    assert {"ravelin-metrics", "ravelin-server-counts", "ravelin-board"} <= shared
    assert not {"ravelin-clients", "ravelin-tickets"} & shared, shared
