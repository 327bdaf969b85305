"""Sockets that a service manager makes and hands over (sd_listen_fds(3)): systemd's own program does it here."""

import shutil
import socket
import subprocess

import pytest

from ravelin_test.processes import TIED
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for

pytestmark = pytest.mark.skipif(shutil.which("systemd-socket-activate") is None, reason="needs systemd's programs")


@pytest.fixture
def activated(lab):
    """A proxy that systemd-socket-activate starts at the first connection to one of `addresses`."""
    started = []

    def start(proxy, *addresses, names=""):
        for port in proxy._ports:
            port.close()  # the service manager binds it, without SO_REUSEPORT
        words = [word for address in addresses for word in ("-l", address)]
        words += ["--fdname=" + names] if names else []
        output = (proxy.folder / "ravelin.log").open("wb")
        command = ["systemd-socket-activate", *words, proxy.program, "run", "-c", proxy.config]
        process = subprocess.Popen(TIED + command, stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        started.append(process)
        read = (proxy.folder / "ravelin.log").read_text
        wait_for(lambda: "Listening on" in read(), "the service manager to listen")
        return process, read

    yield start
    for process in started:
        process.terminate()
        assert process.wait(2 * PATIENCE) in (0, -15)


@pytest.mark.parametrize("workers", [1, 3])
def test_all_workers_accept_on_the_handed_socket(lab, activated, workers):
    proxy = lab.prepare(lab.server(), workers=workers)
    process, log = activated(proxy, f"127.0.0.1:{proxy.port}")
    for _ in range(20):  # the first of them waits in the queue until the proxy is there
        with proxy.client() as client:
            assert client.ask().status == 200
    assert " warning master[" not in "".join(line for line in log().splitlines() if "limits:" not in line)
    proxy.reload()
    with proxy.client() as client:
        assert client.ask().status == 200
    process.terminate()
    assert process.wait(2 * PATIENCE) == 0


def test_the_rest_is_bound_by_ravelin(lab, activated):
    proxy = lab.prepare(lab.server(), workers=2, redirect=True)
    activated(proxy, f"127.0.0.1:{proxy.port}")
    with proxy.client() as client:
        assert client.ask().status == 200
    with socket.create_connection(("127.0.0.1", proxy.redirect_port)) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert plain.recv(1000).startswith(b"HTTP/1.1 308")


def test_a_socket_that_no_listener_uses_is_named(lab, activated):
    proxy = lab.prepare(lab.server())
    other = lab.port()
    number = other.number
    other.close()
    _, log = activated(proxy, f"127.0.0.1:{proxy.port}", f"127.0.0.1:{number}", names="web:admin")
    with proxy.client() as client:
        assert client.ask().status == 200
    wanted = f"socket 'admin' of the service manager is for 127.0.0.1:{number}, which is not listened on: "
    wait_for(lambda: wanted + "connections to it wait in vain" in log(), "the warning")
    assert "'web'" not in log()


def test_a_socket_of_another_kind_is_named(lab, activated):
    proxy = lab.prepare(lab.server())
    path = proxy.folder / "unix.sock"
    _, log = activated(proxy, f"127.0.0.1:{proxy.port}", str(path), names="web:local")
    with proxy.client() as client:
        assert client.ask().status == 200
    assert "socket 'local' of the service manager is not a TCP socket: not used" in log()


def test_the_variables_for_another_process_mean_nothing(lab):
    """As inherited from a shell that was activated itself."""
    environment = {"LISTEN_PID": "1", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}
    proxy = lab.proxy(lab.server(), environment=environment)
    assert lab.client(proxy).ask().status == 200
    assert "service manager" not in proxy.log()
