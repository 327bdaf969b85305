"""What the environment says."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
RAVELIN = Path(os.environ.get("RAVELIN") or ROOT / "build/ravelin").absolute()
SANITIZED = "asan" in RAVELIN.parts
# How much slower than the release build things may be.
SCALE = float(os.environ.get("RAVELIN_SCALE") or (4 if SANITIZED else 1))
LONG = os.environ.get("RAVELIN_LONG") == "1"
IS_ROOT = os.geteuid() == 0

# Generous: how long a condition may take to come true on a loaded machine.
PATIENCE = 15 * SCALE


def scaled(count):
    """A size or a number of repetitions, smaller for a slow build."""
    return max(1, int(count / SCALE))
