from __future__ import annotations

import ast
import gzip
import hashlib
import http.client
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from jupyter_wasmwheel.api.errors import (
    CheckError,
    SiteError,
    UsageError,
)
from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.runtime import lock
from jupyter_wasmwheel.site import contents, lite, precompressed, publish, server, wheels
from jupyter_wasmwheel.site.lite import Site
from jupyter_wasmwheel.store import Store, replace_file
from tests.fixtures import site_server
from tests.fixtures.site_factory import TAG, publish_one, rows, tiny_wheel


def listed(site: Site) -> list[str]:
    return [
        row["name"] for row in json.loads((site.folder / contents.LISTING).read_text())["content"]
    ]


# Names and folders


def test_site_name_is_in_store_and_path_is_path(tmp_path: Path) -> None:
    store = Store(home=tmp_path)
    assert lite.site_folder("workshop", store) == tmp_path / "sites/workshop"
    assert lite.site_folder("./workshop", store) != tmp_path / "sites/workshop"
    assert lite.site_folder(str(tmp_path / "my site"), store) == tmp_path / "my site"


def test_site_folder_in_current_folder_takes_precedence(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert lite.find("workshop", Store(home=tmp_path / "home")).folder == site.folder


@pytest.mark.parametrize(
    "name", ["", ".", "..", "a..b", "my site", "it's", 'a"b', ".hidden", "-f", "a;b", "x" * 65, "é"]
)
def test_invalid_site_name_is_rejected(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        lite.site_folder(name, Store(home=tmp_path))
    assert repr(name) in caught.value.what


def test_missing_site_error_shows_create_command(tmp_path: Path) -> None:
    with pytest.raises(SiteError) as caught:
        lite.find("nowhere", Store(home=tmp_path))
    assert "site create nowhere" in caught.value.fix
    (tmp_path / "foreign").mkdir()
    with pytest.raises(SiteError, match="No site found"):
        lite.find(str(tmp_path / "foreign"), Store(home=tmp_path))


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"schema": 2}', '{"schema": 1, "abi": "2026_0"}']
)
def test_broken_site_is_rejected(site: Site, text: str) -> None:
    (site.folder / lite.RECORD).write_text(text)
    with pytest.raises(SiteError, match="cannot be read"):
        lite.read_site(site.folder)


# Publishing


def test_publish_stores_wheel_by_hash_and_locks_it(site: Site, tmp_path: Path) -> None:
    tiny = tiny_wheel(tmp_path)
    done = publish_one(site, tiny, ["Attrs", "not-in-the-site"], ignore)
    entry = rows(site)["tiny"]
    assert entry["file_name"] == f"wheels/{tiny.sha256}/{tiny.path.name}"
    assert (site.lock.parent / entry["file_name"]).read_bytes() == tiny.path.read_bytes()
    assert entry["sha256"] == hashlib.sha256(tiny.path.read_bytes()).hexdigest()
    assert entry["imports"] == ["tiny"]
    assert entry["depends"] == ["attrs"]
    assert done.package.notebook == "try-tiny-1.0.ipynb"
    assert listed(site) == ["try-tiny-1.0.ipynb"]
    assert done.url.endswith("?path=try-tiny-1.0.ipynb")
    assert publish.list_packages(site) == [done.package]
    assert not list(site.folder.rglob(".*.whl*"))


def test_publish_replaces_damaged_wheel(site: Site, tmp_path: Path) -> None:
    tiny = tiny_wheel(tmp_path)
    publish_one(site, tiny, [], ignore)
    place = site.lock.parent / rows(site)["tiny"]["file_name"]
    place.write_bytes(b"x" * tiny.size)
    publish_one(site, tiny, [], ignore)
    assert place.read_bytes() == tiny.path.read_bytes()


