#!/usr/bin/python
# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_report
short_description: Show the plan of a migration, or show and write its report
version_added: 1.0.0
author:
  - The flyover contributors (@flyover)
description:
  - Makes a plan or a report from what the steps of P(flyover.heroku_to_fly.migrate#role) returned, and shows it as
    plain text under every callback. If the callback prints JSON, the text goes to standard error.
  - The report is written as JSON, as Markdown, and as one HTML page that needs no other file. It holds names, numbers
    and states, and no value of a secret.
extends_documentation_fragment:
  - flyover.heroku_to_fly.attributes
  - flyover.heroku_to_fly.attributes.common
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details:
      - The report's files are not shown as a diff.
  idempotent:
    support: full
options:
  seen:
    description:
      - What the steps returned, by name; see C(tasks/show.yml) of the role. A missing step was not taken.
    type: dict
    required: true
  show:
    description:
      - V(plan) shows what a run would do, V(report) the present state and what to do next.
    type: str
    choices: [plan, report]
    default: report
  path:
    description:
      - Path of the files without their endings C(.json), C(.md) and C(.html). Required with O(show=report).
      - With O(show=plan) nothing is written unless it is given. Then there are two more files for CI systems, C(.sarif)
        (SARIF 2.1.0) and C(.junit.xml).
    type: path
  former:
    description:
      - JSON files of earlier reports. With O(show=plan), RV(drift) is what changed since the first of them that
        exists.
    type: list
    elements: path
    default: []
"""

EXAMPLES = r"""
- name: Say what an app's migration would do and what changed since yesterday, for CI too
  flyover.heroku_to_fly.migration_report:
    show: plan
    path: /srv/audits/paper-crane
    former: [/srv/audits/paper-crane.json]
    seen:
      heroku_app: paper-crane
      fly_app: paper-crane
      heroku: "{{ heroku }}"
      fly: "{{ fly }}"

- name: Show the present state
  flyover.heroku_to_fly.migration_report:
    path: /srv/reports/paper-crane
    seen:
      heroku_app: paper-crane
      fly_app: paper-crane
      url: https://paper-crane.fly.dev
      heroku: "{{ heroku }}"
      findings: "{{ heroku.findings }}"
      fly: "{{ fly }}"
"""

RETURN = r"""
lines:
  description: The text that is shown.
  returned: success
  type: list
  elements: str
  sample: ["paper-crane (Heroku) to paper-crane (Fly.io, personal, iad)"]
plan:
  description: The plan as data. Its key V(items) lists what would be done, each with C(verb) and C(text).
  returned: with O(show=plan)
  type: dict
  contains:
    heroku_app:
      description: The app on Heroku.
      type: str
      sample: paper-crane
    fly_app:
      description: The app on Fly.io.
      type: str
      sample: paper-crane
    org:
      description: The organization on Fly.io.
      type: str
      sample: personal
    region:
      description: The region on Fly.io.
      type: str
      sample: iad
    mode:
      description: What kind of run it is.
      type: str
      sample: "audit: nothing is written"
    state:
      description: How far the migration is, as a sentence.
      type: str
      sample: "live on Heroku, nothing runs on Fly.io"
    counts:
      description: How many items each verb has.
      type: dict
      sample: {create: 1, change: 0, copy: 0, leave: 0, unknown: 0}
    findings:
      description: The findings, the most urgent first.
      type: list
      elements: dict
    drift:
      description: The same as RV(drift).
      type: list
      elements: dict
    window:
      description: Expected C(seconds) of the freeze window, null if unknown, and the same as C(text).
      type: dict
      sample: {seconds: null, text: not known yet; the rehearsal measures it}
    costs:
      description: What the Machines and services cost.
      type: raw
    next:
      description: The command to run next.
      type: str
      sample: ansible-playbook flyover.heroku_to_fly.migrate
    next_steps:
      description: What a person does next.
      type: list
      elements: str
  sample:
    heroku_app: paper-crane
    fly_app: paper-crane
    mode: "audit: nothing is written"
    items: [{verb: create, text: "Fly app paper-crane in organization personal, with its addresses"}]
    counts: {create: 1, change: 0, copy: 0, leave: 0, unknown: 0}
    window: {seconds: null, text: not known yet; the rehearsal measures it}
    next: ansible-playbook flyover.heroku_to_fly.migrate
report:
  description: The report as data, as it is in the JSON file.
  returned: with O(show=report)
  type: dict
  sample: {heroku_app: paper-crane, fly_app: paper-crane, status: rehearsed}
summary:
  description: What M(flyover.heroku_to_fly.migration_overview) shows of this app.
  returned: success
  type: dict
  contains:
    heroku_app:
      description: The app on Heroku.
      type: str
      sample: paper-crane
    fly_app:
      description: The app on Fly.io.
      type: str
      sample: paper-crane
    url:
      description: Where it answers on Fly.io.
      type: str
      sample: https://paper-crane.fly.dev
    status:
      description: V(not started), V(rehearsed), V(frozen) or V(live).
      type: str
      sample: rehearsed
    state:
      description: The same as a sentence.
      type: str
      sample: "rehearsed on Fly.io, live on Heroku"
    blocks:
      description: Number of findings that block.
      type: int
      sample: 0
    warnings:
      description: Number of warnings.
      type: int
      sample: 2
    changes:
      description: Number of things that a run would create, change or copy; V(0) with O(show=report).
      type: int
      sample: 4
    window:
      description: Length of the freeze window, expected or measured.
      type: str
      sample: about 15 s
    waiting_for_dns:
      description: Hostnames whose DNS does not point to the app yet.
      type: list
      elements: str
      sample: [www.example.com]
    next:
      description: The command to run next.
      type: str
      sample: ansible-playbook flyover.heroku_to_fly.migrate -e migrate_cutover=true
  sample: {heroku_app: paper-crane, status: rehearsed, blocks: 0, warnings: 2}
next_steps:
  description: What a person does next.
  returned: with O(show=report)
  type: list
  elements: str
  sample: ["Cut over: ansible-playbook flyover.heroku_to_fly.migrate -e migrate_cutover=true"]
changes:
  description: What changed, or would change in check mode.
  returned: success
  type: list
  elements: str
  sample: [Fly app, secrets]
drift:
  description:
    - What changed since the earlier report in O(former); empty with O(show=report).
    - Config vars and tables that were added to or removed from Heroku, secrets that were added, changed or removed on
      Fly.io by others, and processes of the Procfile.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: What happened, which is stable.
      type: str
      sample: config-var-added
    name:
      description: Name of the config var, secret, process or table.
      type: str
      sample: PAYMENT_KEY
    text:
      description: The same as a sentence.
      type: str
      sample: config var PAYMENT_KEY was added on Heroku (transfer)
  sample:
    - id: config-var-added
      name: PAYMENT_KEY
      text: config var PAYMENT_KEY was added on Heroku (transfer)
compared:
  description: Whether there was an earlier report to compare with.
  returned: success
  type: bool
  sample: true
files:
  description: Paths of the files; empty with O(show=plan) and no O(path).
  returned: success
  type: dict
  contains:
    json:
      description: The report as data.
      type: str
      sample: /srv/reports/paper-crane.json
    markdown:
      description: The report as Markdown.
      type: str
      sample: /srv/reports/paper-crane.md
    html:
      description: The report as a page.
      type: str
      sample: /srv/reports/paper-crane.html
    sarif:
      description: The findings for CI systems.
      returned: with O(show=plan)
      type: str
      sample: /srv/reports/paper-crane.sarif
    junit:
      description: The findings as tests.
      returned: with O(show=plan)
      type: str
      sample: /srv/reports/paper-crane.junit.xml
  sample:
    json: /srv/reports/paper-crane.json
    markdown: /srv/reports/paper-crane.md
    html: /srv/reports/paper-crane.html
remedy:
  description: What to do about the failure. It also ends C(msg).
  returned: failure
  type: str
  sample: Give a path in a folder that this user may write to, on a disk that is not full.
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base.runner import run
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.facts import Seen
from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._migration.report import make_report, show_plan


def work(module: AnsibleModule) -> dict[str, Any]:
    seen, (show, path, former) = Seen(module.params["seen"]), (module.params[key] for key in ("show", "path", "former"))
    if show == "report":
        result = make_report(seen, path, module.check_mode)
    else:
        result = show_plan(seen, former, path, module.check_mode)
    # Do not repeat everything that was read.
    return {**result, "invocation": {"module_args": {"show": show, "path": path, "former": former}}}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "seen": {"type": "dict", "required": True},
            "show": {"type": "str", "choices": ["plan", "report"], "default": "report"},
            "path": {"type": "path"},
            "former": {"type": "list", "elements": "path", "default": []},
        },
        required_if=[("show", "report", ["path"])],
        supports_check_mode=True,
    )
    run(module, work)


if __name__ == "__main__":
    main()
