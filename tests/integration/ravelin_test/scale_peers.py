"""What stands around the hosts of test_scale.py, each in a process of its own:

scale_peers.py app                       a server at port 8000. Its response names who asked: {"host": …, "client": …}
scale_peers.py load NAME IP CA SOURCE…   a client for each source address, until TERM. A line of JSON for each request
"""

import json
import signal
import socket
import ssl
import sys
import threading
import time

SLOW_S = 0.3
REQUESTS = 6  # of a connection
TIMEOUT_S = 30

stopping = threading.Event()
printing = threading.Lock()


def head_of(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    return data.decode()


# ---- The server ----


def serve(connection, peer):
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection:
        while head := head_of(connection):
            fields = dict(line.split(": ", 1) for line in head.splitlines()[1:] if line)
            if head.startswith("GET /slow "):
                time.sleep(SLOW_S)
            body = json.dumps({"host": peer, "client": fields["X-Forwarded-For"]})
            connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())


def serve_quietly(connection, peer):
    try:
        serve(connection, peer)
    except OSError:
        pass


def app():
    listener = socket.create_server(("0.0.0.0", 8000), backlog=1024)
    print("listening", flush=True)
    while True:
        connection, (peer, _) = listener.accept()
        threading.Thread(target=serve_quietly, args=(connection, peer), daemon=True).start()


# ---- Clients ----


class Client:
    def __init__(self, name, address, context, source):
        self._name, self._address, self._context, self._source = name, address, context, source
        self._session = None
        self._connections = 0

    def run(self):
        while not stopping.is_set():
            self._connections += 1
            self._record = {"source": self._source, "connection": self._connections, "opened": time.monotonic()}
            try:
                self._connect()
            except (OSError, ValueError) as error:
                self._print(error=f"{type(error).__name__}: {error}")
                time.sleep(0.05)

    def _print(self, **more):
        with printing:
            print(json.dumps({**self._record, "at": time.monotonic(), **more}), flush=True)

    def _connect(self):
        with socket.create_connection(self._address, TIMEOUT_S, (self._source, 0)) as plain:
            with self._context.wrap_socket(plain, server_hostname=self._name, session=self._session) as secured:
                self._record["resumed"] = secured.session_reused
                for number in range(REQUESTS):
                    if not self._ask(secured, "/slow" if number == REQUESTS // 2 else "/"):
                        return

    def _ask(self, connection, path):
        """False: the response was the last one."""
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {self._name}\r\n\r\n".encode())
        data = b""
        while b"}" not in data:
            more = connection.recv(65536)
            if not more:
                raise ValueError("no response")
            data += more
        head, _, body = data.decode().partition("\r\n\r\n")
        if not head.startswith("HTTP/1.1 200 "):
            raise ValueError(head.splitlines()[0])
        self._session = connection.session
        self._record.update(json.loads(body))
        self._print()
        return "connection: close" not in head.lower()


def load(name, address, ca, *sources):
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    context = ssl.create_default_context(cafile=ca)
    clients = [Client(name, (address, 443), context, source) for source in sources]
    threads = [threading.Thread(target=client.run) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    {"app": app, "load": load}[sys.argv[1]](*sys.argv[2:])
