"""`ravelin servers` and `ravelin server`: what a server may do, ordered at run time."""

import os
import signal
import threading
import time
from datetime import datetime

import pytest

from ravelin_test.http import request, response
from ravelin_test.processes import text
from ravelin_test.proxy import backend_block, block, server_block
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for


def named_servers(lab, *names):
    return [lab.server(reply=lambda request, name=name: response(name)) for name in names]


def bodies(client, count=12, **options):
    answers = [client.ask(**options) for _ in range(count)]
    assert {answer.status for answer in answers} == {200}
    return {answer.body.decode() for answer in answers}


def order(proxy, server, word):
    name = f"web/{getattr(server, 'address', server)}"
    assert text(proxy.command("server", name, word).stdout).strip() == f"{name}: {word}"


def states(proxy):
    """By address."""
    lines = text(proxy.command("servers").stdout).splitlines()[1:]
    return {line.split()[0].partition("/")[2]: line.split()[1] for line in lines}


@pytest.mark.parametrize("word", ["drain", "down"])
def test_a_server_gets_no_new_requests(lab, word):
    a, b = named_servers(lab, "a", "b")
    proxy = lab.proxy(a, b, workers=2)
    client = lab.client(proxy)
    assert bodies(client) == {"a", "b"}
    order(proxy, a, word)
    assert bodies(client) == {"b"}  # at once, in every worker
    assert bodies(lab.client(proxy)) == {"b"}
    assert states(proxy) == {a.address: word, b.address: "ready"}
    order(proxy, a, "ready")
    assert bodies(client) == {"a", "b"}
    proxy.wait_for_log(f"info master.*server web/{a.address}: {word} \\(it was ready\\)")
    proxy.wait_for_log(f"info master.*server web/{a.address}: ready \\(it was {word}\\)")


def test_what_is_under_way_goes_on(lab):
    go = threading.Event()

    def reply(request):
        assert go.wait(60)
        return response("slow")

    slow = lab.server(reply=reply)
    [other] = named_servers(lab, "other")
    proxy = lab.proxy(slow, other)
    client = lab.client(proxy)
    client.send(request("/"))
    wait_for(lambda: slow.requests, "the request")
    order(proxy, slow, "down")
    [line] = [line for line in text(proxy.command("servers").stdout).splitlines() if slow.address in line]
    assert line.split()[1:4] == ["down", "1", "-"]
    go.set()
    assert client.response().body == b"slow"
    assert bodies(client) == {"other"}


def test_drained_servers_keep_sticky_clients_and_down_ones_do_not(lab):
    servers = named_servers(lab, "a", "b")
    proxy = lab.proxy(backends=[backend_block("web", servers, {"sticky": "id"})])
    client = lab.client(proxy)
    first = client.ask()
    bound = {"fields": ["Cookie: " + first.get("Set-Cookie").partition(";")[0]]}
    own, other = (servers, servers[::-1])[first.body == b"b"]
    order(proxy, own, "drain")
    assert bodies(client, **bound) == {first.body.decode()}
    assert first.body.decode() not in bodies(client)
    order(proxy, own, "down")
    assert first.body.decode() not in bodies(client, **bound)
    order(proxy, own, "ready")
    order(proxy, other, "down")
    assert bodies(client) == {first.body.decode()}


def test_a_backup_stands_in_for_a_drained_server(lab):
    main, spare = named_servers(lab, "main", "spare")
    proxy = lab.proxy(main, (spare, {"backup": "yes"}))
    client = lab.client(proxy)
    order(proxy, main, "drain")
    assert bodies(client) == {"spare"}
    order(proxy, main, "ready")
    assert bodies(client) == {"main"}


