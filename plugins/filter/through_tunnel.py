# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: through_tunnel
short_description: A URL with the local end of a tunnel in place of its host and port
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - User, password, path and query are kept, byte for byte.
options:
  _input:
    description:
      - A URL.
    type: str
    required: true
  tunnel:
    description:
      - The result of M(flyover.heroku_to_fly.fly_proxy).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Reach a private database from here
  ansible.builtin.debug:
    msg: "{{ 'postgres://u:p@paper-db.flycast/app' | flyover.heroku_to_fly.through_tunnel(tunnel) }}"
  vars:
    tunnel: {host: 127.0.0.1, local_port: 16380}
    # => postgres://u:p@127.0.0.1:16380/app
"""

RETURN = r"""
_value:
  description: The URL, or an empty string if no tunnel is open, as in check mode.
  type: str
"""

import re
from collections.abc import Mapping
from typing import Any, Callable

_PARTS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)(?P<user>[^/?#]*@)?[^/?#]*(?P<rest>.*)", re.S)


def through_tunnel(url: str, tunnel: Mapping[str, Any]) -> str:
    """Return O(url) as it is reached through O(tunnel), "" if that is not open."""
    parts = _PARTS.fullmatch(url)
    if not parts or not tunnel.get("local_port"):
        return ""
    return f"{parts['scheme']}{parts['user'] or ''}{tunnel['host']}:{tunnel['local_port']}{parts['rest']}"


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"through_tunnel": through_tunnel}
