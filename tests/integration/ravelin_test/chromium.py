"""Chromium without a window, as a client of a proxy."""

import shutil

from .processes import run, text
from .settings import SCALE


def chromium(lab, proxy, *arguments, path="/", url=None):
    """Opens a page with a fresh profile that trusts the proxy's certificate; returns the output. `url`: another page."""
    certificate = lab.authority.certificate("localhost", "127.0.0.1")
    flags = [
        *["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"],
        *["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        *["--disable-extensions", "--disable-default-apps", "--virtual-time-budget=5000"],
        f"--user-data-dir={lab.folder}/profile",
        f"--ignore-certificate-errors-spki-list={certificate.spki_hash()}",
    ]
    environment = {"HOME": str(lab.folder), "XDG_RUNTIME_DIR": str(lab.folder)}
    program = shutil.which("chromium") or "/usr/bin/chromium"
    return text(run([program, *flags, *arguments, url or proxy.url(path)], timeout=60 * SCALE, environment=environment).stdout)
