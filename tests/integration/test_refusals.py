"""What is answered by the proxy itself, and that nothing of such a request reaches a server."""

import pytest

from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.http import chunked, request, response
from ravelin_test.processes import run
from ravelin_test.proxy import backend_block, site_block

HEAD = "GET / HTTP/1.1\r\nHost: localhost\r\n"
MALFORMED = {
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "two hosts": HEAD + "Host: localhost\r\n\r\n",
    "host is no name": "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "host differs from target": "GET http://other/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "space before colon": HEAD + "X-A : b\r\n\r\n",
    "space before name": HEAD + " X-A: b\r\n\r\n",
    "folded": HEAD + "X-A: b\r\n c\r\n\r\n",
    "no colon": HEAD + "X-A\r\n\r\n",
    "empty name": HEAD + ": b\r\n\r\n",
    "bare line feeds": "GET / HTTP/1.1\nHost: localhost\n\n",
    "bare carriage return": HEAD + "X-A: b\rX-B: c\r\n\r\n",
    "NUL in a value": HEAD + "X-A: \0\r\n\r\n",
    "control byte in a value": HEAD + "X-A: \x01\r\n\r\n",
    "tab in the target": "GET /\t HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two spaces": "GET  / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "no version": "GET /\r\nHost: localhost\r\n\r\n",
    "fragment": "GET /#a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "relative target": "GET a HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "two lengths": HEAD + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "the same length twice": HEAD + "Content-Length: 1\r\nContent-Length: 1\r\n\r\na",
    "a list of lengths": HEAD + "Content-Length: 1, 1\r\n\r\na",
    "signed length": HEAD + "Content-Length: +1\r\n\r\na",
    "hexadecimal length": HEAD + "Content-Length: 0x1\r\n\r\na",
    "huge length": HEAD + "Content-Length: 99999999999999999999\r\n\r\n",
    "length and chunks": HEAD + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": HEAD + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked is not last": HEAD + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "two codings fields": HEAD + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "vertical tab before chunked": HEAD + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunks in HTTP/1.0": "POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "connection names host": HEAD + "Connection: host\r\n\r\n",
    "garbage": "\x01\x02\x03\x04\r\n\r\n",
}


