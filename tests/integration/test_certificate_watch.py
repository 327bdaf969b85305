"""certificate-watch = yes: files that change are picked up without a command, and nobody's connection ends."""

import contextlib
import os
import re
import shutil
import signal
import threading

import pytest

from ravelin_test.http import request, response
from ravelin_test.proxy import BackgroundCommand, backend_block, site_block
from ravelin_test.settings import IS_ROOT, PATIENCE
from ravelin_test.waiting import wait_for

WATCH = {"certificate-watch": "yes"}


class Site:
    """The certificate and key of localhost, at paths that the proxy knows; their content is of a numbered version."""

    def __init__(self, lab):
        self._lab = lab
        self.folder = lab.subfolder("site")
        self.path, self.key = self.folder / "site.pem", self.folder / "site.key"

    def version(self, number):
        return self._lab.authority.certificate("localhost", "127.0.0.1", f"v{number}.test")

    def write(self, number, path=None, key=None):
        """In place."""
        version = self.version(number)
        for source, target in [(version.path, path or self.path), (version.key, key or self.key)]:
            target.write_bytes(source.read_bytes())
            target.chmod(0o600)

    def block(self):
        return site_block("localhost", [self], ["127.0.0.1"])


@pytest.fixture
def site(lab):
    return Site(lab)


def watching(lab, site, *servers, **options):
    """A proxy that has begun to watch."""
    options = {"tls": WATCH, "sites": [site.block()], **options}
    proxy = lab.proxy(*servers or [lab.server()], **options)
    wait_for(lambda: watch(proxy)["state"] == "watching", "the files to be watched")
    return proxy


def watch(proxy):
    return proxy.status()["certificate_watch"]


def shown(lab, proxy):
    """The version of the certificate that a new client is shown."""
    with lab.client(proxy) as client:
        [number] = [int(name[1:-5]) for name in client.names if re.fullmatch(r"v\d+\.test", name)]
        return number


def wait_until_shown(lab, proxy, number):
    wait_for(lambda: shown(lab, proxy) == number, f"version {number} of the certificate")


def looks_in_vain(proxy):
    """How often the files were looked at and found unchanged: told at level debug."""
    return proxy.log().count("no file has changed")


def wait_for_look(proxy, number):
    wait_for(lambda: looks_in_vain(proxy) >= number, f"look {number} at files that are the same")


# ---- Ways in which files change. Each prepares version 1, and returns what changes to another. ----


def overwritten(site):
    site.write(1)
    return site.write


def renamed_over(site):
    site.write(1)

    def change(number):
        drafts = [site.folder / "site.pem.new", site.folder / "site.key.new"]
        site.write(number, *drafts)
        for draft, target in zip(drafts, [site.path, site.key]):
            draft.replace(target)

    return change


def written_by_an_editor(site):
    """Which moves the former text away, and writes a new file."""
    site.write(1)

    def change(number):
        for path in [site.path, site.key]:
            path.rename(f"{path}~")
        site.write(number)

    return change


def linked_by_certbot(site):
    """live/NAME/*.pem lead to archive/NAME/*N.pem."""
    live, archive = site.folder / "live/localhost", site.folder / "archive/localhost"
    site.path, site.key = live / "fullchain.pem", live / "privkey.pem"
    live.mkdir(parents=True)
    archive.mkdir(parents=True)

    def change(number):
        targets = [archive / f"fullchain{number}.pem", archive / f"privkey{number}.pem"]
        site.write(number, *targets)
        for link, target in zip([site.path, site.key], targets):
            link.unlink(missing_ok=True)
            link.symlink_to(f"../../archive/localhost/{target.name}")

    change(1)
    return change


def linked_by_kubernetes(site):
    """tls.crt leads to ..data/tls.crt, and ..data to a folder of its own for each version."""
    site.path, site.key = site.folder / "tls.crt", site.folder / "tls.key"
    site.path.symlink_to("..data/tls.crt")
    site.key.symlink_to("..data/tls.key")

    def change(number):
        version = site.folder / f"..version_{number}"
        version.mkdir()
        site.write(number, version / "tls.crt", version / "tls.key")
        (site.folder / "..data_tmp").symlink_to(version.name)
        (site.folder / "..data_tmp").rename(site.folder / "..data")
        for former in site.folder.glob("..version_*"):
            if former != version:
                shutil.rmtree(former)

    change(1)
    return change


def folder_made_again(site):
    site.path, site.key = site.folder / "a/b/site.pem", site.folder / "a/b/site.key"

    def change(number):
        shutil.rmtree(site.folder / "a", ignore_errors=True)
        (site.folder / "a/b").mkdir(parents=True)
        site.write(number)

    change(1)
    return change


