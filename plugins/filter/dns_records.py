# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: dns_records
short_description: The DNS records that bring an app's hostnames to Fly
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - One flat list, as modules for DNS take it in a loop.
options:
  _input:
    description:
      - RV(flyover.heroku_to_fly.fly_certificate#module:hostnames).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: List the records
  ansible.builtin.debug:
    msg: "{{ certificates.hostnames | flyover.heroku_to_fly.dns_records }}"
"""

RETURN = r"""
_value:
  description: C(hostname), C(type), C(name), C(value) and C(purpose) of each record.
  type: list
  elements: dict
"""

from collections.abc import Mapping
from typing import Any, Callable


def dns_records(hostnames: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the records of all hostnames, each with its hostname."""
    return [
        {"hostname": hostname, **record}
        for hostname, certificate in hostnames.items()
        for record in certificate.get("dns_records") or []
    ]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"dns_records": dns_records}
