# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the module pg_transfer and, where it runs on the controller, shows how far it is.

A line every few seconds, through the callback like every other: it reaches terminals, logs and AWX alike. Nothing is
shown but names of phases and numbers, so it stays with C(no_log).
"""

from __future__ import annotations

import os
import tempfile
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._transfer_progress import Watch, summary


class ActionModule(ActionBase):
    """Runs the module, and watches it."""

    _supports_check_mode = True
    _supports_async = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        super().run(tmp, task_vars)
        self._task_vars = task_vars or {}
        arguments = dict(self._task.args)
        background = self._task.async_val
        # Elsewhere, or as another user, the file could not be read or written; a job that is left alone nobody watches.
        watched = self._connection.transport == "local" and not self._connection.become
        if not watched or self._task.check_mode or (background and not self._task.poll):
            return self._execute(arguments)
        if background:
            # Removed with the job. This process, which will ask for the job's end, ends the watch.
            path = arguments.setdefault("progress_file", os.path.join(self._make_tmp_path(), "progress"))
            Watch(path, self._show).start()
            return self._execute(arguments)
        with tempfile.TemporaryDirectory(prefix="flyover-") as folder:
            path = arguments.setdefault("progress_file", os.path.join(folder, "progress"))
            with Watch(path, self._show):
                result = self._execute(arguments)
        if result.get("changed") and "seconds" in result:
            self._show(summary(result))
        return result

    def _execute(self, arguments: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(
            module_args=arguments, task_vars=self._task_vars, wrap_async=self._task.async_val
        )
        return result

    def _show(self, text: str) -> None:
        host = self._task_vars.get("inventory_hostname", "")
        Display().display(f"pg_transfer [{host}]: {text}")
