"""Logs that go to syslog: from the master, and from workers in their sandbox.

The daemon's socket is /dev/log, so the proxy gets a /dev of its own (a private mount; only root can make one).
"""

import json
import re
import signal
import socket
import subprocess
import threading

import pytest

from ravelin_test.processes import Process
from ravelin_test.settings import IS_ROOT, RAVELIN
from ravelin_test.waiting import wait_for

DEVICES = ["null", "zero", "random", "urandom"]
LINE = re.compile(r"<(\d+)>.{15} ravelin\[\d+\]: (.*)", re.DOTALL)


class Syslog:
    """The daemon: takes down what comes, as (severity, message)."""

    def __init__(self, folder):
        self.path = folder / "log"
        self.lines = []
        self.pause_after = None  # a text: when it came, nothing is read until `resume` is set
        self.resume = threading.Event()
        self._socket = None
        self.open()

    def open(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self.path.chmod(0o666)
        threading.Thread(target=self._listen, args=(self._socket,), daemon=True).start()

    def _listen(self, own):
        while data := own.recv(65536):
            priority, message = LINE.fullmatch(data.decode()).groups()
            self.lines.append((int(priority) & 7, message))
            if self.pause_after and self.pause_after in message:
                self.pause_after = None
                self.resume.wait()

    def close(self):
        self._socket.shutdown(socket.SHUT_RD)
        self._socket.close()
        self.path.unlink()

    def wait_for(self, pattern):
        def look():
            return next((found for _, line in list(self.lines) if (found := re.search(pattern, line))), None)

        return wait_for(look, f"{pattern!r} in syslog")


@pytest.fixture
def syslog(lab):
    """Has `start`, which runs a prepared proxy under this daemon."""
    if not IS_ROOT:
        pytest.skip("only root can give a process another /dev")
    folder = lab.subfolder("dev")
    for name in DEVICES:
        (folder / name).touch()
    mounts = " && ".join(f'mount --bind /dev/{name} "{folder}/{name}"' for name in DEVICES)
    enter = ["unshare", "--mount", "bash", "-c", f'{mounts} && mount --bind "{folder}" /dev && exec "$0" "$@"']
    if subprocess.run([*enter, "true"], capture_output=True).returncode != 0:
        pytest.skip("no mounts are allowed here")
    daemon = Syslog(folder)
    processes = []

    def start(proxy, is_ready=None):
        process = Process([*enter, RAVELIN, "run", "-c", proxy.config], proxy.folder / "ravelin.log")
        processes.append(process)
        wait_for(is_ready, "the proxy to be ready") if is_ready else daemon.wait_for("ready")
        return process

    daemon.start = start
    yield daemon
    daemon.resume.set()
    for process in processes:
        process.end(signal.SIGINT)
        assert process.output() == ""
    daemon.close()


def test_both_logs(lab, syslog):
    top = {"log": "syslog", "access-log": "syslog"}
    proxy = lab.prepare(lab.server(), top=top, limits={"connections": 1000})  # no warning that they are too many
    syslog.start(proxy)
    with lab.client(proxy) as client:
        # More clients than the master had descriptors: were a worker to write to one of those numbers, a client would see.
        others = [lab.client(proxy) for _ in range(40)]
        client.ask("/one")
        line = syslog.wait_for(r'^\{.*"target":"/one".*\}$')
        assert json.loads(line.group())["status"] == 200
        assert all(other.ask("/more").body == b"ok" for other in others)
    with socket.create_connection(("127.0.0.1", proxy.port)) as broken:
        broken.sendall(b"nonsense\r\n\r\n")
        broken.recv(100)
    syslog.wait_for(r"^worker 0: ")
    assert [line for line in syslog.lines if line[0] != 6] == []  # info


def test_a_daemon_that_comes_again(lab, syslog):
    proxy = lab.prepare(lab.server(), top={"log": "syslog", "access-log": "syslog"})
    syslog.start(proxy)
    client = lab.client(proxy)
    client.ask("/one")
    syslog.wait_for('"/one"')
    syslog.close()
    assert client.ask("/lost").status == 200  # nobody waits for a daemon that is gone
    syslog.open()
    client.ask("/two")
    syslog.wait_for('"/two"')
    client.close()


def test_a_reload_changes_to_syslog(lab, syslog):
    proxy = lab.prepare(lab.server())
    text = proxy.config_text()
    proxy.write_config("log = syslog\n" + text)
    syslog.start(proxy)
    [worker] = proxy.worker_pids().values()
    client = lab.client(proxy)
    client.ask("/file")
    assert proxy.access_log(1)[0]["target"] == "/file"
    proxy.write_config("log = syslog\n" + text.replace(f'"{proxy.access_path}"', "syslog"))
    proxy.reload()
    client.ask("/syslog")
    syslog.wait_for('"/syslog"')
    assert proxy.worker_pids()[0] == worker
    assert len(proxy.access_lines()) == 1
    client.close()


def test_a_daemon_that_stands_still(lab, syslog):
    """Its queue of datagrams is full: clients are answered, and losses are reported once it reads again."""
    proxy = lab.prepare(lab.server(), top={"access-log": "syslog"}, error_log_file=True)
    syslog.pause_after = "/pause"
    syslog.start(proxy, lambda: "ready" in proxy.log())
    client = lab.client(proxy)
    client.ask("/pause")
    syslog.wait_for("/pause")
    for _ in range(1500):
        assert client.ask("/" + "x" * 900).status == 200
    assert lab.client(proxy).ask("/other").status == 200
    wait_for(lambda: re.search(r"access log: \d+ lines lost: the reader does not keep up", proxy.log()), "a report")
    assert proxy.metrics()["log_lines_lost"] > 0
    syslog.resume.set()

    def flowing():
        client.ask("/after")
        return any('"/after"' in line for _, line in list(syslog.lines))

    wait_for(flowing, "lines after the pause")
    received = sum('"status":200' in line for _, line in list(syslog.lines))
    assert received < 1500
