"""Changes to a running proxy: reloads that succeed, reloads that change nothing, and the rotation of log files."""

import os
import re
import signal
import socket

import pytest

from ravelin_test.http import response
from ravelin_test.processes import text
from ravelin_test.proxy import BackgroundCommand, backend_block, site_block
from ravelin_test.settings import LONG, PATIENCE
from ravelin_test.waiting import wait_for


def named(lab, name):
    return backend_block("web", [lab.server(reply=lambda request: response(name))])


def change(proxy, old, new):
    """Replaces a piece of the configuration's text."""
    text_now = proxy.config.read_text()
    assert text_now.count(old) == 1
    proxy.write_config(text_now.replace(old, new))


def refused(proxy, status):
    """The message of a reload that must fail with this status and change nothing."""
    before = proxy.status()
    result = proxy.command("reload", check=False)
    assert result.returncode == status, text(result.stdout + result.stderr)
    assert result.stdout == b""
    after = proxy.status()
    for key in ["generation", "workers", "signers", "state"]:
        assert after[key] == before[key]
    return text(result.stderr)


# ---- What succeeds ----


@pytest.mark.parametrize("how", ["command", "signal"])
def test_a_new_backend(lab, how):
    proxy = lab.proxy(workers=2, backends=[named(lab, "old")])
    client = lab.client(proxy)
    assert client.ask().body == b"old"
    proxy.configure(backends=[named(lab, "new")])
    assert client.ask().body == b"old"
    if how == "command":
        assert proxy.command("reload").stdout == b"reloaded: generation 2\n"
    else:
        proxy.send_signal(signal.SIGHUP)
        proxy.wait_for_log("reloaded: generation 2")
    assert client.ask().body == b"new"  # on the same connection
    assert lab.client(proxy).ask().body == b"new"
    assert proxy.status()["generation"] == 2
    proxy.wait_for_metrics(generation=2, generations_held=2)  # one in each worker


def test_a_reload_does_not_begin_the_turns_of_servers_anew(lab):
    servers = [lab.server(reply=lambda request, name=name: response(name)) for name in "abc"]
    proxy = lab.proxy(*servers, workers=1)
    client = lab.client(proxy)
    for name in [b"a", b"b", b"c", b"a"]:
        assert client.ask().body == name
        proxy.reload()
    proxy.configure(backends=[backend_block("web", servers[:2])])  # not the same servers any more
    proxy.reload()
    assert [client.ask().body for _ in range(3)] == [b"a", b"b", b"a"]


def test_a_renewed_certificate_at_the_same_path(lab):
    folder = lab.subfolder("certificate")
    old, new = (lab.authority.certificate(*names) for names in [("localhost", "a.test"), ("localhost", "b.test")])
    own = type(old)(folder / "site.pem", folder / "site.key")

    def install(certificate):
        own.path.write_bytes(certificate.path.read_bytes())
        own.key.write_bytes(certificate.key.read_bytes())
        own.key.chmod(0o600)

    install(old)
    proxy = lab.proxy(lab.server(), sites=[site_block("localhost", [own])])
    assert lab.client(proxy).names == ["localhost", "a.test"]
    install(new)
    assert lab.client(proxy).names == ["localhost", "a.test"]
    proxy.reload()
    assert lab.client(proxy).names == ["localhost", "b.test"]


def test_addresses_come_and_go(lab):
    proxy = lab.proxy(lab.server(), workers=2)
    first, second = proxy.port, lab.port().number
    change(proxy, f"listen 127.0.0.1:{first}", f"listen 127.0.0.1:{second} {{}}\nlisten 127.0.0.1:{first}")
    proxy.reload()
    clients = []
    for port in [first, second]:
        proxy.port = port
        clients += [lab.client(proxy) for _ in range(4)]
    assert all(client.ask().status == 200 for client in clients)
    change(proxy, f"listen 127.0.0.1:{first} {{\n}}\n", "")
    proxy.reload()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", first))
    assert all(client.ask().status == 200 for client in clients)  # connections outlive their listener
    proxy.port = second
    assert all(lab.client(proxy).ask().status == 200 for _ in range(4))


def test_a_connection_in_the_queue_survives_reloads(lab):
    proxy = lab.proxy(lab.server())
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)
    with socket.create_connection(("127.0.0.1", proxy.port)) as waiting:
        waiting.settimeout(PATIENCE)
        reloads = [lab.keep_client(BackgroundCommand(proxy, "reload"))]
        proxy.wait_for_log("reloading")
        os.kill(worker, signal.SIGCONT)
        assert reloads[0].result()[0] == 0
        proxy.reload()
        waiting.sendall(b"nonsense\r\n\r\n")
        assert waiting.recv(100)[:1] == b"\x15"  # an alert; a reset would raise


