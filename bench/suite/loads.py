"""The clients. `start` makes ready for one sample of a running proxy: a session, whose `run` may be
called again and again, each time with a Result that tells of every failure."""

import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from .client import Client, ClientError, problems_of
from .workshop import GROUP, SUITE

SLACK_SECONDS = 30  # for a tool that should have ended
RESUMED_SHARE = 0.97  # Ravelin asks for a full handshake after 200 resumed ones in a row


@dataclass
class Result:
    requests: int = 0
    bytes: int = 0  # of HTTP, heads included where the tool counts them
    seconds: float = 0.0  # as the tool measured it
    values: dict = field(default_factory=dict)  # more of it, by metric
    problems: list = field(default_factory=list)

    def __iadd__(self, other):
        self.requests += other.requests
        self.bytes += other.bytes
        self.seconds += other.seconds
        self.values.update(other.values)
        self.problems += other.problems
        return self


@dataclass(frozen=True)
class Target:
    """What a load is run against."""

    port: int
    job: object
    backend: object
    workshop: object

    @property
    def name(self):
        """The host to ask for; the load client puts a connection's number in it."""
        return "127.0.0.1" if self.job.sites == 1 else "s%d.test"

    def url(self, path):
        return f"https://127.0.0.1:{self.port}{path}"

    def client(self, path, *words):
        words = ["--path", path, "--name", self.name, "--names", self.job.sites, *words]
        if path in self.backend.files:
            name = f"body-{len(self.backend.files[path])}"
            words += ["--body", self.workshop.file(name, self.backend.files[path])]
        return Client(self.workshop, self.port, "--group", self.job.group, "--suite", SUITE, *words)


