# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: redis_record
short_description: What the ledger and the report keep of the copy of a Redis
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - The result of M(flyover.heroku_to_fly.redis_transfer) in short, with a sentence that sums it up.
options:
  _input:
    description:
      - The result of M(flyover.heroku_to_fly.redis_transfer).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Sum up a copy
  ansible.builtin.debug:
    msg: "{{ (copy | flyover.heroku_to_fly.redis_record).summary }}"
    # => 120 keys compared, 0 differ
"""

RETURN = r"""
_value:
  description: C(verdict), C(counts), C(verified), and the sentence C(summary).
  type: dict
"""

from collections.abc import Mapping
from typing import Any, Callable

_WORDS = {
    "would_copy": "would be copied",
    "unchanged": "already equal to Heroku's",
    "unknown": "unknown, because nothing is read through a tunnel in check mode",
}


def redis_record(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept from redis_transfer's result."""
    parts = {part: result.get(part) or {} for part in ("counts", "verified")}
    verdict = result.get("verdict", "unknown")  # a task that was left out has none
    return {"verdict": verdict, **parts, "summary": _summary(verdict, **parts)}


def _summary(verdict: str, counts: Mapping[str, int], verified: Mapping[str, int]) -> str:
    if verdict != "copied":
        return _WORDS.get(verdict, verdict)
    text = f"{verified.get('compared', 0)} keys compared, {verified.get('differing', 0)} differ"
    foreign = counts.get("foreign", 0)
    return f"{text}; {foreign} other keys there were not copied from Heroku" if foreign else text


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"redis_record": redis_record}
