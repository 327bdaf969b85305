"""Servers that are names: found by the DNS, and found again when it says something else."""

import os
import signal
import threading
import time

import pytest

from ravelin_test import dns
from ravelin_test.admin import metrics
from ravelin_test.http import response
from ravelin_test.processes import children_of, text
from ravelin_test.proxy import backend_block
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import stays, wait_for

FAST = {"resolve-min": "100ms", "resolve-keep": "0"}


class Group:
    """Servers at 127.0.0.2, 127.0.0.3, ... with one port. Each answers with its address."""

    def __init__(self, lab, count, hosts=None, **options):
        hosts = hosts or [f"127.0.0.{i + 2}" for i in range(count)]
        self.servers = []
        for host in hosts:
            port = self.servers[0].port if self.servers else 0
            self.servers.append(lab.server(reply=lambda request, host=host: response(host), host=host, port=port, **options))
        self.port = self.servers[0].port
        self.hosts = hosts


def named_proxy(lab, resolver, *names, top=None, backend=None, options=None, **rest):
    servers = [(name, options or {}) for name in names]
    return lab.proxy(
        top={"resolver": f'"{resolver.address}"', **FAST, **(top or {})},
        backends=[backend_block("web", servers, backend)],
        **rest,
    )


def bodies(client, count=12, **options):
    answers = [client.ask(**options) for _ in range(count)]
    assert {answer.status for answer in answers} == {200}, [answer.status for answer in answers]
    return {answer.body.decode() for answer in answers}


def listed(proxy):
    """{address or name: [state, in use, at most, weight, backup, name]} of `ravelin servers`."""
    lines = [line.split() for line in text(proxy.command("servers").stdout).splitlines()[1:]]
    return {line[0].partition("/")[2]: [*line[1:6], line[-1]] for line in lines}


def wait_for_servers(proxy, expected):
    wait_for(lambda: set(listed(proxy)) == set(expected), f"the servers {expected}; they are {listed(proxy)}")


def monitor_pid(proxy):
    for pid in children_of(proxy.pid):
        if open(f"/proc/{pid}/comm").read().strip() == "rav-monitor":
            return pid
    return None


# ---- Records that change ----


def test_all_addresses_of_a_name_are_servers(lab):
    group = Group(lab, 3)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts]})
    proxy = named_proxy(lab, knot, f"App.test:{group.port}", workers=2)
    assert bodies(lab.client(proxy)) == set(group.hosts)
    table = listed(proxy)
    assert set(table) == {f"{host}:{group.port}" for host in group.hosts}
    assert {tuple(columns[1:]) for columns in table.values()} == {("0", "-", "1", "no", f"app.test:{group.port}")}
    for host in group.hosts:
        proxy.wait_for_log(f"info master.*server web/{host}:{group.port}: added, because app.test:{group.port} has this address")


def test_an_address_that_leaves_gets_no_request(lab):
    group = Group(lab, 3)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts[:2]]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", workers=2)
    client = lab.client(proxy)
    assert bodies(client) == set(group.hosts[:2])
    knot.set({"app": [f"A {host}" for host in group.hosts[1:]]})
    wait_for_servers(proxy, [f"{host}:{group.port}" for host in group.hosts[1:]])
    assert bodies(client) == set(group.hosts[1:])
    assert bodies(lab.client(proxy)) == set(group.hosts[1:])
    proxy.wait_for_log(f"server web/{group.hosts[0]}:{group.port}: removed, because app.test:{group.port} has no longer this")
    # Idle connections to it are closed.
    wait_for(lambda: all(c.socket.fileno() < 0 for c in group.servers[0].connections), "the connections to end")


def test_changes_under_load_cost_no_request(lab):
    group = Group(lab, 6)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts[:3]]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", workers=2)
    statuses, done = [], threading.Event()

    def ask():
        with lab.client(proxy) as client:
            while not done.is_set():
                answer = client.ask()
                statuses.append((answer.status, answer.body.decode() in group.hosts))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for round in range(12):
        now = [group.hosts[(round + i) % 6] for i in range(round % 3 + 1)]
        knot.set({"app": [f"A {host}" for host in now]})
        wait_for_servers(proxy, [f"{host}:{group.port}" for host in now])
    done.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {(200, True)}
    assert len(statuses) > 100


