# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start and end a sandbox, and read what its folder says about it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from .processes import LOOPBACK
from .tokens import FLY_TOKENS, HEROKU_TOKEN

if TYPE_CHECKING:
    from .world import World

ROOT = Path(__file__).resolve().parents[2]
FACTS = "sandbox.json"
PID = "sandbox.pid"
LOG = "sandbox.log"
START_TIMEOUT = 120  # seconds


class SandboxError(Exception):
    """The error that the command line prints if it cannot do what was asked."""


def up(directory: Path, scenario: Path) -> None:
    """Start a sandbox in O(directory); return once it answers."""
    directory = directory.resolve()
    if running(directory):
        raise SandboxError(f"A sandbox is already running in {directory}; end it with 'down'.")
    if directory.exists() and any(directory.iterdir()):
        raise SandboxError(f"{directory} is not empty: give a new folder.")
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    log = directory / LOG
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.sandbox.server", str(directory), str(scenario.resolve())],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    (directory / PID).write_text(str(process.pid))
    try:
        deadline = time.monotonic() + START_TIMEOUT
        while not (directory / FACTS).exists():
            if process.poll() is not None:
                raise SandboxError(f"The sandbox did not start: {_last_lines(log)}")
            if time.monotonic() > deadline:
                raise SandboxError(f"The sandbox was not ready within {START_TIMEOUT} s: {_last_lines(log)}")
            time.sleep(0.05)
    except BaseException:
        if process.poll() is None:
            process.terminate()
            process.wait()
        raise


def down(directory: Path) -> None:
    """End the sandbox in O(directory), if one runs."""
    pid = running(directory)
    if not pid:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 20
    while running(directory):
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            forget(directory)
            return
        time.sleep(0.05)


def running(directory: Path) -> int:
    """Return the process id of the sandbox in O(directory), 0 if none is running."""
    try:
        pid = int((directory / PID).read_text())
        os.kill(pid, 0)
        state = subprocess.run(
            ["ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
    except (OSError, ValueError):
        return 0
    return pid if "tests.sandbox" in state.stdout and not state.stdout.startswith("Z") else 0


def facts(directory: Path) -> dict[str, Any]:
    """Return where everything is; raises SandboxError if no sandbox is running there."""
    if not running(directory) or not (directory / FACTS).exists():
        raise SandboxError(f"No sandbox is running in {directory}; start one with 'up'.")
    found: dict[str, Any] = json.loads((directory / FACTS).read_text())
    return found


def ask(directory: Path, path: str, body: Any = None) -> Any:
    """Send a request to the running sandbox."""
    url = facts(directory)["environment"]["HEROKU_API_URL"] + "/_sandbox/" + path
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data=data), timeout=30) as answer:
            return json.load(answer)
    except URLError as error:
        raise SandboxError(f"The sandbox in {directory} does not answer: {error.reason}") from None


def write_facts(directory: Path, world: World) -> None:
    """Print that the sandbox is ready and how to use it."""
    heroku, fly = f"http://{LOOPBACK}:{world.heroku_port}", f"http://{LOOPBACK}:{world.fly_port}"
    app = world.scenario.heroku_app
    sources = world.heroku.app(app).service_urls()
    environment = {
        "HEROKU_API_KEY": HEROKU_TOKEN,
        "HEROKU_API_URL": heroku,
        "HEROKU_HOST": heroku,
        "HEROKU_DATA_HOST": LOOPBACK,
        # To reach one-off dynos: for Python along with the certificates that it already trusts, for Node alone.
        "SSL_CERT_FILE": str(_known_certificates(directory, world)),
        "NODE_EXTRA_CA_CERTS": str(world.rendezvous.certificate.certificate),
        "FLY_API_TOKEN": ",".join(FLY_TOKENS),
        "FLY_FLAPS_BASE_URL": fly,
        "FLY_API_BASE_URL": fly,
        "FLY_UIEX_BASE_URL": fly,
        "SANDBOX_SOURCE_DATABASE_URL": sources.get("heroku-postgresql", ""),
        "SANDBOX_TARGET_DATABASE_URL": world.fly.first_cluster_url(),
        "SANDBOX_SOURCE_REDIS_URL": sources.get("heroku-redis", ""),
        "SANDBOX_TARGET_REDIS_URL": world.target_redis[0].url,
        "HEROKU_APP": app,
        "FLY_APP": app,
        "FLY_ORG": world.scenario.fly_org,
        "MIGRATE_SOURCE_DIR": str(world.source),
        "MIGRATE_STATE_DIR": str(directory / "state"),
        "MIGRATE_FLY_URL": f"{fly}/_apps/{app}",
        "FLY_NO_UPDATE_CHECK": "1",
        "FLY_NO_INCIDENTS_CHECK": "1",
        "FLY_SEND_METRICS": "0",
        "FLY_CONFIG_DIR": str(directory / "flyctl"),
        "PATH": f"{directory / 'bin'}{os.pathsep}{Path(sys.executable).parent}",
    }
    (directory / "flyctl").mkdir(exist_ok=True)
    aside = directory / f"{FACTS}.new"
    aside.touch(mode=0o600)
    aside.write_text(json.dumps({"environment": environment}, indent=1))
    aside.replace(directory / FACTS)


def _known_certificates(directory: Path, world: World) -> Path:
    system = ssl.get_default_verify_paths().cafile
    bundle = directory / "certificates.pem"
    known = Path(system).read_text(encoding="utf-8") if system else ""
    bundle.write_text(f"{known}\n{world.rendezvous.certificate.certificate.read_text()}", encoding="utf-8")
    return bundle


def forget(directory: Path) -> None:
    """Remove what marks a running sandbox."""
    for name in (FACTS, PID):
        (directory / name).unlink(missing_ok=True)


def _last_lines(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").strip().splitlines()[-15:])
