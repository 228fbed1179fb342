"""A small schematic drawing for each dermoscopic criterion, as SVG: one disc of skin with the structure on it.

A page has `sprite()` once and then shows a drawing with `<use href="#criterion-ID">`. The disc has its own colors, so a
drawing looks the same in light and dark themes.
"""

import functools
import random
from collections.abc import Callable
from math import cos, hypot, pi, sin

from .svg_shapes import Point, blob, circle, dots, ellipse, honeycomb, join, line, lines, mesh, net, spiral, spread

SKIN, TAN, BROWN, DARK, BLACK = "#efcfb9", "#bd8a66", "#8a5a3d", "#54311f", "#241512"
PINK, RED, PURPLE = "#e2a29a", "#bd2f35", "#6a2a5e"
GREY_BLUE, WHITE, YELLOW = "#5c6b86", "#fdf5ee", "#e8c56a"
DEFS = (
    '<clipPath id="criterion-disc"><circle cx="50" cy="50" r="48"/></clipPath>'
    f'<radialGradient id="criterion-fade"><stop offset="0.55" stop-color="{TAN}"/>'
    f'<stop offset="1" stop-color="{TAN}" stop-opacity="0"/></radialGradient>'
    f'<radialGradient id="criterion-veil"><stop offset="0" stop-color="#dfe6f1"/><stop offset="0.35" '
    f'stop-color="#9db0cb"/><stop offset="0.8" stop-color="{GREY_BLUE}"/>'
    f'<stop offset="1" stop-color="{GREY_BLUE}" stop-opacity="0"/></radialGradient>'
    '<mask id="criterion-outwards"><circle cx="50" cy="50" r="48" fill="url(#criterion-dim)"/></mask>'
    '<radialGradient id="criterion-dim"><stop offset="0.4" stop-color="#fff"/><stop offset="0.95" stop-color="#222"/>'
    "</radialGradient>"
    f'<radialGradient id="criterion-glow"><stop offset="0.35" stop-color="{WHITE}"/>'
    f'<stop offset="1" stop-color="{WHITE}" stop-opacity="0"/></radialGradient>'
)

SOFT = '<circle cx="50" cy="50" r="46" fill="url(#criterion-fade)"/>'  # a brown lesion that fades into the skin
AXES = f'<path d="M50 4V96M4 50H96" stroke="{WHITE}" stroke-width="1.4" stroke-dasharray="4 3"/>'


@functools.cache
def drawing(id: str) -> str:
    """The drawing of a criterion as `<symbol id="criterion-ID">`. Raises KeyError for an unknown id."""
    content = DRAWINGS[id](random.Random(id))
    return (
        f'<symbol id="criterion-{id}" viewBox="0 0 100 100"><g clip-path="url(#criterion-disc)">'
        f'<rect width="100" height="100" fill="{SKIN}"/>{content}</g>'
        '<circle cx="50" cy="50" r="48" fill="none" stroke="#8b6b58" stroke-width="1.5"/></symbol>'
    )


@functools.cache
def sprite() -> str:
    """All drawings in one invisible SVG."""
    symbols = "".join(drawing(id) for id in DRAWINGS)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0" aria-hidden="true" '
        f'style="position:absolute"><defs>{DEFS}</defs>{symbols}</svg>'
    )


def _symmetry(rng: random.Random) -> str:
    around = [(50 + 24 * cos(a), 50 + 18 * sin(a)) for a in (pi / 6 + pi * k / 3 for k in range(6))]
    halves = ellipse(50, 50, 37, 29, 0, TAN) + ellipse(50, 50, 30, 23, 0, BROWN) + circle(50, 50, 9, DARK)
    return halves + dots(around, 3, DARK) + AXES


def _asymmetry(rng: random.Random) -> str:
    return (
        blob(rng, 37, 30, 0.14, TAN) + blob(rng, 17, 14, 0.15, DARK, (63, 37))
        + dots(spread(rng, 7, 10, 6, (66, 35)), 2.6, BLACK)
        + blob(rng, 11, 9, 0.15, GREY_BLUE, (66, 61)) + blob(rng, 8, 7, 0.2, PINK, (36, 62)) + AXES
    )  # fmt: skip


def _homogeneous_pattern(rng: random.Random) -> str:
    return 2 * SOFT


