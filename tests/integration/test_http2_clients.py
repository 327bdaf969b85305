"""Clients that people run speak HTTP/2 with the proxy: each is told to, and each says that it does."""

import os
import re
import shutil
import threading
from urllib.parse import unquote

import httpx
import pytest

from ravelin_test.chromium import chromium
from ravelin_test.client import client_context
from ravelin_test.firefox import firefox
from ravelin_test.http import response
from ravelin_test.node import run_node
from ravelin_test.processes import run, text
from ravelin_test.settings import IS_ROOT, PATIENCE, ROOT, SCALE, scaled
from ravelin_test.waiting import wait_for

HTTP2 = {"http2": "yes"}
ASSETS = 300
PROGRAMS = ROOT / "tests/integration/clients"


def echoing(request):
    return response(request.body if request.target == "/echo" else "hello there")


@pytest.fixture
def proxy(lab):
    lab.echo = lab.server(reply=echoing)
    return lab.proxy(lab.echo, workers=2, listen=HTTP2)


def protocols(proxy, count):
    return {line["protocol"] for line in proxy.access_log(count)}


# ---- Command lines ----


def test_curl(lab, proxy):
    code = ["-o", "/dev/null", "-w", "%{http_version} %{http_code} %{size_download}"]
    assert text(proxy.curl("/", *code).stdout) == "2 200 11"
    assert text(proxy.curl("/", "--http1.1", *code).stdout) == "1.1 200 11"
    body = os.urandom(scaled(5_000_000))
    assert proxy.curl("/echo", "--http2", "--data-binary", "@-", input=body).stdout == body
    assert text(proxy.curl("/", "-I", "--http2").stdout).startswith("HTTP/2 200")


def test_curl_with_many_at_once(lab, proxy):
    urls = [proxy.url(f"/{number}") for number in range(200)]
    command = ["curl", "-sS", "--parallel", "--parallel-max", "50", "--cacert", proxy.authority.ca, *urls]
    assert text(run(command).stdout) == "hello there" * 200
    assert len({line["client_port"] for line in proxy.access_log(200)}) == 1


def test_nghttp(lab, proxy):
    output = text(run(["nghttp", "-nv", "--no-verify-peer", *[proxy.url(f"/{n}") for n in range(20)]]).stdout)
    assert "The negotiated protocol: h2" in output
    assert output.count(":status: 200") == 20
    assert "error" not in re.sub(r"error_code=NO_ERROR", "", output)


def test_nghttp_with_trailers_and_a_body(lab, proxy):
    body = lab.folder / "body"
    body.write_bytes(os.urandom(scaled(1_000_000)))
    trailer = ["--trailer", "x-sum: 1"]
    output = run(["nghttp", "--no-verify-peer", "--no-content-length", "-d", body, *trailer, proxy.url("/echo")]).stdout
    assert output == body.read_bytes()
    assert lab.echo.requests[0].trailers == [("x-sum", "1")]


@pytest.mark.parametrize("streams", [1, 32])
def test_h2load(lab, streams):
    server = lab.nginx()
    (server.html / "index.html").write_text("x" * 1000)
    proxy = lab.proxy(server, workers=2, listen=HTTP2)
    count = scaled(4000)
    output = text(run(["h2load", "-n", count, "-c", 8, "-m", streams, proxy.url("/")], timeout=PATIENCE * 4).stdout)
    assert "Application protocol: h2" in output
    assert f"{count} succeeded, 0 failed, 0 errored, 0 timeout" in output


# ---- Libraries ----


def test_python(lab, proxy):
    context = client_context(proxy.authority.ca, alpn=None)
    with httpx.Client(http2=True, verify=context, timeout=PATIENCE) as client:
        for _ in range(20):
            answer = client.get(proxy.url("/"))
            assert (answer.http_version, answer.status_code, answer.text) == ("HTTP/2", 200, "hello there")
        body = os.urandom(scaled(1_000_000))
        assert client.post(proxy.url("/echo"), content=body).content == body


def test_node(lab, proxy):
    output = run_node("http2_client.js", proxy.url(""), 300, scaled(2_000_000), ca=proxy.authority.ca)
    assert output == "h2: 300 answers: 200 hello there; echo\n"
    assert lab.echo.requests[-1].trailers == [("x-sum", "1")]


@pytest.mark.parametrize("requests", ["unlimited", "20"])
def test_go(lab, requests):
    """Also when a connection ends all the time: what its GOAWAY leaves out is asked for again."""
    lab.echo = lab.server(reply=echoing)
    proxy = lab.proxy(lab.echo, workers=2, listen=HTTP2, limits={"requests-per-connection": requests})
    if not shutil.which("go"):
        pytest.skip("golang-go is not installed")
    cache = ROOT / "build/tests/go"
    environment = {"GOCACHE": str(cache), "HOME": str(lab.folder), "GOFLAGS": "-mod=mod"}
    command = ["go", "run", PROGRAMS / "http2.go", proxy.url(""), proxy.authority.ca, 300, scaled(2_000_000)]
    output = text(run(command, environment=environment, timeout=120 * SCALE).stdout)
    assert output == "300 answers: HTTP/2.0 200 hello there; HTTP/2.0 200 echo\n"
    assert lab.echo.requests[-1].trailers == [("X-Sum".lower(), "1")]


def test_java(lab, proxy):
    if not shutil.which("javac"):
        pytest.skip("default-jdk-headless is not installed")
    command = ["java", PROGRAMS / "Http2.java", proxy.url(""), proxy.authority.ca, 90, scaled(2_000_000)]
    output = text(run(command, timeout=60 * SCALE).stdout)
    assert output == "[HTTP_2 200 hello there] echo\n"


