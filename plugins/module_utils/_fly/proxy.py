# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A tunnel into Fly's private network: flyctl in the background, ended by exactly who started it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.files import prepare_folder
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.flyctl import Flyctl

LOOPBACK = "127.0.0.1"
POLL = 0.2  # seconds


@dataclass(frozen=True)
class Tunnel:
    """What is to be reached, and where on this machine."""

    app: str
    target: str  # HOST:PORT, or the id of a Managed Postgres cluster
    local_port: int  # 0: a free one
    state_file: Path

    def arguments(self, port: int) -> list[str]:
        """Return flyctl's arguments for a tunnel that listens on O(port)."""
        host, colon, remote = self.target.rpartition(":")
        if not colon:
            return ["mpg", "proxy", self.target, "--local-port", str(port), "--bind-addr", LOOPBACK]
        return ["proxy", f"{port}:{remote}", host.strip("[]"), "-a", self.app, "--bind-addr", LOOPBACK]


def start(flyctl: Flyctl, tunnel: Tunnel, timeout: float, check_mode: bool) -> dict[str, Any]:
    """Open the tunnel where it is not open yet, wait at most O(timeout) seconds for it; return the module's result."""
    running = _running(tunnel)
    # A tunnel that hangs, or leads somewhere else, has to go.
    if running and running["target"] == tunnel.target and _answers(int(running["port"])):
        return {"changed": False, "host": LOOPBACK, "local_port": running["port"], "pid": running["pid"]}
    if running and not check_mode:
        stop(tunnel, check_mode)
    port = tunnel.local_port or _free_port()
    if _answers(port) and not (running and check_mode):
        raise InputError(
            f"local port {port}", "another program listens on it", "Choose another local_port, or 0 for a free one."
        )
    if check_mode:
        return {"changed": True, "host": LOOPBACK, "local_port": 0, "pid": 0}
    prepare_folder(tunnel.state_file.parent)
    log = tunnel.state_file.with_suffix(".log")
    with open(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        # Not run_command: it waits, and the tunnel outlives this module.
        process = subprocess.Popen(  # pylint: disable=ansible-bad-function
            [flyctl.path, *tunnel.arguments(port)],
            env=flyctl.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it outlives this module
        )
    _remember(tunnel, process.pid, port)
    try:
        _wait(lambda: process.poll() is not None or _answers(port), timeout)
        if process.poll() is None and _answers(port):
            return {"changed": True, "host": LOOPBACK, "local_port": port, "pid": process.pid}
    except BaseException:
        stop(tunnel, check_mode=False)
        raise
    ended, said = process.poll(), flyctl.tail(log.read_bytes())
    stop(tunnel, check_mode=False)
    raise StateError(
        f"tunnel to {tunnel.target}",
        (f"flyctl ended with {ended}" if ended is not None else f"it did not answer within {timeout:.0f} s")
        + f": {said}",
        "Check that the target exists and that flyctl reaches Fly's network (fly doctor), and run again.",
    )


def last_lines(flyctl: Flyctl, tunnel: Tunnel) -> str:
    """Return what flyctl said before its tunnel ended by itself; "" for one that runs, or was never opened."""
    log = tunnel.state_file.with_suffix(".log")
    if _running(tunnel) or not (tunnel.state_file.exists() and log.exists()):
        return ""
    return flyctl.tail(log.read_bytes()) or "nothing was said"


def stop(tunnel: Tunnel, check_mode: bool, patience: float = 10.0) -> dict[str, Any]:
    """End the tunnel's process, first politely, after O(patience) seconds for good; return the module's result."""
    running = _running(tunnel)
    if not check_mode:
        if running:
            pid = int(running["pid"])
            os.killpg(pid, signal.SIGTERM)
            if not _wait(lambda: not _alive(pid), patience):
                os.killpg(pid, signal.SIGKILL)
                _wait(lambda: not _alive(pid), patience)
        for path in (tunnel.state_file, tunnel.state_file.with_suffix(".log")):
            if path.exists():
                path.unlink()
    return {"changed": bool(running), "host": LOOPBACK, "local_port": 0, "pid": 0}


def _running(tunnel: Tunnel) -> dict[str, Any] | None:
    """Return pid, port and target of the tunnel that the state file names, if that very process still runs."""
    try:
        state = json.loads(tunnel.state_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return state if state["started"] and _started(int(state["pid"])) == state["started"] else None


def _remember(tunnel: Tunnel, pid: int, port: int) -> None:
    state = {"pid": pid, "started": _started(pid), "port": port, "target": tunnel.target}
    with open(os.open(tunnel.state_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(state, file)


def _started(pid: int) -> str:
    """Return when a process started, so that another one with the same id is not taken for it ("" if it has ended)."""
    command = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # pylint: disable=ansible-bad-function
    state, _blank, started = done.stdout.strip().partition(" ")
    # One that has ended stays as a zombie until its parent asks for it: in many a container nobody does.
    return "" if state.startswith("Z") else " ".join(started.split())


def _alive(pid: int) -> bool:
    if _started(pid):
        return True
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return False


def _answers(port: int) -> bool:
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _wait(condition: Callable[[], bool], timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL)
    return True
