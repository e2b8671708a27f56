"""Edits: optional requirements, recipes, and their messages."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

from jupyter_wasmwheel.api import events
from jupyter_wasmwheel.api.errors import SourceError, UsageError
from jupyter_wasmwheel.build import patched_crates
from jupyter_wasmwheel.project import copy, edits, manifest, optional, recipes
from jupyter_wasmwheel.toolchain.rust import Rust
from tests.fixtures.projects import write_files
from tests.fixtures.recipe_projects import HEAD, PLAIN, RECIPE, create_plain_project, recipe_file

MATURIN = '[build-system]\nrequires = ["maturin>=1,<2"]\nbuild-backend = "maturin"\n'
LIBRARY = """
[package]
name = "sample"
version = "1.0"
[lib]
crate-type = ["cdylib"]
[dependencies]
pyo3 = "0.30"
"""

#: A pyproject.toml, and how it changes when `requests` becomes optional.
PYPROJECTS = {
    "tiktoken's": (
        """
[project]
name = "tiktoken"
dependencies = ["regex>=2022.1.18", "requests>=2.26.0"]
optional-dependencies = { blobfile = ["blobfile>=2"] }

[project.urls]
""",
        """
-dependencies = ["regex>=2022.1.18", "requests>=2.26.0"]
-optional-dependencies = { blobfile = ["blobfile>=2"] }
+dependencies = ["regex>=2022.1.18"]
+optional-dependencies = { blobfile = ["blobfile>=2"], requests = ["requests>=2.26.0"] }
""",
    ),
    "an inline table without spaces": (
        """
[project]
dependencies = ["requests"]
optional-dependencies = {a = ["b"]}
""",
        """
-dependencies = ["requests"]
-optional-dependencies = {a = ["b"]}
+dependencies = []
+optional-dependencies = {a = ["b"], requests = ["requests"]}
""",
    ),
    "lines with comments, and a table": (
        """
[project]
dependencies = [
  "regex", # for patterns
  # for the web
  'Requests>2; python_version < "4"',
  "numpy",
]
version = '1'

[project.optional-dependencies]
test = [
  "pytest",
]

[tool.x]
""",
        """
-  'Requests>2; python_version < "4"',
+requests = ["Requests>2; python_version < \\"4\\""]
""",
    ),
    "no other extras": (
        """
[project]
dependencies = ["a", "requests"]
name = "x"

[project.urls]
""",
        """
-dependencies = ["a", "requests"]
+dependencies = ["a"]
+optional-dependencies = {requests = ["requests"]}
""",
    ),
    "an extra of that name already": (
        """
[project]
dependencies = ["requests"]
optional-dependencies.Requests = ['b']
""",
        """
-dependencies = ["requests"]
-optional-dependencies.Requests = ['b']
+dependencies = []
+optional-dependencies.Requests = ['b', "requests"]
""",
    ),
}

SETUP_CFGS = {
    "lines": (
        """
[options]
# what it needs
install_requires =
    regex
    requests>=2

[tool:pytest]
""",
        """
+
+[options.extras_require]
+requests =
""",
    ),
    "other extras": (
        """
[options.extras_require]
test = pytest
[options]
install_requires = a; requests
""",
        """
