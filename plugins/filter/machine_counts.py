# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: machine_counts
short_description: The number of Machines for each process group of a Fly app
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Each process group gets as many Machines as Heroku ran dynos of the process type, or V(1) if Heroku does not know
    the type. O(given) overrides both.
  - Heroku's process types are matched in lower case, as Fly's process groups are.
options:
  _input:
    description:
      - Names of the process groups, or a dictionary whose keys are the names.
    type: list
    elements: str
    required: true
  formation:
    description:
      - Heroku's process types and their quantities.
    type: dict
    required: true
  given:
    description:
      - Numbers that override Heroku's, by process group.
    type: dict
    default: {}
  only:
    description:
      - The process groups that should run. All others get V(0). By default all run.
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: In a rehearsal no worker runs
  ansible.builtin.debug:
    msg: "{{ ['web', 'worker'] | flyover.heroku_to_fly.machine_counts({'web': 2, 'worker': 1}, only=['web']) }}"
    # => {web: 2, worker: 0}
"""

RETURN = r"""
_value:
  description: The number of Machines by process group.
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any, Callable


def machine_counts(
    groups: Iterable[str],
    formation: Mapping[str, Any],
    given: Mapping[str, Any] | None = None,
    only: Iterable[str] | str | None = None,
) -> dict[str, int]:
    """Return the number of Machines for each process group."""
    dynos = {str(kind).lower(): quantity for kind, quantity in formation.items()}
    overruled = {str(group).lower(): count for group, count in (given or {}).items()}
    wanted = {str(group): dynos.get(str(group), 1) for group in groups}
    counts = {group: _number(group, count) for group, count in {**wanted, **overruled}.items()}
    if only is None:
        return counts
    # -e gives a string even if a list is meant.
    names = only.split(",") if isinstance(only, str) else only
    running = {str(group).strip().lower() for group in names}
    return {group: count if group in running else 0 for group, count in counts.items()}


def _number(group: str, count: Any) -> int:
    if isinstance(count, bool) or not str(count).isdigit():
        raise ValueError(f"Process group {group}: {count!r} is not a number of Machines. Give 0 or more.")
    return int(count)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"machine_counts": machine_counts}