@pytest.mark.parametrize("options", [{}, {"max-connections": 5}], ids=["no limit", "limit"])
def test_without_a_server_503(lab, options):
    servers = named_servers(lab, "a", "b")
    proxy = lab.proxy(*[(server, options) for server in servers])
    for server, word in zip(servers, ["drain", "down"]):
        order(proxy, server, word)
    for method, body in [("GET", None), ("POST", b"x")]:
        answer = lab.client(proxy).ask(method=method, body=body)
        assert (answer.status, answer.get("Retry-After")) == (503, "5")
    assert proxy.access_log(1)[0]["ended"] == "all servers of the backend are drained or down"
    order(proxy, servers[1], "ready")
    assert bodies(lab.client(proxy)) == {"b"}


def test_who_waits_goes_on_when_a_server_is_ready(lab):
    go = threading.Event()
    busy = lab.server(reply=lambda request: go.wait(60) and response("busy"))
    [idle] = named_servers(lab, "idle")
    limit = {"max-connections": 1}
    proxy = lab.proxy((busy, limit), (idle, limit))
    order(proxy, idle, "drain")
    first, second = lab.client(proxy), lab.client(proxy)
    first.send(request("/"))
    wait_for(lambda: busy.requests, "the request")
    second.send(request("/"))
    proxy.wait_for_metrics(queue_waiting=1)
    order(proxy, idle, "ready")
    assert second.response().body == b"idle"
    go.set()
    assert first.response().body == b"busy"


@pytest.mark.parametrize("options", [{}, {"max-connections": 1}], ids=["no limit", "limit"])
def test_orders_in_the_middle_of_requests(lab, options):
    """Workers read the state while the master writes it: a request gets its response, or 503."""
    server = lab.server()
    proxy = lab.proxy((server, options), workers=2)
    statuses = set()
    done = threading.Event()

    def ask():
        with lab.client(proxy) as client:
            while not done.is_set():
                statuses.add(client.ask().status)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        order(proxy, server, "down")
        order(proxy, server, "ready")
    done.set()
    for thread in threads:
        thread.join()
    assert statuses == {200, 503}


# ---- How long an order lasts ----


def test_orders_stay_across_reloads_and_deaths_until_the_file_changes_the_server(lab):
    servers = a, b, c = named_servers(lab, "a", "b", "c")
    proxy = lab.proxy(*servers, workers_may_die=True, allow=["killed by signal 9"])
    order(proxy, a, "drain")
    order(proxy, b, "down")
    expected = {a.address: "drain", b.address: "down", c.address: "ready"}
    for backend in [servers, servers[::-1]]:
        proxy.configure(backends=[backend_block("web", backend)])
        proxy.reload()
        assert states(proxy) == expected
        assert bodies(lab.client(proxy)) == {"c"}
    former = proxy.worker_pids()[0]
    os.kill(former, signal.SIGKILL)
    client = wait_for(lambda: proxy.worker_pids().get(0) not in (0, None, former) and try_client(lab, proxy), "a worker")
    assert bodies(client) == {"c"}
    proxy.configure(backends=[backend_block("web", [(a, {"weight": 2}), b, c])])
    proxy.reload()
    assert states(proxy) == {**expected, a.address: "ready"}
    assert bodies(client) == {"a", "c"}
    proxy.wait_for_log(f"server web/{a.address}: ready .it was drain., because the configuration changed it")
    proxy.configure(backends=[backend_block("web", [c])])
    proxy.reload()
    proxy.configure(backends=[backend_block("web", servers)])
    proxy.reload()  # they left the file, and are new
    assert set(states(proxy).values()) == {"ready"}


def try_client(lab, proxy):
    try:
        return lab.client(proxy)
    except OSError:
        return None


def test_a_reload_that_fails_changes_no_order(lab):
    a, b = named_servers(lab, "a", "b")
    proxy = lab.proxy(a, b, allow=[".*"])
    order(proxy, a, "down")
    proxy.write_config("nonsense\n")
    assert proxy.command("reload", check=False).returncode != 0
    assert states(proxy) == {a.address: "down", b.address: "ready"}
    assert bodies(lab.client(proxy)) == {"b"}


# ---- The commands ----