def test_the_log_and_its_level_change(lab):
    proxy = lab.proxy(lab.server())
    other = proxy.folder / "other.log"
    proxy.write_config(f'log = "{other}"\nlog-level = debug\n' + proxy.config.read_text())
    proxy.reload()
    wait_for(lambda: "reloaded: generation 2" in other.read_text(), "the master's line in the new log")
    assert "reloaded" not in proxy.log()
    with socket.create_connection(("127.0.0.1", proxy.port)) as client:
        client.sendall(b"nonsense\r\n\r\n")
        client.recv(100)
    wait_for(lambda: re.search(r" worker 0\[\d+\]: ", other.read_text()), "the worker's line in the new log")
    assert "worker 0" not in proxy.log()
    assert other.stat().st_mode & 0o777 == 0o640


def test_the_access_log_changes(lab):
    proxy = lab.proxy(lab.server())
    client = lab.client(proxy)
    client.ask("/first")
    proxy.access_log(1)
    other = proxy.folder / "other.log"
    change(proxy, f'"{proxy.access_path}"', f'"{other}"')
    proxy.write_config("access-log-format = combined\n" + proxy.config.read_text())
    proxy.reload()
    client.ask("/second")
    wait_for(lambda: other.exists() and '"GET /second HTTP/1.1" 200' in other.read_text(), "a line in the new log")
    assert len(proxy.access_lines()) == 1


def test_tickets_survive_a_reload(lab):
    proxy = lab.proxy(lab.server())
    with lab.client(proxy) as client:
        client.ask()
        session = client.session
    proxy.configure(limits={"header-count": 50})
    proxy.reload()
    assert lab.client(proxy, session=session).resumed


def test_the_user_and_the_number_of_workers_may_be_said_otherwise(lab):
    """What counts is the meaning: 'auto' here is the number that it was started with."""
    cores = len(os.sched_getaffinity(0))
    proxy = lab.proxy(lab.server(), workers=cores)
    change(proxy, f"workers = {cores}", "workers = auto\nuser = nobody")
    proxy.reload()
    assert proxy.status()["generation"] == 2


# ---- What changes nothing ----


def test_a_key_of_another_certificate(lab):
    proxy = lab.proxy(lab.server(), allow=[".*"])
    client = lab.client(proxy)
    good, other = lab.authority.certificate("localhost", "127.0.0.1"), lab.authority.certificate("other.test")
    proxy.configure(sites=[site_block("localhost", [type(good)(good.path, other.key)], ["127.0.0.1"])])
    message = refused(proxy, 2)
    assert re.search(rf"^{re.escape(str(proxy.config))}:\d+: .*other|key", message)
    assert client.ask().status == 200
    assert lab.client(proxy).ask().status == 200
    proxy.configure(sites=None)
    proxy.reload()
    assert lab.client(proxy).ask().status == 200


def test_a_missing_certificate(lab):
    proxy = lab.proxy(lab.server(), allow=[".*"])
    good = lab.authority.certificate("localhost")
    proxy.configure(sites=[site_block("localhost", [type(good)(lab.folder / "missing.pem", good.key)])])
    message = refused(proxy, 2)
    assert re.search(rf"^{re.escape(str(proxy.config))}:\d+: .*missing\.pem", message)
    assert lab.client(proxy).ask().status == 200


def test_an_address_that_is_taken(lab):
    proxy = lab.proxy(lab.server(), allow=[".*"])
    free = lab.port().number
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        good = proxy.config.read_text()
        proxy.write_config(good + f"listen 127.0.0.1:{free} {{}}\nlisten 127.0.0.1:{taken} {{}}\n")
        message = refused(proxy, 1)
        line = good.count("\n") + 2
        assert f"{proxy.config}:{line}: " in message and f"127.0.0.1:{taken}" in message
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", free))
    assert lab.client(proxy).ask().status == 200
    proxy.reload()  # now it is free
    proxy.port = free
    assert lab.client(proxy).ask().status == 200


@pytest.mark.parametrize("line", ["workers = 2", "user = daemon"])
def test_what_cannot_change(lab, line):
    if line.startswith("user") and os.geteuid() != 0:
        pytest.skip("the option has an effect for root only")
    proxy = lab.proxy(lab.server(), allow=[".*"])
    change(proxy, "workers = 1", line)
    message = refused(proxy, 2)
    assert f"{proxy.config}: {line.split()[0]}: cannot change" in message
    assert lab.client(proxy).ask().status == 200


