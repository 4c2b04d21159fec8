# Copyright (c) 2026, the flyover contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Apps without Postgres, without Redis, without both, and without a web dyno: cut over, killed and rolled back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import CHECKOUT, Sandbox
from .kills import AtTask, run_killed

pytestmark = pytest.mark.slow

CUT_OVER = ("-e", "migrate_cutover=true")
BACK = ("-e", "migrate_discard_fly_writes=true")
GUIDE = CHECKOUT / "tests" / "sandbox" / "scenarios" / "guide"
Start = Callable[..., Sandbox]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return a function that starts a sandbox with the guide's app, with other add-ons and dynos."""
    boxes: list[Sandbox] = []

    def up(addons: str = "postgresql redis rollbar", web: int = 2) -> Sandbox:
        shutil.copytree(GUIDE, tmp_path / "guide")
        given: dict[str, Any] = yaml.safe_load((GUIDE / "scenario.yml").read_text())
        given["addons"] = [addon for addon in given["addons"] if any(word in addon["plan"] for word in addons.split())]
        given["formation"]["web"]["quantity"] = web
        program = tmp_path / "guide" / "app" / "bin"
        # The app asks what it has; its workers and its release command need nothing.
        text = (program / "puma").read_text()
        asked = '(("rows", "DATABASE_URL", rows), ("redis_keys", "REDIS_URL", keys))'
        assert asked in text
        (program / "puma").write_text(text.replace(asked, f"(row for row in {asked} if row[1] in os.environ)"))
        (program / "sidekiq").write_text("#!/bin/sh\nexec sleep 100000\n")
        (program / "rails").write_text("#!/bin/sh\nexec true\n")
        (tmp_path / "guide" / "scenario.yml").write_text(json.dumps(given))
        boxes.append(Sandbox(tmp_path / "box").up("--scenario", str(tmp_path / "guide" / "scenario.yml")))
        return boxes[-1]

    yield up
    for box in boxes:
        box.down()


def dynos(box: Sandbox) -> dict[str, int]:
    return {kind: entry["quantity"] for kind, entry in box.heroku["formation"].items() if entry["quantity"]}


def started(box: Sandbox) -> list[str]:
    return sorted(machine["group"] for machine in box.fly["machines"] if machine["state"] == "started")


@pytest.mark.parametrize("addons", ["redis", "postgresql", "rollbar"])
def test_killed_in_the_window_it_is_finished_without_the_ledger_and_rolled_back(start: Start, addons: str) -> None:
    box = start(addons)
    ledger = Path(box.environment["MIGRATE_STATE_DIR"], "paper-crane--paper-crane.json")
    assert run_killed(box, AtTask("Stop every dyno", 2), "migrate", *CUT_OVER) is None
    # From another computer: what Heroku ran is in its database, or on the Machines of an app that has none.
    ledger.unlink()
    box.play("migrate", *CUT_OVER).succeeded()
    assert (box.heroku["maintenance"], dynos(box)) == (True, {})
    assert started(box) == ["web", "web", "worker"]
    assert box.play("migrate", *CUT_OVER).succeeded().changed == 0
    box.play("rollback", *BACK).succeeded()
    assert (box.heroku["maintenance"], dynos(box)) == (False, {"web": 2, "worker": 1})
    assert started(box) == []


@pytest.mark.parametrize("addons", ["redis", "rollbar"])
def test_window_that_fails_puts_heroku_back(start: Start, addons: str) -> None:
    box = start(addons)
    box.play("migrate").succeeded()
    box.fault("POST /v1/apps/paper-crane/machines/*/start", "--status", "422", "--times", "1000")
    run = box.play("migrate", *CUT_OVER, "--tags", "cutover")
    box.fault("POST /v1/apps/paper-crane/machines/*/start", "--status", "422", "--times", "0")
    assert "Heroku app paper-crane is back in service" in run.output, run.output
    assert (box.heroku["maintenance"], dynos(box)) == (False, {"web": 2, "worker": 1})
    assert started(box) == []


def test_app_without_a_web_dyno_is_said_to_answer_nothing(start: Start) -> None:
    box = start(web=0)
    run = box.play("migrate", *CUT_OVER).succeeded()
    assert "its process group web gets no Machine" in run.output
    assert started(box) == ["worker"]
    assert dynos(box) == {}
    box.play("rollback", *BACK).succeeded()
    assert dynos(box) == {"worker": 1}


def test_rehearsal_after_a_rollback_runs_again(start: Start) -> None:
    box = start("redis postgresql")
    box.play("migrate", *CUT_OVER).succeeded()
    box.play("rollback", *BACK).succeeded()
    assert started(box) == []
    # What users wrote on Fly is in the sealed databases: that it may go has to be said again.
    run = box.play("migrate")
    assert run.rc != 0
    assert "is sealed" in run.output
    box.play("migrate", *BACK).succeeded()
    assert started(box) == ["web", "web"]
    assert (box.heroku["maintenance"], dynos(box)) == (False, {"web": 2, "worker": 1})
    assert box.play("migrate").succeeded().changed == 0
