# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Follow the progress file of a running module. Imports nothing of ansible-core, because it works in a thread."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from types import TracebackType
from typing import Any

_FIRST = 2.0  # seconds; anything faster needs no progress
_INTERVAL = 5.0

State = dict[str, Any]
# (the file's content, its content at the last look or {}, seconds in between) -> lines to show
Lines = Callable[[State, State, float], Iterable[str]]


class Watch:
    """Read the progress file in a thread, and show lines at intervals."""

    def __init__(
        self,
        path: str,
        lines: Lines,
        show: Callable[[str], None],
        first: float = _FIRST,
        interval: float = _INTERVAL,
        to_the_end: bool = False,
    ) -> None:
        """Show the O(lines) made from O(path), first after O(first) seconds, then every O(interval) seconds.

        With O(to_the_end), also show what came after the last look.
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
        """Watch until this process ends."""
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
            with suppress(OSError, ValueError):  # it does not exist yet
                with open(self._path, encoding="utf-8") as stream:
                    state: State = json.load(stream)
                now = time.monotonic()
                for line in self._lines(state, former, now - looked):
                    self._show(line)
                former, looked = state, now
