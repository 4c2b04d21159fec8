# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: window_forecast
short_description: How long the freeze window will be, based on how long the last update of the copy took
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - The window updates the copy once more, with what is written from now on. The forecast is the seconds that the last
    update took, plus V(12) for everything else, such as stopping dynos and starting Machines. A dyno that uses all of
    its 30 seconds to exit makes the window longer.
options:
  _input:
    description:
      - The result of M(flyover.heroku_to_fly.pg_transfer); empty for an app without Postgres.
    type: dict
    required: true
  keys:
    description:
      - The result of M(flyover.heroku_to_fly.redis_transfer); empty for an app without Redis.
    type: dict
    default: {}
"""

EXAMPLES = r"""
- name: Say what to expect
  ansible.builtin.debug:
    msg: "About {{ copy | flyover.heroku_to_fly.window_forecast(keys) }} seconds"
"""

RETURN = r"""
_value:
  description: Seconds.
  type: int
"""

import math
from collections.abc import Mapping
from typing import Any, Callable

# Measured in the sandbox, where dynos end at once.
_REST = 12


def window_forecast(result: Mapping[str, Any], keys: Mapping[str, Any] | None = None) -> int:
    """Return the seconds that a freeze window will take."""
    return _REST + math.ceil(sum((result.get("seconds") or {}).values()) + float((keys or {}).get("seconds") or 0))


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"window_forecast": window_forecast}
