"""What comes from a server, and what it has said in the handshake."""

from dataclasses import dataclass, field

from . import checks
from .wire import ALERT_NAMES, Type

FIN, RESET = "FIN", "reset"


@dataclass
class Record:
    """As it came. `epoch` says under which keys: "plain", "handshake" or "application"."""

    kind: int  # the inner one when sealed
    payload: bytes
    epoch: str
    padding: int = 0


@dataclass
class Message:
    kind: int
    body: bytes


@dataclass
class Data:
    payload: bytes


@dataclass
class Alert:
    level: int
    description: int
    epoch: str

    def __str__(self):
        return f"{ALERT_NAMES.get(self.description, self.description)} ({self.epoch}, level {self.level})"


@dataclass
class End:
    how: str


@dataclass
class Server:
    """What the server has said in the handshake."""

    hello: checks.ServerHello = None
    retry: checks.ServerHello = None
    extensions: dict = None
    alpn: str = None
    requested_schemes: list = None  # of a CertificateRequest
    chain: list = field(default_factory=list)
    certificate_extensions: dict = None
    scheme: int = None
    finished: bool = False

    @property
    def resumed(self):
        return self.hello is not None and self.hello.psk is not None


def in_words(event):
    if isinstance(event, Message):
        return Type(event.kind).name
    if isinstance(event, Data):
        return f"{len(event.payload)} bytes of application data: {event.payload[:60]!r}"
    if isinstance(event, Alert):
        return f"the alert {event}"
    return f"the end ({event.how})"
