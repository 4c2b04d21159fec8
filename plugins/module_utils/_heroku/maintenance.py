# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Maintenance mode of a Heroku app."""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import StateError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.api import HerokuAPI


def ensure_maintenance(heroku: HerokuAPI, app: str, wanted: bool, check_mode: bool) -> dict[str, Any]:
    """Turn maintenance mode on or off unless it already is; return the module's result.

    Raises StateError for an app of the Fir generation, which has no maintenance mode
    (devcenter.heroku.com/articles/maintenance-mode).
    """
    found = heroku.app(app)
    before = bool(found["maintenance"])
    if wanted and (found.get("generation") or {}).get("name") == "fir":
        raise StateError(
            f"Heroku app {app}",
            "it runs on the Fir generation, which has no maintenance mode",
            "Scale its web process to zero instead (module heroku_formation).",
        )
    if before != wanted and not check_mode:
        heroku.set_maintenance(app, wanted)
    return {
        "changed": before != wanted,
        "before": before,
        "maintenance": wanted,
        "diff": {"before": f"maintenance: {before}\n".lower(), "after": f"maintenance: {wanted}\n".lower()},
    }
