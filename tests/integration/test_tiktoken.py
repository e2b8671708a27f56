"""tiktoken in a notebook: it fetches its ranks over HTTP from its own address.

A local server with a test certificate stands in for that host; the browser and the site's server
resolve the host's name to it, so that tiktoken's code and this package's stay unchanged.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from jupyter_wasmwheel.api.events import ignore
from jupyter_wasmwheel.pipeline import publish_wheels
from jupyter_wasmwheel.runtime import lock, node, targets
from jupyter_wasmwheel.site import lite
from jupyter_wasmwheel.store import Store
from tests.fixtures.browser import Tab, browser, open_notebook
from tests.fixtures.commands import Command
from tests.fixtures.cross_origin_server import CrossOriginServer, cross_origin_server
from tests.fixtures.notebooks import create_site_with
from tests.fixtures.site_server import serving

#: The address of tiktoken's ranks, and their checksum.
HOST, PATH = "openaipublic.blob.core.windows.net", "/encodings/cl100k_base.tiktoken"
SHA256 = "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"

#: A package with the same ranks in another form, for where that host is unreachable.
PACKAGE = "js-tiktoken@1.0.21"
INTEGRITY = (
    "sha512-biOj/6M5qdgx5TKjDnFT1ymSpM5tbd3ylwDtrQvFQSu0Z7bBYko2dF+W"
    "/aUkXUPuk6IVpRxk/3Q2sHOzGlS36g=="
)

#: Runs here and in a cell: print a hash of 1,000 encoded lines, and decode them.
ENCODING = """
import hashlib, json, random, tiktoken
encoding = tiktoken.get_encoding("cl100k_base")
drawn = random.Random(7)
letters = "abc defgh ijklm  nop\\tqrs tuvwxyz äöüßéñ漢字😀 0123456789 .,;!?'"
lines = ["".join(drawn.choices(letters, k=drawn.randrange(90))) for _ in range(1000)]
tokens = [encoding.encode(line) for line in lines]
assert [encoding.decode(each) for each in tokens] == lines
print(hashlib.sha256(json.dumps(tokens).encode()).hexdigest())
"""

#: Write the ranks to the file where tiktoken looks before it requests them.
IN_A_FILE = f"""
import hashlib, os, pathlib
from pyodide.http import pyfetch
os.environ["TIKTOKEN_CACHE_DIR"] = "/tmp"
name = hashlib.sha1(b"https://{HOST}{PATH}").hexdigest()
pathlib.Path("/tmp", name).write_bytes(await (await pyfetch("ADDRESS")).bytes())
"""

#: A second cell, which fetches the ranks without `requests`.
BY_URLLIB = f"""
import hashlib, urllib.request
ranks = urllib.request.urlopen("https://{HOST}{PATH}").read()
print(hashlib.sha256(ranks).hexdigest())
"""

#: A site's server as the command runs it, but with the host's name at a local port.
SERVING = """
import sys
from pathlib import Path
from tornado.netutil import DefaultLoopResolver, OverrideResolver
from jupyter_wasmwheel.site import lite, proxy, server
folder, host, port, *hosts = sys.argv[1:]
mapping = {(host, 443): ("127.0.0.1", int(port))}
names = OverrideResolver(resolver=DefaultLoopResolver(), mapping=mapping)
site_proxy = proxy.Proxy(hosts=proxy.parse(hosts), allow="--proxy {}", names=names)
server.serve(lite.read_site(Path(folder)), lambda url: print(url, flush=True), site_proxy)
"""


def ranks(store: Store, folder: Path) -> bytes:
    """Return the real ranks: lines of a first rank and the tokens that follow."""
    folder.mkdir()
    node.fetch_npm_package(node.ensure_node(store, ignore), PACKAGE, INTEGRITY, folder)
    text = (folder / "dist/ranks/cl100k_base.js").read_text().strip()
    rows = json.loads(text.removeprefix("export default ").removesuffix(";"))["bpe_ranks"]
    lines = []
    for row in rows.split("\n"):
        _, first, *tokens = row.split(" ")
        lines += [f"{token} {rank}\n" for rank, token in enumerate(tokens, int(first))]
    found = "".join(lines).encode()
    assert hashlib.sha256(found).hexdigest() == SHA256
    return found


def run_natively(version: str, found: bytes, folder: Path) -> str:
    """Return the native wheel's answers, with the ranks in tiktoken's cache."""
    cache = folder / "cache"
    cache.mkdir(parents=True)
    (cache / hashlib.sha1(f"https://{HOST}{PATH}".encode()).hexdigest()).write_bytes(found)
    install = [sys.executable, "-m", "pip", "install", "-q", "--target", str(folder / "packages")]
    subprocess.run([*install, f"tiktoken=={version}"], check=True)
    added = {"TIKTOKEN_CACHE_DIR": str(cache), "PYTHONPATH": str(folder / "packages")}
    done = subprocess.run(
        [sys.executable, "-c", ENCODING],
        env=os.environ | added,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@contextmanager
def opened(
    site: Path, url: str, other: CrossOriginServer, authority: Path, profile: Path, *hosts: str
) -> Iterator[Tab]:
    """Open a notebook of the site with the local server as the host of the ranks."""
    arguments = [str(site), HOST, str(other.port), *hosts]
    serving = subprocess.Popen(
        [sys.executable, "-c", SERVING, *arguments],
        env=os.environ | {"SSL_CERT_FILE": str(authority)},
        stdout=subprocess.PIPE,
        text=True,
    )
    flags = [
        f"--host-resolver-rules=MAP {HOST}:443 127.0.0.1:{other.port}",
        "--ignore-certificate-errors",
    ]
    try:
        assert serving.stdout
        assert serving.stdout.readline().startswith(f"http://{lite.HOST}:")
        with browser(profile, *flags) as context:
            yield open_notebook(context, url)
    finally:
        serving.terminate()
        serving.communicate()


@pytest.fixture(scope="module")
def built(
    wasmwheel: Command, store: Store, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Build tiktoken without a requirement of `requests`; return the report.

    Its recipe ships the ranks with the site where their host can be reached; here they are fetched.
    """
    folder = tmp_path_factory.mktemp("tiktoken")
    site = create_site_with(folder / "site", store, targets.default_abi())
    build = ["build", "pypi:tiktoken", "--with-dependencies", "--recipe", "none", "--json"]
    ran = wasmwheel(
        *(*build, "--make-optional", "requests", "--site", site.folder, "--out", folder / "dist")
    )
    assert ran.status == 0, ran.stderr
    return ran.document


