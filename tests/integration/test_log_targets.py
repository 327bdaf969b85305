"""Targets of the logs that stand still: no process of the proxy waits for them, and no line is torn.

Every target here is one on which a plain write() would wait.
"""

import fcntl
import json
import os
import pty
import re
import signal
import socket
import subprocess
import termios
from contextlib import contextmanager
from pathlib import Path

import pytest

from ravelin_test.processes import TIED
from ravelin_test.settings import PATIENCE, RAVELIN
from ravelin_test.waiting import wait_for

LONG = "/" + "x" * 900


def is_nonblocking(fd):
    return bool(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NONBLOCK)


@contextmanager
def running(proxy, reader, **streams):
    """The prepared proxy with streams of its own; its error log is a file. While it ends, its last lines are read."""
    options = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **streams}
    process = subprocess.Popen([*TIED, RAVELIN, "run", "-c", proxy.config], **options)
    try:
        proxy.pid = process.pid
        wait_for(lambda: "ready" in proxy.log(), "the proxy to be ready")
        yield process
        process.send_signal(signal.SIGTERM)

        def ended():
            reader.read()
            return process.poll() is not None

        wait_for(ended, "the end of the proxy")
        assert process.returncode == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


class Reader:
    """Reads a descriptor without waiting, and keeps what came."""

    def __init__(self, fd):
        self.fd = fd
        self.data = b""
        os.set_blocking(fd, False)

    def read(self):
        while True:
            try:
                more = os.read(self.fd, 65536)
            except OSError:
                return self.data
            if not more:
                return self.data
            self.data += more

    def lines(self):
        """All whole lines; what follows the last line feed must be nothing."""
        data = self.read().replace(b"\r\n", b"\n")
        assert data == b"" or data.endswith(b"\n")
        return data.decode().splitlines()


def ask_often(lab, proxy, count):
    client = lab.client(proxy)
    for _ in range(count):
        assert client.ask(LONG).status == 200
    client.close()


def lost_lines(proxy):
    return proxy.metrics()["log_lines_lost"]


def check_stalled(lab, proxy, reader, count=600):
    """Clients are answered while nothing reads the target; once it is read, lines are whole and losses are reported."""
    ask_often(lab, proxy, count)
    wait_for(lambda: lost_lines(proxy) > 0, "lost lines")
    assert lab.client(proxy).ask("/other").status == 200
    wait_for(lambda: re.search(r"access log: \d+ lines lost", proxy.log()), "a report of the losses")

    def flowing():
        reader.read()
        lab.client(proxy).ask("/after")
        return b'"/after"' in reader.read()

    wait_for(flowing, "lines after the pause")
    return lost_lines(proxy)


def check_lines(lines, lost, at_least):
    entries = [json.loads(line) for line in lines]
    assert len(entries) + lost >= at_least
    assert {entry["status"] for entry in entries} == {200}


@pytest.mark.parametrize("workers", [1, 2])
def test_a_terminal_that_nobody_reads(lab, workers):
    master, slave = pty.openpty()
    proxy = lab.prepare(lab.server(), workers=workers, top={"access-log": "stdout"}, error_log_file=True)
    reader = Reader(master)
    with running(proxy, reader, stdout=slave):
        assert not is_nonblocking(slave)
        lost = check_stalled(lab, proxy, reader)
        assert not is_nonblocking(slave)
    check_lines(reader.lines(), lost, 600)
    os.close(slave)
    os.close(master)


def test_both_logs_on_a_terminal(lab):
    """What a person has who runs it by hand; nothing of one line is inside of another."""
    master, slave = pty.openpty()
    proxy = lab.prepare(lab.server(), workers=2, top={"access-log": "stdout", "log-level": "debug"})
    reader = Reader(master)
    process = subprocess.Popen(
        [*TIED, RAVELIN, "run", "-c", proxy.config], stdin=subprocess.DEVNULL, stdout=slave, stderr=slave
    )
    wait_for(lambda: b"ready" in reader.read(), "the proxy to be ready")
    ask_often(lab, proxy, 300)
    process.send_signal(signal.SIGTERM)

    def ended():
        reader.read()
        return process.poll() is not None

    wait_for(ended, "the end")
    os.close(slave)
    check_whole(reader.lines())
    assert b"ended\r\n" in reader.data  # the last line of all
    os.close(master)


