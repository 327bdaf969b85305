"""The command line, and the run as a whole."""

import argparse
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from . import machine, report
from .backends import BACKENDS
from .errors import BenchError
from .growth import CURVES, run_curve
from .measure import Settings, Stage, run_scenario
from .processes import allow_many_descriptors, find_program
from .proxies import PEERS, Ravelin
from .scenarios import SCENARIOS
from .workshop import Workshop

TOP = Path(__file__).resolve().parents[2]
TRIXIE = "build/deps/trixie"

WORKERS = tuple(sorted({1, 2, os.cpu_count()}))
FULL = Settings(
    rounds=3,
    seconds=3.0,
    cpu_seconds=1.0,
    warm_up_seconds=1.0,
    max_minutes=24,
    connections=(10, 100, 1000, 10000, 50000),
    http2_connections=(10, 1000, 10000),
    tcp_connections=(10, 1000, 8000),
    sites=(1, 100, 1000, 10000),
    workers=WORKERS,
)
QUICK = Settings(
    rounds=1,
    seconds=0.8,
    cpu_seconds=0.2,
    warm_up_seconds=0.2,
    max_minutes=2.6,
    connections=(10, 1000),
    http2_connections=(10, 1000),
    tcp_connections=(10, 1000),
    sites=(1, 1000),
    workers=WORKERS[:2],
)
PEER_SETS = ("debian", "trixie", "both")


def arguments(words):
    parser = argparse.ArgumentParser(
        prog="bench/run",
        description="Measures Ravelin beside nginx, HAProxy, hitch and stunnel: CPU, latency, memory.",
    )
    scenarios = [scenario.name for scenario in SCENARIOS + CURVES]
    peers = [peer.program for peer in PEERS] + ["none"]
    only = {"action": "append", "help": "only this one; may be repeated"}

    def flag(name, text):
        parser.add_argument(name, action="store_true", help=text)

    def value(name, text, **more):
        parser.add_argument(name, help=text, **more)

    flag("--quick", "less than 3 minutes, and less exact")
    parser.add_argument("--scenario", choices=scenarios, **only)
    parser.add_argument("--peer", choices=peers, **only)
    value(
        "--peers",
        "of this Debian, of a trixie in build/deps (root), or of both; default: $PEERS, or debian",
        choices=PEER_SETS,
        default=os.environ.get("PEERS") or "debian",
    )
    value("--rounds", f"{FULL.rounds}, or {QUICK.rounds} with --quick", type=int)
    value("--seconds", f"of a sample: {FULL.seconds}, or {QUICK.seconds} with --quick", type=float)
    value(
        "--minutes", f"at most: {FULL.max_minutes}, or {QUICK.max_minutes} with --quick", type=float
    )
    value("--ravelin", "default: build/ravelin", default=TOP / "build/ravelin", metavar="PROGRAM")
    value(
        "--client",
        "default: build/bench-client",
        default=TOP / "build/bench-client",
        metavar="PROGRAM",
    )
    value("--output", "default: build/bench", default=TOP / "build/bench", metavar="FOLDER")
    flag("--continue", "take up the run in that folder: what it has is not measured again")
    flag("--write-results", "write bench/RESULTS.md and its plots as well")
    flag("--keep", "keep the folder with configurations and logs")
    options = parser.parse_args(words)
    if options.peers not in PEER_SETS:
        parser.error(f"PEERS must be one of {', '.join(PEER_SETS)}, not {options.peers}")
    return options


def settings_of(options):
    base = QUICK if options.quick else FULL
    changes = {}
    if options.rounds:
        changes["rounds"] = max(1, options.rounds)
    if options.seconds:
        changes["seconds"] = max(0.2, options.seconds)
        changes["cpu_seconds"] = base.cpu_seconds * changes["seconds"] / base.seconds
        changes["warm_up_seconds"] = min(base.warm_up_seconds, changes["seconds"])
    if options.minutes:
        changes["max_minutes"] = max(0.1, options.minutes)
    return Settings(**{**vars(base), **changes})


def main(words=None):
    words = sys.argv[1:] if words is None else words
    options = arguments(words)
    # So that `with` blocks end what they started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    prefix = "" if "--peers" in words or options.peers == "debian" else f"PEERS={options.peers} "
    command = prefix + "bench/run" + "".join(f" {shlex.quote(word)}" for word in words)
    try:
        run = perform(options, command)
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"bench: interrupted; what there is lies in {options.output}", file=sys.stderr)
        return 130
    write(run, options, final=True)
    return 1 if report.problems(run) else 0


