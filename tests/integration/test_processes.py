"""What the processes are allowed and hold, what happens when one dies, and how they end."""

import os
import re
import resource
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from ravelin_test.http import request, response
from ravelin_test.processes import children_of, exists, text
from ravelin_test.proxy import backend_block
from ravelin_test.settings import IS_ROOT, PATIENCE, ROOT, SANITIZED
from ravelin_test.waiting import stays, wait_for

NOBODY = 65534


@pytest.fixture
def proxy(lab):
    """Two workers; it may lose processes."""
    return lab.proxy(lab.server(), workers=2, workers_may_die=True, allow=[".*"])


def status_fields(pid):
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.split() for name, value in (line.split(":", 1) for line in lines)}


def pids_of(proxy, kind):
    return [child["pid"] for child in proxy.status()[kind]]


def descriptors(pid):
    """What each descriptor of a process is."""
    found = {}
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(entry.name)] = os.readlink(entry)
        except FileNotFoundError:
            continue
    return found


# ---- Rights ----


def test_rights(proxy):
    status = proxy.status()
    for kind in ["workers", "signers"]:
        for child in status[kind]:
            fields = status_fields(child["pid"])
            assert fields["NoNewPrivs"] == ["1"]
            assert set(fields["CapEff"] + fields["CapPrm"] + fields["CapInh"] + fields["CapAmb"]) == {"0" * 16}
            assert fields["Umask"] == ["0077"]
            assert fields["PPid"] == [str(proxy.pid)]
            assert fields["Seccomp"] == ["0" if SANITIZED else "2"]
            if IS_ROOT:
                assert set(fields["Uid"] + fields["Gid"]) == {str(NOBODY)}
                assert "0" not in fields["Groups"]
            limits = Path(f"/proc/{child['pid']}/limits").read_text()
            assert re.search(r"^Max core file size +0 +0 ", limits, re.MULTILINE)


@pytest.mark.skipif(not IS_ROOT or SANITIZED, reason="shows as root only; a sanitizer's leak checker needs to look")
def test_memory_is_sealed(proxy):
    """What may not be dumped belongs to root in /proc, whoever it runs as."""
    for pid in children_of(proxy.pid):
        assert Path(f"/proc/{pid}/mem").stat().st_uid == 0
        assert status_fields(pid)["Uid"][0] == str(NOBODY)


def test_limit_of_descriptors(proxy):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    for pid in pids_of(proxy, "workers"):
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert re.search(rf"^Max open files +{most} +{most} ", limits, re.MULTILINE)


def test_names(proxy):
    assert Path(f"/proc/{proxy.pid}/comm").read_text() == "rav-master\n"
    for kind in ["worker", "signer"]:
        for slot, pid in enumerate(pids_of(proxy, kind + "s")):
            assert Path(f"/proc/{pid}/comm").read_text() == f"rav-{kind}-{slot}\n"
            title = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
            assert title == f"ravelin: {kind} {slot}"
    assert "run" in Path(f"/proc/{proxy.pid}/cmdline").read_text().split("\0")


@pytest.mark.skipif(not IS_ROOT, reason="only root may look at the descriptors of others")
def test_a_signer_holds_two_sockets_and_nothing_else(proxy):
    for pid in pids_of(proxy, "signers"):
        held = descriptors(pid)
        assert held.pop(0) == "/dev/null"
        assert held.pop(1) == "/dev/null"
        stderr = held.pop(2)
        assert SANITIZED or stderr == "/dev/null"
        assert len(held) == 2, held
        assert all(name.startswith("socket:") for name in held.values()), held


@pytest.mark.skipif(not IS_ROOT, reason="only root may look at the descriptors of others")
def test_a_worker_has_no_files_but_its_logs_and_bundle(proxy):
    for pid in pids_of(proxy, "workers"):
        held = descriptors(pid)
        assert held.pop(0) == held.pop(1) == "/dev/null"
        stderr = held.pop(2)
        assert SANITIZED or stderr == "/dev/null"
        files = [name for name in held.values() if not name.startswith(("socket:", "anon_inode:"))]
        known = [str(proxy.access_path), str(proxy.folder / "ravelin.log")]
        others = [name for name in files if name not in known and "memfd:ravelin-files" not in name]
        # The rings of sessions are memory, too; there are no sessions.
        assert others == []
        assert not any("keys" in name for name in held.values())


