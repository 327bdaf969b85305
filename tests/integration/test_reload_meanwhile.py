"""Reloads while messages of every kind are half sent: each ends by the rules of the configuration it began with."""

import socket
import ssl
import threading

import pytest

from ravelin_test.client import CLOSE_NOTIFY, Client
from ravelin_test.http import Reader, chunk, request, response
from ravelin_test.proxy import backend_block, block, site_block
from ravelin_test.settings import PATIENCE
from test_backends import FullServer

CHUNKED = ["Transfer-Encoding: chunked"]
TUNNEL = ["Connection: Upgrade", "Upgrade: echo"]
LIMITS = {
    "handshake-timeout": "5m",
    "header-timeout": "5m",
    "idle-timeout": "5m",
    "header-size": "4k",
    "header-count": 50,
    "response-header-size": "32k",
    "target-size": "2k",
    "body-size": "1m",
    "body-rate": 100,
    "requests-per-connection": 1000,
    "connections": 1000,
    "connections-per-client": 100,
}
RAISED = {
    "handshake-timeout": "1h",
    "header-timeout": "1h",
    "idle-timeout": "1h",
    "header-size": "64k",
    "header-count": 1000,
    "response-header-size": "256k",
    "target-size": "64k",
    "body-size": "1g",
    "body-rate": "1m",
    "requests-per-connection": 100_000_000,
    "connections": 100_000,
    "connections-per-client": 100_000,
}
LOWERED = {
    "handshake-timeout": "1m",
    "header-timeout": "1m",
    "idle-timeout": "1m",
    "header-size": "1k",
    "header-count": 2,
    "response-header-size": "4k",
    "target-size": 64,
    "body-size": 1,
    "body-rate": 1,
    "requests-per-connection": 2,
    "connections": 1,
    "connections-per-client": 1,
}

# Responses that stop in their middle: how much fills their heads, and where they are cut.
HALF_SENT = {
    "/response-head": (0, 30),
    "/large-response-head": (30_000, 25_000),
    "/too-large-response-head": (40_000, 25_000),
    "/response-body": (0, -3),
}


class Conversation:
    """One client in a thread of its own. It stops once in its middle, at pause(), until finish()."""

    def __init__(self, script, *arguments):
        self.result = None
        self._script = script
        self._failure = None
        self._paused, self._go = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=arguments, daemon=True)
        self._thread.start()

    def _run(self, *arguments):
        try:
            self.result = self._script(self, *arguments)
        except BaseException as failure:
            self._failure = failure
        finally:
            self._paused.set()

    def pause(self):
        self._paused.set()
        assert self._go.wait(8 * PATIENCE)

    def wait_until_paused(self):
        assert self._paused.wait(PATIENCE)
        if self._failure:
            raise self._failure

    def finish(self):
        """What the script returned."""
        self._go.set()
        self._thread.join(2 * PATIENCE)
        assert not self._thread.is_alive(), f"{self._script.__name__} does not end"
        if self._failure:
            raise self._failure
        return self.result


