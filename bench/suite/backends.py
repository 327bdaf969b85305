"""The servers behind the proxies. Their CPU time is not measured.

A backend has a `port`, a running `program`, and `files`: a map from paths to the bytes it serves
there.
"""

import os
import random
import sys
from pathlib import Path

from .processes import Program, find_program, free_port
from .workshop import KIB, MIB

FILES = {"1k": KIB, "16k": 16 * KIB, "1m": MIB}

UPLOAD_SIZE = 256 * MIB

NGINX_USER = "user nobody nogroup;\n" if os.geteuid() == 0 else ""


def nginx_temp_paths(folder):
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    return "\n    ".join(f"{kind}_temp_path {folder}/{kind};" for kind in kinds)


class FileBackend:
    """nginx with a few static files."""

    def __init__(self, workshop):
        folder = workshop.new_folder("backend")
        (folder / "html").mkdir()
        self.files = {}
        for name, size in FILES.items():
            self.files[f"/{name}"] = random.randbytes(size)
            (folder / "html" / name).write_bytes(self.files[f"/{name}"])
        self.port = free_port()
        config = folder / "nginx.conf"
        config.write_text(self._config(folder))
        self.program = Program(
            "the backend (nginx)",
            [find_program("nginx"), "-e", folder / "error.log", "-c", config],
            folder / "output.log",
            self.port,
        )

    def _config(self, folder):
        return f"""{NGINX_USER}daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=100;
    {nginx_temp_paths(folder)}
    server {{
        listen 127.0.0.1:{self.port} backlog=4096;
        root {folder}/html;
    }}
}}
"""


class SinkBackend:
    """Reads uploads and answers with the number of bytes that came."""

    def __init__(self, workshop):
        self.files = {}
        folder = workshop.new_folder("sink")
        self.port = free_port()
        self.program = Program(
            "the upload sink",
            [sys.executable, Path(__file__).with_name("sink.py"), self.port],
            folder / "output.log",
            self.port,
        )




BACKENDS = {"files": FileBackend, "sink": SinkBackend}
