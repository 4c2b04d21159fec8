# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Follows the progress file of a module that runs. No word of ansible-core: it does so in a thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any

_FIRST = 2.0  # seconds; what is done sooner needs no progress
_INTERVAL = 5.0

State = dict[str, Any]
# (what the file says, what it said at the last look or {}, seconds in between) -> what to show
Lines = Callable[[State, State, float], Iterable[str]]


class Watch:
    """Reads the progress file in a thread, and shows lines whenever it is time to."""

    def __init__(
        self,
        path: str,
        lines: Lines,
        show: Callable[[str], None],
        first: float = _FIRST,
        interval: float = _INTERVAL,
        to_the_end: bool = False,
    ) -> None:
        """Show what O(lines) make of O(path), for the first time after O(first) seconds, then every O(interval).

        With O(to_the_end) also what came after the last look.
        """
        self._path = path
        self._lines = lines
        self._show = show
        self._first = first
        self._interval = interval
        self._to_the_end = to_the_end
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
        former: State = {}
        looked = time.monotonic()
        wait, over = self._first, False
        while not over:
            over = self._over.wait(wait)
            wait = self._interval
            if over and not self._to_the_end:
                return
            with suppress(OSError, ValueError):  # there is none yet
                with open(self._path, encoding="utf-8") as stream:
                    state: State = json.load(stream)
                now = time.monotonic()
                for line in self._lines(state, former, now - looked):
                    self._show(line)
                former, looked = state, now
