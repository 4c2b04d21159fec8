#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_findings
short_description: Collect what the steps of a migration found in one list
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Takes the findings, warnings and failures of other modules and returns one list of findings, each once, the most
    serious first.
  - Accepted findings get the level V(info). The module does not fail if something blocks, so that its caller can
    report first.
  - It runs on the controller.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
    details:
      - This module changes nothing.
  diff_mode:
    support: N/A
    details:
      - This module changes nothing.
  idempotent:
    support: full
options:
  findings:
    description:
      - Findings of any module, with C(id), C(level), C(text), C(remedy), and if they have them C(urgency), C(path) and
        C(line).
    type: list
    elements: dict
    default: []
  results:
    description:
      - Results of steps by the id that their failure gets. Only C(msg) and C(remedy) are read; a result without
        C(msg) did not fail.
    type: dict
    default: {}
  database:
    description:
      - The database to move, with C(version), C(size_bytes) and C(connected), the number of open connections.
    type: dict
    default: {}
  cluster:
    description:
      - The cluster to create for it, with C(name), C(major) and C(disk_gb).
    type: dict
    default: {}
  warnings:
    description:
      - Warnings of the steps.
    type: list
    elements: dict
    default: []
    suboptions:
      id:
        description: The id that the findings get.
        type: str
        required: true
      texts:
        description: The warnings.
        type: list
        elements: str
        required: true
  accepted:
    description:
      - Accepted findings, each by its C(id), or by C(id:path) for those of one file.
    type: list
    elements: str
    default: []
  dropped:
    description:
      - Ids of findings to leave out.
    type: list
    elements: str
    default: []
seealso:
  - module: flyover.heroku_to_fly.heroku_app_info
  - module: flyover.heroku_to_fly.heroku_source_info
"""

EXAMPLES = r"""
- name: Gather what was found
  flyover.heroku_to_fly.migration_findings:
    findings: "{{ heroku.findings + source.findings }}"
    results:
      postgres-copy: "{{ database }}"
    accepted:
      - addon-to-replace
      - env-dyno:config/puma.rb
  register: all

- name: Stop at what stands in the way
  ansible.builtin.assert:
    that: all.blocking | length == 0
"""

RETURN = r"""
findings:
  description: All findings.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What it is about, which is stable. The collection's C(docs/findings.md) lists every id.
      type: str
      sample: env-dyno
    level:
      description: V(block) stops the migration, V(warn) may break something, V(info) is good to know or was accepted.
      type: str
      sample: warn
    urgency:
      description: When to deal with it, V(before) the cut-over, on its V(day), or V(after) it.
      type: str
      sample: before
    text:
      description: What was found.
      type: str
      sample: This reads DYNO, which only a dyno has.
    remedy:
      description: What to do about it.
      type: str
      sample: Read FLY_MACHINE_ID instead.
    path:
      description: The file that it is about, from the source's folder.
      returned: if it is about a file
      type: str
      sample: config/puma.rb
    line:
      description: The line in that file.
      returned: if it is about a line
      type: int
      sample: 7
  sample:
    - id: not-moved-setting
      level: warn
      urgency: before
      text: "Stays behind: setting log_min_duration_statement. Reason: the target's role may not set it."
      remedy: Make it on the target if the app needs it.
blocking:
  description: Those among them that block.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What it is about, which is stable. The collection's C(docs/findings.md) lists every id.
      type: str
      sample: env-dyno
    level:
      description: V(block), V(warn) or V(info).
      type: str
      sample: warn
    urgency:
      description: When to deal with it, V(before) the cut-over, on its V(day), or V(after) it.
      type: str
      sample: before
    text:
      description: What was found.
      type: str
    remedy:
      description: What to do about it.
      type: str
  sample: []
counts:
  description: How many there are of each level.
  returned: success
  type: dict
  contains:
    block:
      description: Number of findings that block.
      type: int
      sample: 0
    warn:
      description: Number of warnings.
      type: int
      sample: 3
    info:
      description: Number of findings that are good to know or were accepted.
      type: int
      sample: 5
  sample: {block: 0, warn: 3, info: 5}
unmatched:
  description: What was accepted but not found.
  returned: success
  type: list
  elements: str
  sample: [env-dyno:config/puma.rb]
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: >-
    Did you mean env-dyno? docs/findings.md lists them all; those of one file are accepted as ID:PATH.
"""
# This is an action plugin, see plugins/action/migration_findings.py.
