"""request-id = yes: every request that goes to a server has an X-Request-Id, and the log has it."""

import re

import pytest

from ravelin_test.http import response
from ravelin_test.proxy import block

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ON = {"request-id": "yes"}


def echo(request):
    return response("|".join([*request.all("X-Request-Id"), request.get("traceparent") or ""]))


def seen(answer):
    """The ids and the trace that the server got."""
    *ids, trace = answer.body.decode().split("|")
    return ids, trace


def test_each_request_gets_its_own(lab):
    proxy = lab.proxy(lab.server(reply=echo), workers=2, top=ON)
    found = set()
    for _ in range(4):
        client = lab.client(proxy)
        for _ in range(5):
            [identity], trace = seen(client.ask(fields=["X-Request-Id: forged", f"traceparent: {TRACE}"]))
            assert (re.fullmatch("[0-9a-f]{32}", identity) is not None, trace) == (True, TRACE)
            found.add(identity)
    assert len(found) == 20
    logged = proxy.access_log(20)
    assert {entry["request_id"] for entry in logged} == found
    assert {entry["traceparent"] for entry in logged} == {TRACE}


def test_http2(lab):
    proxy = lab.proxy(lab.server(reply=echo), top=ON, listen={"http2": "yes"})
    shown = proxy.curl("/", "--http2", "-H", "X-Request-Id: forged").stdout.decode()
    assert re.fullmatch(r"[0-9a-f]{32}\|", shown)
    assert proxy.access_log(1)[0]["request_id"] == shown[:-1]


@pytest.mark.parametrize("identity, kept", [("edge-1:2/3", True), ("a" * 128, True), ("a" * 129, False), ("a b", False)])
def test_a_trusted_proxy_may_name_it(lab, identity, kept):
    proxy = lab.proxy(lab.server(reply=echo), top={**ON, "trusted-proxies": "127.0.0.1"})
    [found], _ = seen(lab.client(proxy).ask(fields=[f"X-Request-Id: {identity}"]))
    assert (found == identity) == kept
    assert proxy.access_log(1)[0]["request_id"] == found


def test_a_request_that_goes_to_no_server(lab):
    proxy = lab.proxy(lab.server(), top=ON)
    assert lab.client(proxy).ask(host="other.test").status == 421
    assert (proxy.access_log(1)[0]["request_id"], proxy.access_log(1)[0]["traceparent"]) == (None, None)


def test_a_route_that_sets_it(lab):
    made = lab.authority.certificate("localhost", "127.0.0.1")
    route = block("route", "/", {"backend": "web"}, [block("request", options={"set-header": '{"X-Request-Id: fixed"}'})])
    site = block("site", "localhost", inner=[block("certificate", f'"{made.path}"', {"key": f'"{made.key}"'}), route])
    proxy = lab.proxy(lab.server(reply=echo), top=ON, sites=[site])
    assert seen(lab.client(proxy).ask(fields=["X-Request-Id: forged"]))[0] == ["fixed"]
    assert proxy.access_log(1)[0]["request_id"] == "fixed"


def test_without_the_option(lab):
    proxy = lab.proxy(lab.server(reply=echo))
    assert seen(lab.client(proxy).ask(fields=["X-Request-Id: theirs"]))[0] == ["theirs"]
    assert "request_id" not in proxy.access_log(1)[0]


def test_a_head_at_its_limit(lab):
    """The id makes it longer than it came."""
    proxy = lab.proxy(lab.server(reply=echo), top=ON, limits={"header-size": "4k"})
    lengths = range(3900, 4060, 20)
    for length in lengths:
        client = lab.client(proxy)
        answer = client.ask(fields=["A:" + "a" * length])
        assert answer.status in (200, 431)
        assert answer.status == 431 or len(seen(answer)[0]) == 1