def test_a_terminal_that_stops_writers_in_the_background(lab):
    """stty tostop: a write from the background stops the whole process group, unless SIGTTOU is ignored."""
    proxy = lab.prepare(lab.server(), top={"access-log": "stdout"}, error_log_file=True)
    pid, master = pty.fork()
    if pid == 0:  # leads a session with this terminal, in the foreground
        modes = termios.tcgetattr(0)
        modes[3] |= termios.TOSTOP
        termios.tcsetattr(0, termios.TCSANOW, modes)
        command = [*TIED, RAVELIN, "run", "-c", str(proxy.config)]
        child = subprocess.Popen(command, preexec_fn=lambda: os.setpgid(0, 0))
        os._exit(child.wait() & 0x7F)
    reader = Reader(master)
    try:
        wait_for(lambda: "ready" in proxy.log(), "the proxy to be ready")
        client = lab.client(proxy)
        assert client.ask("/background").status == 200
        wait_for(lambda: b'"/background"' in reader.read(), "the line")
    finally:
        master_pid = re.search(r"master\[(\d+)\]", proxy.log())
        if master_pid:
            os.kill(int(master_pid.group(1)), signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(master)


@contextmanager
def stopped(fd):
    """As by ^S in the terminal."""
    termios.tcflow(fd, termios.TCOOFF)
    try:
        yield
    finally:
        termios.tcflow(fd, termios.TCOON)


def check_whole(lines, process="(master|worker \\d)"):
    for line in lines:
        if line.startswith("{"):
            json.loads(line)
        else:
            assert re.match(rf"\d{{4}}-\d\d-\d\dT[\d:.]+Z \w+ {process}\[\d+\]: ", line), line


def test_a_terminal_named_by_its_path_that_is_stopped(lab):
    """Both logs of two workers and of the master: the proxy goes on, and no line is inside of another."""
    master, slave = pty.openpty()
    reader = Reader(master)
    path = os.ttyname(slave)
    top = {"access-log": f'"{path}"', "log": f'"{path}"', "log-level": "debug"}
    proxy = lab.prepare(lab.server(), workers=2, top=top, allow=[".*"])
    process = subprocess.Popen([*TIED, RAVELIN, "run", "-c", proxy.config], stdin=subprocess.DEVNULL)
    proxy.pid = process.pid
    wait_for(lambda: b"ready" in reader.read(), "the proxy to be ready")
    with stopped(slave):
        for _ in range(40):  # of either worker
            ask_often(lab, proxy, 30)
        wait_for(lambda: lost_lines(proxy) > 0, "lost lines")
        for _ in range(3):
            assert proxy.command("reload").returncode == 0
            process.send_signal(signal.SIGUSR1)
        assert proxy.status()["state"] == "running"
        assert lab.client(proxy).ask("/during").status == 200
        assert reader.read().count(b"\n") < 600

    def flowing():
        reader.read()
        lab.client(proxy).ask("/after")
        return b'"/after"' in reader.read()

    wait_for(flowing, "lines after the pause")
    wait_for(lambda: re.search(rb"access log: \d+ lines lost", reader.read()), "a report of the losses")
    process.send_signal(signal.SIGTERM)

    def ended():
        reader.read()
        return process.poll() is not None

    wait_for(ended, "the end")
    os.close(slave)
    check_whole(reader.lines())
    assert {"worker 0", "worker 1"} <= {line.split("[")[0].split(" ", 2)[-1] for line in reader.lines()}
    os.close(master)


def test_a_terminal_named_by_its_path_across_reloads(lab):
    """Its log writer stays as long as a log goes there, and ends when none does."""
    master, slave = pty.openpty()
    reader = Reader(master)
    top = {"access-log": f'"{os.ttyname(slave)}"'}
    proxy = lab.proxy(lab.server(), workers=2, top=top, workers_may_die=True)  # a log writer does

    def writers():
        children = Path(f"/proc/{proxy.pid}/task/{proxy.pid}/children").read_text().split()
        return [child for child in children if Path(f"/proc/{child}/comm").read_text() == "rav-log\n"]

    def check(path):
        assert lab.client(proxy).ask(path).status == 200
        wait_for(lambda: f'"{path}"'.encode() in reader.read(), "the line")

    check("/one")
    first = writers()
    assert len(first) == 1
    assert proxy.command("reload").returncode == 0
    check("/two")
    proxy.send_signal(signal.SIGUSR1)
    proxy.wait_for_log("log files reopened")
    check("/three")
    assert writers() == first
    text = proxy.config_text()
    proxy.write_config(text.replace(top["access-log"], "off"))
    proxy.reload()
    wait_for(lambda: writers() == [], "the end of the log writer")
    proxy.write_config(text)
    proxy.reload()
    check("/four")
    check_lines(reader.lines(), 0, 4)
    os.close(slave)
    os.close(master)


def test_a_terminal_named_by_its_path_that_is_closed(lab):
    """Its lines are lost, counted and reported; a reload to another target mends it."""
    master, slave = pty.openpty()
    path = os.ttyname(slave)
    proxy = lab.proxy(lab.server(), top={"access-log": f'"{path}"'}, workers_may_die=True, allow=[".*"])
    os.close(slave)
    os.close(master)
    for _ in range(5):
        assert lab.client(proxy).ask().status == 200
    proxy.wait_for_log(f"warning master.*log writer: cannot write to {path}: Input/output error; lines are lost")
    wait_for(lambda: proxy.status()["lost_log_lines"] >= 5, "the count")
    access = lab.folder / "access.log"
    proxy.write_config(proxy.config_text().replace(path, str(access)))
    proxy.reload()
    assert lab.client(proxy).ask("/after").status == 200
    wait_for(lambda: '"/after"' in access.read_text(), "the line")


def test_a_pipe_that_nobody_reads(lab):
    reading, writing = os.pipe()
    proxy = lab.prepare(lab.server(), top={"access-log": "stdout"}, error_log_file=True)
    reader = Reader(reading)
    with running(proxy, reader, stdout=writing):
        lost = check_stalled(lab, proxy, reader)
        assert not is_nonblocking(writing)
    check_lines(reader.lines(), lost, 600)
    os.close(reading)
    os.close(writing)


def test_a_socket_that_nobody_reads(lab):
    """As the journal's."""
    reading, writing = socket.socketpair()
    proxy = lab.prepare(lab.server(), top={"access-log": "stdout"}, error_log_file=True)
    reader = Reader(reading.fileno())
    with running(proxy, reader, stdout=writing):
        lost = check_stalled(lab, proxy, reader, 900)
        assert not is_nonblocking(writing.fileno())
    check_lines(reader.lines(), lost, 900)
    reading.close()
    writing.close()


def test_log_files_at_the_limit_of_their_size(lab):
    """Of `ulimit -f` or LimitFSIZE: a write beyond it is no end of the process."""
    limit = 8 << 20  # Ravelin's own files in memory need some
    access = lab.folder / "access.log"
    errors = lab.folder / "errors.log"
    for path in (access, errors):
        path.write_bytes(b"x\n" * (limit // 2 - 2000))
    top = {"access-log": f'"{access}"', "log": f'"{errors}"'}
    proxy = lab.prepare(lab.server(), top=top, allow=[".*"])
    command = [*TIED, "prlimit", f"--fsize={limit}", RAVELIN, "run", "-c", proxy.config]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(lambda: b"ready" in errors.read_bytes()[-4000:], "the proxy to be ready")
        before = proxy.worker_pids()
        ask_often(lab, proxy, 100)
        for _ in range(30):
            assert proxy.command("reload").returncode == 0
        assert errors.stat().st_size > limit - 200
        wait_for(lambda: lost_lines(proxy) > 0, "lost lines")
        assert proxy.worker_pids() == before
        process.send_signal(signal.SIGTERM)
        assert process.wait(2 * PATIENCE) == 0
    finally:
        process.kill()
        process.wait()


def test_an_error_log_that_nobody_reads(lab):
    reading, writing = os.pipe()
    proxy = lab.prepare(lab.server(), top={"log-level": "debug"}, allow=[".*"])
    reader = Reader(reading)
    process = subprocess.Popen(
        [*TIED, RAVELIN, "run", "-c", proxy.config], stdin=subprocess.DEVNULL, stderr=writing, stdout=subprocess.DEVNULL
    )
    wait_for(lambda: b"ready" in reader.read(), "the proxy to be ready")
    # The log is full now: what it held is put back by another writer.
    os.set_blocking(writing, False)
    try:
        while True:
            os.write(writing, b"filler\n" * 500)
    except BlockingIOError:
        pass
    os.set_blocking(writing, True)
    for _ in range(5):
        proxy.command("reload")
    assert lab.client(proxy).ask().status == 200
    reader.read()
    wait_for(lambda: b"reloaded: generation 6" in reader.read(), "the lines that waited")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    os.close(reading)
    os.close(writing)


class Fifo:
    def __init__(self, folder):
        self.path = folder / "fifo"
        os.mkfifo(self.path, 0o600)

    def reader(self):
        return Reader(os.open(self.path, os.O_RDONLY | os.O_NONBLOCK))


def test_a_fifo_without_a_reader_at_the_start(lab):
    fifo = Fifo(lab.folder)
    proxy = lab.proxy(lab.server(), top={"access-log": f'"{fifo.path}"'})
    proxy.wait_for_log("warning master.*access-log: no process reads the FIFO")
    assert lab.client(proxy).ask("/early").status == 200
    reader = fifo.reader()
    wait_for(lambda: b'"/early"' in reader.read(), "the line from before there was a reader")
    os.close(reader.fd)


def test_a_fifo_whose_reader_goes_away(lab):
    fifo = Fifo(lab.folder)
    reader = fifo.reader()
    proxy = lab.proxy(lab.server(), top={"access-log": f'"{fifo.path}"'}, workers_may_die=True, allow=[".*"])
    assert lab.client(proxy).ask("/one").status == 200
    wait_for(lambda: b'"/one"' in reader.read(), "the first line")
    os.close(reader.fd)
    assert lab.client(proxy).ask("/two").status == 200
    for reopen in (lambda: proxy.send_signal(signal.SIGUSR1), proxy.reload):
        reopen()
        assert proxy.status()["state"] == "running"
    os.kill(proxy.worker_pids()[0], signal.SIGKILL)
    proxy.wait_for_log("started worker 0 again")
    assert lab.client(proxy).ask("/three").status == 200
    reader = fifo.reader()
    wait_for(lambda: b'"/three"' in reader.read(), "a line for the new reader")
    os.close(reader.fd)


def test_the_error_log_in_a_fifo_without_a_reader(lab):
    fifo = Fifo(lab.folder)
    proxy = lab.prepare(lab.server(), top={"log": f'"{fifo.path}"'})
    process = subprocess.Popen([*TIED, RAVELIN, "run", "-c", proxy.config], stdin=subprocess.DEVNULL)
    wait_for(lambda: proxy.command("status", check=False).returncode == 0, "the proxy to answer")
    reader = fifo.reader()
    wait_for(lambda: b"ready" in reader.read(), "the lines from the start")
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert b"ended" in reader.read()
    os.close(reader.fd)