def _moth_eaten_border(rng: random.Random) -> str:
    points = [(50 + 41 * cos(a), 50 + 38 * sin(a)) for a in (2 * pi * k / 11 for k in range(12))]
    arcs = "".join(
        f"A{r:.0f} {r:.0f} 0 0 {sweep} {x:.1f} {y:.1f}"
        for k, (x, y) in enumerate(points[1:]) for r, sweep in (((13, 0), (40, 1), (15, 0))[k % 3],)
    )  # fmt: skip
    return f'<path d="M{points[0][0]:.1f} {points[0][1]:.1f}{arcs}Z" fill="{TAN}" stroke="{BROWN}" stroke-width="2"/>'


def _typical_network(rng: random.Random) -> str:
    return SOFT + net(rng, 9, DARK, 1.8, '<circle cx="50" cy="50" r="45"/>')


def _atypical_network(rng: random.Random) -> str:
    def far(edge: list[Point]) -> float:
        return hypot(edge[0][0] - 64, edge[0][1] - 38)

    edges = [edge for edge in mesh(rng, 11, 38, 0.25) if far(edge) < 36 or rng.random() < 0.6]
    styles = ((0, 19, BLACK, 4), (19, 36, DARK, 2.4), (36, 100, BROWN, 1.3))
    return blob(rng, 39, 36, 0.1, TAN) + join(
        lines([edge for edge in edges if least <= far(edge) < most], color, width)
        for least, most, color, width in reversed(styles)
    )


def _negative_network(rng: random.Random) -> str:
    return blob(rng, 43, 40, 0.05, DARK) + lines(mesh(rng, 12.5, 44, 0.2, 1.35), "#e4bd9f", 3.6)


def _peripheral_delicate_network(rng: random.Random) -> str:
    return (
        circle(50, 50, 46, "url(#criterion-fade)", 'opacity="0.4"') + blob(rng, 19, 18, 0.06, "#ddb79f")
        + net(rng, 7.5, BROWN, 1.2, '<path d="M50 4a46 46 0 1 0 .1 0zM50 31a19 19 0 1 1 -.1 0z"/>')
    )  # fmt: skip


def _irregular_streaks(rng: random.Random) -> str:
    angles = (-1.0, -0.68, -0.36, -0.05, 0.27, 0.6)
    tips = [(46 + r * cos(a), 52 + r * sin(a)) for a in angles for r in (rng.uniform(34, 41),)]
    short = [(46 + 33 * cos(a), 52 + 33 * sin(a)) for a in (2.5, 2.75, 3.0)]
    return (
        blob(rng, 28, 27, 0.08, BROWN, (46, 52)) + lines(([(46, 52), tip] for tip in tips), DARK, 3.4)
        + dots(tips, 3.4, DARK) + lines(([(46, 52), tip] for tip in short), BROWN, 1.8)
        + blob(rng, 20, 19, 0.1, DARK, (47, 52))
    )  # fmt: skip


def _fingerprint_structures(rng: random.Random) -> str:
    lines = (
        [(8, y + 14), (30, y + 4 - bend / 3), (52, y - bend / 2 + 4), (74, y + 6), (94, y + 18)]
        for y, bend in ((8 + 7 * i, 20 * (1 - abs(i - 6) / 9)) for i in range(-1, 13))
    )
    return circle(50, 50, 46, "#e0b593") + join(line(points, BROWN, 2) for points in lines)


def _regular_globules(rng: random.Random) -> str:
    return SOFT + dots(honeycomb(11, 37), 4.1, DARK)


def _irregular_dots_globules(rng: random.Random) -> str:
    big = join(
        ellipse(
            x, y, rng.uniform(2.5, 6.5), rng.uniform(2.5, 4.5), rng.uniform(0, 90), rng.choice((DARK, BROWN, "#6d6a72"))
        )
        for x, y in spread(rng, 11, 19, 8, (60, 42))
    )  # fmt: skip
    small = dots(spread(rng, 10, 10, 4.4, (70, 66)), 1.9, BLACK) + dots(((24, 40), (20, 53), (66, 72)), 1.4, BLACK)
    return blob(rng, 38, 34, 0.1, TAN) + big + small


def _milia_like_cysts(rng: random.Random) -> str:
    spots = spread(rng, 12, 31, 11)
    return blob(rng, 40, 37, 0.05, BROWN) + join(
        circle(x, y, r * 1.9, "url(#criterion-glow)") + circle(x, y, r, WHITE)
        for x, y in spots for r in (rng.uniform(1.6, 3.4),)
    )  # fmt: skip


def _comedo_like_openings(rng: random.Random) -> str:
    return blob(rng, 40, 37, 0.05, TAN) + join(
        ellipse(x, y, r, r * 0.8, rng.uniform(0, 180), BLACK, 'stroke="#dab08c" stroke-width="1.6"')
        for x, y in spread(rng, 12, 31, 12) for r in (rng.uniform(3.4, 5.6),)
    )  # fmt: skip


