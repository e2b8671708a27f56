"""Other front ends than JupyterLite import a package of a site, by what `snippet` prints for them.

Their pages have another origin than the site. The addresses of CDNs are answered with the same
releases from npm and PyPI.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
import shutil
import subprocess
import sys
import tarfile
import textwrap
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from msgspec import Struct
from msgspec.structs import replace
from packaging.utils import canonicalize_name
from playwright.sync_api import BrowserContext, Page, Route

from jupyter_wasmwheel.project import starter
from jupyter_wasmwheel.runtime import lock, pyodide
from jupyter_wasmwheel.runtime.targets import default_abi
from jupyter_wasmwheel.site import addresses, contents, lite
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures import site_server
from tests.fixtures.browser import START_TIMEOUT_MS, browser, open_notebook
from tests.fixtures.commands import Command
from tests.fixtures.notebooks import SERVED, create_site_with
from tests.fixtures.site_factory import publish_one, tiny_wheel

pytestmark = pytest.mark.slow

#: The release of PyScript in the snippet, and that of marimo, with its Pyodide and its msgspec.
PYSCRIPT = "0.7.31"
MARIMO, MARIMO_PYODIDE, MSGSPEC = "0.25.2", "314.0.0", "0.22.0"

#: What marimo's lock has beside that. Pyodide's own wheel of PyYAML is not on PyPI.
MARIMO_PACKAGES = (
    *("markdown", "pymdown-extensions", "narwhals", "packaging", "tomlkit", "docutils"),
    *("pygments<3", "jedi<0.21", "parso", "pyodide-http", "python-multipart", "itsdangerous"),
)

#: A page with a snippet in its body.
PAGE = "<!DOCTYPE html><html><head><meta charset='utf-8'></head><body>{}</body></html>"

#: A call that shows the nonce that is compiled into the package.
CALL = "hello.greet('you')"


class Published(Struct, frozen=True):
    """A site with the starter crate, and the nonce that is compiled into it."""

    site: Site
    nonce: str


@pytest.fixture(scope="module")
def published(
    wasmwheel: Command, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Published:
    """Publish the starter crate to a site for the default target."""
    return publish_crate(wasmwheel, store, tmp_path_factory.mktemp("site"), default_abi())


def publish_crate(wasmwheel: Command, store: Store, folder: Path, abi: str) -> Published:
    """Publish the starter crate with a nonce to a new site."""
    nonce = secrets.token_hex(16)
    crate = starter.create("hello", folder)
    source = crate / "src/lib.rs"
    source.write_text(source.read_text().replace("This is Rust", nonce))
    site = create_site_with(folder / "site", store, abi)
    built = wasmwheel(
        "build", crate, "--site", site.folder, "--out", folder, "--profile", "draft", "--json"
    )
    assert built.status == 0, built.stderr
    return Published(site, nonce)


def environment(python: Path, folder: Path, *packages: str) -> Path:
    """Create an environment with packages from PyPI; return the folder of its programs."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    pip = [folder / "bin/python", "-m", "pip", "install", "--quiet", *packages]
    subprocess.run(pip, check=True)
    return folder / "bin"


def snippet(wasmwheel: Command, site: Site, front_end: str, *options: str) -> str:
    """Return what the command prints, with a call instead of the module's name."""
    ran = wasmwheel("snippet", "hello", "--for", front_end, "--site", site.folder, *options)
    assert ran.status == 0, ran.stderr
    return ran.stdout.replace("repr(hello)", CALL)


