"""authorize: a server decides by its response to a subrequest whether a request goes on."""

import threading

import pytest

from ravelin_test.http import chunked, request, response
from ravelin_test.http2 import talk_to
from ravelin_test.processes import text as text_of
from ravelin_test.proxy import backend_block, block
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for

NAMES = {"headers": "{Remote-User, Remote-Groups}", "response-headers": "{Set-Cookie, X-Seen}"}


def site(lab, options, route=None, more=(), path="/auth?a=b"):
    """A site whose route / is guarded."""
    made = lab.authority.certificate("localhost", "127.0.0.1")
    guarded = block("route", "/", {"backend": "web", **(route or {})}, [block("authorize", f'"{path}"', options)])
    certificate = block("certificate", f'"{made.path}"', {"key": f'"{made.key}"'})
    return block("site", "localhost", {"aliases": "{127.0.0.1}", "hsts": "0"}, [certificate, guarded, *more])


class Gate:
    """The server that decides: as `decide` says; holds requests for /hold... until open() is called."""

    def __init__(self, lab, decide=None):
        self.decide = decide or (lambda request: response("come in"))
        self._open = threading.Event()
        self.server = lab.server(reply=self._reply)

    def _reply(self, request):
        if (request.get("X-Forwarded-Uri") or "").startswith("/hold"):
            assert self._open.wait(4 * PATIENCE)
        return self.decide(request)

    def open(self):
        self._open.set()

    @property
    def requests(self):
        return self.server.requests


def guarded(lab, gate, options=None, route=None, backend=None, web=None, more=(), **proxy_options):
    """A proxy whose requests are for `web`, if the gate lets them pass."""
    web = web or lab.server(reply=lambda request: response(request.target))
    server = getattr(gate, "server", gate)
    names = {"backend": "gate", **(NAMES if options is None else options)}
    backends = [backend_block("web", [web]), backend_block("gate", [server], backend)]
    proxy = lab.proxy(sites=[site(lab, names, route, more)], backends=backends, **proxy_options)
    proxy.web = web
    return proxy


def waiting(proxy, count):
    proxy.wait_for_metrics(authorize_waiting=count)


# ---- What is asked and what follows ----


def test_it_lets_pass(lab):
    fields = ["Remote-User: ann", "Remote-Groups: a, b", "Set-Cookie: one=1", "Set-Cookie: two=2", "X-Other: no"]
    gate = Gate(lab, lambda request: response("yes", "202 Accepted", fields))
    web = lab.server(reply=lambda request: response("hello", fields=["Set-Cookie: own=0"]))
    proxy = guarded(lab, gate, web=web)
    client = lab.client(proxy)
    for number in range(2):
        client.send(
            request("/a?b=c", "POST", fields=["Cookie: s=1", "Authorization: Basic eHg=", "X-A: b"], body=b"12345")
        )
        message = client.response()
        assert (message.status, message.body) == (200, b"hello")
        assert message.all("Set-Cookie") == ["own=0", "one=1", "two=2"]
        assert message.get("X-Other") is None
        seen = web.requests[number]
        assert seen.body == b"12345"
        assert (seen.get("Remote-User"), seen.get("Remote-Groups"), seen.get("X-Other")) == ("ann", "a, b", None)
        assert (seen.get("Cookie"), seen.get("Authorization")) == ("s=1", "Basic eHg=")
        asked = gate.requests[number]
        assert (asked.method, asked.target, asked.body) == ("GET", "/auth?a=b", b"")
        assert (asked.get("Content-Length"), asked.get("Transfer-Encoding")) == (None, None)
        assert (asked.get("Cookie"), asked.get("Authorization"), asked.get("X-A")) == ("s=1", "Basic eHg=", "b")
        assert asked.get("X-Original-URL") == "https://localhost/a?b=c"
        assert asked.get("X-Original-Method") == asked.get("X-Forwarded-Method") == "POST"
        assert asked.get("X-Forwarded-Uri") == asked.get("X-Original-URI") == "/a?b=c"
        assert (asked.get("X-Forwarded-Proto"), asked.get("X-Forwarded-Host")) == ("https", "localhost")
        assert asked.get("X-Forwarded-For") == "127.0.0.1"
    assert len(gate.server.connections) == 1  # both connections are used again
    metrics = proxy.metrics()
    assert (metrics["authorize_allowed"], metrics["authorize_denied"], metrics["authorize_failed"]) == (2, 0, 0)
    assert (metrics["requests"], metrics["authorize_waiting"]) == (2, 0)
    assert [line["status"] for line in proxy.access_log(2)] == [200, 200]


