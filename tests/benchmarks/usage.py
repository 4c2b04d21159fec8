# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CPU time and memory of processes that run at the same time as this one, as Linux tells them in /proc (proc(5))."""

from __future__ import annotations

import contextlib
import os
import resource
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
AVAILABLE = (_PROC / "self" / "smaps_rollup").exists()
"""Whether this system tells what this file asks for."""

# Rare enough to cost less than a hundredth of a core.
_PERIOD = 0.2


@dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    own: float  # seconds of CPU
    reaped: float  # seconds of CPU of the children that it has waited for


def _process(pid: int) -> _Process:
    second = os.sysconf("SC_CLK_TCK")
    # The process name before it may contain anything.
    fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(field) / second for field in fields[11:15])
    return _Process(pid, int(fields[1]), user + system, children_user + children_system)


def _processes() -> Iterator[_Process]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):  # it may have ended by now
                yield _process(int(folder.name))


def server_cpu(postmaster: int) -> float:
    """Return the seconds of CPU that a server has used: its first process, and all that this one started."""
    while True:
        before = _process(postmaster)
        children = sum(process.own for process in _processes() if process.parent == postmaster)
        after = _process(postmaster)
        if before.reaped == after.reaped:  # else one that ended meanwhile may have been missed, or counted twice
            return after.own + after.reaped + children


def children_cpu() -> float:
    """Return the seconds of CPU of all our own children that have ended, and of theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class PeakMemory:
    """Watches a session of processes; pages that they share count once."""

    def __init__(self, session: int) -> None:
        """Watch the session whose first process is O(session), while entered."""
        self.bytes = 0
        self._session = session
        self._ended = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        if AVAILABLE:
            self._watcher.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._ended.set()
        if self._watcher.is_alive():
            self._watcher.join()

    def _watch(self) -> None:
        while not self._ended.wait(_PERIOD):
            members = (int(name) for name in os.listdir(_PROC) if name.isdigit())
            self.bytes = max(self.bytes, sum(_proportional(pid) for pid in members if self._has(pid)))

    def _has(self, pid: int) -> bool:
        with contextlib.suppress(ProcessLookupError):
            return os.getsid(pid) == self._session
        return False


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError):
        for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
