"""The agreement of metrics with people: how often each metric prefers the candidate that a person accepted."""

from __future__ import annotations

from ...geometry.overlap_score import METRICS
from ..store import SEED, Store

__all__ = ["agreement"]


def agreement(store: Store) -> dict[str, tuple[int, int]]:
    """For each metric the number of agreements and the number of accepted candidates, over all steps on disk."""
    agreed = dict.fromkeys(METRICS, 0)
    total = dict.fromkeys(METRICS, 0)
    for number in range(SEED + 1, store.steps.last() + 1):
        accepted = store.steps.record(number).get("accepted") if store.steps.is_finished(number) else None
        if accepted is None or accepted["candidate"] is None:
            continue
        for metric, chosen in accepted["best_by_metric"].items():
            if metric in total:
                total[metric] += 1
                agreed[metric] += chosen == accepted["candidate"]
    return {metric: (agreed[metric], total[metric]) for metric in METRICS}
