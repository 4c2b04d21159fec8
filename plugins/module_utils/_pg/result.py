# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""What a run returns: from a comparison of everything, or from what changed."""

from __future__ import annotations

from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.compare import Comparison
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.copy.marker import Marker
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.run import Run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update import survey as changes
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._pg.update.movement import Movement

COPIED, UPDATED, UNCHANGED, UNKNOWN = "copied", "updated", "unchanged", "unknown"
WOULD_COPY, WOULD_UPDATE = "would_copy", "would_update"


def result(
    run: Run,
    verdict: str,
    level: str,
    same: Comparison | None,
    movement: Movement | None = None,
    found: Marker | None = None,
    seconds: dict[str, float] | None = None,
) -> dict[str, Any]:
    """Return the module's result, from a comparison of everything or from what changed."""
    moved = {change.table.name: change for change in movement.changes} if movement else {}
    rows = []
    for table in run.tables:
        row: dict[str, Any] = {"name": table.name, "bytes": table.bytes}
        change = moved.get(table.name)
        if change:
            row.update(rows=change.source.rows, how=change.how, moved=change.moved)
            if change.how == changes.BY_LOG and verdict == WOULD_UPDATE:
                row["rows"] = None  # only the target shows which of the logged keys are new
        elif same:
            row.update(rows=same.rows.get(table.name), how=changes.COPY if verdict == COPIED else changes.UNCHANGED)
        if seconds and table.name in seconds:
            row["seconds"] = round(seconds[table.name], 3)
        if same is None and found:
            row["verified_at"] = found.tables[table.name].verified_at
        rows.append(row)
    return {
        "changed": verdict != UNCHANGED,
        "verdict": verdict,
        "tables": rows,
        "totals": {
            "tables": len(rows),
            "rows": None if any(row["rows"] is None for row in rows) else sum(row["rows"] for row in rows),
            "bytes": sum(table.bytes for table in run.tables),
            "sequences": len(movement.sequences) if movement else same.sequences if same else 0,
            "large_objects": movement.large_objects if movement else same.large_objects if same else 0,
        },
        "verified": {
            "level": level,
            "matched": verdict != WOULD_UPDATE,
            "mismatches": same.mismatches if same else [],
        },
    }