def test_what_a_client_says_itself_is_dropped(lab):
    gate = Gate(lab, lambda request: response("", fields=["remote-user: ann"]))
    proxy = guarded(lab, gate)
    lies = [
        "Remote-User: eve",
        "remote_user: eve",
        "REMOTE.USER: eve",
        "Remote-Groups: eve",
        "X-Original-URL: https://localhost/eve",
        "X-Original_Method: eve",
        "X-Original-URI: /eve",
        "X_Forwarded_Uri: /eve",
        "X-Forwarded-Uri: /eve",
        "X-Forwarded-Method: eve",
        "X-Forwarded-Host: eve",
        "X-Auth-Request-Redirect: /eve",
        "If-None-Match: eve",
        "If-Modified-Since: eve",
        "Range: eve",
        "Content-Type: eve",
    ]
    body = chunked(b"12345", trailers=["Remote_Groups: eve", "X-Fine: 1"])
    client = lab.client(proxy)
    client.send(request("/", "PUT", fields=[*lies, "Transfer-Encoding: chunked"]) + body)
    assert client.response().status == 200
    asked, seen = gate.requests[0], proxy.web.requests[0]
    named = {name.lower(): value for name, value in asked.fields}
    assert "eve" not in str([value for name, value in asked.fields if "remote" not in name.lower()]), asked.head
    assert named["x-forwarded-uri"] == "/" and named["x-original-url"] == "https://localhost/"
    assert seen.all("Remote-User") == ["ann"]
    remote = [name for name, _ in seen.fields if "remote" in name.lower()]
    assert remote == ["Remote-User"]
    assert "remote" not in str(seen.trailers).lower()
    assert seen.get("If-None-Match") == "eve" and seen.get("Content-Type") == "eve"  # these are for it


def test_no_name_of_a_client_is_left_when_the_gate_names_nobody(lab):
    proxy = guarded(lab, Gate(lab))
    lab.client(proxy).ask("/", fields=["Remote-User: eve", "Remote_Groups: eve"])
    assert "eve" not in str(proxy.web.requests[0].fields)


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden"])
def test_it_refuses(lab, status):
    fields = ["WWW-Authenticate: Bearer", "Set-Cookie: a=1", "Set-Cookie: b=2", "Content-Type: text/x", "ETag: x"]
    gate = Gate(lab, lambda request: response("go away", status, [*fields, "Connection: X-Hop", "X-Hop: 1"]))
    proxy = guarded(lab, gate)
    for method in ("GET", "POST", "HEAD"):
        client = lab.client(proxy)
        client.send(request("/", method, body=b"123" if method == "POST" else None))
        message = client.response(method)
        assert message.start == f"HTTP/1.1 {status}"
        assert message.body == (b"" if method == "HEAD" else b"go away")
        assert message.get("WWW-Authenticate") == "Bearer"
        assert message.all("Set-Cookie") == ["a=1", "b=2"]
        assert (message.get("Content-Type"), message.get("Content-Length")) == ("text/x", "7")
        assert (message.get("X-Hop"), message.get("ETag"), message.get("Cache-Control")) == (None, None, "no-store")
    assert proxy.web.requests == []
    assert {line["ended"] for line in proxy.access_log(3)} == {"not authorized"}
    assert proxy.metrics()["authorize_denied"] == 3


def test_a_redirect_to_a_login(lab):
    where = "https://login.test/?rd=https%3A%2F%2Flocalhost%2Fa"
    gate = Gate(lab, lambda request: response("", "302 Found", [f"Location: {where}", "Content-Encoding: br"]))
    proxy = guarded(lab, gate)
    message = lab.client(proxy).ask("/a")
    assert (message.status, message.get("Location"), message.get("Content-Encoding")) == (302, where, None)
    assert b"302" in message.body  # a page of Ravelin in place of none
    assert proxy.web.requests == []


