# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: heroku_changes
short_description: What changed in a Heroku app between two inspections
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Compares dyno quantities, maintenance mode, the newest release, and the add-ons that hold data.
options:
  _input:
    description:
      - The earlier result of M(flyover.heroku_to_fly.heroku_app_info).
    type: dict
    required: true
  now:
    description:
      - The later one.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what changed while the database was copied
  ansible.builtin.debug:
    msg: "{{ before | flyover.heroku_to_fly.heroku_changes(after) }}"
    # => ['web: 2 dynos became 4', 'release v41 became v42']
"""

RETURN = r"""
_value:
  description: One sentence for each change; empty if nothing changed.
  type: list
  elements: str
"""

from collections.abc import Mapping
from typing import Any, Callable


def heroku_changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between two inventories of a Heroku app."""
    was, is_now = _quantities(before), _quantities(now)
    changes = [
        f"{kind}: {was.get(kind, 0)} dynos became {is_now.get(kind, 0)}"
        for kind in sorted({*was, *is_now})
        if was.get(kind, 0) != is_now.get(kind, 0)
    ]
    if before["app"]["maintenance"] != now["app"]["maintenance"]:
        changes.append(f"maintenance mode became {'on' if now['app']['maintenance'] else 'off'}")
    if before["release_version"] != now["release_version"]:
        changes.append(f"release v{before['release_version']} became v{now['release_version']}")
    had, has = _services(before), _services(now)
    changes += [f"add-on {addon} was detached" for addon in sorted(had - has)]
    changes += [f"add-on {addon} was attached" for addon in sorted(has - had)]
    return changes


def _quantities(inventory: Mapping[str, Any]) -> dict[str, int]:
    return {entry["type"]: entry["quantity"] for entry in inventory["formation"]}


def _services(inventory: Mapping[str, Any]) -> set[str]:
    return {service["addon"] for service in inventory["services"]}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"heroku_changes": heroku_changes}
