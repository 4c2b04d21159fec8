# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""How far a copy has got: a JSON file for other programs, written atomically about once a second."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.progress import write_progress


class Progress:
    """Counts what is done, and times the phases."""

    def __init__(self, path: str | None) -> None:
        """Write to O(path), if any."""
        self._path = path
        self._started = time.time()
        self._written = 0.0
        self._phase_started = time.monotonic()
        self._state: dict[str, Any] = {
            "phase": "plan",
            "tables_total": 0,
            "tables_done": 0,
            "rows_done": 0,
            "bytes_total": 0,
            "bytes_done": 0,
            "started_at": self._started,
        }
        self.phases: dict[str, float] = {}
        """Seconds spent in each phase that is over."""

    def phase(self, name: str, **counts: Any) -> None:
        """Begin a phase; O(counts) replace those of the phase before."""
        now = time.monotonic()
        former = self._state["phase"]
        self.phases[former] = round(self.phases.get(former, 0) + now - self._phase_started, 3)
        self._phase_started = now
        self._state.update(counts, phase=name)
        self._write()

    def update(self, **counts: Any) -> None:
        """Set counts."""
        self._state.update(counts)
        if time.monotonic() - self._written >= 1:
            self._write()

    def add(self, **counts: int) -> None:
        """Add to counts."""
        self.update(**{name: self._state.get(name, 0) + number for name, number in counts.items()})

    def end(self, phase: str) -> None:
        """Say how it ended: V(done) or V(failed)."""
        self.phase(phase)

    def _write(self) -> None:
        self._written = time.monotonic()
        write_progress(self._path, self._state)
