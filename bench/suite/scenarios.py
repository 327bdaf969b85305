"""What is measured, and what Ravelin should reach.

A scenario is one kind of load on every proxy. Its `kind` says what is told of it: "work", the CPU
time of a unit of work; "latency", also the latency at a fixed rate; "beside", the latency while
something else keeps the proxy busy; "death", the latency while one of four servers dies; "change",
the latency under a load after that under another one. In the last two, `first` says what was first.
"""

from dataclasses import dataclass, field, replace

from .http2 import Streams, StreamUploads
from .loads import Compared, Floods, Fresh, Kept, NewConnections, ServerDies, Upload, Wrk
from .proxies import Job
from .workshop import GIB, HYBRID, MIB

UPLOAD_SIZE = 100 * MIB
MESSAGE_SIZE = 100
RATE = 4000  # requests a second: a fifth of what the slowest proxy can do alone
BUSY_RATE = 1000
# Not by wrk, which would leave out of its count what is not complete at the end.
HTTP2 = Job(http2=True)
TCP = Job(tcp=True)
# One after the other: with a rate, they would wait for each other where one takes long.
URGENT = Kept("/1k", connections=1, http2=True, priority="u=0")
POLITE = Kept("/1k", connections=16, rate=BUSY_RATE, http2=True)
LARGE = Kept("/100m", connections=4, opened=False)


@dataclass(frozen=True)
class Unit:
    """What CPU time is divided by. `scale` turns seconds into what `time` names."""

    name: str
    rate: str
    time: str
    scale: float
    bytes: int = 0  # a unit is so many bytes, or else a request

    def count(self, result):
        return result.bytes / self.bytes if self.bytes else result.requests


REQUEST = Unit("request", "requests/s", "µs", 1e6)
MESSAGE = Unit("message", "messages/s", "µs", 1e6)
CONNECTION = Unit("connection", "connections/s", "µs", 1e6)
GIBIBYTE = Unit("GiB", "GiB/s", "ms", 1e3, GIB)


@dataclass(frozen=True)
class Goal:
    """Ravelin's metric should be at most `limit` times that of the best peer, of nginx, or its own
    under the first load."""

    metric: str
    limit: float
    against: str = "best"  # or "nginx", "first"


def cpu_goals(total, user):
    return (Goal("total", total), *([Goal("user", user)] if user else []))


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    unit: Unit
    load: object
    goals: tuple = ()
    kind: str = "work"
    backend: str = "files"  # or "sink", "echo", "mortal"
    job: Job = field(default_factory=Job)
    http_peers_only: bool = False  # the best peer is looked for among those that parse HTTP
    beside: str = ""  # what the other load does
    first: str = ""  # what there was while the first load ran


def ahead_or_not(scenario):
    """Once as usual, and once with the proxies ahead of all other programs on the processors.

    The clients of these scenarios take all processors that they get. As usual, a latency therefore
    has in it how long the scheduler lets the proxy wait for them.
    """
    return scenario, replace(
        scenario,
        name=f"{scenario.name}-ahead",
        title=f"{scenario.title}, proxies ahead of clients",
        job=replace(scenario.job, ahead=True),
    )


