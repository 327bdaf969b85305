"""The results as Markdown. A run is what results.json holds: plain data."""

from statistics import median

from .stats import by_name, figures, judged, metrics, point, ratio, valid

QUIET_SHARE = 0.05  # more than this used by others makes the figures doubtful
NOT_QUIET = "**The machine was not quiet; do not trust these figures.** "
KIB, MIB = 1 << 10, 1 << 20

MEASURES = {
    "total": "total CPU",
    "user": "user CPU",
    "p99": "p99 latency",
    "p999": "p99.9 latency",
}
IDLE_LIMIT_KIB = 1.5
IDLE_LIMITS_KIB = {"http2-connections": ("HTTP/2", 5), "tcp-connections": ("TCP", 2)}
START_LIMIT_SECONDS = 0.5

HOW = " ".join(
    """Every proxy has one worker or thread, TLS 1.3 with TLS_AES_128_GCM_SHA256 and X25519, a
    self-signed ECDSA P-256 certificate, keep-alive to the same backend (hitch and stunnel: a
    connection for each client), and an access log in a file (hitch and stunnel have none). stunnel
    has a thread for each connection; it is shown, but it is nobody's best peer. CPU time is user
    and system time of all processes of a proxy, from /proc, Ravelin's signers included. The proxies
    take turns in every round. A ratio is the median of the rounds' ratios. A failed or wrong
    response, or a process that died, makes a row invalid. The handshakes of wrk are in its figures
    (about 1 %). Units per second say little: clients, proxy and backend share the processors. Where
    the system paces packets (BBR), Ravelin's connections to a server on the same machine are not
    paced; those of the others, and all connections of clients, are. Of a
    response, Ravelin lets the kernel hold 1 MiB from a server on the same machine, and 256 KiB that
    are not yet sent to a client; the others leave it to the kernel.""".split()
)
HOW_LATENCY = " ".join(
    """Latency is measured by the suite's own client, open loop: request k is due at k ÷ rate, is
    sent then or as soon as a connection is free, and its latency counts from when it was due. In a
    run of several rounds there are three times as many, each a third as long. Urgent requests over
    HTTP/2 are due when the one before is answered. Where a load is compared with the one before it,
    there are as many rounds as elsewhere. The tools that Debian
    packages (h2load --rps, wrk, hey) count from when they got to sending, which leaves the waiting
    out.""".split()
)
HOW_MEMORY = " ".join(
    """Memory of a proxy is the proportional set size of all its processes. Memory per connection is
    what it grew by since ten connections, over the connections since; each has had a request. Kernel
    memory is slabs and TCP buffers of the whole machine, so that of both ends of each connection,
    and of the clients' epoll.""".split()
)


def samples(run):
    return [
        sample
        for scenario in run["scenarios"]
        for row in scenario["rows"]
        for sample in row.get("samples", [])
    ]


def problems(run):
    return [
        f"{scenario['name']}: {row['proxy']}: {problem}"
        for scenario in run["scenarios"]
        for row in scenario["rows"]
        for problem in row["problems"]
    ]


def add_figures(run):
    """Writes into a run what follows from its samples, for readers of results.json."""
    for scenario in run["scenarios"]:
        for row in scenario["rows"]:
            if "samples" in row and valid(row):
                row["figures"] = figures(row)
                ravelin = by_name(scenario["rows"], "Ravelin")
                row["ravelin_to_this"] = {name: ratio(ravelin, row, name) for name in metrics(row)}
        if scenario["kind"] != "growth":
            scenario["judged"] = judged(scenario, run["proxies"])
    run["targets"] = [
        dict(zip(("work", "measure", "value", "compared", "target", "holds"), row))
        for row in targets(run)
    ]


