"""Responses of the proxy itself: pages of routes, error pages of a site, and JSON for programs."""

import json

import pytest

from ravelin_test.http import response
from ravelin_test.processes import run, text
from ravelin_test.proxy import block
from ravelin_test.settings import RAVELIN

PAGE_MAX = 32 * 1024


def site(lab, *inner):
    made = lab.authority.certificate("localhost", "127.0.0.1")
    return block(
        "site", "localhost", inner=[block("certificate", f'"{made.path}"', {"key": f'"{made.key}"'}), *inner]
    )


def serve(lab, *inner, servers=None, **options):
    return lab.proxy(*servers or [lab.server()], sites=[site(lab, *inner)], **options)


def test_a_text(lab):
    route = block("route", "/robots.txt", {"return": 200, "text": '"User-agent: *"'})
    other = block("route", "/", {"return": 503, "text": "'{\"up\":false}'", "type": '"application/json"'})
    client = lab.client(serve(lab, route, other))
    answer = client.ask("/robots.txt")
    assert (answer.status, answer.body, answer.get("Content-Type")) == (200, b"User-agent: *", "text/plain; charset=utf-8")
    answer = client.ask("/x")
    assert (answer.status, json.loads(answer.body), answer.get("Content-Type")) == (503, {"up": False}, "application/json")
    answer = client.ask("/x", "HEAD")
    assert (answer.get("Content-Length"), answer.body) == ("12", b"")


@pytest.mark.parametrize("size", [1, 16000, 16320, 20000, PAGE_MAX])
@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_a_file(lab, size, version):
    page = lab.folder / "page.html"
    page.write_bytes(bytes(range(256)) * (size // 256) + b"x" * (size % 256))
    proxy = serve(lab, block("route", "/", {"return": 503, "file": f'"{page}"'}), listen={"http2": "yes"})
    shown = proxy.curl("/", version, "-o", lab.folder / "got", "-w", "%{http_code} %{content_type} %{size_download}")
    assert text(shown.stdout) == f"503 text/html; charset=utf-8 {size}"
    assert (lab.folder / "got").read_bytes() == page.read_bytes()
    shown = proxy.curl("/", version, "-I")
    assert f"content-length: {size}" in text(shown.stdout).lower()
    assert lab.client(proxy).ask("/").status == 503  # and the proxy goes on


@pytest.mark.parametrize("bits", [8, 12, 14])
def test_a_file_in_small_windows(lab, bits):
    page = lab.folder / "page.html"
    page.write_bytes(bytes(range(256)) * (PAGE_MAX // 256))
    proxy = serve(lab, block("route", "/", {"return": 503, "file": f'"{page}"'}), listen={"http2": "yes"})
    assert run(["nghttp", "-w", bits, "--no-verify-peer", proxy.url()]).stdout == page.read_bytes()


def test_a_file_that_is_too_large(lab):
    page = lab.folder / "page.html"
    page.write_bytes(b"x" * (PAGE_MAX + 1))
    proxy = lab.prepare(lab.server(), sites=[site(lab, block("route", "/", {"return": 200, "file": f'"{page}"'}))])
    done = run([RAVELIN, "check", "-c", proxy.config], check=False)
    assert (done.returncode, f"file '{page}': larger than 32 KiB" in text(done.stderr)) == (2, True)


def test_error_pages_of_a_site(lab):
    page = lab.folder / "down.html"
    page.write_text("<h1>Back soon</h1>")
    proxy = serve(
        lab,
        block("error-page", "502", {"file": f'"{page}"'}),
        block("error-page", "404", {"text": "nothing"}),
        block("route", "/a", {"backend": "web"}),
        block("route", "/gone", {"return": 404}),
        servers=[lab.refused_address()],
        allow=["."],
    )
    client = lab.client(proxy)
    answer = client.ask("/a")
    assert (answer.status, answer.body, answer.get("Content-Type")) == (502, b"<h1>Back soon</h1>", "text/html; charset=utf-8")
    assert client.ask("/x").body == b"nothing"
    assert client.ask("/gone").body == b"nothing"
    assert b"does not serve this host name" in client.ask("/", host="other.test").body  # of no site


def test_a_servers_own_error_stays(lab):
    server = lab.server(reply=lambda request: response("its own", "502 Bad"))
    proxy = serve(lab, block("error-page", "502", {"text": "ours"}), block("route", "/", {"backend": "web"}), servers=[server])
    assert lab.client(proxy).ask("/").body == b"its own"


# What a client accepts, and whether an error is JSON then.
ACCEPTS = {
    "application/json": True,
    "application/json, text/plain, */*": True,
    "application/json;q=0.9": True,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": False,
    "text/html, application/json": False,
    "*/*": False,
    "": False,
}


@pytest.mark.parametrize("accept", ACCEPTS)
def test_programs_get_json(lab, accept):
    proxy = serve(
        lab,
        block("error-page", "502", {"text": '"a page"'}),
        block("route", "/a", {"backend": "web"}),
        block("route", "/b", {"return": 403}),
        servers=[lab.refused_address()],
        allow=["."],
    )
    client = lab.client(proxy)
    for path, status in [("/a", 502), ("/b", 403), ("/none", 404)]:
        answer = client.ask(path, fields=[f"Accept: {accept}"] if accept else [])
        assert answer.status == status
        if ACCEPTS[accept]:
            assert answer.get("Content-Type") == "application/json"
            assert json.loads(answer.body)["status"] == status
        else:
            assert answer.get("Content-Type").startswith("text/")


def test_an_error_page_of_json(lab):
    proxy = serve(
        lab, block("error-page", "404", {"text": "'{}'", "type": '"application/problem+json"'}), block("route", "/a", {"return": 403})
    )
    answer = lab.client(proxy).ask("/", fields=["Accept: application/json"])
    assert (answer.body, answer.get("Content-Type")) == (b"{}", "application/problem+json")


def test_a_page_is_the_one_of_the_last_reload(lab):
    page = lab.folder / "page.txt"
    page.write_text("first")
    proxy = serve(lab, block("route", "/", {"return": 200, "file": f'"{page}"'}))
    client = lab.client(proxy)
    page.write_text("second")
    assert client.ask("/").body == b"first"
    proxy.reload()
    assert client.ask("/").body == b"second"
