"""A look at a proxy before it is measured: does it do the same work as the others, and right?"""

import http.client
import re
import ssl
import subprocess

from .workshop import GROUP, SUITE


def check_tls(proxy):
    """Problems with what a client that offers one suite and one group gets."""
    command = ["openssl", "s_client", "-brief", "-connect", f"127.0.0.1:{proxy.port}"]
    command += ["-ciphersuites", SUITE, "-groups", GROUP, "-alpn", "http/1.1"]
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
    text = done.stdout.decode(errors="replace")
    wanted = {
        "Protocol version": "TLSv1.3",
        "Ciphersuite": SUITE,
        "Server Temp Key": GROUP,
        "Signature type": "ECDSA",
    }
    problems = []
    for name, value in wanted.items():
        found = re.search(rf"^{name}: ([^,\n]*)", text, re.MULTILINE)
        got = found[1].strip() if found else "(none)"
        if got != value:
            problems.append(f"the handshake has {name} {got} instead of {value}")
    return problems


def check_files(proxy, certificate, files):
    """Problems with the files as they come through the proxy."""
    problems = []
    context = ssl.create_default_context(cafile=str(certificate.chain))
    connection = http.client.HTTPSConnection("127.0.0.1", proxy.port, context=context, timeout=20)
    try:
        for path, content in files.items():
            connection.request("GET", path)
            response = connection.getresponse()
            if response.read() != content or response.status != 200:
                problems.append(f"{path} did not come as the backend has it ({response.status})")
    except (OSError, http.client.HTTPException) as error:
        problems.append(f"fetching {path}: {error!r}")
    finally:
        connection.close()
    return problems
