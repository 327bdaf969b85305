"""How connections of HTTP/2 end: what runs is finished, what is refused is refused in order, and nothing is lost."""

import os
import select
import signal
import socket
import threading
from contextlib import ExitStack

import pytest

from ravelin_test.client import CLOSE_NOTIFY, Client, client_context
from ravelin_test.http import response
from ravelin_test.http2 import Code, Setting, Talk, Type, Violation, frames, request, talk_to
from ravelin_test.http2.behind import Behind, Seen, compare
from ravelin_test.http2.cases import send
from ravelin_test.processes import run, text
from ravelin_test.proxy import site_block
from ravelin_test.settings import PATIENCE, SCALE, scaled
from ravelin_test.waiting import wait_for

HTTP2 = {"http2": "yes"}
LAST = 2**31 - 1


class Gate:
    """A server that answers /slow only when it is opened."""

    def __init__(self, lab):
        self.open = threading.Event()
        self.server = lab.server(reply=self.reply)

    def reply(self, request):
        if request.target == "/slow":
            assert self.open.wait(4 * PATIENCE)
        return response(f"{request.method} {request.target} {len(request.body)}")

    def targets(self):
        return [request.target for request in self.server.requests]


@pytest.fixture
def gate(lab):
    made = Gate(lab)
    yield made
    made.open.set()


def slow_request(talk, gate):
    """Returns the stream of a request that the server works for."""
    before = len(gate.server.requests)
    stream = talk.request("/slow")
    wait_for(lambda: len(gate.server.requests) > before, "the request at the server")
    return stream


class HalfOpen:
    """A TLS client whose ClientHello has gone out in part; finish() goes on with the handshake."""

    def __init__(self, proxy):
        self._relay = socket.create_server(("127.0.0.1", 0))
        self._proxy = proxy
        self._go = threading.Event()
        self._context = client_context(proxy.authority.ca, ("h2",))
        self._client = None
        self._threads = [
            threading.Thread(target=self._carry, daemon=True),
            threading.Thread(target=self._connect, daemon=True),
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        wait_for(lambda: self._proxy.metrics()["sessions_open"] == 2, "the second connection")
        return self

    def __exit__(self, *_):
        self._go.set()
        if self._client:
            self._client.close()
        self._relay.close()

    def finish(self):
        self._go.set()
        self._threads[1].join(PATIENCE)
        return self._client

    def _connect(self):
        self._client = Client(self._relay.getsockname()[1], self._context)

    def _carry(self):
        near, _ = self._relay.accept()
        with near, socket.create_connection(("127.0.0.1", self._proxy.port)) as far:
            far.sendall(near.recv(100))
            self._go.wait(4 * PATIENCE)
            while True:
                for ready in select.select([near, far], [], [])[0]:
                    data = ready.recv(65536)
                    other = far if ready is near else near
                    if not data:
                        other.shutdown(socket.SHUT_WR)
                        return
                    other.sendall(data)


def goaways(talk):
    return [frame for frame in talk.frames if frame.kind == Type.GOAWAY]


def until_goaway(talk, count=1):
    talk.until(lambda: len(goaways(talk)) >= count, "GOAWAY")
    return goaways(talk)[count - 1]


# ---- Drain ----


@pytest.mark.parametrize("how", ["drain", "signal"])
def test_a_drain_finishes_what_runs(lab, gate, how):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy, acknowledges=False) as talk:
        talk.settled()
        talk.send(frames.settings_ack())
        stream = slow_request(talk, gate)
        if how == "drain":
            assert proxy.command("drain").returncode == 0
        else:
            proxy.send_signal(signal.SIGTERM)
        first = until_goaway(talk)
        assert (first.code, first.last_stream) == (Code.NO_ERROR, LAST)
        # It could have been on its way when the GOAWAY came.
        late = talk.request("/late")
        assert talk.response(late).status == 200
        pings = [frame for frame in talk.frames if frame.kind == Type.PING]
        assert len(pings) == 1
        talk.send(frames.ping(pings[0].payload, ack=True))
        second = until_goaway(talk, 2)
        assert (second.code, second.last_stream) == (Code.NO_ERROR, late)
        talk.send(frames.headers(late + 2, request("/too-late")))
        gate.open.set()
        assert talk.response(stream).body == b"GET /slow 0"
        assert talk.read_end() == CLOSE_NOTIFY
    assert gate.targets() == ["/slow", "/late"]
    assert proxy.wait() == 0


