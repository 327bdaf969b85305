"""Floods of what costs the client little: each ends its connection with ENHANCE_YOUR_CALM.

Below the limit nothing happens, and the other client of http2_player is served throughout.
"""

import threading

import pytest

from ravelin_test.http2 import hpack
from ravelin_test.http2.behind import HOLD, Reply, Seen
from ravelin_test.http2.cases import FINE, OK, answer, answered_on, case, connection_error, get, post, reset_on, seen_behind, send
from ravelin_test.http2.frames import (
    Code,
    Type,
    continuation,
    data,
    frame,
    headers,
    ping,
    priority,
    priority_update,
    reset,
    settings,
    window_update,
)
from ravelin_test.http2.talk import request, talk_to
from ravelin_test.http import response

CALM = connection_error(Code.ENHANCE_YOUR_CALM)
HELD = {"/": HOLD}
EARLY = {"/": Reply(response("no", "403 Forbidden"), early=True, end="close")}
LARGE = {"/": Reply(response(b"x" * 200_000))}


def flood(name, *steps, outcome=CALM, sees=(), **options):
    return case("10.5", name, *steps, outcome=outcome, sees=sees, **options)


def streams(count, make, first=1):
    """What make() gives for so many new streams."""
    return b"".join(make(2 * n + first) for n in range(count))


def rapid_reset(count, code=Code.CANCEL):
    return streams(count, lambda stream: get(stream, "/hold") + reset(stream, code))


BLOCK = hpack.block(request())
BOMB = hpack.block(request()) + hpack.remembered("x", "v" * 3000) + hpack.indexed(62) * 4000

ABOVE = [
    flood("PING", ping() * 3000),
    flood(
        "PING on a connection with a response under way", get(), seen_behind(), ping() * 3000, replies=HELD, sees=["/"]
    ),
    flood("PING with ACK", ping(ack=True) * 3000),
    flood("SETTINGS", settings() * 2000),
    flood("SETTINGS with a value", settings(initial_window_size=70000) * 2000),
    flood("SETTINGS of many values", frame(Type.SETTINGS, 0, 0, b"\0\4\0\1\0\0" * 2000) * 200),
    flood("ACKs of SETTINGS", frame(Type.SETTINGS, 1) * 2000),
    flood("PRIORITY", b"".join(priority(2 * n + 1) for n in range(5000))),
    flood("PRIORITY of one stream", get(), seen_behind(), priority(1, weight=3) * 5000, replies=HELD, sees=["/"]),
    flood("PRIORITY_UPDATE", priority_update(1, "u=1") * 5000),
    flood("PRIORITY_UPDATE of many streams", b"".join(priority_update(2 * n + 1, "u=1") for n in range(5000))),
    flood("WINDOW_UPDATE", window_update(0, 1) * 10000),
    flood(
        "more than the rest of a body that is not wanted",
        post(),
        reset_on(1),
        data(1, b"x" * 100) * 650,
        data(1, b"x") * 2000,
        replies=EARLY,
        sees=[Seen("POST / HTTP/1.1", cut=True)],
    ),
    flood("WINDOW_UPDATE of a stream", get(), seen_behind(), window_update(1, 1) * 10000, replies=HELD, sees=["/"]),
    flood("WINDOW_UPDATE of a closed stream", get(), answered_on(1), window_update(1, 1) * 10000, sees=["/"]),
    flood(
        "a tiny window in tiny steps",
        get(),
        seen_behind(),
        window_update(1, 1) * 5000,
        first={"initial_window_size": 0},
        replies=LARGE,
        sees=["/"],
    ),
    flood("empty DATA", post(), seen_behind(), data(1) * 3000, sees=[Seen("POST / HTTP/1.1", cut=True)]),
    flood(
        "DATA of nothing but padding",
        post(),
        seen_behind(),
        data(1, padding=100) * 3000,
        sees=[Seen("POST / HTTP/1.1", cut=True)],
    ),
    flood("empty CONTINUATION", headers(1, BLOCK, whole=False), continuation(1, whole=False) * 3000),
    flood(
        "CONTINUATION of one byte",
        headers(1, BLOCK, whole=False),
        b"".join(continuation(1, b"\x40", whole=False) for _ in range(3000)),
    ),
    flood(
        "CONTINUATION without end",
        headers(1, BLOCK, whole=False),
        continuation(1, hpack.literal("x", "v" * 16000), whole=False) * 100,
    ),
    flood(
        "CONTINUATION without end on a refused stream",
        headers(1, hpack.literal("X", "1"), whole=False),
        continuation(1, hpack.literal("x", "v" * 16000), whole=False) * 100,
    ),
    flood("unknown frames", frame(0x99, 0, 0) * 5000),
    flood(
        "unknown frames of a stream",
        get(),
        seen_behind(),
        frame(0x99, 0, 1, bytes(100)) * 5000,
        replies=HELD,
        sees=["/"],
    ),
    flood("RST_STREAM of a closed stream", get(), answered_on(1), reset(1) * 5000, sees=["/"]),
    flood(
        "HPACK bombs",
        headers(1, BOMB),
        b"".join(headers(2 * n + 3, hpack.block(request()) + hpack.indexed(62) * 4000) for n in range(90)),
        outcome=answer(431, stream=181),
    ),
    flood(
        "streams that end their window",
        post(),
        seen_behind(),
        b"".join(post(2 * n + 3) + window_update(2 * n + 3, 2**31 - 1) for n in range(2000)),
        sees=None,
    ),
]

