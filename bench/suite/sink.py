"""sink.py PORT: an HTTP/1.1 server on 127.0.0.1 that discards bodies and answers with their length.

One thread, and the bytes of a body stay in the kernel (MSG_TRUNC), so that uploads measure the
proxy before it. A body must have a Content-Length.
"""

import re
import selectors
import socket
import sys

HEAD_MAX = 65536
PIECE = 1 << 20


class Connection:
    def __init__(self, client):
        self.client = client
        self.head = b""
        self.left = None  # of the body; None while the head is being read
        self.length = 0
        self.scratch = bytearray(PIECE)

    def advance(self):
        """Takes what has arrived. False: the connection is over."""
        if self.left is None:
            piece = self.client.recv(HEAD_MAX)
            self.head += piece
            if not piece or len(self.head) > HEAD_MAX or not self._parse():
                return False
        elif self.left > 0:
            count = self.client.recv_into(self.scratch, min(self.left, PIECE), socket.MSG_TRUNC)
            if count == 0:
                return False
            self.left -= count
        if self.left == 0:
            self._answer(b"200 OK", b"%d\n" % self.length)
            self.head, self.left = b"", None
        return True

    def _parse(self):
        head, end, rest = self.head.partition(b"\r\n\r\n")
        if not end:
            return True
        found = re.search(rb"\r\ncontent-length: *([0-9]+)\s*(?:\r\n|$)", head, re.IGNORECASE)
        if not found or len(rest) > int(found[1]):
            self._answer(b"411 Length Required", b"one request with a Content-Length at a time\n")
            return False
        self.length = int(found[1])
        self.left = self.length - len(rest)
        return True

    def _answer(self, status, body):
        head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
        self.client.sendall(head + body)


def serve(port):
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    selector = selectors.DefaultSelector()
    selector.register(listener, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                client, _ = listener.accept()
                selector.register(client, selectors.EVENT_READ, Connection(client))
                continue
            try:
                alive = key.data.advance()
            except OSError:
                alive = False
            if not alive:
                selector.unregister(key.fileobj)
                key.fileobj.close()


if __name__ == "__main__":
    serve(int(sys.argv[1]))