+requests =
+    requests
-install_requires = a; requests
+install_requires =
+    a
""",
    ),
}


def changed_lines(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    return "".join(f"\n{line}" for line in list(lines)[2:] if not line.startswith("@@")) + "\n"


@pytest.mark.parametrize("style", PYPROJECTS)
def test_make_optional_keeps_style_of_pyproject(style: str) -> None:
    before, expected = PYPROJECTS[style]
    assert changed_lines(before, optional.move_in_pyproject(before, "requests")) == expected


@pytest.mark.parametrize("style", SETUP_CFGS)
def test_make_optional_edits_setup_cfg(style: str) -> None:
    before, expected = SETUP_CFGS[style]
    assert changed_lines(before, optional.move_in_setup_cfg(before, "Requests")) == expected


@pytest.mark.parametrize(
    ("project", "files", "why"),
    [
        (PLAIN, {}, "They are: never-heard-of-this, packaging."),
        ('[project]\nname = "plain"\nversion = "1"\n', {}, "It has none."),
        (
            '[project]\nname = "plain"\ndynamic = ["dependencies"]\n',
            {},
            "from the build backend",
        ),
        ("", {"setup.py": "setup(install_requires=['requests'])"}, "or setup.py"),
        ("", {"setup.cfg": "[options]\ninstall_requires =\n    regex\n"}, "They are: regex."),
        ("", {"setup.cfg": "[options\n"}, "no section headers"),
        (
            PLAIN.replace("dependencies", 'dynamic = ["optional-dependencies"]\ndependencies')
            + '[tool.x]\na = "requests"\n',
            {},
            "They are: never-heard-of-this, packaging.",
        ),
    ],
)
def test_make_optional_rejects_unsupported_requirement(
    tmp_path: Path, project: str, files: dict[str, str], why: str
) -> None:
    read = manifest.read(create_plain_project(tmp_path / "plain", project, files))
    with pytest.raises(SourceError) as caught:
        edits.changes(edits.Edits(make_optional=("requests",)), read)
    assert why in caught.value.why


DATA = f"[[data]]\nsha256 = '{64 * '0'}'\nwhy = ''\n"
REPLACE = "[[replace]]\nfile = 'plain/__init__.py'\nwhy = 'to test'\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "name = 'plain'\nversions = new\n",
            "It is not valid TOML: Invalid value (at line 2, column 12)",
        ),
        (
            "# one\n\nname = 'plain'\nversion = '>=1'",
            "Line 4: Object contains unknown field `version`.",
        ),
        ("versions = '>1'\n", "missing required field `name`"),
        ("name = 'plain'\n\nversions = 'new'\n", "Line 3: Invalid version range 'new'"),
        (f"{RECIPE}[cargo]\nfeature = ['a']", "Line 4: Object contains unknown field `feature`"),
        (f"{RECIPE}[cargo]\nfeatures = 'a'", "Line 4: Expected `array`"),
        (f"{RECIPE}[cargo]\ndefault-features = 1", "Line 4: Expected `bool`"),
        (f"{RECIPE}[cargo]\ncfg = ['a', 'b c']", "Line 4: Invalid cfg 'b c'"),
        (f"{RECIPE}replace = 'x'", "Line 3: Expected `array`"),
        (f"{RECIPE}{REPLACE}old = 'a'", "Line 3: Object missing required field `new`"),
        (f"{RECIPE}{REPLACE}old = ''\nnew = 'b'", "Line 6: The replacement changes nothing"),
        (
            f"{RECIPE}{DATA}url = 'file:///etc/passwd'",
            "Line 6: Expected an HTTP URL, got 'file:///etc/passwd'",
        ),
        (f"{RECIPE}{DATA}url = 'http://x'\nfile = '../x'", "Line 7: Invalid path '../x'"),
        (
            f"{RECIPE}[[data]]\nsha256 = 'AB'\nwhy = ''\nurl = 'http://x'",
            "Line 4: Invalid SHA-256 hash 'AB'",
        ),
        (
            f"{RECIPE}{REPLACE}old = '''\n[[replace]]\nof = 1\n'''\nnew = 'b'\nof = 'crates'",
            "Line 11: Expected project, crate or dependency:NAME, got 'crates'",
        ),
        (
            f"{RECIPE}{REPLACE}old = 'a'\nnew = 'b'\nversions = '1 or 2'",
            "Line 8: Invalid version range '1 or 2'",
        ),
    ],
)
def test_invalid_recipe_error_names_line(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(SourceError) as caught:
        recipes.load(recipe_file(tmp_path, text))
    assert why in caught.value.why


@pytest.mark.parametrize("file", ["../x", "/etc/passwd", "plain/../../x", "", ".", "a\\b"])
def test_recipe_rejects_path_outside_project(tmp_path: Path, file: str) -> None:
    text = f"{RECIPE}[[replace]]\nfile = '{file}'\nwhy = ''\nold = 'a'\nnew = 'b'\n"
    with pytest.raises(SourceError, match="not a valid recipe") as caught:
        recipes.load(recipe_file(tmp_path, text))
    assert "Line 4" in caught.value.why


def replacing(old: str, file: str = "plain/__init__.py") -> str:
    return f"{RECIPE}[[replace]]\nfile = '{file}'\nwhy = ''\nold = '''{old}'''\nnew = 'b'\n"


def link(project: Path) -> None:
    (project / "plain/linked.py").symlink_to(project / "plain/__init__.py")


def outside(project: Path) -> None:
    (project.parent / "elsewhere").mkdir()
    (project.parent / "elsewhere/x.py").write_text("WORD = 1\n")
    (project / "linked").symlink_to(project.parent / "elsewhere")


def binary(project: Path) -> None:
    (project / "plain/data").write_bytes(b"WORD\0")
    (project / "plain/latin").write_bytes("WÖRD".encode("latin-1"))


def nothing(project: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("prepare", "recipe", "why"),
    [
        (nothing, replacing("WORD = 'simple'\n"), "\"WORD = 'plain'\""),
        (nothing, replacing("import os"), "'import os' not found, nor a similar line"),
        (nothing, replacing("in"), "the text occurs 2 times, in lines 1, 3"),
        (nothing, replacing("a", "plain/none.py"), "plain/none.py: file not found"),
        (nothing, replacing("a", "plain"), "plain: file not found"),
        (link, replacing("WORD", "plain/linked.py"), "it is a link"),
        (outside, replacing("WORD", "linked/x.py"), "it is a link, or in a linked folder"),
        (binary, replacing("WORD", "plain/data"), "it contains NUL"),
        (binary, replacing("WORD", "plain/latin"), "it is not a text file in UTF-8"),
    ],
)
def test_recipe_patch_mismatch_error_names_place(
    tmp_path: Path, prepare: Callable[[Path], None], recipe: str, why: str
) -> None:
    project = create_plain_project(tmp_path / "plain", PLAIN)
    source = project / "plain/__init__.py"
    source.write_text(source.read_text() + "# first\n# in\n")
    prepare(project)
    read = manifest.read(project)
    chosen = edits.choose(str(recipe_file(tmp_path, recipe)), (), read, events.ignore)
    with pytest.raises(SourceError, match=r"does not fit plain 1\.0") as caught:
        edits.changes(chosen, read)
    assert why in caught.value.why


def test_recipe_patch_late_mismatch_error_names_line(tmp_path: Path) -> None:
    project = create_plain_project(tmp_path / "plain", PLAIN)
    (project / "plain/__init__.py").write_text("one\nfn f() {\n    two(2);\n    three();\n}\n")
    recipe = recipe_file(tmp_path, replacing("fn f() {\n    two(2);\n    three(3);\n}\n"))
    read = manifest.read(project)
    with pytest.raises(SourceError) as caught:
        edits.changes(edits.choose(str(recipe), (), read, events.ignore), read)
    assert "expected '    three(3);' in line 4, got '    three();'" in caught.value.why


def test_edits_keep_windows_line_endings(tmp_path: Path) -> None:
    project = create_plain_project(tmp_path / "plain", PLAIN)
    (project / "plain/__init__.py").write_bytes(b"a\r\nb\r\nc\r\n")
    read = manifest.read(project)
    recipe = recipes.load(recipe_file(tmp_path, replacing("a\nb\n")))
    (change,) = edits.changes(edits.Edits(recipe=recipe), read)
    assert change.after == "bc\r\n"
    text = (HEAD + PLAIN).replace("\n", "\r\n")
    (project / "pyproject.toml").write_bytes(text.encode())
    (change,) = edits.changes(edits.Edits(make_optional=("packaging",)), read)
    assert change.after.count("\n") == change.after.count("\r\n") == text.count("\n") + 1


def test_bundled_recipe_for_other_versions_is_skipped_with_note() -> None:
    assert recipes.choose("auto", "tokenizers", "0.15.2")[0] is None
    assert "recipe is for tokenizers" in recipes.choose("auto", "tokenizers", "0.15.2")[1]
    assert "unknown version" in recipes.choose("auto", "tokenizers", None)[1]
    assert recipes.choose("auto", "Tokenizers", "0.23.3")[0]
    assert recipes.choose("none", "tokenizers", "0.23.3") == (None, "")
    assert recipes.choose("auto", "rpds-py", "1.0") == (None, "")
    with pytest.raises(UsageError):
        recipes.choose("nowhere.toml", "tokenizers", "0.23.3")


@pytest.mark.parametrize(
    ("version", "edited", "expected"),
    [
        ("0.17.14", (), ["ring-0.17.14"]),
        ("0.16.20", (), []),
        ("0.17.14", ("ring",), []),
    ],
    ids=["known version", "other version", "already edited"],
)
def test_crate_of_lock_file_is_edited_by_its_own_recipe(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    version: str,
    edited: tuple[str, ...],
    expected: list[str],
) -> None:
    text = f'[[package]]\nname = "ring"\nversion = "{version}"\n'
    files = {"Cargo.toml": LIBRARY, "Cargo.lock": text, "pyproject.toml": MATURIN}
    project = manifest.read(write_files(tmp_path / "sample", files))
    private = copy.refresh(project, tmp_path / "work/source")
    registry = tmp_path / f"ring-{version}"
    systems = "".join(f'    target_os = "{name}",\n' for name in ("dragonfly", "freebsd"))
    write_files(registry, {"Cargo.toml": "", "src/rand.rs": systems})
    package = {"name": "ring", "version": version, "source": "registry+https://example.org"}
    package["manifest_path"] = str(registry / "Cargo.toml")
    monkeypatch.setattr(patched_crates, "_packages", lambda *_: [package])
    found = patched_crates.prepare_bundled(
        project, private, cast(Rust, None), tmp_path / "work", edited=edited
    )
    assert [crate.folder.name for crate in found] == expected
    for crate in found:
        assert '"emscripten"' in (crate.folder / "src/rand.rs").read_text()
        assert '"emscripten"' not in (registry / "src/rand.rs").read_text()


def test_bundled_recipes_match_their_file_names() -> None:
    folder = Path(recipes.__file__).with_name("recipes")
    names = [path.stem for path in folder.glob("*.toml")]
    assert "tokenizers" in names
    found = {name: recipes.bundled(name) for name in names} | recipes.bundled_for_crates()
    assert "ring" in found
    for name, recipe in found.items():
        assert recipe
        assert recipe.name == name
        assert recipe.versions
        assert all(each.why for each in recipe.replace)