def perform(options, command):
    allow_many_descriptors()
    settings = settings_of(options)
    wanted = options.scenario or [scenario.name for scenario in SCENARIOS + CURVES]
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in wanted]
    curves = [curve for curve in CURVES if curve.name in wanted]
    check_tools(scenarios, options)
    root = install_trixie() if options.peers != "debian" else None
    with Workshop(options.client, options.keep) as workshop, ExitStack() as stack:
        if options.keep:
            progress(f"configurations and logs are kept in {workshop.folder}")
        proxies, absent = installed_proxies(options, workshop, root)
        for name in absent:
            progress(f"{name} is not installed")
        run = {
            "format": 3,
            "complete": False,
            "command": command,
            "minutes": 0,
            "settings": asdict(settings),
            "machine": machine.facts(),
            "tools": machine.tool_versions(),
            "proxies": {proxy.name: facts_of(proxy) for proxy in proxies},
            "absent": absent,
            "left_out": [],
            "scenarios": [],
        }
        minutes_before = take_up(run, options) if vars(options)["continue"] else 0
        backends = {}
        for name in sorted(
            {scenario.backend for scenario in scenarios} | ({"files"} if curves else set())
        ):
            backends[name] = BACKENDS[name](workshop)
            stack.callback(backends[name].program.stop)
        stage = Stage(workshop, backends, proxies, settings, progress)
        started = time.monotonic()
        end = started + 60 * (settings.max_minutes - minutes_before)
        done = {scenario["name"] for scenario in run["scenarios"]}
        # A curve takes about as long as four other scenarios.
        todo = [(each, 1, run_scenario) for each in scenarios] + [
            (each, 4, run_curve) for each in curves
        ]
        todo = [item for item in todo if item[0].name not in done]
        for number, (each, weight, measure) in enumerate(todo):
            if number > 0 and time.monotonic() > end:
                run["left_out"] = [other[0].title for other in todo[number:]]
                progress(f"out of time: not measured: {', '.join(run['left_out'])}")
                break
            share = weight / sum(other[1] for other in todo[number:])
            deadline = time.monotonic() + share * (end - time.monotonic())
            run["scenarios"].append(measure(each, stage, deadline))
            run["minutes"] = minutes_before + (time.monotonic() - started) / 60
            write(run, options)
        run["complete"] = not run["left_out"]
    return run


def take_up(run, options):
    """Takes over what an earlier run measured. Returns the minutes it took."""
    path = Path(options.output) / "results.json"
    try:
        former = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BenchError(f"{path}: {error}: there is no run to continue") from error
    for name in ("format", "settings", "proxies"):
        ours, theirs = json.loads(json.dumps(run[name])), former.get(name)
        if name == "settings":
            ours["max_minutes"] = theirs["max_minutes"] = 0  # more time is no other way to measure
        if ours != theirs:
            raise BenchError(f"{path}: another run, its {name} differ")
    run["scenarios"] = former["scenarios"]
    run["command"] = former["command"]
    run["machine"] = former["machine"]
    return former["minutes"]


def facts_of(proxy):
    return {
        "version": proxy.version(),
        "family": proxy.family,
        "parses_http": proxy.parses_http,
        "compares": proxy.compares,
        "newer": bool(proxy.root),
    }


def installed_proxies(options, workshop, root):
    """The proxies to measure, Ravelin first, and the names of the peers that are not there."""
    # A copy: a build meanwhile changes nothing.
    program = workshop.new_folder("program").real / "ravelin"
    try:
        shutil.copy(options.ravelin, program)
    except OSError as error:
        raise BenchError(f"{options.ravelin}: {error.strerror} (make builds it)") from error
    roots = {"debian": [None], "trixie": [root], "both": [None, root]}[options.peers]
    classes = [peer for peer in PEERS if not options.peer or peer.program in options.peer]
    # One stunnel is enough, and none when there is no time: it is no yardstick.
    stunnel = [] if options.quick and not options.peer else roots[-1:]
    peers = [peer(root) for root in roots for peer in classes if peer.compares or root in stunnel]
    absent = [peer.family for peer in peers if not peer.path]
    return [Ravelin(program), *(peer for peer in peers if peer.path)], absent


def install_trixie():
    """The folder with Debian trixie in it, which is made first if need be."""
    if (
        subprocess.run([TOP / "bench/trixie", TRIXIE], cwd=TOP, stdin=subprocess.DEVNULL).returncode
        != 0
    ):
        raise BenchError("there is no trixie to take peers from")
    return str(TOP / TRIXIE)


def check_tools(scenarios, options):
    needed = {"nginx", "openssl", "setpriv"} | {scenario.load.tool for scenario in scenarios}
    needed |= {"node"} if any(scenario.backend == "echo" for scenario in scenarios) else set()
    missing = sorted(tool for tool in needed - {None} if not find_program(tool))
    if missing:
        names = ", ".join(missing)
        raise BenchError(f"not installed: {names} (make bench installs what is needed)")
    if not os.access(options.client, os.X_OK):
        raise BenchError(f"{options.client}: not there (make bench builds it)")


def write(run, options, final=False):
    """Writes what there is; the last time also the plots, and for people."""
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    report.add_figures(run)
    partial = folder / "results.json.new"
    partial.write_text(json.dumps(run, indent=1) + "\n")
    partial.replace(folder / "results.json")
    plots = []
    if final:
        from . import plots as painter  # takes a second, which no measurement should wait for

        plots = painter.draw(run, folder, "results-")
        if options.write_results:
            painter.draw(run, TOP / "bench", "results-")
    text = report.as_markdown(run, plots)
    (folder / "results.md").write_text(text)
    if final:
        if options.write_results:
            (TOP / "bench/RESULTS.md").write_text(text)
        print(f"\n{text}\nwritten: {folder}/results.md, results.json and plots")


def progress(line):
    print(time.strftime("%H:%M:%S ") + line, flush=True)
