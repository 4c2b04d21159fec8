# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""The one loop that polls until something is so."""

from __future__ import annotations

import random
import time
from typing import Callable, TypeVar

T = TypeVar("T")

# Random addition to a wait, as a fraction, so that forks that share an account do not all ask at the same moment.
JITTER = 0.25
LEAST = 0.05  # seconds; a shorter wait is not worth it


def jittered(seconds: float) -> float:
    """Return a wait of O(seconds) or a little more."""
    return seconds * random.uniform(1, 1 + JITTER)


def poll(
    look: Callable[[], T],
    done: Callable[[T], bool],
    timeout: float,
    interval: float,
    waiting: Callable[[T], None] | None = None,
    first: float | None = None,
) -> tuple[T, bool]:
    """Look every O(interval) seconds until it is O(done) or O(timeout) seconds have passed.

    Return what was seen last and whether it is done. It looks at least once, and once more when the time is up.
    Before each wait O(waiting) is called with what was seen; what it raises ends the loop. The waits start at
    O(first), for what is often done at once, and double until they reach O(interval).
    """
    began, waited = time.monotonic(), 0.0
    wait = interval if first is None else first
    while True:
        seen = look()
        if done(seen):
            return seen, True
        left = timeout - max(waited, time.monotonic() - began)
        if left < LEAST:
            return seen, False
        if waiting:
            waiting(seen)
        pause = min(jittered(wait), left)
        time.sleep(pause)
        waited += pause
        wait = min(wait * 2, interval)
