"""Handshakes that fail: the alert, the counter of the reason, and what the logs say, however many there are."""

import re
import socket
import struct

import pytest

from ravelin_test.http import request
from ravelin_test.settings import PATIENCE
from ravelin_test.tls13 import Ext, Kind, client_hello, hello_record, wire
from ravelin_test.waiting import wait_for


def hello(**options):
    """A record with a ClientHello."""
    return hello_record(client_hello(**options))


REFUSED = {
    "plain_http": (request(), None),
    "not_tls": (b"SSH-2.0-OpenSSH_9.2\r\n", 10),
    "old_version": (hello(versions=(0x0303, 0x0302)), 70),
    "no_suite": (hello(suites=(0x1304, 0xC02F)), 40),
    "no_group": (hello(groups=(0x0019, 0x001E), shares=[]), 40),
    "no_signature": (hello(schemes=(0x0603, 0x0203)), 40),
    "no_protocol": (hello(alpn=["h3"]), 120),
    "missing_extension": (hello(shares=None), 109),
    "malformed": (hello_record(client_hello().set(Ext.PSK_KEY_EXCHANGE_MODES, b"\0")), 50),
    "illegal": (hello_record(client_hello().add(Ext.COOKIE, b"\0\1x")), 47),
    "unexpected": (hello() + wire.record(Kind.HANDSHAKE, b"\x01"), None),
    "oversized": (b"\x16\x03\x01\x40\x01", 22),
    "bad_record": (hello() + wire.record(Kind.APPLICATION_DATA, bytes(53)), None),
    "client_alert": (b"\x15\x03\x01\0\2\2\x30", None),
    "client_left": (b"\x15\x03\x01\0\2\1\0", None),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_each_reason_is_counted_and_told(lab, reason):
    data, alert = REFUSED[reason]
    proxy = lab.proxy(lab.server())
    answer = wire.exchange(proxy.port, data)
    if alert is not None:
        assert wire.records(answer) == [(Kind.ALERT, bytes([2, alert]))]
    counters = {f"refused_{other}": 0 for other in REFUSED}
    counters[f"refused_{reason}"] = 1
    proxy.wait_for_metrics(**counters, handshakes_failed=1, handshakes_full=0, handshakes_open=0, sessions_open=0)
    proxy.wait_for_log("client 127.0.0.1 port [0-9]+: TLS handshake refused: ")
    [line] = proxy.access_log(1)
    told = (400, "GET") if reason == "plain_http" else (0, None)  # which was answered
    assert (line["status"], line["method"]) == told and line["ended"]


def test_the_log_tells_what_was_offered(lab):
    proxy = lab.proxy(lab.server())
    data = hello(versions=(0x7A7A, 0x0303, 0x0302), groups=(0xCACA, 0x0019, 0x001D, 0x1234), name="some.Where")
    wire.exchange(proxy.port, data)
    proxy.wait_for_log(
        r"info worker 0\[[0-9]+\]: client 127\.0\.0\.1 port [0-9]+: TLS handshake refused: no TLS 1\.3 offered "
        r"\(protocol_version\); offered: versions TLS 1\.2 TLS 1\.1, groups P-521 X25519 0x1234; server name: some\.where$"
    )
    [line] = proxy.access_log(1)
    assert line["tls"]["sni"] == "some.where" and line["tls"]["version"] is None
    wire.exchange(proxy.port, b"SSH-2.0-OpenSSH_9.2\r\n")
    assert proxy.access_log(2)[1]["tls"] is None


def test_a_name_cannot_forge_a_log_line(lab):
    proxy = lab.proxy(lab.server())
    wire.exchange(proxy.port, hello(versions=(0x0303,), name="a\nb\x1b[2J"))
    proxy.wait_for_log(r"TLS handshake refused: no TLS 1\.3 .*; server name: 'a\\x0ab\\x1b\[2J'$")
    assert "\x1b" not in proxy.log()


def test_classical_clients_are_told_apart_when_post_quantum_is_required(lab):
    proxy = lab.proxy(lab.server(), tls={"require-post-quantum": "yes"})
    assert wire.plain_alerts(wire.exchange(proxy.port, hello(groups=[0x001D]))) == [(2, 40)]
    proxy.wait_for_metrics(refused_no_post_quantum=1, refused_no_group=0)
    proxy.wait_for_log("TLS handshake refused: no post-quantum group offered .*groups X25519;")


def test_a_timeout_is_counted(lab):
    proxy = lab.proxy(lab.server(), limits={"handshake-timeout": "300ms"})
    wire.exchange(proxy.port, hello()[:50])
    proxy.wait_for_metrics(refused_timeout=1, handshakes_failed=1)


def test_a_flood_of_refusals_does_not_flood_the_logs(lab):
    proxy = lab.proxy(lab.server(), workers=1)
    count = 400
    for _ in range(count):
        wire.exchange(proxy.port, b"\x16\x03\x01\x40\x01")
    proxy.wait_for_metrics(refused_oversized=count)

    def told():
        lines = re.findall("TLS handshake refused", proxy.log())
        left_out = re.findall("([0-9]+) more TLS handshakes failed", proxy.log())
        return len(lines), sum(map(int, left_out))

    wait_for(lambda: sum(told()) == count, f"all {count} refusals in the log, one by one or as a number")
    lines, left_out = told()
    assert left_out > count // 2
    wait_for(lambda: len(proxy.access_lines()) == lines, "as many lines in the access log")


def test_an_alert_is_not_lost_when_much_more_was_sent(lab):
    """What the proxy has not read must not lead to a reset that destroys the alert."""
    proxy = lab.proxy(lab.server())
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE) as connection:
        connection.sendall(hello(versions=(0x0303,)) + bytes(300_000))
        answer = b""
        while piece := connection.recv(1000):
            answer += piece
    assert wire.plain_alerts(answer) == [(2, 70)]


def test_plain_http_with_a_large_body_gets_its_answer(lab):
    proxy = lab.proxy(lab.server())
    body = bytes(300_000)
    answer = wire.exchange(proxy.port, request(method="POST", fields=[f"Content-Length: {len(body)}"]) + body)
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_plain_http_is_recognised_byte_by_byte(lab):
    proxy = lab.proxy(lab.server())
    client = lab.plain_client(proxy.port)
    for byte in b"OPTIONS * HTTP/1.1\r\n":
        client.send(bytes([byte]))
        if byte == ord(" "):
            break
    assert client.reader.rest().startswith(b"HTTP/1.1 400 ")
    proxy.wait_for_metrics(refused_plain_http=1)


@pytest.mark.parametrize("version", [b"\0\2", b"\3\0", b"\3\1"])
def test_a_hello_of_ssl2_gets_alert_70(lab, version):
    proxy = lab.proxy(lab.server())
    body = b"\1" + version + struct.pack(">HHH", 3, 0, 16) + b"\x01\x00\x80" + bytes(16)
    answer = wire.exchange(proxy.port, struct.pack(">H", 0x8000 | len(body)) + body)
    assert wire.records(answer) == [(Kind.ALERT, b"\x02\x46")]
    proxy.wait_for_metrics(refused_old_version=1)


@pytest.mark.parametrize("suite", ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"])
def test_handshakes_are_counted_by_suite(lab, suite):
    proxy = lab.proxy(lab.server())
    assert proxy.curl("/", "--tls13-ciphers", suite).stdout == b"ok"
    others = {"suite_aes_128_gcm_sha256": 0, "suite_aes_256_gcm_sha384": 0, "suite_chacha20_poly1305_sha256": 0}
    proxy.wait_for_metrics(**{**others, "suite_" + suite.lower().removeprefix("tls_"): 1})
