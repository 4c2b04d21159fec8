# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""An action that runs the module of the same name and shows its lines as plain text, whatever the callback."""

from __future__ import annotations

from typing import Any

from ansible import constants as C
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

# What is left alone has none: Ansible's dark gray is black on black in many terminals.
_COLORS = {"+": "green", "~": "yellow", ">": "cyan", "?": "purple"}


class ShownLines(ActionBase):
    """Show the module's RV(lines)."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        super().run(tmp, task_vars)
        result = self.result(task_vars or {})
        # If a callback prints data on standard output, text must not get mixed in.
        aside = "json" in str(C.config.get_config_value("DEFAULT_STDOUT_CALLBACK"))
        for line in [] if result.get("failed") else ["", *result.get("lines", []), ""]:
            Display().display(line, color=_COLORS.get(line[2:3]) if line.startswith("  ") else None, stderr=aside)
        return result

    def result(self, task_vars: dict[str, Any]) -> dict[str, Any]:
        """Return the result of the module of the same name."""
        result: dict[str, Any] = self._execute_module(task_vars=task_vars)
        return result
