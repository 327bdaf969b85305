"""Takes samples: the CPU time a proxy used for a counted amount of work.

A sample is one proxy under one load until both enough time has passed and enough CPU time was used
(the kernel counts it in steps of 10 ms). Samples of the proxies are interleaved in rounds, each
round in another order, after a short warm-up of each. A proxy that fails once, by a wrong response
or a death, gets no figures for the scenario.
"""

import os
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

from .check import check_files, check_tls
from .loads import Result
from .processes import CpuTime, machine_busy

SETTLE_SECONDS = 0.04
SETTLE_MAX_SECONDS = 1.0


@dataclass(frozen=True)
class Settings:
    rounds: int
    seconds: float  # a sample's least duration
    cpu_seconds: float  # a sample's least CPU time
    warm_up_seconds: float
    max_minutes: float  # no round starts after this, but the first of each scenario

    @property
    def max_seconds(self):
        """A sample ends here though it used less CPU time than it should."""
        return 4 * self.seconds


@dataclass
class Sample:
    round: int
    work: float  # in the scenario's unit
    seconds: float
    user: float  # CPU seconds of the proxy
    system: float
    others: float  # share of the machine's processors that programs not ours used meanwhile
    short: bool  # used less CPU time than it should

    def per_unit(self, part):
        """CPU seconds per unit of work; part is "user", "system" or "total"."""
        seconds = self.user + self.system if part == "total" else getattr(self, part)
        return seconds / self.work

    @property
    def rate(self):
        return self.work / self.seconds


@dataclass
class Outcome:
    """What a scenario gave for one proxy. With problems, the samples say nothing."""

    proxy: object
    samples: list = field(default_factory=list)
    problems: list = field(default_factory=list)

    @property
    def valid(self):
        return bool(self.samples) and not self.problems


@dataclass(frozen=True)
class Stage:
    """What all scenarios share."""

    workshop: object
    certificate: object
    backends: dict  # name to running backend


def run_scenario(scenario, proxies, stage, settings, deadline, progress):
    """An Outcome for each proxy. `progress` is called with lines of text."""
    outcomes = [Outcome(proxy) for proxy in proxies]
    backend = stage.backends[scenario.backend]
    with ExitStack() as stack:
        running = []
        for outcome in outcomes:
            proxy = outcome.proxy.start(stage.workshop, backend.port, stage.certificate)
            stack.callback(proxy.stop)
            running.append((outcome, proxy))
        for outcome, proxy in running:
            outcome.problems += check_tls(proxy)
            outcome.problems += check_files(proxy, stage.certificate, backend.files)
            if not outcome.problems:
                warm_up = scenario.load.run(proxy.port, stage.workshop, settings.warm_up_seconds)
                outcome.problems += warm_up.problems
        for number in range(settings.rounds):
            if number > 0 and time.monotonic() > deadline:
                progress(f"{scenario.name}: out of time after {number} of {settings.rounds} rounds")
                break
            first = number % len(running)
            for outcome, proxy in running[first:] + running[:first]:
                if not outcome.problems:
                    _take_sample(scenario, outcome, proxy, stage.workshop, settings, number)
            line = _one_line(scenario, outcomes)
            progress(f"{scenario.name}, round {number + 1} of {settings.rounds}: {line}")
    for outcome in outcomes:
        for problem in outcome.problems:
            progress(f"{scenario.name}: {outcome.proxy.name}: {problem}")
    return outcomes


def _take_sample(scenario, outcome, proxy, workshop, settings, number):
    proxy.empty_access_log()
    noise = _Others()
    before = after = CpuTime(proxy.program.pid)
    result, wanted = Result(), settings.seconds
    while wanted > 0 and not result.problems:
        result += scenario.load.run(proxy.port, workshop, wanted)
        after = _settled(proxy.program.pid)
        wanted = _seconds_to_go(settings, result.seconds, after.total - before.total)
    others = noise.share()
    outcome.problems += result.problems
    if after.pids != before.pids:
        outcome.problems.append("its processes changed: one died")
    if proxy.proxy.has_access_log and not proxy.has_logged():
        outcome.problems.append("wrote no access log")
    work = scenario.unit.count(result)
    if work <= 0 and not outcome.problems:
        outcome.problems.append("no work was done")
    if not outcome.problems:
        user, system = after.user - before.user, after.system - before.system
        short = user + system < settings.cpu_seconds
        outcome.samples.append(Sample(number, work, result.seconds, user, system, others, short))


def _seconds_to_go(settings, seconds, cpu):
    """How much longer the load should run; 0 when the sample is complete."""
    if seconds >= settings.max_seconds:
        return 0
    by_time = settings.seconds - seconds
    by_cpu = (settings.cpu_seconds - cpu) * seconds / max(cpu, 0.01)
    if by_time < 0.05 * settings.seconds and by_cpu <= 0:
        return 0
    return min(max(by_time, by_cpu, 0.2), settings.max_seconds - seconds)


def _settled(pid):
    """The CPU time of a proxy once it has stopped growing: it may still be closing connections."""
    deadline = time.monotonic() + SETTLE_MAX_SECONDS
    now = CpuTime(pid)
    while time.monotonic() < deadline:
        time.sleep(SETTLE_SECONDS)
        before, now = now, CpuTime(pid)
        if now.total == before.total:
            break
    return now


class _Others:
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


def _one_line(scenario, outcomes):
    unit = scenario.unit
    parts = []
    for outcome in outcomes:
        if outcome.problems:
            parts.append(f"{outcome.proxy.name} failed")
        else:
            total = outcome.samples[-1].per_unit("total") * unit.scale
            parts.append(f"{outcome.proxy.name} {total:.4g}")
    return " · ".join(parts) + f" {unit.time} per {unit.name}"
