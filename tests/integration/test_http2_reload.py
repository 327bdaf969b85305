"""What a reload means to open connections of HTTP/2: those whose site is not what it was end in order, others go on."""

import ssl
from contextlib import ExitStack

import pytest

from ravelin_test.client import CLOSE_NOTIFY, Client, client_context
from ravelin_test.http2 import Code, Talk, Type, frames, talk_to
from ravelin_test.proxy import site_block
from ravelin_test.waiting import wait_for
from test_client_certificates import Authorities, asking, context_with
from test_http2_ends import HTTP2, LAST, Gate, goaways, until_goaway


@pytest.fixture
def gate(lab):
    made = Gate(lab)
    yield made
    made.open.set()


@pytest.fixture
def clients(lab):
    return Authorities(lab.folder)


def slow_request(talk, gate, authority="localhost"):
    """Returns the stream of a request that the server works for."""
    before = len(gate.server.requests)
    stream = talk.request("/slow", authority=authority)
    wait_for(lambda: len(gate.server.requests) > before, "the request at the server")
    return stream


class Halting(Client):
    """Something happens within its handshake: in the middle of its flight of this number, or before it."""

    def __init__(self, port, context, sni, flight, meanwhile):
        self._flights, self._flight, self._meanwhile = 0, flight, meanwhile
        super().__init__(port, context, sni)

    def _flush(self):
        data = self._out.read()
        if data:
            self._flights += 1
            if self._flights == self._flight:
                half = len(data) // 2 if self._flight == 1 else 0
                self.socket.sendall(data[:half])
                self._meanwhile()
                data = data[half:]
            self.socket.sendall(data)


class Place:
    """A proxy with several sites, and an HTTP/2 connection for a name of each."""

    def __init__(self, lab, server, names=("first.test", "a.test", "b.test"), **options):
        self.lab = lab
        self.certificates = {name: lab.authority.certificate(name) for name in (*names, "other.test")}
        self.proxy = lab.proxy(server, listen=HTTP2, sites=[self.site(name) for name in names], **options)
        self.stack = ExitStack()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    def site(self, name, **options):
        return site_block(name, [self.certificates[name]], **options)

    def talk(self, sni, **client):
        return self.stack.enter_context(talk_to(self.proxy, client={"sni": sni, **client})).settled()

    def reload(self, *sites, **sections):
        if sites:
            sections["sites"] = list(sites)
        self.proxy.configure(**sections)
        self.proxy.reload()


def assert_untouched(talk, authority):
    assert talk.ask("/", authority=authority).status == 200
    assert not goaways(talk.echo())


def assert_ends(talk):
    assert talk.read_end() == CLOSE_NOTIFY
    assert [frame.code for frame in goaways(talk)] == [Code.NO_ERROR] * 2
    assert goaways(talk)[0].last_stream == LAST


def test_a_site_that_is_removed(lab, gate):
    with Place(lab, gate.server) as place:
        old, busy, other = place.talk("a.test"), place.talk("a.test"), place.talk("b.test")
        busy.acknowledges = False
        stream = slow_request(busy, gate, "a.test")
        upload = busy.request("/upload", "POST", authority="a.test", end=False)
        busy.send(frames.data(upload, b"x" * 1000))
        place.reload(place.site("first.test"), place.site("b.test"))
        first = until_goaway(busy)
        assert (first.code, first.last_stream) == (Code.NO_ERROR, LAST)
        late = busy.request("/late", authority="a.test")  # it could have been on its way
        assert busy.response(late).status == 421
        [ping] = [frame for frame in busy.frames if frame.kind == Type.PING]
        busy.send(frames.ping(ping.payload, ack=True))
        second = until_goaway(busy, 2)
        assert (second.code, second.last_stream) == (Code.NO_ERROR, late)
        busy.send(frames.data(upload, b"x" * 1000, end=True))
        gate.open.set()
        assert busy.response(upload).body == b"POST /upload 2000"
        assert busy.response(stream).body == b"GET /slow 0"
        assert busy.read_end() == CLOSE_NOTIFY
        assert_ends(old)
        assert_untouched(other, "b.test")
    place.proxy.wait_for_metrics(generations_held=1)


def test_a_name_that_moves_to_another_site(lab, gate):
    with Place(lab, gate.server, names=("a.test", "other.test")) as place:
        talk, other = place.talk("a.test"), place.talk("other.test")
        place.reload(place.site("other.test", aliases=["a.test"]))
        assert_ends(talk)
        assert_untouched(other, "other.test")


