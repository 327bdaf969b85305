"""allow-file, deny-file and trusted-proxies-file: addresses are in a file, which is watched."""

import pytest

from ravelin_test.http import response
from ravelin_test.proxy import block
from ravelin_test.waiting import wait_for


@pytest.fixture
def serve(lab):
    """A proxy with these options of its route."""

    def serve(options):
        made = lab.authority.certificate("localhost", "127.0.0.1")
        site = block(
            "site",
            "localhost",
            inner=[
                block("certificate", f'"{made.path}"', {"key": f'"{made.key}"'}),
                block("route", "/", {"backend": "web", **options}),
            ],
        )
        return lab.proxy(lab.server(), sites=[site], tls={"certificate-watch": "yes"})

    return serve


def test_a_client_of_a_list(lab, serve):
    allowed, denied = lab.folder / "allowed", lab.folder / "denied"
    allowed.write_text("127.0.0.0/8\n")
    denied.write_text("# none\n")
    client = lab.client(serve({"allow-file": f'"{allowed}"', "deny-file": f'"{denied}"'}))

    def status():
        return client.ask().status

    assert status() == 200
    denied.write_text("10.0.0.0/8\n127.0.0.1 # a scanner\n")
    wait_for(lambda: status() == 403, "the client to be denied")
    denied.write_text("10.0.0.0/8\n")
    wait_for(lambda: status() == 200, "the client to be let in again")
    allowed.write_text("192.0.2.0/24\n")
    wait_for(lambda: status() == 403, "the client to be no longer allowed")


def test_it_adds_to_allow(lab, serve):
    allowed = lab.folder / "allowed"
    allowed.write_text("192.0.2.0/24\n")
    assert lab.client(serve({"allow": "127.0.0.1", "allow-file": f'"{allowed}"'})).ask().status == 200


def test_trusted_proxies(lab):
    trusted = lab.folder / "trusted"
    trusted.write_text("192.0.2.0/24\n")
    watch = {"top": {"trusted-proxies-file": f'"{trusted}"'}, "tls": {"certificate-watch": "yes"}}
    server = lab.server(reply=lambda request: response(request.get("X-Forwarded-For")))
    client = lab.client(lab.proxy(server, **watch))

    def seen():
        return client.ask(fields=["X-Forwarded-For: 203.0.113.9, 192.0.2.1"]).body

    assert seen() == b"127.0.0.1"
    trusted.write_text("192.0.2.0/24\n127.0.0.1\n")
    wait_for(lambda: seen() == b"203.0.113.9, 192.0.2.1, 127.0.0.1", "the proxy to be trusted")


def test_proxy_protocol_of_a_list(lab):
    trusted = lab.folder / "trusted"
    trusted.write_text("127.0.0.1\n")
    proxy = lab.proxy(lab.server(), top={"trusted-proxies-file": f'"{trusted}"'}, listen={"proxy-protocol": "yes"})
    client = lab.client(proxy, first=b"PROXY TCP4 203.0.113.9 127.0.0.1 1000 443\r\n")
    assert client.ask().status == 200
    assert proxy.access_log(1)[0]["client"] == "203.0.113.9"
