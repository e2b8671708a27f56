"""Requests: what can be asked for, and the option on the command line that each field is.

A field's metadata is the only declaration of an option. The command line (cli/options.py), the
validation of a posted request, the forms of the panel and of the widget, and the reference in the
documentation are made from it.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal

import msgspec

from .errors import Extra, UsageError

#: The longest text, in characters, and the most entries of a list, that a request may hold.
MAX_LENGTH, MAX_ENTRIES = 4096, 256

#: What no text of a request contains: controls, halves of surrogate pairs, marks of direction. A
#: lookahead, because `$` also matches before a line end in Python.
_PRINTABLE = r"^(?![\s\S]*[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff])"

Profile = Literal["release", "draft"]
Linker = Literal["auto", "wasm-ld", "emcc"]
HttpPolicy = Literal["urllib", "all", "off"]

Text = Annotated[str, msgspec.Meta(max_length=MAX_LENGTH, pattern=_PRINTABLE)]
Entry = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LENGTH, pattern=_PRINTABLE)]
Entries = Annotated[tuple[Entry, ...], msgspec.Meta(max_length=MAX_ENTRIES)]


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """How a field appears on the command line and in forms.

    `help` is a phrase; `label` is its name in a form, empty where a form does not show it. `flags`
    are the option's spellings, `metavar` is the word for its value; a field without flags is a
    positional argument. `placeholder` is an example value for a form's field.
    """

    help: str
    label: str = ""
    flags: tuple[str, ...] = ()
    metavar: str = ""
    placeholder: str = ""


def option(
    *flags: str, help: str, label: str = "", metavar: str = "", placeholder: str = ""
) -> msgspec.Meta:
    """Return the metadata of a request's field; without flags it is a positional argument."""
    declared = Option(help=help, label=label, flags=flags, metavar=metavar, placeholder=placeholder)
    shown = {"x-flags": list(flags), "x-metavar": metavar, "x-placeholder": placeholder}
    return msgspec.Meta(
        title=label or None,
        description=help,
        extra={"option": declared},
        extra_json_schema={key: value for key, value in shown.items() if value},
    )


