# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module migration_ledger and tell it which run this is.

The run's long tasks renew the lease that it acquires.
"""

from __future__ import annotations

import os
from typing import Any

from ansible import constants
from ansible.plugins.action import ActionBase

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._renewal import remember_lease
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._run import this_run


class ActionModule(ActionBase):
    """Set the option O(run)."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        super().run(tmp, task_vars)
        variables = task_vars or {}
        host = str(variables.get("inventory_hostname", ""))
        arguments = {**self._task.args, "run": this_run(host)}
        result: dict[str, Any] = self._execute_module(
            module_args=arguments, task_vars=variables, wrap_async=self._task.async_val
        )
        wish = arguments.get("lease")
        if wish and "msg" not in result and self._connection.transport == "local" and not self._task.check_mode:
            # The path as the module sees it, which runs in the playbook's folder.
            path = os.path.join(self._loader.get_basedir(), os.path.expanduser(str(arguments.get("path"))))
            folder = constants.DEFAULT_LOCAL_TMP  # type: ignore[attr-defined]
            remember_lease(folder, host, path, wish == "acquire")
        return result
