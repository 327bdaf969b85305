"""The access log: what each line says, in both formats, and that it can be rotated."""

import datetime
import json
import os
import re
import signal
import threading
from pathlib import Path

import pytest

from ravelin_test.http import request, response
from ravelin_test.http2 import talk_to
from ravelin_test.processes import names_of_children
from ravelin_test.proxy import BackgroundCommand
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for

FIELDS = [
    *["time", "client", "client_port", "client_unread", "user", "site", "method", "target", "host", "protocol", "status"],
    *["request_bytes", "response_bytes", "referer", "user_agent", "backend", "server", "server_reused"],
    *["duration_us", "connect_us", "response_us", "tls", "ended"],
]


def test_a_json_line_tells_everything(lab):
    server = lab.server(reply=lambda request: response("x" * 1234, "201 Created"))
    proxy = lab.proxy(server)
    client = lab.client(proxy)
    before = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    fields = ["Referer: https://elsewhere.test/", "User-Agent: test/1.0"]
    client.ask("/path?query=1", "POST", fields=fields, body=b"b" * 567)
    [line] = proxy.access_log(1)
    assert list(line) == FIELDS
    when = datetime.datetime.strptime(line["time"], "%Y-%m-%dT%H:%M:%S.%fZ")
    assert abs((when - before).total_seconds()) < 60
    expected = {
        "client": "127.0.0.1",
        "client_port": client.port,
        "site": "localhost",
        "method": "POST",
        "target": "/path?query=1",
        "host": "localhost",
        "protocol": "HTTP/1.1",
        "status": 201,
        "request_bytes": 567,
        "response_bytes": 1234,
        "referer": "https://elsewhere.test/",
        "user_agent": "test/1.0",
        "backend": "web",
        "server": server.address,
        "server_reused": False,
        "ended": None,
    }
    assert {name: line[name] for name in expected} == expected
    assert 0 <= line["connect_us"] <= line["duration_us"]
    assert 0 < line["response_us"] <= line["duration_us"]
    assert line["tls"] == {
        "version": "TLSv1.3",
        "group": client.group,
        "suite": client.tls.cipher()[0],
        "resumed": False,
        "sni": "localhost",
        "client_certificate": None,
    }


def test_selected_fields(lab):
    """Of requests and refused handshakes. A request has those of the configuration that it began with."""
    reloaded = threading.Event()

    def reply(request):
        assert "/slow" not in request.start or reloaded.wait(PATIENCE)
        return response("")

    selected = "{target, status, tls_sni, ended}"
    proxy = lab.proxy(lab.server(reply=reply), top={"access-log-fields": selected})
    client = lab.client(proxy)
    client.ask("/a")
    lab.plain_client(proxy.port).ask("/b")
    client.send(request("/slow"))
    proxy.wait_for_metrics(requests=2)
    proxy.write_config(proxy.config_text().replace(selected, "{user_agent, target}"))
    proxy.reload()
    reloaded.set()
    assert client.response().status == 200
    client.ask("/c", fields=["User-Agent: me"])
    assert proxy.access_log(4) == [
        {"target": "/a", "status": 200, "tls_sni": "localhost", "ended": None},
        {"target": "/b", "status": 400, "tls_sni": None, "ended": "plain HTTP on the TLS port"},
        {"target": "/slow", "status": 200, "tls_sni": "localhost", "ended": None},
        {"user_agent": "me", "target": "/c"},
    ]


def test_headers_of_requests_and_responses(lab):
    """As the client and the server sent them, beside those of refused requests and handshakes."""
    fields = ["X-Cache: hit", "X-Cache: miss", "X-Other: no", "Set-Cookie: secret=1"]
    top = {"access-log-fields": "{target}", "access-log-request-headers": "{X-Tenant, Via}", "access-log-response-headers": "{X-CACHE, ETag}"}
    proxy = lab.proxy(lab.server(reply=lambda request: response("", fields=fields)), top=top)
    client = lab.client(proxy)
    client.ask("/a", fields=["X-TENANT: caf\u00e9 \"x\"", "Via: 1.1 a", "Via: 1.1 b"])
    client.ask("/b", fields=["X-Tenant: " + "t" * 300])
    with talk_to(proxy) as other:
        other.ask("/c", "GET", ("x-tenant", "h2"))
    lab.plain_client(proxy.port).ask("/d")
    client.ask("/e", host="elsewhere.test", fields=["X-Tenant: lost"])
    cached = {"x-cache": "hit, miss", "etag": None}
    none = {"x-cache": None, "etag": None}
    assert proxy.access_log(5) == [
        {"target": "/a", "request_headers": {"x-tenant": "caf\u00e9 \"x\"", "via": "1.1 a, 1.1 b"}, "response_headers": cached},
        {"target": "/b", "request_headers": {"x-tenant": "t" * 253 + "...", "via": None}, "response_headers": cached},
        {"target": "/c", "request_headers": {"x-tenant": "h2", "via": None}, "response_headers": cached},
        {"target": "/d", "request_headers": {"x-tenant": None, "via": None}, "response_headers": none},
        {"target": "/e", "request_headers": {"x-tenant": "lost", "via": None}, "response_headers": none},
    ]


