# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: hook_files
short_description: The full paths of a team's own task files
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Fails for a hook that does not exist, and for anything but lists of paths.
options:
  _input:
    description:
      - Lists of task files by the hook that runs them.
    type: dict
    required: true
  folder:
    description:
      - The folder to which relative paths refer.
    type: str
    required: true
  hook:
    description:
      - The one hook whose files are wanted. By default, the files of all hooks.
    type: str
"""

EXAMPLES = r"""
- name: List the task files
  ansible.builtin.debug:
    msg: "{{ {'before_seal': ['dns.yml']} | flyover.heroku_to_fly.hook_files('/srv/migration') }}"
    # => [/srv/migration/dns.yml]
"""

RETURN = r"""
_value:
  description: The paths, in the order in which they run.
  type: list
  elements: str
"""

import os.path
from collections.abc import Mapping
from typing import Any, Callable

HOOKS = ("before_freeze", "after_freeze", "before_seal", "after_cutover", "after_rollback")


def hook_files(hooks: Mapping[str, Any] | None, folder: str, hook: str | None = None) -> list[str]:
    """Return the task files of one hook, or of all; raises ValueError for what is not a hook or not a list."""
    hooks = hooks or {}
    if not isinstance(hooks, Mapping):
        raise ValueError("migrate_hooks: it is not a dict. Give {'before_seal': ['tasks.yml']}.")
    unknown = sorted(set(hooks) - set(HOOKS))
    if unknown:
        raise ValueError(f"migrate_hooks: there is no hook {', '.join(unknown)}. Choose from {', '.join(HOOKS)}.")
    for name, files in hooks.items():
        if not isinstance(files, list) or not all(isinstance(file, str) and file for file in files):
            raise ValueError(f"migrate_hooks.{name}: it is not a list of paths. Give ['tasks.yml'].")
    wanted = HOOKS if hook is None else (hook,)
    return [os.path.join(folder, os.path.expanduser(file)) for name in wanted for file in hooks.get(name, [])]


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"hook_files": hook_files}
