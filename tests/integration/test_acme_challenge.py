"""`acme-challenge`: challenges of an ACME client beside Ravelin, answered over plain HTTP from its webroot."""

import os
import platform
import signal
import socket
from pathlib import Path

import pytest

from ravelin_test.http import request
from ravelin_test.intruder import Intruder, Killed, needs_intruder
from ravelin_test.processes import children_of, run, text
from ravelin_test.proxy import block
from ravelin_test.settings import IS_ROOT, RAVELIN
from ravelin_test.waiting import stays, wait_for

PREFIX = "/.well-known/acme-challenge/"
TOKEN = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"


class Webroot:
    """A proxy with a redirect listener, and the folder of its challenges."""

    def __init__(self, lab, *servers, sites=None, **options):
        self.lab = lab
        self.root = lab.subfolder("www")
        self.folder = self.root / PREFIX.strip("/")
        self.proxy = lab.prepare(*servers, redirect=True, **options)
        self.port = self.proxy.redirect_port
        self.configure(self.root)

    def configure(self, root, top=""):
        """Of the redirect listener, and `top` before all sections."""
        listen = f"listen 127.0.0.1:{self.port} {{"
        before, after = self.proxy.config_text().split(listen)
        chosen = "" if root is None else f'\n  acme-challenge = "{root}"'
        self.proxy.write_config(f"{top}\n{before}{listen}{chosen}{after}")

    def start(self):
        self.proxy.start()
        return self

    def put(self, token=TOKEN, content=b"the key authorization"):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / token).write_bytes(content)
        return content

    def ask(self, token=TOKEN, target=None, method="GET", **options):
        with self.lab.plain_client(self.port) as client:
            return client.ask(target or PREFIX + token, method, **options)

    def server_pid(self):
        names = {pid: Path(f"/proc/{pid}/comm").read_text().strip() for pid in children_of(self.proxy.pid)}
        [pid] = [pid for pid, name in names.items() if name == "rav-challenge"]
        return pid


@pytest.fixture
def webroot(lab):
    return Webroot(lab, lab.server()).start()


def assert_redirected(answer):
    assert answer.status == 308
    assert answer.get("Location").startswith("https://")


# --- What is answered ---


def test_a_challenge(webroot):
    content = webroot.put()
    answer = webroot.ask()
    assert (answer.status, answer.body) == (200, content)
    assert answer.get("Content-Type") == "text/plain"
    assert answer.get("Strict-Transport-Security") is None
    head = webroot.ask(method="HEAD")
    assert (head.status, head.body, head.get("Content-Length")) == (200, b"", str(len(content)))
    [line, _] = webroot.proxy.access_log(2)
    assert (line["status"], line["backend"], line["server"]) == (200, "acme challenge", "challenge server")


def test_a_file_is_answered_as_soon_as_it_is_there(webroot):
    """The folder is made by the client, as certbot does, and goes away with the challenge."""
    assert webroot.ask().status == 404
    for content in (b"one", b"two"):
        webroot.put(content=content)
        assert webroot.ask().body == content
        (webroot.folder / TOKEN).unlink()
        assert webroot.ask().status == 404
        webroot.folder.rmdir()
        webroot.folder.parent.rmdir()
        assert webroot.ask().status == 404


def test_every_worker_answers(lab):
    webroot = Webroot(lab, lab.server(), workers=2).start()
    content = webroot.put()
    for _ in range(20):
        assert webroot.ask().body == content
    workers = webroot.proxy.status()["workers"]
    assert len(workers) == 2


def test_all_else_is_redirected(webroot):
    webroot.put()
    webroot.put("with.dot")
    long = "a" * 129
    for target in ("/", PREFIX, PREFIX[:-1], PREFIX + TOKEN + "?q", PREFIX + TOKEN + "/", PREFIX + "with.dot", PREFIX + long):
        assert_redirected(webroot.ask(target=target))
    for target in (PREFIX + ".", PREFIX + "..", PREFIX + "%2e%2e", PREFIX + "%65vaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA"):
        assert webroot.ask(target=target).status in (308, 400)
    assert_redirected(webroot.ask(method="POST", body=b"x"))
    assert_redirected(webroot.ask(body=b"x"))  # GET
    assert_redirected(webroot.ask(method="DELETE"))


