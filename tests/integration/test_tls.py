"""What is negotiated with TLS clients, what is refused, and how a connection ends. Byte by byte: test_tls13_*.py."""

import socket
import subprocess
import threading
import time

import pytest

from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.http import chunk, request, response
from ravelin_test.processes import TIED, run, text
from ravelin_test.settings import PATIENCE
from ravelin_test.tls13 import hello_record, wire
from ravelin_test.waiting import wait_for

ASK_AND_CLOSE = request(fields=["Connection: close"])
SUITES = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]


def test_curl_gets_the_answer_of_the_server(lab):
    proxy = lab.proxy(lab.server(reply=lambda request: response("hello")))
    result = proxy.curl("/", "-w", "%{http_version} %{ssl_verify_result}")
    assert result.stdout == b"hello2 0"
    result = proxy.curl("/", "--http1.1", "-w", "%{http_version} %{ssl_verify_result}")
    assert result.stdout == b"hello1.1 0"


@pytest.mark.parametrize("suite", SUITES)
def test_each_suite_carries_data(lab, suite):
    body = bytes(range(256)) * 1000
    proxy = lab.proxy(lab.server(reply=lambda request: response(body)))
    result = proxy.curl("/", "--tls13-ciphers", suite, "--data-binary", "x" * 100_000)
    assert result.stdout == body
    [line] = proxy.access_log(1)
    assert line["tls"]["suite"] == suite


@pytest.mark.parametrize("offered, name", [("X25519", "X25519"), ("P-256", "P-256"), ("P-384", "P-384")])
def test_each_classical_group(lab, offered, name):
    proxy = lab.proxy(lab.server())
    output = proxy.s_client("-groups", offered, "-quiet", input=ASK_AND_CLOSE)
    assert "HTTP/1.1 200 OK" in output
    [line] = proxy.access_log(1)
    assert line["tls"]["group"] == name


def test_a_share_of_another_group_is_asked_for_again(lab):
    """The client's first share is of a group that the proxy does not have (HelloRetryRequest)."""
    proxy = lab.proxy(lab.server())
    output = proxy.s_client("-groups", "P-521:P-384", "-quiet", input=ASK_AND_CLOSE)
    assert "HTTP/1.1 200 OK" in output
    [line] = proxy.access_log(1)
    assert line["tls"]["group"] == "P-384"


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_1", "-tls1"])
def test_older_versions_of_openssl_get_alert_70(lab, version):
    proxy = lab.proxy(lab.server())
    output = proxy.s_client(version, "-cipher", "ALL:@SECLEVEL=0")
    assert "alert number 70" in output
    assert "Cipher is (NONE)" in output


def test_refused_handshakes_are_counted_and_logged(lab):
    proxy = lab.proxy(lab.server())
    proxy.s_client("-tls1_2")
    proxy.wait_for_metrics(handshakes_failed=1, handshakes_full=0, handshakes_open=0)
    [line] = proxy.access_log(1)
    assert line["status"] == 0 and line["method"] is None
    assert line["ended"]


def test_alpn_http11_is_answered(lab):
    proxy = lab.proxy(lab.server(), listen={"http2": "no"})
    output = proxy.s_client("-alpn", "h2,http/1.1", input=ASK_AND_CLOSE)
    assert "ALPN protocol: http/1.1" in output


def test_alpn_prefers_h2(lab):
    proxy = lab.proxy(lab.server())
    assert "ALPN protocol: h2" in proxy.s_client("-alpn", "http/1.1,h2")
    assert "ALPN protocol: http/1.1" in proxy.s_client("-alpn", "http/1.1", input=ASK_AND_CLOSE)


def test_no_alpn_is_fine(lab):
    proxy = lab.proxy(lab.server())
    output = proxy.s_client("-ign_eof", input=ASK_AND_CLOSE)
    assert "No ALPN negotiated" in output
    assert "HTTP/1.1 200 OK" in output


@pytest.mark.parametrize("protocols", ["h2", "h2,http/0.9", "spdy/3"])
def test_only_other_protocols_get_alert_120(lab, protocols):
    proxy = lab.proxy(lab.server(), listen={"http2": "no"})
    assert "alert number 120" in proxy.s_client("-alpn", protocols)


def test_gnutls_connects(lab):
    proxy = lab.proxy(lab.server())
    command = ["gnutls-cli", "--x509cafile", proxy.authority.ca, "-p", proxy.port, "localhost"]
    result = run(command, input=ASK_AND_CLOSE)
    assert "HTTP/1.1 200 OK" in text(result.stdout)
    assert "(TLS1.3-X.509)" in text(result.stdout)


def test_post_quantum_can_be_required(lab):
    proxy = lab.proxy(lab.server(), tls={"require-post-quantum": "yes"})
    output = proxy.s_client("-groups", "X25519:P-256:P-384")
    assert "alert number 40" in output
    [line] = proxy.access_log(1)
    assert line["status"] == 0 and line["ended"]


