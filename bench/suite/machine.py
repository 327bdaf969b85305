"""Facts about this machine and the programs used."""

import os
import re
from datetime import datetime, timezone
from pathlib import Path

from .processes import output_of

INTERESTING_FLAGS = "aes pclmulqdq vaes vpclmulqdq avx2 avx512f sha_ni pmull sha2".split()
CONGESTION_CONTROL = "/proc/sys/net/ipv4/tcp_congestion_control"


def facts():
    cpuinfo = Path("/proc/cpuinfo").read_text()
    flags = set((_value(cpuinfo, "flags") or _value(cpuinfo, "Features") or "").split())
    memory_kib = int(_value(Path("/proc/meminfo").read_text(), "MemTotal").split()[0])
    return {
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _value(cpuinfo, "model name") or os.uname().machine,
        "processor_flags": [flag for flag in INTERESTING_FLAGS if flag in flags],
        "processors": os.cpu_count(),
        "virtual": "hypervisor" in flags,
        "memory_gib": round(memory_kib / (1 << 20), 1),
        "kernel": os.uname().release,
        "congestion_control": _text(CONGESTION_CONTROL).strip() or "unknown",
        "system": _os_release().get("PRETTY_NAME", "unknown"),
        "load_at_start": round(os.getloadavg()[0], 2),
    }


def tool_versions():
    return {
        "wrk": _first(r"wrk (?:debian/)?(\S+)", output_of("wrk", "-v")),
        "h2load": _first(r"nghttp2/(\S+)", output_of("h2load", "--version")),
        "curl": _first(r"curl (\S+)", output_of("curl", "-q", "--version")),
        "node": _first(r"v(\S+)", output_of("node", "--version")),
        "openssl": _first(r"OpenSSL (\S+)", output_of("openssl", "version")),
    }


def _first(pattern, text):
    match = re.search(pattern, text)
    return match[1] if match else "?"


def _value(text, name):
    match = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return match[1].strip() if match else None


def _text(path):
    """Of a file that not every system has."""
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _os_release():
    return dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', _text("/etc/os-release"), re.MULTILINE))