# ---- A browser ----


def page_of_many_assets(server):
    """Its title tells which assets ran, and how many came by h2 as the browser says."""
    scripts = "".join(f'<script src="asset{number}.js"></script>\n' for number in range(ASSETS))
    page = f"<!DOCTYPE html><title>Assets</title><h1 id=title>none</h1><script>let sum = 0;</script>\n{scripts}"
    told = "performance.getEntries().filter((e) => e.nextHopProtocol === 'h2').length"
    title = f"document.getElementById('title').textContent = `the sum is ${{sum}}, h2: ${{{told}}}`;"
    end = f"<script>{title} fetch('told/' + encodeURIComponent(document.getElementById('title').textContent));</script>"
    (server.html / "index.html").write_text(page + end)
    for number in range(ASSETS):
        padding = "x" * (number * 997 % 40_000)  # from a packet to several records
        (server.html / f"asset{number}.js").write_text(f"sum += {number}; // {padding}")


def assert_assets(lines, told):
    # The page itself and what it loads; browsers count no more than 250 resources.
    found = re.search(r"the sum is (\d+), h2: (\d+)", told)
    assert found and int(found[1]) == sum(range(ASSETS)) and int(found[2]) >= 250, told[-2000:]
    assert {line["target"] for line in lines if line["status"] == 200} >= {f"/asset{n}.js" for n in range(ASSETS)}
    assert {line["protocol"] for line in lines} == {"HTTP/2.0"}


def test_chromium_loads_a_page_with_many_assets(lab):
    server = lab.nginx()
    page_of_many_assets(server)
    proxy = lab.proxy(server, workers=2, listen=HTTP2, limits={"requests-per-connection": 10_000})
    picture = lab.folder / "page.png"
    output = chromium(lab, proxy, "--dump-dom", f"--screenshot={picture}", "--window-size=800,600")
    assert picture.read_bytes().startswith(b"\x89PNG")
    lines = proxy.access_log(ASSETS + 1)
    assert_assets(lines, output)
    assert len({line["client_port"] for line in lines}) <= 2


def test_firefox_loads_a_page_with_many_assets(lab):
    """What the page reads in the browser comes back as a request."""
    server = lab.nginx()
    page_of_many_assets(server)
    proxy = lab.proxy(server, workers=2, listen=HTTP2, limits={"requests-per-connection": 10_000})
    with firefox(lab, proxy):
        wait_for(lambda: "/told/" in proxy.access_path.read_text(), "the page to be loaded", 60 * SCALE)
    lines = [line for line in proxy.access_log(ASSETS + 1) if "Firefox" in (line["user_agent"] or "")]
    [told] = [unquote(line["target"]) for line in lines if line["target"].startswith("/told/")]
    assert_assets(lines, told)
    assert {line["tls"]["group"] for line in lines} == {"X25519MLKEM768"}


# ---- gRPC-Web ----


def test_messages_of_grpc_web_come_one_by_one(lab):
    """The response of a streaming call: frames of messages, then one of trailers, inside of the body."""
    first, rest = b"\x00\x00\x00\x00\x02hi", b"\x00\x00\x00\x00\x02ho\x80\x00\x00\x00\x0fgrpc-status:0\r\n"
    asked, is_read = [], threading.Event()

    def stream(connection):
        asked.append(connection.request())
        head = response(fields=["Content-Type: application/grpc-web+proto", "Transfer-Encoding: chunked"], length=False)
        connection.send(head + b"7\r\n" + first + b"\r\n")
        assert is_read.wait(PATIENCE)
        connection.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(rest), rest))

    proxy = lab.proxy(lab.server(stream), listen=HTTP2)
    context = client_context(lab.authority.ca, alpn=("h2",))
    with httpx.Client(http2=True, verify=context, timeout=PATIENCE) as client:
        fields = {"content-type": "application/grpc-web+proto", "x-grpc-web": "1"}
        with client.stream("POST", proxy.url("/shop.Shop/Watch"), headers=fields, content=first) as got:
            parts = got.iter_raw()
            assert (next(parts), got.http_version) == (first, "HTTP/2")
            is_read.set()
            assert b"".join(parts) == rest
    assert got.headers["content-type"] == "application/grpc-web+proto"
    [request] = asked
    assert (request.body, request.get("X-Grpc-Web")) == (first, "1")


# ---- git ----


def test_git(lab):
    server = lab.apache()
    repository = server.git / "project.git"
    environment = {
        "HOME": str(lab.folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_SSL_CAINFO": str(lab.authority.ca),
        "GIT_TERMINAL_PROMPT": "0",
        **{f"GIT_{who}_{what}": "test@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }

    def git(*arguments):
        return text(run(["git", "-c", "http.version=HTTP/2", *arguments], environment=environment).stdout)

    git("init", "-q", "--bare", "--initial-branch=main", repository)
    git("-C", repository, "config", "http.receivepack", "true")
    if IS_ROOT:
        run(["chown", "-R", "nobody:nogroup", repository])
    proxy = lab.proxy(server, workers=2, listen=HTTP2)
    url = proxy.url("/git/project.git")
    first, second = lab.folder / "first", lab.folder / "second"
    git("clone", "-q", url, first)
    (first / "large.bin").write_bytes(os.urandom(scaled(4_000_000)))
    git("-C", first, "add", ".")
    git("-C", first, "commit", "-q", "-m", "A large file")
    git("-C", first, "push", "-q", "origin", "HEAD:main")
    git("clone", "-q", "--branch", "main", url, second)
    assert (second / "large.bin").read_bytes() == (first / "large.bin").read_bytes()
    assert protocols(proxy, 6) == {"HTTP/2.0"}
