"""Frames (RFC 9113 4 and 6) as bytes: what is allowed, and what is not."""

import enum
import struct
from dataclasses import dataclass

from . import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


class Type(enum.IntEnum):
    DATA = 0
    HEADERS = 1
    PRIORITY = 2
    RST_STREAM = 3
    SETTINGS = 4
    PUSH_PROMISE = 5
    PING = 6
    GOAWAY = 7
    WINDOW_UPDATE = 8
    CONTINUATION = 9
    PRIORITY_UPDATE = 16


class Code(enum.IntEnum):
    NO_ERROR = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2
    FLOW_CONTROL_ERROR = 3
    SETTINGS_TIMEOUT = 4
    STREAM_CLOSED = 5
    FRAME_SIZE_ERROR = 6
    REFUSED_STREAM = 7
    CANCEL = 8
    COMPRESSION_ERROR = 9
    CONNECT_ERROR = 10
    ENHANCE_YOUR_CALM = 11
    INADEQUATE_SECURITY = 12
    HTTP_1_1_REQUIRED = 13


class Setting(enum.IntEnum):
    HEADER_TABLE_SIZE = 1
    ENABLE_PUSH = 2
    MAX_CONCURRENT_STREAMS = 3
    INITIAL_WINDOW_SIZE = 4
    MAX_FRAME_SIZE = 5
    MAX_HEADER_LIST_SIZE = 6
    ENABLE_CONNECT_PROTOCOL = 8
    NO_RFC7540_PRIORITIES = 9


END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY = 0x20
WINDOW_MAX = 2**31 - 1


def frame(kind, flags=0, stream=0, payload=b"", length=None, reserved=0):
    """Any frame; `length` may lie."""
    size = len(payload) if length is None else length
    return (
        struct.pack(">I", size << 8 | kind)[0:4] + bytes([flags]) + struct.pack(">I", stream | reserved << 31) + payload
    )


def data(stream, payload=b"", end=False, padding=None, flags=0, pad_length=None):
    """`padding`: bytes of it; `pad_length` may lie about it."""
    if padding is not None:
        flags |= PADDED
        payload = bytes([padding if pad_length is None else pad_length]) + payload + bytes(padding)
    return frame(Type.DATA, flags | (END_STREAM if end else 0), stream, payload)


def headers(stream, fields, end=True, whole=True, padding=None, pad_length=None, priority=None, flags=0, coded=False):
    """`fields`: bytes are a header block as it is. `priority`: (exclusive, dependency, weight)."""
    payload = fields if isinstance(fields, bytes) else hpack.block(fields, coded)
    flags |= (END_STREAM if end else 0) | (END_HEADERS if whole else 0)
    if priority is not None:
        flags |= PRIORITY
        payload = dependency(*priority) + payload
    if padding is not None:
        flags |= PADDED
        payload = bytes([padding if pad_length is None else pad_length]) + payload + bytes(padding)
    return frame(Type.HEADERS, flags, stream, payload)


def continuation(stream, payload=b"", whole=True, flags=0):
    payload = payload if isinstance(payload, bytes) else hpack.block(payload)
    return frame(Type.CONTINUATION, flags | (END_HEADERS if whole else 0), stream, payload)


def dependency(exclusive=False, stream=0, weight=15):
    return struct.pack(">IB", stream | (0x80000000 if exclusive else 0), weight)


def priority(stream, exclusive=False, on=0, weight=15):
    return frame(Type.PRIORITY, 0, stream, dependency(exclusive, on, weight))


def reset(stream, code=Code.CANCEL):
    return frame(Type.RST_STREAM, 0, stream, struct.pack(">I", code))


def settings(*pairs, **named):
    """settings((id, value), ...) or settings(initial_window_size=1)."""
    pairs = [*pairs, *((Setting[name.upper()], value) for name, value in named.items())]
    return frame(Type.SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def settings_ack():
    return frame(Type.SETTINGS, ACK)


def ping(payload=b"12345678", ack=False):
    return frame(Type.PING, ACK if ack else 0, 0, payload)


def goaway(last=0, code=Code.NO_ERROR, text=b""):
    return frame(Type.GOAWAY, 0, 0, struct.pack(">II", last, code) + text)


def window_update(stream, increment):
    return frame(Type.WINDOW_UPDATE, 0, stream, struct.pack(">I", increment))


def priority_update(stream, value, on=0):
    return frame(Type.PRIORITY_UPDATE, 0, on, struct.pack(">I", stream) + hpack.octets(value))


@dataclass
class Frame:
    """One that came."""

    kind: int
    flags: int
    stream: int
    payload: bytes
    fields: list = None  # of HEADERS: the whole section

    def has(self, flag):
        return bool(self.flags & flag)

    @property
    def code(self):
        at = 4 if self.kind == Type.GOAWAY else 0
        return Code(struct.unpack_from(">I", self.payload, at)[0])

    @property
    def last_stream(self):
        return struct.unpack_from(">I", self.payload)[0] & WINDOW_MAX

    @property
    def increment(self):
        return struct.unpack(">I", self.payload)[0] & WINDOW_MAX

    @property
    def parameters(self):
        return dict(struct.iter_unpack(">HI", self.payload))

    @property
    def ends(self):
        return self.kind in (Type.DATA, Type.HEADERS) and self.has(END_STREAM)

    def __str__(self):
        name = Type(self.kind).name if self.kind in list(Type) else f"type {self.kind}"
        text = f"{name} stream={self.stream} flags={self.flags:#x}"
        if self.kind in (Type.RST_STREAM, Type.GOAWAY):
            return f"{text} {self.code.name}"
        if self.kind == Type.SETTINGS:
            return f"{text} {self.parameters}"
        return f"{text} {self.fields if self.fields is not None else f'{len(self.payload)} bytes'}"
