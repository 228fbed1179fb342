"""Shapes of small drawings as SVG text, on a square of 100 by 100 units. `more`: further attributes."""

import random
from collections.abc import Iterable
from itertools import pairwise
from math import cos, hypot, pi, sin

Point = tuple[float, float]

CENTER = (50.0, 50.0)


def circle(x: float, y: float, r: float, fill: str, more: str = "") -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{fill}"{more and " " + more}/>'


def ellipse(x: float, y: float, rx: float, ry: float, turn: float, fill: str, more: str = "") -> str:
    return (
        f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{rx:.1f}" ry="{ry:.1f}" fill="{fill}" '
        f'transform="rotate({turn:.0f} {x:.1f} {y:.1f})"{more and " " + more}/>'
    )


def smooth(points: list[Point], closed: bool = False) -> str:
    """Path data of a curve through the midpoints of a polyline."""
    if not closed:
        middles = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in pairwise(points)]
        bends = zip(points[1:], [*middles[1:], points[-1]], strict=False)
        return f"M{points[0][0]:.1f} {points[0][1]:.1f}" + "".join(
            f"Q{a:.1f} {b:.1f} {c:.1f} {d:.1f}" for (a, b), (c, d) in bends
        )
    ring = [*points, points[0], points[1]]
    middles = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in pairwise(ring)]
    bends = zip(ring[1:-1], middles[1:], strict=True)
    return (
        f"M{middles[0][0]:.1f} {middles[0][1]:.1f}"
        + "".join(f"Q{a:.1f} {b:.1f} {c:.1f} {d:.1f}" for (a, b), (c, d) in bends)
        + "Z"
    )


def line(points: list[Point], color: str, width: float, more: str = "") -> str:
    return (
        f'<path d="{smooth(points)}" fill="none" stroke="{color}" stroke-width="{width:.1f}" stroke-linecap="round"'
        f"{more and ' ' + more}/>"
    )


def blob(rng: random.Random, rx: float, ry: float, wave: float, fill: str, at: Point = CENTER, more: str = "") -> str:
    """A closed curve around `at`; wave: how irregular it is, as a share of the radius."""
    angles = [2 * pi * i / 14 for i in range(14)]
    points = [
        (at[0] + rx * k * cos(a), at[1] + ry * k * sin(a)) for a in angles for k in (1 + rng.uniform(-wave, wave),)
    ]
    return f'<path d="{smooth(points, True)}" fill="{fill}"{more and " " + more}/>'


def honeycomb(spacing: float, radius: float) -> list[Point]:
    """Points of a honeycomb up to `radius` from the center."""
    found = []
    for row in range(-8, 9):
        for column in range(-9, 10):
            x, y = (column + row % 2 / 2) * spacing, row * spacing * 0.866
            if hypot(x, y) <= radius:
                found.append((50 + x, 50 + y))
    return found


def spread(rng: random.Random, count: int, radius: float, apart: float, at: Point = CENTER) -> list[Point]:
    """Random points within `radius` of `at`, no two nearer than `apart`."""
    found: list[Point] = []
    for _ in range(2000):
        r, a = radius * rng.random() ** 0.5, rng.uniform(0, 2 * pi)
        x, y = at[0] + r * cos(a), at[1] + r * sin(a)
        if all(hypot(x - u, y - v) >= apart for u, v in found):
            found.append((x, y))
        if len(found) == count:
            break
    return found


def net(rng: random.Random, spacing: float, color: str, width: float, shape: str) -> str:
    """An even network of hexagons. shape: an SVG element without fill, which shows it, fading outwards."""
    a, b, s, id = spacing * 0.2887, spacing * 0.866, spacing, f"criterion-net-{rng.getrandbits(32):08x}"
    low = f"{s / 2:.2f} {5 * a:.2f}"  # where two edges of a row meet, at the foot of a hexagon
    edges = (
        f"M{s / 2:.2f} 0v{a:.2f}L0 {2 * a:.2f}v{2 * a:.2f}L{low}v{a:.2f}"
        f"M{s / 2:.2f} {a:.2f}L{s:.2f} {2 * a:.2f}v{2 * a:.2f}L{low}"
    )
    return (
        f'<pattern id="{id}" width="{s:.2f}" height="{2 * b:.2f}" patternUnits="userSpaceOnUse"><path d="{edges}" '
        f'fill="none" stroke="{color}" stroke-width="{width}"/></pattern>'
        f'<g fill="url(#{id})" mask="url(#criterion-outwards)">{shape}</g>'
    )


def mesh(rng: random.Random, spacing: float, radius: float, jitter: float, stretch: float = 1) -> list[list[Point]]:
    """The edges of an uneven network within `radius` of the center: `jitter` moves its nodes, as a share of spacing."""
    nodes: dict[tuple[int, int], Point] = {}

    def node(x: float, y: float) -> Point:
        move = (rng.uniform(-jitter, jitter) * spacing for _ in range(2))
        return nodes.setdefault((round(x), round(y)), (50 + stretch * (x - 50) + next(move), y + next(move)))

    edges = {}
    for x, y in honeycomb(spacing, radius):
        ring = [(x + spacing * 0.577 * sin(pi * k / 3), y + spacing * 0.577 * cos(pi * k / 3)) for k in range(6)]
        for (a, b), (c, d) in zip(ring, [*ring[1:], ring[0]], strict=True):
            ends = [node(a, b), node(c, d)]
            edges[tuple(sorted(ends))] = ends
    return [edge for edge in edges.values() if all(hypot(x - 50, y - 50) <= radius for x, y in edge)]


def lines(edges: Iterable[Iterable[Point]], color: str, width: float) -> str:
    """Polylines of one color and width."""
    paths = "".join("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in edge) for edge in edges)
    ends = 'stroke-linecap="round" stroke-linejoin="round"'
    return f'<path d="{paths}" fill="none" stroke="{color}" stroke-width="{width}" {ends}/>'


def dots(points: Iterable[Point], r: float, color: str) -> str:
    """Dots of one size and color: lines without length have round ends."""
    path = "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points)
    return f'<path d="{path}" stroke="{color}" stroke-width="{2 * r:.1f}" stroke-linecap="round"/>'


def spiral(x: float, y: float, r: float, start: float, turns: float = 2) -> list[Point]:
    steps = [i / 18 for i in range(19)]
    return [(x + r * s * cos(start + 2 * pi * turns * s), y + r * s * sin(start + 2 * pi * turns * s)) for s in steps]


def join(parts: Iterable[str]) -> str:
    return "".join(parts)
