"""From samples to figures."""

from dataclasses import dataclass
from statistics import median

from .measure import Outcome


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds, in CPU seconds per unit."""

    user: float
    system: float
    total: float
    total_least: float
    total_most: float
    rate: float  # units per second


def figures(outcome):
    totals = [sample.per_unit("total") for sample in outcome.samples]
    return Figures(
        median(sample.per_unit("user") for sample in outcome.samples),
        median(sample.per_unit("system") for sample in outcome.samples),
        median(totals),
        min(totals),
        max(totals),
        median(sample.rate for sample in outcome.samples),
    )


def ratio(one, other, part):
    """How much CPU time per unit one proxy needs for what the other needs 1.

    The median of the rounds' ratios: what disturbs a whole round disturbs both. None when there is
    nothing to compare.
    """
    if one is None or other is None or not (one.valid and other.valid):
        return None
    by_round = {sample.round: sample.per_unit(part) for sample in other.samples}
    ratios = [
        sample.per_unit(part) / by_round[sample.round]
        for sample in one.samples
        if by_round.get(sample.round, 0) > 0
    ]
    return median(ratios) if ratios else None


def by_name(outcomes, name):
    """The outcome of that proxy, or None."""
    return next((outcome for outcome in outcomes if outcome.proxy.name == name), None)


def best_peer(scenario, outcomes, part) -> Outcome | None:
    """The peer that needs the least."""
    peers = [
        outcome
        for outcome in outcomes
        if outcome.valid
        and outcome.proxy.name != "Ravelin"
        and (outcome.proxy.parses_http or not scenario.http_peers_only)
    ]
    return min(peers, key=lambda outcome: getattr(figures(outcome), part), default=None)
