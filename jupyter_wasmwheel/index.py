"""The user's package index, as pip is configured, without running any code of a package.

`pip download` would run the build backend of an sdist to get its metadata. unearth finds and
fetches files here, with the settings of `pip config list`.
"""

from __future__ import annotations

import ast
import contextlib
import functools
import hashlib
import netrc
import os
import re
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from msgspec import Struct
from packaging.requirements import Requirement
from packaging.version import Version

from . import build_variables
from .api.errors import Retry, SourceError, UsageError, WasmwheelError

# Importing unearth takes longer than a build that fetches nothing, so it is imported on use.
if TYPE_CHECKING:
    import ssl

    from unearth import Link, Package, PackageFinder, TargetPython
    from unearth.fetchers import Fetcher, PyPIClient

#: Timeout of the index unless pip has its own setting.
DEFAULT_TIMEOUT_S = 15.0

#: The settings of pip with addresses of an index, and the address without them.
ADDRESSES, PYPI = ("index-url", "extra-index-url", "find-links"), "https://pypi.org/simple"

#: The largest file that is downloaded, in bytes.
MAX_DOWNLOAD_BYTES = 2 * 1024**3

#: What reading an invalid page of an index raises.
INVALID_PAGE = (
    *(ValueError, TypeError, AttributeError, LookupError, RecursionError, NotADirectoryError),
)

#: The hashes of an index page that are verified, the first of them that it has.
HASHES = ("sha256", "sha384", "sha512")

#: The variables that configure a proxy for pip; the first one that is set is used.
PROXY_VARIABLES = ("https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY")


class PipSettings(Struct, frozen=True, kw_only=True):
    """The settings with which pip looks for packages."""

    index_url: str | None
    extra_index_urls: tuple[str, ...]
    find_links: tuple[str, ...]
    trusted_hosts: tuple[str, ...]
    no_index: bool
    cert: str | None
    client_cert: str | None
    proxy: str | None
    timeout: float


@functools.cache
def _settings() -> dict[str, str]:
    """Return the settings of `pip config list`; those of a command override global ones."""
    listing = subprocess.run(
        [sys.executable, "-P", "-m", "pip", "--disable-pip-version-check", "config", "list"],
        capture_output=True,
        text=True,
        errors="replace",
    )
    if listing.returncode:
        lines = f"{listing.stdout}\n{listing.stderr}".split("\n")
        # A line of the file, which can have a password, is quoted.
        raise _invalid_settings(" ".join(each for each in lines if each and each[0] not in "'\""))
    values: dict[str, str] = {}
    for section in ("global.", "install.", "download.", ":env:."):
        for line in listing.stdout.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(section):
                values[name.removeprefix(section)] = str(ast.literal_eval(value))
    return values


@functools.cache
def pip_settings() -> PipSettings:
    """Return pip's settings."""
    values = _settings()

    def many(name: str) -> tuple[str, ...]:
        return tuple(values.get(name, "").split())

    timeout = values.get("default-timeout") or values.get("timeout") or DEFAULT_TIMEOUT_S
    try:
        seconds = float(timeout)
    except ValueError:
        raise _invalid_settings(f"timeout is {timeout!r:.100}, which is no number.") from None
    return PipSettings(
        index_url=values.get("index-url"),
        extra_index_urls=many("extra-index-url"),
        find_links=many("find-links"),
        trusted_hosts=many("trusted-host"),
        no_index=values.get("no-index", "").lower() in ("1", "true", "yes", "on"),
        cert=values.get("cert"),
        client_cert=values.get("client-cert"),
        proxy=values.get("proxy"),
        timeout=seconds,
    )


def _invalid_settings(why: str) -> UsageError:
    return UsageError(
        "pip's configuration, which names the package index, is invalid.",
        why,
        "Correct the file that it names; `pip config debug` lists all files that pip reads.",
        code="index.invalid-configuration",
    )


def configuration_digest() -> str:
    """Return a hash of what configures the index: another one can have other files of a name.

    The files are those that pip reads, without the start of a pip.
    """
    found = hashlib.sha256()
    for name, value in sorted(os.environ.items()):
        if name.startswith("PIP_") and ("INDEX" in name or name == "PIP_FIND_LINKS"):
            if "://" not in value:  # folders, which can be relative
                value = " ".join(map(os.path.abspath, value.split()))
            found.update(f"{name}={value}\0".encode(errors="surrogateescape"))
    variables = ("XDG_CONFIG_HOME", "APPDATA", "ProgramData")
    roots = [
        *map(os.environ.get, variables),
        *(os.environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":"),
    ]
    home = Path.home()
    folders = [Path("/etc"), Path(sys.prefix), home / ".pip", home / ".config/pip", home / "pip"]
    folders += [
        home / "Library/Application Support/pip",
        *(Path(root) / "pip" for root in roots if root),
    ]
    files = [folder / name for folder in folders for name in ("pip.conf", "pip.ini")]
    for path in (*files, Path(os.environ.get("PIP_CONFIG_FILE", os.devnull))):
        with contextlib.suppress(OSError):
            found.update(path.read_bytes() + b"\0")
    return found.hexdigest()[:16]


