# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Show a plan, or run the module migration_report and show its lines.

A plan that goes to no file is made here, because a module would cost a process.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import Seen
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.report import show_plan
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._shown_lines import ShownLines


class ActionModule(ShownLines):
    """Show lines."""

    def result(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the plan, or the module's result."""
        seen, former = self._task.args.get("seen"), self._task.args.get("former", [])
        if self._task.args.get("show") == "plan" and not self._task.args.get("path") and isinstance(seen, dict):
            return show_plan(Seen(seen), former)
        return super().result(task_vars)
