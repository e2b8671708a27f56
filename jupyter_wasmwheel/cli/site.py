"""`jupyter wasmwheel site`: create, fill and serve JupyterLite sites."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import Any

from msgspec import structs

from ..api.requests import BundleRequest, PublishRequest, SiteRequest
from ..jobs.execute import describe, execute
from ..site import bundle, lite, proxy, publish, server
from ..site.proxy import Proxy
from ..store import Store
from . import options
from .format import size
from .result import CliContext, CommandResult, result, with_text


def add(commands: Any) -> None:
    """Add the commands to the parser."""
    parser = commands.add_parser("site", help="create, fill and serve a JupyterLite site")
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)
    parser = options.add_command(actions, "create", run_create, "create a site")
    options.add_options(parser, SiteRequest)
    parser = options.add_command(actions, "publish", run_publish, "publish wheels to a site")
    options.add_options(parser, PublishRequest)
    options.add_limits(parser)
    parser = options.add_command(actions, "remove", run_remove, "remove a package from a site")
    parser.add_argument("site", metavar="NAME|DIR", help="site to remove it from")
    parser.add_argument("name", metavar="NAME", help="package to remove")
    parser = options.add_command(actions, "list", run_list, "list sites, or a site's packages")
    parser.add_argument("site", metavar="NAME|DIR", nargs="?", help="site to list packages of")
    parser = options.add_command(
        actions, "bundle", run_bundle, "pack an offline site into a zip for any static host"
    )
    options.add_options(parser, BundleRequest)
    parser = options.add_command(actions, "serve", run_serve, "serve a site on its own origin")
    parser.add_argument("site", metavar="NAME|DIR", help="site to serve")
    parser.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="HOST",
        help="host without CORS headers that notebooks may read from (repeatable)",
    )


def run_create(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Create a site."""
    outcome = execute(options.request_from(args, SiteRequest), context)
    site = outcome.document
    text = (
        f"Created the site {site['folder']} (Pyodide {site['pyodide']}).\n"
        f"  Serve it: jupyter wasmwheel site serve {args.site}"
    )
    return with_text(outcome, text)


def run_publish(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Publish wheels to a site."""
    outcome = execute(options.request_from(args, PublishRequest), context)
    package, url = outcome.document["published"], outcome.document["url"]
    text = f"Published {package['name']} {package['version']} to the site {args.site}.\n  {url}"
    return with_text(outcome, text)


def run_remove(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Remove a package from a site."""
    site = lite.find(args.site, context.store)
    package = publish.remove(site, args.name, context.emit)
    text = f"Removed {package.name} {package.version} from the site {site.name}."
    return result(text, {"removed": structs.asdict(package)})


def run_list(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """List the sites of the store, or the packages of one of them."""
    if args.site is None:
        return _list_sites(context.store)
    site = lite.find(args.site, context.store)
    packages = publish.list_packages(site)
    lines = [f"{each.name:<20} {each.version:<12} {size(each.size):>8}" for each in packages]
    text = "\n".join(lines) or f"No packages in {site.name} yet."
    rows = [structs.asdict(each) for each in packages]
    return result(text, describe(site) | {"packages": rows})


def _list_sites(store: Store) -> CommandResult:
    sites, damaged, lines = [], [], []
    for site in lite.check_sites(store):
        if isinstance(site, lite.Site):
            sites.append(describe(site))
            lines.append(f"{site.name:<20} Pyodide {site.pyodide:<16} {site.folder}")
        else:
            row = {"site": site.name, "folder": str(site.folder), "error": site.error.as_json()}
            damaged.append(row)
            lines.append(f"{site.name:<20} Damaged: {site.error.what} {site.error.why}")
    text = "\n".join(lines) or "No sites yet. Create one: jupyter wasmwheel site create NAME"
    return result(text, {"sites": sites, "damaged": damaged})


def run_bundle(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Pack a site into a zip."""
    outcome = execute(options.request_from(args, BundleRequest), context)
    packed = outcome.document
    text = (
        f"Packed {packed['files']} files into {packed['bundle']} ({size(packed['size'])}).\n"
        f"  Unpack it on any static host. {packed['site']}/{bundle.README} explains the rest."
    )
    return with_text(outcome, text)


def run_serve(args: argparse.Namespace, context: CliContext) -> CommandResult:
    """Serve a site until it is interrupted."""
    site = lite.find(args.site, context.store)
    serve(site, proxy_of(site, args.site, context, args.proxy))
    return result("Stopped.", describe(site))


def proxy_of(site: lite.Site, name: str, context: CliContext, more: Sequence[str] = ()) -> Proxy:
    """Return the proxy of a site's server, for the hosts in the settings and some more."""
    command = shlex.join(["jupyter", "wasmwheel", "site", "serve", name])
    given = "".join(f" --proxy {each}" for each in more)
    return Proxy(
        hosts=proxy.parse([*context.proxy.get(site.name, []), *more]),
        allow=f"{command}{given} --proxy {proxy.ANOTHER}",
    )


def serve(site: lite.Site, allowed: Proxy, url: str | None = None) -> None:
    """Print the address of a site, and serve it until it is interrupted."""

    def ready(default: str) -> None:
        print(f"Serving {site.name} at\n\n  {url or default}\n", flush=True)
        if allowed.hosts:
            print(f"Its notebooks may read from {', '.join(sorted(allowed.hosts))} through it.")
        print("Press Ctrl-C to stop.", flush=True)

    server.serve(site, ready, allowed)
