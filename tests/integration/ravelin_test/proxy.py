"""The program under test: its configuration, its start, what it tells about itself, and its end."""

import json
import re
import signal
import subprocess
from pathlib import Path

from .client import Client, client_context
from .ports import Port
from .processes import (
    TIED,
    Adopted,
    Process,
    children_of,
    exists,
    lasting_children_of,
    memory_kib,
    names_of_children,
    run,
    text,
)
from .settings import PATIENCE, RAVELIN, SANITIZED
from .waiting import wait_for

LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug) ([\w -]+)\[\d+\]: (.*)$")
SANITIZER = re.compile(r"Sanitizer|runtime error:")
# Of the leak check, about a thread that ended meanwhile: no finding.
ENDED_THREAD = re.compile(r"==\d+==Unable to get registers from thread \d+\.$")


def block(name, title="", options=None, inner=()):
    """One section of a configuration. `options` is a dict; `inner` are whole sections."""
    lines = [f"{name} {title}".rstrip() + " {"]
    for key, value in (options or {}).items():
        lines.append(f"  {key} = {value}")
    for section in inner:
        lines += ["  " + line for line in section.splitlines()]
    return "\n".join([*lines, "}"])


def server_block(server):
    """`server`: an address, something that has one, or a pair of that and options."""
    server, options = server if isinstance(server, tuple) else (server, {})
    return block("server", f'"{getattr(server, "address", server)}"', options)


def backend_block(name, servers, options=None):
    return block("backend", name, options, [server_block(server) for server in servers])


def site_block(name, certificates, aliases=(), routes=None, options=None):
    inner = [block("certificate", f'"{c.path}"', {"key": f'"{c.key}"'}) for c in certificates]
    for prefix, backend in (routes or {"/": "web"}).items():
        inner.append(block("route", f'"{prefix}"', {"backend": backend}))
    names = ", ".join(f'"{alias}"' for alias in aliases)
    aliases = {"aliases": "{" + names + "}"} if aliases else {}
    return block("site", f'"{name}"', {**aliases, **(options or {})}, inner)


