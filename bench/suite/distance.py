"""Uploads and downloads over a long link, by HTTP/1.1 and by HTTP/2: `bench/link --help`."""

import argparse
import os
import re
import shutil
import statistics
import sys
import time
from pathlib import Path

from . import certificates
from .backends import FileBackend, SinkBackend
from .errors import BenchError
from .link import HERE, Link, unshare_network
from .loads import run_tool
from .processes import Program, find_program, free_port
from .workshop import GROUP, MIB, SUITE, Workshop

TOP = Path(__file__).resolve().parents[2]
WORKS = {"upload": ["/upload", "-d", "upload"], "download": ["/%dm"]}
WORDS = {"1": ["--h1"], "2": ["-w30", "-W30"]}


def main():
    options = arguments()
    for program in ("h2load", "nginx", "nsenter", "ip"):
        if not find_program(program):
            print(f"bench/link: not installed: {program}", file=sys.stderr)
            return 1
    try:
        unshare_network()
        with Workshop(None) as workshop:
            measure(workshop, options)
    except BenchError as error:
        print(f"bench/link: {error}", file=sys.stderr)
        return 1
    return 0


def arguments(words=None):
    parser = argparse.ArgumentParser(
        prog="bench/link",
        description="Measures how fast one upload and one download are over a long link, by HTTP/1.1 and HTTP/2 in turn."
        " Makes network namespaces, so it is for root.",
    )
    parser.add_argument("--ravelin", default=TOP / "build/ravelin", metavar="FILE")
    parser.add_argument("--megabits", type=float, default=1000, help="a second (default: 1000)")
    parser.add_argument("--round-trip", type=float, default=50, help="in ms (default: 50)")
    parser.add_argument("--rounds", type=int, default=5, help="their median counts (default: 5)")
    parser.add_argument("--mebibytes", type=int, choices=(1, 100), default=100, help="of a body")
    parser.add_argument("--work", choices=("upload", "download"), help="only this (default: both)")
    return parser.parse_args(words)


def measure(workshop, options):
    os.chdir(workshop.folder)
    workshop.file("upload", bytes(options.mebibytes * MIB))
    rate, delay = options.megabits * 1e6, options.round_trip / 1e3
    programs = []
    with Link(rate, delay, 2 * rate / 8 * delay) as link:
        try:
            files, sink = FileBackend(workshop), SinkBackend(workshop)
            programs += [files.program, sink.program]
            proxy = start(workshop, options.ravelin, files.servers[0], sink.servers[0])
            programs.append(proxy)
            for work in WORKS:
                if options.work in (None, work):
                    compare(workshop, link, proxy.address, work, options)
        finally:
            for program in programs:
                program.stop()


def compare(workshop, link, address, work, options):
    rates = {version: [] for version in WORDS}
    for _ in range(options.rounds):
        for version in WORDS:
            seconds = once(workshop, link, address, work, version, options.mebibytes)
            rates[version].append(options.mebibytes * MIB / 1e6 / seconds)
    one, two = (statistics.median(rates[version]) for version in WORDS)
    each = ", ".join(f"{second:.1f}/{first:.1f}" for first, second in zip(*rates.values()))
    print(
        f"{work} of {options.mebibytes} MiB: HTTP/1.1 {one:.1f} MB/s, HTTP/2 {two:.1f} MB/s,"
        f" ratio {two / one:.2f}  ({each})",
        flush=True,
    )


def once(workshop, link, address, work, version, mebibytes):
    path, *words = WORKS[work]
    path = path % mebibytes if "%" in path else path
    command = ["h2load", "-n1", "-c1", "-t1", f"--tls13-ciphers={SUITE}", f"--groups={GROUP}"]
    command += [*WORDS[version], *words, f"https://{address}{path}"]
    began = time.monotonic()
    text, problem = run_tool(link.there(command), workshop.client_env(), 60)
    seconds = time.monotonic() - began
    if problem or not re.search(r" 1 succeeded, 0 failed", text):
        raise BenchError(problem or f"h2load: {text[-500:]}")
    wanted = {"1": "http/1.1", "2": "h2"}[version]
    if f"Application protocol: {wanted}" not in text:
        raise BenchError(f"h2load did not speak {wanted}: {text[-500:]}")
    return seconds


def start(workshop, ravelin, files, sink):
    folder = workshop.new_folder("ravelin").real
    program = folder / "program"
    shutil.copy(ravelin, program)
    shutil.copytree(workshop.certificates("ecdsa"), folder / "certificates")
    name, port = certificates.names(1)[0], free_port()
    (folder / "ravelin.conf").write_text(
        f"""workers = 1
log = stderr
log-level = warning
listen {HERE}:{port} {{}}
listen 127.0.0.1:{port} {{}}
site {name} {{
    aliases = {{{HERE}}}
    certificate {folder}/certificates/{name}.chain.pem {{ key = {folder}/certificates/{name}.key.pem }}
    route / {{ backend = files }}
    route /upload {{ backend = sink }}
}}
backend files {{ server {files} {{}} }}
backend sink {{ server {sink} {{}} }}
"""
    )
    env = {**os.environ, "XDG_RUNTIME_DIR": str(folder)}
    command = [program, "run", "-c", folder / "ravelin.conf"]
    running = Program("Ravelin", command, folder / "error.log", port, env)
    running.address = f"{HERE}:{port}"
    return running
