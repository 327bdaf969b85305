"""The options of the section http2: each below its limit, at it, and above."""

import pytest

from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.http import response
from ravelin_test.http2 import Code, Setting, frames, request, talk_to
from ravelin_test.http2.behind import HOLD, Behind
from ravelin_test.http2.cases import send
from ravelin_test.proxy import backend_block, block, site_block

HTTP2 = {"http2": "yes"}
BURST = 10  # seconds' worth of a rate that may come at once


def proxy_with(lab, server, limits=None, **options):
    """A proxy with these options in its section http2."""
    options = {name.replace("_", "-"): value for name, value in options.items()}
    site = site_block("localhost", [lab.authority.certificate("localhost")])
    return lab.proxy(server, listen=HTTP2, limits=limits, sites=[block("http2", options=options), site])


@pytest.fixture
def held(lab):
    """A server that answers nothing but "/" and "/served"."""
    server = lab.keep_server(Behind())
    server.replies = {"/hold": HOLD}
    return server.address("web")


def counted(request):
    return response(str(len(request.body)))


def get(stream, path="/hold", **options):
    return frames.headers(stream, request(path), **options)


def each_stream(make):
    return lambda count: b"".join(make(2 * number + 1) for number in range(count))


def times(frame):
    return lambda count: frame * count


# Option: what counts, and how often the beginning of a connection has counted already.
RATES = {
    "ping-rate": (times(frames.ping()), 0),
    "settings-rate": (times(frames.settings()), 2),  # SETTINGS and the ACK
    "priority-rate": (times(frames.priority(1)), 0),
    "window-update-rate": (times(frames.window_update(0, 1)), 0),
    "reset-rate": (each_stream(lambda stream: get(stream) + frames.reset(stream)), 0),
    "fault-rate": (each_stream(lambda stream: frames.headers(stream, [("x", "y")])), 0),
    "stray-rate": (times(frames.frame(0x99)), 0),
}


@pytest.mark.parametrize("option", RATES)
def test_a_rate(lab, held, option):
    make, before = RATES[option]
    proxy = proxy_with(lab, held, **{option: 1})
    for count in (BURST - before - 1, BURST - before):
        with talk_to(proxy) as talk:
            talk.settled()
            send(talk, make(count))
            talk.send(frames.headers(talk.stream(1001), request("/served")))
            assert talk.response(1001).status == 200, count
    with talk_to(proxy) as talk:
        talk.settled()
        send(talk, make(BURST - before + 3))  # a little comes back meanwhile
        assert talk.read_end() == CLOSE_NOTIFY
        assert talk.goaway.code == Code.ENHANCE_YOUR_CALM
    with talk_to(proxy) as talk:
        assert talk.ask("/served").status == 200


def test_the_rate_of_empty_frames(lab, held):
    proxy = proxy_with(lab, held, empty_rate=1)
    for count, status in ((BURST, 200), (BURST + 3, None)):
        with talk_to(proxy) as talk:
            stream = talk.stream()
            talk.send(frames.headers(stream, request("/served", "POST"), end=False), frames.data(stream) * count)
            talk.send(frames.data(stream, b"x", end=True))
            if status:
                assert talk.response(stream).status == status
            else:
                assert talk.read_end() == CLOSE_NOTIFY
                assert talk.goaway.code == Code.ENHANCE_YOUR_CALM


@pytest.mark.parametrize("most", [0, 3])
def test_continuations(lab, held, most):
    proxy = proxy_with(lab, held, continuations=most)
    block = frames.hpack.block(request("/served"))
    for count, fine in ((most, True), (most + 1, False)):
        cuts = [block[n : n + 1] for n in range(count)] + [block[count:]]
        with talk_to(proxy) as talk:
            talk.send(frames.headers(talk.stream(), cuts[0], whole=count == 0))
            talk.send(*[frames.continuation(1, cut, whole=n == count) for n, cut in enumerate(cuts[1:], 1)])
            if fine:
                assert talk.response(1).status == 200
            else:
                assert talk.read_end() == CLOSE_NOTIFY
                assert talk.goaway.code == Code.ENHANCE_YOUR_CALM


def test_the_window_of_a_stream(lab, held):
    """Its client may send as much before its server has read any, and not a byte more."""
    proxy = proxy_with(lab, held, stream_window="20000", connection_window="1m")
    with talk_to(proxy) as talk:
        talk.settled().echo()
        assert talk.peer_settings[Setting.INITIAL_WINDOW_SIZE] == 20000
        talk.send(get(talk.stream(), end=False), frames.data(1, b"x" * 16384), frames.data(1, b"x" * 3616))
        talk.echo()
        assert talk.streams[1].reset is None
    with talk_to(proxy) as talk:
        talk.settled().echo()
        beyond = [frames.data(1, b"x" * 16384), frames.data(1, b"x" * 16384)]
        talk.send(get(talk.stream(), end=False), *beyond)
        talk.until(lambda: talk.streams[1].reset is not None, "RST_STREAM")
        assert talk.streams[1].reset == Code.FLOW_CONTROL_ERROR


def test_the_window_of_a_connection(lab):
    """Bodies that wait for a connection to their server are bounded by their streams, and hold up no other one."""
    backends = [backend_block("deaf", [lab.deaf_server()]), backend_block("web", [lab.server(reply=counted)])]
    site = site_block("localhost", [lab.authority.certificate("localhost")], routes={"/": "web", "/deaf/": "deaf"})
    windows = block("http2", options={"stream-window": "64k", "connection-window": "64k"})
    proxy = lab.proxy(listen=HTTP2, limits={"streams": 5}, backends=backends, sites=[windows, site])
    with talk_to(proxy) as talk:
        talk.settled().echo()
        for _ in range(4):
            talk.upload(talk.request("/deaf/", "POST", end=False), b"x" * 65536, end=False)
        fast = talk.request("/", "POST", end=False)
        assert talk.upload(fast, b"x" * 1_000_000).response(fast).body == b"1000000"
        granted = talk.echo().room
        assert granted <= 2 * 65536
        talk.send(frames.data(1, b"x"))
        talk.until(lambda: talk.streams[1].reset is not None, "RST_STREAM")
        assert talk.streams[1].reset == Code.FLOW_CONTROL_ERROR


def test_responses_that_are_not_taken(lab):
    server = lab.server(reply=lambda request: response(b"x" * 100_000))
    proxy = proxy_with(lab, server, limits={"idle-timeout": "1h"}, stalled_streams=3)
    with talk_to(proxy, initial_window_size=0) as talk:
        talk.settled()
        streams = [talk.request(f"/{number}") for number in range(8)]
        talk.until(lambda: sum(talk.streams[stream].reset is not None for stream in streams) == 5, "resets")
        assert {talk.streams[stream].reset for stream in streams} == {None, Code.ENHANCE_YOUR_CALM}
        assert talk.echo().goaway is None


def test_overhead(lab, held):
    """Frames that are within their rates, but say nothing."""
    proxy = proxy_with(lab, held, overhead="64k", stray_rate=6000)
    with talk_to(proxy) as talk:
        talk.send(frames.frame(0x99, 0, 0, bytes(16000)) * 3)
        assert talk.ask("/served").status == 200
        talk.send(frames.frame(0x99, 0, 0, bytes(16000)) * 8)
        assert talk.read_end() == CLOSE_NOTIFY
        assert talk.goaway.code == Code.ENHANCE_YOUR_CALM
