# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""One line of a terminal that is rewritten. Imports nothing of ansible-core.

Workers of ansible-core 2.19 and newer are cut off from standard error, and pass on what they show. So the terminal is
looked for at the process that shows it, which only Linux's C(/proc) makes possible; elsewhere there is none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

_BEGIN = "\r\x1b[K"  # back to the first column, and clear the line
_CELLS = 20


class Line:
    """The line that is rewritten."""

    def __init__(self, write: Callable[[str], None], columns: int) -> None:
        """O(write) takes text as it is, without adding a line break."""
        self._write = write
        self._columns = columns

    def show(self, text: str) -> None:
        """Replace what is there with O(text), as much of it as fits."""
        room = self._columns - 1  # in the last column some terminals begin a new line
        self._write(_BEGIN + (text if len(text) <= room else text[: room - 1] + "…"))

    def clear(self) -> None:
        """Leave the line empty for whoever writes next."""
        self._write(_BEGIN)


def columns(pid: int, environment: Mapping[str, str]) -> int:
    """Return how wide the terminal at the standard error of process O(pid) is, 0 if lines cannot be rewritten."""
    if environment.get("TERM", "dumb") == "dumb":
        return 0
    try:
        descriptor = os.open(f"/proc/{pid}/fd/2", os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
    except OSError:
        return 0
    try:
        return os.get_terminal_size(descriptor).columns if os.isatty(descriptor) else 0
    except OSError:
        return 0
    finally:
        os.close(descriptor)


def filled_bar(share: float) -> str:
    """Return a bar that is filled to O(share), from 0 to 1."""
    filled = round(_CELLS * min(max(share, 0.0), 1.0))
    return f"[{'#' * filled}{'-' * (_CELLS - filled)}] {100 * min(max(share, 0.0), 1.0):3.0f} %"