@pytest.mark.parametrize("fields", [["Content-Length: 100000"], ["Transfer-Encoding: chunked"]], ids=["length", "chunked"])
def test_a_response_that_comes_before_its_request_is_whole(lab, fields):
    def script(connection):
        connection.head()
        connection.send(response("early"))
        connection.reader.rest()

    proxy = lab.proxy(lab.server(script))
    with lab.client(proxy) as client:
        client.send(request("/", "POST", fields=fields))
        assert client.response().body == b"early"
    [line] = proxy.access_log(1)
    assert line["response_us"] == 0
    assert 0 <= line["connect_us"] <= line["duration_us"] < 1_000_000 * PATIENCE


def test_the_times_of_a_second_attempt_are_its_own(lab):
    """The first one went over a pooled connection and took no time to connect; the second one never connects."""
    server = lab.server(lambda connection: connection.head() and connection.send(response("first")) or connection.head())
    proxy = lab.proxy(server, allow=[".*"])
    client = lab.client(proxy)
    assert client.ask().status == 200
    proxy.wait_for_metrics(pool_idle=1)
    server.stop_listening()
    assert client.ask().status == 502
    line = proxy.access_log(2)[1]
    assert (line["connect_us"], line["response_us"]) == (None, None)


def test_the_duration_begins_with_the_first_byte(lab):
    proxy = lab.proxy(lab.server(), limits={"header-timeout": "300ms"})
    client = lab.client(proxy)
    client.send(b"GET / HTTP/1.1\r\n")
    assert client.response().status == 408
    [line] = proxy.access_log(1)
    assert 250_000 <= line["duration_us"] < 1_000_000 * PATIENCE


def test_answers_of_our_own_are_logged(lab):
    proxy = lab.proxy(lab.server(), redirect=True)
    client = lab.client(proxy)
    client.ask(host="elsewhere.test")
    with lab.plain_client(proxy.redirect_port) as plain:
        plain.ask("/moved")
    lab.client(proxy).send(b"garbage\r\n\r\n")
    lines = {line["status"]: line for line in proxy.access_log(3)}
    assert set(lines) == {421, 308, 400}
    assert lines[308]["tls"] is None
    assert lines[308]["target"] == "/moved"
    assert lines[421]["server"] is None
    assert lines[421]["host"] == "elsewhere.test"


def test_each_exchange_of_a_connection_has_its_line(lab):
    proxy = lab.proxy(lab.server())
    client = lab.client(proxy)
    client.send(b"".join(request(f"/{number}") for number in range(50)))
    for _ in range(50):
        client.response()
    lines = proxy.access_log(50)
    assert [line["target"] for line in lines] == [f"/{number}" for number in range(50)]
    assert {line["client_port"] for line in lines} == {client.port}


def test_what_a_client_sends_cannot_break_a_line(lab):
    proxy = lab.proxy(lab.server())
    nasty = 'quote" backslash\\ tab\there caf\xe9 {"json": true}'
    lab.client(proxy).ask("/%22%0a", fields=[f"User-Agent: {nasty}"])
    [line] = proxy.access_log(1)
    assert line["target"] == "/%22%0a"
    assert line["user_agent"] == nasty
    assert proxy.access_path.read_bytes().count(b"\n") == 1


def test_the_client_that_left_is_told_from_the_others(lab):
    def script(connection):
        connection.request()
        connection.reader.more()

    proxy = lab.proxy(lab.server(script))
    client = lab.client(proxy)
    client.send(request("/never"))
    proxy.wait_for_metrics(requests=1)
    client.reset()
    [line] = proxy.access_log(1)
    assert line["target"] == "/never"
    assert line["status"] == 0
    assert line["ended"]


