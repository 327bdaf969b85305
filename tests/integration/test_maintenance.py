"""`ravelin maintenance SITE on|off`: a site answers 503 with its page until it is turned off."""

import os
import signal

import pytest

from ravelin_test.processes import text
from ravelin_test.proxy import block
from ravelin_test.waiting import wait_for


def site(lab, name, aliases="", page="Back soon"):
    made = lab.authority.certificate(name)
    return block(
        "site",
        name,
        {"aliases": aliases} if aliases else {},
        [
            block("certificate", f'"{made.path}"', {"key": f'"{made.key}"'}),
            block("error-page", "503", {"text": f'"{page}"', "type": '"text/html"'}),
            block("route", "/", {"backend": "web"}),
        ],
    )


@pytest.fixture
def proxy(lab):
    return lab.proxy(lab.server(), workers=2, sites=[site(lab, "localhost"), site(lab, "b.test", '"*.b.test"')])


def ask(lab, proxy, host="localhost"):
    return lab.client(proxy, sni=host).ask(host=host)


def order(proxy, name, word, check=True):
    return text(proxy.command("maintenance", name, word, check=check).stdout)


def test_on_and_off(lab, proxy):
    kept = lab.client(proxy)
    assert kept.ask().status == 200
    assert "localhost: maintenance is on" in order(proxy, "localhost", "on")
    answer = kept.ask()
    assert (answer.status, answer.get("Retry-After"), answer.body) == (503, "60", b"Back soon")
    assert ask(lab, proxy, "b.test").status == 200
    assert proxy.status()["maintenance"] == ["localhost"]
    assert {entry["ended"] for entry in proxy.access_log(3) if entry["status"] == 503} == {"the site is under maintenance"}
    order(proxy, "localhost", "off")
    assert kept.ask().status == 200
    assert proxy.status()["maintenance"] == []
    proxy.wait_for_log("info master.*site localhost: maintenance is on")
    proxy.wait_for_log("info master.*site localhost: maintenance is off")


def test_by_another_name(lab, proxy):
    order(proxy, "*.B.test", "on")
    assert ask(lab, proxy, "b.test").status == 503
    assert ask(lab, proxy).status == 200


def test_programs_get_json(lab, proxy):
    order(proxy, "localhost", "on")
    answer = lab.client(proxy).ask(fields=["Accept: application/json"])
    assert (answer.status, answer.get("Content-Type"), answer.get("Retry-After")) == (503, "application/json", "60")


def test_it_stays_across_reloads_and_deaths(lab, proxy):
    order(proxy, "b.test", "on")
    proxy.configure(sites=[site(lab, "first.test"), site(lab, "localhost"), site(lab, "b.test", page="Other")])
    proxy.reload()
    answer = ask(lab, proxy, "b.test")
    assert (answer.status, answer.body) == (503, b"Other")
    assert [ask(lab, proxy, name).status for name in ["localhost", "first.test"]] == [200, 200]
    proxy.workers_may_die = True
    proxy.allow.append("killed by signal 9")
    for former in proxy.worker_pids().values():
        os.kill(former, signal.SIGKILL)
    wait_for(lambda: all(worker["state"] == "running" for worker in proxy.status()["workers"]), "other workers")
    assert [ask(lab, proxy, name).status for name in ["b.test", "localhost"]] == [503, 200]


def test_it_ends_with_the_site(lab, proxy):
    both = [site(lab, "localhost"), site(lab, "b.test")]
    order(proxy, "b.test", "on")
    proxy.configure(sites=both[:1])
    proxy.reload()
    proxy.wait_for_log("site b.test: maintenance ends, because the site is gone")
    proxy.configure(sites=both)
    proxy.reload()
    assert ask(lab, proxy, "b.test").status == 200


@pytest.mark.parametrize(
    "name, word, code, message",
    [
        ("c.test", "on", 1, "no site 'c.test'"),
        ("a/b", "on", 1, "no site 'a/b'"),
        ("localhost", "maybe", 2, "on or off, not 'maybe'"),
    ],
)
def test_wrong_orders(proxy, name, word, code, message):
    done = proxy.command("maintenance", name, word, check=False)
    assert done.returncode == code
    assert message in text(done.stdout + done.stderr)


def test_it_outlives_an_upgrade(lab, proxy):
    order(proxy, "localhost", "on")
    proxy.upgrade()
    assert ask(lab, proxy).status == 503
    assert ask(lab, proxy, "b.test").status == 200
