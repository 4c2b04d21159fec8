# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""An action that runs the long-running module of the same name, and ends it when ansible-playbook ends.

The run's lease is renewed while the module works.
"""

from __future__ import annotations

from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import leash
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._renewal import keep_renewing
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._run import this_run


class TiedAction(ActionBase):
    """Run a module tied to ansible-playbook."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        # On another host this run cannot be seen; a job that nobody polls is meant to outlive it.
        if self._connection.transport == "local" and not self._is_left_alone():
            self._tie_to_run()
        return self._work(dict(self._task.args))

    def _work(self, arguments: dict[str, Any]) -> dict[str, Any]:
        return self._execute(arguments)

    def _execute(self, arguments: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_args=arguments, task_vars=self._task_vars, wrap_async=self._task.async_val
        )
        return result

    def _is_left_alone(self) -> bool:
        return bool(self._task.async_val and not self._task.poll)

    def _tie_to_run(self) -> None:
        run = this_run(str(self._task_vars.get("inventory_hostname", "")))
        tie = {leash.VARIABLE: f"{run['pid']}:{run['process']}"}
        self._task.environment = [*(self._task.environment or []), tie]
        keep_renewing(constants.DEFAULT_LOCAL_TMP, run["inventory_host"])  # type: ignore[attr-defined]
