"""Curves: what more connections, more sites and more workers cost.

Every point is one sample of one proxy, taken once in a run. A point's `values` are as in measure;
memory is in bytes.
"""

import math
import socket
import ssl
import time
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial

from . import certificates
from .client import problems_of
from .errors import TooLate
from .http2 import Idle, wait_until_small
from .loads import Fresh, Kept, NewConnections, Result, Target, Wrk, client_result
from .measure import FAILURES, check, settled
from .processes import CpuTime, descriptors, kernel_memory, user_memory
from .proxies import START_TIMEOUT, Job

SOURCES = 32  # addresses to connect from: there are 28,000 ports on each
CURVE_RATE = 8000
CLIENT_SPARE = 500  # descriptors of a client for other things than connections


@dataclass(frozen=True)
class Curve:
    name: str
    title: str
    axis: str
    steps: str  # the name of the setting
    take: object  # adds points to a row


def run_curve(curve, stage, deadline):
    rows = []
    steps = getattr(stage.settings, curve.steps)
    for proxy in stage.proxies:
        row = {"proxy": proxy.name, "unfit": None, "points": [], "problems": []}
        rows.append(row)
        if not proxy.compares:
            row["unfit"] = "a thread for each connection"
        elif rows[1:] and time.monotonic() > deadline:
            row["unfit"] = "out of time"
        if row["unfit"]:
            continue
        try:
            curve.take(row, proxy, stage, steps)
        except FAILURES as error:
            row["problems"].append(str(error) or repr(error))
        for problem in row["problems"]:
            stage.progress(f"{curve.name}: {row['proxy']}: {problem}")
    return {
        "name": curve.name,
        "title": curve.title,
        "kind": "growth",
        "axis": curve.axis,
        "steps": list(steps),
        "rows": rows,
    }


def _point(row, stage, curve, x, values):
    row["points"].append({"x": x, "values": values})
    text = ", ".join(f"{name} {value:.4g}" for name, value in values.items())
    stage.progress(f"{curve}: {row['proxy']} at {x:,}: {text}")


def _sample(row, load, target, started, stage, warm_up_seconds):
    """What a load did, and the CPU time it took."""
    with load.start(target) as session:
        session.run(warm_up_seconds)
        before = settled(started.program.pid)
        result = session.run(stage.settings.seconds)
        after = settled(started.program.pid)
    row["problems"] += result.problems
    if after.pids != before.pids:
        row["problems"].append("its processes changed: one died")
    return result, after.total - before.total


# --- Connections --------------------------------------------------------------------------------


def _workers_for(proxy, count):
    """One, unless its process may not have so many descriptors."""
    room = descriptors() - 3000
    return max(1, math.ceil(1.1 * count * proxy.descriptors_per_connection / room))


def take_connections(row, proxy, stage, steps, tcp=False):
    """CPU time of requests that go round all connections, and memory of the connections idle."""
    name = "tcp-connections" if tcp else "connections"
    steps = list(steps)
    while steps:
        job = Job(workers=_workers_for(proxy, steps[-1]), connections=steps[-1], tcp=tcp)
        if proxy.family == "HAProxy":
            job = Job(connections=steps[-1], tcp=tcp)  # threads share the descriptors
        why = proxy.unfit(job)
        if not why:
            break
        row["note"] = f"not at {steps.pop():,}: {why}"
        if not steps:
            row["unfit"] = why
            return
        stage.progress(f"{name}: {row['proxy']}: {row['note']}")
    row["workers"] = job.workers
    backend = stage.backends["files"]
    with ExitStack() as stack:
        started = proxy.start(stage.workshop, backend.servers, job)
        stack.callback(started.stop)
        target = Target(started.port, job, backend, stage.workshop)
        row["problems"] += check(target)
        share = descriptors() - CLIENT_SPARE
        clients = [
            stack.enter_context(target.client("/1k", "--sources", SOURCES))
            for _ in range(math.ceil(steps[-1] / share))
        ]
        opened = [0] * len(clients)
        empty = None
        for step in steps:
            if row["problems"]:
                return
            for number, client in enumerate(clients):
                wanted = max(opened[number], min(share, step - share * number))
                if wanted > opened[number]:
                    row["problems"] += problems_of(client.open(wanted))
                    opened[number] = wanted
            settled(started.program.pid)
            memory, kernel = user_memory(started.program.pid), kernel_memory()
            if empty is None:
                empty = (memory, kernel, step)
            values = {"memory": memory}
            if step >= 1000:
                values["user_memory"] = (memory - empty[0]) / (step - empty[2])
            if step >= 10000:  # fewer are lost in what else the machine does
                values["kernel_memory"] = (kernel - empty[1]) / (step - empty[2])
            values |= _ask_all(row, started, clients, opened, stage.settings)
            if not row["problems"]:
                _point(row, stage, name, step, values)


