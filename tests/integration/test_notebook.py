"""A site's notebooks in a real Chromium."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import shutil
import tarfile
from pathlib import Path

import pytest

from jupyter_wasmwheel import archive
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.runtime import targets
from jupyter_wasmwheel.site import kernel_files, publish
from jupyter_wasmwheel.site.addresses import origin
from jupyter_wasmwheel.store import Store
from jupyter_wasmwheel.wheel import read
from tests.fixtures import site_server, wheel_factory
from tests.fixtures.browser import Tab, browser, open_notebook
from tests.fixtures.commands import Command
from tests.fixtures.notebooks import SERVED, create_site_with, open_served_notebook
from tests.fixtures.site_factory import publish_one


@pytest.mark.parametrize("abi", SERVED)
def test_crate_is_imported_in_notebook(
    wasmwheel: Command, store: Store, crate: Path, tmp_path: Path, abi: str
) -> None:
    nonce = secrets.token_hex(16)
    source = crate / "src/lib.rs"
    source.write_text(source.read_text().replace("This is Rust", nonce))
    remove_notebook(crate)
    site = create_site_with(tmp_path / "site", store, abi)
    built = wasmwheel(
        "build", crate, "--site", site.folder, "--out", tmp_path, "--profile", "draft", "--json"
    )
    assert built.status == 0, built.stderr
    with open_served_notebook(
        site, built.document["published"]["url"], tmp_path / "profile"
    ) as tab:
        assert "hello 0.1.0" in tab.page.locator(".jp-MarkdownOutput h1").inner_text()
        tab.run_all()
        shown = tab.result(0)
        assert "greet(name)" in shown
        assert "Greet some" in shown
        assert nonce in tab.run(1, "hello.greet('you')")
        assert tab.page.evaluate("crossOriginIsolated")
        asked = f"'{origin(site)}/{site.prefix}/jupyter-lite.json'"
        by_urllib = f"import urllib.request\nprint(urllib.request.urlopen({asked}).status)"
        assert tab.run(1, by_urllib).strip() == "200", "pyodide-http is at work"
        by_requests = f"import requests\nprint(requests.get({asked}).status_code)"
        assert tab.run(1, by_requests).strip() == "200"
        assert [url for url in tab.asked_for if url.endswith("asm.wasm")] == [
            f"{origin(site)}/{site.prefix}/static/pyodide/pyodide.asm.wasm"
        ]
        assert [text for text in tab.said if "without its prepared files" in text] == []
        another = open_notebook(tab.page.context, built.document["published"]["url"])
        drawn = "import os, random\nprint(hash('x'), random.random(), os.urandom(4).hex())"
        draws, other_draws = (each.run(1, drawn).split() for each in (tab, another))
        assert all(mine != other for mine, other in zip(draws, other_draws, strict=True))


def remove_notebook(crate: Path) -> None:
    """Remove the bundled notebook of a starter crate."""
    manifest = crate / "pyproject.toml"
    kept, table, _ = manifest.read_text().partition("[tool.wasmwheel]")
    assert table
    manifest.write_text(kept)


#: A worker that answers like `coincident`'s but at once, before the page waits for it.
TOO_LATE = """async () => {
  const channel = '64e10b34-2bf7-4616-9668-f99de5aa046e';
  const source = `onmessage = ({data}) => {
    const [, answer] = data['${channel}'];
    answer[0] = 1;
    Atomics.notify(answer, 0);
  }`;
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  const answer = new Int32Array(new SharedArrayBuffer(4));
  worker.postMessage({[channel]: [0, answer]}, {transfer: []});
  const start = Date.now();
  while (Date.now() - start < 500);
  return await Atomics.waitAsync(answer, 0, 0).value;
}"""

#: A worker that waits like `coincident`'s for the page's answer, when half of it has been written.
TOO_EARLY = """async () => {
  const channel = '64e10b34-2bf7-4616-9668-f99de5aa046e';
  const pause = `milliseconds => {
    const start = Date.now();
    while (Date.now() - start < milliseconds);
  }`;
  const source = `onmessage = () => {
    const answer = new Int32Array(new SharedArrayBuffer(8));
    postMessage({'${channel}': [0, answer]});
    (${pause})(500);
    Atomics.wait(answer, 0, 0);
    postMessage([...answer]);
  }`;
  const worker = new Worker(URL.createObjectURL(new Blob([source])));
  return await new Promise(resolve => {
    worker.addEventListener('message', ({data}) => {
      if (Array.isArray(data)) return resolve(data);
      const [, answer] = data[channel];
      answer[0] = 1;
      (0, eval)(pause)(1000);
      answer[1] = 1;
      Atomics.notify(answer, 0);
    });
    worker.postMessage({[channel]: [0]}, {transfer: []});
  });
}"""


@pytest.mark.parametrize("abi", SERVED)
def test_early_kernel_answers_are_received_whole(store: Store, tmp_path: Path, abi: str) -> None:
    site = create_site_with(tmp_path / "site", store, abi)
    with site_server.serving(site), browser(tmp_path / "profile") as context:
        page = context.new_page()
        page.goto(f"{origin(site)}/{site.prefix}/lab/index.html")
        # The page is loaded before its modules are.
        page.wait_for_function("() => !`${Atomics.notify}`.includes('native code')")
        assert page.evaluate(TOO_LATE) == "ok"
        assert page.evaluate(TOO_EARLY) == [1, 1]


@pytest.mark.slow
def test_published_pypi_package_is_imported(
    wasmwheel: Command, store: Store, tmp_path: Path
) -> None:
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    prober = wheel_factory.wheel(tmp_path, "py3-none-any", {"prober.py": b""}, name="prober")
    url = publish_one(site, read(prober), [], ignore).url
    look = "import rpds\nimport hashlib\nprint(hashlib.sha256(open(rpds.rpds.__file__, 'rb')"
    with open_served_notebook(site, url, tmp_path / "before") as tab:
        assert "ModuleNotFoundError" in tab.run(1, f"{look}.read()).hexdigest())")
    built = wasmwheel("build", "pypi:rpds-py", "--site", site.folder, "--out", tmp_path, "--json")
    assert built.status == 0, built.stderr
    built_wheel = read(Path(built.document["wheel"]))
    (extension,) = built_wheel.extension_modules
    with open_served_notebook(site, built.document["published"]["url"], tmp_path / "after") as tab:
        tab.run_all()
        assert "HashTrieMap" in tab.result(0)
        loaded = tab.run(1, f"{look}.read()).hexdigest())")
        assert loaded.strip() == hashlib.sha256(built_wheel.read(extension.member)).hexdigest()


@pytest.mark.parametrize("abi", SERVED)
def test_removed_package_is_gone_and_displaced_one_restored(
    store: Store, tmp_path: Path, abi: str
) -> None:
    site = create_site_with(tmp_path / "site", store, abi, "six")
    nonce = secrets.token_hex(16)
    own = {"six.py": f"__version__ = {nonce!r}\n".encode()}
    ours = wheel_factory.wheel(tmp_path, "py3-none-any", own, name="six", version="99.0")
    only = wheel_factory.wheel(tmp_path, "py3-none-any", {"only.py": b"x = 1\n"}, name="only")
    free = wheel_factory.wheel(tmp_path, "py3-none-any", {"free.py": b""}, name="free")
    for path in (ours, only, free):
        url = publish_one(site, read(path), [], ignore).url
    with open_served_notebook(site, url, tmp_path / "profile") as tab:
        shown = tab.run(1, "import six, only\nprint(six.__version__, only.x)")
        assert shown.split() == [nonce, "1"]
        # A kernel starts with six.
        assert_started(tab, abi, "The site has another six than these files.")
    publish.remove(site, "six")
    publish.remove(site, "only")
    for path in site.lock.parent.glob("packages/*/kernel-packages.bin"):
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    with open_served_notebook(site, url, tmp_path / "damaged") as tab:
        assert tab.run(1, "import six\nprint(six.__version__)").startswith("1.")
        assert "ModuleNotFoundError" in tab.run(0, "import only")
        assert_started(tab, abi, "kernel-packages.bin is missing or damaged.")


@pytest.mark.slow
def test_deferred_module_is_available_on_import(store: Store, tmp_path: Path) -> None:
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    only = wheel_factory.wheel(tmp_path, "py3-none-any", {"only.py": b"x = 1\n"}, name="only")
    url = publish_one(site, read(only), [], ignore).url
    look = (
        "import csv, pygments.lexers.haskell\nprint(csv.__name__, pygments.lexers.haskell.__name__)"
    )
    with open_served_notebook(site, url, tmp_path / "as it was made") as tab:
        assert tab.run(1, look).split() == ["csv", "pygments.lexers.haskell"]
        assert "ModuleNotFoundError" in tab.run(1, "import only.what, pygments.lexers.what")
    about = site.lock.with_name(kernel_files.ABOUT)
    made = json.loads(about.read_text())
    made["rest"]["integrity"] = made["files"]["integrity"]
    about.write_text(json.dumps(made))
    with open_served_notebook(site, url, tmp_path / "it did not come") as tab:
        assert tab.run(1, look).split() == ["csv", "pygments.lexers.haskell"]
        assert [text for text in tab.said if "The next import fetches the file again" in text]
    (about.parent / made["rest"]["file_name"]).unlink()
    with open_served_notebook(site, url, tmp_path / "it is gone") as tab:
        assert tab.run(1, "import only; print(only.x)").strip() == "1"
        assert "Could not download csv, which loads after the kernel starts" in tab.run(1, look)
        assert "the site answered with 404" in tab.run(1, look)


@pytest.mark.slow
def test_site_of_older_version_starts(store: Store, tmp_path: Path) -> None:
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    about = site.lock.with_name(kernel_files.ABOUT)
    made = json.loads(about.read_text())
    del made["rest"]
    packed = about.parent / made["files"]["file_name"]
    named = shutil.copy(packed, tmp_path / "packed.tar.gz")
    archive.unpack(named, tmp_path / "unpacked")
    with tarfile.open(packed, "w:gz", format=tarfile.USTAR_FORMAT) as tar:
        tar.add(tmp_path / "unpacked", ".")  # with the folders themselves
    digest = base64.b64encode(hashlib.sha256(packed.read_bytes()).digest()).decode()
    made["files"]["integrity"] = f"sha256-{digest}"
    about.write_text(json.dumps(made))
    only = wheel_factory.wheel(tmp_path, "py3-none-any", {"only.py": b"x = 1\n"}, name="only")
    url = publish_one(site, read(only), [], ignore).url
    with open_served_notebook(site, url, tmp_path / "profile") as tab:
        assert tab.run(1, "import only, IPython; print(only.x)").strip() == "1"
        assert [text for text in tab.said if "without its prepared files" in text] == []


def assert_started(tab: Tab, abi: str, reason: str) -> None:
    """Check that a kernel started the standard way and said why, or knows no other way."""
    said = [text for text in tab.said if "without its prepared files" in text]
    knows_another = abi == targets.default_abi()
    assert [reason in text for text in said] == ([True] if knows_another else [])


#: Code with imports that a kernel does not see, of the modules `one` to `five`.
UNSEEN = """\
exec("import one")
import importlib
print(one.x, importlib.import_module("two").x)
with open("script.py", "w") as script, open("beside.py", "w") as beside:
    script.write("import three")
    beside.write("from acme.four import x\\nfrom acme import five")
