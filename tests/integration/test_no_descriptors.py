"""Processes that have no free descriptor: they wait for one, say so, and go on when there is one."""

import os
import re
import resource
import signal
import time
from contextlib import contextmanager

import pytest

from ravelin_test.proxy import BackgroundCommand
from ravelin_test.settings import IS_ROOT, PATIENCE, RAVELIN
from ravelin_test.waiting import wait_for


def descriptors(pid):
    return {int(name) for name in os.listdir(f"/proc/{pid}/fd")}


def settled_descriptors(pid):
    """Waits until the process has closed what it needs for a moment only, such as the connection of a command."""
    looks = []

    def same():
        looks.append(descriptors(pid))
        return len(looks) > 10 and all(look == looks[-1] for look in looks[-10:])

    wait_for(same, "the same descriptors for some time")
    return looks[-1]


@contextmanager
def no_descriptors(pid, spare=0):
    """The process can open `spare` descriptors more at most."""
    used = settled_descriptors(pid)
    limit = next(number for number in range(len(used) + 1) if number not in used)
    usual = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (limit + spare, usual[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, usual)


DESCRIPTORS = 48

pytestmark = pytest.mark.skipif(not IS_ROOT, reason="only root may look at the descriptors of these processes")


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture
def proxy(lab):
    return lab.proxy(lab.server(), workers_may_die=True, allow=[".*"])


def test_a_command_waits_for_a_descriptor_of_the_master(lab, proxy):
    with no_descriptors(proxy.pid):
        before = cpu_seconds(proxy.pid)
        status = lab.keep_client(BackgroundCommand(proxy, "status"))
        proxy.wait_for_log("error master.*control socket: cannot accept a connection: Too many open files")
        time.sleep(3)
        assert not status.ended()
        assert cpu_seconds(proxy.pid) - before < 0.5
        assert lab.client(proxy).ask().status == 200
    code, output, _ = status.result()
    assert code == 0 and '"state":"running"' in output
    assert proxy.log().count("control socket") == 1


def test_a_reload_without_descriptors_of_the_master_changes_nothing(lab, proxy):
    [worker] = proxy.worker_pids().values()
    with no_descriptors(proxy.pid, spare=1):  # for the connection of the command
        result = proxy.command("reload", check=False)
        assert result.returncode != 0
        assert b"Too many open files" in result.stderr
    with no_descriptors(proxy.pid):
        proxy.send_signal(signal.SIGUSR1)
        proxy.wait_for_log("cannot open.*Too many open files")
        os.kill(worker, signal.SIGKILL)
        proxy.wait_for_log("cannot start worker 0: Too many open files|cannot be connected to its slot")
    wait_for(lambda: proxy.worker_pids()[0] not in (0, worker), "another worker")
    proxy.reload()
    assert lab.client(proxy).ask().status == 200


@contextmanager
def full_worker(lab):
    """A proxy whose worker has no free descriptor: each is a connection of a client that says nothing."""
    program = lab.subfolder("bin") / "ravelin"
    program.write_text(f'#!/bin/sh\nulimit -n {DESCRIPTORS}\nexec "{RAVELIN}" "$@"\n')
    program.chmod(0o755)
    limits = {"handshake-timeout": "10m", "idle-timeout": "10m"}
    proxy = lab.proxy(lab.server(), program=program, limits=limits, workers_may_die=True, allow=[".*"])
    client = lab.client(proxy)
    client.ask()
    silent = [lab.plain_client(proxy.port) for _ in range(DESCRIPTORS)]
    proxy.wait_for_log("cannot accept on .*: Too many open files")
    yield proxy, client, silent


def test_a_reload_without_descriptors_of_a_worker_changes_nothing(lab):
    with full_worker(lab) as (proxy, client, silent):
        [worker] = proxy.worker_pids().values()
        result = proxy.command("reload", check=False)
        assert result.returncode == 1
        assert b"too few free descriptors" in result.stderr
        proxy.send_signal(signal.SIGUSR1)
        proxy.wait_for_log("error worker 0.*log files not reopened: too few free descriptors")
        assert client.ask("/kept").status == 200  # its connection, and a pooled one to the server
        for one in silent:
            one.close()
        wait_for(lambda: proxy.metrics()["sessions_open"] == 1, "the silent clients to be gone")
        proxy.reload()
        assert proxy.worker_pids()[0] == worker
        assert client.ask().status == 200


def test_a_worker_without_descriptors_gets_its_new_signer_later(lab):
    with full_worker(lab) as (proxy, client, silent):
        [worker] = proxy.worker_pids().values()
        restarts = 0
        # The dead signer leaves a free descriptor behind, which the next client takes if it is given the time.
        while "too few free descriptors" not in proxy.log():
            os.kill(proxy.status()["signers"][0]["pid"], signal.SIGKILL)
            restarts += 1
            wait_for(lambda: proxy.status()["signers"][0]["restarts"] == restarts, "another signer")
            proxy.command("status")
        assert re.search(r"error master.*worker 0: .*too few free descriptors", proxy.log())
        for one in silent:
            one.close()

        def handshakes():
            try:
                return lab.client(proxy).ask().status == 200
            except (OSError, EOFError, AssertionError):
                return False

        wait_for(handshakes, "a handshake with the new signer", 4 * PATIENCE)
        assert proxy.worker_pids()[0] == worker
        assert client.ask("/kept").status == 200