def test_a_client_whose_small_writes_wait_for_acknowledgments_is_not_kept_waiting(lab):
    """Its request leaves when its Finished is acknowledged, which the kernel puts off for 40 ms at least."""
    proxy = lab.proxy(lab.server())

    def is_quick():
        client = lab.client(proxy)
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
        begin = time.monotonic()
        assert client.ask().status == 200
        return time.monotonic() - begin < 0.035

    wait_for(is_quick, "one of many answers to come at once")


def test_a_silent_client_is_closed_after_the_handshake_timeout(lab):
    proxy = lab.proxy(lab.server(), limits={"handshake-timeout": "300ms"})
    wire.exchange(proxy.port, b"")
    # Not a failed handshake: it never began.
    proxy.wait_for_metrics(sessions_accepted=1, sessions_open=0, handshakes_open=0, handshakes_failed=0)


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_client_that_stops_in_its_hello_is_closed(lab, size):
    proxy = lab.proxy(lab.server(), limits={"handshake-timeout": "300ms"})
    wire.exchange(proxy.port, hello_record()[:size])
    proxy.wait_for_metrics(sessions_open=0, handshakes_open=0, handshakes_failed=1)


def test_a_client_that_sends_no_finished_is_closed(lab):
    proxy = lab.proxy(lab.server(), limits={"handshake-timeout": "1s"})
    answer = wire.exchange(proxy.port, hello_record())
    assert wire.records(answer)[0][0] == wire.Kind.HANDSHAKE
    proxy.wait_for_metrics(sessions_open=0, handshakes_open=0, handshakes_failed=1)