def test_headers_get_other_names(lab):
    """The client cannot send the new name in any spelling. The old one means nothing to the server."""
    fields = ["Remote-User: ann", "Remote-Groups: a", "remote-groups: b", "X-New: 1"]
    gate = Gate(lab, lambda request: response("", fields=fields))
    names = {
        "headers": '{"Remote-User>X-User", Remote-Groups>X-Groups, "Remote-User>X-Login", Remote-Groups}',
        "response-headers": '{"X-New>X-Seen"}',
    }
    proxy = guarded(lab, gate, names)
    lies = ["X-User: eve", "x_user: eve", "X.USER: eve", "X-Groups: eve", "X-Login: eve", "Remote_Groups: eve"]
    body = chunked(b"12345", trailers=["X_User: eve", "X-Fine: 1"])
    client = lab.client(proxy)
    client.send(request("/", "PUT", fields=[*lies, "Remote-User: mine", "Transfer-Encoding: chunked"]) + body)
    message = client.response()
    assert (message.status, message.get("X-Seen"), message.get("X-New")) == (200, "1", None)
    seen = proxy.web.requests[0]
    assert (seen.all("X-User"), seen.all("X-Login"), seen.all("X-Groups")) == (["ann"], ["ann"], ["a", "b"])
    assert (seen.all("Remote-Groups"), seen.all("Remote-User")) == (["a", "b"], ["mine"])
    assert "eve" not in str(seen.fields) and "user" not in str(seen.trailers).lower()


def test_a_new_name_is_removed_when_the_gate_names_nobody(lab):
    proxy = guarded(lab, Gate(lab), {"headers": '{"Remote-User>X-User"}'})
    assert lab.client(proxy).ask("/", fields=["X-User: eve", "X_User: eve"]).status == 200
    assert "eve" not in str(proxy.web.requests[0].fields)


HTML = "Accept: text/html,application/xhtml+xml;q=0.9"
REFUSAL = ["WWW-Authenticate: Bearer", "Set-Cookie: a=1", "Location: https://gate.test/?rd=x", "Content-Language: en"]


def refusing(lab, login, status="401 Unauthorized", fields=REFUSAL, **options):
    gate = Gate(lab, lambda request: response("go away", status, fields))
    return guarded(lab, gate, {"login": f'"{login}"'}, **options)


LOGINS = {  # the page, what is asked for, and where a browser is sent
    ("https://login.test/?rd=", "/a?b=c&d"): "https://login.test/?rd=https%3A%2F%2Flocalhost%2Fa%3Fb%3Dc%26d",
    ("https://login.test/x?y=z&rd=", "/"): "https://login.test/x?y=z&rd=https%3A%2F%2Flocalhost%2F",
    ("/oauth2/start?rd=", "/a%0d%0aX:%20y?b=%26"): "/oauth2/start?rd=%2Fa%250d%250aX%3A%2520y%3Fb%3D%2526",
    ("/oauth2/start?rd=", "//eve.test/a"): "/oauth2/start?rd=https%3A%2F%2Flocalhost%2F%2Feve.test%2Fa",
    ("/oauth2/start", "/a?b=c"): "/oauth2/start",
    ("https://login.test/?a=b", "/a?b=c"): "https://login.test/?a=b",
    ("https://login.test/a=", "/a"): "https://login.test/a=",
    ("location", "/a"): "https://gate.test/?rd=x",
}


def test_a_browser_gets_the_login_page(lab):
    proxy = refusing(lab, "/none", web=lab.server())
    text = proxy.config_text()
    for (page, target), location in LOGINS.items():
        proxy.write_config(text.replace('"/none"', f'"{page}"'))
        proxy.reload()
        for method in ("GET", "HEAD"):
            message = lab.client(proxy).ask(target, method, fields=[HTML])
            assert (message.status, message.all("Location")) == (302, [location]), (page, target)
            assert message.all("Set-Cookie") == ["a=1"]
            assert (message.get("WWW-Authenticate"), message.get("Content-Language")) == (None, None)
            assert message.get("Cache-Control") == "no-store"
            assert b"go away" not in message.body
    assert proxy.web.requests == []
    assert proxy.metrics()["authorize_denied"] == 2 * len(LOGINS)
    assert {line["ended"] for line in proxy.access_log(2 * len(LOGINS))} == {"not authorized"}


OTHERS = [  # what gets the 401: method and fields
    ("GET", []),
    ("GET", ["Accept: */*"]),
    ("GET", ["Accept: application/json"]),
    ("GET", ["Accept: */*", "Connection: upgrade", "Upgrade: websocket"]),
    ("POST", [HTML]),
    ("OPTIONS", [HTML]),
    ("get", [HTML]),
]