def test_a_log_that_cannot_be_opened(lab):
    proxy = lab.proxy(lab.server(), allow=[".*"])
    proxy.write_config(f'log = "{lab.folder}/missing/error.log"\n' + proxy.config.read_text())
    assert "missing/error.log" in refused(proxy, 1)


def test_every_line_of_the_error_is_told(lab):
    proxy = lab.proxy(lab.server(), allow=[".*"])
    good = proxy.config.read_text()
    proxy.write_config("log-level = loud\naccess-log-format = verbose\n" + good)
    message = refused(proxy, 2)
    assert [line.split(":")[1] for line in message.splitlines()] == ["1", "2"]
    for line in message.splitlines():
        assert any(f"reader: {line}" == told for level, _, told in proxy.log_lines() if level == "error")


def test_a_broken_reload_by_signal_is_in_the_log(lab):
    proxy = lab.proxy(lab.server(), allow=[".*"])
    good = proxy.config.read_text()
    proxy.write_config(good + "site {")
    proxy.send_signal(signal.SIGHUP)
    proxy.wait_for_log("reload failed: generation 1 stays active")
    proxy.write_config(good)
    proxy.send_signal(signal.SIGHUP)
    proxy.wait_for_log("reloaded: generation 2")
    assert lab.client(proxy).ask().status == 200


@pytest.mark.parametrize("kind", ["workers", "signers"])
def test_a_death_in_the_middle_of_a_reload(lab, kind):
    proxy = lab.proxy(workers=2, workers_may_die=True, allow=[".*"], backends=[named(lab, "old")])
    victim = proxy.status()[kind][1]["pid"]
    os.kill(victim, signal.SIGSTOP)
    proxy.configure(backends=[named(lab, "new")])
    reload = lab.keep_client(BackgroundCommand(proxy, "reload"))
    wait_for(lambda: proxy.status()["reload"] == f"loading {kind}", f"the reload to wait for the {kind}")
    os.kill(victim, signal.SIGKILL)
    status, output, errors = reload.result()
    assert (status, output) == (1, "")
    assert f"{kind[:-1]} 1 (pid {victim}) was killed" in errors
    wait_for(lambda: all(child["state"] == "running" for child in proxy.status()[kind]), "the replacement")
    assert proxy.status()["generation"] == 1
    for _ in range(10):
        assert lab.client(proxy).ask().body == b"old"
    proxy.reload()
    for _ in range(10):
        assert lab.client(proxy).ask().body == b"new"


def test_keys_stay_after_reloads_that_failed_late(lab):
    """Signers have taken in the new keys by then, and must not forget the old ones."""
    proxy = lab.proxy(lab.server(), workers=2, workers_may_die=True, allow=[".*"])
    for _ in range(4):
        victim = proxy.worker_pids()[1]
        os.kill(victim, signal.SIGSTOP)
        reload = lab.keep_client(BackgroundCommand(proxy, "reload"))
        wait_for(lambda: proxy.status()["reload"] == "loading workers", "the reload to wait for the worker")
        os.kill(victim, signal.SIGKILL)
        assert reload.result()[0] == 1
        wait_for(lambda: proxy.status()["workers"][1]["state"] == "running", "the replacement")
    for _ in range(10):
        assert lab.client(proxy).ask().status == 200


@pytest.mark.skipif(not LONG, reason="takes 30 seconds")
@pytest.mark.parametrize("kind", ["workers", "signers"])
def test_who_does_not_answer_is_replaced(lab, kind):
    proxy = lab.proxy(lab.server(), workers=2, workers_may_die=True, allow=[".*"])
    silent = proxy.status()[kind][1]["pid"]
    os.kill(silent, signal.SIGSTOP)
    result = proxy.command("reload", check=False)
    assert result.returncode == 1
    assert "did not answer in time" in text(result.stderr)
    wait_for(lambda: proxy.status()[kind][1]["state"] == "running", "the replacement")
    assert proxy.status()[kind][1]["pid"] != silent
    proxy.reload()
    assert proxy.status()["generation"] == 3
    for _ in range(5):
        assert lab.client(proxy).ask().status == 200


# ---- One at a time ----


