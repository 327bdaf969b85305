"""The temporary folder of a run and what every server and client in it shares."""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .errors import BenchError

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

# One choice of TLS parameters for all servers and clients, so that all do the same work.
SUITE = "TLS_AES_128_GCM_SHA256"
GROUP = "X25519"

OPENSSL_CONF = f"""openssl_conf = settings
[settings]
ssl_conf = tls
[tls]
system_default = clients
[clients]
MinProtocol = TLSv1.3
Ciphersuites = {SUITE}
Groups = {GROUP}
"""


@dataclass(frozen=True)
class Certificate:
    chain: Path
    key: Path
    both: Path  # chain and key in one file, as HAProxy and hitch want it


class Workshop:
    """A folder that unprivileged workers may look into. Use it in a `with` statement."""

    def __init__(self, keep=False):
        self.keep = keep
        self.folder = Path(tempfile.mkdtemp(prefix="ravelin-bench."))
        self.folder.chmod(0o755)
        self._count = 0
        self.openssl_conf = self.folder / "openssl.cnf"
        self.openssl_conf.write_text(OPENSSL_CONF)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)

    def new_folder(self, name):
        self._count += 1
        folder = self.folder / f"{self._count}-{name}"
        folder.mkdir()
        return folder

    def client_env(self):
        """The environment of a load tool: our TLS parameters, no proxy on the way."""
        env = {**os.environ, "OPENSSL_CONF": str(self.openssl_conf), "LC_ALL": "C"}
        return {name: value for name, value in env.items() if not name.lower().endswith("_proxy")}

    def certificate(self):
        """A self-signed ECDSA P-256 certificate for localhost and 127.0.0.1."""
        folder = self.new_folder("certificate")
        made = Certificate(folder / "chain.pem", folder / "key.pem", folder / "both.pem")
        command = ["openssl", "req", "-x509", "-nodes", "-days", "30", "-subj", "/CN=localhost"]
        command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        command += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        command += ["-keyout", str(made.key), "-out", str(made.chain)]
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
        if done.returncode != 0:
            raise BenchError(f"openssl made no certificate:\n{done.stderr}")
        made.both.touch(0o600)
        made.both.write_text(made.key.read_text() + made.chain.read_text())
        made.key.chmod(0o600)
        return made