@contextmanager
def serving_folder(folder: Path) -> Iterator[str]:
    """Serve a folder from an origin of its own, without CORS headers; yield its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    handler = functools.partial(Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def npm_package(name: str, version: str, folder: Path) -> Path:
    """Return the unpacked folder of a package from npm."""
    pack = ["npm", "pack", f"{name}@{version}", "--silent", "--pack-destination", folder]
    archive = subprocess.run(pack, capture_output=True, text=True, check=True).stdout.strip()
    with tarfile.open(folder / archive) as packed:
        packed.extractall(folder / version, filter="data")
    return folder / version / "package"


def answer(context: BrowserContext, folders: Mapping[str, Path]) -> None:
    """Answer requests to addresses with the files of folders."""

    def fulfill(address: str, route: Route) -> None:
        file = folders[address] / urlsplit(route.request.url.removeprefix(address)).path
        headers = {"Access-Control-Allow-Origin": "*"}
        if file.is_file():
            route.fulfill(path=file, headers=headers)
        else:
            route.fulfill(status=404, headers=headers)

    for address in folders:
        context.route(f"{address}**", functools.partial(fulfill, address))


def wait_for_text(page: Page, text: str) -> None:
    """Wait until a page shows a text; show what it shows instead if it does not."""
    try:
        page.get_by_text(text).first.wait_for(timeout=START_TIMEOUT_MS)
    except Exception:
        page.screenshot(path="artifacts/front-end.png")
        raise


@pytest.mark.parametrize("abi", SERVED)
def test_html_page_imports_package_by_the_lock(
    wasmwheel: Command, store: Store, tmp_path: Path, abi: str
) -> None:
    published = publish_crate(wasmwheel, store, tmp_path, abi)
    page_folder = tmp_path / "page"
    page_folder.mkdir()
    text = snippet(wasmwheel, published.site, "html")
    (page_folder / "index.html").write_text(PAGE.format(text))
    with (
        site_server.serving(published.site),
        serving_folder(page_folder) as url,
        browser(tmp_path / "profile") as context,
    ):
        page = context.new_page()
        page.goto(url)
        wait_for_text(page, published.nonce)


def test_html_page_imports_package_from_unpacked_bundle(
    wasmwheel: Command, published: Published, tmp_path: Path
) -> None:
    site = published.site
    packed = wasmwheel("site", "bundle", site.folder, "--out", tmp_path / "site.zip")
    assert packed.status == 0, packed.stderr
    with zipfile.ZipFile(tmp_path / "site.zip") as archive:
        archive.extractall(tmp_path)
    assert list((tmp_path / site.name).glob("static/pyodide/wheels/*/*.whl.metadata"))
    with serving_folder(tmp_path) as url, browser(tmp_path / "profile") as context:
        text = snippet(wasmwheel, site, "html", "--url", f"{url}/{site.name}/")
        (tmp_path / "index.html").write_text(PAGE.format(text))
        page = context.new_page()
        page.goto(f"{url}/{site.name}/simple/")
        page.get_by_role("link", name="hello").click()
        page.get_by_role("link", name=f"hello-0.1.0-{site.target.python_tag}").wait_for()
        page.goto(url)
        wait_for_text(page, published.nonce)


def test_document_of_quarto_imports_package(
    wasmwheel: Command, published: Published, tmp_path: Path
) -> None:
    """Quarto itself is in no registry, but Pandoc is, by which it renders Markdown."""
    programs = environment(Path(sys.executable), tmp_path / "pandoc", "pypandoc_binary")
    document = f"# Title\n\n{snippet(wasmwheel, published.site, 'quarto')}"
    convert = "import sys, pypandoc; print(pypandoc.convert_text(sys.stdin.read(), 'html', 'md'))"
    html = subprocess.run(
        [programs / "python", "-c", convert],
        input=document,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    folder = tmp_path / "page"
    folder.mkdir()
    (folder / "index.html").write_text(PAGE.format(html))
    with (
        site_server.serving(published.site),
        serving_folder(folder) as url,
        browser(tmp_path / "profile") as context,
    ):
        page = context.new_page()
        page.goto(url)
        wait_for_text(page, published.nonce)


#: A page with a Pyodide of its own, which runs a file of Python and shows its last value.
PAGE_WITH_PYODIDE = """<!DOCTYPE html>
<meta charset="utf-8">
<pre id="output">Loading…</pre>
<script type="module">
  import { loadPyodide } from "./pyodide/pyodide.mjs";
  const pyodide = await loadPyodide();
  await pyodide.loadPackage("micropip", { checkIntegrity: false });
  const code = await (await fetch("snippet.py")).text();
  document.getElementById("output").textContent = await pyodide.runPythonAsync(code);
