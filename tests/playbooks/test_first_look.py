# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a newcomer sees first: the plan under any callback, and the README's own playbook."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from .conftest import CHECKOUT, Sandbox

PLAN = "  + create  Fly app paper-crane in organization personal, with its addresses"
# As the JSON callbacks of other collections do.
CALLBACK = """
import json
from ansible.plugins.callback import CallbackBase


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "one_json"
    found = []

    def v2_runner_on_ok(self, result):
        self.found.append(json.loads(self._dump_results(result._result)))

    def v2_playbook_on_stats(self, stats):
        print(json.dumps(self.found))
"""


def readme_playbook() -> str:
    """Return the README's YAML that has hosts."""
    blocks = re.findall(r"```yaml\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    (playbook,) = [block for block in blocks if "hosts:" in block]
    assert isinstance(yaml.safe_load(playbook), list)
    return str(playbook)


def run(sandbox: Sandbox, *words: str, cwd: Path = CHECKOUT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), *words],
        cwd=cwd,
        env={**os.environ, **sandbox.environment, "ANSIBLE_NOCOLOR": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def own(
    sandbox: Sandbox, folder: Path, *options: str, hosts: tuple[str, ...] = ("paper-crane",), **environment: str
) -> Any:
    """Run the README's own playbook for O(hosts), without any word of an interpreter."""
    (folder / "playbook.yml").write_text(
        readme_playbook().replace("/srv/apps/{{ inventory_hostname }}", "{{ source }}")
    )
    inventory = {
        "heroku_apps": {"hosts": dict.fromkeys(hosts), "vars": {"source": sandbox.environment["MIGRATE_SOURCE_DIR"]}}
    }
    (folder / "inventory.yml").write_text(json.dumps(inventory))
    return run(sandbox, "-i", str(folder / "inventory.yml"), str(folder / "playbook.yml"), *options, **environment)


def test_json_on_standard_output_stays_json(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "one_json.py").write_text(CALLBACK)
    environment = {"ANSIBLE_STDOUT_CALLBACK": "one_json", "ANSIBLE_CALLBACK_PLUGINS": str(tmp_path)}
    done = run(sandbox, "playbooks/audit.yml", **environment)
    results = json.loads(done.stdout)
    assert PLAN in done.stderr.splitlines()
    (plan,) = [result["plan"] for result in results if "items" in result.get("plan", {})]
    assert plan["counts"]["create"] > 0
    assert sandbox.writes() == []


def test_the_readmes_playbook_needs_no_interpreter_and_takes_tags(sandbox: Sandbox, tmp_path: Path) -> None:
    done = own(sandbox, tmp_path, "--check", "--tags", "secrets,report", ANSIBLE_PYTHON_INTERPRETER="/bin/false")
    assert done.returncode == 0, done.stdout + done.stderr
    assert PLAN in done.stdout.splitlines()
    assert "  ~ change  21 secrets to set on Fly" in done.stdout.splitlines()
    assert "Next: ansible-playbook flyover.heroku_to_fly.migrate" in done.stdout.splitlines()
    assert '"lines"' not in done.stdout
    assert "Create the Fly app" not in done.stdout
    assert sandbox.writes() == []


def test_the_environment_names_no_app_for_several_hosts(sandbox: Sandbox, tmp_path: Path) -> None:
    inventory = tmp_path / "inventory.yml"
    inventory.write_text(json.dumps({"heroku_apps": {"hosts": {"red-crane": None, "blue-crane": None}}}))
    done = run(sandbox, "-i", str(inventory), "playbooks/audit.yml", "-e", "migrate_hosts=heroku_apps")
    assert done.returncode != 0
    assert done.stdout.count("failed=1") == 2
    assert "HEROKU_APP is set in the environment, but this play has 2 hosts" in done.stdout


def test_the_folder_of_the_run_counts_and_not_pwd(sandbox: Sandbox, tmp_path: Path) -> None:
    playbook = str(CHECKOUT / "playbooks" / "audit.yml")
    config = {"ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"), "MIGRATE_SOURCE_DIR": ""}
    for pwd in ("", "/"):
        done = run(sandbox, playbook, cwd=tmp_path, PWD=pwd, **config)
        assert done.returncode != 0
        assert f"migrate_source_dir: {tmp_path} has no Procfile" in done.stdout, done.stdout
    assert sandbox.writes() == []
