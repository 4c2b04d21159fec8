# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Lines that show how far pg_transfer is, from its progress file. No word of ansible-core: it runs in a thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any

_FIRST = 2.0  # seconds; what is done sooner needs no progress
_INTERVAL = 5.0


class Watch:
    """Reads the progress file in a thread, and shows a line whenever it is time to."""

    def __init__(
        self, path: str, show: Callable[[str], None], first: float = _FIRST, interval: float = _INTERVAL
    ) -> None:
        """Show what O(path) says, for the first time after O(first) seconds and then every O(interval) seconds."""
        self._path = path
        self._show = show
        self._first = first
        self._interval = interval
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin to watch, for as long as this process lives."""
        self._thread.start()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        wait = self._first
        former: tuple[float, dict[str, Any]] | None = None
        while not self._over.wait(wait):
            wait = self._interval
            with suppress(OSError, ValueError):  # there is none yet
                with open(self._path, encoding="utf-8") as stream:
                    state = json.load(stream)
                now = time.monotonic()
                rate = (state["bytes_done"] - former[1]["bytes_done"]) / (now - former[0]) if former else 0.0
                self._show(line(state, rate))
                former = now, state


def line(state: dict[str, Any], rate: float) -> str:
    """Return what O(state), of the progress file, comes to at O(rate) bytes a second."""
    parts = [str(state["phase"])]
    if state["tables_total"]:
        parts.append(f"{state['tables_done']} of {state['tables_total']} tables")
    if state["bytes_done"]:
        parts.append(f"{megabytes(state['bytes_done'])} MB")
    if rate > 0:
        parts.append(f"{megabytes(rate)} MB/s")
        # What a table takes on disk is not quite what travels.
        left = state["bytes_total"] - state["bytes_done"]
        if state["phase"] == "data" and left > 0:
            parts.append(f"about {left / rate:.0f} s left in this phase")
    return ", ".join(parts)


def summary(result: dict[str, Any]) -> str:
    """Return one line about a copy that was made."""
    totals, seconds = result["totals"], result["seconds"]
    phases = ", ".join(f"{phase} {spent:.1f}" for phase, spent in seconds.items() if spent >= 0.05)
    return (
        f"{result['verdict']}: {totals['tables']} tables, {totals['rows']} rows, {megabytes(totals['bytes'])} MB "
        f"in {sum(seconds.values()):.1f} s ({phases})"
    )


def megabytes(number: float) -> str:
    """Return O(number) of bytes in megabytes."""
    return f"{number / 1e6:.1f}"
