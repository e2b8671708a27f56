"""`jupyter wasmwheel site`: make JupyterLite sites, publish into them, and serve them."""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import pipeline
from ..index import Index
from ..runtime import node, targets
from ..site import addresses, bundle, lite, proxy, publish, server
from ..site.http_policy import POLICIES
from ..site.proxy import Proxy
from . import build
from .answer import Answer, Session, answer, size


def add(commands: Any, output: argparse.ArgumentParser) -> None:
    """Add the commands to the parser."""
    parser = commands.add_parser("site", help="make, fill and serve a JupyterLite site")
    actions = parser.add_subparsers(metavar="ACTION", dest="action", required=True)

    creating = actions.add_parser("create", parents=[output], help="make a site")
    creating.add_argument("site", metavar="NAME|DIR")
    creating.add_argument(
        "--target", metavar="ABI", default=targets.default_abi(), help="the ABI of its Pyodide"
    )
    creating.add_argument("--cdn", action="store_true", help="small: Pyodide comes from its CDN")
    creating.add_argument(
        "--with",
        action="append",
        default=[],
        metavar="PACKAGE",
        dest="packages",
        help="bring this package into it, with all that it requires; may be repeated",
    )
    creating.add_argument(
        "--http",
        choices=POLICIES,
        default=POLICIES[0],
        help="what goes through pyodide-http in its kernels",
    )
    creating.set_defaults(run=run_create)

    publishing = actions.add_parser("publish", parents=[output], help="put a wheel into a site")
    publishing.add_argument("site", metavar="NAME|DIR")
    publishing.add_argument("wheel", type=Path, metavar="WHEEL")
    build.add_limits(publishing)
    publishing.set_defaults(run=run_publish)

    removing = actions.add_parser("remove", parents=[output], help="take a package out of a site")
    removing.add_argument("site", metavar="NAME|DIR")
    removing.add_argument("name", metavar="NAME")
    removing.set_defaults(run=run_remove)

    listing = actions.add_parser("list", parents=[output], help="list sites, or what is in one")
    listing.add_argument("site", metavar="NAME|DIR", nargs="?")
    listing.set_defaults(run=run_list)

    bundling = actions.add_parser(
        "bundle", parents=[output], help="pack an offline site into a zip for any static host"
    )
    bundling.add_argument("site", metavar="NAME|DIR")
    bundling.add_argument("--out", type=Path, metavar="FILE.zip", help="SITE.zip, if not given")
    bundling.set_defaults(run=run_bundle)

    serving = actions.add_parser("serve", parents=[output], help="serve a site on its own origin")
    serving.add_argument("site", metavar="NAME|DIR")
    serving.add_argument(
        "--proxy",
        action="append",
        default=[],
        metavar="HOST",
        help="let notebooks read from a host that sends no CORS headers; may be repeated",
    )
    serving.set_defaults(run=run_serve)


def run_create(args: argparse.Namespace, session: Session) -> Answer:
    """Make a site."""
    target = targets.find(args.target)
    its_node = node.get(session.store, session.emit)
    site = lite.create(
        lite.place(args.site, session.store),
        target,
        session.store,
        its_node,
        Index(),
        session.emit,
        cdn=args.cdn,
        with_packages=args.packages,
        http=args.http,
    )
    text = (
        f"Made the site {site.folder} (Pyodide {site.pyodide}).\n"
        f"  Serve it: jupyter wasmwheel site serve {args.site}"
    )
    return answer(text, _row(site))


def run_publish(args: argparse.Namespace, session: Session) -> Answer:
    """Put a wheel into a site, once it has passed the checks."""
    site = lite.find(args.site, session.store)
    done = pipeline.publish_wheel(args.wheel, site, session.store, session.emit, session.limits)
    package = done.package
    text = f"{package.name} {package.version} is in the site {site.name}.\n  {done.url}"
    return answer(text, {"published": dataclasses.asdict(package), "url": done.url})


def run_remove(args: argparse.Namespace, session: Session) -> Answer:
    """Take a package out of a site."""
    site = lite.find(args.site, session.store)
    package = publish.remove(site, args.name, session.emit)
    text = f"{package.name} {package.version} is no longer in the site {site.name}."
    return answer(text, {"removed": dataclasses.asdict(package)})


def run_list(args: argparse.Namespace, session: Session) -> Answer:
    """List the sites of the store, or what is published in one."""
    if args.site is None:
        return _all_sites(session)
    site = lite.find(args.site, session.store)
    packages = publish.published(site)
    lines = [f"{each.name:<20} {each.version:<12} {size(each.size):>8}" for each in packages]
    text = "\n".join(lines) or f"Nothing is published in {site.name} yet."
    return answer(text, _row(site) | {"packages": [dataclasses.asdict(each) for each in packages]})


def _all_sites(session: Session) -> Answer:
    sites, damaged, lines = [], [], []
    for site in lite.check_sites(session.store):
        if isinstance(site, lite.Site):
            sites.append(_row(site))
            lines.append(f"{site.name:<20} Pyodide {site.pyodide:<16} {site.folder}")
        else:
            row = {"site": site.name, "folder": str(site.folder), "error": site.error.as_json()}
            damaged.append(row)
            lines.append(f"{site.name:<20} Damaged: {site.error.what} {site.error.why}")
    text = "\n".join(lines) or "There is no site yet: jupyter wasmwheel site create NAME"
    return answer(text, {"sites": sites, "damaged": damaged})


def run_bundle(args: argparse.Namespace, session: Session) -> Answer:
    """Pack a site into a zip."""
    site = lite.find(args.site, session.store)
    made = bundle.write(site, (args.out or Path(f"{site.name}.zip")).absolute(), session.emit)
    text = (
        f"Packed {made.files} files into {made.path} ({size(made.size)}).\n"
        f"  Unpack it anywhere; {site.name}/{bundle.README} in it says how it is served."
    )
    document = {"bundle": str(made.path), "size": made.size, "files": made.files}
    return answer(text, _row(site) | document)


def run_serve(args: argparse.Namespace, session: Session) -> Answer:
    """Serve a site until it is interrupted."""
    site = lite.find(args.site, session.store)
    serve(site, proxy_of(site, args.site, session, args.proxy))
    return answer("Stopped.", _row(site))


def proxy_of(site: lite.Site, called: str, session: Session, more: Sequence[str] = ()) -> Proxy:
    """What a site's server may fetch: what the settings say, and some hosts more."""
    command = shlex.join(["jupyter", "wasmwheel", "site", "serve", called])
    again = "".join(f" --proxy {each}" for each in more)
    return Proxy(
        hosts=proxy.parse([*session.proxy.get(site.name, []), *more]),
        allow=f"{command}{again} --proxy {proxy.ANOTHER}",
    )


def serve(site: lite.Site, its_proxy: Proxy, notebook: str | None = None) -> None:
    """Serve a site and say where, until an interruption, which is no error."""

    def ready(url: str) -> None:
        print(f"Serving {site.name} at\n\n  {addresses.address(site, notebook)}\n", flush=True)
        if its_proxy.hosts:
            print(f"Its notebooks may read from {', '.join(sorted(its_proxy.hosts))} through it.")
        print("Press Ctrl-C to stop.", flush=True)

    server.serve(site, ready, its_proxy)


def _row(site: lite.Site) -> dict[str, Any]:
    return {
        "site": site.name,
        "folder": str(site.folder),
        "target": site.abi,
        "pyodide": site.pyodide,
        "mode": site.mode,
        "url": addresses.address(site),
    }
