"""From samples to figures: of rows, which measure makes."""

from statistics import median


def valid(row):
    return row is not None and bool(row.get("samples")) and not row["problems"]


def metrics(row):
    return [name for name in row["samples"][0] if name not in ("round", "others", "short")]


def figures(row):
    """The median, the least and the most of every metric, over the rounds."""
    made = {}
    for name in metrics(row):
        values = [sample[name] for sample in row["samples"]]
        made[name] = {"median": median(values), "least": min(values), "most": max(values)}
    return made


def middle(row, metric):
    """The median of a metric, or None."""
    if not valid(row) or metric not in row["samples"][0]:
        return None
    return median(sample[metric] for sample in row["samples"])


def ratio(one, other, metric):
    """How much of a metric one proxy has, for what the other has 1.

    The median of the rounds' ratios: what disturbs a whole round disturbs both. None when there is
    nothing to compare.
    """
    if middle(one, metric) is None or middle(other, metric) is None:
        return None
    by_round = {sample["round"]: sample[metric] for sample in other["samples"]}
    ratios = [
        sample[metric] / by_round[sample["round"]]
        for sample in one["samples"]
        if by_round.get(sample["round"], 0) > 0
    ]
    return median(ratios) if ratios else None


def by_name(rows, name):
    """The row of that proxy, or None."""
    return next((row for row in rows if row["proxy"] == name), None)


def best_peer(scenario, proxies, metric, family=None):
    """The row of the peer that has the least of a metric, of one family if told. Or None."""
    peers = [
        row
        for row in scenario["rows"]
        if middle(row, metric) is not None
        and row["proxy"] != "Ravelin"
        and proxies[row["proxy"]]["compares"]
        and (proxies[row["proxy"]]["parses_http"] or not scenario["http_peers_only"])
        and family in (None, proxies[row["proxy"]]["family"])
    ]
    return min(peers, key=lambda row: middle(row, metric), default=None)


def judged(scenario, proxies):
    """Every goal of a scenario with the peer, the ratio, and whether it holds (None: unknown)."""
    ravelin = by_name(scenario["rows"], "Ravelin")
    judgements = []
    for goal in scenario["goals"]:
        if goal["against"] == "first":
            judgements.append(_judged_by_itself(goal, ravelin, scenario["first"]))
            continue
        family = None if goal["against"] == "best" else goal["against"]
        peer = best_peer(scenario, proxies, goal["metric"], family)
        value = ratio(ravelin, peer, goal["metric"])
        judgements.append(
            {
                **goal,
                "peer": peer["proxy"] if peer else None,
                "ratio": value,
                "holds": None if value is None else value <= goal["limit"],
            }
        )
    return judgements


def _judged_by_itself(goal, row, first):
    """The second part of the load, compared with the first."""
    value = None
    if valid(row):
        value = median(
            sample[goal["metric"]] / sample[f"first_{goal['metric']}"] for sample in row["samples"]
        )
    holds = None if value is None else value <= goal["limit"]
    return {**goal, "peer": first, "ratio": value, "holds": holds}


def point(row, x):
    """A point of a curve's row, or None."""
    return next((each["values"] for each in row["points"] if each["x"] == x), None)
