"""A picture of the figures that have a limit: docs/images/figures.svg, made of what was written.

Each is a bar as long as its share of its limit (of what it has to reach, the limit's share of it),
so that whatever ends left of the line is as promised.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from .table import ROOT, limit, number, results

PICTURE = ROOT / "docs/images/figures.svg"

#: Where the bars begin and the line of the limit is, and how high a row is, in pixels.
LEFT, LIMIT, ROW, WIDTH = 20, 800, 46, 960

#: What is drawn with; both are plain on a light and on a dark page.
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #444 }
  .number { font-weight: 600 }
  .met { fill: #3b82c4 } .missed { fill: #d9663a } .line { stroke: #888; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) { text { fill: #ccc } }
"""


def share(figure: dict[str, Any]) -> float:
    """How much of its limit a figure takes: 1 at the limit, more beyond it."""
    if figure["at"] == "most":
        return float(figure["figure"] / figure["limit"])
    return float(figure["limit"] / figure["figure"])


def draw() -> str:
    """The picture."""
    figures = [
        figure
        for document in results()
        for figure in document["figures"]
        if figure["limit"] is not None
    ]
    height = ROW * len(figures) + 34
    rows = []
    for place, figure in enumerate(figures):
        top = ROW * place + 24
        width = min(share(figure), 1.15) * (LIMIT - LEFT)
        kind = "met" if figure["met"] else "missed"
        told = f"{number(figure)}, {limit(figure).replace('**', '')}"
        rows.append(
            f'  <text x="{LEFT}" y="{top}">{escape(figure["promise"])}: '
            f'<tspan class="number">{escape(told)}</tspan></text>\n'
            f'  <rect class="{kind}" x="{LEFT}" y="{top + 6}" width="{width:.0f}" '
            'height="10" rx="2"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="The figures and their limits">\n  <style>{STYLE}  </style>\n'
        f'  <line class="line" x1="{LIMIT}" y1="8" x2="{LIMIT}" y2="{height - 20}"/>\n'
        f'  <text x="{LIMIT}" y="{height - 6}" text-anchor="middle">the limit</text>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def write() -> None:
    """Write it."""
    PICTURE.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    write()
