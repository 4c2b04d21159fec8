# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A module ends with the run that started it, where its action plugin says which that is.

A task runs in processes of its own, which outlive an ansible-playbook that is killed: the next run would meet them.
"""

from __future__ import annotations

import os
import signal
import time

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import process

VARIABLE = "FLYOVER_RUN"
"""Environment variable with the process id of the run, a colon, and when that process began."""

_LOOK = 0.5  # seconds


def tie_to_run(look: float = _LOOK) -> None:
    """Have this process, and all of its group, end when the run does. To be called before any thread is started."""
    pid, _colon, began = os.environ.get(VARIABLE, "").partition(":")
    if not pid.isdigit() or os.fork():
        return
    # Whoever waits for the end of the module's output must not wait for this process.
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    module = os.getppid()
    while os.getppid() == module:
        if not process.lives(int(pid), began):
            os.killpg(0, signal.SIGKILL)
        time.sleep(look)
    os._exit(0)
