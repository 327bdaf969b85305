"""The server behind: it records each byte, and answers as a case says.

Then it tells whether the requests that it saw are the ones that the client has made.
"""

import re
import socket
from dataclasses import dataclass, field

from .. import corpus
from ..http import Reader, Truncated, response

FRAMING = ("content-length", "transfer-encoding")
LINE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+ [\x21-\x7e]+ HTTP/1\.1")
VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass
class Reply:
    """What the server sends. `early`: before it has read the body. `end`: "keep", "close" or "reset" its connection."""

    data: bytes = b""
    early: bool = False
    end: str = "keep"


HOLD = Reply(b"")  # never answers
OK = Reply(response("ok"))


@dataclass
class Seen:
    """A request as the server must have seen it. Fields of framing and forwarding are looked at apart."""

    line: str
    fields: list = field(default_factory=list)
    body: bytes = b""
    trailers: list = field(default_factory=list)
    host: str = "localhost"
    cut: bool = False  # its body must not have come to an end


class Behind(corpus.Recorder):
    def __init__(self):
        self.replies = {}
        super().__init__("web")

    def _answer(self, connection):
        reader = Reader(lambda: b"")
        reader.buffer += connection.unread
        try:
            message = reader.head()
            reply = message and self.replies.get(message.target.partition("?")[0], OK)
            if message and (not reply.early or message.method == "HEAD"):
                reader.request_body(message)
        except Truncated:
            return False
        if message is None:
            return False
        del connection.unread[: len(connection.unread) - len(reader.buffer)]
        if reply.early:
            connection.unread.clear()
        self._send(connection, reply, message)
        return not connection.ended

    def _send(self, connection, reply, message):
        data = reply.data
        if message.method == "HEAD" and reply is OK:
            data = data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        try:
            connection.socket.sendall(data)
        except OSError:
            self.forget(connection)
            return
        if reply.end != "keep":
            self.forget(connection)
            if reply.end == "reset":
                connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.socket.close()

    # ---- Judging ----

    def mark(self):
        """Where the record is now, for seen_since()."""
        self.settle()
        return len(self.record)

    def seen_since(self, mark):
        """All requests since then, strictly read, as (message, whether it was cut), by connection."""
        self.settle()
        streams = {}
        for connection, data in self.record[mark:]:
            streams.setdefault(connection, bytearray()).extend(data)
        return [request for data in streams.values() for request in read_requests(data)]


def read_requests(data):
    reader = Reader(lambda: b"")
    reader.buffer += data
    while reader.buffer:
        raw = bytes(reader.buffer[:2000])
        try:
            message = reader.head()
        except Truncated:
            raise AssertionError(f"a head that does not end: {raw!r}") from None
        check_head(message, raw)
        try:
            reader.request_body(message)
            yield message, False
        except Truncated as cut:
            message.body = cut.body
            yield message, True
            return


def check_head(message, raw):
    """What no server may ever see, whatever the client has sent."""
    assert LINE.fullmatch(message.start), raw
    assert b"\n" not in message.head.replace(b"\r\n", b"") and b"\r" not in message.head.replace(b"\r\n", b""), raw
    for name, value in message.fields:
        assert VALUE.fullmatch(value), raw
        assert name.lower() not in ("http2-settings", "proxy-connection"), raw
    framing = [name.lower() for name, _ in message.fields if name.lower() in FRAMING]
    assert len(framing) <= 1, raw
    assert message.get("Transfer-Encoding") in (None, "chunked"), raw
    assert re.fullmatch("[0-9]{1,18}", message.get("Content-Length") or "0"), raw
    assert len(message.all("host")) == 1, raw


def plain(fields):
    """Without those of framing and forwarding, which Ravelin writes itself, and Host."""
    own = (*FRAMING, "host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded")
    return [(name.lower(), value) for name, value in fields if name.lower() not in own]


def compare(seen, expected):
    """`seen`: of seen_since(). `expected`: of Seen, in any order of connections."""
    got = sorted(describe(message, cut) for message, cut in seen)
    wanted = sorted(wish(request) for request in expected)
    assert got == wanted, f"the server saw {got}, not {wanted}"
    for message, _ in seen:
        check_forwarding(message)


def check_forwarding(message):
    lines = corpus.forwarded(message.get("host")).split("\r\n")
    of_ours = [f"{name}: {value}" for name, value in message.fields if name.lower() in OURS]
    assert sorted(of_ours) == sorted(lines), f"{of_ours} are not {lines}"


OURS = ("x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "forwarded")


def describe(message, cut):
    body = "cut" if cut else message.body
    return (message.start, message.get("host"), str(plain(message.fields)), str(body), str(plain(message.trailers)))


def wish(request):
    if isinstance(request, str):
        request = Seen(request if " " in request else f"GET {request} HTTP/1.1")
    fields, trailers = (str([tuple(pair) for pair in pairs]) for pairs in (request.fields, request.trailers))
    return (request.line, request.host, fields, str("cut" if request.cut else request.body), trailers)