def test_what_is_under_way_ends_at_the_address_that_left(lab):
    group = Group(lab, 2)
    go = threading.Event()
    group.servers[0].reply = lambda request: go.wait(60) and response("slow")
    knot = lab.knot()
    knot.set({"app": [f"A {group.hosts[0]}"]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}")
    client = lab.client(proxy)
    wait_for_servers(proxy, [f"{group.hosts[0]}:{group.port}"])
    asking = threading.Thread(target=lambda: bodies(client, 1) == {"slow"} and done.set())
    done = threading.Event()
    asking.start()
    wait_for(lambda: group.servers[0].requests, "the request")
    knot.set({"app": [f"A {group.hosts[1]}"]})
    wait_for_servers(proxy, [f"{group.hosts[1]}:{group.port}"])
    assert bodies(lab.client(proxy)) == {group.hosts[1]}
    go.set()
    asking.join()
    assert done.is_set()
    connection = group.servers[0].connections[0]
    wait_for(lambda: connection.socket.fileno() < 0, "the connection to end, because it is not pooled")


def test_names_beside_addresses(lab):
    group = Group(lab, 2)
    plain = lab.server(reply=lambda request: response("plain"))
    knot = lab.knot()
    knot.set({"app": [f"A {group.hosts[0]}"], "spare": [f"A {group.hosts[1]}"]})
    proxy = lab.proxy(
        top={"resolver": f'"{knot.address}"', **FAST},
        backends=[
            backend_block("web", [plain, f"app.test:{group.port}", (f"spare.test:{group.port}", {"backup": "yes"})])
        ],
    )
    wait_for_servers(proxy, [plain.address, *[f"{host}:{group.port}" for host in group.hosts]])
    assert bodies(lab.client(proxy)) == {"plain", group.hosts[0]}
    assert listed(proxy)[f"{group.hosts[1]}:{group.port}"][4] == "yes"
    assert listed(proxy)[plain.address][5] == "-"
    for server in (plain.address, f"{group.hosts[0]}:{group.port}"):
        proxy.command("server", f"web/{server}", "down")
    assert bodies(lab.client(proxy)) == {group.hosts[1]}


def test_ipv6_and_ipv4(lab):
    group = Group(lab, 2, hosts=["127.0.0.2", "::1"])
    knot = lab.knot()
    knot.set({"app": ["A 127.0.0.2", "AAAA ::1"]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}")
    assert bodies(lab.client(proxy)) == {"127.0.0.2", "::1"}
    knot.set({"app": ["AAAA ::1"]})
    wait_for_servers(proxy, [f"[::1]:{group.port}"])


def test_a_chain_of_cname_records(lab):
    group = Group(lab, 2)
    knot = lab.knot()
    knot.set({"app": ["CNAME b.test."], "b": ["CNAME c.test."], "c": [f"A {group.hosts[0]}"], "d": [f"A {group.hosts[1]}"]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}")
    assert bodies(lab.client(proxy)) == {group.hosts[0]}
    knot.set({"b": ["CNAME d.test."]})
    wait_for_servers(proxy, [f"{group.hosts[1]}:{group.port}"])


def test_services_with_weights_and_priorities(lab):
    servers = {name: lab.server(reply=lambda request, name=name: response(name)) for name in "abc"}
    knot = lab.knot()
    knot.set({"one": ["A 127.0.0.1"]})

    def publish(**services):
        records = [f"SRV {priority} {weight} {servers[name].port} one.test." for name, (priority, weight) in services.items()]
        knot.set({"_http._tcp.app": records})

    publish(a=(10, 30), b=(10, 10), c=(20, 5))
    proxy = named_proxy(lab, knot, "srv:_http._tcp.app.test")
    client = lab.client(proxy)
    got = [client.ask().body.decode() for _ in range(40)]
    assert (got.count("a"), got.count("b"), got.count("c")) == (30, 10, 0)
    assert [listed(proxy)[servers[name].address][3:5] for name in "abc"] == [["6", "no"], ["2", "no"], ["1", "yes"]]
    publish(a=(20, 30), b=(30, 10), c=(10, 0))
    wait_for(lambda: listed(proxy)[servers["c"].address][4] == "no", "the new priorities")
    assert bodies(client) == {"c"}
    publish(b=(30, 10))
    wait_for_servers(proxy, [servers["b"].address])
    assert bodies(client) == {"b"}


# ---- Resolvers that fail ----


def test_requests_wait_for_the_first_answer(lab):
    group = Group(lab, 1)
    answered = threading.Event()
    records = {"app.test": group.hosts}
    reply = dns.zone(records)
    server = lab.scripted_dns(lambda question: reply(question) if answered.is_set() else None)
    proxy = named_proxy(lab, server, f"app.test:{group.port}", backend={"queue-timeout": "60s"})
    client = lab.client(proxy)
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    proxy.wait_for_metrics(queue_waiting=1)
    assert listed(proxy) == {f"app.test:{group.port}": ["none", "0", "-", "1", "no", f"app.test:{group.port}"]}
    answered.set()
    assert client.response().body == group.hosts[0].encode()


def test_without_an_answer_in_time_503(lab):
    server = lab.scripted_dns(lambda question: None)
    proxy = named_proxy(lab, server, "app.test:80", backend={"queue-timeout": "300ms"})
    answer = lab.client(proxy).ask()
    assert (answer.status, answer.get("Retry-After")) == (503, "1")
    assert proxy.access_log(1)[0]["ended"] == "no name of the backend was resolved in time"
    proxy.wait_for_log("warning master.*server web/app.test:80: no DNS server replies; 0 addresses stay in use")


@pytest.mark.parametrize("kind", ["no such name", "no address", "an alias of nothing"])
def test_a_name_without_an_address_is_503_at_once(lab, kind):
    knot = lab.knot()
    if kind != "no such name":
        knot.set({"app": ["TXT x" if kind == "no address" else "CNAME nothing.test."]})
    proxy = named_proxy(lab, knot, "app.test:80", backend={"queue-timeout": "60s"})
    proxy.wait_for_log("warning master.*server web/app.test:80: the DNS has no address for this name; 0 are in use")
    answer = lab.client(proxy).ask()
    assert answer.status == 503
    assert proxy.access_log(1)[0]["ended"] == "no name of the backend has an address"


def test_servers_of_a_name_that_goes_stay_for_a_while(lab):
    group = Group(lab, 1)
    knot = lab.knot()
    knot.set({"app": [f"A {group.hosts[0]}"]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", top={"resolve-keep": "60s"})
    address = f"{group.hosts[0]}:{group.port}"
    client = lab.client(proxy)
    assert bodies(client) == {group.hosts[0]}
    knot.set({"app": []})
    proxy.wait_for_log("the DNS has no address for this name; 1 stay for resolve-keep")
    assert set(listed(proxy)) == {address}
    assert bodies(client) == {group.hosts[0]}
    proxy.write_config(proxy.config_text().replace("resolve-keep = 60s", "resolve-keep = 0"))
    proxy.reload()
    wait_for(lambda: listed(proxy).get(f"app.test:{group.port}", [None])[0] == "none", "the server to go")
    knot.set({"app": [f"A {group.hosts[0]}"]})
    wait_for_servers(proxy, [address])
    proxy.wait_for_log("info master.*the DNS has addresses for this name again")
    assert bodies(client) == {group.hosts[0]}


def test_lookups_are_counted_and_answers_have_an_age(lab):
    group = Group(lab, 1)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts]})
    admin = lab.port().address
    names = f"app.test:{group.port}", f"none.test:{group.port}"
    proxy = named_proxy(lab, knot, *names, top={"resolve-max": "100ms"}, admin=[admin])
    assert bodies(lab.client(proxy)) == set(group.hosts)

    def lookups(outcome):
        return metrics(admin)[f'ravelin_dns_lookups_total{{outcome="{outcome}"}}']

    def age(name):
        return metrics(admin)[f'ravelin_name_age_seconds{{backend="web",server="{name}"}}']

    wait_for(lambda: lookups("found") > 1 and lookups("empty") > 1, "lookups")
    knot.stop()
    wait_for(lambda: lookups("silent") + lookups("failed") > 1, "lookups without an answer", 4 * PATIENCE)
    before = age(names[0])
    wait_for(lambda: age(names[0]) > before, "the answer to grow old")
    assert bodies(lab.client(proxy)) == set(group.hosts)
    knot.start()
    wait_for(lambda: age(names[0]) < before, "a new answer", 4 * PATIENCE)


@pytest.mark.parametrize("way", ["silent", "gone"])
def test_addresses_stay_while_the_resolver_is_away(lab, way):
    group = Group(lab, 2)
    knot = lab.knot()
    knot.set({"app": [f"A {group.hosts[0]}"]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", workers=2)
    client = lab.client(proxy)
    assert bodies(client) == {group.hosts[0]}
    (knot.freeze if way == "silent" else knot.stop)()
    proxy.wait_for_log("warning master.*server web/app.test:[0-9]+: (no DNS server replies|a DNS server reports an error); 1 addresses stay")
    assert bodies(client) == {group.hosts[0]}
    (knot.thaw if way == "silent" else knot.start)()
    proxy.wait_for_log("the DNS has addresses for this name again")
    knot.set({"app": [f"A {group.hosts[1]}"]})
    wait_for_servers(proxy, [f"{group.hosts[1]}:{group.port}"])


@pytest.mark.parametrize("status", [1, 2, 4, 5], ids=["FORMERR", "SERVFAIL", "NOTIMP", "REFUSED"])
def test_errors_of_the_resolver(lab, status):
    group = Group(lab, 1)
    failing = threading.Event()
    good = dns.zone({"app.test": group.hosts})
    server = lab.scripted_dns(lambda question: question.answer(status=status) if failing.is_set() else good(question))
    proxy = named_proxy(lab, server, f"app.test:{group.port}")
    client = lab.client(proxy)
    assert bodies(client) == set(group.hosts)
    failing.set()
    proxy.wait_for_log("; 1 addresses stay in use")
    assert bodies(client) == set(group.hosts)
    failing.clear()
    proxy.wait_for_log("the DNS has addresses for this name again")


def test_answers_that_are_none(lab):
    """Wrong ids, rubbish, other questions: none of it counts, and the true answer behind it does."""
    group = Group(lab, 1)

    def reply(question):
        lie = [dns.address_record(question.name, "127.0.0.99")]
        other = dns.Question(question.data.replace(b"\x03app", b"\x03bpp"))
        return [
            question.answer(lie, id=bytes([question.id[0] ^ 1, question.id[1]])),
            other.answer([dns.address_record("bpp.test", "127.0.0.99")]),
            b"",
            question.id,
            dns.zone({"app.test": group.hosts})(question),
            question.answer(lie),  # too late
        ]

    server = lab.scripted_dns(reply)
    proxy = named_proxy(lab, server, f"app.test:{group.port}")
    assert bodies(lab.client(proxy)) == set(group.hosts)
    asked = len(server.questions)
    wait_for(lambda: len(server.questions) > asked + 10, "more questions")
    assert "127.0.0.99" not in proxy.log()


def test_rubbish_in_answers_kills_nothing(lab):
    group = Group(lab, 1)
    seed = [0]

    def reply(question):
        good = bytearray(dns.zone({"app.test": group.hosts})(question))
        seed[0] += 1
        for i in range(seed[0] % 7):  # 0: a good one
            at = (seed[0] * 31 + i * 17) % (len(good) - 12) + 12
            good[at] = (seed[0] * 97 + i) % 256
        return bytes(good)

    server = lab.scripted_dns(reply)
    proxy = named_proxy(lab, server, f"app.test:{group.port}", top={"resolve-max": "100ms"})
    before = monitor_pid(proxy)
    wait_for(lambda: len(server.questions) > 24, "many questions", 120)
    assert monitor_pid(proxy) == before
    seed[0] = -7 * 1000000  # always good
    server.reply = dns.zone({"app.test": group.hosts})
    wait_for_servers(proxy, [f"{host}:{group.port}" for host in group.hosts])
    assert bodies(lab.client(proxy)) == set(group.hosts)


def test_an_answer_that_is_too_large_for_udp(lab):
    hosts = [f"127.0.1.{i + 2}" for i in range(120)]
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in hosts]})
    proxy = named_proxy(lab, knot, "app.test:9", options={"addresses": 256})
    wait_for_servers(proxy, [f"{host}:9" for host in hosts])


def test_more_addresses_than_are_used(lab):
    hosts = [f"127.0.{i // 200}.{i % 200 + 2}" for i in range(400)]
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in hosts]})
    proxy = named_proxy(lab, knot, "app.test:9", options={"addresses": 10})
    wait_for(lambda: len(listed(proxy)) == 10, "ten servers")
    assert f"{sorted(hosts, key=lambda host: [int(part) for part in host.split('.')])[0]}:9" in listed(proxy)
    proxy.wait_for_log("warning master.*server web/app.test:9: 256 addresses, of which the first 10 are used; raise 'addresses'")


