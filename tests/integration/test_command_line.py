"""The command line: what each command prints, and its exit status: 0 ok, 1 failed, 2 bad usage or bad configuration."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

from ravelin_test.processes import Process, exists, run, text
from ravelin_test.proxy import site_block
from ravelin_test.settings import IS_ROOT, PATIENCE, RAVELIN
from ravelin_test.waiting import wait_for

NOBODY = 65534
WWW_DATA, ADM = 33, 4
COMMANDS = ["run", "check", "reload", "reopen", "upgrade", "drain", "stop", "status"]


def ravelin(*arguments, **options):
    return run([RAVELIN, *arguments], check=False, **options)


def refused(result, status):
    """Its stderr; fails when the command did not end with this status, or printed something to stdout as well."""
    assert result.returncode == status, text(result.stdout + result.stderr)
    assert result.stdout == b""
    return text(result.stderr)


# ---- Words ----


@pytest.mark.parametrize("arguments", [["help"], ["--help"], ["-h"]])
def test_help(arguments):
    result = ravelin(*arguments)
    assert result.returncode == 0
    assert result.stderr == b""
    for command in [*COMMANDS, "version", "help"]:
        assert f"ravelin {command}" in text(result.stdout)


def test_help_on_the_configuration():
    result = ravelin("help", "config")
    assert result.returncode == 0
    for option in ["workers", "ticket-lifetime", "certificate", "response-timeout"]:
        assert option in text(result.stdout)


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_version(argument):
    result = ravelin(argument)
    assert result.returncode == 0
    output = text(result.stdout)
    assert re.match(r"ravelin \d+\.\d+\.\d+", output)
    assert re.search(r"wolfSSL \d+\.\d+\.\d+", output)
    assert re.search(r"^AES-GCM: (wolfCrypt|libipsec-mb \d+\.\d+\.\d+)$", output, re.MULTILINE)
    assert "TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384, TLS_CHACHA20_POLY1305_SHA256" in output
    assert "X25519" in output


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nonsense"],
        ["nonsense", "-c", "ravelin.conf"],
        ["run", "-c"],
        ["run", "--nonsense"],
        ["run", "more", "-c", "ravelin.conf"],
        ["help", "nonsense"],
        *[[command] for command in COMMANDS],
    ],
    ids=" ".join,
)
def test_bad_usage(arguments):
    [what, where] = refused(ravelin(*arguments), 2).splitlines()
    assert re.match(r".*\bravelin: .", what)  # getopt() names the program by its path
    assert where == "see 'ravelin help'"


@pytest.mark.parametrize(
    "arguments, reason",
    [
        (["run", "ravelin.conf"], "run needs -c FILE"),
        (["chek", "ravelin.conf"], "unknown command 'chek'"),
        (["run", "-c", "/dev/null", "ravelin.conf"], "one word too many: 'ravelin.conf'"),
    ],
)
def test_bad_usage_names_the_first_mistake(arguments, reason):
    assert refused(ravelin(*arguments), 2) == f"ravelin: {reason}\nsee 'ravelin help'\n"


@pytest.mark.parametrize("command", ["reload", "reopen", "upgrade", "drain", "stop", "status"])
def test_nobody_to_talk_to(lab, command):
    proxy = lab.prepare(lab.server())
    message = refused(proxy.command(command, check=False), 1)
    assert f"{proxy.config}: no ravelin runs" in message


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_that_is_missing(lab, command):
    missing = lab.folder / "missing.conf"
    result = ravelin(command, "-c", missing)
    assert f"{missing}: " in refused(result, 2 if command in ("run", "check") else 1)


# ---- Checks ----


def test_check_of_a_good_configuration(lab):
    proxy = lab.prepare(lab.server(), redirect=True)
    result = proxy.command("check")
    first, second = text(result.stdout).splitlines()
    assert first == f"{proxy.config}: ok (1 site, 1 certificate, 1 backend, 2 listeners)"
    assert re.fullmatch(r"an HTTP/2 connection can take at most \d+ KiB of memory", second)
    assert result.stderr == b""
    assert ravelin("check", f"--config={proxy.config}").returncode == 0


def mismatched(lab):
    """A site whose key belongs to another certificate; the line of that key, too."""
    one, other = lab.authority.certificate("localhost"), lab.authority.certificate("other.test")
    wrong = type(one)(one.path, other.key)
    proxy = lab.prepare(lab.server(), sites=[site_block("localhost", [wrong])])
    lines = proxy.config.read_text().splitlines()
    return proxy, 1 + next(i for i, line in enumerate(lines) if "key =" in line)


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_key_of_another_certificate(lab, command):
    proxy, line = mismatched(lab)
    message = refused(proxy.command(command, check=False), 2)
    assert f"{proxy.config}:{line}: " in message
    assert "key" in message


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_mistake_in_the_file(lab, command):
    proxy = lab.prepare(lab.server())
    good = proxy.config.read_text()
    proxy.write_config(good + "wieght = 3\n")
    line = good.count("\n") + 1
    message = refused(proxy.command(command, check=False), 2)
    assert f"{proxy.config}:{line}: " in message
    assert "wieght" in message


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_certificate_that_is_none(lab, command):
    good = lab.authority.certificate("localhost")
    folder = lab.subfolder("bad")
    bad = type(good)(folder / "bad.pem", good.key)
    bad.path.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    proxy = lab.prepare(lab.server(), sites=[site_block("localhost", [bad])])
    message = refused(proxy.command(command, check=False), 2)
    assert "bad.pem" in message
    assert f"{proxy.config}:" in message


@pytest.mark.skipif(not IS_ROOT, reason="the option has an effect for root only")
def test_an_unknown_user(lab):
    proxy = lab.prepare(lab.server(), top={"user": "no-such-user"})
    message = refused(proxy.command("run", check=False), 2)
    assert "user" in message and "no-such-user" in message


def test_a_log_that_cannot_be_opened(lab):
    proxy = lab.prepare(lab.server(), top={"log": f'"{lab.folder}/missing/error.log"'})
    assert "missing/error.log" in refused(proxy.command("run", check=False), 1)


# ---- The start ----


def line_of(proxy, beginning):
    """The number of the first line of the configuration that begins so."""
    lines = proxy.config.read_text().splitlines()
    return 1 + next(i for i, line in enumerate(lines) if line.startswith(beginning))


@pytest.mark.parametrize("shared", [False, True], ids=["alone", "sharing"])
def test_an_address_that_is_taken(lab, shared):
    """Also by somebody who would share it: half of the connections would silently go there."""
    proxy = lab.prepare(lab.server())
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, shared)
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = "127.0.0.1:%d" % other.getsockname()[1]
        proxy.write_config(proxy.config_text().replace(f"127.0.0.1:{proxy.port}", address))
        message = refused(proxy.command("run", check=False), 1)
    assert f"{proxy.config}:{line_of(proxy, 'listen')}: " in message
    assert address in message
    assert "in use" in message


def test_a_wildcard_over_an_address_that_is_taken(lab):
    proxy = lab.prepare(lab.server())
    proxy.write_config(proxy.config_text().replace("127.0.0.1:" + str(proxy.port), f"0.0.0.0:{proxy.port}"))
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", proxy.port))
        other.listen()
        assert f"0.0.0.0:{proxy.port}" in refused(proxy.command("run", check=False), 1)


def test_two_with_one_file(lab):
    proxy = lab.proxy(lab.server())
    link = lab.folder / "link.conf"
    link.symlink_to(proxy.config)
    for name in [proxy.config, link]:
        message = refused(ravelin("run", "-c", name), 1)
        assert f"already runs with this file (pid {proxy.pid})" in message
    assert lab.client(proxy).ask().status == 200
    assert json.loads(ravelin("status", "-c", link).stdout)["pid"] == proxy.pid


@pytest.mark.parametrize("place", ["file", "folder"])
def test_a_link_that_leads_to_another_file(lab, place):
    """As Kubernetes and deployments by links replace a configuration."""
    proxy = lab.prepare(lab.server(), allow=["No such file or directory", "reload failed"])
    good = proxy.config_text()
    for name in ("first", "second"):
        (lab.subfolder(name) / "ravelin.conf").write_text(good)
    link = lab.folder / "current"
    proxy.config.unlink()
    proxy.config = link / "ravelin.conf" if place == "folder" else link

    def lead_to(name):
        draft = lab.folder / "draft"
        draft.symlink_to(name if place == "folder" else f"{name}/ravelin.conf")
        draft.replace(link)

    lead_to("first")
    proxy.start()
    lead_to("second")
    assert proxy.status()["pid"] == proxy.pid
    assert f"already runs with this file (pid {proxy.pid})" in refused(proxy.command("run", check=False), 1)
    proxy.reload()
    for name in ("first", "second"):
        lead_to(name)
        proxy.upgrade()
        proxy.wait_for_former()
        assert proxy.status()["pid"] == proxy.pid
    assert json.loads(ravelin("status", "-c", lab.folder / "second/ravelin.conf").stdout)["pid"] == proxy.pid
    (lab.folder / "second/ravelin.conf").unlink()
    assert proxy.status()["pid"] == proxy.pid
    assert "No such file or directory" in refused(proxy.command("reload", check=False), 2)
    (lab.folder / "second/ravelin.conf").write_text(good)


def test_what_a_killed_master_left_does_not_hinder_the_next(lab):
    proxy = lab.proxy(lab.server(), workers_may_die=True)
    proxy.send_signal(signal.SIGKILL)
    proxy.wait()
    refused(proxy.command("status", check=False), 1)
    proxy.start()
    wait_for(lambda: proxy.command("status", check=False).returncode == 0, "the next master")
    assert lab.client(proxy).ask().status == 200


def test_a_relative_path(lab):
    proxy = lab.prepare(lab.server())
    process = Process(["env", "-C", proxy.folder, RAVELIN, "run", "-c", proxy.config.name], lab.folder / "log")
    process.wait_for_output(r"\bready\b", 2 * PATIENCE)
    assert json.loads(proxy.command("status").stdout)["config"] == str(proxy.config)
    proxy.command("reload")
    proxy.command("stop")
    assert process.wait() == 0


@pytest.mark.parametrize("name", [b'a "quoted" \\ name', b"line\nend\t\x1b[1m\x7f", b"no \xff\xc0\x80 UTF-8 \xe2\x82", "straße €".encode()])
def test_status_is_json_whatever_the_path_of_the_configuration(lab, name):
    proxy = lab.prepare(lab.server())
    config = os.fsencode(proxy.folder) + b"/" + name
    shutil.copy(proxy.config, config)
    process = Process([RAVELIN, "run", "-c", os.fsdecode(config)], lab.folder / "log")
    process.wait_for_output(r"\bready\b", 2 * PATIENCE)
    status = subprocess.run([RAVELIN, "status", "-c", config], stdout=subprocess.PIPE, check=True)
    subprocess.run([RAVELIN, "stop", "-c", config], check=True)
    assert process.wait() == 0
    written = json.loads(status.stdout.decode())["config"]
    try:
        assert written == config.decode()
    except UnicodeDecodeError:
        assert written == config.decode("latin-1")  # a byte that is no UTF-8 is written as its number


def test_the_service_manager_is_told(lab):
    proxy = lab.prepare(lab.server())
    for name in [str(lab.folder / "notify.sock"), f"\0ravelin-test-{os.getpid()}"]:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(name)
            manager.settimeout(2 * PATIENCE)
            environment = {"NOTIFY_SOCKET": name.replace("\0", "@")}
            process = Process([RAVELIN, "run", "-c", proxy.config], lab.folder / "log", environment)
            assert manager.recv(1000) == b"READY=1\nSTATUS=generation 1 is active, 1 worker"
            assert lab.client(proxy).ask().status == 200
            process.send_signal(signal.SIGINT)
            assert manager.recv(1000) == b"STOPPING=1\nSTATUS=stopping"
            assert process.wait() == 0


@pytest.fixture
def manager(lab):
    """The socket of a service manager."""
    name = str(lab.folder / "notify.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(name)
        manager.settimeout(2 * PATIENCE)
        yield manager


def test_the_service_manager_is_told_of_reloads(lab, manager):
    proxy = lab.prepare(lab.server(), workers=2)
    environment = {"NOTIFY_SOCKET": manager.getsockname()}
    process = Process([RAVELIN, "run", "-c", proxy.config], lab.folder / "log", environment)
    assert manager.recv(1000).startswith(b"READY=1")
    good = proxy.config.read_text()
    for number, text in enumerate([good, good + "nonsense = 1\n", good]):
        proxy.config.write_text(text)
        asked = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        if number == 2:
            process.send_signal(signal.SIGHUP)
        else:
            assert proxy.command("reload", check=False).returncode == (2 if number == 1 else 0)
        state, stamp, status = manager.recv(1000).decode().split("\n")
        assert (state, status) == ("RELOADING=1", "STATUS=reloading")
        assert asked <= int(stamp.removeprefix("MONOTONIC_USEC=")) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        state, status = manager.recv(1000).decode().split("\n")
        assert state == "READY=1"
        if number == 1:
            expected = "STATUS=generation 2 is active, 2 workers; the last reload failed: "
            assert status.startswith(expected) and "nonsense" in status
        else:
            assert status == f"STATUS=generation {3 if number else 2} is active, 2 workers"
    process.send_signal(signal.SIGTERM)
    assert manager.recv(1000) == b"STOPPING=1\nSTATUS=draining: finishing open requests"
    assert process.wait() == 0


def test_the_watchdog_of_the_service_manager(lab, manager):
    proxy = lab.prepare(lab.server())
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "100000"}
    process = Process([RAVELIN, "run", "-c", proxy.config], lab.folder / "log", environment)
    for _ in range(3):
        while manager.recv(1000) != b"WATCHDOG=1":
            pass
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0


def test_closed_standard_streams(lab):
    proxy = lab.prepare(lab.server(), top={"log": f'"{lab.folder}/error.log"'})
    command = f'exec "{RAVELIN}" run -c "{proxy.config}" <&- >&- 2>&-'
    process = Process(["bash", "-c", command], lab.folder / "log")
    wait_for(lambda: proxy.command("status", check=False).returncode == 0, "the proxy to answer")
    assert lab.client(proxy).ask().status == 200
    process.send_signal(signal.SIGINT)
    assert process.wait() == 0


# ---- The control socket ----


@pytest.fixture
def by_nobody(lab):
    """A function that runs the program as another user, with its own key and run-time folder."""
    if not IS_ROOT:
        pytest.skip("only root can become another user")
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    folder = lab.subfolder("nobody")
    runtime = folder / "runtime"
    runtime.mkdir()
    key = folder / "localhost.key"
    shutil.copy(certificate.key, key)
    own = type(certificate)(certificate.path, key)
    proxy = lab.prepare(lab.server(), sites=[site_block("localhost", [own], ["127.0.0.1"])])
    for path in [folder, runtime, key, proxy.folder]:
        os.chown(path, NOBODY, NOBODY)
    key.chmod(0o600)

    def command(name, background=False):
        user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        arguments = [*user, RAVELIN, name, "-c", proxy.config]
        environment = {"XDG_RUNTIME_DIR": str(runtime)}
        if background:
            return Process(arguments, lab.folder / "log", environment)
        return run(arguments, check=False, environment=environment)

    command.proxy, command.runtime = proxy, runtime
    return command


def test_not_as_root(lab, by_nobody):
    process = by_nobody("run", background=True)
    # Without setpriv's tie to this process, which a change of user cuts, it has to be ended by hand.
    try:
        process.wait_for_output(r"\bready\b", 2 * PATIENCE)
        client = lab.client(by_nobody.proxy)
        assert client.ask().status == 200
        status = json.loads(by_nobody("status").stdout)
        assert status["pid"] == process.pid
        [folder] = by_nobody.runtime.iterdir()
        assert folder.name == f"ravelin-{NOBODY}"
        assert folder.stat().st_mode & 0o777 == 0o700
        [control] = folder.iterdir()
        assert control.stat().st_mode & 0o777 == 0o600
        assert by_nobody("reload").returncode == 0
        assert client.ask().status == 200
        refused(by_nobody.proxy.command("status", check=False), 1)  # root looks elsewhere
        assert by_nobody("drain").stdout == b"draining\n"
        client.close()
        assert process.wait() == 0
        assert not any(folder.iterdir())
        assert not any(exists(worker["pid"]) for worker in status["workers"])
    finally:
        if process.running():
            process.end(signal.SIGKILL)


def test_log_files_that_logrotate_made_for_another_user(lab, by_nobody):
    """`create 0640 www-data adm`: neither reopening nor the next start fails."""
    proxy = by_nobody.proxy

    def rotate(number):
        proxy.access_path.rename(proxy.folder / f"access.log.{number}")
        proxy.access_path.touch(0o640)
        os.chown(proxy.access_path, WWW_DATA, ADM)

    for number in range(2):
        process = by_nobody("run", background=True)
        try:
            wait_for(lambda: by_nobody("status").returncode == 0, "the proxy to answer")
            process.wait_for_output(r"\bready\b", 2 * PATIENCE)
            rotate(2 * number)
            result = by_nobody("reopen")
            assert (result.stdout, result.stderr) == (b"log files reopened\n", b"")
            assert lab.client(proxy).ask(f"/{number}").status == 200
            wait_for(lambda: f'"/{number}"' in proxy.access_path.read_text(), "the line")
            assert proxy.access_path.stat().st_uid == NOBODY
            assert by_nobody("stop").stdout == b"stopping\n"
            assert process.wait() == 0
            assert "replaced the empty file" in process.output()
        finally:
            if process.running():
                process.end(signal.SIGKILL)
        rotate(2 * number + 1)


def test_a_runtime_folder_of_somebody_else(lab, by_nobody):
    (by_nobody.runtime / f"ravelin-{NOBODY}").mkdir(mode=0o777)
    message = refused(by_nobody("run"), 1)
    assert "belongs to another user" in message


def test_status(lab):
    proxy = lab.proxy(lab.server(), workers=2)
    assert lab.client(proxy).ask().status == 200
    status = proxy.status()
    assert status["pid"] == proxy.pid
    assert status["state"] == "running"
    assert status["generation"] == 1
    assert status["config"] == str(proxy.config)
    assert re.match(r"\d+\.\d+\.\d+", status["version"])
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$", status["started"])
    for kind in ["workers", "signers"]:
        assert [child["slot"] for child in status[kind]] == [0, 1]
        assert all(child["state"] == "running" and child["restarts"] == 0 for child in status[kind])
    assert status["metrics"]["requests"] == 1
    assert status["metrics"]["generation"] == 1


def test_nonsense_on_the_control_socket(lab, by_nobody):
    process = by_nobody("run", background=True)
    try:
        process.wait_for_output(r"\bready\b", 2 * PATIENCE)
        [folder] = by_nobody.runtime.iterdir()
        [path] = folder.iterdir()
        for sent in [b"nonsense", b"x" * 1000, b"reload\0"]:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
                control.settimeout(PATIENCE)
                control.connect(str(path))
                control.send(sent)
                assert control.recv(1000) == b"2unknown command"
                assert control.recv(1000) == b""
        silent = []
        for _ in range(20):  # more than are served at a time
            control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            control.connect(str(path))
            silent.append(control)
        for control in silent:
            control.close()
        assert by_nobody("status").returncode == 0
        assert by_nobody("stop").stdout == b"stopping\n"
        assert process.wait() == 0
    finally:
        if process.running():
            process.end(signal.SIGKILL)
