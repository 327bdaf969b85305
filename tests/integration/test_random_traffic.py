"""Long rows of requests and responses of every framing, cut into packets and records at random places.

Each seed is one fixed row; what came back must be what was sent, whatever the cuts. RAVELIN_LONG=1 tries more seeds.
"""

import random

import pytest

from ravelin_test.http import chunked, request, response
from ravelin_test.settings import LONG, scaled

ANSWERS = ["length", "chunked", "trailers", "until close", "interim", "empty", "nothing"]


def cut(data, randomness, most):
    """The pieces of `data`, of random sizes: many tiny ones, some large ones."""
    at = 0
    while at < len(data):
        size = randomness.choice([1, randomness.randint(1, 40), randomness.randint(1, most)])
        yield data[at : at + size]
        at += size


def chunks_of(body, randomness):
    """The chunked form of a body, with extensions now and then."""
    extension = randomness.choice(["", "", ";a=b"])
    return chunked(*cut(body, randomness, 20_000), extension=extension)


def random_request(number, randomness):
    """(bytes, body, method)"""
    answer = randomness.choice(ANSWERS)
    more = [f"X-{n}: " + "v" * randomness.randint(0, 300) for n in range(randomness.randint(0, 8))]
    fields = [f"X-Answer: {answer}", *more]
    kind = randomness.choice(["none", "length", "chunked", "HEAD"])
    body = randomness.randbytes(randomness.choice([1, 100, 5000, randomness.randint(1, 60_000)]))
    if kind == "none":
        return request(f"/{number}", fields=fields), b"", "GET"
    if kind == "HEAD":
        return request(f"/{number}", "HEAD", fields=fields), b"", "HEAD"
    if kind == "length":
        return request(f"/{number}", "POST", fields=fields, body=body), body, "POST"
    head = request(f"/{number}", "PUT", fields=[*fields, "Transfer-Encoding: chunked"])
    return head + chunks_of(body, randomness), body, "PUT"


def answer_to(asked, randomness):
    """(bytes, whether the connection ends with it): the body sent back, with the target before it."""
    body = asked.target.encode() + b" " + asked.body
    kind = asked.get("X-Answer")
    if asked.method == "HEAD":
        return response(fields=["Content-Length: 12345"], length=False), False
    if kind == "nothing":
        return response(status="204 No Content", length=False), False
    if kind == "empty":
        return response(b""), False
    if kind in ("chunked", "trailers"):
        trailers = ["X-Trailer: yes"] if kind == "trailers" else []
        head = response(fields=["Transfer-Encoding: chunked"], length=False)
        return head + chunked(*cut(body, randomness, 20_000), trailers=trailers), False
    if kind == "until close":
        return response(body, fields=["Connection: close"], length=False), True
    hint = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" if kind == "interim" else b""
    return hint + response(body), False


def expected_body(number, answer, method, body):
    if method == "HEAD" or answer in ("nothing", "empty"):
        return b""
    return b"/%d " % number + body


@pytest.mark.parametrize("seed", range(40 if LONG else 6))
def test_what_comes_back_is_what_was_sent(lab, seed):
    randomness = random.Random(seed)

    def script(connection):
        mine = random.Random(seed * 1000 + connection.number)
        while asked := connection.request():
            data, ends = answer_to(asked, mine)
            for piece in cut(data, mine, 30_000):
                connection.send(piece)
            if ends:
                return

    proxy = lab.proxy(lab.server(script, keep=False))
    client = lab.client(proxy)
    asked = [random_request(number, randomness) for number in range(scaled(80))]
    for piece in cut(b"".join(data for data, _, _ in asked), randomness, 50_000):
        client.send_while_receiving(piece)
    for number, (data, body, method) in enumerate(asked):
        answer = data.partition(b"X-Answer: ")[2].partition(b"\r\n")[0].decode()
        got = client.response(method)
        assert got.body == expected_body(number, answer, method, body), f"response {number} ({method}, {answer})"
        assert [hint.status for hint in got.interim] == ([103] if answer == "interim" and method != "HEAD" else [])
        trailers = [("X-Trailer", "yes")] if answer == "trailers" and method != "HEAD" else []
        assert got.trailers == trailers
    assert not client.reader.buffer