def test_a_listener_without_it_redirects(lab):
    webroot = Webroot(lab, lab.server())
    webroot.configure(None)
    webroot.start()
    webroot.put()
    assert_redirected(webroot.ask())


def test_https_listeners_do_not_answer(lab):
    """A site answers there, as it did before."""
    webroot = Webroot(lab, lab.server()).start()
    webroot.put()
    assert lab.client(webroot.proxy).ask(PREFIX + TOKEN).body == b"ok"


def test_a_large_head_and_a_slow_one(webroot):
    content = webroot.put()
    assert webroot.ask(fields=["X-Large: " + "x" * 12000]).body == content
    with webroot.lab.plain_client(webroot.port) as client:
        for byte in request(PREFIX + TOKEN):
            client.send(bytes([byte]))
        assert client.response().body == content


# --- What the folder may hold ---


def make_symlink_out(folder, root):
    (root.parent / "secret").write_bytes(b"secret")
    (folder / TOKEN).symlink_to(root.parent / "secret")


def make_relative_symlink_out(folder, root):
    (root.parent / "secret").write_bytes(b"secret")
    (folder / TOKEN).symlink_to("../../../secret")


def make_folder(folder, _):
    (folder / TOKEN).mkdir()


def make_fifo(folder, _):
    os.mkfifo(folder / TOKEN)


def make_socket(folder, _):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(folder / TOKEN))


def make_large(folder, _):
    (folder / TOKEN).write_bytes(b"x" * 1025)


def make_empty(folder, _):
    (folder / TOKEN).write_bytes(b"")


def make_binary(folder, _):
    (folder / TOKEN).write_bytes(b"a\x1b[2Jb")


def make_looped(folder, _):
    (folder / TOKEN).symlink_to(TOKEN)


def make_proc(folder, _):
    (folder / TOKEN).symlink_to("/proc/self/status")


HOSTILE = [make_symlink_out, make_relative_symlink_out, make_folder, make_fifo, make_socket, make_large, make_empty, make_binary]


@pytest.mark.parametrize("make", [*HOSTILE, make_looped, make_proc])
def test_what_is_no_challenge_gets_404(webroot, make):
    webroot.folder.mkdir(parents=True)
    make(webroot.folder, webroot.root)
    answer = webroot.ask()
    assert answer.status == 404
    assert b"secret" not in answer.body
    webroot.put("other", b"fine")
    assert webroot.ask("other").body == b"fine"


def test_a_folder_that_is_a_symlink_out(webroot):
    outside = webroot.lab.subfolder("outside")
    (outside / TOKEN).write_bytes(b"secret")
    webroot.folder.parent.mkdir(parents=True)
    webroot.folder.symlink_to(outside)
    assert webroot.ask().status == 404


def test_a_symlink_that_stays_inside(webroot):
    inside = webroot.root / "inside"
    inside.mkdir()
    (inside / TOKEN).write_bytes(b"fine")
    webroot.folder.parent.mkdir(parents=True)
    webroot.folder.symlink_to("../inside")
    assert webroot.ask().body == b"fine"


def test_the_largest_file(webroot):
    content = webroot.put(content=b"x" * 1024)
    assert webroot.ask().body == content


@pytest.mark.skipif(not IS_ROOT, reason="as root the challenge server becomes another user")
def test_a_file_that_it_may_not_read(webroot):
    webroot.put()
    (webroot.folder / TOKEN).chmod(0o600)
    answer = webroot.ask()
    assert answer.status == 404
    assert b"may not be read" in answer.body


def test_a_missing_folder(lab):
    webroot = Webroot(lab, lab.server(), workers_may_die=True)
    webroot.root.rmdir()
    checked = webroot.proxy.command("check")
    assert f"acme-challenge '{webroot.root}': there is no such folder; challenges get 404" in text(checked.stderr)
    webroot.start()
    answer = webroot.ask()
    assert answer.status == 404
    assert b"folder of acme-challenge cannot be opened" in answer.body
    webroot.put()
    assert webroot.ask().status == 200  # by another process, for which the connection waits


def test_a_folder_that_is_made_anew(lab):
    webroot = Webroot(lab, lab.server(), workers_may_die=True).start()
    webroot.put()
    assert webroot.ask().status == 200
    former = webroot.server_pid()
    webroot.root.rename(webroot.root.with_name("former"))
    webroot.root.mkdir()
    content = webroot.put(content=b"new")
    assert webroot.ask().body == content
    assert webroot.server_pid() != former


