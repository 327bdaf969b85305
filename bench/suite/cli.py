"""The command line, and the run as a whole."""

import argparse
import json
import resource
import shlex
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from . import machine, report
from .backends import BACKENDS
from .errors import BenchError
from .measure import Settings, Stage, run_scenario
from .processes import find_program
from .proxies import PEERS, Ravelin
from .scenarios import SCENARIOS
from .workshop import Workshop

TOP = Path(__file__).resolve().parents[2]

FULL = Settings(rounds=5, seconds=4.0, cpu_seconds=2.0, warm_up_seconds=1.0, max_minutes=20)
QUICK = Settings(rounds=2, seconds=2.0, cpu_seconds=1.0, warm_up_seconds=0.5, max_minutes=2.0)


def arguments(words):
    parser = argparse.ArgumentParser(
        prog="bench/run",
        description="Measures the CPU time of Ravelin beside nginx, HAProxy and hitch.",
    )
    scenarios = [scenario.name for scenario in SCENARIOS]
    peers = [peer.program for peer in PEERS]
    only = {"action": "append", "help": "only this one; may be repeated"}

    def flag(name, text):
        parser.add_argument(name, action="store_true", help=text)

    def value(name, text, **more):
        parser.add_argument(name, help=text, **more)

    flag("--quick", "less than 3 minutes, and less exact")
    parser.add_argument("--scenario", choices=scenarios, **only)
    parser.add_argument("--peer", choices=peers, **only)
    value("--rounds", f"{FULL.rounds}, or {QUICK.rounds} with --quick", type=int)
    value("--seconds", f"of a sample: {FULL.seconds}, or {QUICK.seconds} with --quick", type=float)
    value("--ravelin", "default: build/ravelin", default=TOP / "build/ravelin", metavar="PROGRAM")
    value("--output", "default: build/bench", default=TOP / "build/bench", metavar="FOLDER")
    flag("--write-results", "write bench/RESULTS.md as well")
    flag("--keep", "keep the folder with configurations and logs")
    return parser.parse_args(words)


def settings_of(options):
    base = QUICK if options.quick else FULL
    changes = {}
    if options.rounds:
        changes["rounds"] = max(1, options.rounds)
    if options.seconds:
        changes["seconds"] = max(0.5, options.seconds)
        changes["cpu_seconds"] = base.cpu_seconds * changes["seconds"] / base.seconds
    return Settings(**{**vars(base), **changes})


def main(words=None):
    words = sys.argv[1:] if words is None else words
    options = arguments(words)
    # So that `with` blocks end what they started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        run = perform(options, "bench/run" + "".join(f" {shlex.quote(word)}" for word in words))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted", file=sys.stderr)
        return 130
    write(run, options)
    return 1 if run.problems() else 0


def perform(options, command):
    allow_many_connections()
    settings = settings_of(options)
    wanted = options.scenario or [scenario.name for scenario in SCENARIOS]
    scenarios = [scenario for scenario in SCENARIOS if scenario.name in wanted]
    check_tools(scenarios)
    with Workshop(options.keep) as workshop, ExitStack() as stack:
        if options.keep:
            progress(f"configurations and logs are kept in {workshop.folder}")
        proxies, absent = installed_proxies(options, workshop)
        for name in absent:
            progress(f"{name} is not installed")
        run = report.Run(
            command=command,
            settings=settings,
            machine=machine.facts(),
            tools=machine.tool_versions(),
            proxies={proxy.name: proxy.version() for proxy in proxies},
            absent=absent,
            results=[],
        )
        stage = Stage(workshop, workshop.certificate(), {})
        for name in sorted({scenario.backend for scenario in scenarios}):
            stage.backends[name] = BACKENDS[name](workshop)
            stack.callback(stage.backends[name].program.stop)
        end = time.monotonic() + 60 * settings.max_minutes
        for number, scenario in enumerate(scenarios):
            share = (end - time.monotonic()) / (len(scenarios) - number)
            deadline = time.monotonic() + share
            outcomes = run_scenario(scenario, proxies, stage, settings, deadline, progress)
            run.results.append((scenario, outcomes))
    return run


def installed_proxies(options, workshop):
    """The proxies to measure, Ravelin first, and the names of the peers that are not there."""
    # A copy: a build meanwhile changes nothing.
    program = workshop.new_folder("program") / "ravelin"
    try:
        shutil.copy(options.ravelin, program)
    except OSError as error:
        raise BenchError(f"{options.ravelin}: {error.strerror} (make builds it)") from error
    peers = [peer() for peer in PEERS if not options.peer or peer.program in options.peer]
    found = [peer for peer in peers if peer.path]
    return [Ravelin(program), *found], [peer.name for peer in peers if not peer.path]


def check_tools(scenarios):
    needed = {"nginx", "openssl", "setpriv"} | {scenario.load.tool for scenario in scenarios}
    missing = sorted(tool for tool in needed if not find_program(tool))
    if missing:
        names = ", ".join(missing)
        raise BenchError(f"not installed: {names} (make bench installs what is needed)")


def allow_many_connections():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def write(run, options):
    folder = Path(options.output)
    folder.mkdir(parents=True, exist_ok=True)
    text = report.as_markdown(run)
    (folder / "results.json").write_text(json.dumps(report.as_json(run), indent=1) + "\n")
    (folder / "results.md").write_text(text)
    if options.write_results:
        (TOP / "bench/RESULTS.md").write_text(text)
    print(f"\n{text}\nwritten: {folder}/results.md and results.json")


def progress(line):
    print(line, flush=True)
