# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: worker_processes
short_description: The process types that run jobs
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Those whose command runs Sidekiq, Resque or another job system; if no command does, all except the web process.
options:
  _input:
    description:
      - Process types, each with C(type), C(quantity) and C(command).
    type: list
    elements: dict
    required: true
  web:
    description:
      - Name of the process type that serves HTTP.
    type: str
    default: web
"""

EXAMPLES = r"""
- name: Show which processes keep running while web is stopped
  ansible.builtin.debug:
    msg: "{{ formation | flyover.heroku_to_fly.worker_processes }}"
  vars:
    formation:
      - {type: web, quantity: 2, command: bundle exec puma}
      - {type: worker, quantity: 1, command: bundle exec sidekiq}
      - {type: clock, quantity: 1, command: clockwork clock.rb}
    # => ["worker"]
"""

RETURN = r"""
_value:
  description: Names of process types.
  type: list
  elements: str
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Callable

_WORKS = re.compile(
    r"\b(sidekiq\w*|resque(?!:scheduler|-scheduler)|jobs:work|delayed_job|good_job|que|sneakers|shoryuken|solid_queue)\b"
)
_NEVER = frozenset({"release", "console", "rake"})


def worker_processes(formation: Iterable[Mapping[str, Any]], web: str = "web") -> list[str]:
    """Return the process types that run jobs."""
    rows = [row for row in formation if row["type"] != web and row["type"] not in _NEVER]
    told = [str(row["type"]) for row in rows if _WORKS.search(str(row.get("command") or ""))]
    return told or [str(row["type"]) for row in rows]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"worker_processes": worker_processes}
