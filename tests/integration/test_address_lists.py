"""allow-file and deny-file: who may come is in a file, which is watched."""

import pytest

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