def test_a_drain_ends_an_idle_connection(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy) as talk:
        assert talk.ask("/").status == 200
        proxy.send_signal(signal.SIGTERM)
        assert talk.read_end() == CLOSE_NOTIFY
        assert [frame.last_stream for frame in goaways(talk)] == [LAST, 1]
    assert proxy.wait() == 0


def test_a_drain_does_not_wait_for_a_client_that_acknowledges_nothing(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy, acknowledges=False) as talk:
        talk.send(frames.settings_ack())
        assert talk.ask("/").status == 200
        proxy.send_signal(signal.SIGTERM)
        assert talk.read_end() == CLOSE_NOTIFY
    assert proxy.wait() == 0


def test_a_body_is_finished_in_a_drain(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy) as talk:
        talk.send(frames.headers(talk.stream(), request("/upload", "POST"), end=False), frames.data(1, b"x" * 1000))
        wait_for(lambda: gate.server.connections, "the server to be asked")
        proxy.send_signal(signal.SIGTERM)
        until_goaway(talk)
        talk.send(frames.data(1, b"y" * 1000), frames.data(1, end=True))
        assert talk.response(1).body == b"POST /upload 2000"
        assert talk.read_end() == CLOSE_NOTIFY
    assert proxy.wait() == 0


def test_a_drain_while_clients_go(lab, gate):
    """A worker that learns of both at once."""
    proxy = lab.proxy(gate.server, listen=HTTP2)
    [worker] = proxy.worker_pids().values()
    with ExitStack() as stack:
        talks = [stack.enter_context(talk_to(proxy)) for _ in range(30)]
        for talk in talks:
            assert talk.ask("/").status == 200
        os.kill(worker, signal.SIGSTOP)
        try:
            for talk in talks[:-1]:
                talk.client.reset()
            proxy.send_signal(signal.SIGTERM)
            wait_for(lambda: proxy.status()["state"] == "draining", "the drain to begin")
        finally:
            os.kill(worker, signal.SIGCONT)
        assert talks[-1].read_end() == CLOSE_NOTIFY
    assert proxy.wait() == 0


def test_a_drain_in_the_middle_of_a_handshake(lab, gate):
    """What the client sends at once is served, and the connection ends."""
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy) as other, HalfOpen(proxy) as half:
        slow = slow_request(other, gate)
        proxy.send_signal(signal.SIGTERM)
        until_goaway(other)
        talk = Talk(half.finish()).start()
        stream = talk.request("/in-time")
        assert talk.response(stream).status == 200
        assert talk.read_end() == CLOSE_NOTIFY
        assert [frame.last_stream for frame in goaways(talk)] == [LAST, stream]
        gate.open.set()
        assert other.response(slow).status == 200
    assert proxy.wait() == 0


# ---- Reloads ----


def test_a_reload_changes_nothing_for_what_runs(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy) as talk:
        stream = slow_request(talk, gate)
        proxy.reload()
        assert talk.ask("/after").status == 200
        gate.open.set()
        assert talk.response(stream).status == 200
        assert talk.goaway is None


def test_reloads_while_many_streams_run(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2, workers=1)
    with talk_to(proxy) as talk:
        for _ in range(3):
            streams = [talk.request(f"/{n}") for n in range(50)]
            proxy.reload()
            assert {talk.response(stream).status for stream in streams} == {200}
    assert len(gate.server.requests) == 150