def test_other_clients_get_the_401(lab):
    proxy = refusing(lab, "https://login.test/?rd=")
    for method, fields in OTHERS:
        client = lab.client(proxy)
        client.send(request("/a", method, fields=fields, body=b"12345" if method == "POST" else None))
        message = client.response(method)
        assert (message.status, message.get("WWW-Authenticate"), message.body) == (401, "Bearer", b"go away"), fields
    assert proxy.web.requests == []


def test_what_no_login_page_replaces(lab):
    """A 403, a redirect, a 401 without Location, a Location that would be too long."""
    for login, status, fields, target, expected in (
        ("https://login.test/?rd=", "403 Forbidden", [], "/", (403, None)),
        ("https://login.test/?rd=", "302 Found", ["Location: /there"], "/", (302, "/there")),
        ("https://login.test/?rd=", "200 OK", [], "/", (200, None)),
        ("location", "401 Unauthorized", [], "/", (401, None)),
        ("https://login.test/?rd=", "401 Unauthorized", [], "/" + "%41" * 1000, (401, None)),
    ):
        proxy = refusing(lab, login, status, fields)
        message = lab.client(proxy).ask(target, fields=[HTML])
        assert (message.status, message.get("Location")) == expected, status


def test_a_request_with_a_body_gets_the_login_page(lab):
    """The body of the refused request is no second request."""
    proxy = refusing(lab, "https://login.test/")
    client = lab.client(proxy)
    hidden = request("/hidden", fields=[HTML])
    client.send(request("/a", "GET", fields=[HTML], body=hidden))
    assert client.response().get("Location") == "https://login.test/"
    wait_for(lambda: proxy.metrics()["authorize_denied"] == 1, "the refusal")
    assert lab.client(proxy).ask("/b", fields=[HTML]).status == 302
    assert proxy.metrics()["requests"] == 2


def test_the_login_page_over_http2(lab):
    proxy = refusing(lab, "https://login.test/?rd=", listen={"http2": "yes"})
    with talk_to(proxy) as talk:
        reply = talk.ask("/a?b", "GET", ("accept", "text/html"))
        assert reply.status == 302
        where = "https://login.test/?rd=https%3A%2F%2Flocalhost%2Fa%3Fb"
        assert [value for name, value in reply.fields if name == "location"] == [where]
        assert talk.ask("/a", "GET").status == 401


def test_the_login_page_behind_a_trusted_proxy(lab):
    proxy = refusing(lab, "https://login.test/?rd=", top={"trusted-proxies": "{127.0.0.0/8}"})
    fields = ["X-Forwarded-Host: shop.test", "X-Forwarded-Proto: https", "X-Original-URL: https://eve.test/"]
    message = lab.client(proxy).ask("/a", fields=[HTML, *fields])
    assert message.get("Location") == "https://login.test/?rd=https%3A%2F%2Fshop.test%2Fa"


def test_the_backend_of_the_route_decides_by_default(lab):
    web = lab.server(reply=lambda request: response(request.target, "403 No" if "auth" in request.target else "200 OK"))
    proxy = lab.proxy(sites=[site(lab, {}, path="/auth")], backends=[backend_block("web", [web])])
    assert lab.client(proxy).ask("/a").status == 403
    assert [request.target for request in web.requests] == ["/auth"]


def test_other_routes_ask_nobody(lab):
    gate = Gate(lab)
    proxy = guarded(lab, gate, more=[block("route", "/open/", {"backend": "web"})])
    assert lab.client(proxy).ask("/open/a", fields=["Remote-User: eve"]).status == 200
    assert gate.requests == []
    assert proxy.web.requests[0].get("Remote-User") == "eve"  # it means nothing there


def test_destinations_of_webdav(lab):
    """A request for one route does nothing on another one that is guarded."""
    gate = Gate(lab)
    proxy = guarded(lab, gate, more=[block("route", "/open/", {"backend": "web"})])
    client = lab.client(proxy)
    for target, destination, status in (
        ("/open/a", "https://localhost/open/b", 200),
        ("/open/a", "https://localhost/b", 403),
        ("/open/a", "/b", 403),
        ("/a", "https://localhost/b", 200),
        ("/a", "https://localhost/open/b", 200),
    ):
        assert client.ask(target, "COPY", fields=[f"Destination: {destination}"]).status == status, destination
    assert len(proxy.web.requests) == 3
    assert [asked.get("X-Original-Method") for asked in gate.requests] == ["COPY", "COPY"]