SCENARIOS = (
    Scenario(
        "handshake",
        "Full handshake, ECDSA P-256 and X25519, and one 1 KiB request",
        CONNECTION,
        NewConnections("/1k"),
        cpu_goals(0.50, 0.42),
    ),
    Scenario(
        "hybrid",
        "Full handshake, ECDSA P-256 and X25519MLKEM768, and one 1 KiB request",
        CONNECTION,
        Fresh("/1k"),
        cpu_goals(0.50, 0.42),
        job=Job(group=HYBRID),
    ),
    Scenario(
        "rsa",
        "Full handshake, RSA-2048 and X25519, and one 1 KiB request",
        CONNECTION,
        NewConnections("/1k"),
        cpu_goals(1.30, None),
        job=Job(kind="rsa"),
    ),
    Scenario(
        "resumed",
        "Resumed handshake and one 1 KiB request",
        CONNECTION,
        Fresh("/1k", resume=True),
        cpu_goals(0.50, 0.42),
    ),
    Scenario(
        "1k",
        "1 KiB responses, keep-alive, 64 connections",
        REQUEST,
        Wrk("/1k", connections=64),
        cpu_goals(0.70, 0.40),
        http_peers_only=True,
    ),
    Scenario(
        "16k",
        "16 KiB responses, keep-alive, 64 connections",
        REQUEST,
        Wrk("/16k", connections=64),
        cpu_goals(0.75, 0.45),
    ),
    Scenario(
        "1m",
        "1 MiB downloads, keep-alive, 8 connections",
        GIBIBYTE,
        Wrk("/1m", connections=8),
        cpu_goals(0.85, 0.50),
    ),
    Scenario(
        "100m",
        "100 MiB downloads, keep-alive, 4 connections",
        GIBIBYTE,
        LARGE,
        cpu_goals(0.85, 0.50),
    ),
    Scenario(
        "upload",
        "100 MiB uploads, 4 at a time",
        GIBIBYTE,
        Upload(UPLOAD_SIZE, clients=4),
        cpu_goals(0.85, 0.50),
        backend="sink",
    ),
    Scenario(
        "websocket",
        f"WebSocket messages of {MESSAGE_SIZE} bytes and back, 64 connections",
        MESSAGE,
        Kept("/", connections=64, message_size=MESSAGE_SIZE),
        backend="echo",
        job=Job(websocket=True),
    ),
    Scenario(
        "servers",
        "1 KiB responses, keep-alive, 64 connections, from 1,000 servers in turn",
        REQUEST,
        Wrk("/1k", connections=64),
        job=Job(servers=1000),
        http_peers_only=True,
    ),
    Scenario(
        "h2-1k",
        "HTTP/2: 1 KiB responses, 32 connections, 16 streams of each at a time",
        REQUEST,
        Streams("/1k", connections=32, streams=16),
        cpu_goals(0.55, None),
        job=HTTP2,
    ),
    Scenario(
        "h2-1k-single",
        "HTTP/2: 1 KiB responses, 32 connections, one stream at a time",
        REQUEST,
        Streams("/1k", connections=32, streams=1),
        cpu_goals(0.65, None),
        job=HTTP2,
    ),
    Scenario(
        "h2-1m",
        "HTTP/2: 1 MiB downloads, 8 connections, 4 streams of each at a time",
        GIBIBYTE,
        Streams("/1m", connections=8, streams=4),
        cpu_goals(0.60, None),
        job=HTTP2,
    ),
    Scenario(
        "h2-upload",
        "HTTP/2: 64 MiB uploads, 4 connections",
        GIBIBYTE,
        StreamUploads(64 * MIB, connections=4),
        cpu_goals(0.70, None),
        backend="sink",
        job=HTTP2,
    ),
    Scenario(
        "tcp-handshake",
        "Plain TCP: full handshake, ECDSA P-256 and X25519, and 1 KiB back",
        CONNECTION,
        NewConnections("/1k"),
        cpu_goals(0.50, None),
        job=TCP,
    ),
    Scenario(
        "tcp-1m",
        "Plain TCP: 1 MiB back, 8 connections",
        GIBIBYTE,
        Wrk("/1m", connections=8),
        cpu_goals(0.70, None),
        job=TCP,
    ),
    Scenario(
        "latency",
        f"Latency of 1 KiB responses at {RATE:,} requests a second, 64 connections",
        REQUEST,
        Kept("/1k", connections=64, rate=RATE),
        (Goal("p99", 1.0), Goal("p999", 1.0)),
        kind="latency",
    ),
    Scenario(
        "latency-bulk",
        f"Latency of 1 KiB responses at {BUSY_RATE:,} a second beside 4 downloads of 100 MiB",
        REQUEST,
        Kept("/1k", connections=64, rate=BUSY_RATE, beside=LARGE),
        kind="beside",
        beside="GiB/s beside",
    ),
    Scenario(
        "latency-flood",
        f"Latency of 1 KiB responses at {BUSY_RATE:,} a second in a flood of RSA-2048 handshakes",
        REQUEST,
        Kept("/1k", connections=64, rate=BUSY_RATE, beside=Fresh("/1k", at_a_time=32)),
        (Goal("p99", 0.5, "nginx"),),
        kind="beside",
        job=Job(kind="rsa"),
        beside="handshakes/s beside",
    ),
    *ahead_or_not(
        Scenario(
            "h2-urgent",
            "HTTP/2: latency of urgent 1 KiB responses beside 8 downloads of 100 MiB on the connection",
            REQUEST,
            Compared(URGENT, replace(URGENT, downloads=(8, "/100m"))),
            (Goal("p99", 2.0, "first"),),
            kind="change",
            job=HTTP2,
            first="no downloads",
        )
    ),
    *ahead_or_not(
        Scenario(
            "h2-flood",
            f"HTTP/2: latency of 1 KiB responses at {BUSY_RATE:,} a second beside 20 floods a second",
            REQUEST,
            Compared(POLITE, replace(POLITE, beside=Floods(rate=4))),
            (Goal("p99", 1.5, "first"),),
            kind="change",
            job=HTTP2,
            first="no floods",
        )
    ),
    Scenario(
        "dead-server",
        f"Latency of 1 KiB responses at {BUSY_RATE:,} a second from four servers of which one dies",
        REQUEST,
        ServerDies(Kept("/1k", connections=64, rate=BUSY_RATE)),
        (Goal("p99", 1.2, "first"),),
        kind="death",
        first="four live servers",
        backend="mortal",
        job=Job(servers=4, mortal=True),
    ),
)
