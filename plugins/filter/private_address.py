# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: private_address
short_description: The host and port of a URL that only Fly's private network reaches
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Hosts below C(.flycast), C(.internal) and C(.flympg.net), C(fly-*.upstash.io), and addresses of Fly's private IPv6
    network (C(fdaa:)) are reached through a tunnel, all others directly.
options:
  _input:
    description:
      - A URL, with or without user and password.
    type: str
    required: true
  port:
    description:
      - The port if the URL names none.
    type: int
    required: true
"""

EXAMPLES = r"""
- name: Whether a database needs a tunnel
  ansible.builtin.debug:
    msg: "{{ 'postgres://u:p@paper-db.flycast/app' | flyover.heroku_to_fly.private_address(5432) }}"
    # => paper-db.flycast:5432
"""

RETURN = r"""
_value:
  description: C(HOST:PORT), or an empty string for a host that is reached directly.
  type: str
"""

import re
from typing import Any, Callable

_HOST = re.compile(
    r"[a-z][a-z0-9+.-]*://(?:[^/?#]*@)?(?P<host>\[[0-9a-f:.]+\]|[^:/?#\[\]]+)(?::(?P<port>\d+))?(?=[/?#]|$)", re.I
)
_PRIVATE = re.compile(r".+\.(flycast|internal|flympg\.net)\.?|fly-.+\.upstash\.io\.?|\[fdaa:.*\]", re.I)


def address(url: str, port: int) -> str:
    """Return HOST:PORT of a URL, "" if it has no host."""
    found = _HOST.match(url)
    return f"{found['host']}:{found['port'] or port}" if found else ""


def private_address(url: str, port: int) -> str:
    """Return HOST:PORT of a URL whose host is on Fly's private network, else ""."""
    found = address(url, port)
    return found if _PRIVATE.fullmatch(found.rpartition(":")[0]) else ""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"private_address": private_address}
