# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is true of the role as a whole, read from its files."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.flyover.heroku_to_fly.plugins.filter.full_path import full_path

TASKS = Path(__file__).resolve().parents[3] / "roles" / "migrate" / "tasks"
# They are set before each use, so what an earlier run of the role left does no harm.
PASSING = {"__migrate_passes", "__migrate_seconds_left"}


def tasks(entries: Any) -> Iterator[dict[str, Any]]:
    for entry in entries:
        yield entry
        for part in ("block", "rescue", "always"):
            yield from tasks(entry.get(part, []))


def every_task() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(TASKS.glob("*.yml")):
        for task in tasks(yaml.safe_load(file.read_text())):
            yield file.name, task


def test_a_second_run_in_the_same_play_forgets_all_that_the_first_found() -> None:
    (forget,) = [task for file, task in every_task() if file == "forget.yml"]
    others = [task for file, task in every_task() if file != "forget.yml"]
    found = {task["register"] for task in others if "register" in task}
    found |= {name for task in others for name in task.get("ansible.builtin.set_fact", {})}
    assert set(forget["ansible.builtin.set_fact"]) == found - PASSING
    # A forgotten value is empty, not undefined.
    text = "\n".join(file.read_text() for file in TASKS.glob("*.yml"))
    assert set(re.findall(r"(__migrate_\w+) is (?:not )?defined", text)) == {"__migrate_variables"}


def test_no_loop_takes_the_name_of_a_loop_around_the_role() -> None:
    for file, task in every_task():
        if "loop" in task:
            assert task["loop_control"]["loop_var"].startswith("__migrate_"), (file, task["name"])


def test_modules_get_full_paths() -> None:
    text = "\n".join(file.read_text() for file in TASKS.glob("*.yml"))
    # Whether one is given is a different question from where it is.
    assert re.findall(r"(?<!_)migrate_(?:source_dir|state_dir|pg_bin_dir|flyctl)\b", text) == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [("", ""), (None, ""), ("/srv/app/", "/srv/app"), (".", "{cwd}"), ("../x", "{above}/x"), ("~/app", "{home}/app")],
)
def test_relative_paths_begin_where_the_run_was_started(
    given: Any, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    places = {"cwd": os.getcwd(), "above": os.path.dirname(os.getcwd()), "home": os.path.expanduser("~")}
    assert full_path(given) == expected.format(**places)
