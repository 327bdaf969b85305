"""A restart by a service manager that keeps the listening sockets meanwhile (FileDescriptorStoreMax= of systemd). tests/package does the
same with systemd."""

import os
import re
import socket
import subprocess
import sys

import pytest

from ravelin_test.client import client_context
from ravelin_test.http import request
from ravelin_test.processes import TIED
from ravelin_test.settings import PATIENCE
from ravelin_test.wrk import Wrk, check_wrk

# Gives the descriptors of its first arguments to a program, as sd_listen_fds(3) says.
LAUNCH = """
import fcntl, os, sys
count = len(sys.argv[1].split(":")) if sys.argv[1] else 0
fds = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 500) for fd in sys.argv[2:2 + count]]
for number, fd in enumerate(fds):
    os.dup2(fd, 3 + number, inheritable=True)
    os.close(fd)
if count:
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(count), LISTEN_FDNAMES=sys.argv[1])
os.execv(sys.argv[2 + count], sys.argv[2 + count:])
"""


class Manager:
    """Starts a proxy, and keeps what it sends. `most`: how many sockets."""

    def __init__(self, lab, proxy, most=64, given=()):
        self.proxy, self.kept, self.most, self.given = proxy, [], most, list(given)
        self.log = proxy.folder / "ravelin.log"
        self._output = self.log.open("wb")
        self._path = str(lab.folder / "notify")
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._path)
        for port in proxy._ports:
            port.close()
        self.start()

    def start(self):
        self.begin()
        self.hear_of("READY=1")

    def begin(self):
        handed = self.kept + self.given
        names = ["ravelin"] * len(self.kept) + ["web"] * len(self.given)
        environment = {**os.environ, "NOTIFY_SOCKET": self._path}
        if self.most:
            environment["FDSTORE"] = str(self.most)
        launch = [sys.executable, "-c", LAUNCH, ":".join(names), *map(str, handed)]
        command = [*TIED, *launch, self.proxy.program, "run", "-c", self.proxy.config]
        output = {"stdin": subprocess.DEVNULL, "stdout": self._output, "stderr": self._output}
        self.process = subprocess.Popen(command, pass_fds=handed, env=environment, **output)

    def hear_of(self, word):
        """All messages up to one with `word`, and what comes at once behind it."""
        self._socket.settimeout(2 * PATIENCE)
        found = False
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(self._socket, 2000, 200)
            except TimeoutError:
                assert found, f"no {word}"
                return
            found = found or word in data.decode()
            if found:
                self._socket.settimeout(0.5)
            if b"FDSTOREREMOVE=1\nFDNAME=ravelin" == data:
                self.let_go()
            elif fds:
                assert data == b"FDSTORE=1\nFDNAME=ravelin"
                self.kept += fds

    def let_go(self):
        for fd in self.kept:
            os.close(fd)
        self.kept = []

    def stop(self):
        self.process.terminate()
        assert self.process.wait(2 * PATIENCE) == 0

    def ports(self):
        return sorted(socket.socket(fileno=os.dup(fd)).getsockname()[1] for fd in self.kept)

    def close(self):
        self.proxy.command("stop", check=False)  # an upgrade may have made it another process
        self.process.kill()
        self.process.wait()
        self.let_go()
        self._socket.close()


@pytest.fixture
def managed(lab):
    managers = []

    def start(proxy, **options):
        managers.append(Manager(lab, proxy, **options))
        return managers[-1]

    yield start
    for manager in managers:
        manager.close()


def asks(proxy, connection):
    """A request on a connection that was made before anybody could accept it."""
    connection.settimeout(PATIENCE)
    with client_context(proxy.authority.ca).wrap_socket(connection, server_hostname="localhost") as tls:
        tls.sendall(request("/small.html"))
        assert tls.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")


