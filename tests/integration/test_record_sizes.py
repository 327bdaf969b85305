"""Records are short while a connection is new or has been idle, and full when much is sent."""

import os
import threading
import time

import pytest

from ravelin_test.http import chunked, response
from ravelin_test.http2 import Type, talk_to
from ravelin_test.settings import PATIENCE

SHORT, FULL = 4096, 16_000  # at most, at least
COLD = 65536
COOLING_S = 1.0
HEAD = 300  # what a head is at most here


def records_of(client, path="/"):
    """The sizes of the records of one response, whose body must have arrived; and the body."""
    sizes = []
    receive = client.reader._receive

    def measured():
        data = receive()  # one record, as the TLS library gives them
        sizes.append(len(data))
        return data

    client.reader._receive = measured
    try:
        return sizes, client.ask().body
    finally:
        client.reader._receive = receive


def assert_cold(sizes):
    """Short ones first, for as long as the connection is cold, then full ones."""
    sent = 0
    for size in sizes:
        if sent < COLD - 4 * (SHORT + 22):  # of the batch that makes it warm all are short
            assert size <= SHORT + HEAD
        sent += size + 22
    assert max(sizes) >= FULL
    assert len([size for size in sizes if size <= SHORT + HEAD]) <= COLD // SHORT + 6


def assert_warm(sizes):
    assert sizes[0] >= FULL


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_the_first_records_are_short(lab, framing):
    body = os.urandom(500_000)
    if framing == "length":
        reply = response(body)
    else:
        reply = response(fields=["Transfer-Encoding: chunked"], length=False) + chunked(body)
    client = lab.client(lab.proxy(lab.server(reply=lambda request: reply)))
    sizes, received = records_of(client)
    assert received == body
    assert_cold(sizes)
    sizes, received = records_of(client)
    assert received == body
    assert_warm(sizes)


def test_after_a_silence_they_are_short_again(lab):
    body = os.urandom(200_000)
    client = lab.client(lab.proxy(lab.server(reply=lambda request: response(body))))
    records_of(client)
    time.sleep(COOLING_S + 0.2)  # it is the silence that counts
    sizes, received = records_of(client)
    assert received == body
    assert_cold(sizes)


@pytest.mark.parametrize("size", [4000, 4097, 9000, 15_000])
def test_a_head_longer_than_a_short_record(lab, size):
    """It comes in one record, which is as long as it must be."""
    body = os.urandom(30_000)
    reply = response(body, fields=[f"X-Long: {'v' * size}"])
    client = lab.client(lab.proxy(lab.server(reply=lambda request: reply)))
    for _ in range(2):
        answer = client.ask()
        assert answer.body == body
        assert answer.get("X-Long") == "v" * size


# ---- Small pieces of a server ----

PIECES = [b"%d," % number for number in range(400)]


def pieces_at_once(connection):
    while connection.request():
        head = response(fields=["Transfer-Encoding: chunked"], length=False)
        connection.send(head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in PIECES) + b"0\r\n\r\n")


def test_small_pieces_share_a_record(lab):
    """Those that have come together. The framing of the server between them needs no record of its own."""
    client = lab.client(lab.proxy(lab.server(pieces_at_once)))
    sizes, body = records_of(client)
    assert body == b"".join(PIECES)
    assert len(sizes) <= 3


def test_small_pieces_share_a_frame(lab):
    proxy = lab.proxy(lab.server(pieces_at_once), listen={"http2": "yes"})
    with talk_to(proxy) as talk:
        talk.settled().echo()
        before = proxy.metrics()["records_sealed"]
        assert talk.ask("/").body == b"".join(PIECES)
        assert len([frame for frame in talk.frames if frame.kind == Type.DATA]) == 1
        assert proxy.metrics()["records_sealed"] - before <= 3


def test_a_lone_piece_passes_at_once(lab):
    """The server sends the next one when the client has the one before, as with server-sent events."""
    arrived = threading.Semaphore(0)

    def script(connection):
        connection.request()
        connection.send(response(fields=["Transfer-Encoding: chunked"], length=False))
        for number in range(20):
            connection.send(chunked(b"data: %d\n\n" % number)[:-5])
            assert arrived.acquire(timeout=4 * PATIENCE)
        connection.send(b"0\r\n\r\n")

    with talk_to(lab.proxy(lab.server(script), listen={"http2": "yes"})) as talk:
        stream = talk.request("/")
        for number in range(20):
            wanted = b"data: %d\n\n" % number
            talk.until(lambda wanted=wanted: talk.streams[stream].body.endswith(wanted), "an event")
            arrived.release()
        assert talk.response(stream).ended