def test_the_next_resolver_is_asked(lab):
    group = Group(lab, 1)
    silent = lab.scripted_dns(lambda question: None)
    knot = lab.knot()
    knot.set({"app": [f"A {group.hosts[0]}"]})
    proxy = lab.proxy(
        top={"resolver": f'{{"{silent.address}", "{knot.address}"}}', **FAST},
        backends=[backend_block("web", [f"app.test:{group.port}"])],
    )
    wait_for_servers(proxy, [f"{group.hosts[0]}:{group.port}"])
    assert silent.questions


def test_how_often_a_name_is_asked_for(lab):
    group = Group(lab, 1)
    server = lab.scripted_dns(lambda question: question.answer([dns.address_record(question.name, group.hosts[0], ttl=3600)]))
    proxy = named_proxy(lab, server, f"app.test:{group.port}", top={"resolve-max": "1h"})
    assert bodies(lab.client(proxy)) == set(group.hosts)
    stays(lambda: len(server.questions) == 2, "it is asked again within its TTL", 1)
    proxy.write_config(proxy.config_text().replace("resolve-max = 1h", "resolve-max = 200ms"))
    proxy.reload()
    assert len(server.questions) == 2  # what is known stays known


# ---- Addresses that are refused ----


def test_no_address_that_ravelin_listens_on(lab):
    """A DNS server that lies could let requests go round in circles."""
    knot = lab.knot()
    knot.set({"app": ["A 127.0.0.1", "A 169.254.169.254", "A 0.0.0.0", "A 224.0.0.1"]})
    proxy = lab.prepare(
        top={"resolver": f'"{knot.address}"', **FAST},
        backends=[backend_block("web", ["app.test:9"])],
    )
    proxy.write_config(proxy.config_text().replace("app.test:9", f"app.test:{proxy.port}"))
    proxy.start()
    proxy.wait_for_log("server web/app.test:[0-9]+: 4 addresses are not used; .* or one that Ravelin listens on")
    assert set(listed(proxy)) == {f"app.test:{proxy.port}"}
    assert lab.client(proxy).ask().status == 503