WAYS = [
    overwritten,
    renamed_over,
    written_by_an_editor,
    linked_by_certbot,
    linked_by_kubernetes,
    folder_made_again,
]


@pytest.mark.parametrize("way", WAYS)
def test_a_change_is_picked_up_and_no_connection_ends(lab, site, way):
    go = threading.Event()

    def script(connection):
        while asked := connection.request():
            if asked.target == "/slow":
                answer = response("slowly, slowly")
                connection.send(answer[:-7])
                assert go.wait(4 * PATIENCE)
                connection.send(answer[-7:])
            else:
                connection.send(response("ok"))

    change = way(site)
    proxy = watching(lab, site, lab.server(script), workers=2)
    idle, busy = lab.client(proxy), lab.client(proxy)
    assert idle.ask().status == 200
    busy.send(request("/slow"))
    assert shown(lab, proxy) == 1
    for number in [2, 3] if way is linked_by_kubernetes else [2]:
        change(number)
        wait_until_shown(lab, proxy, number)
        assert idle.ask().body == b"ok"  # on the connection of before
    go.set()
    assert busy.response().body == b"slowly, slowly"
    assert busy.ask().status == 200
    last = watch(proxy)["last_reload"]
    assert (last["ok"], last["message"]) == (True, f"reloaded: generation {proxy.status()['generation']}")
    assert "files changed: reloading" in proxy.log()


# ---- What does not make a reload ----


def test_the_same_content_does_not(lab, site):
    site.write(1)
    proxy = watching(lab, site, top={"log-level": "debug"})
    wait_for_look(proxy, 1)  # at the start
    os.utime(site.path)
    wait_for_look(proxy, 2)
    site.write(1)
    wait_for_look(proxy, 3)
    assert proxy.status()["generation"] == 1
    assert watch(proxy)["last_reload"] is None


def test_other_files_do_not(lab, site):
    site.write(1)
    proxy = watching(lab, site, top={"log-level": "debug"})
    wait_for_look(proxy, 1)
    for _ in range(100):
        (site.folder / "other").write_text("other")
    site.write(2)
    wait_until_shown(lab, proxy, 2)
    assert looks_in_vain(proxy) == 1
    assert proxy.status()["generation"] == 2


def test_the_config_text_waits_for_a_reload_by_hand(lab, site):
    """A text that somebody has begun to change must not come into use because a certificate was renewed."""
    site.write(1)
    old, new = (lab.server(reply=lambda request, name=name: response(name)) for name in ["old", "new"])
    proxy = watching(lab, site, old)
    proxy.write_config("nonsense {")
    site.write(2)
    wait_until_shown(lab, proxy, 2)
    assert lab.client(proxy).ask().body == b"old"
    proxy.configure(backends=[backend_block("web", [new])])
    proxy.reload()
    assert lab.client(proxy).ask().body == b"new"


# ---- Files that are no good ----


def test_a_certificate_without_its_key_waits_for_it(lab, site):
    site.write(1)
    proxy = watching(lab, site)
    site.path.write_bytes(site.version(2).path.read_bytes())
    refused = "warning master.*: reload of changed files failed: generation 1 stays active"
    proxy.wait_for_log(refused)
    line = 1 + next(number for number, text in enumerate(proxy.config.read_text().splitlines()) if "key = " in text)
    assert re.search(rf"warning master.*: {re.escape(str(proxy.config))}:{line}: .*{re.escape(str(site.key))}", proxy.log())
    assert shown(lab, proxy) == 1
    last = watch(proxy)["last_reload"]
    assert not last["ok"] and last["message"].startswith(f"{proxy.config}:{line}: ")
    site.write(2)
    wait_until_shown(lab, proxy, 2)
    assert watch(proxy)["last_reload"]["ok"]


def test_what_is_wrong_is_said_once(lab, site):
    site.write(1)
    proxy = watching(lab, site, top={"log-level": "debug"})
    site.path.unlink()
    proxy.wait_for_log("reload of changed files failed: generation 1 stays active")
    (site.folder / "draft").write_text("")
    (site.folder / "draft").rename(site.path)
    site.path.unlink()
    proxy.wait_for_log("reload of changed files failed as before")
    assert proxy.log().count("reload of changed files failed: ") == 1
    assert "files changed: reloading" not in proxy.log()


