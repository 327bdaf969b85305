"""Temporary folders that processes of other users may look into: pytest's own are closed to them."""

import shutil
import tempfile
from pathlib import Path


def new_folder(name, in_memory=False):
    """in_memory: for thousands of files, which a disk can be slow at. Where there is such a place."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix=f"ravelin-{name}-", dir=memory if in_memory and memory.is_dir() else None))
    folder.chmod(0o755)
    return folder


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)
