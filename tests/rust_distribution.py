"""A distribution of Rust as rustup fetches it: a channel's manifest, and an archive a component.

The formats are those of rustup's channel manifest (version 2) and of rust-installer (version 3).
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jupyter_wasmwheel.runtime.targets import TRIPLE
from jupyter_wasmwheel.toolchain.rust import Rust


@dataclass(frozen=True, kw_only=True)
class Component:
    """A component for a target (`*` for any): its files and folders, by their place in it."""

    name: str
    target: str
    contents: Mapping[str, Path]

    @property
    def folder(self) -> str:
        """What rust-installer calls it."""
        return self.name if self.target == "*" else f"{self.name}-{self.target}"


def publish(
    root: Path, url: str, channel: str, version: str, host: str, components: list[Component]
) -> None:
    """Write what a server at `url` serves for a channel."""
    folder = root / "dist"
    folder.mkdir(parents=True, exist_ok=True)
    lines = ['manifest-version = "2"', 'date = "2026-04-16"']
    for name in dict.fromkeys(component.name for component in components):
        lines += [f"[pkg.{name}]", f'version = "{version} (0 2026-04-16)"']
        for component in components:
            if component.name == name:
                archive = _pack(component, folder, version)
                digest = hashlib.sha256(archive.read_bytes()).hexdigest()
                lines += [f'[pkg.{name}.target."{component.target}"]', "available = true"]
                lines += [f'url = "{url}/dist/{archive.name}"', f'hash = "{digest}"']
    lines += ["[pkg.rust]", f'version = "{version} (0 2026-04-16)"']
    lines += [f"[pkg.rust.target.{host}]", "available = true", 'url = ""', 'hash = ""']
    for component in components:
        kind = "components" if component.target == host else "extensions"
        lines += [f"[[pkg.rust.target.{host}.{kind}]]"]
        lines += [f'pkg = "{component.name}"', f'target = "{component.target}"']
    lines += ["[profiles]", 'minimal = ["rustc", "cargo", "rust-std"]']
    manifest = folder / f"channel-rust-{channel}.toml"
    manifest.write_text("\n".join(lines) + "\n")
    digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
    manifest.with_name(manifest.name + ".sha256").write_text(f"{digest}  {manifest.name}\n")


def _pack(component: Component, folder: Path, version: str) -> Path:
    """The archive of a component, as rust-installer makes it."""
    stage = folder / f"{component.folder}-{version}"
    inner = stage / component.folder
    inner.mkdir(parents=True)
    (stage / "rust-installer-version").write_text("3\n")
    (stage / "components").write_text(component.folder + "\n")
    manifest = []
    for place, source in component.contents.items():
        (inner / place).parent.mkdir(parents=True, exist_ok=True)
        (inner / place).symlink_to(source)
        manifest.append(f"{'dir' if source.is_dir() else 'file'}:{place}\n")
    (inner / "manifest.in").write_text("".join(manifest))
    archive = folder / f"{stage.name}.tar.gz"
    with tarfile.open(archive, "w:gz", compresslevel=1, dereference=True) as tar:
        tar.add(stage, stage.name)
    shutil.rmtree(stage)
    return archive


def small(folder: Path, version: str, host: str, filling: int) -> list[Component]:
    """Components whose programs only say what they are; `rust-src` has so many files more."""
    folder.mkdir(parents=True)

    def program(name: str, text: str) -> Path:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    said = f"release: {version}\\nhost: {host}\\ncommit-hash: 0\\nLLVM version: 22.1.0\\n"
    rustc = program(
        "rustc",
        f"[ \"$1\" = -vV ] && printf '{said}'\n"
        '[ "$1" = --print ] && dirname "$(dirname "$(readlink -f "$0")")"\n'
        f'[ "$1" = --version ] && echo "rustc {version}"\nexit 0',
    )
    linker = program("wasm-ld", "echo 'LLD 22.1.0 (compatible with GNU linkers)'")
    std = folder / "libstd-0.rlib"
    std.write_bytes(b"x" * 100_000)
    sources = folder / "library"
    (sources / "std").mkdir(parents=True)
    (sources / "std/Cargo.toml").touch()
    for number in range(filling):
        (sources / f"file-{number}.rs").touch()
    rustlib = "lib/rustlib"
    return [
        Component(
            name="rustc",
            target=host,
            contents={
                "bin/rustc": rustc,
                f"{rustlib}/{host}/bin/gcc-ld/wasm-ld": linker,
            },
        ),
        Component(name="cargo", target=host, contents={"bin/cargo": program("cargo", "exit 0")}),
        Component(
            name="rust-std", target=host, contents={f"{rustlib}/{host}/lib/libstd-0.rlib": std}
        ),
        Component(
            name="rust-std", target=TRIPLE, contents={f"{rustlib}/{TRIPLE}/lib/libstd-0.rlib": std}
        ),
        Component(name="rust-src", target="*", contents={f"{rustlib}/src/rust/library": sources}),
    ]


def repacked(folder: Path, rust: Rust, std: Path, linker: Path) -> list[Component]:
    """Components of a Rust that is installed: they build what it builds, from where they are put.

    `std` is the folder of the target's libraries, `linker` a wasm-ld.
    """
    folder.mkdir(parents=True)
    listed = subprocess.run(["ldd", rust.rustc], capture_output=True, text=True, check=True).stdout
    driver = Path(re.findall(r"=> (\S+/librustc_driver-\S+)", listed)[0])
    # rustc takes the folder above its library for its own, and a distribution's is the system's.
    rustc = folder / "rustc"
    rustc.write_text(
        '#!/bin/sh\nhere=$(dirname "$(readlink -f "$0")")/..\n'
        'LD_LIBRARY_PATH=$here/lib exec "$here/libexec/rustc" "$@"\n'
    )
    rustc.chmod(0o755)
    rustlib = Path("lib/rustlib")
    host = f"{rustlib}/{rust.host}/lib"
    assert rust.sources
    return [
        Component(
            name="rustc",
            target=rust.host,
            contents={
                "bin/rustc": rustc,
                "libexec/rustc": rust.rustc,
                f"lib/{driver.name}": driver,
                f"{rustlib}/{rust.host}/bin/gcc-ld/wasm-ld": linker,
            },
        ),
        Component(name="cargo", target=rust.host, contents={"bin/cargo": rust.cargo}),
        Component(name="rust-std", target=rust.host, contents={host: rust.sysroot / host}),
        Component(name="rust-std", target=TRIPLE, contents={f"{rustlib}/{TRIPLE}/lib": std}),
        Component(
            name="rust-src",
            target="*",
            contents={f"{rustlib}/src/rust/library/std": rust.sources / "std"},
        ),
    ]