def test_publish_updates_scripts_of_older_site(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    ours = [site.folder / "bootstrap.js", site.lock.parent / "kernel-start.mjs"]
    now = [path.read_bytes() for path in ours]
    for path in ours:
        path.write_text("// of an older version")
    site.private.path("own-files").write_text("of an older version")
    settings = site.folder / "jupyter-lite.json"
    settings.write_text(settings.read_text().replace("jupyter-wasmwheel", "renamed"))
    utils = site.folder / "config-utils.js"
    utils.write_text("import './page-start.js';\n// JupyterLite's own\n")
    old = [site.folder / "page-start.js", site.lock.parent / "reach.js"]
    for path in old:
        path.write_text("// under its earlier name")
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    assert utils.read_text() == "import './bootstrap.js';\n// JupyterLite's own\n"
    assert not any(path.exists() for path in old)
    assert [path.read_bytes() for path in ours] == now
    rows = json.loads(settings.read_text())["jupyter-config-data"]["federated_extensions"]
    assert [row["name"] for row in rows] == ["other", "renamed", "jupyter-wasmwheel"]


def test_publish_rejects_wheel_of_other_target(site: Site, tmp_path: Path) -> None:
    before = site.lock.read_bytes()
    tiny = tiny_wheel(tmp_path, tag="cp313-cp313-pyemscripten_2025_0_wasm32")
    with pytest.raises(SiteError) as caught:
        publish_one(site, tiny, [], ignore)
    assert "cp313-cp313-pyemscripten_2025_0_wasm32" in caught.value.why
    assert "cp314-cp314-pyemscripten_2026_0_wasm32" in caught.value.why
    assert site.lock.read_bytes() == before
    assert not list((site.lock.parent / "wheels").iterdir())
    assert listed(site) == []


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("py3-none-any", True),
        ("cp311-abi3-pyemscripten_2026_0_wasm32", True),
        ("py3-none-pyemscripten_2026_0_wasm32", True),
        ("cp313-cp313-pyemscripten_2026_0_wasm32", False),
        ("cp314-cp314-manylinux_2_28_x86_64", False),
        ("cp314-cp314t-pyemscripten_2026_0_wasm32", False),
    ],
)
def test_publish_accepts_only_compatible_tags(
    site: Site, tmp_path: Path, tag: str, fits: bool
) -> None:
    tiny = tiny_wheel(tmp_path, tag=tag)
    if fits:
        publish.require_target(site, tiny)
    else:
        with pytest.raises(SiteError):
            publish.require_target(site, tiny)


def test_replaced_wheel_is_kept_for_a_day(site: Site, tmp_path: Path) -> None:
    first = publish_one(site, tiny_wheel(tmp_path, body="a = 1\n"), [], ignore).package
    second = publish_one(site, tiny_wheel(tmp_path, body="a = 2\n"), [], ignore).package
    beside = site.lock.parent
    assert (beside / first.file_name).exists()
    assert (beside / second.file_name).exists()
    assert rows(site)["tiny"]["sha256"] == second.sha256 != first.sha256
    later = datetime.now().timestamp() + wheels.GRACE_S + 1
    wheels.sweep(lock.read(site.lock), site.package_root, now=later)
    assert not (beside / first.file_name).exists()
    assert (beside / second.file_name).exists()


def test_new_version_replaces_generated_notebook(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    publish_one(site, tiny_wheel(tmp_path, version="2.0"), [], ignore)
    assert listed(site) == ["try-tiny-2.0.ipynb"]
    assert [path.name for path in (site.folder / "files").iterdir()] == ["try-tiny-2.0.ipynb"]


def test_remove_restores_displaced_package(site: Site, tmp_path: Path) -> None:
    before = rows(site)
    for version in ("2026.1", "2026.2"):
        tiny = tiny_wheel(tmp_path, name="rpds_py", version=version)
        publish_one(site, tiny, [], ignore)
    assert rows(site)["rpds-py"]["version"] == "2026.2"
    gone = publish.remove(site, "Rpds.Py")
    assert gone.version == "2026.2"
    assert rows(site) == before
    assert publish.list_packages(site) == []
    assert listed(site) == []
    assert not (site.lock.parent / gone.file_name).exists()


def test_remove_deletes_dependencies_on_removed_package(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path, name="base"), [], ignore)
    publish_one(site, tiny_wheel(tmp_path, name="top"), ["base", "attrs"], ignore)
    publish.remove(site, "base")
    assert rows(site)["top"]["depends"] == ["attrs"]


