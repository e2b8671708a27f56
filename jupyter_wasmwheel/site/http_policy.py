"""How Python reaches the web in a kernel of a site; kernel-start.mjs runs this before a first cell.

The policies:

- `urllib`: `urllib.request` goes through the browser, by pyodide-http; `requests` too, but only
  with a urllib3 that cannot do it itself (before 2.2), because that one does it better.
- `all`: `requests` goes through pyodide-http whatever its urllib3.
- `off`: nothing is patched.
"""

import importlib.metadata

POLICIES = ("urllib", "all", "off")


def apply(policy: str) -> None:
    """Patch what a policy says; a package that is not installed is left alone."""
    if policy == "off":
        return
    import pyodide_http  # type: ignore[import-not-found]

    pyodide_http.patch_urllib()
    if policy == "all" or _has_old_urllib3():
        pyodide_http.patch_requests(continue_on_import_error=True)


def _has_old_urllib3() -> bool:
    try:
        version = importlib.metadata.version("urllib3")
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(int(part) for part in version.split(".")[:2]) < (2, 2)