def as_markdown(run, plots=()):
    """`plots`: pairs of a title and a file name beside the text."""
    parts = [_introduction(run)]
    if not run["complete"]:
        left_out = (
            f" Left out, for want of time: {'; '.join(run['left_out'])}." if run["left_out"] else ""
        )
        parts.append(f"**This run is not complete.**{left_out}")
    if problems(run):
        parts.append("## Problems\n\n" + "\n".join(f"- {problem}" for problem in problems(run)))
    parts += [_targets_table(run)]
    parts += [f"![{title}]({name})" for title, name in plots]
    for scenario in run["scenarios"]:
        table = {"growth": _growth, "work": _work, "latency": _latency}
        table |= {"beside": _latency, "death": _latency, "change": _latency}
        parts.append(table[scenario["kind"]](scenario, run))
    parts.append(_about(run))
    return "\n\n".join(parts) + "\n"


def _introduction(run):
    proxies = "; ".join(f"{name}: {proxy['version']}" for name, proxy in run["proxies"].items())
    text = f"""# Measured on {run["machine"]["date"]}

`{run["command"]}` on {_machine_line(run["machine"])}. It took {run["minutes"]:.0f} minutes.

{proxies}."""
    if run["absent"]:
        text += f"\n\nNot installed, so not measured: {', '.join(run['absent'])}."
    return text


def _machine_line(machine):
    kind = "virtual processors" if machine["virtual"] else "processors"
    flags = " ".join(machine["processor_flags"])
    return (
        f"{machine['processors']} {kind} ({machine['processor']}; {flags}), "
        f"{machine['memory_gib']} GiB, Linux {machine['kernel']} (TCP congestion control: "
        f"{machine['congestion_control']}), {machine['system']}"
    )


# --- Targets ------------------------------------------------------------------------------------


def targets(run):
    """Rows: the work, the measure, the value, what it is compared with, the target, if it holds."""
    rows = []
    for scenario in run["scenarios"]:
        if scenario["kind"] == "growth":
            rows += _growth_targets(scenario)
            continue
        for each in judged(scenario, run["proxies"]):
            peer = f"÷ {each['peer']}" if each["peer"] else "no peer"
            value = "–" if each["ratio"] is None else f"{each['ratio']:.2f}"
            limit = f"≤ {each['limit']:.2f}"
            rows.append(
                (scenario["title"], MEASURES[each["metric"]], value, peer, limit, each["holds"])
            )
    return rows


def _growth_targets(curve):
    ravelin = by_name(curve["rows"], "Ravelin")
    if not ravelin or not ravelin["points"]:
        return []
    first, last = ravelin["points"][0], ravelin["points"][-1]
    name, rows = curve["name"], []
    if name == "connections":
        for each in ravelin["points"]:
            if each["x"] >= 10000:
                kib = each["values"]["user_memory"] / KIB
                work = f"{each['x']:,} idle TLS connections"
                limit = f"≤ {IDLE_LIMIT_KIB} KiB"
                rows.append(
                    (
                        work,
                        "user memory of each",
                        f"{kib:.2f} KiB",
                        "",
                        limit,
                        kib <= IDLE_LIMIT_KIB,
                    )
                )
        rows += _flat("CPU of a request", first, last, "total", "connections")
    elif name in IDLE_LIMITS_KIB:
        kib = last["values"].get("user_memory", 0) / KIB
        if kib:
            kind, most = IDLE_LIMITS_KIB[name]
            work = f"{last['x']:,} idle {kind} connections"
            limit = f"≤ {most} KiB"
            rows.append((work, "user memory of each", f"{kib:.2f} KiB", "", limit, kib <= most))
    elif name == "sites":
        at = point(ravelin, 1000)
        if at:
            seconds = at["start"]
            limit = f"≤ {START_LIMIT_SECONDS} s"
            holds = seconds <= START_LIMIT_SECONDS
            rows.append(("1,000 certificates", "cold start", f"{seconds:.2f} s", "", limit, holds))
        rows += _flat("CPU of a request", first, last, "request", "sites")
        rows += _flat("CPU of a handshake", first, last, "handshake", "sites")
    elif name == "workers":
        rows += _flat("CPU of a request", first, last, "request", "workers")
        rows += _flat("CPU of a handshake", first, last, "handshake", "workers")
    return rows


def _flat(what, first, last, metric, axis):
    if first is last or not first["values"].get(metric):
        return []
    value = last["values"][metric] / first["values"][metric]
    work = f"{what}, from {first['x']:,} to {last['x']:,} {axis}"
    return [(work, "total CPU", f"{value:.2f}", f"÷ at {first['x']:,}", "flat", None)]


