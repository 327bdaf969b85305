"""Many streams of HTTP/2 on one connection: none holds up another, and each is a request like any other."""

import base64
import hashlib
import threading
from pathlib import Path

import pytest

from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.folders import new_folder, remove_folder
from ravelin_test.http import chunked, response
from ravelin_test.http2 import Code, Type, frames, hpack, request, talk_to
from ravelin_test.http2.behind import Behind
from ravelin_test.processes import memory_kib
from ravelin_test.proxy import backend_block, block, site_block
from ravelin_test.settings import PATIENCE, RAVELIN, SANITIZED, scaled
from ravelin_test.waiting import wait_for
from test_client_certificates import FINGERPRINT, Authorities, asking, context_with, fingerprint

HTTP2 = {"http2": "yes"}
LARGE = 1_000_000


class Sizes:
    """A server: /N is answered with N bytes, /wait when it is opened; bodies are echoed."""

    def __init__(self, lab):
        self.open = threading.Event()
        self.server = lab.server(reply=self.reply)

    def reply(self, request):
        if request.target == "/wait":
            assert self.open.wait(4 * PATIENCE)
        size = request.target[1:]
        return response(b"s" * int(size) if size.isdigit() else request.body or b"ok")


@pytest.fixture
def sizes(lab):
    made = Sizes(lab)
    yield made
    made.open.set()


@pytest.fixture
def proxy(lab, sizes):
    return lab.proxy(sizes.server, listen=HTTP2)


def order_of_ends(talk):
    return [frame.stream for frame in talk.frames if frame.ends]


# ---- Side by side ----


def test_a_slow_server_does_not_hold_up_others(proxy, sizes):
    with talk_to(proxy) as talk:
        slow = [talk.request("/wait") for _ in range(50)]
        for _ in range(20):
            assert talk.ask("/100").status == 200
        assert not any(talk.streams[stream].fields for stream in slow)
        sizes.open.set()
        assert {talk.response(stream).status for stream in slow} == {200}


def test_a_server_that_does_not_read_does_not_hold_up_others(lab, sizes):
    """Its stream's window fills, and that of the connection has room for others."""
    stop = threading.Event()

    def deaf(connection):
        connection.head()
        stop.wait(4 * PATIENCE)

    deaf_server = lab.server(deaf)
    backends = [backend_block("web", [sizes.server]), backend_block("deaf", [deaf_server])]
    certificate = lab.authority.certificate("localhost")
    proxy = lab.proxy(
        listen=HTTP2,
        sites=[site_block("localhost", [certificate], routes={"/": "web", "/deaf": "deaf"})],
        backends=backends,
    )
    with talk_to(proxy) as talk:
        talk.settled()
        stream = talk.stream()
        talk.send(frames.headers(stream, request("/deaf", "POST"), end=False))
        room = 65535
        while room:  # a window, and what is given back while the kernel takes it
            part = min(room, 16000)
            talk.send(frames.data(stream, b"d" * part))
            room -= part
        body = b"b" * 10_000
        for _ in range(10):
            assert talk.ask("/echo", "POST", body=body).body == body
        stop.set()


def test_a_stream_without_a_window_does_not_hold_up_others(proxy):
    with talk_to(proxy, window=False, initial_window_size=1000) as talk:
        talk.settled()
        stuck = [talk.request(f"/{LARGE}") for _ in range(5)]
        for stream in stuck:
            talk.until(lambda stream=stream: len(talk.streams[stream].body) == 1000, "a part")
        for _ in range(10):
            assert talk.ask("/500").status == 200


def test_many_requests_at_once(proxy, sizes):
    with talk_to(proxy) as talk:
        for _ in range(scaled(5)):
            streams = {talk.request(f"/{n * 37}"): n * 37 for n in range(100)}
            for stream, size in streams.items():
                assert talk.response(stream).body == b"s" * size
    assert {line["protocol"] for line in proxy.access_log(100)} == {"HTTP/2.0"}


def test_bodies_both_ways_at_once(proxy):
    with talk_to(proxy) as talk:
        bodies = {}
        for number in range(20):
            body = bytes([65 + number]) * 3000
            bodies[talk.request("/echo", "POST", body=body)] = body
        for stream, body in bodies.items():
            assert talk.response(stream).body == body


