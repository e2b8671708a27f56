"""The configuration of the hub that test_hub.py starts; the test says the rest by WORKSHOP."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from jupyterhub.spawner import SimpleLocalProcessSpawner

#: The folder of the test, its users and their numbers in the system, the hub's ports, and so on.
GIVEN = json.loads(os.environ["WORKSHOP"])


class OwnUsers(SimpleLocalProcessSpawner):
    """Starts each server as a user of the system of its own, without an entry in its tables."""

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        uid, home = GIVEN["users"][name], self.home_dir

        def become() -> None:
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            os.chdir(home)

        return become

    def user_env(self, env: dict[str, str]) -> dict[str, str]:
        env = super().user_env(env)
        return env | {"USER": self.user.name, "LOGNAME": self.user.name}


c = get_config()  # type: ignore[name-defined]  # noqa: F821 - what jupyterhub gives it
folder = Path(GIVEN["folder"])
c.JupyterHub.bind_url = f"http://127.0.0.1:{GIVEN['ports'][0]}"
c.JupyterHub.hub_port = GIVEN["ports"][1]
c.JupyterHub.db_url = f"sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = str(folder / "cookie_secret")
c.JupyterHub.spawner_class = OwnUsers
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{GIVEN['ports'][2]}"
c.ConfigurableHTTPProxy.command = GIVEN["proxy"]
c.ConfigurableHTTPProxy.pid_file = str(folder / "proxy.pid")

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = GIVEN["password"]
c.Authenticator.allowed_users = set(GIVEN["users"])
c.JupyterHub.services = [{"name": "test", "api_token": GIVEN["token"]}]
c.JupyterHub.load_roles = [
    {"name": "test", "scopes": ["admin:users", "admin:servers", "tokens"], "services": ["test"]}
]

c.SimpleLocalProcessSpawner.home_dir_template = f"{folder}/homes/{{username}}"
c.Spawner.cmd = [*GIVEN["python"], "-m", "jupyterhub.singleuser"]
c.Spawner.args = ["--allow-root"]
c.Spawner.environment = {
    "WASMWHEEL_PATH": GIVEN["store"],
    "PATH": GIVEN["path"],
    "JUPYTERHUB_SINGLEUSER_APP": "jupyter_server.serverapp.ServerApp",
}
c.Spawner.start_timeout = c.Spawner.http_timeout = 240
