"""Plots as SVG, written by hand: no library is needed to look at them, or to make them."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

WIDTH: Final = 720
COLOURS: Final = ("#1f6feb", "#8250df", "#bf8700", "#cf222e")
#: For a reader whose pages are dark, the same colours on a dark ground, lighter where they would be hard to see.
STYLE: Final = (
    "<style>.ground { fill: #ffffff; } text:not([fill]) { fill: #1f2328; }"
    " @media (prefers-color-scheme: dark) { .ground { fill: #1e2129; } text:not([fill]) { fill: #e4e7eb; }"
    ' [fill="#1f6feb"] { fill: #58a6ff; } [fill="#8250df"] { fill: #b392f0; }'
    ' [stroke="#1f6feb"] { stroke: #58a6ff; } [stroke="#8250df"] { stroke: #b392f0; }'
    ' [stroke="#57606a"] { stroke: #9aa4b2; } [stroke="#cf222e"] { stroke: #ff7b72; } }</style>'
)


class Curve(NamedTuple):
    name: str
    points: list[tuple[float, float]]


def bars(path: Path, title: str, groups: list[tuple[str, list[tuple[str, float]]]]) -> Path:
    """Draw ratios as bars, group by group, on a logarithmic scale from 1/2; the bound is the line at 1."""
    most = max((ratio for _, cases in groups for _, ratio in cases), default=1.0)
    left, room = 300, WIDTH - 300 - 60

    def at(ratio: float) -> float:
        return left + room * (math.log2(max(ratio, 0.5)) + 1) / (math.log2(max(most, 2.0)) + 1)

    parts: list[str] = []
    y = 50
    for group, cases in groups:
        parts.append(_text(12, y, group, bold=True))
        y += 20
        for name, ratio in cases:
            colour = COLOURS[0] if name.startswith("cqrsless") else "#8c959f"
            parts.append(_text(24, y + 1, name))
            parts.append(
                f'<rect x="{left}" y="{y - 9}" width="{max(1, at(ratio) - left):.1f}" height="11" fill="{colour}"/>'
            )
            parts.append(_text(at(ratio) + 5, y + 1, f"{ratio:.2f}"))
            y += 17
        y += 12
    parts.append(f'<line x1="{at(1):.1f}" y1="38" x2="{at(1):.1f}" y2="{y}" stroke="#cf222e" stroke-dasharray="3"/>')
    return _write(path, title, parts, y)


def lines(path: Path, title: str, curves: list[Curve], height: int = 240) -> Path:
    """Draw curves; the axis along the bottom is logarithmic where the points lie far apart."""
    xs = [x for curve in curves for x, _ in curve.points]
    top = max(y for curve in curves for _, y in curve.points) * 1.1 or 1.0
    wide = min(xs) > 0 and max(xs) / min(xs) > 30
    scale = (lambda x: math.log10(x)) if wide else (lambda x: x)
    low, high = scale(min(xs)), scale(max(xs))

    def place(x: float, y: float) -> tuple[float, float]:
        across = (scale(x) - low) / ((high - low) or 1.0)
        return 60 + across * (WIDTH - 90), height - 30 - y / top * (height - 70)

    parts = [f'<path d="M60 40 V{height - 30} H{WIDTH - 30}" fill="none" stroke="#57606a"/>']
    for step in range(5):
        value = top / 1.1 * step / 4
        parts.append(_text(4, place(xs[0], value)[1] + 4, f"{value:,.0f}"))
    for x in xs if len(xs) <= 8 else (xs[0], xs[-1]):
        parts.append(_text(place(x, 0)[0] - 10, height - 12, f"{x:g}"))
    if len(curves) > 1:
        for number, (curve, colour) in enumerate(zip(curves, COLOURS, strict=False)):
            parts.append(_text(76, 54 + 16 * number, curve.name, colour=colour))
    for curve, colour in zip(curves, COLOURS, strict=False):
        line = " ".join(f"{across:.1f},{down:.1f}" for across, down in (place(x, y) for x, y in curve.points))
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return _write(path, title, parts, height)


def stacks(path: Path, title: str, bars: list[tuple[str, list[tuple[str, float]]]]) -> Path:
    """Draw each bar as its stages, one after the other, with what they are together."""
    left, room = 300, WIDTH - 300 - 60
    most = max((sum(value for _, value in stages) for _, stages in bars), default=1.0) or 1.0
    parts: list[str] = []
    for number, (stage, _) in enumerate(bars[0][1] if bars else ()):
        parts.append(_text(left + 110 * number, 44, stage, colour=COLOURS[number % len(COLOURS)]))
    y = 66
    for name, stages in bars:
        parts.append(_text(12, y + 1, name, bold=name.startswith("cqrsless")))
        at = float(left)
        for (_, value), colour in zip(stages, COLOURS, strict=False):
            wide = room * value / most
            parts.append(f'<rect x="{at:.1f}" y="{y - 9}" width="{wide:.1f}" height="11" fill="{colour}"/>')
            at += wide
        parts.append(_text(at + 5, y + 1, f"{sum(value for _, value in stages):.0f}"))
        y += 19
    return _write(path, title, parts, y)


def _text(x: float, y: float, text: str, *, bold: bool = False, colour: str = "") -> str:
    weight = ' font-weight="bold"' if bold else ""
    fill = f' fill="{colour}"' if colour else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="12"{weight}{fill}>{escape(text)}</text>'


def _write(path: Path, title: str, parts: list[str], height: float) -> Path:
    size = f'width="{WIDTH}" height="{height + 10:.0f}"'
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height + 10:.0f}" {size} role="img"'
        f' aria-label="{escape(title)}" font-family="sans-serif">'
    )
    ground = f'{STYLE}\n<rect class="ground" {size}/>'
    heading = f'<text x="12" y="22" font-size="14" font-weight="bold">{escape(title)}</text>'
    path.write_text("\n".join([head, ground, heading, *parts, "</svg>"]) + "\n")
    return path
