"""Listeners whose clients come through a proxy that says who they are (the PROXY protocol)."""

import socket
import ssl
import struct

import pytest

from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.http import request
from ravelin_test.proxy import backend_block, block

TRUSTING = {"top": {"trusted-proxies": "127.0.0.1"}, "listen": {"proxy-protocol": "yes"}}
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def version_1(client, family="TCP4", local="198.51.100.1"):
    return f"PROXY {family} {client} {local} 4567 443\r\n".encode()


def version_2(client, extra=b""):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    host = socket.inet_pton(family, client)
    body = host + host + struct.pack("!HH", 4567, 443) + extra
    kind = 0x21 if family == socket.AF_INET6 else 0x11
    return SIGNATURE + struct.pack("!BBH", 0x21, kind, len(body)) + body


HEADERS = {
    "v1": (version_1("192.0.2.7"), "192.0.2.7"),
    "v1-ipv6": (version_1("2001:db8::7", "TCP6", "2001:db8::1"), "2001:db8::7"),
    "v1-unknown": (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    "v2": (version_2("192.0.2.7"), "192.0.2.7"),
    "v2-ipv6": (version_2("2001:db8::7"), "2001:db8::7"),
    "v2-more": (version_2("192.0.2.7", b"\x01\x00\x05hello"), "192.0.2.7"),
    "v2-local": (SIGNATURE + b"\x20\0\0\0", "127.0.0.1"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_the_client_is_whom_the_header_names(lab, name):
    header, client_address = HEADERS[name]
    server = lab.server()
    proxy = lab.proxy(server, **TRUSTING)
    client = lab.client(proxy, first=header)
    assert client.ask().status == 200
    assert client.ask().status == 200
    told = "unknown" if name == "v1-unknown" else client_address
    assert [asked.get("X-Forwarded-For") for asked in server.requests] == [told] * 2
    assert all(asked.get("Forwarded").startswith((f"for={told};", f'for="[{told}]";')) for asked in server.requests)
    line = proxy.access_log(1)[0]
    assert line["client"] == client_address
    assert line["client_port"] == (client.port if client_address == "127.0.0.1" else 4567)


UNNAMED = {
    "v1-unknown": (b"PROXY UNKNOWN\r\n", 403),
    "v1-unknown-with-more": (b"PROXY UNKNOWN 192.0.2.7 192.0.2.8 1 2\r\n", 403),
    "v2-unspecified": (SIGNATURE + b"\x21\0\0\0", 403),
    "v2-unix": (SIGNATURE + b"\x21\x31\0\xd8" + bytes(216), 403),
    "v2-local": (SIGNATURE + b"\x20\0\0\0", 200),  # the proxy itself
    "v1-mapped": (version_1("::ffff:127.0.0.9", "TCP6", "::1"), 200),
}


@pytest.mark.parametrize("name", UNNAMED)
def test_a_client_that_nobody_names_passes_no_list(lab, name):
    """It is not the proxy that it came through."""
    header, status = UNNAMED[name]
    seen = []

    def script(connection):
        seen.append(connection.reader.until(b"\r\n", "a PROXY header"))
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    inner = [block("certificate", f'"{certificate.path}"', {"key": f'"{certificate.key}"'})]
    for prefix, options in {"/": {}, "/allow": {"allow": "127.0.0.0/8"}, "/deny": {"deny": "192.0.2.0/24"}}.items():
        inner.append(block("route", f'"{prefix}"', {"backend": "web", **options}))
    site = block("site", "localhost", {"aliases": '"127.0.0.1"'}, inner)
    backend = backend_block("web", [lab.server(script)], {"send-proxy-protocol": "v1"})
    proxy = lab.proxy(sites=[site], backends=[backend], **TRUSTING)
    client = lab.client(proxy, first=header)
    assert [client.ask(target).status for target in ["/", "/allow", "/deny"]] == [200, status, status]
    assert (seen[0] == b"PROXY UNKNOWN\r\n") == (status == 403)


@pytest.mark.parametrize("name", ["v1-unknown", "v2-local"])
def test_a_client_that_nobody_names_is_not_believed(lab, name):
    """It may be anybody behind a proxy that looks into no head."""
    server = lab.server()
    proxy = lab.proxy(server, **TRUSTING)
    client = lab.client(proxy, first=HEADERS[name][0])
    assert client.ask(fields=["X-Forwarded-For: 192.0.2.9", "X-Forwarded-Proto: http"]).status == 200
    told = "unknown" if name == "v1-unknown" else "127.0.0.1"
    assert server.requests[0].all("X-Forwarded-For") == [told]
    assert server.requests[0].all("X-Forwarded-Proto") == ["https"]
    assert proxy.access_log(1)[0]["client"] == "127.0.0.1"


def test_a_header_in_pieces_and_one_with_the_handshake(lab):
    server = lab.server()
    proxy = lab.proxy(server, **TRUSTING)
    header = version_2("192.0.2.8")
    with socket.create_connection(("127.0.0.1", proxy.port)) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(header)):
            raw.sendall(header[at : at + 1])
        with proxy.context.wrap_socket(raw, server_hostname="localhost") as secured:
            secured.sendall(request("/", fields=["Connection: close"]))
            assert secured.recv(100).startswith(b"HTTP/1.1 200")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = proxy.context.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    with socket.create_connection(("127.0.0.1", proxy.port)) as raw:
        raw.sendall(version_1("192.0.2.9") + outgoing.read())  # one packet
        assert raw.recv(5)[:3] == b"\x16\x03\x03"  # a handshake record
    assert server.requests[0].get("X-Forwarded-For") == "192.0.2.8"


def test_a_redirect_listener_takes_it_too(lab):
    proxy = lab.proxy(lab.server(), redirect=True, **TRUSTING)
    with socket.create_connection(("127.0.0.1", proxy.redirect_port)) as plain:
        plain.sendall(version_1("192.0.2.7") + request("/there", fields=["Connection: close"]))
        assert plain.recv(1000).startswith(b"HTTP/1.1 308")
    assert proxy.access_log(1)[0]["client"] == "192.0.2.7"


REFUSED = {
    "tls": b"\x16\x03\x01\x00\x05hello",
    "http": request("/"),
    "nonsense": version_1("192.0.2.300"),
    "udp": SIGNATURE + b"\x21\x12\0\x0c" + bytes(12),
    "endless": b"PROXY UNKNOWN " + b"x" * 200,
    "oversized": SIGNATURE + b"\x21\x11\xff\xff" + bytes(3000),
}


@pytest.mark.parametrize("name", REFUSED)
def test_without_a_right_header_nothing_is_served(lab, name):
    proxy = lab.proxy(lab.server(), **TRUSTING)
    with socket.create_connection(("127.0.0.1", proxy.port)) as raw:
        raw.sendall(REFUSED[name])
        try:
            assert raw.recv(100) == b""
        except ConnectionResetError:
            pass
    proxy.wait_for_log(r"info worker 0.*: proxy 127\.0\.0\.1: .*PROXY header")
    assert lab.client(proxy, first=version_1("192.0.2.7")).ask().status == 200


def test_silence_instead_of_a_header(lab):
    proxy = lab.proxy(lab.server(), limits={"handshake-timeout": "200ms"}, **TRUSTING)
    with socket.create_connection(("127.0.0.1", proxy.port)) as raw:
        assert raw.recv(100) == b""
    proxy.wait_for_log("no PROXY header in time")


def test_only_trusted_proxies_are_listened_to(lab):
    proxy = lab.proxy(lab.server(), top={"trusted-proxies": '{"127.0.0.2/31", "::1"}'}, listen={"proxy-protocol": "yes"})
    header = version_1("192.0.2.7")
    assert lab.client(proxy, first=header, source="127.0.0.3").ask().status == 200
    with pytest.raises((ConnectionError, ssl.SSLError)):
        lab.client(proxy, first=header, source="127.0.0.1")
    proxy.wait_for_log("warning worker 0.*client 127.0.0.1: not among trusted-proxies")
    assert proxy.metrics()["sessions_refused"] == 1
    assert len(proxy.access_log(1)) == 1


def test_a_listener_without_it_takes_no_header(lab):
    proxy = lab.proxy(lab.server(), top={"trusted-proxies": "127.0.0.1"})
    with socket.create_connection(("127.0.0.1", proxy.port)) as raw:
        raw.sendall(version_1("192.0.2.7"))
        assert raw.recv(100)[:1] != b"\x16"
    assert lab.client(proxy).ask().status == 200


def test_connections_of_one_client(lab):
    """Counted over all workers, by the address that the header names.

    One more is accepted where all five are in one worker, which the other one does not believe whole.
    """
    proxy = lab.proxy(lab.server(), workers=2, limits={"connections-per-client": 5}, **TRUSTING)

    def connect(address):
        client = lab.client(proxy, first=version_1(address))
        assert client.ask().status == 200
        return client

    clients = [connect("192.0.2.7") for _ in range(5)]
    refused = 0
    while refused < 3:
        try:
            clients.append(connect("192.0.2.7"))
        except (ConnectionError, ssl.SSLError):
            refused += 1
    assert len(clients) <= 6
    proxy.wait_for_log("client 192.0.2.7: more connections than one client may have: closed")
    connect("192.0.2.8")  # nobody else is disturbed
    assert all(client.ask().status == 200 for client in clients)
    for client in clients[:-4]:
        client.half_close()
        assert client.read_end() == CLOSE_NOTIFY
    proxy.wait_for_metrics(sessions_open=5)
    connect("192.0.2.7")
    assert proxy.metrics()["sessions_refused"] == 3
