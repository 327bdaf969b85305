"""A TLS client of which a test sees everything: each byte, how the connection ended, and who ended it."""

import select
import socket
import ssl

from .http import Reader, request
from .settings import PATIENCE
from .tls13 import wire

CLOSE_NOTIFY, CUT, RESET = "close_notify", "cut without close_notify", "reset"


def client_context(ca, alpn=("http/1.1",)):
    """Contexts own sessions: to resume one, both connections need the same context."""
    context = ssl.create_default_context(cafile=str(ca))
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


class Client:
    """A connection to a port of this machine with its handshake done. `ended` says how the other side ended it.

    Plain HTTP with context=None. `source`: the address it comes from; `first`: bytes before the handshake.
    """

    def __init__(
        self,
        port,
        context,
        sni="localhost",
        session=None,
        host="127.0.0.1",
        timeout=PATIENCE,
        receive_buffer=None,
        source="",
        first=b"",
    ):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)
        self.timeout = timeout
        self.ended = None
        self.bytes_in = 0  # of the wire
        self.first_flight = b""
        self.reader = Reader(self._receive)
        self.tls = None
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.socket.sendall(first)
        self.port = self.socket.getsockname()[1]
        if context is not None:
            self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
            self.tls = context.wrap_bio(self._in, self._out, server_hostname=sni, session=session)
            try:
                self._drive(self.tls.do_handshake)
            except Exception:
                self.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Closes the socket without a word."""
        self.socket.close()

    def reset(self):
        """Closes with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    # ---- TLS ----

    def _flush(self):
        data = self._out.read()
        if data:
            self.first_flight = self.first_flight or data
            self.socket.sendall(data)

    def _fill(self):
        """Takes bytes from the wire; False at its end."""
        try:
            data = self.socket.recv(262144)
        except ConnectionResetError:
            self.ended = RESET
            return False
        if not data:
            self.ended = CUT
            return False
        self.bytes_in += len(data)
        self._in.write(data)
        return True

    def _drive(self, action):
        while True:
            try:
                result = action()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                if not self._fill():
                    raise ConnectionError(f"the connection was {self.ended}") from None
            except ssl.SSLError:
                self._flush()
                raise

    def _receive(self):
        """The next application data; b"" when nothing more comes, and `ended` says why."""
        if self.ended:
            return b""
        if self.tls is None:
            return self._receive_plain()
        while True:
            try:
                data = self.tls.read(262144)
                self._flush()  # a KeyUpdate that was asked for
                if data:
                    return data
                self.ended = CLOSE_NOTIFY
            except ssl.SSLZeroReturnError:
                self.ended = CLOSE_NOTIFY
            except ssl.SSLWantReadError:
                if self._fill():
                    continue
            return b""

    def _receive_plain(self):
        try:
            data = self.socket.recv(262144)
        except ConnectionResetError:
            self.ended = RESET
            return b""
        if not data:
            self.ended = CUT
        return data

    @property
    def session(self):
        return self.tls.session

    @property
    def resumed(self):
        return self.tls.session_reused

    @property
    def group(self):
        """The group that the client likes best, as the access log calls it: X25519, since OpenSSL 3.5 X25519MLKEM768."""
        return wire.first_share(self.first_flight).name

    @property
    def names(self):
        """The host names in the certificate that the server showed."""
        return [name for _, name in self.tls.getpeercert()["subjectAltName"]]

    def half_close(self):
        """Says that nothing more will be sent (close_notify, then FIN), and goes on reading."""
        if self.tls is not None:
            try:
                self.tls.unwrap()
            except ssl.SSLWantReadError:
                pass
            self._flush()
        self.socket.shutdown(socket.SHUT_WR)

    # ---- HTTP ----

    def send(self, data):
        if self.tls is None:
            self.socket.sendall(data)
            return
        view = memoryview(data)
        while view:
            view = view[self.tls.write(view[:262144]) :]
            self._flush()

    def send_records(self, data):
        """Sends every byte in a TLS record of its own, all at once."""
        for at in range(len(data)):
            self.tls.write(data[at : at + 1])
        self._flush()

    def send_while_receiving(self, data):
        """Sends, and takes in what comes meanwhile (it is in reader.buffer then): neither side waits for the other."""
        self.tls.write(data)
        pending = memoryview(self._out.read())
        while pending:
            readable, writable, _ = select.select([self.socket], [self.socket], [], self.socket.gettimeout())
            assert readable or writable, "nothing moves"
            if writable:
                self.socket.setblocking(False)
                try:
                    pending = pending[self.socket.send(pending) :]
                except BlockingIOError:
                    pass
                finally:
                    self.socket.settimeout(self.timeout)
            if readable:
                assert self.reader.more(), f"the connection was {self.ended}"

    def ask(self, target="/", method="GET", **options):
        """Sends a request and reads the response."""
        self.send(request(target, method, **options))
        return self.response(method)

    def response(self, method="GET"):
        return self.reader.response(method)

    def read_end(self):
        """Reads up to the end, where nothing but the end may come. Returns how it ended."""
        rest = self.reader.rest()
        assert rest == b"", f"more than expected came: {rest[:200]!r}"
        return self.ended

    def was_reset(self):
        """Whether the TCP connection ended with a reset, whatever TLS said before."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            return True
        return False

