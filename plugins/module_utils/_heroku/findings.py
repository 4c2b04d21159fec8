# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What blocks moving a Heroku app (V(block)), may break after the move (V(warn)) or is good to know (V(info)).

The checks are table rows, and docs/findings.md is generated from them. A text names the app and the thing, never a
value.
"""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.errors import InputError
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.finding import INFO, Finding, meant, order
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku import (
    checks_addons,
    checks_app,
    checks_config,
)
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._heroku.check import Check, Facts

CHECKS: tuple[Check, ...] = tuple(
    sorted((*checks_app.CHECKS, *checks_addons.CHECKS, *checks_config.CHECKS), key=lambda check: check.id)
)
# id -> its level unless it is acknowledged.
LEVELS: dict[str, str] = {check.id: check.level for check in CHECKS}


def check_ids(acknowledged: Iterable[str]) -> None:
    """Raise InputError for an id that no finding has: a misspelled one would acknowledge nothing."""
    unknown = sorted(set(acknowledged) - set(LEVELS))
    if unknown:
        raise InputError(
            "option acknowledged",
            f"there is no finding {', '.join(unknown)}",
            f"{meant(unknown, LEVELS)}Use the ids of findings: {', '.join(LEVELS)}.",
        )


def findings(facts: Facts, acknowledged: Iterable[str] = ()) -> list[Finding]:
    """Return the app's findings, the most serious first: C(id), C(level), C(urgency), C(text) and C(remedy)."""
    known = set(acknowledged)
    app = f"Heroku app {facts.inventory.name}"
    rows = [
        {
            "id": check.id,
            "level": INFO if check.id in known else check.level,
            "urgency": check.urgency,
            "text": f"{app}: {check.text.format_map(words)}",
            "remedy": check.remedy.format_map(words),
        }
        for check in CHECKS
        for words in check.find(facts)
    ]
    return sorted(rows, key=order)
