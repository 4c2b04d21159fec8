# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: window_phases
short_description: The length of a freeze window by phase
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - The window begins before the first request that Heroku refuses, and ends when both databases are sealed.
options:
  _input:
    description:
      - Seconds since 1970, when the window was V(opened), Heroku V(frozen), the data V(copied), the app on Fly
        V(verified) and the window V(closed). A phase whose time is missing counts towards the next one.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Measure a window
  ansible.builtin.debug:
    msg: "{{ times | flyover.heroku_to_fly.window_phases }}"
  vars:
    times: {opened: 10.0, frozen: 13.5, copied: 15.0, verified: 17.0, closed: 18.5}
    # => {seconds: 8.5, accepted: 7.0, phases: {freeze: 3.5, data: 1.5, start: 2.0, seal: 1.5}}
"""

RETURN = r"""
_value:
  description:
    - C(seconds) in all; those until the app on Fly had V(accepted) a request, if one was sent; and C(phases),
      V(freeze), V(data), V(start) and V(seal).
  type: dict
"""

from collections.abc import Mapping
from typing import Any, Callable

_ENDS = {"freeze": "frozen", "data": "copied", "start": "verified", "seal": "closed"}


def window_phases(times: Mapping[str, float]) -> dict[str, Any]:
    """Return a window's seconds, in all and by phase; nothing if it is unknown when it was opened."""
    if "opened" not in times:
        return {}
    opened = last = float(times["opened"])
    phases: dict[str, float] = {}
    for phase, end in _ENDS.items():
        if end in times:
            # A clock that was set back inside the window shortens a phase; none is shorter than nothing.
            now = max(float(times[end]), last)
            phases[phase] = round(now - last, 1)
            last = now
    window: dict[str, Any] = {"seconds": round(last - opened, 1), "phases": phases}
    if "verified" in times:
        window["accepted"] = round(max(float(times["verified"]) - opened, 0), 1)
    return window


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"window_phases": window_phases}
