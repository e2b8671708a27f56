"""Builds by meson: the cross file, which names the compilers and the machine of the target.

meson takes no variables for it, so meson-python gets its path as a config setting. meson adds it to
the arguments of the project's `[tool.meson-python]`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..runtime.targets import TRIPLE
from ..toolchain import cargo_config
from .config_settings import Settings, values
from .plan import Plan

#: The build backend, by the name of its package.
BACKEND = "meson-python"

#: The backend's setting for arguments of `meson setup`.
SETUP_ARGUMENTS = "setup-args"

#: What meson must know of the target; an executable can only run in a page.
MACHINE = """
[host_machine]
system = 'emscripten'
cpu_family = 'wasm32'
cpu = 'wasm32'
endian = 'little'

[properties]
needs_exe_wrapper = true
skip_sanity_check = true
"""


def config_settings(
    required: Iterable[str], plan: Plan, env: Mapping[str, str], settings: Settings
) -> Settings:
    """Return the settings for a backend with these requirements; write the file that they name."""
    if BACKEND not in required:
        return settings
    path = plan.work / "cross" / "meson.ini"
    path.write_text(_cross_file(plan, env), encoding="utf-8")
    own = f"--cross-file={path}"
    return {**settings, SETUP_ARGUMENTS: [*values(settings, SETUP_ARGUMENTS), own]}


def _cross_file(plan: Plan, env: Mapping[str, str]) -> str:
    """Return the text of the file; values are written as in Python."""
    flags = plan.env.get(cargo_config.ENCODED, "").split(cargo_config.SEPARATOR)
    # Without a Rust, it is the shim that notes that the package needs one.
    rustc = [plan.env["RUSTC"], "--target", TRIPLE, *flags] if "RUSTC" in plan.env else ["rustc"]
    programs = {
        "c": env["CC"],
        "cpp": env["CXX"],
        "rust": rustc,
        "ar": env["AR"],
        "ranlib": env["RANLIB"],
        "strip": str(plan.shims / "strip"),
        "cython": "cython",
    }
    lines = [f"{name} = {value!r}" for name, value in programs.items()]
    return "\n".join(["[binaries]", *lines, MACHINE])