def test_no_address_of_a_wildcard_listener(lab):
    knot = lab.knot()
    knot.set({"app": ["A 127.0.0.7", "A 192.0.2.1"]})
    port = lab.port().number
    proxy = lab.prepare(top={"resolver": f'"{knot.address}"', **FAST}, backends=[backend_block("web", [f"app.test:{port}"])])
    proxy.write_config(f"{proxy.config_text()}\nlisten 0.0.0.0:{port} {{}}\n")
    proxy.start()
    proxy.wait_for_log("server web/app.test:[0-9]+: 1 addresses are not used; 127.0.0.7:")
    wait_for_servers(proxy, [f"192.0.2.1:{port}"])


# ---- Sticky clients, orders, hashes ----


def test_sticky_clients_stay_at_their_address(lab):
    group = Group(lab, 4)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts[:3]]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", backend={"sticky": "id"}, workers=2)
    cookies = {}
    client = lab.client(proxy)
    for _ in range(12):
        answer = client.ask()
        cookies[answer.body.decode()] = answer.get("Set-Cookie").partition(";")[0]
    assert set(cookies) == set(group.hosts[:3])
    knot.set({"app": [f"A {host}" for host in group.hosts[1:]]})
    wait_for_servers(proxy, [f"{host}:{group.port}" for host in group.hosts[1:]])
    for host in group.hosts[1:3]:
        assert bodies(lab.client(proxy), 6, fields=[f"Cookie: {cookies[host]}"]) == {host}
    answer = client.ask(fields=[f"Cookie: {cookies[group.hosts[0]]}"])
    assert answer.body.decode() != group.hosts[0]
    assert answer.get("Set-Cookie")


