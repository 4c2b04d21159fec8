#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_variables
short_description: Refuse variables that the role would misread
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Compares all variables whose names begin with C(migrate_) with the specification of the role
    P(flyover.heroku_to_fly.migrate#role), and fails with everything that is wrong in one message.
  - It finds unknown names, strings in place of lists or dicts and the reverse, null, negative numbers, steps that do
    not exist, missing apps, names that no app can have, apps that several hosts would move, invalid URLs, a source
    folder without a Procfile, and hooks whose file is missing or cannot be used.
  - It runs on the controller.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - This module changes nothing.
  idempotent:
    support: full
options:
  specification:
    description:
      - Path of the role's C(argument_specs.yml).
    type: path
    required: true
  needs_source:
    description:
      - Whether the role is going to read the folder of the app's source.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Refuse variables that the role would misread
  flyover.heroku_to_fly.migration_variables:
    specification: "{{ role_path }}/meta/argument_specs.yml"
"""

RETURN = r"""
check_mode:
  description:
    - Whether this task runs in check mode. The variable C(ansible_check_mode) only reflects C(--check), not the
      C(check_mode) of a play, block or task.
  returned: success
  type: bool
  sample: false
alone:
  description:
    - Whether the play works on this host alone, in a strategy that stops all hosts for a task with C(any_errors_fatal).
  returned: success
  type: bool
  sample: true
problems:
  description: What is wrong, a text each. All of them are in C(msg), too.
  returned: failure
  type: list
  elements: str
  sample: ["migrate_steps: there is no step databse. Did you mean database?"]
"""
# This is an action plugin, see plugins/action/migration_variables.py.
