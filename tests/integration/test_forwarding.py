"""What a route does besides passing on: who is told about the client, changed fields, redirects, answers of its own."""

import socket

import pytest

from ravelin_test.http import request, response
from ravelin_test.proxy import backend_block, block

ABSENT = None


def route_site(lab, *routes, options=None):
    """A site "localhost" with these routes: (prefix, options, inner sections)."""
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    inner = [block("certificate", f'"{certificate.path}"', {"key": f'"{certificate.key}"'})]
    inner += [block("route", f'"{prefix}"', values, sections) for prefix, values, sections in routes]
    return block("site", "localhost", {"aliases": '"127.0.0.1"', **(options or {})}, inner)


def route_proxy(lab, server, *routes, site=None, backend=None, **options):
    sites = [route_site(lab, *routes, options=site)]
    return lab.proxy(sites=sites, backends=[backend_block("web", [server], backend)], **options)


def quoted(*values):
    return "{" + ", ".join(f'"{value}"' for value in values) + "}"


# ---- Who is told what about the client ----


TOLD = [
    "X-Forwarded-For: 192.0.2.1",
    "X-Forwarded-For: 192.0.2.2, 192.0.2.3",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Host: example.org",
    "X-Forwarded-Port: 80",
    "X-Real-IP: 192.0.2.1",
    "Forwarded: for=192.0.2.1;proto=http",
    "X-TLS-Facts: version=TLSv1.0",
]


def test_a_stranger_is_not_believed(lab):
    server = lab.server()
    proxy = lab.proxy(server, top={"trusted-proxies": "192.0.2.0/24"})
    lab.client(proxy).ask(fields=TOLD)
    [asked] = server.requests
    assert asked.all("X-Forwarded-For") == ["127.0.0.1"]
    assert asked.all("X-Forwarded-Proto") == ["https"]
    assert asked.all("X-Forwarded-Host") == ["localhost"]
    assert asked.all("Forwarded") == ["for=127.0.0.1;proto=https;host=localhost"]
    assert asked.all("X-TLS-Facts") == []
    assert asked.all("X-Forwarded-Port") == asked.all("X-Real-IP") == []
    assert proxy.access_log(1)[0]["client"] == "127.0.0.1"


def test_a_trusted_proxy_is_extended(lab):
    server = lab.server()
    proxy = lab.proxy(server, top={"trusted-proxies": quoted("127.0.0.0/8", "192.0.2.3")})
    lab.client(proxy).ask(fields=TOLD)
    [asked] = server.requests
    assert asked.all("X-Forwarded-For") == ["192.0.2.1, 192.0.2.2, 192.0.2.3, 127.0.0.1"]
    assert asked.all("X-Forwarded-Proto") == ["http"]
    assert asked.all("X-Forwarded-Host") == ["example.org"]
    others = "for=192.0.2.2, for=192.0.2.3, for=127.0.0.1"
    assert asked.all("Forwarded") == [f"for=192.0.2.1;proto=http;host=example.org, {others}"]
    assert asked.all("X-TLS-Facts") == []
    assert (asked.get("X-Forwarded-Port"), asked.get("X-Real-IP")) == ("80", "192.0.2.2")
    assert proxy.access_log(1)[0]["client"] == "192.0.2.2"  # the last that is not a proxy of ours


def test_a_trusted_proxy_that_says_nothing(lab):
    server = lab.server()
    lab.client(lab.proxy(server, top={"trusted-proxies": "127.0.0.1"})).ask()
    [asked] = server.requests
    assert asked.all("X-Forwarded-For") == ["127.0.0.1"]
    assert asked.all("X-Forwarded-Proto") == ["https"]
    assert asked.all("Forwarded") == ["for=127.0.0.1;proto=https;host=localhost"]


@pytest.mark.parametrize("said", ["unknown", "192.0.2.1, _hidden", "192.0.2.1:65536", "1.2.3.4, 192.0.2.999"])
def test_what_is_no_address_ends_the_belief(lab, said):
    server = lab.server()
    proxy = lab.proxy(server, top={"trusted-proxies": "127.0.0.1"})
    lab.client(proxy).ask(fields=[f"X-Forwarded-For: {said}"])
    assert server.requests[0].get("X-Forwarded-For") == f"{said}, 127.0.0.1"
    assert proxy.access_log(1)[0]["client"] == "127.0.0.1"
    unread = said.split(", ")[-1]
    proxy.wait_for_log(f"warning worker 0.*: proxy 127.0.0.1: '{unread}' in its forwarding headers is not understood")


