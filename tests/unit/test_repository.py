"""The repository: no large files, and no test module that imports another."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: The size that a tracked file must not exceed.
MAX_FILE_BYTES = 500_000


def test_tracked_files_are_small() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    paths = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    sizes = {path: path.stat().st_size for path in paths if path.is_file()}
    assert [path for path, size in sizes.items() if size > MAX_FILE_BYTES] == []


@pytest.mark.parametrize("folder", ["tests", "ui-tests"])
def test_test_modules_import_no_test_module(folder: str) -> None:
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                ours = node.module.split(".")[0] in ("tests", folder)
                names = [node.module, *(each.name for each in node.names if ours)]
                found = [name for name in names if name.split(".")[-1].startswith("test_")]
                assert not found, f"{path.relative_to(ROOT)}:{node.lineno} imports {found}"
