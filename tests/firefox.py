"""A real Firefox, driven by WebDriver BiDi, which it speaks itself, over a WebSocket."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

#: Seconds that a kernel may take to start and answer.
PATIENCE = 240

#: What keeps Firefox from asking its makers for anything.
PREFERENCES = """
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.page", 0);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("toolkit.telemetry.enabled", false);
"""


class Firefox:
    """A Firefox with a tab of ours."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(
            f"{address}/session", suppress_origin=True, timeout=PATIENCE
        )
        self._number = 0
        self._ask("session.new", capabilities={})
        # The tab that it starts with never gets the focus, so that no page hears of a click in it.
        self._tab = self._ask("browsingContext.create", type="tab")["context"]

    def _ask(self, method: str, **parameters: Any) -> Any:
        """Give a command and wait for its result; events in between are left out."""
        self._number += 1
        command = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(command))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                assert answer["type"] == "success", answer
                return answer["result"]

    def open(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self._ask("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def evaluate(self, code: str) -> Any:
        """What an expression gives, as JSON has it."""
        done = self._ask(
            "script.evaluate",
            expression=f"Promise.resolve({code}).then(JSON.stringify)",
            target={"context": self._tab},
            awaitPromise=True,
        )
        assert done["type"] == "success", done
        return json.loads(done["result"].get("value", "null"))

    def until(self, code: str) -> Any:
        """Wait until an expression gives something that counts, and give that."""
        deadline = time.monotonic() + PATIENCE
        while not (found := self.evaluate(code)):
            assert time.monotonic() < deadline, f"{code} came to nothing"
            time.sleep(0.2)
        return found

    def click(self, selector: str) -> None:
        """Click on the first element that a selector finds, as a mouse does."""
        nodes = self._ask(
            "browsingContext.locateNodes",
            context=self._tab,
            locator={"type": "css", "value": selector},
            maxNodeCount=1,
        )["nodes"]
        assert nodes, f"There is no {selector}."
        place = {"type": "element", "element": {"sharedId": nodes[0]["sharedId"]}}
        actions = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": place},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        source = {"type": "pointer", "id": "mouse", "actions": actions}
        self._ask("input.performActions", context=self._tab, actions=[source])

    def press(self, *keys: str) -> None:
        """Press keys together."""
        down = [{"type": "keyDown", "value": key} for key in keys]
        up = [{"type": "keyUp", "value": key} for key in reversed(keys)]
        source = {"type": "key", "id": "keyboard", "actions": [*down, *up]}
        self._ask("input.performActions", context=self._tab, actions=[source])

    def close(self) -> None:
        """End the session."""
        with contextlib.suppress(AssertionError, OSError, websocket.WebSocketException):
            self._ask("browser.close")
        self._socket.close()


@contextmanager
def firefox(profile: Path) -> Iterator[Firefox]:
    """A Firefox with a profile of its own, without a screen."""
    program = shutil.which("firefox-esr") or shutil.which("firefox")
    if program is None:
        raise RuntimeError("There is no firefox on PATH; `make setup-browsers` installs it.")
    profile.mkdir()
    (profile / "user.js").write_text(PREFERENCES)
    process = subprocess.Popen(
        [program, "--headless", "--remote-debugging-port", "0", "--profile", profile],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert process.stderr
    try:
        said = (
            re.search(r"WebDriver BiDi listening on (ws://\S+)", line) for line in process.stderr
        )
        found = next(match for match in said if match)
        with contextlib.closing(Firefox(found[1])) as driven:
            yield driven
    finally:
        process.terminate()
        process.wait(30)
        process.stderr.close()
