"""Responses that come before the request has been sent: they reach clients that send first and read then."""

import contextlib
import shutil
import socket
import threading

import pytest

from ravelin_test.client import CLOSE_NOTIFY, CUT
from ravelin_test.clock import Clock
from ravelin_test.http import chunk, request, response
from ravelin_test.processes import run, text
from ravelin_test.proxy import block, site_block
from ravelin_test.settings import PATIENCE, SANITIZED
from ravelin_test.waiting import stays, wait_for
from test_limits import bears_cut_requests

SIZE = 16_000_000
LARGE = b"l" * 12_000_000  # more than all buffers on the way hold
CLOSE = ["Connection: close"]


def upload(target="/", framing="length", size=SIZE, fields=()):
    piece = b"u" * 100_000
    count = size // len(piece)
    if framing == "length":
        head = request(target, "POST", fields=[*fields, f"Content-Length: {count * len(piece)}"])
        return head + piece * count
    head = request(target, "POST", fields=[*fields, "Transfer-Encoding: chunked"])
    return head + chunk(piece, ";e=1") * count + b"0\r\nX-Trailer: t\r\n\r\n"


# ---- Servers that answer early ----


def server_script(answer, afterwards, done):
    def script(connection):
        connection.head()
        connection.send(answer)
        if afterwards == "reads":
            while connection.reader.more():
                connection.reader.take(len(connection.reader.buffer))
        elif afterwards == "waits":
            assert done.wait(8 * PATIENCE)
        else:  # its own kernel destroys what the proxy's kernel has not taken
            connection.wait_until_taken()
            if afterwards == "resets":
                connection.reset()

    return script


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("afterwards", ["closes", "resets", "reads", "waits"])
@pytest.mark.parametrize("body", [b"no", LARGE], ids=["small", "large"])
def test_a_server_answers_early(lab, body, afterwards, framing):
    """Whatever the server does afterwards: it closes with unread bytes (which resets), reads on, or neither."""
    done = threading.Event()
    fields = CLOSE if afterwards in ("closes", "resets") else []
    server = lab.server(server_script(response(body, "403 Forbidden", fields), afterwards, done), keep=False)
    proxy = lab.proxy(server)
    client = lab.client(proxy)
    client.send(upload(framing=framing))
    answer = client.response()
    assert (answer.status, answer.body == body) == (403, True)
    assert client.read_end() == CLOSE_NOTIFY
    done.set()
    client.close()
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0, generations_held=1)
    [line] = proxy.access_log(1)
    assert (line["status"], line["ended"], line["response_bytes"]) == (403, None, len(body))


@pytest.mark.parametrize("afterwards", ["closes", "waits"])
def test_a_large_success_comes_early(lab, afterwards):
    """Client and server both read only after they have sent everything, and nobody has refused anything."""
    done = threading.Event()
    server = lab.server(server_script(response(LARGE, fields=CLOSE), afterwards, done), keep=False)
    proxy = lab.proxy(server)
    client = lab.client(proxy, timeout=3 * PATIENCE)
    client.send(upload())
    answer = client.response()
    assert (answer.status, answer.body == LARGE) == (200, True)
    assert client.read_end() == CLOSE_NOTIFY
    done.set()
    [line] = proxy.access_log(1)
    assert (line["status"], line["ended"]) == (200, "the server stopped reading the request")


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("how", ["resets", "closes", "breaks the rules", "falls silent"])
def test_the_part_of_an_early_answer_that_came_is_not_lost(lab, how, framing):
    """The server promises more than it sends, while the client still uploads and reads nothing.

    The kernels on the way hold all of this part.
    """
    part = b"~" * 200_000
    over = threading.Event()

    def script(connection):
        connection.head()
        if how == "breaks the rules":
            connection.send(response(chunk(part), "403 Forbidden", ["Transfer-Encoding: chunked"], length=False) + b"zz\r\n")
        else:
            connection.send(response(fields=[f"Content-Length: {len(part) + 1}"], length=False) + part)
        connection.wait_until_taken()
        if how == "resets":
            connection.reset()
        elif how == "falls silent":
            assert over.wait(8 * PATIENCE)

    proxy = lab.proxy(lab.server(script, keep=False), backend={"response-timeout": "1s"})
    client = lab.client(proxy)
    data = upload(framing=framing)
    sender = threading.Thread(target=client.send, args=(data if how == "falls silent" else data[:200_000],), daemon=True)
    sender.start()
    wait_for(proxy.access_lines, "the end of the exchange")
    sender.join(PATIENCE)
    client.send(b"x" * 5_000_000)
    received = client.reader.rest()
    over.set()
    assert client.ended == CUT
    # What came together with a wrong byte is not forwarded.
    assert received.count(b"~") == len(part) or (how == "breaks the rules" and received.count(b"~") > 100_000)
    client.close()
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0, generations_held=1)
    [line] = proxy.access_log(1)
    assert line["ended"]