</script>
"""


def test_micropip_installs_package_and_requirement_from_index(
    wasmwheel: Command, published: Published, store: Store, tmp_path: Path
) -> None:
    site, nonce = published.site, published.nonce
    user = tiny_wheel(
        tmp_path,
        "user",
        tag="py3-none-any",
        body="from hello import greet\n",
        metadata="Requires-Dist: hello\n",
    )
    publish_one(site, user, ["hello"])
    folder = tmp_path / "page"
    folder.mkdir()
    shutil.copytree(store.home / "pyodide" / site.pyodide, folder / "pyodide")
    (micropip,) = site.folder.glob("static/pyodide/packages/*/micropip-*.whl")
    shutil.copy(micropip, folder / "pyodide")
    ran = wasmwheel("snippet", "user", "--for", "jupyterlite", "--site", site.folder)
    (folder / "snippet.py").write_text(f"{ran.stdout}\nuser.greet('you')")
    (folder / "index.html").write_text(PAGE_WITH_PYODIDE)
    with (
        site_server.serving(site),
        serving_folder(folder) as url,
        browser(tmp_path / "profile") as context,
    ):
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.goto(url)
        wait_for_text(page, nonce)
    root = addresses.root(site)
    for name in ("user", "hello"):
        assert f"{root}/simple/{name}/" in asked
    assert any(each.endswith(".whl.metadata") for each in asked)
    assert not any(each.endswith(f"{root}/pyodide-lock.json") for each in asked)


def test_pyscript_imports_package(wasmwheel: Command, published: Published, tmp_path: Path) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    text = snippet(wasmwheel, published.site, "pyscript")
    (folder / "index.html").write_text(PAGE.format(text))
    core = npm_package("@pyscript/core", PYSCRIPT, tmp_path)
    with (
        site_server.serving(published.site),
        serving_folder(folder) as url,
        browser(tmp_path / "profile") as context,
    ):
        answer(context, {f"https://cdn.jsdelivr.net/npm/@pyscript/core@{PYSCRIPT}/": core})
        page = context.new_page()
        page.goto(url)
        wait_for_text(page, published.nonce)


#: The markers of requirements that differ from this machine's.
EMSCRIPTEN = {"sys_platform": "emscripten", "extra": ""}

#: A notebook of marimo whose first cell is a snippet.
MARIMO_NOTEBOOK = """
import marimo

app = marimo.App()


@app.cell
async def _():
{snippet}
    return (hello,)


@app.cell
def _(hello):
    {call}
    return
