# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: nearest_fly_region
short_description: The Fly region nearest to one of Heroku's
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Among the regions that offer Managed Postgres.
options:
  _input:
    description:
      - Name of Heroku's region.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Where an app in Europe goes
  ansible.builtin.debug:
    msg: "{{ 'eu' | flyover.heroku_to_fly.nearest_fly_region }}"
    # => lhr
"""

RETURN = r"""
_value:
  description: Code of the Fly region; V(iad) for an unknown region.
  type: str
"""

from typing import Any, Callable

_NEAREST = {
    "us": "iad",
    "eu": "lhr",
    "virginia": "iad",
    "oregon": "sjc",
    "montreal": "yyz",
    "dublin": "lhr",
    "london": "lhr",
    "frankfurt": "fra",
    "mumbai": "sin",
    "singapore": "sin",
    "sydney": "syd",
    "tokyo": "nrt",
}


def nearest_fly_region(region: str) -> str:
    """Return the Fly region nearest to Heroku's O(region)."""
    return _NEAREST.get(region, "iad")


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"nearest_fly_region": nearest_fly_region}
