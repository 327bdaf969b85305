"""The results as JSON and as Markdown."""

from dataclasses import asdict, dataclass
from statistics import median

from .stats import best_peer, by_name, figures, ratio

PARTS = ("user", "system", "total")
QUIET_SHARE = 0.05  # more than this used by others makes the figures doubtful
NOT_QUIET = "**The machine was not quiet; do not trust these figures.** "

HOW = " ".join(
    """Every proxy has one worker or thread, TLS 1.3 with TLS_AES_128_GCM_SHA256 and X25519, an
    ECDSA P-256 certificate, keep-alive to the same backend (hitch: a connection for each client),
    and an access log in a file (hitch has none). CPU time is user and system time of all its
    processes, from /proc. The proxies take turns in every round. A ratio is the median of the
    rounds' ratios. A failed or wrong response, or a process that died, makes a row invalid. The
    handshakes of a load that keeps its connections are in its figures (about 1 %). Units per second
    say little: clients, proxy and backend share the processors.""".split()
)


@dataclass
class Run:
    """All that a run found out. `results` has pairs of a scenario and its outcomes."""

    command: str
    settings: object
    machine: dict
    tools: dict
    proxies: dict  # name to version
    absent: list  # names of peers that are not installed
    results: list

    def samples(self):
        outcomes = [outcome for _, outcomes in self.results for outcome in outcomes]
        return [sample for outcome in outcomes for sample in outcome.samples]

    def problems(self):
        return [
            f"{scenario.name}: {outcome.proxy.name}: {problem}"
            for scenario, outcomes in self.results
            for outcome in outcomes
            for problem in outcome.problems
        ]


# --- JSON ---------------------------------------------------------------------------------------


def as_json(run):
    """A value for json.dump. CPU times are seconds per unit."""
    return {
        "format": 1,
        "command": run.command,
        "settings": asdict(run.settings),
        "machine": run.machine,
        "tools": run.tools,
        "proxies": run.proxies,
        "absent": run.absent,
        "scenarios": [_scenario_as_json(scenario, outcomes) for scenario, outcomes in run.results],
    }


def _scenario_as_json(scenario, outcomes):
    ravelin = by_name(outcomes, "Ravelin")
    rows = []
    for outcome in outcomes:
        row = {"proxy": outcome.proxy.name, "valid": outcome.valid, "problems": outcome.problems}
        if outcome.valid:
            row["figures"] = asdict(figures(outcome))
            row["ravelin_to_this"] = {part: ratio(ravelin, outcome, part) for part in PARTS}
        row["samples"] = [asdict(sample) for sample in outcome.samples]
        rows.append(row)
    names = {"name": scenario.name, "title": scenario.title, "unit": scenario.unit.name}
    return {**names, "proxies": rows}


# --- Markdown -----------------------------------------------------------------------------------


def as_markdown(run):
    parts = [_introduction(run), _summary(run)]
    parts += [_scenario_table(scenario, outcomes) for scenario, outcomes in run.results]
    parts.append(_about(run))
    if run.problems():
        parts.append("## Problems\n\n" + "\n".join(f"- {problem}" for problem in run.problems()))
    return "\n\n".join(parts) + "\n"


def _introduction(run):
    proxies = "; ".join(f"{name} {version}" for name, version in run.proxies.items())
    text = f"""# Measured on {run.machine["date"]}

`{run.command}` on {_machine_line(run.machine)}.

{proxies}."""
    if run.absent:
        text += f"\n\nNot installed, so not measured: {', '.join(run.absent)}."
    return text


def _machine_line(machine):
    kind = "virtual processors" if machine["virtual"] else "processors"
    flags = " ".join(machine["processor_flags"])
    return (
        f"{machine['processors']} {kind} ({machine['processor']}; {flags}), "
        f"{machine['memory_gib']} GiB, Linux {machine['kernel']}, {machine['system']}"
    )


def _summary(run):
    lines = [
        "## CPU time of Ravelin, for what the best peer and nginx need 1",
        "",
        "| work | total ÷ best peer | user ÷ best peer | total ÷ nginx | user ÷ nginx |",
        "|---|--:|--:|--:|--:|",
    ]
    for scenario, outcomes in run.results:
        ravelin, nginx = by_name(outcomes, "Ravelin"), by_name(outcomes, "nginx")
        cells = [scenario.title]
        for part in ("total", "user"):
            peer = best_peer(scenario, outcomes, part)
            value = ratio(ravelin, peer, part)
            cells.append("–" if value is None else f"{value:.2f} ({peer.proxy.name})")
        cells += [_ratio_text(ratio(ravelin, nginx, part)) for part in ("total", "user")]
        lines.append(_row(cells))
    if any(scenario.http_peers_only for scenario, _ in run.results):
        lines += ["", "For small responses the best peer is one that parses HTTP, so not hitch."]
    return "\n".join(lines)


def _scenario_table(scenario, outcomes):
    unit = scenario.unit
    ravelin, nginx = by_name(outcomes, "Ravelin"), by_name(outcomes, "nginx")
    rounds = max(len(outcome.samples) for outcome in outcomes)
    lines = [
        f"## {scenario.title}",
        "",
        f"CPU time in {unit.time} per {unit.name}: medians (rounds: {rounds}) and extremes.",
        "",
        f"| proxy | user | sys | total | least–most | {unit.rate} | total ÷ nginx "
        "| Ravelin ÷ it: total | user |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for outcome in outcomes:
        if not outcome.valid:
            lines.append(_row([outcome.proxy.name, "invalid"] + [""] * 7))
            continue
        row = figures(outcome)
        times = [row.user, row.system, row.total, row.total_least, row.total_most]
        user, system, total, least, most = (_number(seconds * unit.scale) for seconds in times)
        cells = [outcome.proxy.name, user, system, total, f"{least}–{most}", _number(row.rate)]
        cells.append(_ratio_text(ratio(outcome, nginx, "total")))
        other = None if outcome is ravelin else outcome
        cells += [_ratio_text(ratio(ravelin, other, part)) for part in ("total", "user")]
        lines.append(_row(cells))
    return "\n".join(lines)


def _about(run):
    settings, samples = run.settings, run.samples()
    tools = ", ".join(f"{name} {version}" for name, version in run.tools.items())
    lines = [
        "## How",
        "",
        HOW,
        "",
        f"- A sample lasts at least {settings.seconds} s and {settings.cpu_seconds} s of CPU time.",
        f"- Load tools: {tools}.",
    ]
    if samples:
        shares = [sample.others for sample in samples]
        most, middle = max(shares), median(shares)
        loud = "" if middle <= QUIET_SHARE else NOT_QUIET
        lines.append(
            f"- {loud}Other programs used {middle:.0%} of the processors while samples were taken "
            f"(median; {most:.0%} at most); load average before the run "
            f"{run.machine['load_at_start']}."
        )
    short = sum(sample.short for sample in samples)
    if short:
        lines.append(f"- {short} of {len(samples)} samples got less CPU time and are less exact.")
    return "\n".join(lines)


def _row(cells):
    return "| " + " | ".join(cells) + " |"


def _number(value):
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio_text(value):
    return "–" if value is None else f"{value:.2f}"
