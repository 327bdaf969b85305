"""WebDAV: the URLs in Destination and If reach the server as a request for them would, and litmus passes."""

import re

import pytest

from ravelin_test.http import request, response
from ravelin_test.processes import run, text
from ravelin_test.proxy import backend_block, block, site_block

ETAG = '["a) <https://localhost/no> (b"]'
TOKEN = "<urn:uuid:https://localhost/no>"


def ask_move(client, destination, target="/a", method="MOVE", fields=(), **options):
    return client.ask(target, method, fields=[f"Destination: {destination}", *fields], **options)


def route(prefix, backend="dav", **options):
    return block("route", f'"{prefix}"', {"backend": backend, **options})


def proxy_with_routes(lab, *routes, servers=None, **options):
    certificate = lab.authority.certificate("localhost", "127.0.0.1", "other.test")
    pair = {"key": f'"{certificate.key}"'}
    sites = [
        block("site", "localhost", {"aliases": "{127.0.0.1}"}, [block("certificate", f'"{certificate.path}"', pair), *routes]),
        site_block("other.test", [certificate], routes={"/": "dav"}),
    ]
    backends = [backend_block(name, [server]) for name, server in servers.items()]
    return lab.proxy(sites=sites, backends=backends, **options)


@pytest.mark.parametrize(
    "sent, seen",
    [
        ("https://localhost/b", "http://localhost:8443/b"),
        ("https://localhost:8443/b?c=d", "http://localhost:8443/b?c=d"),
        ("HTTPS://LOCALHOST/", "http://localhost:8443/"),
        ("https://localhost", "http://localhost:8443/"),
        ("http://localhost:8443/b", "http://localhost:8443/b"),
        ("https://127.0.0.1/x/%c3%a4%20", "http://localhost:8443/x/%c3%a4%20"),
        ("/b", "/b"),
        ("/b?https://other.test/", "/b?https://other.test/"),
    ],
)
@pytest.mark.parametrize("method", ["MOVE", "COPY"])
def test_a_destination_of_this_site(lab, sent, seen, method):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    assert ask_move(client, sent, method=method, host="localhost:8443").status == 200
    assert server.requests[0].get("Destination") == seen


@pytest.mark.parametrize(
    "sent, status",
    [
        ("https://elsewhere.test/b", 502),
        ("http://other.test/b", 502),
        ("https://user@localhost/b", 400),
        ("https://localhost:0/b", 400),
        ("ftp://localhost/b", 400),
        ("b", 400),
        ("", 400),
        ("/b#c", 400),
        ("/b c", 400),
        ("/%zz", 400),
        ("/%2e%2e/b", 400),
        ("/a//../b", 400),
        ("/caf\xe9", 400),
    ],
)
def test_a_destination_that_goes_nowhere(lab, sent, status):
    server = lab.server()
    proxy = proxy_with_routes(lab, route("/"), servers={"dav": server})
    client = lab.client(proxy)
    client.send(request("/a", "MOVE", fields=[f"Destination: {sent}"]))
    assert client.response().status == status
    assert server.requests == []
    assert "Destination" in proxy.access_log(1)[0]["ended"]


def test_the_error_log_says_why_a_destination_was_refused(lab):
    proxy = lab.proxy(lab.server(), top={"log-level": "debug"})
    assert ask_move(lab.client(proxy), "https://elsewhere.test/b").status == 502
    proxy.wait_for_log("debug worker 0.*: request refused: 502 Destination is on another host: MOVE '/a', host 'localhost'")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "REBIND"])
def test_a_destination_of_another_method_is_left_alone(lab, method):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    for destination in ("Berlin", "https://elsewhere.test/b", "https://localhost/b"):
        assert ask_move(client, destination, method=method).status == 200
        assert server.requests[-1].get("Destination") == destination


def test_a_destination_is_checked_whatever_the_case_of_the_method(lab):
    """Servers that know no case in methods take `move` for a MOVE."""
    client = lab.client(lab.proxy(lab.server()))
    assert ask_move(client, "https://elsewhere.test/b", method="move").status == 502


def test_two_destinations(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server))
    assert ask_move(client, "/b", fields=["Destination: /b"]).status == 400
    assert server.requests == []


