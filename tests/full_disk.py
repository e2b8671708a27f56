"""Run in a mount namespace of its own: builds into a site, all on a small disk that gets full.

Prints a JSON document: for each time that it got full, what came of that build and what it left,
and what came of the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from typing import Any

from jupyter_wasmwheel.site import contents, lite, publish
from jupyter_wasmwheel.store import Store

from .faults import build
from .test_bad_input import processes_in
from .test_faults import edit, published, words

#: The disk's size: enough for a store and a build, and for nothing else to be noticed.
SIZE = "600m"


def main(disk: Path, ready: Path, shared: Path, crate: Path, phase: str, *spare: str) -> None:
    """Build with a disk that gets full when a phase begins, but for so many bytes, one by one."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], check=True)
    shutil.copytree(ready, disk / "home", symlinks=True)
    (disk / "tmp").mkdir()
    print(json.dumps([once(disk, shared, edit(crate), phase, int(each)) for each in spare]))


def once(disk: Path, shared: Path, crate: Path, phase: str, spare: int) -> dict[str, Any]:
    """Build with a full disk, and once more with room on it."""
    home, filler = disk / "home", disk / "filler"
    env = {"WASMWHEEL_HOME": str(home), "WASMWHEEL_PATH": str(shared), "TMPDIR": str(disk / "tmp")}
    hidden = hidden_files(home)

    ended = threading.Event()
    filling = threading.Thread(target=keep_full, args=(filler, spare, ended))

    def fill(child: subprocess.Popen[str]) -> None:
        child.send_signal(signal.SIGSTOP)
        take_all_room(filler, spare)
        filling.start()
        child.send_signal(signal.SIGCONT)

    status, events = build(words(crate, disk / "dist"), env, disk, phase, fill)
    ended.set()
    filling.join()
    left = {
        "processes": processes_in(home),
        "staged": names(home / "staging"),
        "hidden": sorted(hidden_files(home) - hidden),
        "temporary": names(disk / "tmp"),
        "out": names(disk / "dist"),
    }
    told = {
        "status": status,
        "end": events[-1],
        "left": left,
        "published": published(home),
        "notebooks": notebooks(home),
    }
    filler.unlink(missing_ok=True)
    status, events = build(words(crate, disk / "dist"), env, disk, "", fill)
    again = {"status": status, "end": events[-1], "published": published(home)}
    again["notebooks"] = notebooks(home)
    if status == 0:
        with zipfile.ZipFile(events[-1]["report"]["wheel"]) as wheel:
            again["damaged"] = wheel.testzip()
        publish.remove(lite.find("workshop", Store(home=home)), "faulty")
    shutil.rmtree(disk / "dist", ignore_errors=True)
    return told | {"again": again}


def take_all_room(filler: Path, spare: int) -> None:
    """Let a file take all that is free on its disk, but for so many bytes."""
    space = os.statvfs(filler.parent)
    more = space.f_bavail * space.f_bsize - spare
    if more > 0:
        # A build that is quicker has the room; it is looked again at once.
        with contextlib.suppress(OSError), filler.open("ab") as file:
            os.posix_fallocate(file.fileno(), file.tell(), more)


def keep_full(filler: Path, spare: int, ended: threading.Event) -> None:
    """Take what a build frees, by writing a file anew, as others who use the disk would do."""
    while not ended.wait(0.002):
        take_all_room(filler, spare)


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.glob("*"))


def hidden_files(home: Path) -> set[str]:
    """The files of a store whose names begin with a dot, as those that take another one's place."""
    return {str(path) for path in home.rglob(".*") if path.is_file() and "work" not in path.parts}


def notebooks(home: Path) -> list[str]:
    """The notebooks that are listed in the site, all of which are there and whole."""
    folder = lite.find("workshop", Store(home=home)).folder
    listed = json.loads((folder / contents.LISTING).read_bytes())["content"]
    found = sorted(row["name"] for row in listed)
    for name in found:
        json.loads((folder / contents.FILES / name).read_bytes())
    assert found == names(folder / contents.FILES)
    return found


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:5]), *sys.argv[5:])