def _ask_all(row, started, clients, opened, settings):
    """CPU time per request, at a fixed rate over all connections in turn."""
    used = [client for client, count in zip(clients, opened) if count]
    before = CpuTime(started.program.pid)
    result = Result()
    if len(used) == 1:
        result += client_result(used[0].run(CURVE_RATE, settings.seconds))
    else:
        for client, count in zip(clients, opened):
            if count:
                seconds = settings.seconds * count / sum(opened)
                result += client_result(client.run(CURVE_RATE, max(seconds, 0.2)))
    after = settled(started.program.pid)
    row["problems"] += result.problems
    if after.pids != before.pids:
        row["problems"].append("its processes changed: one died")
    return _cpu_values(result, before, after)


def _cpu_values(result, before, after):
    if not result.requests:
        return {}
    user, system = after.user - before.user, after.system - before.system
    work = result.requests
    return {"user": user / work, "system": system / work, "total": (user + system) / work}


# --- Idle connections of HTTP/2 -----------------------------------------------------------------


def take_http2_connections(row, proxy, stage, steps):
    """Memory of connections that have served a browser's request and wait."""
    backend = stage.backends["files"]
    job = Job(connections=steps[-1], http2=True)
    row["unfit"] = proxy.unfit(job)
    if row["unfit"]:
        return
    with ExitStack() as stack:
        started = proxy.start(stage.workshop, backend.servers, job)
        stack.callback(started.stop)
        idle = Idle(started.port, SOURCES)
        stack.callback(idle.close)
        empty = None
        for step in steps:
            idle.open(step)
            wait_until_small()
            settled(started.program.pid)
            memory = user_memory(started.program.pid)
            values = {"memory": memory}
            if empty is None:
                empty = (memory, step)
            else:
                values["user_memory"] = (memory - empty[0]) / (step - empty[1])
            _point(row, stage, "http2-connections", step, values)


# --- Sites --------------------------------------------------------------------------------------


def take_sites(row, proxy, stage, steps):
    """Start, memory, and the CPU time of handshakes and requests spread over all sites."""
    backend = stage.backends["files"]
    for step in steps:
        job = Job(sites=step)
        stage.workshop.certificates(job.kind, job.sites)
        with ExitStack() as stack:
            try:
                started = proxy.start(stage.workshop, backend.servers, job)
            except TooLate:
                row["note"] = f"not at {step:,}: it did not start within {START_TIMEOUT:g} s"
                stage.progress(f"sites: {row['proxy']}: {row['note']}")
                return
            stack.callback(started.stop)
            _first_handshake(started.port, certificates.names(step)[-1])
            values = {"start": time.monotonic() - started.program.started}
            settled(started.program.pid)
            values["memory"] = user_memory(started.program.pid)
            target = Target(started.port, job, backend, stage.workshop)
            row["problems"] += check(target)
            for metric, load in (
                ("handshake", Fresh("/1k")),
                ("request", Kept("/1k", rate=CURVE_RATE)),
            ):
                if row["problems"]:
                    return
                result, cpu_seconds = _sample(row, load, target, started, stage, 0.3)
                if result.requests:
                    values[metric] = cpu_seconds / result.requests
            values["memory_used"] = user_memory(started.program.pid)
            if not row["problems"]:
                _point(row, stage, "sites", step, values)


def _first_handshake(port, name):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # `check` looks at it
    with socket.create_connection(("127.0.0.1", port), 30) as plain:
        context.wrap_socket(plain, server_hostname=name).close()


# --- Workers ------------------------------------------------------------------------------------


def take_workers(row, proxy, stage, steps):
    """Rate and CPU time of handshakes and of small requests."""
    backend = stage.backends["files"]
    loads = (("handshake", NewConnections("/1k")), ("request", Wrk("/1k", connections=64)))
    for step in steps:
        job = Job(workers=step)
        with ExitStack() as stack:
            started = proxy.start(stage.workshop, backend.servers, job)
            stack.callback(started.stop)
            target = Target(started.port, job, backend, stage.workshop)
            row["problems"] += check(target)
            values = {}
            for metric, load in loads:
                if row["problems"]:
                    return
                warm_up = stage.settings.warm_up_seconds
                result, cpu_seconds = _sample(row, load, target, started, stage, warm_up)
                if result.requests:
                    values[metric] = cpu_seconds / result.requests
                    values[f"{metric}_rate"] = result.requests / result.seconds
            if not row["problems"]:
                _point(row, stage, "workers", step, values)


CURVES = (
    Curve("connections", "Open connections", "open connections", "connections", take_connections),
    Curve(
        "http2-connections",
        "Idle HTTP/2 connections",
        "open connections",
        "http2_connections",
        take_http2_connections,
    ),
    Curve(
        "tcp-connections",
        "Open connections of plain TCP",
        "open connections",
        "tcp_connections",
        partial(take_connections, tcp=True),
    ),
    Curve("sites", "Sites, each with a certificate", "sites", "sites", take_sites),
    Curve("workers", "Workers", "workers or threads", "workers", take_workers),
)
