"""Ticket keys in memory: where they are while they are of use, and that they are nowhere afterwards."""

import re
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

from ravelin_test import memory
from ravelin_test.client import client_context
from ravelin_test.clock import Clock
from ravelin_test.http import request
from ravelin_test.processes import children_of, client_ports, run, text
from ravelin_test.settings import IS_ROOT, PATIENCE, SANITIZED, scaled
from ravelin_test.waiting import wait_for

pytestmark = pytest.mark.skipif(
    not IS_ROOT or SANITIZED, reason="only root may look into memory; sanitizers keep copies and take no other clock"
)

ASK_AND_CLOSE = request(fields=["Connection: close"])
# As in proxy/tls/handshake/ticket_keys.h: version and current, then three times a name and a key.
NAME_SIZE, KEY_SIZE, KEY_COUNT, RING = 16, 32, 3, 8
PLACE = "ravelin-secret"


# ---- AES-256, as far as it tells what is made of a key ----


def _sbox():
    """Inverses in GF(2^8), then an affine map: FIPS 197, 5.1.1."""
    box, p, q = [0x63] * 256, 1, 1
    while True:
        p ^= (p << 1) & 0xFF ^ (0x1B if p & 0x80 else 0)
        for shift in (1, 2, 4):
            q ^= q << shift & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = q
        for shift in (1, 2, 3, 4):
            turned ^= (q << shift | q >> (8 - shift)) & 0xFF
        box[p] = turned ^ 0x63
        if p == 1:
            return box


SBOX = _sbox()


def round_keys(key):
    """The fifteen round keys, FIPS 197, 5.2. The first two are the halves of the key itself."""
    words, constant = [key[i : i + 4] for i in range(0, 32, 4)], 1
    for i in range(8, 60):
        word = words[-1]
        if i % 8 == 0:
            word = bytes(SBOX[byte] for byte in word[1:] + word[:1])
            word = bytes([word[0] ^ constant]) + word[1:]
            constant <<= 1
        elif i % 8 == 4:
            word = bytes(SBOX[byte] for byte in word)
        words.append(bytes(a ^ b for a, b in zip(words[i - 8], word)))
    return [b"".join(words[i : i + 4]) for i in range(0, 60, 4)]


def test_round_keys_are_those_of_the_standard():
    """FIPS 197, appendix A.3."""
    key = bytes.fromhex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")
    keys = round_keys(key)
    assert (keys[0] + keys[1], keys[2].hex()) == (key, "9ba354118e6925afa51a8b5f2067fcde")
    assert keys[14].hex() == "fe4890d1e6188d0b046df344706c631e"


# ---- The keys of a proxy ----


@dataclass
class Store:
    keys: list  # of bytes
    current: int


def traces(key):
    """What a copy is recognised by: a quarter of the key, or half of a round key (two in a row give the key)."""
    return [key[:8], key[8:16], key[16:24], key[24:], *(whole[:8] for whole in round_keys(key)[2:])]


def ticket_of(proxy, folder):
    """A ticket as the client got it."""
    session = folder / "session.pem"
    proxy.s_client("-ign_eof", "-sess_out", session, input=ASK_AND_CLOSE)
    told = text(run(["openssl", "sess_id", "-in", session, "-noout", "-text"]).stdout)
    lines = re.findall(r"^ +[0-9a-f]{4} - ((?:[0-9a-f]{2}[ -]){1,16})", told, re.MULTILINE)
    return b"".join(bytes.fromhex(line.replace("-", " ")) for line in lines)


def store_of(pid, name):
    """The keys, found by the name of one that a ticket tells."""
    start = next(place.mapping_start for place in memory.find(pid, name) if PLACE in place.mapping_name)
    content = memory.read(pid, start, RING + KEY_COUNT * (NAME_SIZE + KEY_SIZE))
    entries = [content[at : at + NAME_SIZE + KEY_SIZE] for at in range(RING, len(content), NAME_SIZE + KEY_SIZE)]
    current = [entry[:NAME_SIZE] for entry in entries].index(name)
    return Store([entry[NAME_SIZE:] for entry in entries], current)


def family(proxy):
    return [proxy.pid, *children_of(proxy.pid)]


def places_of(proxy, keys):
    patterns = [trace for key in keys for trace in traces(key)]
    return [place for pid in family(proxy) for place in memory.find(pid, *patterns)]