@pytest.mark.parametrize("head", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_requests_get_400_and_the_end(lab, head):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    client.send(head.encode("latin-1") + request("/smuggled"))
    answer = client.response()
    assert answer.status == 400
    assert answer.get("Connection") == "close"
    assert client.read_end() == CLOSE_NOTIFY
    assert server.requests == []


BAD_CHUNKS = {
    "no size": b"\r\nabc\r\n",
    "not a number": b"xyz\r\nabc\r\n",
    "signed": b"-3\r\nabc\r\n",
    "prefixed": b"0x3\r\nabc\r\n",
    "space after": b"3 \r\nabc\r\n",
    "bare line feed": b"3\nabc\r\n",
    "data too long": b"3\r\nabcd\r\n",
    "bare line feed in an extension": b"3;a=\n\r\nabc\r\n",
    "huge": b"fffffffffffffffff\r\nabc\r\n",
    "endless extension": b"3;" + b"e" * 100_000,
}


@pytest.mark.parametrize("body", BAD_CHUNKS.values(), ids=BAD_CHUNKS.keys())
def test_bad_chunks_get_400_and_the_end(lab, body):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    head = request(method="POST", fields=["Transfer-Encoding: chunked"])
    client.send(head + body + b"0\r\n\r\n" + request("/smuggled"))
    assert client.response().status == 400
    client.read_end()
    assert server.requests == [] or [r.target for r in server.requests] == ["/"]
    assert b"smuggled" not in b"".join(bytes(connection.received) for connection in server.connections)


def expect(lab, proxy, data, status):
    """Sends bytes on a new connection; the answer, which must have that status."""
    client = lab.client(proxy)
    client.send(data)
    answer = client.response(data.split(b" ")[0].decode("latin-1"))
    assert answer.status == status
    return answer


@pytest.mark.parametrize(
    "data, status",
    [
        (request(method="TRACE"), 405),
        (request("localhost:443", "CONNECT"), 501),
        (request(method="M" * 33), 501),
        (request(fields=["Transfer-Encoding: gzip, chunked"]), 501),
        (request(version="HTTP/2.0"), 505),
        (request(version="HTTP/1.2"), 505),
    ],
    ids=["TRACE", "CONNECT", "long method", "gzip coding", "HTTP/2.0", "HTTP/1.2"],
)
def test_what_is_not_supported_is_named(lab, data, status):
    server = lab.server()
    expect(lab, lab.proxy(server), data, status)
    assert server.requests == []


def test_our_answers_are_small_pages(lab):
    proxy = lab.proxy(lab.server(), sites=plain_site(lab, {"/app/": "web"}))
    answer = expect(lab, proxy, request("/"), 404)
    assert answer.get("Content-Type") == "text/html; charset=utf-8"
    assert b"404 Not Found" in answer.body
    assert b"127.0.0.1" not in answer.body
    head = expect(lab, proxy, request("/", "HEAD"), 404)
    assert head.get("Content-Length") == answer.get("Content-Length")


def plain_site(lab, routes=None, aliases=("127.0.0.1",)):
    return [site_block("localhost", [lab.authority.certificate("localhost", "127.0.0.1")], aliases, routes)]


def test_a_path_without_a_route_gets_404_and_the_connection_lives(lab):
    server = lab.server()
    proxy = lab.proxy(server, sites=plain_site(lab, {"/app/": "web", "/api": "web"}))
    client = lab.client(proxy)
    assert client.ask("/").status == 404
    assert client.ask("/app/x").status == 200
    assert client.ask("/app").status == 404
    assert client.ask("/other", method="POST", body=b"x" * 100).status == 404
    if client.ended is None and not client.reader.buffer:
        assert [request.target for request in server.requests] == ["/app/x"]


def test_the_longest_route_wins(lab):
    servers = {name: lab.server(reply=lambda request, name=name: response(name)) for name in ("root", "api", "deep")}
    proxy = lab.proxy(
        sites=plain_site(lab, {"/": "root", "/api/v1/": "deep", "/api/": "api"}),
        backends=[backend_block(name, [server]) for name, server in servers.items()],
    )
    client = lab.client(proxy)
    answers = {path: client.ask(path).body for path in ("/", "/api/", "/api/v1/x", "/api/v2", "/apiv1", "/x?/api/")}
    assert answers == {
        "/": b"root",
        "/api/": b"api",
        "/api/v1/x": b"deep",
        "/api/v2": b"api",
        "/apiv1": b"root",
        "/x?/api/": b"root",
    }


def test_a_host_that_no_site_names_gets_421(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    assert client.ask(host="elsewhere.test").status == 421
    assert server.requests == []


def test_the_alias_star_takes_any_host(lab):
    proxy = lab.proxy(lab.server(), sites=plain_site(lab, aliases=("*",)))
    assert lab.client(proxy).ask(host="elsewhere.test").status == 200


@pytest.mark.parametrize("host", ["localhost:1", "LOCALHOST", "localhost."])
def test_hosts_are_compared_as_names(lab, host):
    assert lab.client(lab.proxy(lab.server())).ask(host=host).status == 200


def test_too_large_a_head_gets_431(lab):
    server = lab.server()
    proxy = lab.proxy(server, limits={"header-size": "4k"})
    assert expect(lab, proxy, request(fields=["X-A: " + "a" * 3500]), 200)
    expect(lab, proxy, request(fields=["X-A: " + "a" * 4200]), 431)
    expect(lab, proxy, request(fields=[f"X-{number}: {'a' * 100}" for number in range(60)]), 431)
    assert len(server.requests) == 1


@pytest.mark.parametrize("cut", [4097, 1000, 7])
def test_the_size_of_heads(lab, cut):
    """Below, at and above the limit, however they come."""
    server = lab.server()
    proxy = lab.proxy(server, limits={"header-size": "4k"})
    for size, status in [(4095, 200), (4096, 200), (4097, 431)]:
        filler = "a" * (size - len(request(fields=["X-A: "])))
        data = request(fields=["X-A: " + filler])
        assert len(data) == size
        client = lab.client(proxy)
        for at in range(0, size, cut):
            client.send(data[at : at + cut])
        answer = client.response()
        assert answer.status == status
        assert answer.get("Connection") == (None if status == 200 else "close")
    assert [line["status"] for line in proxy.access_log(3)] == [200, 200, 431]
    assert len(server.requests) == 2


def test_too_many_fields_get_431(lab):
    proxy = lab.proxy(lab.server(), limits={"header-count": 20})
    expect(lab, proxy, request(fields=[f"X-{number}: a" for number in range(19)]), 200)  # Host is the twentieth
    expect(lab, proxy, request(fields=[f"X-{number}: a" for number in range(20)]), 431)


def test_too_long_a_target_gets_414(lab):
    proxy = lab.proxy(lab.server(), limits={"header-size": "4k"})
    expect(lab, proxy, request("/" + "a" * 5000), 414)


def test_a_head_that_never_ends_gets_431(lab):
    proxy = lab.proxy(lab.server())
    client = lab.client(proxy)
    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ")
    try:
        for _ in range(2000):
            client.send(b"a" * 1000)
    except ConnectionError:
        pass
    try:
        assert client.response().status == 431
    except (ConnectionError, AssertionError):
        assert client.ended == "reset"
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0)


def test_a_slow_head_gets_408(lab):
    server = lab.server()
    proxy = lab.proxy(server, limits={"header-timeout": "400ms"})
    client = lab.client(proxy)
    client.ask()  # on a connection that was in use, too
    client.send(b"GET / HTTP/1.1\r\nHost: loc")
    answer = client.response()
    assert answer.status == 408
    assert answer.get("Connection") == "close"
    assert client.read_end() == CLOSE_NOTIFY
    assert len(server.requests) == 1


def test_a_client_that_dribbles_its_head_is_ended_too(lab):
    """Each byte comes in time, but the head as a whole does not."""
    proxy = lab.proxy(lab.server(), limits={"header-timeout": "400ms", "idle-timeout": "300ms"})
    client = lab.client(proxy)
    client.socket.settimeout(0.05)
    data = request(fields=["X-A: " + "a" * 10_000])
    status = None
    for byte in data:
        try:
            client.send(bytes([byte]))
            status = client.response().status
            break
        except TimeoutError:
            continue
        except ConnectionError:
            break
    assert status in (408, None)
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0)