@pytest.mark.parametrize("name", ["attrs", "nothing", "../../etc", "a b", 'a"b', ""])
def test_remove_rejects_unpublished_package(site: Site, name: str) -> None:
    before = rows(site)
    with pytest.raises(SiteError, match="is not published"):
        publish.remove(site, name)
    assert rows(site) == before


def test_concurrent_publishes_lose_nothing(site: Site, tmp_path: Path) -> None:
    made = [tiny_wheel(tmp_path, name=f"tiny{number}") for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda tiny: publish_one(site, tiny, [], ignore), made))
    assert len(publish.list_packages(site)) == len(listed(site)) == 12


@pytest.mark.parametrize(
    "file_name",
    [
        f"ti'ny-1.0-{TAG}.whl",
        f"ti ny-1.0-{TAG}.whl",
        f"tiny-1.0-{TAG}.'x'.whl",
        f"other-1.0-{TAG}.whl",
    ],
)
def test_publish_rejects_wheel_with_hostile_name(
    site: Site, tmp_path: Path, file_name: str
) -> None:
    before = site.lock.read_bytes()
    with pytest.raises(CheckError):
        publish_one(site, tiny_wheel(tmp_path, file_name=file_name), [], ignore)
    assert site.lock.read_bytes() == before


@pytest.mark.parametrize("name", ["../up", 'qu"ote', "a b", ".hidden"])
def test_publish_rejects_wheel_with_hostile_metadata_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(CheckError, match="is not a wheel"):
        tiny_wheel(tmp_path, name=name, file_name=f"tiny-1.0-{TAG}.whl")


# Notebooks


def test_generated_notebook_describes_and_imports_package(tmp_path: Path) -> None:
    tiny = tiny_wheel(
        tmp_path, name="rpds_py", version="2.0", metadata="Summary: Fast | <b>maps</b> *here*\n"
    )
    document = contents.notebook(tiny, "Rust 1.96.0", datetime(2026, 11, 22, tzinfo=UTC))
    about, show, yours = (cell["source"] for cell in document["cells"])
    assert about.startswith("# rpds-py 2.0\n")
    assert r"Fast \| \<b\>maps\</b\> \*here\*" in about
    assert "Built with Rust 1.96.0 and published on 22 November 2026." in about
    assert show.startswith("import rpds_py\n")
    ast.parse(show)
    ast.parse(yours)
    assert "%pip" not in show + yours