class Proxy:
    """A configuration and, from start() to stop(), the running program.

    The arguments say what differs from the plainest configuration: one worker, one https listener, one site
    "localhost" (also 127.0.0.1), one backend "web" with `servers`.
      backend, tls, limits, top   options of these sections (top: those outside of any)
      listen                      options of all listeners
      sites, backends             whole sections instead of the plain ones: site_block(), backend_block()
      error_log_file              the error log goes to log_path instead of the standard error stream
      redirect                    also open a redirect listener
      admin                       addresses of `admin`
      allow                       patterns of error lines that its log may hold
      workers_may_die             as it says
      program                     another build than the one under test
      environment                 variables it is started with, besides those of the test
      host                        the host that it runs on: see namespaces.py
    """

    def __init__(
        self,
        folder,
        authority,
        *servers,
        workers=1,
        backend=None,
        tls=None,
        limits=None,
        listen=None,
        top=None,
        sites=None,
        backends=None,
        redirect=False,
        admin=(),
        error_log_file=False,
        allow=(),
        workers_may_die=False,
        program=RAVELIN,
        environment=None,
        host=None,
    ):
        self.folder = Path(folder)
        self.authority = authority
        self.program = program
        self.environment = environment
        self.host = host
        self.config = self.folder / "ravelin.conf"
        self.access_path = self.folder / "access.log"
        self.log_path = self.folder / "error.log"
        self.allow = list(allow)
        self.workers_may_die = workers_may_die
        self.context = client_context(authority.ca)
        self._ports = [Port()]
        self.port = self._ports[0].number
        self.redirect_port = None
        if redirect:
            self._ports.append(Port())
            self.redirect_port = self._ports[1].number
        self._top = {"workers": workers, "access-log": f'"{self.access_path}"', **(top or {})}
        if error_log_file:
            self._top["log"] = f'"{self.log_path}"'
        self._sections = {
            "tls": tls or {},
            "limits": limits or {},
            "listen": listen or {},
            "admin": admin,
            "sites": sites,
            "backends": backends or [backend_block("web", servers, backend)],
        }
        self._process = None
        self._former = []  # processes that another one has replaced
        self._children_at_start = []
        self.write_config()

    # ---- Configuration ----

    def config_text(self):
        parts = ["\n".join(f"{key} = {value}" for key, value in self._top.items())]
        parts += [block(name, options=self._sections[name]) for name in ("tls", "limits") if self._sections[name]]
        listen = self._sections["listen"]
        parts.append(block("listen", f"127.0.0.1:{self.port}", listen))
        if self.redirect_port:
            parts.append(block("listen", f"127.0.0.1:{self.redirect_port}", {"protocol": "redirect", **listen}))
        parts += [block("admin", f'"{address}"') for address in self._sections["admin"]]
        sites = self._sections["sites"]
        if sites is None:
            certificate = self.authority.certificate("localhost", "127.0.0.1")
            sites = [site_block("localhost", [certificate], ["127.0.0.1"])]
        return "\n\n".join([*parts, *sites, *self._sections["backends"]]) + "\n"

    def write_config(self, text=None):
        """Writes the configuration file whole or not at all."""
        draft = self.config.with_suffix(".new")
        draft.write_text(text or self.config_text())
        draft.replace(self.config)

    def configure(self, **sections):
        """Changes sections (tls, limits, listen, admin, sites, backends) in the file; reload() makes them count."""
        self._sections.update(sections)
        self.write_config()

    # ---- Life ----

    def start(self):
        arguments = [self.program, "run", "-c", self.config]
        arguments = self.host.enter(*arguments) if self.host else arguments
        before = len(self.log())  # it may have run before
        self._process = Process(arguments, self.folder / "ravelin.log", self.environment)
        self.pid = self._process.pid
        wait_for(lambda: self._ready(before), "the proxy to be ready", 2 * PATIENCE)
        self._note_children()
        return self

    def _note_children(self):
        wait_for(lambda: "rav-master" not in names_of_children(self.pid).values(), "each process to have its own name")
        self._children_at_start = sorted(lasting_children_of(self.pid))

    def _ready(self, before):
        assert self.running(), f"the proxy ended before it was ready:\n{self.log()}"
        return re.search(r"\bready\b", self.log()[before:])

    def stop(self):
        """Asks it to end in peace, and fails when it did not or when its log tells of an error."""
        if self._process is None:
            return
        if not self.workers_may_die and self.running():
            replaced = f"a process of the proxy was replaced:\n{self.log()[-4000:]}"
            assert sorted(lasting_children_of(self.pid)) == self._children_at_start, replaced
        self.send_signal(signal.SIGTERM)
        status = self._process.wait(2 * PATIENCE)
        assert status == 0, f"the proxy ended with {status}"
        self.check_log()

    def upgrade(self, check=True):
        """Runs `ravelin upgrade` and, if that succeeds, goes on with the new process."""
        done = self.command("upgrade", check=check)
        if done.returncode == 0:
            self.follow()
        return done

    def follow(self):
        """Goes on with the process that has replaced the one before."""
        pid = self.status()["pid"]
        assert pid != self.pid
        self._former.append(self._process)
        self._process = Adopted(pid, self.folder / "ravelin.log")
        self.pid = pid
        self._note_children()

    def wait_for_former(self, timeout=PATIENCE):
        """Waits until all that were replaced have ended, and returns how."""
        return [process.wait(timeout) for process in self._former]

    def kill(self):
        """Ends all its processes at once, as the end of its machine would. It can be started again."""
        family = [self.pid, *children_of(self.pid)]
        self._process.end(signal.SIGKILL)
        wait_for(lambda: not any(exists(pid) for pid in family), "the processes of the proxy to end")
        self._process = None

    def destroy(self):
        """Ends it at once, whatever state it is in."""
        for process in self._former:
            if process.running():
                family = [process.pid, *(pid for pid in children_of(process.pid) if pid != self.pid)]
                process.end(signal.SIGKILL)
                wait_for(lambda: not any(exists(pid) for pid in family), "the former processes to end")
        if self._process is not None and self.running():
            family = [self.pid, *children_of(self.pid)]
            self._process.end(signal.SIGKILL)
            wait_for(lambda: not any(exists(pid) for pid in family), "the processes of the proxy to end")
        for port in self._ports:
            port.close()

    def running(self):
        return self._process.running()

    def state(self):
        """In words, for people."""
        if self._process is None:
            return "not started"
        return "running" if self.running() else f"ended with {self._process.wait()}"

    def send_signal(self, number):
        if self.running():
            self._process.send_signal(number)

    def wait(self, timeout=PATIENCE):
        return self._process.wait(timeout)

    def command(self, name, *words, check=True):
        """Runs `ravelin NAME WORDS -c FILE`."""
        return run([self.program, name, *words, "-c", self.config], check=check)

    def reload(self):
        """Makes the file on disk the configuration, and returns when it is."""
        self.command("reload")

    # ---- What it says ----

    def log(self):
        """All it wrote: to its streams, and to the file that is its error log when it has one."""
        written = self._process.output() if self._process else ""
        return written + (self.log_path.read_text(errors="replace") if self.log_path.exists() else "")

    def log_lines(self):
        """(level, process, message); level and process are None where a line is not in the log's format."""
        lines = []
        for line in self.log().splitlines():
            found = LOG_LINE.match(line)
            lines.append(found.groups() if found else (None, None, line))
        return lines

    def wait_for_log(self, pattern):
        """Waits for a line that matches; returns the match."""
        return wait_for(lambda: re.search(pattern, self.log(), re.MULTILINE), f"{pattern!r} in the log")

    def check_log(self):
        for level, process, message in self.log_lines():
            ended = SANITIZED and ENDED_THREAD.match(message)
            bad = (level in ("error", None) and not ended) or SANITIZER.search(message)
            assert not bad or any(re.search(pattern, message) for pattern in self.allow), (
                f"in the log: {level} {process}: {message}"
            )

    def status(self):
        return json.loads(self.command("status").stdout)

    def metrics(self):
        return self.status()["metrics"]

    def wait_for_metrics(self, **expected):
        """Waits until these metrics have these values."""

        def look():
            metrics = self.metrics()
            return {name: metrics[name] for name in expected} == expected or None

        try:
            wait_for(look, f"metrics {expected}")
        except AssertionError as error:
            metrics = self.metrics()
            raise AssertionError(f"{error}; they are {({name: metrics[name] for name in expected})}") from None

    def worker_pids(self):
        """By slot."""
        return {worker["slot"]: worker["pid"] for worker in self.status()["workers"]}

    def memory_peak_kib(self):
        """The most that any worker ever had in memory."""
        return max(memory_kib(pid, "VmHWM") for pid in self.worker_pids().values())

    def access_lines(self):
        try:
            return self.access_path.read_text().splitlines()
        except FileNotFoundError:
            return []

    def access_log(self, count):
        """The first `count` lines of a JSON access log, as soon as they are there."""
        wait_for(lambda: len(self.access_lines()) >= count, f"{count} lines in the access log")
        return [json.loads(line) for line in self.access_lines()]

    # ---- Clients ----

    def client(self, **options):
        options.setdefault("context", self.context)
        return Client(self.port, **options)

    def url(self, path="/"):
        return f"https://localhost:{self.port}{path}"

    def curl(self, path, *arguments, **options):
        """Runs curl; the URL's host is localhost."""
        return run(["curl", "-sS", "--cacert", self.authority.ca, *arguments, self.url(path)], **options)

    def s_client(self, *arguments, input=b"", **options):
        """Runs openssl s_client; `input` is sent. Returns its output, both streams."""
        result = run(self.s_client_command(*arguments), input=input, check=False, **options)
        return text(result.stdout + result.stderr)

    def s_client_command(self, *arguments):
        address = f"127.0.0.1:{self.port}"
        return ["openssl", "s_client", "-connect", address, "-CAfile", str(self.authority.ca), *map(str, arguments)]


class BackgroundCommand:
    """`ravelin NAME -c FILE`, while the test does something else."""

    def __init__(self, proxy, name):
        arguments = TIED + [proxy.program, name, "-c", proxy.config]
        self._process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def result(self):
        """(exit status, stdout, stderr)."""
        output, errors = self._process.communicate(timeout=4 * PATIENCE)
        return self._process.returncode, text(output), text(errors)

    def ended(self):
        return self._process.poll() is not None

    def close(self):
        self._process.kill()
        self._process.communicate()
