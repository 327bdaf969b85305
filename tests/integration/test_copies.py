"""Body bytes are not copied in user space: build/count/ravelin counts what goes through memcpy and memmove.

It is a build of its own (`make build/count/ravelin`, see tests/count_copies.c), which says "copied N MiB in process PID" for each
further MiB. What is copied is heads, TLS handshakes and wolfSSL's own work, not bodies: it does not grow with them.
"""

import os
import re

import pytest

from ravelin_test.http import response
from ravelin_test.settings import ROOT, SANITIZED

COUNTER = ROOT / "build/count/ravelin"
MIB = 1 << 20
MOVED = 256 * MIB
COPIED_MAX_MIB = 4

pytestmark = [
    pytest.mark.skipif(not COUNTER.exists(), reason="build/count/ravelin is not built"),
    pytest.mark.skipif(SANITIZED, reason="counted once, by the ordinary run"),
]


def copied_mib(proxy):
    """The most that one process of the proxy says it has copied."""
    return max([int(number) for number in re.findall(r"^copied (\d+) MiB", proxy.log(), re.MULTILINE)], default=0)


@pytest.fixture
def counted(lab):
    """Starts a proxy that counts."""

    def start(script):
        return lab.proxy(lab.server(script, keep=False), program=COUNTER, allow=["^copied "])

    return start


def test_a_download_is_not_copied(counted):
    block = os.urandom(MIB)

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MOVED)
        for _ in range(MOVED // MIB):
            connection.send(block)

    proxy = counted(script)
    assert len(proxy.curl("/").stdout) == MOVED
    assert copied_mib(proxy) <= COPIED_MAX_MIB


def test_a_chunked_download_is_not_copied(counted):
    block = os.urandom(MIB)

    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(MOVED // MIB):
            connection.send(b"%x\r\n" % MIB + block + b"\r\n")
        connection.send(b"0\r\n\r\n")

    proxy = counted(script)
    assert len(proxy.curl("/").stdout) == MOVED
    assert copied_mib(proxy) <= COPIED_MAX_MIB


def test_an_upload_is_not_copied(counted):
    def script(connection):
        head = connection.head()
        left = int(head.get("Content-Length")) - len(connection.reader.buffer)
        buffer = bytearray(MIB)
        while left:
            count = connection.socket.recv_into(buffer, min(MIB, left))
            assert count
            left -= count
        connection.send(response("all"))

    proxy = counted(script)
    result = proxy.curl("/", "-X", "PUT", "-H", "Expect:", "--data-binary", "@-", input=os.urandom(MIB) * (MOVED // MIB))
    assert result.stdout == b"all"
    assert copied_mib(proxy) <= COPIED_MAX_MIB


def test_the_counter_counts(lab, counted):
    """What is copied on purpose shows: many handshakes and heads."""
    proxy = counted(None)
    for _ in range(50):
        with lab.client(proxy) as client:
            for _ in range(20):
                client.ask(fields=["X-Long: " + "x" * 8000])
    assert copied_mib(proxy) >= 1
