"""ClientHellos with random changes: whatever becomes of them, the connection ends in order and the proxy goes on."""

import random

import pytest

from ravelin_test.tls13 import Ext, Group, Kind, Psk, check_hello, client_hello, talk_to, wire


def flip_a_bit(dice, data):
    at = dice.randrange(len(data))
    data[at] ^= 1 << dice.randrange(8)


def change_a_byte(dice, data):
    data[dice.randrange(len(data))] = dice.choice([0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF, dice.randrange(256)])


def insert(dice, data):
    at = dice.randrange(len(data))
    data[at:at] = dice.randbytes(dice.choice([1, 2, 4, 100]))


def delete(dice, data):
    at = dice.randrange(len(data))
    del data[at : at + dice.choice([1, 2, 4, 30])]


def duplicate(dice, data):
    at, size = dice.randrange(len(data)), dice.choice([2, 6, 40])
    data[at:at] = data[at : at + size]


CHANGES = [flip_a_bit, change_a_byte, insert, delete, duplicate]


def mutated(dice):
    """The same bytes for the same dice."""
    hello = client_hello(alpn=["http/1.1"]).put(random=dice.randbytes(32), session_id=dice.randbytes(32))
    hello.set(Ext.KEY_SHARE, wire.key_shares((Group.X25519, dice.randbytes(31) + b"\1")))
    if dice.random() < 0.3:
        hello.offer(Psk(dice.randbytes(100), bytes(32)))
    body = bytearray(hello.encode()[4:])
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        dice.choice(CHANGES)(dice, body)
    message = wire.message(wire.Type.CLIENT_HELLO, bytes(body))
    sizes = dice.choice([wire.RECORD_MAX, wire.RECORD_MAX, 40, [3]])
    return b"".join(wire.record(Kind.HANDSHAKE, piece) for piece in wire.pieces(message, sizes))


@pytest.mark.parametrize("seed", range(20))
def test_mutated_hellos(tls_proxy, seed):
    """An alert, or an answer; then FIN. Nothing but records, and at most one alert, the last of them."""
    dice = random.Random(seed)
    for number in range(25):
        data = mutated(dice)
        with talk_to(tls_proxy) as talk:
            talk.send_bytes(data)
            received = talk.socket.recv(65536)
            talk.half_close()
            while piece := talk.socket.recv(65536):
                received += piece
        found = wire.records(received)
        assert sum(5 + len(body) for _, body in found) == len(received), f"hello {number}: not only records came"
        assert received, f"hello {number}: neither answer nor alert came"
        alerts = [body for kind, body in found if kind == Kind.ALERT]
        assert len(alerts) <= 1
        assert not alerts or (found[-1] == (Kind.ALERT, alerts[0]) and alerts[0][0] == 2), f"hello {number}"
    check_hello(tls_proxy, client_hello(), "ok")