def test_secrets_are_not_logged(lab):
    """Not even at the most talkative level, and not when something goes wrong."""
    proxy = lab.proxy(lab.refused_address(), top={"log-level": "debug"}, allow=[".*"])
    secret = "open-sesame"
    fields = [f"Authorization: Bearer {secret}", f"Cookie: session={secret}", f"X-Key: {secret}"]
    assert lab.client(proxy).ask(method="POST", fields=fields, body=secret.encode()).status == 502
    assert lab.client(proxy).ask(fields=[f"Authorization : {secret}"]).status == 400
    proxy.access_log(2)
    assert secret not in proxy.log() + proxy.access_path.read_text()


def test_the_combined_format(lab):
    proxy = lab.proxy(lab.server(reply=lambda r: response("12345")), top={"access-log-format": "combined"})
    lab.client(proxy).ask("/a?b", fields=["Referer: http://r/", 'User-Agent: "q" \\'])
    wait_for(lambda: proxy.access_lines(), "a line")
    [line] = proxy.access_lines()
    pattern = r'^127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /a\?b HTTP/1\.1" 200 5 "http://r/" '
    assert re.match(pattern, line), line
    assert line.endswith(r'"\"q\" \\"')


# ---- Refused requests ----

HEAD = "Host: localhost\r\nUser-Agent: old/1.0\r\n"
KNOWN = ("HTTP/1.1", "localhost", "old/1.0")
NOT_HTTP = "no method token and space at the start of the request"

REFUSED_REQUESTS = {
    # What is sent; the status and the reason; then method, target, protocol, host and user agent, as the log has them.
    "two lengths": (
        f"POST /orders/7 HTTP/1.1\r\n{HEAD}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}",
        (400, "repeated Content-Length", "POST", "/orders/7", *KNOWN),
    ),
    "a space in the path": (
        f"GET /a b HTTP/1.1\r\n{HEAD}\r\n",
        (400, "malformed version in the request line", "GET", "/a b", *KNOWN),
    ),
    "lines that end in LF": (
        "GET /a HTTP/1.1\nHost: localhost\n\n",
        (400, "bare LF in the request line", "GET", "/a", "HTTP/1.1", "localhost", None),
    ),
    "another version": (
        f"GET /a HTTP/1.2\r\n{HEAD}\r\n",
        (505, "HTTP version other than 1.0 and 1.1", "GET", "/a", "HTTP/1.2", "localhost", "old/1.0"),
    ),
    "HTTP/2": (
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        (505, "HTTP version other than 1.0 and 1.1", "PRI", "*", "HTTP/2.0", None, None),
    ),
    "no Host": ("GET /a HTTP/1.1\r\nUser-Agent: b\r\n\r\n", (400, "no Host", "GET", "/a", "HTTP/1.1", None, "b")),
    "no method": ("\x16\x03\x01\xff(\r\n\r\n", (400, NOT_HTTP, None, "\x16\x03\x01\xff(", None, None, None)),
    "another protocol": ("SSH-2.0-x_1\r\n", (400, NOT_HTTP, None, "SSH-2.0-x_1", None, None, None)),
    "a bare LF": (f"GET /a HTTP/1.1\r\n{HEAD}X: a\nb\r\n\r\n", (400, "bare LF", "GET", "/a", *KNOWN)),
    "a wrong field in half a head": (
        f"PUT /half HTTP/1.1\r\n{HEAD}X y: a\r\n",
        (400, "no token and colon at the start of a field line", "PUT", "/half", *KNOWN),
    ),
    "too large a head": (
        f"GET /large HTTP/1.1\r\n{HEAD}X: {'x' * 3000}",
        (431, "the head is too large", "GET", "/large", *KNOWN),
    ),
    "too long a line": (
        f"GET /{'x' * 3000}",
        (414, "the head is too large", "GET", "/" + "x" * 1019, None, None, None),
    ),
    "CONNECT": (
        f"CONNECT localhost:443 HTTP/1.1\r\n{HEAD}\r\n",
        (501, "CONNECT", "CONNECT", "localhost:443", *KNOWN),
    ),
    "an escape sequence": (
        f"GET /\x1b[2J\" HTTP/1.1\r\n{HEAD}\r\n",
        (400, "illegal byte in the target", "GET", '/\x1b[2J"', *KNOWN),
    ),
    "a malformed chunk": (
        f"POST /chunks HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\nx\r\n",
        (400, "malformed or too large chunk size", "POST", "/chunks", *KNOWN),
    ),
    "a forbidden trailer": (
        f"POST /chunks HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n",
        (400, "field that must not be in a trailer section", "POST", "/chunks", *KNOWN),
    ),
    "half a malformed trailer": (
        f"POST /chunks HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\na b: c",
        (400, "no token and colon at the start of a field line", "POST", "/chunks", *KNOWN),
    ),
    "a slow head": (f"GET /slow HTTP/1.1\r\n{HEAD}X: ", (408, "header timeout", "GET", "/slow", *KNOWN)),
}


