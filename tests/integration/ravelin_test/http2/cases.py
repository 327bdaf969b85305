"""Conversations as data: what is sent, what the client must see, what the server behind must see.

    case("6.1", "DATA on stream 0", data(0, b"x"), outcome=connection_error(Code.PROTOCOL_ERROR))

Steps are bytes that are sent, or functions of the conversation that wait for something. In front of them come the
preface and SETTINGS (`first`). After the outcome another client, whose connection lasts for the whole module, must be
served as ever; so must this one, if its connection goes on.
"""

import contextlib
from dataclasses import dataclass, field

from ..client import CLOSE_NOTIFY
from ..waiting import wait_for
from . import behind, frames
from .frames import PREFACE, Code, Type
from .talk import request, require, talk_to


@dataclass
class Case:
    section: str
    name: str
    steps: tuple
    outcome: object
    sees: list = field(default_factory=list)  # targets of requests, or Seen; None: any that are safe
    replies: dict = field(default_factory=dict)
    first: object = None  # bytes instead of preface and SETTINGS; a dict: the settings
    options: dict = field(default_factory=dict)  # of Talk

    def __str__(self):
        return f"{self.section} {self.name}"


def case(section, name, *steps, outcome, sees=(), replies=None, first=None, **options):
    return Case(
        section, name, steps, outcome, None if sees is None else list(sees), dict(replies or {}), first, options
    )


# ---- Steps ----


def get(stream=1, path="/", *fields, end=True, **options):
    """HEADERS with an ordinary request."""
    return frames.headers(stream, request(path, "GET", *fields), end=end, **options)


def post(stream=1, path="/", *fields, end=False, **options):
    return frames.headers(stream, request(path, "POST", *fields), end=end, **options)


def settled(talk):
    """The other side has acknowledged SETTINGS and sent its own."""
    talk.settled()


def echo(talk):
    """All that was sent has been read."""
    talk.echo()


def answered_on(stream):
    """Waits for the end of a response."""

    def step(talk):
        talk.response(stream)

    return step


def head_on(stream):
    def step(talk):
        talk.until(lambda: talk.streams[stream].fields, f"a head on stream {stream}")

    return step


def reset_on(stream):
    def step(talk):
        talk.until(lambda: talk.streams[stream].reset is not None, f"RST_STREAM on stream {stream}")

    return step


def seen_behind(count=1):
    """Waits until the server has seen so many heads since the case began."""

    def step(talk):
        talk.wait_behind(count)

    return step


# ---- Outcomes ----


@dataclass
class ConnectionError_:
    """GOAWAY with one of these codes, then the end, in order. `silent`: the GOAWAY may be missing."""

    codes: tuple
    silent: bool = False
    goes_on = False

    def check(self, talk):
        ended = talk.read_end()
        require(talk.goaway or self.silent, f"no GOAWAY: {talk.seen()}")
        require(not talk.goaway or talk.goaway.code in self.codes, f"{talk.goaway}, not {self.codes}: {talk.seen()}")
        require(ended == CLOSE_NOTIFY, f"the connection was {ended}")


@dataclass
class StreamError:
    """RST_STREAM with one of these codes, and the connection goes on."""

    stream: int
    codes: tuple
    goes_on = True

    def check(self, talk):
        response = talk.streams[self.stream]
        if response.ended:
            talk.echo()
        talk.until(lambda: response.reset is not None or response.ended, f"RST_STREAM on stream {self.stream}")
        require(response.reset in self.codes, f"not {self.codes}: {talk.seen()}")


@dataclass
class Answer:
    """A whole response with one of these statuses."""

    statuses: tuple
    stream: int = 1
    body: bytes = None
    fields: list = None
    trailers: list = None
    interim: list = None
    absent: tuple = ()
    goes_on = True

    def check(self, talk):
        response = talk.response(self.stream)
        require(response.fields is not None, f"no response: {talk.seen()}")
        require(response.reset in (None, Code.NO_ERROR), f"it was reset: {talk.seen()}")
        require(response.ended and response.status in self.statuses, f"not {self.statuses}: {talk.seen()}")
        require(self.body is None or response.body == self.body, f"another body: {response.body[:200]}")
        for pair in self.fields or []:
            require(pair in response.fields, f"no {pair} in {response.fields}")
        for name in self.absent:
            require(not response.all(name), f"{name} in {response.fields}")
        require(self.trailers is None or (response.trailers or []) == self.trailers, f"trailers {response.trailers}")
        statuses = [int(fields[0][1]) for fields in response.interim]
        require(self.interim is None or statuses == self.interim, f"interim responses {statuses}")


