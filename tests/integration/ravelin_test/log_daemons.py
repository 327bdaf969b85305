"""Daemons that take logs as datagrams, and a proxy beside one in a private mount (only root can make one)."""

import signal
import socket
import subprocess
import threading

import pytest

from .processes import Process
from .settings import IS_ROOT, RAVELIN
from .waiting import wait_for


class LogDaemon:
    """Listens at a path. A subclass says with take() what becomes of a datagram."""

    def __init__(self, path):
        self.path = path
        self._socket = None
        self.open()

    def open(self):
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(self.path))
        self.path.chmod(0o666)
        threading.Thread(target=self._listen, args=(self._socket,), daemon=True).start()

    def _listen(self, own):
        while data := own.recv(65536):
            self.take(data.decode())

    def close(self):
        self._socket.shutdown(socket.SHUT_RD)
        self._socket.close()
        self.path.unlink()


class Mounted:
    """Starts prepared proxies in a mount namespace of their own, in which `mounts` (shell commands) have been made."""

    def __init__(self, mounts):
        if not IS_ROOT:
            pytest.skip("only root can make mounts")
        self._enter = ["unshare", "--mount", "bash", "-c", f'{mounts} && exec "$0" "$@"']
        if subprocess.run([*self._enter, "true"], capture_output=True).returncode != 0:
            pytest.skip("no mounts are allowed here")
        self._processes = []

    def start(self, proxy, is_ready):
        process = Process([*self._enter, RAVELIN, "run", "-c", proxy.config], proxy.folder / "ravelin.log")
        self._processes.append(process)
        wait_for(is_ready, "the proxy to be ready")
        return process

    def end(self, number=signal.SIGTERM):
        """Nothing of a log may have come to the standard streams."""
        for process in self._processes:
            process.end(number)
            assert process.output() == ""