def test_two_reloads_at_once(lab):
    proxy = lab.proxy(workers=2, backends=[named(lab, "old")])
    worker = proxy.worker_pids()[0]
    os.kill(worker, signal.SIGSTOP)
    try:
        first = lab.keep_client(BackgroundCommand(proxy, "reload"))
        wait_for(lambda: proxy.status()["reload"] == "loading workers", "the reload to wait for the worker")
        second = proxy.command("reload", check=False)
        assert second.returncode == 1
        assert text(second.stderr) == "a reload is running\n"
        proxy.configure(backends=[named(lab, "new")])
        for _ in range(3):  # all of them together make one more
            proxy.send_signal(signal.SIGHUP)
        proxy.status()  # answered after the signals
    finally:
        os.kill(worker, signal.SIGCONT)
    assert first.result() == (0, "reloaded: generation 2\n", "")
    proxy.wait_for_log("reloaded: generation 3")
    assert lab.client(proxy).ask().body == b"new"
    assert proxy.status()["generation"] == 3


def test_a_client_that_does_not_wait_for_its_reload(lab):
    proxy = lab.proxy(lab.server())
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)
    impatient = BackgroundCommand(proxy, "reload")
    proxy.wait_for_log("reloading")
    impatient.close()
    os.kill(worker, signal.SIGCONT)
    proxy.wait_for_log("reloaded: generation 2")
    assert proxy.status()["generation"] == 2


def test_many_reloads_in_a_row_are_no_flood_of_messages(lab):
    """The master kills a worker that sends too many messages; answers to its own are none of these."""
    proxy = lab.proxy(lab.server(), workers=1)
    workers = proxy.worker_pids()
    for _ in range(250):
        proxy.reload()
    assert proxy.worker_pids() == workers


def test_a_drain_ends_a_reload(lab):
    proxy = lab.proxy(lab.server(), allow=["ending", "reload failed"])
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)
    reload = lab.keep_client(BackgroundCommand(proxy, "reload"))
    wait_for(lambda: proxy.status()["reload"] != "none", "the reload to begin")
    assert proxy.command("drain").returncode == 0
    assert reload.result() == (1, "", "Ravelin is ending\n")
    os.kill(worker, signal.SIGCONT)
    assert proxy.wait() == 0


# ---- Log rotation ----


def test_log_files_are_reopened(lab):
    proxy = lab.proxy(lab.server(), workers=2, error_log_file=True, top={"log-level": "debug"})
    client = lab.client(proxy)
    client.ask("/first")
    proxy.access_log(1)
    for path in [proxy.log_path, proxy.access_path]:
        path.rename(f"{path}.1")
    proxy.send_signal(signal.SIGUSR1)
    proxy.wait_for_log("log files reopened")
    wait_for(proxy.access_path.exists, "the new access log")
    client.ask("/second")
    assert [line["target"] for line in proxy.access_log(1)] == ["/second"]

    def every_worker_wrote():
        """The kernel chooses the worker of a connection: one after the other, until each has had one."""
        with socket.create_connection(("127.0.0.1", proxy.port)) as broken:
            broken.sendall(b"nonsense\r\n\r\n")
            broken.recv(100)
        written = proxy.log_path.read_text()
        return all(f" worker {slot}[" in written for slot in [0, 1])

    wait_for(every_worker_wrote, "a line of each worker in the new log")
    assert " worker " not in (proxy.folder / "error.log.1").read_text()


def test_a_log_that_cannot_be_reopened_goes_on(lab):
    proxy = lab.proxy(lab.server(), allow=["cannot open"])
    client = lab.client(proxy)
    client.ask("/first")
    proxy.access_log(1)
    moved = proxy.folder / "access.log.1"
    proxy.access_path.rename(moved)
    proxy.access_path.mkdir()
    proxy.send_signal(signal.SIGUSR1)
    proxy.wait_for_log("cannot open .*access.log")
    client.ask("/second")
    wait_for(lambda: len(moved.read_text().splitlines()) == 2, "the second line in the former file")
    proxy.access_path.rmdir()
    proxy.send_signal(signal.SIGUSR1)
    proxy.wait_for_log("log files reopened")
    client.ask("/third")
    assert [line["target"] for line in proxy.access_log(1)] == ["/third"]


def test_a_rotation_in_the_middle_of_a_reload(lab):
    proxy = lab.proxy(lab.server())
    client = lab.client(proxy)
    client.ask("/first")
    proxy.access_log(1)
    [worker] = proxy.worker_pids().values()
    os.kill(worker, signal.SIGSTOP)
    reload = lab.keep_client(BackgroundCommand(proxy, "reload"))
    proxy.wait_for_log("reloading")
    proxy.access_path.rename(proxy.folder / "access.log.1")
    proxy.send_signal(signal.SIGUSR1)
    proxy.status()
    os.kill(worker, signal.SIGCONT)
    assert reload.result()[0] == 0
    proxy.wait_for_log("log files reopened")
    client.ask("/second")
    assert [line["target"] for line in proxy.access_log(1)] == ["/second"]
