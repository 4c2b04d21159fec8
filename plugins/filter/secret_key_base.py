# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: secret_key_base
short_description: Whether to read SECRET_KEY_BASE from a dyno, and the result
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Heroku's buildpack sets E(SECRET_KEY_BASE) if no config var does; then only a one-off dyno can read its value.
  - It is read once, and again if Heroku has a new release, or Fly a secret other than the one in the ledger.
  - The result holds the secret.
options:
  _input:
    description:
      - The result of M(flyover.heroku_to_fly.heroku_app_info).
    type: dict
    required: true
  secrets:
    description:
      - The C(secrets) that M(flyover.heroku_to_fly.fly_app_info) returned.
    type: dict
    required: true
  recorded:
    description:
      - What the ledger has of an earlier fetch.
    type: dict
    default: {}
  wanted:
    description:
      - Whether the user asked for it.
    type: bool
    default: false
  fetched:
    description:
      - The result of the task that reads it.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Whether a dyno has to be started
  ansible.builtin.debug:
    msg: "{{ (heroku | flyover.heroku_to_fly.secret_key_base(fly.secrets, wanted=true)).fetch }}"
"""

RETURN = r"""
_value:
  description: What to do.
  type: dict
  contains:
    fetch:
      description: Whether to read it from a dyno.
      type: bool
    kept:
      description: Names of secrets that are kept on Fly.
      type: list
      elements: str
    secrets:
      description: The secrets that were read.
      type: dict
    undetermined:
      description: Names of secrets that check mode did not read.
      type: list
      elements: str
    record:
      description: What the ledger keeps of it.
      type: dict
"""

from collections.abc import Mapping
from typing import Any, Callable

NAME = "SECRET_KEY_BASE"
FINDING = "secret-key-base-missing"


def secret_key_base(
    heroku: Mapping[str, Any],
    secrets: Mapping[str, Any],
    recorded: Mapping[str, Any] | None = None,
    wanted: bool = False,
    fetched: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return whether to read it, and what to do with it."""
    on_fly = secrets.get(NAME) or {}
    record = {
        "release_version": heroku["release_version"],
        "digest": on_fly.get("digest") or "",
        "updated_at": on_fly.get("updated_at") or "",
    }
    missing = wanted and any(finding["id"] == FINDING for finding in heroku["findings"])
    before = missing and recorded == record
    result = fetched if fetched and not fetched.get("skipped") else None
    return {
        "fetch": missing and not before,
        "kept": [NAME] if before else [],
        "secrets": {NAME: result["stdout"]} if result and "stdout" in result else {},
        "undetermined": [NAME] if result and "stdout" not in result else [],
        "record": record,
    }


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"secret_key_base": secret_key_base}
