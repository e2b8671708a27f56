"""The text of the README and of the pages: links, sections, lengths."""

from __future__ import annotations

import re
from pathlib import Path

import generated
import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("*.md"))]

#: The README is read in two minutes, or not at all.
MAX_README_LINES = 120

LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text_without_code(page: Path) -> str:
    return CODE.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MyST make them."""
    headings = HEADING.findall(
        re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.S)
    )
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {each.replace(" ", "-") for each in kept}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_link_leads_to_file_and_heading(page: Path) -> None:
    for target, anchor in LINK.findall(text_without_code(page)):
        path = (page.parent / target).resolve() if target else page
        assert path.is_file(), target
        if anchor:
            assert anchor in anchors(path), f"{target}#{anchor}"


def test_readme_is_short_and_installs_before_it_makes() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) < MAX_README_LINES
    sections = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert sections[:3] == ["Install", "Quickstart", "In JupyterLab"]
    assert text.index("pip install jupyter-wasmwheel") < text.index("make demo")
    assert re.search(r"^    make test$", text, re.MULTILINE), "the command that .ci/run calls"


def toctrees() -> dict[str, list[str]]:
    """Return the pages of each caption in the index."""
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    found = re.findall(r":caption: (.+)\n\n((?:\S+\n)+)```", text)
    return {caption: pages.split() for caption, pages in found}


def test_every_page_is_of_one_kind() -> None:
    kinds = toctrees()
    assert list(kinds) == ["Tutorials", "How-to guides", "Reference", "Explanation"]
    listed = [page for pages in kinds.values() for page in pages]
    assert sorted([*listed, "index"]) == sorted(page.stem for page in DOCS.glob("*.md"))


def test_every_page_that_is_read_through_ends_with_a_next_step() -> None:
    for kind in ("Tutorials", "How-to guides", "Explanation"):
        for page in toctrees()[kind]:
            text = (DOCS / f"{page}.md").read_text(encoding="utf-8")
            end = re.split(r"^(?:## Next steps|Next:)", text, flags=re.MULTILINE)
            assert len(end) == 2, page
            assert ".md)" in end[1] or ".md#" in end[1], page


def test_every_error_has_a_section_in_troubleshooting() -> None:
    areas = [area for areas in generated.SECTIONS.values() for area in areas.split()]
    assert sorted(areas) == sorted({row.code.partition(".")[0] for row in generated.error_rows()})
