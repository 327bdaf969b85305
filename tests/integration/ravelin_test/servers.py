"""Servers for proxies to talk to: scripted ones in this process, nginx and node beside it."""

import fcntl
import os
import socket
import sys
import termios
import threading
import traceback

from .http import Reader, response
from .settings import PATIENCE
from .waiting import wait_for


def all_taken(peer):
    """Whether the other side's kernel has taken everything that was sent."""
    waiting = bytearray(4)
    fcntl.ioctl(peer, termios.TIOCOUTQ, waiting)
    return int.from_bytes(waiting, sys.byteorder) == 0


class Connection:
    """One connection that a scripted server accepted. `number` counts from 0."""

    def __init__(self, server, peer, number):
        self.server = server
        self.socket = peer
        self.number = number
        self.reader = Reader(self._receive)
        self.received = bytearray()  # everything, byte for byte (see Server.keep)

    def _receive(self):
        data = self.socket.recv(262144)
        if self.server.keep:
            self.received += data
        return data

    def request(self):
        """The next whole request, or None when the proxy ended the connection. It is noted in server.requests."""
        message = self.reader.request()
        if message is not None:
            self._note(message)
        return message

    def head(self):
        """The head of the next request; its body is left to the script."""
        message = self.reader.head()
        if message is not None:
            self._note(message)
        return message

    def _note(self, message):
        message.connection = self.number
        self.server.requests.append(message)

    def send(self, data):
        self.socket.sendall(data)

    def close(self):
        # shutdown() ends the connection also while another thread is inside recv().
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def wait_until_taken(self):
        """Until the proxy's kernel has taken everything that was sent: what comes next is then another packet."""
        wait_for(lambda: all_taken(self.socket), "the proxy to take what was sent")

    def end(self):
        """Says that nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()


class Server:
    """Runs script(connection) in a thread for each connection, and notes all requests.

    `reply`, a shorter script: a function from a request to the bytes of its answer (None: end the connection). Without
    either, it answers "ok". What goes wrong in a script is told at close(), except that a peer went away.
    """

    def __init__(self, script=None, reply=None, path=None, keep=True, host="127.0.0.1", port=0):
        self.script = script or self._replies
        self.reply = reply or (lambda request: response("ok"))
        self.keep = keep
        self.requests = []
        self.answered = []  # the targets of those whose responses reply() gave and the kernel has
        self.connections = []
        self.failures = []
        self._threads = []
        self._closing = False
        if path is None:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self._listener = socket.create_server((host, port), family=family, backlog=1024)
            self.port = self._listener.getsockname()[1]
            self.address = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        else:
            self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._listener.bind(str(path))
            os.chmod(path, 0o666)
            self._listener.listen(1024)
            self.address = f"unix:{path}"
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def _accept(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            if self._closing:
                peer.close()
                return
            if peer.family != socket.AF_UNIX:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer.settimeout(4 * PATIENCE)
            connection = Connection(self, peer, len(self.connections))
            self.connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        try:
            self.script(connection)
        except (ConnectionError, TimeoutError) as error:
            if isinstance(error, TimeoutError) and not self._closing:
                self.failures.append(traceback.format_exc())
        except OSError:
            if not self._closing and connection.socket.fileno() >= 0:
                self.failures.append(traceback.format_exc())
        except Exception:
            self.failures.append(traceback.format_exc())
        finally:
            connection.close()

    def _replies(self, connection):
        while request := self._next_request(connection):
            answer = self.reply(request)
            if answer is None:
                return
            connection.send(answer)
            self.answered.append(request.target)

    @staticmethod
    def _next_request(connection):
        """None also when a kept connection has been idle for long."""
        try:
            return connection.request()
        except TimeoutError:
            if connection.reader.buffer:
                raise
            return None

    def stop_listening(self):
        """Refuses new connections; those that there are go on."""
        self._closing = True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()

    def close(self):
        self.stop_listening()
        for connection in self.connections:
            connection.close()
        for thread in [self._accepting, *self._threads]:
            thread.join(PATIENCE)


class DeafServer:
    """A TCP address that answers no connection: its queue is full, so the kernel drops what comes."""

    def __init__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._fillers = []
        while True:
            filler = socket.socket()
            filler.settimeout(0.2)
            self._fillers.append(filler)
            try:
                filler.connect(self._listener.getsockname())
            except TimeoutError:
                return
            assert len(self._fillers) < 100, "the queue does not fill up"

    def close(self):
        for filler in self._fillers:
            filler.close()
        self._listener.close()
