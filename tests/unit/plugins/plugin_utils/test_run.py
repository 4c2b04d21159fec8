# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ansible_collections.flyover.heroku_to_fly.plugins.module_utils._base import process
from ansible_collections.flyover.heroku_to_fly.plugins.plugin_utils._run import command_line, this_run

SECRETS = [
    "-e s3cret=1 site.yml",
    "-es3cret=1 site.yml",
    "-ves3cret=1 site.yml",
    "--extra-vars s3cret site.yml",
    "--extra-vars=s3cret site.yml",
    "--extra-v=s3cret site.yml",
    "--extra s3cret site.yml",
    "site.yml s3cret=1",
    "-a s3cret all",
    "--ssh-extra-args s3cret site.yml",
    "-Ce s3cret site.yml",
]


@pytest.mark.parametrize("words", SECRETS)
def test_no_value_that_may_be_secret_is_shown(words: str) -> None:
    shown = command_line(["/usr/bin/ansible-playbook", *words.split()])
    assert "s3cret" not in shown
    assert shown.startswith("ansible-playbook ")
    assert "…" in shown


def test_what_tells_runs_apart_is_shown() -> None:
    words = "ansible-playbook -i inventory/prod --limit=a,b -e @vars.yml --check -Dvf 5 -vvv -Clc --tags x site.yml"
    assert command_line(words.split()) == words


def test_long_lines_are_cut() -> None:
    assert len(command_line(["ansible-playbook", *["site.yml"] * 200])) == 300


def test_run_is_this_process() -> None:
    run = this_run("paper-crane")
    assert (run["pid"], run["inventory_host"]) == (os.getpid(), "paper-crane")
    assert process.lives(run["pid"], run["process"])


def test_process_that_ended_does_not_live_though_nobody_has_looked() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    began = process.began(child.pid)
    assert began
    assert process.lives(child.pid, began)
    assert not process.lives(child.pid, f"{began}1")
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process.began(child.pid) is None
    child.wait()
    assert process.began(child.pid) is None
