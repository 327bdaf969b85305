"""No body byte is copied in user space: the build that counts memcpy and memmove moves large bodies and copies next to nothing."""

import re
import subprocess

import pytest

from ravelin_test.http import request, response
from ravelin_test.processes import TIED
from ravelin_test.settings import PATIENCE, ROOT, SANITIZED

MIB = 1 << 20
SIZE = 128 * MIB
COUNTER = ROOT / "build/count/ravelin"

pytestmark = pytest.mark.skipif(SANITIZED, reason="the copies are counted in a build of its own")


def copied_mib(proxy):
    """The largest number of MiB that one process has reported."""
    return max((int(count) for count in re.findall(r"^copied (\d+) MiB", proxy.log(), re.MULTILINE)), default=0)


def counting_proxy(lab, script, **options):
    """Its log holds the counter's lines besides its own."""
    return lab.proxy(lab.server(script, keep=False), program=COUNTER, allow=["^copied "], **options)


def body_in(framing, size):
    block = bytes(range(256)) * 4096  # 1 MiB
    for _ in range(size // MIB):
        yield b"%x\r\n" % len(block) + block + b"\r\n" if framing == "chunked" else block
    if framing == "chunked":
        yield b"0\r\n\r\n"


HEADS = {
    "length": b"Content-Length: %d\r\n" % SIZE,
    "chunked": b"Transfer-Encoding: chunked\r\n",
    "until close": b"Connection: close\r\n",
}


# What curl says, and the listener.
PROTOCOLS = {"http1": ("--http1.1", {}), "http2": ("--http2", {"http2": "yes"})}


@pytest.fixture(params=PROTOCOLS)
def protocol(request):
    return PROTOCOLS[request.param]


@pytest.mark.parametrize("framing", HEADS)
def test_a_download_is_not_copied(lab, framing, protocol):
    def script(connection):
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + HEADS[framing] + b"\r\n")
        for piece in body_in(framing, SIZE):
            connection.send(piece)

    option, listen = protocol
    proxy = counting_proxy(lab, script, listen=listen)
    answer = proxy.curl("/", option, "-o", "/dev/null", "-w", "%{size_download}")
    assert answer.stdout == str(SIZE).encode()
    assert copied_mib(proxy) <= SIZE // MIB // 50


@pytest.mark.parametrize("framing", HEADS)
def test_what_came_with_a_large_head_is_not_copied(lab, framing, protocol):
    """Only the head is, a few times. Each connection gets its head and much of the body at once."""
    size, count = 4 * MIB, 16
    filler = b"X-Filler: " + b"f" * 40_000 + b"\r\n"

    def script(connection):
        connection.request()
        head = HEADS[framing] if framing != "length" else b"Content-Length: %d\r\nConnection: close\r\n" % size
        connection.send(b"HTTP/1.1 200 OK\r\n" + filler + head + b"\r\n" + b"".join(body_in(framing, size)))

    option, listen = protocol
    proxy = counting_proxy(lab, script, listen=listen)
    for _ in range(count):
        answer = proxy.curl("/", option, "-o", "/dev/null", "-w", "%{size_download}")
        assert answer.stdout == str(size).encode()
    assert copied_mib(proxy) <= count * 40_000 * 4 // MIB + 1


def swallow(connection, size):
    """Reads a body as fast as it can: what a slow server does not take is copied. Returns how much came."""
    room = bytearray(MIB)
    seen = len(connection.reader.buffer)
    while seen < size and (count := connection.socket.recv_into(room)):
        seen += count
    return seen


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_upload_is_not_copied(lab, framing, protocol):
    def script(connection):
        head = connection.head()
        seen = 0
        if head.chunked:
            while length := int(connection.reader.until(b"\r\n", "a size line"), 16):
                seen += len(connection.reader.exactly(length + 2, "a chunk")) - 2
            connection.reader.exactly(2, "the end")
        else:
            seen = swallow(connection, int(head.get("Content-Length")))
        connection.send(response(str(seen)))

    option, listen = protocol
    proxy = counting_proxy(lab, script, listen=listen)
    fields = ["-H", f"Content-Length: {SIZE}", "-H", "Transfer-Encoding:"] if framing == "length" else []
    command = ["curl", "-sS", option, "--cacert", str(proxy.authority.ca), "-H", "Expect:", "-T", "-", *fields]
    command.append(proxy.url("/"))
    with subprocess.Popen(TIED + command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as curl:
        for piece in body_in("length", SIZE):
            curl.stdin.write(piece)
        curl.stdin.close()
        assert curl.stdout.read().decode() == str(SIZE)
        assert curl.wait(PATIENCE) == 0
    assert copied_mib(proxy) <= SIZE // MIB // 50


def test_plain_tcp_is_not_copied(lab):
    def script(connection):
        for piece in body_in("length", SIZE):
            connection.reader.exactly(len(piece), "a piece")
            connection.send(piece)

    proxy = counting_proxy(lab, script, listen={"protocol": "tcp", "backend": "web"})
    client = lab.client(proxy)
    for piece in body_in("length", SIZE):
        client.send(piece)
        assert client.reader.exactly(len(piece), "a piece") == piece
    assert copied_mib(proxy) <= SIZE // MIB // 50


def test_the_counter_counts(lab):
    """Heads are copied (they are written afresh), so enough of them must show."""

    def script(connection):
        while connection.request():
            connection.send(response("ok"))

    proxy = counting_proxy(lab, script)
    client = lab.client(proxy)
    for _ in range(40):
        client.send(request(fields=["X-Long: " + "a" * 8000]) * 20)
        for _ in range(20):
            assert client.response().body == b"ok"
    assert copied_mib(proxy) > 3
