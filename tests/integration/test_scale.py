"""conf/scale.md: several hosts behind a load balancer, each in a network namespace, with the examples of the page."""

import json
import os
import shlex
import shutil
import signal
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest

from ravelin_test.namespaces import Network
from ravelin_test.processes import run, text
from ravelin_test.settings import IS_ROOT, PATIENCE, RAVELIN, ROOT
from ravelin_test.waiting import wait_for
from test_documentation import assert_shown, commands_of, examples

PAGE = ROOT / "conf/scale.md"
PEERS = Path(__file__).parent / "ravelin_test/scale_peers.py"
NAME = "www.example.com"
SERVICE = "203.0.113.10"
HOSTS = {"a": "10.9.0.11", "b": "10.9.0.12", "c": "10.9.0.13"}
CLIENTS = [f"198.51.100.{number}" for number in range(10, 26)]
CA = "/etc/ssl/certs/ca-certificates.crt"


def block(word):
    """The example of the page with this in it."""
    [found] = [found for found in examples(PAGE) if word in found]
    return found


class Load:
    """Clients that connect and ask, each from an address of its own."""

    def __init__(self, bed):
        self._log = bed.lab.folder / "load.log"
        arguments = [sys.executable, PEERS, "load", NAME, SERVICE, bed.lab.authority.ca, *CLIENTS]
        self._process = bed.clients.start(arguments, self._log)

    def records(self):
        """One for each request, and for each connection that failed."""
        lines = self._log.read_text().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_for_connections(self, count=3):
        """Until every client has had so many more."""
        before = self._connections()
        wanted = {client: before[client] + count for client in CLIENTS}

        def look():
            now = self._connections()
            return all(now[client] >= wanted[client] for client in CLIENTS)

        wait_for(look, f"{count} connections of every client", 4 * PATIENCE)

    def _connections(self):
        return defaultdict(int, {record["source"]: record["connection"] for record in self.records()})

    def wait_for_host(self, address):
        """Until a request that begins now is served there."""
        begin = len(self.records())
        wait_for(lambda: any(one.get("host") == address for one in self.records()[begin:]), f"a request at {address}", 4 * PATIENCE)

    def end(self):
        assert self._process.end() == 0
        return self.records()


class Bed:
    """Three hosts with Ravelin, a server behind them, and clients. The load balancer is of the test."""

    def __init__(self, lab):
        self.lab = lab
        self.network = lab.keep_server(Network())
        self.hosts = {name: self.network.host(name, f"{address}/24") for name, address in HOSTS.items()}
        self.app = self.network.host("app", "10.9.0.21/24", "10.9.0.22/24")
        self.clients = self.network.host("clients", *[f"{client}/32" for client in CLIENTS])
        self.balancer = self.network.host("lb", "10.9.0.1/24", f"{SERVICE}/32")
        self._processes = []
        self.start(self.app, [sys.executable, PEERS, "app"], "app").wait_for_output("listening")

    def start(self, host, arguments, name, environment=None):
        process = host.start(arguments, self.lab.folder / f"{name}.log", environment)
        self._processes.append(process)
        return process

    def prepare(self, name, change=lambda config: config):
        """Ravelin on this host with the configuration of the page."""
        proxy = self.lab.prepare(host=self.hosts[name], allow=[r"^\{"])
        (proxy.folder / "shared").mkdir()
        self.write_shared(proxy.folder / "shared")
        proxy.write_config("workers = 1\n" + change(block("proxy-protocol = yes")))
        return proxy

    def write_shared(self, folder):
        made = self.lab.authority.certificate(NAME)
        shutil.copy(made.path, folder / "www.pem")
        shutil.copy(made.key, folder / "www.key")
        (folder / "sites.conf").write_text(block("route /ready"))

    def start_all(self, **options):
        self.proxies = {name: self.prepare(name, **options).start() for name in HOSTS}

    def haproxy(self, **values):
        config = self.trusting(block("balance source"))
        # A loaded machine is no reason to move a client.
        config = config.replace("timeout connect 1s", "timeout connect 5s").replace("timeout check 1s", "timeout check 5s")
        for name, value in values.items():
            config = config.replace(f"srvtcpka-{name} ", f"srvtcpka-{name} {value} #")
        path = self.lab.folder / "haproxy.cfg"
        path.write_text(config)
        self.start(self.balancer, ["haproxy", "-db", "-f", path], "haproxy")
        wait_for(self.is_served, "a response through HAProxy")

    def trusting(self, words):
        """With the authority of the tests."""
        assert CA in words
        return words.replace(CA, str(self.lab.authority.ca))

    def is_served(self):
        return self.curl(self.clients, "--connect-to", f"::{SERVICE}:", "--interface", CLIENTS[0]) == "200"

    def curl(self, host, *arguments, url=f"https://{NAME}/"):
        command = ["curl", "-sS", "-o", "/dev/null", "-m", "5", "-w", "%{http_code}", "--cacert", self.lab.authority.ca]
        return text(host.run(*command, *arguments, url, check=False).stdout)

    def close(self):
        for process in self._processes:
            process.end(signal.SIGKILL)
        for proxy in self.lab.proxies():  # when these are stopped, they have waited for load balancers
            proxy.command("drain", check=False)


