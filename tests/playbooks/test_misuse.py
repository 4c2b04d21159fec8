# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role as other people call it: from other folders, in loops, in their own plays, with hooks that end a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import CHECKOUT, Run, Sandbox, forks, tree

APPS = ("red-crane", "red-crane-2")
PLAY = {"hosts": "apps", "connection": "local", "gather_facts": False}
ROLE = {"ansible.builtin.include_role": {"name": "flyover.heroku_to_fly.migrate"}, "tags": ["always"]}
CUT_OVER = ("-e", "migrate_cutover=true")


class Box(Sandbox):
    """Two apps without data, and any play."""

    def run(self, folder: Path, playbook: str, *options: str, **environment: str) -> Run:
        """Run a playbook in O(folder)."""
        own = ("HEROKU_APP", "FLY_APP", "MIGRATE_FLY_URL", "MIGRATE_SOURCE_DIR", "MIGRATE_STATE_DIR")
        given = {name: value for name, value in self.environment.items() if name not in own}
        collections = {"ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".ansible" / "collections")}
        forked, descriptors = forks()
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / "tests" / "tools" / "warm-playbook"), playbook, *options],
            cwd=folder,
            env={**os.environ, **given, **collections, **forked, "ANSIBLE_NOCOLOR": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
            check=False,
            pass_fds=descriptors,
        )
        return Run(done.returncode, done.stdout)

    def play_own(self, folder: Path, play: dict[str, object], *options: str) -> Run:
        """Run a play over both apps."""
        url = f"{self.environment['FLY_API_BASE_URL']}/_apps/{{{{ inventory_hostname }}}}"
        variables = {
            "migrate_heroku_app": "{{ inventory_hostname }}",
            "migrate_fly_app": "{{ inventory_hostname }}",
            "migrate_fly_url": url,
            "migrate_verify_path": "/",
            "migrate_source_dir": self.environment["MIGRATE_SOURCE_DIR"],
            "migrate_state_dir": str(folder / "state"),
        }
        (folder / "inventory.json").write_text(
            json.dumps({"apps": {"hosts": {app: {} for app in APPS}, "vars": variables}})
        )
        (folder / "play.yml").write_text(json.dumps([play]))
        return self.run(folder, "play.yml", "-i", "inventory.json", *options)

    def running(self) -> dict[str, tuple[bool, int]]:
        """Return whether each app is in maintenance mode, and its dynos."""
        apps = self.state()["heroku"]["apps"]
        return {name: (app["maintenance"], app["formation"]["web"]["quantity"]) for name, app in apps.items()}


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Box]:
    folder = tmp_path_factory.mktemp("misuse")
    (folder / "app").mkdir()
    (folder / "app" / "Procfile").write_text("web: python3 -m http.server $PORT\n")
    (folder / "app" / "fly.toml").write_text('app = "red-crane"\n[http_service]\ninternal_port = 8080\n')
    scenario = {
        "heroku_app": "red-crane",
        "copies": 1,
        "config": {"SECRET_KEY_BASE": "a key"},
        "formation": {"web": {"quantity": 1, "size": "Basic"}},
        "source": "app",
    }
    (folder / "scenario.yml").write_text(json.dumps(scenario))
    sandbox = Box(folder / "box")
    sandbox.up("--scenario", str(folder / "scenario.yml"))
    yield sandbox
    sandbox.down()


def hook(folder: Path, name: str, *tasks: object) -> tuple[str, str]:
    """Return the option that gives O(tasks) as the hook O(name)."""
    (folder / "hook.yml").write_text(json.dumps(tasks))
    return "-e", json.dumps({"migrate_hooks": {name: [str(folder / "hook.yml")]}})


def test_relative_paths_begin_where_the_run_was_started(box: Box, tmp_path: Path) -> None:
    (tmp_path / "äpp with blanks").symlink_to(box.environment["MIGRATE_SOURCE_DIR"])
    paths = {"source_dir": "äpp with blanks", "state_dir": "./state", "audit_dir": "audits"}
    given = {f"migrate_{name}": path for name, path in paths.items()}
    apps = {"migrate_heroku_app": "red-crane", "migrate_fly_app": "red-crane"}
    playbook = str(CHECKOUT / "playbooks" / "audit.yml")
    box.run(tmp_path, playbook, "-e", json.dumps({**given, **apps})).succeeded()
    assert (tmp_path / "audits" / "red-crane--red-crane.audit.json").exists()
    assert not (CHECKOUT / "playbooks" / "audits").exists()


