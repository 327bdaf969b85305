"""When the proxy itself runs out of descriptors: it says so, loses nothing else, and goes on when there are some again."""

import re
from pathlib import Path

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
