# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run the module redis_transfer, and end it when ansible-playbook ends."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._tied_action import TiedAction


class ActionModule(TiedAction):
    """Add nothing."""