@pytest.fixture
def bed(lab):
    bed = Bed(lab)
    yield bed
    bed.close()


def run_in(host, command, bed, folder="/etc/ravelin"):
    """A command of the page."""
    ravelin = f"{shlex.quote(str(RAVELIN))} "
    command = command.replace("sudo ", "").replace("/etc/ravelin", str(folder))
    if command.startswith("ravelin "):
        command = ravelin + command.removeprefix("ravelin ")
    return text(host.run("bash", "-o", "pipefail", "-c", command).stdout)


def hosts_of(records):
    """The hosts of each client, in their order, without repetitions."""
    found = defaultdict(list)
    for record in records:
        if "host" in record and record["host"] not in found[record["source"]][-1:]:
            found[record["source"]].append(record["host"])
    return found


def assert_tickets_find_their_host(records):
    """A client does a full handshake at a host only if it was at another one before."""
    last = {}
    for record in records:
        if "error" not in record:
            came = last.get(record["source"], (None, None))
            if record["connection"] != came[1]:
                assert record["resumed"] == (record["host"] == came[0]), record
            last[record["source"]] = (record["host"], record["connection"])


def errors_of(records):
    return [record for record in records if "error" in record]


def assert_clients_are_known(records):
    assert all(record["client"] == record["source"] for record in records if "error" not in record)


def busiest(bed, load):
    """The host with the most clients, by name; and its clients."""
    clients = defaultdict(set)
    for source, hosts in hosts_of(load.records()).items():
        assert len(hosts) == 1, "a client was not sent to its host again"
        clients[hosts[0]].add(source)
    assert len(clients) > 1, "all clients are at one host"
    address = max(clients, key=lambda one: len(clients[one]))
    return next(name for name in HOSTS if HOSTS[name] == address), clients[address]


def test_a_host_that_drains(bed):
    """It says so first, and no request fails. Then it returns."""
    bed.start_all()
    bed.haproxy()
    load = Load(bed)
    load.wait_for_connections()
    name, moved = busiest(bed, load)
    proxy, host, address = bed.proxies[name], bed.hosts[name], HOSTS[name]
    [(command, shown)] = commands_of(block("ravelin drain"))
    assert_shown(shown, run_in(host, command, bed, proxy.folder))
    # Ravelin still accepts connections, and a check finds that it drains.
    ready = ["--connect-to", f"::{address}:"]
    assert bed.curl(bed.balancer, *ready, url=f"https://{NAME}:9443/ready") == "503"
    assert bed.curl(bed.balancer, *ready, "--haproxy-protocol") == "200"
    assert proxy.wait(4 * PATIENCE) == 0
    load.wait_for_connections()
    elsewhere = len(load.records())
    proxy.start()
    load.wait_for_host(address)
    load.wait_for_connections()
    records = load.end()
    assert errors_of(records) == []
    assert_clients_are_known(records)
    assert_tickets_find_their_host(records)
    for source, hosts in hosts_of(records).items():
        assert len(hosts) == (3 if source in moved else 1)
        assert hosts[0] == hosts[-1]
    assert address not in {record["host"] for record in records[elsewhere - 1 : elsewhere]}


