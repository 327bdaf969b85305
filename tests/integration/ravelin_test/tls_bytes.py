"""TLS taken apart and put together by hand: for what no library says or lets one say."""

import os
import socket
import struct

from .settings import PATIENCE

ALERT, HANDSHAKE, APPLICATION_DATA = 21, 22, 23
SERVER_HELLO = 2
PRE_SHARED_KEY = 41


def vector(data, size_bytes):
    return len(data).to_bytes(size_bytes, "big") + data


def extension(number, data):
    return struct.pack(">HH", number, len(data)) + data


def server_name(name):
    return extension(0, vector(b"\0" + vector(name.encode(), 2), 2))


def numbers(number, values, list_bytes=2):
    """An extension that is a list of 16-bit numbers."""
    return extension(number, vector(struct.pack(f">{len(values)}H", *values), list_bytes))


def x25519_share():
    # The top bit of the last byte is 0, as RFC 7748 section 5 has it for what an implementation sends.
    key = os.urandom(31) + b"\x09"
    return extension(51, vector(struct.pack(">H", 0x001D) + vector(key, 2), 2))


def client_hello(
    version=0x0303,
    suites=(0x1301,),
    versions=(0x0304,),
    groups=(0x001D,),
    signatures=(0x0403, 0x0804, 0x0807),
    share=True,
    name="localhost",
    record_version=0x0301,
):
    """A whole record with a ClientHello; versions=None leaves TLS 1.3 out, share=None the list of shares."""
    extensions = server_name(name) if name else b""
    extensions += numbers(10, groups) + numbers(13, signatures)
    if versions is not None:
        extensions += numbers(43, versions, list_bytes=1)
    if versions is not None and share is not None:
        extensions += x25519_share() if share else extension(51, vector(b"", 2))
    body = struct.pack(">H", version) + os.urandom(32) + vector(b"", 1)
    body += vector(struct.pack(f">{len(suites)}H", *suites), 2) + vector(b"\0", 1)
    if version > 0x0300:
        body += vector(extensions, 2)
    return record(HANDSHAKE, b"\x01" + vector(body, 3), record_version)


def record(kind, body, version=0x0301):
    return struct.pack(">BH", kind, version) + vector(body, 2)


def records(data):
    """(type, body) of each record; a cut one at the end is left out."""
    found = []
    while len(data) >= 5:
        size = int.from_bytes(data[3:5], "big")
        if len(data) < 5 + size:
            break
        found.append((data[0], data[5 : 5 + size]))
        data = data[5 + size :]
    return found


def plain_alerts(data):
    """(level, description) of the alerts among unencrypted records."""
    return [tuple(body) for kind, body in records(data) if kind == ALERT and len(body) == 2]


def hello_extensions(data):
    """The numbers of the extensions in the ClientHello that `data` begins with."""
    body = records(data)[0][1][4:]
    at = 34
    at += 1 + body[at]
    at += 2 + int.from_bytes(body[at : at + 2], "big")
    at += 1 + body[at]
    at += 2
    found = []
    while at < len(body):
        number, size = struct.unpack_from(">HH", body, at)
        found.append(number)
        at += 4 + size
    return found


def exchange(port, data, timeout=PATIENCE):
    """Sends bytes to a port and returns everything that comes back until the other side ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as connection:
        connection.sendall(data)
        received = b""
        try:
            while piece := connection.recv(65536):
                received += piece
        except ConnectionResetError:
            pass
        return received
