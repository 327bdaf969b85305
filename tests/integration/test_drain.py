"""The time in which Ravelin ends: who is still served, how connections end, and that it does end."""

import pytest

from ravelin_test.client import CLOSE_NOTIFY, CUT, RESET
from ravelin_test.http import request, response
from ravelin_test.http2 import talk_to
from ravelin_test.http2.frames import WINDOW_MAX
from ravelin_test.http2.talk import DEFAULT_WINDOW
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import stays, wait_for

SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo/1\r\n\r\n"
UPGRADE = ["Connection: Upgrade", "Upgrade: echo/1"]


def echo(connection):
    connection.head()
    connection.send(SWITCH)
    while connection.reader.more():
        connection.send(connection.reader.take(len(connection.reader.buffer)))


def open_tunnel(lab, proxy):
    client = lab.client(proxy)
    client.send(request("/tunnel", fields=UPGRADE))
    assert client.response().status == 101
    return client


def begin_drain(proxy):
    proxy.command("drain")
    wait_for(lambda: "draining" in proxy.log(), "the drain to begin")


def ended_values(proxy, count):
    return [line["ended"] for line in proxy.access_log(count)]


def test_a_tunnel_ends_in_order_with_drain_timeout(lab):
    proxy = lab.proxy(lab.server(echo), workers=2, top={"drain-timeout": "1s"})
    client = open_tunnel(lab, proxy)
    begin_drain(proxy)
    client.send(b"still echoed")
    assert client.reader.exactly(12, "the echo") == b"still echoed"
    assert client.read_end() == CLOSE_NOTIFY
    assert proxy.wait() == 0
    assert ended_values(proxy, 1) == ["drain-timeout expired"]
    proxy.wait_for_log("drain-timeout is over: ending what is still open")


def test_plain_tcp_ends_in_order_with_drain_timeout(lab):
    def echo_all(connection):
        while connection.reader.more():
            connection.send(connection.reader.take(len(connection.reader.buffer)))

    tcp = {"protocol": "tcp", "backend": "web"}
    proxy = lab.proxy(lab.server(echo_all), listen=tcp, top={"drain-timeout": "1s"})
    client = lab.client(proxy)
    client.send(b"hello")
    assert client.reader.exactly(5, "the echo") == b"hello"
    begin_drain(proxy)
    assert client.read_end() == CLOSE_NOTIFY
    assert proxy.wait() == 0


def test_without_drain_timeout_a_tunnel_holds_up_the_end(lab):
    proxy = lab.proxy(lab.server(echo), top={"drain-timeout": "unlimited"})
    client = open_tunnel(lab, proxy)
    begin_drain(proxy)
    stays(proxy.running, "it ended with an open tunnel", 1.5)
    client.close()
    assert proxy.wait() == 0


def test_a_request_without_a_response_gets_503(lab):
    server = lab.server(lambda connection: connection.head() and connection.reader.more())
    proxy = lab.proxy(server, top={"drain-timeout": "1s"})
    client = lab.client(proxy)
    client.send(request())
    proxy.wait_for_metrics(requests=1)
    begin_drain(proxy)
    answer = client.response()
    assert (answer.status, answer.get("Connection")) == (503, "close")
    assert client.read_end() == CLOSE_NOTIFY
    assert proxy.wait() == 0
    assert ended_values(proxy, 1) == ["drain-timeout expired"]


def test_a_response_under_way_is_seen_as_cut(lab):
    def script(connection):
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")
        connection.reader.more()

    proxy = lab.proxy(lab.server(script), top={"drain-timeout": "1s"})
    client = lab.client(proxy)
    client.send(request())
    assert client.reader.head().status == 200
    begin_drain(proxy)
    client.reader.rest()
    assert client.ended in (CUT, RESET)
    assert proxy.wait() == 0
    assert ended_values(proxy, 1) == ["drain-timeout expired"]


def test_a_client_that_reads_nothing_does_not_hold_up_the_end(lab):
    def script(connection):
        connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        while connection.reader is not None:
            connection.send(bytes(1_000_000))

    server = lab.server(script)
    proxy = lab.proxy(server, top={"drain-timeout": "1s"})
    client = lab.client(proxy, receive_buffer=4096)
    client.send(request())
    assert client.reader.head().status == 200
    begin_drain(proxy)
    assert proxy.wait(2 * PATIENCE) == 0
    server.failures.clear()  # its connection was broken, as it is to be


def test_an_http2_client_that_reads_nothing_does_not_hold_up_the_end(lab):
    server = lab.server(reply=lambda request: response(bytes(100_000_000)))
    proxy = lab.proxy(server, listen={"http2": "yes"}, top={"drain-timeout": "1s"})
    with talk_to(proxy, initial_window_size=WINDOW_MAX, client={"receive_buffer": 4096}) as talk:
        talk.open_window(WINDOW_MAX - DEFAULT_WINDOW)
        stream = talk.request("/")
        talk.until(lambda: talk.streams[stream].body, "the beginning of a body")
        begin_drain(proxy)
        assert proxy.wait(2 * PATIENCE) == 0
    server.failures.clear()  # its connection was broken, as it is to be


@pytest.mark.parametrize("asked_before", [True, False])
def test_a_request_that_is_on_its_way_is_served(lab, asked_before):
    """It comes just after the drain began, on a connection that was just used or is new."""
    proxy = lab.proxy(lab.server(), limits={"idle-timeout": "10m", "header-timeout": "10m"})
    client = lab.client(proxy)
    if asked_before:
        assert client.ask().status == 200
    begin_drain(proxy)
    answer = client.ask()
    assert (answer.status, answer.get("Connection")) == (200, "close")
    assert client.read_end() == CLOSE_NOTIFY
    assert proxy.wait() == 0


def test_the_rest_of_a_request_head_is_waited_for(lab):
    proxy = lab.proxy(lab.server())
    client = lab.client(proxy)
    client.send(request()[:10])
    assert lab.client(proxy).ask().status == 200  # so the worker has read the former too
    begin_drain(proxy)
    stays(proxy.running, "it ended in the middle of a request", 1.5)
    client.send(request()[10:])
    assert client.response().status == 200
    assert proxy.wait() == 0


def test_connections_are_accepted_until_drain_delay_is_over(lab):
    proxy = lab.proxy(lab.server(), workers=2, top={"drain-delay": "2s"})
    idle = lab.client(proxy)
    begin_drain(proxy)
    for _ in range(5):
        new = lab.client(proxy)
        answer = new.ask()
        assert (answer.status, answer.get("Connection")) == (200, "close")
        assert new.read_end() == CLOSE_NOTIFY
    assert proxy.status()["state"] == "draining"
    assert b"Ravelin is ending" in proxy.command("reload", check=False).stderr
    assert idle.ask().status == 200
    proxy.wait_for_log("drain-delay is over: accepting no more connections")
    assert proxy.wait() == 0


def test_drain_delay_can_be_cut_short(lab):
    proxy = lab.proxy(lab.server(), top={"drain-delay": "10m"})
    begin_drain(proxy)
    proxy.command("stop")
    assert proxy.wait() == 0