def test_a_hash_moves_the_keys_of_the_address_that_left_only(lab):
    group = Group(lab, 4)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", backend={"balance": "hash", "hash-by": "path"})
    client = lab.client(proxy)

    def owners():
        return {path: client.ask(path).body.decode() for path in [f"/{i}" for i in range(60)]}

    before = owners()
    assert set(before.values()) == set(group.hosts)
    knot.set({"app": [f"A {host}" for host in group.hosts[1:]]})
    wait_for_servers(proxy, [f"{host}:{group.port}" for host in group.hosts[1:]])
    after = owners()
    assert all(after[path] == owner for path, owner in before.items() if owner != group.hosts[0])
    knot.set({"app": [f"A {host}" for host in group.hosts]})
    wait_for_servers(proxy, [f"{host}:{group.port}" for host in group.hosts])
    assert owners() == before


def test_an_order_lasts_as_long_as_the_address(lab):
    group = Group(lab, 2)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}")
    first, second = [f"{host}:{group.port}" for host in group.hosts]
    wait_for_servers(proxy, [first, second])
    proxy.command("server", f"web/{first}", "drain")
    assert bodies(lab.client(proxy)) == {group.hosts[1]}
    proxy.reload()
    assert listed(proxy)[first][0] == "drain"
    knot.set({"app": [f"A {group.hosts[1]}"]})
    wait_for_servers(proxy, [second])
    knot.set({"app": [f"A {host}" for host in group.hosts]})
    wait_for_servers(proxy, [first, second])
    assert listed(proxy)[first][0] == "ready"
    result = proxy.command("server", f"web/app.test:{group.port}", "drain", check=False)
    assert result.returncode == 1


