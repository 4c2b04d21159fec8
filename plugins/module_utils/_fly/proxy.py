# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A tunnel into Fly's private network: flyctl in the background. Only the process that was started is ever ended."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.files import prepare_folder, replace_file
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.polling import poll
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.process import began
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.flyctl import Flyctl

LOOPBACK = "127.0.0.1"
POLL = 0.2  # seconds
PATIENCE = 10.0  # seconds to exit cleanly


@dataclass(frozen=True)
class Tunnel:
    """What to reach, and the local port for it."""

    app: str
    target: str  # HOST:PORT, or the id of a Managed Postgres cluster
    local_port: int  # 0: any free port
    state_file: Path

    def arguments(self, port: int) -> list[str]:
        """Return flyctl's arguments for a tunnel that listens on O(port)."""
        host, colon, remote = self.target.rpartition(":")
        if not colon:
            return ["mpg", "proxy", self.target, "--local-port", str(port), "--bind-addr", LOOPBACK]
        return ["proxy", f"{port}:{remote}", host.strip("[]"), "-a", self.app, "--bind-addr", LOOPBACK]


def start(flyctl: Flyctl, tunnel: Tunnel, timeout: float, check_mode: bool) -> dict[str, Any]:
    """Open the tunnel unless it is open, wait at most O(timeout) seconds for it; return the module's result."""
    running = _running(tunnel)
    # A tunnel that hangs or has another target is replaced.
    if running and running["target"] == tunnel.target and _answers(int(running["port"])):
        return {"changed": False, "host": LOOPBACK, "local_port": running["port"], "pid": running["pid"]}
    if running and not check_mode:
        stop(tunnel, check_mode)
    port = tunnel.local_port or _free_port()
    if _answers(port) and not (running and check_mode):
        raise InputError(
            f"local port {port}", "another program is using it", "Choose another local_port, or 0 for any free port."
        )
    if check_mode:
        return {"changed": True, "host": LOOPBACK, "local_port": 0, "pid": 0}
    process = _open(flyctl, tunnel, port)
    try:
        _remember(tunnel, process.pid, port)
        poll(lambda: process.poll() is not None or _answers(port), bool, timeout, POLL)
        if process.poll() is None and _answers(port):
            return {"changed": True, "host": LOOPBACK, "local_port": port, "pid": process.pid}
        ended, said = process.poll(), flyctl.tail(_log(tunnel).read_bytes())
    except BaseException:
        _end(process.pid, PATIENCE)
        _forget(tunnel)
        raise
    _end(process.pid, PATIENCE)
    _forget(tunnel)
    raise StateError(
        f"tunnel to {tunnel.target}",
        (f"flyctl exited with {ended}" if ended is not None else f"it did not answer within {timeout:.0f} s")
        + f": {said}",
        "Check that the target exists and that flyctl can reach Fly's network (fly doctor), then run again.",
    )


def last_lines(flyctl: Flyctl, tunnel: Tunnel) -> str:
    """Return flyctl's last lines if its tunnel ended on its own; "" if it is running or was never opened."""
    if _running(tunnel) or not (tunnel.state_file.exists() and _log(tunnel).exists()):
        return ""
    return flyctl.tail(_log(tunnel).read_bytes()) or "no output"


def stop(tunnel: Tunnel, check_mode: bool, patience: float = PATIENCE) -> dict[str, Any]:
    """Terminate the tunnel's process, kill it after O(patience) seconds, and return the module's result."""
    running = _running(tunnel)
    if not check_mode:
        if running:
            _end(int(running["pid"]), patience)
        _forget(tunnel)
    return {"changed": bool(running), "host": LOOPBACK, "local_port": 0, "pid": 0}


def _open(flyctl: Flyctl, tunnel: Tunnel, port: int) -> subprocess.Popen[bytes]:
    prepare_folder(tunnel.state_file.parent, f"state file {tunnel.state_file}")
    with open(os.open(_log(tunnel), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as output:
        # Not run_command, which waits: the tunnel outlives this module.
        return subprocess.Popen(  # pylint: disable=ansible-bad-function
            [flyctl.path, *tunnel.arguments(port)],
            env=flyctl.environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # it outlives this module
        )


def _running(tunnel: Tunnel) -> dict[str, Any] | None:
    """Return pid, port and target of the tunnel in the state file, if that same process is still running."""
    try:
        state: dict[str, Any] = json.loads(tunnel.state_file.read_text(encoding="utf-8"))
        # If its start time is not known, it must at least lead its own session, as it did when we started it.
        same = began(int(state["pid"])) == state["started"] and os.getsid(int(state["pid"])) == int(state["pid"])
    except (OSError, ValueError):
        return None
    return state if same else None


def _remember(tunnel: Tunnel, pid: int, port: int) -> None:
    state = {"pid": pid, "started": began(pid), "port": port, "target": tunnel.target}
    replace_file(tunnel.state_file, json.dumps(state), f"state_file {tunnel.state_file}")


def _forget(tunnel: Tunnel) -> None:
    for path in (tunnel.state_file, _log(tunnel)):
        path.unlink(missing_ok=True)


def _log(tunnel: Tunnel) -> Path:
    return tunnel.state_file.with_suffix(".log")


def _end(pid: int, patience: float) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(pid, number)
        if poll(lambda: _ended(pid), bool, patience, POLL)[1]:
            return


def _ended(pid: int) -> bool:
    ended = began(pid) is None
    # An ended process stays until its parent, which may be this module, waits for it.
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return ended


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
