"""The results as plots, PNG and SVG. All axes of quantities begin at zero."""

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams[
    "svg.fonttype"
] = "none"  # text, not the shapes of its letters: a quarter of the size
matplotlib.rcParams["svg.hashsalt"] = "bench"  # the same picture is the same file
from matplotlib import pyplot  # noqa: E402  (after the choice of how to draw)

from .report import GROWTH, number  # noqa: E402
from .stats import figures, valid  # noqa: E402

COLOURS = {
    "Ravelin": "#0b6e4f",
    "nginx": "#5b7db1",
    "HAProxy": "#c98b2e",
    "hitch": "#8a6bb1",
    "stunnel": "#8d8d8d",
}
USER, SYSTEM = 1.0, 0.45  # how opaque


def draw(run, folder, stem):
    """Draws what the run has. Returns pairs of a title and the name of the SVG."""
    made = []
    for name, title, painter in (
        ("cpu", "CPU time for a unit of work", _cpu),
        ("latency", "Latency", _latency),
        ("growth", "Growth", _growth),
    ):
        figure = painter(run)
        if figure is None:
            continue
        for kind in ("svg", "png"):
            figure.savefig(
                folder / f"{stem}{name}.{kind}",
                dpi=100,
                metadata={"Date": None} if kind == "svg" else None,
            )
        pyplot.close(figure)
        made.append((title, f"{stem}{name}.svg"))
    return made


def colour(run, proxy):
    return COLOURS[run["proxies"][proxy]["family"]]


def _dashed(run, proxy):
    """The second set of peers is told from the first by its lines."""
    return "--" if run["proxies"][proxy]["newer"] else "-"


def _grid(count, columns, height, title):
    rows = -(-count // columns)
    figure, axes = pyplot.subplots(
        rows, columns, figsize=(5.2 * columns, height * rows), squeeze=False
    )
    figure.suptitle(title, fontsize=13)
    flat = [axis for line in axes for axis in line]
    for axis in flat[count:]:
        axis.set_visible(False)
    for axis in flat[:count]:
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    return figure, flat


def _finish(figure, bottom=0.0):
    figure.tight_layout(rect=(0, bottom, 1, 0.985))
    return figure


def _wrapped(text, width=48):
    words, lines = text.split(), [""]
    for word in words:
        if len(lines[-1]) + len(word) + 1 > width and lines[-1]:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)


def _cpu(run):
    scenarios = [
        each
        for each in run["scenarios"]
        if each["kind"] == "work" and any(map(valid, each["rows"]))
    ]
    if not scenarios:
        return None
    most = max(len([row for row in each["rows"] if valid(row)]) for each in scenarios)
    title = "CPU time of the proxy for a unit of work: user (dark) and system (light); the line spans all rounds"
    figure, axes = _grid(len(scenarios), 3, 1.1 + 0.28 * most, title)
    for scenario, axis in zip(scenarios, axes):
        unit = scenario["unit"]
        rows = [row for row in scenario["rows"] if valid(row)][::-1]
        for place, row in enumerate(rows):
            made = figures(row)
            user, system = (made[part]["median"] * unit["scale"] for part in ("user", "system"))
            least, middle, most = (
                made["total"][which] * unit["scale"] for which in ("least", "median", "most")
            )
            tint = colour(run, row["proxy"])
            axis.barh(place, user, color=tint, alpha=USER)
            axis.barh(place, system, left=user, color=tint, alpha=SYSTEM)
            axis.plot([least, most], [place, place], color="black", linewidth=1)
            axis.annotate(
                f" {number(middle)}", (max(most, user + system), place), va="center", fontsize=8
            )
        axis.set_yticks(range(len(rows)), [row["proxy"] for row in rows])
        axis.set_title(_wrapped(scenario["title"]), fontsize=9)
        axis.set_xlabel(f"{unit['time']} per {unit['name']}", fontsize=8)
        axis.set_xlim(0, axis.get_xlim()[1] * 1.12)
    return _finish(figure)


def _latency(run):
    scenarios = [
        each
        for each in run["scenarios"]
        if each["kind"] in ("latency", "beside") and any(map(valid, each["rows"]))
    ]
    if not scenarios:
        return None
    names = (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"))
    most = max(len([row for row in each["rows"] if valid(row)]) for each in scenarios)
    title = "Latency, from when a request was due: medians of the rounds; the line spans all rounds"
    figure, axes = _grid(3 * len(scenarios), 3, 1.1 + 0.28 * most, title)
    for line, scenario in enumerate(scenarios):
        rows = [row for row in scenario["rows"] if valid(row)][::-1]
        for (metric, label), axis in zip(names, axes[3 * line :]):
            for place, row in enumerate(rows):
                made = figures(row)[metric]
                least, middle, greatest = (
                    1e3 * made[which] for which in ("least", "median", "most")
                )
                axis.barh(place, middle, color=colour(run, row["proxy"]))
                axis.plot([least, greatest], [place, place], color="black", linewidth=1)
                axis.annotate(f" {number(middle)}", (greatest, place), va="center", fontsize=8)
            axis.set_yticks(range(len(rows)), [row["proxy"] for row in rows])
            axis.set_title(_wrapped(f"{label}: {scenario['title']}"), fontsize=9)
            axis.set_xlabel("ms", fontsize=8)
            axis.set_xlim(0, axis.get_xlim()[1] * 1.12)
    return _finish(figure)


PANELS = (  # curve, metric, logarithmic x
    ("connections", "total", True),
    ("connections", "memory", False),
    ("sites", "handshake", True),
    ("sites", "request", True),
    ("sites", "start", False),
    ("sites", "memory_used", False),
    ("workers", "handshake", False),
    ("workers", "request", False),
    ("workers", "handshake_rate", False),
    ("workers", "request_rate", False),
)


def _growth(run):
    curves = {each["name"]: each for each in run["scenarios"] if each["kind"] == "growth"}
    panels = [
        panel
        for panel in PANELS
        if panel[0] in curves and any(row["points"] for row in curves[panel[0]]["rows"])
    ]
    if not panels:
        return None
    figure, axes = _grid(len(panels), 2, 3.1, "What more connections, sites and workers cost")
    for (name, metric, logarithmic), axis in zip(panels, axes):
        curve = curves[name]
        title, scale = GROWTH[name][metric]
        for row in curve["rows"]:
            points = [
                (each["x"], each["values"][metric] * scale)
                for each in row["points"]
                if metric in each["values"]
            ]
            if points:
                style = {
                    "color": colour(run, row["proxy"]),
                    "linestyle": _dashed(run, row["proxy"]),
                }
                axis.plot(*zip(*points), marker="o", markersize=4, label=row["proxy"], **style)
        if logarithmic:
            axis.set_xscale("log")
        if name == "workers":
            axis.set_xticks(curve["steps"])
        axis.set_ylim(0, axis.get_ylim()[1] * 1.05)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel(curve["axis"] + (" (logarithmic)" if logarithmic else ""), fontsize=8)
        axis.grid(alpha=0.3)
    handles = {}
    for axis in axes[: len(panels)]:
        handles.update(zip(*axis.get_legend_handles_labels()[::-1]))
    figure.legend(handles.values(), handles.keys(), loc="lower center", ncol=4, fontsize=8)
    return _finish(figure, bottom=0.03)