def test_bundled_notebook_uses_kernel_of_site(site: Site, tmp_path: Path) -> None:
    metadata = {"kernelspec": {"name": "python3"}, "authors": [{"name": "me"}]}
    own = {"cells": [], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    package = publish_one(site, tiny_wheel(tmp_path), [], ignore, notebook=own).package
    found = json.loads((site.folder / "files" / package.notebook).read_text())
    assert found["metadata"]["kernelspec"]["name"] == "python"
    assert found["metadata"]["authors"] == [{"name": "me"}]


def test_user_files_stay_in_listing(site: Site, tmp_path: Path) -> None:
    own = contents.with_notebooks(site.root, {"mine.ipynb": {"cells": []}}, datetime.now(UTC))
    site.root.replace(own)
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    publish.remove(site, "tiny")
    assert listed(site) == ["mine.ipynb"]


@pytest.mark.parametrize("text", ["", "[]", '{"content": [{}]}', '{"content": [{"name": 1}]}'])
def test_damaged_listing_blocks_publish_and_remove(site: Site, tmp_path: Path, text: str) -> None:
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    before = site.lock.read_bytes()
    (site.folder / contents.LISTING).write_text(text)
    with pytest.raises(SiteError, match="Invalid listing of notebooks"):
        publish_one(site, tiny_wheel(tmp_path, "other"), [], ignore)
    with pytest.raises(SiteError, match="Invalid listing of notebooks"):
        publish.remove(site, "tiny")
    assert site.lock.read_bytes() == before
    assert (site.folder / contents.LISTING).read_text() == text


def test_publish_extends_listing_of_jupyterlite(site: Site, tmp_path: Path) -> None:
    rows = [{"content": None, "name": "mine.md"}, {"content": None, "name": "yours.md"}]
    listing = {"content": rows, "name": "", "type": "directory"}
    (site.folder / contents.LISTING).write_text(json.dumps(listing, indent=2, sort_keys=True))
    for name in ("one", "other"):
        publish_one(site, tiny_wheel(tmp_path, name), [], ignore)
    assert listed(site) == ["mine.md", "yours.md", "try-one-1.0.ipynb", "try-other-1.0.ipynb"]


# Serving


@pytest.fixture
def root(site: Site) -> Iterator[str]:
    (site.folder / "index.html").write_text("<p>here</p>")
    with site_server.serving(site) as url:
        yield "/" + urlsplit(url).path.split("/")[1]


def ask(
    site: Site, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    connection = http.client.HTTPConnection(lite.HOST, site.port, timeout=10)
    spelled = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=spelled)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_server_requires_prefix(site: Site, root: str) -> None:
    response, body = ask(site, f"{root}/")
    assert (response.status, body) == (200, b"<p>here</p>")
    for path in ("/", "/index.html", f"{root}x/index.html", "/x" + root[2:] + "/index.html"):
        response, body = ask(site, path)
        assert response.status == 404
        assert site.prefix.encode() not in body


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "127.0.0.1:1", ""])
def test_server_rejects_foreign_host_header(site: Site, root: str, host: str) -> None:
    response, body = ask(site, f"{root}/index.html", Host=host)
    assert response.status in (400, 421)
    assert b"here" not in body


@pytest.mark.parametrize(
    "path",
    [
        ".wasmwheel/site.json",
        "%2ewasmwheel/site.json",
        "static/../.wasmwheel/site.json",
        "../secret",
        "%2e%2e/secret",
        "..%2fsecret",
        "..%5csecret",
        "//etc/passwd",
        "link/secret",
        "files/.hidden",
    ],
)
def test_server_hides_private_and_outside_files(
    site: Site, root: str, path: str, tmp_path: Path
) -> None:
    (tmp_path / "secret").write_text("secret")
    (site.folder / "files/.hidden").write_text("secret")
    os.symlink(tmp_path, site.folder / "link")
    response, body = ask(site, f"{root}/{path}")
    assert response.status in (403, 404)
    assert b"secret" not in body
    assert b"prefix" not in body


def test_server_headers_isolate_page_and_revalidate_lock(
    site: Site, root: str, tmp_path: Path
) -> None:
    done = publish_one(site, tiny_wheel(tmp_path), [], ignore)
    lock_path = f"{root}/static/pyodide/pyodide-lock.json"
    response, _ = ask(site, lock_path)
    for name, value in {
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Embedder-Policy": "require-corp",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-cache",
        "Content-Type": "application/json; charset=utf-8",
    }.items():
        assert response.headers[name] == value
    response, _ = ask(site, f"{root}/static/pyodide/{done.package.file_name}", "HEAD")
    assert response.status == 200
    assert "immutable" in response.headers["Cache-Control"]
    assert response.headers["Content-Length"] == str(done.package.size)


