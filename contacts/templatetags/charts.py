"""Geometry of our small charts: positions for SVG rectangles, so that no page needs an inline style."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django import template

register = template.Library()

SPARK_HEIGHT = 28
SPARK_TOP = 2
SPARK_STEP = 10
SPARK_FEWEST = 12
GAP = 0.2


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a stacked bar, in per cent of its width."""

    css_class: str
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class SparkBar:
    """One month of a sparkline, in units of its view box."""

    x: int
    y: str
    height: str
    is_peak: bool


@register.filter
def segments(parts: Sequence[int]) -> list[Segment]:
    """The parts of a whole side by side: the first in green, the others in c1 to c7, with gaps between."""
    whole = sum(parts)
    found, start = [], 0
    for position, part in enumerate(parts):
        if part:
            width = max(100 * part / whole - GAP, 0.1)
            css_class = f"c{min(position, 7)}"
            found.append(Segment(css_class, f"{100 * start / whole:.3f}%", f"{width:.3f}%"))
        start += part
    return found


@register.filter
def spark_bars(values: Sequence[int]) -> list[SparkBar]:
    """One bar a value; the highest is marked when it stands out (twice as high as any other)."""
    highest = max(values, default=0) or 1
    others = sorted(values)[:-1]
    bars = []
    for position, value in enumerate(values):
        height = max((SPARK_HEIGHT - SPARK_TOP) * value / highest, 1)
        stands_out = value == highest and value > 2 * max(others, default=0)
        bars.append(SparkBar(position * SPARK_STEP + 1, f"{SPARK_HEIGHT - height:.1f}", f"{height:.1f}", stands_out))
    return bars


@register.filter
def spark_width(values: Sequence[int]) -> int:
    """The width of a sparkline's view box: a few bars stay narrow, many share the space."""
    return max(len(values), SPARK_FEWEST) * SPARK_STEP


@register.filter
def highest(values: Sequence[int]) -> int:
    """The largest of some values, 0 of none."""
    return max(values, default=0)
