# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module fly_deploy and show flyctl's steps as it takes them."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._progress_lines import step_lines
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._watch import State
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._watched_action import WatchedAction


class ActionModule(WatchedAction):
    """Show steps."""

    to_the_end = True

    def lines(self, state: State, former: State, seconds: float) -> Iterable[str]:
        """Return the steps since the last look."""
        return step_lines(state, former, seconds)
