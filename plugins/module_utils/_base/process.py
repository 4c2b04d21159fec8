# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Whether a process that is known by its id is still the one that it was: ids are given out again."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def began(pid: int) -> str | None:
    """Return when a process began, as its kernel counts; None where it has ended, "" where that is not shown."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:  # it is another user's
        pass
    if not (_PROC / "self").exists():
        return _asked("ps", "-o", "lstart=", "-p", str(pid))
    try:
        # The name, in parentheses, may hold anything.
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:  # other users' processes may be hidden
        return ""
    return None if fields[0] in "ZX" else fields[19]  # ended, and nobody has looked


def lives(pid: int, since: str) -> bool:
    """Return whether the process that began at O(since) lives; without proof of the contrary it does."""
    now = began(pid)
    return now is not None and (not now or not since or now == since)


def boot() -> str:
    """Return what is another with each start of the machine, "" where that is not known."""
    with suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return _asked("sysctl", "-n", "kern.bootsessionuuid")


def namespace() -> str:
    """Return what tells apart where process ids are counted: containers on one machine have some of their own."""
    with suppress(OSError):
        return os.readlink(_PROC / "self/ns/pid")
    return ""


def machine() -> str:
    """Return what stays the same with each start of the machine, "" where that is not known."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()
    return ""


def _asked(*command: str) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        # Not run_command: it belongs to a module, and the plugins on the controller ask this too.
        asked = subprocess.run(  # pylint: disable=ansible-bad-function
            command, capture_output=True, text=True, check=True, timeout=5
        )
        return asked.stdout.strip()
    return ""
