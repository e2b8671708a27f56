"""`jupyter wasmwheel snippet`: print what uses a package of a site in another front end."""

from __future__ import annotations

import argparse
from typing import Any

import msgspec

from ..api.errors import SiteError, UsageError
from ..api.requests import SnippetRequest
from ..site import lite, publish, snippets
from ..site.lite import Site
from ..store import Store
from . import options
from .result import CliContext, CommandResult, result


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser = options.add_command(
        commands, "snippet", run, "print what to paste into another front end to use a package"
    )
    options.add_options(parser, SnippetRequest)


def run(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Print the text for a front end."""
    request = options.request_from(args, SnippetRequest)
    store = context.store
    site = lite.find(request.site, store) if request.site else _site_with(request.name, store)
    found = snippets.list_snippets(site, request.name, request.url)
    (snippet,) = (each for each in found if each.front_end == request.front_end)
    return result(snippet.text.rstrip("\n"), {"site": site.name, **msgspec.to_builtins(snippet)})


def _site_with(name: str, store: Store) -> Site:
    """Return the only site in the store that has a package."""
    having = [site for site in lite.list_sites(store) if publish.has_published(site, name)]
    if not having:
        raise SiteError(
            f"No site has the package {name}.",
            "It is not published to a site in the store.",
            f"Publish it with `jupyter wasmwheel build {name} --site SITE`, or use --site.",
            code="snippet.no-site",
        )
    if len(having) > 1:
        raise UsageError(
            f"More than one site has the package {name}.",
            f"These sites have it: {', '.join(site.name for site in having)}.",
            "Choose one with --site.",
            code="snippet.several-sites",
        )
    return having[0]