# --- Reloads and deaths ---


def test_a_reload_takes_another_folder(lab):
    webroot = Webroot(lab, lab.server(), workers_may_die=True).start()
    webroot.put(content=b"old")
    other = lab.subfolder("other")
    (other / PREFIX.strip("/")).mkdir(parents=True)
    (other / PREFIX.strip("/") / TOKEN).write_bytes(b"new")
    former = webroot.server_pid()
    webroot.configure(other)
    webroot.proxy.reload()
    assert webroot.ask().body == b"new"
    wait_for(lambda: former not in children_of(webroot.proxy.pid), "the former challenge server to end")
    webroot.configure(None)
    webroot.proxy.reload()
    assert_redirected(webroot.ask())
    wait_for(lambda: not challenge_servers(webroot), "no challenge server")
    webroot.configure(other)
    webroot.proxy.reload()
    assert webroot.ask().body == b"new"


def challenge_servers(webroot):
    names = [Path(f"/proc/{pid}/comm").read_text().strip() for pid in children_of(webroot.proxy.pid)]
    return [name for name in names if name == "rav-challenge"]


def test_a_reload_with_the_same_folder_keeps_the_process(lab):
    webroot = Webroot(lab, lab.server()).start()
    content = webroot.put()
    former = webroot.server_pid()
    for level in ("debug", "info", "debug"):
        webroot.configure(webroot.root, f"log-level = {level}")
        webroot.proxy.reload()
        assert webroot.ask().body == content
    assert webroot.server_pid() == former


def test_a_reload_that_fails_keeps_it(lab):
    webroot = Webroot(lab, lab.server(), allow=["reload failed", "unknown option"]).start()
    content = webroot.put()
    webroot.configure(lab.subfolder("other"), "wrong = yes")
    assert webroot.proxy.command("reload", check=False).returncode != 0
    assert webroot.ask().body == content


def test_a_death(lab):
    """Connections wait for the process that takes its place."""
    webroot = Webroot(lab, lab.server(), workers_may_die=True).start()
    content = webroot.put()
    for _ in range(3):
        former = webroot.server_pid()
        os.kill(former, signal.SIGKILL)
        assert webroot.ask().body == content
    webroot.proxy.wait_for_log(r"warning master.*: the challenge server \(pid \d+\) died")


# --- Hostile connections ---


def server_port(webroot):
    """Where it listens: for workers, and so for every local user."""
    inodes = {os.readlink(f"/proc/{webroot.server_pid()}/fd/{fd}") for fd in os.listdir(f"/proc/{webroot.server_pid()}/fd")}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if f"socket:[{fields[9]}]" in inodes and fields[3] == "0A":
            address, port = fields[1].split(":")
            assert address == "0100007F"  # 127.0.0.1
            return int(port, 16)
    raise AssertionError("it does not listen")