def test_a_body_that_stops_coming_ends_the_exchange(lab):
    def script(connection):
        connection.head()
        try:
            while connection.reader.more():
                pass
        except ConnectionError:
            pass

    proxy = lab.proxy(lab.server(script), limits={"idle-timeout": "400ms"})
    client = lab.client(proxy)
    client.send(request(method="POST", fields=["Content-Length: 1000"]) + b"x" * 10)
    answer = client.response()
    assert (answer.status, answer.get("Connection")) == (408, "close")
    assert client.read_end() == CLOSE_NOTIFY
    client.close()
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0)


# ---- Servers that cannot be had ----


def test_a_server_that_refuses_becomes_502(lab):
    proxy = lab.proxy(lab.refused_address(), allow=[".*"])
    client = lab.client(proxy)
    for _ in range(2):
        assert client.ask().status == 502
    assert proxy.metrics()["server_failures"] >= 2


def test_a_missing_unix_socket_becomes_502(lab):
    proxy = lab.proxy(f"unix:{lab.folder}/missing.sock", allow=[".*"])
    assert lab.client(proxy).ask().status == 502


def test_a_server_that_does_not_take_the_connection_becomes_504(lab):
    proxy = lab.proxy(lab.deaf_server(), backend={"connect-timeout": "300ms"}, allow=[".*"])
    assert lab.client(proxy).ask().status == 504


def test_a_server_that_does_not_answer_becomes_504(lab):
    def script(connection):
        connection.request()
        connection.reader.more()

    proxy = lab.proxy(lab.server(script), backend={"response-timeout": "300ms"}, allow=[".*"])
    client = lab.client(proxy)
    assert client.ask().status == 504
    proxy.wait_for_metrics(pool_idle=0)


def test_a_server_that_stops_within_its_head_becomes_504(lab):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-")
        connection.reader.more()

    proxy = lab.proxy(lab.server(script), backend={"response-timeout": "300ms"}, allow=[".*"])
    assert lab.client(proxy).ask().status == 504


