# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: first_cause
short_description: Why a task failed
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Of a loop, what the first item that failed says.
  - With C(ended) no task of this host failed, and its run was ended because of another host.
options:
  _input:
    description:
      - The result of a task that failed, as C(ansible_failed_result) has it.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say it again
  ansible.builtin.debug:
    msg: "{{ ansible_failed_result | flyover.heroku_to_fly.first_cause }}"
"""

RETURN = r"""
_value:
  description: The message.
  type: str
"""

from collections.abc import Mapping
from typing import Any, Callable


def first_cause(result: Mapping[str, Any]) -> str:
    """Return why a task failed."""
    for item in result.get("results") or []:
        if item.get("failed"):
            return first_cause(item)
    drift = result.get("drift_since_raised")
    if drift:
        return f"Heroku's database changed although the write fence was up: {'; '.join(drift)}."
    if "async_result" in result or ("ansible_job_id" in result and result.get("msg") == "Timeout exceeded"):
        # Ansible reports a task that took too long in either way: in the role that is only a copy inside the window.
        return "It was stopped, because the freeze window would have exceeded its limit (migrate_window_limit)."
    if result.get("ended"):
        return (
            "It was stopped because of another host: a host of this play failed (any_errors_fatal), or "
            "a task of a hook is delegated to a host that cannot be reached."
        )
    return str(result.get("msg") or "no message")


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"first_cause": first_cause}
