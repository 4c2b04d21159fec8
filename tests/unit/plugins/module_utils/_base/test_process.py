# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a process still exists that has ended but was not reaped yet."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.process import began

_EXIT = {"x86_64": 60, "aarch64": 93}  # the system call that ends one thread
# The first thread ends and becomes a zombie, while the second one holds a listening socket.
LEADER_ENDS = """
import ctypes, socket, threading, time
server = socket.create_server(("127.0.0.1", 0))
threading.Thread(target=time.sleep, args=(60,)).start()
print(server.getsockname()[1], flush=True)
ctypes.CDLL(None).syscall({number}, 0)
"""

if not Path("/proc/self/stat").exists():
    pytest.skip("this system has no /proc", allow_module_level=True)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]


def test_zombie_has_ended() -> None:
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert _state(process.pid) == "Z"
        assert began(process.pid) is None


@pytest.mark.skipif(os.uname().machine not in _EXIT, reason="the number of the system call is not known here")
def test_zombie_whose_threads_live_on_has_not_ended() -> None:
    program = LEADER_ENDS.format(number=_EXIT[os.uname().machine])
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        while _state(process.pid) != "Z":
            pass
        assert began(process.pid)
        process.kill()
        process.wait()
    assert began(process.pid) is None
