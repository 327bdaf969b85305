"""The temporary folder of a run and what every server and client in it shares."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from . import certificates

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30

# One choice of TLS parameters for all servers and clients, so that all do the same work.
SUITE = "TLS_AES_128_GCM_SHA256"
GROUP = "X25519"
HYBRID = "X25519MLKEM768"

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
class Folder:
    """A folder of a program: where it is, and where the program sees it, which may live in another
    root."""

    real: Path
    seen: Path

    def new(self, name):
        (self.real / name).mkdir()
        return Folder(self.real / name, self.seen / name)


class Workshop:
    """A folder that unprivileged workers may look into. Use it in a `with` statement."""

    def __init__(self, client, keep=False):
        self.client = client  # the load client's path
        self.keep = keep
        self.folder = Path(tempfile.mkdtemp(prefix="ravelin-bench."))
        self.folder.chmod(0o755)
        self._folders = [self.folder]
        self._count = 0
        self._certificates = {}
        self.openssl_conf = self.folder / "openssl.cnf"
        self.openssl_conf.write_text(OPENSSL_CONF)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if not self.keep:
            for folder in self._folders:
                shutil.rmtree(folder, ignore_errors=True)

    def new_folder(self, name, root=None):
        """A new Folder, inside another root where one is given."""
        self._count += 1
        name = f"{self._count}-{name}"
        if not root:
            folder = self.folder / name
            folder.mkdir()
            return Folder(folder, folder)
        seen = Path("/tmp") / self.folder.name
        real = Path(root) / seen.relative_to("/")
        if real not in self._folders:
            real.mkdir()
            real.chmod(0o755)
            self._folders.append(real)
        return Folder(real, seen).new(name)

    def client_env(self):
        """The environment of a load tool: our TLS parameters, no proxy on the way."""
        env = {**os.environ, "OPENSSL_CONF": str(self.openssl_conf), "LC_ALL": "C"}
        return {name: value for name, value in env.items() if not name.lower().endswith("_proxy")}

    def certificates(self, kind, count=1):
        """The folder of that many certificates; they are made when first asked for."""
        if (kind, count) not in self._certificates:
            folder = self.new_folder(f"certificates-{kind}-{count}").real
            certificates.make(folder, kind, count)
            self._certificates[kind, count] = folder
        return self._certificates[kind, count]

    def file(self, name, content):
        """A file with that content, the same one for the same name."""
        path = self.folder / name
        if not path.exists():
            path.write_bytes(content)
        return path
