"""The servers behind the proxies. Their CPU time is not measured.

A backend has `servers`, the addresses that reach it, a running `program`, and `files`: a map from
paths to the bytes it serves there.
"""

import os
import random
import sys
from pathlib import Path

from .processes import Program, find_program, free_port
from .workshop import KIB, MIB

FILES = {"1k": KIB, "16k": 16 * KIB, "1m": MIB, "100m": 100 * MIB}
SERVERS_MAX = 1000

NGINX_USER = "user nobody nogroup;\n" if os.geteuid() == 0 else ""


def nginx_temp_paths(folder):
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n    ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)


class FileBackend:
    """nginx with a few static files, which listens on a thousand addresses."""

    def __init__(self, workshop):
        folder = workshop.new_folder("backend").real
        (folder / "html").mkdir()
        self.files = {}
        for name, size in FILES.items():
            # The same in every backend: the client is told once what is right.
            self.files[f"/{name}"] = random.Random(size).randbytes(size)
            (folder / "html" / name).write_bytes(self.files[f"/{name}"])
        self._html = folder / "html"
        port = free_port()
        self.servers = [f"127.0.0.1:{port}"]
        self.servers += [
            f"127.0.{2 + n // 250}.{1 + n % 250}:{port}" for n in range(SERVERS_MAX - 1)
        ]
        self.program = self._start(folder, self.servers)

    def _start(self, folder, servers):
        config = folder / "nginx.conf"
        config.write_text(self._config(folder, servers))
        return Program(
            "the backend (nginx)",
            [find_program("nginx"), "-e", folder / "error.log", "-c", config],
            folder / "output.log",
            int(servers[0].rpartition(":")[2]),
        )

    def _config(self, folder, servers):
        listens = "\n        ".join(f"listen {server} backlog=4096;" for server in servers)
        return f"""{NGINX_USER}daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 18000; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    open_file_cache max=100;
    {nginx_temp_paths(folder)}
    server {{
        {listens}
        root {self._html};
    }}
}}
"""


class MortalBackend(FileBackend):
    """Four such servers. The last one is a program of its own, which dies and returns."""

    def __init__(self, workshop):
        super().__init__(workshop)
        self._folder = workshop.new_folder("mortal").real
        last = f"127.0.0.1:{free_port()}"
        self.servers = [*self.servers[:3], last]
        self._others, self.program = self.program, self
        self._mortal = self._start(self._folder, [last])

    def kill(self):
        if self._mortal:
            self._mortal.kill()
            self._mortal = None

    def revive(self):
        """True: it was dead."""
        was_dead = self._mortal is None
        if was_dead:
            self._mortal = self._start(self._folder, self.servers[3:])
        return was_dead

    def stop(self):
        self._others.stop()
        self.kill()


class _Script:
    """A small server of ours: a program that is given its port."""

    def __init__(self, workshop, name, command):
        self.files = {}
        port = free_port()
        self.servers = [f"127.0.0.1:{port}"]
        log = workshop.new_folder(name).real / "output.log"
        script = Path(__file__).with_name(command[1])
        # Where Debian puts node-ws; a node from elsewhere does not look there by itself.
        env = {**os.environ, "NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs"}
        self.program = Program(name, [command[0], script, port], log, port, env)


class SinkBackend(_Script):
    """Reads uploads and answers with the number of bytes that came."""

    def __init__(self, workshop):
        super().__init__(workshop, "upload-sink", [sys.executable, "sink.py"])


class EchoBackend(_Script):
    """Sends WebSocket messages back."""

    def __init__(self, workshop):
        super().__init__(workshop, "websocket-echo", [find_program("node"), "echo.js"])


BACKENDS = {"files": FileBackend, "mortal": MortalBackend, "sink": SinkBackend, "echo": EchoBackend}
