"""A server for the chaos test, in a process of its own: chaos_server.py NAME HOST PORT FILE. The file says how it fails.

A response to /N is body_of(N). Ways to fail are those of faulty.py, but for what signals do; `drip`: a byte a second."""

import socket
import sys
import threading
import time
from pathlib import Path


def body_of(number):
    """From 0 to 16 KiB that are no others'."""
    return (f"{number}:" * 4000)[: number * 7919 % 16384].encode()


def head_of(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    return data


def fail(connection, way):
    if way == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    elif way == "garbage":
        connection.sendall(b"HTTP/9 what\r\n\r\n")
    elif way == "half-close":
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    elif way == "hang":
        connection.recv(1)
    elif way == "drip":
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong":
            connection.sendall(bytes([byte]))
            time.sleep(1)


def serve(connection, name, file):
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while head := head_of(connection):
            way = file.read_text()
            if way:
                fail(connection, way)
                return
            body = body_of(int(head.split(b" ")[1][1:]))
            fields = f"HTTP/1.1 200 OK\r\nX-Server: {name}\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(fields.encode() + body)


def quietly(*arguments):
    try:
        serve(*arguments)
    except OSError:
        pass


def main(name, host, port, file):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind((host, int(port)))
    listener.listen(1024)
    print("listening", flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=quietly, args=(connection, name, Path(file)), daemon=True).start()


if __name__ == "__main__":
    main(*sys.argv[1:])
