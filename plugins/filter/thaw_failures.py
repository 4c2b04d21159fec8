# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: thaw_failures
short_description: Which of the steps that put Heroku back into service failed
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Reads the results of tasks that ignore errors.
options:
  _input:
    description:
      - For each step the results of its tasks; the first that failed is the cause.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what could not be put back
  ansible.builtin.debug:
    msg: "{{ {'formation': [started]} | flyover.heroku_to_fly.thaw_failures }}"
"""

RETURN = r"""
_value:
  description: The cause by the step that failed; empty if none failed.
  type: dict
"""

from collections.abc import Iterable, Mapping
from typing import Any, Callable


def thaw_failures(steps: Mapping[str, Iterable[Any]]) -> dict[str, str]:
    """Return why each step failed, of those that did."""
    causes = {step: [_cause(result) for result in results] for step, results in steps.items()}
    return {step: next(filter(None, found)) for step, found in causes.items() if any(found)}


def _cause(result: Any) -> str:
    failed = isinstance(result, Mapping) and result.get("failed")
    return str(result.get("msg") or "no message") if failed else ""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"thaw_failures": thaw_failures}