@contextlib.contextmanager
def pip_environment(environ: Mapping[str, str]) -> Iterator[tuple[dict[str, str], tuple[int, ...]]]:
    """Give the variables with which pip finds the user's index, and open files for it to inherit.

    pip can run the code of what it installs, which sees `environ` and the arguments of pip's
    children, and no files of settings. So URLs are passed without logins, and those by a file that,
    on Linux, has no name and is open in pip alone.
    """
    settings = {_variable(name): text for name, text in _settings().items()}
    more = {**environ, **build_variables.for_pip(settings | dict(os.environ))}
    hosts: list[tuple[str, str]] = []
    for name in ADDRESSES:
        value, found = _stripped(_settings().get(name, ""))
        if found:
            more[_variable(name)] = value
            hosts += found
    proxy = _settings().get("proxy") or next(filter(None, map(os.environ.get, PROXY_VARIABLES)), "")
    with contextlib.ExitStack() as opened:
        files: list[int] = []
        if hosts or _own_netrc().is_file():
            more["NETRC"] = opened.enter_context(_for_pip_alone(_netrc(hosts), files))
        if _stripped(proxy)[1]:
            more.pop("PIP_PROXY", None)
            text = _configuration(_settings() | {"proxy": proxy})
            more["PIP_CONFIG_FILE"] = opened.enter_context(_for_pip_alone(text, files))
        yield more, tuple(files)


def _variable(setting: str) -> str:
    """Return the variable of one of pip's settings."""
    return f"PIP_{setting.upper().replace('-', '_')}"


def _stripped(value: str) -> tuple[str, list[tuple[str, str]]]:
    """Return URLs without their logins, and the logins with their hosts."""
    words, found = value.split(), []
    for at, word in enumerate(words):
        address = urlsplit(word)
        login, sign, host = address.netloc.rpartition("@")
        if sign:
            words[at] = urlunsplit(address._replace(netloc=host))
            found.append((address.hostname or "", login))
    return (" ".join(words) if found else value), found


def _own_netrc() -> Path:
    return Path(os.environ.get("NETRC") or Path.home() / ".netrc")


def _netrc(hosts: Iterable[tuple[str, str]]) -> str:
    """Return a netrc file with the logins of some hosts, and the user's own for the index.

    Those for other hosts are not for pip: a requirement could name such a host.
    """
    lines = []
    with contextlib.suppress(OSError, ValueError, netrc.NetrcParseError):
        own = netrc.netrc(_own_netrc()).hosts
        for host in sorted(_index_hosts() & own.keys()):
            name, _, password = own[host]
            lines.append(f"machine {host} login {_quoted(name)} password {_quoted(password)}")
    for host, login in hosts:
        name, _, password = (unquote(part) for part in login.partition(":"))
        lines.append(f"machine {host} login {_quoted(name)} password {_quoted(password)}")
    return "\n".join(lines) + "\n"


def _index_hosts() -> set[str]:
    """Return the hosts of the user's index."""
    words = " ".join(_settings().get(name, "") for name in ADDRESSES).split() or [PYPI]
    return {urlsplit(word).hostname or "" for word in words}


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _configuration(values: Mapping[str, str]) -> str:
    """Return pip's settings as a configuration file in which only the proxy has a login."""
    lines = ["[global]"]
    for name, value in values.items():
        text = value if name == "proxy" else _stripped(value)[0]
        lines.append(f"{name} = " + text.replace("\n", "\n    "))
    return "\n".join(lines) + "\n"


@contextlib.contextmanager
def _for_pip_alone(text: str, files: list[int]) -> Iterator[str]:
    """Give the path of a file with a text for a process that inherits `files`."""
    if sys.platform == "linux":
        # pip's children inherit the path, but not the open file that it leads to.
        number = os.memfd_create("wasmwheel")
        files.append(number)
        path = f"/proc/self/fd/{number}"
    else:
        number, path = tempfile.mkstemp(prefix="wasmwheel-")
    try:
        with open(number, "w", encoding="utf-8", closefd=False) as stream:
            stream.write(text)
        yield path
    finally:
        os.close(number)
        if sys.platform != "linux":
            Path(path).unlink()


