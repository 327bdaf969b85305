"""Looking for bytes in the memory of processes, as root may."""

import re
from pathlib import Path

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