"""


def marimo_cdn(site: Site, programs: Path, folder: Path) -> Path:
    """Return a folder with what marimo loads from its CDN: Pyodide, and a lock with its packages.

    PyYAML is its own wheel for this machine without the parts in C, which it works without.
    """
    cdn = npm_package("pyodide", MARIMO_PYODIDE, folder)
    target = site.target
    pip = [programs / "pip", "download", "--quiet", "--no-deps", "--dest", folder]
    tags = ["--only-binary", ":all:", "--implementation", "cp", "--abi", target.python_tag]
    tags += ["--python-version", target.python, "--platform", target.platform_tag]
    wanted = [f"marimo-base=={MARIMO}", f"msgspec=={MSGSPEC}", *MARIMO_PACKAGES]
    subprocess.run([*pip, *tags, *wanted], check=True)
    subprocess.run([*pip, "--only-binary", ":all:", "pyyaml"], check=True)
    (native,) = folder.glob("pyyaml-*.whl")
    pure = folder / f"pyyaml-{native.name.split('-')[1]}-py3-none-any.whl"
    with zipfile.ZipFile(native) as source, zipfile.ZipFile(pure, "w") as packed:
        for name in source.namelist():
            if not name.startswith("_yaml/") and not name.endswith(".so"):
                packed.writestr(name, source.read(name))
    native.unlink()
    (micropip,) = site.folder.glob("static/pyodide/packages/*/micropip-*.whl")
    paths = [shutil.copy(path, cdn) for path in (*folder.glob("*.whl"), micropip)]
    wheels = [read(Path(path)) for path in paths]
    names = {each.canonical_name for each in wheels}
    found = replace(lock.read(cdn / lock.FILE), packages={})
    for each in wheels:
        needs = [
            need.name
            for need in each.requires
            if canonicalize_name(need.name) in names
            and (not need.marker or need.marker.evaluate(EMSCRIPTEN))
        ]
        found = found.with_entry(lock.entry_for(each, each.path.name, needs))
    found.write(cdn / lock.FILE)
    return cdn


def test_exported_marimo_notebook_imports_package(
    wasmwheel: Command, published: Published, tmp_path: Path
) -> None:
    site = published.site
    programs = environment(Path(sys.executable), tmp_path / "marimo", f"marimo=={MARIMO}", "uv")
    cell = textwrap.indent(snippet(wasmwheel, site, "marimo"), "    ")
    notebook = tmp_path / "source/notebook.py"
    notebook.parent.mkdir()
    notebook.write_text(MARIMO_NOTEBOOK.format(snippet=cell, call=CALL))
    export = [programs / "marimo", "export", "html-wasm", notebook, "--mode", "run"]
    export += ["--no-sandbox", "--output", tmp_path / "page"]
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(export, env={**os.environ, "PATH": path}, check=True)
    (tmp_path / "cdn").mkdir()
    cdn = marimo_cdn(site, programs, tmp_path / "cdn")
    with (
        site_server.serving(site),
        serving_folder(tmp_path / "page") as url,
        browser(tmp_path / "profile") as context,
    ):
        at_cdn = pyodide.CDN.format(version=MARIMO_PYODIDE)
        answer(context, {at_cdn: cdn, "https://wasm.marimo.app/": cdn})
        page = context.new_page()
        page.goto(url)
        wait_for_text(page, published.nonce)


def newer_python() -> Path:
    """Return a Python that `pyodide-lock` supports; skip the test without one."""
    for version in ("3.14", "3.13", "3.12"):
        known = Path.home().glob(f".pyenv/versions/{version}.*/bin/python")
        if found := next(known, None) or shutil.which(f"python{version}"):
            return Path(found)
    pytest.skip("pyodide-lock 0.1.3 and newer require Python 3.12")


def test_lock_addon_of_kernel_extends_lock_of_site(published: Published, tmp_path: Path) -> None:
    site, root = published.site, addresses.root(published.site)
    kernel = f"jupyterlite-pyodide-kernel[lock]=={site.kernel}"
    programs = environment(
        newer_python(),
        tmp_path / "lite",
        f"jupyterlite-core=={site.core}",
        kernel,
        "jupyter-server",
    )
    folder = tmp_path / "book"
    (folder / "files").mkdir(parents=True)
    lock_addon = {
        "enabled": True,
        "pyodide_lock_url": f"{root}/{lite.LOCK}",
        "specs": ["snowballstemmer"],
    }
    (folder / "jupyter_lite_config.json").write_text(json.dumps({"PyodideLockAddon": lock_addon}))
    kernel_settings = {lite.PLUGIN: {"pyodideUrl": f"{root}/{lite.PYODIDE}/pyodide.mjs"}}
    settings = {"jupyter-config-data": {"litePluginSettings": kernel_settings}}
    (folder / "jupyter-lite.json").write_text(
        json.dumps({"jupyter-lite-schema-version": 0, **settings})
    )
    code = f"import hello, snowballstemmer\nprint(snowballstemmer.__name__, {CALL})"
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": code}
    notebook = {"cells": [cell | {"execution_count": None, "outputs": []}]}
    notebook |= {"metadata": contents.KERNEL, "nbformat": 4, "nbformat_minor": 5}
    (folder / "files/try.ipynb").write_text(json.dumps(notebook))
    with site_server.serving(site), browser(tmp_path / "profile") as context:
        built = subprocess.run(
            [programs / "jupyter-lite", "build", "--contents", "files"],
            cwd=folder,
            env={**os.environ, "UV_PYTHON_DOWNLOADS": "never"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert built.returncode == 0, built.stdout + built.stderr
        with serving_folder(folder / "_output") as url:
            tab = open_notebook(context, f"{url}/notebooks/index.html?path=try.ipynb")
            shown = tab.run(0)
    assert published.nonce in shown
    assert "snowballstemmer" in shown
