# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module pg_transfer and show its progress."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._progress_lines import (
    copied_share,
    transfer_lines,
    transfer_summary,
)
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._watch import State
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._watched_action import WatchedAction


class ActionModule(WatchedAction):
    """Show tables, megabytes and phases."""

    shown_with_no_log = True

    def lines(self, state: State, former: State, seconds: float) -> Iterable[str]:
        """Return one line."""
        return transfer_lines(state, former, seconds)

    def share(self, state: State) -> float | None:
        """Return how much of the bytes is copied, or of the tables if bytes are not counted."""
        return copied_share(state)

    def summary(self, result: dict[str, Any]) -> str:
        """Return what the copy took, if there was one."""
        return transfer_summary(result) if result.get("changed") and "seconds" in result else ""
