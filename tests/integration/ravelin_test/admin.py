"""A client of `admin`: the monitor's server of metrics and readiness."""

import http.client
import socket

from .settings import PATIENCE


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def connect(address, timeout=10):
    """An HTTP connection to "127.0.0.1:PORT" or "unix:/path"."""
    if address.startswith("unix:"):
        return UnixConnection(address.removeprefix("unix:"), timeout)
    return http.client.HTTPConnection(address, timeout=timeout)


def open_connection(address):
    """A socket, for bytes that no HTTP client sends."""
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host, int(port)), timeout=2 * PATIENCE)


def get(address, path, method="GET", headers=None):
    """(status, header fields, body)."""
    connection = connect(address)
    try:
        connection.request(method, path, headers=headers or {})
        response = connection.getresponse()
        return response.status, response.headers, response.read().decode()
    finally:
        connection.close()


def ready(address):
    """The status of /ready; 0: nobody answers."""
    try:
        return get(address, "/ready")[0]
    except OSError:
        return 0


def samples(text):
    """The samples of a text of metrics: {'name{label="value"}': value}."""
    lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    found = {name: float(value) for name, value in lines}
    assert len(found) == len(lines), "a series comes twice"
    return found


def metrics(address):
    status, _, text = get(address, "/metrics")
    assert status == 200
    return samples(text)