class Place:
    """A proxy with a listener of each kind, and a server that stops in the middle of some responses."""

    def __init__(self, lab):
        self.lab = lab
        self.go = threading.Event()
        self.half_sent = {target: threading.Event() for target in HALF_SENT}
        self.ports = {kind: lab.port().number for kind in ("https", "redirect", "behind-proxy")}
        self.old, self.new = (lab.server(self._script(name)) for name in ("old", "new"))
        self.proxy = lab.prepare(self.old)
        self.proxy.port = self.ports["https"]
        self.full = lab.keep_server(FullServer(lab.folder / "full.sock"))
        backends = [backend_block("web", [self.old]), backend_block("full", [self.full], {"connect-timeout": "5m"})]
        self.configure(routes={"/": "web", "/full/": "full"}, backends=backends)
        self.proxy.start()

    def configure(self, limits=None, listeners=None, routes=None, site="localhost", backends=None, top=None):
        kinds = {"https": {}, "redirect": {"protocol": "redirect"}, "behind-proxy": {"proxy-protocol": "yes"}}
        listeners = kinds if listeners is None else listeners
        certificate = self.lab.authority.certificate("localhost", "127.0.0.1")
        options = {"workers": 1, "access-log": f'"{self.proxy.access_path}"', "trusted-proxies": "127.0.0.1", **(top or {})}
        parts = ["\n".join(f"{key} = {value}" for key, value in options.items()), block("limits", options=limits or LIMITS)]
        parts += [block("listen", f"127.0.0.1:{self.ports[kind]}", options) for kind, options in listeners.items()]
        parts.append(site_block(site, [certificate], routes=routes))
        parts += backends or [backend_block("web", [self.old])]
        self.proxy.write_config("\n\n".join(parts) + "\n")

    def _script(self, name):
        def script(connection):
            while head := connection.head():
                if head.get("Upgrade"):
                    connection.send(response(status="101 Switching Protocols", fields=TUNNEL, length=False))
                    while connection.reader.more():
                        connection.send(connection.reader.take(len(connection.reader.buffer)))
                    return
                connection.reader.request_body(head)
                filler, cut = HALF_SENT.get(head.target, (0, 0))
                fields = ["X-Filler: " + "f" * filler] if filler else []
                answer = response(f"{name} {len(head.body)} {len(head.trailers)}", fields=fields)
                if head.target in self.half_sent:
                    connection.send(answer[:cut])
                    self.half_sent[head.target].set()
                    assert self.go.wait(8 * PATIENCE)
                    answer = answer[cut:]
                connection.send(answer)

        return script

    def client(self, kind="https", **options):
        return self.lab.keep_client(Client(self.ports[kind], self.proxy.context, **options))


class HaltingClient(Client):
    """Stops in its ClientHello, or before its Finished."""

    def __init__(self, place, conversation, where):
        self._conversation, self._where, self._flights = conversation, where, 0
        super().__init__(place.ports["https"], place.proxy.context)

    def _flush(self):
        data = self._out.read()
        if data:
            self._flights += 1
            half = len(data) // 2 if self._where == "hello" else 0
            if self._flights == {"hello": 1, "finished": 2}[self._where]:
                self.socket.sendall(data[:half])
                self._conversation.pause()
                data = data[half:]
            self.socket.sendall(data)


def answer_of(client):
    answer = client.response()
    return answer.status, answer.body if answer.status == 200 else None


def send_in_halves(conversation, client, first, second):
    client.send(first)
    conversation.pause()
    client.send(second)
    return answer_of(client)


# ---- What begins with the new configuration: the first request of it comes after the reload ----


def proxy_header(conversation, place):
    client = Client.__new__(Client)
    header = b"PROXY TCP4 192.0.2.7 198.51.100.1 4567 443\r\n"
    with socket.create_connection(("127.0.0.1", place.ports["behind-proxy"])) as raw:
        raw.settimeout(PATIENCE)
        raw.sendall(header[:20])
        conversation.pause()
        raw.sendall(header[20:])
        client = place.proxy.context.wrap_socket(raw, server_hostname="localhost")
        client.sendall(request("/"))
        message = Reader(lambda: client.recv(65536)).response()
        return message.status, message.body if message.status == 200 else None


def hello(conversation, place):
    return answer_of(asking(place.lab.keep_client(HaltingClient(place, conversation, "hello"))))


def finished(conversation, place):
    return answer_of(asking(place.lab.keep_client(HaltingClient(place, conversation, "finished"))))


def asking(client):
    client.send(request("/"))
    return client


def idle(conversation, place):
    client = place.client()
    assert client.ask().status == 200
    return send_in_halves(conversation, client, b"", request("/"))


def head(conversation, place):
    data = request("/", fields=["X-A: " + "a" * 3000])
    return send_in_halves(conversation, place.client(), data[:2900], data[2900:])


# ---- What began with the old one ----


