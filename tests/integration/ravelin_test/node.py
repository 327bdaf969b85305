"""node programs from tests/integration/node: servers behind a proxy, and clients."""

from pathlib import Path

from .processes import Process, run

SCRIPTS = Path(__file__).resolve().parents[1] / "node"
# Where Debian puts packages such as node-ws; a node from elsewhere does not look there by itself. Proxies in tests listen at
# 127.0.0.1, and node 18 tries only the first address of 'localhost'.
ENVIRONMENT = {"NODE_PATH": "/usr/share/nodejs:/usr/lib/nodejs", "NODE_OPTIONS": "--dns-result-order=ipv4first"}


class NodeServer:
    """A script that listens on a port of its own choice and says "port NUMBER"."""

    def __init__(self, folder, script, *arguments):
        self._process = Process(["node", SCRIPTS / script, *arguments], folder / f"{script}.log", ENVIRONMENT)
        self.port = int(self._process.wait_for_output(r"^port (\d+)$").group(1))
        self.address = f"127.0.0.1:{self.port}"

    def close(self):
        self._process.end()


def run_node(script, *arguments, ca=None, **options):
    """Runs a script to its end; returns its standard output."""
    environment = {**ENVIRONMENT, **({"NODE_EXTRA_CA_CERTS": str(ca)} if ca else {})}
    return run(["node", SCRIPTS / script, *arguments], environment=environment, **options).stdout.decode()
