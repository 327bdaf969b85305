"""The proxies under test, all with equal settings.

As many workers or threads as the job says, TLS 1.3 with one suite and one group, the same
certificates, session tickets (nginx: one as Ravelin does; HAProxy, hitch and stunnel: two as
OpenSSL does), keep-alive to the backend, bodies streamed and not gathered, an access log in a file
for all that have one. Buffers of nginx and HAProxy have the sizes that made them fastest when
several were tried, so they look better here than with their defaults (an upload through nginx needs
about 1.6 times as much with those).

stunnel has a thread for each connection, and no setting for that: it is measured where that is
tolerable, and is never the best peer that Ravelin is compared with.
"""

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from . import certificates
from .backends import NGINX_USER, nginx_temp_paths
from .processes import SEARCH_PATH, Program, descriptors, find_program, free_port, output_of
from .workshop import GROUP, HYBRID, SUITE

LOG_TIMEOUT = 3.0  # buffers of access logs are written once a second
START_TIMEOUT = 60.0  # with ten thousand certificates
AS_ROOT = os.geteuid() == 0
AHEAD = ["chrt", "--rr", "5"]  # of util-linux


@dataclass(frozen=True)
class Job:
    """What a scenario asks of a proxy."""

    kind: str = "ecdsa"  # of the certificates
    sites: int = 1
    group: str = GROUP
    servers: int = 1
    workers: int = 1
    connections: int = 8192  # at a time
    websocket: bool = False
    http2: bool = False  # with clients
    mortal: bool = False  # one of the servers dies
    tcp: bool = False  # bytes are forwarded and not parsed, by those that can choose
    ahead: bool = False  # of clients and servers on the processors


