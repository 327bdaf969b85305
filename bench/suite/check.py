"""A look at a proxy before it is measured: does it do the same work as the others, and right?"""

import http.client
import re
import socket
import ssl
import subprocess

from . import certificates
from .workshop import GROUP, SUITE

# What OpenSSL 3.0 and OpenSSL 3.5 call the signature with each kind of key.
SIGNATURES = {"ecdsa": ("ECDSA", "ecdsa_secp256r1_sha256"), "rsa": ("RSA-PSS", "rsa_pss_rsae_sha256")}


def check_tls(port, job):
    """Problems with what a client that offers one suite and one group gets."""
    if job.group != GROUP:
        return []  # OpenSSL 3.0 has no other; the load client offers nothing else either
    name = certificates.names(job.sites)[-1]
    command = [
        "openssl",
        "s_client",
        "-brief",
        "-connect",
        f"127.0.0.1:{port}",
        "-servername",
        name,
    ]
    command += ["-ciphersuites", SUITE, "-groups", job.group, "-alpn", "http/1.1"]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=20,
        )
    except subprocess.TimeoutExpired:
        return ["no handshake within 20 s"]
    return tls_problems(done.stdout.decode(errors="replace"), job)


def tls_problems(text, job):
    """What `openssl s_client -brief` printed, against what it should have."""
    wanted = {
        "Protocol version": ("TLSv1.3",),
        "Ciphersuite": (SUITE,),
        "(?:Server|Peer) Temp Key": (job.group,),
        "Signature type": SIGNATURES[job.kind],
    }
    problems = []
    for name, values in wanted.items():
        found = re.search(rf"^{name}: ([^,\n]*)", text, re.MULTILINE)
        got = found[1].strip() if found else "(none)"
        if got not in values:
            shown = name.rpartition(")")[2].strip()
            problems.append(f"the handshake has {shown} {got} instead of {values[0]}")
    return problems


def check_files(port, chain, name, files):
    """Problems with the files as they come through the proxy, and with its certificate."""
    problems = []
    context = ssl.create_default_context(cafile=str(chain))
    connection = http.client.HTTPSConnection(name, port, context=context, timeout=30)
    try:
        plain = socket.create_connection(("127.0.0.1", port), 30)
        connection.sock = context.wrap_socket(plain, server_hostname=name)
        for path, content in files.items():
            connection.request("GET", path, headers={"Host": name})
            response = connection.getresponse()
            if response.read() != content or response.status != 200:
                problems.append(f"{path} did not come as the backend has it ({response.status})")
    except (OSError, http.client.HTTPException) as error:
        problems.append(f"fetching {files and list(files)}: {error!r}")
    finally:
        connection.close()
    return problems
