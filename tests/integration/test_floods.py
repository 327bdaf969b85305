"""Lines in the error log that a client can cause: a flood of them is a burst and a number."""

import re
import socket

from ravelin_test.http import response
from ravelin_test.waiting import wait_for

MANY = 150
BURST = 25  # and a few more, as time passes


def expect_flood(proxy, line, left_out):
    """`line` came often, but not nearly as often as there was cause; the rest is told as a number."""

    def told():
        text = proxy.log()
        return len(re.findall(line, text)) + sum(map(int, re.findall(left_out, text))) >= MANY

    wait_for(told, "all lines, or their number")
    assert 1 <= len(re.findall(line, proxy.log())) <= BURST
    assert re.search(left_out, proxy.log())


def test_a_server_that_refuses_connections(lab):
    proxy = lab.proxy(lab.refused_address())
    client = lab.client(proxy)
    for _ in range(MANY):
        assert client.ask().status == 502
    expect_flood(proxy, "backend web: server .*refused", r"server [\d.:]+: (\d+) more lines were left out")


def test_a_server_that_answers_nonsense(lab):
    proxy = lab.proxy(lab.server(reply=lambda request: b"nonsense\r\n\r\n"))
    client = lab.client(proxy)
    for _ in range(MANY):
        assert client.ask().status == 502
    expect_flood(proxy, "bad response", r"server [\d.:]+: (\d+) more lines were left out")


def test_bad_proxy_headers(lab):
    proxy = lab.proxy(lab.server(), top={"trusted-proxies": "{127.0.0.1}"}, listen={"proxy-protocol": "yes"})
    for _ in range(MANY):
        with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
            connection.sendall(b"nonsense\r\n")
            assert connection.recv(100) == b""
    expect_flood(proxy, "proxy 127.0.0.1: ", r"(\d+) more lines about PROXY headers")


def test_connections_over_a_limit(lab):
    proxy = lab.proxy(lab.server(reply=lambda request: response("x")), limits={"connections-per-client": 1})
    first = lab.client(proxy)
    assert first.ask().status == 200
    for _ in range(MANY):
        with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
            try:
                assert connection.recv(100) == b""
            except ConnectionResetError:
                pass
    expect_flood(proxy, "client 127.0.0.1: .*: closed", r"(\d+) more lines about connections over a limit")
