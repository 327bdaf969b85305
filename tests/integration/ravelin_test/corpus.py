"""The corpus of messages in tests/corpus: reading it, and playing a case through a proxy. Its README tells the format."""

import re
import selectors
import socket
import threading
from dataclasses import dataclass, field

from .client import CLOSE_NOTIFY
from .http import Reader, Truncated, request
from .servers import all_taken
from .settings import PATIENCE, ROOT
from .waiting import wait_for

FOLDER = ROOT / "tests/corpus"
DATE = rb"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT"
ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|\((\d+)\*((?:[^\\)]|\\.)*)\)|(.))")
LETTERS = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\", ")": ")"}
OURS = """X-Forwarded-For: 127.0.0.1
X-Forwarded-Proto: https
X-Forwarded-Host: {0}
Forwarded: for=127.0.0.1;proto=https;host={1}"""


# ---- Reading ----


@dataclass
class Step:
    verb: str
    words: list
    data: bytes


@dataclass
class Case:
    name: str
    place: str
    steps: list = field(default_factory=list)

    def all(self, *verbs):
        return [step for step in self.steps if step.verb in verbs]


def load():
    """All cases, in the order of files and lines."""
    cases = [case for path in sorted(FOLDER.glob("*.txt")) for case in read_cases(path)]
    names = [case.name for case in cases]
    twice = {name for name in names if names.count(name) > 1}
    assert not twice, f"names that two cases have: {twice}"
    return cases


def read_cases(path):
    blocks = []  # (name, place, [(verb and words, lines)])
    lines = None
    for number, line in enumerate(path.read_text(encoding="ascii").split("\n"), 1):
        if line.startswith("=== "):
            blocks.append((line[4:], f"{path.name}:{number}", []))
            lines = None
        elif line.startswith("--- "):
            lines = []
            blocks[-1][2].append((line[4:], lines))
        elif lines is not None:
            lines.append(line)
        else:
            assert not line or line.startswith("#"), f"{path.name}:{number}: {line}"
    return [case for block in blocks for case in read_block(*block)]


def read_block(name, place, steps):
    """One case, or with a first step `each` one for every word of it, which takes the place of $x."""
    values = [None]
    if steps[0][0].startswith("each "):
        values = steps.pop(0)[0].split()[1:]
    for value in values:
        title = f"{place.partition('.')[0]}: {name}" + ("" if value is None else f": {value}")
        case = Case(title, place)
        for words, lines in steps:
            if value is not None:
                words, lines = words.replace("$x", value), [line.replace("$x", value) for line in lines]
            verb, *words = words.split()
            case.steps.append(Step(verb, words, raw(lines)))
        yield refused(case)


def refused(case):
    """`refused STATUS` is short for: no server sees anything, this status, the end. What is sent behind it counts for nothing."""
    last = case.steps[-1]
    if last.verb == "refused":
        if "alone" not in last.words:
            case.steps[-2].data += request("/smuggled")
        case.steps[-1:] = [Step("backend", ["nothing"], b""), Step("client", [last.words[0], "closed"], b"")]
    return case


def raw(lines):
    """The bytes that the lines of a block stand for."""
    text = ""
    for line in lines:
        if line.startswith("$forwarded"):
            line = forwarded(line[len("$forwarded") :].strip() or "localhost")
        text += line[:-1] if unfinished(line) else line + "\r\n"
    return ESCAPE.sub(unescape, text).encode("latin-1")


