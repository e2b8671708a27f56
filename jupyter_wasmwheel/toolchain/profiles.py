"""The profiles of builds, which profiles.toml declares."""

from __future__ import annotations

import functools
from importlib import resources

import msgspec

from ..api.requests import Profile


class ProfileSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The settings of a profile; without options of wasm-opt, modules are not optimized by it."""

    cargo: dict[str, str] = {}
    default: dict[str, str] = {}
    incremental: bool = False
    features: tuple[str, ...] = ()
    c: tuple[str, ...]
    wasm_opt: tuple[str, ...] = ()

    @property
    def rustflags(self) -> list[str]:
        """Return the compiler flags that enable its features of WebAssembly."""
        enabled = ",".join(f"+{feature}" for feature in self.features)
        return ["-C", f"target-feature={enabled}"] if enabled else []

    @property
    def cflags(self) -> list[str]:
        """Return the options of a C compiler that enable its features of WebAssembly."""
        return [f"-m{feature}" for feature in self.features]


def settings(profile: Profile) -> ProfileSettings:
    """Return the settings of a profile."""
    return _load()[profile]


@functools.cache
def _load() -> dict[str, ProfileSettings]:
    data = (resources.files(__package__) / "profiles.toml").read_bytes()
    return msgspec.toml.decode(data, type=dict[str, ProfileSettings])
