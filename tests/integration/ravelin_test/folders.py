"""Temporary folders that processes of other users may look into: pytest's own are closed to them."""

import shutil
import tempfile
from pathlib import Path


def new_folder(name):
    folder = Path(tempfile.mkdtemp(prefix=f"ravelin-{name}-"))
    folder.chmod(0o755)
    return folder


def remove_folder(folder):
    shutil.rmtree(folder, ignore_errors=True)
