"""HTTP/1.x messages, read strictly: a test must see exactly what came over the wire."""

import re
from dataclasses import dataclass, field


class Truncated(Exception):
    """The peer ended in the middle of a message. `body` is what came of it."""

    def __init__(self, what, body=b""):
        super().__init__(what)
        self.body = body


@dataclass
class Message:
    head: bytes  # as received, with its empty line
    start: str  # the first line
    fields: list  # (name as received, value)
    body: bytes = b""
    chunks: list = field(default_factory=list)  # sizes; empty when it was not chunked
    size_lines: list = field(default_factory=list)  # of the chunks, as received
    trailers: list = field(default_factory=list)
    interim: list = field(default_factory=list)  # responses only: the 1xx that came before
    connection: int = 0  # requests only: on which connection of the server it came

    def all(self, name):
        """The values of every field of that name."""
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name):
        """The value of a field that stands there at most once; None when it does not."""
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands there {len(values)} times: {values}"
        return values[0] if values else None

    @property
    def chunked(self):
        return (self.get("Transfer-Encoding") or "").lower() == "chunked"

    @property
    def status(self):
        return int(self.start.split(" ")[1])

    @property
    def version(self):
        return self.start.split(" ")[0] if self.start.startswith("HTTP/") else self.start.rpartition(" ")[2]

    @property
    def method(self):
        return self.start.split(" ")[0]

    @property
    def target(self):
        return self.start.split(" ")[1]


class Reader:
    """Takes messages from `receive()`, which gives the next bytes, and b"" at the end."""

    def __init__(self, receive):
        self._receive = receive
        self.buffer = bytearray()

    def more(self):
        """Receives once more; False at the end."""
        data = self._receive()
        self.buffer += data
        return bool(data)

    def until(self, mark, what):
        """Everything up to and with the mark."""
        start = 0
        while (at := self.buffer.find(mark, start)) < 0:
            start = max(0, len(self.buffer) - len(mark) + 1)
            if not self.more():
                raise Truncated(f"the end came in {what}", bytes(self.buffer))
        return self.take(at + len(mark))

    def take(self, size):
        data = bytes(memoryview(self.buffer)[:size])
        del self.buffer[:size]
        return data

    def exactly(self, size, what):
        while len(self.buffer) < size:
            if not self.more():
                raise Truncated(f"the end came in {what}", bytes(self.buffer))
        return self.take(size)

    def rest(self):
        while self.more():
            pass
        return self.take(len(self.buffer))

    def head(self):
        """The next head as a message; None when the end comes first."""
        while not self.buffer:
            if not self.more():
                return None
        raw = self.until(b"\r\n\r\n", "a head")
        start, *lines = raw[:-4].decode("latin-1").split("\r\n")
        return Message(raw, start, parse_fields(lines))

    def chunked(self, message):
        """Reads a chunked body into the message."""
        pieces = []
        try:
            while True:
                line = self.until(b"\r\n", "a chunk's size line")[:-2].decode("latin-1")
                message.size_lines.append(line)
                assert re.match(r"^[0-9a-fA-F]+($|[ \t]*;)", line), f"not a chunk's size line: {line!r}"
                size = int(line.split(";")[0], 16)
                if size == 0:
                    break
                pieces.append(self.exactly(size, "a chunk"))
                assert self.exactly(2, "a chunk's end") == b"\r\n"
                message.chunks.append(size)
            lines = []
            while line := self.until(b"\r\n", "the trailers")[:-2]:
                lines.append(line.decode("latin-1"))
            message.trailers = parse_fields(lines)
        except Truncated as cut:
            raise Truncated(str(cut), b"".join(pieces) + cut.body) from None
        message.body = b"".join(pieces)

    def request(self):
        """The next whole request; None at the end."""
        message = self.head()
        if message is not None:
            self.request_body(message)
        return message

    def request_body(self, message):
        if message.chunked:
            self.chunked(message)
        else:
            message.body = self.exactly(int(message.get("Content-Length") or 0), "a request body")

    def response(self, method="GET"):
        """The next whole response, with the interim ones before it."""
        interim = []
        while True:
            message = self.head()
            if message is None:
                raise Truncated("the end came instead of a response")
            assert re.match(r"^HTTP/1\.[01] [1-9][0-9][0-9] ", message.start), message.start
            if message.status >= 200 or message.status == 101:
                break
            interim.append(message)
        message.interim = interim
        self.response_body(message, method)
        return message

    def response_body(self, message, method="GET"):
        if method == "HEAD" or message.status in (101, 204, 304):
            return
        assert not (message.get("Transfer-Encoding") and message.get("Content-Length")), message.head
        length = message.get("Content-Length")
        if message.chunked:
            self.chunked(message)
        elif length is not None:
            message.body = self.exactly(int(length), "a response body")
        else:
            message.body = self.rest()


def parse_fields(lines):
    fields = []
    for line in lines:
        name, colon, value = line.partition(":")
        assert colon and re.match(r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", name), f"not a field line: {line!r}"
        fields.append((name, value.strip(" \t")))
    return fields


def response(body=b"", status="200 OK", fields=(), length=True):
    """The bytes of a response."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status}", *fields]
    if length:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def request(target="/", method="GET", host="localhost", fields=(), body=None, version="HTTP/1.1"):
    """The bytes of a request. A body gets a Content-Length."""
    lines = [f"{method} {target} {version}", *([f"Host: {host}"] if host else []), *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunk(data, extension=""):
    return f"{len(data):x}{extension}\r\n".encode() + data + b"\r\n"


def chunked(*pieces, extension="", trailers=()):
    """A chunked body; every piece is one chunk."""
    end = "".join(f"{line}\r\n" for line in trailers)
    return b"".join(chunk(piece, extension) for piece in pieces) + f"0{extension}\r\n{end}\r\n".encode()
