"""The proxies under test, all with equal settings.

One worker or thread, TLS 1.3 with one suite and one group, the same ECDSA certificate, session
tickets (nginx: one as Ravelin does; HAProxy and hitch: two as OpenSSL does), keep-alive to the
backend, bodies streamed and not gathered, an access log in a file for all that have one. Buffers of
nginx and HAProxy have the sizes that made them fastest when several were tried, so they look better
here than with their defaults (an upload through nginx needs about 1.6 times as much with those).
"""

import os
import re
import time
from pathlib import Path

from .backends import NGINX_USER, nginx_temp_paths
from .processes import Program, find_program, free_port, output_of
from .workshop import GROUP, SUITE

LOG_TIMEOUT = 3.0  # buffers of access logs are written once a second


class Proxy:
    """A program that can be started before a backend. Subclasses say how.

    `parses_http` is False for a proxy that only moves bytes: it does less than the others.
    `logs_to_stdout`: its access log cannot be told to go to a file.
    """

    name = ""
    program = ""
    parses_http = True
    has_access_log = True
    logs_to_stdout = False

    def __init__(self):
        self.path = find_program(self.program)

    def version(self):
        """The program and the TLS library it runs on, in a few words."""
        raise NotImplementedError

    def configure(self, folder, port, backend_port, certificate):
        """Writes the configuration into the folder; returns the command."""
        raise NotImplementedError

    def start(self, workshop, backend_port, certificate):
        return RunningProxy(self, workshop, backend_port, certificate)


class RunningProxy:
    def __init__(self, proxy, workshop, backend_port, certificate):
        self.proxy = proxy
        self.name = proxy.name
        folder = workshop.new_folder(proxy.name.lower())
        self.port = free_port()
        self.access_log = folder / "access.log"
        self.error_log = folder / "error.log"
        command = proxy.configure(folder, self.port, backend_port, certificate)
        log = self.access_log if proxy.logs_to_stdout else self.error_log
        # Not as root, Ravelin puts its control socket there.
        env = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
        self.program = Program(proxy.name, command, log, self.port, env)

    def empty_access_log(self):
        if self.access_log.exists():
            os.truncate(self.access_log, 0)

    def has_logged(self):
        """Whether something is in the access log, or will be when buffers have been written."""
        deadline = time.monotonic() + LOG_TIMEOUT
        while not (self.access_log.exists() and self.access_log.stat().st_size > 0):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def stop(self):
        self.program.stop()


class Ravelin(Proxy):
    name = "Ravelin"

    def __init__(self, path):
        super().__init__()
        self.path = str(path)

    def version(self):
        text = output_of(self.path, "version")
        names = (r"^ravelin (.*)", r"TLS library: (.*)", r"AES-GCM: (.*)")
        return ", ".join(_found(name, text) for name in names)

    def configure(self, folder, port, backend_port, certificate):
        config = folder / "ravelin.conf"
        config.write_text(f"""workers = 1
log = stderr
log-level = warning
access-log = {folder}/access.log
access-log-format = combined
listen 127.0.0.1:{port} {{}}
site localhost {{
    aliases = {{127.0.0.1}}
    certificate {certificate.chain} {{ key = {certificate.key} }}
    route / {{ backend = web }}
}}
backend web {{
    server 127.0.0.1:{backend_port} {{}}
}}
""")
        return [self.path, "run", "-c", config]


class Nginx(Proxy):
    name = "nginx"
    program = "nginx"

    def version(self):
        own = _found(r"nginx/([0-9.]+)", output_of(self.path, "-v"))
        return f"{own}, {linked_openssl(self.path)}"

    def configure(self, folder, port, backend_port, certificate):
        config = folder / "nginx.conf"
        config.write_text(f"""{NGINX_USER}daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log error;
events {{ worker_connections 16384; }}
http {{
    access_log {folder}/access.log combined buffer=64k flush=1s;
    keepalive_requests 1000000000;
    client_max_body_size 0;
    client_body_buffer_size 128k;
    {nginx_temp_paths(folder)}
    upstream web {{
        server 127.0.0.1:{backend_port};
        keepalive 1024;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} ssl backlog=4096;
        server_name localhost 127.0.0.1;
        ssl_certificate {certificate.chain};
        ssl_certificate_key {certificate.key};
        ssl_protocols TLSv1.3;
        ssl_ecdh_curve {GROUP};
        ssl_conf_command Ciphersuites {SUITE};
        ssl_conf_command NumTickets 1;
        location / {{
            proxy_pass http://web;
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_buffer_size 64k;
            proxy_buffers 8 64k;
            proxy_busy_buffers_size 128k;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $remote_addr;
            proxy_set_header X-Forwarded-Proto https;
            proxy_set_header X-Forwarded-Host $http_host;
        }}
    }}
}}
""")
        return [self.path, "-e", folder / "error.log", "-c", config]


class HAProxy(Proxy):
    name = "HAProxy"
    program = "haproxy"
    logs_to_stdout = True

    def version(self):
        own = _found(r"HAProxy version ([0-9.]+)", output_of(self.path, "-v"))
        return f"{own}, {linked_openssl(self.path)}"

    def configure(self, folder, port, backend_port, certificate):
        config = folder / "haproxy.cfg"
        account = "    user nobody\n    group nogroup\n" if os.geteuid() == 0 else ""
        tls = f"ssl-min-ver TLSv1.3 ciphersuites {SUITE} curves {GROUP} alpn http/1.1"
        config.write_text(f"""global
    nbthread 1
    tune.bufsize 32768
    maxconn 8192
    log stdout format raw local0 info
{account}
defaults
    mode http
    log global
    option httplog
    maxconn 8192
    backlog 4096
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend tls
    bind 127.0.0.1:{port} ssl crt {certificate.both} {tls}
    option forwardfor
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
    default_backend web
backend web
    http-reuse always
    server web 127.0.0.1:{backend_port}
""")
        return [self.path, "-db", "-f", config]


class Hitch(Proxy):
    name = "hitch"
    program = "hitch"
    parses_http = False
    has_access_log = False

    def version(self):
        own = _found(r"hitch ([0-9.]+)", output_of(self.path, "--version"))
        return f"{own}, {linked_openssl(self.path)}"

    def configure(self, folder, port, backend_port, certificate):
        config = folder / "hitch.conf"
        account = 'user = "nobody"\ngroup = "nogroup"\n' if os.geteuid() == 0 else ""
        config.write_text(f"""{account}daemon = off
workers = 1
backlog = 4096
log-level = 1
frontend = "[127.0.0.1]:{port}"
backend = "[127.0.0.1]:{backend_port}"
pem-file = "{certificate.both}"
tls-protos = TLSv1.3
ciphersuites = "{SUITE}"
ecdh-curve = "{GROUP}"
alpn-protos = "http/1.1"
ocsp-dir = ""
""")
        return [self.path, "--config", config]


PEERS = (Nginx, HAProxy, Hitch)


def linked_openssl(program):
    """The version of the OpenSSL library that a program runs on, as in "OpenSSL 3.0.19"."""
    library = re.search(r"libcrypto\.so\S* => (\S+)", output_of("ldd", program))
    content = Path(library[1]).read_bytes() if library else b""
    found = re.search(rb"OpenSSL [0-9]+\.[0-9]+\.[0-9]+[a-z]? ", content)
    return found[0].decode().strip() if found else "OpenSSL ?"


def _found(pattern, text):
    match = re.search(pattern, text)
    return match[1] if match else "?"
