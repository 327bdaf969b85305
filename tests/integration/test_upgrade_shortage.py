"""`ravelin upgrade` when descriptors or memory run out, in the process that serves or in the new one: the one that serves
goes on, and says why."""

import re

import pytest

from ravelin_test.processes import children_of, text
from ravelin_test.settings import IS_ROOT, RAVELIN, SANITIZED
from ravelin_test.waiting import wait_for

from test_live_upgrade import descriptors, serves
from test_no_descriptors import no_descriptors
from test_no_memory import Shortage


class Starved:
    """A proxy whose next processes are started by a script."""

    def __init__(self, lab, **options):
        link = lab.folder / "ravelin"
        link.symlink_to(RAVELIN)
        self.proxy = lab.proxy(lab.server(), program=link, allow=["."], **options)
        self.proxy.program = RAVELIN  # for commands
        self.kept = lab.client(self.proxy)
        assert self.kept.ask().status == 200
        self.before = self.all()
        self._link, self._script = link, lab.folder / "next"
        self.reasons = []

    def all(self):
        return descriptors(self.proxy.pid), children_of(self.proxy.pid)

    def start_next_by(self, line):
        self._script.write_text(f'#!/bin/sh\n{line}\nexec "{RAVELIN}" "$@"\n')
        self._script.chmod(0o755)
        self._link.unlink(missing_ok=True)
        self._link.symlink_to(self._script)

    def fails(self):
        """Whether an upgrade fails. Then it has said why, and nothing else has changed."""
        result = self.proxy.upgrade(check=False)
        if result.returncode == 0:
            return False
        reason = text(result.stderr)
        assert re.search(r"upgrade (failed|refused): .*[a-z]{3}|cannot start a process: ", reason), reason
        self.reasons.append(reason)
        assert self.proxy.status()["pid"] == self.proxy.pid
        assert self.kept.ask().status == 200
        serves(self.proxy)
        wait_for(lambda: self.all() == self.before, "all as before")
        return True

    def ends_well(self):
        self.start_next_by("true")
        self.proxy.upgrade()
        serves(self.proxy)


    def fails_with(self, lines):
        """Each line, until an upgrade succeeds in spite of it. If none does: one without."""
        for line in lines:
            self.start_next_by(line)
            if not self.fails():
                return
        self.ends_well()


def test_the_new_process_has_no_descriptors(lab):
    """With more and more of them it fails at one place after the other."""
    starved = Starved(lab)
    starved.fails_with(f"ulimit -n {limit}" for limit in range(5, 18, 2))
    assert len(starved.reasons) > 3
    assert any("Too many open files" in reason for reason in starved.reasons)


@pytest.mark.skipif(SANITIZED, reason="a build with sanitizers has terabytes of mappings")
def test_the_new_process_has_no_memory(lab):
    starved = Starved(lab)
    starved.fails_with(f"ulimit -v {kilobytes}" for kilobytes in (8_000, 16_000, 18_000, 20_000, 22_000, 24_000, 26_000))
    assert len(starved.reasons) > 3


@pytest.mark.skipif(not IS_ROOT, reason="only root may look at the descriptors of these processes")
def test_the_process_that_serves_has_no_descriptors(lab):
    starved = Starved(lab)
    for spare in range(1, 5):  # one is for the connection of the command
        with no_descriptors(starved.proxy.pid, spare=spare):
            assert starved.fails()
    assert all("Too many open files" in reason for reason in starved.reasons)
    starved.ends_well()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer has an allocator of its own")
def test_the_process_that_serves_has_no_memory(lab):
    shortage = Shortage(lab.subfolder("shortage"))
    starved = Starved(lab, environment=shortage.environment)
    starved.start_next_by("unset LD_PRELOAD")
    for every in (1, 2, 3):
        shortage.fail(every, [starved.proxy.pid])
        result = starved.proxy.command("upgrade", check=False)
        shortage.fail(0)
        assert (result.returncode, result.stderr) == (1, b"upgrade failed: out of memory\n")
        assert starved.proxy.status()["pid"] == starved.proxy.pid
        serves(starved.proxy)
    starved.ends_well()