def test_a_client_that_pauses_loses_nothing(lab):
    """For a while neither side reads. Then the client goes on, and the server gets all of the request.

    The buffers of both ends are small: a kernel that tunes them by itself may let the whole response through.
    """
    sizes = []

    def script(connection):
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            connection.socket.setsockopt(socket.SOL_SOCKET, option, 65_536)
        head = connection.head()
        connection.send(response(fields=[f"Content-Length: {len(LARGE) + 1}"], length=False) + LARGE)
        connection.reader.request_body(head)
        sizes.append(len(head.body))
        connection.send(b".")

    proxy = lab.proxy(lab.server(script, keep=False))
    client = lab.client(proxy, receive_buffer=65_536)
    data = upload()
    sender = threading.Thread(target=client.send, args=(data,), daemon=True)
    sender.start()
    wait_for(lambda: proxy.metrics()["send_buffers"] == 1, "the response to wait")
    stays(lambda: not sizes and sender.is_alive(), "nothing moves", 1)
    received = 0
    while received < len(LARGE):  # as it comes over the wire, a little more than the body
        received += len(client.socket.recv(262144))
    sender.join(PATIENCE)
    wait_for(lambda: sizes == [SIZE // 100_000 * 100_000], "the whole request at the server")


def test_a_server_that_takes_the_whole_request_gets_it_whole(lab):
    """The response is complete first only from the point of view of the client."""
    bodies = []

    def script(connection):
        head = connection.head()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nok")
        connection.reader.request_body(head)
        bodies.append(len(head.body))
        connection.send(b"ok")

    client = lab.client(lab.proxy(lab.server(script, keep=False)))
    client.send(upload())
    assert client.response().body == b"okok"
    assert bodies == [SIZE // 100_000 * 100_000]
    assert client.ask().status == 200


@pytest.mark.parametrize("size, connections", [(10_000, 1), (100_000, 4)])
def test_a_connection_with_a_body_that_was_refused_is_not_used_again(lab, size, connections):
    """The sockets on the way take all of it, whether the server reads it or not."""
    server = lab.server(reply=lambda _: response("no", "403 Forbidden"))
    client = lab.client(lab.proxy(server))
    for _ in range(4):
        assert client.ask(method="POST", body=b"u" * size).status == 403
    assert len(server.connections) == connections


# ---- Answers of the proxy itself ----


def refusing_proxy(lab, **options):
    def route(path, **settings):
        return block("route", f'"{path}"', settings)

    routes = [
        route("/limited/", backend="web", **{"body-size": "1k"}),
        route("/denied/", backend="web", deny="127.0.0.1"),
        route("/often/", backend="web", rate=1, burst=1),
        route("/status/", **{"return": 503}),
        route("/moved/", redirect='"https://elsewhere.test"'),
    ]
    site = site_block("localhost", [lab.authority.certificate("localhost", "127.0.0.1")], ["127.0.0.1"])
    end = site.index("  route ")
    site = site[:end] + "\n".join(routes) + "\n}"
    return lab.proxy(lab.server(bears_cut_requests), sites=[site], redirect=True, **options)


ANSWERS = {
    "/limited/": 413,
    "/denied/": 403,
    "/often/": 429,
    "/status/": 503,
    "/moved/": 308,
    "/nowhere/": 404,
    "//limited/%2e": 400,
}


@pytest.mark.parametrize("framing", ["length", "chunked"])
@pytest.mark.parametrize("target", ANSWERS)
def test_the_proxy_answers_early(lab, target, framing):
    proxy = refusing_proxy(lab)
    if target == "/often/":
        with lab.client(proxy) as first:
            assert first.ask(target).status == 200
    client = lab.client(proxy)
    client.send(upload(target, framing))
    assert client.response().status == ANSWERS[target]
    assert client.read_end() == CLOSE_NOTIFY
    client.close()
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0)


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_other_answers_of_the_proxy(lab, framing):
    proxy = refusing_proxy(lab)
    plain = lab.plain_client(proxy.redirect_port)
    plain.send(upload("/", framing))
    assert plain.response().status == 308
    assert plain.read_end() == CUT
    misdirected = lab.client(proxy)
    misdirected.send(upload("/", framing).replace(b"Host: localhost", b"Host: elsewhere", 1))
    assert misdirected.response().status == 421
    assert misdirected.read_end() == CLOSE_NOTIFY


@pytest.mark.parametrize(
    "data, status",
    [
        (b"GET / HTTP/1.1\r\nHost : localhost\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ", 431),
        (request("/", "POST", fields=["Transfer-Encoding: chunked"]) + b"xyz\r\n", 400),
        (request("/", "POST", fields=["Transfer-Encoding: chunked"]) + b"0\r\nX: " + b"t" * 9000, 400),
        (request("/", "POST", fields=["Content-Length: 1", "Content-Length: 2"]), 400),
    ],
    ids=["head", "large head", "chunks", "large trailers", "lengths"],
)
def test_what_has_no_end_that_can_be_found(lab, data, status):
    client = lab.client(lab.proxy(lab.server(lambda connection: connection.reader.rest())))
    client.send(data + b"x" * SIZE)
    assert client.response().status == status
    assert client.read_end() == CLOSE_NOTIFY


def test_handshakes_that_fail(lab):
    proxy = lab.proxy(lab.server())
    for data, expected in [(upload(), b"HTTP/1.1 400 "), (b"\x16\x03\x01\x00\x05hello" + bytes(SIZE), b"\x15\x03")]:
        with socket.create_connection(("127.0.0.1", proxy.port)) as client:
            client.settimeout(PATIENCE)
            client.sendall(data)
            assert client.recv(100).startswith(expected)


def test_a_broken_record_within_a_body_gets_its_alert(lab):
    client = lab.client(lab.proxy(lab.server(lambda connection: connection.reader.rest())))
    client.send(request("/", "POST", fields=["Content-Length: 1000000"]))
    client.socket.sendall(b"\x17\x03\x03\x00\x20" + bytes(32) + bytes(SIZE))
    with pytest.raises(Exception, match="(?i)bad record mac"):
        client.response()


# ---- Bounds ----


def test_a_client_that_stops_sending_is_closed(lab):
    proxy = lab.proxy(lab.server(), limits={"body-size": "1k"})
    client = lab.client(proxy)
    client.send(upload()[: SIZE // 2])
    assert client.response().status == 413
    assert client.read_end() == CLOSE_NOTIFY
    proxy.wait_for_metrics(sessions_open=0)


def send_until_closed(client, data):
    """Sends one piece after the other; the returned event is set when that fails."""
    closed = threading.Event()

    def send():
        with contextlib.suppress(OSError):
            while True:
                client.send(data)
        closed.set()

    threading.Thread(target=send, daemon=True).start()
    return closed


def endless(lab, proxy, count):
    """Clients whose bodies are refused and do not end."""
    closed = []
    for _ in range(count):
        client = lab.client(proxy)
        client.send(request("/", "POST", fields=["Content-Length: 999999999999"]) + b"x" * 5_000_000)
        assert client.response().status == 413
        closed.append(send_until_closed(client, b"x" * 10_000))
    return closed


def test_others_are_served_while_bodies_are_dropped(lab):
    proxy = lab.proxy(lab.server(), limits={"body-size": "1k"})
    closed = endless(lab, proxy, 4)
    client = lab.client(proxy)
    for _ in range(20):
        assert client.ask().status == 200
    assert not any(event.is_set() for event in closed)
    proxy.wait_for_metrics(sessions_open=5, send_buffers=0)


@pytest.mark.skipif(SANITIZED, reason="the sanitizer's runtime must be loaded first")
def test_a_client_that_never_stops_sending_is_closed(lab):
    clock = Clock(lab.folder)
    proxy = lab.proxy(lab.server(), limits={"body-size": "1k"}, environment=clock.environment)
    [closed] = endless(lab, proxy, 1)
    clock.advance(55)
    stays(lambda: not closed.is_set(), "a client that sends is not closed before its time", 0.5)
    clock.advance(6)
    assert closed.wait(PATIENCE)
    proxy.wait_for_metrics(sessions_open=0)


def test_a_drain_does_not_wait_for_bodies_that_nobody_wants(lab):
    proxy = lab.proxy(lab.server(), limits={"body-size": "1k"})
    closed = endless(lab, proxy, 2)
    proxy.command("drain")
    assert proxy.wait() == 0
    wait_for(lambda: all(event.is_set() for event in closed), "the clients to be closed")


def test_a_session_that_has_ended_holds_no_buffers(lab):
    """While it waits for its client to end, too; and what the client sent behind its last request is not kept."""
    proxy = lab.proxy(lab.server())
    client = lab.client(proxy)
    client.send(request(fields=CLOSE) + request()[:-2])
    assert client.response().status == 200
    assert client.read_end() == CLOSE_NOTIFY
    proxy.wait_for_metrics(sessions_open=1, receive_buffers=0, send_buffers=0)


def test_an_upload_over_the_limit_does_not_destroy_the_response_that_has_begun(lab):
    part = b"~" * 400_000

    def script(connection):
        connection.head()
        connection.send(response(fields=[f"Content-Length: {len(part) + 1}"], length=False) + part)
        connection.wait_until_taken()
        while connection.socket.recv(262144):
            pass

    proxy = lab.proxy(lab.server(script, keep=False), limits={"body-size": "100k"})
    client = lab.client(proxy)
    client.send(request(method="POST", fields=["Transfer-Encoding: chunked"]) + chunk(b"x" * 1000))
    received = bytearray()
    while received.count(b"~") < len(part) // 2:
        assert client.reader.more()
        received += client.reader.take(len(client.reader.buffer))
    client.send(chunk(b"x" * 200_000))
    wait_for(proxy.access_lines, "the end of the exchange")
    client.send(b"x" * 2_000_000)
    received += client.reader.rest()
    assert client.ended == CUT
    [line] = proxy.access_log(1)
    assert len(part) // 2 <= received.count(b"~") == line["response_bytes"]
    assert (line["status"], line["ended"]) == (200, "the request body is larger than body-size")


# ---- Clients as they are ----


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_curl(lab, framing):
    proxy = refusing_proxy(lab)
    file = lab.folder / "file"
    file.write_bytes(b"u" * SIZE)
    fields = ["-H", "Transfer-Encoding: chunked"] if framing == "chunked" else []
    for target, status in [("/limited/", b"413"), ("/denied/", b"403"), ("/nowhere/", b"404")]:
        arguments = ["--http1.1", "-H", "Expect:", *fields, "-o", "/dev/null", "-w", "%{http_code}", "-T", file]
        for _ in range(5):
            assert proxy.curl(target, *arguments).stdout == status


JAVA = """
import java.io.ByteArrayInputStream;
import java.net.URI;
import java.net.http.*;

public class Upload {
    public static void main(String[] arguments) throws Exception {
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        byte[] body = new byte[Integer.parseInt(arguments[1])];
        for (HttpRequest.BodyPublisher publisher : new HttpRequest.BodyPublisher[] {
                 HttpRequest.BodyPublishers.ofByteArray(body),
                 HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body))})
            for (int i = 0; i < 5; i++)
                System.out.println(client.send(HttpRequest.newBuilder(URI.create(arguments[0])).POST(publisher).build(),
                                               HttpResponse.BodyHandlers.ofString()).statusCode());
    }
}
"""


@pytest.mark.skipif(not shutil.which("javac"), reason="no JDK is installed")
def test_java(lab):
    proxy = refusing_proxy(lab)
    source, store = lab.folder / "Upload.java", lab.folder / "trusted"
    source.write_text(JAVA)
    options = ["-storepass", "changeit", "-noprompt"]
    run(["keytool", "-importcert", "-file", lab.authority.ca, "-keystore", store, *options])
    trust = [f"-Djavax.net.ssl.trustStore={store}", "-Djavax.net.ssl.trustStorePassword=changeit"]
    output = run(["java", *trust, source, proxy.url("/limited/"), SIZE]).stdout
    assert text(output).split() == ["413"] * 10
