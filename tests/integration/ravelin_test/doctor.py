"""Running `ravelin doctor`, and servers for it to look at: real ones that are set up badly, and one that takes all."""

import base64
import json
import os
import shutil
import ssl
import struct

from .certificates import Certificate
from .ports import Port
from .processes import Process, run, text
from .settings import RAVELIN, SCALE
from .tls13.wire import extension, record, vector

# Generous: a server that answers is never waited for that long.
TIMEOUT = f"{int(10 * SCALE)}s"
# For servers that let it wait.
SHORT = f"{int(300 * SCALE)}ms"


def doctor(target, *arguments, ca=None, timeout=TIMEOUT):
    """Runs it; `target` is a port of this machine, or the text itself. The result of the process."""
    target = f"localhost:{target}" if isinstance(target, int) else target
    trust = ["--ca", ca] if ca else []
    return run([RAVELIN, "doctor", "--timeout", timeout, *trust, *arguments, target], check=False)


class Report:
    """What `ravelin doctor --json` said."""

    def __init__(self, target, *arguments, **options):
        result = doctor(target, "--json", *arguments, **options)
        self.exit_code = result.returncode
        assert self.exit_code in (0, 1), text(result.stdout + result.stderr)
        assert result.stderr == b""
        self.whole = json.loads(result.stdout)
        self.checks = {check["id"]: check for check in self.whole["checks"]}
        assert len(self.checks) == len(self.whole["checks"])
        assert self.exit_code == (1 if self.ids("fail") else 0)

    def ids(self, result):
        """Of the checks with this result, in the order of the report."""
        return [check["id"] for check in self.whole["checks"] if check["result"] == result]

    def expect(self, **results):
        """Checks some results; '_' stands for '-' or '.' in ids."""
        by_name = {id.replace("-", "_").replace(".", "_"): check for id, check in self.checks.items()}
        found = {name: by_name[name]["result"] for name in results}
        assert found == results, json.dumps([by_name[name] for name in results], indent=1)
        return self

    def came(self, id):
        return self.checks[id]["came"]


# ---- Certificates


class Workshop:
    """Certificates of any kind, good or bad, in a folder: the openssl program makes them.

    root.pem is the authority to trust.
    """

    def __init__(self, folder):
        self.folder = folder
        self.ca = self.make("root", None, "-addext", "keyUsage=critical,keyCertSign,cRLSign").path

    def make(self, name, issuer, *options, key=("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")):
        """NAME.pem by `issuer` (a Certificate, or None: by itself)."""
        made = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        by = ["-CA", issuer.path, "-CAkey", issuer.key] if issuer else []
        command = ["openssl", "req", "-x509", "-nodes", *key, "-subj", f"/CN={name}", "-out", made.path]
        run([*command, "-keyout", made.key, *by, *options])
        return made

    @property
    def root(self):
        return Certificate(self.folder / "root.pem", self.folder / "root.key")

    def leaf(self, name="leaf", issuer=None, *options, names="DNS:localhost", **how):
        extensions = ["-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth"]
        if names:
            extensions += ["-addext", f"subjectAltName={names}"]
        return self.make(name, issuer or self.root, *extensions, *options, **how)

    def leaf_of_dates(self, start, end):
        """Valid from one date to another (YYMMDDHHMMSSZ): only `openssl ca` can do that."""
        request = self.folder / "request.pem"
        made = Certificate(self.folder / "dated.pem", self.folder / "dated.key")
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", made.key]
        run(["openssl", "req", "-new", *key, "-subj", "/CN=dated", "-out", request])
        (self.folder / "index").write_text("")
        config = self.folder / "ca.conf"
        config.write_text(
            f"[ca]\ndefault_ca = this\n[this]\ndatabase = {self.folder}/index\nnew_certs_dir = {self.folder}\n"
            "rand_serial = yes\ndefault_md = sha256\npolicy = any\nx509_extensions = leaf\n"
            "[any]\ncommonName = supplied\n"
            "[leaf]\nsubjectAltName = DNS:localhost\nextendedKeyUsage = serverAuth\n"
        )
        signing = ["-cert", self.root.path, "-keyfile", self.root.key, "-startdate", start, "-enddate", end]
        run(["openssl", "ca", "-batch", "-config", config, *signing, "-in", request, "-out", made.path, "-notext"])
        return made

    def chain(self, *certificates):
        """The file of the first with the others behind it."""
        path = self.folder / f"chain{len(list(self.folder.iterdir()))}.pem"
        path.write_bytes(b"".join(certificate.path.read_bytes() for certificate in certificates))
        return Certificate(path, certificates[0].key)

    def ocsp_response(self, leaf, issuer, status="V"):
        """A response about the leaf, V(alid) or R(evoked), by its issuer. Its path."""
        serial = text(run(["openssl", "x509", "-in", leaf.path, "-noout", "-serial"]).stdout).strip().split("=")[1]
        revoked = "200101000000Z" if status == "R" else ""
        index, request = self.folder / "ocsp-index", self.folder / "ocsp-request"
        response = self.folder / "ocsp-response"
        index.write_text(f"{status}\t401231235959Z\t{revoked}\t{serial}\tunknown\t/CN=leaf\n")
        run(["openssl", "ocsp", "-issuer", issuer.path, "-cert", leaf.path, "-no_nonce", "-reqout", request])
        signer = ["-CA", issuer.path, "-rsigner", issuer.path, "-rkey", issuer.key, "-ndays", "2"]
        run(["openssl", "ocsp", "-index", index, *signer, "-reqin", request, "-respout", response])
        return response