def test_nothing_is_lost_in_reloads_under_load(lab):
    server = lab.nginx()
    (server.html / "index.html").write_text("x" * 1000)
    proxy = lab.proxy(server, listen=HTTP2, workers=2)
    count = scaled(6000)
    results = []
    command = ["h2load", "-n", count, "-c", 8, "-m", 20, proxy.url("/")]
    load = threading.Thread(target=lambda: results.append(text(run(command, timeout=4 * PATIENCE).stdout)))
    load.start()
    reloads = 0
    while load.is_alive() or reloads < 3:
        proxy.reload()
        reloads += 1
    load.join()
    assert f"{count} succeeded, 0 failed, 0 errored, 0 timeout" in results[0]


def test_a_reload_that_removes_a_site(lab, gate):
    certificates = [lab.authority.certificate(name) for name in ("localhost", "other.test")]
    sites = [site_block(name, [made]) for name, made in zip(("localhost", "other.test"), certificates)]
    proxy = lab.proxy(gate.server, listen=HTTP2, sites=sites)
    with talk_to(proxy, client={"sni": "other.test"}) as talk:
        stream = talk.request("/slow", authority="other.test")
        wait_for(lambda: gate.server.requests, "the request at the server")
        proxy.configure(sites=sites[:1])
        proxy.reload()
        refused = talk.ask("/", authority="other.test")
        assert refused.status == 421
        gate.open.set()
        assert talk.response(stream).body == b"GET /slow 0"


def test_a_reload_that_ends_http2_for_new_connections(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy) as talk:
        assert talk.ask("/").status == 200
        proxy.configure(listen={"http2": "no"})
        proxy.reload()
        assert talk.ask("/").status == 200
    client = lab.client(proxy, context=client_context(lab.authority.ca, ("h2", "http/1.1")))
    assert client.tls.selected_alpn_protocol() == "http/1.1"
    assert client.ask("/").status == 200


# ---- Limits ----


def test_requests_per_connection(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2, limits={"requests-per-connection": 5})
    with talk_to(proxy) as talk:
        streams = [talk.request(f"/{n}") for n in range(20)]
        assert talk.read_end() == CLOSE_NOTIFY
        served = [stream for stream in streams if talk.streams[stream].status == 200]
        assert len(served) >= 5
        assert goaways(talk)[-1].code == Code.NO_ERROR
        assert goaways(talk)[-1].last_stream >= max(served)
        # What is beyond the last stream was not seen by any server, and may be sent again.
        beyond = {f"/{(stream - 1) // 2}" for stream in streams if stream > goaways(talk)[-1].last_stream}
        assert not beyond & set(gate.targets())
        within = [stream for stream in streams if stream <= goaways(talk)[-1].last_stream]
        assert within == served


def test_an_idle_connection_ends(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2, limits={"idle-timeout": "500ms"})
    with talk_to(proxy) as talk:
        assert talk.ask("/").status == 200
        assert talk.read_end() == CLOSE_NOTIFY
        assert [(frame.code, frame.last_stream) for frame in goaways(talk)] == [
            (Code.NO_ERROR, LAST),
            (Code.NO_ERROR, 1),
        ]


def test_a_connection_that_was_never_used_ends(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2, limits={"idle-timeout": "500ms"})
    with talk_to(proxy) as talk:
        assert talk.read_end() == CLOSE_NOTIFY
        assert goaways(talk)[-1].code == Code.NO_ERROR


def test_a_connection_with_a_stream_is_not_idle(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2, limits={"idle-timeout": "300ms"})
    with talk_to(proxy) as talk:
        stream = slow_request(talk, gate)
        threading.Timer(1.2 * SCALE, gate.open.set).start()
        assert talk.response(stream).status == 200


# ---- Slow clients ----

SLOW = {"header-timeout": "400ms", "idle-timeout": "400ms", "body-rate": 1000}


