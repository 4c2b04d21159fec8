# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: postgres_url
short_description: The URL of a PostgreSQL database, from its parts
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Percent-encodes every character of user, password and database name that has a meaning in a URL, the slash included,
    which the filter C(urlencode) leaves as it is.
options:
  _input:
    description:
      - C(user), C(password), C(dbname), C(host) and C(port), as RV(flyover.heroku_to_fly.fly_postgres#module:direct)
        has them. Without C(user), there is no URL yet.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: A password with a slash and an at sign
  ansible.builtin.debug:
    msg: "{{ parts | flyover.heroku_to_fly.postgres_url }}"
  vars:
    parts: {user: fly-user, password: "a/b@c", dbname: fly-db, host: direct.example.flympg.net, port: 5432}
    # => postgresql://fly-user:a%2Fb%40c@direct.example.flympg.net:5432/fly-db
"""

RETURN = r"""
_value:
  description: The URL, or an empty string if the parts are not known yet.
  type: str
"""

from collections.abc import Mapping
from typing import Any, Callable
from urllib.parse import quote


def postgres_url(parts: Mapping[str, Any]) -> str:
    """Return the URL of a database, "" for parts without a user."""
    if not parts.get("user"):
        return ""
    user, password, name = (quote(str(parts.get(part) or ""), safe="") for part in ("user", "password", "dbname"))
    return f"postgresql://{user}:{password}@{parts.get('host') or 'localhost'}:{parts.get('port') or 5432}/{name}"


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"postgres_url": postgres_url}