def run_tool(command, env, seconds):
    """Runs a load tool that should take so long. Returns its output, and a problem or None."""
    try:
        done = subprocess.run(
            ["setpriv", "--pdeathsig", "KILL"] + [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=env,
            timeout=seconds + SLACK_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return "", f"{command[0]} did not end"
    text = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        return text, f"{command[0]} ended with status {done.returncode}: {text[-300:]}"
    return text, None


class ToolLoad:
    """A load that is a program which connects anew whenever it is run."""

    @contextmanager
    def start(self, target):
        yield _ToolSession(self, target)


@dataclass(frozen=True)
class _ToolSession:
    load: object
    target: Target

    def run(self, seconds):
        return self.load.run(self.target, seconds)


@dataclass(frozen=True)
class Wrk(ToolLoad):
    """Requests one after another on connections that stay open."""

    path: str
    connections: int

    tool = "wrk"

    def run(self, target, seconds):
        whole_seconds = max(1, round(seconds))  # wrk takes no fractions
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{whole_seconds}s", "--timeout", "10s"]
        command += ["-s", Path(__file__).with_name("wrk_summary.lua"), target.url(self.path)]
        text, problem = run_tool(command, target.workshop.client_env(), whole_seconds)
        if problem:
            return Result(problems=[problem])
        return wrk_result(text, len(target.backend.files[self.path]))


def wrk_result(text, body_size):
    """What wrk_summary.lua printed. Every response must have been good, and large enough."""
    values = dict(re.findall(r"^summary ([a-z_]+) (\d+)$", text, re.MULTILINE))
    if "duration_us" not in values:
        return Result(problems=[f"wrk gave no summary: {text[-300:]}"])
    number = {name: int(value) for name, value in values.items()}
    result = Result(number["requests"], number["bytes"], number["duration_us"] / 1e6)
    for kind in ("connect", "read", "write", "status", "timeout"):
        if number[f"errors_{kind}"]:
            result.problems.append(f"wrk: {number[f'errors_{kind}']} errors ({kind})")
    if result.requests == 0:
        result.problems.append("wrk: no response at all")
    if result.bytes < result.requests * body_size:
        result.problems.append(f"wrk: {result.requests} responses in only {result.bytes} bytes")
    return result


@dataclass(frozen=True)
class NewConnections(ToolLoad):
    """A new TLS connection with a full handshake for each request, by h2load."""

    path: str
    connections: int = 400  # of one h2load: it makes as many as there are requests, all at once

    tool = "h2load"

    def run(self, target, seconds):
        total = Result()
        while total.seconds < seconds and not total.problems:
            total += self._batch(target)
        return total

    def _batch(self, target):
        count = self.connections
        command = ["h2load", "--h1", "-t1", f"-n{count}", f"-c{count}"]
        command += [f"--tls13-ciphers={SUITE}", f"--groups={GROUP}", target.url(self.path)]
        text, problem = run_tool(command, target.workshop.client_env(), 5)
        if problem:
            return Result(problems=[problem])
        return h2load_result(text, count, len(target.backend.files[self.path]))


def h2load_result(text, count, body_size):
    """What h2load printed after `count` requests. All of them must have gone well."""
    finished = re.search(r"^finished in ([0-9.]+)(us|ms|s|m)", text, re.MULTILINE)
    outcome = r" (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout"
    succeeded = re.search(outcome, text)
    statuses = re.search(r"^status codes: (\d+) 2xx", text, re.MULTILINE)
    body = re.search(r"^traffic: .*\((\d+)\) data$", text, re.MULTILINE)
    if not (finished and succeeded and statuses and body):
        return Result(problems=[f"h2load gave no summary: {text[-300:]}"])
    seconds = float(finished[1]) * {"us": 1e-6, "ms": 1e-3, "s": 1, "m": 60}[finished[2]]
    result = Result(int(succeeded[2]), int(body[1]), seconds)
    counts = [int(value) for value in (*succeeded.groups(), statuses[1])]
    if counts != [count, count, 0, 0, 0, count]:
        result.problems.append(f"h2load: {succeeded[0].strip()}, {statuses[0]}, of {count}")
    elif result.bytes != count * body_size:
        result.problems.append(f"h2load: {result.bytes} body bytes instead of {count * body_size}")
    return result


@dataclass(frozen=True)
class Upload(ToolLoad):
    """Several clients that each send one large body, again and again."""

    size: int
    clients: int

    tool = "curl"

    def run(self, target, seconds):
        source = target.workshop.folder / f"upload-{self.size}"
        if not source.exists():
            with open(source, "wb") as file:
                file.truncate(self.size)
        total = Result()
        while total.seconds < seconds and not total.problems:
            started = time.monotonic()
            with ThreadPoolExecutor(self.clients) as pool:
                uploads = [pool.submit(self._one, target, source) for _ in range(self.clients)]
            for upload in uploads:
                total += upload.result()
            total.seconds += time.monotonic() - started
        return total

    def _one(self, target, source):
        command = ["curl", "-q", "-sS", "--http1.1", "--insecure", "--tlsv1.3"]
        command += ["--tls13-ciphers", SUITE, "--curves", GROUP, "-H", "Expect:"]
        command += ["-w", " %{http_code}", "-T", source, target.url("/upload")]
        text, problem = run_tool(command, target.workshop.client_env(), 30)
        if not problem and text.split() != [str(self.size), "200"]:
            problem = f"curl: the sink answered {text[-300:]!r}"
        return Result(problems=[problem]) if problem else Result(1, self.size)


# --- Our own client -----------------------------------------------------------------------------


def client_result(answer):
    result = Result(
        answer["requests"], answer["bytes"], answer["seconds"], problems=problems_of(answer)
    )
    latency = answer["latency_us"]
    for metric, name in (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9")):
        result.values[metric] = latency[name] / 1e6
    return result


@dataclass(frozen=True)
class Fresh:
    """A new connection for each request, several at a time; each resumes the one before if told."""

    path: str
    at_a_time: int = 32
    resume: bool = False

    tool = None

    @contextmanager
    def start(self, target):
        with target.client(self.path, *(["--resume"] if self.resume else [])) as client:
            if self.resume:
                client.fresh(self.at_a_time, 0, 0.3)  # each gets its first ticket
            yield _FreshSession(self, target, client)


@dataclass
class _FreshSession:
    load: Fresh
    target: Target
    client: Client

    def run(self, seconds):
        answer = self.client.fresh(self.load.at_a_time, 0, seconds)
        result = client_result(answer)
        result.values.clear()
        wanted = self.target.job.group
        if answer["requests"] and answer["group"] != wanted:
            result.problems.append(f"client: the group was {answer['group']}, not {wanted}")
        if self.load.resume and answer["resumed"] < RESUMED_SHARE * answer["connects"]:
            result.problems.append(f"client: {answer['resumed']} of {answer['connects']} resumed")
        return result


@dataclass(frozen=True)
class Kept:
    """Requests, or messages, on connections that stay open; with a rate, at the times it sets.

    `opened`: they are open, and have had a request, before a sample begins. `beside` is another
    load that keeps the proxy busy meanwhile; only its rate is told. `priority` and `downloads`, a
    number and a path, are for HTTP/2: each connection has so many downloads beside its requests.
    """

    path: str
    connections: int = 64
    rate: float = 0
    message_size: int = 0
    opened: bool = True
    beside: object = None
    http2: bool = False
    priority: str = ""
    downloads: tuple = ()

    @property
    def tool(self):
        return self.beside.tool if self.beside else None

    @contextmanager
    def start(self, target):
        words = ["--websocket", self.message_size] if self.message_size else []
        words += ["--http2"] if self.http2 else []
        words += ["--priority", self.priority] if self.priority else []
        if self.downloads:
            count, path = self.downloads
            words += ["--beside", f"{count},{len(target.backend.files[path])},{path}"]
        with target.client(self.path, *words) as client:
            if self.opened:
                problems = problems_of(client.open(self.connections))
                if problems:
                    raise ClientError(problems[0])
            else:
                client.slots(self.connections)
            yield _KeptSession(self, target, client)


@dataclass(frozen=True)
class Compared:
    """A load and then another one. The figures are of the second; `first_p99` is of the first."""

    first: object
    second: object

    tool = None

    @contextmanager
    def start(self, target):
        yield _ComparedSession(self, target)


@dataclass(frozen=True)
class _ComparedSession:
    load: Compared
    target: Target

    def run(self, seconds):
        with self.load.first.start(self.target) as session:
            first = session.run(seconds)
        with self.load.second.start(self.target) as session:
            result = session.run(seconds)
        result.problems = first.problems + result.problems
        result.values["first_p99"] = first.values["p99"]
        return result


@dataclass(frozen=True)
class Floods:
    """HTTP/2 connections that do what a client must not: so many of each kind a second, one kind
    after the other. What they get is not looked at."""

    rate: float

    tool = None
    KINDS = ("rapid-reset", "made-you-reset", "continuation", "ping", "settings")

    @contextmanager
    def start(self, target):
        with ExitStack() as stack:
            words = ("--http2", "--flood")
            clients = [stack.enter_context(target.client("/1k", *words, kind)) for kind in self.KINDS]
            yield _FloodsSession(self, clients)


@dataclass(frozen=True)
class _FloodsSession:
    load: Floods
    clients: list

    AT_A_TIME = 4  # of a kind

    def run(self, seconds):
        total = Result()
        with ThreadPoolExecutor(len(self.clients)) as pool:
            runs = [
                pool.submit(self._flood, client, number / len(self.clients), seconds)
                for number, client in enumerate(self.clients)
            ]
        for each in runs:
            result = client_result(each.result())
            total.requests += result.requests
            total.bytes += result.bytes
            total.problems += result.problems
        total.seconds = seconds
        return total

    def _flood(self, client, turn, seconds):
        time.sleep(turn / self.load.rate)
        return client.fresh(self.AT_A_TIME, self.load.rate, seconds)


@dataclass(frozen=True)
class ServerDies:
    """A load before the four servers of a MortalBackend: while all live, and while one dies and
    stays dead.

    What the figures are of is the second part; `first_p99` is of the first.
    """

    load: object

    tool = None
    RETURN_SECONDS = 2.5  # until every proxy uses a server again that has returned

    @contextmanager
    def start(self, target):
        if target.backend.revive():
            time.sleep(self.RETURN_SECONDS)
        with self.load.start(target) as session:
            yield _DyingSession(target.backend, session)


@dataclass
class _DyingSession:
    backend: object
    session: object

    BEFORE = 0.2  # the part of the time that is over when the server dies

    def run(self, seconds):
        result = self.session.run(seconds)
        if result.problems:
            return Result(problems=[f"before the death: {problem}" for problem in result.problems])
        first = result.values["p99"]
        death = threading.Timer(self.BEFORE * seconds, self.backend.kill)
        death.start()
        try:
            result = self.session.run(seconds)
        finally:
            death.join()
        result.values["first_p99"] = first
        return result


@dataclass
class _KeptSession:
    load: Kept
    target: Target
    client: Client

    LEAD_SECONDS = 0.3  # what is beside begins before, and ends after

    def run(self, seconds):
        if not self.load.beside:
            return client_result(self.client.run(self.load.rate, seconds))
        others = []
        with self.load.beside.start(self.target) as beside:

            def keep_busy():
                try:
                    others.append(beside.run(seconds + 2 * self.LEAD_SECONDS))
                except ClientError as error:
                    others.append(Result(problems=[str(error)]))

            thread = threading.Thread(target=keep_busy)
            thread.start()
            time.sleep(self.LEAD_SECONDS)
            result = client_result(self.client.run(self.load.rate, seconds))
            thread.join()
        other = others[0]
        result.problems += [f"beside: {problem}" for problem in other.problems]
        result.values["beside"] = (other.requests, other.bytes, other.seconds)
        return result