# ---- Reloads and deaths ----


def test_a_reload_keeps_the_addresses_while_the_resolver_is_silent(lab):
    group = Group(lab, 2)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", workers=2)
    client = lab.client(proxy)
    assert bodies(client) == set(group.hosts)
    knot.freeze()
    proxy.reload()
    assert bodies(client) == set(group.hosts)
    assert bodies(lab.client(proxy)) == set(group.hosts)
    monitor = monitor_pid(proxy)
    proxy.allow.append("monitor .*killed by signal 9")
    proxy.workers_may_die = True
    os.kill(monitor, signal.SIGKILL)
    wait_for(lambda: monitor_pid(proxy) not in (None, monitor), "another monitor")
    assert bodies(client) == set(group.hosts)
    proxy.reload()
    assert bodies(client) == set(group.hosts)
    knot.thaw()
    knot.set({"app": [f"A {group.hosts[1]}"]})
    wait_for_servers(proxy, [f"{group.hosts[1]}:{group.port}"])


def test_a_worker_that_comes_later_knows_the_addresses(lab):
    group = Group(lab, 2)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", workers_may_die=True, allow=["killed by signal 9"])
    assert bodies(lab.client(proxy)) == set(group.hosts)
    knot.freeze()
    former = proxy.worker_pids()[0]
    os.kill(former, signal.SIGKILL)
    wait_for(lambda: proxy.worker_pids().get(0) not in (0, None, former), "a worker")

    def ask():
        try:
            return bodies(lab.client(proxy)) == set(group.hosts)
        except OSError:
            return False

    wait_for(ask, "requests to be served")