ADDRESSES = {
    "192.0.2.1:51234": "192.0.2.1",
    '"192.0.2.1:80"': "192.0.2.1",
    " 198.51.100.1 ,\t192.0.2.1": "192.0.2.1",
    "::ffff:192.0.2.1": "192.0.2.1",
    "[::ffff:192.0.2.1]:443": "192.0.2.1",
    "[2001:db8::7]:443": "2001:db8::7",
    '"[2001:db8::7]"': "2001:db8::7",
    "2001:DB8::7": "2001:db8::7",
    "fe80::7%eth0": "fe80::7",
}


@pytest.mark.parametrize("said", ADDRESSES)
def test_addresses_as_proxies_write_them(lab, said):
    """Each is the same client for lists, logs and servers, in either header."""
    client_address = ADDRESSES[said]
    server = lab.server()
    routes = [("/", {"backend": "web"}, []), ("/own", {"backend": "web", "allow": "127.0.0.0/8"}, [])]
    routes += [("/its", {"backend": "web", "allow": f'"{client_address}"'}, [])]
    routes += [("/not", {"backend": "web", "deny": f'"{client_address}"'}, [])]
    proxy = route_proxy(lab, server, *routes, top={"trusted-proxies": "127.0.0.1"})
    client = lab.client(proxy)
    last = said.split(",")[-1].strip()
    quoted_value = last if last.startswith('"') else f'"{last}"'
    for field in [f"X-Forwarded-For: {said}", f"Forwarded: for={quoted_value}"]:
        answers = [client.ask(target, fields=[field]).status for target in ["/", "/own", "/its", "/not"]]
        assert answers == [200, 403, 200, 403]
    assert {line["client"] for line in proxy.access_log(8)} == {client_address}
    assert server.requests[2].get("X-Forwarded-For") == f"{client_address}, 127.0.0.1"
    host = f"[{client_address}]" if ":" in client_address else client_address
    element = server.requests[2].get("Forwarded").split(";")[0]
    assert element.replace('"', "").removeprefix("for=").startswith(host)


