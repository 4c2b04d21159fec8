# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: window_left
short_description: How many seconds of the freeze window are left
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Fails if the window is longer than its limit, so that a task that uses it stops the window.
options:
  _input:
    description:
      - The time now, in seconds since 1970.
    type: float
    required: true
  opened:
    description:
      - When the window was opened.
    type: float
    required: true
  limit:
    description:
      - How many seconds it may take; V(0) for no limit.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Stop if the window takes too long
  ansible.builtin.set_fact:
    left: "{{ now().timestamp() | flyover.heroku_to_fly.window_left(opened, 60) }}"
"""

RETURN = r"""
_value:
  description: Whole seconds, at least V(1); V(0) without a limit.
  type: int
"""

from typing import Any, Callable


def window_left(now: float, opened: float, limit: int) -> int:
    """Return the seconds left, 0 without a limit; raises ValueError if there are none."""
    if not int(limit):
        return 0
    left = float(opened) + int(limit) - float(now)
    if left <= 0:
        raise ValueError(
            f"The freeze window has been open for more than {limit} seconds, its limit (migrate_window_limit)."
        )
    # A clock that was set back does not make the window longer than its limit.
    return min(int(limit), max(1, int(left)))


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"window_left": window_left}