def test_another_resolver_by_reload(lab):
    group = Group(lab, 2)
    first = lab.scripted_dns(dns.zone({"app.test": group.hosts[:1]}))
    second = lab.scripted_dns(dns.zone({"app.test": group.hosts[1:]}))
    proxy = named_proxy(lab, first, f"app.test:{group.port}", top={"resolve-max": "1h", "resolve-min": "1h"})
    wait_for_servers(proxy, [f"{group.hosts[0]}:{group.port}"])
    proxy.write_config(proxy.config_text().replace(first.address, second.address))
    proxy.reload()
    wait_for_servers(proxy, [f"{group.hosts[1]}:{group.port}"])


def test_names_that_come_and_go_by_reload(lab):
    group = Group(lab, 1)
    plain = lab.server(reply=lambda request: response("plain"))
    knot = lab.knot()
    knot.set({"app": [f"A {group.hosts[0]}"]})
    proxy = lab.proxy(plain, top={"resolver": f'"{knot.address}"', **FAST})
    proxy.workers_may_die = True  # the monitor comes and goes
    client = lab.client(proxy)
    assert monitor_pid(proxy) is None
    for _ in range(2):
        proxy.configure(backends=[backend_block("web", [f"app.test:{group.port}"])])
        proxy.reload()
        assert bodies(client) == {group.hosts[0]}
        proxy.configure(backends=[backend_block("web", [plain])])
        proxy.reload()
        assert bodies(client) == {"plain"}
        wait_for(lambda: monitor_pid(proxy) is None, "the monitor to end")


def test_reloads_in_the_middle_of_changes(lab):
    group = Group(lab, 4)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts[:2]]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", workers=2)
    statuses, done = [], threading.Event()

    def ask():
        with lab.client(proxy) as client:
            while not done.is_set():
                statuses.append(client.ask().status)

    thread = threading.Thread(target=ask)
    thread.start()
    for round in range(8):
        knot.set({"app": [f"A {host}" for host in group.hosts[round % 3 : round % 3 + 2]]})
        proxy.reload()
    wait_for_servers(proxy, [f"{host}:{group.port}" for host in group.hosts[1:3]])
    done.set()
    thread.join()
    assert set(statuses) == {200}


# ---- check ----


def test_check_needs_no_resolver(lab):
    proxy = lab.prepare("app.test:80", top={"resolver": '"127.0.0.1:9"'})
    assert proxy.command("check").returncode == 0


def test_silence_uses_no_processor_time(lab):
    server = lab.scripted_dns(lambda question: None)
    proxy = named_proxy(lab, server, *[f"n{i}.test:80" for i in range(50)])

    def ticks():
        fields = open(f"/proc/{monitor_pid(proxy)}/stat").read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    wait_for(lambda: len({question.name for question in server.questions}) == 50, "a question for each name")
    before = ticks()
    time.sleep(2)
    assert ticks() - before < 100


def test_an_upgrade_keeps_the_addresses(lab):
    """And the order for one of them, also while no DNS server replies."""
    group = Group(lab, 2)
    knot = lab.knot()
    knot.set({"app": [f"A {host}" for host in group.hosts]})
    proxy = named_proxy(lab, knot, f"app.test:{group.port}", backend={"queue-timeout": "100ms"}, allow=["no DNS server"])
    wait_for_servers(proxy, [f"{host}:{group.port}" for host in group.hosts])
    proxy.command("server", f"web/{group.hosts[0]}:{group.port}", "down")
    knot.close()
    proxy.upgrade()
    assert bodies(lab.client(proxy)) == {group.hosts[1]}