UNREADABLE = {
    "a name": "X-Forwarded-For: client.example",
    "nobody": "X-Forwarded-For: unknown",
    "empty": "X-Forwarded-For: ",
    "empty last": "X-Forwarded-For: 192.0.2.1, ",
    "hidden": "Forwarded: for=_client",
    "malformed": 'Forwarded: for=192.0.2.1, for="192.0.2.1',
    "without for": "Forwarded: proto=https",
    "endless": "X-Forwarded-For: " + ",".join(["192.0.2.1"] * 65),
    "in disagreement": "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unknown_client_passes_no_list(lab, name):
    """Not that of the proxy either, which was the client for want of another."""
    server = lab.server()
    routes = [("/", {"backend": "web"}, []), ("/allow", {"backend": "web", "allow": quoted("127.0.0.0/8", "192.0.2.0/24")}, [])]
    routes += [("/deny", {"backend": "web", "deny": "203.0.113.1"}, [])]
    proxy = route_proxy(lab, server, *routes, top={"trusted-proxies": "127.0.0.1"})
    client = lab.client(proxy)
    fields = UNREADABLE[name].split("\r\n")
    assert [client.ask(target, fields=fields).status for target in ["/", "/allow", "/deny"]] == [200, 403, 403]
    lines = proxy.access_log(3)
    assert {line["ended"] for line in lines[1:]} == {"the client is unknown, and the route has an allow or deny list"}
    proxy.wait_for_log("warning worker 0.*: proxy 127.0.0.1: .*refuse")
    assert [client.ask(target).status for target in ["/", "/allow", "/deny"]] == [200, 200, 200]  # the proxy itself


def test_what_proxies_write_cannot_forge_a_log_line(lab):
    proxy = lab.proxy(lab.server(), top={"trusted-proxies": "127.0.0.1"})
    client = lab.client(proxy)
    for _ in range(30):
        client.ask(fields=["X-Forwarded-For: \xff\x9b2J'\xe2\x80\xae\" error" + "x" * 3000])
    proxy.wait_for_log("proxy 127.0.0.1: .*is not understood")
    lines = [line for line in proxy.log().splitlines() if "not understood" in line]
    assert 1 <= len(lines) < 30  # so many at once, then one a second
    assert all(r"'\xff\x9b2J\x27\xe2\x80\xae" in line and len(line) < 1000 for line in lines)


def agreeing(asked):
    """What the two kinds of headers tell: the first element of each."""
    first = asked.get("Forwarded").split(",")[0].replace('"', "")
    told = dict(pair.split("=", 1) for pair in first.split(";"))
    client = asked.get("X-Forwarded-For").split(",")[0].strip()
    assert told["for"].strip("[]") == client.strip("[]")
    assert told["proto"] == asked.get("X-Forwarded-Proto")
    assert told["host"] == asked.get("X-Forwarded-Host")
    assert asked.get("Forwarded").count("proto=") == asked.get("Forwarded").count("host=") == 1
    return client, told["proto"], told["host"]


TOLD_BY_PROXIES = [
    (["X-Forwarded-For: 192.0.2.1"], ("192.0.2.1", "https", "localhost")),
    (["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "X-Forwarded-Host: a:81"], ("192.0.2.1", "http", "a:81")),
    (["X-Forwarded-Proto: http"], ("127.0.0.1", "http", "localhost")),
    (["X-Forwarded-For: 2001:db8::1, 127.0.0.2", "X-Forwarded-Proto: http, https"], ("2001:db8::1", "http", "localhost")),
    (["Forwarded: for=192.0.2.1"], ("192.0.2.1", "https", "localhost")),
    (['Forwarded: for="[2001:db8::1]";proto=http;by=127.0.0.1'], ("2001:db8::1", "http", "localhost")),
    (['Forwarded: for=192.0.2.1;host="a:81", for=127.0.0.2;proto=http'], ("192.0.2.1", "http", "a:81")),
    (["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.1;proto=http;host=a"], ("192.0.2.1", "http", "a")),
    (["X-Forwarded-For: 192.0.2.1", "Forwarded: for=192.0.2.9;proto=http;host=a"], ("192.0.2.1", "https", "localhost")),
    (["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: http", "Forwarded: for=192.0.2.1;proto=https"], ("192.0.2.1", "http", "localhost")),
    (["X-Forwarded-Proto: h ttps", "X-Forwarded-Host: a b"], ("127.0.0.1", "http", "localhost")),
    (["Forwarded: nonsense", "X-Forwarded-Proto: http"], ("unknown", "http", "localhost")),
]


@pytest.mark.parametrize("fields, expected", TOLD_BY_PROXIES)
def test_both_kinds_of_headers_tell_the_same(lab, fields, expected):
    server = lab.server()
    proxy = lab.proxy(server, top={"trusted-proxies": "127.0.0.0/8"})
    lab.client(proxy).ask(fields=fields)
    assert agreeing(server.requests[0]) == expected


def test_ipv4_inside_ipv6_has_a_rate_of_its_own(lab):
    route = ("/", {"return": 204, "rate": 1, "burst": 1}, [])
    client = lab.client(route_proxy(lab, lab.server(), route, top={"trusted-proxies": "127.0.0.1"}))

    def ask(address):
        return client.ask(fields=[f"X-Forwarded-For: {address}"]).status

    assert [ask("::ffff:192.0.2.1"), ask("::ffff:192.0.2.2"), ask("192.0.2.3:80")] == [204, 204, 204]
    assert [ask("192.0.2.1"), ask("[::ffff:192.0.2.2]:9"), ask("::ffff:192.0.2.3")] == [429, 429, 429]


def test_tls_facts_when_asked_for(lab):
    server = lab.server()
    proxy = lab.proxy(server, backend={"tls-facts": "yes"}, tls={"require-post-quantum": "no"})
    first = lab.client(proxy)
    first.ask(fields=["X-TLS-Facts: forged", "x-tls-facts: again"])
    facts = server.requests[0].get("X-TLS-Facts")
    assert facts.startswith(f"version=TLSv1.3; group={first.group}; suite=TLS_")
    assert facts.endswith("; resumed=no")
    lab.client(proxy, session=first.session).ask()
    assert server.requests[1].get("X-TLS-Facts").endswith("; resumed=yes")


# ---- The PROXY protocol toward servers ----


def reads_proxy_header(seen):
    def script(connection):
        line = connection.reader.until(b"\r\n", "a PROXY header")
        seen.append(line)
        while connection.request():
            connection.send(response("ok"))

    return script


def test_version_1_is_sent_before_every_request(lab):
    seen = []
    server = lab.server(reads_proxy_header(seen))
    proxy = lab.proxy(server, backend={"send-proxy-protocol": "v1"})
    client = lab.client(proxy)
    for _ in range(3):
        assert client.ask().body == b"ok"
    line = f"PROXY TCP4 127.0.0.1 127.0.0.1 {client.port} {proxy.port}\r\n".encode()
    assert seen == [line] * 3  # none of the connections served a second one
    assert [asked.connection for asked in server.requests] == [0, 1, 2]


def test_version_2_is_sent(lab):
    heads = []

    def script(connection):
        heads.append(connection.reader.exactly(28, "a PROXY header"))
        connection.request()
        connection.send(response("ok"))

    proxy = lab.proxy(lab.server(script), backend={"send-proxy-protocol": "v2"})
    client = lab.client(proxy)
    body = b"x" * 100_000
    assert client.ask(method="POST", body=body).body == b"ok"
    addresses = socket.inet_aton("127.0.0.1") * 2 + client.port.to_bytes(2, "big") + proxy.port.to_bytes(2, "big")
    assert heads == [b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + addresses]


def test_the_client_of_a_proxy_before_us_is_passed_on(lab):
    seen = []
    proxy = lab.proxy(
        lab.server(reads_proxy_header(seen)),
        backend={"send-proxy-protocol": "v1"},
        top={"trusted-proxies": "127.0.0.1"},
        listen={"proxy-protocol": "yes"},
    )
    client = lab.client(proxy, first=b"PROXY TCP6 2001:db8::7 2001:db8::1 4567 443\r\n")
    assert client.ask().status == 200
    assert seen == [f"PROXY TCP6 2001:db8::7 ::ffff:127.0.0.1 4567 {proxy.port}\r\n".encode()]


def test_nginx_understands_it(lab):
    """A server that did not write our test."""
    server = lab.nginx(
        proxy_protocol=True, locations='location = /who { return 200 "$proxy_protocol_addr $proxy_protocol_port"; }'
    )
    for version in ["v1", "v2"]:
        proxy = lab.proxy(server, backend={"send-proxy-protocol": version})
        client = lab.client(proxy)
        assert client.ask("/who").body == f"127.0.0.1 {client.port}".encode()


# ---- Changed fields ----


def test_fields_of_requests(lab):
    server = lab.server()
    changes = block(
        "request", options={"set-header": quoted("X-Env: prod", "x-tenant: a b"), "remove-header": quoted("Cookie", "X-Debug")}
    )
    proxy = route_proxy(lab, server, ("/", {"backend": "web"}, []), ("/changed", {"backend": "web"}, [changes]))
    client = lab.client(proxy)
    sent = ["Cookie: a=b", "x-debug: 1", "X-Debug: 2", "X-ENV: forged", "X-Kept: yes"]
    client.ask("/changed", fields=sent)
    client.ask("/", fields=sent)
    changed, same = server.requests
    assert changed.all("X-Env") == ["prod"]
    assert changed.all("X-Tenant") == ["a b"]
    assert changed.all("Cookie") == changed.all("X-Debug") == []
    assert changed.all("X-Kept") == ["yes"]
    assert [same.all(name) for name in ["X-Env", "Cookie", "X-Debug"]] == [["forged"], ["a=b"], ["1", "2"]]


@pytest.mark.parametrize("chunked", [False, True])
def test_fields_of_responses(lab, chunked):
    def reply(_):
        fields = ["Server: secret/1.0", "X-Powered-By: it", "X-Frame-Options: ALLOW", "Set-Cookie: a=b", "Set-Cookie: c=d"]
        if chunked:
            head = response(fields=[*fields, "Transfer-Encoding: chunked"], length=False)
            return b"HTTP/1.1 103 Early Hints\r\nServer: secret/1.0\r\n\r\n" + head + b"2\r\nok\r\n0\r\n\r\n"
        return response("ok", fields=fields)

    long_value = "v" * 3000
    changes = block(
        "response",
        options={
            "set-header": quoted("X-Frame-Options: DENY", f"X-Long: {long_value}"),
            "remove-header": quoted("server", "X-Powered-By"),
        },
    )
    proxy = route_proxy(lab, lab.server(reply=reply), ("/", {"backend": "web"}, [changes]))
    client = lab.client(proxy)
    for _ in range(3):
        answer = client.ask()
        assert answer.body == b"ok"
        assert answer.all("X-Frame-Options") == ["DENY"]
        assert answer.all("X-Long") == [long_value]
        assert answer.all("Server") == answer.all("X-Powered-By") == []
        assert answer.all("Set-Cookie") == ["a=b", "c=d"]


# ---- Strict-Transport-Security ----


def test_hsts_is_on_unless_said_otherwise(lab):
    server = lab.server()
    day = 24 * 60 * 60
    assert lab.client(lab.proxy(server)).ask().get("Strict-Transport-Security") == f"max-age={365 * day}"
    route = ("/", {"backend": "web"}, [])
    proxy = route_proxy(lab, server, route, site={"hsts": "30d"})
    assert lab.client(proxy).ask().get("Strict-Transport-Security") == f"max-age={30 * day}"
    proxy = route_proxy(lab, server, route, site={"hsts": "0"})
    assert lab.client(proxy).ask().get("Strict-Transport-Security") is ABSENT


def test_hsts_of_a_server_or_a_route_stays(lab):
    server = lab.server(reply=lambda _: response("ok", fields=["strict-transport-security: max-age=5"]))
    assert lab.client(lab.proxy(server)).ask().all("Strict-Transport-Security") == ["max-age=5"]
    changes = block("response", options={"set-header": quoted("Strict-Transport-Security: max-age=7; preload")})
    proxy = route_proxy(lab, server, ("/", {"backend": "web"}, [changes]))
    assert lab.client(proxy).ask().all("Strict-Transport-Security") == ["max-age=7; preload"]


def test_hsts_with_answers_of_our_own_and_never_over_plain_http(lab):
    proxy = lab.proxy(lab.refused_address(), redirect=True, allow=[".*"])
    refused = lab.client(proxy).ask()
    assert refused.status == 502
    assert refused.get("Strict-Transport-Security") == "max-age=31536000"
    without_route = lab.client(route_proxy(lab, lab.server(), ("/only/", {"backend": "web"}, []))).ask()
    assert without_route.status == 404
    assert without_route.get("Strict-Transport-Security") == "max-age=31536000"
    assert lab.client(proxy).ask(host="elsewhere.test").get("Strict-Transport-Security") is ABSENT
    plain = lab.plain_client(proxy.redirect_port)
    assert plain.ask("/").get("Strict-Transport-Security") is ABSENT


# ---- Paths and answers ----


def test_the_prefix_is_stripped(lab):
    server = lab.server()
    routes = [("/", {"backend": "web"}, []), ("/api/", {"backend": "web", "strip-prefix": "yes"}, [])]
    client = lab.client(route_proxy(lab, server, *routes))
    for target in ["/api/", "/api/things?a=/api/", "/api//twice", "/api", "/other/api/"]:
        assert client.ask(target).status == 200
    assert [asked.target for asked in server.requests] == ["/", "/things?a=/api/", "//twice", "/api", "/other/api/"]


@pytest.mark.parametrize("target", ["/%61pi/x", "/x/../api/x", "/api/../api/x", "/./api/x", "/api/y/../../api/x"])
def test_a_prefix_that_is_not_written_plainly_is_not_stripped(lab, target):
    """Cut at its length, something else would be left."""
    server = lab.server()
    routes = [("/", {"backend": "web"}, []), ("/api/", {"backend": "web", "strip-prefix": "yes"}, [])]
    proxy = route_proxy(lab, server, *routes)
    assert lab.client(proxy).ask(target).status == 400
    assert server.requests == []
    assert lab.client(proxy).ask("/api/%61/../b").status == 200
    assert [asked.target for asked in server.requests] == ["/%61/../b"]


def test_the_log_tells_what_the_client_asked_for(lab):
    proxy = route_proxy(lab, lab.server(), ("/api/", {"backend": "web", "strip-prefix": "yes"}, []))
    lab.client(proxy).ask("/api/things")
    assert proxy.access_log(1)[0]["target"] == "/api/things"


REDIRECTS = [
    # options, asked for, status, location
    ({"redirect": '"https://example.org"'}, "/a/b?c", 308, "https://example.org/a/b?c"),
    ({"redirect": '"https://example.org:8443"', "redirect-status": 301}, "/a", 301, "https://example.org:8443/a"),
    ({"redirect": '"https://example.org/"', "redirect-status": 302}, "/a?b", 302, "https://example.org/"),
    ({"redirect": '"/elsewhere"', "redirect-status": 303}, "/a?b", 303, "/elsewhere"),
    ({"redirect": '"http://127.0.0.1:80/x?y=z"', "redirect-status": 307}, "/a", 307, "http://127.0.0.1:80/x?y=z"),
]


@pytest.mark.parametrize("options, target, status, location", REDIRECTS)
def test_redirects(lab, options, target, status, location):
    server = lab.server()
    client = lab.client(route_proxy(lab, server, ("/", options, [])))
    for method in ["GET", "HEAD"]:
        answer = client.ask(target, method)  # on one connection: it stays open
        assert (answer.status, answer.get("Location")) == (status, location)
        assert (str(status).encode() in answer.body) == (method == "GET")
    assert client.ask(target, "POST", body=b"some").status == status
    assert server.requests == []


@pytest.mark.parametrize("status", [200, 204, 403, 404, 410, 418, 503])
def test_a_fixed_status(lab, status):
    server = lab.server()
    proxy = route_proxy(lab, server, ("/", {"backend": "web"}, []), ("/fixed", {"return": status}, []))
    client = lab.client(proxy)
    for _ in range(2):
        answer = client.ask("/fixed/path")
        assert answer.status == status
        assert (str(status).encode() in answer.body) == (status != 204)
    assert answer.get("Content-Length") == (ABSENT if status == 204 else str(len(answer.body)))
    assert client.ask("/").status == 200
    assert len(server.requests) == 1
    line = proxy.access_log(3)[0]
    assert (line["status"], line["backend"], line["ended"]) == (status, None, None)


# ---- Who may come ----


def test_access_by_address(lab):
    server = lab.server()
    routes = [
        ("/", {"backend": "web"}, []),
        ("/inside", {"backend": "web", "allow": quoted("127.0.0.2", "10.0.0.0/8")}, []),
        ("/open", {"backend": "web", "deny": "127.0.0.3"}, []),
        ("/both", {"backend": "web", "allow": "127.0.0.0/8", "deny": "127.0.0.2/31"}, []),
    ]
    proxy = route_proxy(lab, server, *routes)
    expected = {
        "127.0.0.1": {"/": 200, "/inside": 403, "/open": 200, "/both": 200},
        "127.0.0.2": {"/": 200, "/inside": 200, "/open": 200, "/both": 403},
        "127.0.0.3": {"/": 200, "/inside": 403, "/open": 403, "/both": 403},
    }
    for source, answers in expected.items():
        client = lab.client(proxy, source=source)
        assert {target: client.ask(target).status for target in answers} == answers
    refused = [line for line in proxy.access_log(12) if line["status"] == 403]
    assert {line["ended"] for line in refused} == {"the route does not allow this client"}


def test_access_behind_a_trusted_proxy(lab):
    server = lab.server()
    route = ("/", {"backend": "web", "allow": "192.0.2.0/24"}, [])
    proxy = route_proxy(lab, server, route, top={"trusted-proxies": "127.0.0.1"})
    client = lab.client(proxy)
    assert client.ask(fields=["X-Forwarded-For: 192.0.2.9"]).status == 200
    assert client.ask(fields=["X-Forwarded-For: 192.0.2.9, 198.51.100.1"]).status == 403
    assert client.ask().status == 403
    stranger = lab.client(proxy, source="127.0.0.2")
    assert stranger.ask(fields=["X-Forwarded-For: 192.0.2.9"]).status == 403


def test_a_body_is_not_waited_for_when_nobody_may_come(lab):
    proxy = route_proxy(lab, lab.server(), ("/", {"backend": "web", "deny": "127.0.0.1"}, []))
    client = lab.client(proxy)
    client.send(request("/", "POST", fields=["Content-Length: 1000000", "Expect: 100-continue"]))
    answer = client.response()
    assert answer.status == 403
    assert answer.interim == []
    assert answer.get("Connection") == "close"


def test_a_redirect_listener_with_another_port(lab):
    proxy = lab.prepare(lab.server(), redirect=True)
    proxy.write_config(proxy.config_text().replace("protocol = redirect", "protocol = redirect\n  https-port = 443"))
    proxy.start()
    answer = lab.plain_client(proxy.redirect_port).ask("/a?b")
    assert (answer.status, answer.get("Location")) == (308, "https://localhost/a?b")