# ---- Windows are given back ----


def test_a_large_upload(proxy, sizes):
    with talk_to(proxy) as talk:
        stream = talk.settled().stream()
        body = bytes(range(256)) * (scaled(3_000_000) // 256)
        talk.send(frames.headers(stream, request("/echo", "POST"), end=False)).upload(stream, body)
        assert talk.response(stream).body == body


def test_padding_is_given_back(proxy, sizes):
    with talk_to(proxy) as talk:
        stream = talk.settled().stream()
        talk.send(frames.headers(stream, request("/echo", "POST"), end=False))
        talk.upload(stream, b"p" * 1500, size=1, padding=255)
        assert talk.response(stream).body == b"p" * 1500


@pytest.mark.parametrize("kind", ["answered", "reset", "too long"])
def test_what_nobody_reads_is_given_back(lab, kind):
    """More than the window of the connection, on streams whose bodies go nowhere."""
    certificate = lab.authority.certificate("localhost")
    inner = [
        block("certificate", f'"{certificate.path}"', {"key": f'"{certificate.key}"'}),
        block("route", "/", {"backend": "web"}),
        block("route", "/gone", {"return": 410}),
    ]
    site = block("site", "localhost", {}, inner)
    server = lab.keep_server(Behind())
    sections = [block("http2", options={"fault-rate": 1000, "stray-rate": 1000, "overhead": "1g"}), site]
    proxy = lab.proxy(server.address("web"), listen=HTTP2, sites=sections)
    fields = {
        "answered": request("/gone", "POST"),
        "reset": request("/", "POST", ("connection", "close")),
        "too long": request("/", "POST", ("content-length", "5")),
    }[kind]
    with talk_to(proxy) as talk:
        talk.settled()
        for _ in range(100):
            stream = talk.stream()
            talk.send(frames.headers(stream, fields, end=False))
            talk.upload(stream, b"x" * 16000)
        assert talk.ask().status == 200


# ---- Whose turn it is ----


def without_a_window(talk, fields, count=4, size=300_000):
    """That many responses of which no DATA may come, as the first has used up the window of the connection."""
    streams = []
    for _ in range(count):
        stream = talk.request(f"/{size}", "GET", *fields)
        streams.append(stream)
        talk.until(lambda stream=stream: talk.streams[stream].fields, "its head, with which a part of its body has come")
    talk.until(lambda: sum(len(talk.streams[stream].body) for stream in streams) == 65535, "a window of DATA")
    return streams


def test_what_is_urgent_comes_first(proxy):
    """By the order of frames: a small urgent response is not behind eight large ones."""
    with talk_to(proxy, window=False, initial_window_size=LARGE) as talk:
        talk.settled()
        large = without_a_window(talk, [], count=8)
        small = talk.request("/1024", "GET", ("priority", "u=0"))
        talk.until(lambda: talk.streams[small].fields, "the head of the small one")
        before = len(talk.frames)
        talk.open_window(10 * LARGE)
        assert len(talk.response(small).body) == 1024
        for stream in large:
            assert len(talk.response(stream).body) == 300_000
        assert [frame.stream for frame in talk.frames[before:] if frame.kind == Type.DATA][0] == small


def unsent_to(client):
    """Bytes in the send buffer of the other end of a connection."""
    ports = [client.socket.getpeername()[1], client.socket.getsockname()[1]]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        words = line.split()
        if [int(word.split(":")[1], 16) for word in words[1:3]] == ports:
            return int(words[4].split(":")[0], 16)
    raise AssertionError("the connection is gone")


def standing(client):
    """Waits until the send buffer has had something for some time, and nothing more comes into it."""
    seen = []

    def stands():
        seen.append(unsent_to(client))
        return len(seen) > 10 and seen[-1] > 0 and len(set(seen[-10:])) == 1

    wait_for(stands, "a full send buffer")


def test_little_is_ahead_of_what_is_urgent(lab, sizes):
    """The client reads once the urgent response is there. What was sealed or in the kernel is ahead, so it is bounded."""
    proxy = lab.proxy(sizes.server, listen=HTTP2)
    most = 2**31 - 1
    with talk_to(proxy, client={"receive_buffer": 65536}, initial_window_size=most) as talk:
        talk.settled().open_window(most - 2**20)
        assert talk.ask("/10", "GET", ("priority", "u=0")).status == 200
        large = [talk.request("/8000000") for _ in range(8)]
        talk.until(lambda: all(talk.streams[stream].body for stream in large), "the beginning of all")
        standing(talk.client)
        before = len(talk.frames)
        small = talk.request("/1024", "GET", ("priority", "u=0"))
        wait_for(lambda: "/1024" in sizes.server.answered, "the response of the server")
        assert len(talk.response(small).body) == 1024
        ahead = [frame for frame in talk.frames[before:] if frame.kind == Type.DATA and frame.stream in large]
        assert sum(len(frame.payload) for frame in ahead) < 1_000_000


def test_equals_take_turns_if_they_say_so(proxy):
    with talk_to(proxy, window=False, initial_window_size=LARGE) as talk:
        talk.settled()
        streams = without_a_window(talk, [("priority", "u=3, i")])
        before = len(talk.frames)
        talk.open_window(10 * LARGE)
        for stream in streams:
            talk.response(stream)
        data = [frame for frame in talk.frames[before:] if frame.kind == Type.DATA]
        first_end = [frame.ends for frame in data].index(True)
        assert {frame.stream for frame in data[:first_end]} == set(streams)


def test_others_come_one_after_the_other(proxy):
    """A client can use each of them only when it is complete."""
    with talk_to(proxy, window=False, initial_window_size=LARGE) as talk:
        talk.settled()
        streams = without_a_window(talk, [("priority", "u=3")], size=50_000)  # all of it is here by then
        talk.open_window(10 * LARGE)
        for stream in streams:
            talk.response(stream)
        assert order_of_ends(talk) == streams


def test_a_priority_update_counts(proxy):
    with talk_to(proxy, window=False, initial_window_size=LARGE) as talk:
        talk.settled()
        streams = without_a_window(talk, [("priority", "u=4")], count=3)
        last = streams[-1]
        before = len(talk.frames)
        talk.send(frames.priority_update(last, "u=0"))
        talk.open_window(10 * LARGE)
        for stream in streams:
            talk.response(stream)
        assert [frame.stream for frame in talk.frames[before:] if frame.kind == Type.DATA][0] == last


# ---- A request like any other ----


def test_the_access_log(lab, sizes, proxy):
    with talk_to(proxy) as talk:
        assert talk.ask("/logged?a=b", "GET", ("user-agent", "one"), ("referer", "there")).status == 200
        assert talk.ask("/x", "POST", body=b"hello").status == 200
        talk.send(frames.headers(talk.stream(), request("/bad", "GET", ("connection", "close"))))
        talk.until(lambda: talk.streams[5].reset is not None, "a reset")
    lines = proxy.access_log(3)
    assert [line["protocol"] for line in lines] == ["HTTP/2.0"] * 3
    assert (lines[0]["target"], lines[0]["user_agent"], lines[0]["status"]) == ("/logged?a=b", "one", 200)
    assert lines[1]["request_bytes"] == 5
    assert lines[2]["ended"]


MALFORMED = [
    ("connection", "close"),
    (":status", "200"),
    ("X-Up", "1"),
    ("a b", "1"),
    ("", "1"),
    ("x", " 1"),
    ("x", "1\r\ny: 2"),
    (":path", "/\r\nHost: other"),
]


def test_every_malformed_request_has_a_line(lab, sizes):
    """In the access log, with what came before the fault. No counter of requests has it."""
    proxy = lab.proxy(sizes.server, listen=HTTP2)
    head = [(":method", "GET"), (":scheme", "https"), (":authority", "localhost")]
    with talk_to(proxy) as talk:
        for fault in MALFORMED:
            path = [] if fault[0] == ":path" else [(":path", "/bad")]
            stream = talk.stream()
            talk.send(frames.headers(stream, [*head, *path, fault, ("user-agent", "one")]))
            assert talk.response(stream).reset == Code.PROTOCOL_ERROR, fault
        assert talk.ask("/").status == 200
    lines = proxy.access_log(len(MALFORMED) + 1)
    assert [line["status"] for line in lines] == [0] * len(MALFORMED) + [200]
    assert {line["host"] for line in lines} == {"localhost"}
    assert {line["target"] for line in lines[:-2]} == {"/bad"}
    assert all(line["ended"] for line in lines[:-1])
    metrics = proxy.metrics()
    assert (metrics["requests"], metrics["requests_http2"]) == (1, 1)


def test_the_size_of_bodies(lab, sizes):
    proxy = lab.proxy(sizes.server, listen=HTTP2, limits={"body-size": "10k"})
    with talk_to(proxy) as talk:
        assert talk.ask("/", "POST", body=b"x" * 10240).status == 200
        refused = talk.ask("/", "POST", ("content-length", "10241"), body=b"x" * 10241)
        assert refused.status == 413
        assert talk.ask("/", "POST", body=b"x" * 10241).status == 413
        assert talk.ask("/").status == 200


def test_the_rate_of_a_client(lab, sizes):
    certificate = lab.authority.certificate("localhost")
    inner = [
        block("certificate", f'"{certificate.path}"', {"key": f'"{certificate.key}"'}),
        block("route", "/", {"backend": "web", "rate": 1, "burst": 4}),
    ]
    proxy = lab.proxy(sizes.server, listen=HTTP2, sites=[block("site", "localhost", {}, inner)])
    with talk_to(proxy) as talk:
        streams = [talk.request("/") for _ in range(10)]
        statuses = sorted(talk.response(stream).status for stream in streams)
        assert statuses[:4] == [200] * 4 and statuses[-1] == 429
        assert talk.goaway is None


@pytest.mark.parametrize("streams", [1, 5])
def test_streams_at_once(lab, sizes, streams):
    """At the limit, and one beyond."""
    proxy = lab.proxy(sizes.server, listen=HTTP2, limits={"streams": streams})
    with talk_to(proxy) as talk:
        talk.settled()
        waiting = [talk.request("/wait") for _ in range(streams)]
        beyond = talk.request("/beyond")
        assert talk.response(beyond).reset == Code.REFUSED_STREAM
        sizes.open.set()
        assert {talk.response(stream).status for stream in waiting} == {200}
        assert talk.ask("/again").status == 200
    assert "/beyond" not in [asked.target for asked in sizes.server.requests]


def test_a_list_of_fields_at_its_limit(lab, sizes):
    """16 KiB: names and values, and 32 bytes for each field."""
    proxy = lab.proxy(sizes.server, listen=HTTP2, limits={"header-size": "4k"})
    ordinary = sum(len(name) + len(value) + 32 for name, value in request())
    left = 4096 - ordinary - len("x") - 32
    with talk_to(proxy) as talk:
        assert talk.settled().peer_settings[6] == 4096
        assert talk.ask("/", "GET", ("x", "v" * left)).status in (200, 431)
        assert talk.ask("/", "GET", ("x", "v" * (left - 200))).status == 200
        assert talk.ask("/", "GET", ("x", "v" * (left + 1))).status == 431
        crumbs = [("cookie", f"a={number}") for number in range(120)]
        assert talk.ask("/", "GET", *crumbs).status == 431
        assert talk.ask("/").status == 200


def block_of(size, *pieces):
    """A header block of `size` bytes that begins with these pieces."""
    start = b"".join(pieces)
    overhead = len(hpack.literal("x", "v" * 4000)) - 4000
    block = start + hpack.literal("x", "v" * (size - len(start) - overhead))
    assert len(block) == size
    return block


def send_in_parts(talk, stream, block):
    whole = frames.headers(stream, block[:4000], whole=False) + frames.continuation(stream, block[4000:])
    talk.send(whole)


@pytest.mark.parametrize("size", [4097, 8191, 8192])
def test_a_block_that_is_longer_than_a_list(lab, sizes, size):
    """Its request is refused. Its fields are in the table, and the other requests go on."""
    proxy = lab.proxy(sizes.server, listen=HTTP2, limits={"header-size": "4k"})
    with talk_to(proxy) as talk:
        slow, refused, last = talk.settled().request("/wait"), talk.stream(), talk.stream()
        ordinary = hpack.block(request())
        send_in_parts(talk, refused, block_of(size, ordinary, hpack.remembered("kept", "here")))
        assert talk.response(refused).status == 431
        talk.send(frames.headers(last, ordinary + hpack.indexed(62)))
        assert talk.response(last).status == 200
        sizes.open.set()
        assert talk.response(slow).status == 200
    served = [asked for asked in sizes.server.requests if asked.target == "/"]
    assert [asked.get("kept") for asked in served] == ["here"]


def test_a_block_that_is_longer_than_two_lists(lab, sizes):
    proxy = lab.proxy(sizes.server, listen=HTTP2, limits={"header-size": "4k"})
    with talk_to(proxy) as talk:
        send_in_parts(talk.settled(), talk.stream(), block_of(8193, hpack.block(request())))
        assert talk.read_end() == CLOSE_NOTIFY
        assert talk.goaway.code == Code.ENHANCE_YOUR_CALM
    assert sizes.server.requests == []


def test_a_coalesced_request_for_another_site(lab, sizes):
    """Its certificate covers only its own name, so the client is to connect to the other site."""
    names = ("localhost", "other.test")
    sites = [site_block(name, [lab.authority.certificate(name)]) for name in names]
    proxy = lab.proxy(sizes.server, listen=HTTP2, sites=sites)
    with talk_to(proxy) as talk:
        assert talk.ask("/").status == 200
        assert talk.ask("/", authority="other.test").status == 421
        assert talk.ask("/", authority="nobody.test").status == 421
        assert talk.ask("/").status == 200
    assert len(sizes.server.requests) == 2


def test_a_coalesced_request_for_another_name_of_the_site(lab, sizes):
    certificate = lab.authority.certificate("localhost", "also.test")
    proxy = lab.proxy(sizes.server, listen=HTTP2, sites=[site_block("localhost", [certificate], ["also.test"])])
    with talk_to(proxy) as talk:
        assert talk.ask("/").status == 200
        assert talk.ask("/", authority="also.test").status == 200


@pytest.fixture(scope="module")
def clients():
    folder = new_folder("clients")
    yield Authorities(folder)
    remove_folder(folder)


def test_clients_with_certificates(lab, sizes, clients):
    closed = lab.server(reply=lambda request: response("closed"))
    open_site = site_block("open.test", [lab.authority.certificate("open.test", "closed.test")], routes={"/": "open"})
    proxy = lab.proxy(
        listen=HTTP2,
        sites=[open_site, asking(lab, clients.root.ca, name="closed.test", backend="closed")],
        backends=[backend_block("open", [sizes.server]), backend_block("closed", [closed])],
    )
    context = context_with(lab, clients.ada)
    context.set_alpn_protocols(["h2"])
    with talk_to(proxy, client={"context": context, "sni": "closed.test"}) as talk:
        assert talk.ask("/", authority="closed.test").body == b"closed"
        assert talk.ask("/", authority="open.test").status == 421
    with talk_to(proxy, client={"sni": "open.test"}) as talk:
        assert talk.ask("/", authority="closed.test").status == 421
    with talk_to(proxy, client={"context": context, "sni": "open.test"}) as talk:
        assert talk.ask("/", authority="closed.test").status == 421
    assert [asked.get(FINGERPRINT) for asked in closed.requests] == [fingerprint(clients.ada)]


def test_a_client_stays_with_its_server(lab):
    servers = [lab.server(reply=lambda request, name=name: response(name)) for name in "abc"]
    proxy = lab.proxy(listen=HTTP2, backends=[backend_block("web", servers, {"sticky": "id"})])
    with talk_to(proxy) as talk:
        first = talk.ask("/")
        cookie = first.get("set-cookie").partition(";")[0]
        streams = [talk.request("/", "GET", ("cookie", "a=b"), ("cookie", cookie)) for _ in range(20)]
        assert {talk.response(stream).body for stream in streams} == {first.body}
        assert not any(talk.streams[stream].all("set-cookie") for stream in streams)


def test_answers_of_ravelin(lab, sizes):
    certificate = lab.authority.certificate("localhost")
    inner = [
        block("certificate", f'"{certificate.path}"', {"key": f'"{certificate.key}"'}),
        block("route", "/", {"backend": "web"}),
        block("route", "/gone", {"return": 410}),
        block("route", "/old", {"redirect": '"/new"'}),
    ]
    proxy = lab.proxy(sizes.server, listen=HTTP2, sites=[block("site", "localhost", {}, inner)])
    with talk_to(proxy) as talk:
        assert talk.ask("/gone").status == 410
        moved = talk.ask("/old")
        assert moved.status in (301, 302, 307, 308) and moved.get("location")
        assert talk.ask("/gone", "HEAD").body == b""
        assert talk.ask("/").status == 200
        # A body that comes behind an answer is let go.
        streams = [talk.request("/gone", "POST", body=b"x" * 5000) for _ in range(10)]
        assert {talk.response(stream).status for stream in streams} == {410}


def test_a_server_that_is_not_there(lab):
    proxy = lab.proxy(lab.refused_address(), listen=HTTP2, allow=[".*"])
    with talk_to(proxy) as talk:
        streams = [talk.request("/") for _ in range(20)]
        assert {talk.response(stream).status for stream in streams} <= {502, 503}


def test_an_early_response_lets_the_body_go(lab):
    """NO_ERROR tells the client not to send the rest (RFC 9113 8.1)."""

    def script(connection):
        connection.head()
        connection.send(response("early", "403 Forbidden", ["Connection: close"]))
        connection.close()

    proxy = lab.proxy(lab.server(script), listen=HTTP2)
    with talk_to(proxy) as talk:
        stream = talk.stream()
        talk.send(frames.headers(stream, request("/", "POST"), end=False), frames.data(stream, b"x" * 1000))
        answer = talk.response(stream)
        assert (answer.status, answer.body) == (403, b"early")
        talk.until(lambda: answer.reset is not None, "RST_STREAM")
        assert answer.reset == Code.NO_ERROR
        talk.send(frames.data(stream, b"x" * 1000, end=True))  # it was under way
        talk.echo()


def test_expect_is_answered_when_the_server_is_ready(lab):
    server = lab.keep_server(Behind())
    proxy = lab.proxy(server.address("web"), listen=HTTP2)
    with talk_to(proxy) as talk:
        stream = talk.stream()
        fields = request("/", "POST", ("expect", "100-continue"), ("content-length", "5"))
        talk.send(frames.headers(stream, fields, end=False), frames.data(stream, b"hello", end=True))
        assert talk.response(stream).status == 200
    [(message, cut)] = server.seen_since(0)
    assert (message.start, message.body, cut) == ("POST / HTTP/1.1", b"hello", False)


def test_grpc_web(lab):
    """A POST of unknown length, a response with trailers."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/grpc-web+proto\r\nTransfer-Encoding: chunked\r\n\r\n"

    def reply(request):
        trailers = ["Grpc-Status: 0", "Grpc-Message: fine"]
        return head + chunked(request.body[:5], request.body[5:], trailers=trailers)

    server = lab.server(reply=reply)
    proxy = lab.proxy(server, listen=HTTP2)
    with talk_to(proxy) as talk:
        streams = []
        for number in range(20):
            stream = talk.stream()
            message = bytes([0, 0, 0, 0, 3]) + b"abc" * (number + 1)
            fields = request(
                "/service/Method", "POST", ("content-type", "application/grpc-web+proto"), ("te", "trailers")
            )
            talk.send(frames.headers(stream, fields, end=False), frames.data(stream, message[:4]))
            talk.send(frames.data(stream, message[4:]), frames.headers(stream, [("x-sum", "1")]))
            streams.append((stream, message))
        for stream, message in streams:
            answer = talk.response(stream)
            assert answer.body == message
            assert answer.trailers == [("grpc-status", "0"), ("grpc-message", "fine")]
    assert all(asked.trailers == [("x-sum", "1")] for asked in server.requests)


# ---- Shortage ----


def test_without_descriptors_streams_are_refused_and_the_connection_goes_on(lab, sizes):
    """New connections to servers cannot be made; the pooled one serves on."""
    program = lab.subfolder("bin") / "ravelin"
    program.write_text(f'#!/bin/sh\nulimit -n 48\nexec "{RAVELIN}" "$@"\n')
    program.chmod(0o755)
    limits = {"handshake-timeout": "10m", "idle-timeout": "10m"}
    proxy = lab.proxy(sizes.server, listen=HTTP2, limits=limits, program=program, allow=["."])
    [worker] = proxy.worker_pids().values()
    with talk_to(proxy) as talk:
        assert talk.ask("/1").status == 200
        silent = [lab.plain_client(proxy.port) for _ in range(48)]
        proxy.wait_for_log("cannot accept on .*: Too many open files")
        held = talk.request("/wait")  # takes the pooled connection
        wait_for(lambda: len(sizes.server.requests) == 2, "the request at the server")
        for _ in range(5):
            assert talk.ask("/2").status in (502, 503)
        sizes.open.set()
        assert talk.response(held).status == 200
        assert talk.ask("/3").status == 200
        for client in silent:
            client.close()
        wait_for(lambda: proxy.metrics()["sessions_open"] == 1, "the silent clients to be gone")
        streams = [talk.request(f"/{number}") for number in range(20)]
        assert {talk.response(stream).status for stream in streams} == {200}
    assert list(proxy.worker_pids().values()) == [worker]


def test_memory_of_a_connection_is_bounded(lab, sizes):
    """Uploads that no server takes: what a client may send is what its windows say."""
    proxy = lab.proxy(lab.deaf_server(), listen=HTTP2, backend={"connect-timeout": "1m"})
    [worker] = proxy.worker_pids().values()
    with talk_to(proxy) as talk:
        talk.settled().echo()
        before = memory_kib(worker)
        room = talk.room
        streams = [talk.request("/", "POST", end=False) for _ in range(100)]
        for stream in streams:
            talk.upload(stream, b"m" * 65536, end=False)
        talk.echo()
        assert room <= 2**20 and talk.room <= 2**20
        assert {talk.streams[stream].room for stream in streams} == {0}
        if not SANITIZED:
            assert memory_kib(worker) - before < 2 * (100 * 64 + 1024)


# ---- WebSocket over HTTP/2 ----


def websocket(path="/chat", *fields):
    pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", "localhost")]
    return [*pseudo, (":path", path), ("sec-websocket-version", "13"), ("origin", "https://localhost"), *fields]


SWITCHES = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"


def accept_line(head):
    """RFC 6455 4.2.2: what proves that the server has understood the request."""
    key = head.get("Sec-WebSocket-Key")
    assert len(base64.b64decode(key, validate=True)) == 16
    digest = hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest()
    return f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}\r\n"


def upgrading(connection):
    """Says 101, then sends back what comes."""
    head = connection.head()
    assert head.method == "GET" and head.get("Upgrade") == "websocket"
    connection.send(f"{SWITCHES}{accept_line(head)}Sec-WebSocket-Protocol: chat\r\n\r\n".encode())
    while True:
        data = connection.reader.take(len(connection.reader.buffer)) or connection.socket.recv(65536)
        if not data:
            return
        connection.send(data)


def test_websockets_side_by_side(lab):
    proxy = lab.proxy(lab.server(upgrading), listen=HTTP2)
    with talk_to(proxy) as talk:
        talk.settled()
        streams = [talk.stream() for _ in range(5)]
        for stream in streams:
            talk.send(frames.headers(stream, websocket("/chat", ("sec-websocket-protocol", "chat")), end=False))
        for stream in streams:
            talk.until(lambda stream=stream: talk.streams[stream].fields, "a response")
            assert talk.streams[stream].status == 200
            assert talk.streams[stream].get("sec-websocket-protocol") == "chat"
            assert not talk.streams[stream].all("sec-websocket-accept")
        for round in range(10):
            for stream in streams:
                talk.send(frames.data(stream, b"%d-%d;" % (stream, round)))
        for stream in streams:
            wanted = b"".join(b"%d-%d;" % (stream, round) for round in range(10))
            talk.until(lambda stream=stream, wanted=wanted: talk.streams[stream].body == wanted, "the echo")
        for stream in streams:
            talk.send(frames.data(stream, end=True))
            talk.response(stream)


@pytest.mark.parametrize("opened", [True, False], ids=["opened", "not opened yet"])
def test_headers_in_a_websocket(lab, opened):
    """Only DATA may come on the stream of a CONNECT (RFC 9113 8.5). Another stream is not disturbed."""
    heads = []

    def script(connection):
        if opened:
            upgrading(connection)
        else:
            heads.append(connection.head())
            connection.reader.more()

    proxy = lab.proxy(lab.server(script), listen=HTTP2)
    with talk_to(proxy) as talk:
        streams = [talk.stream(), talk.stream()]
        for stream in streams:
            talk.send(frames.headers(stream, websocket(), end=False))
        if opened:
            talk.until(lambda: all(talk.streams[stream].fields for stream in streams), "responses")
        else:
            wait_for(lambda: len(heads) == 2, "both requests")
        talk.send(frames.headers(streams[0], [("x", "y")]))
        talk.until(lambda: talk.streams[streams[0]].reset is not None, "RST_STREAM")
        assert talk.streams[streams[0]].reset == Code.PROTOCOL_ERROR
        if opened:
            talk.send(frames.data(streams[1], b"hello"))
            talk.until(lambda: talk.streams[streams[1]].body == b"hello", "the echo")
        talk.echo()


def test_a_websocket_that_is_refused(lab):
    proxy = lab.proxy(lab.server(reply=lambda request: response("no", "403 Forbidden")), listen=HTTP2)
    with talk_to(proxy) as talk:
        stream = talk.stream()
        talk.send(frames.headers(stream, websocket(), end=False))
        answer = talk.response(stream)
        assert (answer.status, answer.body) == (403, b"no")
        assert talk.ask("/").status == 403


def test_a_websocket_whose_server_goes(lab):
    def script(connection):
        connection.send(f"{SWITCHES}{accept_line(connection.head())}\r\nhello".encode())
        connection.close()

    proxy = lab.proxy(lab.server(script), listen=HTTP2)
    with talk_to(proxy) as talk:
        stream = talk.stream()
        talk.send(frames.headers(stream, websocket(), end=False))
        answer = talk.response(stream)
        assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize(
    "reply",
    [
        SWITCHES + "\r\n",
        SWITCHES + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        SWITCHES + "Sec-WebSocket-Accept: {0}\r\nSec-WebSocket-Accept: {0}\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 200 OK\r\nSec-WebSocket-Accept: {0}\r\nContent-Length: 2\r\n\r\nno",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=["no accept", "another accept", "two of them", "200", "200 with accept", "204", "206"],
)
def test_a_websocket_that_is_not_opened(lab, reply):
    """The client would take any 2xx for an open WebSocket (RFC 8441 5). No byte of the client reaches the server."""
    received = []

    def script(connection):
        accept = accept_line(connection.head()).partition(": ")[2].strip()
        connection.send(reply.format(accept).encode())
        connection.reader.more()
        received.append(bytes(connection.reader.buffer))

    proxy = lab.proxy(lab.server(script), listen=HTTP2, allow=["bad response: 101 without the right"])
    with talk_to(proxy) as talk:
        stream = talk.stream()
        talk.send(frames.headers(stream, websocket(), end=False), frames.data(stream, b"GET /x HTTP/1.1\r\n\r\n"))
        assert talk.response(stream).status == 502
        wait_for(lambda: received, "the end of the server's connection")
        assert received == [b""]


def test_a_websocket_to_a_fixed_response(lab):
    certificate = lab.authority.certificate("localhost")
    inner = [
        block("certificate", f'"{certificate.path}"', {"key": f'"{certificate.key}"'}),
        block("route", "/fixed", {"return": 200}),
    ]
    proxy = lab.proxy(lab.server(), listen=HTTP2, sites=[block("site", "localhost", {}, inner)])
    with talk_to(proxy) as talk:
        assert talk.ask("/fixed").status == 200
        stream = talk.stream()
        talk.send(frames.headers(stream, websocket("/fixed"), end=False))
        assert talk.response(stream).status == 501
    assert proxy.access_log(2)[1]["ended"] == "a response that opens no WebSocket"
