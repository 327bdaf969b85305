"""nginx as a server behind a proxy, and as a proxy to compare the harness with."""

import resource
import shutil
import socket

from .ports import Port
from .processes import Process
from .settings import IS_ROOT
from .waiting import wait_for

CONFIG = """
daemon off;
{user}
worker_processes {workers};
worker_rlimit_nofile {descriptors};
pid {folder}/nginx.pid;
error_log {folder}/error.log warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    server_tokens off;
    sendfile on;
    keepalive_requests 1000000;
    client_max_body_size 0;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp;
    fastcgi_temp_path {folder}/temp;
    uwsgi_temp_path {folder}/temp;
    scgi_temp_path {folder}/temp;
    types {{ text/html html; text/css css; image/svg+xml svg; application/javascript js; }}
    server {{
        listen 127.0.0.1:{port} reuseport backlog=4096{listen};
        root {folder}/html;
        {locations}
    }}
    {more}
}}
"""


class Nginx:
    """Serves the files in `folder`/html. `locations` is text for its server block, `more` stands beside it."""

    def __init__(self, folder, locations="", workers=1, proxy_protocol=False, more=""):
        self.folder = folder
        self._port = Port()
        self.port = self._port.number
        self.address = self._port.address
        self.html = folder / "html"
        self.html.mkdir()
        (folder / "temp").mkdir()
        if IS_ROOT:
            shutil.chown(folder / "temp", "nobody")
        (folder / "nginx.conf").write_text(
            CONFIG.format(
                folder=folder,
                port=self.port,
                locations=locations,
                workers=workers,
                descriptors=min(16384, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),
                listen=" proxy_protocol" if proxy_protocol else "",
                more=more,
                user="user nobody nogroup;" if IS_ROOT else "",
            )
        )
        program = shutil.which("nginx") or "/usr/sbin/nginx"
        self._process = Process([program, "-e", "stderr", "-c", folder / "nginx.conf"], folder / "log")
        wait_for(self._answers, "nginx to listen")

    def _answers(self):
        assert self._process.running(), self._process.output()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self._process.end()
        self._port.close()
