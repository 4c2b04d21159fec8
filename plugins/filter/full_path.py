# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: full_path
short_description: A path that does not depend on the folder in which a module runs
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - On the controller, Ansible runs modules in the folder of the playbook. A playbook of a collection lies in the
    collection's folder, which is not where its user means a relative path to begin.
options:
  _input:
    description:
      - A path. If it is relative, it begins in the folder in which ansible-playbook was started. C(~) is the home
        folder.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Give a module the folder that the user meant
  ansible.builtin.debug:
    msg: "{{ '/srv/apps/../paper-crane/' | flyover.heroku_to_fly.full_path }}"
    # => /srv/paper-crane
"""

RETURN = r"""
_value:
  description: The full path, or an empty string for an empty one.
  type: str
"""

import os.path
from typing import Any, Callable


def full_path(path: Any) -> str:
    """Return O(path) from the root."""
    text = str(path if path is not None else "")
    return os.path.abspath(os.path.expanduser(text)) if text else ""


class FilterModule:
    """What Ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filter by its name."""
        return {"full_path": full_path}
