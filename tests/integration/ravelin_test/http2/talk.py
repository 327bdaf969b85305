"""A connection of HTTP/2, step by step. All that comes is held against RFC 9113 when it comes."""

import contextlib
import re
from dataclasses import dataclass, field

from ..client import client_context
from . import hpack
from .frames import (
    ACK,
    END_HEADERS,
    PADDED,
    PREFACE,
    WINDOW_MAX,
    Code,
    Frame,
    Setting,
    Type,
    data,
    headers,
    ping,
    settings,
    settings_ack,
    window_update,
)
from .frames import reset as reset_frame

TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
OF_HTTP1 = {"connection", "proxy-connection", "keep-alive", "transfer-encoding", "upgrade", "te", "http2-settings"}
FIXED_SIZES = {Type.RST_STREAM: 4, Type.PING: 8, Type.WINDOW_UPDATE: 4}
DEFAULT_WINDOW = 65535


class Violation(AssertionError):
    """The other side did what the RFC does not allow."""


@dataclass
class Response:
    """What came on one stream."""

    stream: int
    interim: list = field(default_factory=list)  # sections of fields
    fields: list = None
    body: bytes = b""
    trailers: list = None
    ended: bool = False  # END_STREAM
    reset: Code = None
    window: int = DEFAULT_WINDOW  # what the other side may still send
    room: int = DEFAULT_WINDOW  # what we may still send
    we_reset: bool = False

    @property
    def status(self):
        return int(self.fields[0][1]) if self.fields else None

    def all(self, name):
        return [value for key, value in self.fields if key == name]

    def get(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands there {len(values)} times: {values}"
        return values[0] if values else None


def request(path="/", method="GET", *fields, authority="localhost", scheme="https"):
    """The fields of an ordinary request."""
    pairs = [(":method", method), (":scheme", scheme), (":authority", authority), (":path", path), *fields]
    return [pair for pair in pairs if isinstance(pair, bytes) or pair[1] is not None]


class Talk:
    """`client`: a connection whose handshake is done. Nothing is sent until start().

    acknowledges   SETTINGS and PING are answered
    window         DATA is given back as it comes, so that the other side can go on for ever
    """

    def __init__(self, client, acknowledges=True, window=True):
        self.client = client
        self.acknowledges = acknowledges
        self.gives_window = window
        self.decoder = hpack.Decoder()
        self.frames = []
        self.streams = {}
        self.peer_settings = {}  # of the other side
        self.acked = 0  # how many of our SETTINGS it has acknowledged
        self.initial_window = DEFAULT_WINDOW  # ours, as the other side has acknowledged it
        self.frame_size = 16384
        self.window = DEFAULT_WINDOW
        self.room = DEFAULT_WINDOW
        self.sent_settings = []
        self.goaway = None
        self.pongs = []
        self.next_stream = 1
        self.ended = False

    # ---- Sending ----

    def start(self, *pairs, **named):
        """The preface with these settings."""
        self.send(PREFACE, self.settings(*pairs, **named))
        return self

    def settings(self, *pairs, **named):
        """A SETTINGS frame that counts as soon as it is acknowledged."""
        pairs = [*pairs, *((Setting[name.upper()], value) for name, value in named.items())]
        self.sent_settings.append(pairs)
        table = dict(pairs).get(Setting.HEADER_TABLE_SIZE)
        if table is not None and table > self.decoder.limit:
            self.decoder.limit = table
        return settings(*pairs)

    def send(self, *pieces):
        self.client.send(b"".join(pieces))
        return self

    def stream(self, number=None):
        """The number of the next stream, or this one, with a Response for it."""
        number = number or self.next_stream
        self.next_stream = max(self.next_stream, number + 2)
        if number not in self.streams:
            room = self.peer_settings.get(Setting.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
            self.streams[number] = Response(number, window=self.initial_window, room=room)
        return number

    def request(self, path="/", method="GET", *fields, body=None, end=True, **options):
        """Sends a whole request; returns its stream."""
        stream = self.stream()
        pieces = [headers(stream, request(path, method, *fields, **options), end=end and body is None)]
        if body is not None:
            pieces += [data(stream, part, end and last) for part, last in parts(body)]
        self.send(*pieces)
        return stream

    def ask(self, *arguments, **options):
        """Sends a request and reads its response."""
        return self.response(self.request(*arguments, **options))

    def open_window(self, increment, stream=0):
        """Lets the other side send more."""
        if stream:
            self.streams[stream].window += increment
        else:
            self.window += increment
        return self.send(window_update(stream, increment))

    def upload(self, stream, body, size=16384, padding=None, end=True):
        """Sends a body as the windows allow, in frames of this size, and reads meanwhile."""
        response = self.streams[stream]
        more = 0 if padding is None else padding + 1
        while body:
            room = min(self.room, response.room) - more
            if room <= 0:
                require(self.read() is not None, f"it ended in an upload: {self.seen()}")
                continue
            part, body = body[: min(room, size)], body[min(room, size) :]
            self.room -= len(part) + more
            response.room -= len(part) + more
            self.send(data(stream, part, end and not body, padding))
        return self

    def reset(self, stream, code=Code.CANCEL):
        self.streams[stream].we_reset = True
        return self.send(reset_frame(stream, code))

    # ---- Reading ----

    def read(self):
        """The next frame, with a header block in one piece; None at the end."""
        frame = self._next()
        if frame is None:
            self.ended = True
            return None
        self.frames.append(frame)
        self._check(frame)
        self._take(frame)
        return frame

    def _next(self):
        reader = self.client.reader
        if not reader.buffer:
            with contextlib.suppress(ConnectionResetError):
                reader.more()
            if not reader.buffer:
                return None
        head = reader.exactly(9, "a frame's header")
        size = int.from_bytes(head[:3], "big")
        require(size <= self.frame_size, f"a frame of {size} bytes")
        return Frame(head[3], head[4], int.from_bytes(head[5:], "big"), reader.exactly(size, "a frame"))

    def _check(self, frame):
        require(frame.kind in list(Type) and frame.kind != Type.PUSH_PROMISE, f"{frame}")
        require(len(self.frames) > 1 or frame.kind == Type.SETTINGS and not frame.has(ACK), f"first came {frame}")
        require(frame.stream <= WINDOW_MAX, "a reserved bit is set")
        size = FIXED_SIZES.get(frame.kind)
        require(size is None or len(frame.payload) == size, f"the size of {frame}")
        of_connection = frame.kind in (Type.SETTINGS, Type.PING, Type.GOAWAY)
        if frame.kind != Type.WINDOW_UPDATE:
            require((frame.stream == 0) == of_connection, f"the stream of {frame}")
        if frame.stream:
            require(frame.stream in self.streams, f"no stream for {frame}")
            response = self.streams[frame.stream]
            require(response.reset is None, f"behind its own RST_STREAM: {frame}")
            late = frame.kind in (Type.RST_STREAM, Type.WINDOW_UPDATE)
            require(not response.ended or late, f"behind END_STREAM: {frame}")

    def _take(self, frame):
        getattr(self, f"_take_{Type(frame.kind).name.lower()}")(frame)

    def _take_settings(self, frame):
        if frame.has(ACK):
            require(frame.payload == b"" and self.acked < len(self.sent_settings), "an ACK too many")
            self._apply(dict(self.sent_settings[self.acked]))
            self.acked += 1
            return
        require(len(frame.payload) % 6 == 0, "SETTINGS of a wrong size")
        values = frame.parameters
        require(values.get(Setting.ENABLE_PUSH, 0) == 0, "a server must not set ENABLE_PUSH")
        require(values.get(Setting.INITIAL_WINDOW_SIZE, 0) <= WINDOW_MAX, "a window too large")
        require(16384 <= values.get(Setting.MAX_FRAME_SIZE, 16384) < 2**24, "a frame size out of range")
        change = values.get(Setting.INITIAL_WINDOW_SIZE)
        if change is not None:
            change -= self.peer_settings.get(Setting.INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
            for response in self.streams.values():
                response.room += change
        self.peer_settings.update(values)
        if self.acknowledges:
            self._reply(settings_ack())

    def _apply(self, ours):
        if Setting.INITIAL_WINDOW_SIZE in ours:
            change = ours[Setting.INITIAL_WINDOW_SIZE] - self.initial_window
            self.initial_window += change
            for response in self.streams.values():
                response.window += change
        if Setting.HEADER_TABLE_SIZE in ours:
            self.decoder.set_limit(ours[Setting.HEADER_TABLE_SIZE])
        self.frame_size = ours.get(Setting.MAX_FRAME_SIZE, self.frame_size)

    def _take_ping(self, frame):
        if frame.has(ACK):
            self.pongs.append(frame.payload)
        elif self.acknowledges:
            self._reply(ping(frame.payload, ack=True))

    def _take_goaway(self, frame):
        require(len(frame.payload) >= 8, "GOAWAY of a wrong size")
        require(not self.goaway or frame.last_stream <= self.goaway.last_stream, "the last stream of a GOAWAY grows")
        self.goaway = frame

    def _take_window_update(self, frame):
        require(frame.increment > 0, "WINDOW_UPDATE by 0")
        if frame.stream:
            self.streams[frame.stream].room += frame.increment
        else:
            self.room += frame.increment
        require(self.room <= WINDOW_MAX, "a window over 2^31 - 1")

    def _take_rst_stream(self, frame):
        self.streams[frame.stream].reset = frame.code

    def _take_priority(self, frame):
        raise Violation(f"{frame}")  # allowed, but no server has a reason

    _take_priority_update = _take_priority

    def _take_continuation(self, frame):
        raise Violation("CONTINUATION without HEADERS")

    def _take_headers(self, frame):
        block, last = content(frame), frame
        while not last.has(END_HEADERS):
            last = self._next()
            require(last is not None, "the end came in a header block")
            require(last.kind == Type.CONTINUATION and last.stream == frame.stream, f"in a header block came {last}")
            block += last.payload
        try:
            frame.fields = self.decoder.decode(block)
        except hpack.Malformed as error:
            raise Violation(f"a header block: {error}") from None
        response = self.streams[frame.stream]
        if response.fields is None:
            check_head(frame)
            if frame.fields[0][1].startswith("1"):
                response.interim.append(frame.fields)
                return
            response.fields = frame.fields
        else:
            check_trailers(frame)
            response.trailers = frame.fields
        response.ended = frame.ends

    def _take_data(self, frame):
        response = self.streams[frame.stream]
        size = len(frame.payload)
        require(response.fields is not None, "DATA before a head")
        require(response.trailers is None, "DATA behind trailers")
        response.window -= size
        self.window -= size
        require(size == 0 or min(response.window, self.window) >= 0, "DATA beyond the window")
        response.body += content(frame)
        response.ended = frame.ends
        if self.gives_window and size:
            self.window += size
            self._reply(window_update(0, size))
            if not response.ended and not response.we_reset:
                response.window += size
                self._reply(window_update(frame.stream, size))

    def _reply(self, piece):
        """What comes after it says whether the other side had ended the connection."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send(piece)

    def until(self, condition, what):
        """Reads until condition() is true."""
        while not (value := condition()):
            if self.read() is None:
                raise Violation(f"{what} was expected; it ended ({self.client.ended}) after {self.seen()}")
        return value

    def seen(self):
        return "; ".join(str(frame) for frame in self.frames[-12:]) or "nothing"

    def response(self, stream):
        """Reads until the stream has ended, or was reset."""
        response = self.streams[stream]
        self.until(lambda: response.ended or response.reset is not None, f"the end of stream {stream}")
        return response

    def settled(self):
        """Our SETTINGS are acknowledged, and its own have come."""
        self.until(lambda: self.acked == len(self.sent_settings) and self.frames, "an ACK of SETTINGS")
        return self

    def echo(self, payload=b"are you?"):
        """A PING comes back; what was sent before it has been read."""
        before = len(self.pongs)
        self.send(ping(payload))
        self.until(lambda: payload in self.pongs[before:], "an ACK of PING")
        return self

    def read_end(self):
        """Reads on to the end; returns how it ended."""
        while self.read() is not None:
            pass
        return self.client.ended


def content(frame):
    """The payload without padding."""
    if not frame.has(PADDED):
        return frame.payload
    require(frame.payload and frame.payload[0] < len(frame.payload), "padding longer than its frame")
    return frame.payload[1 : len(frame.payload) - frame.payload[0]]


def parts(body, size=16384):
    """(part, whether it is the last), none larger than a frame."""
    pieces = [body[at : at + size] for at in range(0, len(body), size)] or [b""]
    return [(piece, number == len(pieces) - 1) for number, piece in enumerate(pieces)]


def require(condition, text):
    if not condition:
        raise Violation(text)


def check_head(frame):
    names = [name for name, _ in frame.fields]
    require(names[:1] == [":status"], f"a response begins with {names[:1]}")
    require(re.fullmatch("[1-9][0-9][0-9]", frame.fields[0][1]), f"status {frame.fields[0][1]}")
    require(frame.fields[0][1] != "101", "status 101")
    check_fields(frame.fields[1:])
    require(not (frame.fields[0][1].startswith("1") and frame.ends), "an interim response that ends its stream")


def check_trailers(frame):
    require(frame.ends, "trailers that do not end their stream")
    check_fields(frame.fields)


def check_fields(fields):
    for name, value in fields:
        require(TOKEN.fullmatch(name), f"a field named {name!r}")
        require(name not in OF_HTTP1, f"a field of HTTP/1: {name}")
        require(not re.search(r"[\0\r\n]", value) and value == value.strip(" \t"), f"{name}: {value!r}")


@contextlib.contextmanager
def talk_to(proxy, *pairs, start=True, alpn=("h2",), acknowledges=True, window=True, client=None, **named):
    """A connection to a proxy, begun with these settings. `client`: options of the TLS client."""
    options = {"context": client_context(proxy.authority.ca, alpn), **(client or {})}
    with proxy.client(**options) as connection:
        require(connection.tls.selected_alpn_protocol() == "h2", "ALPN did not choose h2")
        talk = Talk(connection, acknowledges, window)
        yield talk.start(*pairs, **named) if start else talk
