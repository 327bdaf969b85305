"""Plain TCP behind TLS: listeners with `protocol = tcp`."""

import hashlib
import os
import shutil
import socket
import ssl
import threading

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from ravelin_test.client import CLOSE_NOTIFY, CUT, RESET, client_context
from ravelin_test.ports import Port
from ravelin_test.processes import Process, run
from ravelin_test.proxy import backend_block, site_block
from ravelin_test.settings import scaled
from ravelin_test.waiting import wait_for

TCP = {"protocol": "tcp", "backend": "web"}


def echo(connection):
    while connection.reader.more():
        connection.send(connection.reader.take(len(connection.reader.buffer)))


def tcp_proxy(lab, *servers, **options):
    return lab.proxy(*servers, listen=TCP, **options)


def talk(client, data):
    client.send(data)
    return client.reader.exactly(len(data), "the echo")


# --- Bytes and ends ---


def test_bytes_are_not_looked_at(lab):
    client = lab.client(tcp_proxy(lab, lab.server(echo)))
    looks_like_http = b"GET / HTTP/1.1\r\nBad : field\r\n\r\n\0\xff"
    assert talk(client, looks_like_http) == looks_like_http
    assert talk(client, b"\r\n") == b"\r\n"


def test_a_server_speaks_first(lab):
    def script(connection):
        connection.send(b"220 ready\r\n")
        connection.reader.rest()

    client = lab.client(tcp_proxy(lab, lab.server(script)))
    assert client.reader.exactly(11, "the greeting") == b"220 ready\r\n"


def test_the_client_ends_first(lab):
    def script(connection):
        heard = connection.reader.rest()
        connection.send(b"heard %d bytes" % len(heard))

    proxy = tcp_proxy(lab, lab.server(script))
    client = lab.client(proxy)
    client.send(b"x" * 100_000)
    client.half_close()
    assert client.reader.rest() == b"heard 100000 bytes"
    assert client.ended == CLOSE_NOTIFY
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0)


def test_the_server_ends_first(lab):
    """The client sees it at once, and what it still sends arrives."""
    heard = []

    def script(connection):
        connection.send(b"bye")
        connection.end()
        heard.append(connection.reader.rest())

    proxy = tcp_proxy(lab, lab.server(script))
    client = lab.client(proxy)
    assert client.reader.rest() == b"bye"
    assert client.ended == CLOSE_NOTIFY
    client.send(b"the last words")
    client.half_close()
    wait_for(lambda: heard, "the end at the server")
    assert heard == [b"the last words"]
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0)
    assert proxy.access_log(1)[0]["ended"] is None


def test_a_client_that_vanishes(lab):
    ended = threading.Event()

    def script(connection):
        try:
            echo(connection)
        finally:
            ended.set()

    proxy = tcp_proxy(lab, lab.server(script))
    client = lab.client(proxy)
    talk(client, b"x")
    client.reset()
    assert ended.wait(30)
    proxy.wait_for_metrics(sessions_open=0, receive_buffers=0, send_buffers=0)
    assert proxy.access_log(1)[0]["ended"] == "the client closed the connection"


def test_a_server_that_breaks_off_is_no_clean_end(lab):
    go = threading.Event()

    def script(connection):
        connection.send(b"half of")
        go.wait()
        connection.reset()

    proxy = tcp_proxy(lab, lab.server(script), allow=[".*"])
    client = lab.client(proxy)
    assert client.reader.exactly(7, "the first half") == b"half of"
    go.set()
    assert client.read_end() in (CUT, RESET)
    assert proxy.access_log(1)[0]["ended"] == "the server closed before the end of its response"


