"""What to paste into other front ends: filled in, and with nothing that ends a text early."""

from __future__ import annotations

import json
import typing
from pathlib import Path

import pytest

from jupyter_wasmwheel.api.errors import SiteError, UsageError
from jupyter_wasmwheel.api.requests import FrontEnd
from jupyter_wasmwheel.site import addresses, snippets
from jupyter_wasmwheel.site.lite import Site
from tests.fixtures.site_factory import publish_one, tiny_wheel


def texts(site: Site, name: str, url: str | None = None) -> dict[str, str]:
    return {each.front_end: each.text for each in snippets.list_snippets(site, name, url)}


def test_there_is_a_snippet_for_each_front_end(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path, "Tiny_Package"))
    found = texts(site, "tiny.package")
    assert tuple(found) == typing.get_args(FrontEnd)
    root = addresses.root(site)
    for front_end, text in found.items():
        assert "import Tiny_Package" in text
        assert '"tiny-package"' in text
        assert root in text
        assert "$" not in text, front_end
    assert f'index_urls=["{root}/simple", "PYPI"]' in found["marimo"]
    assert f'"{root}/static/pyodide/pyodide-lock.json"' in found["html"]
    assert found["html"] in found["quarto"]


def test_address_of_a_copy_is_used(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path))
    for url in ("https://example.org/lab", "https://example.org/lab/"):
        for text in texts(site, "tiny", url).values():
            assert "https://example.org/lab/s" in text
            assert site.prefix not in text


@pytest.mark.parametrize(
    "url",
    [
        *("", "example.org", "javascript:alert(1)", "https://x y", "https://x\n", "https://x?a"),
        *('https://x"', "https://x'", "https://x<", "https://x`", "https://$name"),
    ],
)
def test_address_with_other_characters_is_rejected(site: Site, tmp_path: Path, url: str) -> None:
    publish_one(site, tiny_wheel(tmp_path))
    with pytest.raises(UsageError) as caught:
        snippets.list_snippets(site, "tiny", url)
    assert caught.value.info.code == "snippet.invalid-url"


def test_imports_of_an_untrusted_lock_cannot_add_code(site: Site, tmp_path: Path) -> None:
    publish_one(site, tiny_wheel(tmp_path))
    lock = json.loads(site.lock.read_text())
    lock["packages"]["tiny"]["imports"] = ["tiny`);alert(1);(`", "tiny;alert"]
    site.lock.write_text(json.dumps(lock))
    for text in texts(site, "tiny").values():
        assert "alert" not in text
        assert "import tiny\n" in text


@pytest.mark.parametrize("name", ["attrs", "missing"])
def test_only_published_packages_have_snippets(site: Site, name: str) -> None:
    with pytest.raises(SiteError) as caught:
        snippets.list_snippets(site, name)
    assert caught.value.info.code == "publish.not-published"
