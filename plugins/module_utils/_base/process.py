# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Whether a process id still belongs to the same process: ids are reused."""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def began(pid: int) -> str | None:
    """Return when a process began, in the kernel's own units; None if it has ended, "" if that cannot be seen."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except OSError:  # it belongs to another user
        pass
    if not (_PROC / "self").exists():
        return _asked("ps", "-o", "lstart=", "-p", str(pid))
    try:
        # The name, in parentheses, may contain anything.
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:  # other users' processes may be hidden
        return ""
    # A zombie has ended, but not before its other threads have: until then its sockets are open.
    return None if fields[0] in "ZX" and int(fields[17]) <= 1 else fields[19]


def lives(pid: int, since: str) -> bool:
    """Return whether the process that began at O(since) is alive; True unless there is proof that it is not."""
    now = began(pid)
    return now is not None and (not now or not since or now == since)


def boot() -> str:
    """Return an id that changes with each boot of the machine, "" if unknown."""
    with suppress(OSError):
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return _asked("sysctl", "-n", "kern.bootsessionuuid")


def namespace() -> str:
    """Return the id of this process's PID namespace, "" if unknown: each container may have its own."""
    with suppress(OSError):
        return os.readlink(_PROC / "self/ns/pid")
    return ""


def machine() -> str:
    """Return an id of the machine that stays the same across boots, "" if unknown."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()
    return ""


def _asked(*command: str) -> str:
    with suppress(OSError, subprocess.SubprocessError):
        # Not run_command, which belongs to a module: plugins on the controller call this too.
        asked = subprocess.run(  # pylint: disable=ansible-bad-function
            command, capture_output=True, text=True, check=True, timeout=5
        )
        return asked.stdout.strip()
    return ""