def ends(lab, gate, *pieces, codes=(Code.NO_ERROR, Code.PROTOCOL_ERROR, Code.SETTINGS_TIMEOUT, Code.ENHANCE_YOUR_CALM)):
    """After these bytes the client is silent, and its connection ends."""
    proxy = lab.proxy(gate.server, listen=HTTP2, limits=SLOW)
    with talk_to(proxy, start=False, acknowledges=False) as talk:
        for piece in pieces:
            send(talk, piece)
        ended = talk.read_end()
        assert ended == CLOSE_NOTIFY
        assert talk.goaway.code in codes, talk.seen()
    with talk_to(proxy) as talk:
        assert talk.ask("/well").status == 200
    assert gate.targets() == ["/well"]


BEGUN = frames.PREFACE + frames.settings()
ACKED = BEGUN + frames.settings_ack()


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [frames.PREFACE[:10]],
        [frames.PREFACE],
        [BEGUN[:-3]],
        [BEGUN],
        [ACKED, frames.headers(1, request())[:5]],
        [ACKED, frames.headers(1, request())[:20]],
        [ACKED, frames.headers(1, request(), whole=False)],
        [ACKED, frames.headers(1, request(), whole=False), frames.continuation(1, whole=False)],
    ],
    ids=[
        "nothing",
        "half a preface",
        "no SETTINGS",
        "half SETTINGS",
        "no ACK",
        "half a frame",
        "half a head",
        "a block",
        "two",
    ],
)
def test_a_slow_beginning(lab, gate, pieces):
    ends(lab, gate, *pieces)


def test_settings_that_nobody_acknowledges(lab, gate):
    """Though the connection is in use."""
    proxy = lab.proxy(gate.server, listen=HTTP2, limits={"header-timeout": "400ms"})
    with talk_to(proxy, acknowledges=False) as talk:
        stream = slow_request(talk, gate)
        assert talk.read_end() == CLOSE_NOTIFY
        assert talk.goaway.code == Code.SETTINGS_TIMEOUT
        assert not talk.streams[stream].ended


def test_a_body_that_does_not_come(lab, gate):
    server = lab.keep_server(Behind())
    proxy = lab.proxy(server.address("web"), listen=HTTP2, limits=SLOW)
    with talk_to(proxy) as talk:
        talk.send(frames.headers(talk.stream(), request("/upload", "POST"), end=False), frames.data(1, b"x" * 10))
        assert talk.response(1).status == 408
    compare(server.seen_since(0), [Seen("POST /upload HTTP/1.1", cut=True)])


def test_a_response_that_is_not_taken(lab):
    """The client keeps its window at 0, and its server is let go."""
    server = lab.server(reply=lambda request: response(b"x" * 100_000))
    proxy = lab.proxy(server, listen=HTTP2, limits=SLOW)
    with talk_to(proxy, initial_window_size=0) as talk:
        talk.settled()
        stream = talk.request("/")
        talk.until(lambda: talk.streams[stream].fields, "a head")
        talk.until(lambda: talk.streams[stream].reset is not None or talk.ended or talk.read() is None, "an end")
        assert not talk.streams[stream].ended


def test_a_client_that_takes_steadily_is_not_slow(lab):
    server = lab.server(reply=lambda request: response(b"x" * 20_000))
    proxy = lab.proxy(server, listen=HTTP2, limits={"idle-timeout": "400ms", "body-rate": 100})
    with talk_to(proxy, window=False, initial_window_size=1000) as talk:
        talk.settled()
        stream = talk.request("/")
        for count in range(1, 20):
            talk.until(lambda: len(talk.streams[stream].body) >= 1000 * count, "a part")
            threading.Event().wait(0.05)
            talk.open_window(1000, stream)
        assert len(talk.response(stream).body) == 20_000


# ---- Deaths ----


def lives(talk):
    try:
        talk.echo()
    except (Violation, ConnectionError):
        return False
    return True


