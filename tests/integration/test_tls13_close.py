"""How connections end: close_notify in each direction, FIN and reset at every point (RFC 8446 6.1)."""

import threading

import pytest

from ravelin_test.http import Truncated, request, response
from ravelin_test.settings import PATIENCE
from ravelin_test.tls13 import FIN, RESET, Data, End, Kind, cases, client_hello, hello_record, talk_to, wire
from ravelin_test.tls13.wire import alert


def begin(talk):
    talk.send_hello()
    talk.expect_flight()
    talk.send_finished()
    return talk


def test_the_server_answers_close_notify(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).expect_answer()
        talk.close_notify()
        talk.expect_close_notify()


def test_close_notify_and_fin(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).expect_answer()
        talk.close_notify()
        talk.half_close()
        talk.expect_close_notify()


def test_close_notify_right_after_the_handshake(tls_proxy):
    with talk_to(tls_proxy) as talk:
        begin(talk).close_notify()
        talk.expect_close_notify()


def test_close_notify_in_the_segment_of_finished(tls_proxy):
    with talk_to(tls_proxy) as talk:
        talk.send_hello()
        talk.expect_flight()
        finished = talk.finished()
        data = talk.pack(Kind.HANDSHAKE, finished)
        talk.transcript.add(finished)
        talk.use_application_keys()
        talk.send_bytes(data + talk.pack(Kind.ALERT, alert("close_notify", 1)))
        talk.expect_close_notify()


@pytest.mark.parametrize("fin", [False, True], ids=["close_notify", "close_notify and FIN"])
def test_a_response_comes_to_a_client_that_has_said_goodbye(lab, fin):
    """6.1: it closes one direction only; the request that was whole is answered whole."""
    body = bytes(range(256)) * 4000
    proxy = lab.proxy(lab.server(reply=lambda request: response(body)))
    with talk_to(proxy) as talk:
        begin(talk).send_data(request())
        talk.close_notify()
        if fin:
            talk.half_close()
        assert talk.response().body == body
        talk.expect_close_notify()


def test_a_slow_response_comes_to_a_client_that_has_said_goodbye(lab):
    asked, go = threading.Event(), threading.Event()

    def script(connection):
        connection.request()
        asked.set()
        go.wait(PATIENCE)
        connection.send(response("late"))

    proxy = lab.proxy(lab.server(script))
    with talk_to(proxy) as talk:
        begin(talk).send_data(request())
        assert asked.wait(PATIENCE)
        talk.close_notify()
        go.set()
        assert talk.response().body == b"late"
        talk.expect_close_notify()


def test_what_comes_after_close_notify_is_not_read(lab):
    """6.1: a second request is not served."""
    server = lab.server()
    proxy = lab.proxy(server)
    with talk_to(proxy) as talk:
        begin(talk)
        data = talk.pack(Kind.APPLICATION_DATA, request("/first")) + talk.pack(Kind.ALERT, alert("close_notify", 1))
        talk.send_bytes(data + talk.pack(Kind.APPLICATION_DATA, request("/second")))
        assert talk.response().status == 200
        talk.expect_close_notify()
    assert [request.target for request in server.requests] == ["/first"]


def test_half_a_request_and_close_notify(tls_proxy):
    """It will never be whole."""
    with talk_to(tls_proxy) as talk:
        begin(talk).send_data(request()[:-4])
        talk.close_notify()
        event = talk.read()
        while isinstance(event, Data) or getattr(event, "kind", None) == wire.Type.NEW_SESSION_TICKET:
            event = talk.read()
        assert str(event).startswith("close_notify"), event
        talk.expect_end()


def test_the_server_says_goodbye_after_connection_close(tls_proxy):
    with talk_to(tls_proxy) as talk:
        answer = begin(talk).ask(fields=["Connection: close"])
        assert answer.get("Connection") == "close"
        talk.expect_close_notify()
        talk.close_notify()


def test_a_cut_response_is_told_from_a_whole_one(lab):
    """The server behind ended early: no close_notify."""

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")

    proxy = lab.proxy(lab.server(script), allow=[".*"])
    with talk_to(proxy) as talk:
        begin(talk).send_data(request())
        with pytest.raises(Truncated):
            talk.response()
        assert not any(record.kind == Kind.ALERT and record.payload[1] == 0 for record in talk.records)


# ---- Clients that go away ----


@pytest.fixture(scope="module")
def quiet_proxy(module_lab):
    """With no other client than that of the test, so that what is left over shows in the metrics, and time-outs that no
    test waits for.
    """
    limits = {f"{name}-timeout": f"{round(4 * PATIENCE)}s" for name in ("handshake", "header", "idle")}
    return module_lab.proxy(module_lab.server(), limits=limits)


def after_connect(talk):
    pass


def after_a_byte(talk):
    talk.send_bytes(b"\x16")


def after_a_header(talk):
    talk.send_bytes(hello_record()[:5])


def within_the_hello(talk):
    talk.send_bytes(hello_record()[:100])


def between_records_of_the_hello(talk):
    talk.send_plain(Kind.HANDSHAKE, client_hello().encode()[:100])


def after_the_hello(talk):
    talk.send_hello()


def after_server_hello(talk):
    talk.send_hello()
    talk.expect_server_hello()


def after_the_retry(talk):
    talk.send_hello(client_hello(shares=[]))
    talk.expect_retry()


def after_the_second_hello(talk):
    after_the_retry(talk)
    talk.send_hello(talk.second_hello())


def after_the_flight(talk):
    talk.send_hello()
    talk.expect_flight()


def within_finished(talk):
    after_the_flight(talk)
    talk.send_bytes(talk.pack(Kind.HANDSHAKE, talk.finished())[:20])


def between_records_of_finished(talk):
    after_the_flight(talk)
    talk.send(Kind.HANDSHAKE, talk.finished()[:10])


def after_finished(talk):
    begin(talk)


def after_the_ticket(talk):
    begin(talk).expect_ticket()


def within_a_record(talk):
    begin(talk).send_bytes(talk.pack(Kind.APPLICATION_DATA, request())[:30])


def within_a_request(talk):
    begin(talk).send_data(request()[:20])


def after_a_request(talk):
    begin(talk).send_data(request())


def after_a_response(talk):
    begin(talk).expect_answer()


POINTS = [
    *[after_connect, after_a_byte, after_a_header, within_the_hello, between_records_of_the_hello, after_the_hello],
    *[after_server_hello, after_the_retry, after_the_second_hello, after_the_flight, within_finished],
    *[between_records_of_finished, after_finished, after_the_ticket, within_a_record, within_a_request],
    *[after_a_request, after_a_response],
]


@pytest.mark.parametrize("point", cases({point.__name__: point for point in POINTS}))
def test_a_client_that_sends_fin(quiet_proxy, point):
    """The server ends too, at once: a time-out would take longer than this client waits."""
    with talk_to(quiet_proxy) as talk:
        point(talk)
        talk.half_close()
        while not isinstance(event := talk.read(), End):
            pass
        assert event.how in (FIN, RESET)


@pytest.mark.parametrize("point", cases({point.__name__: point for point in POINTS}))
@pytest.mark.parametrize("how", ["close", "reset"])
def test_a_client_that_goes_away(quiet_proxy, point, how):
    with talk_to(quiet_proxy) as talk:
        point(talk)
        getattr(talk, how)()
    quiet_proxy.wait_for_metrics(sessions_open=0, handshakes_open=0)
