"""Logs that go to systemd's journal by its native protocol: from the master, and from workers in their sandbox.

The journal's socket is below /run, so the proxy gets a /run of its own (a private mount; only root can make one).
"""

import json
import socket

import pytest

from ravelin_test.log_daemons import LogDaemon, Mounted
from ravelin_test.waiting import wait_for


class Journal(LogDaemon):
    """Takes down what comes, as dicts of fields."""

    def __init__(self, folder):
        self.entries = []
        super().__init__(folder / "socket")

    def take(self, text):
        assert text.endswith("\n")
        self.entries.append(dict(line.split("=", 1) for line in text[:-1].split("\n")))

    def look(self, text):
        return next((entry for entry in list(self.entries) if text in entry["MESSAGE"]), None)

    def wait_for(self, text):
        return wait_for(lambda: self.look(text), f"{text!r} in the journal")


@pytest.fixture
def journal(lab):
    """Has `start`, which runs a prepared proxy beside this journal."""
    folder = lab.subfolder("journal")
    mounted = Mounted(
        f'mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind "{folder}" /run/systemd/journal'
    )
    daemon = Journal(folder)
    daemon.start = lambda proxy: mounted.start(proxy, lambda: daemon.look("ravelin: ready"))
    yield daemon
    mounted.end()
    daemon.close()


def test_both_logs(lab, journal):
    proxy = lab.prepare(lab.server(), top={"log": "journal", "access-log": "journal"})
    process = journal.start(proxy)
    client = lab.client(proxy)
    assert client.ask("/one?x").status == 200
    entry = dict(journal.wait_for('"target":"/one?x"'))
    duration = entry.pop("RAVELIN_DURATION_US")
    message = json.loads(entry.pop("MESSAGE"))
    assert int(duration) == message["duration_us"]
    assert entry == {
        "PRIORITY": "6",
        "SYSLOG_FACILITY": "3",
        "SYSLOG_IDENTIFIER": "ravelin",
        "RAVELIN_LOG": "access",
        "RAVELIN_CLIENT": "127.0.0.1",
        "RAVELIN_SITE": "localhost",
        "RAVELIN_METHOD": "GET",
        "RAVELIN_TARGET": "/one?x",
        "RAVELIN_STATUS": "200",
        "RAVELIN_BACKEND": "web",
        "RAVELIN_SERVER": message["server"],
    }
    with socket.create_connection(("127.0.0.1", proxy.port)) as broken:
        broken.sendall(b"nonsense\r\n\r\n")
        broken.recv(100)
    assert journal.wait_for("worker 0: ")["RAVELIN_PROCESS"] == "worker 0"
    assert journal.wait_for("ready")["RAVELIN_PROCESS"] == "master"
    client.close()
    process.end()


def test_a_journal_that_comes_again(lab, journal):
    proxy = lab.prepare(lab.server(), top={"log": "journal", "access-log": "journal"})
    journal.start(proxy)
    client = lab.client(proxy)
    client.ask("/one")
    journal.wait_for('"/one"')
    journal.close()
    assert client.ask("/lost").status == 200  # nobody waits for a journal that is gone
    journal.open()
    client.ask("/two")
    journal.wait_for('"/two"')
    client.close()