def test_name_that_is_a_path_leads_nowhere(box: Box, tmp_path: Path) -> None:
    before = len(box.writes())
    run = box.run(
        tmp_path,
        str(CHECKOUT / "playbooks" / "migrate.yml"),
        *(
            "-e",
            "migrate_state_dir=state/here",
            "-e",
            "migrate_fly_app=red-crane",
            "-e",
            "migrate_heroku_app=../../red",
        ),
        MIGRATE_SOURCE_DIR=box.environment["MIGRATE_SOURCE_DIR"],
    )
    assert run.rc != 0
    assert "migrate_heroku_app: Heroku app '../../red': an app name has 3 to 30 lower-case letters" in run.output
    assert tree(tmp_path) == {}
    assert len(box.writes()) == before


def test_hook_that_ansible_cannot_load_is_refused_before_anything_is_written(box: Box, tmp_path: Path) -> None:
    before = len(box.writes())
    unknown = hook(tmp_path, "after_freeze", {"not_installed.collection.dns": {"state": "present"}})
    run = box.play_own(tmp_path, {**PLAY, "tasks": [ROLE]}, *CUT_OVER, *unknown, "--limit", "red-crane")
    assert run.rc != 0
    assert f"migrate_hooks: {tmp_path}/hook.yml cannot be used: couldn't resolve module/action" in run.output
    assert run.recap("failed") == 1
    assert len(box.writes()) == before


@pytest.mark.slow
def test_apps_in_a_loop_know_nothing_of_each_other(box: Box, tmp_path: Path) -> None:
    """The loop is a user's, whose variable is called item."""
    task = {
        **ROLE,
        "loop": list(APPS),
        "vars": {
            "migrate_heroku_app": "{{ item }}",
            "migrate_fly_app": "{{ item }}",
            "migrate_fly_url": f"{box.environment['FLY_API_BASE_URL']}/_apps/{{{{ item }}}}",
        },
    }
    run = box.play_own(tmp_path, {**PLAY, "gather_facts": True, "tasks": [task]}, "--limit", "red-crane").succeeded()
    assert "already in use" not in run.output
    fly = box.state()["fly"]["apps"]
    assert {app: [machine["state"] for machine in fly[app]["machines"]] for app in APPS} == {
        app: ["started"] for app in APPS
    }
    reports = {app: json.loads((tmp_path / "state" / f"{app}--{app}.report.json").read_text()) for app in APPS}
    assert {app: report["heroku_app"] for app, report in reports.items()} == {app: app for app in APPS}


@pytest.mark.slow
def test_run_that_another_host_ends_in_the_window_is_taken_back(box: Box, tmp_path: Path) -> None:
    refuse = hook(
        tmp_path, "after_freeze", {"ansible.builtin.fail": {"msg": "no"}, "when": "inventory_hostname == 'red-crane-2'"}
    )
    run = box.play_own(tmp_path, {**PLAY, "any_errors_fatal": True, "tasks": [ROLE]}, *CUT_OVER, *refuse)
    assert run.rc != 0
    assert "It was stopped because of another host" in run.output, run.output
    for app in APPS:
        assert f"Heroku app {app} is back in service" in run.output, run.output
    assert box.running() == dict.fromkeys(APPS, (False, 1))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["after_freeze", "before_seal"])
def test_hook_on_a_host_that_cannot_be_reached_fails_like_any_other(box: Box, tmp_path: Path, name: str) -> None:
    ping = {
        "ansible.builtin.ping": {},
        "delegate_to": "nobody.invalid",
        "vars": {"ansible_connection": "ssh"},
    }
    play = {**PLAY, "tasks": [ROLE]}
    run = box.play_own(tmp_path, play, *CUT_OVER, *hook(tmp_path, name, ping), "--limit", "red-crane")
    assert run.rc != 0
    assert "Heroku app red-crane is back in service" in run.output, run.output
    assert box.running()["red-crane"] == (False, 1)


@pytest.mark.slow
def test_ledger_that_vanishes_in_the_window(box: Box, tmp_path: Path) -> None:
    state = tmp_path / "state"
    vanish = hook(
        tmp_path,
        "before_seal",
        {"ansible.builtin.command": {"argv": ["mv", str(state), f"{state}.away"]}},
        {"ansible.builtin.copy": {"dest": str(state), "content": "", "mode": "0600"}},
    )
    play = {**PLAY, "tasks": [ROLE]}
    run = box.play_own(tmp_path, play, *CUT_OVER, *vanish, "--limit", "red-crane")
    assert run.rc != 0
    assert "Stopped at 'Record the seal'" in run.output, run.output
    assert "Heroku app red-crane is back in service" in run.output
    assert "The ledger still has the freeze" in run.output
    assert box.running()["red-crane"] == (False, 1)
    state.unlink()
    (tmp_path / "state.away").rename(state)
    box.play_own(tmp_path, play, *CUT_OVER, "--limit", "red-crane").succeeded()
    assert box.running()["red-crane"] == (True, 0)
