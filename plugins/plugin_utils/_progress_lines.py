# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Turn the modules' progress files into lines for people."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

_SILENCE = 15.0  # seconds without a new step after which the elapsed time is shown


def transfer_lines(state: dict[str, Any], former: dict[str, Any], seconds: float) -> Iterator[str]:
    """Yield a copy's progress; O(former) is the state O(seconds) ago, {} at the first look."""
    rate = (state["bytes_done"] - former["bytes_done"]) / seconds if former else 0.0
    parts = [str(state["phase"])]
    if state["tables_total"]:
        parts.append(f"{state['tables_done']} of {state['tables_total']} tables")
    if state["bytes_done"]:
        parts.append(f"{megabytes(state['bytes_done'])} MB")
    if rate > 0:
        parts.append(f"{megabytes(rate)} MB/s")
        # A table's size on disk is not exactly what is transferred.
        left = state["bytes_total"] - state["bytes_done"]
        if state["phase"] == "data" and left > 0:
            parts.append(f"about {left / rate:.0f} s left in this phase")
    yield ", ".join(parts)


def copied_share(state: dict[str, Any]) -> float:
    """Return how much of a copy is done, from 0 to 1; steps after the rows are not counted."""
    for kind in ("bytes", "tables"):
        if state[f"{kind}_total"]:
            return float(state[f"{kind}_done"] / state[f"{kind}_total"])
    return 0.0


def transfer_summary(result: dict[str, Any]) -> str:
    """Return one line about a finished copy."""
    totals, seconds = result["totals"], result["seconds"]
    phases = ", ".join(f"{phase} {spent:.1f}" for phase, spent in seconds.items() if spent >= 0.05)
    return (
        f"{result['verdict']}: {totals['tables']} tables, {totals['rows']} rows, {megabytes(totals['bytes'])} MB "
        f"in {sum(seconds.values()):.1f} s ({phases})"
    )


def step_lines(state: dict[str, Any], former: dict[str, Any], seconds: float) -> Iterator[str]:
    """Yield the steps begun since the last look, or at intervals the elapsed time of a long step."""
    steps = state["steps"]
    new = steps[len(former.get("steps", [])) :]
    yield from new
    silent = time.time() - state["updated_at"]
    if not new and silent // _SILENCE > max(silent - seconds, 0) // _SILENCE:
        yield f"{steps[-1]}: {silent:.0f} s so far"


def megabytes(number: float) -> str:
    """Return a number of bytes in megabytes."""
    return f"{number / 1e6:.1f}"
