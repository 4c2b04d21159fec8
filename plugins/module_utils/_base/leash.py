# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""End a module together with the run that started it, if its action plugin says which run that is.

A task's processes outlive a killed ansible-playbook, and would get in the way of the next run.
"""

from __future__ import annotations

import os
import signal
import time

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import process

VARIABLE = "FLYOVER_RUN"
"""Environment variable: the run's process id, a colon, and when that process began."""

_LOOK = 0.5  # seconds


def tie_to_run(look: float = _LOOK) -> None:
    """Kill this process and its whole group when the run ends. Call it before starting any thread."""
    pid, _colon, began = os.environ.get(VARIABLE, "").partition(":")
    if not pid.isdigit() or os.fork():
        return
    # Close the standard streams: Ansible reads the module's output to its end, and must not wait for this process.
    for descriptor in (0, 1, 2):
        os.close(descriptor)
    module = os.getppid()
    while os.getppid() == module:
        if not process.lives(int(pid), began):
            os.killpg(0, signal.SIGKILL)
        time.sleep(look)
    os._exit(0)
