"""When allocations fail in workers and signers: a connection or a reload may fail, no process does."""

import struct
from pathlib import Path

import pytest

from ravelin_test import processes
from ravelin_test.http import response
from ravelin_test.processes import children_of, run
from ravelin_test.proxy import backend_block, block
from ravelin_test.settings import SANITIZED, scaled

pytestmark = pytest.mark.skipif(SANITIZED, reason="a sanitizer has an allocator of its own")

PROCESSES = 15  # as in no_memory.c
# How often an allocation fails. Primes, so that the failures walk through all there is.
EVERY = (11, 37, 101, 307)


class Shortage:
    """The library no_memory.c and the file that rules it."""

    def __init__(self, folder):
        library, self._file = Path(folder) / "no_memory.so", Path(folder) / "every"
        source = Path(processes.__file__).with_name("no_memory.c")
        run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", source, "-o", library])
        self.environment = {"LD_PRELOAD": str(library), "NO_MEMORY_FILE": str(self._file)}
        self._file.write_bytes(bytes(8 * (1 + PROCESSES)))
        self._file.chmod(0o644)
        library.chmod(0o755)

    def fail(self, every, pids=()):
        """0: no more."""
        numbers = [every, *pids] + [0] * (PROCESSES - len(pids))
        with open(self._file, "r+b") as file:
            file.write(struct.pack(f"{1 + PROCESSES}Q", *numbers))


@pytest.fixture
def shortage(lab):
    return Shortage(lab.subfolder("shortage"))


def try_to_ask(lab, proxy, count):
    """That many connections with some requests each; how many of them got all they asked for."""
    served = 0
    for number in range(count):
        try:
            with lab.client(proxy) as client:
                assert client.ask().body == b"ok"
                assert client.ask(method="POST", body=b"b" * 40000 * (number % 3)).body == b"ok"
                served += 1
        except (AssertionError, OSError):
            pass
    return served


def poor_proxy(lab, shortage):
    return lab.proxy(lab.server(reply=lambda request: response("ok")), environment=shortage.environment, allow=["."])


@pytest.mark.parametrize("every", EVERY)
def test_no_worker_and_no_signer_ends_when_allocations_fail(lab, shortage, every):
    proxy = poor_proxy(lab, shortage)
    shortage.fail(every, children_of(proxy.pid))
    served = 0
    for _ in range(scaled(6)):
        served += try_to_ask(lab, proxy, 10)
        proxy.command("reload", check=False)
    shortage.fail(0)
    assert every < 100 or served > 0
    proxy.reload()
    assert try_to_ask(lab, proxy, 1) == 1
    proxy.wait_for_metrics(sessions_open=0, handshakes_open=0, generations_held=1)
    proxy.stop()  # fails when a process was replaced


def test_no_request_passes_its_authorization(lab, shortage):
    """An authorization that has no memory refuses, and loses nothing."""
    fields = ["Remote-User: ann", "Set-Cookie: a=1"]
    gate = lab.server(reply=lambda request: response("b" * 9000, fields=fields))
    web = lab.server(reply=lambda request: response("ok"))
    proxy = lab.prepare(web, environment=shortage.environment, allow=["."])
    options = {"backend": "gate", "headers": "Remote-User", "response-headers": "Set-Cookie"}
    guarded = proxy.config_text().replace("backend = web\n", "backend = web\n" + block("authorize", "/auth", options) + "\n")
    proxy.write_config(guarded + backend_block("gate", [gate]))
    proxy.start()
    for every in (11, 23, 37, 53, 71, 101):
        shortage.fail(every, children_of(proxy.pid))
        try_to_ask(lab, proxy, 20)
    shortage.fail(0)
    assert try_to_ask(lab, proxy, 1) == 1
    assert {tuple(seen.all("Remote-User")) for seen in web.requests} == {("ann",)}
    assert len(web.requests) > 10
    proxy.wait_for_metrics(sessions_open=0, authorize_waiting=0, generations_held=1)
    assert proxy.metrics()["authorize_failed"] > 0
    proxy.stop()


def test_a_reload_without_memory_changes_nothing_and_says_why(lab, shortage):
    proxy = poor_proxy(lab, shortage)
    for every in (1, 2, 5, 10):
        shortage.fail(every, children_of(proxy.pid))
        answer = proxy.command("reload", check=False)
        shortage.fail(0)
        assert answer.returncode == 1
        assert answer.stderr
        assert proxy.status()["generation"] == 1
        assert try_to_ask(lab, proxy, 1) == 1
    assert "generation 1 stays active" in proxy.log()
    proxy.stop()
