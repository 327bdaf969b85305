"""HTTP/2: h2load's requests, many at a time on each connection, and connections that are idle."""

import re
import socket
import ssl
import time
from dataclasses import dataclass

from .client import ClientError
from .loads import Result, ToolLoad, h2load_result, run_tool
from .workshop import GROUP, SUITE

IDLE_SECONDS = 10  # for a read of a connection that is to become idle

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, ACK, END_STREAM, END_HEADERS = 0, 1, 4, 1, 1, 4
# What a browser sends for a page. Firefox's SETTINGS and window come with it.
BROWSER = (
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "127.0.0.1"),
    (":path", "/1k"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"),
    ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br, zstd"),
    ("upgrade-insecure-requests", "1"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-site", "none"),
    ("sec-fetch-user", "?1"),
    ("priority", "u=0, i"),
    ("te", "trailers"),
)
BROWSER_SETTINGS = ((1, 65536), (4, 131072), (5, 16384))


@dataclass(frozen=True)
class Streams(ToolLoad):
    """Requests on connections that stay open, so many streams of each at a time."""

    path: str
    connections: int
    streams: int

    tool = "h2load"

    def run(self, target, seconds):
        whole_seconds = max(1, round(seconds))  # h2load takes no fractions
        command = [
            *_h2load(self.connections, self.streams),
            f"-D{whole_seconds}",
            target.url(self.path),
        ]
        text, problem = run_tool(command, target.workshop.client_env(), whole_seconds)
        if problem:
            return Result(problems=[problem])
        return streams_result(text, whole_seconds, len(target.backend.files[self.path]))


def _h2load(connections, streams):
    words = [f"-c{connections}", f"-m{streams}", "-w30", "-W30"]
    return ["h2load", "-t1", *words, f"--tls13-ciphers={SUITE}", f"--groups={GROUP}"]


def streams_result(text, seconds, body_size):
    """What h2load printed after so many seconds. What was under way at the end has brought bytes, but is no request."""
    outcome = re.search(
        r" (\d+) done, (\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout", text
    )
    statuses = re.search(
        r"^status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx", text, re.MULTILINE
    )
    body = re.search(r"^traffic: .*\((\d+)\) data$", text, re.MULTILINE)
    if not (outcome and statuses and body):
        return Result(problems=[f"h2load gave no summary: {text[-300:]}"])
    done, succeeded, *bad = (int(count) for count in outcome.groups())
    result = Result(succeeded, int(body[1]), seconds)
    if "Application protocol: h2" not in text:
        result.problems.append("h2load: not by HTTP/2")
    if any(bad) or done != succeeded or any(int(statuses[kind]) for kind in (2, 3, 4)):
        result.problems.append(f"h2load: {outcome[0].strip()}; {statuses[0]}")
    if succeeded == 0 and body_size < 1 << 20:
        result.problems.append("h2load: no response at all")
    if result.bytes < succeeded * body_size:
        result.problems.append(f"h2load: {succeeded} responses in only {result.bytes} bytes")
    return result


@dataclass(frozen=True)
class StreamUploads(ToolLoad):
    """Large bodies, one after the other on each of the connections."""

    size: int
    connections: int
    each: int = 2  # of one run of h2load

    tool = "h2load"

    def run(self, target, seconds):
        source = target.workshop.folder / f"upload-{self.size}"
        if not source.exists():
            with open(source, "wb") as file:
                file.truncate(self.size)
        total = Result()
        while total.seconds < seconds and not total.problems:
            total += self._batch(target, source)
        return total

    def _batch(self, target, source):
        count = self.connections * self.each
        command = [
            *_h2load(self.connections, 1),
            f"-n{count}",
            f"-d{source}",
            target.url("/upload"),
        ]
        text, problem = run_tool(command, target.workshop.client_env(), 60)
        if problem:
            return Result(problems=[problem])
        if "Application protocol: h2" not in text:
            return Result(problems=["h2load: not by HTTP/2"])
        result = h2load_result(
            text, count, len(f"{self.size}\n")
        )  # the sink answers with what it got
        result.bytes = result.requests * self.size
        return result


# --- Idle connections ---------------------------------------------------------------------------


class Idle:
    """Connections that have each served a browser's request, and wait. Only their sockets are kept."""

    def __init__(self, port, sources):
        self.port = port
        self.sources = sources
        self.sockets = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.context.set_alpn_protocols(["h2"])

    def open(self, count):
        while len(self.sockets) < count:
            self.sockets.append(self._one(f"127.0.0.{1 + len(self.sockets) % self.sources}"))

    def close(self):
        for each in self.sockets:
            each.close()

    def _one(self, source):
        plain = socket.create_connection(("127.0.0.1", self.port), IDLE_SECONDS, (source, 0))
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = self.context.wrap_bio(incoming, outgoing)

        def drive(action, *words):
            while True:
                try:
                    result = action(*words)
                    plain.sendall(outgoing.read())
                    return result
                except ssl.SSLWantReadError:
                    plain.sendall(outgoing.read())
                    data = plain.recv(65536)
                    if not data:
                        raise ClientError(
                            "a connection that should become idle was ended"
                        ) from None
                    incoming.write(data)

        drive(tls.do_handshake)
        if tls.selected_alpn_protocol() != "h2":
            raise ClientError("ALPN did not choose h2")
        drive(tls.write, opening())
        received = bytearray()
        while not has_response(received):
            received += drive(tls.read, 65536)
        # A window for the next response, as browsers give it.
        drive(tls.write, frame(SETTINGS, ACK, 0) + frame(8, 0, 0, (1024).to_bytes(4, "big")))
        return plain


def frame(kind, flags, stream, payload=b""):
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


def opening():
    """The preface, SETTINGS and the request of a browser, whose fields enter the table."""
    values = b"".join(
        key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in BROWSER_SETTINGS
    )
    block = b"".join(
        b"\x40" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
        for name, value in BROWSER
    )
    return (
        PREFACE + frame(SETTINGS, 0, 0, values) + frame(HEADERS, END_STREAM | END_HEADERS, 1, block)
    )


def has_response(received):
    """Whether the last frame of stream 1 is among these bytes."""
    at = 0
    while at + 9 <= len(received):
        size = int.from_bytes(received[at : at + 3], "big")
        kind, flags, stream = (
            received[at + 3],
            received[at + 4],
            int.from_bytes(received[at + 5 : at + 9], "big"),
        )
        if kind in (3, 7):
            raise ClientError(f"a frame of type {kind} instead of a response")
        if stream == 1 and kind in (DATA, HEADERS) and flags & END_STREAM:
            return at + 9 + size <= len(received)
        at += 9 + size
    return False


def wait_until_small(seconds=2.5):
    """A connection gives memory back some time after its last stream."""
    time.sleep(seconds)
