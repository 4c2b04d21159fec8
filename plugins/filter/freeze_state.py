# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: freeze_state
short_description: Whether an earlier run left Heroku frozen, and what it ran before
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - The record of a freeze is in the ledger, in the fence's schema in Heroku's database, and for an app without Postgres
    in the metadata of its Machines on Fly. It is written before anything is frozen, so a run that ended at that point
    leaves a record that is V(stale).
options:
  _input:
    description:
      - RV(flyover.heroku_to_fly.heroku_app_info#module:app) and its formation.
    type: dict
    required: true
  freeze:
    description:
      - The ledger's record, empty if it has none.
    type: dict
    required: true
  fence:
    description:
      - The result of M(flyover.heroku_to_fly.pg_fence) with O(flyover.heroku_to_fly.pg_fence#module:state=gathered).
    type: dict
    default: {}
  machines:
    description:
      - The result of M(flyover.heroku_to_fly.fly_machines).
    type: dict
    default: {}
  formation:
    description:
      - Quantities of dynos by process type, used if Heroku looks frozen and no record says what it ran.
    type: dict
    default: {}
  now:
    description:
      - The time that a record of O(formation) gets.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: See whether Heroku is frozen
  ansible.builtin.debug:
    msg: "{{ inventory | flyover.heroku_to_fly.freeze_state(ledger.freeze | default({}), fence) }}"
"""

RETURN = r"""
_value:
  description:
    - The C(record), and C(state), V(none), V(frozen), V(stale) if Heroku serves although there is a record, or
      V(unknown) if Heroku looks frozen and no record says what it ran.
  type: dict
"""

import json
from collections.abc import Mapping
from typing import Any, Callable

_UNKNOWN: dict[str, Any] = {"state": "unknown", "record": {}}
_NONE: dict[str, Any] = {"state": "none", "record": {}}


def freeze_state(
    heroku: Mapping[str, Any],
    freeze: Mapping[str, Any],
    fence: Mapping[str, Any] | None = None,
    machines: Mapping[str, Any] | None = None,
    formation: Mapping[str, Any] | None = None,
    now: str = "",
) -> dict[str, Any]:
    """Return the record of a freeze, and whether Heroku is frozen."""
    record = dict(freeze) or _noted(fence or {}, machines or {})
    maintenance = bool(heroku["app"]["maintenance"])
    down = not any(entry["quantity"] for entry in heroku["formation"])
    if not record and maintenance and down:
        return {"state": "frozen", "record": _given(heroku, formation, now)} if formation else _UNKNOWN
    if not record:
        return _NONE
    # An app that was in maintenance mode before looks frozen either way; resuming from the record does no harm then.
    serves = not (maintenance or down or (fence or {}).get("raised"))
    return {"state": "stale" if serves else "frozen", "record": record}


def _given(heroku: Mapping[str, Any], formation: Mapping[str, Any], now: str) -> dict[str, Any]:
    """Return the record made from what the user says."""
    release = heroku.get("release_version")
    return {"opened_at": now, "maintenance": False, "formation": dict(formation), "release_version": release}


def _noted(fence: Mapping[str, Any], machines: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record that is kept with the data, without anything that is not about the freeze."""
    found = fence.get("record") or {}
    for machine in machines.get("machines") or []:
        text = (machine.get("metadata") or {}).get("flyover_freeze")
        found = found or (json.loads(text) if text else {})
    return {name: value for name, value in found.items() if name != "lease"}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"freeze_state": freeze_state}
