"""Errors: each has a documented code of one class, and remedies are valid requests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import generated
import msgspec
import pytest

from jupyter_wasmwheel.api.errors import Install, Open, Retry, UsageError, from_info
from jupyter_wasmwheel.api.requests import BuildRequest, InstallRequest
from jupyter_wasmwheel.build.explain import older_target
from jupyter_wasmwheel.errors import known_errors
from jupyter_wasmwheel.errors.known_errors import KnownError
from jupyter_wasmwheel.runtime import targets
from tests.fixtures.known_error_examples import OUTPUT, VALUES

CODE = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*")

#: Expressions that pass on the code of another error.
PASSED_ON = ("info.code", "self.code")


@pytest.mark.parametrize(
    "path", sorted(generated.PACKAGE.rglob("*.py")), ids=lambda path: path.stem
)
def test_every_constructed_error_has_code(path: Path) -> None:
    for kind, call in generated.error_calls(ast.parse(path.read_text())):
        codes = [each.value for each in call.keywords if each.arg == "code"]
        assert codes, f"{path.name}:{call.lineno} {kind}"
        if ast.unparse(codes[0]) not in PASSED_ON:
            assert CODE.fullmatch(ast.literal_eval(codes[0])), f"{path.name}:{call.lineno}"


def test_errors_without_code_are_detected() -> None:
    source = """
class JobError(UsageError):
    def __init__(self):
        super().__init__("a", "b", "c")
raise errors.UsageError("a", "b", "c")
return SiteError("a", f"{b}", fix)
"""
    found = sorted(kind for kind, _ in generated.error_calls(ast.parse(source)))
    assert found == ["JobError", "SiteError", "UsageError"]


def test_error_requires_code() -> None:
    with pytest.raises(TypeError, match="code"):
        UsageError("a", "b", "c")  # type: ignore[call-arg]


def test_each_code_belongs_to_one_class() -> None:
    kinds: dict[str, set[str]] = {}
    for row in generated.error_rows():
        kinds.setdefault(row.code, set()).add(row.kind)
    assert {code: each for code, each in kinds.items() if len(each) > 1} == {}


def test_each_code_is_documented() -> None:
    table = generated.error_codes()
    for path in generated.PACKAGE.rglob("*.py"):
        for code in re.findall(r'\bcode="([a-z-]+\.[a-z-]+)"', path.read_text()):
            assert f"| `{code}` |" in table
    for known in known_errors.load():
        assert f"| `{known.code}` |" in table


def test_documentation_shows_variables_in_capitals() -> None:
    (row,) = (each for each in generated.error_rows() if each.code == "lock.version-missing")
    assert row.what.startswith("PROJECT's Cargo.lock")
    assert row.status == 3


@pytest.mark.parametrize("known", known_errors.load(), ids=lambda each: each.code)
def test_known_error_remedies_are_valid_requests(known: KnownError) -> None:
    error = known.match(OUTPUT[known.code], **VALUES[known.stage], target="2026_0")
    assert error
    assert error.info.code == known.code
    assert len(error.info.remedies) == len(known.retry) + bool(known.install)
    for remedy in error.info.remedies:
        if isinstance(remedy, Retry):
            msgspec.convert({"kind": "build", "source": ".", **remedy.changes}, BuildRequest)
        elif isinstance(remedy, Install):
            assert remedy.target == "2026_0"
            msgspec.convert({"kind": "install", "extras": list(remedy.extras)}, InstallRequest)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("lock.version-missing", [{"ignore_lock": True}]),
        ("crates.offline", [{"offline": False}]),
        ("compile.lto-bitcode", [{"profile": "draft"}]),
        (
            "import.requirement-missing",
            [{"with_dependencies": True}, {"make_optional": ("requests",)}],
        ),
        ("crates.registry-unreachable", [{}]),
        ("crates.crate-not-found", []),
    ],
)
def test_remedy_changes_fields_of_its_option(code: str, changes: list[object]) -> None:
    (known,) = (each for each in known_errors.load() if each.code == code)
    error = known.match(OUTPUT[known.code], **VALUES[known.stage])
    assert error
    assert [getattr(each, "changes", None) for each in error.info.remedies] == changes


def test_error_survives_transfer_between_processes() -> None:
    remedies = [Install(extras=("nightly",)), Open(file="a.rs", line=3), Retry()]
    error = UsageError("a", "b", "c", code="x.y", counts={"problems": 2}, remedies=remedies)
    assert from_info(error.info).as_json() == error.as_json()
    assert from_info(error.info).with_why("d").as_json() == error.as_json() | {"why": "d"}


@pytest.mark.parametrize(
    ("script", "abi"),
    [
        ("pyo3-ffi v0.24.2", "2025_0"),
        ("pyo3-build-config v0.22.0", "2025_0"),
        ("pyo3-build-config v0.16.6", None),
        ("openssl-sys v0.22.0", None),
    ],
)
def test_old_pyo3_names_target_with_older_python(script: str, abi: str | None) -> None:
    output = f"error: failed to run custom build command for `{script}`"
    found = older_target(targets.find("2026_0"), output)
    assert (found and found.abi) == abi


def test_known_error_without_value_offers_no_option() -> None:
    values = VALUES["build"] | {"older": "", "use_older": ""}
    (error, *_) = known_errors.match("build", OUTPUT["crates.pyo3-too-old"], **values)
    assert error.info.remedies == ()