def test_another_default_site(lab, gate):
    """It served the clients that named none."""
    with Place(lab, gate.server, names=("a.test", "b.test")) as place:
        context = context_with(lab)
        context.check_hostname = False
        context.set_alpn_protocols(["h2"])
        nameless, named = place.talk(None, context=context), place.talk("a.test")
        place.reload(place.site("a.test"))
        assert_untouched(nameless, "a.test")
        place.reload(place.site("b.test"), place.site("a.test"))
        assert_ends(nameless)
        assert_untouched(named, "a.test")


def test_other_rules_for_certificates_of_clients(lab, gate, clients):
    with Place(lab, gate.server, names=("a.test", "b.test")) as place:
        certified = context_with(lab, clients.ada)
        certified.set_alpn_protocols(["h2"])
        plain, other = place.talk("a.test"), place.talk("b.test")
        asks = asking(lab, clients.root.ca, name="a.test", mode="optional")
        place.reload(asks, place.site("b.test"))
        assert_ends(plain)
        optional = place.talk("a.test", context=certified)
        assert optional.ask("/", authority="a.test").status == 200
        place.reload(asks, place.site("b.test"), limits={"streams": 50})
        assert_untouched(optional, "a.test")
        place.reload(asking(lab, clients.root.ca, name="a.test", mode="required"), place.site("b.test"))
        assert_ends(optional)
        required = place.talk("a.test", context=certified)
        place.reload(place.site("a.test"), place.site("b.test"))
        assert_untouched(required, "a.test")
        assert_untouched(other, "b.test")


def test_a_new_certificate_ends_nothing(lab, gate):
    with Place(lab, gate.server) as place:
        talk = place.talk("a.test")
        place.certificates["a.test"] = lab.authority.certificate("a.test", "more.test")
        place.reload(place.site("first.test"), place.site("a.test"), place.site("b.test"))
        assert_untouched(talk, "a.test")


def test_http2_is_switched_off(lab, gate):
    with Place(lab, gate.server) as place:
        talk = place.talk("a.test")
        place.reload(listen={"http2": "yes", "proxy-protocol": "no"})
        assert_untouched(talk, "a.test")
        stream = slow_request(talk, gate, "a.test")
        place.reload(listen={"http2": "no"})
        until_goaway(talk)
        assert talk.ask("/late", authority="a.test").status == 200
        gate.open.set()
        assert talk.response(stream).body == b"GET /slow 0"
        assert_ends(talk)
        with place.proxy.client(sni="a.test") as client:
            assert client.ask(host="a.test").status == 200


@pytest.mark.parametrize("change", ["site", "listener"])
def test_a_reload_within_a_client_hello(lab, gate, change):
    """The handshake goes by the new configuration."""
    with Place(lab, gate.server, names=("localhost", "other.test")) as place:
        context = client_context(lab.authority.ca, ("h2", "http/1.1"))
        if change == "site":
            with pytest.raises((ssl.SSLError, OSError)):
                Halting(place.proxy.port, context, "localhost", 1, lambda: place.reload(place.site("other.test")))
        else:
            with Halting(
                place.proxy.port, context, "localhost", 1, lambda: place.reload(listen={"http2": "no"})
            ) as client:
                assert client.tls.selected_alpn_protocol() == "http/1.1"
                assert client.ask().status == 200


@pytest.mark.parametrize("change", ["site", "listener", "nothing"])
def test_a_reload_before_finished(lab, gate, change):
    """The handshake goes by the configuration that it began with, and its connection ends in order."""
    with Place(lab, gate.server, names=("localhost", "other.test")) as place:
        changes = {
            "site": {"sites": [place.site("other.test")]},
            "listener": {"listen": {"http2": "no"}},
            "nothing": {"limits": {"streams": 50}},
        }
        context = client_context(lab.authority.ca, ("h2", "http/1.1"))
        with Halting(place.proxy.port, context, "localhost", 2, lambda: place.reload(**changes[change])) as client:
            assert client.tls.selected_alpn_protocol() == "h2"
            talk = Talk(client).start()
            if change == "nothing":
                assert_untouched(talk, "localhost")
            else:
                assert_ends(talk)


def test_many_reloads_one_after_another(lab, gate):
    """Each changes something else, and what they leave as it was goes on."""
    with Place(lab, gate.server) as place:
        talks = {name: place.talk(name) for name in ("a.test", "b.test", "first.test")}
        streams = {name: slow_request(talk, gate, name) for name, talk in talks.items()}
        for sites in (["a.test", "first.test", "b.test"], ["a.test", "first.test"], ["first.test"], ["first.test"]):
            place.reload(*[place.site(name) for name in sites])
        gate.open.set()
        for name, talk in talks.items():
            assert talk.response(streams[name]).status == 200
        assert_untouched(talks["first.test"], "first.test")
        assert_ends(talks["a.test"])
        assert_ends(talks["b.test"])
