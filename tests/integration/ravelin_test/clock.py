"""A clock that a test sets ahead, for one program: later.c is preloaded into it."""

import struct
from pathlib import Path

from .processes import run


class Clock:
    def __init__(self, folder):
        library, self._file = Path(folder) / "later.so", Path(folder) / "later"
        run(["cc", "-shared", "-fPIC", "-O1", "-D_GNU_SOURCE", Path(__file__).with_name("later.c"), "-o", library])
        self._file.write_bytes(struct.pack("q", 0))
        self._ahead = 0
        self.environment = {"LD_PRELOAD": str(library), "LATER_FILE": str(self._file)}

    def advance(self, seconds):
        """Timers that are due are noticed when the program next wakes up."""
        self._ahead += seconds
        with open(self._file, "r+b") as file:
            file.write(struct.pack("q", self._ahead))