def test_bulk_in_both_directions_at_once(lab):
    """Each side sends much and reads slowly: neither may wait for the other for good."""
    size = scaled(20_000_000)
    block = os.urandom(100_003)
    data = (block * (size // len(block) + 1))[:size]
    expected = hashlib.sha256(data).digest()
    heard = []

    def script(connection):
        sending = threading.Thread(target=connection.send, args=(data,), daemon=True)
        sending.start()
        digest = hashlib.sha256()
        left = size
        while left > 0 and connection.reader.more():
            piece = connection.reader.take(len(connection.reader.buffer))
            digest.update(piece)
            left -= len(piece)
        heard.append(digest.digest())
        sending.join()

    client = lab.client(tcp_proxy(lab, lab.server(script, keep=False)))
    client.send_while_receiving(data)
    received = client.reader.exactly(size, "the server's bytes")
    assert hashlib.sha256(received).digest() == expected
    wait_for(lambda: heard, "all bytes at the server")
    assert heard == [expected]


# --- Servers and their options ---


def test_a_server_that_refuses(lab):
    proxy = tcp_proxy(lab, lab.refused_address(), backend={"retries": 0}, allow=[".*"])
    client = lab.client(proxy)
    assert client.read_end() in (CUT, RESET)
    (entry,) = proxy.access_log(1)
    assert (entry["status"], entry["ended"]) == (502, "Connection refused")


def test_another_server_instead(lab):
    proxy = tcp_proxy(lab, lab.refused_address(), lab.server(echo), allow=[".*"])
    for _ in range(4):
        assert talk(lab.client(proxy), b"hello") == b"hello"


def test_clients_stay_with_their_server(lab):
    def named(name):
        def script(connection):
            connection.send(name)
            connection.reader.rest()

        return lab.server(script)

    proxy = tcp_proxy(lab, named(b"1"), named(b"2"), named(b"3"), backend={"balance": "hash"})
    for source in ("127.0.0.7", "127.0.0.8", "127.0.0.9"):
        seen = {lab.client(proxy, source=source).reader.exactly(1, "a name") for _ in range(6)}
        assert len(seen) == 1, source


def test_a_server_at_its_limit(lab):
    """Connections wait for one, as requests do."""
    server = lab.server(echo)
    proxy = tcp_proxy(lab, (server, {"max-connections": 1}), backend={"queue-timeout": "60s"})
    first = lab.client(proxy)
    assert talk(first, b"first") == b"first"
    second = lab.client(proxy)
    second.send(b"second")
    proxy.wait_for_metrics(queue_waiting=1)
    first.close()
    assert second.reader.exactly(6, "the echo") == b"second"


def test_the_proxy_protocol(lab):
    def script(connection):
        connection.send(b"220 ready")
        connection.reader.rest()

    server = lab.server(script)
    proxy = tcp_proxy(lab, server, backend={"send-proxy-protocol": "v2"})
    client = lab.client(proxy)
    assert client.reader.exactly(9, "the greeting") == b"220 ready"
    header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c" + socket.inet_aton("127.0.0.1") * 2
    header += client.port.to_bytes(2, "big") + proxy.port.to_bytes(2, "big")
    wait_for(lambda: len(server.connections[0].received) >= len(header), "the PROXY header")
    assert bytes(server.connections[0].received) == header


def test_a_proxy_header_of_the_client(lab):
    proxy = lab.proxy(
        lab.server(echo), listen={**TCP, "proxy-protocol": "yes"}, top={"trusted-proxies": "127.0.0.1"}
    )
    client = lab.client(proxy, first=b"PROXY TCP4 192.0.2.7 192.0.2.1 1234 993\r\n")
    assert talk(client, b"hello") == b"hello"
    client.close()
    assert proxy.access_log(1)[0]["client"] == "192.0.2.7"


# --- TLS, limits, log ---


def test_the_certificate_follows_the_name(lab):
    sites = [
        site_block(name, [lab.authority.certificate(name)], routes={"/": "web"}) for name in ("a.test", "b.test")
    ]
    proxy = tcp_proxy(lab, lab.server(echo), sites=sites)
    for name in ("a.test", "b.test"):
        client = lab.client(proxy, sni=name)
        assert client.names == [name]
        client.close()
    assert [entry["site"] for entry in proxy.access_log(2)] == ["a.test", "b.test"]


def test_a_line_of_the_access_log(lab):
    server = lab.server(echo)
    proxy = tcp_proxy(lab, server)
    client = lab.client(proxy)
    talk(client, b"x" * 1000)
    client.half_close()
    client.read_end()
    (entry,) = proxy.access_log(1)
    assert entry["protocol"] == "tcp"
    assert (entry["request_bytes"], entry["response_bytes"]) == (1000, 1000)
    assert (entry["backend"], entry["server"], entry["status"]) == ("web", server.address, 0)
    assert (entry["method"], entry["target"], entry["host"], entry["ended"]) == (None, None, None, None)
    assert entry["tls"]["version"] == "TLSv1.3" and entry["tls"]["sni"] == "localhost"
    assert entry["connect_us"] is not None and entry["response_us"] is None


def test_a_silent_connection_ends(lab):
    proxy = tcp_proxy(lab, lab.server(echo), limits={"idle-timeout": "1s"}, backend={"response-timeout": "100ms"})
    client = lab.client(proxy)
    talk(client, b"x")
    client.read_end()
    assert proxy.access_log(1)[0]["ended"] == "the tunnel was silent"


@pytest.mark.parametrize(
    ("wanted", "offered", "chosen"),
    [
        ("{imap}", ["imap"], "imap"),
        ("{mqtt, imap}", ["imap", "mqtt"], "mqtt"),  # the first of the list
        ("{h2, http/1.1}", ["http/1.1", "h2"], "h2"),
        ("{imap}", [], None),
        (None, ["imap"], None),
        (None, ["http/1.1"], None),
        (None, ["h2"], None),
    ],
)
def test_alpn(lab, wanted, offered, chosen):
    listen = {**TCP, "alpn": wanted} if wanted else TCP
    proxy = lab.proxy(lab.server(echo), listen=listen)
    client = lab.client(proxy, context=client_context(proxy.authority.ca, offered))
    assert client.tls.selected_alpn_protocol() == chosen
    assert talk(client, b"hello") == b"hello"
    again = lab.client(proxy, context=client_context(proxy.authority.ca, offered))
    assert again.tls.selected_alpn_protocol() == chosen


def test_no_common_protocol(lab):
    proxy = lab.proxy(lab.server(echo), listen={**TCP, "alpn": "{imap}"})
    with pytest.raises(ssl.SSLError, match="NO_APPLICATION_PROTOCOL|no application protocol"):
        lab.client(proxy, context=client_context(proxy.authority.ca, ["pop3"]))
    assert proxy.access_log(1)[0]["ended"] == "no common application protocol"


def test_sessions_are_resumed(lab):
    proxy = tcp_proxy(lab, lab.server(echo))
    client = lab.client(proxy)
    talk(client, b"x")
    again = lab.client(proxy, session=client.session)
    assert again.resumed
    assert talk(again, b"y") == b"y"


def test_reloads_in_the_middle(lab):
    """A connection stays with the server that it has; the next one goes where the new file says."""

    def shouting(connection):
        while connection.reader.more():
            connection.send(connection.reader.take(len(connection.reader.buffer)).upper())

    backends = [backend_block("web", [lab.server(echo)]), backend_block("loud", [lab.server(shouting)])]
    proxy = tcp_proxy(lab, backends=backends)
    old = lab.client(proxy)
    assert talk(old, b"hello") == b"hello"
    proxy.configure(listen={**TCP, "backend": "loud"}, backends=backends)
    proxy.reload()
    assert talk(old, b"again") == b"again"
    assert talk(lab.client(proxy), b"hello") == b"HELLO"
    proxy.configure(listen=TCP, backends=backends[:1])
    proxy.reload()
    assert talk(old, b"still") == b"still"
    assert talk(lab.client(proxy), b"hello") == b"hello"
    old.close()


def test_a_reload_in_the_middle_of_the_handshake(lab):
    proxy = tcp_proxy(lab, lab.server(echo))
    waiting = socket.create_connection(("127.0.0.1", proxy.port))
    proxy.wait_for_metrics(sessions_open=1)
    proxy.reload()
    waiting.close()
    proxy.wait_for_metrics(sessions_open=0, generations_held=1)


def test_an_https_listener_beside_it(lab):
    """A site without routes is for TCP; where one listener speaks HTTPS, every site has routes."""
    port = Port()
    other = f"listen 127.0.0.1:{port.number} {{ protocol = tcp\n backend = mail }}\n"
    server = lab.server()
    proxy = lab.prepare(server)
    proxy.write_config(proxy.config_text() + other + backend_block("mail", [lab.server(echo)]))
    proxy.start()
    assert lab.client(proxy).ask().status == 200
    client = lab.keep_client(type(lab.client(proxy))(port.number, proxy.context))
    assert talk(client, b"GET / HTTP/1.1\r\n\r\n") == b"GET / HTTP/1.1\r\n\r\n"
    port.close()


def test_a_site_without_routes(lab):
    certificate = lab.authority.certificate("localhost")
    site = f'site localhost {{ certificate "{certificate.path}" {{ key = "{certificate.key}" }} }}'
    proxy = tcp_proxy(lab, lab.server(echo), sites=[site])
    assert talk(lab.client(proxy), b"hello") == b"hello"
    proxy.configure(listen={})
    refused = proxy.command("check", check=False)
    assert refused.returncode == 2
    assert b"site 'localhost' has no route" in refused.stderr


@pytest.mark.parametrize(
    ("listen", "backend", "message"),
    [
        ({"protocol": "tcp"}, {}, "a listener with protocol = tcp has a backend"),
        ({"backend": "web"}, {}, "a listener has a backend only with protocol = tcp"),
        ({**TCP, "backend": "wbe"}, {}, "backend 'wbe' is not defined; did you mean 'web'?"),
        ({"alpn": "{imap}"}, {}, "alpn requires protocol = tcp"),
        ({**TCP, "alpn": '"a,b"'}, {}, "alpn must be a protocol name such as imap or http/1.1, not 'a,b'"),
        (TCP, {"sticky": "id"}, "backend 'web' has sticky, which needs HTTP"),
        (TCP, {"balance": "hash", "hash-by": "path"}, "backend 'web' has a hash-by that needs HTTP"),
        (TCP, {"tls-facts": "yes"}, "backend 'web' has tls-facts, which needs HTTP"),
    ],
)
def test_what_check_says(lab, listen, backend, message):
    proxy = lab.prepare(lab.server(), listen=listen, backend=backend)
    refused = proxy.command("check", check=False)
    assert refused.returncode == 2
    assert message in refused.stderr.decode()


# --- Real protocols ---


def start_server(lab, name, arguments):
    """A server on a port of its own, which it binds itself."""
    port = Port()
    number = port.number
    port.close()
    process = lab.keep_server(RunningServer([argument.format(port=number) for argument in arguments], lab, name, number))
    wait_for(process.answers, f"{name} to listen")
    return process


class RunningServer:
    def __init__(self, arguments, lab, name, port):
        self._process = Process(arguments, lab.folder / f"{name}.log")
        self.address = f"127.0.0.1:{port}"
        self._port = port

    def answers(self):
        assert self._process.running(), self._process.output()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0

    def close(self):
        self._process.end()


def test_redis(lab):
    arguments = ["redis-server", "--port", "{port}", "--bind", "127.0.0.1", "--save", "", "--dir", str(lab.folder)]
    proxy = tcp_proxy(lab, start_server(lab, "redis", arguments))
    client = ["redis-cli", "--tls", "--cacert", proxy.authority.ca, "-h", "localhost", "-p", proxy.port]
    assert run([*client, "SET", "key", "value"]).stdout == b"OK\n"
    assert run([*client, "GET", "key"]).stdout == b"value\n"
    big = os.urandom(3_000_000).hex().encode()
    run([*client, "-x", "SET", "big"], input=big)
    assert run([*client, "GET", "big"]).stdout.strip() == big


def test_mqtt(lab):
    config = lab.folder / "mosquitto.conf"
    port = Port()
    number = port.number
    port.close()
    config.write_text(f"allow_anonymous true\nlistener {number} 127.0.0.1\n")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    server = lab.keep_server(RunningServer([program, "-c", str(config)], lab, "mosquitto", number))
    wait_for(server.answers, "mosquitto to listen")
    proxy = tcp_proxy(lab, server)
    common = ["--cafile", proxy.authority.ca, "-h", "localhost", "-p", proxy.port, "-t", "news"]
    reader = Process(["stdbuf", "-oL", "mosquitto_sub", *common, "-C", "1", "-d"], lab.folder / "mosquitto_sub.log")
    try:
        reader.wait_for_output("received SUBACK")
        run(["mosquitto_pub", *common, "-m", "hello from far away"])
        reader.wait_for_output("^hello from far away")
        assert reader.wait() == 0
    finally:
        reader.end()


class Letters(Message):
    def __init__(self):
        super().__init__()
        self.seen = []

    def handle_message(self, message):
        self.seen.append(message.get_payload())


def test_smtp(lab):
    letters = Letters()
    port = Port()
    number = port.number
    port.close()
    server = Controller(letters, hostname="127.0.0.1", port=number)
    server.start()
    try:
        proxy = tcp_proxy(lab, f"127.0.0.1:{number}")
        letter = lab.folder / "letter"
        letter.write_text("Subject: a test\r\n\r\nHello.\r\n" + "x" * 70 + "\r\n")
        run(
            ["curl", "-sS", "--cacert", proxy.authority.ca, f"smtps://localhost:{proxy.port}/client.test"]
            + ["--mail-from", "a@a.test", "--mail-rcpt", "b@b.test", "--upload-file", letter]
        )
        wait_for(lambda: letters.seen, "the letter")
        assert letters.seen[0].startswith("Hello.")
        proxy.stop()
    finally:
        server.stop()
