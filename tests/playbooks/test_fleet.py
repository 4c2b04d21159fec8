# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role in a team's own playbook: one host is one app, side by side, nothing shared."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .conftest import CHECKOUT, Sandbox

APPS = ("red-crane", "blue-crane")
PLAYBOOK = """
- hosts: heroku_apps
  connection: local
  gather_facts: false
  strategy: free
  environment: "{{ sandbox }}"
  tasks:
    - ansible.builtin.include_role:
        name: flyover.heroku_to_fly.migrate
      vars:
        migrate_heroku_app: "{{ inventory_hostname }}"
        migrate_heroku_api_key: "{{ sandbox.HEROKU_API_KEY }}"
        migrate_fly_app: "{{ inventory_hostname }}"
        migrate_fly_api_token: "{{ sandbox.FLY_API_TOKEN }}"
        migrate_fly_url: "{{ sandbox.MIGRATE_FLY_URL }}"
        migrate_source_dir: "{{ sandbox.MIGRATE_SOURCE_DIR }}"
        migrate_state_dir: "{{ state_dir }}"
"""


def test_two_apps_move_side_by_side(tmp_path: Path) -> None:
    boxes: dict[str, Sandbox] = {}
    try:
        for app in APPS:
            folder = tmp_path / app
            (folder / "app").mkdir(parents=True)
            (folder / "app" / "Procfile").write_text("web: python3 -m http.server $PORT\n")
            (folder / "app" / "fly.toml").write_text(f'app = "{app}"\n[http_service]\ninternal_port = 8080\n')
            scenario = {
                "heroku_app": app,
                "config": {"SECRET_KEY_BASE": f"key of {app}"},
                "formation": {"web": {"quantity": 1, "size": "Basic"}},
                "source": "app",
            }
            (folder / "scenario.yml").write_text(json.dumps(scenario))
            boxes[app] = Sandbox(folder / "box").up("--scenario", str(folder / "scenario.yml"))
        hosts = {
            app: {"sandbox": box.environment, "ansible_python_interpreter": sys.executable}
            for app, box in boxes.items()
        }
        inventory = {"heroku_apps": {"hosts": hosts, "vars": {"state_dir": str(tmp_path / "state")}}}
        (tmp_path / "inventory.yml").write_text(json.dumps(inventory))
        (tmp_path / "playbook.yml").write_text(PLAYBOOK)
        environment = {**os.environ, "PATH": next(iter(boxes.values())).environment["PATH"], "ANSIBLE_NOCOLOR": "1"}
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                *("-i", str(tmp_path / "inventory.yml"), str(tmp_path / "playbook.yml")),
                *("-e", "migrate_verify_path=/"),
            ],
            cwd=CHECKOUT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        for app, box in boxes.items():
            fly = box.state()["fly"]["apps"]
            assert list(fly) == [app]
            assert fly[app]["secrets"] == {"SECRET_KEY_BASE": f"key of {app}"}
            assert [machine["state"] for machine in fly[app]["machines"]] == ["started"]
            assert (tmp_path / "state" / f"{app}--{app}.report.md").exists()
    finally:
        for box in boxes.values():
            box.down()
