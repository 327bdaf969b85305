"""nginx and node behind the proxy, with curl and Chromium before it."""

import re

import pytest

from ravelin_test.chromium import chromium
from ravelin_test.node import run_node
from ravelin_test.processes import text
from ravelin_test.waiting import wait_for

PAGE = """<!DOCTYPE html>
<html><head><title>A page</title><link rel="stylesheet" href="style.css"></head>
<body><h1 id="title">not yet</h1><img src="image.svg" alt="">
<script src="script.js"></script></body></html>
"""
SCRIPT = """
fetch('/who').then((response) => response.text()).then((who) => {
  document.getElementById('title').textContent = 'shown over ' + location.protocol + ' to ' + who;
});
"""
IMAGE = """<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80">
<circle cx="40" cy="40" r="38" fill="teal"/></svg>
"""
WHO = 'location = /who { default_type text/plain; return 200 "$http_x_forwarded_for as $http_x_forwarded_proto"; }'


@pytest.fixture
def site(lab):
    """nginx with a page of several files."""
    server = lab.nginx(locations=WHO)
    (server.html / "index.html").write_text(PAGE)
    (server.html / "style.css").write_text("h1 { color: rgb(0, 100, 0) } body { background: #eef }")
    (server.html / "script.js").write_text(SCRIPT)
    (server.html / "image.svg").write_text(IMAGE)
    return server


def test_nginx_serves_a_site(lab, site):
    proxy = lab.proxy(site)
    assert proxy.curl("/").stdout.decode() == PAGE
    assert proxy.curl("/who").stdout == b"127.0.0.1 as https"
    head = text(proxy.curl("/style.css", "-I").stdout)
    assert head.startswith("HTTP/2 200")
    assert "content-type: text/css" in head
    assert proxy.curl("/style.css", "-I", "--http1.1").stdout.startswith(b"HTTP/1.1 200 OK\r\n")
    assert proxy.curl("/style.css", "-r", "0-1").stdout == b"h1"
    assert proxy.curl("/missing", "-o", "/dev/null", "-w", "%{http_code}").stdout == b"404"


def test_nginx_says_not_modified(lab, site):
    proxy = lab.proxy(site)
    etag = re.search(r"(?i)ETag: (\S+)", text(proxy.curl("/style.css", "-I").stdout)).group(1)
    arguments = ["-H", f"If-None-Match: {etag}", "-o", "/dev/null", "-w", "%{http_code}"]
    assert proxy.curl("/style.css", *arguments).stdout == b"304"


def test_node_answers(lab):
    proxy = lab.proxy(lab.node("web_server.js"))
    assert proxy.curl("/a?b").stdout == b"GET /a?b for 127.0.0.1\n"
    body = b"posted " * 100_000
    assert proxy.curl("/", "--data-binary", "@-", input=body).stdout == body
    assert proxy.curl("/", "-H", "Transfer-Encoding: chunked", "--data-binary", "@-", input=body).stdout == body


QUERIES = ["100%", "a=%zz&b=%", "%u00e9", "q=\xe9\x80\xff", "[]{}|^`\"<>\\'"]


@pytest.mark.parametrize("query", QUERIES)
def test_servers_get_a_query_as_it_came(lab, query):
    """What is no URI's, old programs send, and what it means is for the server to say."""
    locations = 'location = /q { default_type text/plain; return 200 "GET /q?$args for $http_x_forwarded_for\n"; }'
    servers = [lab.nginx(locations=locations)]
    if query.isascii():  # node itself refuses the others
        servers.append(lab.node("web_server.js"))
    for server in servers:
        client = lab.client(lab.proxy(server))
        answer = client.ask(f"/q?{query}")
        assert answer.body == f"GET /q?{query} for 127.0.0.1\n".encode("latin-1")


def test_node_asks(lab, site):
    """node's own client, keep-alive, several requests at once."""
    proxy = lab.proxy(site, workers=2)
    output = run_node("web_client.js", proxy.url("/who"), "200", ca=proxy.authority.ca)
    assert output == "200 answers: 127.0.0.1 as https\n"


def asked_for(proxy, *targets):
    """The lines of the access log, as soon as these targets are among them: each worker writes its own."""
    wait_for(lambda: {line["target"] for line in proxy.access_log(1)} >= set(targets), f"lines for {targets}")
    return proxy.access_log(1)


def chromium_groups(proxy):
    """The groups of the handshakes that led to a request for the page."""
    return {line["tls"]["group"] for line in asked_for(proxy, "/") if line["target"] == "/"}


def test_chromium_shows_a_page_with_a_post_quantum_group(lab, site):
    proxy = lab.proxy(site, workers=2, tls={"require-post-quantum": "yes"})
    output = chromium(lab, proxy, "--dump-dom")
    assert "shown over https: to 127.0.0.1 as https" in output, output
    assert chromium_groups(proxy) == {"X25519MLKEM768"}
    asked_for(proxy, "/style.css", "/script.js", "/image.svg", "/who")
    assert proxy.metrics()["group_x25519mlkem768"] >= 1


def test_chromium_paints_the_page(lab, site):
    proxy = lab.proxy(site)
    picture = lab.folder / "page.png"
    chromium(lab, proxy, f"--screenshot={picture}", "--window-size=600,300")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 2000


def test_chromium_prefers_the_post_quantum_group(lab, site):
    """Nothing requires it here."""
    proxy = lab.proxy(site)
    chromium(lab, proxy, "--dump-dom")
    assert chromium_groups(proxy) == {"X25519MLKEM768"}