def may_be_ahead():
    try:
        return subprocess.run([*AHEAD, "true"], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


class Proxy:
    """A program that can be started before a backend. Subclasses say how.

    `parses_http` is False for a proxy that only moves bytes: it does less than the others.
    `compares` is False for a proxy that is shown, but is no yardstick.
    `logs_to_stdout`: its access log cannot be told to go to a file.
    `descriptors_per_connection`: of an idle client.
    """

    program = ""
    family = ""
    parses_http = True
    compares = True
    has_access_log = True
    logs_to_stdout = False
    descriptors_per_connection = 1

    def __init__(self, root=None):
        self.root = root
        path = (
            ":".join(f"{root}{folder}" for folder in ("/usr/sbin", "/usr/bin"))
            if root
            else SEARCH_PATH
        )
        self.path = shutil.which(self.program, path=path)
        self.seen_path = (
            "/" + str(Path(self.path).relative_to(root)) if self.path and root else self.path
        )
        if self.path:
            self.own_version, self.library = self.find_version(), linked_openssl(self)
            self.name = f"{self.family} {_short(self.own_version)} ({_short(self.library)})"

    def version(self):
        """The program and the TLS library it runs on, in a few words."""
        return f"{self.own_version}, {self.library}"

    def run(self, *words):
        return output_of(*self.command(*words))

    def command(self, *words):
        return (["chroot", self.root] if self.root else []) + [self.seen_path, *words]

    def unfit(self, job):
        """Why it cannot do the job, or None."""
        if job.group == HYBRID and not self.has_hybrid():
            return f"{self.library} has no {HYBRID}"
        if job.http2 and not self.parses_http:
            return "it speaks no HTTP/2"
        if job.ahead and not may_be_ahead():
            return "real-time scheduling is not allowed here"
        needed = job.connections * self.descriptors_per_connection / job.workers + 500
        if job.connections > 8192 and needed > descriptors():
            return _too_few_descriptors(needed)
        return None

    def has_hybrid(self):
        found = re.search(r"OpenSSL (\d+)\.(\d+)", self.library)
        return bool(found) and (int(found[1]), int(found[2])) >= (3, 5)

    def configure(self, folder, port, servers, job):
        """Writes the configuration into the folder; returns the command's words."""
        raise NotImplementedError

    def start(self, workshop, servers, job):
        return RunningProxy(self, workshop, servers, job)


class RunningProxy:
    def __init__(self, proxy, workshop, servers, job):
        self.proxy = proxy
        self.name = proxy.name
        folder = workshop.new_folder(proxy.family.lower(), proxy.root)
        made = workshop.certificates(job.kind, job.sites)
        shutil.copytree(made, folder.real / "certificates", copy_function=_link_or_copy)
        self.port = free_port()
        self.access_log = folder.real / "access.log"
        self.error_log = folder.real / "error.log"
        command = proxy.command(*proxy.configure(folder, self.port, servers[: job.servers], job))
        command = [*AHEAD, *command] if job.ahead else command
        log = self.access_log if proxy.logs_to_stdout else self.error_log
        # Not as root, Ravelin puts its control socket there.
        env = {**os.environ, "XDG_RUNTIME_DIR": str(folder.seen)}
        self.program = Program(proxy.name, command, log, self.port, env, START_TIMEOUT)

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


def _link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


class Ravelin(Proxy):
    family = name = "Ravelin"

    def __init__(self, path):
        self.root = None
        self.path = self.seen_path = str(path)

    def version(self):
        text = output_of(self.path, "version")
        names = (r"^ravelin (.*)", r"TLS library: (.*)", r"AES-GCM: (.*)")
        return ", ".join(_found(name, text) for name in names)

    def has_hybrid(self):
        return True

    def configure(self, folder, port, servers, job):
        here = folder.seen
        sites = "\n".join(
            f"""site {name} {{
    aliases = {{127.0.0.1}}
    certificate {here}/certificates/{name}.chain.pem {{ key = {here}/certificates/{name}.key.pem }}
    route / {{ backend = web }}
}}""".replace(
                "    aliases = {127.0.0.1}\n",
                "" if job.sites > 1 else "    aliases = {127.0.0.1}\n",
            )
            for name in certificates.names(job.sites)
        )
        backend = "\n".join(f"    server {server} {{}}" for server in servers)
        listen = f"http2 = {'yes' if job.http2 else 'no'}"
        if job.tcp:
            listen = "protocol = tcp backend = web alpn = http/1.1"
        (folder.real / "ravelin.conf").write_text(
            f"""workers = {job.workers}
log = stderr
log-level = warning
access-log = {here}/access.log
access-log-format = combined
limits {{
    idle-timeout = 1h
    connections = {max(100000, 2 * job.connections)}
}}
listen 127.0.0.1:{port} {{ {listen} }}
{sites}
backend web {{
{backend}
}}
"""
        )
        return ["run", "-c", here / "ravelin.conf"]


class Nginx(Proxy):
    family = "nginx"
    program = "nginx"

    def find_version(self):
        return _found(r"nginx/([0-9.]+)", self.run("-v"))

    def unfit(self, job):
        if job.tcp:
            return "it needs its stream module, a package of its own"
        return super().unfit(job)

    def configure(self, folder, port, servers, job):
        here = folder.seen
        options = "backlog=4096" + (" reuseport" if job.workers > 1 else "")
        options += " http2" if job.http2 else ""
        sites = "\n".join(
            f"""    server {{
        listen 127.0.0.1:{port} ssl{" " + options if number == 0 else ""};
        server_name {name}{" 127.0.0.1" if job.sites == 1 else ""};
        ssl_certificate {here}/certificates/{name}.chain.pem;
        ssl_certificate_key {here}/certificates/{name}.key.pem;
        location / {{ proxy_pass http://web; }}
    }}"""
            for number, name in enumerate(certificates.names(job.sites))
        )
        upgrade = (
            'proxy_set_header Upgrade $http_upgrade;\n    proxy_set_header Connection "upgrade";'
            if job.websocket
            else 'proxy_set_header Connection "";'
        )
        # What made a death shortest and cheapest when several were tried.
        limits = " max_fails=1 fail_timeout=1s" if job.mortal else ""
        backend = "\n".join(f"        server {server}{limits};" for server in servers)
        (folder.real / "nginx.conf").write_text(
            f"""{NGINX_USER}daemon off;
worker_processes {job.workers};
pid {here}/pid;
error_log {here}/error.log error;
events {{ worker_connections {min(max(16384, 2 * job.connections), descriptors() - 100)}; }}
http {{
    access_log {here}/access.log combined buffer=64k flush=1s;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_max_body_size 0;
    client_body_buffer_size 128k;
    server_names_hash_max_size 32768;
    server_names_hash_bucket_size 64;
    ssl_protocols TLSv1.3;
    ssl_ecdh_curve {job.group};
    ssl_conf_command Ciphersuites {SUITE};
    ssl_conf_command NumTickets 1;
    proxy_http_version 1.1;
    proxy_request_buffering off;
    proxy_buffering off;
    proxy_buffer_size 64k;
    proxy_buffers 8 64k;
    proxy_busy_buffers_size 128k;
    proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto https;
    proxy_set_header X-Forwarded-Host $http_host;
    {upgrade}
    {nginx_temp_paths(here)}
    upstream web {{
{backend}
        keepalive {max(1024, 4 * len(servers))};
        keepalive_requests 1000000000;
    }}
{sites}
}}
"""
        )
        return ["-e", here / "error.log", "-c", here / "nginx.conf"]


# What made a death shortest and cheapest when several were tried.
HAPROXY_CHECKS = """    retries 3
    option redispatch 1
    retry-on all-retryable-errors
    default-server check inter 500ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down
"""
HAPROXY_FORWARDING = """    option forwardfor
    http-request set-header X-Forwarded-Proto https
    http-request set-header X-Forwarded-Host %[req.hdr(host)]
"""


class HAProxy(Proxy):
    family = "HAProxy"
    program = "haproxy"
    logs_to_stdout = True

    def find_version(self):
        return _found(r"HAProxy version ([0-9.]+)", self.run("-v"))

    def unfit(self, job):
        # Threads share one table of descriptors.
        if job.connections > 8192 and job.connections + 1000 > descriptors():
            return _too_few_descriptors(job.connections + 1000)
        return super().unfit(job)

    def configure(self, folder, port, servers, job):
        here = folder.seen
        account = "    user nobody\n    group nogroup\n" if AS_ROOT else ""
        protocols = "h2,http/1.1" if job.http2 else "http/1.1"
        tls = f"ssl-min-ver TLSv1.3 ciphersuites {SUITE} curves {job.group} alpn {protocols}"
        most = job.connections + 500
        backend = "\n".join(f"    server s{n} {server}" for n, server in enumerate(servers))
        mode, log = ("tcp", "tcplog") if job.tcp else ("http", "httplog")
        forwarding = "" if job.tcp else HAPROXY_FORWARDING
        reuse = "" if job.tcp else "    http-reuse always\n"
        reuse += HAPROXY_CHECKS if job.mortal else ""
        (folder.real / "haproxy.cfg").write_text(
            f"""global
    nbthread {job.workers}
    tune.bufsize 32768
    maxconn {most}
    no strict-limits
    log stdout format raw local0 info
{account}
defaults
    mode {mode}
    log global
    option {log}
    maxconn {most}
    backlog 4096
    timeout connect 5s
    timeout client 1h
    timeout server 1h
    timeout tunnel 1h
frontend tls
    bind 127.0.0.1:{port} ssl crt {here}/certificates/both {tls}
{forwarding}    default_backend web
backend web
{reuse}{backend}
"""
        )
        return ["-db", "-f", here / "haproxy.cfg"]


class Hitch(Proxy):
    family = "hitch"
    program = "hitch"
    parses_http = False
    has_access_log = False
    descriptors_per_connection = 2

    def find_version(self):
        return _found(r"hitch ([0-9.]+)", self.run("--version"))

    def unfit(self, job):
        if job.servers > 1:
            return "it has one server only"
        if job.connections > 16000:
            return "a connection to the backend for each client, more than the backend here takes"
        return super().unfit(job)

    def configure(self, folder, port, servers, job):
        here = folder.seen
        account = 'user = "nobody"\ngroup = "nogroup"\n' if AS_ROOT else ""
        pems = "\n".join(
            f'pem-file = "{here}/certificates/both/{name}.pem"'
            for name in certificates.names(job.sites)
        )
        address, _, backend_port = servers[0].rpartition(":")
        (folder.real / "hitch.conf").write_text(
            f"""{account}daemon = off
workers = {job.workers}
backlog = 4096
log-level = 1
frontend = "[127.0.0.1]:{port}"
backend = "[{address}]:{backend_port}"
{pems}
tls-protos = TLSv1.3
ciphersuites = "{SUITE}"
ecdh-curve = "{job.group}"
alpn-protos = "http/1.1"
ocsp-dir = ""
"""
        )
        return ["--config", here / "hitch.conf"]


class Stunnel(Proxy):
    family = "stunnel"
    program = "stunnel"
    parses_http = False
    compares = False
    has_access_log = False
    descriptors_per_connection = 2

    def find_version(self):
        return _found(r"stunnel ([0-9.]+)", self.run("-version"))

    def unfit(self, job):
        if job.servers > 1 or job.sites > 1 or job.workers > 1 or job.connections > 8192:
            return "a thread for each connection, one site, one server"
        return super().unfit(job)

    def configure(self, folder, port, servers, job):
        here = folder.seen
        account = "setuid = nobody\nsetgid = nogroup\n" if AS_ROOT else ""
        (folder.real / "stunnel.conf").write_text(
            f"""{account}foreground = yes
pid =
debug = err
[web]
accept = 127.0.0.1:{port}
connect = {servers[0]}
cert = {here}/certificates/both/localhost.pem
sslVersionMin = TLSv1.3
ciphersuites = {SUITE}
curves = {job.group}
TIMEOUTidle = 3600
TIMEOUTclose = 0
"""
        )
        return [here / "stunnel.conf"]


PEERS = (Nginx, HAProxy, Hitch, Stunnel)


def linked_openssl(proxy):
    """The version of the OpenSSL library that a program runs on, as in "OpenSSL 3.0.19"."""
    words = (["chroot", proxy.root] if proxy.root else []) + ["ldd", proxy.seen_path]
    library = re.search(r"libcrypto\.so\S* => (\S+)", output_of(*words))
    content = Path(f"{proxy.root or ''}{library[1]}").read_bytes() if library else b""
    found = re.search(rb"OpenSSL [0-9]+\.[0-9]+\.[0-9]+[a-z]? ", content)
    return found[0].decode().strip() if found else "OpenSSL ?"


def _too_few_descriptors(needed):
    return f"needs {needed:,.0f} descriptors, and a process may have {descriptors():,} here"


def _short(version):
    """Without the last number: "1.22.1" is "1.22"."""
    return re.sub(r"(\d+\.\d+)\.\d+\S*", r"\1", version)


def _found(pattern, text):
    match = re.search(pattern, text)
    return match[1] if match else "?"