# ---- Real servers


class OpensslServer:
    """openssl s_server, which answers GET with a page about the connection."""

    def __init__(self, folder, certificate, *options):
        self._port = Port()
        self.port = self._port.number
        shown = ["-cert", certificate.path, "-key", certificate.key] if certificate else ["-nocert"]
        chain = ["-cert_chain", certificate.path] if certificate else []
        command = ["openssl", "s_server", "-accept", self._port.address, "-www", *shown, *chain, *options]
        # Debian's own settings forbid what is weak, before any option is looked at.
        settings = folder / "openssl.cnf"
        sections = "openssl_conf = a\n[a]\nssl_conf = b\n[b]\nsystem_default = c\n[c]\n"
        settings.write_text(sections + "CipherString = ALL:@SECLEVEL=0\n")
        weak = {"OPENSSL_CONF": str(settings)}
        self._process = Process(command, folder / f"s_server{self.port}.log", weak)
        self._process.wait_for_output("ACCEPT")
        self.address = self._port.address

    def close(self):
        self._process.end()
        self._port.close()


class GnutlsServer:
    """gnutls-serv, which still knows what OpenSSL has thrown out."""

    def __init__(self, folder, certificate, priority):
        self._port = Port()
        self.port = self._port.number
        self.address = self._port.address
        program = shutil.which("gnutls-serv")
        shown = ["--x509certfile", certificate.path, "--x509keyfile", certificate.key]
        command = [program, "--http", "--port", self.port, "--priority", priority, *shown]
        self._process = Process(command, folder / f"gnutls{self.port}.log")
        self._process.wait_for_output("IPv4.*done")

    def close(self):
        self._process.end()
        self._port.close()


# ---- Scripts for scripted servers (ravelin_test/servers.py)


def tls_script(certificate, answer, version=ssl.TLSVersion.TLSv1_3):
    """A TLS server whose requests go to answer(tls_socket, first bytes)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = version
    context.load_cert_chain(certificate.path, certificate.key)

    def script(connection):
        try:
            with context.wrap_socket(connection.socket, server_side=True, suppress_ragged_eofs=True) as tls:
                request = tls.recv(65536)
                if request:
                    answer(tls, request)
        except (ssl.SSLError, OSError):
            pass  # the doctor asked for what it should not get, or left

    return script


def say_ok(tls, request):
    """Takes anything, says 200 and ends in order."""
    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    tls.unwrap()


class Hello:
    """A ClientHello, read."""

    def __init__(self, message):
        self.version = int.from_bytes(message[4:6], "big")
        at = 38 + 1 + message[38]
        self.session_id = message[39:at]
        size = int.from_bytes(message[at : at + 2], "big")
        self.suites = struct.unpack(f">{size // 2}H", message[at + 2 : at + 2 + size])
        at += 2 + size
        self.compressions = message[at + 1 : at + 1 + message[at]]
        at += 1 + message[at] + 2
        self.extensions = {}
        while at + 4 <= len(message):
            number, size = struct.unpack(">HH", message[at : at + 4])
            self.extensions[number] = message[at + 4 : at + 4 + size]
            at += 4 + size


RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def take_everything(hello):
    """The answer of a server that takes whatever it is offered first."""
    extensions = b""
    random = os.urandom(32)
    if 43 in hello.extensions:  # TLS 1.3: asks for the first group
        random = RETRY_RANDOM
        extensions = extension(43, b"\3\4") + extension(51, hello.extensions[10][2:4])
    body = struct.pack(">H", min(hello.version, 0x0303)) + random + vector(hello.session_id, 1)
    body += struct.pack(">HB", hello.suites[0], hello.compressions[0]) + (vector(extensions, 2) if extensions else b"")
    return record(22, b"\x02" + vector(body, 3), 0x0303)


def hello_script(answer):
    """Reads one ClientHello of any kind and sends answer(hello); for one of SSL 2.0 its own kind of answer."""

    def script(connection):
        data = b""
        while len(data) < 5 or (data[0] == 22 and len(data) < 5 + int.from_bytes(data[3:5], "big")):
            more = connection.socket.recv(65536)
            if not more:
                return
            data += more
        if data[0] == 22:
            connection.send(answer(Hello(data[5:])))
        elif data[0] & 0x80:
            body = b"\4\0\1\0\2" + struct.pack(">HHH", 0, 3, 16) + b"\1\0\x80" + os.urandom(16)
            connection.send(struct.pack(">H", 0x8000 | len(body)) + body)
        connection.end()
        connection.socket.recv(65536)

    return script


# The prime of 1024 bits that everybody used, RFC 2409 section 6.2.
OLD_PRIME = bytes.fromhex(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b"
    "302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6"
    "49286651ece65381ffffffffffffffff"
)


def old_dh_parameters(folder):
    path = folder / "dh.pem"
    der = b"\x30\x81\x87\x02\x81\x81\0" + OLD_PRIME + b"\x02\x01\x02"
    path.write_bytes(b"-----BEGIN DH PARAMETERS-----\n" + base64.encodebytes(der) + b"-----END DH PARAMETERS-----\n")
    return path