def too_large_a_head(conversation, place):
    """Within the limit that is raised, beyond the one it began with."""
    data = request("/", fields=["X-A: " + "a" * 20_000])
    status, _ = send_in_halves(conversation, place.client(), data[:300], data[300:])
    return status


def many_headers(conversation, place):
    """As many as the limit that it began with allows."""
    data = request("/", fields=[f"X-{number}: 1" for number in range(49)])
    return send_in_halves(conversation, place.client(), data[:200], data[200:])[0]


def too_many_headers(conversation, place):
    data = request("/", fields=[f"X-{number}: 1" for number in range(50)])
    return send_in_halves(conversation, place.client(), data[:200], data[200:])[0]


def long_target(conversation, place):
    data = request("/" + "t" * 1500)
    return send_in_halves(conversation, place.client(), data[:30], data[30:])[0]


def too_long_a_target(conversation, place):
    data = request("/" + "t" * 2500)
    return send_in_halves(conversation, place.client(), data[:30], data[30:])[0]


def redirected_head(conversation, place):
    client = place.lab.plain_client(place.ports["redirect"])
    data = request("/", fields=["X-A: " + "a" * 3000])
    return send_in_halves(conversation, client, data[:2900], data[2900:])[0]


def body(conversation, place):
    data = request("/", "POST", body=b"b" * 10_000)
    return send_in_halves(conversation, place.client(), data[:5000], data[5000:])


def chunk_line(conversation, place):
    data = request("/", "POST", fields=CHUNKED) + chunk(b"c" * 1000, ";extension=1") + b"0\r\n\r\n"
    cut = data.index(b"extension")
    return send_in_halves(conversation, place.client(), data[:cut], data[cut:])


def trailers(conversation, place):
    lines = "".join(f"X-Trailer-{number}: {'t' * 100}\r\n" for number in range(40)).encode()
    data = request("/", "POST", fields=CHUNKED) + chunk(b"c") + b"0\r\n" + lines + b"\r\n"
    return send_in_halves(conversation, place.client(), data[:-200], data[-200:])


def connecting(conversation, place):
    client = place.client()
    client.send(request("/full/"))
    conversation.pause()
    place.full.serve(1)
    return answer_of(client)


def dropped_body(conversation, place):
    """Its response has come, the rest of it not."""
    client = place.client()
    client.send(request("/", "POST", fields=["Content-Length: 3000000"]) + b"d" * 1_000_000)
    status = client.response().status
    conversation.pause()
    client.send(b"d" * 2_000_000)
    assert client.read_end() == CLOSE_NOTIFY
    return status


def half_answered(conversation, place, target):
    client = place.client()
    client.send(request(target))
    assert place.half_sent[target].wait(PATIENCE)
    conversation.pause()
    return answer_of(client)


def response_head(conversation, place):
    return half_answered(conversation, place, "/response-head")


def large_response_head(conversation, place):
    return half_answered(conversation, place, "/large-response-head")


def too_large_a_response_head(conversation, place):
    """Within the limit that is raised, beyond the one it began with."""
    return half_answered(conversation, place, "/too-large-response-head")


def response_body(conversation, place):
    return half_answered(conversation, place, "/response-body")


def tunnel(conversation, place):
    client = place.client()
    client.send(request("/", fields=TUNNEL))
    assert client.response().status == 101
    client.send(b"before")
    assert client.reader.exactly(6, "an echo") == b"before"
    conversation.pause()
    client.send(b"after")
    assert client.reader.exactly(5, "an echo") == b"after"
    client.half_close()
    assert client.read_end() == CLOSE_NOTIFY


BEGIN_LATER = [proxy_header, hello, finished, idle, head]
BEGUN = {
    too_large_a_head: 431,
    redirected_head: 308,
    body: (200, b"old 10000 0"),
    chunk_line: (200, b"old 1000 0"),
    trailers: (200, b"old 1 40"),
    connecting: (200, b"served"),
    dropped_body: 413,
    response_head: (200, b"old 0 0"),
    large_response_head: (200, b"old 0 0"),
    too_large_a_response_head: (502, None),
    response_body: (200, b"old 0 0"),
    tunnel: None,
}