def _trusted(settings: PipSettings) -> ssl.SSLContext | bool:
    """Return the TLS settings of pip's `cert` (a file or a folder) and `client-cert`."""
    if not (settings.cert or settings.client_cert):
        return True
    import ssl

    place = Path(settings.cert) if settings.cert else None
    is_folder = place is not None and place.is_dir()
    context = ssl.create_default_context(
        cafile=None if is_folder else place, capath=place if is_folder else None
    )
    if settings.client_cert:
        context.load_cert_chain(settings.client_cert)
    return context


class Index:
    """The user's package index."""

    def __init__(self, *, offline: bool = False) -> None:
        self.offline = offline
        self._answers: dict[tuple[object, ...], Package | WasmwheelError] = {}
        self._unreachable: dict[str, str] = {}

    @functools.cached_property
    def _client(self) -> PyPIClient:
        """Return the client for all requests; it is closed with the index."""
        from unearth.fetchers import PyPIClient

        settings = pip_settings()
        client = PyPIClient(
            trusted_hosts=settings.trusted_hosts,
            verify=_trusted(settings),
            proxy=settings.proxy,
            timeout=settings.timeout,
            follow_redirects=True,
        )
        weakref.finalize(self, client.close)
        return client

    def _finder(
        self, target: TargetPython | None = None, no_binary: Sequence[str] = ()
    ) -> PackageFinder:
        from unearth import PackageFinder

        settings = pip_settings()
        indexes = [settings.index_url] if settings.index_url else []
        finder = PackageFinder(
            session=cast("Fetcher", self._client),
            index_urls=indexes,
            trusted_hosts=settings.trusted_hosts,
            target_python=target,
            no_binary=no_binary,
        )
        if settings.no_index:
            finder.sources.clear()
        else:
            for url in settings.extra_index_urls:
                finder.add_index_url(url)
        for place in settings.find_links:
            finder.add_find_links(place)
        return finder

    def find_sdist(self, requirement: Requirement, python: tuple[int, int]) -> Package:
        """Find the newest sdist that a requirement allows and that supports this Python."""
        from unearth import TargetPython

        finder = self._finder(TargetPython(py_ver=python), no_binary=[requirement.name])
        return self._best(finder, requirement, lambda link: not link.is_wheel, "sdist")

    def find_wheel(
        self,
        requirement: Requirement,
        python: tuple[int, int] | None = None,
        platform: str | None = None,
    ) -> Package:
        """Find the newest wheel that a requirement allows, for this machine or another platform.

        `platform` is a wheel's platform tag of a CPython of version `python`. Answers, errors too,
        are cached.
        """
        from unearth import TargetPython

        asked = (str(requirement), python, platform)
        if asked not in self._answers:
            where = TargetPython(
                py_ver=python,
                platforms=[platform] if platform else None,
                impl="cp" if platform else None,
                abis=["cp{}{}".format(*python)] if platform and python else None,
            )
            finder = self._finder(where)
            try:
                answer = self._best(finder, requirement, lambda link: link.is_wheel, "wheel")
                self._answers[asked] = answer
            except WasmwheelError as error:
                self._answers[asked] = error
        found = self._answers[asked]
        if isinstance(found, WasmwheelError):
            raise found
        return found

    def _best(
        self,
        finder: PackageFinder,
        requirement: Requirement,
        fits: Callable[[Link], bool],
        form: str,
    ) -> Package:
        self._require_online(str(requirement))
        import httpx2

        try:
            match = finder.find_best_match(requirement)
        except (*INVALID_PAGE, httpx2.InvalidURL) as error:
            raise _invalid_page(requirement.name, error) from error
        except httpx2.HTTPError as error:
            raise SourceError(
                "Could not reach the package index.",
                f"{type(error).__name__}: {error}",
                "Check the network and `pip config list`, then run it again.",
                code="index.unreachable",
                remedies=[Retry()],
            ) from error
        fitting = [package for package in match.applicable if fits(package.link)]
        final = [each for each in fitting if not Version(each.version or "0").is_prerelease]
        # As in pip, a pre-release is used only if it is requested or there is no final release.
        for package in fitting if requirement.specifier.prereleases else final or fitting:
            return package
        raise self._not_found(requirement, form, [p.version or "" for p in match.candidates])

    def _require_online(self, name: str) -> None:
        if self.offline:
            raise SourceError(
                f"{name} is not available offline.",
                "It must be fetched, and this run is offline.",
                "Run it once without --offline.",
                code="index.offline",
                remedies=[Retry(changes={"offline": False})],
            )

    def _not_found(
        self, requirement: Requirement, form: str, versions: list[str]
    ) -> WasmwheelError:
        """Return the error for a package, version or form that the index does not have."""
        if versions:
            known = ", ".join(dict.fromkeys(versions[:5]))
            return SourceError(
                f"No {form} of {requirement} found on the package index.",
                f"The index has these versions of {requirement.name}: {known}.",
                "Use another version, or pass a folder or a git URL.",
                code="index.no-matching-release",
            )
        return SourceError(
            f"Package {requirement.name} not found on the package index.",
            "The index does not have a package of this name.",
            "Check the spelling, and the index that `pip config list` shows.",
            code="index.package-not-found",
        )

    def fetch(self, package: Package, folder: Path) -> Path:
        """Write the file of a package into a folder, and verify the index's sha256."""
        link = package.link
        if not link.is_file:
            return self.download(link.normalized, stated_hash(link), folder, link.filename)
        if str(link.comes_from or "").startswith(("http:", "https:")):
            raise _download_error(
                link.filename, "A page of the index names a file of this machine."
            )
        path = folder / link.filename
        path.write_bytes(link.file_path.read_bytes())
        return _verified(path, stated_hash(link))

    def download(
        self, url: str, stated: str | None, folder: Path, file_name: str | None = None
    ) -> Path:
        """Download a file with pip's proxy and certificates, and verify its hash.

        `stated` is the hash, for example `sha256:` and hexadecimal digits.

        A host that cannot be reached is not asked again.
        """
        import httpx2

        path, host = folder / (file_name or url.rpartition("/")[2]), urlsplit(url).netloc
        self._require_online(path.name)
        if reason := self._unreachable.get(host):
            raise _download_error(path.name, reason)
        try:
            with path.open("wb") as stream, self._client.get_stream(url) as response:
                response.raise_for_status()
                for chunk in response.iter_bytes():
                    stream.write(chunk)
                    if stream.tell() > MAX_DOWNLOAD_BYTES:
                        raise TooLargeError
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            path.unlink(missing_ok=True)
            reason = f"{type(error).__name__}: {error}"
            if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout):
                self._unreachable[host] = reason
            raise _download_error(path.name, reason) from error
        except TooLargeError:
            path.unlink()
            size = f"It has more than {MAX_DOWNLOAD_BYTES // 10**6} MB."
            raise _download_error(path.name, size) from None
        except OSError:
            path.unlink(missing_ok=True)
            raise
        return _verified(path, stated)


