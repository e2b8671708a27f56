"""`jupyter lite build` with this package installed: the configured packages can be imported."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.store import Store
from tests.fixtures import wheel_factory
from tests.fixtures.browser import browser, open_notebook

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def environment(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create an environment with JupyterLite and this package; return its programs.

    It is separate because JupyterLab would load the kernel's extension, which is for sites only.
    """
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    lite = targets.find(targets.default_abi()).jupyterlite
    assert lite
    wanted = [f"jupyterlite-core=={lite.core}", f"jupyterlite-pyodide-kernel=={lite.kernel}"]
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", *wanted, "jupyterlite-sphinx"]
    subprocess.run(pip, check=True)
    (site_packages,) = folder.glob("lib/python*/site-packages")
    here = sysconfig.get_path("purelib")
    (site_packages / "this-one.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return folder / "bin"


def configure(folder: Path, **settings: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "jupyter_lite_config.json").write_text(json.dumps({"WasmwheelAddon": settings}))


def lite_build(environment: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [environment / "jupyter-lite", "build", "--lite-dir", folder]
    command += ["--output-dir", folder / "_output"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@contextmanager
def static_host(folder: Path) -> Iterator[str]:
    """Serve a folder from a static host without Jupyter; yield its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_configured_project_is_built_and_imported(environment: Path, tmp_path: Path) -> None:
    folder = tmp_path / "book"
    configure(folder, packages=["hello", "wheels/only-1.0-py3-none-any.whl"])
    starter.create("hello", folder)
    (folder / "wheels").mkdir()
    wheel_factory.wheel(folder / "wheels", "py3-none-any", {"only.py": b"x = 7\n"}, name="only")
    (folder / "files").mkdir()
    (folder / "files/mine.md").write_text("# Mine")
    for _ in ("once", "and again over the first output"):
        built = lite_build(environment, folder)
        assert built.returncode == 0, built.stdout + built.stderr
    listing = json.loads((folder / "_output/api/contents/all.json").read_text())
    names = {row["name"] for row in listing["content"]}
    assert names == {"mine.md", "try-hello-0.1.0.ipynb", "try-only-1.0.ipynb"}
    with static_host(folder / "_output") as origin, browser(tmp_path / "profile") as context:
        notebook = f"{origin}/notebooks/index.html?path=try-hello-0.1.0.ipynb"
        tab = open_notebook(context, notebook)
        assert "Hello, you!" in tab.run(0)
        assert tab.run(1, "import only\nprint(only.x)").strip() == "7"
        assert tab.from_elsewhere(origin) == []


def test_error_fails_lite_build(environment: Path, tmp_path: Path) -> None:
    configure(tmp_path / "book", packages=["nowhere"])
    built = lite_build(environment, tmp_path / "book")
    assert built.returncode != 0
    assert "nowhere" in built.stderr
    assert "Traceback" not in built.stderr


def test_lock_addon_of_kernel_in_the_same_build_is_rejected(
    environment: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "book"
    wheels = wheel_factory.wheel(tmp_path, "py3-none-any", {"only.py": b"x = 7\n"}, name="only")
    folder.mkdir()
    settings = {
        "WasmwheelAddon": {"packages": [str(wheels)]},
        "PyodideLockAddon": {"enabled": True},
    }
    (folder / "jupyter_lite_config.json").write_text(json.dumps(settings))
    built = lite_build(environment, folder)
    assert built.returncode != 0
    assert "PyodideLockAddon and WasmwheelAddon" in built.stdout + built.stderr


def test_addon_without_configuration_changes_nothing(environment: Path, tmp_path: Path) -> None:
    folder = tmp_path / "book"
    folder.mkdir()
    built = lite_build(environment, folder)
    assert built.returncode == 0, built.stdout + built.stderr
    assert not (folder / "_output/static/pyodide").exists()
    assert not (folder / "_output/.wasmwheel").exists()


def test_configured_package_runs_in_sphinx_page(environment: Path, tmp_path: Path) -> None:
    docs, built = tmp_path / "docs", tmp_path / "html"
    configure(docs, packages=["hello"])
    starter.create("hello", docs)
    settings = ["extensions = ['jupyterlite_sphinx']", "exclude_patterns = ['hello']"]
    settings.append("jupyterlite_config = 'jupyter_lite_config.json'")
    (docs / "conf.py").write_text("\n".join([*settings, "jupyterlite_silence = False"]))
    (docs / "index.rst").write_text("Hello\n=====\n\n.. jupyterlite::\n   :new_tab: True\n")
    sphinx = [environment / "python", "-m", "sphinx", "-q", docs, built]
    done = subprocess.run(sphinx, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with static_host(built) as origin, browser(tmp_path / "profile") as context:
        notebook = f"{origin}/lite/notebooks/index.html?path=try-hello-0.1.0.ipynb"
        tab = open_notebook(context, notebook)
        assert "Hello, you!" in tab.run(0)