class _Request(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    """A request: a JSON object whose `kind` says what is asked for."""


class SourceRequest(_Request, frozen=True, kw_only=True):
    """A source, and how it is built."""

    source: Annotated[
        Text,
        option(metavar="SOURCE", help="a folder, an sdist, pypi:NAME[==VERSION] or git+URL"),
    ]
    target: Annotated[
        Text | None,
        option("--target", metavar="ABI", help="ABI to build for, for example 2026_0"),
    ] = None
    profile: Annotated[
        Profile,
        option(
            "--profile",
            help="how to compile: draft builds quickly, release is smaller and faster to run",
        ),
    ] = "release"
    linker: Annotated[
        Linker,
        option(
            "--linker",
            label="Linker",
            help="program that links the module; auto selects wasm-ld where it is available",
        ),
    ] = "auto"
    features: Annotated[
        Entries,
        option(
            "--features",
            label="Features",
            metavar="FEATURE",
            placeholder="none",
            help="feature of the crate to enable (repeatable)",
        ),
    ] = ()
    no_default_features: Annotated[
        bool,
        option(
            "--no-default-features",
            label="No default features",
            help="disable the default features of the crate",
        ),
    ] = False
    cargo_args: Annotated[
        Entries,
        option(
            "--cargo-arg",
            label="Cargo arguments",
            metavar="ARG",
            placeholder="--locked",
            help="extra argument to pass to cargo (repeatable)",
        ),
    ] = ()
    ignore_lock: Annotated[
        bool,
        option(
            "--ignore-lock",
            label="Ignore Cargo.lock",
            help="ignore Cargo.lock and let cargo select the versions of all crates",
        ),
    ] = False
    make_optional: Annotated[
        Entries,
        option(
            "--make-optional",
            label="Make optional",
            metavar="NAME",
            placeholder="none",
            help="build with this requirement as an extra (repeatable)",
        ),
    ] = ()
    recipe: Annotated[
        Text,
        option(
            "--recipe",
            label="Recipe",
            metavar="auto|none|FILE",
            placeholder="recipes/mine.toml",
            help="recipe to apply; auto selects the bundled one for the package, if there is one",
        ),
    ] = "auto"
    with_dependencies: Annotated[
        bool,
        option(
            "--with-dependencies",
            label="Build dependencies",
            help="also build dependencies that have no Pyodide wheel",
        ),
    ] = False
    no_cache: Annotated[
        bool,
        option("--no-cache", label="Ignore cached wheels", help="ignore cached wheels"),
    ] = False
    offline: Annotated[
        bool,
        option(
            "--offline",
            label="Offline",
            help="do not access the network, and run the build without network access",
        ),
    ] = False


class BuildRequest(SourceRequest, frozen=True, kw_only=True, tag="build"):
    """Build a wheel, check it, and publish it where a site is named."""

    site: Annotated[
        Text | None,
        option("--site", metavar="NAME|DIR", help="site to publish the wheel to"),
    ] = None
    no_smoke: Annotated[
        bool,
        option("--no-smoke", help="do not import the wheel in Pyodide"),
    ] = False


class TestRequest(SourceRequest, frozen=True, kw_only=True, tag="test"):
    """Build a wheel and run the project's own tests with it."""

    select: Annotated[
        Text | None,
        option(
            "-k",
            "--select",
            metavar="EXPRESSION",
            help="run only the tests that match, as with pytest -k",
        ),
    ] = None
    timeout: Annotated[
        float,
        msgspec.Meta(gt=0, le=86_400),
        option("--timeout", metavar="SECONDS", help="time limit for each test, in seconds"),
    ] = 60.0


class InstallRequest(_Request, frozen=True, kw_only=True, tag="install"):
    """Install what is missing to build with, or only the extras that are named."""

    extras: Annotated[
        tuple[Extra, ...],
        msgspec.Meta(max_length=MAX_ENTRIES),
        option(
            "--fix",
            metavar="EXTRA",
            help="install what is missing and does not need root; with EXTRA, only that: "
            "emscripten (to compile C and C++), nightly (Rust, for projects that require it), "
            "seeds (precompiled crates, for quick first builds)",
        ),
    ] = ()
    target: Annotated[
        Text | None,
        option("--target", metavar="ABI", help="ABI to build for, for example 2026_0"),
    ] = None


class SiteRequest(_Request, frozen=True, kw_only=True, tag="site"):
    """Create a JupyterLite site."""

    site: Annotated[Text, option(metavar="NAME|DIR", help="name of the new site, or its folder")]
    target: Annotated[
        Text | None,
        option("--target", metavar="ABI", help="ABI of its Pyodide, for example 2026_0"),
    ] = None
    cdn: Annotated[
        bool, option("--cdn", help="load Pyodide from its CDN instead of copying it to the site")
    ] = False
    packages: Annotated[
        Entries,
        option(
            "--with",
            metavar="PACKAGE",
            help="add this package and what it requires to the site (repeatable)",
        ),
    ] = msgspec.field(name="with", default=())
    http: Annotated[
        HttpPolicy,
        option("--http", help="which HTTP clients pyodide-http patches in its kernels"),
    ] = "urllib"


class BundleRequest(_Request, frozen=True, kw_only=True, tag="bundle"):
    """Pack an offline site into a zip for any static host."""

    site: Annotated[Text, option(metavar="NAME|DIR", help="site to pack")]
    out: Annotated[
        Text | None,
        option("--out", metavar="FILE.zip", help="file to write (default: SITE.zip)"),
    ] = None


class PublishRequest(_Request, frozen=True, kw_only=True, tag="publish"):
    """Check wheels that were built elsewhere, and publish them to a site, all or nothing.

    The wheels come in the order of their needs: a dependency before the package that needs it.
    """

    site: Annotated[Text, option(metavar="NAME|DIR", help="site to publish to")]
    wheels: Annotated[Entries, option(metavar="WHEEL", help="wheel to publish")]


class EditsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Preview what a build changes in a source."""

    source: Text
    target: Text | None = None
    make_optional: Entries = ()
    recipe: Text = "auto"


class StarterRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Create a starter crate."""

    name: Text
    template: Text = ""
    folder: Text = ""


#: The kinds of requests that a job can be.
JobRequest = (
    BuildRequest | TestRequest | InstallRequest | SiteRequest | BundleRequest | PublishRequest
)

#: Those that a client may post.
PostedRequest = BuildRequest | TestRequest | InstallRequest | SiteRequest | BundleRequest


@cache
def options(request: type[msgspec.Struct]) -> Mapping[str, Option]:
    """Return the options of a kind of request by the names of their fields, in order."""
    hints = typing.get_type_hints(request, include_extras=True)
    return {
        name: meta.extra["option"]
        for name in request.__struct_fields__
        for meta in _metadata(hints[name])
        if meta.extra and "option" in meta.extra
    }


def _metadata(hint: Any) -> Iterator[msgspec.Meta]:
    if typing.get_origin(hint) is Annotated:
        yield from (each for each in hint.__metadata__ if isinstance(each, msgspec.Meta))


def changed(request: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a posted request with the changes of a Retry: lists are appended, others replaced."""
    return dict(request) | {
        key: [*(request.get(key) or ()), *value] if isinstance(value, list | tuple) else value
        for key, value in changes.items()
    }


def parse(body: object, kind: Any) -> Any:
    """Return the request that a posted JSON object is, of a struct or a union of structs.

    A field that is null counts as not given. A UsageError where the object is invalid.
    """
    if not isinstance(body, dict):
        raise UsageError(
            "Invalid request: expected a JSON object.",
            f"Got {type(body).__name__}.",
            'Post an object, for example {"kind": "build", "source": "my-package"}.',
            code="request.not-an-object",
        )
    given = {key: value for key, value in body.items() if value is not None}
    try:
        return msgspec.convert(given, kind, strict=True)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        field = place.strip("`").removeprefix("$").removeprefix(".")
        if "matching regex" in message:
            message = "Expected a text without control characters"
        raise UsageError(
            f"Invalid request: {field}: {message}." if field else f"Invalid request: {message}.",
            "The fields of each kind of request are in schema.json and in the documentation.",
            "Correct the field, or omit it.",
            code="request.invalid",
        ) from error
