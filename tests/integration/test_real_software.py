"""What people run, through the proxy: browsers, git, uploads, event streams, and one client over four kinds of server."""

import email
import email.policy
import hashlib
import http.client
import os
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ravelin_test.chromium import chromium
from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.http import chunk, request, response
from ravelin_test.processes import run, text
from ravelin_test.settings import IS_ROOT, PATIENCE, scaled
from ravelin_test.waiting import wait_for

ASSETS = 100


class PythonServer:
    """An http.server of this process with this handler."""

    def __init__(self, handler):
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join(PATIENCE)
        self._server.server_close()


# ---- A browser ----


def test_a_page_with_a_hundred_assets(lab):
    server = lab.nginx()
    scripts = "".join(f'<script src="asset{number}.js"></script>\n' for number in range(ASSETS))
    page = f"<!DOCTYPE html><title>Assets</title><h1 id=title>none</h1><script>let sum = 0;</script>\n{scripts}"
    end = "<script>document.getElementById('title').textContent = 'the sum is ' + sum;</script>"
    (server.html / "index.html").write_text(page + end)
    for number in range(ASSETS):
        padding = "x" * (number * 997 % 40_000)  # from a packet to several records
        (server.html / f"asset{number}.js").write_text(f"sum += {number}; // {padding}")
    proxy = lab.proxy(server, workers=2)
    output = chromium(lab, proxy, "--dump-dom")
    assert f"the sum is {sum(range(ASSETS))}<" in output
    lines = proxy.access_log(ASSETS + 1)
    answered = {line["target"] for line in lines if line["status"] == 200}
    assert answered >= {f"/asset{number}.js" for number in range(ASSETS)}
    assert len({line["client_port"] for line in lines}) < ASSETS / 2, "connections were not used again"


# ---- Server-sent events ----


def test_a_browser_gets_events_as_they_are_sent(lab):
    proxy = lab.proxy(lab.node("event_server.js"), workers=2)
    assert "seen 1 2 3 4 5<" in chromium(lab, proxy, "--dump-dom")


def test_events_are_not_held_back(lab):
    """Each is sent only after the one before has arrived."""
    arrived = threading.Semaphore(0)

    def script(connection):
        assert connection.request().get("Accept") == "text/event-stream"
        head = ["Content-Type: text/event-stream", "Transfer-Encoding: chunked"]
        connection.send(response(fields=head, length=False))
        for number in range(20):
            connection.send(chunk(b"data: %d\n\n" % number))
            assert arrived.acquire(timeout=PATIENCE)
        connection.send(b"0\r\n\r\n")

    client = lab.client(lab.proxy(lab.server(script)))
    client.send(request("/events", fields=["Accept: text/event-stream"]))
    assert client.reader.head().get("Content-Type") == "text/event-stream"
    for number in range(20):
        event = chunk(b"data: %d\n\n" % number)
        assert client.reader.exactly(len(event), "an event") == event
        arrived.release()
    assert client.reader.exactly(5, "the end") == b"0\r\n\r\n"


# ---- git ----