def test_what_the_server_gets_of_a_stripped_prefix(lab):
    """The gate decides by what the client has asked for."""
    gate = Gate(lab)
    app = block("route", "/app/", {"backend": "web", "strip-prefix": "yes"}, [block("authorize", "/x", {"backend": "gate"})])
    proxy = guarded(lab, gate, more=[app])
    assert lab.client(proxy).ask("/app/a?b").body == b"/a?b"
    assert gate.requests[0].get("X-Forwarded-Uri") == "/app/a?b"
    assert gate.requests[0].get("X-Original-URL") == "https://localhost/app/a?b"


def test_behind_a_trusted_proxy(lab):
    """Protocol, host and client are those that it tells; what is decided by is not."""
    gate = Gate(lab)
    proxy = guarded(lab, gate, top={"trusted-proxies": "{127.0.0.0/8}"})
    fields = ["X-Forwarded-For: 192.0.2.7", "X-Forwarded-Proto: http", "X-Forwarded-Host: shop.test"]
    lies = ["X-Forwarded-Uri: /eve", "X_Forwarded_Method: eve", "X-Forwarded-Port: 80"]
    assert lab.client(proxy).ask("/a", fields=[*fields, *lies]).status == 200
    asked = gate.requests[0]
    assert asked.get("X-Original-URL") == "http://shop.test/a"
    assert asked.get("X-Forwarded-For") == "192.0.2.7, 127.0.0.1"
    assert asked.get("X-Forwarded-Port") == "80"
    assert "eve" not in str(asked.fields)


def test_the_request_id_is_the_same(lab):
    gate = Gate(lab)
    proxy = guarded(lab, gate, top={"request-id": "yes"})
    assert lab.client(proxy).ask("/", fields=["X-Request-Id: eve"]).status == 200
    made = proxy.web.requests[0].get("X-Request-Id")
    assert made and made == gate.requests[0].get("X-Request-Id") != "eve"


def test_websocket(lab):
    """Head, verdict, then the tunnel; the gate sees no upgrade."""
    gate = Gate(lab, lambda request: response("", fields=["Remote-User: ann", "Set-Cookie: a=1"]))

    def switch(connection):
        if head := connection.head():
            assert head.get("Remote-User") == "ann"
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
            connection.send(connection.reader.exactly(4, "the tunnel"))

    proxy = guarded(lab, gate, web=lab.server(switch))
    client = lab.client(proxy)
    client.send(request("/hold", fields=["Connection: upgrade", "Upgrade: websocket"]))
    waiting(proxy, 1)
    gate.open()
    message = client.response()
    assert (message.status, message.get("Set-Cookie")) == (101, "a=1")
    client.send(b"ping")
    assert client.reader.exactly(4, "the tunnel") == b"ping"
    assert (gate.requests[0].get("Upgrade"), gate.requests[0].get("Connection")) == (None, None)


# ---- Gates that do not work ----


def once(*pieces):
    """A script: these bytes to each request, then the end."""

    def script(connection):
        if connection.request():
            for piece in pieces:
                connection.send(piece)

    return script


def resetting(connection):
    if connection.request():
        connection.reset()