def private_scalar(key):
    """The number that is the secret of an ECDSA key, 32 bytes."""
    output = subprocess.run(["openssl", "ec", "-in", key, "-noout", "-text"], capture_output=True, check=True).stdout
    digits = re.search(r"priv:\n((?: +[0-9a-f:]+\n)+)", text(output)).group(1)
    return int(re.sub(r"[^0-9a-f]", "", digits), 16).to_bytes(32, "big")


def holds(pid, needles):
    """Whether the memory of a process holds one of these."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        span, rights = line.split()[:2]
        if not rights.startswith("r") or line.endswith(("[vvar]", "[vsyscall]", "[vvar_vclock]")):
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        try:
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
                memory.seek(start)
                data = b""
                while start + len(data) < end and (piece := memory.read(end - start - len(data))):
                    data += piece
        except OSError:
            continue  # guard pages
        if any(needle in data for needle in needles):
            return True
    return False


@pytest.mark.skipif(not IS_ROOT, reason="only root may look into the memory of others")
@pytest.mark.skipif(SANITIZED, reason="terabytes of shadow memory")
def test_private_keys_are_in_the_memory_of_signers_only(lab):
    proxy = lab.proxy(lab.server(), workers=2)
    proxy.reload()
    assert lab.client(proxy).ask().status == 200
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    scalar = private_scalar(certificate.key)
    encoded = b"".join(certificate.key.read_bytes().splitlines()[1:-1])
    needles = [scalar, scalar[::-1], encoded[20:60]]
    for pid in pids_of(proxy, "signers"):
        assert holds(pid, needles)  # else this test would not find anything anywhere
    for pid in [proxy.pid, *pids_of(proxy, "workers")]:
        assert not holds(pid, needles)


# ---- Death ----


def wait_for_replacement(proxy, kind, slot, former):
    def look():
        child = proxy.status()[kind][slot]
        return child if child["pid"] not in (0, former) and child["state"] == "running" else None

    return wait_for(look, f"another process in slot {slot} of the {kind}")


@pytest.mark.parametrize("kind", ["workers", "signers"])
def test_who_dies_is_replaced(lab, proxy, kind):
    before = proxy.status()
    former = before[kind][0]["pid"]
    for times in range(1, 4):
        os.kill(former, signal.SIGKILL)
        child = wait_for_replacement(proxy, kind, 0, former)
        assert child["restarts"] == times
        for _ in range(10):  # some of them in slot 0
            assert lab.client(proxy).ask().status == 200
        proxy.wait_for_log(rf"error master.*{kind[:-1]} 0 \(pid {former}\) was killed by signal 9")
        former = child["pid"]
    after = proxy.status()
    for name in ["workers", "signers"]:
        for slot in [0, 1]:
            if (name, slot) != (kind, 0):
                assert after[name][slot] == before[name][slot], "somebody else was disturbed"
    assert after["metrics"]["requests"] == before["metrics"]["requests"] + 30


def test_a_replaced_worker_serves_the_current_generation(lab, proxy):
    proxy.configure(backends=[proxy_backend(lab, "second")])
    proxy.reload()
    for slot, former in proxy.worker_pids().items():
        os.kill(former, signal.SIGKILL)
        wait_for_replacement(proxy, "workers", slot, former)
    for _ in range(10):
        assert lab.client(proxy).ask().body == b"second"
    assert proxy.metrics()["generation"] == 2
    proxy.reload()
    assert lab.client(proxy).ask().body == b"second"


def proxy_backend(lab, body):
    return backend_block("web", [lab.server(reply=lambda request: response(body))])


def test_a_connection_in_the_queue_of_a_dead_worker_is_served(lab):
    proxy = lab.proxy(lab.server(), workers_may_die=True, allow=[".*"])
    [former] = pids_of(proxy, "workers")
    os.kill(former, signal.SIGSTOP)
    with socket.create_connection(("127.0.0.1", proxy.port)) as waiting:
        waiting.settimeout(PATIENCE)
        waiting.sendall(b"nonsense\r\n\r\n")
        os.kill(former, signal.SIGKILL)
        assert waiting.recv(100)[:1] == b"\x15"  # an alert of the new worker; a reset would raise


def test_a_handshake_waits_for_another_signer(lab):
    proxy = lab.proxy(lab.server(), workers_may_die=True, allow=[".*"])
    [former] = pids_of(proxy, "signers")
    os.kill(former, signal.SIGSTOP)
    client = subprocess.Popen(
        ["curl", "-sS", "--cacert", proxy.authority.ca, proxy.url()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        proxy.wait_for_metrics(signatures=1, handshakes_open=1, receive_buffers=0)  # and holds no buffer
        os.kill(former, signal.SIGKILL)
        assert client.communicate(timeout=PATIENCE)[0] == b"ok"
    finally:
        client.kill()
        client.wait()


def test_gauges_of_a_dead_worker_are_cleared(lab):
    proxy = lab.proxy(lab.server(), workers_may_die=True, allow=[".*"])
    clients = [lab.client(proxy) for _ in range(5)]
    assert all(client.ask().status == 200 for client in clients)
    [former] = pids_of(proxy, "workers")
    os.kill(former, signal.SIGKILL)
    wait_for_replacement(proxy, "workers", 0, former)
    metrics = proxy.metrics()
    assert metrics["sessions_open"] == 0
    assert metrics["sessions_accepted"] == 5
    assert metrics["requests"] == 5


def test_a_death_by_the_sandbox_is_told(proxy):
    former = pids_of(proxy, "workers")[1]
    os.kill(former, signal.SIGSYS)
    proxy.wait_for_log(rf"worker 1 \(pid {former}\) was killed by the sandbox \(SIGSYS\)")
    wait_for_replacement(proxy, "workers", 1, former)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGPIPE])
def test_children_leave_signals_to_the_master(lab, proxy, number):
    """A terminal sends its signals to all of them; what they mean is decided in one place."""
    family = sorted(children_of(proxy.pid))
    for pid in family:
        os.kill(pid, number)
    for _ in range(5):
        assert lab.client(proxy).ask().status == 200
    assert sorted(children_of(proxy.pid)) == family


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_children_die_with_the_master(lab, number):
    proxy = lab.proxy(lab.server(), workers=2, workers_may_die=True)
    client = lab.client(proxy)
    family = children_of(proxy.pid)
    assert len(family) == 4
    proxy.send_signal(number)
    proxy.wait()
    wait_for(lambda: not any(exists(pid) for pid in family), "the children to end")
    assert client.reader.rest() == b""
    assert client.ended in ("cut without close_notify", "reset")
    proxy._process = None  # there is nothing to end in peace


# ---- The end ----


class Slow:
    """A server that answers when told to."""

    def __init__(self, lab):
        self.body = b"x" * 10_000
        self.server = lab.server(self._script)
        self.told = False

    def _script(self, connection):
        while connection.request():
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(self.body))
            wait_for(lambda: self.told, "the word to go on")
            connection.send(self.body)


@pytest.fixture
def slow(lab):
    return Slow(lab)


def begin(lab, proxy):
    """A client in the middle of an exchange."""
    client = lab.client(proxy)
    client.send(request())
    head = client.reader.head()
    assert head.status == 200
    return client


def refuses(proxy):
    try:
        socket.create_connection(("127.0.0.1", proxy.port)).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # it was in the queue when the queue ended
    return False


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGQUIT, "command"])
def test_drain(lab, slow, how):
    proxy = lab.proxy(slow.server, workers=2)
    idle = lab.client(proxy)
    busy = begin(lab, proxy)
    if how == "command":
        assert proxy.command("drain").stdout == b"draining\n"
    else:
        proxy.send_signal(how)
    wait_for(lambda: refuses(proxy), "new connections to be refused")
    assert idle.read_end() == "close_notify"
    assert proxy.status()["state"] == "draining"
    stays(proxy.running, "it ended in the middle of an exchange", 0.2)
    message = proxy.command("reload", check=False)
    assert message.returncode == 1
    assert b"ending" in message.stderr
    slow.told = True
    assert busy.reader.exactly(len(slow.body), "the rest") == slow.body
    assert busy.read_end() == "close_notify"
    assert proxy.wait() == 0
    proxy.check_log()


def test_a_drain_serves_those_who_wait_in_the_queue(lab):
    proxy = lab.proxy(lab.server())
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)
    with socket.create_connection(("127.0.0.1", proxy.port)) as waiting:
        proxy.send_signal(signal.SIGTERM)
        wait_for(lambda: proxy.status()["state"] == "draining", "the drain to begin")
        os.kill(worker, signal.SIGCONT)
        with proxy.context.wrap_socket(waiting, server_hostname="localhost") as tls:
            tls.sendall(request())
            assert tls.recv(65536).startswith(b"HTTP/1.1 200")
    assert proxy.wait() == 0


@pytest.mark.parametrize("again", [signal.SIGTERM, signal.SIGQUIT, signal.SIGINT, "stop"])
def test_a_drain_can_be_cut_short(lab, slow, again):
    proxy = lab.proxy(slow.server)
    busy = begin(lab, proxy)
    family = children_of(proxy.pid)
    proxy.send_signal(signal.SIGTERM)
    wait_for(lambda: proxy.status()["state"] == "draining", "the drain to begin")
    if again == "stop":
        proxy.command("stop")
    else:
        proxy.send_signal(again)
    assert proxy.wait() == 0
    assert not any(exists(pid) for pid in family)
    busy.reader.rest()
    assert busy.ended in ("cut without close_notify", "reset")
    slow.told = True
    proxy.check_log()


@pytest.mark.parametrize("how", [signal.SIGINT, "stop"])
def test_stop_at_once(lab, slow, how):
    proxy = lab.proxy(slow.server, workers=2)
    busy = begin(lab, proxy)
    family = children_of(proxy.pid)
    if how == "stop":
        assert proxy.command("stop").stdout == b"stopping\n"
    else:
        proxy.send_signal(how)
    assert proxy.wait() == 0
    assert not any(exists(pid) for pid in family)
    busy.reader.rest()
    assert busy.ended in ("cut without close_notify", "reset")
    assert refuses(proxy)
    assert b"no ravelin runs" in proxy.command("status", check=False).stderr
    slow.told = True
    proxy.check_log()


def test_a_child_that_does_not_obey_is_ended(lab):
    """It is stopped for good; after a while the master does without its consent."""
    proxy = lab.proxy(lab.server(), workers_may_die=True, allow=["killed by signal 9"])
    [worker] = pids_of(proxy, "workers")
    os.kill(worker, signal.SIGSTOP)
    proxy.send_signal(signal.SIGINT)
    assert proxy.wait(4 * PATIENCE) == 0
    assert not exists(worker)


def test_a_worker_that_dies_while_draining_is_not_replaced(lab, slow):
    proxy = lab.proxy(slow.server, workers=1, workers_may_die=True, allow=["killed by signal 9"])
    begin(lab, proxy)
    [worker] = pids_of(proxy, "workers")
    proxy.send_signal(signal.SIGTERM)
    wait_for(lambda: proxy.status()["state"] == "draining", "the drain to begin")
    os.kill(worker, signal.SIGKILL)
    assert proxy.wait() == 0
    slow.told = True


# ---- Promises ----


def test_signals_during_the_start_do_not_end_it(lab):
    """HUP is not forgotten: the files may have been read before it."""
    proxy = lab.prepare(lab.server(), top={"workers": 2})
    stop, sent = threading.Event(), []

    def send():
        while not proxy._process:
            time.sleep(0.0005)
        comm = Path(f"/proc/{proxy._process.pid}/comm")
        wait_for(lambda: comm.read_text() == "rav-master\n", "the program to begin")
        while not stop.is_set() and not re.search(r"\bready\b", proxy.log()):
            proxy.send_signal(signal.SIGHUP)
            proxy.send_signal(signal.SIGUSR1)
            sent.append(True)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        proxy.start()
    finally:
        stop.set()
        thread.join()
    assert sent
    wait_for(lambda: proxy.status()["generation"] > 1 and proxy.status()["reload"] == "none", "the last reload")
    assert lab.client(proxy).ask().status == 200


def test_the_threat_model_names_tests_that_exist():
    text = (ROOT / "proxy/README.md").read_text()
    model = text[text.index("## Threat model") : text.index("Ravelin does not protect two things")]
    functions = set(re.findall(r"`(test_\w+)`", model))
    files = set(re.findall(r"\b(test_\w+\.(?:py|c))\b", model))
    assert len(functions) > 12 and len(files) > 12
    sources = {path.name: path.read_text() for path in [*ROOT.glob("tests/*/test_*.py"), *ROOT.glob("tests/*/test_*.c")]}
    assert files <= sources.keys()
    defined = set(re.findall(r"^def (test_\w+)\(", "\n".join(sources.values()), re.MULTILINE))
    assert functions <= defined, functions - defined
