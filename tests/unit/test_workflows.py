# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""GitHub's workflows call the Makefile's targets and nothing else, with no more rights than they need."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

_ROOT = Path(__file__).resolve().parents[2]
_WORKFLOWS = sorted((_ROOT / ".github" / "workflows").glob("*.yml"))

pytestmark = pytest.mark.skipif(not _WORKFLOWS, reason="only a checkout has workflows")


@pytest.fixture(params=_WORKFLOWS, ids=lambda path: path.name)
def workflow(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(request.param.read_text())
    return found


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_each_command_is_a_target_of_the_makefile(workflow: dict[str, Any]) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (_ROOT / "Makefile").read_text(), re.MULTILINE))
    ran = [step["run"] for step in steps(workflow) if "run" in step]
    assert ran
    for command in ran:
        assert re.fullmatch(r"make ([a-z-]+)", command), command
        assert command.removeprefix("make ") in targets


def test_it_is_as_github_reads_it(workflow: dict[str, Any]) -> None:
    assert set(workflow) <= {"name", "on", "permissions", "concurrency", "jobs", "env"}
    assert {"push", "pull_request"} <= set(workflow["on"])  # a string: unquoted it would be true
    for name, job in workflow["jobs"].items():
        assert re.fullmatch(r"[a-z][a-z0-9-]*", name)
        assert set(job) <= {"if", "needs", "runs-on", "timeout-minutes", "steps", "strategy", "env"}
        assert isinstance(job["timeout-minutes"], int)
        for step in job["steps"]:
            assert ("uses" in step) != ("run" in step)
            assert set(step) <= {"name", "uses", "run", "with", "env", "if"}
            # A version, which Dependabot raises; never a branch.
            assert re.fullmatch(r"[\w-]+/[\w/-]+@v\d+(\.\d+)*", step.get("uses", "a/b@v1"))


def test_it_may_read_and_nothing_else(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_the_lock_has_what_is_asked_for_with_hashes() -> None:
    wanted = (_ROOT / "tests" / "requirements.in").read_text()
    lock = (_ROOT / "tests" / "requirements.txt").read_text()
    names = re.findall(r"^([A-Za-z][\w.-]*)", wanted, re.MULTILINE)
    entries = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    locked = {re.match(r"[\w.-]+", entry)[0] for entry in entries}  # type: ignore[index]
    assert {name.lower().replace("_", "-") for name in names} <= locked
    assert all("--hash=sha256:" in entry and "==" in entry for entry in entries)


def test_dependabot_looks_after_the_lock_and_the_actions() -> None:
    updates = yaml.safe_load((_ROOT / ".github" / "dependabot.yml").read_text())["updates"]
    assert {(update["package-ecosystem"], update["directory"]) for update in updates} == {
        ("pip", "/tests"),
        ("github-actions", "/"),
    }
