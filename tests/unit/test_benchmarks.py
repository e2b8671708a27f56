"""The figures in the README and in the docs are those that the benchmarks and the tests wrote."""

from __future__ import annotations

import json
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from benchmarks import figures, picture, table
from benchmarks.figures import Figure

ROOT = Path(__file__).parents[2]


def test_readme_and_docs_show_the_saved_results() -> None:
    assert table.README.read_text() == table.readme()
    assert len(table.headlines().splitlines()) == len(table.HEADLINES)
    assert table.BENCHMARKS.read_text() == table.benchmarks()
    assert table.RELIABILITY.read_text() == table.reliability()
    assert table.PROFILES.read_text() == table.filled(table.PROFILES, table.profiles())
    assert picture.PICTURE.read_text() == picture.draw()
    ET.fromstring(picture.draw())


def test_every_result_belongs_to_a_benchmark() -> None:
    for path in figures.RESULTS.glob("*.json"):
        document = json.loads(path.read_text())
        assert document["schema"] == figures.SCHEMA
        if path != table.TEST_RESULTS:
            assert path.stem in table.ORDER
            assert document["command"] == f"python -m benchmarks.{path.stem}"
            assert (ROOT / f"benchmarks/{path.stem}.py").is_file()


def test_every_promise_names_existing_tests() -> None:
    promises = tomllib.loads(table.PROMISES.read_text())["promise"]
    for name in [name for promise in promises for name in promise["tests"]]:
        file, _, function = name.partition("::")
        text = (ROOT / file).read_text()
        assert f"def {function.partition('[')[0]}(" in text if function else True, name


def test_missed_limit_is_shown_and_exits_with_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(figures, "RESULTS", tmp_path)
    good = Figure(promise="quick", figure=1.5, unit="s", limit=2)
    slow = Figure(promise="quicker", figure=1.5, unit="times", limit=2, at="least")
    with pytest.raises(SystemExit) as ended:
        figures.save_and_exit("draft", [good])
    assert ended.value.code == 0
    with pytest.raises(SystemExit) as ended:
        figures.save_and_exit("draft", [good, slow])
    assert ended.value.code == 1
    monkeypatch.setattr(table, "RESULTS", tmp_path)
    assert "| quick | 1.5 s | at most 2 |" in table.table()
    assert "| quicker | 1.5 times | **missed**: at least 2 |" in table.table()


def test_results_of_tests_come_from_junit_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    promises = tmp_path / "promises.toml"
    promises.write_text(
        '[[promise]]\npromise = "It holds."\ntests = ["tests/test_x.py::test_a"]\n'
        '[[promise]]\npromise = "So does that."\n'
        'tests = ["tests/test_x.py::test_b", "tests/test_y.py"]\n'
    )
    xml = tmp_path / "tests.xml"
    xml.write_text(
        '<testsuites><testsuite timestamp="2026-01-02T03:04:05">'
        '<testcase classname="tests.test_x" name="test_a[1]"/>'
        '<testcase classname="tests.test_x" name="test_a[2]"><failure/></testcase>'
        '<testcase classname="tests.test_x" name="test_ab"/>'
        '<testcase classname="tests.test_y" name="test_c"><skipped/></testcase>'
        "</testsuite></testsuites>"
    )
    monkeypatch.setattr(table, "PROMISES", promises)
    monkeypatch.setattr(table, "TEST_RESULTS", tmp_path / "tests.json")
    table.save_test_results([xml])
    text = table.reliability()
    assert "| It holds. | `tests/test_x.py::test_a` | 1 passed, 1 failed | 2026-01-02 |" in text
    assert "| 1 not run, 1 skipped | 2026-01-02 |" in text
