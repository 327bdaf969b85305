"""The master replaces a process that stands still, and no other."""

import contextlib
import os
import platform
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from ravelin_test.http import request
from ravelin_test.processes import TIED, children_of, names_of_children
from ravelin_test.proxy import BackgroundCommand
from ravelin_test.settings import IS_ROOT, PATIENCE, RAVELIN
from ravelin_test.waiting import wait_for

LIMIT = 15  # seconds after which a process that is stopped must be noticed, on an idle machine


@pytest.fixture
def proxy(lab):
    return lab.proxy(lab.server(), workers=2, workers_may_die=True, allow=[".*"])


def by_slot(proxy, kind):
    return {child["slot"]: (child["pid"], child["state"]) for child in proxy.status()[kind]}


def test_a_worker_and_a_signer_that_stand_still_are_replaced(lab, proxy):
    worker, signer = by_slot(proxy, "workers")[0][0], by_slot(proxy, "signers")[1][0]
    other_worker, other_signer = by_slot(proxy, "workers")[1], by_slot(proxy, "signers")[0]
    os.kill(worker, signal.SIGSTOP)
    os.kill(signer, signal.SIGSTOP)
    proxy.command("status")  # the master goes on meanwhile

    def replaced():
        [new_worker, state], [new_signer, signer_state] = by_slot(proxy, "workers")[0], by_slot(proxy, "signers")[1]
        return new_worker not in (worker, 0) and new_signer not in (signer, 0) and state == signer_state == "running"

    wait_for(replaced, "both to be replaced", 4 * PATIENCE)
    text = r"\(pid %d\) stands still: no answer for \d+ s, process stopped: killing it$"
    proxy.wait_for_log(r"error master\[\d+\]: worker 0 " + text % worker)
    proxy.wait_for_log(r"error master\[\d+\]: signer 1 " + text % signer)
    assert by_slot(proxy, "workers")[1] == other_worker
    assert by_slot(proxy, "signers")[0] == other_signer
    for _ in range(20):  # both slots serve
        assert lab.client(proxy).ask().status == 200


def test_one_that_a_failed_reload_waited_for_is_replaced(lab, proxy):
    [dies, stands] = [by_slot(proxy, "workers")[slot][0] for slot in (0, 1)]
    os.kill(stands, signal.SIGSTOP)
    command = lab.keep_client(BackgroundCommand(proxy, "reload"))
    wait_for(lambda: proxy.status()["reload"] == "loading workers", "the reload to wait")
    os.kill(dies, signal.SIGKILL)
    assert command.result()[0] == 1
    wait_for(lambda: by_slot(proxy, "workers")[1][0] not in (stands, 0), "another worker", 4 * PATIENCE)
    proxy.wait_for_log(r"worker 1 \(pid %d\) stands still: no answer for \d+ s, process stopped: killing it$" % stands)


@pytest.mark.parametrize("name", ["rav-log", "rav-challenge"])
def test_helpers_that_are_stopped_are_replaced(lab, name):
    """They send no heartbeat: they may wait for a target or a file for as long as that takes."""
    (lab.folder / "acme").mkdir()
    top = {"access-log": "stderr"}  # a file would need no log writer
    proxy = lab.prepare(lab.server(), top=top, redirect=True, workers_may_die=True)
    listener = "protocol = redirect\n"
    proxy.write_config(proxy.config_text().replace(listener, f'{listener}  acme-challenge = "{lab.folder}/acme"\n'))
    reader, writer = socket.socketpair()
    with reader, writer:
        process = subprocess.Popen([*TIED, RAVELIN, "run", "-c", proxy.config], stderr=writer)
        wait_for(lambda: proxy.command("status", check=False).returncode == 0, "the proxy")
        find = lambda: [pid for pid, other in names_of_children(process.pid).items() if other == name]  # noqa: E731
        [helper] = wait_for(find, name)
        os.kill(helper, signal.SIGSTOP)
        wait_for(lambda: find() not in ([], [helper]), "another one", 4 * PATIENCE)
        proxy.command("stop")
        assert process.wait(PATIENCE) == 0


def stopped_reader(lab, proxy):
    """(reload, reader): a reload whose reader stands still before it has sent what it read."""
    lasting = set(children_of(proxy.pid))
    for _ in range(1000):
        command = lab.keep_client(BackgroundCommand(proxy, "reload"))
        while not (passing := set(children_of(proxy.pid)) - lasting) and not command.ended():
            pass
        for pid in passing:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        if passing and proxy.status()["reload"] == "reading":
            return command, *passing
        for pid in passing:  # it was the validator, or one that had ended
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        command.result()
    raise AssertionError("no reader was met")


def test_the_dead_are_replaced_while_a_reader_stands_still(lab):
    """Its time limit is long, because files can be slow."""
    proxy = lab.proxy(lab.server(), workers_may_die=True, allow=["worker 0"])
    command, reader = stopped_reader(lab, proxy)
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGKILL)
    with lab.client(proxy) as client:
        assert client.ask().status == 200
    proxy.command("reopen")
    assert proxy.status()["reload"] == "reading" and proxy.worker_pids()[0] not in (worker, 0)
    os.kill(reader, signal.SIGCONT)
    assert command.result()[0] == 0
    assert lab.client(proxy).ask().status == 200


@pytest.mark.skipif(not IS_ROOT or platform.machine() != "x86_64", reason="writes into the code of a process")
def test_a_worker_in_an_endless_loop_is_replaced(lab):
    proxy = lab.proxy(lab.server(), workers_may_die=True, allow=[".*"])
    [worker] = proxy.worker_pids().values()
    fields = wait_for(lambda: Path(f"/proc/{worker}/syscall").read_text().split()[1:], "the worker to wait in a system call")
    where = int(fields[-1], 16)  # it returns here
    with open(f"/proc/{worker}/mem", "r+b", buffering=0) as memory:
        memory.seek(where)
        memory.write(b"\xeb\xfe")  # a jump to itself
    wait_for(lambda: proxy.worker_pids()[0] not in (0, worker), "another worker", 8 * PATIENCE)
    proxy.wait_for_log(r"worker 0 \(pid %d\) stands still: no answer for \d+ s, process running: killing it" % worker)
    assert lab.client(proxy).ask().status == 200


def test_one_that_stands_still_while_draining_does_not_hold_up_the_end(lab):
    asked, end = threading.Event(), threading.Event()

    def never_answers(connection):
        connection.request()
        asked.set()
        end.wait()

    proxy = lab.proxy(lab.server(never_answers), workers_may_die=True, allow=[".*"])
    lab.client(proxy).send(request("/open"))
    wait_for(asked.is_set, "the request")
    proxy.command("drain")
    os.kill(proxy.worker_pids()[0], signal.SIGSTOP)
    assert proxy.wait(4 * PATIENCE) == 0
    end.set()
    assert "stands still" in proxy.log()


def test_a_master_that_was_stopped_kills_nobody(lab, proxy):
    """Its clock went on, and its children's answers came late: from them, or from all of them stopped together."""
    children = [pid for kind in ("workers", "signers") for pid, _ in by_slot(proxy, kind).values()]
    for family in ([proxy.pid], [proxy.pid, *children]):
        for pid in family:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(LIMIT + 3)
        for pid in family:
            os.kill(pid, signal.SIGCONT)
        for _ in range(8):  # over some beats more
            assert lab.client(proxy).ask().status == 200
            time.sleep(1)
        assert [pid for kind in ("workers", "signers") for pid, _ in by_slot(proxy, kind).values()] == children
    assert "stands still" not in proxy.log()
