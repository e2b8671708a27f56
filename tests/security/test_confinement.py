"""A package's code reaches nothing: no file of the user, no network, no other process.

A decoy home has files with a word, a server counts its connections, and sockets wait for some. Each
way in which a package can run code tries to read, write, connect, kill and stay, and prints what it
got. Nothing of it may work.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from jupyter_wasmwheel.api.errors import CompileError, LimitError
from jupyter_wasmwheel.process import confine
from jupyter_wasmwheel.process.confine import Confinement
from jupyter_wasmwheel.process.limits import DEFAULT, ResourceMonitor
from jupyter_wasmwheel.process.run import Command, run
from jupyter_wasmwheel.toolchain.wasm_opt import WasmOpt
from tests.fixtures import commands
from tests.fixtures.commands import processes_in
from tests.fixtures.wheel_factory import backend_project, wheel

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap runs on Linux")

#: The word in every decoy, and the files of the decoy home.
DECOY = "decoy81c7"
FILES = [
    *(".netrc", ".ssh/id_ed25519", ".aws/credentials", ".cargo/credentials.toml", ".bashrc"),
    *(".local/share/jupyter/runtime/jpserver-1.json", "thesis/draft.tex", ".config/pip/pip.conf"),
]


def decoy(name: str) -> str:
    """Return the text of a decoy, a comment for the tools that read it."""
    return f"# {DECOY} {name}\n"


#: Python that reads, writes, connects, kills and stays.
ATTACK = """
def attack():
    import glob, os, signal, socket, subprocess, sys
    home, watched, port, victim = @HOME@, @WATCHED@, @PORT@, @VICTIM@
    found = [str(sorted(os.environ.items()))]
    for name in (*@FILES@, *glob.glob("/proc/[0-9]*/environ")):
        for mode in "ra":
            try:
                with open(os.path.join(home, name), mode, errors="replace") as file:
                    found.append(file.read() if mode == "r" else str(file.write("written")))
            except OSError:
                pass
    for family, address in (
        ("AF_INET", ("127.0.0.1", port)),
        ("AF_UNIX", os.path.join(home, "agent.sock")),
        ("AF_UNIX", os.path.join(watched, "docker.sock")),
        ("AF_UNIX", f"\\0wasmwheel-{port}"),
    ):
        try:
            with socket.socket(getattr(socket, family), socket.SOCK_STREAM) as connection:
                connection.settimeout(1)
                connection.connect(address)
        except (AttributeError, OSError):  # Pyodide has no unix sockets
            pass
    for pid in (victim, os.getppid()):
        try:
            os.kill(pid, signal.SIGKILL if pid == victim else 0)
        except OSError:
            pass
    waiting = [sys.executable, "-c", "import time; time.sleep(600)", watched]
    try:
        subprocess.Popen(waiting, start_new_session=True)
    except OSError:  # Pyodide has no processes
        pass
    print("ATTACKED", found, flush=True)
"""

#: The same in a crate's build script.
RUST_ATTACK = """
use std::{env, fs, net::TcpStream, os::unix::net::UnixStream, path::Path};
use std::process::{Command, Stdio};
fn main() {
    let home = Path::new(@HOME@);
    for (name, value) in env::vars_os() {
        println!("cargo:warning={:?}={:?}", name, value);
    }
    for name in @FILES@ {
        if let Ok(text) = fs::read_to_string(home.join(name)) {
            println!("cargo:warning={}", text);
        }
        let _ = fs::write(home.join(name), "written");
    }
    let _ = TcpStream::connect(("127.0.0.1", @PORT@));
    let _ = UnixStream::connect(home.join("agent.sock"));
    let _ = UnixStream::connect(Path::new(@WATCHED@).join("docker.sock"));
    let _ = Command::new("kill").args(["-9", &@VICTIM@.to_string()]).status();
    // cargo would wait for the end of its output.
    let mut waiting = Command::new("setsid");
    waiting.args(["sh", "-c", "sleep 600", @WATCHED@]).stdout(Stdio::null());
    let _ = waiting.stderr(Stdio::null()).spawn();
    println!("cargo:warning=ATTACKED");
}
"""

#: The same in a page's JavaScript, which Python in Pyodide can run.
SCRIPT_ATTACK = """
import js
attack()
await_nothing = js.Object.constructor(
    "const got = [JSON.stringify(process.env)];"
    "const fs = process.getBuiltinModule?.('fs');"
    "for (const name of @FILES@) {"
    "  try { got.push(fs.readFileSync(@HOME@ + '/' + name, 'utf8')) } catch {}"
    "  try { fs.writeFileSync(@HOME@ + '/' + name, 'written') } catch {}"
    "}"
    "try { process.kill(@VICTIM@, 'SIGKILL') } catch {}"
    "try { process.kill(process.ppid, 0); } catch {}"
    "try { fetch('http://127.0.0.1:@PORT@/').catch(() => 0) } catch {}"
    "return String(got)"
)
print(await_nothing())
"""


@pytest.fixture(autouse=True)
def enabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enable confinement, whatever the environment of the tests says."""
    monkeypatch.delenv(confine.SWITCH, raising=False)


