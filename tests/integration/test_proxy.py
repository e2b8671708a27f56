"""The proxy of a site, on the command line."""

from __future__ import annotations

from jupyter_wasmwheel.site.lite import Site
from tests.fixtures.commands import Command


def test_site_serve_rejects_invalid_proxy_host(wasmwheel: Command, site: Site) -> None:
    ran = wasmwheel("site", "serve", site.folder, "--proxy", "https://data.example.org")
    assert ran.status == 2
    assert "Invalid host 'https://data.example.org'" in ran.stderr