@pytest.fixture(scope="module")
def found(store: Store, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the real ranks."""
    return ranks(store, tmp_path_factory.mktemp("ranks") / "js-tiktoken")


@pytest.fixture(scope="module")
def expected(built: dict[str, Any], found: bytes, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the native wheel's answers."""
    return run_natively(built["version"], found, tmp_path_factory.mktemp("native") / "it")


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_tiktoken_works_without_requests(
    built: dict[str, Any], store: Store, found: bytes, expected: str, tmp_path: Path
) -> None:
    site = create_site_with(tmp_path / "site", store, targets.default_abi())
    lock.read(site.lock).without("requests").write(site.lock)
    (regex,) = built["built_along"]
    wheels = [Path(regex["wheel"]), Path(built["wheel"])]
    *_, published = publish_wheels(wheels, site, store, ignore)
    (site.folder / "ranks").write_bytes(found)
    with serving(site), browser(tmp_path / "profile") as context:
        tab = open_notebook(context, published.url)
        assert "Encoding" in tab.run(0)
        assert "No module named 'requests'" in tab.run(1, "import requests")
        kept = IN_A_FILE.replace("ADDRESS", f"{published.url.partition('/notebooks/')[0]}/ranks")
        assert tab.run(1, f"{kept}{ENCODING}").strip() == expected.strip()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_tiktoken_ranks_are_fetched_with_cors_or_proxy(
    built: dict[str, Any], found: bytes, expected: str, tmp_path: Path
) -> None:
    site, url = Path(built["published"]["site"]), built["published"]["url"]
    authority, certificate = tmp_path / "authority.pem", tmp_path / "certificate.pem"
    its_authority = trustme.CA()
    its_authority.cert_pem.write_to_path(authority)
    its_authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(certificate)

    with cross_origin_server(certificate, Access_Control_Allow_Origin="*") as other:
        other.files[PATH] = found
        with opened(site, url, other, authority, tmp_path / "1") as tab:
            assert tab.run(1, ENCODING).strip() == expected.strip()
            assert tab.run(1, BY_URLLIB).strip() == SHA256
        assert [(path, "origin" in seen) for _, path, seen in other.requests] == [(PATH, True)] * 2

    with cross_origin_server(certificate) as other:
        other.files[PATH] = found
        with opened(site, url, other, authority, tmp_path / "2") as tab:
            for code, kind in ((ENCODING, "ConnectionError: "), (BY_URLLIB, "URLError: ")):
                last = tab.run(1, code).strip().splitlines()[-1]
                assert last.startswith(kind)
                assert f"{HOST} answers, but sends no CORS headers" in last
                assert f"--proxy {HOST}" in last

    with cross_origin_server(certificate) as other:
        other.files[PATH] = found
        hosts = (HOST, other.host)
        with opened(site, url, other, authority, tmp_path / "3", *hosts) as tab:
            assert tab.run(1, ENCODING).strip() == expected.strip()
            assert tab.run(1, BY_URLLIB).strip() == SHA256
        assert {seen["user-agent"] for _, _, seen in other.requests} == {"jupyter-wasmwheel"}
        assert [path for _, path, _ in other.requests] == [PATH] * 2