def _targets_table(run):
    lines = [
        "## Targets",
        "",
        "What Ravelin needs for what the best peer of the row needs 1, in this run.",
        "",
        "| work | measure | Ravelin | compared with | target | holds |",
        "|---|---|--:|---|--:|:-:|",
    ]
    for work, measure, value, compared, limit, holds in targets(run):
        word = {True: "yes", False: "**no**", None: "–"}[holds]
        lines.append(_line([work, measure, value, compared, limit, word]))
    if any(scenario.get("http_peers_only") for scenario in run["scenarios"]):
        lines += ["", "For responses of 1 KiB the best peer is one that parses HTTP, so not hitch."]
    return "\n".join(lines)


# --- Tables -------------------------------------------------------------------------------------


def _rounds(scenario):
    return max((len(row["samples"]) for row in scenario["rows"]), default=0)


def _rows(scenario, cells_of, width):
    """A line for each proxy; those that have nothing to show say why."""
    lines, notes = [], []
    for row in scenario["rows"]:
        if row["unfit"]:
            notes.append(f"{row['proxy']}: {row['unfit']}")
        elif not (row.get("points") or valid(row)):
            lines.append(_line([row["proxy"], "invalid"] + [""] * (width - 2)))
        else:
            lines.append(_line([row["proxy"], *cells_of(row)]))
        if row.get("note"):
            notes.append(f"{row['proxy']}: {row['note']}")
    if notes:
        lines += ["", "Not here: " + "; ".join(notes) + "."]
    return lines


