"""What is measured. A scenario is one kind of load on every proxy."""

from collections.abc import Callable
from dataclasses import dataclass

from .backends import FILES, UPLOAD_SIZE
from .loads import NewConnections, Upload, Wrk
from .workshop import GIB


@dataclass(frozen=True)
class Unit:
    """What CPU time is divided by. `scale` turns seconds into what `time` names."""

    name: str
    rate: str
    time: str
    scale: float
    count: Callable  # the units in a Result


REQUEST = Unit("request", "requests/s", "µs", 1e6, lambda result: result.requests)
CONNECTION = Unit("connection", "connections/s", "µs", 1e6, lambda result: result.requests)
GIBIBYTE = Unit("GiB", "GiB/s", "ms", 1e3, lambda result: result.bytes / GIB)


@dataclass(frozen=True)
class Scenario:
    name: str
    title: str
    unit: Unit
    load: object
    backend: str = "files"  # or "sink"
    http_peers_only: bool = False  # the best peer is looked for among those that parse HTTP


def _file(name):
    return {"path": f"/{name}", "body_size": FILES[name]}


SCENARIOS = (
    Scenario(
        "handshake",
        "Full handshake and one 1 KiB request",
        CONNECTION,
        NewConnections(**_file("1k")),
    ),
    Scenario(
        "1k",
        "1 KiB responses, keep-alive, 64 connections",
        REQUEST,
        Wrk(**_file("1k"), connections=64),
        http_peers_only=True,
    ),
    Scenario(
        "16k",
        "16 KiB responses, keep-alive, 64 connections",
        REQUEST,
        Wrk(**_file("16k"), connections=64),
        http_peers_only=True,
    ),
    Scenario(
        "download",
        "1 MiB responses, keep-alive, 8 connections",
        GIBIBYTE,
        Wrk(**_file("1m"), connections=8),
    ),
    Scenario(
        "upload",
        "256 MiB uploads, 4 at a time",
        GIBIBYTE,
        Upload(UPLOAD_SIZE, clients=4),
        backend="sink",
    ),
)
