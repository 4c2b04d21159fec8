# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs that the sandbox runs: they start with few privileges and end with it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

LOOPBACK = "127.0.0.1"
# PostgreSQL refuses to run as root; any other user will do.
UNPRIVILEGED = 65534


# Below the ports for outgoing connections, one of which could take a port before its server does.
_PORTS = range(15000, 32000)


# UDP sockets on the ports that were given out, to reserve them: a server may take its TCP port seconds later.
_CLAIMS: list[socket.socket] = []


def free_port() -> int:
    """Return a free loopback port that no other sandbox gets while this process lives."""
    while True:
        address = (LOOPBACK, random.choice(_PORTS))
        claim = socket.socket(type=socket.SOCK_DGRAM)
        try:
            claim.bind(address)
            with socket.socket() as probe:
                probe.bind(address)
        except OSError:
            claim.close()
            continue
        _CLAIMS.append(claim)
        return address[1]


def answers(port: int) -> bool:
    """Return whether something listens on a loopback port."""
    with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), timeout=1):
        return True
    return False


def dying_with_parent(number: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """Return what a child process calls to get a signal when its parent is gone, if the system supports that.

    It also stops ignoring SIGHUP, which every process below a 'nohup make test' would otherwise inherit.
    """
    libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None

    def child() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        if libc:
            libc.prctl(1, int(number))  # PR_SET_PDEATHSIG

    return child


def spawn(
    command: Sequence[str | Path],
    log: Path,
    environment: Mapping[str, str],
    folder: Path | None = None,
    unprivileged: bool = False,
    end: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a program that writes to O(log) and gets the signal O(end) when the sandbox is killed."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=dying_with_parent(end),
            **(demoted() if unprivileged else {}),
        )


def demoted() -> dict[str, Any]:
    """Return the arguments that make a subprocess run as another user than root."""
    if os.getuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM, patience: float = 5) -> None:
    """End a program started by spawn(), with all its children."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