def _blue_grey_ovoid_nests(rng: random.Random) -> str:
    nests = ((36, 36, 13, 9, 25), (63, 32, 10, 8, 100), (66, 60, 14, 10, 150), (38, 66, 11, 8, 60), (52, 50, 6, 5, 0))
    return blob(rng, 41, 38, 0.05, PINK, more='opacity="0.7"') + join(
        ellipse(x, y, a, b, turn, GREY_BLUE, f'stroke="{GREY_BLUE}" stroke-opacity="0.35" stroke-width="3"')
        for x, y, a, b, turn in nests
    )


def _leaf_like_areas(rng: random.Random) -> str:
    def leaf(x: float, y: float, towards: float, size: float) -> str:
        lobes = ((-1.15, 0.7), (-0.6, 0.95), (0, 1.15), (0.6, 0.95), (1.15, 0.7))
        tips = [(x + size * reach * cos(towards + a), y + size * reach * sin(towards + a)) for a, reach in lobes]
        return (
            lines([[(x, y), tip] for tip in tips], "#6a5a5a", 6)
            + dots(tips, 4.2, "#6a5a5a")
            + dots([(x, y)], 6, "#6a5a5a")
        )

    leaves = ((64, 50, 0.1, 20), (43, 64, 2.1, 19), (43, 36, -2.1, 19))
    return blob(rng, 34, 32, 0.06, PINK, more='opacity="0.75"') + join(leaf(*one) for one in leaves)


def _spoke_wheel_areas(rng: random.Random) -> str:
    def wheel(x: float, y: float, r: float) -> str:
        spokes = [[(x, y), (x + r * cos(a), y + r * sin(a))] for a in (pi * k / 6 for k in range(12))]
        return lines(spokes, "#7b665f", 2.2) + circle(x, y, r * 0.27, "#40343a")

    return blob(rng, 42, 40, 0.05, PINK, more='opacity="0.6"') + wheel(36, 38, 21) + wheel(66, 62, 23)


def _lacunae(rng: random.Random) -> str:
    colors = (RED, RED, "#93263f", PURPLE, "#3e3566")
    pools = (
        ellipse(x, y, rng.uniform(6.5, 8.6), rng.uniform(5.8, 7.6), rng.uniform(0, 180), rng.choice(colors))
        for x, y in spread(rng, 15, 33, 15)
    )  # fmt: skip
    return blob(rng, 43, 41, 0.04, "#dc8f94") + join(pools)


def _blue_white_veil(rng: random.Random) -> str:
    return (
        blob(rng, 40, 36, 0.1, BROWN) + dots(spread(rng, 9, 12, 6, (30, 60)), 2.2, DARK)
        + ellipse(59, 44, 24, 20, 25, "url(#criterion-veil)")
    )  # fmt: skip


def _regression_structures(rng: random.Random) -> str:
    return (
        blob(rng, 41, 37, 0.1, BROWN) + blob(rng, 18, 15, 0.14, "#f7e9e2", (61, 38))
        + blob(rng, 20, 15, 0.12, "#cdb6aa", (40, 62))
        + dots(spread(rng, 46, 17, 3.2, (40, 62)), 1.1, "#5d6b7d")
    )  # fmt: skip


def _central_white_patch(rng: random.Random) -> str:
    return (
        SOFT + net(rng, 8, BROWN, 1.2, '<circle cx="50" cy="50" r="45"/>')
        + blob(rng, 21, 20, 0.1, "#f4dfd3") + blob(rng, 15, 14, 0.12, WHITE)
    )  # fmt: skip


def _ulceration(rng: random.Random) -> str:
    return (
        blob(rng, 41, 38, 0.05, PINK) + blob(rng, 22, 18, 0.16, "#8e2b22")
        + blob(rng, 17, 13, 0.2, "#c2622a", (52, 48))
        + join(blob(rng, 4.5, 3.5, 0.25, "#6b3416", at) for at in spread(rng, 5, 11, 8, (51, 49)))
    )  # fmt: skip