@dataclass
class Trap:
    """A decoy home, servers that count their connections, and a process to kill."""

    home: Path
    watched: Path
    port: int
    victim: subprocess.Popen[bytes]
    connections: list[str] = field(default_factory=list)

    @property
    def variables(self) -> dict[str, str]:
        """Return the variables of a run in the decoy home."""
        return {
            "HOME": str(self.home),
            "GITHUB_TOKEN": DECOY,
            "SSH_AUTH_SOCK": str(self.home / "agent.sock"),
            "XDG_RUNTIME_DIR": str(self.watched),
        }

    def arm(self, code: str, quotes: str = '"') -> str:
        """Return code that attacks this trap."""
        values = {"HOME": str(self.home), "WATCHED": str(self.watched), "FILES": FILES}
        values |= {"PORT": self.port, "VICTIM": self.victim.pid}
        for name, value in values.items():
            code = code.replace(f"@{name}@", json.dumps(value).replace('"', quotes))
        return code

    def require_untouched(self, output: str, *, reachable: Sequence[str] = ()) -> None:
        """Check that nothing was read, written, killed or left, nor reached but some addresses."""
        assert "ATTACKED" in output
        assert DECOY not in output
        for name in FILES:
            assert (self.home / name).read_text() == decoy(name)
        assert [each for each in self.connections if not each.endswith(tuple(reachable))] == []
        assert self.victim.poll() is None
        assert processes_in(self.watched) == []


@pytest.fixture
def trap(tmp_path: Path) -> Iterator[Trap]:
    """Set a trap; `WASMWHEEL_HOME` is outside the decoy home."""
    home, watched = tmp_path / "home", tmp_path / "watched"
    watched.mkdir()
    for name in FILES:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(decoy(name))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        victim = subprocess.Popen(["sleep", "600"])
        trap = Trap(home, watched, port, victim)
        listeners = [server]
        for address in (home / "agent.sock", watched / "docker.sock", f"\0wasmwheel-{port}"):
            listeners.append(socket.socket(socket.AF_UNIX))
            listeners[-1].bind(str(address))
            listeners[-1].listen()
        for listener in listeners:
            threading.Thread(target=_count, args=(listener, trap.connections), daemon=True).start()
        try:
            yield trap
        finally:
            victim.kill()
            victim.wait()
            for listener in listeners:
                listener.close()


def _count(listener: socket.socket, connections: list[str]) -> None:
    while True:
        try:
            listener.accept()[0].close()
        except OSError:
            return
        connections.append(str(listener.getsockname()))


def run_confined(code: str, confinement: Confinement, cwd: Path) -> tuple[int, str]:
    """Run Python's code confined, and return its status and its output."""
    lines: list[str] = []
    readable = (Path(sys.prefix), Path(sys.base_prefix), *confinement.readable)
    status = run(
        Command(
            words=[sys.executable, "-c", code],
            cwd=cwd,
            env={"PATH": "/usr/bin:/bin"},
            confinement=Confinement(readable=readable, writable=confinement.writable),
        ),
        on_line=lambda _, line: lines.append(line),
    )
    return status, "\n".join(lines)


# One command


def test_bubblewrap_works_on_this_machine() -> None:
    assert confine.unavailable() == ""