def raw(port, data):
    """What comes for these bytes, up to the end."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while part := connection.recv(65536):
                received += part
        except ConnectionResetError:
            pass
        return received


@pytest.mark.skipif(not IS_ROOT, reason="looks into a process of another user")
def test_connections_that_say_nothing(webroot):
    content = webroot.put()
    port = server_port(webroot)
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(200)]
    try:
        for _ in range(5):
            assert webroot.ask().body == content
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.skipif(not IS_ROOT, reason="looks into a process of another user")
def test_bytes_that_no_worker_sends(webroot):
    content = webroot.put()
    port = server_port(webroot)
    good = f"GET {PREFIX}{TOKEN} HTTP/1.1\r\n\r\n".encode()
    assert raw(port, good).endswith(content)
    for data in (b"\0" * 100000, b"GET\r\n\r\n", b"\r\n\r\n", b"HEAD  HTTP/1.1\r\n\r\n", b"A" * 300 + b"\r\n\r\n", good[:-9] + b"\r\n\r\n"):
        answer = raw(port, data)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 404 ")
    for path in ("../../../secret", TOKEN + "/../" + TOKEN, TOKEN + "\0", "%2e%2e/secret"):
        assert raw(port, f"GET {PREFIX}{path} HTTP/1.1\r\n\r\n".encode()).startswith(b"HTTP/1.1 404 ")
    assert webroot.ask().body == content


@needs_intruder
@pytest.mark.parametrize("call", ["socket", "fork", "execve", "openat", "ptrace", "kill", "bind", "shutdown"])
def test_calls_that_end_it(lab, call):
    webroot = Webroot(lab, lab.server(), workers_may_die=True).start()
    content = webroot.put()
    with pytest.raises(Killed), Intruder(webroot.server_pid()) as intruder:
        intruder.call(call, 2, 1, os.O_CREAT)  # openat() may read only
    assert webroot.ask().body == content


# A program that has no openat2(), as under RestrictSUIDSGID= of systemd: [load the number, is it 437?, ENOSYS, allow].
NO_OPENAT2 = """#!/usr/bin/python3
import ctypes, os, struct, sys
code = [(0x20, 0, 0, 0), (0x15, 0, 1, 437), (0x06, 0, 0, 0x50026), (0x06, 0, 0, 0x7FFF0000)]
filter = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in code))
program = struct.pack("HxxxxxxP", len(code), ctypes.addressof(filter))
prctl = ctypes.CDLL(None, use_errno=True).prctl
assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()
os.execv("@", ["@", *sys.argv[1:]])
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the program has the numbers of this machine")
def test_without_openat2(lab):
    """Links are not followed then, and a folder that is made later counts."""
    program = lab.subfolder("bin") / "ravelin"
    program.write_text(NO_OPENAT2.replace("@", str(RAVELIN)))
    program.chmod(0o755)
    webroot = Webroot(lab, lab.server(), program=program).start()
    content = webroot.put()
    assert webroot.ask().body == content
    folder = webroot.root / PREFIX.strip("/")
    (folder / "link").symlink_to(folder / TOKEN)
    (lab.folder / "secret").write_text("secret")
    (folder / "out").symlink_to(lab.folder / "secret")
    (folder / "folder").mkdir()
    for token in ("link", "out", "folder", "none"):
        assert webroot.ask(token).status == 404
    assert webroot.ask().body == content


# --- Without a site ---


def test_a_configuration_of_redirects_only(lab):
    """The first one of a new host: it has no certificate yet."""
    proxy = lab.prepare(redirect=True)
    root = lab.subfolder("www")
    listen = block("listen", f"127.0.0.1:{proxy.redirect_port}", {"protocol": "redirect", "acme-challenge": f'"{root}"'})
    proxy.write_config(f'workers = 1\naccess-log = "{proxy.access_path}"\n{listen}\n')
    assert b"0 sites" in proxy.command("check").stdout
    proxy.start()
    (root / PREFIX.strip("/")).mkdir(parents=True)
    (root / PREFIX.strip("/") / TOKEN).write_bytes(b"fine")
    with lab.plain_client(proxy.redirect_port) as client:
        assert client.ask(PREFIX + TOKEN).body == b"fine"
        assert client.ask("/").get("Location") == "https://localhost/"
        client.send(b"GET / HTTP/1.0\r\n\r\n")
        assert client.response().status == 400
    proxy.access_log(3)
    assert text(run([proxy.program, "servers", "-c", proxy.config]).stdout).splitlines()[1:] == []
    assert proxy.status()["certificates"]["count"] == 0


def test_a_site_comes_later(lab):
    proxy = lab.prepare(lab.server(), redirect=True)
    whole = proxy.config_text()
    listen = block("listen", f"127.0.0.1:{proxy.redirect_port}", {"protocol": "redirect"})
    proxy.write_config(f'workers = 1\naccess-log = "{proxy.access_path}"\n{listen}\n')
    proxy.start()
    plain = lab.plain_client(proxy.redirect_port)
    assert plain.ask("/").get("Location") == "https://localhost/"
    proxy.write_config(whole)
    proxy.reload()
    assert lab.client(proxy).ask().body == b"ok"
    assert plain.ask("/").get("Location") == f"https://localhost:{proxy.port}/"
    proxy.write_config(f'workers = 1\naccess-log = "{proxy.access_path}"\n{listen}\n')
    proxy.reload()
    assert stays(proxy.running, "it runs", 0.1) is None
    assert plain.ask("/").get("Location") == "https://localhost/"
