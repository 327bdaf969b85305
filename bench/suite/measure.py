"""Takes samples: what a proxy used for a counted amount of work, and how soon it answered.

A sample is one proxy under one load until both enough time has passed and enough CPU time was used
(the kernel counts it in steps of 10 ms). Samples of the proxies are interleaved in rounds, each
round in another order, after a short warm-up of each. A proxy that fails once, by a wrong response
or a death, gets no figures for the scenario; the others go on.

What comes out is plain data: for every proxy a row with its samples, its problems, and why it does
not take part, if so. Times are seconds, of CPU time for a unit of work.
"""

import os
import time
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace

from . import certificates
from .check import check_files, check_tls
from .client import ClientError
from .errors import BenchError
from .loads import Result, Target
from .processes import CpuTime, machine_busy
from .workshop import GROUP, MIB

SETTLE_SECONDS = 0.04
SETTLE_MAX_SECONDS = 1.0
FAILURES = (BenchError, ClientError, OSError, ValueError, KeyError)


@dataclass(frozen=True)
class Settings:
    rounds: int
    seconds: float  # a sample's least duration
    cpu_seconds: float  # a sample's least CPU time
    warm_up_seconds: float
    max_minutes: float  # no round starts after this, but the first of each scenario
    connections: tuple  # steps of the curves
    http2_connections: tuple
    tcp_connections: tuple
    sites: tuple
    workers: tuple

    @property
    def max_seconds(self):
        """A sample ends here though it used less CPU time than it should."""
        return 3 * self.seconds

    def suited_to(self, scenario):
        """Latencies are taken in more and shorter samples, in as much time: where a machine stops
        for some milliseconds now and then, the median of many samples knows less of that. A run of
        a single round is meant to be short, and stays so."""
        if scenario.kind in ("work", "death") or self.rounds == 1:
            return self
        if scenario.kind == "change":
            return replace(self, seconds=self.seconds / 3)
        return replace(self, rounds=3 * self.rounds, seconds=self.seconds / 3)


@dataclass(frozen=True)
class Stage:
    """What all scenarios share."""

    workshop: object
    backends: dict  # name to running backend
    proxies: list
    settings: Settings
    progress: object  # called with lines of text


def new_row(proxy, job):
    return {"proxy": proxy.name, "unfit": proxy.unfit(job), "samples": [], "problems": []}


def run_scenario(scenario, stage, deadline):
    """The scenario's results, a value for JSON."""
    rows = [new_row(proxy, scenario.job) for proxy in stage.proxies]
    backend = stage.backends[scenario.backend]
    with ExitStack() as stack:
        running = []
        for row, proxy in zip(rows, stage.proxies):
            if row["unfit"]:
                continue
            try:
                started = proxy.start(stage.workshop, backend.servers, scenario.job)
                stack.callback(started.stop)
                target = Target(started.port, scenario.job, backend, stage.workshop)
                row["problems"] += check(target)
                if not row["problems"]:
                    with scenario.load.start(target) as session:
                        row["problems"] += session.run(stage.settings.warm_up_seconds).problems
                running.append((row, started, target))
            except FAILURES as error:
                row["problems"].append(str(error) or repr(error))
        _run_rounds(scenario, rows, running, stage, deadline)
    for row in rows:
        for problem in row["problems"]:
            stage.progress(f"{scenario.name}: {row['proxy']}: {problem}")
    return {
        "name": scenario.name,
        "title": scenario.title,
        "kind": scenario.kind,
        "unit": asdict(scenario.unit),
        "http_peers_only": scenario.http_peers_only,
        "beside": scenario.beside,
        "first": scenario.first,
        "goals": [asdict(goal) for goal in scenario.goals],
        "rows": rows,
    }


def check(target):
    """Problems with a proxy that has just been started."""
    name = certificates.names(target.job.sites)[-1]
    chain = target.workshop.certificates(target.job.kind, target.job.sites) / f"{name}.chain.pem"
    problems = check_tls(target.port, target.job)
    if target.job.group != GROUP:
        return problems
    # Larger ones only the suite's own client asks for, and it looks at every byte.
    files = {path: data for path, data in target.backend.files.items() if len(data) <= MIB}
    return problems + check_files(target.port, chain, name, files)