def test_confined_command_reaches_nothing(trap: Trap, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    code = trap.arm(ATTACK) + "attack()"
    status, output = run_confined(code, Confinement(writable=(work,)), work)
    assert status == 0, output
    trap.require_untouched(output)


#: Search the session keyring for a key and read it by its number, with the numbers of x86-64's
#: calls: keyctl(KEYCTL_SEARCH, …) and keyctl(KEYCTL_READ, …).
READ_KEY = """
import ctypes
call, text = ctypes.CDLL(None).syscall, ctypes.create_string_buffer(20)
print(call(250, 10, -3, b"user", b"decoy", 0), call(250, 11, @KEY@, text, 20), flush=True)
"""

#: The same, and then confined, with a key in the session keyring.
READ_KEY_CONFINED = f"""
import ctypes, sys
from pathlib import Path
from jupyter_wasmwheel.process.confine import Confinement
from jupyter_wasmwheel.process.run import Command, run
call = ctypes.CDLL(None).syscall
call(250, 1, None)  # keyctl(KEYCTL_JOIN_SESSION_KEYRING)
key = call(248, b"user", b"decoy", b"secret", 6, -3)  # add_key
code = {READ_KEY!r}.replace("@KEY@", str(key))
exec(code)
readable = (Path(sys.prefix), Path(sys.base_prefix))
words = [sys.executable, "-c", code]
command = Command(words=words, cwd="/", env={{}}, confinement=Confinement(readable=readable))
run(command, on_line=lambda _, line: print(line, flush=True), supervise=True)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="has the numbers of x86-64's calls")
def test_confined_command_has_no_keys_of_the_user() -> None:
    command = [sys.executable, "-c", READ_KEY_CONFINED]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    own, confined = done.stdout.splitlines()
    assert own.endswith(" 6"), "this kernel has no keys"
    assert confined == "-1 -1"


def test_trap_notices_what_unconfined_command_does(trap: Trap, tmp_path: Path) -> None:
    code = trap.arm(ATTACK).replace("time.sleep(600)", "0") + "attack()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert DECOY in done.stdout
    assert "written" in (trap.home / ".netrc").read_text()
    assert trap.victim.wait(10) == -9
    assert len(trap.connections) == 4


def test_confined_command_writes_only_where_it_can(tmp_path: Path) -> None:
    work, given, other = (tmp_path / name for name in ("work", "given", "other"))
    for folder in (work, given, other):
        folder.mkdir()
        (folder / "file").write_text("before")
    code = f"""
for folder in ({str(work)!r}, {str(given)!r}, {str(other)!r}, "/usr", "/etc"):
    for name in ("file", "new"):
        try:
            open(folder + "/" + name, "w").write("after")
        except OSError as error:
            print(type(error).__name__)
"""
    confinement = Confinement(readable=(given,), writable=(work,))
    status, output = run_confined(code, confinement, work)
    assert status == 0, output
    assert (work / "new").read_text() == "after"
    assert (given / "file").read_text() == "before"
    assert [path.name for path in other.iterdir()] == ["file"]
    assert (other / "file").read_text() == "before"


def test_folders_in_memory_are_limited(tmp_path: Path) -> None:
    code = """
import os
for folder in ("/dev/shm", "/var/tmp", "/tmp", os.path.expanduser("~")):
    status = os.statvfs(folder)
    print(folder, status.f_blocks * status.f_frsize)
"""
    status, output = run_confined(code, Confinement(), Path("/"))
    assert status == 0, output
    assert {line.split()[1] for line in output.splitlines()} == {str(512 * 1024**2)}


def run_limited(code: str, limit: str, cwd: Path) -> None:
    """Run Python's code with a limit of a build."""
    limits = DEFAULT.with_settings([limit, "build.time=30s"])
    run(
        Command(words=[sys.executable, "-c", code], cwd=cwd, env={}),
        on_line=lambda *_: None,
        monitor=ResourceMonitor("build", limits, cwd, "It"),
    )


def test_open_files_without_names_count_as_written(tmp_path: Path) -> None:
    code = """
import os, time
for name in "ab":
    number = os.open(name, os.O_RDWR | os.O_CREAT)
    os.unlink(name)
    os.posix_fallocate(number, 0, 6_000_000)
time.sleep(60)
"""
    with pytest.raises(LimitError, match="wrote more than 10 MB"):
        run_limited(code, "build.disk=10MB", tmp_path)


def test_shared_memory_counts(tmp_path: Path) -> None:
    code = """
import mmap, time
shared = mmap.mmap(-1, 200_000_000)
for place in range(0, len(shared), mmap.PAGESIZE):
    shared[place] = 1
time.sleep(60)
"""
    with pytest.raises(LimitError, match="took more than 100 MB of memory"):
        run_limited(code, "build.memory=100MB", tmp_path)


def test_command_ends_although_what_it_left_holds_its_pipes(tmp_path: Path) -> None:
    code = "import subprocess; subprocess.Popen(['setsid', 'sleep', '30'])"
    begin = time.monotonic()
    work = Command(words=[sys.executable, "-c", code], cwd=tmp_path, env={"PATH": "/usr/bin:/bin"})
    assert run(work, on_line=lambda *_: None) == 0
    assert time.monotonic() - begin < 25


def wasm_opt(folder: Path, code: str) -> WasmOpt:
    """Create a wasm-opt that runs Python's code, with the paths of the modules as arguments."""
    folder.mkdir(parents=True)
    (folder / "code.py").write_text(f"import sys\n{code}")
    program = folder / "wasm-opt"
    program.write_text(f'#!/bin/sh\nexec /usr/bin/python3 {folder}/code.py "$@"\n')
    program.chmod(0o755)
    return WasmOpt(program=program, version="132", node=None, flags=())


def test_wasm_opt_reaches_nothing(trap: Trap, tmp_path: Path) -> None:
    code = trap.arm(ATTACK).replace("time.sleep(600)", "0")
    code += "sys.stdout = open(sys.argv[-1], 'w')\nattack()\n"
    tool = wasm_opt(tmp_path / "binaryen/bin", code)
    trap.require_untouched(tool.optimize(b"\0asm", DEFAULT).decode())


def test_wasm_opt_has_the_limits_of_a_build(tmp_path: Path) -> None:
    tool = wasm_opt(tmp_path / "binaryen/bin", "while True: pass")
    with pytest.raises(LimitError, match="wasm-opt was stopped: it took longer than 1 s"):
        tool.optimize(b"\0asm", DEFAULT.with_settings(["build.time=1s"]))


def test_result_of_wasm_opt_is_no_link(tmp_path: Path) -> None:
    tool = wasm_opt(tmp_path / "binaryen/bin", "import os; os.symlink('/etc/passwd', sys.argv[-1])")
    with pytest.raises(CompileError, match="could not optimize"):
        tool.optimize(b"\0asm", DEFAULT)


@pytest.mark.parametrize(
    "code",
    [
        "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
        "import ctypes, os; n = os.open('/proc/1/ns/mnt', 0); "
        "assert ctypes.CDLL(None).setns(n, 0) == 0",
        "import subprocess; subprocess.run(['mount', '-t', 'tmpfs', 'x', '/usr'], check=True)",
        "import os; os.mknod('/tmp/disk', 0o60600, os.makedev(8, 0))",
        "import os; os.open('/dev/kmsg', os.O_RDONLY)",
        "import os; os.chroot('/usr')",
    ],
)
def test_confined_command_cannot_leave(tmp_path: Path, code: str) -> None:
    status, output = run_confined(code, Confinement(writable=(tmp_path,)), tmp_path)
    assert status != 0, output


def test_home_and_folders_around_it_are_never_given(
    trap: Trap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(trap.home))
    (tmp_path / "link").symlink_to(trap.home)
    work = tmp_path / "work"
    work.mkdir()
    given = (trap.home, tmp_path, Path("/"), tmp_path / "link")
    code = trap.arm(ATTACK) + "attack()"
    status, output = run_confined(code, Confinement(readable=given, writable=(work,)), work)
    assert status == 0, output
    trap.require_untouched(output)


def test_unusable_bubblewrap_is_told(tmp_path: Path) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'No permissions to create a namespace' >&2; exit 1\n")
    program.chmod(0o755)
    code = "from jupyter_wasmwheel.process import confine; print(confine.unavailable())"
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "No permissions" in done.stdout


# The ways in which a package runs code


def test_build_backend_reaches_nothing(
    wasmwheel: commands.Command, trap: Trap, tmp_path: Path
) -> None:
    project = backend_project(tmp_path / "evil", "attack()", trap.arm(ATTACK))
    with (project / "own.py").open("a") as file:
        file.write("\ndef get_requires_for_build_wheel(*_):\n    attack()\n    return []\n")
    words = ("build", project, "--events", "--no-smoke", "--out", tmp_path / "out")
    ran = wasmwheel(*words, env=trap.variables)
    assert ran.status == 0, ran.stderr
    trap.require_untouched(ran.stdout)
    assert _report(ran)["confined"] is True


def test_import_reaches_nothing(wasmwheel: commands.Command, trap: Trap, tmp_path: Path) -> None:
    code = trap.arm(ATTACK) + trap.arm(SCRIPT_ATTACK, quotes="'")
    path = wheel(tmp_path, "py3-none-any", {"handmade.py": code.encode()})
    ran = wasmwheel("smoke", path, "--events", env=trap.variables)
    assert ran.status == 0, ran.stdout
    trap.require_untouched(ran.stdout)


@pytest.mark.slow
def test_project_tests_reach_nothing(
    wasmwheel: commands.Command, trap: Trap, tmp_path: Path
) -> None:
    project = backend_project(tmp_path / "evil")
    code = textwrap.indent(trap.arm(SCRIPT_ATTACK, quotes="'"), "    ")
    text = f"{trap.arm(ATTACK)}\ndef test_evil():\n{code}\n    assert False\n"
    (project / "test_evil.py").write_text(text)
    words = ("test", project, "--events", "--out", tmp_path / "out")
    trap.require_untouched(wasmwheel(*words, env=trap.variables).stdout)


@pytest.mark.slow
def test_build_script_and_notebook_reach_nothing(
    wasmwheel: commands.Command, crate: Path, trap: Trap, tmp_path: Path
) -> None:
    (crate / "build.rs").write_text(trap.arm(RUST_ATTACK))
    cell = {"cell_type": "code", "source": trap.arm(ATTACK) + "attack()", "outputs": []}
    cell |= {"metadata": {}, "execution_count": None, "id": "one"}
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (crate / "demo.ipynb").write_text(json.dumps(notebook))
    words = ("build", crate, "--events", "--profile", "draft", "--out", tmp_path / "out")
    cargo = {name: os.environ.get(name, str(Path.home() / place)) for name, place in CARGO.items()}
    ran = wasmwheel(*words, env={**trap.variables, **cargo})
    assert ran.status == 0, ran.stderr
    trap.require_untouched(ran.stdout)


#: Where Rust is in the user's real home.
CARGO = {"CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup"}


def test_build_sees_no_other_work_folder(wasmwheel: commands.Command, tmp_path: Path) -> None:
    look = """
def look():
    home = os.environ["LOOK"]
    print("SEEN", sorted(str(path.relative_to(home)) for path in pathlib.Path(home).glob("*/*")))
"""
    first = backend_project(tmp_path / "first", "look()", look)
    second = backend_project(tmp_path / "second", "look()", look)
    env = {"WASMWHEEL_BUILD_ENV": "LOOK", "LOOK": os.environ["WASMWHEEL_HOME"]}
    for project in (first, second):
        words = ("build", project, "--events", "--no-smoke", "--out", tmp_path / "out")
        ran = wasmwheel(*words, env=env)
        assert ran.status == 0, ran.stderr
        (line,) = (each["text"] for each in ran.events if "SEEN" in each.get("text", ""))
        assert [name for name in line.split("'") if name.startswith("work/")] == [
            name for name in line.split("'") if name.startswith(f"work/{project.name}-")
        ]


# What a build can do


def test_build_that_requires_network_fails_with_remedy(
    wasmwheel: commands.Command, trap: Trap, tmp_path: Path
) -> None:
    code = "import urllib.request\nurllib.request.urlopen('http://example.org/x')"
    project = backend_project(tmp_path / "fetching", code)
    words = ("build", project, "--json", "--no-smoke", "--out", tmp_path / "out")
    error = commands.error_of(wasmwheel(*words), 3)
    assert error["code"] == "build.network"
    assert {"action": "retry", "changes": {"allow_network": True}} in error["remedies"]


def test_allow_network_gives_build_network(
    wasmwheel: commands.Command, trap: Trap, tmp_path: Path
) -> None:
    code = f"socket.create_connection(('127.0.0.1', {trap.port})).close()"
    project = backend_project(tmp_path / "fetching", code)
    words = ("build", project, "--json", "--no-smoke", "--out", tmp_path / "out")
    ran = wasmwheel(*words, "--allow-network")
    assert ran.status == 0, ran.stderr
    assert len(trap.connections) == 1


def test_build_with_unusable_bubblewrap_is_confined_by_landlock(
    wasmwheel: commands.Command, tmp_path: Path
) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'No permissions' >&2; exit 1\n")
    program.chmod(0o755)
    project = backend_project(tmp_path / "plain")
    words = ("build", project, "--events", "--no-smoke", "--out", tmp_path / "out")
    ran = wasmwheel(*words, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert ran.status == 0, ran.stderr
    assert _report(ran)["confined"] is False
    assert "The build is confined to its files, by Landlock. It can still use" in ran.stdout
    assert "bubblewrap does not work here: No permissions" in ran.stdout


# Landlock, where bubblewrap does not work


@pytest.fixture
def landlocked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Confine by Landlock."""
    monkeypatch.setenv(confine.SWITCH, confine.LANDLOCK)
    assert confine.method() == confine.LANDLOCK, "this system has no Landlock of Linux 6.2 or newer"


@pytest.mark.usefixtures("landlocked")
def test_build_backend_and_import_reach_only_unix_sockets_by_landlock(
    wasmwheel: commands.Command, trap: Trap, tmp_path: Path
) -> None:
    project = backend_project(tmp_path / "evil", "attack()", trap.arm(ATTACK))
    words = ("build", project, "--events", "--no-smoke", "--out", tmp_path / "out")
    ran = wasmwheel(*words, env=trap.variables)
    assert ran.status == 0, ran.stderr
    trap.require_untouched(ran.stdout, reachable=SOCKETS)
    assert _report(ran)["confined"] is False
    code = trap.arm(ATTACK) + trap.arm(SCRIPT_ATTACK, quotes="'")
    path = wheel(tmp_path, "py3-none-any", {"handmade.py": code.encode()})
    ran = wasmwheel("smoke", path, "--events", env=trap.variables)
    assert ran.status == 0, ran.stdout
    trap.require_untouched(ran.stdout, reachable=SOCKETS)


@pytest.mark.usefixtures("landlocked")
@pytest.mark.parametrize(
    "change",
    [
        "open(path, 'w')",
        "os.truncate(path, 0)",
        "os.unlink(path)",
        "os.rename(path, own + '/moved')",
        "os.link(path, own + '/link'); open(own + '/link', 'w')",
        "os.symlink(path, own + '/link'); open(own + '/link', 'w')",
        "os.mkfifo(path + '.pipe')",
        "open('/proc/self/cwd/../file', 'w')",
        "open(f'/proc/{os.getppid()}/root{path}', 'w')",
    ],
)
def test_command_changes_only_its_files_by_landlock(tmp_path: Path, change: str) -> None:
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        folder.mkdir()
    (other / "file").write_text("before")
    code = f"import os\nown, path = {str(own)!r}, {str(other / 'file')!r}\n{change}"
    status, output = run_confined(code, Confinement(writable=(own,)), own)
    assert status != 0, output
    assert [path.name for path in other.iterdir()] == ["file"]
    assert (other / "file").read_text() == "before"


@pytest.mark.slow
@pytest.mark.usefixtures("landlocked")
def test_crate_builds_by_landlock(
    wasmwheel: commands.Command, crate: Path, trap: Trap, tmp_path: Path
) -> None:
    (crate / "build.rs").write_text(trap.arm(RUST_ATTACK))
    words = ("build", crate, "--events", "--profile", "draft", "--out", tmp_path / "out")
    cargo = {name: os.environ.get(name, str(Path.home() / place)) for name, place in CARGO.items()}
    ran = wasmwheel(*words, env={**trap.variables, **cargo})
    assert ran.status == 0, ran.stderr
    trap.require_untouched(ran.stdout, reachable=SOCKETS)


#: The ends of the addresses of the sockets that Landlock does not protect.
SOCKETS = ("agent.sock", "docker.sock")


def _report(ran: commands.CommandOutput) -> dict[str, Any]:
    report: dict[str, Any] = ran.events[-1]
    return report.get("report", report)
