"""Looking for bytes in the memory of processes, as root may."""

import re
import struct
from dataclasses import dataclass
from pathlib import Path

import pytest

from ravelin_test.settings import IS_ROOT

needs_root = pytest.mark.skipif(not IS_ROOT, reason="only root may look into memory")

MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$")


class Place:
    """Bytes found in a process: their address, and the mapping they lie in."""

    def __init__(self, pid, address, mapping_start, mapping_name):
        self.pid, self.address = pid, address
        self.mapping_start, self.mapping_name = mapping_start, mapping_name

    def __repr__(self):
        return f"{self.address:#x} in {self.mapping_name or 'memory without a name'} of process {self.pid}"


def mappings(pid):
    """(start, end, rights, name) of each."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        start, end, rights, name = MAPPING.match(line).groups()
        yield int(start, 16), int(end, 16), rights, name


def read(pid, address, size):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address)
        return memory.read(size)


def find(pid, *patterns):
    """Every place where one of the byte strings lies in the memory that a process can write or shares."""
    places = []
    for start, end, rights, name in mappings(pid):
        if rights[0] == "-" or (rights[1], rights[3]) == ("-", "p"):
            continue
        try:
            content = read(pid, start, end - start)
        except OSError:  # unmapped meanwhile
            continue
        for pattern in patterns:
            at = content.find(pattern)
            while at >= 0:
                places.append(Place(pid, start + at, start, name))
                at = content.find(pattern, at + 1)
    return places


# As in proxy/backend/server_table.h, behind the head of a part (proxy/base/region.h).
HEAD_SIZE = 64
STATE = struct.Struct("@q")


@dataclass
class ServerState:
    current_weight: int


def server_states(pid, count):
    """What a worker knows of so many servers, in the order of its configuration; it must hold one generation only."""
    [start] = [start for start, _, _, name in mappings(pid) if name.startswith("/memfd:ravelin-server-states")]
    return [ServerState(*fields) for fields in STATE.iter_unpack(read(pid, start + HEAD_SIZE, count * STATE.size))]
