# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: chosen_steps
short_description: The steps that the tags of this run select
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Preflight looks ahead for the steps that come later, but only for those that this run takes.
options:
  _input:
    description:
      - The steps of the role. Each has a tag of its name.
    type: list
    elements: str
    required: true
  run_tags:
    description:
      - The variable C(ansible_run_tags).
      - With V(all), V(tagged), V(always) or V(preflight) all steps count as chosen.
    type: list
    elements: str
    required: true
  skip_tags:
    description:
      - The variable C(ansible_skip_tags).
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: With --tags secrets
  ansible.builtin.debug:
    msg: "{{ ['provision', 'secrets'] | flyover.heroku_to_fly.chosen_steps(ansible_run_tags, ansible_skip_tags) }}"
    # => [secrets]
"""

RETURN = r"""
_value:
  description: The steps, in the order in which they were given.
  type: list
  elements: str
"""

from collections.abc import Iterable
from typing import Any, Callable

_ALL = frozenset({"all", "tagged", "always", "preflight"})


def chosen_steps(steps: Iterable[str], run_tags: Iterable[str], skip_tags: Iterable[str] = ()) -> list[str]:
    """Return the steps that are run."""
    wanted, skipped = set(run_tags), set(skip_tags)
    return [step for step in steps if step not in skipped and (step in wanted or wanted & _ALL)]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"chosen_steps": chosen_steps}
