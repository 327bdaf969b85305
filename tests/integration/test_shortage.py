"""When the proxy itself runs out of descriptors: it says so, loses nothing else, and goes on when there are some again."""

import os
import re
import signal
from pathlib import Path

from ravelin_test.processes import Process
from ravelin_test.settings import RAVELIN
from ravelin_test.waiting import wait_for

DESCRIPTORS = 48


def program_with(lab, descriptors):
    """The program, whose processes may hold few descriptors."""
    program = lab.subfolder("bin") / "ravelin"
    program.write_text(f'#!/bin/sh\nulimit -n {descriptors}\nexec "{RAVELIN}" "$@"\n')
    program.chmod(0o755)
    return program


def poor_proxy(lab):
    program = program_with(lab, DESCRIPTORS)
    limits = {"handshake-timeout": "10m", "idle-timeout": "10m"}
    return lab.proxy(lab.server(), program=program, limits=limits, allow=["Too many open files"])


def test_without_descriptors_it_answers_503_and_clients_wait(lab):
    proxy = poor_proxy(lab)
    client = lab.client(proxy)
    silent = [lab.plain_client(proxy.port) for _ in range(DESCRIPTORS)]  # the kernel accepts them all, the worker cannot
    proxy.wait_for_log(r"cannot accept on 127\.0\.0\.1:\d+: Too many open files")
    answer = client.ask()
    assert answer.status == 503
    assert b"503" in answer.body
    [line] = proxy.access_log(1)
    assert line["ended"] == "no connection can be made"
    assert line["response_bytes"] == len(answer.body) > 0
    for one in silent:
        one.close()
    wait_for(lambda: proxy.metrics()["sessions_open"] == 1, "the silent clients to be gone")
    assert client.ask().status == 200
    assert lab.client(proxy).ask().status == 200


def start_with(proxy, descriptors):
    """The exit status and the standard error stream of a start that ends by itself; status None: it serves."""
    command = ["prlimit", f"--nofile={descriptors}:{descriptors}", RAVELIN, "run", "-c", proxy.config]
    errors = proxy.folder / f"start-{descriptors}.log"
    process = Process(command, errors)
    wait_for(lambda: not process.running() or "ready, " in errors.read_text(), "the end of the start")
    if not process.running():
        return process.wait(), errors.read_text()
    process.end(signal.SIGINT)
    return None, errors.read_text()


def test_a_start_with_too_few_descriptors_names_the_limit(lab):
    proxy = lab.prepare(lab.server(), top={"workers": 2})
    proxy.write_config()
    needed = 21
    for descriptors in range(8, needed):
        told = 16 if descriptors < 16 else needed
        status, errors = start_with(proxy, descriptors)
        assert status == 1
        assert errors.startswith(
            f"ravelin: cannot start: the limit of file descriptors is {descriptors}, and at least {told} are needed; raise the limit"
        )
        assert errors.count("\n") == 1
    status, errors = start_with(proxy, needed + 8)  # log writers and the like need some
    assert status is None, errors


def test_no_start_with_few_descriptors_is_ended_by_a_signal(lab):
    """Also where it needs more than was counted before: here for a log writer and a challenge server."""
    terminal, line = os.openpty()
    proxy = lab.prepare(lab.server(), top={"access-log": f'"{os.ttyname(line)}"'})
    challenges = f'listen 127.0.0.1:{lab.port().number} {{ protocol = redirect acme-challenge = "{lab.subfolder("webroot")}" }}\n'
    proxy.write_config(challenges + proxy.config_text())
    served = False
    for descriptors in range(16, 36):
        status, errors = start_with(proxy, descriptors)
        assert status in (None, 1), errors
        assert status is None or re.search("Too many open files|limit of file descriptors|cannot be connected to its slot", errors), errors
        served |= status is None
    assert served
    os.close(terminal)
    os.close(line)


def capacity_warnings(proxy):
    return re.findall(rf"warning master\[\d+\]: {re.escape(str(proxy.config))}(.*)", proxy.log())


def test_fewer_descriptors_than_connections_need_are_a_warning(lab):
    proxy = poor_proxy(lab)
    [told] = [line for line in capacity_warnings(proxy) if "file descriptors" in line]
    assert told.startswith(": limits: connections '100000': each process that serves clients may need 200065 file descriptors and ")
    assert f"can have {DESCRIPTORS}; raise the limit (LimitNOFILE=200065 in the systemd unit" in told


def test_a_reload_that_raises_connections_is_warned_of_once(lab):
    proxy = lab.proxy(lab.server(), program=program_with(lab, 1000), limits={"connections": 10})
    assert capacity_warnings(proxy) == []
    proxy.configure(limits={"connections": 10000000})
    proxy.reload()
    warnings = capacity_warnings(proxy)
    mappings = int(Path("/proc/sys/vm/max_map_count").read_text())
    expected = ["file descriptors", "memory mappings"] if mappings < 10000000 else ["file descriptors"]
    assert [re.search("file descriptors|memory mappings", line).group() for line in warnings] == expected
    assert all(re.match(r":\d+: limits: connections '10000000': ", line) for line in warnings)
    proxy.reload()
    assert capacity_warnings(proxy) == warnings
    proxy.configure(limits={"connections": 20})
    proxy.reload()
    assert capacity_warnings(proxy) == warnings
