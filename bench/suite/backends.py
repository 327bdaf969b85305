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
            self.files[f"/{name}"] = random.randbytes(size)
            (folder / "html" / name).write_bytes(self.files[f"/{name}"])
        port = free_port()
        self.servers = [f"127.0.0.1:{port}"]
        self.servers += [
            f"127.0.{2 + n // 250}.{1 + n % 250}:{port}" for n in range(SERVERS_MAX - 1)
        ]
        config = folder / "nginx.conf"
        config.write_text(self._config(folder))
        self.program = Program(
            "the backend (nginx)",
            [find_program("nginx"), "-e", folder / "error.log", "-c", config],
            folder / "output.log",
            port,
        )

    def _config(self, folder):
        listens = "\n        ".join(f"listen {server} backlog=4096;" for server in self.servers)
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
        root {folder}/html;
    }}
}}
"""


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


BACKENDS = {"files": FileBackend, "sink": SinkBackend, "echo": EchoBackend}