@pytest.mark.parametrize("name", REFUSED_REQUESTS)
def test_a_refused_request_can_be_traced(lab, name):
    sent, (status, reason, *told) = REFUSED_REQUESTS[name]
    timeouts = {"header-timeout": "300ms"} if name == "a slow head" else {}
    proxy = lab.proxy(lab.server(), limits={"header-size": "1k", **timeouts})
    client = lab.client(proxy)
    client.send(sent.encode("latin-1"))
    assert client.response().status == status
    [line] = proxy.access_log(1)
    assert [line[key] for key in ("method", "target", "protocol", "host", "user_agent")] == told
    assert (line["status"], line["ended"]) == (status, reason)
    start = f"info worker 0.*: client 127.0.0.1 port {client.port}: request refused: {status} {re.escape(reason)}: "
    found = proxy.wait_for_log(start + ".*$")
    method, target = told[:2]
    assert (method or "") in found.group()
    assert (target[:20] if target.isprintable() and target.isascii() else r"\x") in found.group()
    assert "\x1b" not in proxy.log()


@pytest.mark.parametrize("how", ["ends", "closes", "resets"])
def test_half_a_request_of_a_client_that_left(lab, how):
    proxy = lab.proxy(lab.server(), top={"log-level": "debug"})
    client = lab.client(proxy)
    client.send(f"GET /half HTTP/1.1\r\n{HEAD}".encode())
    proxy.wait_for_metrics(receive_buffers=0, sessions_open=1)  # it has been read
    assert "left in the middle" not in proxy.log()  # so far it is only slow
    {"ends": client.half_close, "closes": client.close, "resets": client.reset}[how]()
    proxy.wait_for_log("debug worker 0.*: the client left in the middle of its request headers: 'GET /half HTTP/1.1'$")
    [line] = proxy.access_log(1)
    assert (line["method"], line["target"], line["host"], line["status"]) == ("GET", "/half", "localhost", 0)
    assert line["ended"] == "the client left in the middle of its request headers"
    assert line["duration_us"] < 2 * PATIENCE * 1_000_000
    client.close()
    proxy.wait_for_metrics(sessions_open=0)
    assert proxy.log().count("left in the middle") == 1


@pytest.mark.parametrize("part", [b"", b"HTTP", b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 20_000])
def test_half_a_response_of_a_server_that_left(lab, part):
    def script(connection):
        connection.head()
        connection.send(part)
        connection.wait_until_taken()

    proxy = lab.proxy(lab.server(script, keep=False), backend={"retries": 0})
    assert lab.client(proxy).ask(method="POST").status == 502
    [line] = proxy.access_log(1)
    how = "in the middle of its response headers" if part else "without a response"
    assert line["ended"] == f"the server closed the connection {how}"


def test_combined_lines_of_refused_requests(lab):
    for kind, reason in [("combined", ""), ("combined-reason", ' "repeated Content-Length"')]:
        proxy = lab.proxy(lab.server(), top={"access-log-format": kind})
        client = lab.client(proxy)
        client.send(REFUSED_REQUESTS["two lengths"][0].encode())
        assert client.response().status == 400
        wait_for(proxy.access_lines, "a line")
        [line] = proxy.access_lines()
        assert re.search(rf'\] "POST /orders/7 HTTP/1\.1" 400 \d+ "-" "old/1\.0"{reason}$', line), line