def _work(scenario, run):
    unit = scenario["unit"]
    ravelin = by_name(scenario["rows"], "Ravelin")

    def cells(row):
        all_figures = figures(row)
        times = [all_figures[name]["median"] for name in ("user", "system", "total")]
        times += [all_figures["total"][name] for name in ("least", "most")]
        user, system, total, least, most = (number(seconds * unit["scale"]) for seconds in times)
        ratios = [
            _ratio_text(None if row is ravelin else ratio(ravelin, row, part))
            for part in ("total", "user")
        ]
        return [
            user,
            system,
            total,
            f"{least}–{most}",
            number(all_figures["rate"]["median"]),
            *ratios,
        ]

    lines = [
        f"## {scenario['title']}",
        "",
        f"CPU time in {unit['time']} per {unit['name']}: medians (rounds: {_rounds(scenario)}) and extremes.",
        "",
        f"| proxy | user | sys | total | least–most | {unit['rate']} | Ravelin ÷ it: total | user |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    return "\n".join(lines + _rows(scenario, cells, 8))


def _latency(scenario, run):
    beside = scenario["beside"]
    last = beside or "CPU, µs per request"
    if scenario["first"]:
        last = f"p99 with {scenario['first']}"

    def cells(row):
        made = figures(row)
        texts = []
        for name in ("p50", "p99", "p999"):
            values = [made[name][which] * 1e3 for which in ("median", "least", "most")]
            middle, least, most = (number(value) for value in values)
            texts += [middle] if name == "p50" else [middle, f"{least}–{most}"]
        if scenario["first"]:
            final = made["first_p99"]["median"] * 1e3
        else:
            final = made["beside"]["median"] if beside else made["total"]["median"] * 1e6
        return [*texts, number(made["rate"]["median"]), number(final)]

    lines = [
        f"## {scenario['title']}",
        "",
        f"Milliseconds from when a request was due: medians (rounds: {_rounds(scenario)}) and extremes.",
        "",
        f"| proxy | p50 | p99 | least–most | p99.9 | least–most | requests/s | {last} |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
    ]
    return "\n".join(lines + _rows(scenario, cells, 8))


GROWTH = {  # metric: title, scale
    "connections": {
        "user_memory": ("User memory per connection, KiB", 1 / KIB),
        "kernel_memory": ("Kernel memory per connection, both ends, KiB", 1 / KIB),
        "memory": ("Memory of the proxy, MiB", 1 / MIB),
        "total": ("CPU time of a 1 KiB request, µs", 1e6),
    },
    "http2-connections": {
        "user_memory": ("User memory per connection, KiB", 1 / KIB),
        "memory": ("Memory of the proxy, MiB", 1 / MIB),
    },
    "tcp-connections": {
        "user_memory": ("User memory per connection, KiB", 1 / KIB),
        "memory": ("Memory of the proxy, MiB", 1 / MIB),
        "total": ("CPU time of a 1 KiB request, µs", 1e6),
    },
    "sites": {
        "start": ("From the start to the first handshake, s", 1),
        "memory": ("Memory after the start, MiB", 1 / MIB),
        "memory_used": ("Memory after handshakes with all that were asked for, MiB", 1 / MIB),
        "handshake": ("CPU time of a full handshake and a request, µs", 1e6),
        "request": ("CPU time of a 1 KiB request, µs", 1e6),
    },
    "workers": {
        "handshake": ("CPU time of a full handshake and a request, µs", 1e6),
        "handshake_rate": ("Full handshakes with a request, per second", 1),
        "request": ("CPU time of a 1 KiB request, µs", 1e6),
        "request_rate": ("1 KiB requests per second", 1),
    },
}
GROWTH_TEXTS = {
    "connections": "Requests go round all connections at a fixed rate: each is idle most of the time.",
    "http2-connections": "Each connection has served the request of a browser and waits since then.",
    "tcp-connections": "Requests go round all connections, each of which has one to the server.",
    "sites": "Handshakes and connections are spread over all sites.",
    "workers": "Clients and backend share the processors: where these are few, rates cannot double.",
}


def _growth(curve, run):
    steps = curve["steps"]
    parts = [f"## {curve['title']}", GROWTH_TEXTS[curve["name"]] + " One sample for each figure."]
    counts = {row["proxy"]: row["workers"] for row in curve["rows"] if row.get("workers", 1) > 1}
    if counts:
        names = ", ".join(f"{name} {count}" for name, count in counts.items())
        parts[
            1
        ] += f" Workers, as many as the descriptors of a process here make necessary: {names}."
    taken = {metric for row in curve["rows"] for each in row["points"] for metric in each["values"]}
    for metric, (title, scale) in GROWTH[curve["name"]].items():
        if metric not in taken:
            continue

        def cells(row, metric=metric, scale=scale):
            values = [(point(row, step) or {}).get(metric) for step in steps]
            return ["–" if value is None else number(value * scale) for value in values]

        lines = [_line([title, *(f"{step:,}" for step in steps)]), "|---|" + "--:|" * len(steps)]
        parts.append("\n".join(lines + _rows(curve, cells, len(steps) + 1)))
    return "\n\n".join(parts)


def _about(run):
    settings, taken = run["settings"], samples(run)
    tools = ", ".join(f"{name} {version}" for name, version in run["tools"].items())
    kinds = {scenario["kind"] for scenario in run["scenarios"]}
    parts = ["## How", HOW]
    parts += [HOW_LATENCY] if kinds & {"latency", "beside", "death", "change"} else []
    parts += [HOW_MEMORY] if "growth" in kinds else []
    lines = [
        f"- A sample lasts at least {settings['seconds']} s and {settings['cpu_seconds']} s of CPU time.",
        f"- Load tools: {tools}, and bench/client (on wolfSSL).",
    ]
    if taken:
        shares = [sample["others"] for sample in taken]
        most, middle = max(shares), median(shares)
        loud = "" if middle <= QUIET_SHARE else NOT_QUIET
        lines.append(
            f"- {loud}Other programs used {middle:.0%} of the processors while samples were taken "
            f"(median; {most:.0%} at most); load average before the run "
            f"{run['machine']['load_at_start']}."
        )
    short = sum(sample["short"] for sample in taken)
    if short:
        lines.append(f"- {short} of {len(taken)} samples got less CPU time and are less exact.")
    return "\n\n".join(parts + ["\n".join(lines)])


def _line(cells):
    return "| " + " | ".join(cells) + " |"


def number(value):
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio_text(value):
    return "–" if value is None else f"{value:.2f}"
