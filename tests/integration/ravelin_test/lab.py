"""Everything one test starts: made through the `lab` fixture, ended with the test in the right order."""

import contextlib

from . import apache, dns, nginx, node
from .client import Client
from .folders import new_folder, remove_folder
from .ports import Port
from .proxy import Proxy
from .servers import DeafServer, Server


class Lab:
    """A folder of the test's own, and what lives in it. First clients end, then proxies (in peace), then servers."""

    def __init__(self, authority):
        self.authority = authority
        self.folder = new_folder("test")
        self._clients = []
        self._proxies = []
        self._servers = []
        self._ports = []
        self._evidence = None

    def subfolder(self, name):
        folder = self.folder / name
        folder.mkdir()
        return folder

    def prepare(self, *servers, **options):
        """A proxy that is not started yet: for its options, see Proxy."""
        folder = self.subfolder(f"proxy{len(self._proxies)}")
        proxy = Proxy(folder, self.authority, *servers, **options)
        self._proxies.append(proxy)
        return proxy

    def proxy(self, *servers, **options):
        """A running proxy before these servers."""
        return self.prepare(*servers, **options).start()

    def proxies(self):
        return list(self._proxies)

    def client(self, proxy, **options):
        """A TLS connection to a proxy."""
        return self.keep_client(proxy.client(**options))

    def plain_client(self, port):
        return self.keep_client(Client(port, None))

    def keep_client(self, client):
        """Has it closed at the end of the test."""
        self._clients.append(client)
        return client

    def server(self, script=None, **options):
        """A scripted server: see servers.Server."""
        return self.keep_server(Server(script, **options))

    def deaf_server(self):
        return self.keep_server(DeafServer())

    def nginx(self, **options):
        return self.keep_server(nginx.Nginx(self.subfolder(f"nginx{len(self._servers)}"), **options))

    def apache(self):
        return self.keep_server(apache.Apache(self.subfolder(f"apache{len(self._servers)}")))

    def node(self, script, *arguments):
        return self.keep_server(node.NodeServer(self.folder, script, *arguments))

    def keep_server(self, server):
        self._servers.append(server)
        return server

    def knot(self, **options):
        """A DNS server whose zone "test" changes while it runs: see dns.Knot."""
        return self.keep_server(dns.Knot(self.subfolder(f"knot{len(self._servers)}"), **options))

    def scripted_dns(self, reply, **options):
        return self.keep_server(dns.ScriptedDns(reply, **options))

    def refused_address(self):
        """An address where nobody listens, for as long as the test runs."""
        port = Port()
        self._ports.append(port)
        return port.address

    def port(self):
        port = Port()
        self._ports.append(port)
        return port

    def evidence(self):
        """(title, text) of what tells why a test failed. After close(): as it was before the folder went."""
        if self._evidence is not None:
            return self._evidence
        pieces = []
        for proxy in self._proxies:
            pieces.append(("ravelin.conf", proxy.config.read_text()))
            lines = proxy.log().splitlines()
            pieces.append((f"log of ravelin ({proxy.state()}), its last lines", "\n".join(lines[-100:])))
            pieces.append(("access log, its last lines", "\n".join(proxy.access_lines()[-10:])))
        for server in self._servers:
            for failure in getattr(server, "failures", []):
                pieces.append((f"in the script of server {server.address}", failure))
        return pieces

    def _keep_evidence(self):
        self._evidence = self.evidence()

    def close(self, test_failed):
        """Ends everything. What ends badly is an error, unless the test failed anyway."""
        with contextlib.ExitStack() as stack:
            stack.callback(remove_folder, self.folder)
            stack.callback(self._keep_evidence)
            for ending in [*self._ports, *self._servers]:
                stack.callback(ending.close)
            for proxy in self._proxies:
                stack.callback(proxy.destroy)
            for client in self._clients:
                client.close()
            if test_failed:
                return
            for proxy in self._proxies:
                proxy.stop()
            for server in self._servers:
                assert not getattr(server, "failures", []), "\n".join(server.failures)
