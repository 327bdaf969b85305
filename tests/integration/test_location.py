"""The Location of a server that names itself: clients come back to the proxy."""

import pytest

from ravelin_test.http import response
from ravelin_test.proxy import backend_block, block, site_block


def moved(where, status="301 Moved Permanently"):
    return response("", status=status, fields=[f"Location: {where}"])


def ask(lab, proxy, path="/a"):
    return lab.client(proxy).ask(path, host=f"localhost:{proxy.port}").get("Location")


def test_a_server_that_names_its_address(lab):
    server = lab.server(reply=lambda request: moved(f"http://{server.address}/b?c"))
    proxy = lab.proxy(server)
    assert ask(lab, proxy) == f"https://localhost:{proxy.port}/b?c"


@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_other_responses_stay(lab, status):
    server = lab.server(reply=lambda request: moved(f"http://{server.address}/b", status))
    assert ask(lab, lab.proxy(server)) == f"http://{server.address}/b"


def test_it_can_be_turned_off(lab):
    server = lab.server(reply=lambda request: moved(f"http://{server.address}/b"))
    assert ask(lab, lab.proxy(server, backend={"rewrite-location": "no"})) == f"http://{server.address}/b"


def test_a_long_prefix_that_was_stripped(lab):
    """The head becomes longer than it came, and than the room that is kept for that."""
    prefix = "/" + "p" * 1000 + "/"
    server = lab.server(reply=lambda request: moved(f"http://{server.address}/b" + "c" * 1000))
    made = lab.authority.certificate("localhost", "127.0.0.1")
    site = block(
        "site",
        "localhost",
        inner=[
            block("certificate", f'"{made.path}"', {"key": f'"{made.key}"'}),
            block("route", prefix, {"backend": "web", "strip-prefix": "yes"}),
        ],
    )
    proxy = lab.proxy(server, sites=[site])
    assert ask(lab, proxy, prefix + "a") == f"https://localhost:{proxy.port}{prefix}b" + "c" * 1000


def test_directories_of_nginx(lab):
    """It names the host of the request with its own port."""
    server = lab.nginx()
    (server.html / "folder").mkdir()
    proxy = lab.proxy(server)
    assert ask(lab, proxy, "/folder") == f"https://localhost:{proxy.port}/folder/"


def test_directories_of_apache(lab):
    """It names the host and the port of the request."""
    server = lab.apache()
    (server.html / "folder").mkdir()
    proxy = lab.proxy(server)
    assert ask(lab, proxy, "/folder") == f"https://localhost:{proxy.port}/folder/"


def test_http2(lab):
    server = lab.server(reply=lambda request: moved(f"http://{server.address}/b"))
    proxy = lab.proxy(server, listen={"http2": "yes"})
    shown = proxy.curl("/a", "--http2", "-o", "/dev/null", "-w", "%{http_version} %{redirect_url}").stdout.decode()
    assert shown == f"2 https://localhost:{proxy.port}/b"


def test_several_backends(lab):
    """Each names its own address only."""
    first, second = lab.server(reply=lambda request: moved(f"http://{second.address}/b")), lab.server()
    made = lab.authority.certificate("localhost", "127.0.0.1")
    proxy = lab.proxy(
        sites=[site_block("localhost", [made], routes={"/": "first", "/x": "second"})],
        backends=[backend_block("first", [first]), backend_block("second", [second])],
    )
    assert ask(lab, proxy) == f"http://{second.address}/b"
