"""Requests, and the command-line options of their fields.

A field's metadata is the only declaration of an option: the command line (cli/options.py), the
validation of posted requests, the forms of the panel and the widget, and the reference in the
documentation are generated from it.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal

import msgspec

from .errors import Extra, UsageError

#: The longest text, in characters, and the most entries of a list in a request.
MAX_LENGTH, MAX_ENTRIES = 4096, 256

#: Refuses control characters, surrogates and marks of writing direction. It is a lookahead,
#: because `$` also matches before a line end in Python.
_PRINTABLE = r"^(?![\s\S]*[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff])"

Profile = Literal["release", "draft", "fast", "small"]
Linker = Literal["auto", "wasm-ld", "emcc"]
HttpPolicy = Literal["urllib", "all", "off"]
FrontEnd = Literal["html", "pyscript", "marimo", "jupyterlite", "quarto"]

Text = Annotated[str, msgspec.Meta(max_length=MAX_LENGTH, pattern=_PRINTABLE)]
Entry = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LENGTH, pattern=_PRINTABLE)]
Entries = Annotated[tuple[Entry, ...], msgspec.Meta(max_length=MAX_ENTRIES)]


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A field on the command line and in forms.

    A field without `flags` is a positional argument; `metavar` stands for the value. A text with a
    `separator` can be given in parts, by repeating the option. Forms show fields that have a
    `label`, with `placeholder` as an example value.
    """

    help: str
    label: str = ""
    flags: tuple[str, ...] = ()
    metavar: str = ""
    placeholder: str = ""
    separator: str = ""


def option(*flags: str, **settings: str) -> msgspec.Meta:
    """Return the metadata of a request's field."""
    declared = Option(flags=flags, **settings)
    placeholder = declared.placeholder
    shown = {"x-flags": list(flags), "x-metavar": declared.metavar, "x-placeholder": placeholder}
    return msgspec.Meta(
        title=declared.label or None,
        description=declared.help,
        extra={"option": declared},
        extra_json_schema={key: value for key, value in shown.items() if value},
    )


Target = Annotated[
    Text | None, option("--target", metavar="ABI", help="ABI of Pyodide, for example 2026_0")
]


