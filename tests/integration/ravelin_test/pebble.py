"""Pebble: an ACME server for tests, with a name server for which every name is this machine. Both are Debian packages."""

import json
import shutil
import ssl
import urllib.request

from .ports import Port
from .processes import Process
from .waiting import wait_for

AVAILABLE = all(map(shutil.which, ("pebble", "pebble-challtestsrv")))


class Pebble:
    """It validates challenges over plain HTTP at `http_port`. `options` are of its configuration file."""

    def __init__(self, folder, authority, http_port, environment=None, **options):
        self.folder = folder
        self._authority = authority
        self._ports = [Port() for _ in range(4)]
        directory, management, names, names_management = (port.number for port in self._ports)
        for port in self._ports:
            port.close()  # a Go program binds without SO_REUSEPORT
        made = authority.certificate("localhost", "127.0.0.1")
        config = {
            "listenAddress": f"127.0.0.1:{directory}",
            "managementListenAddress": f"127.0.0.1:{management}",
            "certificate": str(made.path),
            "privateKey": str(made.key),
            "httpPort": http_port,
            "tlsPort": 9,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            **options,
        }
        (folder / "pebble.json").write_text(json.dumps({"pebble": config}))
        environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", **(environment or {})}
        self.directory = f"https://localhost:{directory}/dir"
        self._management = f"https://localhost:{management}"
        listening = [f"-{kind}={value}" for kind, value in self._names(names, names_management).items()]
        self._processes = [
            Process(["pebble-challtestsrv", *listening], folder / "names.log"),
            Process(
                ["pebble", "-config", folder / "pebble.json", "-dnsserver", f"127.0.0.1:{names}"],
                folder / "pebble.log",
                environment,
            ),
        ]
        self.ca = authority.ca  # of its own TLS certificate
        wait_for(self._answers, "pebble to answer")

    @staticmethod
    def _names(port, management):
        off = dict.fromkeys(("http01", "https01", "tlsalpn01", "defaultIPv6"), "")
        return {**off, "dns01": f"127.0.0.1:{port}", "management": f"127.0.0.1:{management}", "defaultIPv4": "127.0.0.1"}

    def _get(self, url):
        context = ssl.create_default_context(cafile=str(self.ca))
        with urllib.request.urlopen(url, context=context, timeout=10) as answer:
            return answer.read()

    def _answers(self):
        assert all(process.running() for process in self._processes), self.log()
        try:
            return self._get(self.directory)
        except OSError:
            return None

    def write_root(self, path):
        """The root of the certificates that it issues."""
        path.write_bytes(self._get(f"{self._management}/roots/0"))
        return path

    def log(self):
        return "".join(process.output() for process in self._processes)

    @property
    def address(self):
        return self.directory

    def close(self):
        for process in self._processes:
            process.end()
