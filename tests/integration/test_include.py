"""A configuration of several files: what is included counts at the start and at a reload, and messages name it."""

import os
import signal

from ravelin_test.processes import run, text
from ravelin_test.proxy import site_block
from ravelin_test.settings import RAVELIN
from ravelin_test.waiting import wait_for


def site(lab, name):
    return site_block(name, [lab.authority.certificate(name)])


def prepare(lab):
    """A proxy whose sites are in files of their own."""
    proxy = lab.prepare(lab.server(), workers=2, sites=['include "sites/*.conf"'])
    sites = proxy.folder / "sites"
    sites.mkdir()
    (sites / "a.conf").write_text(site(lab, "localhost"))
    return proxy, sites


def test_a_site_that_is_added_and_removed(lab):
    proxy, sites = prepare(lab)
    proxy.start()
    client = lab.client(proxy)
    assert client.ask("/", host="localhost").status == 200
    assert client.ask("/", host="b.test").status == 421
    (sites / "b.conf").write_text(site(lab, "b.test"))
    proxy.reload()
    assert lab.client(proxy, sni="b.test").ask("/", host="b.test").status == 200
    assert client.ask("/", host="localhost").status == 200
    (sites / "b.conf").unlink()
    proxy.reload()
    assert client.ask("/", host="b.test").status == 421


def test_a_mistake_in_an_included_file_changes_nothing(lab):
    proxy, sites = prepare(lab)
    proxy.allow.append(r"unknown option 'rout'|reload failed")
    proxy.start()
    (sites / "b.conf").write_text("\n" + site(lab, "b.test").replace("route", "rout"))
    for command in ["check", "reload"]:
        done = proxy.command(command, check=False)
        assert done.returncode == 2
        assert f"{sites}/b.conf:" in text(done.stderr)
    assert lab.client(proxy).ask("/", host="localhost").status == 200


def test_workers_need_no_file(lab):
    """A worker that replaces another has the bundle only."""
    proxy, sites = prepare(lab)
    proxy.workers_may_die = True
    proxy.allow.append("killed by signal 9")
    proxy.start()
    (sites / "a.conf").write_text("nonsense")
    (sites / "a.conf").chmod(0)
    for former in proxy.worker_pids().values():
        os.kill(former, signal.SIGKILL)
        wait_for(lambda former=former: former not in proxy.worker_pids().values(), "another worker")
    wait_for(lambda: all(worker["state"] == "running" for worker in proxy.status()["workers"]), "the workers")
    assert lab.client(proxy).ask("/", host="localhost").status == 200


def test_prove_names_the_included_files(lab):
    proxy, sites = prepare(lab)
    proxy.start()
    shown = text(run([RAVELIN, "prove", "-c", proxy.config], check=False).stdout)
    assert str(sites / "a.conf") in shown