@pytest.fixture
def git(lab):
    """Runs git for a user who trusts the test's authority."""
    environment = {
        "HOME": str(lab.folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_SSL_CAINFO": str(lab.authority.ca),
        "GIT_TERMINAL_PROMPT": "0",
        **{f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    return lambda *arguments: text(run(["git", *arguments], environment=environment).stdout)


def test_git_clones_and_pushes(lab, git):
    server = lab.apache()
    repository = server.git / "project.git"
    git("init", "-q", "--bare", "--initial-branch=main", repository)
    git("-C", repository, "config", "http.receivepack", "true")
    if IS_ROOT:
        run(["chown", "-R", "nobody:nogroup", repository])
    proxy = lab.proxy(server, workers=2)
    url = proxy.url("/git/project.git")
    first, second = lab.folder / "first", lab.folder / "second"
    git("clone", "-q", url, first)
    (first / "small.txt").write_text("a line\n")
    (first / "large.bin").write_bytes(os.urandom(scaled(8_000_000)))  # more than git sends with a Content-Length
    git("-C", first, "add", ".")
    git("-C", first, "commit", "-q", "-m", "Two files")
    git("-C", first, "push", "-q", "origin", "HEAD:main")
    git("clone", "-q", "--branch", "main", url, second)
    for name in ["small.txt", "large.bin"]:
        assert (second / name).read_bytes() == (first / name).read_bytes()
    (second / "small.txt").write_text("another line\n")
    git("-C", second, "commit", "-q", "-a", "-m", "A change")
    git("-C", second, "push", "-q", "origin", "HEAD:main")
    git("-C", first, "pull", "-q", "origin", "main")
    assert (first / "small.txt").read_text() == "another line\n"
    assert {line["status"] for line in proxy.access_log(8)} == {200}


# ---- Uploads from forms ----


class FormHandler(BaseHTTPRequestHandler):
    """Answers with the name, file name and hash of every part of a multipart form."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        form = email.message_from_bytes(head + body, policy=email.policy.HTTP)
        lines = []
        for part in form.iter_parts():
            content = hashlib.sha256(part.get_payload(decode=True)).hexdigest()
            name = part.get_param("name", header="Content-Disposition")
            lines.append(f"{name} {part.get_filename()} {content}\n")
        answer = "".join(lines).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def test_a_form_with_a_file(lab):
    upload = lab.folder / "upload.bin"
    upload.write_bytes(os.urandom(scaled(5_000_000)))
    proxy = lab.proxy(lab.keep_server(PythonServer(FormHandler)))
    answer = text(proxy.curl("/form", "-F", "note=some words", "-F", f"file=@{upload};filename=report.pdf").stdout)
    hashes = [hashlib.sha256(data).hexdigest() for data in (b"some words", upload.read_bytes())]
    assert answer == f"note None {hashes[0]}\nfile report.pdf {hashes[1]}\n"


# ---- HTTP/1.0 ----


@pytest.mark.parametrize("kind", ["nginx", "apache", "node"])
def test_curl_with_http_1_0(lab, kind):
    server = storage_server(lab, kind)
    proxy = lab.proxy(server)
    code = ["-o", "/dev/null", "-w", "%{http_code}"]
    body = os.urandom(100_000)
    put = proxy.curl("/items/thing", "--http1.0", "-X", "PUT", "--data-binary", "@-", *code, input=body)
    assert put.stdout == b"201"
    assert proxy.curl("/items/thing", "--http1.0").stdout == body
    assert proxy.curl("/items/none", "--http1.0", *code).stdout == b"404"
    with lab.client(proxy) as client:
        client.send(request("/items/thing", version="HTTP/1.0"))
        assert client.response().body == body
        assert client.read_end() == CLOSE_NOTIFY


# ---- One client, four kinds of server ----


class StorageHandler(BaseHTTPRequestHandler):
    """The interface of node/rest_server.js, on Python's http.server."""

    protocol_version = "HTTP/1.1"
    items = None  # of a class made for one server

    def answer(self, status, fields=(), body=b""):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self):
        known = self.path in self.items
        self.items[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(204 if known else 201)

    def do_GET(self):
        body = self.items.get(self.path)
        if body is None:
            return self.answer(404)
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        if self.headers["If-None-Match"] == tag:
            return self.answer(304, [("ETag", tag)])
        return self.answer(200, [("ETag", tag)], body)

    do_HEAD = do_GET

    def do_DELETE(self):
        self.answer(404 if self.items.pop(self.path, None) is None else 204)

    def log_message(self, *_):
        pass


def storage_server(lab, kind):
    """A server with things under /items/ that can be put, got and deleted."""
    if kind == "python":
        return lab.keep_server(PythonServer(type("Handler", (StorageHandler,), {"items": {}})))
    if kind == "node":
        return lab.node("rest_server.js")
    if kind == "nginx":
        server = lab.nginx(locations="location /items/ { dav_methods PUT DELETE; }")
    else:
        server = lab.apache()
    folder = server.html / "items"
    folder.mkdir()
    if IS_ROOT:
        shutil.chown(folder, "nobody", "nogroup")
    return server


@pytest.mark.parametrize("kind", ["python", "node", "nginx", "apache"])
def test_a_rest_interface(lab, kind):
    """All on one connection, as an application's HTTP client does."""
    proxy = lab.proxy(storage_server(lab, kind))
    connection = http.client.HTTPSConnection("localhost", proxy.port, context=proxy.context, timeout=PATIENCE)

    def ask(method, name, body=None, **headers):
        fields = {key.replace("_", "-"): value for key, value in headers.items()}
        connection.request(method, f"/items/{name}", body=body, headers=fields)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers

    assert ask("GET", "a")[0] == 404
    for round_number in range(3):
        name, body = f"thing-{round_number}", os.urandom(1 + 70_000 * round_number)
        assert ask("PUT", name, body)[0] == 201
        status, got, headers = ask("GET", name)
        assert (status, got) == (200, body)
        status, nothing, head = ask("HEAD", name)
        assert (status, nothing, head["Content-Length"]) == (200, b"", str(len(body)))
        assert ask("GET", name, If_None_Match=headers["ETag"])[:2] == (304, b"")
        assert ask("PUT", name, b"changed")[0] in (200, 204)
        assert ask("GET", name)[:2] == (200, b"changed")
        assert ask("DELETE", name)[0] == 204
        assert ask("GET", name)[0] == 404
    connection.close()
    lines = proxy.access_log(25)
    assert len({line["client_port"] for line in lines}) == 1
    assert all(line["ended"] is None for line in lines)


def test_the_rest_interface_under_many_clients(lab):
    """Threads with connections of their own, each with things of its own, over two workers."""
    proxy = lab.proxy(storage_server(lab, "node"), workers=2)
    failures = []

    def work(number):
        connection = http.client.HTTPSConnection("localhost", proxy.port, context=proxy.context, timeout=PATIENCE)
        for turn in range(scaled(40)):
            body = f"{number} {turn} ".encode() * (1 + turn * 31 % 200)
            connection.request("PUT", f"/items/{number}", body=body)
            connection.getresponse().read()
            connection.request("GET", f"/items/{number}")
            answer = connection.getresponse().read()
            if answer != body:
                failures.append((number, turn, answer[:100]))
        connection.close()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * PATIENCE)
    assert not any(thread.is_alive() for thread in threads)
    assert failures == []
    wait_for(lambda: len(proxy.access_lines()) == 8 * scaled(40) * 2, "a line for every request")