def _fissures_and_ridges(rng: random.Random) -> str:
    furrows = (
        ((22, 32), (32, 24), (38, 36), (50, 22), (58, 34), (68, 22), (78, 32)),
        ((14, 50), (24, 40), (36, 54), (50, 40), (62, 52), (74, 40), (86, 50)),
        ((18, 66), (28, 56), (38, 70), (50, 58), (62, 70), (72, 56), (82, 66)),
        ((32, 82), (40, 74), (50, 84), (60, 74), (68, 80)),
        ((50, 26), (46, 14)), ((50, 62), (52, 48)), ((30, 46), (33, 32)), ((66, 62), (66, 50)), ((56, 78), (56, 68)),
    )  # fmt: skip
    return blob(rng, 43, 41, 0.04, TAN) + join(line(list(points), DARK, 4) for points in furrows)


def _surface_scale(rng: random.Random) -> str:
    parts = [blob(rng, 42, 39, 0.06, "#d98a80")]
    for x, y in spread(rng, 20, 35, 10.5):
        reaches = [(rng.uniform(3, 7.5), pi * i / 3) for i in range(6)]
        corners = " ".join(f"{x + r * cos(a):.1f},{y + 0.7 * r * sin(a):.1f}" for r, a in reaches)
        fill = rng.choice((WHITE, WHITE, "#f3e1b4"))
        parts.append(f'<polygon points="{corners}" fill="{fill}" stroke="#c9a58c" stroke-width="0.8"/>')
    return join(parts)


def _arborizing_vessels(rng: random.Random) -> str:
    def tree(x: float, y: float, heading: float, length: float, width: float) -> str:
        if width < 0.7:
            return ""
        bend = heading + rng.uniform(-0.25, 0.25)
        middle = (x + length / 2 * cos(heading), y + length / 2 * sin(heading))
        end = (middle[0] + length / 2 * cos(bend), middle[1] + length / 2 * sin(bend))
        turns = (turn + rng.uniform(-0.15, 0.15) for turn in (-0.6, 0.55))
        twigs = join(tree(*end, bend + turn, length * 0.72, width * 0.62) for turn in turns)
        return line([(x, y), middle, end], RED, width) + twigs

    return (
        blob(rng, 43, 41, 0.04, "#f0c2b6") + tree(8, 58, -0.2, 27, 4.4) + tree(88, 26, 2.6, 19, 2.6)
        + tree(74, 90, -2, 21, 3.2)
    )  # fmt: skip


def _polymorphous_vessels(rng: random.Random) -> str:
    waves = []
    for y, height in ((30, 4), (46, 6), (62, 5)):
        points = [(58 + 5 * k, y + (-1) ** k * height * rng.uniform(0.5, 1.1)) for k in range(7)]
        waves.append(line(points, RED, 2.2))
    hairpins = [line([(x, 86), (x - 1, 70), (x + 3, 64), (x + 7, 70), (x + 6, 86)], RED, 2) for x in (24, 40)]
    speckled = blob(rng, 43, 41, 0.06, "#e9b5a6") + dots(spread(rng, 15, 15, 5.5, (35, 36)), 1.8, RED)
    return speckled + join(waves + hairpins)


def _coiled_vessels(rng: random.Random) -> str:
    at = [*spread(rng, 7, 17, 13, (36, 40)), *spread(rng, 4, 12, 13, (66, 66))]
    coils = [spiral(x, y, 6.2, rng.uniform(0, 6)) for x, y in at]
    return blob(rng, 43, 40, 0.05, "#efbfae") + lines(coils, RED, 1.6)


def _strawberry_pattern(rng: random.Random) -> str:
    follicles = honeycomb(16, 46)
    return (
        circle(50, 50, 48, "#df7a75") + lines(mesh(rng, 16, 50, 0.06), "#b8323a", 1.8)
        + dots(follicles, 5.4, "#fbe7dc") + dots(follicles, 2.7, "#b98d3c") + dots(follicles, 2.1, YELLOW)
    )  # fmt: skip


_ALL = (
    _symmetry, _asymmetry, _homogeneous_pattern, _moth_eaten_border, _typical_network, _atypical_network,
    _negative_network, _peripheral_delicate_network, _irregular_streaks, _fingerprint_structures, _regular_globules,
    _irregular_dots_globules, _milia_like_cysts, _comedo_like_openings, _blue_grey_ovoid_nests, _leaf_like_areas,
    _spoke_wheel_areas, _lacunae, _blue_white_veil, _regression_structures, _central_white_patch, _ulceration,
    _fissures_and_ridges, _surface_scale, _arborizing_vessels, _polymorphous_vessels, _coiled_vessels,
    _strawberry_pattern,
)  # fmt: skip
# id -> what draws it
DRAWINGS: dict[str, Callable[[random.Random], str]] = {paint.__name__[1:].replace("_", "-"): paint for paint in _ALL}