class Load:
    """Clients that come again and again, each with the ticket of the time before."""

    def __init__(self, proxy, threads=3):
        self._proxy, self._stop = proxy, threading.Event()
        self._failures, self._resumed, self._workers = [], 0, set()
        self._threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()
        assert not self._failures, self._failures[0]

    def _run(self):
        context, session = client_context(self._proxy.authority.ca), None
        pids = self._proxy.worker_pids()
        try:
            while not self._stop.is_set():
                with self._proxy.client(context=context, session=session) as client:
                    assert client.ask().status == 200
                    session = client.session
                    self._resumed += client.resumed
                    if len(self._workers) < len(pids):
                        self._workers |= {slot for slot, pid in pids.items() if client.port in client_ports(pid)}
        except Exception as failure:  # told by the main thread
            self._failures.append(failure)

    def wait(self, resumptions, workers):
        before = self._resumed
        wait_for(
            lambda: self._failures or (self._resumed - before >= resumptions and len(self._workers) >= workers),
            f"{resumptions} resumptions in {workers} workers",
            4 * PATIENCE,
        )


def test_while_they_are_of_use_keys_are_in_one_place_for_master_and_workers(lab):
    proxy = lab.proxy(lab.server(), workers=2)
    with Load(proxy) as load:
        load.wait(scaled(200), workers=2)
    store = store_of(proxy.pid, ticket_of(proxy, lab.folder)[:NAME_SIZE])
    assert len(set(store.keys)) == KEY_COUNT
    for key in store.keys:
        for pid in [proxy.pid, *proxy.worker_pids().values()]:
            places = memory.find(pid, key)
            # The master has a view to write and one to read.
            assert len(places) == (2 if pid == proxy.pid else 1), places
            assert all(PLACE in place.mapping_name for place in places), places
    others = [place for place in places_of(proxy, store.keys) if PLACE not in place.mapping_name]
    assert others == []
    for signer in proxy.status()["signers"]:
        assert memory.find(signer["pid"], *store.keys) == []
        assert not any(PLACE in name for *_, name in memory.mappings(signer["pid"]))


def test_an_upgrade_leaves_keys_in_one_place(lab):
    """Of the new processes, and nowhere else: not in its former ones, nor in a file, nor in an environment."""
    proxy = lab.proxy(lab.server(), workers=2)
    name = ticket_of(proxy, lab.folder)[:NAME_SIZE]
    before = store_of(proxy.pid, name)
    for _ in range(2):
        proxy.upgrade()
        proxy.wait_for_former()
    with Load(proxy) as load:
        load.wait(scaled(50), workers=2)
    store = store_of(proxy.pid, name)
    assert (store.keys, store.current) == (before.keys, before.current)
    others = [place for place in places_of(proxy, store.keys) if PLACE not in place.mapping_name]
    assert others == []
    for signer in proxy.status()["signers"]:
        assert memory.find(signer["pid"], *store.keys) == []
    patterns = [trace for key in store.keys for trace in traces(key)]
    files = [path.read_bytes() for path in proxy.folder.rglob("*") if path.is_file()]
    environments = [Path(f"/proc/{pid}/environ").read_bytes() for pid in family(proxy)]
    assert files and not any(pattern in content for content in [*files, *environments] for pattern in patterns)


def test_workers_have_a_view_to_read(lab):
    proxy = lab.proxy(lab.server(), workers=2)
    for pid in proxy.worker_pids().values():
        [rights] = [rights for _, _, rights, name in memory.mappings(pid) if PLACE in name]
        assert rights == "r--s"


def test_without_tickets_no_key_is_left_anywhere(lab):
    proxy = lab.proxy(lab.server(), workers=2)
    with Load(proxy) as load:
        load.wait(scaled(100), workers=2)
        store = store_of(proxy.pid, ticket_of(proxy, lab.folder)[:NAME_SIZE])
        load.wait(scaled(200), workers=2)
        proxy.configure(tls={"ticket-lifetime": "0"})
        proxy.reload()
    assert places_of(proxy, store.keys) == []
    assert lab.client(proxy).ask().status == 200


def test_an_expired_key_is_left_nowhere(lab):
    """Rotated by the timer, under a clock that runs ahead."""
    clock = Clock(lab.folder)
    proxy = lab.proxy(lab.server(), workers=2, tls={"ticket-lifetime": "1m"}, environment=clock.environment)
    names = [ticket_of(proxy, lab.folder)[:NAME_SIZE]]
    store = store_of(proxy.pid, names[0])
    old = store.keys[store.current]

    def another_key_is_used():
        names.append(ticket_of(proxy, lab.folder)[:NAME_SIZE])
        return names[-1] != names[-2]

    for rotation in range(2):
        with Load(proxy) as load:
            load.wait(scaled(200), workers=2)
        assert memory.find(proxy.pid, old), "the key before still opens"
        clock.advance(60)
        proxy.status()  # wakes the master
        wait_for(another_key_is_used, f"rotation {rotation}")
    with Load(proxy) as load:
        load.wait(scaled(50), workers=2)
    assert places_of(proxy, [old]) == []
    assert len(memory.find(proxy.pid, *store.keys)) == 2  # the next of then, in two views
