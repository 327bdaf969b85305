"""One connection: what is sent is up to the test, what comes back is checked strictly and kept whole."""

import socket

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from ..http import Reader, request
from ..settings import PATIENCE
from . import checks, wire
from .events import FIN, RESET, Alert, Data, End, Message, Record, Server, in_words
from .hello import Psk, client_hello
from .record import Keys
from .schedule import HASHES, Schedule, Transcript, expand_label, finished_mac
from .wire import ALERT_NAMES, ALERTS, BODY_MAX, RECORD_MAX, Ext, Kind, Type, require


class Conversation:
    """`ca` is the PEM file that the server's chain must lead to. Used as a context, it closes the socket at its end."""

    def __init__(self, port, ca, host="127.0.0.1", timeout=PATIENCE, receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(timeout)
        self.socket.connect((host, port))
        self.ca = ca
        self.hello = None  # the last ClientHello
        self.first_hello = None
        self.transcript = Transcript()
        self.schedule = None
        self.server = Server()
        self.read_keys = None  # None: plain
        self.write_keys = None
        self.tickets = []
        self.key_updates = []  # request_update of each that came
        self.change_cipher_specs = 0
        self.records = []
        self.notes = []  # what was sent and received, in words, for the message of a failure
        self.ended = None
        self.closed = False  # close_notify came
        self.reader = Reader(self._receive_data)
        self._raw = bytearray()
        self._events = []
        self._partial = b""  # of a handshake message
        self._secrets = {}
        self._resumption_secret = None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        self.close()
        if error is not None:
            print("The conversation, its last steps:", *self.notes[-40:], sep="\n  ")

    # ---- Ending it without a word ----

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def half_close(self):
        """FIN: nothing more will be sent."""
        self.socket.shutdown(socket.SHUT_WR)
        self.notes.append("> FIN")

    # ---- Sending ----

    def send_bytes(self, data, note=None):
        """Sends bytes as they are. A server that has ended already is noticed when reading."""
        self.notes.append("> " + (note or f"{len(data)} bytes: {bytes(data[:48]).hex()}"))
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as error:
            self.notes.append(f"  ({error})")

    def send_each(self, *parts):
        """Sends each part in a TCP segment of its own, when the kernel lets us."""
        for part in parts:
            self.send_bytes(part)

    def plain(self, kind, body, **options):
        """A plain record (not sent yet): see wire.record."""
        return wire.record(kind, body, **options)

    def seal(self, kind, payload, keys=None, **options):
        """A sealed record (not sent yet) under the present keys or others: see record.Keys.seal."""
        return (keys or self.write_keys).seal(kind, payload, **options)

    def pack(self, kind, payload, **options):
        """A record as the state of the handshake asks for: sealed once there are keys."""
        return self.seal(kind, payload, **options) if self.write_keys else self.plain(kind, payload, **options)

    def send(self, kind, payload, **options):
        """One record, sealed once there are keys."""
        name = Kind(kind).name.lower() if kind in set(Kind) else kind
        self.send_bytes(self.pack(kind, payload, **options), f"{name} record with {len(payload)} bytes")

    def send_plain(self, kind, body, **options):
        self.send_bytes(self.plain(kind, body, **options))

    def send_message(self, message, sizes=RECORD_MAX, counted=True, **options):
        """A handshake message in records with `sizes` bytes (see wire.pieces). counted: it is in the transcript."""
        if counted:
            self.transcript.add(message)
        data = b"".join(self.pack(Kind.HANDSHAKE, piece, **options) for piece in wire.pieces(message, sizes))
        name = Type(message[0]).name if message and message[0] in set(Type) else message[:1].hex()
        self.send_bytes(data, f"message {name}, {len(message)} bytes")

    def send_hello(self, hello=None, **options):
        """A ClientHello. Without an argument the ordinary one; options: see send_message."""
        # 5.1: 0x0301 is for the first one only.
        version = wire.TLS12 if self.server.retry else wire.TLS10
        self.send_message(self.encode_hello(hello), **{"version": version, **options})

    def encode_hello(self, hello=None):
        """The bytes of a ClientHello that is about to be sent; the server's answer is held against it."""
        self.hello = client_hello() if hello is None else hello
        self.first_hello = self.first_hello or self.hello
        return self.hello.encode(lambda new_hash, data: self.transcript.digest(new_hash, data))

    def second_hello(self):
        """The answer to the HelloRetryRequest that came, as 4.1.2 wants it."""
        retry = self.server.retry
        hello = self.hello.clone()
        if retry.group is not None:
            hello.share(retry.group)
        if retry.cookie is not None:
            hello.add(Ext.COOKIE, wire.vector(retry.cookie, 2))
        hello.psks = [psk for psk in hello.psks if psk.hash is HASHES[retry.suite]]
        return hello.drop(Ext.EARLY_DATA)

    def send_change_cipher_spec(self, body=b"\1", **options):
        self.send_plain(Kind.CHANGE_CIPHER_SPEC, body, **options)

    def early_keys(self):
        """The keys for early data, after send_hello() with a PSK."""
        psk = self.hello.psks[0]
        secret = Schedule(psk.hash, psk.secret).derive("c e traffic", self.transcript.digest(psk.hash))
        return Keys("early", psk.suite, secret)

    def finished(self):
        """The Finished message that belongs here."""
        mac = finished_mac(self._hash, self._secrets["c hs traffic"], self.transcript.digest(self._hash))
        return wire.message(Type.FINISHED, mac)

    def send_finished(self, message=None, **options):
        self.send_message(self.finished() if message is None else message, **options)
        self.use_application_keys()

    def send_certificate(self, certificates, key=None, scheme=None, context=b"", **options):
        """Certificate (x509 objects, the client's own first; none: an empty one) and, with a key, CertificateVerify."""
        entries = b"".join(wire.vector(c.public_bytes(Encoding.DER), 3) + b"\0\0" for c in certificates)
        self.send_message(wire.message(Type.CERTIFICATE, wire.vector(context, 1) + wire.vector(entries, 3)), **options)
        if key is not None:
            signature = checks.sign(key, scheme, self.transcript.digest(self._hash))
            body = scheme.to_bytes(2, "big") + wire.vector(signature, 2)
            self.send_message(wire.message(Type.CERTIFICATE_VERIFY, body), **options)

    def use_application_keys(self):
        """For what is sent after Finished; the last message in the transcript must be that."""
        self._resumption_secret = self.schedule.derive("res master", self.transcript.digest(self._hash))
        self.write_keys = Keys("application", self.server.hello.suite, self._secrets["c ap traffic"])
        for ticket in self.tickets:
            self._give_secret(ticket)

    def _give_secret(self, ticket):
        size = self._hash().digest_size
        ticket.secret = expand_label(self._hash, self._resumption_secret, "resumption", ticket.nonce, size)

    def send_key_update(self, request=0, **options):
        self.send_message(wire.key_update(request), counted=False, **options)
        self.write_keys.update()

    def send_alert(self, description, level=None, **options):
        level = level or (1 if description in ("close_notify", "user_canceled") else 2)
        self.send(Kind.ALERT, wire.alert(description, level), **options)

    def close_notify(self):
        self.send_alert("close_notify")

    def send_data(self, data, sizes=RECORD_MAX, **options):
        """Application data, in records with `sizes` bytes."""
        for piece in wire.pieces(data, sizes):
            self.send(Kind.APPLICATION_DATA, piece, **options)

    # ---- Receiving ----

    def read(self):
        """The next thing that came: Message, Data, Alert or End. Messages are checked and have had their effect."""
        while not self._events:
            self._take_record()
        event = self._events.pop(0)
        self.notes.append(f"< {in_words(event)}")
        return event

    def _fill(self, size):
        """False at the end of the connection."""
        while len(self._raw) < size and not self.ended:
            try:
                data = self.socket.recv(65536)
            except ConnectionResetError:
                self.ended = RESET
                break
            except TimeoutError:
                raise AssertionError(f"nothing came for {self.socket.gettimeout():g} s") from None
            if not data:
                self.ended = FIN
            self._raw += data
        return len(self._raw) >= size

    def _take_record(self):
        if not self._fill(5):
            require(not self._raw or self.ended == RESET, f"the connection ends within a record: {self._raw.hex()}")
            self._events.append(End(self.ended))
            return
        header = bytes(self._raw[:5])
        kind, version, size = header[0], int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:], "big")
        require(version == wire.TLS12, f"a record with version {version:#06x}: {header.hex()}")
        require(size <= BODY_MAX, f"a record with {size} bytes")
        require(self._fill(5 + size), f"the connection ends ({self.ended}) within a record of {size} bytes")
        body = bytes(self._raw[5 : 5 + size])
        del self._raw[: 5 + size]
        require(not self.closed, "a record after close_notify or a fatal alert")
        if kind == Kind.APPLICATION_DATA:
            require(self.read_keys, "a sealed record before there are keys")
            kind, payload, padding = self.read_keys.open(header, body)
            record = Record(kind, payload, self.read_keys.epoch, padding)
        else:
            require(size <= RECORD_MAX, f"a plain record with {size} bytes")
            record = Record(kind, body, "plain")
        self.records.append(record)
        self._take(record)

    def _take(self, record):
        if record.kind == Kind.CHANGE_CIPHER_SPEC:
            self._take_change_cipher_spec(record)
        elif record.kind == Kind.ALERT:
            require(len(record.payload) == 2, f"an alert record with {record.payload.hex()}")
            level, description = record.payload
            wanted = 1 if description in (ALERTS["close_notify"], ALERTS["user_canceled"]) else 2
            require(level == wanted, f"alert {description} with level {level}")
            self.closed = description != ALERTS["user_canceled"]
            self._events.append(Alert(level, description, record.epoch))
        elif record.kind == Kind.HANDSHAKE:
            self._take_handshake(record)
        else:
            require(record.kind == Kind.APPLICATION_DATA, f"a record of type {record.kind}")
            require(record.epoch == "application", f"application data under the {record.epoch} keys")
            require(not self._partial, "application data between the pieces of a handshake message")
            self._events.append(Data(record.payload))

    def _take_change_cipher_spec(self, record):
        require(record.epoch == "plain" and record.payload == b"\1", f"a change_cipher_spec: {record}")
        require(self.server.hello or self.server.retry, "change_cipher_spec before the server's first message")
        require(not self.server.finished, "change_cipher_spec after the handshake")
        require(self.change_cipher_specs == 0, "a second change_cipher_spec")
        # Immediately after the first message (D.4).
        require(len(self.records) == 2 and not self._partial, "change_cipher_spec comes late")
        self.change_cipher_specs += 1

    def _take_handshake(self, record):
        epoch = self.read_keys.epoch if self.read_keys else "plain"
        require(record.epoch == epoch, f"a handshake message under {record.epoch} keys, not {epoch}")
        require(record.payload, "an empty handshake record")
        self._partial += record.payload
        while len(self._partial) >= 4:
            size = 4 + int.from_bytes(self._partial[1:4], "big")
            if len(self._partial) < size:
                break
            message, self._partial = self._partial[:size], self._partial[size:]
            self._take_message(message)

    def _take_message(self, message):
        kind, body = message[0], message[4:]
        before = self.read_keys and (self.read_keys.epoch, self.read_keys.generation)
        handler = {
            Type.SERVER_HELLO: self._server_hello,
            Type.ENCRYPTED_EXTENSIONS: self._encrypted_extensions,
            Type.CERTIFICATE_REQUEST: self._certificate_request,
            Type.CERTIFICATE: self._certificate,
            Type.CERTIFICATE_VERIFY: self._certificate_verify,
            Type.FINISHED: self._finished,
            Type.NEW_SESSION_TICKET: self._new_session_ticket,
            Type.KEY_UPDATE: self._key_update,
        }.get(kind)
        require(handler, f"a message of type {kind}")
        handler(body, message)
        after = self.read_keys and (self.read_keys.epoch, self.read_keys.generation)
        require(before == after or not self._partial, "a message that changes keys does not end its record")
        self._events.append(Message(kind, body))

    # ---- The server's messages ----

    @property
    def _hash(self):
        return HASHES[self.server.hello.suite]

    def _expect_order(self, condition, what):
        require(condition, f"{what} is out of order")

    def _server_hello(self, body, message):
        self._expect_order(self.hello and not self.server.hello, "ServerHello")
        found = checks.server_hello(body, self.hello)
        if found.is_retry:
            require(not self.server.retry, "a second HelloRetryRequest")
            require(found.group or found.cookie, "a HelloRetryRequest that asks for nothing")
            require(not self._partial, "more follows HelloRetryRequest in its record")
            self.server.retry = found
            self.transcript.retry(HASHES[found.suite])
            self.transcript.add(message)
            return
        retry = self.server.retry
        if retry:
            require(found.suite == retry.suite, "HelloRetryRequest and ServerHello differ in their suite")
            require(retry.group in (None, found.group), "HelloRetryRequest and ServerHello differ in their group")
        self.transcript.add(message)
        self.server.hello = found
        psk = None
        if found.psk is not None:
            chosen = self.hello.psks[found.psk]
            require(chosen.hash is self._hash, "the PSK's hash is not that of the suite")
            psk = chosen.secret
        self.schedule = Schedule(self._hash, psk)
        self.schedule.add(self.hello.keys[found.group].shared(found.share))
        self._derive("c hs traffic", "s hs traffic")
        self.schedule.add()
        self.read_keys = Keys("handshake", found.suite, self._secrets["s hs traffic"])
        self.write_keys = Keys("handshake", found.suite, self._secrets["c hs traffic"])

    def _derive(self, *labels):
        for label in labels:
            self._secrets[label] = self.schedule.derive(label, self.transcript.digest(self._hash))

    def _encrypted_extensions(self, body, message):
        self._expect_order(self.server.hello and self.server.extensions is None, "EncryptedExtensions")
        compatible = not self.first_hello.session_id or self.change_cipher_specs == 1
        require(
            compatible, "no change_cipher_spec after the server's first message, for a client that sent a session id"
        )
        self.server.extensions, self.server.alpn = checks.encrypted_extensions(body, self.hello)
        self.transcript.add(message)

    def _expect_certificates(self, condition, what):
        allowed = self.server.extensions is not None and not self.server.resumed and not self.server.finished
        self._expect_order(allowed and condition, what)

    def _certificate_request(self, body, message):
        nothing_yet = self.server.requested_schemes is None and not self.server.chain
        self._expect_certificates(nothing_yet, "CertificateRequest")
        self.server.requested_schemes = checks.certificate_request(body)
        self.transcript.add(message)

    def _certificate(self, body, message):
        self._expect_certificates(not self.server.chain, "Certificate")
        self.server.chain, self.server.certificate_extensions = checks.certificate(body, self.hello)
        with open(self.ca, "rb") as file:
            checks.chain_of_trust(self.server.chain, x509.load_pem_x509_certificate(file.read()))
        self.transcript.add(message)

    def _certificate_verify(self, body, message):
        self._expect_certificates(self.server.chain and self.server.scheme is None, "CertificateVerify")
        digest = self.transcript.digest(self._hash)
        self.server.scheme = checks.certificate_verify(body, self.hello, self.server.chain[0], digest)
        self.transcript.add(message)

    def _finished(self, body, message):
        authenticated = self.server.scheme is not None or self.server.resumed
        ready = self.server.extensions is not None and authenticated and not self.server.finished
        self._expect_order(ready, "Finished")
        mac = finished_mac(self._hash, self._secrets["s hs traffic"], self.transcript.digest(self._hash))
        require(body == mac, "the server's Finished is wrong")
        self.transcript.add(message)
        self.server.finished = True
        self._derive("c ap traffic", "s ap traffic")
        self.read_keys = Keys("application", self.server.hello.suite, self._secrets["s ap traffic"])

    def _new_session_ticket(self, body, message):
        # It may come before our Finished (4.6.1): the server can compute that itself.
        self._expect_order(self.server.finished, "NewSessionTicket")
        ticket = checks.new_session_ticket(body)
        require(ticket.nonce not in [other.nonce for other in self.tickets], "two tickets with the same nonce")
        ticket.suite = self.server.hello.suite
        self.tickets.append(ticket)
        if self._resumption_secret:
            self._give_secret(ticket)

    def _key_update(self, body, message):
        self._expect_order(self.server.finished, "KeyUpdate")
        require(body in (b"\0", b"\1"), f"a KeyUpdate with {body.hex()}")
        self.key_updates.append(body[0])
        self.read_keys.update()

    # ---- Expecting ----

    def expect_message(self, kind):
        event = self.read()
        assert isinstance(event, Message) and event.kind == kind, f"{in_words(event)} came, not {Type(kind).name}"
        return event

    def expect_server_hello(self):
        self.expect_message(Type.SERVER_HELLO)
        assert self.server.hello, "a HelloRetryRequest came"

    def expect_retry(self):
        """HelloRetryRequest; returns it."""
        self.expect_message(Type.SERVER_HELLO)
        assert not self.server.hello, "no HelloRetryRequest but a ServerHello came"
        return self.server.retry

    def expect_flight(self):
        """ServerHello up to Finished."""
        while not self.server.finished:
            event = self.read()
            assert isinstance(event, Message), f"{in_words(event)} came instead of the server's flight"
            assert self.server.hello, "a HelloRetryRequest came"

    @property
    def expected_epoch(self):
        """Under which keys the server must send now."""
        return self.read_keys.epoch if self.read_keys else "plain"

    def expect_alert(self, *descriptions, then=(FIN,)):
        """That a fatal alert of one of these descriptions is all that comes, sealed as it must be, and then the end.

        Tickets before it are let pass: the server need not have seen our mistake when it sent them.
        """
        event = self.read()
        while isinstance(event, Message) and event.kind == Type.NEW_SESSION_TICKET:
            event = self.read()
        wanted = " or ".join(descriptions)
        assert isinstance(event, Alert), f"{in_words(event)} came instead of the alert {wanted}"
        assert (
            ALERT_NAMES.get(event.description, event.description) in descriptions
        ), f"{event} came instead of {wanted}"
        assert event.epoch == self.expected_epoch, f"the alert came under {event.epoch} keys, not {self.expected_epoch}"
        self.expect_end(*then)
        return event

    def expect_end(self, *how):
        event = self.read()
        assert isinstance(event, End), f"{in_words(event)} came instead of the end"
        assert event.how in (how or (FIN,)), f"the connection ended with {event.how}"

    def expect_over(self, *how):
        """That the server ends without an alert: it was told one, or left. Its flight and tickets may come before."""
        event = self.read()
        while isinstance(event, Message):
            event = self.read()
        assert isinstance(event, End), f"{in_words(event)} came instead of the end"
        assert event.how in (how or (FIN, RESET)), f"the connection ended with {event.how}"

    def expect_over_or_alert(self, *descriptions):
        """The end, or one of these alerts and the end: where RFC 8446 says nothing."""
        event = self.read()
        while isinstance(event, Message):
            event = self.read()
        if isinstance(event, Alert):
            assert ALERT_NAMES.get(event.description) in descriptions, f"{event} came"
            event = self.read()
        assert isinstance(event, End), f"{in_words(event)} came instead of the end"

    def expect_close_notify(self):
        """The server ends in peace: close_notify, then FIN. Tickets before it are let pass."""
        event = self.read()
        while isinstance(event, Message) and event.kind == Type.NEW_SESSION_TICKET:
            event = self.read()
        assert isinstance(event, Alert) and event.description == 0, f"{in_words(event)} came instead of close_notify"
        assert event.epoch == self.expected_epoch
        self.expect_end()

    def expect_ticket(self):
        self.expect_message(Type.NEW_SESSION_TICKET)
        return self.tickets[-1]

    # ---- Whole pieces ----

    def expect_outcome(self, outcome):
        """After a ClientHello: "ok" (the handshake succeeds and a request is answered), or the alert that must come;
        "this|that" where RFC 8446 leaves the choice, "ok|this" when one may also put up with it.
        """
        alerts = outcome.split("|")
        if alerts[0] != "ok":
            self.expect_alert(*alerts)
            return
        event = self.read()
        if isinstance(event, Alert) and ALERT_NAMES.get(event.description) in alerts[1:]:
            self.expect_end()
            return
        self._complete(event)
        self.expect_answer()

    def handshake(self, hello=None, **options):
        """A whole handshake, with the answer to a HelloRetryRequest when one comes. options: of send_hello()."""
        self.send_hello(hello, **options)
        self._complete(self.read())
        return self

    def _complete(self, event):
        assert isinstance(event, Message), f"{in_words(event)} came instead of a ServerHello"
        if self.server.retry and not self.server.hello:
            self.send_hello(self.second_hello())
        self.expect_flight()
        self.send_finished()

    def _receive_data(self):
        """For the HTTP reader: the next application data; b"" at the end, and `ended` or `closed` say how."""
        while True:
            if self.closed:
                return b""
            event = self.read()
            if isinstance(event, Data) and event.payload:
                return event.payload
            if isinstance(event, Alert):
                assert event.description == 0, f"{event} came instead of data"
            if isinstance(event, End):
                return b""

    def ask(self, target="/", method="GET", **options):
        """Sends a request and reads the response."""
        self.send_data(request(target, method, **options))
        return self.response(method)

    def response(self, method="GET"):
        return self.reader.response(method)

    def expect_answer(self, **options):
        """That the connection works: a request is answered with 200."""
        answer = self.ask(**options)
        assert answer.status == 200, answer.head
        return answer


def talk_to(proxy, **options):
    """A conversation with a proxy of the lab."""
    return Conversation(proxy.port, proxy.authority.ca, **options)


def psk_of(ticket, age=None, **changes):
    """The PSK that a ticket offers; `age` is the obfuscated one (None: of a ticket that just came)."""
    psk = Psk(ticket.identity, ticket.secret, ticket.suite, ticket.age_add if age is None else age)
    for name, value in changes.items():
        assert hasattr(psk, name), name
        setattr(psk, name, value)
    return psk