class _Request(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    """A request: a JSON object with a `kind`."""


class SourceRequest(_Request, frozen=True, kw_only=True):
    """A source, and the options of its build."""

    source: Annotated[
        Text, option(metavar="SOURCE", help="a folder, an sdist, pypi:NAME[==VERSION] or git+URL")
    ]
    target: Target = None
    profile: Annotated[
        Profile,
        option(
            "--profile",
            help="build profile: draft compiles quickly, release is smaller and runs faster, fast "
            "also uses SIMD, small is the smallest",
        ),
    ] = "release"
    rust: Annotated[
        Entry,
        option(
            "--rust",
            label="Rust",
            metavar="CHANNEL|system|auto",
            placeholder="nightly",
            help="Rust to build with: a channel of rustup such as 1.96, the system's, or with auto "
            "the best on this machine; project, the default, reads the rust-toolchain file",
        ),
    ] = "project"
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
    config_settings: Annotated[
        Entries,
        option(
            "-C",
            "--config-setting",
            metavar="KEY[=VALUE]",
            help="setting for the project's build backend, as with pip's -C (repeatable)",
        ),
    ] = ()
    ignore_lock: Annotated[
        bool,
        option(
            "--ignore-lock",
            label="Ignore Cargo.lock",
            help="let cargo replace the versions in Cargo.lock that the registry lacks or Rust no "
            "longer compiles",
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
        bool, option("--no-cache", label="Ignore cached wheels", help="ignore cached wheels")
    ] = False
    offline: Annotated[
        bool,
        option(
            "--offline",
            label="Offline",
            help="do not access the network, and run the build without network access",
        ),
    ] = False
    allow_network: Annotated[
        bool,
        option(
            "--allow-network",
            label="Allow network",
            help="let the code of the package use the network where it is confined",
        ),
    ] = False


class BuildRequest(SourceRequest, frozen=True, kw_only=True, tag="build"):
    """Build a wheel, check it, and publish it if a site is named.

    `target` can be several ABIs separated by commas, or `all`.
    """

    target: Annotated[
        Text | None,
        option(
            "--target",
            metavar="ABI|all",
            help="ABI of Pyodide, for example 2026_0 (repeatable), or all",
            separator=",",
        ),
    ] = None
    site: Annotated[
        Text | None, option("--site", metavar="NAME|DIR", help="site to publish the wheel to")
    ] = None
    no_smoke: Annotated[
        bool, option("--no-import", "--no-smoke", help="do not import the wheel in Pyodide")
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
    """Install these extras, or else all missing required parts of the toolchain."""

    extras: Annotated[
        tuple[Extra, ...],
        msgspec.Meta(max_length=MAX_ENTRIES),
        option(
            "--fix",
            metavar="EXTRA",
            help="install the missing parts that do not require root; with EXTRA, only that: "
            "emscripten (to compile C and C++), nightly (Rust, for projects that require it), "
            "seeds (precompiled crates, for quick first builds)",
        ),
    ] = ()
    target: Target = None


class SiteRequest(_Request, frozen=True, kw_only=True, tag="site"):
    """Create a JupyterLite site."""

    site: Annotated[Text, option(metavar="NAME|DIR", help="name of the new site, or its folder")]
    target: Target = None
    cdn: Annotated[
        bool, option("--cdn", help="load Pyodide from its CDN instead of copying it to the site")
    ] = False
    packages: Annotated[
        Entries,
        option(
            "--with",
            metavar="PACKAGE",
            help="package to add to the site, with its requirements (repeatable)",
        ),
    ] = msgspec.field(name="with", default=())
    http: Annotated[
        HttpPolicy,
        option("--http", help="HTTP clients that pyodide-http patches in the site's kernels"),
    ] = "urllib"


class BundleRequest(_Request, frozen=True, kw_only=True, tag="bundle"):
    """Pack an offline site into a ZIP file for any static host."""

    site: Annotated[Text, option(metavar="NAME|DIR", help="site to pack")]
    out: Annotated[
        Text | None, option("--out", metavar="FILE.zip", help="file to write (default: SITE.zip)")
    ] = None


class PublishRequest(_Request, frozen=True, kw_only=True, tag="publish"):
    """Check wheels that were built elsewhere, and publish all of them to a site, or none.

    A dependency comes before the package that requires it.
    """

    site: Annotated[Text, option(metavar="NAME|DIR", help="site to publish to")]
    wheels: Annotated[Entries, option(metavar="WHEEL", help="wheel to publish")]


class SnippetRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Show what to paste into a front end to use a package of a site."""

    name: Annotated[Text, option(metavar="NAME", help="package that is published to a site")]
    front_end: Annotated[FrontEnd, option("--for", help="front end to use it in")] = "html"
    site: Annotated[
        Text | None,
        option(
            "--site",
            metavar="NAME|DIR",
            help="site that has the package; needed only if several have it",
        ),
    ] = None
    url: Annotated[
        Text | None,
        option(
            "--url",
            metavar="URL",
            help="address of a copy of the site, for example on GitHub Pages (default: the address "
            "of `site serve`)",
        ),
    ] = None


class EditsRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Preview the changes that a build makes to a source."""

    source: Text
    target: Text | None = None
    make_optional: Entries = ()
    recipe: Text = "auto"


class StarterRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Create a starter crate."""

    name: Text
    template: Text = ""
    folder: Text = ""


#: The requests that a job can run.
JobRequest = (
    BuildRequest | TestRequest | InstallRequest | SiteRequest | BundleRequest | PublishRequest
)

#: The requests that a client can post.
PostedRequest = BuildRequest | TestRequest | InstallRequest | SiteRequest | BundleRequest


@cache
def options(request: type[msgspec.Struct]) -> Mapping[str, Option]:
    """Return the options of a kind of request by the names of its fields, in order."""
    hints = typing.get_type_hints(request, include_extras=True)
    return {
        name: meta.extra["option"]
        for name in request.__struct_fields__
        for meta in getattr(hints[name], "__metadata__", ())
        if meta.extra and "option" in meta.extra
    }


def changed(request: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return a posted request with the changes of a Retry."""
    return dict(request) | {
        key: [*(request.get(key) or ()), *value] if isinstance(value, list | tuple) else value
        for key, value in changes.items()
    }


def parse(body: object, kind: Any) -> Any:
    """Decode a posted JSON object as a struct or a union of structs; null counts as omitted.

    A UsageError if the object is invalid.
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
    except (msgspec.ValidationError, UnicodeEncodeError) as error:
        message, _, place = str(error).partition(" - at ")
        field = place.strip("`").removeprefix("$").removeprefix(".")
        if "matching regex" in message:
            message = "Expected a text without control characters"
        raise UsageError(
            f"Invalid request: {field}: {message}." if field else f"Invalid request: {message}.",
            "The field does not match the documentation (docs/rest.md).",
            "Correct or omit the field.",
            code="request.invalid",
        ) from error