def test_a_destination_takes_the_way_of_a_request_for_it(lab):
    """Each route strips its own prefix; the rules of the other route hold; another backend is another server."""
    server, other = lab.server(), lab.server()
    proxy = proxy_with_routes(
        lab,
        route("/dav/", **{"strip-prefix": "yes"}),
        route("/dav/whole/"),
        route("/dav/private/", allow='{"192.0.2.1"}'),
        route("/dav/answer/", "dav"),
        route("/other/", "other"),
        servers={"dav": server, "other": other},
    )
    client = lab.client(proxy)
    for destination, seen in [
        ("https://localhost/dav/b", "http://localhost/b"),
        ("/dav/b/c/", "/b/c/"),
        ("https://localhost/dav/x/../b", "http://localhost/x/../b"),
        ("/dav/whole/b", "/dav/whole/b"),
    ]:
        assert ask_move(client, destination, "/dav/a").status == 200
        assert server.requests[-1].target == "/a"
        assert server.requests[-1].get("Destination") == seen
    count = len(server.requests)
    for destination, status in [
        ("/dav/private/b", 403),
        ("https://localhost/%64av/private/b", 403),
        ("/other/b", 502),
        ("/nowhere/b", 502),
        ("/%64av/b", 400),
        ("/dav;x/b", 400),
        ("/dav/%2fprivate/b", 400),
    ]:
        client = lab.client(proxy)
        assert ask_move(client, destination, "/dav/a").status == status, destination
    assert len(server.requests) == count and other.requests == []


def test_who_is_not_let_in_learns_nothing_of_a_destination(lab):
    server = lab.server()
    proxy = proxy_with_routes(lab, route("/", allow='{"192.0.2.1"}'), servers={"dav": server})
    assert ask_move(lab.client(proxy), "https://elsewhere.test/").status == 403


@pytest.mark.parametrize(
    "sent, seen",
    [
        (f"<https://localhost/dav/b> ({TOKEN})", f"<http://localhost/b> ({TOKEN})"),
        (f"</dav/b> ({TOKEN} {ETAG}) (Not {TOKEN})", f"</b> ({TOKEN} {ETAG}) (Not {TOKEN})"),
        (
            f"<https://localhost/dav/b>({TOKEN})<https://localhost/dav/c> (W/{ETAG[1:-1]})",
            f"<http://localhost/b>({TOKEN})<http://localhost/c> (W/{ETAG[1:-1]})",
        ),
        (f"({TOKEN} {ETAG})", f"({TOKEN} {ETAG})"),
        # What is not of this route, or malformed, stays as it is.
        (f"<https://elsewhere.test/b> ({TOKEN})", f"<https://elsewhere.test/b> ({TOKEN})"),
        ("</elsewhere> (", "</elsewhere> ("),
        ('<https://localhost/dav/b', '<https://localhost/dav/b'),
        ('("<https://localhost/dav/b>', '("<https://localhost/dav/b>'),
    ],
)
def test_the_urls_in_if(lab, sent, seen):
    server = lab.server()
    proxy = proxy_with_routes(lab, route("/dav/", **{"strip-prefix": "yes"}), servers={"dav": server})
    client = lab.client(proxy)
    assert client.ask("/dav/a", "PUT", body=b"x", fields=[f"If: {sent}"]).status == 200
    assert server.requests[0].get("If") == seen


def test_many_urls_grow(lab):
    """The name of the site that the server is told is longer than the one in the tags."""
    server = lab.server()
    client = lab.client(lab.proxy(server), sni=None)
    tags = "<https://127.0.0.1/> (<a:b>)" * 400
    fields = [f"If: {tags}", "Destination: https://127.0.0.1/b"]
    assert client.ask("/a", "MOVE", host="localhost:65535", fields=fields).status == 200
    assert server.requests[0].get("If") == tags.replace("https://127.0.0.1", "http://localhost:65535")


def test_a_proxy_before_the_proxy_that_changes_host(lab):
    server = lab.server()
    client = lab.client(lab.proxy(server, top={"trusted-proxies": "127.0.0.1"}))
    fields = ["X-Forwarded-Host: public.test", "X-Forwarded-For: 192.0.2.1"]
    assert ask_move(client, "https://public.test/b", fields=fields).status == 200
    assert server.requests[0].get("Destination") == "http://localhost/b"


# ---- litmus ----


def litmus(lab, url):
    """What each test of litmus said, and its whole output."""
    output = text(run(["env", f"--chdir={lab.folder}", "litmus", "-k", url], check=False).stdout)
    return re.findall(r"[\r\n] *\d+\. (\w+)\.+ (pass|FAIL|WARNING|SKIPPED)", output), output


def test_litmus_passes_as_without_the_proxy(lab):
    server = lab.apache()
    proxy = lab.proxy(server)
    for folder in ("direct", "through"):
        (server.html / folder).mkdir()
        (server.html / folder).chmod(0o777)
    direct, direct_output = litmus(lab, f"http://localhost:{server.port}/direct/")
    through, output = litmus(lab, proxy.url("/through/"))
    assert len(direct) > 50, direct_output
    skipped = {("expect100", "SKIPPED")}  # litmus has no such test over TLS
    assert set(through) - skipped == set(direct) - {("expect100", "pass")}, output
    assert len(through) == len(direct)
    assert not [name for name, result in through if result == "FAIL"], output