@pytest.mark.parametrize("way", ["killed", "cut"])
def test_a_host_that_is_lost(bed, way):
    """Only its own connections fail: those that were open."""
    bed.start_all()
    bed.haproxy(idle="1s", intvl="1s", cnt="2")
    load = Load(bed)
    load.wait_for_connections()
    name, moved = busiest(bed, load)
    if way == "killed":
        bed.proxies[name].kill()
    else:
        bed.hosts[name].cut()
    lost = time.monotonic()
    load.wait_for_connections()
    records = load.end()
    assert errors_of(records), "nothing was lost"
    for record in errors_of(records):
        assert record["source"] in moved and record["opened"] <= lost, record
    assert len({record["source"] for record in errors_of(records)}) == len(errors_of(records)), "a client lost two connections"
    assert_clients_are_known(records)
    for source, hosts in hosts_of(records).items():
        assert len(hosts) == (2 if source in moved else 1)
    if way == "cut":
        bed.hosts[name].plug()


def test_a_proxy_header_from_elsewhere(bed):
    """A client that comes to a host by itself cannot say who it is."""
    proxy = bed.prepare("a").start()
    direct = ["--connect-to", f"::{HOSTS['a']}:", "--interface", CLIENTS[0], "--haproxy-protocol"]
    assert bed.curl(bed.clients, *direct) == "000"
    assert bed.curl(bed.balancer, *direct[:2], direct[-1]) == "200"
    assert bed.curl(bed.clients, *direct[:-1], url=f"https://{NAME}:9443/ready") == "403"
    assert "198.51.100.10" in proxy.log()


# ---- Without a PROXY header ----


def plain(config):
    return config.replace(" proxy-protocol = yes ", "").replace("trusted-proxies = 10.9.0.1\n", "")


def test_ecmp(bed):
    """The balancer is a router here. A host that leaves loses its own connections, and no other host loses one."""
    bed.start_all(change=plain)
    commands = [commands_of(found) for found in examples(PAGE) if "203.0.113.10/32" in found or "ip nexthop replace" in found]
    for_hosts, for_router, for_removal = commands[-3:]
    assert "dev lo" in for_hosts[0][0] and "nhid" in for_router[-1][0] and len(for_removal) == 1
    for host in bed.hosts.values():
        run_as_network(host, for_hosts)
        host.shell("ip route add 198.51.100.0/24 via 10.9.0.1")
    bed.balancer.shell(f"ip address del {SERVICE}/32 dev eth0; echo 1 >/proc/sys/net/ipv4/ip_forward")
    # The clients are on the network of the hosts here, and are not to be told so.
    bed.balancer.shell("for one in all eth0; do echo 0 >/proc/sys/net/ipv4/conf/$one/send_redirects; done")
    run_as_network(bed.balancer, for_router)
    bed.clients.shell(f"ip route add {SERVICE} via 10.9.0.1")
    wait_for(bed.is_served, "a response through the router")
    load = Load(bed)
    load.wait_for_connections()
    busiest(bed, load)
    gone = {source for source, hosts in hosts_of(load.records()).items() if hosts == [HOSTS["a"]]}
    run_as_network(bed.balancer, for_removal)
    removed = time.monotonic()
    load.wait_for_connections()
    records = load.end()
    assert all(record["source"] in gone and record["opened"] <= removed for record in errors_of(records)), errors_of(records)
    assert_clients_are_known(records)
    assert_tickets_find_their_host(records)
    for source, hosts in hosts_of(records).items():
        assert len(hosts) == (2 if source in gone else 1)


def run_as_network(host, commands):
    host.shell("; ".join(command.replace("sudo ", "") for command, _ in commands))


