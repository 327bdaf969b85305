"""The access log: what each line says, in both formats, and that it can be rotated."""

import datetime
import json
import re
import signal

import pytest

from ravelin_test.http import request, response
from ravelin_test.settings import PATIENCE
from ravelin_test.waiting import wait_for

FIELDS = [
    *["time", "client", "client_port", "site", "method", "target", "host", "protocol", "status"],
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