def test_combined_with_the_reason_tells_all_kinds(lab):
    top = {"access-log-format": "combined-reason", "trusted-proxies": "127.0.0.1", "log-level": "debug"}
    proxy = lab.proxy(lab.server(), top=top)
    client = lab.client(proxy)
    client.ask("/good")
    client.ask("/", fields=['X-Forwarded-For: "\xff'])
    client.ask("/other", host="elsewhere.test")
    wait_for(lambda: len(proxy.access_lines()) >= 3, "three lines")
    good, unread, other = proxy.access_lines()
    assert good.endswith(' "-" "-" "-"')
    assert unread.endswith(r' "-; not understood: \"\xff"')
    assert other.endswith(' "no site has this name"')
    proxy.wait_for_log(r"debug worker 0.*: request refused: 421 no site has this name: GET '/other', host 'elsewhere\.test'")


def test_plain_http_on_the_tls_port_can_be_traced(lab):
    proxy = lab.proxy(lab.server())
    answer = lab.plain_client(proxy.port).ask("/plain?a", fields=["User-Agent: old/1.0"])
    assert answer.status == 400
    [line] = proxy.access_log(1)
    told = {"method": "GET", "target": "/plain?a", "protocol": "HTTP/1.1", "host": "localhost", "user_agent": "old/1.0"}
    assert {key: line[key] for key in told} == told
    assert (line["status"], line["response_bytes"]) == (400, len(answer.body))
    assert line["ended"] == "plain HTTP on the TLS port"
    proxy.wait_for_log(r"TLS handshake refused: plain HTTP on the TLS port .*; received: 'GET /plain\?a HTTP/1\.1'$")


def test_many_refused_requests_do_not_fill_the_error_log(lab):
    proxy = lab.proxy(lab.server())
    for _ in range(60):
        client = lab.client(proxy)
        client.send(b"nonsense\r\n")
        assert client.response().status == 400
    assert len(proxy.access_log(60)) == 60
    proxy.wait_for_log("[0-9]+ more lines about refused requests were left out")
    assert 20 <= proxy.log().count("request refused: 400") < 60


ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["http/chunk", "http/head", "http/parse", "http/path", "http/scan", "http/target", "exchange", "exchange_answer"]
SOURCES += ["account", "attempt", "trailers", "exchange/request", "http1_head", "rules", "dav"]
STRING_OR_COMMENT = re.compile(r'"((?:[^"\\\n]|\\.)*)"|//[^\n]*|#include[^\n]*')
NO_REASONS = re.compile(r"allow and deny lists|status line|status is not|in its forwarding headers|X-Forwarded-For and Forwarded|URL|neither a path")


def one_file(name):
    [path] = (ROOT / "proxy").rglob(name)
    return path


def reasons(name):
    """The texts of a source file that are sentences, and so go into `ended`."""
    source = re.sub(r'"\s*\n\s*"', "", one_file(f"{name}.c").read_text())
    found = [match.group(1) for match in STRING_OR_COMMENT.finditer(source) if match.group(1)]
    texts = {text for text in found if re.fullmatch(r"[A-Za-z1][^%\\:=]* [^%\\:=]*[^%\\:= ]", text)}
    return {text for text in texts if not NO_REASONS.search(text)}


def test_the_manual_explains_every_reason():
    manual = (ROOT / "conf" / "README.md").read_text()
    explained = set(re.findall(r"`([^`\n]+)`", manual[manual.index("### Values of `ended`") :]))
    found = set().union(*map(reasons, SOURCES))
    found |= set(re.findall(r'"([^"]+)"', one_file("handshake/refusal.h").read_text().partition("enum refusal_reason")[0]))
    assert len(found) > 90
    assert {text for text in found if not text.endswith(".h")} - explained == set()


@pytest.mark.parametrize("target", ["stdout", "stderr"])
def test_lines_to_a_stream(lab, target):
    proxy = lab.proxy(lab.server(), top={"access-log": target}, allow=['^{"time"'])
    lab.client(proxy).ask("/streamed")
    found = proxy.wait_for_log(r'^{"time".*"target":"/streamed".*}$')
    assert json.loads(found.group())["status"] == 200


def test_no_file_when_it_is_off(lab):
    proxy = lab.proxy(lab.server(), top={"access-log": "off"})
    lab.client(proxy).ask()
    proxy.stop()
    assert not proxy.access_path.exists()
    assert '"target"' not in proxy.log()