def _run_rounds(scenario, rows, running, stage, deadline):
    settings = stage.settings.suited_to(scenario)
    for number in range(settings.rounds):
        if number > 0 and time.monotonic() > deadline:
            stage.progress(
                f"{scenario.name}: out of time after {number} of {settings.rounds} rounds"
            )
            return
        first = number % max(1, len(running))
        for row, proxy, target in running[first:] + running[:first]:
            if not row["problems"]:
                try:
                    _take_sample(scenario, row, proxy, target, settings, number)
                except FAILURES as error:
                    row["problems"].append(str(error) or repr(error))
        line = _one_line(scenario, rows)
        stage.progress(f"{scenario.name}, round {number + 1} of {settings.rounds}: {line}")


def _take_sample(scenario, row, proxy, target, settings, number):
    proxy.empty_access_log()
    with scenario.load.start(target) as session:
        settled(proxy.program.pid)
        noise = Others()
        before = after = CpuTime(proxy.program.pid)
        result, wanted = Result(), settings.seconds
        while wanted > 0 and not result.problems:
            result += session.run(wanted)
            after = settled(proxy.program.pid)
            wanted = 0
            if scenario.kind == "work":
                wanted = seconds_to_go(settings, result.seconds, after.total - before.total)
        others = noise.share()
    row["problems"] += result.problems
    if after.pids != before.pids:
        row["problems"].append("its processes changed: one died")
    if proxy.proxy.has_access_log and scenario.backend != "echo" and not proxy.has_logged():
        row["problems"].append("wrote no access log")
    work = scenario.unit.count(result)
    if work <= 0 and not row["problems"]:
        row["problems"].append("no work was done")
    if not row["problems"]:
        user, system = after.user - before.user, after.system - before.system
        short = scenario.kind == "work" and user + system < settings.cpu_seconds
        values = values_of(scenario, result, work, user, system)
        row["samples"].append({"round": number, "others": others, "short": short, **values})


def values_of(scenario, result, work, user, system):
    """The metrics of a sample."""
    values = {name: value for name, value in result.values.items() if name != "beside"}
    values |= {"user": user / work, "system": system / work, "total": (user + system) / work}
    values["rate"] = work / result.seconds
    if scenario.kind == "work":
        for name in ("p50", "p99", "p999"):
            values.pop(name, None)  # of clients that ask as fast as they can: says nothing
    if scenario.first:
        for name in ("user", "system", "total"):
            del values[name]  # the client counts requests of one part, and CPU time is of both
    if scenario.kind == "beside":
        for name in ("user", "system", "total"):
            del values[name]  # of two kinds of work
        requests, size, seconds = result.values["beside"]
        values["beside"] = (size / (1 << 30) if "GiB" in scenario.beside else requests) / seconds
    return values


def seconds_to_go(settings, seconds, cpu):
    """How much longer the load should run; 0 when the sample is complete."""
    if seconds >= settings.max_seconds:
        return 0
    by_time = settings.seconds - seconds
    by_cpu = (settings.cpu_seconds - cpu) * seconds / max(cpu, 0.01)
    if by_time < 0.05 * settings.seconds and by_cpu <= 0:
        return 0
    return min(max(by_time, by_cpu, 0.2), settings.max_seconds - seconds)


def settled(pid):
    """The CPU time of a proxy once it has stopped growing: it may still be closing connections."""
    deadline = time.monotonic() + SETTLE_MAX_SECONDS
    now = CpuTime(pid)
    while time.monotonic() < deadline:
        time.sleep(SETTLE_SECONDS)
        before, now = now, CpuTime(pid)
        if now.total == before.total:
            break
    return now


class Others:
    """Counts what programs that are not ours use of the machine."""

    def __init__(self):
        self._started = time.monotonic()
        self._busy = machine_busy()
        self._ours = CpuTime(os.getpid()).total

    def share(self):
        busy = machine_busy() - self._busy
        ours = CpuTime(os.getpid()).total - self._ours
        capacity = (time.monotonic() - self._started) * os.cpu_count()
        return max(0.0, busy - ours) / capacity


def _one_line(scenario, rows):
    metric, scale, unit = (
        "total",
        scenario.unit.scale,
        f"{scenario.unit.time} per {scenario.unit.name}",
    )
    if scenario.kind != "work":
        metric, scale, unit = "p99", 1e3, "ms (p99)"
    parts = []
    for row in rows:
        if row["problems"]:
            parts.append(f"{row['proxy']} failed")
        elif row["samples"]:
            parts.append(f"{row['proxy']} {row['samples'][-1][metric] * scale:.4g}")
    return " · ".join(parts) + f" {unit}"