class TooLargeError(Exception):
    """A download is larger than is allowed."""


def stated_hash(link: Link) -> str | None:
    """Return the hash that an index page has for a file, as `sha256:` and digits, if any."""
    try:
        options = link.hash_option or {}
        stated = {name: str(next(iter(options.get(name) or ()), "")).lower() for name in HASHES}
    except INVALID_PAGE as error:
        raise _invalid_page(link.filename, error) from error
    for name, digits in stated.items():
        if re.fullmatch(rf"[0-9a-f]{{{2 * hashlib.new(name).digest_size}}}", digits):
            return f"{name}:{digits}"
    return None


def _invalid_page(name: str, error: Exception) -> SourceError:
    return SourceError(
        f"The package index has an invalid page for {name}.",
        f"{type(error).__name__}: {error!s:.300}",
        "Check the index that `pip config list` shows.",
        code="index.invalid-page",
    )


def _download_error(name: str, reason: str) -> SourceError:
    return SourceError(
        f"Could not fetch {name}.",
        reason,
        "Check the network and try again.",
        code="index.download-failed",
        remedies=[Retry()],
    )


def _verified(path: Path, stated: str | None) -> Path:
    """Return a file that has the stated hash; another one is removed with a SourceError."""
    name, _, digits = (stated or "").partition(":")
    if not digits:
        return path
    with path.open("rb") as stream:
        found = hashlib.file_digest(stream, name).hexdigest()
    if digits != found:
        path.unlink()
        raise SourceError(
            f"{path.name} does not match its hash.",
            f"Expected the {name} {digits}, got {found}.",
            "Try again. If it fails again, check the index or a proxy in front of it.",
            code="index.hash-mismatch",
            remedies=[Retry()],
        )
    return path