def test_no_request_fails(lab, managed):
    """Connections wait until the next process accepts them."""
    pages = lab.nginx()
    (pages.html / "small.html").write_bytes(b"s" * 1024)
    proxy = lab.prepare(pages, workers=2)
    manager = managed(proxy)
    assert manager.ports() == [proxy.port] * 2
    wrk = lab.keep_client(Wrk(proxy.url("/small.html"), 32, 600))
    for _ in range(3):
        manager.stop()
        waiting = [socket.create_connection(("127.0.0.1", proxy.port)) for _ in range(8)]
        manager.start()
        for connection in waiting:
            asks(proxy, connection)
        assert manager.ports() == [proxy.port] * 2
    wrk.stop()
    assert check_wrk(wrk.output()) > 0
    assert "service manager" not in manager.log.read_text()


def test_without_the_store_connections_are_refused(lab, managed):
    proxy = lab.prepare(lab.server(), workers=2)
    manager = managed(proxy, most=0)
    assert manager.kept == []
    manager.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port))


def test_no_more_than_the_manager_keeps(lab, managed):
    proxy = lab.prepare(lab.server(), workers=4)
    manager = managed(proxy, most=3)
    assert manager.ports() == [proxy.port] * 3
    manager.stop()
    waiting = socket.create_connection(("127.0.0.1", proxy.port))
    manager.start()
    asks(proxy, waiting)


def without_redirect(text):
    left, count = re.subn(r"listen \S+ \{\s+protocol = redirect\s+\}", "", text)
    assert count == 1
    return left


def test_a_reload_and_an_upgrade_tell_the_manager(lab, managed):
    proxy = lab.prepare(lab.server(), workers=2, redirect=True)
    whole = proxy.config.read_text()
    proxy.write_config(without_redirect(whole))
    manager = managed(proxy)
    assert manager.ports() == [proxy.port] * 2
    proxy.write_config(whole)
    proxy.command("reload")
    manager.hear_of("FDSTORE=1")
    assert manager.ports() == sorted([proxy.port, proxy.redirect_port] * 2)
    proxy.write_config(whole.replace("workers = 2", "workers = 3"))
    proxy.command("upgrade")
    manager.hear_of("FDSTORE=1")
    assert manager.ports() == sorted([proxy.port, proxy.redirect_port] * 3)


def test_an_address_that_is_gone_does_not_listen_any_more(lab, managed):
    """It was removed from the file before the restart. Nobody would accept what comes there."""
    proxy = lab.prepare(lab.server(), workers=2, redirect=True)
    manager = managed(proxy)
    assert manager.ports() == sorted([proxy.port, proxy.redirect_port] * 2)
    manager.stop()
    proxy.write_config(without_redirect(proxy.config.read_text()))
    kept = [os.dup(fd) for fd in manager.kept]
    manager.start()
    assert manager.ports() == [proxy.port] * 2
    with pytest.raises(ConnectionRefusedError):  # although somebody has the socket still
        socket.create_connection(("127.0.0.1", proxy.redirect_port))
    for fd in kept:
        os.close(fd)
    assert "service manager" not in manager.log.read_text()


def test_a_start_that_fails_leaves_the_sockets(lab, managed):
    proxy = lab.prepare(lab.server(), workers=2)
    manager = managed(proxy)
    manager.stop()
    good = proxy.config.read_text()
    proxy.write_config("wrokers = 1\n" + good)
    waiting = socket.create_connection(("127.0.0.1", proxy.port))
    manager.begin()
    assert manager.process.wait(2 * PATIENCE) == 2
    proxy.write_config(good)
    manager.start()
    asks(proxy, waiting)


def test_sockets_of_the_manager_are_not_sent_back(lab, managed):
    """Those of socket activation, which it hands over in any case."""
    proxy = lab.prepare(lab.server(), workers=2)
    for port in proxy._ports:
        port.close()
    with socket.create_server(("127.0.0.1", proxy.port)) as made:
        manager = managed(proxy, given=[made.fileno()])
        assert manager.kept == []
        asks(proxy, socket.create_connection(("127.0.0.1", proxy.port)))
