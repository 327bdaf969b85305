"""The clients. A load runs in pieces, each with a Result that tells of every failure."""

import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from .workshop import GROUP, SUITE

SLACK_SECONDS = 30  # for a tool that should have ended


@dataclass
class Result:
    requests: int = 0
    bytes: int = 0  # of HTTP, heads included where the tool counts them
    seconds: float = 0.0  # as the tool measured it
    problems: list = field(default_factory=list)

    def __iadd__(self, other):
        self.requests += other.requests
        self.bytes += other.bytes
        self.seconds += other.seconds
        self.problems += other.problems
        return self


def url(port, path):
    return f"https://127.0.0.1:{port}{path}"


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


@dataclass(frozen=True)
class Wrk:
    """Requests one after another on connections that stay open."""

    path: str
    body_size: int
    connections: int

    tool = "wrk"

    def run(self, port, workshop, seconds):
        whole_seconds = max(1, round(seconds))  # wrk takes no fractions
        command = ["wrk", "-t1", f"-c{self.connections}", f"-d{whole_seconds}s", "--timeout", "10s"]
        command += ["-s", Path(__file__).with_name("wrk_summary.lua"), url(port, self.path)]
        text, problem = run_tool(command, workshop.client_env(), whole_seconds)
        values = dict(re.findall(r"^summary ([a-z_]+) (\d+)$", text, re.MULTILINE))
        if problem or "duration_us" not in values:
            return Result(problems=[problem or f"wrk gave no summary: {text[-300:]}"])
        number = {name: int(value) for name, value in values.items()}
        result = Result(number["requests"], number["bytes"], number["duration_us"] / 1e6)
        for kind in ("connect", "read", "write", "status", "timeout"):
            if number[f"errors_{kind}"]:
                result.problems.append(f"wrk: {number[f'errors_{kind}']} errors ({kind})")
        if result.requests == 0:
            result.problems.append("wrk: no response at all")
        if result.bytes < result.requests * self.body_size:
            result.problems.append(f"wrk: {result.requests} responses in only {result.bytes} bytes")
        return result


@dataclass(frozen=True)
class NewConnections:
    """A new TLS connection with a full handshake for each request."""

    path: str
    body_size: int
    connections: int = 400  # of one h2load: it makes as many as there are requests, all at once

    tool = "h2load"

    def run(self, port, workshop, seconds):
        total = Result()
        while total.seconds < seconds and not total.problems:
            total += self._batch(port, workshop)
        return total

    def _batch(self, port, workshop):
        count = self.connections
        command = ["h2load", "--h1", "-t1", f"-n{count}", f"-c{count}"]
        command += [f"--tls13-ciphers={SUITE}", f"--groups={GROUP}", url(port, self.path)]
        text, problem = run_tool(command, workshop.client_env(), 5)
        if problem:
            return Result(problems=[problem])
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
        elif result.bytes != count * self.body_size:
            wanted = count * self.body_size
            result.problems.append(f"h2load: {result.bytes} body bytes instead of {wanted}")
        return result


@dataclass(frozen=True)
class Upload:
    """Several clients that each send one large body, again and again."""

    size: int
    clients: int

    tool = "curl"

    def run(self, port, workshop, seconds):
        source = workshop.folder / f"upload-{self.size}"
        if not source.exists():
            with open(source, "wb") as file:
                file.truncate(self.size)
        total = Result()
        while total.seconds < seconds and not total.problems:
            started = time.monotonic()
            arguments = [(port, workshop, source)] * self.clients
            with ThreadPoolExecutor(self.clients) as pool:
                uploads = [pool.submit(self._one, *each) for each in arguments]
            for upload in uploads:
                total += upload.result()
            total.seconds += time.monotonic() - started
        return total

    def _one(self, port, workshop, source):
        command = ["curl", "-q", "-sS", "--http1.1", "--insecure", "--tlsv1.3"]
        command += ["--tls13-ciphers", SUITE, "--curves", GROUP, "-H", "Expect:"]
        command += ["-w", " %{http_code}", "-T", source, url(port, "/upload")]
        text, problem = run_tool(command, workshop.client_env(), 30)
        if not problem and text.split() != [str(self.size), "200"]:
            problem = f"curl: the sink answered {text[-300:]!r}"
        return Result(problems=[problem]) if problem else Result(1, self.size)

