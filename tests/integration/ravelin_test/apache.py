"""Apache httpd as a server behind a proxy: files, a WebDAV folder, and git repositories over its CGI."""

import shutil
import socket

from .ports import Port
from .processes import Process
from .settings import IS_ROOT
from .waiting import wait_for

MODULES = ["mpm_event", "authz_core", "mime", "dir", "alias", "env", "cgid", "dav", "dav_fs", "dav_lock"]
CONFIG = """
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
DefaultRuntimeDir {folder}
ScriptSock {folder}/cgid.sock
Listen 127.0.0.1:{port}
{user}
StartServers 1
KeepAlive On
MaxKeepAliveRequests 0
TypesConfig /dev/null
DocumentRoot {folder}/html
DavLockDB {folder}/locks/database
<Directory {folder}/html>
    Require all granted
    Dav On
</Directory>
SetEnv GIT_PROJECT_ROOT {folder}/git
SetEnv GIT_HTTP_EXPORT_ALL 1
SetEnv HOME {folder}
ScriptAlias /git/ /usr/lib/git-core/git-http-backend/
<Directory /usr/lib/git-core>
    Require all granted
</Directory>
"""


class Apache:
    """Serves `folder`/html (also to be written by PUT and DELETE) and, under /git/, the repositories in `folder`/git."""

    def __init__(self, folder):
        self.folder = folder
        self.html = folder / "html"
        self.git = folder / "git"
        for path in [self.html, self.git, folder / "locks"]:
            path.mkdir()
            if IS_ROOT:
                shutil.chown(path, "nobody", "nogroup")
        wait_for(self._start, "Apache to listen")
        self.address = f"127.0.0.1:{self.port}"

    def _start(self):
        """One try: Apache shares no port with the socket that holds it for us, so somebody else may be faster."""
        port = Port()
        self.port = port.number
        port.close()
        loads = [f"LoadModule {name}_module /usr/lib/apache2/modules/mod_{name}.so" for name in MODULES]
        user = "User nobody\nGroup nogroup" if IS_ROOT else ""
        config = self.folder / "apache.conf"
        config.write_text("\n".join(loads) + CONFIG.format(folder=self.folder, port=self.port, user=user))
        program = shutil.which("apache2") or "/usr/sbin/apache2"
        self._process = Process([program, "-DFOREGROUND", "-f", config], self.folder / "log")
        wait_for(lambda: self._answers() or not self._process.running(), "Apache to start")
        assert self._answers() or "Address already in use" in self._process.output(), self._process.output()
        return self._answers()

    def _answers(self):
        with socket.socket() as probe:
            return self._process.running() and probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        self._process.end()
