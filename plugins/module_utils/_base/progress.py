# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""A module's progress: a JSON file for other programs, including the module's action plugin."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.files import replace_file

LONGEST_STEP = 200  # characters


def write_progress(path: str | None, state: Mapping[str, Any]) -> None:
    """Write O(state) and the current time to O(path), if given; a reader never sees a partial file.

    Raises InputError if it cannot be written.
    """
    if not path:
        return
    replace_file(Path(path), json.dumps({**state, "updated_at": time.time()}), f"progress file {path}")


class Steps:
    """What a module has done so far, one line per step."""

    def __init__(self, path: str | None) -> None:
        """Write to O(path), if given."""
        self._path = path
        self._started = time.time()
        self._steps: list[str] = []

    def add(self, step: str) -> None:
        """Begin a step; repeating the current step changes nothing."""
        step = step[:LONGEST_STEP]
        if step not in self._steps[-1:]:
            self._steps.append(step)
            write_progress(self._path, {"started_at": self._started, "steps": self._steps})
