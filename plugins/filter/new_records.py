# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: new_records
short_description: The records of copies for the ledger to keep
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - A run that finds a copy equal keeps the earlier record, which says what was copied, unless there is none.
options:
  _input:
    description:
      - Records with a C(verdict), by name.
    type: dict
    required: true
  ledger:
    description:
      - The ledger, which has the earlier records.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Keep what was verified
  flyover.heroku_to_fly.migration_ledger:
    path: .flyover/paper-crane--paper-crane.json
    record: >-
      {{ {'database': copy | flyover.heroku_to_fly.database_record}
         | flyover.heroku_to_fly.new_records(read.ledger) }}
"""

RETURN = r"""
_value:
  description: The records whose verdict is V(copied) or V(updated), and V(unchanged) ones that the ledger lacks.
  type: dict
"""

from collections.abc import Mapping
from typing import Any, Callable


def new_records(records: Mapping[str, Mapping[str, Any]], ledger: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the records of copies that were made or updated, and of equal ones that O(ledger) does not have."""
    kept = {name: ("copied", "updated") if name in ledger else ("copied", "updated", "unchanged") for name in records}
    return {name: record for name, record in records.items() if record.get("verdict") in kept[name]}


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"new_records": new_records}