def test_pages_of_other_origins_can_read_only_packages(
    site: Site, root: str, tmp_path: Path
) -> None:
    package = publish_one(site, tiny_wheel(tmp_path)).package
    (site.folder / "static/pyodide/host-probe.js").write_text("")
    wheel = f"static/pyodide/{package.file_name}"
    shared = ["simple/", "simple/tiny/", "simple/tiny/index.json", wheel, f"{wheel}.metadata"]
    for path in (*shared, "static/pyodide/pyodide-lock.json"):
        response, _ = ask(site, f"{root}/{path}", Origin="https://elsewhere.example")
        assert response.status == 200, path
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert response.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Access-Control-Allow-Credentials" not in response.headers
    notebook = f"files/{package.notebook}"
    others = ["index.html", contents.LISTING, notebook, "proxy/hosts.json"]
    others += [f"simple/..%2f{notebook}", f"static/pyodide/..%2f..%2f{notebook}"]
    for path in others:
        response, _ = ask(site, f"{root}/{path}", Origin="https://elsewhere.example")
        assert response.status == 200, path
        assert "Access-Control-Allow-Origin" not in response.headers, path
        assert response.headers.get("Cross-Origin-Resource-Policy", "same-origin") == "same-origin"
    response, _ = ask(site, f"{root}/simple/", "OPTIONS", Origin="https://elsewhere.example")
    assert response.status == 405
    response, _ = ask(site, f"{root}/simple/tiny/index.json")
    assert response.headers["Content-Type"] == "application/vnd.pypi.simple.v1+json"


def test_server_shows_replaced_lock_at_once(site: Site, root: str, tmp_path: Path) -> None:
    path = f"{root}/static/pyodide/pyodide-lock.json"
    response, _ = ask(site, path)
    etag = response.headers["Etag"]
    assert ask(site, path, If_None_Match=etag)[0].status == 304
    publish_one(site, tiny_wheel(tmp_path), [], ignore)
    response, body = ask(site, path, If_None_Match=etag)
    assert response.status == 200
    assert "tiny" in json.loads(body)["packages"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.wasm", "application/wasm"),
        ("a.whl", "application/zip"),
        ("a.ipynb", "application/json; charset=utf-8"),
        ("a.unheard-of", "application/octet-stream"),
    ],
)
def test_server_content_types_ignore_system_settings(
    site: Site, root: str, name: str, kind: str
) -> None:
    (site.folder / "files" / name).write_bytes(b"0123456789")
    response, body = ask(site, f"{root}/files/{name}", Range="bytes=2-4")
    assert response.headers["Content-Type"] == kind
    assert (response.status, body) == (206, b"234")


def test_server_sends_compressed_file_until_replaced(site: Site, root: str) -> None:
    script = site.folder / "build/1.0123456.js"
    script.parent.mkdir()
    script.write_bytes(b"// of JupyterLite's own build\n" * 100)
    precompressed.add(site.folder)
    path = f"{root}/build/1.0123456.js"
    response, body = ask(site, path, Accept_Encoding="gzip, br")
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert "immutable" in response.headers["Cache-Control"]
    assert gzip.decompress(body) == script.read_bytes()
    response, body = ask(site, path)
    assert response.headers["Content-Encoding"] is None
    assert body == script.read_bytes()
    replace_file(script, b"// another")
    response, body = ask(site, path, Accept_Encoding="gzip, br")
    assert (response.headers["Content-Encoding"], body) == (None, b"// another")
    precompressed.form(script).unlink()
    precompressed.form(script).symlink_to("/etc/passwd")
    assert ask(site, path, Accept_Encoding="gzip")[1] == b"// another"


def test_server_reports_port_in_use(site: Site) -> None:
    with (
        socket.create_server((lite.HOST, site.port)),
        pytest.raises(SiteError, match=f"port {site.port} is in use"),
        site_server.serving(site),
    ):
        pass


def test_server_reports_address_of_running_server(site: Site, root: str) -> None:
    (site.folder / "jupyter-lite.json").write_text("{}")
    with (
        pytest.raises(SiteError, match="is already being served") as caught,
        site_server.serving(site),
    ):
        pass
    assert server.address(site) in caught.value.why


def test_server_stops_on_interrupt(site: Site) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from jupyter_wasmwheel.site import lite, server\n"
        "site = lite.read_site(Path(sys.argv[1]))\n"
        "server.serve(site, lambda url: print(url, flush=True))\n"
        "print('ended')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, site.folder], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline().strip() == server.address(site)
    process.send_signal(2)
    assert process.communicate(timeout=10)[0] == "ended\n"
    assert process.returncode == 0


# Making sites, with the real JupyterLite and Pyodide
