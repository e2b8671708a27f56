"""Builds for several targets: the parts that need no compiler."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from jupyter_wasmwheel import wheel as wheels
from jupyter_wasmwheel.api import requests
from jupyter_wasmwheel.api.errors import ErrorInfo, Install, Retry, UsageError
from jupyter_wasmwheel.api.report import TargetInfo, TargetResult
from jupyter_wasmwheel.api.requests import BuildRequest
from jupyter_wasmwheel.build import seeds
from jupyter_wasmwheel.build.plan import C_MARK, Plan
from jupyter_wasmwheel.checks import verify_report
from jupyter_wasmwheel.cli import options
from jupyter_wasmwheel.cli.arguments import create_parser
from jupyter_wasmwheel.pipeline import matrix
from jupyter_wasmwheel.project import manifest, starter
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.runtime.targets import Target
from jupyter_wasmwheel.toolchain import emscripten, linker
from tests.fixtures.job_queue import OpenQueue, build_request, wait_for_end
from tests.fixtures.wheel_factory import wheel

OLD, NEW, NEXT = targets.all_targets()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [targets.find(targets.default_abi())]),
        (["--target", "all"], [OLD, NEW, NEXT]),
        (["--target", "2026_5", "--target", "2025_0"], [NEXT, OLD]),
        (["--target=2025_0,2026_0,2025_0"], [OLD, NEW]),
    ],
)
def test_option_can_be_repeated(words: list[str], expected: list[Target]) -> None:
    parsed = create_parser("build").parse_args(["build", ".", *words])
    request = options.request_from(parsed, BuildRequest)
    assert [*targets.find_all(request.target)] == expected


def test_posted_request_is_the_same_text() -> None:
    posted = {"kind": "build", "source": "hello", "target": "2025_0,2026_0"}
    request = requests.parse(posted, requests.PostedRequest)
    assert [*targets.find_all(request.target)] == [OLD, NEW]


@pytest.mark.parametrize("abis", ["2099_0", "2025_0,", "all,2025_0"])
def test_unknown_target_is_rejected(abis: str) -> None:
    with pytest.raises(UsageError) as caught:
        targets.find_all(abis)
    assert caught.value.info.code == "target.unknown"


def test_platform_is_added_to_name_and_tags(tmp_path: Path) -> None:
    before = wheel(tmp_path, f"cp310-abi3-{NEW.platform_tag}", {"handmade.abi3.so": b"\0asm"})
    after = wheels.read(before)
    for target in (OLD, NEXT, OLD):
        after = wheels.add_platform(after, target.platform_tag, tmp_path)
    platforms = [each.platform_tag for each in (OLD, NEW, NEXT)]
    assert after.path.name == f"handmade-1.0-cp310-abi3-{'.'.join(platforms)}.whl"
    assert after.platform_tags == tuple(platforms)
    text = after.read_text("handmade-1.0.dist-info/WHEEL")
    tags = [f"Tag: cp310-abi3-{each}" for each in platforms]
    assert text == "\n".join(["Wheel-Version: 1.0", *tags, ""])


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("cp310-abi3", [OLD, NEW, NEXT]),
        ("cp314-abi3", [NEW, NEXT]),
        ("cp315-abi3.abi3t", [NEXT]),
        ("cp314-cp314", [NEW]),
    ],
)
def test_stable_abi_serves_newer_versions(tag: str, expected: list[Target], tmp_path: Path) -> None:
    found = wheels.read(wheel(tmp_path, f"{tag}-{NEW.platform_tag}", {"m.abi3.so": b"\0asm"}))
    serving = [each for each in (OLD, NEW, NEXT) if any(map(each.is_python_of, found.tags))]
    assert serving == expected


def test_report_of_several_targets_is_found_by_bytes(tmp_path: Path) -> None:
    found = wheels.read(wheel(tmp_path, f"cp315-cp315-{NEXT.platform_tag}", {"handmade.py": b""}))
    row = {"schema": 1, "name": "handmade", "sha256": found.sha256}
    document = row | {"sha256": "0" * 64, "targets": [{"report": None}, {"report": row}]}
    path = tmp_path / "report.json"
    path.write_bytes(b"{\n" + msgspec.json.encode(document)[1:])
    assert verify_report.read(path, found) == row


def _failed(target: Target, code: str, **fields: object) -> TargetResult:
    info = ErrorInfo(code=code, what=f"{code}.", why="Why.", fix="Fix it.", status=5, **fields)  # type: ignore[arg-type]
    return TargetResult(target=_info(target), error=info)


def _info(target: Target) -> TargetInfo:
    return TargetInfo(abi=target.abi, pyodide="1", python="3.13", platform_tag="x")


def test_error_names_targets_and_retries_only_them() -> None:
    install = Install(extras=("emscripten",), target=OLD.abi)
    rows = [
        _failed(OLD, "emscripten.missing", remedies=(install,)),
        TargetResult(target=_info(NEW)),
        _failed(NEXT, "compile.failed"),
    ]
    info = matrix.failure("hello 0.1.0", rows).info
    assert info.code == "build.targets-failed"
    assert info.what == "hello 0.1.0 could not be built for 2025_0 and 2026_5."
    assert (info.status, info.counts) == (5, {"failed": 2, "built": 1})
    assert info.remedies == (install, Retry(changes={"target": "2025_0,2026_5"}))


def test_same_error_for_all_targets_is_told_once() -> None:
    rows = [_failed(each, "compile.failed") for each in (OLD, NEW, NEXT)]
    assert matrix.failure("hello 0.1.0", rows).info == rows[0].error


def _planned(target: Target, folder: Path) -> Plan:
    crate = folder / "hello"
    if not crate.exists():
        starter.create("hello", folder)
    return Plan(
        project=manifest.read(crate),
        target=target,
        toolchain=None,
        request=BuildRequest(source=str(crate)),
        work=folder / "work",
        environ={},
        pyo3_config=folder / "config.txt",
    )


def test_first_build_starts_with_folder_of_other_target(tmp_path: Path) -> None:
    before, now = _planned(OLD, tmp_path), _planned(NEW, tmp_path)
    artifact = before.cargo_target / "release/deps/libserde.rlib"
    artifact.parent.mkdir(parents=True)
    artifact.write_text("compiled")
    seeds.begin([*now.other_targets], now.cargo_target)
    copied = now.cargo_target / "release/deps/libserde.rlib"
    assert copied.read_text() == "compiled"
    assert copied.stat().st_mtime_ns == artifact.stat().st_mtime_ns  # cargo compares it
    assert copied.stat().st_ino != artifact.stat().st_ino


def test_folder_with_compiled_c_is_not_shared(tmp_path: Path) -> None:
    before, now = _planned(OLD, tmp_path), _planned(NEW, tmp_path)
    before.cargo_target.mkdir(parents=True)
    assert [*now.other_targets] == [before.cargo_target]
    (before.cargo_target / C_MARK).touch()
    assert [*now.other_targets] == []


def test_other_flags_are_a_row_and_nothing_is_shared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard = targets.flags("standard-exceptions")
    switched = msgspec.structs.replace(NEW, flags=standard)
    planned = _planned(switched, tmp_path)
    _planned(OLD, tmp_path).cargo_target.mkdir(parents=True)
    assert [*planned.other_targets] == []
    assert planned.env[linker.TARGET_FLAGS].split() == [*standard.wasm_ld]
    assert emscripten.c_flags(switched).endswith("-sWASM_LEGACY_EXCEPTIONS=0")
    monkeypatch.setenv(linker.TARGET_FLAGS, planned.env[linker.TARGET_FLAGS])
    assert "-wasm-use-legacy-eh=false" in linker.translate(["-o", "x.wasm"])


#: A worker that builds for two of three targets.
BUILDS = """
rows = []
for abi in ("2025_0", "2026_0"):
    open(f"out/{abi}.whl", "wb").close()
    rows.append({"target": {"abi": abi}, "report": {"wheel": f"/x/{abi}.whl"}, "error": None})
rows.append({"target": {"abi": "2026_5"}, "report": None, "error": {}})
whole = {"schema": 1, "name": "hello", "version": "0.1.0", "targets": rows}
say("report", report=whole | rows[0]["report"] | {"target": rows[0]["target"]})
"""


def test_wheel_of_each_target_can_be_downloaded(queue_of: OpenQueue) -> None:
    queue = queue_of(BUILDS)
    job = wait_for_end(queue, queue.submit(build_request()))
    found = {abi: queue.wheel(job.id, abi) for abi in (None, OLD.abi, NEW.abi, NEXT.abi, "x")}
    names = {abi: path.name if path else None for abi, path in found.items()}
    assert names == {
        None: "2025_0.whl",
        OLD.abi: "2025_0.whl",
        NEW.abi: "2026_0.whl",
        NEXT.abi: None,
        "x": None,
    }