def test_a_missing_file_is_told_and_can_come_back(lab, site):
    site.write(1)
    proxy = watching(lab, site, top={"log-level": "debug"})
    kept = site.folder / "kept"
    site.path.rename(kept)
    proxy.wait_for_log(rf"warning master.*: .*:\d+: certificate '{re.escape(str(site.path))}': No such file")
    assert lab.client(proxy).ask().status == 200
    looks = looks_in_vain(proxy)
    kept.rename(site.path)
    wait_for_look(proxy, looks + 1)
    assert proxy.status()["generation"] == 1


def test_a_file_that_changes_all_the_time_is_looked_at_now_and_then(lab, site):
    site.write(1)
    proxy = watching(lab, site, top={"log-level": "debug"})
    wait_for_look(proxy, 1)
    content, changes = site.path.read_bytes(), 0

    def change():
        nonlocal changes
        (site.folder / "draft").write_bytes(content)
        (site.folder / "draft").replace(site.path)
        changes += 1
        return looks_in_vain(proxy) >= 3

    wait_for(change, "two looks")
    assert changes > 20


# ---- On and off ----


def holds_inotify(pid):
    for entry in os.scandir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile
            if "inotify" in os.readlink(entry.path):
                return True
    return False


@pytest.mark.skipif(not IS_ROOT, reason="only root may look at the descriptors of others")
def test_it_is_turned_on_and_off_by_a_reload(lab, site):
    site.write(1)
    proxy = lab.proxy(lab.server(), sites=[site.block()])
    assert watch(proxy) == {"state": "off", "problem": None, "last_reload": None}
    assert not holds_inotify(proxy.pid)
    proxy.configure(tls=WATCH)
    proxy.reload()
    wait_for(lambda: watch(proxy)["state"] == "watching", "the files to be watched")
    assert holds_inotify(proxy.pid)
    site.write(2)
    wait_until_shown(lab, proxy, 2)
    proxy.configure(tls={})
    proxy.reload()
    state = watch(proxy)
    assert state["state"] == "off" and state["last_reload"]["ok"]
    assert not holds_inotify(proxy.pid)
    for child in proxy.status()["workers"] + proxy.status()["signers"]:
        assert not holds_inotify(child["pid"])


def test_a_change_before_the_watch_is_not_missed(lab, site):
    """Files that changed between their being read and their being watched: here, while a reload was under way."""
    site.write(1)
    proxy = lab.proxy(lab.server(), sites=[site.block()])
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)
    proxy.configure(tls=WATCH)
    reload = lab.keep_client(BackgroundCommand(proxy, "reload"))
    wait_for(lambda: proxy.status()["reload"] == "loading workers", "the reload to wait for the worker")
    site.write(2)
    os.kill(worker, signal.SIGCONT)
    assert reload.result()[0] == 0
    wait_until_shown(lab, proxy, 2)


def test_new_paths_are_watched_after_a_reload_by_hand(lab, site):
    site.write(1)
    proxy = watching(lab, site)
    site.path, site.key = site.folder / "other.pem", site.folder / "other.key"
    site.write(2)
    proxy.configure(sites=[site.block()])
    proxy.reload()
    assert shown(lab, proxy) == 2
    site.write(3)
    wait_until_shown(lab, proxy, 3)


# ---- Beside reloads by hand ----


def test_a_command_waits_for_an_automatic_reload(lab, site):
    site.write(1)
    proxy = watching(lab, site)
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)
    site.write(2)
    wait_for(lambda: proxy.status()["reload"] == "loading workers", "the automatic reload to wait for the worker")
    commands = [lab.keep_client(BackgroundCommand(proxy, "reload")) for _ in range(2)]
    wait_for(lambda: any(command.ended() for command in commands), "the one that comes second to be refused")
    os.kill(worker, signal.SIGCONT)
    assert sorted(command.result() for command in commands) == [
        (0, "reloaded: generation 3\n", ""),
        (1, "", "a reload is running\n"),
    ]
    assert shown(lab, proxy) == 2


def test_a_change_during_a_reload_comes_after_it(lab, site):
    site.write(1)
    proxy = watching(lab, site)
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)
    reload = lab.keep_client(BackgroundCommand(proxy, "reload"))
    wait_for(lambda: proxy.status()["reload"] == "loading workers", "the reload to wait for the worker")
    site.write(2)
    os.kill(worker, signal.SIGCONT)
    assert reload.result()[0] == 0
    wait_until_shown(lab, proxy, 2)


def test_a_drain_ends_the_watch(lab, site):
    site.write(1)
    proxy = watching(lab, site, lab.server())
    site.write(2)
    client = lab.client(proxy)
    client.ask()
    proxy.command("drain")
    assert proxy.wait() == 0