GARBAGE = {
    "zeros": b"\0" * 100,
    "ones": b"\xff" * 100,
    "application data": b"\x17\x03\x03\0\x10" + b"a" * 16,
    "an alert": b"\x15\x03\x03\0\x02\x02\x28",
    "no hello in the record": b"\x16\x03\x01\0\x10" + b"a" * 16,
    "too long a record": b"\x16\x03\x01\x40\x01" + b"\1" * 100,
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_refused(lab, garbage):
    proxy = lab.proxy(lab.server())
    answer = wire.exchange(proxy.port, garbage)
    assert [kind for kind, _ in wire.records(answer)] in ([], [wire.Kind.ALERT])
    proxy.wait_for_metrics(sessions_open=0, handshakes_open=0, handshakes_failed=1)
    assert proxy.curl("/").stdout == b"ok"


def test_plain_http_on_the_tls_port_is_told_so_and_reaches_no_server(lab):
    server = lab.server()
    proxy = lab.proxy(server)
    answer = wire.exchange(proxy.port, request())
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"HTTPS" in answer
    proxy.wait_for_metrics(sessions_open=0, handshakes_open=0, handshakes_failed=1)
    assert server.requests == []


def test_connection_close_ends_with_close_notify(lab):
    proxy = lab.proxy(lab.server())
    with lab.client(proxy) as client:
        client.send(ASK_AND_CLOSE)
        assert client.response().get("Connection") == "close"
        assert client.read_end() == CLOSE_NOTIFY


def test_close_notify_of_a_client_is_answered(lab):
    proxy = lab.proxy(lab.server())
    with lab.client(proxy) as client:
        client.ask()
        client.half_close()
        assert client.read_end() == CLOSE_NOTIFY
    proxy.wait_for_metrics(sessions_open=0)


def test_an_idle_connection_ends_with_close_notify(lab):
    proxy = lab.proxy(lab.server(), limits={"idle-timeout": "300ms"})
    with lab.client(proxy) as client:
        client.ask()
        assert client.read_end() == CLOSE_NOTIFY


def test_a_connection_that_never_asks_ends_too(lab):
    proxy = lab.proxy(lab.server(), limits={"idle-timeout": "300ms", "header-timeout": "300ms"})
    with lab.client(proxy) as client:
        assert client.read_end() == CLOSE_NOTIFY


@pytest.mark.parametrize("break_off", ["close", "reset"])
def test_a_client_that_goes_away_in_the_handshake_leaves_nothing(lab, break_off):
    proxy = lab.proxy(lab.server())
    client = lab.plain_client(proxy.port)
    client.send(hello_record())
    client.reader.exactly(5, "the answer")
    getattr(client, break_off)()
    proxy.wait_for_metrics(sessions_open=0, handshakes_open=0, handshakes_failed=1)


def test_a_damaged_record_gets_alert_20(lab):
    """After the hand-over to our record layer: bad_record_mac, and nothing of the record reaches a server."""
    server = lab.server()
    proxy = lab.proxy(server)
    with lab.client(proxy) as client:
        client.ask()
        client.socket.sendall(b"\x17\x03\x03\x00\x40" + b"\0" * 64)
        with pytest.raises(Exception, match="(?i)bad.record.mac|BAD_RECORD_MAC"):
            client.reader.rest()
    assert len(server.requests) == 1


# ---- KeyUpdate ----


class Interactive:
    """A TLS client program with its commands on: what is written to it and what it says, while it runs."""

    def __init__(self, command):
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        self.process = subprocess.Popen(TIED + [str(part) for part in command], bufsize=0, **pipes)
        self.output, self.notes = bytearray(), bytearray()
        self._threads = [
            threading.Thread(target=self._collect, args=pair, daemon=True)
            for pair in ((self.process.stdout, self.output), (self.process.stderr, self.notes))
        ]
        for thread in self._threads:
            thread.start()

    def _collect(self, pipe, buffer):
        while data := pipe.read(65536):
            buffer += data

    def write(self, data):
        self.process.stdin.write(data)

    def wait_for_output(self, data):
        wait_for(lambda: data in self.output, f"{data[:80]!r} in {bytes(self.output[-300:])!r}")

    def wait_for_notes(self, mark, count):
        wait_for(lambda: self.notes.count(mark) >= count, f"{mark!r} {count} times in {bytes(self.notes[-300:])!r}")

    def wait_for_end(self):
        """All output is there after it."""
        for thread in self._threads:
            thread.join(PATIENCE)

    def close(self):
        self.process.kill()
        self.process.wait(PATIENCE)
        self.wait_for_end()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()


def echo(connection):
    """Answers a request with its own body, while that is still coming."""
    connection.head()
    connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while data := connection.reader.exactly(10, "the body"):
        connection.send(chunk(data))
        if data == b"the end 9\n":
            connection.send(b"0\r\n\r\n")
            return


@pytest.mark.parametrize("letter, updates", [(b"K", 2), (b"k", 1)])
@pytest.mark.parametrize("suite", SUITES)
def test_openssl_key_updates_within_a_transfer(lab, suite, letter, updates):
    """K asks for an update in return, k does not. Body bytes go both ways between the updates."""
    rounds = 8
    proxy = lab.proxy(lab.server(echo))
    client = Interactive(proxy.s_client_command("-brief", "-ciphersuites", suite, "-servername", "localhost"))
    lab.keep_client(client)
    client.write(request(method="POST", fields=[f"Content-Length: {10 * (rounds + 1)}"]))
    client.wait_for_output(b"\r\n\r\n")
    for number in range(rounds):
        client.write(letter + b"\n")
        client.wait_for_notes(b"KEYUPDATE", number + 1)
        client.write(b"update  %d\n" % number)
        client.wait_for_output(b"update  %d\n" % number)
    client.write(b"the end 9\n")
    client.wait_for_output(b"\r\n0\r\n\r\n")
    proxy.wait_for_metrics(key_updates=updates * rounds)


def test_openssl_key_updates_while_a_response_streams(lab):
    """Updates are answered in the middle of a stream of records that never pauses."""
    piece = bytes(range(256)) * 256
    enough = threading.Event()
    sent = []

    def stream(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while not enough.is_set():
            connection.send(piece)
            sent.append(len(piece))

    proxy = lab.proxy(lab.server(stream))
    client = Interactive(proxy.s_client_command("-brief", "-servername", "localhost"))
    lab.keep_client(client)
    client.write(request(version="HTTP/1.0"))  # so that the body comes without chunks
    client.wait_for_output(piece)
    for number in range(1, 6):
        client.write(b"K\n")
        client.wait_for_notes(b"KEYUPDATE", number)
        proxy.wait_for_metrics(key_updates=2 * number)
    enough.set()
    assert client.process.wait(PATIENCE) == 0
    client.wait_for_end()
    _, _, body = bytes(client.output).partition(b"\r\n\r\n")
    assert len(body) == sum(sent)
    assert body == piece * len(sent)


def test_a_key_update_between_requests_is_answered_at_once(lab):
    """On an idle connection there is no data that the answer could wait for. It holds no buffer afterwards either."""
    proxy = lab.proxy(lab.server(reply=lambda request: response(request.target)))
    client = Interactive(proxy.s_client_command("-brief", "-servername", "localhost"))
    lab.keep_client(client)
    for number in range(3):
        client.write(request(f"/number{number}"))
        client.wait_for_output(b"\r\n\r\n/number%d" % number)
        client.write(b"K\n")
        client.wait_for_notes(b"KEYUPDATE", number + 1)
        proxy.wait_for_metrics(key_updates=2 * (number + 1), sessions_idle=1, receive_buffers=0, send_buffers=0)


@pytest.mark.parametrize("command", [b"^rekey^", b"^rekey1^"])
def test_gnutls_key_updates_within_a_transfer(lab, command):
    rounds = 4
    proxy = lab.proxy(lab.server(echo))
    client = Interactive(
        ["gnutls-cli", "--inline-commands", "--x509cafile", proxy.authority.ca, "-p", str(proxy.port), "localhost"]
    )
    lab.keep_client(client)
    client.wait_for_output(b"Handshake was completed")
    client.write(request(method="POST", fields=[f"Content-Length: {10 * (rounds + 1)}"]))
    client.wait_for_output(b"chunked")
    for number in range(rounds):
        client.write(command + b"\n")
        client.write(b"update  %d\n" % number)
        client.wait_for_output(b"update  %d\n" % number)
    client.write(b"the end 9\n")
    client.wait_for_output(b"the end 9\n")
    assert proxy.metrics()["key_updates"] >= rounds
