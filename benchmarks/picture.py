"""Draw docs/images/figures.svg: the figures that have a limit, each as a bar.

A bar is as long as the share of the limit that the figure takes, so that it ends left of the line
where the limit is met.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from .table import ROOT, limit, number, results

PICTURE = ROOT / "docs/images/figures.svg"

#: Where the bars begin, where the line of the limit is, and the sizes of a row and of the picture.
LEFT_PX, LIMIT_PX, ROW_PX, WIDTH_PX = 20, 800, 46, 960

#: The style, for light and dark pages.
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #444 }
  .number { font-weight: 600 }
  .met { fill: #3b82c4 } .missed { fill: #d9663a } .line { stroke: #888; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) { text { fill: #ccc } }
"""


def share(figure: dict[str, Any]) -> float:
    """Return the share of its limit that a figure takes: 1 at the limit, more beyond it."""
    if figure["at"] == "most":
        return float(figure["figure"] / figure["limit"])
    return float(figure["limit"] / figure["figure"])


def draw() -> str:
    """Return the picture."""
    figures = [
        figure
        for document in results()
        for figure in document["figures"]
        if figure["limit"]  # of a limit of zero, nothing is a share
    ]
    height = ROW_PX * len(figures) + 34
    rows = []
    for place, figure in enumerate(figures):
        top = ROW_PX * place + 24
        width = min(share(figure), 1.15) * (LIMIT_PX - LEFT_PX)
        kind = "met" if figure["met"] else "missed"
        label = f"{number(figure)}, {limit(figure).replace('**', '')}"
        rows.append(
            f'  <text x="{LEFT_PX}" y="{top}">{escape(figure["promise"])}: '
            f'<tspan class="number">{escape(label)}</tspan></text>\n'
            f'  <rect class="{kind}" x="{LEFT_PX}" y="{top + 6}" width="{width:.0f}" '
            'height="10" rx="2"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH_PX} {height}" '
        f'role="img" aria-label="The figures and their limits">\n  <style>{STYLE}  </style>\n'
        f'  <line class="line" x1="{LIMIT_PX}" y1="8" x2="{LIMIT_PX}" y2="{height - 20}"/>\n'
        f'  <text x="{LIMIT_PX}" y="{height - 6}" text-anchor="middle">limit</text>\n'
        + "\n".join(rows)
        + "\n</svg>\n"
    )


def write() -> None:
    """Write the picture."""
    PICTURE.write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    write()
