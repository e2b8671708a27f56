"""The two commands of emsdk that are used, for where its own program cannot be fetched.

It reads the same data files, downloads, unpacks and writes the same things to the same places, in
the same words, as emsdk.py of the revision that config.py names: `install` verifies no hash and
waits for ever for a server that is silent, and `activate` writes paths relative to EM_CONFIG.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


def install(tool: dict[str, Any], folder: Path) -> None:
    """Download a tool's archive and unpack it."""
    name = f"{tool['id']}-{tool['version']}-64bit"
    print(f"Installing tool '{name}'..")
    download = HERE / "downloads" / tool["url_linux"].rpartition("/")[2]
    download.parent.mkdir(exist_ok=True)
    try:
        with urllib.request.urlopen(tool["url_linux"]) as response:
            size = response.headers["Content-Length"]
            print(f"Downloading: {download} from {tool['url_linux']}, {size} Bytes", flush=True)
            with download.open("wb") as stream:
                shutil.copyfileobj(response, stream)
    except OSError as error:
        print(f"Error: Downloading URL '{tool['url_linux']}': {error}", file=sys.stderr)
        sys.exit("error: installation failed!")
    print(f"Unpacking '{download}' to '{folder}'", flush=True)
    folder.mkdir(parents=True)
    if subprocess.call(["tar", "-xf", download, "--strip", "1"], cwd=folder):
        sys.exit("error: installation failed!")
    download.unlink()
    (folder / ".emsdk_version").write_text(name + "\n")
    print(f"Done installing tool '{name}'.")


def main() -> None:
    """Run a command: `install VERSION` or `activate VERSION`."""
    command, version = sys.argv[1:]
    releases = json.loads((HERE / "emscripten-releases-tags.json").read_text())["releases"]
    if version not in releases:
        sys.exit(f"error: tool or SDK not found: '{version}'")
    text = (HERE / "emsdk_manifest.json").read_text()
    tools = json.loads(text.replace("%releases-tag%", releases[version]))["tools"]
    folders = [HERE / tool.get("install_path", f"node/{tool['version']}_64bit") for tool in tools]
    if command == "install":
        for tool, folder in zip(tools, folders, strict=True):
            install(tool, folder)
        return
    lines = ["import os", "emsdk_path = os.path.dirname(os.getenv('EM_CONFIG'))"]
    for tool, folder in zip(tools, folders, strict=True):
        text = tool["activated_cfg"].replace("%installation_dir%", str(folder))
        text = text.replace("%.exe%", "").replace(f"'{HERE}", "emsdk_path + '")
        lines += text.split(";")
    (HERE / ".emscripten").write_text("\n".join(lines) + "\n")


main()
