"""`ravelin upgrade`: a new process takes the place of the one that serves, and no client notices; or it fails, and the
one that serves goes on."""

import os
import re
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.faulty import FaultyServer
from ravelin_test.http import request
from ravelin_test.processes import Process, children_of, exists, names_of_children, run, text
from ravelin_test.proxy import BackgroundCommand, backend_block, block, server_block, site_block
from ravelin_test.settings import IS_ROOT, LONG, PATIENCE, RAVELIN
from ravelin_test.waiting import stays, wait_for
from ravelin_test.wrk import Wrk, check_wrk

UPGRADE = ["Connection: Upgrade", "Upgrade: echo/1"]
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n"
ROUNDS = 20 if LONG else 3


def answer(connection):
    """A WebSocket for those who ask, else a response with the size of the request body."""
    while message := connection.request():
        if message.get("Upgrade"):
            connection.send(SWITCH)
            while connection.reader.more():
                connection.send(connection.reader.take(len(connection.reader.buffer)))
            return
        body = b"%d bytes" % len(message.body)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)


def open_tunnel(lab, proxy):
    client = lab.client(proxy)
    client.send(request("/tunnel", fields=UPGRADE))
    assert client.response().status == 101
    return client


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def parent_of(pid):
    return int(re.search(r"^PPid:\s+(\d+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE).group(1))


def serves(proxy, target="/"):
    for _ in range(5):
        with proxy.client() as client:
            assert client.ask(target).status == 200


# ---- It takes over ----


@pytest.mark.parametrize("how", ["command", "signal"])
def test_another_process_serves(lab, how):
    proxy = lab.proxy(lab.server(), workers=2)
    former, family = proxy.pid, children_of(proxy.pid)
    if how == "command":
        done = proxy.upgrade()
        assert text(done.stdout).endswith(f"(pid {proxy.pid}) serves; pid {former} drains\n")
    else:
        proxy.send_signal(signal.SIGUSR2)
        wait_for(lambda: proxy.status()["pid"] != former, "another process to answer")
        proxy.follow()
    serves(proxy)
    assert proxy.wait_for_former() == [0]
    assert not any(exists(pid) for pid in [former, *family])
    status = proxy.status()
    assert (status["state"], status["upgrade"], status["generation"]) == ("running", "none", 1)
    wait_for(lambda: proxy.status()["draining"] == [], "the former process to be forgotten")
    proxy.reload()
    serves(proxy)


def start_h2load(proxy, target, log):
    """HTTP/2, until the proxy ends its connections: it does not make others."""
    process = Process(["h2load", "-n", "100000000", "-c", "4", "-m", "10", proxy.url(target)], log)
    wait_for(lambda: proxy.metrics()["requests_http2"] > 0, "h2load to have begun")
    return process


def end_h2load(process):
    """How many of its requests were answered, all well. Those that it had not sent when it heard GOAWAY, it counts as failed."""
    assert process.wait(PATIENCE) == 0
    found = re.search(r" (\d+) succeeded, .* 0 timeout\nstatus codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx$", process.output(), re.MULTILINE)
    assert found and found.group(1) == found.group(2), process.output()
    return int(found.group(1))


def test_no_request_fails(lab):
    """Under wrk and h2load, with a slow upload and a WebSocket, many upgrades in a row. (RAVELIN_LONG=1: 20 of them.)"""
    pages = lab.nginx()
    (pages.html / "small.html").write_bytes(b"s" * 1024)
    scripted = lab.server(answer)
    routes = {"/": "web", "/upload": "scripted", "/tunnel": "scripted"}
    proxy = lab.prepare(workers=2, top={"drain-timeout": "60s"})
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    proxy.configure(
        sites=[site_block("localhost", [certificate], ["127.0.0.1"], routes)],
        backends=[backend_block("web", [pages]), backend_block("scripted", [scripted])],
    )
    proxy.start()
    wrk = lab.keep_client(Wrk(proxy.url("/small.html"), 64, 600))
    echoed, answered = [], 0
    for number in range(ROUNDS):
        h2load = start_h2load(proxy, "/small.html", lab.folder / f"h2load{number}")
        upload, tunnel = lab.client(proxy), open_tunnel(lab, proxy)
        upload.send(b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 30000\r\n\r\n" + bytes(10_000))
        before = descriptors(proxy.pid), len(children_of(proxy.pid))
        proxy.upgrade()
        assert descriptors(proxy.pid) <= before[0] + 2  # the hand-over, and one that is being answered
        assert len(children_of(proxy.pid)) == before[1]
        for _ in range(2):
            time.sleep(0.05)
            upload.send(bytes(10_000))
        got = upload.response()
        assert (got.status, got.body, got.get("Connection")) == (200, b"30000 bytes", "close")
        tunnel.send(b"echo %d" % number)
        assert tunnel.reader.exactly(len(b"echo %d" % number), "the echo") == b"echo %d" % number
        tunnel.close()
        echoed.append(number)
        answered += end_h2load(h2load)
        serves(proxy, "/small.html")
    wrk.stop()
    requests = check_wrk(wrk.output())
    assert requests > 0 and len(echoed) == ROUNDS
    assert set(proxy.wait_for_former()) == {0}
    lines = proxy.access_lines()
    assert not [line for line in lines if '"status":5' in line]
    # Nothing that h2load sent is without a response.
    assert sum('"protocol":"HTTP/2.0"' in line for line in lines) == answered > ROUNDS


def test_tunnels_end_in_order_with_drain_timeout(lab):
    proxy = lab.proxy(lab.server(answer), top={"drain-timeout": "1s"})
    tunnel = open_tunnel(lab, proxy)
    proxy.upgrade()
    assert [former["connections"] for former in proxy.status()["draining"]] == [1]
    tunnel.send(b"still there")
    assert tunnel.reader.exactly(11, "the echo") == b"still there"
    assert tunnel.read_end() == CLOSE_NOTIFY
    assert proxy.wait_for_former() == [0]


def test_the_former_process_closes_connections(lab):
    proxy = lab.proxy(lab.server(answer))
    used = lab.client(proxy)
    assert used.ask().get("Connection") is None
    proxy.upgrade()
    got = used.ask()
    assert (got.status, got.get("Connection")) == (200, "close")
    assert used.read_end() == CLOSE_NOTIFY


def test_tickets_still_resume(lab):
    """Twice in a row: the keys are handed on, and handed on again."""
    proxy = lab.proxy(lab.server())
    with proxy.client() as client:
        assert client.ask().status == 200
        session = client.tls.session
    for _ in range(2):
        proxy.upgrade()
        with proxy.client(session=session) as client:
            assert client.ask().status == 200
            assert client.tls.session_reused
            session = client.tls.session
    assert proxy.metrics()["handshakes_resumed"] == 1


def test_tickets_of_before_end_with_a_lifetime_of_zero(lab):
    proxy = lab.proxy(lab.server())
    with proxy.client() as client:
        assert client.ask().status == 200
        session = client.tls.session
    for lifetime in ("0", "1h"):
        proxy.configure(tls={"ticket-lifetime": lifetime})
        proxy.upgrade()
        with proxy.client(session=session) as client:
            assert client.ask().status == 200
            assert not client.tls.session_reused


def test_orders_for_servers_and_sticky_cookies_stay(lab):
    a, b = lab.server(), lab.server()
    proxy = lab.proxy(a, b, backend={"sticky": "place"})
    with proxy.client() as client:
        cookie = client.ask().get("Set-Cookie")
    other = b if a.requests else a
    proxy.command("server", f"web/{other.address}", "down")
    proxy.upgrade()
    assert f"server web/{other.address}: down, as ordered before" in proxy.log()
    listed = {line.split()[0]: line.split()[1] for line in text(proxy.command("servers").stdout).splitlines()}
    assert listed[f"web/{other.address}"] == "down"
    with proxy.client() as client:
        assert client.ask(fields=[f"Cookie: {cookie.split(';')[0]}"]).get("Set-Cookie") is None


def test_a_server_that_is_down_by_its_checks_stays_so(lab):
    """No request, not even one of the first after the upgrade, meets a server that is known to be down."""
    servers = [lab.keep_server(FaultyServer(name)) for name in "ab"]
    inner = [block("health", "/healthz", {"interval": "100ms", "timeout": "10s", "rise": 1, "fall": 1}), *map(server_block, servers)]
    backend = block("backend", "web", {"max-failures": "off", "failure-ratio": "off", "retries": 0}, inner)
    proxy = lab.proxy(backends=[backend], allow=[".*"])
    line = f"web/{servers[0].address}"
    servers[0].fail("close")
    wait_for(lambda: re.search(f"{line} .* down: ", text(proxy.command("servers").stdout)), "bad checks")
    servers[0].fail("hang")  # so that no check ends after the upgrade
    proxy.write_config(proxy.config_text().replace("timeout = 10s", "timeout = 1h"))
    proxy.upgrade()
    listed = text(proxy.command("servers").stdout)
    assert re.search(f"{line} .* down: health: ", listed), listed
    for _ in range(10):
        with proxy.client() as client:
            assert client.ask().body == b"b"


def test_an_order_ends_if_the_file_says_something_else(lab):
    a = lab.server()
    proxy = lab.proxy(a)
    proxy.command("server", f"web/{a.address}", "drain")
    proxy.configure(backends=[backend_block("web", [(a, {"weight": 2})])])
    proxy.upgrade()
    assert "ordered no more, because the configuration changed it" in proxy.log()
    assert text(proxy.command("servers").stdout).splitlines()[1].split()[1] == "ready"


@pytest.mark.parametrize("before, after", [(1, 3), (3, 1), (3, 2)])
def test_the_number_of_workers_changes(lab, before, after):
    pages = lab.nginx()
    (pages.html / "small.html").write_bytes(b"s")
    proxy = lab.proxy(pages, workers=before, allow=["workers: cannot change", "reload failed"])
    wrk = lab.keep_client(Wrk(proxy.url("/small.html"), 16, 600))
    wait_for(lambda: proxy.metrics()["responses_2xx"] > 10, "wrk to have begun")
    proxy._top["workers"] = after
    proxy.write_config()
    assert proxy.command("reload", check=False).returncode != 0
    proxy.upgrade()
    assert len(proxy.status()["workers"]) == after
    wait_for(lambda: proxy.metrics()["responses_2xx"] > 10, "wrk to have come over")
    wrk.stop()
    check_wrk(wrk.output())


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
def test_the_user_changes(lab):
    proxy = lab.proxy(lab.server(), top={"user": "nobody"})
    proxy._top["user"] = "daemon"
    proxy.write_config()
    proxy.upgrade()
    [worker] = proxy.worker_pids().values()
    uid = next(line for line in open(f"/proc/{worker}/status") if line.startswith("Uid:")).split()[1]
    assert int(uid) == 1
    serves(proxy)


def test_an_address_is_added_and_one_removed(lab):
    proxy = lab.proxy(lab.server(), redirect=True)
    added = lab.port()
    text_ = proxy.config_text().replace(f"listen 127.0.0.1:{proxy.redirect_port}", f"listen {added.address}")
    proxy.write_config(text_)
    proxy.upgrade()
    with socket.create_connection(("127.0.0.1", added.number)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert plain.recv(1000).startswith(b"HTTP/1.1 308")
    proxy.wait_for_former()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.redirect_port)).close()


def test_the_sockets_of_admin_are_handed_on(lab):
    """Of a TCP address only one process can listen on, and of a unix socket, whose file must stay."""
    port, path = lab.port(), lab.folder / "admin.sock"
    port.close()
    proxy = lab.prepare(lab.server())
    good = proxy.config_text() + f'admin {port.address} {{ }}\nadmin "unix:{path}" {{ }}\n'
    proxy.write_config(good)
    proxy.start()

    def is_ready(*where):
        done = run(["curl", "-sS", *where, f"http://{port.address}/ready"], check=False)
        return done.returncode == 0 and b"not" not in done.stdout

    for round in range(3):
        if round == 1:  # a new process that fails leaves the file alone
            proxy.write_config("nonsense = 1\n" + good)
            proxy.allow += ["upgrade", "goes on", "nonsense"]
            assert proxy.upgrade(check=False).returncode == 1
            proxy.write_config(good)
        else:
            proxy.upgrade()
            proxy.wait_for_former()
        assert is_ready() and is_ready("--unix-socket", path)
    proxy.reload()
    assert is_ready("--unix-socket", path)
    proxy.write_config("nonsense = 1\n" + good.replace(str(path), f"{path}2"))
    assert proxy.upgrade(check=False).returncode == 1
    assert is_ready("--unix-socket", path)
    proxy.write_config(good.replace(str(path), f"{path}2"))
    proxy.upgrade()
    assert is_ready("--unix-socket", f"{path}2")
    wait_for(lambda: not path.exists(), "the end of the file that is not in use any more")
    proxy.stop()
    assert not Path(f"{path}2").exists()


def test_commands_are_answered_all_the_time(lab):
    """By the one or the other process."""
    proxy = lab.proxy(lab.server(), workers=2)
    ended, failures, count = threading.Event(), [], [0]

    def ask():
        while not ended.is_set():
            done = proxy.command("status", check=False)
            count[0] += 1
            if done.returncode != 0:
                failures.append(text(done.stderr))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(ROUNDS):
        proxy.upgrade()
    ended.set()
    for thread in threads:
        thread.join()
    assert failures == [] and count[0] > ROUNDS


def test_another_executable_is_started(lab):
    """By the name that leads to it: a link, which leads elsewhere by then."""
    link = lab.folder / "ravelin"
    link.symlink_to(RAVELIN)
    proxy = lab.proxy(lab.server(), program=link)
    wrapper = lab.folder / "wrapper"
    wrapper.write_text(f'#!/bin/sh\necho "$@" > {lab.folder}/arguments\nexec "{RAVELIN}" "$@"\n')
    wrapper.chmod(0o755)
    (lab.folder / "next").symlink_to(wrapper)
    (lab.folder / "next").replace(link)
    proxy.program = RAVELIN  # for commands
    proxy.upgrade()
    serves(proxy)
    assert (lab.folder / "arguments").read_text() == f"run -c {proxy.config}\n"


# ---- While one drains ----


def test_a_second_upgrade_while_one_drains(lab):
    """The last one knows of all that drain, and they end with it."""
    proxy = lab.proxy(lab.server(answer), top={"drain-timeout": "10m"})
    tunnels, pids = [], []
    for _ in range(3):
        tunnels.append(open_tunnel(lab, proxy))
        pids.append(proxy.pid)
        proxy.upgrade()
    wait_for(lambda: [f["connections"] for f in proxy.status()["draining"]] == [1, 1, 1], "all states", 2 * PATIENCE)
    assert {former["pid"] for former in proxy.status()["draining"]} == set(pids)
    for number, tunnel in enumerate(tunnels):
        tunnel.send(b"%d" % number)
        assert tunnel.reader.exactly(1, "the echo") == b"%d" % number
    tunnels[1].close()
    wait_for(lambda: len(proxy.status()["draining"]) == 2, "one of them to end")
    proxy.command("stop")
    assert proxy.wait() == 0
    assert proxy.wait_for_former() == [0, 0, 0]


def test_a_drain_waits_for_those_that_drain(lab):
    proxy = lab.proxy(lab.server(answer), top={"drain-timeout": "10m"})
    tunnel = open_tunnel(lab, proxy)
    proxy.upgrade()
    proxy.command("drain")
    stays(proxy.running, "it ended before the former one", 0.3)
    tunnel.close()
    assert proxy.wait() == 0
    assert proxy.wait_for_former() == [0]


def test_a_former_process_reopens_its_logs(lab):
    logs = lab.subfolder("log")
    proxy = lab.proxy(lab.server(answer), top={"access-log": f'"{logs}/access.log"', "drain-timeout": "10m"})
    tunnel = open_tunnel(lab, proxy)
    proxy.upgrade()
    (logs / "access.log").rename(logs / "access.log.1")
    proxy.command("reopen")
    former = proxy._former[0].pid
    wait_for(
        lambda: not any(
            os.readlink(f"/proc/{pid}/fd/{fd}").endswith("access.log.1")
            for pid in children_of(former)
            for fd in os.listdir(f"/proc/{pid}/fd")
        ),
        "new logs",
    )
    tunnel.close()
    assert proxy.wait_for_former() == [0]
    assert "/tunnel" in (logs / "access.log").read_text()


def test_the_former_process_dies(lab):
    proxy = lab.proxy(lab.server(answer), top={"drain-timeout": "10m"})
    open_tunnel(lab, proxy)
    proxy.upgrade()
    os.kill(proxy._former[0].pid, signal.SIGKILL)
    wait_for(lambda: proxy.status()["draining"] == [], "it to be forgotten")
    serves(proxy)


# ---- It fails ----


def script(folder, body, first="#!/bin/sh"):
    path = folder / "next"
    path.write_text(f"{first}\n{body}\n")
    path.chmod(0o755)
    return path


HELLO = """
import os, socket, struct, sys, time
talk = socket.socket(fileno=int(os.environ["RAVELIN_UPGRADE"].split(":")[0]))
def say(kind, data=b"", version=1):
    talk.send(b"ravelin\\0" + struct.pack("4I", version, kind, 0, 0) + data)
"""

FAILURES = {
    "missing": (None, r"executable \S+: No such file or directory"),
    "fails": ("echo it cannot be >&2; exit 3", "the new process ended with status 3: it cannot be"),
    "is killed": ("kill -SEGV $$", r"the new process was killed by signal 11 \(Segmentation fault\)"),
    "is no program": ("#", "the new process ended with status 0"),
    "ends at once": ("exit 0", "the new process ended with status 0"),
    "another version": (
        HELLO + 'say(1, b"9.9", version=7)\ntime.sleep(100)',
        "the new process speaks version 7 of the hand-over, this one version 1: restart Ravelin instead",
    ),
    "nonsense": (HELLO + 'talk.send(b"hello")\ntime.sleep(100)', "the new process said nonsense"),
    "out of turn": (HELLO + 'say(1, b"x")\nsay(12)\ntime.sleep(100)', "the new process said something out of turn"),
    "dies later": (HELLO + 'say(1, b"x")\ntalk.recv(100)\nsys.exit(5)', "the new process ended with status 5"),
    "says why": (HELLO + 'say(1, b"x")\nsay(17, b"no luck")\ntime.sleep(100)', "upgrade failed: no luck"),
    "silent": ("echo waiting >&2; exec sleep 100", "did not say within 10 seconds that it can take over: waiting"),
}


CASES = [(how, False) for how in FAILURES] + [(how, True) for how in ("fails", "is killed", "dies later", "says why", "nonsense")]


@pytest.mark.parametrize("how, managed", CASES)
def test_a_new_executable_that_fails(lab, how, managed):
    """managed: the new process is a child of the service manager, which alone learns how it ended."""
    body, expected = FAILURES[how]
    if managed:
        expected = re.sub(r"ended with status \d|was killed by signal .*$", "ended", expected)
    link = lab.folder / "ravelin"
    link.symlink_to(RAVELIN)
    environment = {"NOTIFY_SOCKET": str(lab.folder / "nobody")} if managed else {}
    proxy = lab.proxy(lab.server(), program=link, environment=environment, allow=["upgrade", "this process goes on"])
    kept = lab.client(proxy)
    assert kept.ask().status == 200
    before = descriptors(proxy.pid), children_of(proxy.pid)
    link.unlink()
    if body is not None:
        link.symlink_to(script(lab.folder, body, "#!/usr/bin/python3" if HELLO in body else "#!/bin/sh"))
    failed = run([RAVELIN, "upgrade", "-c", proxy.config], check=False)
    assert failed.returncode == 1
    proxy.wait_for_log(expected)
    assert run(["grep", "-cE", expected], input=failed.stderr).stdout == b"1\n", failed.stderr
    proxy.program = RAVELIN
    assert proxy.status()["pid"] == proxy.pid
    wait_for(lambda: (descriptors(proxy.pid), children_of(proxy.pid)) == before, "all as before")
    assert kept.ask().status == 200
    serves(proxy)
    # And the next one succeeds.
    link.unlink(missing_ok=True)
    link.symlink_to(RAVELIN)
    proxy.upgrade()
    serves(proxy)


def test_an_executable_that_any_user_may_write(lab):
    link = lab.folder / "ravelin"
    link.symlink_to(RAVELIN)
    proxy = lab.proxy(lab.server(), program=link, allow=["upgrade"])
    link.unlink()
    path = script(lab.folder, "exit 0")
    path.chmod(0o777)
    link.symlink_to(path)
    failed = run([RAVELIN, "upgrade", "-c", proxy.config], check=False)
    assert failed.returncode == 1 and b"any local user can write it" in failed.stderr
    proxy.program = RAVELIN


@pytest.mark.parametrize("mistake", ["text", "key", "address", "log"])
def test_a_new_configuration_that_fails(lab, mistake):
    proxy = lab.proxy(
        lab.server(), workers=2, allow=["upgrade", "this process goes on", "cannot start", "ravelin.conf:"]
    )
    good = proxy.config_text()
    taken = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{taken.getsockname()[1]}"
    wrong, expected = {
        "text": ("nonsense = 1\n" + good, "ravelin.conf:1: unknown option 'nonsense'"),
        "key": (good.replace(".key", ".pem"), "ravelin.conf:"),
        "address": (good + f"listen {address} {{ }}\n", f"cannot listen on {address}: Address already in use"),
        "log": (f'log = "{lab.folder}/none/log"\n' + good, "No such file or directory"),
    }[mistake]
    proxy.write_config(wrong)
    failed = proxy.upgrade(check=False)
    assert failed.returncode == 1
    assert expected in text(failed.stderr)
    assert expected in proxy.log()
    assert proxy.status()["pid"] == proxy.pid
    serves(proxy)
    proxy.write_config(good)
    proxy.upgrade()
    serves(proxy)
    taken.close()


@pytest.fixture
def waiting(lab):
    """A proxy with an upgrade under way, whose new process waits."""
    link = lab.folder / "ravelin"
    link.symlink_to(RAVELIN)
    proxy = lab.proxy(lab.server(), program=link, allow=["upgrade", "this process goes on"])
    link.unlink()
    link.symlink_to(script(lab.folder, f"touch {lab.folder}/started; exec sleep 100"))
    proxy.program = RAVELIN
    command = lab.keep_client(BackgroundCommand(proxy, "upgrade"))
    wait_for((lab.folder / "started").exists, "the new process")
    return proxy, command


def test_a_reload_during_an_upgrade_is_refused(lab, waiting):
    proxy, command = waiting
    assert proxy.status()["upgrade"] == "starting"
    for word in ("reload", "upgrade"):
        refused = proxy.command(word, check=False)
        assert refused.returncode == 1 and b"an upgrade is under way" in refused.stderr
    proxy.send_signal(signal.SIGHUP)
    serves(proxy)
    assert not command.ended()
    os.kill(children_of(proxy.pid)[-1], signal.SIGKILL)
    assert command.result()[0] == 1
    wait_for(lambda: proxy.status()["generation"] == 2, "the reload that HUP asked for")
    wait_for(lambda: proxy.status()["reload"] == "none", "its end")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_end_during_an_upgrade(lab, waiting, number):
    proxy, command = waiting
    [*_, started] = [pid for pid in children_of(proxy.pid)]
    proxy.send_signal(number)
    assert proxy.wait() == 0
    wait_for(lambda: not exists(started), "the new process to be gone")
    status, _, errors = command.result()
    assert (status, errors) == (1, "upgrade failed: Ravelin is ending\n")


def test_an_upgrade_during_a_reload_is_refused(lab):
    proxy = lab.proxy(lab.server(), allow=["upgrade refused"])
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)  # so the reload waits for it
    command = lab.keep_client(BackgroundCommand(proxy, "reload"))
    wait_for(lambda: proxy.status()["reload"] == "loading workers", "the reload to wait")
    refused = proxy.command("upgrade", check=False)
    assert refused.returncode == 1 and b"a reload is under way" in refused.stderr
    os.kill(worker, signal.SIGCONT)
    assert command.result()[0] == 0


class Pause:
    """An upgrade whose new process has read the configuration and opened its logs, and waits for a worker that stands still."""

    def __init__(self, lab, proxy):
        self.proxy = proxy
        for _ in range(100):
            before = set(children_of(proxy.pid))
            self.command = lab.keep_client(BackgroundCommand(proxy, "upgrade"))
            self.worker = self._stop_worker(before)
            if self.worker and proxy.status()["upgrade"] == "waiting until it is ready":
                return
            self.end()  # too late
        raise AssertionError("the new process was never met")

    def _stop_worker(self, before):
        while not self.command.ended():
            for child in set(children_of(self.proxy.pid)) - before:
                for pid, name in names_of_children(child).items():
                    if name.startswith("rav-worker"):
                        os.kill(pid, signal.SIGSTOP)
                        return pid
        return None

    def end(self):
        """Lets the upgrade succeed."""
        if self.worker:
            os.kill(self.worker, signal.SIGCONT)
        assert self.command.result()[0] == 0
        self.proxy.follow()


def test_logs_that_were_rotated_meanwhile(lab):
    """The new process had opened them before."""
    logs = lab.subfolder("log")
    proxy = lab.proxy(lab.server(), top={"access-log": f'"{logs}/access.log"'})
    pause = Pause(lab, proxy)
    (logs / "access.log").rename(logs / "access.log.1")
    proxy.command("reopen")
    pause.end()
    with proxy.client() as client:
        assert client.ask("/after").status == 200
    wait_for(lambda: "/after" in (logs / "access.log").read_text(), "the line in the new file")


def test_orders_for_servers_are_refused_meanwhile(lab):
    """The new process has the orders already, and would not know of another one."""
    server = lab.server()
    proxy = lab.proxy(server)
    pause = Pause(lab, proxy)
    for words in (["server", f"web/{server.address}", "drain"], ["maintenance", "localhost", "on"]):
        refused = proxy.command(*words, check=False)
        assert refused.returncode == 1 and b"an upgrade is under way; try again" in refused.stderr
    proxy.command("servers")  # changes nothing
    pause.end()
    proxy.command("server", f"web/{server.address}", "drain")


def test_a_second_order_meanwhile_changes_nothing(lab):
    proxy = lab.proxy(lab.server(), allow=["upgrade refused"])
    pause = Pause(lab, proxy)
    refused = proxy.command("upgrade", check=False)
    assert refused.returncode == 1 and b"an upgrade is under way" in refused.stderr
    pause.end()
    assert re.search(r"upgrade: ravelin \S+ .*\(pid \d+\) serves", proxy.log())


def test_a_hangup_meanwhile_is_not_forgotten(lab):
    """The new process may have read the file before it was changed."""
    proxy = lab.proxy(lab.server(), lab.server())
    pause = Pause(lab, proxy)
    proxy.send_signal(signal.SIGHUP)
    assert proxy.status()["upgrade"] == "waiting until it is ready"
    pause.end()
    wait_for(lambda: proxy.status()["generation"] == 2, "the reload")


def test_the_former_process_dies_before_the_new_one_serves(lab):
    """The new one ends by itself then, and nothing is left."""
    link = lab.folder / "ravelin"
    link.symlink_to(RAVELIN)
    proxy = lab.proxy(lab.server(), program=link)
    link.unlink()
    link.symlink_to(script(lab.folder, f'echo $$ > {lab.folder}/pid; sleep 1; exec "{RAVELIN}" "$@"'))
    proxy.program = RAVELIN
    command = lab.keep_client(BackgroundCommand(proxy, "upgrade"))
    pid = lab.folder / "pid"
    wait_for(lambda: pid.exists() and pid.read_text().strip(), "the new process")
    proxy._process.end(signal.SIGKILL)
    wait_for(lambda: not exists(int(pid.read_text())), "the new process to end")
    assert command.result()[0] == 1
    assert proxy.command("status", check=False).returncode == 1
    proxy._process = None  # there is nothing to end in peace


def test_a_variable_that_no_former_master_set(lab):
    """What it names is not used, and nothing starts by mistake."""
    proxy = lab.prepare(lab.server())
    command = f'exec 8</dev/null 9>&2; RAVELIN_UPGRADE="8:9:$$" exec "{RAVELIN}" run -c "{proxy.config}"'
    done = run(["bash", "-c", command], check=False)
    assert done.returncode == 1 and b"is not of a former master" in done.stderr
    proxy.environment = {"RAVELIN_UPGRADE": "3:4:1"}  # of another process: as if it were not there
    proxy.start()
    serves(proxy)


# ---- Service managers ----


def test_the_service_manager_learns_the_main_process(lab):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.settimeout(2 * PATIENCE)
    manager.bind(str(lab.folder / "notify"))
    environment = {"NOTIFY_SOCKET": str(lab.folder / "notify"), "WATCHDOG_USEC": str(3_600_000_000)}
    proxy = lab.prepare(lab.server(answer), environment=environment)
    proxy.start()
    former, tunnel = proxy.pid, open_tunnel(lab, proxy)
    said = iter(lambda: manager.recv(1000), b"")
    wanted = (message for message in said if message != b"WATCHDOG=1")
    assert next(wanted).startswith(b"READY=1")
    proxy.upgrade()
    assert next(wanted) == f"MAINPID={proxy.pid}".encode()
    assert next(wanted).startswith(b"READY=1")
    # Its child from the beginning, else it would not wait for its end.
    assert parent_of(proxy.pid) == parent_of(former) == os.getpid()
    tunnel.close()
    proxy.wait_for_former()
    manager.settimeout(0.2)
    with pytest.raises(TimeoutError):  # the former one says nothing of its end
        while manager.recv(1000) == b"WATCHDOG=1":
            pass


def test_many_upgrades_at_once(lab):
    """Only one is done at a time, whoever asks."""
    proxy = lab.proxy(lab.server(), allow=["upgrade refused"])
    commands = [lab.keep_client(BackgroundCommand(proxy, "upgrade")) for _ in range(6)]
    results = [command.result() for command in commands]
    assert sum(status == 0 for status, _, _ in results) >= 1
    for status, _, errors in results:
        assert status == 0 or "under way" in errors or "ending" in errors or "not complete" in errors
    wait_for(lambda: proxy.command("status", check=False).returncode == 0, "an answer")
    proxy.follow()
    serves(proxy)


def test_http2_requests_do_not_fail(lab):
    """curl, many requests on few connections: it is told to leave each, and goes on with another."""
    proxy = lab.proxy(lab.server(), workers=2, listen={"http2": "yes"})
    count = 3000 * ROUNDS
    urls = lab.folder / "urls"
    urls.write_text("".join(f"url={proxy.url(f'/{number}')}\noutput=/dev/null\n" for number in range(count)))
    command = [
        "curl",
        "-sS",
        "--no-progress-meter",
        "--http2",
        "-Z",
        "--parallel-max",
        "20",
        "--cacert",
        proxy.authority.ca,
        "-K",
        urls,
    ]
    curl = Process([*command, "-w", r"%{http_code} %{http_version}\n"], lab.folder / "codes")
    wait_for(lambda: proxy.metrics()["requests"] > 0, "curl to have begun")
    for _ in range(ROUNDS):
        proxy.upgrade()
    assert curl.wait(4 * PATIENCE) == 0, curl.output()
    codes = [line for line in curl.output().splitlines() if line.endswith(" 2")]
    assert set(codes) == {"200 2"} and len(codes) == count
