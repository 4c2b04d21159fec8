# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of tasks that Ansible cannot load are found before it has to.

It is not among the unit tests, whose modules would take themselves for a part of the controller once it is imported.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader

from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._task_files import faults

GOOD = """
- block:
    - ansible.builtin.include_tasks: "{{ which }}.yml"
  rescue:
    - ansible.builtin.include_role: {name: somebody.elses.role}
- ansible.builtin.import_tasks: not_next_to_this_file.yml
- meta: flush_handlers
"""


@pytest.mark.parametrize("text", ["", "---\n", GOOD])
def test_what_ansible_can_load_has_no_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "hook.yml").write_text(text)
    assert faults([str(tmp_path / "hook.yml"), str(tmp_path / "gone.yml")], DataLoader(), {}) == {}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- not_installed.collection.route53: {state: present}\n", "couldn't resolve module/action"),
        ("- ansible.builtin.fail: {msg: x}\n  whne: x\n", "conflicting action statements: ansible.builtin.fail, whne"),
        ("- ansible.builtin.fail: {msg: [x\n", "YAML parsing failed"),
        ("ansible.builtin.fail: {msg: x}\n", "it is not a list of tasks"),
        ("- hosts: all\n  tasks: []\n", "conflicting action statements"),
        ("- 5\n", "should be a dict"),
        # Within the freeze window, the run would end there without an error.
        ("- meta: end_play\n", "'meta: end_play' would end the run half way"),
        ("- block: [{ansible.builtin.meta: end_host, when: false}]\n", "'meta: end_host' would end the run"),
    ],
)
def test_what_ansible_cannot_load_is_named_with_the_cause(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "inner.yml").write_text(text)
    (tmp_path / "outer.yml").write_text("- block:\n    - ansible.builtin.include_tasks: inner.yml\n")
    inner, outer = str(tmp_path / "inner.yml"), str(tmp_path / "outer.yml")
    for files in ([inner], [outer], [outer, inner, inner]):
        found = faults(files, DataLoader(), {})
        assert list(found) == [inner]
        assert why in found[inner]
