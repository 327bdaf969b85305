"""Ports that nobody else takes."""

import socket


class Port:
    """A TCP port of 127.0.0.1, or another address, held by a bound socket that never listens, until close().

    A program that binds with SO_REUSEPORT (Ravelin does; nginx with `reuseport`) can listen on it meanwhile, and
    nobody else is given it. While nobody listens, connections to it are refused.
    """

    def __init__(self, host="127.0.0.1", number=0):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # REUSEADDR too: Ravelin looks whether somebody listens by binding a socket that has only that.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((host, number))
        self.number = self._socket.getsockname()[1]
        self.address = f"{host}:{self.number}"

    def close(self):
        self._socket.close()
