"""Bodies of any size pass unchanged, in both directions, in bounded memory."""

import hashlib
import os
import socket
import subprocess
import threading

import pytest

from ravelin_test.client import CLOSE_NOTIFY
from ravelin_test.http import request, response
from ravelin_test.processes import TIED, memory_kib
from ravelin_test.settings import PATIENCE, SANITIZED, scaled
from ravelin_test.waiting import wait_for

GIB = 1 << 30
MEMORY_LIMIT_KIB = 64 * 1024
# Not a multiple of anything: every record and every read falls on another place of it.
BLOCK = os.urandom(8_388_593)


def generate(size, send):
    """Sends `size` bytes of the endless repetition of BLOCK."""
    view = memoryview(BLOCK)
    while size:
        piece = view[: min(size, len(BLOCK))]
        send(piece)
        size -= len(piece)


def expected_hash(size):
    digest = hashlib.sha256()
    generate(size, digest.update)
    return digest.hexdigest()


def hash_from(read, size=None):
    """(hash, size) of what read(limit) gives, up to `size` bytes or its end."""
    digest, seen = hashlib.sha256(), 0
    while size is None or seen < size:
        data = read(1 << 20 if size is None else min(1 << 20, size - seen))
        if not data:
            break
        digest.update(data)
        seen += len(data)
    return digest.hexdigest(), seen


def check_memory(proxy):
    if not SANITIZED:
        assert proxy.memory_peak_kib() < MEMORY_LIMIT_KIB


