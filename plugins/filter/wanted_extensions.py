# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: wanted_extensions
short_description: The extensions that a copy of a database needs
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Every extension of the source, in the schema where it is, except C(plpgsql), which every database has. One that no
    other object needs is optional, so that it is left out if Fly does not offer it.
options:
  _input:
    description:
      - C(plan.extensions) of RV(flyover.heroku_to_fly.pg_transfer#module:plan).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Create the cluster with what the database uses
  flyover.heroku_to_fly.fly_postgres:
    name: paper-crane-db
    org: personal
    region: iad
    extensions: "{{ looked.plan.extensions | flyover.heroku_to_fly.wanted_extensions }}"
"""

RETURN = r"""
_value:
  description: The value for O(flyover.heroku_to_fly.fly_postgres#module:extensions), with those that are needed first.
  type: list
  elements: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any, Callable


def wanted_extensions(extensions: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the extensions to create: those that other objects need, then the optional ones."""
    used = [found for found in extensions if found["name"] != "plpgsql" and found.get("source")]
    wanted = [{"name": found["name"], "schema": found["source"]["schema"], "needed": found["needed"]} for found in used]
    return [_wish(found) for found in sorted(wanted, key=lambda found: not found["needed"])]


def _wish(found: Mapping[str, Any]) -> dict[str, Any]:
    wish = {"name": found["name"], "schema": found["schema"]}
    return wish if found["needed"] else {**wish, "optional": True}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"wanted_extensions": wanted_extensions}