def unfinished(line):
    """Whether it ends in a backslash that does not belong to another one."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def forwarded(host):
    token = re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", host)
    return OURS.format(host, host if token else f'"{host}"').replace("\n", "\r\n")


def unescape(found):
    code, count, text, letter = found.groups()
    if code:
        return chr(int(code, 16))
    if count:
        return ESCAPE.sub(unescape, text) * int(count)
    return LETTERS[letter]


# ---- The recording server ----


class Connection:
    def __init__(self, name, peer, number):
        self.name = name
        self.socket = peer
        self.number = number
        self.unread = bytearray()
        self.ended = False


class Recorder:
    """Listens under several names, and keeps every byte that comes, in order. Answers whole requests while `automatic`."""

    def __init__(self, *names):
        self.automatic = True
        self.record = []  # (connection, bytes)
        self.connections = []
        self._lock = threading.Lock()
        self._selector = selectors.DefaultSelector()
        self._wake, self._woken = socket.socketpair()
        self._quiet = threading.Event()
        self._asked = False
        self._selector.register(self._woken, selectors.EVENT_READ, ("wake", None))
        self._listeners = {}
        for name in names:
            listener = socket.create_server(("127.0.0.1", 0), backlog=100)
            listener.setblocking(False)
            self._listeners[name] = listener
            self._selector.register(listener, selectors.EVENT_READ, ("accept", name))
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def address(self, name):
        return f"127.0.0.1:{self._listeners[name].getsockname()[1]}"

    def settle(self):
        """Returns when everything that has arrived by now is in the record."""
        self._quiet.clear()
        self._asked = True
        self._wake.send(b"w")
        assert self._quiet.wait(PATIENCE)

    def close(self):
        self._closing = True
        self._wake.send(b"w")
        self._thread.join(PATIENCE)
        for entry in [*self._listeners.values(), self._wake, self._woken, *(c.socket for c in self.connections)]:
            entry.close()

    def _run(self):
        while not self._closing:
            events = self._selector.select(0 if self._asked else None)
            if not events:
                self._asked = False
                self._quiet.set()
            for key, _ in events:
                kind, what = key.data
                if kind == "wake":
                    self._woken.recv(1)
                elif kind == "accept":
                    self._accept(key.fileobj, what)
                else:
                    self._read(what)

    def _accept(self, listener, name):
        peer, _ = listener.accept()
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(name, peer, len(self.connections))
        self.connections.append(connection)
        self._selector.register(peer, selectors.EVENT_READ, ("read", connection))

    def _read(self, connection):
        try:
            data = connection.socket.recv(262144, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.forget(connection)
            return
        connection.unread += data
        self.record.append((connection, data))
        while self.automatic and self._answer(connection):
            pass

    def forget(self, connection):
        """It has ended, or is about to be ended here."""
        if not connection.ended:
            connection.ended = True
            self._selector.unregister(connection.socket)

    def _answer(self, connection):
        reader = Reader(lambda: b"")
        reader.buffer += connection.unread
        try:
            message = reader.request()
        except Truncated:
            return False
        if message is None:
            return False
        del connection.unread[: len(connection.unread) - len(reader.buffer)]
        body = b"" if message.method == "HEAD" else b"ok"
        connection.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)
        return True


# ---- Playing a case ----


class Player:
    """Plays cases, one after the other, through one proxy before one recorder."""

    def __init__(self, proxy, recorder, context):
        self.proxy = proxy
        self.recorder = recorder
        self.context = context

    def play(self, case, cut=None):
        """`cut`: makes pieces of what is sent; each is then a TLS record or a packet of its own."""
        self.case = case
        self.cut = cut
        self.begin = len(self.recorder.record)
        self.recorder.automatic = not case.all("reply", "ends", "silence")
        options = dict(word.split("=") for step in case.all("connect") for word in step.words)
        self.host = options.get("sni", "localhost")
        with self.proxy.client(sni=self.host, context=self.context) as client:
            self.client = client
            for step in case.steps:
                getattr(self, "do_" + step.verb)(step)
            fates = [word for step in case.all("client") for word in step.words if word in ("kept", "closed", "cut")]
            self.finish(*fates)

    def finish(self, fate):
        """Looks at what the servers have seen, and at what becomes of both connections."""
        self.recorder.settle()
        seen = self.record()
        if self.case.all("backend"):
            self.check_backend(self.case.all("backend"))
        for connection, _ in seen:
            connection.unread.clear()
        self.recorder.automatic = True
        probes = b""
        if fate == "kept":
            probes += self.probe(self.client, self.host)
            assert self.client.reader.buffer == b""
        elif fate == "closed":
            assert self.client.read_end() == CLOSE_NOTIFY
        else:
            self.client.reader.rest()
            assert self.client.ended != CLOSE_NOTIFY
        if self.case.all("connection") and not probes:
            with self.proxy.client(context=self.context) as another:
                probes += self.probe(another, "localhost")
        self.recorder.settle()
        later = self.record()[len(seen) :]
        assert b"".join(data for _, data in later) == probes, "what the servers got after the case"
        for step in self.case.all("connection"):
            reused = later[0][0] is seen[-1][0]
            assert step.words == ["reused" if reused else "dropped"], "the fate of the server's connection"

    def probe(self, client, host):
        """One more request; returns what a server must see of it."""
        client.send(request("/probe", host=host))
        assert client.response().body == b"ok"
        return raw(["GET /probe HTTP/1.1", f"Host: {host}", f"$forwarded {host}", ""])

    def record(self):
        return self.recorder.record[self.begin :]

    def check_backend(self, steps):
        def joined(pieces):
            whole = []
            for name, data in pieces:
                if whole and whole[-1][0] == name:
                    whole[-1] = (name, whole[-1][1] + data)
                else:
                    whole.append((name, bytes(data)))
            return whole

        got = joined((connection.name, data) for connection, data in self.record())
        expected = joined((step.words[0], step.data) for step in steps if step.words != ["nothing"])
        if self.cut and got and not expected:
            # What was good of a body had gone out before the rest came.
            assert len(got) == 1 and is_cut(got[0][1]) and b"/smuggled" not in got[0][1]
            return
        form = dechunked if self.cut else bytes  # how chunks come decides about the chunks that are written
        assert [(name, form(data)) for name, data in got] == [(name, form(data)) for name, data in expected]

    # ---- Steps

    def do_connect(self, step):
        pass

    def do_whole(self, step):
        pass

    def do_connection(self, step):
        pass

    def do_backend(self, step):
        if "now" in step.words:
            self.recorder.settle()
            self.check_backend([step])

    def do_send(self, step):
        try:
            for piece in self.cut(step.data) if self.cut else [step.data]:
                self.client.send(piece)
        except ConnectionError:
            pass  # it was refused at an earlier piece

    def asked(self):
        """The server's connection, as soon as a whole head has come on it."""
        wait_for(lambda: any(b"\r\n\r\n" in c.unread for c, _ in self.record()), "a head at the server")
        return self.record()[-1][0]

    def do_silence(self, step):
        self.asked()

    def do_body(self, step):
        """Waits until so many bytes have come behind the head."""
        size = int(step.words[0]) if step.words else 5
        connection = self.asked()
        wait_for(lambda: len(connection.unread.partition(b"\r\n\r\n")[2]) >= size, "a body at the server")

    def do_reply(self, step):
        connection = self.asked()
        try:
            for piece in self.cut(step.data) if self.cut and step.data else [step.data]:
                connection.socket.sendall(piece)
                if self.cut:
                    self.wait_until_taken(connection)
        except ConnectionError:
            pass  # the proxy has ended it
        if step.words:
            self.do_ends(step)

    def wait_until_taken(self, connection):
        """What comes next is then another packet, or is not sent at all because the proxy has ended the connection."""
        wait_for(lambda: connection.ended or all_taken(connection.socket), "the proxy to take what was sent")

    def do_ends(self, step):
        connection = self.asked()
        self.recorder.forget(connection)
        if step.words == ["resets"]:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.socket.close()

    def do_dropped(self, step):
        """Waits until the proxy has ended the server's connection."""
        connection = self.asked()
        wait_for(lambda: connection.ended, "the end of the server's connection")

    def do_client(self, step):
        statuses = [word for word in step.words if word[0].isdigit()]
        if not statuses and step.data not in (b"", b"\r\n"):
            self.read_exactly(step.data)
        got = []
        while len(got) < len(statuses):
            answer = self.client.response("HEAD" if "/HEAD" in statuses[len(got)] else "GET")
            got += [*(interim.status for interim in answer.interim), answer.status]
        assert got == [int(word.partition("/")[0]) for word in statuses]

    def read_exactly(self, expected):
        reader = self.client.reader
        for piece in re.split(rb"(\$date|\$(?:chunks|part)\{[^}]*\})", expected):
            kind, _, body = piece.rstrip(b"}").partition(b"{")
            if kind == b"$date":
                assert re.fullmatch(DATE, reader.exactly(29, "a date"))
            elif kind == b"$chunks":
                assert read_chunks(reader) == body
            elif kind == b"$part":
                assert read_chunks(reader, len(body)) == body
            else:
                self.read_text(piece)

    def read_text(self, expected):
        """Exactly these bytes; a failure shows all that came."""
        reader = self.client.reader
        try:
            while len(reader.buffer) < len(expected) and expected.startswith(reader.buffer) and reader.more():
                pass
        except TimeoutError:
            pass
        assert bytes(reader.buffer[: max(len(expected), 1)]).startswith(expected), (bytes(reader.buffer), expected)
        reader.take(len(expected))


def dechunked(data):
    """The requests in it, without the chunks of their bodies."""
    reader = Reader(lambda: b"")
    reader.buffer += data
    messages = []
    while message := reader.request():
        messages.append((message.head, message.body, message.trailers))
    return messages


def is_cut(data):
    """Whether the last request in it is not whole."""
    try:
        dechunked(data)
        return False
    except Truncated:
        return True


def read_chunks(reader, size=None):
    """The data of all chunks, up to and with the size line of the last; or of the first ones, with that many bytes."""
    body = b""
    while size is None or len(body) < size:
        line = reader.until(b"\r\n", "a size line")
        assert re.fullmatch(rb"[0-9a-f]+\r\n", line), line
        length = int(line, 16)
        if length == 0:
            assert size is None, "the last chunk"
            break
        body += reader.exactly(length, "a chunk")
        assert reader.exactly(2, "a chunk's end") == b"\r\n"
    return body
