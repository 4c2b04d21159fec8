# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What a module supports. Each module states C(support) itself, under the same keys."""

    DOCUMENTATION = r"""
attributes:
  check_mode:
    description: Can run in C(check_mode) and return the changed status prediction without modifying the target.
  diff_mode:
    description: Will return details on what has changed (or would change in C(check_mode)), when in diff mode.
  idempotent:
    description: When run twice in a row outside check mode, with the same arguments, the second run changes nothing.
"""

    ACTIONGROUP_HEROKU = r"""
attributes:
  action_group:
    description: Use C(group/flyover.heroku_to_fly.heroku) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - flyover.heroku_to_fly.all
      - flyover.heroku_to_fly.heroku
"""

    ACTIONGROUP_FLY = r"""
attributes:
  action_group:
    description: Use C(group/flyover.heroku_to_fly.fly) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - flyover.heroku_to_fly.all
      - flyover.heroku_to_fly.fly
"""

    ACTIONGROUP_FLYCTL = r"""
attributes:
  action_group:
    description: >-
      Use C(group/flyover.heroku_to_fly.fly) or C(group/flyover.heroku_to_fly.flyctl) in C(module_defaults) to set
      defaults for this module.
    support: full
    membership:
      - flyover.heroku_to_fly.all
      - flyover.heroku_to_fly.fly
      - flyover.heroku_to_fly.flyctl
"""

    COMMON = r"""
attributes:
  action_group:
    description: Use C(group/flyover.heroku_to_fly.all) in C(module_defaults) to set defaults for this module.
    support: full
    membership:
      - flyover.heroku_to_fly.all
"""
