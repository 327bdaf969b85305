"""Thousands of sites, each with a certificate and a key of its own."""

import re

import pytest

from ravelin_test.client import client_context
from ravelin_test.folders import new_folder, remove_folder
from ravelin_test.http import response
from ravelin_test.many import ManyCertificates
from ravelin_test.processes import run
from ravelin_test.proxy import backend_block, site_block
from ravelin_test.settings import scaled


@pytest.fixture
def authority():
    folder = new_folder("many", in_memory=True)
    yield ManyCertificates(folder)
    remove_folder(folder)


def test_thousands_of_sites_load_and_each_is_found(lab, authority):
    """Whatever of it grows with the square of their number makes this test time out."""
    count = scaled(3000)
    names = [f"s{i}.test" for i in range(count)]
    sites = [site_block(name, [authority.certificate(name, f"www.{name}")], [f"www.{name}"]) for name in names]
    limits = {"connections": 1000}  # fewer than the system may warn of
    proxy = lab.prepare(limits=limits, sites=sites, backends=[backend_block("web", [lab.server(reply=lambda r: response("ok"))])])
    assert f"{count} sites, {count} certificates" in run([proxy.program, "check", "-c", proxy.config]).stdout.decode()
    proxy.start()
    context = client_context(authority.ca)
    for index in (0, count // 2, count - 1):
        for name in (f"s{index}.test", f"www.s{index}.test"):
            with lab.client(proxy, context=context, sni=name) as client:
                assert client.names == [f"s{index}.test", f"www.s{index}.test"]  # its signature verified, too
                assert client.ask(host=name).body == b"ok"
    told = proxy.status()["certificates"]
    assert told["count"] == count
    assert len(told["next"]) == 20
    proxy.reload()
    with lab.client(proxy, context=context, sni=names[-1]) as client:
        assert client.ask(host=names[-1]).body == b"ok"
    assert not re.search("warning", proxy.log())