def test_a_server_that_stops_within_its_body_cuts_the_response(lab):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
        connection.reader.more()

    proxy = lab.proxy(lab.server(script), backend={"response-timeout": "1s"}, allow=[".*"])
    client = lab.client(proxy)
    client.send(request())
    assert client.reader.head().status == 200
    assert client.reader.rest() == b"abc"
    assert client.ended != CLOSE_NOTIFY


@pytest.mark.parametrize("whole", [True, False], ids=["whole body", "part of the body"])
@pytest.mark.parametrize(
    "fields", [["Transfer-Encoding: chunked"], ["Content-Length: 1000"]], ids=["chunked", "length"]
)
def test_what_is_left_of_a_body_is_not_the_next_request(lab, fields, whole):
    """An answer of ours to a request with a body: the body is read to its end, or the connection ends and says so."""
    proxy = lab.proxy(lab.server(), sites=plain_site(lab, {"/app/": "web"}))
    client = lab.client(proxy)
    inner = request("/app/smuggled", fields=["X-Fill: " + "x" * 900])[:1000]
    body = chunked(inner) if fields[0].startswith("T") else inner.ljust(1000)
    client.send(request(method="POST", fields=fields) + (body if whole else body[:-10]))
    answer = client.response()
    assert answer.status == 404
    if answer.get("Connection") == "close":
        assert client.read_end() == CLOSE_NOTIFY
    else:
        assert whole
        assert client.ask("/app/next").body == b"ok"


def test_an_answer_is_not_destroyed_by_what_still_comes(lab):
    """Closing a socket with unread data resets the connection, and a reset may overtake the answer."""
    proxy = lab.proxy(lab.server())
    client = lab.client(proxy)
    client.send(b"BAD\r\n\r\n" + b"x" * 200_000)
    assert client.response().status == 400
    assert client.read_end() == CLOSE_NOTIFY
    client.send(b"x" * 1000)
    assert not client.was_reset()


# ---- The redirect listener ----


def test_redirect_answers_308(lab):
    server = lab.server()
    proxy = lab.proxy(server, redirect=True)
    client = lab.plain_client(proxy.redirect_port)
    answer = client.ask("/path?query=1", host="localhost")
    assert answer.status == 308
    assert answer.get("Location") == f"https://localhost:{proxy.port}/path?query=1"
    again = client.ask("/again", method="HEAD", host=f"localhost:{proxy.redirect_port}")
    assert again.get("Location") == f"https://localhost:{proxy.port}/again"
    assert server.requests == []


def test_redirect_answers_everything_so(lab):
    server = lab.server()
    proxy = lab.proxy(server, redirect=True)
    for data in (
        request("/", "POST", body=b"secret"),
        request("/", "PUT", fields=["Transfer-Encoding: chunked"]) + chunked(b"abc"),
        request("/", "DELETE"),
        request("/", fields=["Connection: upgrade", "Upgrade: websocket"]),
    ):
        client = lab.plain_client(proxy.redirect_port)
        client.send(data)
        assert client.response(data.split(b" ")[0].decode()).status == 308
    assert server.requests == []


@pytest.mark.parametrize("data", [b"garbage\r\n\r\n", b"GET / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"])
def test_redirect_refuses_what_has_no_host(lab, data):
    proxy = lab.proxy(lab.server(), redirect=True)
    client = lab.plain_client(proxy.redirect_port)
    client.send(data)
    assert client.response().status == 400


def test_redirect_has_time_outs_too(lab):
    proxy = lab.proxy(lab.server(), redirect=True, limits={"header-timeout": "300ms", "idle-timeout": "300ms"})
    client = lab.plain_client(proxy.redirect_port)
    client.send(b"GET / HT")
    rest = client.reader.rest()
    assert rest == b"" or rest.startswith(b"HTTP/1.1 408")
    proxy.wait_for_metrics(sessions_open=0)


def test_curl_follows_the_redirect(lab):
    proxy = lab.proxy(lab.server(reply=lambda request: response(request.target)), redirect=True)
    url = f"http://localhost:{proxy.redirect_port}/a?b"
    assert run(["curl", "-sS", "-L", "--cacert", proxy.authority.ca, url]).stdout == b"/a?b"