OLD, NEW = (200, b"old 0 0"), (200, b"new 0 0")
# What configure() is given, and how requests are answered then that begin after the reload.
CHANGES = {
    "limits raised": (lambda place: {"limits": RAISED}, OLD),
    "limits lowered": (lambda place: {"limits": LOWERED}, OLD),
    "backend replaced": (lambda place: {"backends": [backend_block("web", [place.new])]}, NEW),
    "backend removed": (
        lambda place: {"routes": {"/": "other"}, "backends": [backend_block("other", [place.new])]},
        NEW,
    ),
    "route removed": (lambda place: {"routes": {"/other/": "web"}}, (404, None)),
    "site removed": (lambda place: {"site": "other.test"}, (421, None)),
    "listeners removed": (lambda place: {"listeners": {"https": {}}}, OLD),
    "listeners changed": (
        lambda place: {
            "listeners": {
                "https": {"proxy-protocol": "yes"},
                "redirect": {},
                "behind-proxy": {"protocol": "redirect"},
            }
        },
        OLD,
    ),
    "logs changed": (lambda place: {"top": {"access-log-format": "combined", "log-level": "debug"}}, OLD),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_half_sent_survives(lab, change):
    place = Place(lab)
    worker = place.proxy.worker_pids()
    held = {script: Conversation(script, place) for script in [*BEGIN_LATER, *BEGUN]}
    for conversation in held.values():
        conversation.wait_until_paused()
    with place.client() as client:  # the worker has read by then what the others have sent
        assert client.ask().status == 200
    options, later = CHANGES[change]
    place.configure(**options(place))
    place.proxy.reload()
    place.go.set()
    results = {script.__name__: conversation.finish() for script, conversation in held.items()}
    expected = {script.__name__: later for script in BEGIN_LATER} | {s.__name__: result for s, result in BEGUN.items()}
    assert results == expected
    assert place.proxy.worker_pids() == worker
    for client in lab._clients:
        client.close()
    place.proxy.wait_for_metrics(sessions_open=0, generations_held=1)


@pytest.mark.parametrize("script", BEGIN_LATER)
def test_many_reloads(lab, script):
    """More than the signers keep keys of, and the last one has another certificate."""
    place = Place(lab)
    held = Conversation(script, place)
    held.wait_until_paused()
    with place.client() as client:
        assert client.ask().status == 200
    for name in ["backend replaced", "limits raised", "route removed", "logs changed", "limits lowered"]:
        place.configure(**CHANGES[name][0](place))
        place.proxy.reload()
    if script is finished:  # its certificate was chosen and its signature made by the first generation
        assert place.proxy.metrics()["generations_held"] == 2
    assert held.finish() == OLD


@pytest.mark.parametrize("change", ["limits raised", "limits lowered"])
@pytest.mark.parametrize(
    "script, status", [(many_headers, 200), (too_many_headers, 431), (long_target, 200), (too_long_a_target, 414)]
)
def test_a_head_is_judged_by_the_limits_it_began_with(lab, script, status, change):
    place = Place(lab)
    held = Conversation(script, place)
    held.wait_until_paused()
    with place.client() as client:
        assert client.ask().status == 200
    place.configure(**CHANGES[change][0](place))
    place.proxy.reload()
    assert held.finish() == status


def test_a_head_is_bounded_by_the_limit_it_began_with(lab):
    """Many reloads up and down while a head arrives in pieces."""
    place = Place(lab)
    client = place.client()
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
    for limits in [RAISED, LOWERED] * 3:
        client.send(b"a" * 500)
        place.proxy.wait_for_metrics(receive_buffers=0)  # it has been gathered
        place.configure(limits=limits)
        place.proxy.reload()
    client.send(b"a" * 900 + b"\r\n\r\n")
    assert client.response().status == 200
    with pytest.raises((ConnectionError, ssl.SSLError)):
        place.client()  # the last reload allows one connection at a time
    assert place.proxy.metrics()["sessions_open"] == 1
