"""A server that fails in a given way, and works again when it is told to."""

import socket
import threading
import time

from .http import response
from .ports import Port
from .servers import Server
from .settings import SCALE

# Each way to fail, by what happens to a request.
WAYS = ["refuse", "reset", "close", "hang", "garbage", "half-close"]


class FaultyServer(Server):
    """Answers its name while `way` is None. Otherwise:

    refuse      nobody listens, and what is open is closed
    reset       the connection ends with a reset when a request has come
    close       it is closed then
    half-close  it says then that it will send nothing, and stays open
    hang        nothing is sent, and nothing is closed
    garbage     what comes is no response
    status      503
    break       a tenth of a response, then the end
    trickle     the response comes byte by byte, one each tenth of a second (scaled)
    """

    def __init__(self, name="ok", way=None):
        self.name = name
        self.way = None
        self.stopped = threading.Event()
        self._port = Port()
        super().__init__(self._fail)
        self._listener.close()
        self._listen()
        self.fail(way)

    def _listen(self):
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._listener.bind(("127.0.0.1", self._port.number))
        self._listener.listen(1024)
        self.port, self.address = self._port.number, self._port.address
        self._closing = False
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def fail(self, way):
        """From now on, on connections that are open, too."""
        before, self.way = self.way, way
        if way == "refuse" and before != "refuse":
            self.stop_listening()
            for connection in self.connections:
                connection.close()
        elif before == "refuse" and way != "refuse":
            self._listen()

    def _fail(self, connection):
        while request := self._next_request(connection):
            way = self.way
            if way is None:
                connection.send(response(self.name))
            elif way == "status":
                connection.send(response(self.name, status="503 Service Unavailable"))
            elif way == "garbage":
                connection.send(b"HTTP/9 what\r\n\r\n")
                return
            elif way == "break":
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + b"x" * 100)
                return
            elif way == "reset":
                connection.reset()
                return
            elif way == "half-close":
                connection.end()
                connection.reader.request()
                return
            elif way == "trickle":
                for byte in response(self.name):
                    connection.send(bytes([byte]))
                    time.sleep(0.1 * SCALE)
            elif way == "hang":
                self.stopped.wait(60)
                return
            else:
                return

    def close(self):
        self.stopped.set()
        super().close()
        self._port.close()