def test_a_list_of_all_servers(lab):
    server = lab.server(path=lab.folder / "server.sock")
    blocks = [
        backend_block("web", [(server, {"weight": 3, "max-connections": 20}), "127.0.0.1:9"]),
        backend_block("other", [("127.0.0.1:9", {"backup": "yes"})]),
    ]
    lines = text(lab.proxy(backends=blocks).command("servers").stdout).splitlines()
    assert [line.split() for line in lines] == [
        ["server", "state", "in", "use", "at", "most", "weight", "backup", "health"],
        [f"web/{server.address}", "ready", "0", "20", "3", "no", "up"],
        ["web/127.0.0.1:9", "ready", "0", "-", "1", "no", "up"],
        ["other/127.0.0.1:9", "ready", "0", "-", "1", "yes", "up"],
    ]


@pytest.mark.parametrize(
    "words, status, error",
    [
        (["web/127.0.0.1:1", "down"], 1, "no server 'web/127.0.0.1:1'"),
        (["nowhere/127.0.0.1:9", "down"], 1, "no server 'nowhere/127.0.0.1:9'"),
        (["web/127.0.0.1:9", "up"], 2, "a server can be drain, ready or down, not 'up'"),
        (["web/127.0.0.1:9"], 2, "usage: ravelin server BACKEND/ADDRESS drain|ready|down"),
        (["web/127.0.0.1:9", "down", "now"], 2, "one word too many: 'now'"),
    ],
)
def test_wrong_orders(lab, words, status, error):
    proxy = lab.proxy("127.0.0.1:9")
    result = proxy.command("server", *words, check=False)
    assert result.returncode == status
    assert error in text(result.stderr)
    assert states(proxy) == {"127.0.0.1:9": "ready"}


def test_more_servers_than_fit_into_an_answer(lab):
    blocks = [backend_block(f"b{i}", [f"127.0.0.1:{port}" for port in range(1, 1001)]) for i in range(2)]
    blocks.append(backend_block("web", ["127.0.0.1:9"]))
    lines = text(lab.proxy(backends=blocks).command("servers").stdout).splitlines()
    assert len(lines) > 500
    assert lines[-1] == f"and {2001 - (len(lines) - 2)} more"


def test_the_status_names_servers_that_are_not_up(lab):
    good, drained = named_servers(lab, "good", "drained")
    dead, checked = lab.refused_address(), lab.refused_address()
    health = block("health", "/", {"interval": "100ms", "fall": 1})
    backends = [
        backend_block("web", [good, drained, dead], {"eject-time": "10m", "eject-time-max": "10m"}),
        block("backend", "other", {}, [server_block(checked), health]),
    ]
    proxy = lab.proxy(backends=backends)
    proxy.command("server", f"web/{drained.address}", "drain")
    before = time.time()
    for _ in range(4):
        assert lab.client(proxy).ask().status == 200

    def listed():
        servers = proxy.status()["servers"]
        found = {(one["backend"], one["server"]): (one["state"], one["why"]) for one in servers["not_up"]}
        return (servers["up"], found) if len(found) == 3 else None

    up, found = wait_for(listed, "three servers that are not up")
    assert up == 1
    assert found == {
        ("web", drained.address): ("drain", "by order of the operator"),
        ("web", dead): ("out", "connect: Connection refused"),
        ("other", checked): ("down", "connect: Connection refused"),
    }
    since = {one["state"]: one["since"] for one in proxy.status()["servers"]["not_up"]}
    assert since["drain"] is None
    for state in ("out", "down"):
        at = datetime.fromisoformat(since[state].replace("Z", "+00:00")).timestamp()
        assert before - PATIENCE < at < time.time() + 1


def test_the_status_lists_a_bounded_number_of_servers(lab):
    servers = [f"127.0.{number // 250}.{number % 250 + 1}:9" for number in range(600)]
    proxy = lab.proxy(backends=[backend_block("web", servers)])
    for server in servers[:45]:
        proxy.command("server", f"web/{server}", "down")
    found = proxy.status()["servers"]
    assert (found["count"], found["up"], len(found["not_up"])) == (600, 555, 40)