BAD = {
    "garbage": once(b"nonsense\r\n\r\n"),
    "half a head": once(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "half a body": once(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"),
    "nothing": once(),
    "a reset": resetting,
    "500": once(response("no", "500 Oops")),
    "404": once(response("no", "404 Not Found")),
    "304": once(b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    "101": once(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"),
    "099": once(b"HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n"),
    "a redirect to nowhere": once(response("no", "302 Found")),
    "two lengths": once(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"),
    "a control byte": once(response("", fields=["Remote-User: a\x01nn"])),
    "a long name": once(response("", fields=["Remote-User: " + "a" * 20000])),
    "a large refusal": once(response("", "403 No", ["X-Large: " + "a" * 20000])),
    "a large head": once(response("", fields=["X-Large: " + "a" * 70000])),
}


def test_what_is_no_decision(lab):
    """All of them fail closed, and the proxy goes on."""
    current = {}
    gate = lab.server(lambda connection: current["script"](connection))
    proxy = guarded(lab, gate, backend={"retries": 0, "max-failures": "off", "failure-ratio": "off"})
    for number, (name, script) in enumerate(BAD.items()):
        current["script"] = script
        client = lab.client(proxy)
        for target in ("/a", "/b"):
            assert client.ask(target, fields=["X-Seen: 1"]).status == 503, name
        assert proxy.metrics()["authorize_failed"] == 2 * number + 2, name
    assert proxy.web.requests == []
    assert {line["ended"] for line in proxy.access_log(2 * len(BAD))} == {"the authorization failed"}
    assert {line["status"] for line in proxy.access_log(2 * len(BAD))} == {503}
    assert "authorize: a status that is no decision" in proxy.log()
    current["script"] = gate._replies
    assert lab.client(proxy).ask("/").status == 200


def test_a_gate_that_refuses_connections(lab):
    proxy = guarded(lab, lab.refused_address())
    assert lab.client(proxy).ask("/").status == 503
    assert proxy.web.requests == []


@pytest.mark.parametrize("size", [100_000_000, None])
def test_large_bodies(lab, size):
    """Of a permission nothing is kept, of a refusal Ravelin sends a page of its own. Neither is read to its end."""
    status = ["200 OK"]
    sent = []

    def pour(connection):
        while connection.request():
            length = f"Content-Length: {size}" if size else "Transfer-Encoding: chunked"
            connection.send(f"HTTP/1.1 {status[0]}\r\nContent-Encoding: br\r\n{length}\r\n\r\n".encode())
            piece = b"x" * 65536 if size else b"10000\r\n" + b"x" * 65536 + b"\r\n"
            for _ in range(1526):
                connection.send(piece)
                sent.append(len(piece))

    proxy = guarded(lab, lab.server(pour, keep=False))
    assert lab.client(proxy).ask("/a").body == b"/a"
    status[0] = "403 Forbidden"
    message = lab.client(proxy).ask("/b")
    assert (message.status, message.get("Content-Encoding")) == (403, None)
    assert b"403 Forbidden" in message.body
    assert sum(sent) < 50_000_000
    assert proxy.metrics()["pool_idle"] == 1  # to the web server: the others cannot be used again


def test_a_body_after_the_head(lab):
    """Bodies that are small are waited for, so that the connection can be used again."""

    def late(connection):
        while connection.request():
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
            connection.wait_until_taken()
            connection.send(b"yes!")

    gate = lab.server(late)
    proxy = guarded(lab, gate)
    client = lab.client(proxy)
    assert [client.ask("/").status for _ in range(3)] == [200, 200, 200]
    assert len(gate.connections) == 1


def test_a_gate_that_hangs(lab):
    """With `timeout`; and a gate that drips its response has no more time."""

    def drip(connection):
        if connection.request():
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(1000):
                connection.send(b"x")
                threading.Event().wait(0.05)

    current = {"script": lambda connection: connection.request() and connection.request()}
    gate = lab.server(lambda connection: current["script"](connection))
    proxy = guarded(lab, gate, {**NAMES, "timeout": "300ms"}, backend={"max-failures": "off", "failure-ratio": "off"})
    assert lab.client(proxy).ask("/").status == 503
    current["script"] = drip
    assert lab.client(proxy).ask("/").status == 503
    assert proxy.web.requests == []
    assert "request timeout" in proxy.log()


def test_retries_and_health(lab):
    """The subrequest is repeated at another server as any GET, and a server that fails is taken out of use."""
    bad, good = lab.server(once(b"nonsense\r\n\r\n")), Gate(lab)
    backends = [backend_block("web", [lab.server()]), backend_block("gate", [bad, good.server], {"max-failures": 1})]
    proxy = lab.proxy(sites=[site(lab, {"backend": "gate"})], backends=backends)
    client = lab.client(proxy)
    assert [client.ask("/").status for _ in range(6)] == [200] * 6
    assert len(good.requests) == 6
    assert len(bad.requests) == 1


# ---- Waiting ----


def test_a_client_that_leaves(lab):
    gate = Gate(lab)
    proxy = guarded(lab, gate)
    clients = [lab.client(proxy) for _ in range(3)]
    for client in clients:
        client.send(request("/hold"))
    waiting(proxy, 3)
    clients[0].reset()
    clients[1].close()
    waiting(proxy, 1)
    gate.open()
    assert clients[2].response().status == 200
    assert len(proxy.web.requests) == 1


def test_a_reload_in_the_middle(lab):
    """What waits ends as it began; what comes next is for the new configuration."""
    gate, other = Gate(lab), Gate(lab, lambda request: response("no", "403 No"))
    web = lab.server()
    backends = [backend_block(*pair) for pair in (("web", [web]), ("gate", [gate.server]), ("other", [other.server]))]
    proxy = lab.proxy(sites=[site(lab, {"backend": "gate"})], backends=backends)
    client = lab.client(proxy)
    client.send(request("/hold"))
    waiting(proxy, 1)
    proxy.configure(sites=[site(lab, {"backend": "other"})], backends=[backends[0], backends[2]])
    proxy.reload()
    assert lab.client(proxy).ask("/").status == 403
    gate.open()
    assert client.response().status == 200
    assert client.ask("/").status == 403
    proxy.wait_for_metrics(generations_held=1)


def test_a_drain(lab):
    gate = Gate(lab)
    proxy = guarded(lab, gate, top={"drain-timeout": "1s"})
    client = lab.client(proxy)
    client.send(request("/hold"))
    waiting(proxy, 1)
    proxy.command("drain")
    assert client.response().status == 503
    gate.open()
    assert proxy.wait() == 0
    assert proxy.web.requests == []


@pytest.mark.parametrize("allowed", [True, False])
def test_a_large_body_waits(lab, allowed):
    """It is not read beyond the buffers, and arrives whole, or not at all."""
    gate = Gate(lab, lambda request: response("", "200 OK" if allowed else "403 No"))
    web = lab.server(reply=lambda request: response(str(len(request.body))), keep=False)
    proxy = guarded(lab, gate, web=web)
    client = lab.client(proxy)
    size = 1 << 20
    sender = threading.Thread(target=client.send, args=(request("/hold", "POST", body=b"x" * size),))
    sender.start()
    waiting(proxy, 1)
    assert web.requests == []
    gate.open()
    message = client.response()
    sender.join(PATIENCE)
    assert message.status == (200 if allowed else 403)
    if allowed:
        assert message.body == str(size).encode()
    assert len(web.requests) == allowed


@pytest.mark.parametrize("allowed", [True, False])
def test_expect_continue(lab, allowed):
    """100 comes after the verdict only."""

    def web(connection):
        while head := connection.head():
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.reader.request_body(head)
            connection.send(response(head.body))

    gate = Gate(lab, lambda request: response("", "200 OK" if allowed else "401 No"))
    proxy = guarded(lab, gate, web=lab.server(web))
    client = lab.client(proxy)
    client.send(b"POST /hold HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    waiting(proxy, 1)
    wait_for(lambda: gate.requests, "the question")
    assert gate.requests[0].get("Expect") is None
    gate.open()
    if not allowed:
        message = client.response()
        assert (message.status, message.interim) == (401, [])
        return
    interim = client.reader.head()
    assert interim.status == 100
    client.send(b"12345")
    assert client.response().body == b"12345"


def test_pipelined_requests(lab):
    """Each is asked for, in order."""
    gate = Gate(lab, lambda request: response("", "403 No" if "no" in request.get("X-Forwarded-Uri") else "200 OK"))
    proxy = guarded(lab, gate)
    client = lab.client(proxy)
    targets = ["/1", "/no/2", "/3", "/no/4", "/5"]
    client.send(b"".join(request(target) for target in targets))
    assert [client.response().status for _ in targets] == [200, 403, 200, 403, 200]
    assert [asked.get("X-Forwarded-Uri") for asked in gate.requests] == targets
    assert [seen.target for seen in proxy.web.requests] == ["/1", "/3", "/5"]


def test_many_streams_wait(lab):
    """Those of HTTP/2 wait side by side, and others pass by."""
    gate = Gate(lab, lambda request: response("", fields=["Set-Cookie: a=1", "Remote-User: ann"]))
    proxy = guarded(lab, gate, listen={"http2": "yes"})
    with talk_to(proxy) as talk:
        held = [talk.request(f"/hold/{number}") for number in range(60)]
        waiting(proxy, 60)
        reply = talk.ask("/other", "GET", ("remote-user", "eve"), ("remote_user", "eve"))
        assert reply.status == 200 and ("set-cookie", "a=1") in reply.fields
        assert not any(talk.streams[stream].fields for stream in held)
        talk.reset(held[0])
        waiting(proxy, 59)
        gate.open()
        assert [talk.response(stream).status for stream in held[1:]] == [200] * 59
    assert {seen.get("Remote-User") for seen in proxy.web.requests} == {"ann"}


def test_refused_streams(lab):
    gate = Gate(lab, lambda request: response("go away", "401 No", ["WWW-Authenticate: Bearer"]))
    proxy = guarded(lab, gate, listen={"http2": "yes"})
    with talk_to(proxy) as talk:
        for body in (b"", b"x" * 1000):
            reply = talk.ask("/", "POST", body=body)
            assert (reply.status, reply.body) == (401, b"go away")
            assert ("www-authenticate", "Bearer") in reply.fields
    assert proxy.web.requests == []


# ---- Configurations with a mistake ----

MISTAKES = [
    ("backend = web authorize auth {}", "authorize must be a path that begins with '/'"),
    ("backend = web authorize /auth { backend = gone }", "backend 'gone' is not defined"),
    ('backend = web authorize /auth { headers = {"Remote User"} }', "a name has letters, digits and '-'"),
    ("backend = web authorize /auth { headers = {Content-Length} }", "Ravelin writes this field itself"),
    ("backend = web authorize /auth { headers = {content_length} }", "this field cannot be copied"),
    ("backend = web authorize /auth { headers = {Host} }", "Ravelin writes this field itself"),
    ("backend = web authorize /auth { headers = {Transfer-Encoding} }", "Ravelin writes this field itself"),
    ("backend = web authorize /auth { headers = {Connection} }", "Ravelin writes this field itself"),
    ("backend = web authorize /auth { headers = {X_Forwarded_For} }", "this field cannot be copied"),
    ("backend = web authorize /auth { response-headers = {Content-Type} }", "this field cannot be copied"),
    ('backend = web authorize /auth { headers = {"A>Content-Length"} }', "Ravelin writes this field itself"),
    ('backend = web authorize /auth { headers = {"A>x_forwarded_for"} }', "this field cannot be copied"),
    ('backend = web authorize /auth { headers = {"A>"} }', "a name has 1 to 64 characters"),
    ('backend = web authorize /auth { headers = {">A"} }', "a name has 1 to 64 characters"),
    ('backend = web authorize /auth { headers = {"A>B>C"} }', "a name has letters, digits and '-'"),
    ('backend = web authorize /auth { headers = {"A > B"} }', "a name has letters, digits and '-'"),
    ('backend = web authorize /auth { headers = {"A>X-User", "B>x-user"} }', "headers has 'x-user' twice"),
    ("backend = web authorize /auth { headers = {A, B, a} }", "headers has 'a' twice"),
    ('backend = web authorize /auth { login = "http://login.test/" }', "a login page needs https"),
    ('backend = web authorize /auth { login = "https://login.test/?rd=$scheme://$host" }', "if it ends with '='"),
    ('backend = web authorize /auth { login = "https://login.test/?rd={uri}" }', "if it ends with '='"),
    ('backend = web authorize /auth { login = "/login#rd=" }', "a login page has no '#'"),
    ('backend = web authorize /auth { login = "//login.test/" }', "a path begins with one '/'"),
    ('backend = web authorize /auth { login = "@login" }', "login must be location, an https:// URL, or a path"),
    ('backend = web authorize /auth { login = "https://" }', "login must be"),
    (f'backend = web authorize /auth {{ login = "/{"a" * 1024}" }}', "longer than 1024 bytes"),
    ("backend = web authorize /auth { timeout = 99ms }", "timeout"),
    ("backend = web authorize /auth { timeout = 61m }", "timeout"),
    ("backend = web authorize /a {}\nauthorize /b {}", "authorize"),
    ("return = 204 authorize /auth { backend = web }", "authorize goes with a backend"),
    ("redirect = /b authorize /auth { backend = web }", "authorize goes with a backend"),
]


def test_mistakes(lab):
    proxy = lab.prepare(lab.refused_address())
    whole = proxy.config_text()
    for text, problem in MISTAKES:
        proxy.write_config(whole.replace("backend = web\n", f"{text}\n", 1))
        done = proxy.command("check", check=False)
        assert done.returncode == 2 and problem in text_of(done.stderr), (text, done.stderr)
