"""Servers that are names, with checks: each address has its own. And the resolvers of the system."""

import os
import threading

import pytest

from ravelin_test import dns
from ravelin_test.http import response
from ravelin_test.processes import text
from ravelin_test.proxy import backend_block, block
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for

CHECK = {"interval": "100ms", "timeout": "1h", "rise": 1, "fall": 1}
# Requests say nothing about health.
PLAIN = {"max-failures": "off", "failure-ratio": "off", "retries": 0}


class Group:
    """Servers at 127.0.0.2, 127.0.0.3, ... with one port. Each answers with its address. `bad`: whose checks fail;
    `held`: whose checks are answered when it is let go."""

    def __init__(self, lab, count):
        self.hosts = [f"127.0.0.{i + 2}" for i in range(count)]
        self.bad = set()
        self.held = set()
        self.go = threading.Event()
        self.servers = []
        for host in self.hosts:
            port = self.servers[0].port if self.servers else 0
            self.servers.append(lab.server(reply=lambda request, host=host: self._reply(request, host), host=host, port=port))
        self.port = self.servers[0].port

    def _reply(self, request, host):
        if request.target == "/healthz" and host in self.held:
            self.go.wait(PATIENCE)
        bad = request.target == "/healthz" and host in self.bad
        return response(host, status="503 No" if bad else "200 OK")

    def checks(self, host):
        return sum(request.target == "/healthz" for request in self.servers[self.hosts.index(host)].requests)


class NamedAndChecked:
    def __init__(self, lab, count, first):
        self.group = Group(lab, count)
        self.knot = lab.knot()
        self.publish(first)
        self.proxy = lab.prepare(
            top={"resolver": f'"{self.knot.address}"', "resolve-min": "100ms", "resolve-keep": "0"},
            allow=[".*"],
            workers=2,
        )
        name = f"app.test:{self.group.port}"
        self.proxy.configure(backends=[block("backend", "web", PLAIN, [block("health", "/healthz", CHECK), block("server", name)])])
        self.proxy.start()
        self.client = lab.client(self.proxy)

    def publish(self, numbers):
        self.knot.set({"app": [f"A {self.group.hosts[number]}" for number in numbers]})

    def states(self):
        """{host: its health} of `ravelin servers`."""
        lines = text(self.proxy.command("servers").stdout).splitlines()
        at = lines[0].index("health")
        return {line.split()[0].partition("/")[2].rpartition(":")[0]: line[at:].rpartition("  ")[0] for line in lines[1:]}

    def wait_for_state(self, number, state):
        host = self.group.hosts[number]
        wait_for(lambda: self.states().get(host, "").startswith(state), f"{state!r} for {host}: {self.states()}")

    def bodies(self, count=12):
        answers = [self.client.ask() for _ in range(count)]
        assert {answer.status for answer in answers} == {200}
        return {self.group.hosts.index(answer.body.decode()) for answer in answers}


def test_each_address_of_a_name_has_its_own_checks(lab):
    its = NamedAndChecked(lab, 2, [0, 1])
    for number in (0, 1):
        its.wait_for_state(number, "up")
    assert its.bodies() == {0, 1}
    its.group.bad.add(its.group.hosts[0])
    its.wait_for_state(0, "down: health: 503")
    assert its.bodies() == {1}
    its.proxy.reload()
    assert its.states()[its.group.hosts[0]].startswith("down: health: 503")
    assert its.bodies() == {1}
    its.group.bad.clear()
    its.wait_for_state(0, "up")
    assert its.bodies() == {0, 1}


def test_a_new_address_is_tried_before_it_gets_requests(lab):
    its = NamedAndChecked(lab, 3, [0])
    its.wait_for_state(0, "up")
    its.group.held.add(its.group.hosts[1])
    its.publish([0, 1])
    its.wait_for_state(1, "new: not checked yet")
    wait_for(lambda: its.group.checks(its.group.hosts[1]), "its check")
    assert its.bodies() == {0}
    its.group.go.set()
    its.wait_for_state(1, "up")
    assert its.bodies() == {0, 1}
    # With no other server there is nothing to wait for.
    its.group.go.clear()
    its.group.held.add(its.group.hosts[2])
    its.publish([2])
    wait_for(lambda: set(its.states()) == {its.group.hosts[2]}, "the change of addresses")
    assert its.bodies() == {2}
    its.group.go.set()


def test_an_address_that_left_is_not_checked_and_is_new_when_it_returns(lab):
    its = NamedAndChecked(lab, 2, [0, 1])
    its.wait_for_state(1, "up")
    its.publish([0])
    wait_for(lambda: set(its.states()) == {its.group.hosts[0]}, "the address to leave")
    left, other = (its.group.checks(host) for host in its.group.hosts[::-1])
    wait_for(lambda: its.group.checks(its.group.hosts[0]) > other + 3, "checks of the other one")
    assert its.group.checks(its.group.hosts[1]) <= left + 1  # one was on its way
    its.group.bad.add(its.group.hosts[1])
    its.publish([0, 1])
    its.wait_for_state(1, "down: health: 503")
    assert its.bodies() == {0}


# ---- resolver = system ----


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount another /etc/resolv.conf and use port 53")
def test_the_resolvers_of_the_system(lab):
    """/etc/resolv.conf is read at the start and at each reload. It is another one for this proxy."""
    group = Group(lab, 2)
    hosts = ["127.0.77.53", "127.0.77.54"]
    servers = []
    for number, host in enumerate(hosts):
        try:
            servers.append(lab.scripted_dns(dns.zone({"app.test": [group.hosts[number]]}), host=host, port=53))
        except OSError as error:
            pytest.skip(f"port 53 of {host}: {error}")
    file = lab.folder / "resolv.conf"
    file.write_text(f"# a comment\nsearch example.test\nnameserver {hosts[0]}\noptions ndots:2\n")
    program = lab.folder / "ravelin-elsewhere"
    proxy = lab.prepare(
        top={"resolve-min": "100ms", "resolve-keep": "0"},
        backends=[backend_block("web", [f"app.test:{group.port}"])],
    )
    program.write_text(f"""#!/bin/sh
exec unshare --mount sh -c 'mount --bind "$0" /etc/resolv.conf && exec "$@"' "{file}" "{proxy.program}" "$@"
""")
    program.chmod(0o755)
    proxy.program = program
    proxy.start()
    client = lab.client(proxy)
    assert {client.ask().body.decode() for _ in range(4)} == {group.hosts[0]}
    assert not servers[1].questions
    file.write_text(f"nameserver {hosts[1]}\n")
    proxy.reload()
    wait_for(lambda: client.ask().body.decode() == group.hosts[1], "the other resolver's address")
    assert servers[1].asked("app.test") and not servers[1].asked("app.test.example.test")
