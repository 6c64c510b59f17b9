"""Two ways of doing one thing, timed in turn: a machine that slows down slows both, and the ratio stays."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from django.db import transaction


@dataclass(frozen=True, slots=True)
class Measurement:
    """Seconds of ours and of the reference (medians), or megabytes; their ratio; and the most that it may be.

    Where it is not ``at_most``, the ratio is how fast ours is when the reference is 1, and the target the least.
    """

    name: str
    ours: float
    reference: float
    ratio: float
    target: float
    met: bool
    at_most: bool = True
    unit: str = "s"

    def as_json(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if name not in ("at_most", "unit")}


def compare(
    name: str, ours: Callable[[], object], reference: Callable[[], object], *, target: float, runs: int = 7
) -> Measurement:
    """Run both in turn, once to warm up and then ``runs`` times. The ratio is the median of the pairs' ratios."""
    ours_took, reference_took = [], []
    for run in range(runs + 1):
        pair = _seconds(ours), _seconds(reference)
        if run:
            ours_took.append(pair[0])
            reference_took.append(pair[1])
    ratio = statistics.median(a / b for a, b in zip(ours_took, reference_took, strict=True))
    return Measurement(
        name, statistics.median(ours_took), statistics.median(reference_took), ratio, target, ratio <= target
    )


def rolled_back(work: Callable[[], object]) -> Callable[[], None]:
    """The same work in a transaction that leaves nothing behind. Its undoing is not timed."""

    def run() -> None:
        with transaction.atomic():
            work()
            transaction.set_rollback(True)

    return run


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
