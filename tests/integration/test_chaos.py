"""Four servers that fail in every way and order under load: every response is whole and right. Meanwhile reloads, upgrades and
drains go on, the servers are listed or named, their name changes, and now and then they have few connections, so that requests wait.

`make soak` lets it last ten minutes (RAVELIN_CHAOS_SECONDS); RAVELIN_CHAOS_SEED repeats an order."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from ravelin_test.chaos_server import body_of
from ravelin_test.http import Truncated
from ravelin_test.ports import Port
from ravelin_test.processes import TIED, Process, text
from ravelin_test.proxy import block, server_block
from ravelin_test.settings import SCALE
from ravelin_test.waiting import wait_for

SECONDS = float(os.environ.get("RAVELIN_CHAOS_SECONDS") or 10)
SEED = int(os.environ.get("RAVELIN_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))
STEP_S = 0.3
EPOCH_S = 2.5
# Longer than two response timeouts: so long a request may still wait elsewhere.
HANDOVER_S = 3
# By signals, and by what the server does with requests.
WAYS = ["kill", "stop", "reset", "half-close", "garbage", "hang", "drip", "close"]
LONGEST_S = 8  # request-timeout
OPTIONS = {
    "retries": 3,
    "retry-budget": "100%",
    "connect-timeout": "300ms",
    "response-timeout": "1s",
    "request-timeout": f"{LONGEST_S}s",
    "eject-time": "200ms",
    "eject-time-max": "500ms",
}
CHECKS = {"interval": "200ms", "timeout": "300ms", "rise": 1, "fall": 2}


class ChaosServer:
    def __init__(self, name, folder, host, port=0):
        self.name = name
        self.host = host
        self.log = folder / f"{name}.log"
        self.file = folder / f"{name}.way"
        self.way = None
        self._port = Port(host, port)
        self.port = self._port.number
        self.address = self._port.address
        self.fail(None)
        self._start()

    def _start(self):
        self.log.unlink(missing_ok=True)
        program = Path(__file__).parent / "ravelin_test/chaos_server.py"
        self._process = Process([sys.executable, program, self.name, self.host, self.port, self.file], self.log)
        self._process.wait_for_output("listening")

    def fail(self, way):
        """None: it works again."""
        draft = self.file.with_suffix(".new")
        draft.write_text("" if way in (None, "kill", "stop") else way)
        draft.replace(self.file)
        if self.way == "kill":
            self._start()
        elif self.way == "stop":
            self._process.send_signal(signal.SIGCONT)
        if way == "kill":
            self._process.end(signal.SIGKILL)
        elif way == "stop":
            self._process.send_signal(signal.SIGSTOP)
        self.way = way

    def close(self):
        self._process.end(signal.SIGKILL)
        self._port.close()


class Verifier:
    """A client that looks at every byte."""

    def __init__(self, proxy, seed):
        self.proxy = proxy
        self.random = random.Random(seed)
        self.count = 0
        self.cut = 0
        self.faults = []
        self.served = set()
        self.slowest = 0
        self.done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self):
        while not self.done.is_set() and len(self.faults) < 5:
            try:
                with self.proxy.client() as client:
                    while not self.done.is_set() and self._ask(client):
                        pass
            except Truncated:  # a server was killed in the middle of its response
                self.cut += 1
            except Exception as error:
                self.faults.append(repr(error))

    def _ask(self, client):
        number = self.random.randrange(1 << 20)
        begin = time.monotonic()
        answer = client.ask(f"/{number}")
        self.slowest = max(self.slowest, time.monotonic() - begin)
        self.count += 1
        if answer.status != 200 or answer.body != body_of(number):
            self.faults.append(f"{answer.status} for /{number}, {len(answer.body)} bytes")
        else:
            self.served.add(answer.get("X-Server"))
        return answer.get("Connection") != "close"  # an upgrade ends connections

    def stop(self):
        self.done.set()
        self._thread.join()


def configure(servers, checked=True, few=False, named=False):
    health = [block("health", "/1", CHECKS)] if checked else []
    options = {"max-connections": 6} if few else {}
    listed = [f"app.test:{servers[0].port}"] if named else servers
    return [block("backend", "web", OPTIONS, [*health, *(server_block((server, options)) for server in listed)])]


class Plan:
    """Which server is next, and what becomes of it. One server is safe, so that every request can be answered. Another
    takes its place only when no request is left that has met it failing."""

    def __init__(self, rng, servers):
        self._random = rng
        self._servers = servers
        self._safe = rng.choice(servers)
        self._heir = None
        self._ways = []
        self._changes_at = time.monotonic() + EPOCH_S

    def needed(self):
        return [server for server in (self._safe, self._heir) if server is not None]

    def step(self):
        now = time.monotonic()
        if self._heir is None and now > self._changes_at:
            self._heir = self._random.choice([server for server in self._servers if server is not self._safe])
            self._changes_at = now + HANDOVER_S
            return self._heir, None
        if self._heir is not None and now > self._changes_at:
            self._safe, self._heir = self._heir, None
            self._changes_at = now + EPOCH_S
        server = self._random.choice([server for server in self._servers if server not in (self._safe, self._heir)])
        if server.way is not None and self._random.random() < 0.5:
            return server, None
        self._ways = self._ways or self._random.sample(WAYS, len(WAYS))
        return server, self._ways.pop()


class Disturbances:
    """A reload with the servers in another order or named, with or without checks and with few connections; a drain of
    a server that fails; other addresses of the name; an upgrade."""

    def __init__(self, rng, proxy, knot, servers):
        self._random = rng
        self._proxy = proxy
        self._knot = knot
        self._servers = servers
        self._drained = None
        self._deck = []
        self._set_name(servers)

    def _set_name(self, servers):
        self._named = servers
        self._knot.set({"app": [f"A {server.host}" for server in servers]})

    def _reload(self, needed):
        options = {name: self._random.random() < 0.5 for name in ("checked", "few", "named")}
        self._proxy.configure(backends=configure(self._random.sample(self._servers, 4), **options))
        self._proxy.reload()

    def _drain(self, needed):
        self._drained = self._random.choice([server for server in self._servers if server not in needed])
        self._order(self._drained, "drain")

    def _rename(self, needed):
        others = [server for server in self._servers if server not in needed]
        self._set_name([*needed, *self._random.sample(others, self._random.randrange(len(others) + 1))])

    def _upgrade(self, needed):
        self._proxy.upgrade()

    def _order(self, server, word):
        """The server may not be there now, because its name does not have its address."""
        self._proxy.command("server", f"web/{server.address}", word, check=False)

    def end(self):
        """All servers are there again."""
        self._make_ready()
        self._set_name(self._servers)

    def _make_ready(self):
        if self._drained is not None:
            self._order(self._drained, "ready")
            self._drained = None

    def next(self, needed):
        """`needed`: the servers that must stay as they are."""
        self._make_ready()
        missing = [server for server in needed if server not in self._named]
        if missing:
            self._set_name([*self._named, *missing])
        often = [self._reload, self._drain, self._rename]
        self._deck = self._deck or self._random.sample([*4 * often, self._upgrade], 13)
        self._deck.pop()(needed)


def test_chaos(lab):
    rng = random.Random(SEED)
    print(f"RAVELIN_CHAOS_SEED={SEED}")  # pytest shows it when the test fails
    servers = [lab.keep_server(ChaosServer("a", lab.folder, "127.0.0.2"))]
    servers += [lab.keep_server(ChaosServer(name, lab.folder, f"127.0.0.{at}", servers[0].port)) for at, name in enumerate("bcd", 3)]
    knot = lab.knot()
    top = {"resolver": f'"{knot.address}"', "resolve-min": "100ms", "drain-timeout": "30s", "access-log-fields": "{status}"}
    proxy = lab.prepare(workers=2, top=top, allow=[".*"], workers_may_die=True, limits={"connections": 1000})
    proxy.configure(backends=configure(servers))
    disturbances = Disturbances(rng, proxy, knot, servers)
    proxy.start()
    verifiers = [Verifier(proxy, SEED + number) for number in range(4)]
    wrk = ["wrk", "-t1", "-c16", f"-d{int(SECONDS)}s", f"--timeout={2 * LONGEST_S}s", proxy.url("/5")]
    load = subprocess.Popen(TIED + wrk, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        end = time.monotonic() + SECONDS
        plan = Plan(rng, servers)
        while time.monotonic() < end and not any(verifier.faults for verifier in verifiers):
            server, way = plan.step()
            server.fail(way)
            disturbances.next(plan.needed())
            time.sleep(STEP_S)
        for server in servers:
            server.fail(None)
        disturbances.end()
        # Within one probe interval, plus what a loaded machine needs, all serve again.
        for verifier in verifiers:
            verifier.served.clear()
        wait_for(lambda: all(len(verifier.served) == 4 for verifier in verifiers) or any(verifier.faults for verifier in verifiers), "all servers to serve")
    finally:
        for verifier in verifiers:
            verifier.stop()
        output = text(load.communicate()[0])
    assert [fault for verifier in verifiers for fault in verifier.faults] == []
    assert sum(verifier.count for verifier in verifiers) > 10 * SECONDS / SCALE
    assert sum(verifier.cut for verifier in verifiers) <= 1 + SECONDS
    assert max(verifier.slowest for verifier in verifiers) < LONGEST_S + 2 * SCALE
    assert "Non-2xx" not in output, output
    with open(proxy.access_path) as lines:  # millions of them
        different = set(lines)
    assert different <= {'{"status":200}\n', '{"status":0}\n'}, different
