# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# PRIVATE: internal to this collection, may change without notice.
"""Both servers asked at the same time: over a slow line, an answer takes longer to travel than to find."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Source = TypeVar("_Source")
_Target = TypeVar("_Target")


def both(of_source: Callable[[], _Source], of_target: Callable[[], _Target]) -> tuple[_Source, _Target]:
    """Call O(of_source) while a thread calls O(of_target); return both results.

    Neither may use the other's session. Raises the error of O(of_source), or else that of O(of_target), when both have
    ended: the caller may fork, which must not happen while a thread runs.
    """
    with ThreadPoolExecutor(1) as pool:
        target = pool.submit(of_target)
        source = of_source()
    return source, target.result()