@pytest.mark.parametrize("framing", ["length", "chunked", "until close"])
def test_a_large_download(lab, framing):
    size = scaled(GIB) if framing == "length" else scaled(GIB // 8)

    def send_chunk(connection):
        def send(piece):
            connection.send(b"%x\r\n" % len(piece))
            connection.send(piece)
            connection.send(b"\r\n")

        return send

    def script(connection):
        connection.request()
        if framing == "length":
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
            generate(size, connection.send)
        elif framing == "chunked":
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            generate(size, send_chunk(connection))
            connection.send(b"0\r\n\r\n")
        else:
            connection.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
            generate(size, connection.send)

    proxy = lab.proxy(lab.server(script, keep=False))
    command = ["curl", "-sS", "--cacert", str(proxy.authority.ca), proxy.url("/large")]
    with subprocess.Popen(TIED + command, stdout=subprocess.PIPE, bufsize=0) as curl:
        found = hash_from(curl.stdout.read)
        assert curl.wait(PATIENCE) == 0
    assert found == (expected_hash(size), size)
    check_memory(proxy)
    [line] = proxy.access_log(1)
    assert line["response_bytes"] == size


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_large_upload(lab, framing):
    size = scaled(GIB) if framing == "length" else scaled(GIB // 8)

    def script(connection):
        head = connection.head()
        if head.chunked:
            digest, seen = hashlib.sha256(), 0
            while length := int(connection.reader.until(b"\r\n", "a size line"), 16):
                digest.update(connection.reader.exactly(length, "a chunk"))
                assert connection.reader.exactly(2, "its end") == b"\r\n"
                seen += length
            found = digest.hexdigest(), seen
        else:
            early = connection.reader.take(len(connection.reader.buffer))
            found = receive_hash(connection.socket, early, int(head.get("Content-Length")))
        connection.send(response(f"{found[0]} {found[1]}"))

    proxy = lab.proxy(lab.server(script, keep=False))
    fields = [f"Content-Length: {size}"] if framing == "length" else []
    command = ["curl", "-sS", "--cacert", str(proxy.authority.ca), "-H", "Expect:", "-T", "-", proxy.url("/large")]
    for field in fields:
        command += ["-H", field, "-H", "Transfer-Encoding:"]
    with subprocess.Popen(TIED + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as curl:
        generate(size, curl.stdin.write)
        curl.stdin.close()
        answer = curl.stdout.read().decode()
        assert curl.wait(PATIENCE) == 0
    assert answer == f"{expected_hash(size)} {size}"
    check_memory(proxy)
    [line] = proxy.access_log(1)
    assert line["request_bytes"] == size


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_fast_upload_that_pauses(lab, framing):
    """What comes before a pause reaches the server, however little it is. A body that comes fast is received in large
    pieces (session/bulk.h), but never waits for what may not come."""
    pieces = [8_000_000, 1, 20_000_000, 70_000, 5_000_000]
    seen = [0]

    def script(connection):
        head = connection.head()
        while seen[0] < sum(pieces):
            size = len(connection.reader.buffer)
            if head.chunked:
                size = int(connection.reader.until(b"\r\n", "a size line"), 16)
            elif size == 0:
                assert connection.reader.more()
                continue
            assert connection.reader.exactly(size, "a part of the body") == bytes(size)
            seen[0] += size
            assert not head.chunked or connection.reader.exactly(2, "the end of a chunk") == b"\r\n"
        if head.chunked:
            assert connection.reader.exactly(5, "the last chunk") == b"0\r\n\r\n"
        connection.send(response("all"))

    proxy = lab.proxy(lab.server(script))
    client = lab.client(proxy)
    known = f"Content-Length: {sum(pieces)}" if framing == "length" else "Transfer-Encoding: chunked"
    client.send(request(method="POST", fields=[known]))
    sent = 0
    for piece in pieces:
        body = bytes(piece)
        client.send(body if framing == "length" else b"%x\r\n%b\r\n" % (piece, body))
        sent += piece
        wait_for(lambda: seen[0] == sent, "the server to have all that was sent")
    if framing == "chunked":
        client.send(b"0\r\n\r\n")
    assert client.response().body == b"all"


def receive_hash(peer, early, size):
    digest, seen = hashlib.sha256(early), len(early)
    buffer = bytearray(1 << 20)
    while seen < size:
        count = peer.recv_into(buffer, min(len(buffer), size - seen))
        if not count:
            break
        digest.update(memoryview(buffer)[:count])
        seen += count
    return digest.hexdigest(), seen


def wait_until_stuck(sent):
    """Waits until the number that sent() gives has not grown for a while."""
    last, still = -1, 0

    def stuck():
        nonlocal last, still
        now = sent()
        still = still + 1 if now == last and now > 0 else 0
        last = now
        return still >= 10

    wait_for(stuck, "the sender to be held back")
    return last


class CountingSender:
    """A server script that sends a large body and counts what has left."""

    def __init__(self, size):
        self.size = size
        self.sent = 0

    def __call__(self, connection):
        connection.request()
        connection.socket.settimeout(None)
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % self.size)
        generate_small(self.size, lambda piece: self._send(connection, piece))

    def _send(self, connection, piece):
        connection.send(piece)
        self.sent += len(piece)


def generate_small(size, send):
    """As generate(), in pieces of 64 KiB."""
    generate(size, lambda block: [send(block[at : at + 65_536]) for at in range(0, len(block), 65_536)])


def test_a_client_that_reads_slowly_holds_the_server_back(lab):
    """Much more than sockets can hold is under way; none of it piles up in the proxy."""
    size = 200_000_000
    sender = CountingSender(size)
    proxy = lab.proxy(lab.server(sender, keep=False))
    client = lab.client(proxy, receive_buffer=65_536)
    client.send(request(fields=["Connection: close"]))
    held_at = wait_until_stuck(lambda: sender.sent)
    assert held_at < size / 2
    check_memory(proxy)
    assert client.reader.head().status == 200
    early = client.reader.take(len(client.reader.buffer))
    digest, seen = hashlib.sha256(early), len(early)
    while client.reader.more():
        data = client.reader.take(len(client.reader.buffer))
        digest.update(data)
        seen += len(data)
    assert (digest.hexdigest(), seen) == (expected_hash(size), size)
    assert client.ended == CLOSE_NOTIFY
    check_memory(proxy)


def test_many_slow_clients(lab):
    """The bound is per session, and small."""
    sender = CountingSender(50_000_000)
    proxy = lab.proxy(lab.server(sender, keep=False))
    clients = [lab.client(proxy, receive_buffer=16_384) for _ in range(50)]
    for client in clients:
        client.send(request())
    wait_until_stuck(lambda: sender.sent)
    check_memory(proxy)
    for client in clients:
        client.reset()
    proxy.wait_for_metrics(sessions_open=0, send_buffers=0, receive_buffers=0)


def test_a_server_that_reads_slowly_holds_the_client_back(lab):
    size = 200_000_000
    go = threading.Event()

    def script(connection):
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        head = connection.head()
        early = connection.reader.take(len(connection.reader.buffer))
        assert go.wait(4 * PATIENCE)
        connection.send(response("%s %d" % receive_hash(connection.socket, early, int(head.get("Content-Length")))))

    proxy = lab.proxy(lab.server(script, keep=False))
    client = lab.client(proxy)
    client.socket.settimeout(4 * PATIENCE)
    client.send(request(method="POST", fields=[f"Content-Length: {size}"]))
    sent = [0]

    def upload():
        def send(piece):
            client.send(piece)
            sent[0] += len(piece)

        generate_small(size, send)

    uploading = threading.Thread(target=upload, daemon=True)
    uploading.start()
    held_at = wait_until_stuck(lambda: sent[0])
    assert held_at < size / 2
    check_memory(proxy)
    go.set()
    uploading.join(4 * PATIENCE)
    assert client.response().body.decode() == f"{expected_hash(size)} {size}"
    check_memory(proxy)


def test_memory_comes_back_after_the_work(lab):
    """Buffers belong to a session only while it needs them."""
    proxy = lab.proxy(lab.server(CountingSender(20_000_000), keep=False))
    for _ in range(3):
        client = lab.client(proxy)
        client.send(request(fields=["Connection: close"]))
        assert len(client.reader.rest()) > 20_000_000
    proxy.wait_for_metrics(sessions_open=0, send_buffers=0, receive_buffers=0)
    [pid] = proxy.worker_pids().values()
    if not SANITIZED:
        assert memory_kib(pid) < MEMORY_LIMIT_KIB
