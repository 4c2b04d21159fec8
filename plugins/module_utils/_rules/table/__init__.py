# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""All rules about an app's source, in one table."""

from __future__ import annotations

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.table import (
    build,
    data,
    environment,
    files,
    network,
    processes,
    runtime,
)

RULES = tuple(
    sorted(
        (
            *environment.RULES,
            *network.RULES,
            *data.RULES,
            *files.RULES,
            *processes.RULES,
            *processes.LATER_RULES,
            *processes.PACKAGE_RULES,
            *build.RULES,
            *runtime.RULES,
        ),
        key=lambda rule: rule.id,
    )
)
