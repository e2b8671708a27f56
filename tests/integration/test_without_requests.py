"""A package that requires `requests`, in a site with it and in a site without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.pipeline import publish_wheels
from jupyter_wasmwheel.runtime import lock, targets
from jupyter_wasmwheel.store import Store
from tests.fixtures.browser import browser, open_notebook
from tests.fixtures.commands import Command
from tests.fixtures.cross_origin_server import cross_origin_server
from tests.fixtures.notebooks import create_site_with
from tests.fixtures.site_server import serving

#: A function that fetches a text with `requests`, and one that does not.
RUST = """
/// The text at an address.
#[pyfunction]
fn text(py: Python<'_>, url: &str) -> PyResult<String> {
    let answer = py.import("requests")?.call_method1("get", (url,))?;
    answer.getattr("text")?.extract()
}
"""


@pytest.mark.slow
def test_package_requiring_requests_imports_without_and_fetches_with_it(
    wasmwheel: Command, store: Store, crate: Path, tmp_path: Path
) -> None:
    source = crate / "src/lib.rs"
    module = "#[pymodule]"
    code = source.read_text().replace(module, f"{RUST}\n{module}")
    source.write_text(code.replace("greet};", "greet, text};"))
    project = crate / "pyproject.toml"
    settings = project.read_text()
    project.write_text(settings.replace("[project]", '[project]\ndependencies = ["requests>=2"]'))

    with_it = create_site_with(tmp_path / "with", store, targets.default_abi())
    without = create_site_with(tmp_path / "without", store, targets.default_abi())
    lock.read(without.lock).without("requests").write(without.lock)
    build = ("build", crate, "--make-optional", "requests", "--profile", "draft", "--json")
    built = wasmwheel(*build, "--site", with_it.folder, "--out", tmp_path / "dist")
    assert built.status == 0, built.stderr
    assert [one["name"] for one in built.document["dependencies"]] == []

    (published,) = publish_wheels([Path(built.document["wheel"])], without, store, ignore)
    with cross_origin_server(Access_Control_Allow_Origin="*") as other:
        asking = f"hello.text({other.url!r})"
        url = built.document["published"]["url"]
        with serving(with_it), browser(tmp_path / "1") as context:
            tab = open_notebook(context, url)
            assert "Hello, you!" in tab.run(0)
            assert tab.run(1, asking).strip() == "'the data'"
        with serving(without), browser(tmp_path / "2") as context:
            tab = open_notebook(context, published.url)
            assert "greet" in tab.run(0)
            assert "No module named 'requests'" in tab.run(1, asking)
