"""When the proxy itself runs out of descriptors: it says so, loses nothing else, and goes on when there are some again."""

from ravelin_test.settings import RAVELIN
from ravelin_test.waiting import wait_for

DESCRIPTORS = 48


def poor_proxy(lab):
    """A proxy whose processes may hold few descriptors."""
    program = lab.subfolder("bin") / "ravelin"
    program.write_text(f'#!/bin/sh\nulimit -n {DESCRIPTORS}\nexec "{RAVELIN}" "$@"\n')
    program.chmod(0o755)
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
