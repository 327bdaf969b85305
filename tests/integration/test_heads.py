"""What the proxy takes out of heads, what it puts in, and what it leaves alone."""

import re

import pytest

from ravelin_test.http import response
from ravelin_test.proxy import block

HOP_BY_HOP = [
    "Keep-Alive: timeout=5",
    "Proxy-Connection: keep-alive",
    "Proxy-Authorization: Basic eDp5",
    "Proxy-Authenticate: Basic",
    "TE: trailers, deflate",
    "X-Hop: 1",
    "X-Hop-Two: 2",
]


def names(message):
    return {name.lower() for name, _ in message.fields}


@pytest.fixture
def ask(lab):
    """Sends a request through a proxy; returns what the server saw of it."""
    server = lab.server()
    client = lab.client(lab.proxy(server))

    def ask(**options):
        assert client.ask(**options).status == 200
        return server.requests[-1]

    return ask


def test_hop_by_hop_fields_of_a_request_stop_here(ask):
    seen = ask(fields=["Connection: keep-alive, X-Hop,x-hop-two", *HOP_BY_HOP, "X-End: 3"])
    for line in HOP_BY_HOP:
        assert line.partition(":")[0].lower() not in names(seen), line
    assert seen.get("X-End") == "3"
    assert seen.get("Connection") in (None, "keep-alive")


def test_connection_close_of_a_client_is_not_the_servers_business(lab):
    server = lab.server()
    proxy = lab.proxy(server)
    for _ in range(3):
        with lab.client(proxy) as client:
            client.ask(fields=["Connection: close"])
            client.read_end()
    assert [request.get("Connection") for request in server.requests] == [None] * 3
    assert len(server.connections) == 1


def test_hop_by_hop_fields_of_a_response_stop_here(lab):
    stopped = ["Connection: keep-alive, X-Hop", "Keep-Alive: timeout=5", "X-Hop: 1", "Proxy-Authenticate: Basic"]
    fields = [*stopped, "X-End: 3"]
    client = lab.client(lab.proxy(lab.server(reply=lambda request: response("ok", fields=fields))))
    answer = client.ask()
    assert not names(answer) & {"keep-alive", "x-hop", "proxy-authenticate", "upgrade"}
    assert answer.get("X-End") == "3"
    assert answer.get("Connection") in (None, "keep-alive")


def test_a_closing_server_does_not_close_the_client(lab):
    answer = response("ok", fields=["Connection: close"])
    server = lab.server(lambda connection: connection.request() and connection.send(answer))
    client = lab.client(lab.proxy(server))
    for _ in range(3):
        assert client.ask().get("Connection") is None
    assert len(server.connections) == 3


def test_the_server_is_told_who_asked(ask):
    seen = ask()
    assert seen.get("X-Forwarded-For") == "127.0.0.1"
    assert seen.get("X-Forwarded-Proto") == "https"
    assert seen.get("X-Forwarded-Host") == "localhost"
    forwarded = dict(part.strip().split("=", 1) for part in seen.get("Forwarded").split(";"))
    assert forwarded["for"].strip('"') == "127.0.0.1"
    assert forwarded["proto"] == "https"
    assert forwarded["host"].strip('"') == "localhost"


def test_the_address_of_an_ipv6_client(lab):
    server = lab.server()
    proxy = lab.prepare(server)
    proxy.write_config(proxy.config_text() + block("listen", f'"[::1]:{proxy.port}"') + "\n")
    proxy.start()
    assert lab.client(proxy, host="::1").ask().status == 200
    [seen] = server.requests
    assert seen.get("X-Forwarded-For") == "::1"
    assert 'for="[::1]"' in seen.get("Forwarded")
    assert proxy.access_log(1)[0]["client"] == "::1"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded"])
def test_what_a_client_says_about_itself_is_dropped(ask, name):
    lies = [f"{name}: lie", f"{name.lower()}: for=lie", f"{name.upper()}: lie2"]
    seen = ask(fields=lies)
    assert len(seen.all(name)) == 1
    assert "lie" not in seen.get(name)


@pytest.mark.parametrize(
    "name", ["X_Forwarded_For", "X-Forwarded_Proto", "Proxy", "Content_Length", "Transfer_Encoding"]
)
def test_fields_that_a_gateway_could_mistake_are_dropped(ask, name):
    seen = ask(fields=[f"{name}: lie"])
    assert "lie" not in [value for _, value in seen.fields]


def test_the_host_is_kept_with_its_port(ask):
    assert ask(host="localhost:8443").get("Host") == "localhost:8443"
    assert ask(host="LocalHost").get("Host").lower() == "localhost"


def test_fields_pass_unchanged_and_in_order(ask):
    fields = [
        *["Accept: */*", "X-Two: first", "Cookie: a=b; c=d", "x-two: second"],
        *["X-Empty:", "X-Latin: caf\xe9", "X-Spaces: a  b"],
    ]
    seen = ask(fields=fields)
    expected = [tuple(part.strip(" ") for part in line.split(":", 1)) for line in fields]
    sent = {name for name, _ in expected}
    assert [pair for pair in seen.fields if pair[0] in sent] == expected


def test_a_response_passes_unchanged(lab):
    fields = [
        "Content-Type: text/html",
        "Set-Cookie: a=b; Path=/",
        "Set-Cookie: c=d; HttpOnly",
        "X-Empty:",
        "Server: test",
        "Date: Tue, 15 Nov 1994 08:12:31 GMT",
        "Strict-Transport-Security: max-age=1",
    ]
    client = lab.client(lab.proxy(lab.server(reply=lambda request: response("ok", fields=fields))))
    answer = client.ask()
    assert answer.start == "HTTP/1.1 200 OK"
    assert set(fields) <= {f"{name}: {value}".replace("X-Empty: ", "X-Empty:") for name, value in answer.fields}
    assert answer.all("Set-Cookie") == ["a=b; Path=/", "c=d; HttpOnly"]


def test_a_date_is_added_when_there_is_none(lab):
    client = lab.client(lab.proxy(lab.server()))
    assert re.match(r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$", client.ask().get("Date"))


@pytest.mark.parametrize(
    "target", ["/%7Euser/%2eE/a%2Fb", "/a//b/./c/../d?x=%20&y=/../", "/?", "/a;p=1,2!$&'()*+=:@-._~"]
)
def test_a_target_passes_as_it_was_written(ask, target):
    assert ask(target=target).target == target


def test_nothing_of_the_received_head_is_copied_raw(lab):
    """White space around values is not; a chunked coding in capitals is written our way."""
    server = lab.server()
    client = lab.client(lab.proxy(server))
    head = b"POST / HTTP/1.1\r\nhOsT:localhost\r\nX-A:\t b \t\r\ntransfer-encoding:CHUNKED\r\n\r\n"
    client.send(head + b"3\r\nabc\r\n0\r\n\r\n")
    assert client.response().status == 200
    raw = bytes(server.connections[0].received)
    assert b"\r\nHost: localhost\r\n" in raw
    assert b"\r\nX-A: b\r\n" in raw
    assert b"\r\nTransfer-Encoding: chunked\r\n" in raw


def test_heads_end_with_one_empty_line(ask):
    seen = ask()
    assert seen.head.count(b"\r\n\r\n") == 1
    assert b"\n" not in seen.head.replace(b"\r\n", b"")
