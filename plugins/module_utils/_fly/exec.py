# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Run a command in a started Machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError, StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.api import FlyAPI
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._fly.machines import by_group


def execute(fly: FlyAPI, app: str, group: str | None, argv: Sequence[str], timeout: int) -> dict[str, Any]:
    """Run O(argv) for at most O(timeout) seconds; return the module's result. Raises StateError if it fails."""
    if not argv:
        raise InputError("argv", "it is empty", "Give the command and its arguments.")
    if fly.app(app) is None:
        raise StateError(f"Fly app {app}", "it does not exist", "Check its name.")
    groups = by_group(fly.machines(app))
    candidates = groups.get(group, []) if group else [machine for own in groups.values() for machine in own]
    machine = next((machine for machine in candidates if machine["state"] == "started"), None)
    if machine is None:
        where = f" in the process group {group}" if group else ""
        raise StateError(f"Fly app {app}", f"it has no started Machine{where}", "Deploy or start one first.")
    answer = fly.exec(app, machine["id"], list(argv), timeout)
    result = {
        "machine": machine["id"],
        "rc": int(answer.get("exit_code") or 0),
        "stdout": str(answer.get("stdout") or ""),
        "stderr": str(answer.get("stderr") or ""),
    }
    if result["rc"] != 0:
        raise StateError(
            f"command in Machine {machine['id']} of Fly app {app}",
            f"it exited with {result['rc']}",
            "See stderr and stdout in the result.",
            **result,
        )
    return {"changed": True, **result}