@pytest.mark.skipif(not shutil.which("keepalived"), reason="keepalived is not installed")
def test_keepalived(bed):
    """Its configuration is right, and so is its check. IPVS itself is in few kernels of test machines."""
    check = bed.lab.folder / "ravelin-ready"
    check.write_text(block("exec curl").replace("curl ", f"curl --cacert {shlex.quote(str(bed.lab.authority.ca))} "))
    check.chmod(0o755)
    config = bed.lab.folder / "keepalived.conf"
    config.write_text(block("virtual_server").replace("/usr/local/bin/ravelin-ready", str(check)))
    # Of its own, because it ends by a signal to all processes that it knows.
    alone = ["unshare", *([] if IS_ROOT else ["--user", "--map-root-user"]), "--pid", "--fork", "--kill-child"]
    done = run([*alone, "keepalived", "-t", "-f", config], check=False)
    assert done.returncode == 0, text(done.stdout + done.stderr)
    proxy = bed.prepare("a", plain).start()
    [commands] = [commands_of(found) for found in examples(PAGE) if "arp_ignore" in found]
    run_as_network(bed.hosts["a"], commands)
    asked = [check, HOSTS["a"]]
    assert bed.balancer.run(*asked).returncode == 0
    proxy.command("drain")
    assert bed.balancer.run(*asked, check=False).returncode != 0
    assert proxy.wait(4 * PATIENCE) == 0


# ---- Configuration ----


@pytest.mark.skipif(not shutil.which("etcd") or not shutil.which("etcdctl"), reason="etcd is not installed")
def test_etcd(bed):
    """What one host publishes, every host takes, unless it is wrong."""
    lab = bed.lab
    tools = lab.subfolder("bin")
    (tools / "ravelin").symlink_to(RAVELIN)
    peers = ["--listen-peer-urls", "http://127.0.0.1:2380", "--listen-client-urls", "http://0.0.0.0:2379"]
    peers += ["--advertise-client-urls", "http://10.9.0.1:2379", "--data-dir", lab.folder / "etcd"]
    bed.start(bed.balancer, ["etcd", *peers], "etcd")
    environment = {"ETCDCTL_ENDPOINTS": "http://10.9.0.1:2379", "PATH": f"{tools}:{os.environ['PATH']}"}

    proxies = [bed.prepare(name) for name in ("a", "b")]
    for proxy in proxies:
        shutil.rmtree(proxy.folder / "shared")
        first = [command for command, _ in commands_of(block("versions/first"))]
        for command in first:
            run_in(proxy.host, command, bed, proxy.folder)
        bed.write_shared(proxy.folder / "versions/first")
        proxy.start()
        script = proxy.folder / "ravelin-follow"
        script.write_text(block("#!/bin/sh\n# ravelin-follow").replace("/etc/ravelin", str(proxy.folder)))
        bed.start(proxy.host, ["sh", script], f"follow-{proxy.host.name}", environment)

    here = lab.subfolder("here")
    (here / "shared").mkdir()
    bed.write_shared(here / "shared")
    [(publish, shown)] = commands_of(block("etcdctl put"))

    def publish_with(text_of_site):
        (here / "shared/sites.conf").write_text(text_of_site)
        command = publish.replace("sudo ", "").replace("/etc/ravelin", str(here))
        done = bed.hosts["c"].run("bash", "-o", "pipefail", "-c", command, environment=environment)
        assert_shown(shown, text(done.stdout))

    def statuses(path):
        return [bed.curl(proxy.host, "--connect-to", f"::{proxy.host.address}:", url=f"https://{NAME}:9443{path}") for proxy in proxies]

    site = block("route /ready")
    for status in ("418", "410"):  # the second time, a watch has been there before
        publish_with(site.replace("route / ", f"route /new {{ return = {status} }}\n    route / "))
        wait_for(lambda: statuses("/new") == [status, status], f"{status} at both hosts", 4 * PATIENCE)
    used = [os.readlink(proxy.folder / "shared") for proxy in proxies]
    publish_with(site.replace("route / ", "rout / "))
    logs = [lab.folder / f"follow-{proxy.host.name}.log" for proxy in proxies]
    wait_for(lambda: all("'rout'" in log.read_text() for log in logs), "the refusal at both hosts", 4 * PATIENCE)
    wait_for(lambda: [os.readlink(proxy.folder / "shared") for proxy in proxies] == used, "the former files")
    assert statuses("/new") == ["410", "410"]
    publish_with(site)
    wait_for(lambda: statuses("/new") == ["200", "200"], "the next configuration at both hosts", 4 * PATIENCE)
