#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: heroku_source_info
short_description: Read an app's source for what it expects of Heroku
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Reads the folder of an app's source and returns findings, each with its file and line. They show what the code,
    its settings and its files expect of Heroku and will not find on Fly.io. The rules know Rails best; for Django,
    Node.js, Phoenix and Laravel they cover what all apps have in common.
  - In a git checkout it reads the tracked files, otherwise all files that C(.slugignore) and C(.dockerignore) do not
    exclude. It does not follow symbolic links that lead out of the folder, and it runs nothing. For files that may
    hold secrets it returns only the names.
  - A comment C(flyover:ignore ID) in a line, or in the line before, silences the finding ID there.
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
requirements:
  - tomlkit, to read C(fly.toml), C(pyproject.toml) and other TOML files
options:
  source_dir:
    description:
      - Folder of the app's source.
    type: path
    required: true
  config_names:
    description:
      - Config vars with their C(class) and C(reason), as M(flyover.heroku_to_fly.heroku_app_info) returns them.
    type: dict
    default: {}
  formation:
    description:
      - What Heroku runs, as M(flyover.heroku_to_fly.heroku_app_info) returns it.
    type: list
    elements: dict
    default: []
  process_types:
    description:
      - The commands of the app's slug by process type.
    type: dict
    default: {}
  slug_commit:
    description:
      - The commit that the slug was built from.
    type: str
  buildpacks:
    description:
      - The app's buildpacks.
    type: list
    elements: str
    default: []
  hosts:
    description:
      - The app's own names below herokuapp.com.
    type: list
    elements: str
    default: []
  fly_processes:
    description:
      - The process groups that Fly.io will have, with their commands, as M(flyover.heroku_to_fly.fly_toml_processes)
        returns them. Without this option they are not compared with O(formation).
    type: dict
seealso:
  - module: flyover.heroku_to_fly.heroku_app_info
  - module: flyover.heroku_to_fly.migration_findings
"""

EXAMPLES = r"""
- name: Read the app's source
  flyover.heroku_to_fly.heroku_source_info:
    source_dir: ~/src/paper-crane
  register: source

- name: Show what must be dealt with
  ansible.builtin.debug:
    msg: "{{ item.path | default('') }}:{{ item.line | default('') }} {{ item.text }} {{ item.remedy }}"
  loop: "{{ source.findings }}"
"""

RETURN = r"""
findings:
  description: What the source expects of Heroku, the most serious first.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What kind of finding it is.
      type: str
    level:
      description: V(block), V(warn) or V(info).
      type: str
    urgency:
      description: V(before) the cut-over, on the V(day), or V(after).
      type: str
    path:
      description: The file, with slashes, if it is about one.
      type: str
    line:
      description: The line in it.
      type: int
    url:
      description: Where the repository's site shows the line, if the remote is known.
      type: str
    text:
      description: What was found.
      type: str
    remedy:
      description: What to do about it.
      type: str
  sample:
    - id: env-dyno
      level: warn
      urgency: before
      path: config/puma.rb
      line: 12
      text: This reads DYNO, which only a dyno has.
      remedy: Read FLY_MACHINE_ID or FLY_PROCESS_GROUP instead, or set DYNO under [env] in fly.toml.
language:
  description: The app's language, or nothing.
  returned: success
  type: str
  sample: ruby
framework:
  description: Its framework, or nothing.
  returned: success
  type: str
  sample: rails
versions:
  description: Versions of language, framework and package managers that the source asks for.
  returned: success
  type: dict
  sample: {ruby: 3.4.1, rails: 8.0.1, bundler: 2.5.22}
processes:
  description: The Procfile, as it is.
  returned: success
  type: dict
  sample: {web: bundle exec puma -C config/puma.rb}
ports:
  description: Ports that commands or the Dockerfile name.
  returned: success
  type: list
  elements: int
  sample: [8080]
jobs:
  description: Packages that run jobs.
  returned: success
  type: list
  elements: str
  sample: [sidekiq]
storage:
  description: Packages that keep files.
  returned: success
  type: list
  elements: str
  sample: [activestorage]
environment:
  description: Environment variables that the code reads, each with its places as C(path), C(line) and whether the value
    is C(required).
  returned: success
  type: dict
  sample: {REDIS_URL: [{path: config/cable.yml, line: 10, required: false}]}
postgres_pooled:
  description:
    - Whether a pooled connection to Postgres is enough for the app and its release command. It is not enough if they
      use C(LISTEN), advisory locks, or settings of a session; the findings C(postgres-session) and
      C(postgres-settings) name the places.
  returned: success
  type: bool
  sample: true
files:
  description: Number of files that belong to the app.
  returned: success
  type: int
  sample: 412
checkout:
  description: Whether git listed them.
  returned: success
  type: bool
  sample: true
commit:
  description: The commit that is checked out, or nothing.
  returned: success
  type: str
  sample: 0a1b2c3d4e5f60718293a4b5c6d7e8f901234567
web_url:
  description: URL at which the repository's site shows the files of that commit, without the path. Empty if no remote
    is known.
  returned: success
  type: str
  sample: https://github.com/example/paper-crane/blob/0a1b2c3d/
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Give the folder of the app's source.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._rules.source_info import inspect, on_heroku


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "source_dir": {"type": "path", "required": True},
            "config_names": {"type": "dict", "default": {}},
            "formation": {"type": "list", "elements": "dict", "default": []},
            "process_types": {"type": "dict", "default": {}},
            "slug_commit": {"type": "str"},
            "buildpacks": {"type": "list", "elements": "str", "default": []},
            "hosts": {"type": "list", "elements": "str", "default": []},
            "fly_processes": {"type": "dict"},
        },
        supports_check_mode=True,
    )
    run(module, work)


def work(module: AnsibleModule) -> dict[str, Any]:
    return {"changed": False, **inspect(module.params["source_dir"], on_heroku(module.params))}


if __name__ == "__main__":
    main()