%run script.py
import beside
print(three.x, beside.x, beside.five.x)
"""


@pytest.mark.parametrize("abi", SERVED)
def test_import_that_kernel_does_not_see_loads_package(
    store: Store, tmp_path: Path, abi: str
) -> None:
    site = create_site_with(tmp_path / "site", store, abi)
    for name in ("one", "two", "three", "acme.four", "acme.five", "inner", "outer"):
        member = f"{name.replace('.', '/')}/__init__.py"
        made = wheel_factory.wheel(
            tmp_path,
            "py3-none-any",
            {member: f"x = {name!r}\n".encode()},
            name=name.replace(".", "_"),
            requires=["inner"] if name == "outer" else [],
        )
        url = publish_one(site, read(made), ["inner"] if name == "outer" else [], ignore).url
    with open_served_notebook(site, url, tmp_path / "profile") as tab:
        assert tab.run(1, UNSEEN).split() == ["one", "two", "three", "acme.four", "acme.five"]
        timing = "%%time\nimport outer\nimport pyodide_js as js\n"
        timed = tab.run(1, f"{timing}print(outer.x, js.loadedPackages.inner)")
        assert "outer default channel" in timed
        assert "ModuleNotFoundError" in tab.run(1, "exec('import one.two')")
        assert "ModuleNotFoundError" in tab.run(1, "exec('import nowhere')")
        (site.lock.parent / site.read_lock().packages["one"].file_name).unlink()
    with open_served_notebook(site, url, tmp_path / "gone") as tab:
        shown = tab.run(1, "exec('import one')")
        assert "one is in the site's package one, which could not be loaded" in shown
        assert "Run `import one` in a cell of its own" in shown
