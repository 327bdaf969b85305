"""Logs that go to systemd's journal by its native protocol: from the master, and from workers in their sandbox.

The journal's socket is below /run, so the proxy gets a /run of its own (a private mount; only root can make one).
"""

import json
import socket
import subprocess
import threading

import pytest

from ravelin_test.processes import Process
from ravelin_test.settings import IS_ROOT, RAVELIN
from ravelin_test.waiting import wait_for


class Journal:
    """The daemon: takes down what comes, as dicts of fields."""

    def __init__(self, folder):
        self.path = folder / "socket"
        self.entries = []
        self.open()

    def open(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self.path.chmod(0o666)
        threading.Thread(target=self._listen, args=(self._socket,), daemon=True).start()

    def _listen(self, own):
        while data := own.recv(65536):
            assert data.endswith(b"\n")
            self.entries.append(dict(line.split("=", 1) for line in data.decode()[:-1].split("\n")))

    def close(self):
        self._socket.shutdown(socket.SHUT_RD)
        self._socket.close()
        self.path.unlink()

    def wait_for(self, text):
        def look():
            return next((entry for entry in list(self.entries) if text in entry["MESSAGE"]), None)

        return wait_for(look, f"{text!r} in the journal")


@pytest.fixture
def journal(lab):
    """Has `start`, which runs a prepared proxy beside this journal."""
    if not IS_ROOT:
        pytest.skip("only root can give a process another /run")
    folder = lab.subfolder("journal")
    mounts = f'mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind "{folder}" /run/systemd/journal'
    enter = ["unshare", "--mount", "bash", "-c", f'{mounts} && exec "$0" "$@"']
    if subprocess.run([*enter, "true"], capture_output=True).returncode != 0:
        pytest.skip("no mounts are allowed here")
    daemon = Journal(folder)
    processes = []

    def start(proxy):
        processes.append(Process([*enter, RAVELIN, "run", "-c", proxy.config], proxy.folder / "ravelin.log"))
        daemon.wait_for("ravelin: ready")
        return processes[-1]

    daemon.start = start
    yield daemon
    for process in processes:
        process.end()
        assert process.output() == ""
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