def test_lines_are_written_before_the_end(lab):
    proxy = lab.proxy(lab.server())
    for number in range(20):
        lab.client(proxy).ask(f"/{number}")
    proxy.stop()
    assert len(proxy.access_lines()) == 20


def test_rotation(lab):
    """USR1: the file is opened anew under its name; no line is lost and none goes to the old file afterwards."""
    proxy = lab.proxy(lab.server(), workers=2, error_log_file=True)
    clients = [lab.client(proxy) for _ in range(8)]
    for client in clients:
        client.ask("/before")
    old, old_errors = proxy.folder / "access.log.1", proxy.folder / "error.log.1"
    proxy.access_path.rename(old)
    proxy.log_path.rename(old_errors)
    proxy.send_signal(signal.SIGUSR1)
    wait_for(proxy.access_path.exists, "the new access log")
    wait_for(proxy.log_path.exists, "the new error log")

    def written():
        for client in clients:
            client.ask("/after")
        return len(proxy.access_lines()) > 0

    wait_for(written, "lines in the new file")
    wait_for(lambda: targets(old).count("/before") == 8, "the lines from before")
    proxy.stop()
    total = proxy_requests(old) + proxy_requests(proxy.access_path)
    assert targets(old).count("/before") + targets(proxy.access_path).count("/before") == 8
    assert total % 8 == 0
    assert "ready" in old_errors.read_text()
    assert proxy.log_path.read_text() != ""


def test_reopen(lab):
    """When the command returns, all processes write to the new files, and the old ones can be compressed."""
    proxy = lab.proxy(lab.server(), workers=2, error_log_file=True, allow=["refused"])
    clients = [lab.client(proxy) for _ in range(8)]
    for number in range(3):
        for client in clients:
            client.ask(f"/{number}")
        old = {path: path.with_suffix(f".{number}") for path in [proxy.access_path, proxy.log_path]}
        for path, to in old.items():
            path.rename(to)
        result = proxy.command("reopen")
        assert result.stdout == b"log files reopened\n"
        assert targets(old[proxy.access_path]).count(f"/{number}") == 8
        sizes = {path: path.stat().st_size for path in old.values()}
        for client in clients:
            client.ask("/after")
        wait_for(lambda: targets(proxy.access_path).count("/after") == 8, "the lines from after")
        assert "log files reopened" in proxy.log_path.read_text()
        assert sizes == {path: path.stat().st_size for path in old.values()}


def test_reopen_does_not_wait_for_a_process_that_is_not_needed_any_more(lab):
    """A reload has told the monitor to end. It stands still before it reads that, and dies."""
    proxy = lab.proxy(lab.server(), admin=[lab.port().address], workers_may_die=True, allow=["monitor"])
    [monitor] = [pid for pid, name in names_of_children(proxy.pid).items() if name == "rav-monitor"]
    os.kill(monitor, signal.SIGSTOP)
    proxy.configure(admin=[])
    proxy.reload()
    command = lab.keep_client(BackgroundCommand(proxy, "reopen"))
    proxy.wait_for_log("log files reopened")
    proxy.command("status")  # usually the workers have replied then
    os.kill(monitor, signal.SIGKILL)
    assert command.result() == (0, "log files reopened\n", "")


def test_reopen_says_what_cannot_be_opened(lab):
    proxy = lab.proxy(lab.server(), allow=["cannot open"])
    proxy.access_path.unlink()
    proxy.access_path.mkdir()
    result = proxy.command("reopen", check=False)
    assert result.returncode == 1
    assert f"access-log: cannot open {proxy.access_path}: Is a directory".encode() in result.stderr
    proxy.access_path.rmdir()
    assert proxy.command("reopen").stdout == b"log files reopened\n"
    lab.client(proxy).ask("/after")
    wait_for(lambda: targets(proxy.access_path) == ["/after"], "the line")


def targets(path):
    return [json.loads(line)["target"] for line in path.read_text().splitlines()]


def proxy_requests(path):
    return len(targets(path))


def test_the_error_log_as_a_file(lab):
    proxy = lab.proxy(lab.refused_address(), error_log_file=True, allow=[".*"])
    assert lab.client(proxy).ask().status == 502
    proxy.wait_for_log("refused")
    assert "refused" in proxy.log_path.read_text()
    assert "ready" in proxy.log_path.read_text()
