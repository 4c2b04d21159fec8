# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: database_record
short_description: What the ledger and the report keep of a database's copy
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - The result of M(flyover.heroku_to_fly.pg_transfer) without its long lists, with a sentence that sums it up.
options:
  _input:
    description:
      - The result of M(flyover.heroku_to_fly.pg_transfer).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Sum up a copy
  ansible.builtin.debug:
    msg: "{{ (copy | flyover.heroku_to_fly.database_record).summary }}"
    # => 46 tables, 125,811 rows, 40 sequences, 22 large objects; checksums compared: equal
"""

RETURN = r"""
_value:
  description: >-
    C(verdict), C(totals), C(verified), C(seconds), for each of the C(tables) its C(name), C(rows), C(how) and
    C(verified_at), and the sentence C(summary).
  type: dict
"""

from collections.abc import Mapping
from typing import Any, Callable

_OF_A_TABLE = ("name", "rows", "how", "verified_at")
_WORDS = {
    "would_copy": "would be copied",
    "would_update": "would be updated with what changed since the copy",
    "unchanged": "already equal to Heroku's",
    "unknown": "unknown, because nothing is read through a tunnel in check mode",
}


def database_record(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept from pg_transfer's result."""
    parts = {part: result.get(part) or {} for part in ("totals", "verified", "seconds")}
    tables = result.get("tables") or [] if parts["verified"] else []
    return {
        "verdict": result.get("verdict", ""),
        **parts,
        "tables": [{key: table[key] for key in _OF_A_TABLE if table.get(key) is not None} for table in tables],
        "summary": _summary(result, parts["totals"], parts["verified"]),
    }


def _summary(result: Mapping[str, Any], totals: Mapping[str, Any], verified: Mapping[str, Any]) -> str:
    numbers = ", ".join(
        f"{totals.get(kind) or 0:,} {kind.replace('_', ' ')}"
        for kind in ("tables", "rows", "sequences", "large_objects")
    )
    verdict = result.get("verdict", "")
    if verdict == "copied":
        return f"{numbers}; {verified.get('level') or 'none'} compared: equal"
    if verdict == "updated":
        moved = sum(table["how"] != "unchanged" for table in result.get("tables") or [])
        return f"{numbers}; what changed since the copy, in {moved} tables, was copied and compared: equal"
    return _WORDS.get(verdict, verdict)


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"database_record": database_record}
