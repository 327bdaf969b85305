"""Logs that go to syslog: from the master, and from workers in their sandbox.

The daemon's socket is /dev/log, so the proxy gets a /dev of its own (a private mount; only root can make one).
"""

import json
import re
import signal
import socket
import threading

import pytest

from ravelin_test.log_daemons import LogDaemon, Mounted
from ravelin_test.waiting import wait_for

DEVICES = ["null", "zero", "random", "urandom"]
LINE = re.compile(r"<(\d+)>.{15} ravelin\[\d+\]: (.*)", re.DOTALL)


class Syslog(LogDaemon):
    """Takes down what comes, as (severity, message)."""

    def __init__(self, folder):
        self.lines = []
        self.pause_after = None  # a text: when it came, nothing is read until `resume` is set
        self.resume = threading.Event()
        super().__init__(folder / "log")

    def take(self, text):
        priority, message = LINE.fullmatch(text).groups()
        self.lines.append((int(priority) & 7, message))
        if self.pause_after and self.pause_after in message:
            self.pause_after = None
            self.resume.wait()

    def look(self, pattern):
        return next((found for _, line in list(self.lines) if (found := re.search(pattern, line))), None)

    def wait_for(self, pattern):
        return wait_for(lambda: self.look(pattern), f"{pattern!r} in syslog")


@pytest.fixture
def syslog(lab):
    """Has `start`, which runs a prepared proxy under this daemon."""
    folder = lab.subfolder("dev")
    for name in DEVICES:
        (folder / name).touch()
    mounts = " && ".join(f'mount --bind /dev/{name} "{folder}/{name}"' for name in DEVICES)
    mounted = Mounted(f'{mounts} && mount --bind "{folder}" /dev')
    daemon = Syslog(folder)
    daemon.start = lambda proxy, is_ready=None: mounted.start(proxy, is_ready or (lambda: daemon.look("ready")))
    yield daemon
    daemon.resume.set()
    mounted.end(signal.SIGINT)
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