@dataclass
class Either:
    """One of several outcomes, as a server may choose."""

    outcomes: tuple

    @property
    def goes_on(self):
        return self.chosen.goes_on

    def check(self, talk):
        failures = []
        for outcome in self.outcomes:
            try:
                outcome.check(talk)
                self.chosen = outcome
                return
            except AssertionError as error:
                failures.append(str(error))
        raise AssertionError(" / ".join(failures))


@dataclass
class Fine:
    """Nothing happens, and the connection goes on."""

    goes_on = True

    def check(self, talk):
        talk.echo()
        resets = [frame for frame in talk.frames if frame.kind == Type.RST_STREAM]
        require(not resets, f"a reset: {talk.seen()}")


def connection_error(*codes, silent=False):
    return ConnectionError_(codes, silent)


def stream_error(*codes, stream=1):
    return StreamError(stream, codes)


def answer(*statuses, **options):
    return Answer(statuses, **options)


def either(*outcomes):
    return Either(outcomes)


FINE = Fine()
OK = answer(200)
PROBE = "/probe"


# ---- Playing ----


class Player:
    """Plays cases, one after the other, through one proxy before one Behind. `beside`: the other client."""

    def __init__(self, proxy, server):
        self.proxy = proxy
        self.server = server
        self._beside = talk_to(proxy)
        self.beside = self._beside.__enter__()

    def close(self):
        self._beside.__exit__(None, None, None)

    def play(self, case):
        mark = self.server.mark()
        self.server.replies = case.replies
        with talk_to(self.proxy, start=False, **case.options) as talk:
            self.begin(talk, case, mark)
            for step in case.steps:
                if isinstance(step, bytes):
                    send(talk, step)
                else:
                    step(talk)
            case.outcome.check(talk)
            probes = 1
            if case.outcome.goes_on:
                self.probe(talk)
                probes += 1
            self.probe(self.beside)
            seen = self.server.seen_since(mark)
            if case.sees is not None:
                behind.compare(seen, [*case.sees, *[PROBE] * probes])

    def begin(self, talk, case, mark):
        talk.wait_behind = lambda count: self.wait_behind(talk, mark, count)
        if isinstance(case.first, bytes):
            send(talk, case.first)
        else:
            talk.start(**(case.first or {}))

    def wait_behind(self, talk, mark, count):
        def heads():
            return b"".join(data for _, data in self.server.record[mark:]).count(b"\r\n\r\n")

        wait_for(lambda: heads() >= count, f"{count} heads at the server")

    def probe(self, talk):
        """A request that must be served."""
        require(talk.goaway is None, f"GOAWAY: {talk.seen()}")
        stream = talk.request(PROBE)
        if not talk.gives_window:
            talk.open_window(1000, stream).open_window(1000)
        response = talk.response(stream)
        require(response.status == 200 and response.body == b"ok", f"the probe got {response}")


def send(talk, piece):
    """Sends bytes. Streams that begin in them may be answered, SETTINGS acknowledged."""
    for frame in frames_in(piece):
        if frame.kind in (Type.HEADERS, Type.PRIORITY, Type.DATA) and frame.stream:
            talk.stream(frame.stream)
        elif frame.kind == Type.RST_STREAM and frame.stream in talk.streams:
            talk.streams[frame.stream].we_reset = True
        elif frame.kind == Type.SETTINGS and not frame.has(frames.ACK) and len(frame.payload) % 6 == 0:
            talk.settings(*frame.parameters.items())
    with contextlib.suppress(ConnectionError):  # it was refused at an earlier piece
        talk.send(piece)


def frames_in(piece):
    """As far as it is whole frames."""
    at = len(PREFACE) if piece.startswith(PREFACE) else 0
    while at + 9 <= len(piece):
        size = int.from_bytes(piece[at : at + 3], "big")
        stream = int.from_bytes(piece[at + 5 : at + 9], "big") & frames.WINDOW_MAX
        yield frames.Frame(piece[at + 3], piece[at + 4], stream, piece[at + 9 : at + 9 + size])
        at += 9 + size
