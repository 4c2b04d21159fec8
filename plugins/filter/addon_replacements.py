# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: addon_replacements
short_description: The URL on Fly that replaces that of each Postgres or Redis add-on
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Pairs the first Postgres and the first Redis add-on of a Heroku app with the new service's URL. A service that does
    not exist yet has no URL, and is left out.
options:
  _input:
    description:
      - RV(flyover.heroku_to_fly.heroku_app_info#module:services).
    type: list
    elements: dict
    required: true
  urls:
    description:
      - The new URL by kind, V(postgres) and V(redis).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read the config vars as they will be on Fly
  flyover.heroku_to_fly.heroku_config:
    app: paper-crane
    replacements: "{{ inventory.services | flyover.heroku_to_fly.addon_replacements({'postgres': new_url}) }}"
    return_values: true
  no_log: true
"""

RETURN = r"""
_value:
  description: The new URL by the add-on's name.
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any, Callable


def addon_replacements(services: Iterable[Mapping[str, Any]], urls: Mapping[str, str]) -> dict[str, str]:
    """Return the new URL of the first add-on of each kind."""
    first: dict[str, str] = {}
    for service in services:
        first.setdefault(service["kind"], service["addon"])
    return {addon: urls[kind] for kind, addon in first.items() if urls.get(kind)}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"addon_replacements": addon_replacements}