# Each makes Ravelin reset a stream that a server works for.
MADE = {
    "WINDOW_UPDATE by 0": lambda stream: window_update(stream, 0),
    "a window that overflows": lambda stream: window_update(stream, 2**31 - 1),
    "PRIORITY on itself": lambda stream: priority(stream, on=stream),
    "PRIORITY of a wrong size": lambda stream: frame(Type.PRIORITY, 0, stream, bytes(3)),
    "DATA behind the end": lambda stream: data(stream, b"x"),
    "HEADERS behind the end": lambda stream: headers(stream, [("x", "y")]),
}

RESETS = [
    flood("rapid reset", rapid_reset(3000), sees=None),
    flood("rapid reset with NO_ERROR", rapid_reset(3000, Code.NO_ERROR), sees=None),
    flood("rapid reset of uploads", streams(3000, lambda s: post(s, "/hold") + data(s, b"x") + reset(s)), sees=None),
    *[
        flood(f"made to reset: {name}", streams(2000, lambda s, make=make: get(s, "/hold") + make(s)), sees=None)
        for name, make in MADE.items()
    ],
    flood("malformed requests", streams(2000, lambda s: get(s, "/", ("connection", "close")))),
    flood("requests that depend on themselves", streams(2000, lambda s: get(s, priority=(False, s, 1)))),
    flood(
        "wrong lengths", streams(2000, lambda s: post(s, "/hold", ("content-length", "1")) + data(s, b"xy")), sees=None
    ),
    flood("streams beyond the limit", streams(5000, lambda s: get(s, "/hold")), sees=None, replies={"/hold": HOLD}),
]

BELOW = [
    flood("a few PINGs", ping() * 50, get(), outcome=OK, sees=["/"]),
    flood("a few SETTINGS", settings() * 10, get(), outcome=OK, sees=["/"]),
    flood(
        "a few PRIORITY",
        b"".join(priority(2 * n + 1) for n in range(200)),
        get(401),
        outcome=answer(200, stream=401),
        sees=["/"],
    ),
    flood("a few PRIORITY_UPDATE", priority_update(1, "u=1") * 200, get(), outcome=OK, sees=["/"]),
    flood("a few WINDOW_UPDATE", window_update(0, 1) * 500, get(), outcome=OK, sees=["/"]),
    flood(
        "a few empty DATA",
        post(),
        data(1) * 10,
        data(1, b"x", end=True),
        outcome=OK,
        sees=[Seen("POST / HTTP/1.1", body=b"x")],
    ),
    flood(
        "a few resets", rapid_reset(100), get(201), outcome=answer(200, stream=201), sees=None, replies={"/hold": HOLD}
    ),
    flood(
        "a few malformed requests",
        streams(20, lambda s: get(s, "/", ("connection", "close"))),
        get(41),
        outcome=answer(200, stream=41),
        sees=["/"],
    ),
    flood("a few unknown frames", frame(0x99) * 200, get(), outcome=OK, sees=["/"]),
    flood(
        "a large field block in CONTINUATION",
        headers(1, request("/", "GET", ("x", "v" * 4000)), whole=False),
        continuation(1, [("y", "w" * 4000)]),
        outcome=OK,
        sees=[Seen("GET / HTTP/1.1", [("x", "v" * 4000), ("y", "w" * 4000)])],
    ),
    flood(
        "a body of one byte a frame",
        post(),
        data(1, b"x") * 3000,
        data(1, end=True),
        outcome=OK,
        sees=[Seen("POST / HTTP/1.1", body=b"x" * 3000)],
    ),
    flood(
        "the rest of a body that is not wanted, in small frames",
        post(),
        reset_on(1),
        data(1, b"x" * 100) * 650,
        get(3),
        outcome=answer(403, stream=3),
        replies=EARLY,
        sees=[Seen("POST / HTTP/1.1", cut=True), "/"],
    ),
    flood(
        "WINDOW_UPDATE for each frame of a large response",
        get(),
        outcome=answer(200, body=b"x" * 200_000),
        replies=LARGE,
        sees=["/"],
    ),
    flood(
        "PING while a large response comes",
        get(),
        ping() * 50,
        outcome=answer(200, body=b"x" * 200_000),
        replies=LARGE,
        sees=["/"],
    ),
    flood(
        "a reset behind each response",
        *[step for n in range(60) for step in (get(2 * n + 1), answered_on(2 * n + 1), reset(2 * n + 1))],
        outcome=FINE,
        sees=["/"] * 60,
    ),
]

CASES = [*ABOVE, *RESETS, *BELOW]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_floods(http2_player, case):
    http2_player.play(case)


def is_bytes(step):
    return isinstance(step, bytes)


def attack(proxy, cases, failures):
    for each in cases:
        try:
            with talk_to(proxy, **(each.first or {})) as talk:
                for step in each.steps:
                    if isinstance(step, bytes):
                        send(talk, step)
                ended = talk.read_end()
                assert talk.goaway and talk.goaway.code == Code.ENHANCE_YOUR_CALM, f"{each}: {ended}: {talk.seen()}"
        except Exception as error:
            failures.append(f"{each}: {error!r}")


def test_others_are_served_in_the_middle_of_floods(http2_player):
    """On a connection that was there before, and on new ones."""
    proxy, failures = http2_player.proxy, []
    http2_player.server.replies = {"/hold": HOLD}
    cases = [each for each in [*ABOVE, *RESETS] if each.outcome is CALM and all(map(is_bytes, each.steps))]
    attackers = [threading.Thread(target=attack, args=(proxy, cases[n::3], failures)) for n in range(3)]
    for attacker in attackers:
        attacker.start()
    count = 0
    while any(attacker.is_alive() for attacker in attackers) or count < 100:
        assert http2_player.beside.ask(f"/{count}").status == 200
        if count % 10 == 0:
            with talk_to(proxy) as talk:
                assert talk.ask("/new").status == 200
        count += 1
    for attacker in attackers:
        attacker.join()
    assert failures == []