def test_a_worker_that_dies_loses_only_its_own(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2, workers=2, workers_may_die=True, allow=["worker"])
    with ExitStack() as stack:
        talks = [stack.enter_context(talk_to(proxy)) for _ in range(12)]
        for talk in talks:
            assert talk.ask("/").status == 200
        os.kill(proxy.worker_pids()[0], signal.SIGKILL)
        alive = [talk for talk in talks if lives(talk)]
        assert 0 < len(alive) < len(talks)
        for talk in alive:
            assert talk.ask("/again").status == 200
    with talk_to(proxy) as talk:
        assert talk.ask("/new").status == 200


def test_a_client_that_is_gone_lets_its_servers_go(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy) as talk:
        for _ in range(20):
            slow_request(talk, gate)
        talk.client.reset()
        wait_for(lambda: proxy.metrics()["sessions_open"] == 0, "the session to end")
    gate.open.set()


def test_a_client_that_leaves(lab, gate):
    """Its GOAWAY ends nothing that runs."""
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy) as talk:
        stream = slow_request(talk, gate)
        talk.send(frames.goaway(0))
        talk.echo()
        gate.open.set()
        assert talk.response(stream).status == 200


def test_a_client_that_closes_its_side(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy) as talk:
        assert talk.ask("/").status == 200
        talk.acknowledges = False
        talk.client.half_close()
        assert talk.read_end() == CLOSE_NOTIFY


def test_a_client_that_closes_its_side_within_a_body(lab):
    """Nothing more can come: the server is let go at once, not after a time-out."""
    server = lab.keep_server(Behind())
    proxy = lab.proxy(server.address("web"), listen=HTTP2, limits={"idle-timeout": "10m"})
    with talk_to(proxy) as talk:
        talk.send(frames.headers(talk.stream(), request("/upload", "POST"), end=False), frames.data(1, b"x" * 10))
        wait_for(lambda: proxy.metrics()["server_connections"] == 1, "a connection to the server")
        talk.acknowledges = False
        talk.client.half_close()
        assert talk.read_end() == CLOSE_NOTIFY
        assert not talk.streams[1].ended or talk.streams[1].status == 400
    compare(server.seen_since(0), [Seen("POST /upload HTTP/1.1", cut=True)])


# ---- The other protocol ----


def test_http_1_without_alpn(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    for alpn in ((), ("http/1.1",)):
        client = lab.client(proxy, context=client_context(lab.authority.ca, alpn))
        assert client.ask("/").status == 200


def test_the_preface_on_a_connection_of_http_1(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    client = lab.client(proxy)
    client.send(BEGUN + frames.headers(1, request()))
    assert client.response().status in (400, 505)
    assert client.read_end() == CLOSE_NOTIFY
    assert gate.server.requests == []


def test_the_preface_without_tls(lab, gate):
    """No HTTP/2 is spoken in plain, neither at once nor by Upgrade (RFC 9113 3.1)."""
    proxy = lab.proxy(gate.server, listen=HTTP2, redirect=True)
    client = lab.plain_client(proxy.redirect_port)
    client.send(BEGUN + frames.headers(1, request()))
    assert client.response().status in (400, 505)
    client.read_end()
    upgrade = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__"]
    answer = lab.client(proxy).ask("/plain", fields=upgrade)
    assert (answer.status, answer.interim) == (200, [])
    [seen] = gate.server.requests
    assert seen.get("Upgrade") is None and seen.get("HTTP2-Settings") is None


def test_h2_is_preferred(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    for offered in (("h2", "http/1.1"), ("http/1.1", "h2"), ("h2",)):
        client = lab.client(proxy, context=client_context(lab.authority.ca, offered))
        assert client.tls.selected_alpn_protocol() == "h2"


def test_our_settings(lab, gate):
    proxy = lab.proxy(gate.server, listen=HTTP2)
    with talk_to(proxy) as talk:
        talk.settled()
        settings = talk.peer_settings
        assert settings[Setting.MAX_CONCURRENT_STREAMS] == 100
        assert settings[Setting.ENABLE_CONNECT_PROTOCOL] == 1
        assert settings[Setting.NO_RFC7540_PRIORITIES] == 1
        assert settings[Setting.MAX_HEADER_LIST_SIZE] == 16384
