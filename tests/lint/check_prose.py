"""Check the prose of all tracked files: banned phrases, and how docstrings begin.

Run by `make lint`. A line that quotes a banned phrase on purpose ends with `prose: quotation`.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

#: Files whose prose is checked, as patterns of git.
TEXTS = ("*.py", "*.ts", "*.tsx", "*.md", "*.toml", "*.mjs", "*.js", "*.html", "*.ipynb", "*.rs")

#: Fixtures quote what others wrote; the list of phrases quotes itself.
EXCLUDED = (":!tests/fixtures", ":!tests/lint/banned_phrases.toml")

#: A docstring that begins so describes its function instead of saying what it does.
NOUN_FIRST = re.compile(r"(The|A|An|What|Whether|Who|How|Which|Where|When)\b")

#: The share of functions' docstrings that may begin so, of 1.
MAX_NOUN_FIRST = 0.05

QUOTATION = "prose: quotation"


def tracked_files(*patterns: str) -> list[Path]:
    """Return the tracked files that match patterns of git, relative to the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def banned_phrases() -> Iterator[str]:
    """Yield a line for each banned phrase, with its place and what to write instead."""
    phrases = tomllib.loads((HERE / "banned_phrases.toml").read_text())["phrase"]
    patterns = [(re.compile(each["pattern"], re.IGNORECASE), each) for each in phrases]
    for path in tracked_files(*TEXTS, *EXCLUDED):
        lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            for pattern, phrase in patterns:
                found = pattern.search(line)
                if found and QUOTATION not in line:
                    where = f"{path}:{number}: {found[0].strip()!r}"
                    yield f"{where}: write {phrase['instead']}. {phrase['reason']}"


def docstrings() -> Iterator[tuple[str, str]]:
    """Yield the place and the text of each function's docstring."""
    for path in tracked_files("*.py", ":!jupyter_wasmwheel/templates"):
        for node in ast.walk(ast.parse((ROOT / path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text:
                    yield f"{path}:{node.lineno}", text


def main() -> int:
    """Print what is wrong; return 1 if anything is, else 0."""
    wrong = list(banned_phrases())
    texts = list(docstrings())
    noun_first = [f"{at}: {text.splitlines()[0]}" for at, text in texts if NOUN_FIRST.match(text)]
    if len(noun_first) > MAX_NOUN_FIRST * len(texts):
        wrong += noun_first
        wrong.append(
            f"{len(noun_first)} of {len(texts)} docstrings do not begin with a verb;"
            f" at most {MAX_NOUN_FIRST:.0%} may."
        )
    print(*wrong, sep="\n", end="\n" if wrong else "")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
