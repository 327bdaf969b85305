"""Waiting for conditions, never for time to pass."""

import time

from .settings import PATIENCE


def wait_for(condition, what, timeout=PATIENCE):
    """The first true value that condition() returns. When there is none in time, fails and says what was waited for."""
    deadline = time.monotonic() + timeout
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:g} s for {what}; last value: {value!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def stays(condition, what, duration):
    """Fails when condition() stops being true within `duration` seconds: for what must *not* happen."""
    deadline = time.monotonic() + duration
    while time.monotonic() < deadline:
        assert condition(), what
        time.sleep(0.01)
