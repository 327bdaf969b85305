"""DNS servers for a proxy to ask: Knot DNS, whose zone changes while it runs, and a scripted one for what Knot never says."""

import shutil
import signal
import socket
import struct
import threading

from .ports import Port
from .processes import Process, run
from .waiting import wait_for

A, CNAME, SOA, AAAA, SRV = 1, 5, 6, 28, 33

KNOT_CONFIG = """
server:
    rundir: "{folder}"
    pidfile: "{folder}/knot.pid"
    listen: 127.0.0.1@{port}
    background-workers: 1
    udp-workers: 1
    tcp-workers: 1
control:
    listen: "{folder}/knot.sock"
database:
    storage: "{folder}"
log:
  - target: stderr
    any: warning
zone:
  - domain: test
    storage: "{folder}"
    file: test.zone
    zonefile-sync: -1
    semantic-checks: off
"""

ZONE = """
@ 60 SOA ns.test. nobody.test. 1 60 60 60 {negative}
@ 60 NS ns.test.
ns 60 A 127.0.0.1
"""


class Knot:
    """A zone "test", changed by set()."""

    def __init__(self, folder, negative=1):
        self.folder = folder
        self._port = Port()
        self.port = self._port.number
        self.address = self._port.address
        (folder / "knot.conf").write_text(KNOT_CONFIG.format(folder=folder, port=self.port))
        (folder / "test.zone").write_text(ZONE.format(negative=negative))
        self._program = shutil.which("knotd") or "/usr/sbin/knotd"
        self.start()

    def start(self):
        self._process = Process([self._program, "-c", self.folder / "knot.conf"], self.folder / "knot.log")
        wait_for(self._answers, "knotd to answer")

    def _answers(self):
        assert self._process.running(), self._process.output()
        return self._control("zone-status", "test", check=False).returncode == 0

    def _control(self, *words, check=True):
        program = shutil.which("knotc") or "/usr/sbin/knotc"
        return run([program, "-b", "-s", self.folder / "knot.sock", *words], check=check)

    def set(self, names, ttl=0):
        """Replaces the records of names at once: {"app": ["A 127.0.0.1", ...]}. An empty list removes the name."""
        self._control("zone-begin", "test")
        for name, records in names.items():
            self._control("zone-unset", "test", f"{name}.test.", check=False)
            for record in records:
                kind, _, data = record.partition(" ")
                self._control("zone-set", "test", f"{name}.test.", str(ttl), kind, data)
        self._control("zone-commit", "test")

    def freeze(self):
        """It says nothing any more."""
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self._process.send_signal(signal.SIGCONT)

    def stop(self):
        """Nobody listens any more."""
        self._process.end(signal.SIGKILL)

    def close(self):
        self.thaw()
        self._process.end()
        self._port.close()


def name_bytes(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, kind, data, ttl=0):
    return name_bytes(owner) + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data


def address_record(owner, address, ttl=0):
    if ":" in address:
        return record(owner, AAAA, socket.inet_pton(socket.AF_INET6, address), ttl)
    return record(owner, A, socket.inet_pton(socket.AF_INET, address), ttl)


def srv_record(owner, priority, weight, port, target, ttl=0):
    return record(owner, SRV, struct.pack(">HHH", priority, weight, port) + name_bytes(target), ttl)


class Question:
    """What a client has asked."""

    def __init__(self, data):
        self.data = data
        self.id = data[:2]
        at, labels = 12, []
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += 1 + data[at]
        self.name = ".".join(labels).lower()
        self.kind = struct.unpack(">H", data[at + 1 : at + 3])[0]
        self.section = data[12 : at + 5]

    def answer(self, records=(), status=0, flags=0x8180, id=None):
        head = struct.pack(">HHHHH", flags | status, 1, len(records), 0, 0)
        return (self.id if id is None else id) + head + self.section + b"".join(records)


class ScriptedDns:
    """Calls reply(question) for each question over UDP, and sends the bytes it returns: several if it is a list, none
    if it is None. `tcp`, a function too, makes it answer over TCP."""

    def __init__(self, reply, tcp=None, host="127.0.0.1", port=0):
        self.host = host
        self.reply = reply
        self.tcp = tcp
        self.questions = []
        self.failures = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, port))
        self.port = self._socket.getsockname()[1]
        self.address = f"{host}:{self.port}"
        self._listener = socket.create_server((host, self.port)) if tcp else None
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        if tcp:
            self._threads.append(threading.Thread(target=self._serve_tcp, daemon=True))
        for thread in self._threads:
            thread.start()

    def _serve(self):
        while True:
            try:
                data, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            question = Question(data)
            self.questions.append(question)
            answers = self.reply(question)
            for answer in answers if isinstance(answers, list) else [answers]:
                if answer is not None:
                    self._socket.sendto(answer, peer)

    def _serve_tcp(self):
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            with peer:
                peer.settimeout(10)
                try:
                    while size := peer.recv(2, socket.MSG_WAITALL):
                        question = Question(peer.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL))
                        answer = self.tcp(question)
                        peer.sendall(len(answer).to_bytes(2, "big") + answer)
                except OSError:
                    pass

    def asked(self, name=None):
        return [question for question in self.questions if name in (None, question.name)]

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as poke:
            poke.sendto(b"", (self.host, self.port))
        self._threads[0].join(10)
        self._socket.close()
        if self._listener is not None:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()


def zone(records):
    """A reply() for ScriptedDns, from {name: [addresses]}, which may change while it runs. What is no name there does
    not exist."""

    def reply(question):
        if question.name not in records:
            return question.answer(status=3)
        wanted = [a for a in records[question.name] if (AAAA if ":" in a else A) == question.kind]
        return question.answer([address_record(question.name, a) for a in wanted])

    return reply
